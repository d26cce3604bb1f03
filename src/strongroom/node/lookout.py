"""Feeds the log to the watcher, entry by entry, and hands its findings to the custodian.

A finding is the custodian's before the entries behind it count as read. What was learned is kept in
the ledger now and then; after a crash the entries since then are read again, and the findings that
come of it again have the same ids, by which the custodian knows them.

What was in the log before the watcher first ran is learned from, and raises nothing.
"""

import asyncio
import time
from collections.abc import Sequence
from typing import Final, Protocol

import msgspec

from strongroom.domain.errors import Unavailable
from strongroom.domain.events import Event
from strongroom.domain.findings import Finding
from strongroom.node import log
from strongroom.node.carrying import Readable
from strongroom.node.metrics import Meter
from strongroom.node.pauses import Pauses, pause
from strongroom.node.tide import Tide
from strongroom.ports.store import Cursor
from strongroom.watching import Watcher
from strongroom.watching.rules import Rules

_NAME: Final = "watcher"
_READ_AT_ONCE: Final = 250  # some milliseconds of the loop
# After the ledger or the custodian did not answer; longer each time, as in `carrying`.
_AGAIN_SECONDS, _AGAIN_SECONDS_MAX = 1.0, 30.0
_IDLE_SECONDS: Final = 1.0
_REMEMBER_SECONDS: Final = 60.0  # for each MiB that is to be kept, and at least once

_event = msgspec.json.Decoder(Event)


class Custodian(Protocol):
    """Who takes findings."""

    async def raise_(self, findings: Sequence[Finding]) -> None:
        """Return when they are on record. Raises `Unavailable`."""


class Lookout:
    """See the head of this module."""

    def __init__(
        self, rules: Rules, *, ledger: Readable, tide: Tide, custodian: Custodian, meter: Meter
    ) -> None:
        self._rules = rules
        self._ledger = ledger
        self._tide = tide
        self._custodian = custodian
        self._meter = meter
        self._watcher = Watcher(rules)
        self._stopping = asyncio.Event()
        self._quiet_before = 0
        self._remembered = -1
        self._remember_at = 0.0
        self._ahead = False  # it has learned from an entry that does not count as read
        self.position = -1

    def stop(self) -> None:
        """Remember what was learned, and return from `run`."""
        self._stopping.set()

    @property
    def lag_entries(self) -> int:
        """Entries that it has not read."""
        return max(0, self._tide.size - self.position) if self.position >= 0 else 0

    async def run(self) -> None:
        """Watch, until `stop`."""
        again = Pauses(_AGAIN_SECONDS, _AGAIN_SECONDS_MAX)
        while not self._stopping.is_set():
            try:
                if self.position < 0:
                    await self._begin()
                elif self.position < self._tide.size:
                    await self._read()
                else:
                    await self._tide.beyond(self.position, _IDLE_SECONDS)
                if self.position > self._remembered and time.monotonic() > self._remember_at:
                    await self._remember()
            except Unavailable:
                await pause(self._stopping, again.next())
            else:
                again.reset()
        if self.position > self._remembered and not self._ahead:
            try:
                await self._remember()
            except Unavailable:
                return  # what was not kept is learned again

    async def _begin(self) -> None:
        size = (await self._ledger.growth()).size
        cursor = await self._ledger.cursor(_NAME)
        if cursor is not None and cursor.position <= size:
            try:
                quiet, learned = msgspec.msgpack.decode(cursor.state, type=tuple[int, bytes])
                # Nothing was learned yet when it was kept for the first time.
                watcher = Watcher.restore(learned, self._rules) if learned else self._watcher
            except (ValueError, msgspec.MsgspecError):
                log.warning("the watcher learns anew", position=cursor.position)
            else:
                self._watcher, self._quiet_before = watcher, quiet
                self.position = self._remembered = cursor.position
                return
        self._watcher = Watcher(self._rules)
        self._quiet_before = size
        # Kept before anything is read: until when it is quiet must not move.
        await self._ledger.move_cursor(Cursor(_NAME, 0, msgspec.msgpack.encode((size, b""))))
        self.position = self._remembered = 0

    async def _read(self) -> None:
        stored = await self._ledger.entries(self.position, _READ_AT_ONCE)
        if not stored:
            raise Unavailable("the ledger has no entries where there should be some")
        for found in stored:
            try:
                findings = self._watcher.feed(found.position, _event.decode(found.body))
            except Exception:  # noqa: BLE001 - an edited entry, or our mistake: on with the others
                log.failure("an entry could not be watched", position=found.position)
                findings = []
            if findings and found.position >= self._quiet_before:
                await self._raise(findings)
            self.position = found.position + 1

    async def _raise(self, findings: Sequence[Finding]) -> None:
        """Return when they are on record: until then nothing more is read.

        When the room is to end before, the entry does not count as read, but the watcher has
        learned from it; so what it learned is not kept, and is learned again from the last time.
        """
        while True:
            try:
                await self._custodian.raise_(findings)
            except Unavailable:
                await pause(self._stopping, _AGAIN_SECONDS)
                if self._stopping.is_set():
                    self._ahead = True
                    raise
            else:
                self._meter.count("strongroom_findings", by=len(findings))
                return

    async def _remember(self) -> None:
        learned = self._watcher.state()
        minutes = 1 + len(learned) // 2**20
        self._remember_at = time.monotonic() + _REMEMBER_SECONDS * minutes
        position = self.position
        state = msgspec.msgpack.encode((self._quiet_before, learned))
        await self._ledger.move_cursor(Cursor(_NAME, position, state))
        self._remembered = position
