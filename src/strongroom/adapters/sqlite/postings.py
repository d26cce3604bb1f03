"""The index of the log: for each span of 16,384 entries, at which places a value is.

A span that is full has rows `(key, places)`. The key holds the span, the field and a checksum of
namespace and value; the places are what `_encoded` makes of them. A field with very many values in
a span has one row instead: a column with two bytes of the checksum for each entry. Both only ever
lead to entries, which are then compared: whatever collides or was edited can show nothing wrong.
"""

import sys
from array import array
from collections import defaultdict
from collections.abc import Iterator, Sequence
from enum import IntEnum
from typing import Final
from zlib import crc32

from strongroom.adapters.sqlite.growth import Row

SPAN: Final = 1 << 14
ALL: Final = (1 << SPAN) - 1
_SPAN_BYTES: Final = SPAN // 8
_LISTED_MAX: Final = _SPAN_BYTES // 2 - 1  # places: more take less room as one bit for each entry
_VALUES_MAX: Final = 2_048  # of a field in a span: for more of them, a column is smaller
_CHECK_BITS: Final = 32
_FIELD_SHIFT: Final = _CHECK_BITS + 1
_SPAN_SHIFT: Final = _FIELD_SHIFT + 3
_COLUMN_MASK: Final = 0xFFFF

Posting = tuple[int, bytes]
"""A row: key, places."""


class Field(IntEnum):
    """What entries are found by, in the order of the columns of `entries`."""

    NAMESPACE = 0
    PRINCIPAL = 1
    OBJECT = 2
    ACTION = 3
    OUTCOME = 4
    REQUEST = 5  # always a column: no two requests share an id


class Term:
    """A value that is looked for: the keys of its rows, without the span."""

    __slots__ = ("_check", "column", "listed")

    def __init__(self, field: Field, namespace: bytes, value: str) -> None:
        self._check = _check_of(namespace, value) if field < Field.REQUEST else _tail(value)
        self.column = field << _FIELD_SHIFT
        self.listed = _key(field, self._check)

    def places(self, found: dict[int, bytes | None]) -> int:
        """Where in the span it may be, as bits, by the span's rows. All: only looking can tell."""
        if self.column in found:
            return _in_column(found[self.column], self._check & _COLUMN_MASK)
        return _decoded(found[self.listed]) if self.listed in found else 0


def key(span: int, part: int) -> int:
    """A row's key: of `Term.column` or `Term.listed` in that span."""
    return span << _SPAN_SHIFT | part


class Span:
    """Entries as they gather; when all are there, the rows of each field."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.first = number * SPAN
        self._same: defaultdict[tuple[bytes, str, str, str, str], list[int]] = defaultdict(list)
        self._requests = bytearray(2 * SPAN)

    def add(self, rows: Sequence[Row]) -> None:
        """Rows of `entries`, of this span, without a gap."""
        # Once for every entry there is, so those that differ in the request alone share a list.
        same, first = self._same, self.first
        for row in rows:
            same[row[2:7]].append(row[0] - first)
        at = 2 * (rows[0][0] - first)
        self._requests[at : at + 2 * len(rows)] = _tails([row[7] for row in rows])

    def postings(self, field: Field) -> list[Posting]:
        """The field's rows, in the order of their keys."""
        base = self.number << _SPAN_SHIFT
        if field is Field.REQUEST:
            return [(base | field << _FIELD_SHIFT, bytes(self._requests))]
        places: dict[tuple[bytes, str], list[int]] = {}
        for values, at in self._same.items():
            value = (values[0], str(values[field]) if field else "")
            places.setdefault(value, []).extend(at)
        checks: dict[int, list[int]] = {}
        for (namespace, text), at in places.items():
            checks.setdefault(_check_of(namespace, text), []).extend(at)
        if len(checks) > _VALUES_MAX:
            column = array("H", bytes(2 * SPAN))
            for check, at in checks.items():
                for place in at:
                    column[place] = check & _COLUMN_MASK
            return [(base | field << _FIELD_SHIFT, _little(column))]
        return [(base | _key(field, check), _encoded(checks[check])) for check in sorted(checks)]


def ordered(bits: int, *, newest: bool) -> Iterator[int]:
    """The places of set bits."""
    while bits:
        place = bits.bit_length() - 1 if newest else (bits & -bits).bit_length() - 1
        yield place
        bits ^= 1 << place


def _key(field: Field, check: int) -> int:
    return field << _FIELD_SHIFT | 1 << _CHECK_BITS | check


def _check_of(namespace: bytes, value: str) -> int:
    return crc32(value.encode(errors="replace"), crc32(namespace))


def _tails(requests: list[str]) -> bytes:
    """The last two bytes of each id: the end of its random part."""
    try:
        tails = bytes.fromhex("".join([request[-4:] for request in requests]))
    except ValueError:
        tails = b""
    if len(tails) == 2 * len(requests):
        return tails
    return b"".join(_tail(request).to_bytes(2, "little") for request in requests)


def _tail(request: str) -> int:
    try:
        tail = bytes.fromhex(request[-4:])
    except ValueError:
        tail = b""
    return int.from_bytes(tail, "little") if len(tail) == 2 else 0  # noqa: PLR2004 - bytes


def _encoded(places: list[int]) -> bytes:
    """Nothing: all of the span. Few: two bytes each, little-endian. Many: a bit for each entry."""
    if len(places) == SPAN:
        return b""
    if len(places) <= _LISTED_MAX:
        places.sort()
        return _little(array("H", places))
    digits = bytearray(b"0" * SPAN)
    for place in places:
        digits[SPAN - 1 - place] = 0x31
    return int(digits, 2).to_bytes(_SPAN_BYTES, "little")


def _decoded(blob: bytes | None) -> int:
    # What is none of ours leads everywhere.
    if not blob or len(blob) % 2 or len(blob) > _SPAN_BYTES:
        return ALL
    if len(blob) == _SPAN_BYTES:
        return int.from_bytes(blob, "little")
    bits = bytearray(_SPAN_BYTES)
    for place in _halves(blob):
        if place >= SPAN:
            return ALL
        bits[place >> 3] |= 1 << (place & 7)
    return int.from_bytes(bits, "little")


def _in_column(column: bytes | None, check: int) -> int:
    if column is None or len(column) != 2 * SPAN:
        return ALL
    wanted, bits, at = check.to_bytes(2, "little"), bytearray(_SPAN_BYTES), -1
    while (at := column.find(wanted, at + 1)) >= 0:
        if not at & 1:
            bits[at >> 4] |= 1 << (at >> 1 & 7)
    return int.from_bytes(bits, "little")


def _halves(blob: bytes) -> "array[int]":
    found = array("H", blob)
    if sys.byteorder == "big":
        found.byteswap()
    return found


def _little(places: "array[int]") -> bytes:
    if sys.byteorder == "big":
        places = places[:]
        places.byteswap()
    return places.tobytes()
