"""The `Store` port over one SQLite file, in WAL mode with synchronous=FULL.

The writer's connection is used by one thread. `page` and `events` read by a connection of their own.
What is known in memory (epoch, frontier, freshness) moves only after COMMIT has succeeded.
"""

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.resources import files
from typing import Any, Final

import apsw

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
)
from strongroom.tlog.merkle import Frontier, leaf_hash

_APPLICATION_ID: Final = 0x5374726D  # "Strm"
_SCHEMA: Final = 1
_SCANNED_MAX: Final = 20_000  # rows that one call of events() looks at
_SKEW_US: Final = 60_000_000  # how far an entry's time may lie from its neighbours'
_COLUMNS: Final = "kind, id, namespace, name, revision, request, body, mac"
_INSERT_ENTRY: Final = "INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_BUSY_MS: Final = 2_000


class SQLiteStore:
    """See `ports/store.py` for the promises."""

    def __init__(self, connection: apsw.Connection, path: str, lock: int) -> None:
        self._db = connection
        self._path = path
        self._lock = lock
        self._reader: apsw.Connection | None = None
        self.deployment = _bytes(self._meta("deployment"))
        self._learn()

    @classmethod
    def create(cls, path: str, deployment: bytes) -> "SQLiteStore":
        """A new, empty store. Raises `StoreRefused` when there is a file already."""
        if os.path.exists(path):
            raise StoreRefused(f"{path} exists already")
        lock = _take(path)
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        try:
            db = _connect(path)
            with db:
                db.execute(files(__package__).joinpath("0001_initial.sql").read_text())
                db.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
                db.execute(f"PRAGMA user_version = {_SCHEMA}")
                db.executemany(
                    "INSERT INTO meta VALUES (?, ?)",
                    [("deployment", deployment), ("epoch", 0), ("frontier", Frontier().to_bytes())],
                )
        except apsw.Error as error:
            os.close(lock)
            raise StoreRefused(f"{path} cannot be made: {error}") from error
        return cls(db, path, lock)

    @classmethod
    def open(cls, path: str, *, vfs: str | None = None) -> "SQLiteStore":
        """An existing store. Raises `StoreRefused` when it is not ours, newer, or in use."""
        if not os.path.exists(path):
            raise StoreRefused(f"{path} does not exist")
        lock = _take(path)
        try:
            db = _connect(path, vfs)
            application = db.pragma("application_id")
            schema = db.pragma("user_version")
        except apsw.Error as error:
            os.close(lock)
            raise StoreRefused(f"{path} is not a Strongroom store: {error}") from error
        if application != _APPLICATION_ID:
            os.close(lock)
            raise StoreRefused(f"{path} is not a Strongroom store")
        if schema != _SCHEMA:
            os.close(lock)
            raise StoreRefused(
                f"{path} was written by a newer Strongroom (schema {schema}; this one knows {_SCHEMA})"
            )
        return cls(db, path, lock)

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
        query = f"SELECT {_COLUMNS} FROM records WHERE kind = ? AND id = ?"
        with _reading():
            return [self._one(query, (ref.kind, ref.id)) for ref in refs]

    def find(self, kind: Kind, namespace: bytes, name: str) -> Record | None:
        """The record with that name."""
        if not name:
            return None
        query = (
            f"SELECT {_COLUMNS} FROM records WHERE kind = ? AND namespace = ? AND name = ?"
            " AND name <> ''"
        )
        with _reading():
            return self._one(query, (kind, namespace, name))

    def family(self, kind: Kind, prefix: bytes, limit: int) -> list[Record]:
        """The records whose ids begin so, greatest first."""
        query = (
            f"SELECT {_COLUMNS} FROM records WHERE kind = ? AND id >= ? AND id < ?"
            " ORDER BY id DESC LIMIT ?"
        )
        end = prefix + b"\xff" * 16
        with _reading():
            return [_record(row) for row in self._db.execute(query, (kind, prefix, end, limit))]

    def commit(self, group: Sequence[Commit]) -> list[Outcome]:
        """Keep the group: one transaction, one flush to disk."""
        frontier = self._frontier.copy()
        epoch = self._fresh.epoch
        changes: list[tuple[int, list[bytes]]] = []
        touched: set[bytes] = set()
        rows: list[tuple[Any, ...]] = []
        outcomes: list[Outcome] = []
        try:
            self._db.execute("BEGIN IMMEDIATE")
            for commit in group:
                if self._fresh.is_stale(commit.epoch, commit.facts) or not touched.isdisjoint(
                    commit.facts
                ):
                    outcomes.append(Stale())
                    continue
                if commit.writes:
                    conflict = self._conflict(commit)
                    if conflict is not None:
                        outcomes.append(conflict)
                        continue
                    epoch += 1
                    changes.append((epoch, self._write(commit)))
                    touched.update(changes[-1][1])
                entry = commit.entry
                leaf = leaf_hash(entry.body)
                rows.append((
                    frontier.size, entry.time_us, entry.namespace, entry.principal, entry.object,
                    entry.action, entry.outcome, entry.request, leaf, entry.body.decode(),
                ))  # fmt: skip
                outcomes.append(Kept(frontier.size))
                frontier.append(leaf)
            if rows:
                self._db.executemany(_INSERT_ENTRY, rows)
                self._set("frontier", frontier.to_bytes())
            if changes:
                self._set("epoch", epoch)
            self._db.execute("COMMIT")
        except apsw.Error as error:
            self._give_up()
            raise StoreUnavailable(type(error).__name__) from error
        self._frontier = frontier
        for at, facts in changes:
            self._fresh.note(at, facts)
        return outcomes

    def _conflict(self, commit: Commit) -> Conflict | None:
        for write in commit.writes:
            record = write.record
            found = self._db.execute(
                "SELECT revision FROM records WHERE kind = ? AND id = ?", (record.kind, record.id)
            ).fetchone()
            if (0 if found is None else found[0]) != write.replaces:
                return Conflict(name=False)
            holder = self.find(record.kind, record.namespace, record.name)
            if holder is not None and holder.id != record.id:
                return Conflict(name=True)
        return None

    def _write(self, commit: Commit) -> list[bytes]:
        for write in commit.writes:
            record = write.record
            self._db.execute(
                f"INSERT OR REPLACE INTO records ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    record.kind, record.id, record.namespace, record.name, record.revision,
                    record.request, record.body.decode(), record.mac,
                ),
            )  # fmt: skip
        return [write.record.fact for write in commit.writes]

    def page(self, kind: Kind, namespace: bytes, after: str, limit: int) -> list[Record]:
        """Records of a namespace in the order of names."""
        query = (
            f"SELECT {_COLUMNS} FROM records WHERE kind = ? AND namespace = ? AND name > ?"
            " AND name <> '' ORDER BY name LIMIT ?"
        )
        with _reading():
            rows = self._read_only().execute(query, (kind, namespace, after, limit))
            return [_record(row) for row in rows]

    def events(self, query: EventQuery) -> EventPage:
        """Audit entries. One call looks at a bounded number of rows and says how far it came."""
        with _reading():
            db = self._read_only()
            with db:  # one snapshot
                return self._events(db, query)

    def _events(self, db: apsw.Connection, query: EventQuery) -> EventPage:
        found = db.execute("SELECT max(position) FROM entries").fetchone()
        newest = -1 if found is None or found[0] is None else int(found[0])
        since, until = query.since_us, query.until_us
        if query.request:
            # A request's id begins with its time in milliseconds; no index is needed to find it.
            at = int(query.request[:12], 16) * 1000
            since, until = max(since, at - _SKEW_US), min(until or at + _SKEW_US, at + _SKEW_US)
        start = query.after + 1
        if since:
            start = max(start, _position_at(db, since - _SKEW_US, newest))
        matches = [("namespace", query.namespace)]
        for column in ("principal", "object", "action", "outcome", "request"):
            if value := getattr(query, column):
                matches.append((column, value))
        where = " AND ".join(f"{column} = ?" for column, _ in matches)
        stop = min(start + _SCANNED_MAX - 1, newest)
        rows = db.execute(
            f"SELECT position, leaf_hash, body FROM entries WHERE position BETWEEN ? AND ?"
            f" AND time_us >= ? AND (? = 0 OR time_us <= ?) AND {where} ORDER BY position LIMIT ?",
            (start, stop, since, until, until, *[value for _, value in matches], query.limit),
        )
        events = [StoredEvent(row[0], _bytes(row[1]), _bytes(row[2])) for row in rows]
        scanned = events[-1].position if len(events) == query.limit else max(stop, query.after)
        return EventPage(events, scanned, newest + 1)

    def probe(self) -> None:
        """Write something durable."""
        try:
            self._set("probe", b"")
        except apsw.Error as error:
            self._give_up()
            raise StoreUnavailable(type(error).__name__) from error

    def close(self) -> None:
        """Let go of the file."""
        if self._reader is not None:
            self._reader.close()
        self._db.close()
        os.close(self._lock)

    def _learn(self) -> None:
        """Take what is in the file for the truth."""
        self._frontier = Frontier.from_bytes(_bytes(self._meta("frontier")))
        self._fresh = Freshness(int(self._meta("epoch")))

    def _give_up(self) -> None:
        """Roll back. Whether a failed COMMIT took effect is the file's to say."""
        try:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            self._learn()
        except apsw.Error:
            return  # the file cannot be read now; memory still holds what was acknowledged

    def _meta(self, name: str) -> Any:
        row = self._db.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        if row is None:
            raise StoreRefused(f"the store has no {name}")
        return row[0]

    def _set(self, name: str, value: bytes | int) -> None:
        self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, value))

    def _one(self, query: str, values: tuple[Any, ...]) -> Record | None:
        row = self._db.execute(query, values).fetchone()
        return None if row is None else _record(row)

    def _read_only(self) -> apsw.Connection:
        if self._reader is None:
            self._reader = apsw.Connection(self._path, flags=apsw.SQLITE_OPEN_READONLY)
            self._reader.set_busy_timeout(_BUSY_MS)
        return self._reader


def _connect(path: str, vfs: str | None = None) -> apsw.Connection:
    db = apsw.Connection(path, flags=apsw.SQLITE_OPEN_READWRITE, vfs=vfs)
    db.set_busy_timeout(_BUSY_MS)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    return db


def _take(path: str) -> int:
    """The lock that makes this process the only writer, held as long as it lives."""
    lock = os.open(path + ".lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(lock)
        raise StoreRefused(f"{path} is in use by another Strongroom") from error
    return lock


@contextmanager
def _reading() -> Iterator[None]:
    try:
        yield
    except apsw.Error as error:
        raise StoreUnavailable(type(error).__name__) from error


def _position_at(db: apsw.Connection, time_us: int, newest: int) -> int:
    """About the first position at or after a time: entries are nearly in the order of time."""
    low, high = 0, newest + 1
    while low < high:
        middle = (low + high) // 2
        row = db.execute("SELECT time_us FROM entries WHERE position = ?", (middle,)).fetchone()
        if row is not None and row[0] < time_us:
            low = middle + 1
        else:
            high = middle
    return low


def _record(row: Sequence[Any]) -> Record:
    """A row as it is. What an edit made of another type becomes something whose MAC is wrong."""
    kind, record_id, namespace, name, revision, request, body, mac = row
    return Record(
        Kind(kind),
        _bytes(record_id),
        _bytes(namespace),
        _text(name),
        revision if isinstance(revision, int) and 0 <= revision < 2**63 else 0,
        _text(request),
        _bytes(body),
        _bytes(mac),
    )


def _bytes(value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()


def _text(value: Any) -> str:
    return value if isinstance(value, str) else repr(value)
