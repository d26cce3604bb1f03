"""The courier's line to the custodian: findings go over it, and nothing else.

The courier speaks to strangers, so the custodian believes it nothing but this: that somebody should
look at entries that it names. What could be done with a courier that was broken into is to raise
false alerts, and to hold back true ones.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import msgspec

from strongroom.domain.errors import Unavailable
from strongroom.domain.findings import Finding
from strongroom.node import log, wire

_FINDINGS_MAX: Final = 64  # in one message


class Found(msgspec.Struct, frozen=True, array_like=True):
    """Courier to custodian: what the watcher found."""

    number: int
    findings: list[Finding]


class Taken(msgspec.Struct, frozen=True, array_like=True):
    """Custodian to courier: whether they are on record. If not: again, later."""

    number: int
    done: bool


_encode = msgspec.msgpack.Encoder().encode
_found = msgspec.msgpack.Decoder(Found)
_taken = msgspec.msgpack.Decoder(Taken)


class FindingsLink:
    """The courier's end."""

    def __init__(self) -> None:
        self._frames: wire.Frames | None = None
        self._number = 0
        self._waiting: dict[int, asyncio.Future[bool]] = {}

    @property
    def attached(self) -> bool:
        """Whether there is a line to a custodian."""
        return self._frames is not None

    async def attach(self, line: socket.socket) -> None:
        """Speak over this socket from now on."""
        former, self._frames = self._frames, None
        if former is not None:
            former.close()
        frames: wire.Frames
        _, frames = await asyncio.get_running_loop().create_connection(
            lambda: wire.Frames(self._received, lambda: self._lost(frames)), sock=line
        )
        self._frames = frames

    async def raise_(self, findings: Sequence[Finding]) -> None:
        """Return when they are on record. Raises `Unavailable`."""
        for first in range(0, len(findings), _FINDINGS_MAX):
            await self._raise(findings[first : first + _FINDINGS_MAX])

    async def _raise(self, findings: Sequence[Finding]) -> None:
        if self._frames is None:
            raise Unavailable("there is no custodian to tell")
        self._number = number = self._number + 1
        future = self._waiting[number] = asyncio.get_running_loop().create_future()
        self._frames.send(_encode(Found(number, list(findings))))
        try:
            # However long it takes: a custodian that hangs is replaced, and its line is lost. To
            # ask again before would be to ask two things at a time.
            done = await future
        finally:
            self._waiting.pop(number, None)
        if not done:
            raise Unavailable("the custodian did not take what was found")

    def _received(self, payload: bytes) -> None:
        taken = _taken.decode(payload)
        future = self._waiting.get(taken.number)
        if future is not None and not future.done():
            future.set_result(taken.done)

    def _lost(self, frames: wire.Frames) -> None:
        if frames is self._frames:
            self._frames = None
        for future in self._waiting.values():
            if not future.done():
                future.set_result(False)


class FindingsDesk:
    """The custodian's end. `raise_` puts one finding on record; raises `Unavailable`."""

    def __init__(self, raise_: Callable[[Finding], Awaitable[object]]) -> None:
        self._raise = raise_
        self._frames: wire.Frames | None = None
        self._work: asyncio.Task[None] | None = None

    async def attach(self, line: socket.socket) -> None:
        """Listen on this socket."""
        _, self._frames = await asyncio.get_running_loop().create_connection(
            lambda: wire.Frames(self._received, self._lost), sock=line
        )

    def _received(self, payload: bytes) -> None:
        found = _found.decode(payload)
        if self._work is not None or len(found.findings) > _FINDINGS_MAX:
            raise wire.WireError("a courier asks one thing at a time")
        self._work = asyncio.get_running_loop().create_task(self._take(found))

    async def _take(self, found: Found) -> None:
        done = True
        for finding in found.findings:
            try:
                await self._raise(finding)
            except Unavailable:
                done = False
            except Exception:  # noqa: BLE001 - it would not be better for being tried again
                log.failure("a finding could not be put on record", rule=finding.rule)
        # Before the answer: the next message may be here before the task counts as done.
        self._work = None
        if self._frames is not None:
            self._frames.send(_encode(Taken(found.number, done)))

    def _lost(self) -> None:
        self._frames = None
