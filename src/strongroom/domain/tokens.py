"""API tokens: `srt_` and 72 characters, a checksum among them so that scanners can recognise one.

    srt_ base32(id (10 bytes) · secret (32) · checksum (3)), lower case, without padding

And access keys, which are not shown to us but signed with (`sigv4.py`): `SRAK` and the id in upper
case, and a secret of 240 random bits in base64. Those for a session are `SRSK` and the id, and have
a session token, too: `srs_` and 256 random bits in base32, which goes along with each request.

`docs/formats/token-1.md` is the page about them.
"""

import base64
import binascii
import hashlib
import re

from strongroom.domain.errors import Unauthenticated

PREFIX = "srt_"
ACCESS_KEY_PREFIX = "SRAK"  # not AWS's own, so that no scanner takes it for one of theirs
SESSION_KEY_PREFIX = "SRSK"
SESSION_PREFIX = "srs_"
ID_BYTES = 10
SECRET_BYTES = 32
ACCESS_SECRET_BYTES = 30
_CHECKSUM_BYTES = 3
_ACCESS_KEY = re.compile(f"({ACCESS_KEY_PREFIX}|{SESSION_KEY_PREFIX})([A-Z2-7]{{16}})")
_TEXT_CHARACTERS = len(PREFIX) + (ID_BYTES + SECRET_BYTES + _CHECKSUM_BYTES) * 8 // 5


def spell(token_id: bytes, secret: bytes) -> str:
    """The token's text."""
    raw = token_id + secret
    return PREFIX + base64.b32encode(raw + _checksum(raw)).decode().lower()


def text_id(token_id: bytes) -> str:
    """How a token's id is written: 16 characters of base32, lower case."""
    return base64.b32encode(token_id).decode().lower()


def parse_text_id(text: str) -> bytes | None:
    """The id that is written so; None for what is not the one spelling of an id."""
    try:
        token_id = base64.b32decode(text.upper())
    except (binascii.Error, ValueError):
        return None
    return token_id if len(token_id) == ID_BYTES and text_id(token_id) == text else None


def digest(text: str) -> bytes:
    """What is stored of a token: SHA-256 suffices, since 256 random bits cannot be guessed."""
    return hashlib.sha256(text.encode()).digest()


def token_id(text: str) -> bytes:
    """The id inside a token. Raises `Unauthenticated` for what is not a token's one spelling."""
    if len(text) != _TEXT_CHARACTERS or not text.startswith(PREFIX):
        raise Unauthenticated
    try:
        raw = base64.b32decode(text[len(PREFIX) :].upper())
    except (binascii.Error, ValueError):
        raise Unauthenticated from None
    body, checksum = raw[:-_CHECKSUM_BYTES], raw[-_CHECKSUM_BYTES:]
    if _checksum(body) != checksum or text != spell(body[:ID_BYTES], body[ID_BYTES:]):
        raise Unauthenticated
    return body[:ID_BYTES]


def _checksum(raw: bytes) -> bytes:
    return hashlib.sha256(PREFIX.encode() + raw).digest()[:_CHECKSUM_BYTES]


def access_key_id(token_id: bytes, *, session: bool = False) -> str:
    """How an access key is named by who signs with it: 20 characters. It is not secret."""
    prefix = SESSION_KEY_PREFIX if session else ACCESS_KEY_PREFIX
    return prefix + base64.b32encode(token_id).decode()


def parse_access_key_id(text: str) -> bytes | None:
    """The token's id in it; None for what is no access key's id."""
    found = _ACCESS_KEY.fullmatch(text)
    return None if found is None else base64.b32decode(found[2])


def spell_access_secret(secret: bytes) -> str:
    """An access key's secret as text: 40 characters, as clients expect of one."""
    return base64.b64encode(secret).decode()


def spell_session(secret: bytes) -> str:
    """A session token: 56 characters. What is stored of it is its `digest`."""
    return SESSION_PREFIX + base64.b32encode(secret).decode().rstrip("=").lower()
