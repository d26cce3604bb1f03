"""How long the oldest entry has waited for a signed checkpoint that covers it.

What is counted is time in this ledger: a ledger that was started again begins to count anew.
"""

from collections import deque
from typing import Final

_MARK_SECONDS: Final = 0.1  # entries of so long a time count as of its beginning


class Uncovered:
    """Is told how the log grows and what was signed. Times are of a clock that never goes back."""

    def __init__(self, *, size: int, covered: int, now: float) -> None:
        self._covered = covered
        # When entries came, and the log's size after the last of them; the oldest first.
        self._marks: deque[tuple[float, int]] = deque()
        self._size = covered
        self.grown(size, now)

    def grown(self, size: int, now: float) -> None:
        """The log has that size now."""
        if size <= self._size:
            return
        self._size = size
        if self._marks and now - self._marks[-1][0] < _MARK_SECONDS:
            began, _ = self._marks.pop()
            self._marks.append((began, size))
        else:
            self._marks.append((now, size))

    def covered(self, size: int) -> None:
        """A checkpoint of that size is signed."""
        self._covered = max(self._covered, size)
        while self._marks and self._marks[0][1] <= self._covered:
            self._marks.popleft()

    def age_seconds(self, now: float) -> float:
        """0: everything is covered."""
        return now - self._marks[0][0] if self._marks else 0.0
