"""The index of the log: for each span of 16,384 entries and each field, what is at which place.

A field of a span is a row of `columns`: the checksums of its values, each once, and for each entry
the number of its value among these. With more than 256 values a number takes two bytes; with more
than 2,048 none is listed, and each entry has two bytes of its value's checksum. A field with one
value has no numbers. So a search sees at once that a span has nothing for it, and else where to
look. It only ever leads to entries, which are then compared: whatever collides or was edited can
show nothing wrong.
"""

import sys
from array import array
from collections.abc import Iterator, Sequence
from enum import IntEnum
from typing import Final
from zlib import crc32

from strongroom.adapters.sqlite.growth import Found

SPAN: Final = 1 << 14
_NARROW_MAX: Final = 256  # values whose numbers fit a byte
_LISTED_MAX: Final = 2_048
_CHECK_BYTES: Final = 4
_WIDE_BYTES: Final = 2
_TAIL_MASK: Final = 0xFFFF


class Field(IntEnum):
    """What entries are found by, in the order of the columns of `entries`."""

    NAMESPACE = 0
    PRINCIPAL = 1
    OBJECT = 2
    ACTION = 3
    OUTCOME = 4
    REQUEST = 5  # each entry has its own, whose end is as good as a checksum


class _Numbers(dict[object, int]):
    """Numbers values in the order in which they are met."""

    def __missing__(self, value: object) -> int:
        number = self[value] = len(self)
        return number


class Span:
    """Entries as they gather; when all are there, the rows of its fields."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.first = number * SPAN
        self._values = [_Numbers() for _ in range(Field.REQUEST)]
        self._numbers: list[list[int]] = [[] for _ in range(Field.REQUEST)]
        self._requests: list[str] = []

    @property
    def end(self) -> int:
        """The position of the next entry."""
        return self.first + len(self._requests)

    @property
    def full(self) -> bool:
        """Whether all are there."""
        return len(self._requests) == SPAN

    def add(self, found: Found) -> None:
        """The next entries, by what they are found by."""
        *fields, requests = found
        for at, column in enumerate(fields):
            # Once for every entry there is. Often all of a group have the same one.
            first = self._values[at][column[0]]
            if column.count(column[0]) == len(column):
                self._numbers[at] += [first] * len(column)
            else:
                number_of = self._values[at]
                self._numbers[at] += [number_of[value] for value in column]
        self._requests += requests

    def columns(self) -> list[tuple[int, bytes, bytes]]:
        """The rows of `columns`."""
        rows = [
            (key(self.number, field), *_column(values, numbers))
            for field, values, numbers in zip(Field, self._values, self._numbers, strict=False)
        ]
        return [*rows, (key(self.number, Field.REQUEST), b"", _tails(self._requests))]


class Term:
    """A value that is looked for in a field."""

    __slots__ = ("_check", "_tail", "field")

    def __init__(self, field: Field, value: str | bytes) -> None:
        self.field = field
        self._check = _check(value).to_bytes(_CHECK_BYTES, "little")
        self._tail = (
            _tails([str(value)])
            if field is Field.REQUEST
            else (_check(value) & _TAIL_MASK).to_bytes(_WIDE_BYTES, "little")
        )

    def wanted(self, listed: bytes | None) -> bytes | None:
        """What to look for in the numbers, by the values that are listed; empty: it is not there.

        None: only looking at the entries can tell.
        """
        if listed is None or len(listed) % _CHECK_BYTES or len(listed) > _LISTED_MAX * _CHECK_BYTES:
            return None
        if not listed:
            return self._tail
        at = _find(listed, self._check, 0, _CHECK_BYTES)
        if at < 0:
            return b""
        if _find(listed, self._check, at + 1, _CHECK_BYTES) >= 0:
            return None  # two values have that checksum
        return at.to_bytes(
            1 if len(listed) <= _NARROW_MAX * _CHECK_BYTES else _WIDE_BYTES, "little"
        )


class Places:
    """Where a value is in a span."""

    __slots__ = ("_numbers", "_wanted", "count")

    def __init__(self, numbers: bytes, wanted: bytes) -> None:
        self._numbers = numbers
        self._wanted = wanted
        # Of two bytes: some of them may lie across two numbers. It is only to compare by.
        self.count = numbers.count(wanted)

    @staticmethod
    def of(numbers: bytes | None, wanted: bytes | None) -> "Places | None":
        """None: anywhere."""
        if not numbers or wanted is None or len(numbers) != SPAN * len(wanted):
            return None
        return Places(numbers, wanted)

    def has(self, place: int) -> bool:
        """Whether the value is there."""
        width = len(self._wanted)
        return self._numbers.startswith(self._wanted, place * width)

    def between(self, first: int, end: int, *, newest: bool) -> Iterator[int]:
        """Its places from `first` up to `end`, without it."""
        numbers, wanted, width = self._numbers, self._wanted, len(self._wanted)
        low, high = first * width, end * width
        while True:
            at = numbers.rfind(wanted, low, high) if newest else numbers.find(wanted, low, high)
            if at < 0:
                return
            if newest:
                high = at + width - 1
            else:
                low = at + 1
            if not at % width:
                yield at // width


def key(span: int, field: Field) -> int:
    """The key of a row."""
    return span << 3 | field


def _column(values: _Numbers, numbers: list[int]) -> tuple[bytes, bytes]:
    checks = [_check(value) for value in values if isinstance(value, str | bytes)]
    if len(checks) > _LISTED_MAX:
        tails = [check & _TAIL_MASK for check in checks]
        return b"", _little(array("H", [tails[number] for number in numbers]))
    listed = _little(array("I", checks))
    if len(checks) == 1:
        return listed, b""
    if len(checks) <= _NARROW_MAX:
        return listed, bytes(numbers)
    return listed, _little(array("H", numbers))


def _check(value: str | bytes) -> int:
    return crc32(value.encode(errors="replace") if isinstance(value, str) else value)


def _tails(requests: Sequence[str]) -> bytes:
    """The last two bytes of each id: the end of its random part."""
    try:
        tails = bytes.fromhex("".join([request[-4:] for request in requests]))
    except ValueError:
        tails = b""
    if len(tails) == _WIDE_BYTES * len(requests):
        return tails
    # One of them is no id. It has a place all the same.
    return (
        b"".join([_tails([one]) for one in requests]) if len(requests) > 1 else bytes(_WIDE_BYTES)
    )


def _find(checks: bytes, check: bytes, first: int, width: int) -> int:
    """The number of the first one that is equal, from a number on; -1: none is."""
    at = first * width - 1
    while (at := checks.find(check, at + 1)) >= 0:
        if not at % width:
            return at // width
    return -1


def _little(numbers: "array[int]") -> bytes:
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers.tobytes()
