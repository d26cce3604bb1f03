"""Retention: entries that are older than the configured days move out of the database into files.

They are never dropped, and can be read, searched and proven as before. The order is put on record
before anything moves; whoever ends in the middle of it is followed by an order for the rest.
"""

import asyncio
from typing import Final

from strongroom.domain.errors import Unavailable
from strongroom.domain.times import DAY_US
from strongroom.ports.clock import Clock
from strongroom.ports.ledger import Ledger
from strongroom.ports.randomness import Randomness
from strongroom.ports.store import Commit, Kept
from strongroom.services.entries import STEWARD, deed
from strongroom.services.founding import own_request
from strongroom.services.tenants import FIRST

ACTION: Final = "log.archive"
_FIRST_SECONDS: Final = 60.0  # a node that begins has other things to do
_LOOKS_SECONDS: Final = 3_600.0
_ORDERED_MAX: Final = 1 << 20  # entries at a time


class Retention:
    """See the head of this module. One of a node's custodians has it in charge."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        clock: Clock,
        randomness: Randomness,
        first_namespace: bytes,
        keep_days: int,
    ) -> None:
        self._ledger = ledger
        self._clock = clock
        self._randomness = randomness
        self._first_namespace = first_namespace
        self._keep_days = keep_days

    async def watch(self) -> None:
        """Work for ever."""
        wait = _FIRST_SECONDS
        while True:
            await asyncio.sleep(wait)
            wait = _LOOKS_SECONDS
            try:
                while await self.turn():
                    pass
            except Unavailable:
                continue  # an hour is soon enough; the ledger's log says what is wrong

    async def turn(self) -> bool:
        """Move what is old enough. Whether something was. Raises `Unavailable`."""
        now_us = self._clock.now_us()
        extent = await self._ledger.extent(now_us - self._keep_days * DAY_US)
        if extent.ready <= extent.archived:
            return False
        end = min(extent.ready, extent.archived + _ORDERED_MAX)
        await self._order(extent.archived, end, now_us)
        done = extent.archived
        while done < end:
            await self._ledger.copy_out(end)
            moved = await self._ledger.let_go(end)
            if moved <= done:
                raise Unavailable("the archive does not take what was ordered")
            done = moved
        return True

    async def _order(self, first: int, end: int, now_us: int) -> None:
        entry = deed(
            ACTION,
            {"days": self._keep_days, "end": end, "first": first},
            namespace=FIRST,
            namespace_id=self._first_namespace,
            principal=STEWARD,
            request=own_request(self._randomness, now_us),
            now_us=now_us,
        )
        outcome = await self._ledger.commit(Commit(self._ledger.epoch, (), entry))
        if not isinstance(outcome, Kept):
            raise Unavailable("the order was not kept")
