"""The seal: what keeps the root key while Strongroom is not running."""

from typing import Protocol

from strongroom.domain.sensitive import Sensitive


class SealRefused(Exception):  # noqa: N818 - it says what is the case
    """The seal does not open. The text is for people and tells nothing of a secret."""


class Seal(Protocol):
    """Opened once, at start, by the supervisor; the root key then goes to the custodians only."""

    @property
    def kind(self) -> str:
        """What `strongroom status` shows, such as `passphrase`."""

    def open(self) -> Sensitive:
        """The root key, 32 bytes. Raises `SealRefused`."""
