"""Who moves the same credential in this custodian does so one after the other.

The ledger keeps one of two moves from the same revision, whoever they are from. Within a custodian
it need not come to that: a thousand who try the same credential at once would read, weigh and lose
a thousand times.
"""

import asyncio
from collections.abc import Sequence
from types import TracebackType


class Turns:
    """Locks by credential, for as long as anybody holds or wants one."""

    def __init__(self) -> None:
        self._wanted: dict[bytes, _Turn] = {}

    def of(self, ids: Sequence[bytes]) -> "_Turns":
        """Hold the turn of each; in one order for all, so that no two wait for each other."""
        return _Turns(self._wanted, sorted(set(ids)) if len(ids) > 1 else ids)


class _Turn:
    """A credential's. `wanted` by so many, the one who has it among them."""

    __slots__ = ("lock", "wanted")

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.wanted = 0


class _Turns:
    """An asynchronous context manager, written out: it is on the path of every attempt."""

    __slots__ = ("_held", "_ids", "_wanted")

    def __init__(self, wanted: dict[bytes, _Turn], ids: Sequence[bytes]) -> None:
        self._wanted = wanted
        self._ids = ids
        self._held: list[bytes] = []

    async def __aenter__(self) -> None:
        try:
            for name in self._ids:
                turn = self._wanted.get(name)
                if turn is None:
                    turn = self._wanted[name] = _Turn()
                turn.wanted += 1
                try:
                    await turn.lock.acquire()
                except BaseException:
                    self._leave(name, turn)
                    raise
                self._held.append(name)
        except BaseException:
            self._let_go()
            raise

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._let_go()

    def _let_go(self) -> None:
        for name in self._held:
            turn = self._wanted[name]
            turn.lock.release()
            self._leave(name, turn)

    def _leave(self, name: bytes, turn: _Turn) -> None:
        turn.wanted -= 1
        if not turn.wanted:
            del self._wanted[name]
