"""Lists in AWS's way: Limit, Marker, NextMarker only when Truncated."""

import base64
import binascii
from collections.abc import Awaitable, Callable
from typing import Any, Final

from strongroom.doors.aws.errors import AWSError, validation

_MARK: Final = "strongroom/1"  # a marker of ours: others' are refused

Page = Callable[[str, int], Awaitable[tuple[list[dict[str, Any]], str]]]
"""Given where to go on ("": at the beginning) and how many: what there is, and where to go on."""


class Pages:
    """What a request says of the page that it wants."""

    def __init__(self, operation: str, given: dict[str, Any], *, default: int, most: int) -> None:
        limit = given.get("Limit", default)
        if limit > most:
            raise validation(
                f"1 validation error detected: Value '{limit}' at 'limit' failed to satisfy"
                f" constraint: Member must have value less than or equal to {most}"
            )
        self._limit = limit
        # Where one list goes on says nothing in another.
        self._mark = f"{_MARK} {operation} ".encode()
        self._after = self._opened(given["Marker"]) if "Marker" in given else ""

    async def answer(self, name: str, page: Page) -> dict[str, Any]:
        """The page, under that name. What is passed over leaves a page shorter, not emptier."""
        found: list[dict[str, Any]] = []
        after = self._after
        while True:
            more, after = await page(after, self._limit - len(found))
            found += more
            if not after or len(found) >= self._limit:
                break
        answer: dict[str, Any] = {name: found, "Truncated": bool(after)}
        if after:
            answer["NextMarker"] = base64.urlsafe_b64encode(self._mark + after.encode()).decode()
        return answer

    def _opened(self, marker: str) -> str:
        try:
            raw = base64.b64decode(marker, altchars=b"-_", validate=True)
            after = raw.removeprefix(self._mark).decode()
        except (binascii.Error, ValueError):
            raise foreign() from None
        if not (raw.startswith(self._mark) and after):
            raise foreign()
        return after


def foreign() -> AWSError:
    """The marker is none of this list's."""
    return AWSError("InvalidMarkerException", "Could not deserialize marker")
