"""A question and its answer in the words of C2SP tlog-witness, `add-checkpoint`.

    old 20852014                   the size that was signed last
    base64(hash)                   the proof from there to the checkpoint, at most 63 lines
    ...
                                   an empty line, and the checkpoint with its signatures

The answer is the lines of our signatures, as they stand in a note.
"""

from dataclasses import dataclass
from typing import Final

from strongroom.tlog import checkpoints, notes, spelling
from strongroom.tlog.checkpoints import Checkpoint
from strongroom.tlog.errors import TlogError
from strongroom.tlog.merkle import HASH_BYTES
from strongroom.tlog.notes import Note
from strongroom.witness.refusals import Malformed

PROOF_HASHES_MAX: Final = 63
_OLD: Final = "old "
_HEAD_BYTES_MAX: Final = len(_OLD) + 20 + PROOF_HASHES_MAX * 45 + 1
QUESTION_BYTES_MAX: Final = _HEAD_BYTES_MAX + notes.NOTE_BYTES_MAX


@dataclass(frozen=True, slots=True)
class Question:
    """Please sign this checkpoint. Nothing in it has been checked but its spelling."""

    old: int
    proof: tuple[bytes, ...]
    note: Note
    checkpoint: Checkpoint

    def to_bytes(self) -> bytes:
        """The question as it is sent, which `parse` reads."""
        lines = [f"{_OLD}{self.old}", *map(spelling.base64, self.proof), "", ""]
        return "\n".join(lines).encode() + self.note.to_bytes()


def parse(raw: bytes) -> Question:
    """The question that is written so. Raises `Malformed`."""
    if len(raw) > QUESTION_BYTES_MAX:
        raise Malformed(f"a question is longer than {QUESTION_BYTES_MAX} bytes")
    head, _, below = raw.partition(b"\n\n")
    try:
        old, *proof = head.decode("ascii").split("\n", PROOF_HASHES_MAX + 1)
        note = notes.parse(below)
        question = Question(
            spelling.number(old.removeprefix(_OLD)),
            tuple(map(spelling.unbase64, proof)),
            note,
            checkpoints.parse(note.text),
        )
    except TlogError as error:
        raise Malformed(f"the checkpoint: {error}") from error
    except ValueError as error:
        raise Malformed("this is not a question for a cosignature") from error
    if len(proof) > PROOF_HASHES_MAX or any(len(each) != HASH_BYTES for each in question.proof):
        raise Malformed(f"a proof is at most {PROOF_HASHES_MAX} hashes of {HASH_BYTES} bytes")
    if question.to_bytes() != raw:
        raise Malformed("this is not a question for a cosignature")
    return question
