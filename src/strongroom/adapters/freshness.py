"""Which fact changed at which epoch, as far back as is remembered."""

from collections import deque
from collections.abc import Sequence

from strongroom.domain import limits


class Freshness:
    """Answers whether a decision made at some epoch still stands. Forgetting makes it stricter."""

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch
        self._floor = epoch  # what is not remembered changed no later than this
        self._last: dict[bytes, int] = {}
        self._history: deque[tuple[int, bytes]] = deque()

    def note(self, epoch: int, facts: Sequence[bytes]) -> None:
        """These facts changed at this epoch, the newest."""
        self.epoch = epoch
        for fact in facts:
            self._last[fact] = epoch
            self._history.append((epoch, fact))
        while len(self._history) > limits.CHANGES_REMEMBERED:
            changed, fact = self._history.popleft()
            self._floor = changed
            if self._last.get(fact) == changed:
                del self._last[fact]

    def is_stale(self, epoch: int, facts: Sequence[bytes]) -> bool:
        """Whether one of the facts changed after that epoch, as far as can be told."""
        if epoch == self.epoch or not facts:
            return False
        if epoch < self._floor or epoch > self.epoch:
            return True
        last = self._last
        return any(last.get(fact, 0) > epoch for fact in facts)

    def changed_since(self, epoch: int) -> list[bytes] | None:
        """The facts that changed after that epoch, once each; None when that is not known."""
        if epoch == self.epoch:
            return []
        if epoch < self._floor or epoch > self.epoch:
            return None
        changed: dict[bytes, None] = {}
        for at, fact in reversed(self._history):
            if at <= epoch:
                break
            changed[fact] = None
        return list(changed)
