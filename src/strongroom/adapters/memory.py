"""The `Store` port in memory: for tests, and the plainest statement of what a store does."""

import threading
from collections.abc import Iterator, Mapping, Sequence

from msgspec.structs import replace

from strongroom.adapters.freshness import Freshness
from strongroom.domain.otp.credential import DECOY, CredentialRow
from strongroom.domain.records import Kind, Record, Ref
from strongroom.domain.times import DAY_US
from strongroom.ports.store import (
    ANY_REVISION,
    Checkpoints,
    Commit,
    Conflict,
    Cursor,
    Entry,
    EventPage,
    EventQuery,
    Exhausted,
    Extent,
    Kept,
    Move,
    Outcome,
    Quota,
    Rate,
    Stale,
    StoredEvent,
    StoreUnavailable,
    Tree,
    Usage,
    Write,
)
from strongroom.tlog.merkle import Frontier, Node, leaf_hash, node_hash
from strongroom.tlog.tiles import WIDTH

_Records = dict[tuple[Kind, bytes], Record]


class MemoryStore:
    """See `ports/store.py` for the promises. "On disk" is as long as the process lives, here."""

    def __init__(self, deployment: bytes) -> None:
        self.deployment = deployment
        self._lock = threading.Lock()  # lists and searches may come from another thread
        self._records: _Records = {}
        self._due: dict[tuple[Kind, bytes], int] = {}
        self._credentials: dict[tuple[bytes, bytes], CredentialRow] = {}
        self._rated: dict[tuple[bytes, str], list[tuple[int, int]]] = {}  # time and count of uses
        self._entries: list[tuple[Entry, bytes]] = []
        self._changes: list[tuple[int, bool]] = []  # position of an entry, whether it erased
        self._frontier = Frontier()
        self._checkpoints = Checkpoints()
        self._archived = self._copied = 0
        self._cursors: dict[str, Cursor] = {}
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

    def due(self, now_us: int, limit: int, skip: int = 0) -> list[Record]:
        """Records that are due, the longest due first, without the first `skip`."""
        self._check_open()
        found = sorted((at, *key) for key, at in self._due.items() if 0 < at <= now_us)
        shown = found[max(skip, 0) :][: max(limit, 0)]
        return [self._records[kind, record_id] for _, kind, record_id in shown]

    def credentials(self, namespace: bytes, ids: Sequence[bytes]) -> list[CredentialRow | None]:
        """Rows of credentials, in the order asked."""
        self._check_open()
        return [self._credentials.get((namespace, credential_id)) for credential_id in ids]

    def credentials_of(self, namespace: bytes, user: bytes, limit: int) -> list[CredentialRow]:
        """The rows of that user, in the order of their ids."""
        self._check_open()
        found = [
            row for row in self._credentials.values()
            if user and (row.namespace, row.user) == (namespace, user)
        ]  # fmt: skip
        return sorted(found, key=lambda row: row.id)[: max(limit, 0)]

    def credentials_due(self, now_us: int, limit: int, skip: int = 0) -> list[CredentialRow]:
        """Rows that are due, the longest due first, without the first `skip`."""
        self._check_open()
        found = [row for row in self._credentials.values() if 0 < row.due_us <= now_us]
        found.sort(key=lambda row: (row.due_us, row.namespace, row.id))
        return found[max(skip, 0) :][: max(limit, 0)]

    def credential_page(self, namespace: bytes, after: bytes, limit: int) -> list[CredentialRow]:
        """Rows of a namespace in the order of ids, after that id."""
        self._check_open()
        with self._lock:
            found = [
                row for row in self._credentials.values()
                if row.namespace == namespace and row.id > after and row.state != DECOY
            ]  # fmt: skip
        return sorted(found, key=lambda row: row.id)[: max(limit, 0)]

    def usage(self, namespace: bytes, object: str, since_day: int, limit: int) -> list[Usage]:  # noqa: A002 - as in an entry
        """Uses of an object from that day on, newest day first."""
        self._check_open()
        rows: dict[tuple[int, int, str], tuple[int, int]] = {}
        for entry, version, count in self._uses(namespace, object):
            row = entry.time_us // DAY_US, version, entry.principal
            before, last_us = rows.get(row, (0, entry.time_us))
            rows[row] = before + count, max(last_us, entry.time_us)
        return [
            Usage(version, principal, day, count, last_us)
            for (day, version, principal), (count, last_us) in sorted(rows.items(), reverse=True)
            if day >= since_day
        ][: max(limit, 0)]

    def _uses(self, namespace: bytes, name: str) -> Iterator[tuple[Entry, int, int]]:
        """Who used it: the entry, the version, the count."""
        for entry, _ in self._entries:
            for tally in entry.tally:
                if (entry.namespace, tally.object) == (namespace, name) and tally.count > 0:
                    yield entry, tally.version, tally.count

    def commit(self, group: Sequence[Commit]) -> list[Outcome]:
        """Keep the group."""
        self._check_open()
        with self._lock:
            return [self._commit(commit) for commit in group]

    def _commit(self, commit: Commit) -> Outcome:
        if self._fresh.is_stale(commit.epoch, commit.facts):
            return Stale()
        entry, quota = commit.entry, commit.quota
        refusal = self._put(commit)
        if refusal is not None:
            return refusal
        position = self._frontier.size
        for one in (entry, *commit.also):
            leaf = leaf_hash(one.body)
            self._entries.append((one, leaf))
            self._frontier.append(leaf)
        if commit.writes:
            self._changes.append((position, commit.erases))
        if quota is None:
            return Kept(position)
        uses = self._uses(entry.namespace, quota.object)
        return Kept(position, sum(count for _, version, count in uses if version == quota.version))

    def _put(self, commit: Commit) -> Conflict | Exhausted | None:
        """Writes, moves and rates: all of them, or none and why."""
        entry, quota = commit.entry, commit.quota
        taken = 0 if quota is None else _taken(entry, quota) + quota.rehearsed
        rates = list(commit.rates)
        if quota is not None and quota.rate_max and taken:
            rates.append(Rate(quota.object, quota.rate_max, quota.rate_us, taken))
        kept = list(commit.rates) if quota is not None and quota.rehearsed else rates
        if quota is not None and taken and quota.uses_max:
            used = sum(count for _, _, count in self._uses(entry.namespace, quota.object))
            if used + taken > quota.uses_max:
                return Exhausted(rate=False)
        if not self._bears(entry, rates):
            return Exhausted(rate=True)
        records = self._records.copy() if commit.writes else self._records
        for write in commit.writes:
            if (conflict := _write(records, write)) is not None:
                return conflict
        moved = _moved(self._credentials, commit.moves)
        if moved is None:
            return Conflict(name=False)
        self._records = records
        self._credentials.update(moved)
        self._take(entry, kept)
        if commit.writes:
            for write in commit.writes:
                self._due[write.record.kind, write.record.id] = write.due_us
            changed = [fact for write in commit.writes for fact in write.record.facts]
            self._fresh.note(self.epoch + 1, changed)
        return None

    def _bears(self, entry: Entry, rates: Sequence[Rate]) -> bool:
        for rate in rates:
            rated = self._rated.get((entry.namespace, rate.object), [])
            now_us = max([entry.time_us, *(at for at, _ in rated)])
            lately = sum(count for at, count in rated if at + rate.rate_us > now_us)
            if lately + rate.count > rate.most:
                return False
        return True

    def _take(self, entry: Entry, rates: Sequence[Rate]) -> None:
        for rate in rates:
            rated = self._rated.setdefault((entry.namespace, rate.object), [])
            rated.append((max([entry.time_us, *(at for at, _ in rated)]), rate.count))

    def settle_counts(self) -> float | None:
        """Nothing is put off here."""
        self._check_open()
        return None

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
        first = max(query.after + 1, 0)
        end = query.before if query.newest and query.before > 0 else len(entries)
        positions = range(first, min(end, len(entries)))
        found: list[StoredEvent] = []
        scanned = max(end, first) if query.newest else query.after
        for position in reversed(positions) if query.newest else positions:
            if len(found) >= query.limit:
                break
            scanned = position
            entry, leaf = entries[position]
            if _matches(query, entry):
                found.append(StoredEvent(position, leaf, entry.body, entry.sealed))
        return EventPage(found, scanned, len(entries))

    def hashes(self, nodes: Sequence[Node]) -> list[bytes]:
        """The hashes of subtrees of the log."""
        self._check_open()
        with self._lock:
            leaves = [leaf for _, leaf in self._entries]
        return [_hash(leaves, *node) for node in nodes]

    def entries(self, first: int, limit: int) -> list[StoredEvent]:
        """Entries of all namespaces, in order."""
        self._check_open()
        with self._lock:
            size = len(self._entries)
            return [
                StoredEvent(position, self._entries[position][1], entry.body, entry.sealed)
                for position in range(max(first, 0), min(first + limit, size))
                for entry in (self._entries[position][0],)
            ]

    def changes(self, first: int, limit: int, *, erasing: bool) -> list[StoredEvent]:
        """Entries that changed records, in order."""
        self._check_open()
        with self._lock:
            found = [
                StoredEvent(position, self._entries[position][1], self._entries[position][0].body)
                for position, erased in self._changes
                if position >= first and (erased or not erasing)
            ]
        return found[: max(limit, 0)]

    def checkpoints(self) -> Checkpoints:
        """The newest checkpoints."""
        self._check_open()
        return self._checkpoints

    def keep_checkpoints(self, checkpoints: Checkpoints) -> None:
        """Keep those that are newer."""
        self._check_open()
        kept, size = self._checkpoints, self._frontier.size
        if checkpoints.signed and kept.size <= checkpoints.size <= size:
            kept = replace(kept, size=checkpoints.size, signed=checkpoints.signed)
        if checkpoints.counted and kept.counted_size <= checkpoints.counted_size <= size:
            kept = replace(kept, counted_size=checkpoints.counted_size, counted=checkpoints.counted)
        self._checkpoints = kept

    def cursor(self, name: str) -> Cursor | None:
        """How far that reader has come."""
        self._check_open()
        return self._cursors.get(name)

    def move_cursor(self, cursor: Cursor) -> None:
        """Remember it."""
        self._check_open()
        self._cursors[cursor.name] = cursor

    def extent(self, before_us: int) -> Extent:
        """What is in the archive, and what could be put there."""
        self._check_open()
        older = 0
        while older < len(self._entries) and self._entries[older][0].time_us < before_us:
            older += 1
        ready = min(older, self._checkpoints.counted_size) // WIDTH * WIDTH
        return Extent(self._archived, max(ready, self._archived))

    def copy_out(self, end: int) -> int:
        """There is but one place, here."""
        self._check_open()
        self._copied = max(self._archived, min(end, self.extent(2**63).ready) // WIDTH * WIDTH)
        return self._copied

    def let_go(self, end: int) -> int:
        """There is but one place, here."""
        self._check_open()
        self._archived = max(self._archived, min(end, self._copied) // WIDTH * WIDTH)
        return self._archived

    def probe(self) -> None:
        """Nothing can be full or broken here, only closed."""
        self._check_open()

    def close(self) -> None:
        """Let go of everything."""
        self._closed = True
        self._records = {}
        self._due = {}
        self._entries = []

    def _check_open(self) -> None:
        if self._closed:
            raise StoreUnavailable("the store is closed")


def _hash(leaves: Sequence[bytes], height: int, number: int) -> bytes:
    if height < 0 or number < 0 or (number + 1) << height > len(leaves):
        raise ValueError("a hash beyond the log")
    if not height:
        return leaves[number]
    halves = [_hash(leaves, height - 1, 2 * number + right) for right in (0, 1)]
    return node_hash(*halves)


def _taken(entry: Entry, quota: Quota) -> int:
    return sum(
        tally.count for tally in entry.tally if tally.object == quota.object and tally.count > 0
    )


def _moved(
    credentials: Mapping[tuple[bytes, bytes], CredentialRow], moves: Sequence[Move]
) -> dict[tuple[bytes, bytes], CredentialRow] | None:
    """The rows after all the moves, each seeing the ones before it; None: a race was lost."""
    moved: dict[tuple[bytes, bytes], CredentialRow] = {}
    for move in moves:
        key = move.row.namespace, move.row.id
        before = moved.get(key) or credentials.get(key)
        revision = 0 if before is None else before.revision
        if move.replaces not in (ANY_REVISION, revision):
            return None
        moved[key] = move.row
    return moved


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
