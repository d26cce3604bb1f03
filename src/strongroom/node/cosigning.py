"""Takes each checkpoint that the log's keys signed to the witnesses, and their cosignatures back.

Once a second, if there is a newer checkpoint:

1. Ask each witness that is free, all at the same time, with the proof that this checkpoint
   continues the one that it signed last. One that knows another size says so, and is asked again
   with the proof from there.
2. Verify what it answers under the key that the configuration has for it.
3. When enough have cosigned, the checkpoint counts: the ledger gets it with the cosignatures.

A witness that is slow or gone is left behind: rounds go on, and what it signs late is still added
to the checkpoint that it signed. A witness that has signed a larger log than there is, or one that
ours does not continue, says that this database is not the one that it was (`split`).
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, Protocol

from strongroom.domain.errors import Unavailable
from strongroom.node import log
from strongroom.node.metrics import Meter
from strongroom.node.pauses import Pauses, pause
from strongroom.ports.store import Checkpoints, Cursor, Tree
from strongroom.ports.witnesses import (
    Answer,
    Cosigned,
    Inconsistent,
    Knows,
    Witness,
    WitnessFailed,
)
from strongroom.tlog import checkpoints, notes
from strongroom.tlog.errors import TlogError
from strongroom.tlog.merkle import Node
from strongroom.tlog.notes import Note, Signature, Verifier
from strongroom.tlog.proofs import plan_consistency

_ROUND_SECONDS: Final = 1.0  # between two looks for a newer checkpoint
_PATIENCE_SECONDS: Final = 2.0  # for the witnesses of a round; who is later is added later
_NOTES_KEPT: Final = 16  # checkpoints that a late cosignature can still be added to
_QUESTIONS_MAX: Final = 4  # about one checkpoint, to one witness
_PAUSE_SECONDS_MIN, _PAUSE_SECONDS_MAX = 1.0, 60.0
_REMEMBER_SECONDS: Final = 60.0  # how far a witness has come is only a hint: it says so itself


class Log(Protocol):
    """What is read and kept. A part of the ledger's port."""

    async def growth(self) -> Tree:
        """The log's size and root."""

    async def hashes(self, nodes: Sequence[Node]) -> list[bytes]:
        """The hashes of perfect subtrees of the log."""

    async def checkpoints(self) -> Checkpoints:
        """The newest checkpoints."""

    async def keep_checkpoints(self, checkpoints: Checkpoints) -> None:
        """Keep newer ones, durably."""

    async def cursor(self, name: str) -> Cursor | None:
        """How far that reader of the log has come."""

    async def move_cursor(self, cursor: Cursor) -> None:
        """Remember how far a reader has come, durably."""


class Split(Exception):  # noqa: N818 - it says what is the case
    """This log is not the one that a witness signed. One sentence for people."""


class _Noted:
    """A checkpoint on its way to count."""

    def __init__(self, note: Note, size: int) -> None:
        self.note = note
        self.size = size
        self.cosigners: set[str] = set()


class Colleague:
    """A witness, what it signed last, and whether it is to be asked now."""

    def __init__(self, witness: Witness, verifier: Verifier) -> None:
        self.witness = witness
        self.verifier = verifier
        self.name = verifier.vkey.name
        self.thread = ThreadPoolExecutor(1, "witness")
        self.signed = 0
        self.remembered = -1
        self.remembered_at = 0.0
        self.resting_until = 0.0
        self.pauses = Pauses(_PAUSE_SECONDS_MIN, _PAUSE_SECONDS_MAX)
        self.failing = ""
        self.asking: asyncio.Task[None] | None = None
        self.apart = False  # it knows another log; there is nothing more to be asked


class Cosigning:
    """See the head of this module."""

    def __init__(
        self,
        colleagues: Sequence[Colleague],
        *,
        required: int,
        ledger: Log,
        meter: Meter,
        split: Callable[[str], None],
    ) -> None:
        self._colleagues = colleagues
        self._required = max(1, required)
        self._ledger = ledger
        self._meter = meter
        self._split = split
        self._noted: dict[int, _Noted] = {}
        self._stopping = asyncio.Event()

    @property
    def signed(self) -> dict[str, int]:
        """The size that each witness signed last, by its name."""
        return {each.name: each.signed for each in self._colleagues}

    def stop(self) -> None:
        """Return from `run` soon."""
        self._stopping.set()

    async def run(self) -> None:
        """Ask, until `stop`."""
        for colleague in self._colleagues:
            self._meter.count("strongroom_witness_failures", colleague.name, by=0)
        await self._recollect()
        asked = 0
        while not self._stopping.is_set():
            try:
                newest = await self._ledger.checkpoints()
                if newest.signed and (newest.size != asked or self._behind(newest.size)):
                    await self._round(newest)
                    asked = newest.size
            except Unavailable:
                pass  # it is asked again below
            await pause(self._stopping, _ROUND_SECONDS)
        for colleague in self._colleagues:
            colleague.thread.shutdown(wait=False, cancel_futures=True)
            colleague.witness.close()

    def _behind(self, size: int) -> bool:
        now = asyncio.get_running_loop().time()
        return any(
            each.signed < size and each.asking is None and each.resting_until <= now
            for each in self._colleagues
            if not each.apart
        )

    async def _recollect(self) -> None:
        while not self._stopping.is_set():
            try:
                for each in self._colleagues:
                    cursor = await self._ledger.cursor(f"witness/{each.name}")
                    each.signed = each.remembered = cursor.position if cursor else 0
            except Unavailable:
                await pause(self._stopping, _ROUND_SECONDS)
            else:
                return

    async def _round(self, newest: Checkpoints) -> None:
        noted = self._noted.get(newest.size)
        if noted is None:
            noted = self._noted[newest.size] = _Noted(notes.parse(newest.signed), newest.size)
            for old in sorted(self._noted)[:-_NOTES_KEPT]:
                del self._noted[old]
        now = asyncio.get_running_loop().time()
        asking = []
        for each in self._colleagues:
            if each.apart or each.asking is not None or each.resting_until > now:
                continue
            if each.name not in noted.cosigners:
                each.asking = asyncio.create_task(self._consult(each, noted))
                asking.append(each.asking)
        if asking:
            await asyncio.wait(asking, timeout=_PATIENCE_SECONDS)

    async def _consult(self, colleague: Colleague, noted: _Noted) -> None:
        now = asyncio.get_running_loop().time
        try:
            signatures = await self._cosignatures(colleague, noted)
            if signatures:
                await self._add(colleague, noted, signatures)
            colleague.pauses.reset()
            if colleague.failing:
                log.info("a witness cosigns again", name=colleague.name)
                colleague.failing = ""
        except Split as split:
            colleague.apart = True
            self._meter.count("strongroom_witness_splits", colleague.name)
            log.warning("a witness has signed another log", name=colleague.name, reason=str(split))
            self._split(f"the witness {colleague.name}: {split}")
        except WitnessFailed as failed:
            self._meter.count("strongroom_witness_failures", colleague.name)
            if colleague.failing != str(failed):
                log.warning("a witness does not cosign", name=colleague.name, reason=str(failed))
                colleague.failing = str(failed)
            colleague.resting_until = now() + colleague.pauses.next()
        except Unavailable:
            colleague.resting_until = now() + _PAUSE_SECONDS_MIN
        except Exception:  # noqa: BLE001 - our mistake; the other witnesses are asked all the same
            log.failure("a witness could not be asked", name=colleague.name)
            colleague.resting_until = now() + _PAUSE_SECONDS_MAX
        finally:
            colleague.asking = None

    async def _cosignatures(self, colleague: Colleague, noted: _Noted) -> list[Signature]:
        """Its valid cosignatures of the checkpoint; none if it signed a newer one meanwhile.

        Raises `Split`, `WitnessFailed`.
        """
        size, checkpoint = noted.size, noted.note.to_bytes()
        old, told = min(colleague.signed, size), False  # told: by the witness itself, just now
        suspected = False
        for _ in range(_QUESTIONS_MAX):
            answer = await self._ask(colleague, old, size, checkpoint)  # 1
            match answer:
                case Cosigned(lines):
                    colleague.signed = size
                    return _verified(lines, noted.note.text, colleague.verifier)  # 2
                case Knows(known) if known == old == size:
                    raise Split(f"it signed another log of {known} entries")
                case Knows(known) if known <= size:
                    old, told = known, True
                case Knows(known):
                    there_is = (await self._ledger.growth()).size
                    if known <= there_is:
                        colleague.signed = known
                        return []  # of a checkpoint that is newer than this one
                    if suspected:
                        raise Split(f"it signed a log of {known} entries; here are {there_is}")
                    suspected = True
                case Inconsistent() if told:
                    raise Split(f"the log does not continue the {old} entries that it signed")
                case Inconsistent():
                    old = 0  # what we remember of it is wrong: it says what is right
        raise WitnessFailed("it says another size each time")

    async def _ask(self, colleague: Colleague, old: int, size: int, checkpoint: bytes) -> Answer:
        proof: list[bytes] = []
        if 0 < old < size:
            plan = plan_consistency(old, size)
            hashes = await self._ledger.hashes(plan.nodes)
            if len(hashes) != len(plan.nodes):
                raise Unavailable("the ledger does not have the tree that was signed")
            proof = plan.proof(hashes)
        return await asyncio.get_running_loop().run_in_executor(
            colleague.thread, colleague.witness.ask, old, proof, checkpoint
        )

    async def _add(
        self, colleague: Colleague, noted: _Noted, signatures: Sequence[Signature]
    ) -> None:
        noted.note = noted.note.joined(signatures)
        noted.cosigners.add(colleague.name)
        if len(noted.cosigners) >= self._required:  # 3
            counted = Checkpoints(counted_size=noted.size, counted=noted.note.to_bytes())
            await self._ledger.keep_checkpoints(counted)
        now = asyncio.get_running_loop().time()
        if now - colleague.remembered_at > _REMEMBER_SECONDS:
            colleague.remembered_at = now
            await self._ledger.move_cursor(Cursor(f"witness/{colleague.name}", colleague.signed))
            colleague.remembered = colleague.signed


def _verified(lines: str, text: str, verifier: Verifier) -> list[Signature]:
    """The cosignatures of that key among the lines. Raises `WitnessFailed` if there is none."""
    vkey = verifier.vkey
    try:
        checkpoints.parse(text)
        found = [
            each
            for each in notes.parse_signatures(lines)
            if (each.name, each.key_id) == (vkey.name, vkey.key_id)
        ]
    except TlogError:
        raise WitnessFailed("what it answers is not a signature") from None
    if not found or not all(verifier.verify(text, each.blob) for each in found):
        raise WitnessFailed("its signature is not valid")
    return found
