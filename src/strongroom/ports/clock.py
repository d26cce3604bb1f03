"""The clock: the present time, in microseconds since 1970, never from inside a rule."""

from typing import Protocol


class Clock(Protocol):
    """Follows the system's clock."""

    def now_us(self) -> int:
        """Microseconds since 1970-01-01T00:00:00Z."""
