"""The arithmetic of signatures: the one module of this package that needs `cryptography`.

For programs that have no provider of their own: who verifies, and who runs a witness.
"""

from collections.abc import Callable

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey, MLDSA44PublicKey

from strongroom.tlog import cosignatures, notes
from strongroom.tlog.errors import TlogError
from strongroom.tlog.vkeys import Algorithm, VKey


def verifier(vkey: VKey) -> notes.Verifier:
    """What knows the signatures of that key."""
    return _Verifier(vkey)


class NoteSigner:
    """Signs any note with an Ed25519 key of its own (0x01), made from a seed of 32 bytes."""

    __slots__ = ("_key", "vkey")

    def __init__(self, name: str, seed: bytes) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.vkey = VKey(name, Algorithm.ED25519, self._key.public_key().public_bytes_raw())

    def sign(self, text: str) -> bytes:
        """See `notes.Signer`."""
        return self._key.sign(text.encode())


class Cosigner:
    """Vouches for checkpoints with a key of its own, made from a seed of 32 bytes.

    `clock` gives the seconds since 1970.
    """

    __slots__ = ("_clock", "_key", "vkey")

    def __init__(
        self, name: str, algorithm: Algorithm, seed: bytes, clock: Callable[[], int]
    ) -> None:
        self._clock = clock
        self._key: Ed25519PrivateKey | MLDSA44PrivateKey
        if algorithm == Algorithm.ML_DSA_44_COSIGNATURE:
            self._key = MLDSA44PrivateKey.from_seed_bytes(seed)
        elif algorithm == Algorithm.ED25519_COSIGNATURE:
            self._key = Ed25519PrivateKey.from_private_bytes(seed)
        else:
            raise RuntimeError("this kind of key does not cosign")
        self.vkey = VKey(name, algorithm, self._key.public_key().public_bytes_raw())

    def sign(self, text: str) -> bytes:
        """See `notes.Signer`. Raises `CheckpointError` if the text is no checkpoint."""
        now = self._clock()
        return cosignatures.join(now, self._key.sign(cosignatures.message(self.vkey, text, now)))


class _Verifier:
    __slots__ = ("_key", "vkey")

    def __init__(self, vkey: VKey) -> None:
        self.vkey = vkey
        self._key: Ed25519PublicKey | MLDSA44PublicKey
        if vkey.algorithm == Algorithm.ML_DSA_44_COSIGNATURE:
            self._key = MLDSA44PublicKey.from_public_bytes(vkey.public)
        else:
            self._key = Ed25519PublicKey.from_public_bytes(vkey.public)

    def verify(self, text: str, blob: bytes) -> bool:
        try:
            message, signature = cosignatures.signed(self.vkey, text, blob)
            self._key.verify(signature, message)
        except (InvalidSignature, TlogError):
            return False
        return True
