"""Checkpoints of the log, and how far its readers have come: small rows that are replaced."""

from typing import Final

import apsw

from strongroom.ports.store import Checkpoints, Cursor

_SIGNED: Final = "signed"
_COUNTED: Final = "counted"
# Only what is of the type that we wrote: an edit is as if there were nothing.
_CHECKPOINT: Final = (
    "SELECT size, note FROM checkpoints"
    " WHERE name = ? AND typeof(size) = 'integer' AND typeof(note) = 'blob'"
)
_CURSOR: Final = (
    "SELECT position, state FROM cursors"
    " WHERE name = ? AND typeof(position) = 'integer' AND typeof(state) = 'blob'"
)


def checkpoints(db: apsw.Connection) -> Checkpoints:
    """The newest."""
    found = [db.execute(_CHECKPOINT, (name,)).fetchone() for name in (_SIGNED, _COUNTED)]
    signed, counted = [(0, b"") if row is None else row for row in found]
    return Checkpoints(*signed, *counted)


def newer(present: Checkpoints, given: Checkpoints, size: int) -> list[tuple[str, int, bytes]]:
    """The rows to keep, of those that were given for a log of that size."""
    return [
        (name, new_size, new)
        for name, had_size, had, new_size, new in (
            (_SIGNED, present.size, present.signed, given.size, given.signed),
            (_COUNTED, present.counted_size, present.counted, given.counted_size, given.counted),
        )
        # One in the file that is beyond the log is no checkpoint of it, and keeps none out.
        if new and new_size <= size and (had_size <= new_size or had_size > size) and new != had
    ]


def keep(db: apsw.Connection, rows: list[tuple[str, int, bytes]]) -> None:
    """Keep these rows."""
    db.executemany("INSERT OR REPLACE INTO checkpoints VALUES (?, ?, ?)", rows)


def cursor(db: apsw.Connection, name: str) -> Cursor | None:
    """That reader's."""
    row = db.execute(_CURSOR, (name,)).fetchone()
    return None if row is None else Cursor(name, *row)


def move(db: apsw.Connection, cursor: Cursor) -> None:
    """Put it there."""
    db.execute(
        "INSERT OR REPLACE INTO cursors VALUES (?, ?, ?)",
        (cursor.name, cursor.position, cursor.state),
    )
