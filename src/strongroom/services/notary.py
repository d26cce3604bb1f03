"""The notary: signs what the log states of itself, and never two logs.

In each turn, if the log has grown:

1. Ask the ledger for the log's size and root.
2. Ask for the hashes which prove that it continues the log of the last checkpoint, and verify them.
   The ledger is not believed: a log that was cut, edited or exchanged is not signed, ever.
3. Find the entries of destructions since then.
4. Sign.
5. Have destructions and checkpoint put in the anchor, outside the database.
6. Only then hand the checkpoint to the ledger, to be served.

Whoever ends between two steps is followed by one that begins from the anchor: nothing was served
that is not there, and what is there is signed again only as the same tree, or handed on. A node has
one notary at a time; the supervisor sees to that.
"""

from functools import partial
from typing import Final

from strongroom.domain.algorithms import Algorithm
from strongroom.domain.destructions import Destruction, destruction_of
from strongroom.domain.errors import TamperedRecord
from strongroom.ports.anchor import Anchor
from strongroom.ports.clock import Clock
from strongroom.ports.ledger import Ledger
from strongroom.ports.provider import Provider
from strongroom.ports.store import Checkpoints, StoredEvent, Tree
from strongroom.services import offload
from strongroom.services.anchors import AnchorRefused, Anchors, Head
from strongroom.services.entries import written
from strongroom.services.facts import Facts
from strongroom.services.log_keys import LogSigner, LogVerifier, log_of, verifier_of
from strongroom.tlog import proofs
from strongroom.tlog.errors import ProofError, TlogError
from strongroom.tlog.merkle import EMPTY_ROOT
from strongroom.tlog.notes import Note

_AT_ONCE: Final = 500  # entries of destructions


class NotContinued(Exception):  # noqa: N818 - it says what is the case
    """The log is not a continuation of what was signed. Nothing is signed. The text says what."""


class Notary:
    """See the head of this module. `take_over` comes first, and after every failure."""

    def __init__(  # noqa: PLR0913 - what a notary works with
        self,
        *,
        facts: Facts,
        ledger: Ledger,
        anchor: Anchor,
        provider: Provider,
        clock: Clock,
        first_namespace: bytes,
        witnessed: bool,
    ) -> None:
        """With `witnessed`, a checkpoint counts only when others have cosigned it."""
        self._facts = facts
        self._ledger = ledger
        self._anchor = anchor
        self._anchors = Anchors(provider, ledger.deployment)
        self._provider = provider
        self._clock = clock
        self._first_namespace = first_namespace
        self._witnessed = witnessed
        self._signer: LogSigner | None = None
        self._last = _NOTHING  # the largest that was ever signed
        self._covered = 0  # the size of what is in the anchor, with all destructions up to there
        self._head = Head()
        self._owed: Note | None = None  # is in the anchor; the ledger does not have it yet

    @property
    def at_work(self) -> bool:
        """Whether it has taken over."""
        return self._signer is not None

    async def take_over(self, checkpoint: bytes) -> None:
        """Begin from the checkpoint that the former notary left in the anchor; empty: none yet.

        Raises `NotContinued`, `TamperedRecord`, `Unavailable`.
        """
        body = await log_of(self._ledger, self._facts.sealing)
        namespace = await self._facts.namespace(self._first_namespace)
        verifier = verifier_of(body, self._provider)
        self._last, self._covered, self._head, self._owed = _NOTHING, 0, Head(), None
        if checkpoint:
            await self._begin_from(checkpoint, verifier)
        await self._look_at_what_is_served(verifier)
        self._signer = LogSigner(body, namespace.handle, self._ledger.deployment)

    async def turn(self) -> bool:
        """Sign, if there is anything new. Returns whether there was.

        Raises `NotContinued`, `Unavailable`.
        """
        if self._signer is None:
            raise RuntimeError("a notary takes over before it signs")
        if self._owed is not None:
            await self._hand_over(self._owed)
        tree = await self._ledger.growth()  # 1
        await self._require_continued(self._last, tree)  # 2
        if tree.size == self._covered:
            return False
        destroyed = await self._destructions(self._covered, tree.size)  # 3
        now_us = self._clock.now_us()
        work = partial(self._signer.sign, tree.size, tree.root, now_us)
        note = await offload.computed(Algorithm.ML_DSA_44, work)  # 4
        lines, head = self._anchors.lines(destroyed, self._head)
        await self._anchor.keep(self._anchors.sealed(note, head), lines, self._head.length)  # 5
        self._last, self._covered, self._head, self._owed = tree, tree.size, head, note
        await self._hand_over(note)  # 6
        return True

    # --- taking over ------------------------------------------------------------------------------

    async def _begin_from(self, raw: bytes, verifier: LogVerifier) -> None:
        try:
            anchored = self._anchors.opened(raw)
            checkpoint, _ = verifier.trusted(anchored.note.to_bytes())
        except (AnchorRefused, TlogError) as error:
            raise NotContinued(f"the anchor cannot be gone on from: {error}") from error
        self._last = Tree(checkpoint.size, checkpoint.root)
        await self._require_continued(self._last, await self._ledger.growth())
        self._covered, self._head, self._owed = checkpoint.size, anchored.head, anchored.note

    async def _look_at_what_is_served(self, verifier: LogVerifier) -> None:
        """What the ledger serves may be newer than an anchor that was put back: it counts, too."""
        stored = await self._ledger.checkpoints()
        try:
            checkpoint, _ = verifier.trusted(stored.signed)
        except TlogError:
            return  # there is none, or it is of the log before a restore
        served = Tree(checkpoint.size, checkpoint.root)
        if served.size >= self._last.size:
            await self._require_continued(self._last, served)
            await self._require_continued(served, await self._ledger.growth())
            self._last, self._owed = served, None

    # --- steps ------------------------------------------------------------------------------------

    async def _require_continued(self, last: Tree, tree: Tree) -> None:
        if tree.size < last.size:
            raise NotContinued(f"the log has {tree.size:,} entries; {last.size:,} were signed")
        if tree.size == last.size:
            if tree.root != last.root:
                raise NotContinued(
                    f"the log's {tree.size:,} entries are not those that were signed"
                )
            return
        if not last.size:
            return
        plan = proofs.plan_consistency(last.size, tree.size)
        hashes = await self._ledger.hashes(plan.nodes)
        try:
            if len(hashes) != len(plan.nodes):
                raise ProofError("the hashes are not there")
            proofs.verify_consistency(
                plan.proof(hashes),
                old=last.size,
                new=tree.size,
                old_root=last.root,
                new_root=tree.root,
            )
        except ProofError as error:
            raise NotContinued(f"the log is not the one that was signed: {error}") from error

    async def _destructions(self, first: int, end: int) -> list[Destruction]:
        found: list[Destruction] = []
        while first < end:
            stored = await self._ledger.changes(first, _AT_ONCE, erasing=True)
            destroyed = [_destruction(event) for event in stored if event.position < end]
            found += [one for one in destroyed if one is not None]
            if not stored:
                break
            first = stored[-1].position + 1
        return found

    async def _hand_over(self, note: Note) -> None:
        raw, size = note.to_bytes(), self._covered
        counted = Checkpoints(size, raw) if self._witnessed else Checkpoints(size, raw, size, raw)
        await self._ledger.keep_checkpoints(counted)
        self._owed = None


def _destruction(stored: StoredEvent) -> Destruction | None:
    try:
        event = written(stored)
    except TamperedRecord:
        raise NotContinued(f"entry {stored.position} was altered") from None
    return destruction_of(event, stored.position, stored.leaf_hash)


_NOTHING: Final = Tree(0, EMPTY_ROOT)
