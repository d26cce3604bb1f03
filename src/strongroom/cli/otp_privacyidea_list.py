"""Tokens as privacyIDEA's own tool lists them: `pi-tokenjanitor find export --format csv`.

    owner, serial, secret, type, digits[, time step]
           serial, secret, type, digits[, time step, or counter]    for its import

The secret is hexadecimal, or base32 (`--b32`). No line says the hash: it is told beside. Where the
counter of a HOTP token is missing, the token is refused: from zero on, codes that were used there
would be right once more.
"""

import base64
import binascii
import re
from collections.abc import Iterator
from typing import BinaryIO, Final

from strongroom.cli.otp_readers import LINE_BYTES_MAX, Read, checked, lines

_TYPES: Final = (b"hotp", b"totp")
_NOBODY: Final = "n/a"
_HEXADECIMAL: Final = re.compile(r"(?:[0-9a-f]{2})+|(?:[0-9A-F]{2})+")
_BASE32: Final = re.compile(r"[A-Z2-7]+=*")
_OTHERS: Final = 2  # fields before the type: the serial number and the secret


def is_one(stream: BinaryIO) -> bool:
    """Whether the file's first line is such a token. Leaves the stream at its beginning."""
    first = stream.readline(LINE_BYTES_MAX)
    stream.seek(0)
    return any(field.strip().lower() in _TYPES for field in first.split(b","))


def tokens(stream: BinaryIO, algorithm: str) -> Iterator[Read]:
    """The tokens of the list, one by one. `algorithm`: the hash of all of them."""
    for number, line, consumed in lines(stream):
        yield _token(f"line {number:,}", line, algorithm, consumed)


def _token(where: str, line: str, algorithm: str, consumed: int) -> Read:
    fields = [field.strip() for field in line.split(",")]
    kinds = [place for place, field in enumerate(fields) if field.lower().encode() in _TYPES]
    if not kinds or kinds[-1] < _OTHERS:
        return Read(where, None, "it is no token of HOTP or TOTP", consumed)
    place = kinds[-1]  # an owner's name may have commas, or be one of the types
    kind, numbers = fields[place].lower(), fields[place + 1 :]
    *owner, serial, text = fields[:place]
    secret = _secret(text)
    if secret is None:
        return Read(
            where, None, "its secret is neither hexadecimal nor base32, or may be both", consumed
        )
    if not all(number.isascii() and number.isdecimal() for number in numbers[:2]):
        return Read(where, None, "a number is none", consumed)
    said: dict[str, object] = {
        "secret": secret, "type": kind, "serial": serial, "algorithm": algorithm,
    }  # fmt: skip
    said |= dict(
        zip(("digits", "period" if kind == "totp" else "counter"), map(int, numbers), strict=False)
    )
    if kind == "hotp" and "counter" not in said:
        return Read(where, None, "the file has no counter for it; the database has", consumed)
    user = ", ".join(owner)
    return checked(where, said | ({"user": user} if user not in ("", _NOBODY) else {}), consumed)


def _secret(text: str) -> bytes | None:
    """The secret, if there is one way alone to read it."""
    hexadecimal, base32 = _HEXADECIMAL.fullmatch(text), _BASE32.fullmatch(text)
    if bool(hexadecimal) is bool(base32):
        return None
    if hexadecimal:
        return bytes.fromhex(text)
    bare = text.rstrip("=")
    try:
        return base64.b32decode(bare + "=" * (-len(bare) % 8))
    except binascii.Error:
        return None
