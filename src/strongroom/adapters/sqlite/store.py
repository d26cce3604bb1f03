"""The `Store` port over one SQLite file, in WAL mode with synchronous=FULL.

The writer's connection is used by one thread; `page` and `events` read by one of their own. What is
known in memory (epoch, frontier, freshness) moves only after COMMIT has succeeded.
"""

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import apsw

from strongroom.adapters.files import sync_directory
from strongroom.adapters.freshness import Freshness
from strongroom.domain.records import Kind, Record, Ref
from strongroom.ports.store import (
    Commit,
    Conflict,
    EventPage,
    EventQuery,
    Kept,
    Outcome,
    Stale,
    StoredEvent,
    StoreRefused,
    StoreUnavailable,
    Tree,
    Write,
)
from strongroom.tlog.merkle import Frontier, leaf_hash

_APPLICATION_ID: Final = 0x5374726D  # "Strm"
_SCHEMA: Final = 1
_SCANNED_MAX: Final = 20_000  # rows that one call of events() looks at
_SKEW_US: Final = 5_000_000  # how far an entry's time may lie from its neighbours'
_REQUEST_US: Final = 60_000_000  # how far an entry's time may lie from its request's
_INTEGER_MAX: Final = 2**63 - 1  # SQLite's
_ID_BYTES_MAX: Final = 64  # above any record's id

# Each column only if it is of the type that we wrote, else NULL: see _record. Text comes as bytes,
# because an edit may have left something that is not UTF-8.
_READ: Final = ", ".join(
    f"CASE typeof({column}) WHEN '{kind}' THEN "
    + (f"CAST({column} AS BLOB) END" if kind == "text" else f"{column} END")
    for column, kind in {
        "id": "blob",
        "namespace": "blob",
        "name": "text",
        "revision": "integer",
        "request": "text",
        "body": "text",
        "mac": "blob",
    }.items()
)
# Not INSERT OR REPLACE: that would delete whichever other record holds the name.
_KEEP_RECORD: Final = (
    "INSERT INTO records (kind, id, namespace, name, revision, request, body, mac)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (kind, id) DO UPDATE SET"
    " namespace = excluded.namespace, name = excluded.name, revision = excluded.revision,"
    " request = excluded.request, body = excluded.body, mac = excluded.mac"
)
_INSERT_ENTRY: Final = "INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_BUSY_MS: Final = 2_000


class SQLiteStore:
    """See `ports/store.py` for the promises."""

    def __init__(self, connection: apsw.Connection, path: str, lock: int, vfs: str | None) -> None:
        self._db = connection
        self._path = path
        self._lock = lock
        self._vfs = vfs
        self._reader: apsw.Connection | None = None
        self._in_doubt = False  # the file may hold more than memory knows
        self.deployment: bytes = self._meta_bytes("deployment")
        self._fresh = Freshness(self._meta_epoch())
        self._frontier = Frontier.from_bytes(self._meta_bytes("frontier"))

    @classmethod
    def create(cls, path: str, deployment: bytes) -> "SQLiteStore":
        """A new, empty store. Raises `StoreRefused` when there is a file already."""
        lock = _take(path)
        try:
            try:
                os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
            except FileExistsError as error:
                raise StoreRefused(f"{path} exists already") from error
            except OSError as error:
                raise StoreRefused(f"{path} cannot be made: {error.strerror}") from error
            try:
                db = _connect(path, None)
                _durably(db)
                with db:
                    db.execute(files(__package__).joinpath("0001_initial.sql").read_text())
                    db.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
                    db.execute(f"PRAGMA user_version = {_SCHEMA}")
                    db.executemany(
                        "INSERT INTO meta VALUES (?, ?)",
                        [
                            ("deployment", deployment),
                            ("epoch", 0),
                            ("frontier", Frontier().to_bytes()),
                        ],
                    )
                sync_directory(Path(path).parent)
                return cls(db, path, lock, None)
            except (apsw.Error, OSError) as error:
                Path(path).unlink()  # ours, and half made
                raise StoreRefused(f"{path} cannot be made: {error}") from error
        except BaseException:
            os.close(lock)
            raise

    @classmethod
    def open(cls, path: str, *, vfs: str | None = None) -> "SQLiteStore":
        """An existing store. Raises `StoreRefused`: foreign, newer, damaged or in use."""
        if not Path(path).exists():
            raise StoreRefused(f"{path} does not exist")
        lock = _take(path)
        try:
            try:
                db = _connect(path, vfs)
                # Looked at before anything is changed: it may be somebody else's database.
                application = db.pragma("application_id")
                schema = db.pragma("user_version")
            except apsw.Error as error:
                raise StoreRefused(f"{path} is not a Strongroom store: {error}") from error
            if application != _APPLICATION_ID:
                raise StoreRefused(f"{path} is not a Strongroom store")
            if schema != _SCHEMA:
                age = "a newer" if schema > _SCHEMA else "an older"
                raise StoreRefused(
                    f"{path} is of {age} Strongroom (schema {schema}; this one knows {_SCHEMA})"
                )
            try:
                _durably(db)
                return cls(db, path, lock, vfs)
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
        query = f"SELECT {_READ} FROM records WHERE kind = ? AND id = ?"  # noqa: S608 - columns of ours
        with _translated():
            self._settle()
            return [self._one(ref.kind, query, (ref.kind, ref.id)) for ref in refs]

    def find(self, kind: Kind, namespace: bytes, name: str) -> Record | None:
        """The record with that name."""
        query = (
            f"SELECT {_READ} FROM records WHERE kind = ? AND namespace = ? AND name = ?"  # noqa: S608 - columns of ours
            " AND name <> ''"
        )
        with _translated():
            self._settle()
            return self._one(kind, query, (kind, namespace, name))

    def family(self, kind: Kind, prefix: bytes, limit: int) -> list[Record]:
        """The records whose ids begin so, greatest first."""
        query = (
            f"SELECT {_READ} FROM records WHERE kind = ? AND id BETWEEN ? AND ?"  # noqa: S608 - columns of ours
            " ORDER BY id DESC LIMIT ?"
        )
        end = prefix + b"\xff" * _ID_BYTES_MAX
        with _translated():
            self._settle()
            rows = self._db.execute(query, (kind, prefix, end, max(limit, 0)))
            return [_record(kind, row) for row in rows]

    def commit(self, group: Sequence[Commit]) -> list[Outcome]:
        """Keep the group: one transaction, one flush to disk."""
        changes: list[tuple[int, list[bytes]]] = []
        touched: set[bytes] = set()
        rows: list[tuple[object, ...]] = []
        outcomes: list[Outcome] = []
        with self._writing():
            frontier = self._frontier.copy()
            epoch = self._fresh.epoch
            is_stale = self._fresh.is_stale
            self._db.execute("BEGIN IMMEDIATE")
            for commit in group:
                facts = commit.facts
                if is_stale(commit.epoch, facts) or not touched.isdisjoint(facts):
                    outcomes.append(Stale())
                    continue
                if commit.writes:
                    conflict = self._write_all(commit.writes)
                    if conflict is not None:
                        outcomes.append(conflict)
                        continue
                    epoch += 1
                    changed = [write.record.fact for write in commit.writes]
                    changes.append((epoch, changed))
                    touched.update(changed)
                entry = commit.entry
                leaf = leaf_hash(entry.body)
                position = frontier.size
                rows.append((
                    position, entry.time_us, entry.namespace, entry.principal, entry.object,
                    entry.action, entry.outcome, entry.request, leaf, entry.body.decode(),
                ))  # fmt: skip
                outcomes.append(Kept(position))
                frontier.append(leaf)
            if rows:
                self._db.executemany(_INSERT_ENTRY, rows)
                self._set("frontier", frontier.to_bytes())
            if changes:
                self._set("epoch", epoch)
            self._db.execute("COMMIT")
        self._frontier = frontier
        for at, changed in changes:
            self._fresh.note(at, changed)
        return outcomes

    def _write_all(self, writes: Sequence[Write]) -> Conflict | None:
        """All of one commit's writes, each seeing the ones before it, or none and why."""
        self._db.execute("SAVEPOINT writes")
        conflict = next((lost for write in writes if (lost := self._write(write))), None)
        if conflict is not None:
            self._db.execute("ROLLBACK TO writes")
        self._db.execute("RELEASE writes")
        return conflict

    def _write(self, write: Write) -> Conflict | None:
        record = write.record
        row = self._db.execute(
            "SELECT revision FROM records WHERE kind = ? AND id = ?", (record.kind, record.id)
        ).fetchone()
        if (0 if row is None else row[0]) != write.replaces:
            return Conflict(name=False)
        taken = self._db.execute(
            "SELECT 1 FROM records WHERE kind = ? AND namespace = ? AND name = ?"
            " AND name <> '' AND id <> ?",
            (record.kind, record.namespace, record.name, record.id),
        ).fetchone()
        if taken is not None:
            return Conflict(name=True)
        self._db.execute(
            _KEEP_RECORD,
            (
                record.kind, record.id, record.namespace, record.name, record.revision,
                record.request, record.body.decode(), record.mac,
            ),
        )  # fmt: skip
        return None

    def page(self, kind: Kind, namespace: bytes, after: str, limit: int) -> list[Record]:
        """Records of a namespace in the order of names."""
        query = (
            f"SELECT {_READ} FROM records WHERE kind = ? AND namespace = ? AND name > ?"  # noqa: S608 - columns of ours
            " AND name <> '' ORDER BY name LIMIT ?"
        )
        with _translated():
            rows = self._read_only().execute(query, (kind, namespace, after, max(limit, 0)))
            return [_record(kind, row) for row in rows]

    def events(self, query: EventQuery) -> EventPage:
        """Audit entries. One call looks at a bounded number of rows and says how far it came."""
        with _translated():
            db = self._read_only()
            with db:  # one snapshot
                found = _events(db, query)
            return found  # noqa: RET504 - after the snapshot has ended

    def probe(self) -> None:
        """Write something durable."""
        with self._writing():
            self._set("probe", b"")

    def close(self) -> None:
        """Let go of the file."""
        try:
            if self._reader is not None:
                self._reader.close()
            self._db.close()
        finally:
            os.close(self._lock)

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
            self._frontier = Frontier.from_bytes(self._meta_bytes("frontier"))
        except ValueError as error:
            raise apsw.CorruptError(str(error)) from error
        if epoch != self._fresh.epoch:
            self._fresh = Freshness(epoch)
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
        return None if row is None else _record(kind, row)

    def _read_only(self) -> apsw.Connection:
        if self._reader is None:
            flags = apsw.SQLITE_OPEN_READONLY
            reader = apsw.Connection(self._path, flags=flags, vfs=self._vfs)
            reader.set_busy_timeout(_BUSY_MS)
            self._reader = reader
        return self._reader


def _events(db: apsw.Connection, query: EventQuery) -> EventPage:
    """One page, in one snapshot.

    1. Narrow the time. 2. Narrow the positions by it. 3. Look at so many rows and no more.
    """
    (stored,) = db.execute("SELECT value FROM meta WHERE name = 'frontier'").fetchall()
    size = Frontier.from_bytes(stored[0]).size if isinstance(stored[0], bytes) else 0

    # 1. A request's id begins with its time in milliseconds, so no index is needed to find it.
    since, until = query.since_us, query.until_us or _INTEGER_MAX
    if query.request:
        at = _request_us(query.request)
        since, until = max(since, at - _REQUEST_US), min(until, at + _REQUEST_US)
    since, until = max(since, 0), min(until, _INTEGER_MAX)

    # 2. Entries are nearly in the order of time.
    first, end = query.after + 1, size
    if since:
        first = max(first, _position_at(db, since - _SKEW_US, size))
    if until < _INTEGER_MAX:
        end = _position_at(db, until + _SKEW_US, size)

    # 3.
    stop = min(first + _SCANNED_MAX, end)
    limit = max(query.limit, 0)
    matches: list[tuple[str, str | bytes]] = [("namespace", query.namespace)]
    matches += [
        (column, value)
        for column in ("principal", "object", "action", "outcome", "request")
        if (value := getattr(query, column))
    ]
    where = " AND ".join(f"{column} = ?" for column, _ in matches)
    rows = db.execute(
        "SELECT position, CAST(leaf_hash AS BLOB), CAST(body AS BLOB) FROM entries"  # noqa: S608 - ours
        " WHERE position >= ? AND position < ? AND time_us BETWEEN ? AND ?"
        f" AND {where} ORDER BY position LIMIT ?",
        (first, stop, since, until, *[value for _, value in matches], limit),
    )
    events = [StoredEvent(row[0], row[1] or b"", row[2] or b"") for row in rows]
    if len(events) == limit:
        scanned = events[-1].position if events else query.after
    else:
        # At the end of the time asked for, nothing later can match: all has been looked at.
        scanned = max((size if stop >= end else stop) - 1, query.after)
    return EventPage(events, scanned, size)


def _request_us(request: str) -> int:
    """When the request was made; far in the future if that is no request's id: nothing is found."""
    try:
        return int(request[:12], 16) * 1000
    except ValueError:
        return _INTEGER_MAX


def _position_at(db: apsw.Connection, time_us: int, size: int) -> int:
    """About the first position at or after a time. An entry that is gone counts as later."""
    low, high = 0, size
    # Compared by SQLite, which can compare whatever an edit may have left in the column.
    query = "SELECT time_us < ? FROM entries WHERE position = ?"
    while low < high:
        middle = (low + high) // 2
        row = db.execute(query, (min(time_us, _INTEGER_MAX), middle)).fetchone()
        if row is not None and row[0]:
            low = middle + 1
        else:
            high = middle
    return low


def _connect(path: str, vfs: str | None) -> apsw.Connection:
    db = apsw.Connection(path, flags=apsw.SQLITE_OPEN_READWRITE, vfs=vfs)
    db.set_busy_timeout(_BUSY_MS)
    return db


def _durably(db: apsw.Connection) -> None:
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")


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


def _record(kind: Kind, row: Sequence[Any]) -> Record:
    """A row as it is; without a MAC if a column is not of the type that we wrote."""
    record_id, namespace, name, revision, request, body, mac = row
    sound = None not in row and revision >= 0
    texts = []
    for value in (name, request):
        try:
            texts.append((value or b"").decode())
        except UnicodeDecodeError:
            texts.append("")
            sound = False
    return Record(
        kind,
        record_id or b"",
        namespace or b"",
        texts[0],
        revision if sound else 0,
        texts[1],
        body or b"",
        mac if sound else b"",
    )
