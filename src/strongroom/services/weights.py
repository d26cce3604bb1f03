"""How much memory opened keys take, about, so that it has a bound whatever kind of keys they are.

Measured, in KiB: a key with one version, and all that is remembered with it, 2; the opened material
beside that: AES and HMAC 0.2 to 2.8, curves 0.5 to 2.4, RSA once it was used 9 to 12, ML-KEM 8 to
13, ML-DSA 20 to 39. For key pairs that is at most sixteen times what the public key has in bytes;
so no table of algorithms is needed, which somebody would have to keep.
"""

from collections.abc import Iterable
from typing import Final

_KEY: Final = 1_024
_VERSION: Final = 3_072
_PUBLIC: Final = 16


class Weights:
    """What each key weighs, in bytes, and all of them together."""

    def __init__(self) -> None:
        self._weights: dict[bytes, int] = {}
        self.total = 0

    def put(self, key_id: bytes, publics: Iterable[bytes]) -> None:
        """The key has opened versions with these public keys; empty, where there is none."""
        self.drop(key_id)
        weight = _KEY + sum(_VERSION + _PUBLIC * len(public) for public in publics)
        self._weights[key_id] = weight
        self.total += weight

    def drop(self, key_id: bytes) -> None:
        """The key is remembered no longer."""
        self.total -= self._weights.pop(key_id, 0)

    def clear(self) -> None:
        """None is."""
        self._weights.clear()
        self.total = 0
