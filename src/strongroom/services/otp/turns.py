"""Who moves the same credential in this custodian does so one after the other.

The ledger keeps one of two moves from the same revision, whoever they are from. Within a custodian
it need not come to that: a thousand who try the same credential at once would read, weigh and lose
a thousand times.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from types import TracebackType

_Waiting = deque[asyncio.Future[None]]


class Turns:
    """Turns by credential. Who wants one that nobody has takes it without waiting."""

    def __init__(self) -> None:
        # Those that somebody has, and who waits for them, the longest first; mostly nobody.
        self._taken: dict[bytes, _Waiting | None] = {}

    def of(self, ids: Sequence[bytes]) -> "_Turns":
        """Hold the turn of each; in one order for all, so that no two wait for each other."""
        return _Turns(self._taken, sorted(set(ids)) if len(ids) > 1 else ids)


class _Turns:
    """An asynchronous context manager, written out: it is on the path of every attempt."""

    __slots__ = ("_held", "_ids", "_taken")

    def __init__(self, taken: dict[bytes, _Waiting | None], ids: Sequence[bytes]) -> None:
        self._taken = taken
        self._ids = ids
        self._held = 0  # the first so many of them

    async def __aenter__(self) -> None:
        try:
            for name in self._ids:
                if name in self._taken:
                    await _wait(self._taken, name)
                else:
                    self._taken[name] = None
                self._held += 1
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
        for name in self._ids[: self._held]:
            _pass_on(self._taken, name)


async def _wait(taken: dict[bytes, _Waiting | None], name: bytes) -> None:
    """Until it is ours. Who gives up waiting leaves it to the next."""
    waiting = taken[name]
    if waiting is None:
        waiting = taken[name] = deque()
    turn = asyncio.get_running_loop().create_future()
    waiting.append(turn)
    try:
        await turn
    except BaseException:
        if turn.done() and not turn.cancelled():
            _pass_on(taken, name)  # it was given to us at the same moment
        turn.cancel()
        raise


def _pass_on(taken: dict[bytes, _Waiting | None], name: bytes) -> None:
    """To the one who waits the longest. It stays taken meanwhile: nobody comes in between."""
    waiting = taken[name]
    while waiting:
        turn = waiting.popleft()
        if not turn.done():  # who gave up is still there
            turn.set_result(None)
            return
    del taken[name]
