"""Whether to sign: no clock, no disk, no network. The order of the steps is that of the standard.

1. The log is one that is known.                                        else 404
2. One of its keys has signed the checkpoint.                           else 403
3. The checkpoint is not smaller than what the question builds on.      else 400
4. What the question builds on is what was signed last.                 else 409
5. As large as what was signed last, it has the same root.              else 409
6. The proof shows that it has everything of what was signed last.      else 422
"""

from collections.abc import Mapping, Sequence

from strongroom.tlog import merkle, proofs
from strongroom.tlog.checkpoints import Checkpoint
from strongroom.tlog.errors import NoteError, ProofError
from strongroom.tlog.notes import Verifier
from strongroom.witness.exchange import Question
from strongroom.witness.refusals import (
    Conflict,
    Malformed,
    NotConsistent,
    NotSigned,
    Refused,
    UnknownLog,
)


def authenticate(question: Question, logs: Mapping[str, Sequence[Verifier]]) -> None:
    """Raise `Refused` unless a log that is known has made this checkpoint: steps 1 and 2."""
    origin = question.checkpoint.origin
    if origin not in logs:  # 1
        raise UnknownLog("this witness does not know the log")
    try:
        # Every key is tried, so that a wrong signature of one is not hidden by another's.
        signed = [question.note.signed_by(verifier) for verifier in logs[origin]]
    except NoteError as error:
        raise NotSigned(str(error)) from error
    if not any(signed):  # 2
        raise NotSigned("no key that is known for the log has signed the checkpoint")


def compare(question: Question, last: Checkpoint | None) -> None:
    """Raise `Refused` unless the checkpoint continues the one signed last: steps 3 to 6."""
    new = question.checkpoint
    known = last.size if last else 0
    known_root = last.root if last else merkle.EMPTY_ROOT
    if question.old > new.size:  # 3
        raise Malformed("the checkpoint is smaller than the size that the question builds on")
    if question.old != known:  # 4
        raise Conflict("another size was signed last", size=known)
    if new.size == known and new.root != known_root:  # 5
        raise Conflict("another root of this size was signed last", size=known)
    try:
        if known:
            proofs.verify_consistency(
                question.proof,
                old=known,
                new=new.size,
                old_root=known_root,
                new_root=new.root,
            )
        elif question.proof:
            raise ProofError("nothing was signed yet, so there is nothing to prove")
    except ProofError as error:  # 6
        raise NotConsistent(str(error)) from error


def suspicion(question: Question, last: Checkpoint | None, refused: Refused) -> str | None:
    """What a refused checkpoint, which the log has signed, shows about the log.

    For the operator. A split view is proven. The others can be caused by anybody who keeps old
    checkpoints or makes up proofs, and may be the log's own doing.
    """
    new = question.checkpoint
    if last and new.size == last.size and new.root != last.root:
        return "split-view"
    if last and new.size < last.size:
        return "rollback"
    if isinstance(refused, NotConsistent):
        return "not-a-continuation"
    return None
