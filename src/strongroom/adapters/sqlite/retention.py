"""Old entries move out of the database: into files first, and only then are their rows let go of.

What may move: whole files of 256 entries, that a checkpoint which counts covers, whose uses are
counted and which the index knows. Then nothing in the database needs to look into them.
"""

from typing import Any, Final

import apsw

from strongroom.adapters.sqlite import marks
from strongroom.adapters.sqlite.archive import Archive
from strongroom.adapters.sqlite.columns import SPAN
from strongroom.adapters.sqlite.search import position_at
from strongroom.adapters.sqlite.tree import size_of
from strongroom.ports.store import Extent, StoreDamaged
from strongroom.tlog.merkle import leaf_hash
from strongroom.tlog.tiles import WIDTH

AT_ONCE: Final = 16 * WIDTH  # entries: some ten milliseconds

_COLUMNS: Final = (
    "position, time_us, namespace, principal, object, action, outcome, request, leaf_hash"
)


def extent(db: apsw.Connection, before_us: int) -> Extent:
    """What has moved, and what could: of the entries before that time. In one snapshot."""
    size = size_of(db)
    ready = min(
        position_at(db, before_us, size),
        marks.checkpoints(db).counted_size,
        _number(db, "counted"),
        _number(db, "indexed") * SPAN,
        size,
    )
    return Extent(archived(db), max(ready // WIDTH * WIDTH, archived(db)))


def archived(db: apsw.Connection) -> int:
    """Entries below this position are in files."""
    rows: list[Any] = db.execute("SELECT max(position) FROM archived").fetchall()
    return 0 if rows[0][0] is None else int(rows[0][0]) + 1


def copy(db: apsw.Connection, archive: Archive, end: int) -> int:
    """Put some more into files. How far they are there. In one snapshot. Raises `StoreDamaged`."""
    first = archived(db)
    end = min(end, first + AT_ONCE)
    while first + WIDTH <= end:
        rows: list[Any] = db.execute(
            "SELECT position, CAST(leaf_hash AS BLOB), CAST(body AS BLOB) FROM entries"
            " WHERE position >= ? AND position < ? ORDER BY position",
            (first, first + WIDTH),
        ).fetchall()
        bodies = []
        for position, (stored, leaf, body) in zip(range(first, first + WIDTH), rows, strict=False):
            if stored != position:
                break
            if leaf_hash(body or b"") != leaf:
                raise StoreDamaged(f"entry {position} was altered: it is not archived")
            bodies.append(body)
        if len(bodies) < WIDTH:
            raise StoreDamaged(f"entry {first + len(bodies)} is gone")
        archive.keep(first // WIDTH, bodies)
        first += WIDTH
    return first


def let_go(db: apsw.Connection, end: int) -> None:
    """Keep only what entries are found by. In a transaction."""
    db.execute(
        f"INSERT INTO archived SELECT {_COLUMNS} FROM entries WHERE position < ?",  # noqa: S608 - ours
        (end,),
    )
    db.execute("DELETE FROM entries WHERE position < ?", (end,))


def _number(db: apsw.Connection, name: str) -> int:
    row: Any = db.execute(
        "SELECT value FROM meta WHERE name = ? AND typeof(value) = 'integer'", (name,)
    ).fetchone()
    return 0 if row is None else int(row[0])
