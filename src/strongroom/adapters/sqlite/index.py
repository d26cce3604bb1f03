"""The writer's side of the log's index: spans of entries become rows of `columns`.

Entries gather in memory after they were kept. When a span is full, its six rows are written beside
the next group, or when nothing else is to be done, and meta's `indexed` moves. Entries of spans
from there on are found by looking at them. What a process did not get to, the next one reads from
the log.
"""

from collections.abc import Iterator
from typing import Any, Final

import apsw

from strongroom.adapters.sqlite.columns import SPAN, Field, Span
from strongroom.adapters.sqlite.growth import NOTHING, Found

# Rows of the log that are read again at a time, beside a group or when nothing else is to be done.
_READ_BESIDE: Final = 256
_READ_IDLE: Final = 2_048
_FULL_MAX: Final = 2  # spans in memory that wait to be written; others are read from the log again

_READ: Final = (
    # Whatever an edit may have left: a text as bytes, for it need not be UTF-8.
    "SELECT position, iif(typeof(namespace) = 'blob', namespace, x''), CAST(principal AS BLOB),"
    " CAST(object AS BLOB), CAST(action AS BLOB), CAST(outcome AS BLOB), CAST(request AS BLOB)"
    " FROM log WHERE position >= ? AND position < ? ORDER BY position"
)
_STORED: Final = (
    "SELECT key, iif(typeof(listed) = 'blob', listed, NULL),"
    " iif(typeof(numbers) = 'blob', numbers, NULL) FROM columns WHERE key = ?"
)
_GONE: Final = (b"", "", "", "", "", "")
_WRITE: Final = "INSERT OR REPLACE INTO columns VALUES (?, ?, ?)"


class Index:
    """Used by the writer's thread: `prepare`; in a transaction `step`; COMMIT; `keep`."""

    def __init__(self, db: apsw.Connection, size: int) -> None:
        self._db = db
        self._live = Span(size // SPAN)
        self._done = min(_done(db), self._live.number)  # spans that are in the table
        self._full: list[Span] = []
        self._again: Span | None = None  # one that is read from the log again
        self._ready: list[tuple[int, bytes, bytes]] = []  # the rows that are written next
        self._written = False  # by a transaction that is not known to be kept
        self.catch_up(size)

    @property
    def behind(self) -> bool:
        """Whether there is a full span that is not in the table."""
        return self._done < self._live.number

    def prepare(self, *, idle: bool = False) -> bool:
        """Get the next rows ready. False: there are none yet, for some of the log was read."""
        if not self._ready and self.behind:
            span = self._next(_READ_IDLE if idle else _READ_BESIDE)
            if span is not None:
                self._ready = span.columns()
        return bool(self._ready)

    def step(self) -> None:
        """Write what is ready. In a transaction; then `keep`, if it was kept."""
        self._written = bool(self._ready)
        if self._ready:
            self._db.executemany(_WRITE, self._ready)
            done = self._done + 1
            self._db.execute("INSERT OR REPLACE INTO meta VALUES ('indexed', ?)", (done,))

    def keep(self, found: Found = NOTHING) -> None:
        """The transaction was kept, and entries with it that are found by this."""
        if self._written:
            self._ready = []
            self._written = False
            self._done += 1
        while found[0]:
            room = self._live.first + SPAN - self._live.end
            if len(found[0]) <= room:
                self._grow(found)
                return
            self._grow(_part(found, slice(room)))
            found = _part(found, slice(room, None))

    def catch_up(self, size: int) -> None:
        """The log has grown, by what is not known: read it."""
        while self._live.end < size:
            end = min(size, self._live.end + _READ_IDLE, self._live.first + SPAN)
            self._grow(_read(self._db, self._live.end, end))

    def _grow(self, found: Found) -> None:
        self._live.add(found)
        if self._live.full:
            if len(self._full) < _FULL_MAX:
                self._full.append(self._live)
            self._live = Span(self._live.number + 1)

    def _next(self, rows_max: int) -> Span | None:
        """The span to be written next, if all of it is known by now."""
        if self._full and self._full[0].number == self._done:
            return self._full.pop(0)
        if self._again is None:
            self._again = Span(self._done)
        span = self._again
        span.add(_read(self._db, span.end, min(span.end + rows_max, span.first + SPAN)))
        if not span.full:
            return None
        self._again = None
        return span


def differing(db: apsw.Connection) -> Iterator[tuple[int, Field]]:
    """The fields of spans whose rows are not those that the log gives. Reads all of it."""
    for number in range(_done(db)):
        span = Span(number)
        while not span.full:
            span.add(_read(db, span.end, min(span.end + _READ_IDLE, span.first + SPAN)))
        for field, made in zip(Field, span.columns(), strict=True):
            stored = db.execute(_STORED, made[:1]).fetchone()
            if stored != made:
                yield number, field


def _read(db: apsw.Connection, first: int, end: int) -> Found:
    """From the log, with nothing in the place of an entry that is gone."""
    rows: list[tuple[bytes, str, str, str, str, str]] = [_GONE] * (end - first)
    stored: list[Any] = db.execute(_READ, (first, end)).fetchall()
    for position, namespace, *texts in stored:
        principal, name, action, outcome, request = [
            (text or b"").decode(errors="replace") for text in texts
        ]
        rows[position - first] = (namespace, principal, name, action, outcome, request)
    namespaces, principals, names, actions, outcomes, requests = zip(*rows, strict=True)
    return namespaces, principals, names, actions, outcomes, requests


def _done(db: apsw.Connection) -> int:
    """Spans that are in the table."""
    row = db.execute(
        "SELECT value FROM meta WHERE name = 'indexed' AND typeof(value) = 'integer'"
    ).fetchone()
    # Without it, all is written again.
    return 0 if row is None else max(int(row[0]), 0)


def _part(found: Found, part: slice) -> Found:
    namespaces, principals, names, actions, outcomes, requests = found
    return (
        namespaces[part], principals[part], names[part], actions[part], outcomes[part],
        requests[part],
    )  # fmt: skip
