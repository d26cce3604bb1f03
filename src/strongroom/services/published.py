"""JWK sets, handed out: to who may read them, and to anybody where the namespace says so."""

from strongroom.domain import asks, transfers
from strongroom.domain.errors import NotFound, TamperedRecord
from strongroom.domain.operations import Resource
from strongroom.domain.records import Kind
from strongroom.ports.ledger import Ledger
from strongroom.services.authorize import Authorizer, Permit, Visit
from strongroom.services.books import Books
from strongroom.services.facts import Facts
from strongroom.services.jwk_sets import JWKSet, JWKSets


class Published:
    """Hands out the public halves of signing keys, on record each time."""

    def __init__(
        self,
        *,
        facts: Facts,
        authorizer: Authorizer,
        books: Books,
        ledger: Ledger,
        jwk_sets: JWKSets,
    ) -> None:
        self._facts = facts
        self._authorizer = authorizer
        self._books = books
        self._ledger = ledger
        self._jwk_sets = jwk_sets

    async def own(self, visit: Visit, ask: asks.Nothing) -> transfers.JWKSet:
        """The caller's namespace's set."""
        del ask
        permit = self._authorizer.permit(visit, Resource.NAMESPACE)
        return await self._handed_out(
            permit, await self._jwk_sets.made(permit.namespace, visit.time_us)
        )

    async def anybodys(self, visit: Visit, ask: asks.Nothing) -> transfers.JWKSet:
        """The set of the namespace of that name.

        Raises `NotFound` alike where it publishes nothing and where there is no such namespace. The
        first is on record there; the second, like all that is nobody's, in the first namespace.
        """
        del ask
        visit.object = f"namespace/{visit.target}"
        record = await self._ledger.find(Kind.NAMESPACE, b"", visit.target)
        if record is None:
            raise NotFound
        namespace = await self._facts.namespace(record.id)
        if namespace.name != visit.target:
            raise TamperedRecord  # the store answered with another one's row
        permit = self._authorizer.permit_anybody(visit, namespace)
        return await self._handed_out(permit, await self._jwk_sets.kept(namespace, visit.time_us))

    async def _handed_out(self, permit: Permit, found: JWKSet) -> transfers.JWKSet:
        permit.visit.facts += found.facts
        await self._books.allowed(permit, {"count": len(found.keys)})
        return transfers.JWKSet(list(found.keys))
