"""Ciphertext format 1, as bytes: what we hand out and must be able to open for ever.

    0x01 · key id (16) · version (4) · random (32) · commitment (32) · AES-256-GCM text and tag (≥
    16)

`docs/formats/ciphertext-1.md` is the page about it. The computing is in
`adapters/software/format1.py`.
"""

from dataclasses import dataclass

from strongroom.domain import limits
from strongroom.domain.binding import bind, bind_context
from strongroom.domain.errors import InvalidCiphertext

FORMAT = b"\x01"
RANDOM_BYTES = 32
COMMITMENT_BYTES = 32
TAG_BYTES = 16
_HEADER_BYTES = 1 + 16 + 4
_FIXED_BYTES = _HEADER_BYTES + RANDOM_BYTES + COMMITMENT_BYTES


@dataclass(frozen=True, slots=True)
class Envelope:
    """A ciphertext, split. All parts have their right lengths."""

    key_id: bytes
    version: int
    random: bytes
    commitment: bytes
    sealed: bytes


def header(key_id: bytes, version: int) -> bytes:
    """The first 21 bytes: which format, which key, which version."""
    return FORMAT + key_id + version.to_bytes(4, "big")


def authenticated(key_id: bytes, version: int, context: dict[str, str]) -> bytes:
    """What AES-GCM authenticates beside the text: the header and the caller's context."""
    return bind(header(key_id, version), bind_context(context))


def join(head: bytes, random: bytes, commitment: bytes, sealed: bytes) -> bytes:
    """The whole ciphertext."""
    return head + random + commitment + sealed


def split(blob: bytes) -> Envelope:
    """Take a ciphertext apart. Raises `InvalidCiphertext` for anything that is not one."""
    size = len(blob)
    if not _FIXED_BYTES + TAG_BYTES <= size <= limits.CIPHERTEXT_BYTES_MAX or blob[:1] != FORMAT:
        raise InvalidCiphertext
    version = int.from_bytes(blob[17:21], "big")
    if version == 0:
        raise InvalidCiphertext
    return Envelope(blob[1:17], version, blob[21:53], blob[53:85], blob[85:])
