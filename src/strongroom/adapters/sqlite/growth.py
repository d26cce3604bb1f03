"""What a group of commits adds to the log."""

from collections.abc import Sequence
from typing import Final

import apsw

from strongroom.adapters.sqlite import tree
from strongroom.ports.store import Entry
from strongroom.tlog.merkle import Frontier, leaf_hash

Found = tuple[
    Sequence[bytes], Sequence[str], Sequence[str], Sequence[str], Sequence[str], Sequence[str]
]
"""What entries are found by, field by field: namespaces, principals, objects, actions, outcomes and
requests, each in the order of the entries."""

NOTHING: Final[Found] = ((), (), (), (), (), ())

INSERT_ENTRY: Final = "INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"


class Growth:
    """Entries in the order in which they are kept. `frontier` is the tree with those written."""

    def __init__(self, frontier: Frontier) -> None:
        self.frontier = frontier.copy()
        self.found = NOTHING
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
        # Once for every entry there is, so field by field, which is the quickest.
        self.found = (
            [entry.namespace for entry in entries],
            [entry.principal for entry in entries],
            [entry.object for entry in entries],
            [entry.action for entry in entries],
            [entry.outcome for entry in entries],
            [entry.request for entry in entries],
        )
        places = range(self._first, self._first + len(entries))
        times = [entry.time_us for entry in entries]
        leaves = [leaf_hash(entry.body) for entry in entries]
        bodies = [entry.body.decode() for entry in entries]
        rows = zip(places, times, *self.found, leaves, bodies, strict=True)
        db.executemany(INSERT_ENTRY, rows)
        sealed = [(at, e.sealed) for at, e in zip(places, entries, strict=True) if e.sealed]
        if sealed:
            # What is there already is nobody's: it must not keep the log from growing.
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
