"""A key's rhythm: how often it decrypted in each hour of four weeks, and what would be a surprise.

Counts are remembered as loudness: eight steps for each doubling, one byte an hour. That is exact
enough (a step is 9 %) to compare a key with itself, and it makes the statistics those of ratios: a
median and a median deviation that one wild hour, or one attack, does not move.
"""

import math
from statistics import median
from typing import Final

import msgspec

DAYS: Final = 28
STEPS: Final = 6  # in an hour
_HOURS: Final = DAYS * 24
_STEPS: Final = 8  # of loudness for each doubling
_LOUDEST: Final = 255  # 2**32 an hour
_DEVIATIONS: Final = 6  # median deviations; of a normal distribution, four standard deviations
_AGAIN: Final = 1.5  # times what the same hour of an earlier week had: once more is no surprise
_THURSDAY: Final = 3  # 1 January 1970, with Monday as 0
_SATURDAY: Final = 5


def loudness(count: int) -> int:
    """0 for nothing, eight more for each doubling."""
    return min(_LOUDEST, round(_STEPS * math.log2(1 + count)))


def count_of(loud: float) -> int:
    """The count that has that loudness, about."""
    return math.ceil(2 ** (loud / _STEPS)) - 1


def is_weekend(day: int) -> bool:
    """Whether that day since 1970 is a Saturday or Sunday, in UTC."""
    return (day + _THURSDAY) % 7 >= _SATURDAY


class Rhythm(msgspec.Struct, array_like=True):
    """Counts by hour, and of the last hour, which slides in steps of ten minutes.

    Hours and steps are numbered since 1970; a step that is past goes to the current one.
    """

    first: int  # hour
    hour: int
    step: int
    count: int = 0  # of this hour on the clock
    steps: list[int] = msgspec.field(default_factory=lambda: [0] * STEPS)
    bound: int = 0  # of the current hour; 0 until somebody asked
    ring: bytearray = msgspec.field(default_factory=lambda: bytearray(_HOURS))

    def check(self) -> None:
        """Raises `ValueError` when it was not one of ours that was restored."""
        if (len(self.ring), len(self.steps)) != (_HOURS, STEPS):
            raise ValueError

    @classmethod
    def begin(cls, step: int) -> "Rhythm":
        """One that knows nothing yet."""
        return cls(step // STEPS, step // STEPS, step)

    def add(self, step: int, count: int) -> int:
        """Count. Returns how many there were within the last hour."""
        if step > self.step:
            if step // STEPS > self.hour:
                self._turn(step // STEPS)
            for passed in range(max(self.step + 1, step - STEPS + 1), step + 1):
                self.steps[passed % STEPS] = 0
            self.step = step
        self.steps[self.step % STEPS] += count
        self.count += count
        return sum(self.steps)

    def learned(self, days: int) -> bool:
        """Whether it goes back so far."""
        return self.hour - self.first >= days * 24

    def bound_now(self, *, factor: int, at_least: int) -> int:
        """How many within an hour would now be no surprise: the largest of what history excuses.

        1. `factor` times the median of this hour and its neighbours on days of its kind, or six
           median deviations more, if those are wide.
        2. Half as much again as the same hour of an earlier week had: a weekly job.
        3. For a key without a rhythm, whose median is nothing at any hour: `factor` times the
           second highest of its days' peaks. Whoever works with it by hand does so in bursts.
        """
        if not self.bound:
            step = _STEPS * math.log2(factor)
            usual = self._hours_like(self.hour % 24, weekend=is_weekend(self.hour // 24))
            middle = median(usual) if usual else 0
            deviation = median(abs(loud - middle) for loud in usual) if usual else 0
            loud = middle + max(step, _DEVIATIONS * deviation)
            weekly = max(self._weeks_before(), default=0)
            loud = max(loud, weekly + _STEPS * math.log2(_AGAIN))
            if not self._rhythmic():
                peaks = sorted(self._day_peaks())
                loud = max(loud, step + (peaks[-2] if len(peaks) > 1 else 0))
            self.bound = max(at_least, count_of(loud))
        return self.bound

    def _turn(self, hour: int) -> None:
        # What was beyond the bound does not teach: an attacker cannot raise it but slowly.
        kept = min(self.count, self.bound) if self.bound else self.count
        self.ring[self.hour % _HOURS] = loudness(kept)
        for passed in range(max(self.hour + 1, hour - _HOURS), hour):
            self.ring[passed % _HOURS] = 0
        self.hour, self.count, self.bound = hour, 0, 0

    def _past(self, hour: int) -> bool:
        return max(self.first, self.hour - _HOURS + 1) <= hour < self.hour

    def _hours_like(self, of_day: int, *, weekend: bool) -> list[int]:
        """This hour of the day and its neighbours, of all days of that kind."""
        today = self.hour // 24
        hours = (
            day * 24 + of_day + aside
            for day in range(today - DAYS, today + 1)
            if is_weekend(day) is weekend
            for aside in (-1, 0, 1)
        )
        return [self.ring[hour % _HOURS] for hour in hours if self._past(hour)]

    def _weeks_before(self) -> list[int]:
        hours = (
            self.hour - 168 * week + aside for week in range(1, DAYS // 7) for aside in (-1, 0, 1)
        )
        return [self.ring[hour % _HOURS] for hour in hours if self._past(hour)]

    def _rhythmic(self) -> bool:
        """Whether there is an hour of workdays at which it is always in use."""
        likes = (self._hours_like(of_day, weekend=False) for of_day in range(24))
        return any(median(like) > 0 for like in likes if like)

    def _day_peaks(self) -> list[int]:
        today = self.hour // 24
        days = ([day * 24 + of_day for of_day in range(24)] for day in range(today - DAYS, today))
        return [
            max((self.ring[hour % _HOURS] for hour in day if self._past(hour)), default=0)
            for day in days
        ]
