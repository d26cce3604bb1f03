"""How rows are read: as they are, whatever an edit may have left in them."""

from collections.abc import Sequence
from typing import Any, Final

import apsw

from strongroom.adapters.sqlite.tree import size_of
from strongroom.domain.records import Kind, Record
from strongroom.ports.store import EventPage, EventQuery, StoredEvent

_SCANNED_MAX: Final = 20_000  # rows that one call of events() looks at
_SKEW_US: Final = 5_000_000  # how far an entry's time may lie from its neighbours'
_REQUEST_US: Final = 60_000_000  # how far an entry's time may lie from its request's
_INTEGER_MAX: Final = 2**63 - 1  # SQLite's

# Each column only if it is of the type that we wrote, else NULL: see _record. Text comes as bytes,
# because an edit may have left something that is not UTF-8.
COLUMNS: Final = ", ".join(
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


def record(kind: Kind, row: Sequence[Any]) -> Record:
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


def events(db: apsw.Connection, query: EventQuery) -> EventPage:
    """One page, in one snapshot.

    1. Narrow the time. 2. Narrow the positions by it. 3. Look at so many rows and no more.
    """
    size = size_of(db)

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
        "SELECT position, CAST(leaf_hash AS BLOB), CAST(body AS BLOB),"  # noqa: S608 - ours
        " (SELECT CAST(details AS BLOB) FROM sealed WHERE sealed.position = entries.position)"
        " FROM entries"
        " WHERE position >= ? AND position < ? AND time_us BETWEEN ? AND ?"
        f" AND {where} ORDER BY position LIMIT ?",
        (first, stop, since, until, *[value for _, value in matches], limit),
    )
    events = [StoredEvent(row[0], *(value or b"" for value in row[1:])) for row in rows]
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
