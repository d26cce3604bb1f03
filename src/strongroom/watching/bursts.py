"""A burst: how many of something there were lately, of how many things, and how many are usual.

The window slides in ten steps, so a window of ten minutes looks back nine to ten. The highest count
of each day is kept for four weeks; the second highest of those is what is usual, so that one bad
day does not become the measure.
"""

from typing import Final

import msgspec

from strongroom.domain.findings import EVIDENCE_MAX, Evidence
from strongroom.watching.rhythm import DAYS, count_of, loudness

STEPS: Final = 10
_NAMED_MAX: Final = 128  # different things counted in a window; more are as many


class Burst(msgspec.Struct, array_like=True):
    """Counts in a sliding window. `step` and `day` are numbered since 1970."""

    seen: int  # the hour it was last needed
    step: int
    day: int
    counts: list[int] = msgspec.field(default_factory=lambda: [0] * STEPS)
    named: dict[str, int] = msgspec.field(default_factory=dict)  # and the step it was last met in
    peak: int = 0  # the highest count of this day
    peaks: bytearray = msgspec.field(default_factory=lambda: bytearray(DAYS))
    evidence: list[Evidence] = msgspec.field(default_factory=list)

    def check(self) -> None:
        """Raises `ValueError` when it was not one of ours that was restored."""
        if (len(self.counts), len(self.peaks)) != (STEPS, DAYS) or len(self.named) > _NAMED_MAX:
            raise ValueError

    def turn(self, step: int, day: int) -> None:
        """Let time pass: forget what is out of the window. Time that went back has not passed."""
        if day > self.day:
            self.peaks[self.day % DAYS] = loudness(self.peak)
            for passed in range(max(self.day + 1, day - DAYS), day):
                self.peaks[passed % DAYS] = 0
            self.day, self.peak = day, 0
        if step > self.step:
            for passed in range(max(self.step + 1, step - STEPS + 1), step + 1):
                self.counts[passed % STEPS] = 0
            self.step = step
            if not any(self.counts):
                self.evidence.clear()
            if self.named:
                self.named = {n: met for n, met in self.named.items() if met > step - STEPS}

    def add(self, count: int, name: str, seen: Evidence) -> None:
        """Count something of that name."""
        self.counts[self.step % STEPS] += count
        if name and (name in self.named or len(self.named) < _NAMED_MAX):
            self.named[name] = self.step
        if self.evidence and self.evidence[-1] == seen:
            return  # the entry says several such things
        if len(self.evidence) >= EVIDENCE_MAX:
            del self.evidence[0]
        self.evidence.append(seen)

    @property
    def count(self) -> int:
        """How many there were in the window."""
        return sum(self.counts)

    @property
    def usual(self) -> int:
        """The second highest count of the days before."""
        # The slot of this day still has the day four weeks ago.
        return count_of(sorted(self.peaks)[-2])

    def teach(self, count: int) -> None:
        """Remember the day's highest count; the caller bounds it."""
        self.peak = max(self.peak, count)
