"""The `Store` port in memory: for tests, and the plainest statement of what a store does."""

import threading
from collections.abc import Sequence

from strongroom.adapters.freshness import Freshness
from strongroom.domain.records import Kind, Record, Ref
from strongroom.ports.store import (
    Commit,
    Conflict,
    Entry,
    EventPage,
    EventQuery,
    Kept,
    Outcome,
    Stale,
    StoredEvent,
    StoreUnavailable,
    Tree,
    Write,
)
from strongroom.tlog.merkle import Frontier, leaf_hash

_Records = dict[tuple[Kind, bytes], Record]


class MemoryStore:
    """See `ports/store.py` for the promises. "On disk" is as long as the process lives, here."""

    def __init__(self, deployment: bytes) -> None:
        self.deployment = deployment
        self._lock = threading.Lock()  # `page` and `events` may come from another thread
        self._records: _Records = {}
        self._entries: list[tuple[Entry, bytes]] = []
        self._frontier = Frontier()
        self._fresh = Freshness(0)
        self._closed = False

    @property
    def epoch(self) -> int:
        """The number of commits that wrote records so far."""
        return self._fresh.epoch

    @property
    def tree(self) -> Tree:
        """The log's size and root."""
        return Tree(self._frontier.size, self._frontier.root())

    def changed_since(self, epoch: int) -> Sequence[bytes] | None:
        """The facts that changed after that epoch, if still known."""
        return self._fresh.changed_since(epoch)

    def load(self, refs: Sequence[Ref]) -> list[Record | None]:
        """The records, in the order asked."""
        self._check_open()
        return [self._records.get((ref.kind, ref.id)) for ref in refs]

    def find(self, kind: Kind, namespace: bytes, name: str) -> Record | None:
        """The record with that name."""
        self._check_open()
        return _holder(self._records, kind, namespace, name)

    def family(self, kind: Kind, prefix: bytes, limit: int) -> list[Record]:
        """The records whose ids begin so, greatest first."""
        self._check_open()
        found = [
            record
            for record in self._records.values()
            if record.kind is kind and record.id.startswith(prefix)
        ]
        found.sort(key=lambda record: record.id, reverse=True)
        return found[: max(limit, 0)]

    def commit(self, group: Sequence[Commit]) -> list[Outcome]:
        """Keep the group."""
        self._check_open()
        with self._lock:
            return [self._commit(commit) for commit in group]

    def _commit(self, commit: Commit) -> Outcome:
        if self._fresh.is_stale(commit.epoch, commit.facts):
            return Stale()
        if commit.writes:
            records = self._records.copy()
            for write in commit.writes:
                if (conflict := _write(records, write)) is not None:
                    return conflict
            self._records = records
            self._fresh.note(self.epoch + 1, [write.record.fact for write in commit.writes])
        leaf = leaf_hash(commit.entry.body)
        self._entries.append((commit.entry, leaf))
        self._frontier.append(leaf)
        return Kept(self._frontier.size - 1)

    def page(self, kind: Kind, namespace: bytes, after: str, limit: int) -> list[Record]:
        """Records of a namespace in the order of names."""
        self._check_open()
        with self._lock:
            found = [
                record
                for record in self._records.values()
                if record.kind is kind
                and record.namespace == namespace
                and record.name.encode() > after.encode()
            ]
        # In UTF-8, as a database sorts; a name is never empty here, for it is greater than `after`.
        found.sort(key=lambda record: record.name.encode())
        return found[: max(limit, 0)]

    def events(self, query: EventQuery) -> EventPage:
        """Audit entries."""
        self._check_open()
        with self._lock:
            entries = self._entries.copy()
        found: list[StoredEvent] = []
        scanned = query.after
        for position in range(max(query.after + 1, 0), len(entries)):
            if len(found) >= query.limit:
                break
            scanned = position
            entry, leaf = entries[position]
            if _matches(query, entry):
                found.append(StoredEvent(position, leaf, entry.body))
        return EventPage(found, scanned, len(entries))

    def probe(self) -> None:
        """Nothing can be full or broken here, only closed."""
        self._check_open()

    def close(self) -> None:
        """Let go of everything."""
        self._closed = True
        self._records = {}
        self._entries = []

    def _check_open(self) -> None:
        if self._closed:
            raise StoreUnavailable("the store is closed")


def _write(records: _Records, write: Write) -> Conflict | None:
    record = write.record
    present = records.get((record.kind, record.id))
    if (0 if present is None else present.revision) != write.replaces:
        return Conflict(name=False)
    holder = _holder(records, record.kind, record.namespace, record.name)
    if holder is not None and holder.id != record.id:
        return Conflict(name=True)
    records[record.kind, record.id] = record
    return None


def _holder(records: _Records, kind: Kind, namespace: bytes, name: str) -> Record | None:
    if not name:
        return None
    wanted = (kind, namespace, name)
    same = (r for r in records.values() if (r.kind, r.namespace, r.name) == wanted)
    return next(same, None)


def _matches(query: EventQuery, entry: Entry) -> bool:
    return (
        entry.namespace == query.namespace
        and entry.time_us >= query.since_us
        and (not query.until_us or entry.time_us <= query.until_us)
        and query.principal in {"", entry.principal}
        and query.object in {"", entry.object}
        and query.action in {"", entry.action}
        and query.outcome in {"", entry.outcome}
        and query.request in {"", entry.request}
    )
