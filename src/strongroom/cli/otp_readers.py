"""Files of OTP secrets, read one by one: as items of an import, or with the reason why not.

A reason names the place and never what stands there: it is a secret, or next to one.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

import msgspec

from strongroom.cli.failures import usage
from strongroom.domain.errors import InvalidRequest
from strongroom.domain.otp import migration, otpauth
from strongroom.domain.otp.asks import ImportItem
from strongroom.domain.otp.credential import Type

LINE_BYTES_MAX: Final = 16 * 1024


class Read(NamedTuple):
    """One secret of a file: where it stands, and the item, or why it is none.

    `consumed`: bytes of the file up to it.
    """

    where: str
    item: ImportItem | None
    reason: str
    consumed: int


def otpauth_lines(stream: BinaryIO) -> Iterator[Read]:
    """A file with an `otpauth` URI on each line. Empty lines and those that begin with # are not.

    The user is the account in the URI.
    """
    for number, line, consumed in lines(stream):
        yield _read(f"line {number:,}", line, consumed)


def google_codes(stream: BinaryIO) -> Iterator[Read]:
    """A file with a migration URI on each line: the text of each QR code of one export."""
    batches, consumed = [], 0
    for number, line, so_far in lines(stream):
        consumed = so_far
        try:
            batches.append(migration.parse(line))
        except InvalidRequest as refusal:
            raise usage(f"Line {number:,} of the file: {refusal.detail}.") from None
    try:
        entries = migration.joined(batches)
    except InvalidRequest as refusal:
        raise usage(f"The file is no whole export: {refusal.detail}.") from None
    for place, entry in enumerate(entries, 1):
        yield _item(f"entry {place:,}", entry, consumed)


def lines(stream: BinaryIO) -> Iterator[tuple[int, str, int]]:
    """Lines with something in them: number, text, and bytes of the file up to their end."""
    consumed = number = 0
    while line := stream.readline(LINE_BYTES_MAX):
        consumed, number = consumed + len(line), number + 1
        try:
            text = line.decode().strip()
        except UnicodeDecodeError:
            raise usage(f"Line {number:,} of the file is not UTF-8 text.") from None
        if text and not text.startswith("#"):
            yield number, text, consumed


def _read(where: str, uri: str, consumed: int) -> Read:
    try:
        return _item(where, otpauth.parse(uri), consumed)
    except InvalidRequest as refusal:
        return Read(where, None, refusal.detail, consumed)


def _item(where: str, entry: otpauth.Otpauth, consumed: int) -> Read:
    said = {
        "secret": entry.secret.reveal(), "user": entry.account, "type": entry.type,
        "algorithm": entry.hash, "digits": entry.digits, "counter": entry.counter,
        **({"period": entry.period} if entry.type is Type.TOTP else {}),
    }  # fmt: skip
    return checked(where, said, consumed)


def checked(where: str, said: dict[str, object], consumed: int) -> Read:
    """What was said as an item, or why it is none."""
    try:
        return Read(where, msgspec.convert(said, ImportItem), "", consumed)
    except msgspec.ValidationError as error:
        # Its words are the field's name and its bounds; the value is not in them.
        return Read(where, None, f"out of bounds: {error}", consumed)


def opened(file: str) -> BinaryIO:
    """A file of secrets, open. Refuses what is not there."""
    try:
        return Path(file).open("rb")
    except OSError as error:
        raise usage(f"{file} cannot be read: {error.strerror}.") from None


def chunks(found: Iterable[Read], most: int) -> Iterator[list[Read]]:
    """Some at a time."""
    chunk: list[Read] = []
    for one in found:
        chunk.append(one)
        if len(chunk) == most:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
