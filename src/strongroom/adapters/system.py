"""The operating system's clock and generator."""

import os
import time


class SystemClock:
    """The `Clock` port. Follows the system's clock, so that tests can move it from outside."""

    def now_us(self) -> int:
        """Microseconds since 1970."""
        return time.time_ns() // 1000


class SystemRandomness:
    """The `Randomness` port."""

    def bytes(self, count: int) -> bytes:
        """From the kernel's generator (getrandom)."""
        return os.urandom(count)
