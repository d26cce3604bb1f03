"""The two spellings of an ECDSA signature: DER (RFC 3279) and P1363, two numbers of fixed length.

Each value has one spelling: what is not the shortest DER is refused, and so are numbers that do not
fit the order's bytes. Whether a number is below the order is for whoever verifies.
"""

from typing import Final

_SEQUENCE: Final = 0x30
_INTEGER: Final = 0x02
_SHORT_MAX: Final = 0x7F
_LONG: Final = 0x81  # one byte of length follows: enough for P-521


def der_to_p1363(signature: bytes, coordinate_bytes: int) -> bytes:
    """The same as r · s. Raises `ValueError` for what is not DER of two fitting numbers."""
    try:
        body, rest = _element(signature, _SEQUENCE)
        r, tail = _element(body, _INTEGER)
        s, end = _element(tail, _INTEGER)
        if rest or end:
            raise ValueError
        joined = b"".join(_number(part).to_bytes(coordinate_bytes, "big") for part in (r, s))
        if p1363_to_der(joined, coordinate_bytes) != signature:
            raise ValueError
    except (ValueError, OverflowError, IndexError):
        raise ValueError("this is no signature in DER") from None
    return joined


def p1363_to_der(signature: bytes, coordinate_bytes: int) -> bytes:
    """The same signature in DER. Raises `ValueError` for another length than two coordinates."""
    if len(signature) != 2 * coordinate_bytes:
        raise ValueError("this is no signature of two coordinates")
    body = b"".join(
        _encoded(_INTEGER, _shortest(part))
        for part in (signature[:coordinate_bytes], signature[coordinate_bytes:])
    )
    return _encoded(_SEQUENCE, body)


def _element(der: bytes, tag: int) -> tuple[bytes, bytes]:
    """The first element's content, and what follows."""
    if der[0] != tag:
        raise ValueError
    start, size = (3, der[2]) if der[1] == _LONG else (2, der[1])
    if (start == 2 and size > _SHORT_MAX) or len(der) < start + size:  # noqa: PLR2004 - as above
        raise ValueError
    return der[start : start + size], der[start + size :]


def _number(content: bytes) -> int:
    if not content or content[0] > _SHORT_MAX:
        raise ValueError  # negative
    return int.from_bytes(content, "big")


def _shortest(number: bytes) -> bytes:
    stripped = number.lstrip(b"\0") or b"\0"
    # A leading zero where the first bit is set: numbers in DER have a sign.
    return b"\0" + stripped if stripped[0] > _SHORT_MAX else stripped


def _encoded(tag: int, content: bytes) -> bytes:
    size = len(content)
    head = bytes([tag, size]) if size <= _SHORT_MAX else bytes([tag, _LONG, size])
    return head + content
