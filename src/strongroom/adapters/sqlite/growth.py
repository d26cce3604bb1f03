"""What a group of commits adds to the log."""

from typing import Final

import apsw

from strongroom.adapters.sqlite import tree
from strongroom.ports.store import Entry
from strongroom.tlog.merkle import Frontier, leaf_hash

_INSERT_ENTRY: Final = "INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"


class Growth:
    """Entries in the order in which they are kept. `frontier` is the tree with them."""

    def __init__(self, frontier: Frontier) -> None:
        self.frontier = frontier.copy()
        self._rows: list[tuple[object, ...]] = []
        self._sealed: list[tuple[int, bytes]] = []
        self._changes: list[tuple[int, bool]] = []

    def append(self, entry: Entry, *, changes: bool, erases: bool) -> int:
        """One more, that changes records or not; its position."""
        position = self.frontier.size
        leaf = leaf_hash(entry.body)
        self._rows.append((
            position, entry.time_us, entry.namespace, entry.principal, entry.object, entry.action,
            entry.outcome, entry.request, leaf, entry.body.decode(),
        ))  # fmt: skip
        if entry.sealed:
            self._sealed.append((position, entry.sealed))
        if changes:
            self._changes.append((position, erases))
        self.frontier.append(leaf)
        return position

    def write(self, db: apsw.Connection) -> None:
        """All of them, in the group's transaction."""
        if not self._rows:
            return
        db.executemany(_INSERT_ENTRY, self._rows)
        # What is there already is nobody's: it must not keep the log from growing.
        db.executemany("INSERT OR REPLACE INTO sealed VALUES (?, ?)", self._sealed)
        db.executemany("INSERT OR REPLACE INTO changes VALUES (?, ?)", self._changes)
        tree.keep(db, self.frontier.full)
        self.frontier.full.clear()
        db.execute(
            "INSERT OR REPLACE INTO meta VALUES ('frontier', ?)", (self.frontier.to_bytes(),)
        )
