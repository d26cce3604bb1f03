"""privacyIDEA's PSKC export (`pi-tokenjanitor find export --format pskc`) as PSKC.

Its tool puts the file together with a parser of HTML, which writes all names in small letters, and
RFC 6030's names are told apart by case. They get their spelling back here; protection and MACs are
left to whoever reads PSKC files. What else is its own way:

- the hash is an attribute of `suite`, which is empty otherwise;
- a time step may be 0 or `None`: there is none then;
- time and drift are of another kind than RFC 6030's (seconds): they are left out, and learnt anew.
"""

import html
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO, Final
from xml.parsers import expat

from strongroom.cli.failures import usage

_CHUNK_BYTES: Final = 64 * 1024
_NAMES: Final = {
    name.lower(): name
    for name in (
        "KeyContainer", "EncryptionKey", "KeyName", "MACMethod", "MACKey", "EncryptionMethod",
        "CipherData", "CipherValue", "KeyPackage", "DeviceInfo", "Manufacturer", "SerialNo", "Key",
        "Issuer", "AlgorithmParameters", "ResponseFormat", "Suite", "Data", "Secret",
        "EncryptedValue", "ValueMAC", "PlainValue", "Counter",
    )
}  # fmt: skip
_ATTRIBUTES: Final = {
    name.lower(): name for name in ("Version", "Algorithm", "Id", "Length", "Encoding")
}
_LEFT_OUT: Final = ("time", "timedrift")
_HASH: Final = "hashalgo"


def is_one(stream: BinaryIO) -> bool:
    """Whether the file begins as such an export does. Leaves the stream at its beginning."""
    begins = stream.read(_CHUNK_BYTES).lstrip()
    stream.seek(0)
    return begins.startswith(b"<keycontainer")


@contextmanager
def respelled(stream: BinaryIO) -> Iterator[BinaryIO]:
    """The export as PSKC, in a file without a name. Its secrets are as encrypted as they were."""
    with tempfile.TemporaryFile() as draft:
        spelling = _Spelling(draft)
        try:
            while chunk := stream.read(_CHUNK_BYTES):
                spelling.parser.Parse(chunk, False)  # noqa: FBT003 - as expat calls it
            spelling.parser.Parse(b"", True)  # noqa: FBT003 - likewise
        except expat.ExpatError:
            raise usage("The export of privacyIDEA is cut short, or is no XML.") from None
        draft.seek(0)
        yield draft


class _Spelling:
    """Writes what it reads, in RFC 6030's spelling."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._left_out = 0  # how deep inside something that is left out
        self._step: str | None = None  # what is in a time step, which may be none
        self.parser = expat.ParserCreate()
        self.parser.StartDoctypeDeclHandler = _refuse
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        prefix, _, local = name.rpartition(":")
        if self._left_out or local in _LEFT_OUT:
            self._left_out += 1
        elif local == "timeinterval":
            self._step = ""
        elif self._step is None:
            spelled = _spelled(prefix, local)
            kept = "".join(
                f' {_ATTRIBUTES.get(each, each)}="{html.escape(value)}"'
                for each, value in attributes.items()
                if each != _HASH
            )
            self._write(f"<{spelled}{kept}>{html.escape(attributes.get(_HASH, '').upper())}")

    def _end(self, name: str) -> None:
        prefix, _, local = name.rpartition(":")
        if self._left_out:
            self._left_out -= 1
        elif local == "timeinterval":
            with suppress(ValueError):
                if int(self._step or ""):
                    step = f"<PlainValue>{int(self._step or '')}</PlainValue>"
                    self._write(f"<TimeInterval>{step}</TimeInterval>")
            self._step = None
        elif self._step is None:
            self._write(f"</{_spelled(prefix, local)}>")

    def _text(self, text: str) -> None:
        if self._step is not None:
            self._step += text
        elif not self._left_out:
            self._write(html.escape(text))

    def _write(self, text: str) -> None:
        self._out.write(text.encode())


def _spelled(prefix: str, local: str) -> str:
    name = _NAMES.get(local, local)
    return f"{prefix}:{name}" if prefix else name


def _refuse(*_: object) -> None:
    raise usage("The export of privacyIDEA has a document type, which is refused.")
