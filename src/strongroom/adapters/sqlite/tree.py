"""The log's tree in the file: leaf hashes beside the entries, and roots of full subtrees.

`subtrees` has the root of each full subtree of 256, 256**2, ... leaves, kept in the commit that
completes it. Every other hash is folded from at most 256 of these or of the leaves: whatever is
asked for, one aligned block of 256 hashes is read for each node at most, and once.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import apsw

from strongroom.adapters.sqlite.archive import Archive
from strongroom.ports.store import StoreDamaged, StoredEvent
from strongroom.tlog.merkle import HASH_BYTES, TILE_HEIGHT, Frontier, Node, node_hash

_WIDTH: Final = 1 << TILE_HEIGHT  # hashes in a block
_HEIGHT_MAX: Final = 63  # no log is higher: positions are SQLite's integers
_BYTES_MAX: Final = 4 * 1024 * 1024  # of the entries in one answer
_OVERHEAD_BYTES: Final = 64  # of each of them


def keep(db: apsw.Connection, full: Iterable[tuple[Node, bytes]]) -> None:
    """Keep the roots of subtrees that were completed. In the transaction that did it."""
    db.executemany(
        # One that is there already is nobody's: it must not keep the log from growing.
        "INSERT OR REPLACE INTO subtrees VALUES (?, ?, ?)",
        [(node.height, node.number, root) for node, root in full],
    )


def size_of(db: apsw.Connection) -> int:
    """The log's size in this snapshot. Raises `StoreDamaged`."""
    try:
        return Frontier.from_bytes(_stored(db)).size
    except ValueError:
        raise StoreDamaged("the log's frontier is not what was stored") from None


def hashes(db: apsw.Connection, nodes: Sequence[Node]) -> list[bytes]:
    """The hashes of subtrees. In one snapshot. Raises `ValueError`, `StoreDamaged`."""
    size = size_of(db)
    for height, number in nodes:
        if not 0 <= height <= _HEIGHT_MAX or number < 0 or (number + 1) << height > size:
            raise ValueError("a hash beyond the log")
    blocks: dict[tuple[int, int], list[bytes]] = {}
    found = []
    for height, number in nodes:
        level, above = divmod(height, TILE_HEIGHT)
        block, at = divmod(number << above, _WIDTH)
        stored = blocks.get((level, block))
        if stored is None:
            stored = blocks[level, block] = _block(db, level, block, size)
        found.append(_folded(stored[at : at + (1 << above)]))
    return found


def entries(db: apsw.Connection, archive: Archive, first: int, limit: int) -> list[StoredEvent]:
    """Entries in order, as they are in the file. In one snapshot. Raises `StoreDamaged`."""
    end = min(first + limit, size_of(db))
    found: list[StoredEvent] = []
    taken = 0
    if not 0 <= first < end:
        return found
    rows: Iterator[Any] = db.execute(
        "SELECT position, CAST(leaf_hash AS BLOB), CAST(body AS BLOB),"
        " (SELECT CAST(details AS BLOB) FROM sealed WHERE sealed.position = log.position)"
        " FROM log WHERE position >= ? AND position < ? ORDER BY position",
        (first, end),
    )
    for row in rows:
        if row[0] != first + len(found):
            break
        event = event_of(row, archive)
        taken += len(event.body) + len(event.sealed) + _OVERHEAD_BYTES
        if found and taken > _BYTES_MAX:
            return found
        found.append(event)
    # What comes before a gap is told; the gap itself is never passed over.
    if not found:
        raise StoreDamaged(f"entry {first} is gone")
    return found


def event_of(
    row: tuple[int, bytes | None, bytes | None, bytes | None], archive: Archive
) -> StoredEvent:
    """An entry as it is: position, leaf hash, body (none: in the archive), sealed details."""
    position, leaf, body, sealed = row
    if body is None:
        body = archive.entry(position, leaf or b"")
    return StoredEvent(position, leaf or b"", body, sealed or b"")


def changes(
    db: apsw.Connection, archive: Archive, first: int, limit: int, *, erasing: bool
) -> list[StoredEvent]:
    """Entries that changed records, in order, as they are in the file. Raises `StoreDamaged`."""
    erased = " AND erases = 1" if erasing else ""
    rows = db.execute(
        # Not joined with `log`: SQLite would make all of that view before the first row.
        "SELECT changes.position,"  # noqa: S608 - ours
        " CAST(coalesce(entries.leaf_hash, archived.leaf_hash) AS BLOB),"
        " CAST(entries.body AS BLOB)"
        " FROM changes LEFT JOIN entries ON entries.position = changes.position"
        " LEFT JOIN archived ON archived.position = changes.position"
        f" WHERE changes.position >= ?{erased} ORDER BY changes.position LIMIT ?",
        (first, max(limit, 0)),
    )
    found: list[StoredEvent] = []
    taken = 0
    for position, leaf, body in rows:
        if leaf is None:
            raise StoreDamaged(f"entry {position} is gone")
        event = event_of((position, leaf, body, None), archive)
        taken += len(event.body) + _OVERHEAD_BYTES
        if found and taken > _BYTES_MAX:
            break
        found.append(event)
    return found


def rebuild(db: apsw.Connection) -> None:
    """Fill `subtrees` from the leaf hashes. Raises `StoreDamaged` if they are of another log."""
    frontier = Frontier()
    rows = db.execute("SELECT position, CAST(leaf_hash AS BLOB) FROM entries ORDER BY position")
    for position, leaf in rows:
        if position != frontier.size:
            break
        if leaf is None or len(leaf) != HASH_BYTES:
            raise StoreDamaged(f"entry {position} has no leaf hash")
        frontier.append(leaf)
        if frontier.full:
            keep(db, frontier.full)
            frontier.full.clear()
    if size_of(db) > frontier.size:
        raise StoreDamaged(f"entry {frontier.size} is gone")
    if _stored(db) != frontier.to_bytes():
        raise StoreDamaged("the log's entries are not those of its tree")


def _stored(db: apsw.Connection) -> bytes:
    # Never as a text: a text need not be UTF-8.
    row = db.execute(
        "SELECT iif(typeof(value) = 'text', NULL, value) FROM meta WHERE name = 'frontier'"
    ).fetchone()
    return row[0] if row is not None and isinstance(row[0], bytes) else b""


def _block(db: apsw.Connection, level: int, block: int, size: int) -> list[bytes]:
    first = block * _WIDTH
    count = min(_WIDTH, (size >> level * TILE_HEIGHT) - first)
    if level:
        rows = db.execute(
            "SELECT number, CAST(root AS BLOB) FROM subtrees"
            " WHERE height = ? AND number >= ? AND number < ? ORDER BY number",
            (level * TILE_HEIGHT, first, first + count),
        )
    else:
        rows = db.execute(
            "SELECT position, CAST(leaf_hash AS BLOB) FROM log"
            " WHERE position >= ? AND position < ? ORDER BY position",
            (first, first + count),
        )
    stored: dict[int, bytes | None] = dict(rows.fetchall())  # type: ignore[arg-type] # by the query
    found = []
    for number in range(first, first + count):
        value = stored.get(number)
        if value is None or len(value) != HASH_BYTES:
            what = (
                f"subtree {number} of height {level * TILE_HEIGHT}" if level else f"entry {number}"
            )
            raise StoreDamaged(f"the hash of {what} is gone")
        found.append(value)
    return found


def _folded(row: list[bytes]) -> bytes:
    while len(row) > 1:
        row = [node_hash(row[at], row[at + 1]) for at in range(0, len(row), 2)]
    return row[0]
