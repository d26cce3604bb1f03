"""One-time keys from a key and a random value: KBKDF (NIST SP 800-108r1, 4.1).

Counter mode with HMAC-SHA-256, 32-bit counter and length: [i] || label || 0x00 || context || [L].
A key that is derived from a fresh 32-byte random value encrypts once, and so needs no nonce:
AES-256-GCM under a key that is never used again may have nonce zero.
"""

import hmac
from typing import Final

RANDOM_BYTES: Final = 32
ZERO_NONCE: Final = bytes(12)  # each derived key encrypts exactly one message


def derive(key: bytes, label: bytes, context: bytes) -> tuple[bytes, bytes]:
    """64 bytes of KBKDF output, as two halves."""
    fixed = label + b"\0" + context + b"\0\0\2\0"  # [L] is 512 bits
    return (
        hmac.digest(key, b"\0\0\0\1" + fixed, "sha256"),
        hmac.digest(key, b"\0\0\0\2" + fixed, "sha256"),
    )
