"""HMAC (RFC 2104) under a key that is used more than once: what the key alone decides is kept."""

import hashlib
from collections.abc import Callable
from typing import Any, Final

_INNER: Final = bytes(byte ^ 0x36 for byte in range(256))
_OUTER: Final = bytes(byte ^ 0x5C for byte in range(256))
# Each with the size of its blocks.
_HASHES: Final[dict[str, tuple[Callable[[bytes], Any], int]]] = {
    "sha1": (hashlib.sha1, 64),
    "sha256": (hashlib.sha256, 64),
    "sha512": (hashlib.sha512, 128),
}


class KeyedHash:
    """As `hmac.digest` with this key, in less than half its time.

    The hash is one that has already taken in the key's block, as RFC 2104, 4 advises. `hmac.new`
    and its `copy` would do the same; making one takes longer than the codes of a window.
    """

    __slots__ = ("_inner", "_outer")

    def __init__(self, key: bytes, name: str) -> None:
        hash_, size = _HASHES[name]
        block = (key if len(key) <= size else hash_(key).digest()).ljust(size, b"\0")
        self._inner = hash_(block.translate(_INNER))
        self._outer = hash_(block.translate(_OUTER))

    def digest(self, message: bytes) -> bytes:
        """The MAC, whole."""
        inner = self._inner.copy()
        inner.update(message)
        outer = self._outer.copy()
        outer.update(inner.digest())
        mac: bytes = outer.digest()
        return mac
