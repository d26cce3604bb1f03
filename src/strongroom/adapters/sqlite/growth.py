"""What a group of commits adds to the log."""

from typing import Final

import apsw

from strongroom.adapters.sqlite import tree
from strongroom.ports.store import Entry
from strongroom.tlog.merkle import Frontier, leaf_hash

Row = tuple[int, int, bytes, str, str, str, str, str, bytes, str]
"""A row of `entries`."""

_INSERT_ENTRY: Final = "INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"


class Growth:
    """Entries in the order in which they are kept. `frontier` is the tree with those written."""

    def __init__(self, frontier: Frontier) -> None:
        self.frontier = frontier.copy()
        self.rows: list[Row] = []
        self._first = frontier.size
        self._entries: list[Entry] = []
        self._changes: list[tuple[int, bool]] = []

    def append(self, entry: Entry) -> int:
        """One more; its position."""
        self._entries.append(entry)
        return self._first + len(self._entries) - 1

    def changes(self, *, erases: bool) -> None:
        """The next one changes records."""
        self._changes.append((self._first + len(self._entries), erases))

    def write(self, db: apsw.Connection) -> None:
        """All of them, in the group's transaction."""
        entries = self._entries
        if not entries:
            return
        # Once for every entry there is: in plain loops, without a call for each.
        leaves = [leaf_hash(entry.body) for entry in entries]
        self.rows = [
            (
                at, e.time_us, e.namespace, e.principal, e.object, e.action, e.outcome, e.request,
                leaf, e.body.decode(),
            )
            for at, (e, leaf) in enumerate(zip(entries, leaves, strict=True), self._first)
        ]  # fmt: skip
        db.executemany(_INSERT_ENTRY, self.rows)
        # What is there already is nobody's: it must not keep the log from growing.
        sealed = [
            (at, entry.sealed) for at, entry in enumerate(entries, self._first) if entry.sealed
        ]
        if sealed:
            db.executemany("INSERT OR REPLACE INTO sealed VALUES (?, ?)", sealed)
        if self._changes:
            db.executemany("INSERT OR REPLACE INTO changes VALUES (?, ?)", self._changes)
        self.frontier.extend(leaves)
        if self.frontier.full:
            tree.keep(db, self.frontier.full)
            self.frontier.full.clear()
        db.execute(
            "INSERT OR REPLACE INTO meta VALUES ('frontier', ?)", (self.frontier.to_bytes(),)
        )
