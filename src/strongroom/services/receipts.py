"""Receipts: the proof that one request is in the log, for keeping (C2SP tlog-proof).

For each, in this order:

1. Find the entry, in the caller's namespace.
2. It is of the caller's own request, or the caller may read the log. To everybody else there is no
   such request.
3. Wait for a checkpoint that covers it.
4. Prove it, and verify the proof: what was edited in the store is not handed out as evidence.
"""

from strongroom.domain import asks, evidence
from strongroom.domain.errors import NotFound, TamperedRecord
from strongroom.domain.operations import Resource
from strongroom.ports.ledger import Ledger
from strongroom.ports.provider import Provider
from strongroom.ports.store import EventQuery, StoredEvent
from strongroom.services.authorize import Authorizer, Permit, Visit
from strongroom.services.books import Books
from strongroom.services.counted import Checkpoints, Counted
from strongroom.services.entries import written
from strongroom.services.facts import Facts
from strongroom.services.log_keys import log_of, verifier_of
from strongroom.tlog import proofs
from strongroom.tlog.errors import TlogError
from strongroom.tlog.merkle import leaf_hash
from strongroom.tlog.receipts import Receipt

_OTHERS = "audit.read"  # the right to receipts of others' requests


class Receipts:
    """Hands out receipts, and the keys that verify them."""

    def __init__(  # noqa: PLR0913 - what a service is made of
        self,
        *,
        facts: Facts,
        authorizer: Authorizer,
        books: Books,
        ledger: Ledger,
        provider: Provider,
        checkpoints: Checkpoints,
    ) -> None:
        self._facts = facts
        self._authorizer = authorizer
        self._books = books
        self._ledger = ledger
        self._provider = provider
        self._checkpoints = checkpoints

    async def read(self, visit: Visit, ask: asks.Nothing) -> evidence.Receipt:
        """The receipt of the request with that id, allowed or refused.

        Raises `NotFound` alike for none, a foreign one and one that the caller may not know of;
        `Unavailable` while no checkpoint covers it.
        """
        del ask
        permit = self._authorizer.permit(visit, Resource.NAMESPACE)
        # 1.
        page = await self._ledger.events(
            EventQuery(namespace=permit.namespace.id, request=visit.target, limit=1)
        )
        stored = page.events[0] if page.events else None
        # 2.
        if stored is None or not _is_own(stored, permit):
            allowed = self._authorizer.may_also(permit, _OTHERS)
            if stored is None or not allowed:
                raise NotFound
        # 3.
        counted = await self._checkpoints.covering(stored.position)
        # 4.
        receipt = await self._proven(stored, counted)
        await self._books.allowed(permit, {"receipt": visit.target, "position": stored.position})
        return evidence.Receipt(receipt.to_bytes())

    async def _proven(self, stored: StoredEvent, counted: Counted) -> Receipt:
        try:
            plan = proofs.plan_inclusion(stored.position, counted.size)
            proof = plan.proof(await self._ledger.hashes(plan.nodes))
            receipt = Receipt(stored.position, tuple(proof), counted.note, stored.body)
            receipt.proves(leaf_hash(stored.body))
        except TlogError:
            raise TamperedRecord from None
        return receipt

    async def keys(self, visit: Visit, ask: asks.Nothing) -> evidence.LogKeysView:
        """The public keys of the log, and of what it was before restores."""
        del ask
        permit = self._authorizer.permit(visit, Resource.NAMESPACE)
        body = await log_of(self._ledger, self._facts.sealing)
        await self._books.allowed(permit)
        return evidence.LogKeysView(
            origin=body.name,
            generation=body.generation,
            keys=list(verifier_of(body, self._provider).vkeys),
            former=[
                evidence.FormerLogView(
                    keys=list(former.vkeys),
                    size=former.size,
                    root=former.root.hex(),
                    restored_size=former.restored_size,
                )
                for former in body.former
            ],
        )


def _is_own(stored: StoredEvent, permit: Permit) -> bool:
    """Whether the entry is of a request of the caller's. Raises `TamperedRecord` where it is none.

    By what is hashed, not by the column that found it: who edits that gets nobody else's entry.
    """
    event = written(stored)
    if event.namespace != permit.namespace.name:
        raise TamperedRecord
    return event.principal == permit.principal.name
