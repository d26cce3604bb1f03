"""Who moves the same credential in this custodian does so one after the other.

The ledger keeps one of two moves from the same revision, whoever they are from. Within a custodian
it need not come to that: a thousand who try the same credential at once would read, weigh and lose
a thousand times.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager


class Turns:
    """Locks by credential, for as long as anybody holds or wants one."""

    def __init__(self) -> None:
        self._locks: dict[bytes, tuple[asyncio.Lock, int]] = {}

    @asynccontextmanager
    async def of(self, ids: Sequence[bytes]) -> AsyncIterator[None]:
        """Hold the turn of each; in one order for all, so that no two wait for each other."""
        held: list[bytes] = []
        try:
            for name in sorted(set(ids)):
                lock, wanted = self._locks.get(name) or (asyncio.Lock(), 0)
                self._locks[name] = lock, wanted + 1
                held.append(name)
                await lock.acquire()
            yield
        finally:
            for name in held:
                self._leave(name)

    def _leave(self, name: bytes) -> None:
        lock, wanted = self._locks[name]
        if wanted == 1:
            del self._locks[name]
        else:
            self._locks[name] = lock, wanted - 1
        lock.release()
