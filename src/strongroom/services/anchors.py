"""What is kept of the log outside its database, so that an older database is noticed.

`checkpoint` is the last signed note. Below the log's own signatures it has a line that no other
program knows, and so every other program passes over: how long the list of destructions is, the MAC
of its last line, and a MAC over these and the checkpoint, under a key of the root's own tree.
`destructions` is that list. Checkpoint and list are bound together: neither can be put back alone.
`docs/formats/anchor-1.md` is the page about it.
"""

import hashlib
from collections.abc import Sequence
from typing import Final

import msgspec

from strongroom.domain.binding import bind
from strongroom.domain.destructions import CHAIN_BEGINNING, Destruction, parse
from strongroom.domain.errors import TamperedRecord
from strongroom.ports.provider import Provider
from strongroom.tlog import checkpoints, notes
from strongroom.tlog.checkpoints import Checkpoint
from strongroom.tlog.errors import TlogError
from strongroom.tlog.notes import Note, Signature

_LABEL: Final = b"strongroom/anchor/1"
_LENGTH_BYTES: Final = 8
_MAC_BYTES: Final = 32
_SEAL_BYTES: Final = _LENGTH_BYTES + 2 * _MAC_BYTES


class AnchorRefused(Exception):  # noqa: N818 - it says what is the case
    """The anchor's files are not as they were written. The text is for people."""


class Head(msgspec.Struct, frozen=True):
    """The end of the list of destructions: where in the file, and the MAC of the last line."""

    length: int = 0
    mac: bytes = CHAIN_BEGINNING


class Anchored(msgspec.Struct, frozen=True):
    """What the anchor's files say. `note` is as the log signed it, without our own line."""

    checkpoint: Checkpoint
    note: Note
    head: Head


class Anchors:
    """Writes and reads what is in the files of one deployment."""

    def __init__(self, provider: Provider, deployment: bytes) -> None:
        self._provider = provider
        self._deployment = deployment

    def sealed(self, note: Note, head: Head) -> bytes:
        """The checkpoint's file."""
        length = head.length.to_bytes(_LENGTH_BYTES, "big")
        mac = self._provider.mac(self._authenticated(note.text, length, head.mac))
        name = _name(checkpoints.parse(note.text))
        return note.joined([Signature(name, _key_id(name), length + head.mac + mac)]).to_bytes()

    def opened(self, raw: bytes) -> Anchored:
        """What that file says. Raises `AnchorRefused` when it was not written by this deployment.

        The log's own signatures are not looked at: of which generation they are, the caller knows.
        """
        try:
            note = notes.parse(raw)
            checkpoint = checkpoints.parse(note.text)
        except TlogError as error:
            raise AnchorRefused(f"the anchor's checkpoint cannot be read: {error}") from error
        name = _name(checkpoint)
        *signatures, seal = note.signatures
        if (
            (seal.name, seal.key_id) != (name, _key_id(name))
            or len(seal.blob) != _SEAL_BYTES
            or not signatures
        ):
            raise AnchorRefused("the anchor's checkpoint is not of this deployment")
        length, last = seal.blob[:_LENGTH_BYTES], seal.blob[_LENGTH_BYTES:-_MAC_BYTES]
        try:
            self._provider.check_mac(
                self._authenticated(note.text, length, last), seal.blob[-_MAC_BYTES:]
            )
        except TamperedRecord:
            raise AnchorRefused("the anchor's checkpoint was altered") from None
        head = Head(int.from_bytes(length, "big"), last)
        return Anchored(checkpoint, Note(note.text, tuple(signatures)), head)

    def lines(self, new: Sequence[Destruction], head: Head) -> tuple[bytes, Head]:
        """The lines for new destructions, to be written behind `head`; and the list's new end."""
        written, mac = b"", head.mac
        for destruction in new:
            mac = self._provider.mac(destruction.authenticated(self._deployment, mac))
            written += msgspec.structs.replace(destruction, mac=mac.hex()).line()
        return written, Head(head.length + len(written), mac)

    def destructions(self, raw: bytes, head: Head) -> tuple[list[Destruction], Head]:
        """The whole list, and its end: also what was written behind `head` and not bound to it yet.

        Raises `AnchorRefused` when something up to `head` is missing or altered.
        """
        found: list[Destruction] = []
        end = Head()
        bound = end == head
        for line in raw.splitlines(keepends=True):
            try:
                destruction = parse(line.removesuffix(b"\n"))
                mac = bytes.fromhex(destruction.mac)
                message = destruction.authenticated(self._deployment, end.mac)
                self._provider.check_mac(message, mac)
            except (ValueError, TamperedRecord):
                break  # behind the head: half a line, of a write that was cut short
            found.append(destruction)
            end = Head(end.length + len(line), mac)
            bound = bound or end == head
        if not bound:
            raise AnchorRefused("the anchor's list of destructions was altered or cut off")
        return found, end

    def _authenticated(self, text: str, length: bytes, last: bytes) -> bytes:
        return bind(_LABEL, self._deployment, text.encode(), length, last)


def _name(checkpoint: Checkpoint) -> str:
    return f"{checkpoint.origin}/anchor"


def _key_id(name: str) -> bytes:
    # C2SP signed-note: 0xff is for what others need not know.
    return hashlib.sha256(name.encode() + b"\n\xffstrongroom-anchor-1").digest()[:4]
