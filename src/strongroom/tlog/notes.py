"""Text with signatures below it (C2SP signed-note, Go's `sumdb/note`).

    text, any number of lines
                                   an empty line
    — name base64(key id · signature)

Parsing says nothing of the signatures; `check` and `Note.signed_by` do. Signatures of keys that
nobody asks about are kept and mean nothing.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from strongroom.tlog import spelling
from strongroom.tlog.errors import NoteError
from strongroom.tlog.vkeys import KEY_ID_BYTES, VKey

# The specification asks for 16 at least; one of ML-DSA-44 has 3.3 kB in base 64.
SIGNATURES_MAX: Final = 32
NOTE_BYTES_MAX: Final = 256 * 1024
_DASH: Final = "\u2014 "
_CONTROL: Final = re.compile("[\x00-\x09\x0b-\x1f]")


class Verifier(Protocol):
    """Tells whether a signature is one of its key."""

    @property
    def vkey(self) -> VKey:
        """Whose signatures it knows."""

    def verify(self, text: str, blob: bytes) -> bool:
        """Whether that is the key's signature of a note's text. Any other answer is False."""


class Signer(Protocol):
    """Signs texts."""

    @property
    def vkey(self) -> VKey:
        """What its signatures are verified with."""

    def sign(self, text: str) -> bytes:
        """The signature that `Verifier.verify` accepts."""


@dataclass(frozen=True, slots=True)
class Signature:
    """A signature and whose it claims to be. Raises `NoteError` for what cannot be written."""

    name: str
    key_id: bytes
    blob: bytes

    def __post_init__(self) -> None:
        try:
            spelling.name(self.name)
        except ValueError:
            raise NoteError("a signature is not of a key's name") from None
        if len(self.key_id) != KEY_ID_BYTES or not self.blob:
            raise NoteError("a signature is too short")

    def __str__(self) -> str:
        """Its line, with the line's end."""
        return f"{_DASH}{self.name} {spelling.base64(self.key_id + self.blob)}\n"


@dataclass(frozen=True, slots=True)
class Note:
    """A text and its signatures. Raises `NoteError` for what cannot be written."""

    text: str
    signatures: tuple[Signature, ...]

    def __post_init__(self) -> None:
        if not self.text.endswith("\n") or _CONTROL.search(self.text):
            raise NoteError("a note's text is not lines")
        if not 0 < len(self.signatures) <= SIGNATURES_MAX:
            raise NoteError(f"a note has from 1 to {SIGNATURES_MAX} signatures")
        try:
            length = len(self.to_bytes())
        except UnicodeError:
            raise NoteError("a note's text is not text") from None
        if length > NOTE_BYTES_MAX:
            raise NoteError(f"a note is longer than {NOTE_BYTES_MAX} bytes")

    def to_bytes(self) -> bytes:
        """The note as it is stored and sent."""
        return f"{self.text}\n{''.join(map(str, self.signatures))}".encode()

    def signed_by(self, verifier: Verifier) -> bool:
        """Whether that key signed. Raises `NoteError` if a signature claims so and is wrong."""
        vkey = verifier.vkey
        claims = [s for s in self.signatures if (s.name, s.key_id) == (vkey.name, vkey.key_id)]
        # All of them: a wrong signature of a key that we know is somebody's work, not chance.
        if not all(verifier.verify(self.text, claim.blob) for claim in claims):
            raise NoteError(f"the signature of {vkey.name} is not valid")
        return bool(claims)

    def joined(self, signatures: Sequence[Signature]) -> "Note":
        """The same text with these signatures too. Any that it has already are not repeated."""
        more = tuple(s for s in dict.fromkeys(signatures) if s not in self.signatures)
        return Note(self.text, self.signatures + more)


def check(note: Note, verifier: Verifier) -> None:
    """Raise `NoteError` unless that key signed the note."""
    if not note.signed_by(verifier):
        raise NoteError(f"{verifier.vkey.name} has not signed this")


def sign(text: str, signers: Sequence[Signer]) -> Note:
    """The text, signed by each."""
    return Note(text, tuple(signature(text, signer) for signer in signers))


def signature(text: str, signer: Signer) -> Signature:
    """A signature of the text, for a note that has others already."""
    return Signature(signer.vkey.name, signer.vkey.key_id, signer.sign(text))


def parse(raw: bytes) -> Note:
    """The note that is written so. Raises `NoteError`."""
    if len(raw) > NOTE_BYTES_MAX:
        raise NoteError(f"a note is longer than {NOTE_BYTES_MAX} bytes")
    try:
        text, _, below = raw.decode().rpartition("\n\n")
        note = Note(text + "\n", parse_signatures(below))
    except ValueError:
        raise NoteError("this is not a note") from None
    if note.to_bytes() != raw:
        raise NoteError("this is not a note")
    return note


def parse_signatures(lines: str) -> tuple[Signature, ...]:
    """The signatures of such lines alone, as a witness answers them. Raises `NoteError`."""
    # Not `splitlines`, to which U+2028 and other characters end a line too.
    *found, end = lines.split("\n", SIGNATURES_MAX)
    if end or not found:
        raise NoteError(f"this is not from 1 to {SIGNATURES_MAX} signatures")
    return tuple(map(_signature, found))


def _signature(line: str) -> Signature:
    try:
        name, encoded = line.removeprefix(_DASH).split(" ")
        signed = spelling.unbase64(encoded)
    except ValueError:
        raise NoteError("a signature is malformed") from None
    found = Signature(name, signed[:KEY_ID_BYTES], signed[KEY_ID_BYTES:])
    if str(found) != line + "\n":
        raise NoteError("a signature is malformed")
    return found
