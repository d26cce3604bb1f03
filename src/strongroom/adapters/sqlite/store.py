"""The `Store` port over one SQLite file, in WAL mode with synchronous=FULL.

The writer's connection is used by one thread; lists, searches and hashes are read by another, on a
connection of its own. What is known in memory (epoch, frontier, freshness, counts, rates) moves
only after COMMIT has succeeded.

A replaced revision is blanked where it is, in the transaction that replaces it; after a commit that
erases, the write-ahead log, which still has it, is written back and cut to nothing.
"""

import fcntl
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import apsw

from strongroom.adapters.freshness import Freshness
from strongroom.adapters.sqlite import credentials, marks, reading, retention, schema, search, tree
from strongroom.adapters.sqlite.ahead import Ahead
from strongroom.adapters.sqlite.archive import Archive, archive_beside
from strongroom.adapters.sqlite.growth import Growth
from strongroom.adapters.sqlite.index import Index
from strongroom.adapters.sqlite.quotas import Quotas, Turn
from strongroom.adapters.sqlite.uses import Uses
from strongroom.domain.otp.credential import CredentialRow
from strongroom.domain.records import Kind, Record, Ref
from strongroom.ports.store import (
    Checkpoints,
    Commit,
    Conflict,
    Cursor,
    EventPage,
    EventQuery,
    Extent,
    Kept,
    Outcome,
    Stale,
    StoredEvent,
    StoreRefused,
    StoreUnavailable,
    Tree,
    Usage,
    Write,
)
from strongroom.tlog.merkle import Frontier, Node

_ID_BYTES_MAX: Final = 64  # above any record's id
_FOR_EVER_US: Final = 2**62
_ERASE_AGAIN_SECONDS: Final = 5.0  # while a reader or the disk keeps the log from being cut

_IS_KIND: Final = f"kind IN ({', '.join(repr(kind.value) for kind in Kind)})"
# As many bytes as before, so that the row stays where it is.
_BLANK: Final = (
    "UPDATE records SET live = 0, body = CAST(zeroblob(length(CAST(body AS BLOB))) AS TEXT)"
    " WHERE slot = ?"
)
_INSERT_RECORD: Final = (
    "INSERT INTO records (kind, id, namespace, name, revision, request, body, mac, due_us)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
)


class SQLiteStore:
    """See `ports/store.py` for the promises."""

    def __init__(self, connection: apsw.Connection, path: str, lock: int, vfs: str | None) -> None:
        self._db = connection
        self._path = path
        self._lock = lock
        self._vfs = vfs
        self._reader: apsw.Connection | None = None
        self._ahead = Ahead(connection, path, vfs)
        self._archive = Archive(archive_beside(path))
        self._copied = 0  # entries below this position are in files that are on disk
        self._in_doubt = False  # the file may hold more than memory knows
        self._turn: Turn | None = None  # the group that is in doubt
        self.deployment: bytes = self._meta_bytes("deployment")
        self._fresh = Freshness(self._meta_epoch())
        self._frontier = Frontier.from_bytes(self._meta_bytes("frontier"))
        self._uses = Uses(connection, self._frontier.size)
        self._quotas = Quotas(self._uses)
        self._index = Index(connection, self._frontier.size)
        # The last one to hold the file may have ended between a commit and what it was to erase.
        self._erasing = True
        self._erased_at = 0.0
        self._erase()

    @classmethod
    def create(cls, path: str, deployment: bytes) -> "SQLiteStore":
        """A new, empty store. Raises `StoreRefused` when there is a file already."""
        return cls._over(path, None, lambda: schema.create(path, deployment))

    @classmethod
    def open(cls, path: str, *, vfs: str | None = None) -> "SQLiteStore":
        """An existing store. Raises `StoreRefused`: foreign, newer, damaged or in use.

        One of an older schema is brought to the newest.
        """
        if not Path(path).exists():
            raise StoreRefused(f"{path} does not exist")
        return cls._over(path, vfs, lambda: schema.open_newest(path, vfs))

    @classmethod
    def _over(
        cls, path: str, vfs: str | None, connect: Callable[[], apsw.Connection]
    ) -> "SQLiteStore":
        lock = _take(path)
        try:
            try:
                return cls(connect(), path, lock, vfs)
            except (apsw.Error, ValueError) as error:
                raise StoreRefused(f"{path} is damaged: {error}") from error
        except BaseException:
            os.close(lock)
            raise

    @property
    def epoch(self) -> int:
        """The number of commits that wrote records so far."""
        return self._fresh.epoch

    @property
    def tree(self) -> Tree:
        """The log's size and root."""
        return Tree(self._frontier.size, self._frontier.root())

    def changed_since(self, epoch: int) -> Sequence[bytes] | None:
        """The facts that changed after that epoch, if still known."""
        return self._fresh.changed_since(epoch)

    def load(self, refs: Sequence[Ref]) -> list[Record | None]:
        """The records, in the order asked."""
        query = f"SELECT {reading.COLUMNS} FROM records WHERE kind = ? AND id = ? AND live = 1"  # noqa: S608 - columns of ours
        with _translated():
            self._settle()
            return [self._one(ref.kind, query, (ref.kind, ref.id)) for ref in refs]

    def find(self, kind: Kind, namespace: bytes, name: str) -> Record | None:
        """The record with that name."""
        query = (
            f"SELECT {reading.COLUMNS} FROM records WHERE kind = ? AND namespace = ? AND name = ?"  # noqa: S608 - columns of ours
            " AND name <> '' AND live = 1"
        )
        with _translated():
            self._settle()
            return self._one(kind, query, (kind, namespace, name))

    def family(self, kind: Kind, prefix: bytes, limit: int) -> list[Record]:
        """The records whose ids begin so, greatest first."""
        query = (
            f"SELECT {reading.COLUMNS} FROM records WHERE kind = ? AND id BETWEEN ? AND ?"  # noqa: S608 - columns of ours
            " AND live = 1 ORDER BY id DESC LIMIT ?"
        )
        end = prefix + b"\xff" * _ID_BYTES_MAX
        with _translated():
            self._settle()
            rows = self._db.execute(query, (kind, prefix, end, max(limit, 0)))
            return [reading.record(kind, row) for row in rows]

    def due(self, now_us: int, limit: int, skip: int = 0) -> list[Record]:
        """Records that are due, the longest due first, without the first `skip`."""
        query = (
            f"SELECT kind, {reading.COLUMNS} FROM records"  # noqa: S608 - columns of ours
            f" WHERE live = 1 AND due_us > 0 AND due_us <= ? AND +{_IS_KIND}"
            " ORDER BY due_us, kind, id LIMIT ? OFFSET ?"
        )
        with _translated():
            self._settle()
            rows = self._db.execute(query, (now_us, max(limit, 0), max(skip, 0)))
            return [reading.record(Kind(kind), row) for kind, *row in rows]

    def credentials(self, namespace: bytes, ids: Sequence[bytes]) -> list[CredentialRow | None]:
        """Rows of credentials, in the order asked."""
        with _translated():
            self._settle()
            return credentials.load(self._db, namespace, ids)

    def credentials_of(self, namespace: bytes, user: bytes, limit: int) -> list[CredentialRow]:
        """The rows of that user, in the order of their ids."""
        with _translated():
            self._settle()
            return credentials.of_user(self._db, namespace, user, limit)

    def credentials_due(self, now_us: int, limit: int, skip: int = 0) -> list[CredentialRow]:
        """Rows that are due, the longest due first, without the first `skip`."""
        with _translated():
            self._settle()
            return credentials.due(self._db, now_us, limit, skip)

    def credential_page(self, namespace: bytes, after: bytes, limit: int) -> list[CredentialRow]:
        """Rows of a namespace in the order of ids, after that id."""
        with _translated():
            return credentials.page(self._read_only(), namespace, after, limit)

    def usage(self, namespace: bytes, object: str, since_day: int, limit: int) -> list[Usage]:  # noqa: A002 - as in an entry
        """Uses of an object from that day on, newest day first."""
        with _translated():
            self._settle()
            return self._uses.usage((namespace, object), since_day, limit)

    def commit(self, group: Sequence[Commit]) -> list[Outcome]:
        """Keep the group: one transaction, one flush to disk."""
        changes: list[tuple[int, list[bytes]]] = []
        touched: set[bytes] = set()
        outcomes: list[Outcome] = []
        refusal: Outcome | None
        erases = False
        with self._writing():
            growth = Growth(self._frontier)
            epoch = self._fresh.epoch
            known, is_stale = epoch, self._fresh.is_stale
            self._turn = turn = self._quotas.turn()
            self._index.prepare()
            self._db.execute("BEGIN IMMEDIATE")
            for commit in group:
                facts, entry = commit.facts, commit.entry
                bounded = commit.quota is not None or commit.rates
                # Mostly nothing has changed, and there is nothing to ask.
                if (commit.epoch != known or touched) and (
                    is_stale(commit.epoch, facts) or not touched.isdisjoint(facts)
                ):
                    outcomes.append(Stale())
                    continue
                refusal = turn.refusal(commit) if bounded else None
                if refusal is None and (commit.writes or commit.moves):
                    refusal = self._put(commit)
                    erases = erases or (refusal is None and commit.erases)
                if refusal is not None:
                    outcomes.append(refusal)
                    continue
                if commit.writes:
                    epoch += 1
                    changed = [fact for write in commit.writes for fact in write.record.facts]
                    changes.append((epoch, changed))
                    touched.update(changed)
                    growth.changes(erases=commit.erases)
                if entry.tally:
                    turn.tallied.append(entry)
                position = growth.append(entry)
                for other in commit.also:
                    growth.append(other)
                outcomes.append(Kept(position, turn.keep(commit) if bounded else 0))
            growth.write(self._db)
            if changes:
                self._set("epoch", epoch)
            self._uses.step()
            self._index.step()
            # Whatever becomes of COMMIT: cutting the log once too often does no harm.
            self._erasing = self._erasing or erases
            self._db.execute("COMMIT")
        self._frontier = growth.frontier
        for at, changed in changes:
            self._fresh.note(at, changed)
        self._uses.keep(turn.tallied, self._frontier.size)
        self._quotas.keep(turn)
        self._index.keep(growth.found)
        self._turn = None
        self._erase(now=erases)
        return outcomes

    def _put(self, commit: Commit) -> Conflict | None:
        """All of one commit's writes and moves, each seeing the ones before it, or none and why."""
        if not commit.writes and len(commit.moves) == 1:
            # Mostly an attempt at a code: one statement, which changes its row or nothing.
            return None if self._moved(commit) else Conflict(name=False)
        self._db.execute("SAVEPOINT writes")
        conflict = next((lost for write in commit.writes if (lost := self._write(write))), None)
        if conflict is None and not self._moved(commit):
            conflict = Conflict(name=False)
        if conflict is not None:
            self._db.execute("ROLLBACK TO writes")
        self._db.execute("RELEASE writes")
        return conflict

    def _moved(self, commit: Commit) -> bool:
        return all(credentials.move(self._db, move, erases=commit.erases) for move in commit.moves)

    def _write(self, write: Write) -> Conflict | None:
        record = write.record
        row = self._db.execute(
            "SELECT revision, slot FROM records WHERE kind = ? AND id = ? AND live = 1",
            (record.kind, record.id),
        ).fetchone()
        if (0 if row is None else row[0]) != write.replaces:
            return Conflict(name=False)
        taken = self._db.execute(
            "SELECT 1 FROM records WHERE kind = ? AND namespace = ? AND name = ?"
            " AND name <> '' AND live = 1 AND id <> ?",
            (record.kind, record.namespace, record.name, record.id),
        ).fetchone()
        if taken is not None:
            return Conflict(name=True)
        if row is not None:
            self._db.execute(_BLANK, (row[1],))
        self._db.execute(
            _INSERT_RECORD,
            (
                record.kind, record.id, record.namespace, record.name, record.revision,
                record.request, record.body.decode(), record.mac, write.due_us,
            ),
        )  # fmt: skip
        return None

    def _erase(self, *, now: bool = True) -> None:
        """Cut the log if that is due; if it cannot be done now, it is tried again."""
        if not self._erasing:
            return
        if not now and time.monotonic() < self._erased_at + _ERASE_AGAIN_SECONDS:
            return
        self._erased_at = time.monotonic()
        self._erasing = not self._ahead.cut()

    @property
    def behind(self) -> bool:
        """Whether much was committed that `write_back` has not written back."""
        return self._ahead.waits

    def write_back(self) -> None:
        """Write back what was committed, so that commits need not. May run in another thread."""
        self._ahead.write_back()

    @property
    def erasing(self) -> bool:
        """Whether what was erased may still be in the write-ahead log."""
        return self._erasing

    @property
    def uncounted(self) -> int:
        """Counts that are in memory, and not in the file yet."""
        return self._uses.waiting

    def settle_counts(self) -> float | None:
        """Keep some more counts, if it is time to."""
        self._erase(now=False)
        if self._uses.wait_seconds() == 0:
            self._count()
        if self._index.behind:
            self._write_index()
            return 0
        wait = self._uses.wait_seconds()
        if self._erasing:
            return _ERASE_AGAIN_SECONDS if wait is None else min(wait, _ERASE_AGAIN_SECONDS)
        return wait

    def _count(self, *, all_rows: bool = False) -> None:
        with self._transaction():
            self._uses.step(all_rows=all_rows)
        self._uses.keep((), self._frontier.size)

    def _write_index(self) -> None:
        with self._writing():
            ready = self._index.prepare(idle=True)
        if ready:
            with self._transaction():
                self._index.step()
            self._index.keep()

    def page(self, kind: Kind, namespace: bytes, after: str, limit: int) -> list[Record]:
        """Records of a namespace in the order of names."""
        query = (
            f"SELECT {reading.COLUMNS} FROM records WHERE kind = ? AND namespace = ? AND name > ?"  # noqa: S608 - columns of ours
            " AND name <> '' AND live = 1 ORDER BY name LIMIT ?"
        )
        with _translated():
            rows = self._read_only().execute(query, (kind, namespace, after, max(limit, 0)))
            return [reading.record(kind, row) for row in rows]

    def events(self, query: EventQuery) -> EventPage:
        """Audit entries. One call looks at a bounded number of rows and says how far it came."""
        with self._snapshot() as db:
            return search.events(db, self._archive, query)

    def hashes(self, nodes: Sequence[Node]) -> list[bytes]:
        """The hashes of subtrees of the log."""
        with self._snapshot() as db:
            return tree.hashes(db, nodes)

    def entries(self, first: int, limit: int) -> list[StoredEvent]:
        """Entries of all namespaces, in order."""
        with self._snapshot() as db:
            return tree.entries(db, self._archive, first, limit)

    def changes(self, first: int, limit: int, *, erasing: bool) -> list[StoredEvent]:
        """Entries that changed records, in order."""
        with self._snapshot() as db:
            return tree.changes(db, self._archive, first, limit, erasing=erasing)

    def extent(self, before_us: int) -> Extent:
        """What is in the archive, and what could be put there."""
        with self._snapshot() as db:
            return retention.extent(db, before_us)

    def copy_out(self, end: int) -> int:
        """Put entries into files."""
        with self._snapshot() as db:
            ready = retention.extent(db, _FOR_EVER_US).ready
            self._copied = retention.copy(db, self._archive, min(end, ready))
            return self._copied

    def let_go(self, end: int) -> int:
        """Drop the rows of entries that are in files."""
        end = min(end, self._copied)
        with self._transaction():
            retention.let_go(self._db, end)
            return retention.archived(self._db)

    def checkpoints(self) -> Checkpoints:
        """The newest checkpoints."""
        with _translated():
            self._settle()
            return marks.checkpoints(self._db)

    def keep_checkpoints(self, checkpoints: Checkpoints) -> None:
        """Keep those that are newer."""
        rows = marks.newer(self.checkpoints(), checkpoints, self._frontier.size)
        if rows:
            with self._transaction():
                marks.keep(self._db, rows)

    def cursor(self, name: str) -> Cursor | None:
        """How far that reader has come."""
        with _translated():
            self._settle()
            return marks.cursor(self._db, name)

    def move_cursor(self, cursor: Cursor) -> None:
        """Remember it."""
        with self._transaction():
            marks.move(self._db, cursor)

    def probe(self) -> None:
        """Write something durable."""
        with self._writing():
            self._set("probe", b"")

    def close(self) -> None:
        """Let go of the file."""
        try:
            with suppress(StoreUnavailable):  # what is not counted now is counted from the log
                while self._uses.wait_seconds() is not None:
                    self._count(all_rows=True)
            if self._reader is not None:
                self._reader.close()
            self._ahead.close()
            self._db.close()
        finally:
            os.close(self._lock)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._writing():
            self._db.execute("BEGIN IMMEDIATE")
            yield
            self._db.execute("COMMIT")

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """What goes wrong inside is undone; the next call starts from the file's truth."""
        with _translated():
            self._settle()
            try:
                yield
            except BaseException:
                self._in_doubt = True
                with suppress(apsw.Error):  # unreadable now; the next call settles it first
                    self._settle()
                raise

    def _settle(self) -> None:
        """After a failure: roll back; ask the file whether a failed COMMIT took effect."""
        if not self._in_doubt:
            return
        if self._db.in_transaction:
            self._db.execute("ROLLBACK")
        try:
            epoch = self._meta_epoch()
            frontier = Frontier.from_bytes(self._meta_bytes("frontier"))
            if (
                (epoch, frontier.size) != (self._fresh.epoch, self._frontier.size)
                or self._uses.was_kept()
            ):  # fmt: skip
                self._uses.rebuild(frontier.size)
                if self._turn is not None:
                    self._quotas.keep(self._turn)
            self._index.catch_up(frontier.size)
        except ValueError as error:
            raise apsw.CorruptError(str(error)) from error
        self._frontier = frontier
        if epoch != self._fresh.epoch:
            self._fresh = Freshness(epoch)
        self._turn = None
        self._in_doubt = False

    def _meta_bytes(self, name: str) -> bytes:
        value = self._meta(name)
        if not isinstance(value, bytes):
            raise ValueError(f"its {name} is not what was stored")  # noqa: TRY004 - bad data
        return value

    def _meta_epoch(self) -> int:
        value = self._meta("epoch")
        if not isinstance(value, int) or value < 0:
            raise ValueError("its epoch is not what was stored")
        return value

    def _meta(self, name: str) -> object:
        # As bytes if it was made a text: a text need not be UTF-8.
        row = self._db.execute(
            "SELECT iif(typeof(value) = 'text', NULL, value) FROM meta WHERE name = ?", (name,)
        ).fetchone()
        return None if row is None else row[0]

    def _set(self, name: str, value: bytes | int) -> None:
        self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, value))

    def _one(self, kind: Kind, query: str, values: tuple[str | bytes, ...]) -> Record | None:
        row = self._db.execute(query, values).fetchone()
        return None if row is None else reading.record(kind, row)

    @contextmanager
    def _snapshot(self) -> Iterator[apsw.Connection]:
        with _translated():
            db = self._read_only()
            with db:
                yield db

    def _read_only(self) -> apsw.Connection:
        if self._reader is None:
            self._reader = schema.connect(self._path, self._vfs, read_only=True)
        return self._reader


def _take(path: str) -> int:
    """The lock that makes this process the only writer, held as long as it lives."""
    try:
        lock = os.open(path + ".lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StoreRefused(f"{path} cannot be locked: {error.strerror}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(lock)
        raise StoreRefused(f"{path} is in use by another Strongroom") from error
    return lock


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except apsw.Error as error:
        raise StoreUnavailable(f"{type(error).__name__}: {error}") from error
