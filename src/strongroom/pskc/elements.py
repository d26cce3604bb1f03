"""XML as a stream: the root, then each of its children whole, in bounded memory.

Expat does the parsing. What XML has and PSKC has no use for is refused where it begins: document
types, and with them entities, external references and defaults of attributes. Nothing is fetched.
"""

import hashlib
from collections import deque
from collections.abc import Iterator
from typing import BinaryIO, Final, NoReturn
from xml.parsers import expat

from strongroom.pskc import limits
from strongroom.pskc.errors import MalformedError, UnsupportedError

_SPACE: Final = " \t\r\n"  # what XML calls white space; Python's strip() takes more
_ENCODINGS: Final = frozenset({"utf-8", "utf8", "us-ascii", "ascii"})
_NOT_UTF_8: Final = "the file is not in UTF-8: convert it first"
_ENDED: Final = frozenset({  # expat's codes of a document that is not complete
    expat.errors.codes[expat.errors.XML_ERROR_NO_ELEMENTS],
    expat.errors.codes[expat.errors.XML_ERROR_UNCLOSED_TOKEN],
    expat.errors.codes[expat.errors.XML_ERROR_PARTIAL_CHAR],
    expat.errors.codes[expat.errors.XML_ERROR_UNCLOSED_CDATA_SECTION],
})  # fmt: skip


class Element:
    """An element: `name` is namespace, space, name. The root has no children here."""

    __slots__ = ("attributes", "children", "line", "name", "pieces")

    def __init__(self, name: str, attributes: dict[str, str], line: int) -> None:
        self.name = name
        self.attributes = attributes
        self.children: list[Element] = []
        self.pieces: list[str] = []
        self.line = line

    @property
    def local(self) -> str:
        """Its name without the namespace."""
        return self.name.rpartition(" ")[2]

    @property
    def text(self) -> str:
        """What stands directly in it, without white space around it."""
        return "".join(self.pieces).strip(_SPACE)


class Document(Iterator[Element]):
    """The root first, then its children. Raises `MalformedError`; passes on the stream's `OSError`.

    That it ends is its word that the document is well-formed to its end, and not before.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self.consumed = 0
        """Bytes read so far."""
        self.digest = hashlib.sha256()
        """Of those bytes."""
        self._stream = stream
        self._built: deque[Element] = deque()
        self._open: list[Element] = []
        self._characters = 0
        self._ended = False
        # One encoding, whatever the document says: two readings of a file are one too many.
        self._parser = parser = expat.ParserCreate("utf-8", " ")
        parser.buffer_text = True
        parser.XmlDeclHandler = self._declaration
        parser.StartDoctypeDeclHandler = self._doctype
        parser.EntityDeclHandler = self._doctype
        parser.ExternalEntityRefHandler = self._doctype
        parser.SkippedEntityHandler = self._doctype
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text

    def __next__(self) -> Element:
        while not self._built:
            if self._ended:
                raise StopIteration
            self._more()
        return self._built.popleft()

    def _more(self) -> None:
        chunk = self._stream.read(limits.CHUNK_BYTES)
        if b"\0" in chunk:
            # Expat reads UTF-16 where it looks like it, whatever it was told.
            raise UnsupportedError(_NOT_UTF_8)
        self.consumed += len(chunk)
        self.digest.update(chunk)
        if self.consumed > limits.FILE_BYTES_MAX:
            raise MalformedError(f"the file is above {limits.FILE_BYTES_MAX:,} bytes")
        self._ended = not chunk
        try:
            self._parser.Parse(chunk, self._ended)
        except expat.ExpatError as error:
            if error.code in _ENDED:
                raise MalformedError("the file ends before it is complete") from None
            raise MalformedError(f"line {error.lineno:,}: this is not well-formed XML") from None
        # What was read and made no event yet is one token that goes on.
        if self.consumed - self._parser.CurrentByteIndex > 2 * limits.TOKEN_BYTES_MAX:
            raise self._refusal(f"a tag or comment is above {limits.TOKEN_BYTES_MAX:,} bytes")

    # What follows runs for each tag: it is written flat, and counts with one counter.

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        element = Element(name, attributes, self._parser.CurrentLineNumber)
        around = self._open
        depth = len(around)
        size = limits.ELEMENT_CHARACTERS + len(name)
        if attributes:
            size += sum(len(key) + len(value) for key, value in attributes.items())
        if depth > 1:
            around[-1].children.append(element)
            self._characters += size
            if depth >= limits.DEPTH_MAX:
                raise self._refusal(f"elements are more than {limits.DEPTH_MAX} deep")
        else:
            self._characters = size
            if not depth:
                self._built.append(element)
        if self._characters > limits.CHARACTERS_MAX:
            raise self._too_large()
        around.append(element)

    def _end(self, _name: str) -> None:
        element = self._open.pop()
        if len(self._open) == 1:
            self._built.append(element)

    def _text(self, text: str) -> None:
        if len(self._open) > 1:
            self._characters += len(text)
            if self._characters > limits.CHARACTERS_MAX:
                raise self._too_large()
            self._open[-1].pieces.append(text)
        elif text.strip(_SPACE):
            raise self._refusal("there is text between the root's elements")

    def _declaration(self, _version: str, encoding: str | None, _standalone: int) -> None:
        if encoding is not None and encoding.lower() not in _ENCODINGS:
            raise UnsupportedError(_NOT_UTF_8)

    def _doctype(self, *_: object) -> NoReturn:
        raise self._refusal("a document type (DOCTYPE) has no place in a PSKC file")

    def _too_large(self) -> MalformedError:
        most = limits.CHARACTERS_MAX
        return self._refusal(f"one of the root's elements is above {most:,} characters")

    def _refusal(self, what: str) -> MalformedError:
        return MalformedError(f"line {self._parser.CurrentLineNumber:,}: {what}")
