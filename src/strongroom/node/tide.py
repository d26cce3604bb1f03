"""How far the log has grown: asked a few times a second, for all of the courier who wait for it."""

import asyncio
from contextlib import suppress
from typing import Final, Protocol

from strongroom.domain.errors import Unavailable
from strongroom.ports.store import Tree

_LOOKS_SECONDS: Final = 0.25


class Growing(Protocol):
    """What is asked. A part of the ledger's port."""

    async def growth(self) -> Tree:
        """The log's size and root."""


class Tide:
    """The log's size. It only grows, unless the ledger itself is another one."""

    def __init__(self, ledger: Growing) -> None:
        self._ledger = ledger
        self._risen = asyncio.Event()
        self.size = 0
        self._ended = False

    def end(self) -> None:
        """Nobody is to wait any more."""
        self._ended = True
        self._risen.set()

    async def run(self) -> None:
        """Look, for ever."""
        while True:
            with suppress(Unavailable):
                size = (await self._ledger.growth()).size
                if size != self.size:
                    self.size = size
                    # Whoever waits has the old event; who comes next waits for the next rise.
                    self._risen.set()
                    self._risen = asyncio.Event()
            await asyncio.sleep(_LOOKS_SECONDS)

    async def beyond(self, position: int, seconds: float) -> bool:
        """Whether there is an entry at that position, at the latest after so many seconds."""
        end = asyncio.get_running_loop().time() + seconds
        while self.size <= position and not self._ended:
            left = end - asyncio.get_running_loop().time()
            if left <= 0:
                return False
            with suppress(TimeoutError):
                await asyncio.wait_for(self._risen.wait(), left)
        return self.size > position
