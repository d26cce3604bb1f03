"""Entries for the watcher, one after the other, and what it found in them."""

from strongroom.domain.events import FORMAT, Event, Outcome
from strongroom.domain.times import microseconds, rfc3339
from strongroom.watching import RULES, Watcher, configured

START = "2026-03-02T00:00:00Z"  # a Monday
SECOND, MINUTE, HOUR, DAY = 1, 60, 3_600, 86_400


class Log:
    """A log that is watched while it is written. Times are seconds after `START`."""

    def __init__(self, rules=RULES, watcher=None):
        self.watcher = watcher or Watcher(rules)
        self.found = []
        self.size = 0

    def entry(self, at, action, **fields):
        """An entry. Returns what it made a finding."""
        given = {"namespace": "bank", "principal": "anna", "source": "10.0.0.1"} | fields
        outcome = Outcome.REFUSED if "reason" in fields else Outcome.ALLOWED
        event = Event(
            action=action,
            format=FORMAT,
            outcome=outcome,
            request=f"{self.size:032x}",
            time=rfc3339(microseconds(START) + int(at * 1_000_000)),
            **given,
        )
        found = self.watcher.feed(self.size, event)
        self.size += 1
        self.found += found
        return found

    def use(self, at, key="cards", action="decrypt", **fields):
        """A use of a key."""
        return self.entry(at, f"key.{action}", **{"object": f"key/{key}", "version": 1} | fields)

    def days(self, count, *each):
        """So many days with ten uses of each, at ten o'clock."""
        for day in range(count):
            for number in range(10):
                for fields in each or ({},):
                    self.use(day * DAY + 10 * HOUR + number * MINUTE, **fields)

    def rules(self):
        """The rules of the findings."""
        return [finding.rule for finding in self.found]


def only(name, **thresholds):
    """That rule alone, with these thresholds."""
    changes = {other: {"on": False} for other in RULES if other != name}
    return configured(changes | {name: thresholds})
