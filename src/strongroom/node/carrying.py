"""Carries the log to one sink, for ever: in order, each entry at least once.

1. Read entries from where the sink has come to.
2. Choose those that are for it, and put them into its format.
3. Hand them over, in a thread: a sink that is slow or gone holds up nobody else.
4. When they have arrived, remember the place: in the ledger now and then, for that is a write.

After a failure everything that is not known to have arrived is read and sent again, after a pause.
There is one batch in memory at a time, whatever the sink is behind by.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Final, Protocol, TypeVar

from strongroom.domain import limits
from strongroom.domain.errors import Unavailable
from strongroom.domain.times import microseconds
from strongroom.export.entry import Entry
from strongroom.export.formats import FORMATS
from strongroom.node import log
from strongroom.node.metrics import Meter
from strongroom.node.pauses import Pauses, pause
from strongroom.node.tide import Growing, Tide
from strongroom.ports.sinks import Parcel, Sink, SinkFailed, SinkSettings
from strongroom.ports.store import Cursor, StoredEvent

_IDLE_SECONDS: Final = 0.5  # without a new entry, before the sink is asked to confirm
_UNSETTLED_SECONDS_MAX: Final = 5.0
# After the ledger did not answer, twice as long each time: what it cannot read is said by it each
# time it is asked.
_AGAIN_SECONDS, _AGAIN_SECONDS_MAX = 1.0, 30.0
_PAUSE_SECONDS_MIN, _PAUSE_SECONDS_MAX = 0.5, 60.0  # after a failure, twice as long each time
_LAST_SECONDS: Final = 2.0  # for what is left when the room ends
_SAY_AGAIN_SECONDS: Final = 600.0  # that it still fails

_Result = TypeVar("_Result")


class Readable(Growing, Protocol):
    """The log as the courier has it. A part of the ledger's port."""

    async def entries(self, first: int, limit: int) -> list[StoredEvent]:
        """Entries of all namespaces from a position on."""

    async def cursor(self, name: str) -> Cursor | None:
        """How far that reader of the log has come."""

    async def move_cursor(self, cursor: Cursor) -> None:
        """Remember how far a reader has come, durably."""


class Carrier:
    """See the head of this module. One for each sink.

    While it is busy, the place is remembered every `remember_seconds`.
    """

    def __init__(  # noqa: PLR0913 - what a carrier is made of
        self,
        settings: SinkSettings,
        sink: Sink,
        *,
        ledger: Readable,
        tide: Tide,
        meter: Meter,
        remember_seconds: float,
    ) -> None:
        self.name = settings.name
        self._settings = settings
        self._line = FORMATS[settings.format].line
        self._sink = sink
        self._ledger = ledger
        self._tide = tide
        self._meter = meter
        self._remember_seconds = remember_seconds
        self._thread: ThreadPoolExecutor | None = None  # while it runs
        self._stopping = asyncio.Event()
        self._sent = -1  # what is before it was handed over
        self._arrived = -1  # likewise, and is there
        self._remembered = -1  # likewise, and the ledger knows
        self._remembered_at = 0.0
        self._unsettled_since = 0.0
        self._oldest_us = 0  # when the first entry was made that has not arrived
        self._pauses = Pauses(_PAUSE_SECONDS_MIN, _PAUSE_SECONDS_MAX)
        self._again = Pauses(_AGAIN_SECONDS, _AGAIN_SECONDS_MAX)
        self._failing = ""
        self._said = 0.0

    def stop(self) -> None:
        """Carry what is left, as long as that is quick; remember the place; return from `run`."""
        self._stopping.set()

    @property
    def lag_entries(self) -> int:
        """Entries of the log that this sink has not confirmed, or that it need not have."""
        return max(0, self._tide.size - self._arrived) if self._arrived >= 0 else 0

    @property
    def lag_seconds(self) -> float:
        """The age of the first of them."""
        behind = self._arrived < self._tide.size and self._oldest_us
        return max(0.0, time.time() - self._oldest_us / 1e6) if behind else 0.0

    async def run(self) -> None:
        """Carry, until `stop`."""
        self._meter.count("strongroom_sink_failures", self.name, by=0)
        # Run again after a mistake of ours, it has a thread again, and goes on from what arrived.
        self._thread = ThreadPoolExecutor(1, f"sink-{self.name}")
        self._sent = self._arrived
        try:
            while not self._stopping.is_set():
                await self._turn()
            await self._end()
        finally:
            self._thread.shutdown(wait=False, cancel_futures=True)

    async def _turn(self) -> None:
        try:
            if self._arrived < 0:
                await self._begin()
            elif self._sent < self._tide.size and not self._full:
                await self._carry()
            elif self._sent > self._arrived and (self._full or not await self._more()):
                await self._settle()
            elif self._arrived > self._remembered and not await self._more():
                await self._remember()
            else:
                await self._more()
        except SinkFailed as failed:
            await self._failed(str(failed))
        except Unavailable:
            await pause(self._stopping, self._again.next())
        else:
            self._again.reset()

    async def _begin(self) -> None:
        """Find the sink's place. A new one's is kept before anything else: it must not move."""
        name = f"sink/{self.name}"
        size = (await self._ledger.growth()).size
        cursor = await self._ledger.cursor(name)
        if cursor is not None and cursor.position > size:
            log.warning("a sink's place is beyond the log", name=self.name, place=cursor.position)
            cursor = None
            place = size
        elif cursor is not None:
            place = cursor.position
        else:
            place = 0 if self._settings.begin == "beginning" else size
        if cursor is None:
            await self._ledger.move_cursor(Cursor(name, place))
        self._sent = self._arrived = self._remembered = place

    async def _carry(self) -> None:
        stored = await self._ledger.entries(self._sent, limits.CARRIED_ENTRIES_MAX)  # 1
        if not stored:
            raise Unavailable("the ledger has no entries where there should be some")
        parcels, end = self._packed(stored)  # 2
        if parcels:
            if self._sent == self._arrived:
                self._unsettled_since = time.monotonic()
            arrived = await self._in_thread(self._sink.send, parcels)  # 3
        else:
            arrived = self._sent == self._arrived
        self._sent = end
        if arrived:
            await self._has_arrived()

    async def _settle(self) -> None:
        await self._in_thread(self._sink.settle)
        await self._has_arrived()

    async def _has_arrived(self) -> None:
        self._arrived = self._sent
        self._oldest_us = 0
        self._pauses.reset()
        if self._failing:
            log.info("a sink takes entries again", name=self.name)
            self._failing = ""
        if time.monotonic() - self._remembered_at > self._remember_seconds:
            await self._remember()

    async def _remember(self) -> None:  # 4
        self._remembered_at = time.monotonic()
        place = self._arrived
        await self._ledger.move_cursor(Cursor(f"sink/{self.name}", place))
        self._remembered = place

    def _packed(self, stored: Sequence[StoredEvent]) -> tuple[list[Parcel], int]:
        """Those that are for the sink, as many as go in one batch; the position after the last."""
        parcels: list[Parcel] = []
        size = 0
        for found in stored:
            try:
                entry = Entry.read(found.position, found.leaf_hash, found.body)
            except ValueError:
                # Somebody edited the database. Every proof will say so; the rest is carried on.
                log.warning("an entry cannot be carried", name=self.name, position=found.position)
                continue
            if not self._oldest_us:
                self._oldest_us = microseconds(entry.event.time)
            if not self._settings.wants(entry.event):
                continue
            line = self._line(entry)
            if parcels and size + len(line) > limits.CARRIED_BYTES_MAX:
                return parcels, found.position
            size += len(line)
            parcels.append(Parcel(found.position, entry.event, line))
        return parcels, stored[-1].position + 1

    @property
    def _full(self) -> bool:
        """Whether so much is under way that the sink is to confirm it before there is more."""
        if self._sent == self._arrived:
            return False
        long = time.monotonic() - self._unsettled_since > _UNSETTLED_SECONDS_MAX
        return long or self._sent - self._arrived >= limits.UNSETTLED_ENTRIES_MAX

    async def _more(self) -> bool:
        """Wait a moment for more entries. Whether there are any."""
        return await self._tide.beyond(self._sent, _IDLE_SECONDS)

    async def _failed(self, reason: str) -> None:
        self._meter.count("strongroom_sink_failures", self.name)
        self._sent = self._arrived
        if self._arrived > self._remembered:
            # It may fail for long: what has arrived is not to come again if the node is restarted.
            with suppress(Unavailable):
                await self._remember()
        now = time.monotonic()
        if reason != self._failing or now - self._said > _SAY_AGAIN_SECONDS:
            log.warning("a sink does not take entries", name=self.name, reason=reason)
            self._failing, self._said = reason, now
        await pause(self._stopping, self._pauses.next())

    async def _end(self) -> None:
        # The rooms that write are gone by now: what is there is the rest, if it is not too much.
        end = time.monotonic() + _LAST_SECONDS
        try:
            rest = (await self._ledger.growth()).size
            while 0 <= self._sent < rest and not self._failing and time.monotonic() < end:
                await self._carry()
            if self._sent > self._arrived:
                await self._settle()
            if self._arrived > self._remembered:
                await self._remember()
        except (SinkFailed, Unavailable):
            return  # they are sent again when the courier begins anew
        finally:
            self._sink.close()

    async def _in_thread(self, work: Callable[..., _Result], *arguments: object) -> _Result:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *arguments)
