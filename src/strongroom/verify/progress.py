"""A bar on standard error while a long log is checked. For people: never into a file or a pipe."""

import sys
import time
from types import TracebackType
from typing import Final, Self, TextIO

_FROM_ENTRIES: Final = 20_000  # fewer are done before anybody has read the bar
_REDRAW_SECONDS: Final = 0.1
_WIDTH: Final = 30


class Progress:
    """Draws when standard error is a terminal, and takes the bar away at the end."""

    def __init__(self, total: int, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._shown = total >= _FROM_ENTRIES and self._stream.isatty()
        self._total = total
        self._done = 0
        self._began = self._drawn = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._shown:
            self._stream.write("\r\x1b[K")
            self._stream.flush()

    def advance(self, entries: int) -> None:
        """So many more entries are checked."""
        self._done += entries
        now = time.monotonic()
        if self._shown and now - self._drawn >= _REDRAW_SECONDS:
            self._drawn = now
            self._draw(now - self._began)

    def _draw(self, seconds: float) -> None:
        part = min(1.0, self._done / self._total)
        bar = ("#" * int(part * _WIDTH)).ljust(_WIDTH, ".")
        left = seconds / part - seconds
        self._stream.write(
            f"\r\x1b[K[{bar}] {part:4.0%}  {self._done:,} of {self._total:,} entries,"
            f" {self._done / seconds:,.0f}/s, {left:.0f} s left"
        )
        self._stream.flush()
