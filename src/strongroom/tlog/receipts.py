"""The proof that an entry is in the log, for keeping (C2SP tlog-proof).

    c2sp.org/tlog-proof@v1
    extra base64(anything)         optional; our receipts have the entry here
    index 73894
    base64(hash)                   the proof of inclusion, from the leaf's sibling upwards
    ...
                                   an empty line, and the checkpoint with its signatures

With the log's public key it can be verified without anybody's help, years later.
"""

from dataclasses import dataclass, field
from typing import Final

from strongroom.tlog import checkpoints, notes, proofs, spelling
from strongroom.tlog.checkpoints import Checkpoint
from strongroom.tlog.errors import ReceiptError
from strongroom.tlog.merkle import HASH_BYTES
from strongroom.tlog.notes import NOTE_BYTES_MAX, Note
from strongroom.tlog.policies import Policy

HASHES_MAX: Final = 63  # a tree has fewer than 2**63 leaves
EXTRA_BYTES_MAX: Final = 128 * 1024
RECEIPT_BYTES_MAX: Final = 2 * EXTRA_BYTES_MAX + NOTE_BYTES_MAX
_FIRST: Final = "c2sp.org/tlog-proof@v1"


@dataclass(frozen=True, slots=True)
class Receipt:
    """An entry's index, the proof that it is in the tree, and the signed statement of that tree.

    `extra` is authenticated by nothing: of ours, verify that it is the entry. Raises
    `ReceiptError` for what cannot be written, `CheckpointError` if the note states no tree.
    """

    index: int
    hashes: tuple[bytes, ...]
    checkpoint: Note
    extra: bytes | None = None
    tree: Checkpoint = field(init=False, repr=False, compare=False)
    """What the note states."""

    def __post_init__(self) -> None:
        if not 0 <= self.index < spelling.SIZE_MAX:
            raise ReceiptError("a receipt's index is out of range")
        if len(self.hashes) > HASHES_MAX or not all(len(h) == HASH_BYTES for h in self.hashes):
            raise ReceiptError("a receipt's proof is not one")
        if self.extra is not None and not 0 < len(self.extra) <= EXTRA_BYTES_MAX:
            raise ReceiptError(f"a receipt's extra data are from 1 to {EXTRA_BYTES_MAX} bytes")
        # One it must be: else lines of a proof could be moved into the note.
        object.__setattr__(self, "tree", checkpoints.parse(self.checkpoint.text))

    def to_bytes(self) -> bytes:
        """The receipt as it is kept, which `parse` reads."""
        extra = [] if self.extra is None else [f"extra {spelling.base64(self.extra)}"]
        lines = [_FIRST, *extra, f"index {self.index}", *map(spelling.base64, self.hashes)]
        return "\n".join([*lines, "", ""]).encode() + self.checkpoint.to_bytes()

    def verify(self, leaf: bytes, policy: Policy) -> Checkpoint:
        """The checkpoint of the tree in which the entry with that leaf hash is.

        Raises what `Policy.trusted` raises, and `ProofError`.
        """
        policy.trusted(self.checkpoint)
        return self.proves(leaf)

    def proves(self, leaf: bytes) -> Checkpoint:
        """The checkpoint of the tree in which that entry is, whoever signed it, or nobody.

        Raises `ProofError`.
        """
        proofs.verify_inclusion(
            self.hashes, index=self.index, size=self.tree.size, leaf=leaf, root=self.tree.root
        )
        return self.tree


def parse(raw: bytes) -> Receipt:
    """The receipt that is written so.

    Raises `ReceiptError`; if the checkpoint in it is none, `NoteError` or `CheckpointError`.
    """
    if len(raw) > RECEIPT_BYTES_MAX:
        raise ReceiptError(f"a receipt is longer than {RECEIPT_BYTES_MAX} bytes")
    try:
        head, _, checkpoint = raw.partition(b"\n\n")
        _, *lines = head.decode().split("\n")
        extra = None
        if lines[0].startswith("extra "):
            extra = spelling.unbase64(lines.pop(0).removeprefix("extra "))
        index, *hashes = lines
        receipt = Receipt(
            spelling.number(index.removeprefix("index ")),
            tuple(map(spelling.unbase64, hashes)),
            notes.parse(checkpoint),
            extra,
        )
    except (ValueError, IndexError):
        raise ReceiptError("this is not a receipt") from None
    if receipt.to_bytes() != raw:
        raise ReceiptError("this is not a receipt")
    return receipt
