"""How numbers, bytes and names are written in notes, paths and receipts: each in one way only.

Everything here raises `ValueError` for another spelling; the formats' parsers word it.
"""

import binascii
from typing import Final

# RFC 6962 counts in 64 bits. The Go tools and POSIX times have a sign bit, so nobody gets further.
SIZE_MAX: Final = 2**63 - 1
_DIGITS_MAX: Final = len(str(SIZE_MAX))


def number(text: str) -> int:
    """The number from 0 to `SIZE_MAX` that is written so, in decimal without leading zeros."""
    # `int` reads "+1", "1_0", " 1" and the digits of other scripts, and takes its time for long
    # ones: a length first, and then one value has one spelling.
    if len(text) > _DIGITS_MAX or str(value := int(text)) != text or not 0 <= value <= SIZE_MAX:
        raise ValueError("not a number in its one spelling")
    return value


def base64(raw: bytes) -> str:
    """The bytes in base 64 (RFC 4648, section 4)."""
    return binascii.b2a_base64(raw, newline=False).decode()


def unbase64(text: str) -> bytes:
    """The bytes that `base64` writes so."""
    raw = binascii.a2b_base64(text)
    # RFC 4648, 3.5: bits that pad the last character could hold anything, and most readers
    # skip what is not in the alphabet.
    if base64(raw) != text:
        raise ValueError("not base 64 in its one spelling")
    return raw


def line(text: str) -> str:
    """The text, if it is one line without control characters and not empty."""
    if not text or min(text) < " ":
        raise ValueError("not a line")
    text.encode()  # half a surrogate pair is no text
    return text


def name(text: str) -> str:
    """The text, if it can name a key: a line without spaces of any script and without `+`."""
    if "+" in line(text) or any(map(str.isspace, text)):
        raise ValueError("not a key's name")
    return text
