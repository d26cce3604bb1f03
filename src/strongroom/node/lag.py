"""How late a room's event loop is: what one call takes on it, all others wait for."""

import asyncio
import time
from typing import Final

from strongroom.node.metrics import Meter

_EVERY_SECONDS: Final = 0.1


class Lag:
    """Sets a timer again and again, and observes how late it came."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self._due = 0.0

    def start(self) -> None:
        """Begin, on the running loop, for as long as that runs."""
        self._loop = asyncio.get_running_loop()
        self._set()

    def _set(self) -> None:
        # Not by the loop's own clock, which counts whole milliseconds. Its timers do, too: an idle
        # loop is up to a millisecond early or late.
        self._due = time.perf_counter() + _EVERY_SECONDS
        self._loop.call_later(_EVERY_SECONDS, self._came)

    def _came(self) -> None:
        late = max(0.0, time.perf_counter() - self._due)
        self._meter.latency("strongroom_custodian_loop_lag_seconds", late)
        self._set()
