"""The hours that a principal keeps: at which hours of the day, and whether at weekends.

In UTC. A daylight saving that moves the working day by an hour is within the margin.
"""

from typing import Final

import msgspec

from strongroom.watching.rhythm import is_weekend

_HOURS: Final = 24
_DAYS_MAX: Final = 200  # then all are halved: what somebody did last year counts less and less
_OWN: Final = 2  # different days that make an hour one's own; once is an accident


class Hours(msgspec.Struct, array_like=True):
    """On how many different days there was an entry, in all and at each hour of the day."""

    first_day: int
    hour: int = -1  # the last with an entry
    days: int = 0
    weekend_days: int = 0
    by_hour: bytearray = msgspec.field(default_factory=lambda: bytearray(_HOURS))
    odd: int = 0  # entries in this hour, if it is unusual; -1 if it is not

    def check(self) -> None:
        """Raises `ValueError` when it was not one of ours that was restored."""
        if len(self.by_hour) != _HOURS:
            raise ValueError

    def turn(self, hour: int, *, days_min: int, margin: int, weekend_days_min: int) -> None:
        """An hour in which there is an entry begins. Judges it by the days before, and learns."""
        day = hour // _HOURS
        unusual = self.days >= days_min and (
            self._far(hour % _HOURS, margin) or self.odd_weekend(hour, weekend_days_min)
        )
        if day != self.hour // _HOURS:
            self.days += 1
            self.weekend_days += is_weekend(day)
        self.by_hour[hour % _HOURS] += 1
        self.hour, self.odd = hour, 0 if unusual else -1
        if self.days > _DAYS_MAX:
            self.days //= 2
            self.weekend_days //= 2
            self.by_hour = bytearray(days // 2 for days in self.by_hour)

    def odd_weekend(self, hour: int, weekend_days_min: int) -> bool:
        """Whether it is at a weekend, and there were weekends enough without an entry before."""
        day = hour // _HOURS
        # The weekend that an entry of today began is not one of those before.
        today = day == self.hour // _HOURS
        worked = self.weekend_days - (today and is_weekend(day))
        return (
            is_weekend(day)
            and worked == 0
            and _weekend_days(self.first_day, day) >= weekend_days_min
        )

    def _far(self, of_day: int, margin: int) -> bool:
        near = ((of_day + aside) % _HOURS for aside in range(-margin, margin + 1))
        return all(self.by_hour[hour] < _OWN for hour in near)


def _weekend_days(first: int, last: int) -> int:
    """Saturdays and Sundays from the first day to the one before the last."""
    weeks, rest = divmod(last - first, 7)
    return 2 * weeks + sum(is_weekend(first + day) for day in range(rest))
