"""A link's token: `otl_` and what names the credential and opens it, once.

    otl_ base64url(namespace (16 bytes) · credential (16) · secret (32)), without padding

Only its SHA-256 is kept: 256 random bits cannot be guessed.
"""

import base64
import binascii
import hashlib
from typing import Final, NamedTuple

PREFIX: Final = "otl_"
SECRET_BYTES: Final = 32
_RAW_BYTES: Final = 16 + 16 + SECRET_BYTES
_CHARACTERS: Final = len(PREFIX) + (_RAW_BYTES * 8 + 5) // 6


class Named(NamedTuple):
    """What a token names."""

    namespace: bytes
    credential: bytes


def spell(namespace: bytes, credential: bytes, secret: bytes) -> str:
    """The token's text."""
    raw = namespace + credential + secret
    return PREFIX + base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def parse(text: str) -> Named | None:
    """What the token names; None for what is not the one spelling of a token."""
    if len(text) != _CHARACTERS or not text.startswith(PREFIX) or not text.isascii():
        return None
    try:
        raw = base64.b64decode(text[len(PREFIX) :] + "==", altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    if len(raw) != _RAW_BYTES or spell(raw[:16], raw[16:32], raw[32:]) != text:
        return None
    return Named(raw[:16], raw[16:32])


def digest(text: str) -> bytes:
    """What is kept of a token."""
    return hashlib.sha256(text.encode()).digest()
