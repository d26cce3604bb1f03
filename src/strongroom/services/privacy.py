"""Erasing what entries keep beside them: on record, for good, with every proof as it was."""

from strongroom.domain import asks
from strongroom.domain.errors import InvalidRequest
from strongroom.domain.operations import Resource
from strongroom.domain.records import Kind
from strongroom.domain.things import AuditKeys
from strongroom.services.audit_keys import AuditKeysFact, replaced_audit_keys
from strongroom.services.authorize import Authorizer, Visit
from strongroom.services.books import Books, change
from strongroom.services.facts import Facts


class Privacy:
    """Erases the details of the caller's namespace."""

    def __init__(self, *, facts: Facts, authorizer: Authorizer, books: Books) -> None:
        self._facts = facts
        self._authorizer = authorizer
        self._books = books

    async def erase(self, visit: Visit, ask: asks.EraseDetails) -> asks.DetailsErased:
        """Nobody reads the details of any entry until now. Later ones are sealed by a new key.

        With `identifiers`, tokens until now have nothing in common with later ones. When this
        returns, the old keys are gone from the store's files, and other processes have forgotten
        them.
        """
        permit = self._authorizer.permit(visit, Resource.NAMESPACE)
        namespace = permit.namespace
        keys = namespace.audit_keys
        if keys is None:
            raise InvalidRequest(
                "the namespace has no details to erase: it never kept addresses privately"
            )
        visit.facts.append(keys.fact)
        record = replaced_audit_keys(
            self._facts.sealing, namespace.handle, keys,
            request=visit.request, identifiers=ask.identifiers,
        )  # fmt: skip
        body = self._facts.sealing.open(record, AuditKeys, expected=(Kind.AUDIT_KEYS, namespace.id))
        # This entry is hidden by the new keys: who erased, and from where, stays to be seen.
        new = AuditKeysFact(record, body, self._facts.sealing, namespace.handle)
        await self._books.allowed(
            permit,
            {
                "details_generation": body.details_generation,
                "identifiers_generation": body.identifiers_generation,
            },
            writes=(change(record),),
            erases=True,
            hidden_by=new if namespace.body.private_sources else None,
        )
        return asks.DetailsErased(body.details_generation, body.identifiers_generation)
