"""Messages of protocol buffers, read strictly: only fields that are known, each once.

Of the wire types there are numbers (varints) and bytes, which hold texts and messages, too.
"""

from collections.abc import Mapping
from typing import Final

NUMBER: Final = 0
BYTES: Final = 2
_VARINT_BYTES_MAX: Final = 10  # seven bits in each


class Message:
    """A message's fields. `kinds` says which there may be; `each` holds those of one that repeats.

    Raises `ValueError` for another field or kind, one given twice, and what ends too soon.
    """

    __slots__ = ("_blobs", "_numbers", "each")

    def __init__(self, data: bytes, kinds: Mapping[int, int], *, repeated: int = 0) -> None:
        self._numbers: dict[int, int] = {}
        self._blobs: dict[int, bytes] = {}
        self.each: list[bytes] = []
        at = 0
        while at < len(data):
            tag, at = _varint(data, at)
            field, kind = tag >> 3, tag & 7
            if kinds.get(field) != kind or field in self._numbers or field in self._blobs:
                raise ValueError("a field that is not known, or there twice")
            value, at = _varint(data, at)
            if kind == NUMBER:
                self._numbers[field] = value
                continue
            end = at + value
            if end > len(data):
                raise ValueError("a field ends after the message")
            if field == repeated:
                self.each.append(data[at:end])
            else:
                self._blobs[field] = data[at:end]
            at = end

    def number(self, field: int) -> int:
        """The number in that field, below 2^64; 0: it is not there, which means the same."""
        return self._numbers.get(field, 0)

    def blob(self, field: int) -> bytes:
        """The bytes in that field; none: it is not there."""
        return self._blobs.get(field, b"")


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """A number of seven bits a byte, the lowest first, and where it ends. It has one spelling."""
    value = 0
    for place, byte in enumerate(data[at : at + _VARINT_BYTES_MAX]):
        value |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:  # noqa: PLR2004 - the last one has no top bit
            if value >= 2**64 or (place and not byte):
                break
            return value, at + place + 1
    raise ValueError("a number that does not end, is too large, or is spelt in a longer way")
