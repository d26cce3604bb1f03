"""X-Wing key pairs (draft-connolly-cfrg-xwing-kem): X25519 and ML-KEM-768 from one seed.

The library has the KEM within HPKE, but no bytes for its keys. Those are the draft's: PKCS#8 with
the seed of 32 bytes, SubjectPublicKeyInfo with the ML-KEM key and the X25519 key behind it.
"""

import hashlib
import os
from typing import Final, Self

from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from strongroom.domain.sensitive import Sensitive

_SEED_BYTES: Final = 32
_MLKEM_SEED_BYTES: Final = 64
_MLKEM_PUBLIC_BYTES: Final = 1184
_PUBLIC_BYTES: Final = _MLKEM_PUBLIC_BYTES + 32

# AlgorithmIdentifier 1.3.6.1.4.1.62253.25722 without parameters, and what surrounds the key.
_IDENTIFIER: Final = bytes.fromhex("300d060b2b0601040183e62d81c87a")
_PRIVATE_HEAD: Final = bytes.fromhex("3034020100") + _IDENTIFIER + bytes.fromhex("0420")
_PUBLIC_HEAD: Final = bytes.fromhex("308204d4") + _IDENTIFIER + bytes.fromhex("038204c100")


class XWingPublicKey:
    """The public half: 1,216 bytes."""

    def __init__(self, raw: bytes) -> None:
        if len(raw) != _PUBLIC_BYTES:
            raise ValueError("an X-Wing public key has 1216 bytes")
        self._raw = raw
        self.key = hpke.MLKEM768X25519PublicKey(
            MLKEM768PublicKey.from_public_bytes(raw[:_MLKEM_PUBLIC_BYTES]),
            X25519PublicKey.from_public_bytes(raw[_MLKEM_PUBLIC_BYTES:]),
        )

    def der(self) -> bytes:
        """SubjectPublicKeyInfo."""
        return _PUBLIC_HEAD + self._raw

    @classmethod
    def from_der(cls, der: bytes) -> Self:
        """The key. Raises `ValueError` for other bytes than `der` writes."""
        if not der.startswith(_PUBLIC_HEAD):
            raise ValueError("this is no X-Wing public key")
        return cls(der[len(_PUBLIC_HEAD) :])


class XWingPrivateKey:
    """The private half: a seed, and what it expands to."""

    def __init__(self, seed: bytes) -> None:
        if len(seed) != _SEED_BYTES:
            raise ValueError("an X-Wing seed has 32 bytes")
        self._seed = Sensitive(seed)
        expanded = hashlib.shake_256(seed).digest(_MLKEM_SEED_BYTES + 32)
        mlkem = MLKEM768PrivateKey.from_seed_bytes(expanded[:_MLKEM_SEED_BYTES])
        x25519 = X25519PrivateKey.from_private_bytes(expanded[_MLKEM_SEED_BYTES:])
        self.key = hpke.MLKEM768X25519PrivateKey(mlkem, x25519)
        self._public = mlkem.public_key().public_bytes_raw() + (
            x25519.public_key().public_bytes_raw()
        )

    @classmethod
    def generate(cls) -> Self:
        """A new key."""
        return cls(os.urandom(_SEED_BYTES))

    def public_key(self) -> XWingPublicKey:
        """The public half."""
        return XWingPublicKey(self._public)

    def der(self) -> bytes:
        """PKCS#8. It is wrapped at once, or handed to whom it was made for."""
        return _PRIVATE_HEAD + self._seed.reveal()

    @classmethod
    def from_der(cls, der: bytes) -> Self:
        """The key. Raises `ValueError` for other bytes than `der` writes."""
        if not der.startswith(_PRIVATE_HEAD):
            raise ValueError("this is no X-Wing private key")
        return cls(der[len(_PRIVATE_HEAD) :])
