"""From a question to the answer.

    1. The question is well formed.
    2. The checkpoint is signed by a log that is known.
    3. One at a time for each log: it continues what was signed last.
    4. It is on disk as what was signed last.
    5. It is signed.

If the witness dies after 4, the log did not get its signature; it asks again and is told the size.
Were 5 before 4, a witness that dies in between would have signed something that it forgot, and
could sign something else of that size.
"""

from collections.abc import Mapping, Sequence
from threading import Lock
from typing import Final

from strongroom.tlog import checkpoints, notes
from strongroom.tlog.checkpoints import Checkpoint
from strongroom.tlog.errors import TlogError
from strongroom.tlog.notes import Note, Signer, Verifier
from strongroom.witness import alarms, exchange, judge
from strongroom.witness.exchange import Question
from strongroom.witness.memory import Memory
from strongroom.witness.refusals import CannotServe, Refused

Logs = Mapping[str, Sequence[Verifier]]


class Witness:
    """Answers questions, from any number of threads.

    Raises `CannotServe` when what it remembers of a log is damaged, or signed by no known key:
    it must not begin anew.
    """

    def __init__(self, signers: Sequence[Signer], logs: Logs, memory: Memory) -> None:
        self._signers = signers
        self._logs = logs
        self._memory = memory
        self._turns = {origin: Lock() for origin in logs}
        self._told: dict[str, tuple[str, Checkpoint]] = {}
        for origin in logs:
            self.last(origin)

    def answer(self, raw: bytes) -> bytes:
        """The signatures that are asked for. Raises `Refused`.

        Raises `OSError` and `CannotServe` when the memory fails. Then, too, nothing was signed.
        """
        question = exchange.parse(raw)  # 1
        judge.authenticate(question, self._logs)  # 2
        origin = question.checkpoint.origin
        with self._turns[origin]:  # 3
            # Read anew each time: after a write that failed, only the disk knows what is there.
            last = self.last(origin)
            try:
                judge.compare(question, last)
            except Refused as refused:
                self._tell(question, last, refused)
                raise
            # 4. Even what is there already, for the write before may not have reached the disk.
            self._memory.keep(origin, self._own(question).to_bytes())
            # 5. Before the next one's turn: a signature says that at its time nothing newer was
            # known.
            signatures = [notes.signature(question.note.text, each) for each in self._signers]
        return "".join(map(str, signatures)).encode()

    def last(self, origin: str) -> Checkpoint | None:
        """What was signed last of a log. Raises `CannotServe`."""
        try:
            raw = self._memory.recall(origin)
            if raw is None:
                return None
            note = notes.parse(raw)
            checkpoint = checkpoints.parse(note.text)
            signed = [note.signed_by(verifier) for verifier in self._logs[origin]]
        except (TlogError, OSError) as error:
            raise CannotServe(f"what was signed last of {origin} is damaged: {error}") from error
        if not any(signed) or checkpoint.origin != origin:
            raise CannotServe(
                f"what was signed last of {origin} is not signed by a key that is known for it:"
                " when a log gets a new key, the old one stays beside it"
            )
        return checkpoint

    def _own(self, question: Question) -> Note:
        """The checkpoint without signatures that mean nothing here: anybody could add those."""
        known = {(v.vkey.name, v.vkey.key_id) for v in self._logs[question.checkpoint.origin]}
        kept = tuple(s for s in question.note.signatures if (s.name, s.key_id) in known)
        return Note(question.note.text, kept)

    def _tell(self, question: Question, last: Checkpoint | None, refused: Refused) -> None:
        """Tell the operator about a log that is not honest; the same thing once, not each time."""
        kind = judge.suspicion(question, last, refused)
        origin = question.checkpoint.origin
        if kind is None or last is None or self._told.get(origin) == (kind, question.checkpoint):
            return
        self._told[origin] = (kind, question.checkpoint)
        alarms.alarm(
            _ALARMS[kind],
            kind=kind,
            origin=origin,
            signed_last=last.text,
            # With the log's signature: it cannot say that it was not it.
            shown=self._own(question).to_bytes().decode(),
        )


_ALARMS: Final = {
    "split-view": "a log shows two faces: of one size it has signed two different roots",
    "rollback": "a checkpoint is smaller than what was signed last: the log was taken back,"
    " or somebody sends old ones",
    "not-a-continuation": "a checkpoint does not continue what was signed last: the log has"
    " another past, or somebody sends wrong proofs",
}
