"""What bounds uses: the total ever, and the rate in a window that slides.

Only commits with a quota pay for any of it.
"""

from typing import Final

from strongroom.adapters.sqlite.uses import Thing, Uses, sane
from strongroom.ports.store import Commit, Entry, Exhausted, Quota, Rate

_WINDOWS_MAX: Final = 20_000  # objects; the one least recently used is forgotten, and begins anew
_SPANS: Final = 32  # of a window: a use counts for at most this part of it too long


class _Window:
    """The uses of the last while, in spans of time."""

    __slots__ = ("_count", "_spans")

    def __init__(self) -> None:
        self._spans: list[tuple[int, int, int]] = []  # first_us, last_us, count
        self._count = 0

    def copy(self) -> "_Window":
        """The same, going on apart from this one."""
        twin = _Window()
        twin._spans, twin._count = self._spans.copy(), self._count
        return twin

    def count(self, now_us: int, rate_us: int) -> int:
        """Uses within `rate_us` before now. A clock that went back stands still: it frees none."""
        spans = self._spans
        now_us = self._not_before(now_us)
        gone = 0
        while gone < len(spans) and spans[gone][1] + rate_us <= now_us:
            self._count -= spans[gone][2]
            gone += 1
        del spans[:gone]
        return self._count

    def add(self, now_us: int, rate_us: int, count: int) -> None:
        """So many more now."""
        now_us = self._not_before(now_us)
        self._count += count
        if self._spans:
            first_us, _, before = self._spans[-1]
            if now_us - first_us < rate_us // _SPANS:
                self._spans[-1] = (first_us, now_us, before + count)
                return
        self._spans.append((now_us, now_us, count))

    def _not_before(self, now_us: int) -> int:
        return max(now_us, self._spans[-1][1]) if self._spans else now_us


class Quotas:
    """The windows, as of the commits that were kept."""

    def __init__(self, uses: Uses) -> None:
        self._uses = uses
        self._windows: dict[Thing, _Window] = {}

    def turn(self) -> "Turn":
        """Weigh one group."""
        return Turn(self._uses, self._windows)

    def keep(self, turn: "Turn") -> None:
        """The group was kept."""
        for thing, window in turn.windows.items():
            self._windows.pop(thing, None)
            self._windows[thing] = window  # the last in the order: the most recently used
        while len(self._windows) > _WINDOWS_MAX:
            del self._windows[next(iter(self._windows))]


class Turn:
    """What a group takes so far, apart from what was kept before it."""

    __slots__ = ("_folded", "_known", "_sums", "_uses", "tallied", "windows")

    def __init__(self, uses: Uses, known: dict[Thing, _Window]) -> None:
        self.tallied: list[Entry] = []  # the group's entries that tell of uses
        self.windows: dict[Thing, _Window] = {}
        self._uses = uses
        self._known = known
        self._folded = 0  # how many of them are in the sums: only a quota asks for these
        self._sums: dict[tuple[bytes, str, int | None], int] = {}  # by version; None: of all

    def refusal(self, commit: Commit) -> Exhausted | None:
        """Whether its quota or one of its rates does not bear the commit."""
        entry, quota = commit.entry, commit.quota
        if quota is not None and (taken := _taken(entry, quota) + quota.rehearsed):
            if quota.uses_max and self._used(entry, quota, None) + taken > quota.uses_max:
                return Exhausted(rate=False)
            rate = Rate(quota.object, quota.rate_max, quota.rate_us, taken)
            if quota.rate_max and not self._bears(entry, rate):
                return Exhausted(rate=True)
        if all(self._bears(entry, rate) for rate in commit.rates):
            return None
        return Exhausted(rate=True)

    def keep(self, commit: Commit) -> int:
        """Its entry is kept, and in `tallied`. How often the quota's version was used by now."""
        entry, quota = commit.entry, commit.quota
        for rate in commit.rates:
            self._take(entry, rate)
        if quota is None:
            return 0
        taken = _taken(entry, quota)
        if taken and quota.rate_max:
            self._take(entry, Rate(quota.object, quota.rate_max, quota.rate_us, taken))
        return self._used(entry, quota, quota.version)

    def _bears(self, entry: Entry, rate: Rate) -> bool:
        window = self._window((entry.namespace, rate.object))
        return window.count(entry.time_us, rate.rate_us) + rate.count <= rate.most

    def _take(self, entry: Entry, rate: Rate) -> None:
        window = self._window((entry.namespace, rate.object))
        window.add(entry.time_us, rate.rate_us, rate.count)

    def _used(self, entry: Entry, quota: Quota, version: int | None) -> int:
        for number in range(self._folded, len(self.tallied)):
            earlier = self.tallied[number]
            for tally in earlier.tally:
                if sane(tally):
                    for which in (tally.version, None):
                        key = (earlier.namespace, tally.object, which)
                        self._sums[key] = self._sums.get(key, 0) + tally.count
        self._folded = len(self.tallied)
        total = self._uses.total((entry.namespace, quota.object))
        before = total.all if version is None else total.versions.get(version, 0)
        return before + self._sums.get((entry.namespace, quota.object, version), 0)

    def _window(self, thing: Thing) -> _Window:
        window = self.windows.get(thing)
        if window is None:
            known = self._known.get(thing)
            window = self.windows[thing] = _Window() if known is None else known.copy()
        return window


def _taken(entry: Entry, quota: Quota) -> int:
    taken = 0
    for tally in entry.tally:
        if tally.object == quota.object and sane(tally):
            taken += tally.count
    return taken
