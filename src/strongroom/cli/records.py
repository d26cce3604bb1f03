"""Records that hold a ciphertext each: lines, JSON Lines, rows of CSV.

A record is read as bytes, and what is not its ciphertext stays what it was, byte for byte. (There
is one exception: a row of CSV in which the ciphertext's text stands twice is written anew.) Nothing
is kept of a record once the next is read.
"""

import csv
import io
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import BinaryIO, Final

from strongroom.cli.exits import Exit
from strongroom.cli.failures import CommandError, Failure, usage

RECORD_BYTES_MAX: Final = 1024 * 1024  # ten times the longest ciphertext; bounds our memory
_SPACE: Final = re.compile(r"[ \t\r\n]*")


@dataclass(frozen=True, slots=True)
class Record:
    """A record, around its ciphertext. `raw` is `before`, the ciphertext and `after`, as read.

    Without a ciphertext, `text` is empty. `problem` says why nothing can be done with the record.
    """

    raw: bytes
    number: int
    text: str = ""
    before: bytes = b""
    after: bytes = b""
    context: dict[str, str] = field(default_factory=dict)
    problem: str = ""
    is_header: bool = False

    def with_text(self, text: bytes) -> bytes:
        """The record with another ciphertext in its place."""
        return self.before + text + self.after


class Lines:
    """A stream's lines as they are, and how much of it has been read."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.offset = 0
        self.number = 0

    def __iter__(self) -> Iterator[bytes]:
        while line := self._stream.readline(RECORD_BYTES_MAX + 1):
            self.number += 1
            if len(line) > RECORD_BYTES_MAX:
                raise _too_long(self.number)
            self.offset += len(line)
            yield line

    def go_to(self, offset: int) -> None:
        """Another place, where a record begins. A pipe is read up to there."""
        if self._stream.seekable():
            self._stream.seek(offset)
        else:
            left = offset - self.offset
            while left > 0 and (skipped := self._stream.read(min(left, RECORD_BYTES_MAX))):
                left -= len(skipped)
        self.offset = offset


Reader = Callable[[Lines], Iterator[Record]]


def lines() -> Reader:
    """Each line is a ciphertext. An empty one is kept."""

    def read(source: Lines) -> Iterator[Record]:
        for raw in source:
            text = raw.strip()
            before, _, after = raw.partition(text) if text else (raw, b"", b"")
            yield Record(raw, source.number, text.decode("ascii", "replace"), before, after)

    return read


# --- JSON Lines -----------------------------------------------------------------------------------


def json_lines(path: str, contexts: dict[str, str]) -> Reader:
    """Each line is an object; `path` leads to the ciphertext, with dots between the names."""
    names = path.split(".")
    wanted = {name: where.split(".") for name, where in contexts.items()}

    def read(source: Lines) -> Iterator[Record]:
        for raw in source:
            try:
                yield _object(raw, source.number, names, wanted)
            except (ValueError, RecursionError) as error:
                problem = str(error) if isinstance(error, _BadRecordError) else "it is not JSON"
                yield Record(raw, source.number, problem=problem)

    return read


class _BadRecordError(ValueError):
    """What is wrong, in words that repeat nothing of the record."""


_decoder: Final = json.JSONDecoder()


def _object(raw: bytes, number: int, names: list[str], wanted: dict[str, list[str]]) -> Record:
    text = raw.decode()
    if not text.strip():
        return Record(raw, number)
    value = json.loads(text)  # what follows relies on it being sound
    if not isinstance(value, dict):
        raise _BadRecordError("it is no object")
    start = _SPACE.match(text).end()  # type: ignore[union-attr]  # it matches nothing, too
    for name in names:
        found = _member(text, start, name)
        if found is None:
            return Record(raw, number)
        start = found
    ciphertext, end = _decoder.raw_decode(text, start)
    if ciphertext is None or ciphertext == "":
        return Record(raw, number)
    if not isinstance(ciphertext, str):
        raise _BadRecordError("the field is no text")
    before, after = text[:start] + '"', '"' + text[end:]
    context = {name: _context_value(value, path) for name, path in wanted.items()}
    return Record(raw, number, ciphertext, before.encode(), after.encode(), context)


def _member(text: str, at: int, name: str) -> int | None:
    """Where the value of the object's member begins. Of sound JSON."""
    if text[at] != "{":
        return None
    found = None
    at = _past_space(text, at + 1)
    while text[at] != "}":
        key, at = _decoder.raw_decode(text, at)
        at = _past_space(text, _past_space(text, at) + 1)
        if key == name:
            if found is not None:
                # Readers differ in which one they take.
                raise _BadRecordError("a field is there twice")
            found = at
        _, at = _decoder.raw_decode(text, at)
        at = _past_space(text, at)
        if text[at] == ",":
            at = _past_space(text, at + 1)
    return found


def _past_space(text: str, at: int) -> int:
    return _SPACE.match(text, at).end()  # type: ignore[union-attr]  # it matches nothing, too


def _context_value(value: object, path: list[str]) -> str:
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str):
        raise _BadRecordError(f"its field {'.'.join(path)}, for the context, is no text")
    return value


# --- CSV ------------------------------------------------------------------------------------------


def csv_rows(column: str, contexts: dict[str, str]) -> Reader:
    """Rows below a header (RFC 4180). The header is a record without ciphertext.

    Raises `CommandError` for a header that lacks a column or has it twice, and for what is no CSV.
    """

    def read(source: Lines) -> Iterator[Record]:
        raws: list[bytes] = []
        rows = _rows(source, raws)
        header = next(rows, None)
        if header is None:
            return
        at = _column(header, column)
        wanted = {name: _column(header, where) for name, where in contexts.items()}
        yield Record(b"".join(raws), 1, is_header=True)
        number = source.number + 1
        raws.clear()
        for row in rows:
            yield _row(b"".join(raws), number, row, at, wanted)
            number = source.number + 1
            raws.clear()

    return read


def _rows(source: Lines, raws: list[bytes]) -> Iterator[list[str]]:
    """The rows; `raws` are the lines of the latest. A row with line ends within has several."""

    def texts() -> Iterator[str]:
        begin = 0
        for raw in source:
            if not raws:
                begin = source.offset - len(raw)
            raws.append(raw)
            if source.offset - begin > RECORD_BYTES_MAX:
                raise _too_long(source.number)
            # Bytes that are no UTF-8 come out again as they are.
            text = raw.decode(errors="surrogateescape")
            yield text.removeprefix("\ufeff") if source.number == 1 else text

    csv.field_size_limit(RECORD_BYTES_MAX)
    try:
        yield from csv.reader(texts(), strict=True)
    except csv.Error as error:
        raise CommandError(
            Failure(Exit.REFUSED, f"Line {source.number} is no CSV: {error}.")
        ) from None


def _column(header: list[str], name: str) -> int:
    if header.count(name) != 1:
        told = "is there twice" if name in header else "is not there"
        raise usage(f"The column {name!r} {told} in the header.")
    return header.index(name)


def _row(raw: bytes, number: int, row: list[str], at: int, wanted: dict[str, int]) -> Record:
    text = row[at].strip() if at < len(row) else ""
    if not text:
        return Record(raw, number)
    if any(where >= len(row) for where in wanted.values()):
        return Record(raw, number, problem="a column for the context is not there")
    sought = text.encode(errors="surrogateescape")
    if raw.count(sought) == 1:
        before, _, after = raw.partition(sought)
    else:
        end = raw[len(raw.rstrip(b"\r\n")) :]
        # An empty cell in the ciphertext's place brings the comma along.
        before = _written([*row[:at], ""]) if at else b""
        after = (_written(["", *row[at + 1 :]]) if row[at + 1 :] else b"") + end
    context = {name: row[where] for name, where in wanted.items()}
    return Record(raw, number, text, before, after, context)


def _written(cells: list[str]) -> bytes:
    paper = io.StringIO()
    csv.writer(paper, lineterminator="").writerow(cells)
    return paper.getvalue().encode(errors="surrogateescape")


def _too_long(number: int) -> CommandError:
    return CommandError(
        Failure(
            Exit.REFUSED,
            f"The record that line {number} belongs to is longer than {RECORD_BYTES_MAX:,} bytes.",
            "Is the format right? In CSV, a quotation mark that is never closed takes all lines.",
        )
    )
