"""Entries that are asked for: found by the index, looked at, and only then shown.

The index leads to places; what is shown was compared with its row of `entries`. So an edited index
can hide an entry (`strongroom fsck` makes it anew and compares) but show none.
"""

from typing import Any, Final, NamedTuple

import apsw

from strongroom.adapters.sqlite.archive import Archive
from strongroom.adapters.sqlite.columns import SPAN, Field, Places, Term, key
from strongroom.adapters.sqlite.tree import event_of, size_of
from strongroom.ports.store import EventPage, EventQuery, StoredEvent

# What one call may cost, in rows that are passed over: some milliseconds. Then it says how far it
# came, and the reader asks on.
_COST_MAX: Final = 30_000
_COST_OF_A_ROW: Final = 12  # that is read by its position
_COST_OF_A_SPAN: Final = 15  # whose values are read
_COST_OF_NUMBERS: Final = 50  # of one field of a span
_SPANS_MIN: Final = 2  # whose values are read at a time, at first
_SPANS_MAX: Final = 64
_SKEW_US: Final = 5_000_000  # how far an entry's time may lie from its neighbours'
_REQUEST_US: Final = 60_000_000  # how far an entry's time may lie from its request's
_INTEGER_MAX: Final = 2**63 - 1  # SQLite's

_COLUMNS: Final = (
    "SELECT position, CAST(leaf_hash AS BLOB), CAST(body AS BLOB),"
    " (SELECT CAST(details AS BLOB) FROM sealed WHERE sealed.position = log.position)"
    " FROM log"
)


class _Reach(NamedTuple):
    """Positions from `first` up to `end`, without it."""

    first: int
    end: int


def events(db: apsw.Connection, archive: Archive, query: EventQuery) -> EventPage:
    """One page, in one snapshot.

    1. Narrow the time. 2. Narrow the positions by it. 3. Go through them, stretch by stretch, and
    look at what the index leads to. Stop when there is enough, or when it has cost enough.
    """
    size = size_of(db)

    # 1. A request's id begins with its time in milliseconds.
    since, until = query.since_us, query.until_us or _INTEGER_MAX
    if query.request:
        at = _request_us(query.request)
        since, until = max(since, at - _REQUEST_US), min(until, at + _REQUEST_US)
    since, until = max(since, 0), min(until, _INTEGER_MAX)

    # 2. Entries are nearly in the order of time.
    first = max(query.after + 1, 0)
    end = min(query.before, size) if query.newest and query.before > 0 else size
    if since:
        first = max(first, position_at(db, since - _SKEW_US, size))
    if until < _INTEGER_MAX:
        end = min(end, position_at(db, until + _SKEW_US, size))

    # 3.
    search = _Search(db, archive, query, since, until)
    done = search.through(first, end)
    if query.newest:
        # Nothing earlier can match: all has been looked at.
        return EventPage(search.found, query.after + 1 if done <= first else done, size)
    scanned = (size if done >= end else done) - 1
    return EventPage(search.found, max(scanned, query.after), size)


class _Search:
    """What was found so far, and what it has cost."""

    def __init__(
        self, db: apsw.Connection, archive: Archive, query: EventQuery, since: int, until: int
    ) -> None:
        self.found: list[StoredEvent] = []
        self._db = db
        self._archive = archive
        self._newest = query.newest
        self._limit = max(query.limit, 0)
        self._cost = 0
        asked = {
            Field.PRINCIPAL: query.principal,
            Field.OBJECT: query.object,
            Field.ACTION: query.action,
            Field.OUTCOME: query.outcome,
            Field.REQUEST: query.request,
        }
        matches = {field: value for field, value in asked.items() if value}
        self._terms = [
            Term(Field.NAMESPACE, query.namespace),
            *(Term(field, value) for field, value in matches.items()),
        ]
        columns = "".join(f" AND {field.name.lower()} = ?" for field in matches)
        self._where = f"time_us BETWEEN ? AND ? AND namespace = ?{columns}"
        self._values = (since, until, query.namespace, *matches.values())
        self._fields = ", ".join(f"({term.field:d})" for term in self._terms)

    def through(self, first: int, end: int) -> int:
        """Look through these positions. How far that came: where it is to be gone on."""
        if not self._limit or first >= end:
            return end if self._newest else first
        indexed = self._indexed()
        spans = range(first // SPAN, (end - 1) // SPAN + 1)
        listed: dict[int, dict[int, bytes | None]] = {}
        many = _SPANS_MIN
        for number in reversed(spans) if self._newest else spans:
            reach = _Reach(max(first, number * SPAN), min(end, (number + 1) * SPAN))
            if number >= indexed:
                done = self._look_at_all(reach)
            else:
                if number not in listed:
                    low = max(number - many + 1, spans.start) if self._newest else number
                    listed = self._listed(low, min(low + many, spans.stop, indexed))
                    many = min(2 * many, _SPANS_MAX)
                done = self._look(reach, number, listed[number])
            if len(self.found) == self._limit or self._cost >= _COST_MAX:
                return done
        return first if self._newest else end

    def _listed(self, first: int, end: int) -> dict[int, dict[int, bytes | None]]:
        """The values of the fields that are asked for, span by span."""
        found: dict[int, dict[int, bytes | None]] = {number: {} for number in range(first, end)}
        rows: list[Any] = self._db.execute(
            "WITH RECURSIVE span (number) AS"  # noqa: S608 - numbers
            " (VALUES (?1) UNION ALL SELECT number + 1 FROM span WHERE number + 1 < ?2),"
            f" field (number) AS (VALUES {self._fields})"
            " SELECT span.number, field.number, iif(typeof(listed) = 'blob', listed, NULL)"
            " FROM span CROSS JOIN field CROSS JOIN columns"
            f" ON columns.key = span.number * {key(1, Field.NAMESPACE)} + field.number",
            (first, end),
        ).fetchall()
        for number, field, listed in rows:
            found[number][field] = listed
        return found

    def _look(self, reach: _Reach, span: int, listed: dict[int, bytes | None]) -> int:
        """Look where the index leads to. How far that came."""
        nothing = reach.first if self._newest else reach.end
        self._cost += _COST_OF_A_SPAN
        wanted = [(term.field, term.wanted(listed.get(term.field))) for term in self._terms]
        if any(number == b"" for _, number in wanted):
            return nothing
        places = []
        for field, number in wanted:
            if number is not None and listed[field] is not None:
                found = Places.of(self._numbers(span, field), number)
                if found is not None:
                    places.append(found)
        places.sort(key=lambda found: found.count)
        if not places or places[0].count * _COST_OF_A_ROW > SPAN:
            return self._look_at_all(reach)
        base = span * SPAN
        rarest, *others = places
        for place in rarest.between(reach.first - base, reach.end - base, newest=self._newest):
            at = base + place
            if self._cost >= _COST_MAX:
                return at + 1 if self._newest else at
            self._cost += 1
            if not all(other.has(place) for other in others) or not self._shown(at):
                continue
            if len(self.found) == self._limit:
                return at if self._newest else at + 1
        return nothing

    def _numbers(self, span: int, field: Field) -> bytes | None:
        self._cost += _COST_OF_NUMBERS
        row: Any = self._db.execute(
            "SELECT iif(typeof(numbers) = 'blob', numbers, NULL) FROM columns WHERE key = ?",
            (key(span, field),),
        ).fetchone()
        found: bytes | None = row[0]
        return found

    def _shown(self, at: int) -> bool:
        """Compare an entry, and show it if it is one of those."""
        self._cost += _COST_OF_A_ROW
        row = self._db.execute(
            f"{_COLUMNS} WHERE position = ? AND {self._where}", (at, *self._values)
        ).fetchone()
        if row is not None:
            self._show(row)
        return row is not None

    def _look_at_all(self, stretch: _Reach) -> int:
        first, end = stretch
        reach = max(_COST_MAX - self._cost, 1)
        if self._newest:
            first = max(first, end - reach)
        else:
            end = min(end, first + reach)
        wanted = self._limit - len(self.found)
        rows: list[Any] = self._db.execute(
            f"{_COLUMNS} WHERE position >= ? AND position < ? AND {self._where}"
            f" ORDER BY position {'DESC' if self._newest else 'ASC'} LIMIT ?",
            (first, end, *self._values, wanted),
        ).fetchall()
        for row in rows:
            self._show(row)
        if len(rows) == wanted:
            last: int = rows[-1][0]
            return last if self._newest else last + 1
        self._cost += end - first
        return first if self._newest else end

    def _show(self, row: tuple[Any, ...]) -> None:
        self.found.append(event_of(row, self._archive))

    def _indexed(self) -> int:
        """Spans below this one have all their rows."""
        row = self._db.execute(
            "SELECT value FROM meta WHERE name = 'indexed' AND typeof(value) = 'integer'"
        ).fetchone()
        return 0 if row is None else max(int(row[0]), 0)


def _request_us(request: str) -> int:
    """When the request was made; far in the future if that is no request's id: nothing is found."""
    try:
        return int(request[:12], 16) * 1000
    except ValueError:
        return _INTEGER_MAX


def position_at(db: apsw.Connection, time_us: int, size: int) -> int:
    """About the first position at or after a time. An entry that is gone counts as later."""
    low, high = 0, size
    # Compared by SQLite, which can compare whatever an edit may have left in the column.
    query = "SELECT time_us < ? FROM log WHERE position = ?"
    while low < high:
        middle = (low + high) // 2
        row = db.execute(query, (min(time_us, _INTEGER_MAX), middle)).fetchone()
        if row is not None and row[0]:
            low = middle + 1
        else:
            high = middle
    return low
