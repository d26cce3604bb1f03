"""The ends of the wire that wait for answers: custodian to ledger, gate to custodians."""

import asyncio
import os
import socket
from collections.abc import Callable, Sequence
from typing import Any, Final, NoReturn, TypeVar

import msgspec

from strongroom.domain import limits
from strongroom.domain.calls import Call, Reply
from strongroom.domain.errors import Unavailable
from strongroom.domain.otp.credential import CredentialRow
from strongroom.domain.records import Kind, Record, Ref
from strongroom.node import log, wire
from strongroom.ports.ledger import Changed
from strongroom.ports.store import (
    Checkpoints,
    Commit,
    Cursor,
    EventPage,
    EventQuery,
    Extent,
    Outcome,
    StoredEvent,
    Tree,
    Usage,
)
from strongroom.tlog.merkle import Node

_Answer = TypeVar("_Answer")
_SWEEP_SECONDS: Final = 1.0
_ALONE_SWEEPS_MAX: Final = 10
_BATCH_MAX: Final = 512  # commits in one frame, so that none comes near the frame's limit
_BATCH_BYTES_MAX: Final = 8 * 1024 * 1024  # of records in one frame, likewise
_FLUSH_BYTES: Final = 4 * 1024 * 1024  # of asks; more of them go in a frame of their own
_UNAVAILABLE: Final = Reply(
    code=Unavailable.code, detail="no custodian can take this now; try again in a moment"
)
_CANNOT_WRITE: Final = "the ledger cannot write now; try again"
_NO_OUTCOME: Final = Reply(
    code=Unavailable.code, detail="the outcome is not known; it is safe to try again"
)

_encode = msgspec.msgpack.Encoder().encode
_from_ledger = msgspec.msgpack.Decoder(wire.FromLedger)
_replies = msgspec.msgpack.Decoder(wire.Replies)


class LedgerLink:
    """The `Ledger` port over the wire. One batch is away at a time; what queues up is the next."""

    def __init__(self, deployment: bytes) -> None:
        self.deployment = deployment
        self.epoch = -1
        self._listeners: list[Changed] = []
        self._frames: wire.Frames | None = None
        self._away = False
        self._number = 0
        self._commits: list[tuple[int, Commit]] = []
        self._reads: list[tuple[int, wire.Read]] = []
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._ready: asyncio.Event = asyncio.Event()

    @property
    def attached(self) -> bool:
        """Whether there is a line to a ledger."""
        return self._frames is not None

    @property
    def waiting(self) -> int:
        """Requests that have no answer yet."""
        return len(self._waiting)

    def listen(self, changed: Changed) -> None:
        """Announce changes to this listener from now on."""
        self._listeners.append(changed)

    async def attach(self, line: socket.socket) -> None:
        """Speak over this socket from now on. What was known is forgotten: it is another ledger."""
        if self._frames is not None:
            former = self._frames
            self._lost(former)
            former.close()
        frames: wire.Frames

        def received(payload: bytes) -> None:
            # What a former ledger still has to say is of its epochs, not of this one's.
            if frames is self._frames:
                self._received(payload)

        loop = asyncio.get_running_loop()
        _, frames = await loop.create_connection(
            lambda: wire.Frames(received, lambda: self._lost(frames)), sock=line
        )
        self._frames = frames
        self._away = True
        self.epoch = -1
        frames.send(_encode(wire.ToLedger(-1, [], [])))

    async def ready(self) -> None:
        """Return when the ledger has answered."""
        await self._ready.wait()

    async def load(self, refs: Sequence[Ref]) -> list[Record | None]:
        """The records, in the order asked."""
        return wire.MAYBE_RECORDS.decode(await self._ask(wire.Load(list(refs))))

    async def find(self, kind: Kind, namespace: bytes, name: str) -> Record | None:
        """The record with that name."""
        return wire.MAYBE_RECORD.decode(await self._ask(wire.Find(kind, namespace, name)))

    async def family(self, kind: Kind, prefix: bytes, limit: int) -> list[Record]:
        """The records whose ids begin so."""
        return wire.RECORDS.decode(await self._ask(wire.Family(kind, prefix, limit)))

    async def due(self, now_us: int, limit: int, skip: int = 0) -> list[Record]:
        """Records that are due, the longest due first, without the first `skip`."""
        return wire.RECORDS.decode(await self._ask(wire.Due(now_us, limit, skip)))

    async def credentials(
        self, namespace: bytes, ids: Sequence[bytes]
    ) -> list[CredentialRow | None]:
        """Rows of credentials, in the order asked."""
        ask = wire.Credentials(namespace, list(ids))
        return wire.MAYBE_CREDENTIALS.decode(await self._ask(ask))

    async def credentials_of(
        self, namespace: bytes, user: bytes, limit: int
    ) -> list[CredentialRow]:
        """The rows of that user."""
        return wire.CREDENTIALS.decode(await self._ask(wire.CredentialsOf(namespace, user, limit)))

    async def credentials_due(self, now_us: int, limit: int, skip: int = 0) -> list[CredentialRow]:
        """Rows that are due, the longest due first, without the first `skip`."""
        return wire.CREDENTIALS.decode(await self._ask(wire.CredentialsDue(now_us, limit, skip)))

    async def credential_page(
        self, namespace: bytes, after: bytes, limit: int
    ) -> list[CredentialRow]:
        """Rows in the order of ids."""
        return wire.CREDENTIALS.decode(
            await self._ask(wire.CredentialPage(namespace, after, limit))
        )

    async def usage(self, namespace: bytes, object: str, since_day: int, limit: int) -> list[Usage]:  # noqa: A002 - as in an entry
        """Uses of an object from that day on, newest day first."""
        ask = wire.ReadUsage(namespace, object, since_day, limit)
        return wire.USAGE.decode(await self._ask(ask))

    async def page(self, kind: Kind, namespace: bytes, after: str, limit: int) -> list[Record]:
        """Records in the order of names."""
        return wire.RECORDS.decode(await self._ask(wire.ReadPage(kind, namespace, after, limit)))

    async def events(self, query: EventQuery) -> EventPage:
        """Audit entries."""
        return wire.EVENTS.decode(await self._ask(wire.ReadEvents(query)))

    async def hashes(self, nodes: Sequence[Node]) -> list[bytes]:
        """The hashes of subtrees of the log; empty when one is beyond it."""
        return wire.HASHES.decode(await self._ask(wire.ReadHashes(list(nodes))))

    async def entries(self, first: int, limit: int) -> list[StoredEvent]:
        """Entries of all namespaces from a position on."""
        return wire.ENTRIES.decode(await self._ask(wire.ReadEntries(first, limit)))

    async def changes(self, first: int, limit: int, *, erasing: bool) -> list[StoredEvent]:
        """Entries that changed records, from a position on."""
        return wire.ENTRIES.decode(await self._ask(wire.ReadChanges(first, limit, erasing)))

    async def checkpoints(self) -> Checkpoints:
        """The newest checkpoints."""
        return wire.CHECKPOINTS.decode(await self._ask(wire.ReadCheckpoints()))

    async def keep_checkpoints(self, checkpoints: Checkpoints) -> None:
        """Keep newer ones, durably."""
        await self._ask(wire.KeepCheckpoints(checkpoints))

    async def cursor(self, name: str) -> Cursor | None:
        """How far that reader has come."""
        return wire.MAYBE_CURSOR.decode(await self._ask(wire.ReadCursor(name)))

    async def move_cursor(self, cursor: Cursor) -> None:
        """Remember how far a reader has come, durably."""
        await self._ask(wire.MoveCursor(cursor))

    async def extent(self, before_us: int) -> Extent:
        """What is in the archive, and what of the time before could be put there."""
        return wire.EXTENT.decode(await self._ask(wire.ReadExtent(before_us)))

    async def copy_out(self, end: int) -> int:
        """Put entries below a position into files, some at a time. How far they are there."""
        return wire.POSITION.decode(await self._ask(wire.CopyOut(end)))

    async def let_go(self, end: int) -> int:
        """Take out of the database what is in files, below a position. How far that is done."""
        return wire.POSITION.decode(await self._ask(wire.LetGo(end)))

    async def growth(self) -> Tree:
        """The log's size and root, as they are."""
        return wire.TREE.decode(await self._ask(wire.ReadGrowth()))

    async def tree(self) -> Tree:
        """The log's size and root, after a durable write."""
        return wire.TREE.decode(await self._ask(wire.ReadTree()))

    async def commit(self, commit: Commit) -> Outcome:
        """Keep one decision, durably."""
        number, future = self._future()
        self._commits.append((number, commit))
        if not self._away:
            self._send()
        outcome: Outcome = await future
        return outcome

    async def _ask(self, read: wire.Read) -> msgspec.Raw:
        number, future = self._future()
        self._reads.append((number, read))
        if not self._away:
            self._send()
        result: msgspec.Raw = await future
        return result

    def _future(self) -> tuple[int, asyncio.Future[Any]]:
        if self._frames is None or self.epoch < 0:
            raise Unavailable("the ledger does not answer; try again in a moment")
        if len(self._waiting) >= limits.CUSTODIAN_COMMITS_MAX:
            raise Unavailable("too many requests wait for the ledger; try again in a moment")
        self._number += 1
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting[self._number] = future
        return self._number, future

    def _send(self) -> None:
        if self._frames is None:
            return
        self._away = True
        count = _fitting(self._commits)
        commits, self._commits = self._commits[:count], self._commits[count:]
        reads, self._reads = self._reads[:_BATCH_MAX], self._reads[_BATCH_MAX:]
        self._frames.send(_encode(wire.ToLedger(self.epoch, commits, reads)))

    def _received(self, payload: bytes) -> None:
        answer = _from_ledger.decode(payload)
        if answer.turn:
            # First what changed, then the results: nothing is decided on what was known before.
            if answer.epoch != self.epoch:
                self.epoch = answer.epoch
                for listener in self._listeners:
                    listener(answer.changed)
            self._ready.set()
            self._away = False
        waiting = self._waiting
        for number, outcome in answer.outcomes:
            _resolve(waiting.pop(number, None), outcome)
        for number, result in answer.results:
            _resolve(waiting.pop(number, None), result)
        for number in answer.failed:
            future = waiting.pop(number, None)
            if future is not None and not future.done():
                future.set_exception(Unavailable(answer.why or _CANNOT_WRITE))
        if answer.turn and (self._commits or self._reads):
            self._send()

    def _lost(self, frames: wire.Frames) -> None:
        if frames is not self._frames:
            return
        self._frames = None
        self._ready.clear()
        self._commits, self._reads = [], []
        waiting, self._waiting = self._waiting, {}
        for future in waiting.values():
            if not future.done():
                future.set_exception(Unavailable(_NO_OUTCOME.detail))


class CustodianLink:
    """One gate's line to one custodian. What is asked in one turn of the loop goes in one frame."""

    def __init__(self, lost: Callable[["CustodianLink"], None]) -> None:
        self._gone = lost
        self._frames: wire.Frames | None = None
        self._loop = asyncio.get_running_loop()
        self._number = 0
        self._out: list[tuple[int, Call]] = []
        self._out_bytes = 0
        self._waiting: dict[int, tuple[float, asyncio.Future[Reply]]] = {}

    async def attach(self, line: socket.socket) -> None:
        """Speak over this socket."""
        _, self._frames = await self._loop.create_connection(
            lambda: wire.Frames(self._received, self._lost), sock=line
        )

    @property
    def waiting(self) -> int:
        """Calls without a reply."""
        return len(self._waiting)

    @property
    def full(self) -> bool:
        """Whether another call would be one too many."""
        return (
            self._frames is None
            or len(self._waiting) >= limits.GATE_CALLS_MAX
            or self._frames.waiting_bytes > limits.WAITING_BYTES_MAX
        )

    def ask(self, call: Call) -> "asyncio.Future[Reply]":
        """The reply, some time."""
        self._number = number = self._number + 1
        future = self._loop.create_future()
        self._waiting[number] = (self._loop.time() + limits.CALL_SECONDS_MAX, future)
        if not self._out:
            self._loop.call_soon(self._flush)
        self._out.append((number, call))
        self._out_bytes += len(call.ask)
        if self._out_bytes > _FLUSH_BYTES:
            self._flush()
        return future

    def _flush(self) -> None:
        out, self._out = self._out, []
        self._out_bytes = 0
        if self._frames is not None and out:
            self._frames.send(_encode(wire.Calls(out)))

    def _received(self, payload: bytes) -> None:
        for number, reply in _replies.decode(payload).replies:
            waiting = self._waiting.pop(number, None)
            if waiting is not None:
                _resolve(waiting[1], reply)

    def sweep(self) -> None:
        """Give up on calls that have waited too long. They stand in order of their deadlines."""
        now = self._loop.time()
        for number, (deadline, future) in list(self._waiting.items()):
            if deadline > now:
                return
            del self._waiting[number]
            _resolve(future, _NO_OUTCOME)

    def _lost(self) -> None:
        self._frames = None
        self._out = []
        waiting, self._waiting = self._waiting, {}
        for _, future in waiting.values():
            _resolve(future, _NO_OUTCOME)
        self._gone(self)


class Custodians:
    """The `Custodian` port over all custodians of the node: each call goes to the least busy."""

    def __init__(self) -> None:
        self._links: list[CustodianLink] = []
        self.joined = asyncio.Event()  # there has been a custodian

    async def attach(self, line: socket.socket) -> None:
        """One more custodian."""
        link = CustodianLink(self._links_remove)
        await link.attach(line)
        self._links.append(link)
        self.joined.set()

    def _links_remove(self, link: CustodianLink) -> None:
        if link in self._links:
            self._links.remove(link)

    @property
    def attached(self) -> bool:
        """Whether there is a line to any custodian."""
        return bool(self._links)

    @property
    def waiting(self) -> int:
        """Calls without a reply."""
        return sum(link.waiting for link in self._links)

    async def ask(self, call: Call) -> Reply:
        """The reply to one call; `unavailable` when there is none to be had."""
        links = self._links
        link = links[0] if len(links) == 1 else min(links, key=_busy, default=None)
        if link is None or link.full:
            return _UNAVAILABLE
        return await link.ask(call)

    async def sweep_forever(self) -> None:
        """Give up on what waited too long, once a second."""
        while True:
            await asyncio.sleep(_SWEEP_SECONDS)
            for link in self._links:
                link.sweep()


async def leave_when_alone(attached: Callable[[], bool]) -> NoReturn:
    """End the process when it has had no peer for a while.

    The supervisor joins a new process to its peers at once. Who is alone all the same has hung up
    on a peer that it did not understand, or was hung up on, and starts afresh.
    """
    alone = 0
    while True:
        await asyncio.sleep(_SWEEP_SECONDS)
        alone = 0 if attached() else alone + 1
        if alone > _ALONE_SWEEPS_MAX:
            log.warning("without a peer for too long; starting afresh")
            os._exit(1)


def _fitting(commits: Sequence[tuple[int, Commit]]) -> int:
    """How many of the commits go in one batch; one in any case."""
    size = 0
    for count, (_, commit) in enumerate(commits[:_BATCH_MAX]):
        for write in commit.writes:
            size += len(write.record.body)
        if size > _BATCH_BYTES_MAX and count:
            return count
    return min(len(commits), _BATCH_MAX)


def _busy(link: CustodianLink) -> int:
    return link.waiting


def _resolve(future: "asyncio.Future[_Answer] | None", answer: _Answer) -> None:
    # A caller that hung up has cancelled its future.
    if future is not None and not future.done():
        future.set_result(answer)
