"""Times as people write them: RFC 3339, in UTC, to the microsecond."""

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

HOUR_US: Final = 3_600_000_000
DAY_US: Final = 24 * HOUR_US

# Between them, so that neither a zone nor a rotation after it leads out of what a time can be.
_YEARS: Final = (1970, 9900)
_RFC3339: Final = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


def rfc3339(time_us: int) -> str:
    """Microseconds since 1970 as `2026-01-31T12:00:00.000000Z`."""
    seconds, micro = divmod(time_us, 1_000_000)
    return f"{_second(seconds)}.{micro:06d}Z"


def rfc3339_or_empty(time_us: int) -> str:
    """Likewise; nothing for 0, which is never."""
    return rfc3339(time_us) if time_us else ""


def microseconds(text: str) -> int:
    """The time that such a text says; 0 for an empty one. Raises `ValueError`."""
    if not text:
        return 0
    try:
        # Python reads more than that: weeks, times without seconds, zones of odd microseconds.
        if not _RFC3339.fullmatch(text):
            raise ValueError
        time = datetime.fromisoformat(text.upper())
        if not _YEARS[0] < time.year < _YEARS[1]:
            raise ValueError
    except ValueError:
        raise ValueError("a time is RFC 3339 with its zone, such as 2026-01-31T12:00:00Z") from None
    # In whole numbers: a float has too few digits for microseconds, and loses one now and then.
    return (time - _EPOCH) // _MICROSECOND


@lru_cache(maxsize=16)
def _second(seconds: int) -> str:
    # Thousands of entries share a second; formatting it costs more than the rest of the entry.
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
