"""What a log states of itself: its name, its size and its root (C2SP tlog-checkpoint).

    origin
    size, in decimal
    root, in base 64
    ...                            lines that mean nothing here

It is the text of a note. Whether it counts is for `policies`.
"""

from dataclasses import dataclass
from typing import Final

from strongroom.tlog import notes, spelling
from strongroom.tlog.errors import CheckpointError
from strongroom.tlog.merkle import EMPTY_ROOT, HASH_BYTES

# opaque log_origin<1..2^8-1> (C2SP tlog-cosignature).
ORIGIN_BYTES_MAX: Final = 255
TEXT_CHARACTERS_MAX: Final = 16 * 1024


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A tree as a log states it. Raises `CheckpointError` for what cannot be one.

    `extensions` are further lines. No ML-DSA-44 cosignature covers them.
    """

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        try:
            origin = spelling.line(self.origin).encode()
            for extension in self.extensions:
                spelling.line(extension)
        except ValueError:
            raise CheckpointError("a checkpoint has a line that is empty or no text") from None
        if len(origin) > ORIGIN_BYTES_MAX:
            raise CheckpointError(f"an origin is longer than {ORIGIN_BYTES_MAX} bytes")
        if not 0 <= self.size <= spelling.SIZE_MAX:
            raise CheckpointError("a checkpoint's size is out of range")
        if len(self.root) != HASH_BYTES:
            raise CheckpointError("a checkpoint's root is not a hash")
        if not self.size and self.root != EMPTY_ROOT:
            raise CheckpointError("the root of an empty tree is another")

    @property
    def text(self) -> str:
        """The note's text, which `parse` reads."""
        lines = (self.origin, str(self.size), spelling.base64(self.root), *self.extensions, "")
        return "\n".join(lines)


def stated(raw: bytes) -> Checkpoint:
    """The checkpoint that a note states, whoever signed it. Raises what `notes.parse` does too."""
    return parse(notes.parse(raw).text)


def parse(text: str) -> Checkpoint:
    """The checkpoint that is written so. Raises `CheckpointError`."""
    try:
        if len(text) > TEXT_CHARACTERS_MAX:
            raise ValueError
        origin, size, root, *extensions, _ = text.split("\n")
        checkpoint = Checkpoint(
            origin, spelling.number(size), spelling.unbase64(root), tuple(extensions)
        )
    except ValueError:
        raise CheckpointError("this is not a checkpoint") from None
    if checkpoint.text != text:
        raise CheckpointError("this is not a checkpoint")
    return checkpoint
