"""Waiting before something is tried again, as long as nobody wants the room to end."""

import asyncio
from contextlib import suppress


class Pauses:
    """How long to wait after each failure in a row: twice as long each time, up to a bound."""

    def __init__(self, first_seconds: float, longest_seconds: float) -> None:
        self._first = self._next = first_seconds
        self._longest = longest_seconds

    def next(self) -> float:
        """The seconds to wait now; the next time it is longer."""
        seconds, self._next = self._next, min(self._next * 2, self._longest)
        return seconds

    def reset(self) -> None:
        """It went well: the next failure is the first in a row."""
        self._next = self._first


async def pause(stopping: asyncio.Event, seconds: float) -> None:
    """Return after so many seconds, or when it is to stop."""
    with suppress(TimeoutError):
        await asyncio.wait_for(stopping.wait(), seconds)
