"""One-time keys from a key and a random value: KBKDF (NIST SP 800-108r1, 4.1).

Counter mode with HMAC-SHA-256, 32-bit counter and length: [i] || label || 0x00 || context || [L].
A key that is derived from a fresh 32-byte random value encrypts once, and so needs no nonce:
AES-256-GCM under a key that is never used again may have nonce zero.
"""

from typing import Final

from strongroom.domain.keyed import KeyedHash

RANDOM_BYTES: Final = 32
ZERO_NONCE: Final = bytes(12)  # each derived key encrypts exactly one message
_512_BITS: Final = b"\0\0\2\0"  # [L]


def derive(key: bytes, label: bytes, context: bytes) -> tuple[bytes, bytes]:
    """64 bytes of KBKDF output, as two halves."""
    return halves(KeyedHash(key, "sha256"), label, context)


def halves(key: KeyedHash, label: bytes, context: bytes) -> tuple[bytes, bytes]:
    """What `derive` gives, under a key that is used often (HMAC-SHA-256)."""
    fixed = label + b"\0" + context + _512_BITS
    return key.digest(b"\0\0\0\1" + fixed), key.digest(b"\0\0\0\2" + fixed)


def first_half(key: KeyedHash, label: bytes, context: bytes) -> bytes:
    """The first of them alone."""
    return key.digest(b"\0\0\0\1" + label + b"\0" + context + _512_BITS)
