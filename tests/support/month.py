"""A month of a deployment's audit log, as it might be, with attacks planted in it. Seeded.

`months_bank` has that of a bank with services, night jobs, people, deploys, holidays and newcomers;
`months_small` that of a shop, and of a batch system that is as regular as a clock. Times are UTC,
days are numbered from 0, which is a Monday.
"""

import random
from dataclasses import dataclass, field

from strongroom.domain.events import FORMAT, Event, Outcome
from strongroom.domain.times import microseconds, rfc3339

SECOND = 1_000_000
MINUTE, HOUR, DAY = 60 * SECOND, 3_600 * SECOND, 86_400 * SECOND
START_US = microseconds("2026-03-02T00:00:00Z")  # a Monday
DAYS = 30


@dataclass
class Planted:
    """An attack: the rule that must find it, whom it is about, and when it goes on."""

    kind: str
    rule: str
    subject: str
    begins_us: int
    ends_us: int
    # Whoever else has a part in it; what is said of them meanwhile is not said falsely.
    others: tuple[str, ...] = ()


def chance(seed):
    """Dice that fall the same each time."""
    return random.Random(seed)  # noqa: S311 - repeatable, not unguessable


@dataclass
class Month:
    """Entries, in the order of the log, and what is planted among them."""

    namespace: str
    chance: random.Random
    acts: list[tuple[int, int, dict]] = field(default_factory=list)
    planted: list[Planted] = field(default_factory=list)

    def act(self, at_us, principal, action, **fields):
        """One entry."""
        given = {"principal": principal, "action": action, "outcome": Outcome.ALLOWED} | fields
        self.acts.append((int(at_us), len(self.acts), given))

    def refused(self, at_us, principal, action, reason, **fields):
        """One entry of a refusal."""
        self.act(at_us, principal, action, outcome=Outcome.REFUSED, reason=reason, **fields)

    def use(self, at_us, principal, action, key, source, **fields):
        """A use of a key."""
        self.act(
            at_us, principal, f"key.{action}",
            object=f"key/{key}", source=source, version=1, token=f"t-{principal}", **fields,
        )  # fmt: skip

    def about(self, mean):
        """A number of independent events of that mean."""
        return max(0, round(self.chance.gauss(mean, mean**0.5)))

    def within(self, begin_us, length_us, count):
        """So many times within that time, in order."""
        return sorted(begin_us + self.chance.random() * length_us for _ in range(count))

    def plant(self, kind, rule, subject, begins_us, ends_us, *others):
        """Remember what was planted."""
        self.planted.append(Planted(kind, rule, subject, int(begins_us), int(ends_us), others))

    def entries(self):
        """The log: positions and events."""
        for position, (at_us, number, given) in enumerate(sorted(self.acts, key=_by_time)):
            yield (
                position,
                Event(
                    format=FORMAT,
                    namespace=self.namespace,
                    request=f"{number:032x}",
                    time=rfc3339(at_us),
                    **given,
                ),
            )


def _by_time(act):
    return act[0], act[1]


def day_us(day, hour=0.0):
    """That hour of that day."""
    return START_US + day * DAY + round(hour * HOUR)


def is_workday(day):
    """Neither a weekend nor one of the two holidays."""
    return day % 7 < 5 and day not in {17, 18}


# How busy customers are, hour by hour.
WAVE = (8, 5, 4, 4, 5, 9, 20, 40, 65, 80, 90, 95, 100, 95, 90, 88, 90, 95, 100, 98, 85, 60, 35, 16)
