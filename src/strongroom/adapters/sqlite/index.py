"""The writer's side of the log's index: spans of entries become rows of `postings`.

Entries gather in memory after they were kept. When a span is full its rows are written a few at a
time beside later commits, or when nothing else is to be done; the last of them moves meta's
`indexed`. Entries of spans from there on are found by looking at them. What a process did not get
to, the next one reads from the log.
"""

from collections.abc import Sequence
from typing import Any, Final

import apsw

from strongroom.adapters.sqlite.growth import Row
from strongroom.adapters.sqlite.postings import SPAN, Field, Posting, Span

# Rows at a time: beside a group some tenths of a millisecond, else a few milliseconds.
_WRITTEN_BESIDE: Final = 128
_WRITTEN_IDLE: Final = 1_024
_READ_BESIDE: Final = 256
_READ_IDLE: Final = 2_048
_FULL_MAX: Final = 2  # spans in memory that wait to be written; others are read from the log again

_READ: Final = (
    # Whatever an edit may have left: a text as bytes, for it need not be UTF-8.
    "SELECT position, iif(typeof(namespace) = 'blob', namespace, x''), CAST(principal AS BLOB),"
    " CAST(object AS BLOB), CAST(action AS BLOB), CAST(outcome AS BLOB), CAST(request AS BLOB)"
    " FROM entries WHERE position >= ? AND position < ? ORDER BY position"
)


class Index:
    """Used by the writer's thread: `prepare`; in a transaction `step`; COMMIT; `keep`."""

    def __init__(self, db: apsw.Connection, size: int) -> None:
        self._db = db
        self._live = Span(size // SPAN)
        self._size = self._live.first  # how far the log has gathered
        self._done = min(self._read_done(), self._live.number)  # spans that are in the table
        self._full: list[Span] = []
        self._reading: Span | None = None  # one that is read from the log again
        self._read_end = 0
        self._writing: Span | None = None
        self._fields: list[Field] = []  # of the span that is being written, to come
        self._rows: list[Posting] = []  # of the field that is being written, to come
        self._taken = 0  # of these, by the step that is not known to be kept
        self.catch_up(size)

    @property
    def behind(self) -> bool:
        """Whether there is a full span that is not in the table."""
        return self._done < self._live.number

    def prepare(self, *, idle: bool = False) -> bool:
        """Get the next rows ready. False: there are none yet, for some of the log was read."""
        if self._writing is None:
            self._writing = self._next(_READ_IDLE if idle else _READ_BESIDE)
            self._fields = list(Field)
        if not self._rows and self._writing is not None:
            self._rows = self._writing.postings(self._fields.pop(0))
        return bool(self._rows)

    def step(self, *, idle: bool = False) -> None:
        """Write some rows. In a transaction; then `keep`, if it was kept."""
        some = self._rows[: _WRITTEN_IDLE if idle else _WRITTEN_BESIDE]
        self._taken = len(some)
        if some:
            self._db.executemany("INSERT OR REPLACE INTO postings VALUES (?, ?)", some)
        if self._ends:
            done = self._done + 1
            self._db.execute("INSERT OR REPLACE INTO meta VALUES ('indexed', ?)", (done,))

    def keep(self, rows: Sequence[Row] = ()) -> None:
        """The transaction was kept, and these rows of `entries` with it."""
        if self._ends:
            self._writing = None
            self._done += 1
        del self._rows[: self._taken]
        self._taken = 0
        while rows:
            part = rows[: self._live.first + SPAN - self._size]
            self._live.add(part)
            self._grow(self._size + len(part))
            rows = rows[len(part) :]

    def catch_up(self, size: int) -> None:
        """The log has grown, by what is not known: read it."""
        while self._size < size:
            end = min(size, self._size + _READ_IDLE, self._live.first + SPAN)
            self._read(self._live, self._size, end)
            self._grow(end)

    @property
    def _ends(self) -> bool:
        """Whether the rows that were taken are the last of their span."""
        return bool(self._taken) and self._taken == len(self._rows) and not self._fields

    def _grow(self, size: int) -> None:
        self._size = size
        if size == self._live.first + SPAN:
            if len(self._full) < _FULL_MAX:
                self._full.append(self._live)
            self._live = Span(self._live.number + 1)

    def _next(self, rows_max: int) -> Span | None:
        """The span to be written next, if there is one and all of it is known by now."""
        if not self.behind:
            return None
        if self._full and self._full[0].number == self._done:
            return self._full.pop(0)
        if self._reading is None:
            self._reading = Span(self._done)
            self._read_end = self._reading.first
        end = min(self._read_end + rows_max, self._reading.first + SPAN)
        self._read(self._reading, self._read_end, end)
        self._read_end = end
        if end < self._reading.first + SPAN:
            return None
        span, self._reading = self._reading, None
        return span

    def _read(self, span: Span, first: int, end: int) -> None:
        run: list[Row] = []
        rows: list[Any] = self._db.execute(_READ, (first, end)).fetchall()
        for at, namespace, *texts in rows:
            if run and run[-1][0] + 1 != at:  # an entry is gone: where it was, nothing is found
                span.add(run)
                run = []
            principal, name, action, outcome, request = [_text(value) for value in texts]
            run.append((at, 0, namespace, principal, name, action, outcome, request, b"", ""))
        if run:
            span.add(run)

    def _read_done(self) -> int:
        row = self._db.execute(
            "SELECT value FROM meta WHERE name = 'indexed' AND typeof(value) = 'integer'"
        ).fetchone()
        # Without it, all is written again.
        return 0 if row is None else max(int(row[0]), 0)


def _text(value: bytes | None) -> str:
    return (value or b"").decode(errors="replace")
