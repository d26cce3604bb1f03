"""The log's part of `checking.py`: entries, tree, index, counts; and what else the log tells of."""

from collections.abc import Callable, Iterable
from typing import Final

import msgspec

from strongroom.domain.destructions import Destruction, destruction_of
from strongroom.domain.events import USES, Event
from strongroom.domain.times import rfc3339
from strongroom.ports.inspection import EntryRow, Inspection
from strongroom.ports.store import StoreDamaged
from strongroom.services.checking_counts import Counts
from strongroom.services.folding import Newest, remember
from strongroom.tlog.merkle import EMPTY_ROOT, HASH_BYTES, Frontier, leaf_hash

_STEP: Final = 1_000  # entries between two reports of progress

Found = Callable[[str, object, str], None]
"""Is told of a table, a place in it, and what is wrong there."""


class LogCheck:
    """One pass over the entries, in order. Afterwards it knows what the log says."""

    def __init__(
        self,
        inspection: Inspection,
        namespaces: dict[bytes, str],
        found: Found,
        *,
        sizes: Iterable[int],
        positions: Iterable[int],
    ) -> None:
        """`sizes` are those whose roots are asked for, `positions` those whose leaf hashes are."""
        self._at = inspection
        self._namespaces = namespaces
        self._found = found
        self.size = 0
        self.root = EMPTY_ROOT
        self.roots: dict[int, bytes] = {0: EMPTY_ROOT}
        self.leaves: dict[int, bytes] = {}
        self.newest = Newest()  # what the log names last of each record
        self.old_changes: set[str] = set()  # requests that changed, when entries did not say what
        self.destroyed: list[Destruction] = []
        self.counts = Counts(inspection)
        self._sizes = set(sizes)
        self._positions = set(positions)
        self._frontier = Frontier()
        self._gap = False  # from here on, there is no tree
        self._changes = dict(inspection.changes())
        self._subtrees = {(height, number): root for height, number, root in inspection.subtrees()}
        self._sealed = set(inspection.sealed())

    def run(self, progress: Callable[[int], None]) -> None:
        """Look at all entries."""
        for row in self._at.entries():
            self._look_at(row)
            self.size += 1
            if not self.size % _STEP:
                progress(_STEP)
        progress(self.size % _STEP)
        self.root = self._frontier.root()
        if not self._gap and self._at.meta("frontier") != self._frontier.to_bytes():
            self._found("meta", "frontier", "the tree over the entries is another one")
        for height, number in self._subtrees:
            self._found("subtrees", f"{height}/{number}", "the log has no such subtree")
        for position in self._changes:
            self._found("changes", position, "the entry there changed no record")
        for position in self._sealed:
            self._found("sealed", position, "the entry there does not commit to any details")
        for part in self._at.misled():
            self._found("columns", part, "searches are led wrong by it, and may miss entries")
        for key, what in self.counts.differences():
            self._found("usage", key, what)

    def _look_at(self, row: EntryRow) -> None:
        position = row.position
        if not self._gap and position != self._frontier.size:
            self._found("entries", self._frontier.size, "it is gone")
            self._gap = True
        body = row.body
        leaf = leaf_hash(body) if isinstance(body, bytes) else bytes(HASH_BYTES)
        if row.leaf_hash != leaf:
            self._found("entries", position, "its body is not the one that its leaf hash is of")
        event = _decoded(body)
        if event is None or not isinstance(position, int):
            self._found("entries", position, "its body is not an audit entry")
        else:
            self._compare_columns(row, event)
            self.counts.add(row.namespace, row.time_us, position, event)
            self._take_in(event, position, leaf)
        if not self._gap:
            self._grow(leaf)

    def _grow(self, leaf: bytes) -> None:
        frontier = self._frontier
        frontier.append(leaf)
        if frontier.full:
            for (height, number), root in frontier.full:
                stored = self._subtrees.pop((height, number), None)
                if stored != root:
                    what = "is missing" if stored is None else "is another one"
                    self._found("subtrees", f"{height}/{number}", f"its root {what}")
            frontier.full.clear()
        if frontier.size in self._sizes:
            self.roots[frontier.size] = frontier.root()

    def _compare_columns(self, row: EntryRow, event: Event) -> None:
        columns = (row.principal, row.about, row.action, row.outcome, row.request)
        said = (event.principal, event.object, event.action, event.outcome, event.request)
        if columns != said:
            self._found("entries", row.position, "it is found by other words than are in it")
        if not isinstance(row.time_us, int) or rfc3339(row.time_us) != event.time:
            self._found("entries", row.position, "it is found by another time than is in it")
        space = row.namespace
        if not isinstance(space, bytes) or self._namespaces.get(space) != event.namespace:
            self._found("entries", row.position, "it is found in another namespace than is in it")

    def _take_in(self, event: Event, position: int, leaf: bytes) -> None:
        """What the entry says that is to be compared with something else later."""
        if event.format == 1 and event.action not in USES:
            self.old_changes.add(event.request)
        if event.sealed:
            self._sealed.discard(position)
        if position in self._positions:
            self.leaves[position] = leaf
        if not event.records:
            return
        erased = self._changes.pop(position, None)
        if erased is None:
            self._found("changes", position, "the entry there changed records, and is not listed")
        try:
            remember(self.newest, event.records, position)
            destruction = destruction_of(event, position, leaf)
        except (StoreDamaged, ValueError):
            self._found("entries", position, "it names something that is no record")
            return
        if destruction is not None:
            self.destroyed.append(destruction)
            if erased not in {1, None}:
                self._found("changes", position, "the entry there erased, and is not listed so")


def _decoded(body: object) -> Event | None:
    if not isinstance(body, bytes):
        return None
    try:
        return _event.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


_event: Final = msgspec.json.Decoder(Event)
