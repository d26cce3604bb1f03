"""Reading a PSKC file, key by key, in bounded memory.

A file is good or bad as a whole: what comes before a wrong MAC, or before the end that is missing,
must not be used. A stream does not know its end. So whoever imports reads twice:

    surveyed = survey(stream, unlock)           # everything is parsed, checked and opened
    stream.seek(0)
    for key in read(stream, unlock, surveyed=surveyed):
        ...  # these are the same bytes, or it ends in an error

The keys come in the order of the file, each time. XML signatures are NOT checked: a file that has
one is refused, unless the caller says that it is to be ignored.
"""

from collections.abc import Iterator
from typing import BinaryIO, Final

import msgspec

from strongroom.pskc import key_info, packages
from strongroom.pskc.elements import Document, Element
from strongroom.pskc.errors import MalformedError, UnsupportedError
from strongroom.pskc.identities import Identities
from strongroom.pskc.key_info import KeyInfo
from strongroom.pskc.keys import Key
from strongroom.pskc.locks import Unlock
from strongroom.pskc.names import PSKC, SIGNED
from strongroom.pskc.opening import Opening
from strongroom.pskc.values import attribute, malformed

_CONTAINER: Final = PSKC + "KeyContainer"
_VERSION: Final = "1.0"
_HEADING: Final = (PSKC + "EncryptionKey", PSKC + "MACMethod")
_PACKAGE: Final = PSKC + "KeyPackage"
_EXTENSIONS: Final = PSKC + "Extensions"
_SIGNATURE: Final = SIGNED + "Signature"


class Survey(msgspec.Struct, frozen=True, kw_only=True):
    """A file that was read to its end and found good. `remarks` say what is weak about it."""

    keys: int
    size_bytes: int
    sha256: bytes
    info: KeyInfo
    remarks: tuple[str, ...]


class Reader(Iterator[Key]):
    """The keys of a file. Raises errors of `PSKCError`; passes on the stream's `OSError`.

    A key that came out is of a good file only when the iteration has ended without an error.
    """

    def __init__(
        self,
        stream: BinaryIO,
        unlock: Unlock | None = None,
        *,
        surveyed: Survey | None = None,
        ignore_signature: bool = False,
    ) -> None:
        self._document = Document(stream)
        self._unlock = unlock
        self._surveyed = surveyed
        self._ignore_signature = ignore_signature
        self._begun = False
        self._heading: dict[str, Element] = {}
        self._opening: Opening | None = None
        self._info = KeyInfo()
        self._identities = Identities()

    @property
    def keys(self) -> int:
        """Keys that came out so far."""
        return len(self._identities)

    @property
    def consumed(self) -> int:
        """Bytes read so far, for a progress bar."""
        return self._document.consumed

    def __next__(self) -> Key:
        if not self._begun:
            self._begun = True
            _check_root(next(self._document))
        for element in self._document:
            key = self._take(element)
            if key is not None:
                self._count(key, element)
                return key
        self._finish()
        raise StopIteration

    def survey(self) -> Survey:
        """What was found. To be asked at the end."""
        return Survey(
            keys=self.keys,
            size_bytes=self.consumed,
            sha256=self._document.digest.digest(),
            info=self._info,
            remarks=() if self._opening is None else tuple(self._opening.remarks),
        )

    def _take(self, element: Element) -> Key | None:
        if element.name == _PACKAGE:
            return packages.read(element, self._opened())
        if element.name in _HEADING:
            # They say how the packages are read: after the first they would come too late.
            if self._opening is not None or element.name in self._heading:
                raise malformed(element, f"{element.local} is there twice, or after a KeyPackage")
            self._heading[element.name] = element
        elif element.name == _SIGNATURE:
            if not self._ignore_signature:
                raise UnsupportedError(
                    f"line {element.line:,}: the file is signed, and signatures are not checked"
                    " here; it can be read only if the signature is ignored"
                )
        elif element.name != _EXTENSIONS:
            raise malformed(element, "KeyContainer has an element that is not known there")
        return None

    def _opened(self) -> Opening:
        if self._opening is None:
            encryption, mac_method = (self._heading.get(name) for name in _HEADING)
            self._info = key_info.read(encryption)
            self._opening = Opening(self._info, mac_method, self._unlock)
        return self._opening

    def _count(self, key: Key, element: Element) -> None:
        if not self._identities.is_new(key):
            raise malformed(element, "a key is in the file twice: same device, same Id")

    def _finish(self) -> None:
        if self._opening is None:
            raise MalformedError("there is no KeyPackage in the file")
        was = self._surveyed
        if was is not None and (was.size_bytes, was.sha256) != (
            self.consumed,
            self._document.digest.digest(),
        ):
            raise MalformedError("the file was changed while it was read")


def read(
    stream: BinaryIO,
    unlock: Unlock | None = None,
    *,
    surveyed: Survey | None = None,
    ignore_signature: bool = False,
) -> Reader:
    """The keys of a file: see `Reader`, and the head of this module for how to import them."""
    return Reader(stream, unlock, surveyed=surveyed, ignore_signature=ignore_signature)


def survey(
    stream: BinaryIO, unlock: Unlock | None = None, *, ignore_signature: bool = False
) -> Survey:
    """Read a file to its end. Raises errors of `PSKCError`; returns if all of it is good."""
    reader = Reader(stream, unlock, ignore_signature=ignore_signature)
    for _ in reader:
        pass
    return reader.survey()


def wanted(stream: BinaryIO) -> KeyInfo:
    """What opens the file: only its beginning is read. Raises errors of `PSKCError`."""
    document = Document(stream)
    _check_root(next(document))
    for element in document:
        if element.name == _HEADING[0]:
            return key_info.read(element)
        if element.name == _PACKAGE:
            break
    return KeyInfo()


def _check_root(root: Element) -> None:
    if root.name != _CONTAINER:
        raise MalformedError("the file is no PSKC file: its root is no KeyContainer of RFC 6030")
    if attribute(root, "Version") != _VERSION:
        raise MalformedError("the file is of another version of PSKC than 1.0")
