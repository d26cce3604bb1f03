"""Which checkpoints count: those that the log signed, and enough witnesses beside it.

One witness can be deceived, or belong to the log's operator. So many that they would have to
conspire see to it that everybody is shown the same log.
"""

from dataclasses import dataclass

from strongroom.tlog import checkpoints
from strongroom.tlog.checkpoints import Checkpoint
from strongroom.tlog.cosignatures import SIGNATURE_BYTES
from strongroom.tlog.errors import PolicyError
from strongroom.tlog.notes import Note, Verifier, check


@dataclass(frozen=True, slots=True)
class Policy:
    """Every one of the log's keys must have signed, and at least `quorum` of the witnesses.

    The log's keys bear its origin as their name. Raises `PolicyError` for what would be weaker
    than it looks: no key, a key twice, a quorum that no set of the witnesses reaches.
    """

    log: tuple[Verifier, ...]
    witnesses: tuple[Verifier, ...] = ()
    quorum: int = 0

    def __post_init__(self) -> None:
        if len({verifier.vkey.name for verifier in self.log}) != 1:
            raise PolicyError("a log has one name, and at least one key")
        if not all(verifier.vkey.algorithm in SIGNATURE_BYTES for verifier in self.witnesses):
            raise PolicyError("a witness has a key that does not cosign")
        if self._names(self.log) & self._names(self.witnesses):
            raise PolicyError("a log is not its own witness")
        # An Ed25519 cosignature does not name its cosigner: whoever likes can repeat it under
        # another name, so one key under two names would count twice.
        keys = [verifier.vkey.public for verifier in self.log + self.witnesses]
        if len(set(keys)) != len(keys):
            raise PolicyError("a key is in the policy twice")
        if not 0 <= self.quorum <= len(self._names(self.witnesses)):
            raise PolicyError("there are not as many witnesses as the policy asks for")

    @property
    def origin(self) -> str:
        """The log's name."""
        return self.log[0].vkey.name

    def trusted(self, note: Note) -> Checkpoint:
        """The checkpoint that the note states.

        Raises `CheckpointError` if it states none, `NoteError` if a key of the log has not signed
        or any known key's signature is wrong, `PolicyError` if it is of another log or too few
        witnesses have cosigned. A witness with two keys is one witness.
        """
        for verifier in self.log:
            check(note, verifier)
        seen = self._names(tuple(w for w in self.witnesses if note.signed_by(w)))
        checkpoint = checkpoints.parse(note.text)
        if checkpoint.origin != self.origin:
            raise PolicyError(f"this is a checkpoint of {checkpoint.origin}, not of {self.origin}")
        if len(seen) < self.quorum:
            raise PolicyError(f"{len(seen)} witnesses have cosigned this, not {self.quorum}")
        return checkpoint

    @staticmethod
    def _names(verifiers: tuple[Verifier, ...]) -> set[str]:
        return {verifier.vkey.name for verifier in verifiers}
