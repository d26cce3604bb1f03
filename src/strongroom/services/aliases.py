"""Aliases: other names for keys, which move from key to key in one step."""

import msgspec

from strongroom.domain import asks, transfers
from strongroom.domain.algorithms import ALGORITHMS
from strongroom.domain.errors import AlreadyExists, InvalidRequest, NotFound, TamperedRecord
from strongroom.domain.lifecycle import State
from strongroom.domain.operations import Resource
from strongroom.domain.records import Kind, Record
from strongroom.domain.things import Alias
from strongroom.domain.times import rfc3339
from strongroom.domain.words import ALIAS_PREFIX, is_name
from strongroom.ports.ledger import Ledger
from strongroom.ports.randomness import Randomness
from strongroom.ports.store import Write
from strongroom.services.authorize import Authorizer, Permit, Visit
from strongroom.services.books import Books, Details
from strongroom.services.facts import AliasFact, Facts, KeyFact


class Aliases:
    """The aliases of a namespace. Who moves one needs the right for both keys."""

    def __init__(
        self,
        *,
        facts: Facts,
        authorizer: Authorizer,
        books: Books,
        ledger: Ledger,
        randomness: Randomness,
    ) -> None:
        self._facts = facts
        self._authorizer = authorizer
        self._books = books
        self._ledger = ledger
        self._randomness = randomness

    async def write(self, visit: Visit, ask: transfers.WriteAlias) -> transfers.AliasView:
        """The alias names that key from now on, in every process and on every node."""
        name = visit.target
        permit = await self._authorizer.permit_key(visit, ask.key, {})
        key = permit.known_key()
        if not is_name(name):
            raise InvalidRequest(
                "an alias is 1 to 63 of a-z, 0-9, '.', '_', '-'; a letter or digit at both ends"
            )
        details: Details = {"alias": name}
        former = await self._there(permit, name)
        created_us = visit.time_us
        if former is None or not former.body.key or not await self._lives(former.body.key):
            if ask.existing:
                raise NotFound
        else:
            if ask.new:
                raise AlreadyExists("there is such an alias already")
            details["former"] = await self._permit_former(visit, former)
            visit.object = key.object
            created_us = former.body.created_us
        body = Alias(key.id, created_us, ask.spelt, visit.time_us)
        write = self._row(permit, name, former, body)
        await self._books.allowed(permit, details, writes=(write,))
        return _view(write.record, body, key)

    async def list(self, visit: Visit, ask: transfers.ListAliases) -> transfers.AliasPage:
        """A page of aliases, by name."""
        permit = self._authorizer.permit(visit, Resource.NAMESPACE)
        records = await self._ledger.page(
            Kind.ALIAS, permit.namespace.id, ask.page_token, ask.limit + 1
        )
        shown = records[: ask.limit]
        views = [view for record in shown if (view := await self._view(record, permit)) is not None]
        await self._books.allowed(permit, {"count": len(views)})
        return transfers.AliasPage(views, shown[-1].name if len(records) > ask.limit else "")

    async def delete(self, visit: Visit, ask: asks.Nothing) -> asks.Done:
        """Take the alias away. The key stays as it is."""
        del ask
        permit = await self._authorizer.permit_key(visit, ALIAS_PREFIX + visit.target, {})
        permit.known_key()
        alias = await self._facts.alias_named(permit.namespace.id, visit.target)
        body = msgspec.structs.replace(alias.body, key=b"")
        write = self._row(permit, alias.name, alias, body)
        await self._books.allowed(permit, {"alias": alias.name}, writes=(write,))
        return asks.Done()

    async def _there(self, permit: Permit, name: str) -> AliasFact | None:
        """The alias of that name, also one that was deleted: its row is used again."""
        record = await self._ledger.find(Kind.ALIAS, permit.namespace.id, name)
        if record is None:
            return None
        permit.visit.facts.append(record.fact)
        return AliasFact(record, self._open(record, permit))

    async def _lives(self, key_id: bytes) -> bool:
        """Whether that key is there still: one that was destroyed took its aliases with it."""
        key = await self._facts.key(key_id)
        return key is None or key.body.state is not State.DESTROYED

    async def _permit_former(self, visit: Visit, alias: AliasFact) -> str:
        key = await self._facts.key(alias.body.key)
        if key is None or key.namespace != alias.namespace:
            raise TamperedRecord
        await self._authorizer.permit_key(visit, key.name, {}, as_source=True)
        if visit.terms.alike and visit.key is not None and not _alike(key, visit.key):
            raise InvalidRequest("the alias is that of a key of another kind", "$.key")
        return key.name

    async def _view(self, record: Record, permit: Permit) -> transfers.AliasView | None:
        body = self._open(record, permit)
        if not body.key:
            return None
        key = await self._facts.key(body.key)
        if key is None:
            raise TamperedRecord
        if key.body.state is State.DESTROYED:
            return None  # it took its aliases with it
        return _view(record, body, key)

    def _open(self, record: Record, permit: Permit) -> Alias:
        if record.namespace != permit.namespace.id:
            raise TamperedRecord
        return self._facts.sealing.open(record, Alias, expected=(Kind.ALIAS, record.id))

    def _row(self, permit: Permit, name: str, former: AliasFact | None, body: Alias) -> Write:
        revision = 0 if former is None else former.revision
        record = self._facts.sealing.seal(
            Kind.ALIAS, self._randomness.bytes(16) if former is None else former.id, body,
            namespace=permit.namespace.id, name=name, revision=revision + 1,
            request=permit.visit.request,
        )  # fmt: skip
        return Write(record, revision)


def _alike(one: KeyFact, other: KeyFact) -> bool:
    """Whether who used one can use the other: a MAC has a purpose of its own."""
    first, second = (
        (ALGORITHMS[key.body.algorithm].kind, key.body.purpose) for key in (one, other)
    )
    return first == second


def _view(record: Record, body: Alias, key: KeyFact) -> transfers.AliasView:
    return transfers.AliasView(
        record.name,
        key.name,
        rfc3339(body.created_us),
        record.revision,
        key.cipher_id.hex(),
        body.spelt,
        rfc3339(body.updated_us or body.created_us),
    )
