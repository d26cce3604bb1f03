"""Grants: rights on one key for one principal, that hold from the answer until they are ended."""

from collections.abc import Sequence
from hashlib import sha256
from typing import Final

import msgspec
from msgspec import UNSET

from strongroom.domain import asks, limits
from strongroom.domain.algorithms import DEFAULT, Purpose
from strongroom.domain.errors import AlreadyExists, InvalidRequest, NotFound, TamperedRecord
from strongroom.domain.iam import asks as iam
from strongroom.domain.lifecycle import Use
from strongroom.domain.operations import Resource
from strongroom.domain.records import Kind, Record
from strongroom.domain.things import Grant
from strongroom.domain.times import rfc3339
from strongroom.ports.ledger import Ledger
from strongroom.ports.randomness import Randomness
from strongroom.ports.store import Write
from strongroom.services.authorize import Authorizer, Permit, Visit
from strongroom.services.books import Books, Details, StaleDecision
from strongroom.services.facts import Facts, GrantFact, KeyFact, PrincipalFact, grant_name
from strongroom.services.keyring import Keyring
from strongroom.services.rows import key_row

_SCANNED_AT_ONCE: Final = 500
_PLACE_DIGITS: Final = 2  # of `limits.GRANTS_PER_GRANTEE_MAX` places, counted from 0
_PUBLIC = ("GetPublicKey",)
_ALWAYS: Final = frozenset(["CreateGrant", "RetireGrant", "DescribeKey"])
_FITTING: Final[dict[Purpose, frozenset[str]]] = {
    purpose: _ALWAYS | frozenset(operations)
    for purpose, operations in {
        Purpose.ENCRYPT_DECRYPT: (
            "Encrypt", "Decrypt", "ReEncryptFrom", "ReEncryptTo", "GenerateDataKey",
            "GenerateDataKeyWithoutPlaintext", "GenerateDataKeyPair",
            "GenerateDataKeyPairWithoutPlaintext",
        ),
        Purpose.DECRYPT: ("Encrypt", "Decrypt", "ReEncryptFrom", "ReEncryptTo", *_PUBLIC),
        Purpose.SIGN_VERIFY: ("Sign", "Verify", *_PUBLIC),
        Purpose.MAC: ("GenerateMac", "VerifyMac"),
        Purpose.AGREE: ("DeriveSharedSecret", *_PUBLIC),
        Purpose.ENCAPSULATE: ("Encapsulate", "Decapsulate", *_PUBLIC),
    }.items()
}  # fmt: skip


class Grants:
    """Makes, lists and ends them."""

    def __init__(  # noqa: PLR0913 - what a service is made of
        self,
        *,
        facts: Facts,
        authorizer: Authorizer,
        keyring: Keyring,
        books: Books,
        ledger: Ledger,
        randomness: Randomness,
    ) -> None:
        self._facts = facts
        self._authorizer = authorizer
        self._keyring = keyring
        self._books = books
        self._ledger = ledger
        self._randomness = randomness

    async def create(self, visit: Visit, ask: iam.CreateGrant) -> iam.GrantView:
        """A grant, or the one of the same name that says the same."""
        permit = await self._authorizer.permit_key(visit, visit.target, {})
        key = self._keyring.free(permit, Use.ROTATE)  # an active one, that is
        await self._keyring.whole(permit)
        _fitting(ask, key)
        grantee = await self._principal(key, ask.grantee, "$.grantee")
        if ask.retiring is not UNSET:
            await self._principal(key, ask.retiring, "$.retiring")
        body = _body(ask, permit, grantee)
        there = await self._facts.grants(key, grantee.id)
        same = next((one for one in there if ask.name and _says(one.body, body)), None)
        details: Details = {"grantee": ask.grantee, "operations": sorted(set(ask.operations))}
        if same is not None:
            visit.facts.append(same.fact)
            await self._books.allowed(permit, {"grant": same.id.hex(), **details})
            return _view(same.id, same.body, key)
        if len(there) >= limits.GRANTS_PER_GRANTEE_MAX:
            raise InvalidRequest(
                f"a principal has at most {limits.GRANTS_PER_GRANTEE_MAX} grants for one key",
                "$.grants",
            )
        grant_id = key.id + self._randomness.bytes(16)
        name = self._place(key, body, there)
        writes: tuple[Write, ...] = (self._row(key, grant_id, body, visit.request, name=name),)
        if not key.body.granted:
            granted = msgspec.structs.replace(key.body, granted=True)
            writes += (key_row(self._facts.sealing, key, granted, visit.request),)
        try:
            await self._books.allowed(permit, {"grant": grant_id.hex(), **details}, writes=writes)
        except AlreadyExists:
            raise StaleDecision from None  # another grant got its place: see what there is now
        return _view(grant_id, body, key)

    async def list(self, visit: Visit, ask: iam.ListGrants) -> iam.GrantPage:
        """A page of the key's grants."""
        permit = await self._authorizer.permit_key(visit, visit.target, {})
        key = permit.known_key()
        prefix = f"{key.id.hex()}."
        if ask.grantee is not UNSET:
            grantee = await self._principal(key, ask.grantee, "$.grantee")
            prefix = grant_name(key.id, grantee.id)
        if ask.page_token and not ask.page_token.startswith(prefix):
            raise InvalidRequest("the page token is not one of this list", "$.page_token")
        if ask.grant is not UNSET:
            grant = await self._there(permit, key, ask.grant)
            views = [] if grant is None else [_view(grant.id, grant.body, key)]
            await self._books.allowed(permit, {"count": len(views)})
            return iam.GrantPage(views, "")
        records = await self._ledger.page(
            Kind.GRANT, key.namespace, ask.page_token or prefix, ask.limit + 1
        )
        records = [record for record in records if record.name.startswith(prefix)]
        shown = records[: ask.limit]
        views = [_view(record.id, self._open(record), key) for record in shown]
        await self._books.allowed(permit, {"count": len(views)})
        return iam.GrantPage(views, shown[-1].name if len(records) > ask.limit else "")

    async def list_retirable(self, visit: Visit, ask: iam.ListRetirableGrants) -> iam.GrantPage:
        """A page of what a principal may retire. One call looks at a bounded number of grants."""
        permit = self._authorizer.permit(visit, Resource.NAMESPACE)
        namespace = permit.namespace.id
        views: list[iam.GrantView] = []
        after, scanned, more = ask.page_token, 0, True
        while more and len(views) < ask.limit and scanned < limits.GRANTS_LISTED_MAX:
            records = await self._ledger.page(Kind.GRANT, namespace, after, _SCANNED_AT_ONCE + 1)
            more = len(records) > _SCANNED_AT_ONCE
            for record in records[:_SCANNED_AT_ONCE]:
                after, scanned = record.name, scanned + 1
                body = self._open(record)
                if body.retiring == ask.retiring:
                    key = await self._facts.key(body.key)
                    if key is None or key.namespace != namespace:
                        raise TamperedRecord
                    views.append(_view(record.id, body, key))
                    if len(views) == ask.limit:
                        more = more or record is not records[-1]
                        break
        await self._books.allowed(permit, {"count": len(views)})
        return iam.GrantPage(views, after if more else "")

    async def revoke(self, visit: Visit, ask: iam.OfGrant) -> asks.Done:
        """End a grant: by whoever manages the key."""
        permit = await self._authorizer.permit_key(visit, visit.target, {})
        grant = await self._there(permit, permit.known_key(), ask.grant)
        if grant is None:
            raise NotFound
        return await self._end(permit, grant, ask.grant)

    async def retire(self, visit: Visit, ask: iam.OfGrant) -> asks.Done:
        """End a grant: by whom it names for that, by its grantee if it says so, or as revoked."""
        permit = await self._authorizer.permit_retiring(visit, visit.target, ask.grant)
        grant = await self._there(permit, permit.known_key(), ask.grant)
        if grant is None:
            raise NotFound
        return await self._end(permit, grant, ask.grant)

    def _place(self, key: KeyFact, body: Grant, there: Sequence[GrantFact]) -> str:
        """The name of a new grant: one of the grantee's places for that key that is free.

        There are as many places as there may be grants, and no two records have one name: so the
        bound holds however many are made at once. Grants of one name come to one place, for the
        second is to find the first.
        """
        prefix = grant_name(key.id, body.grantee)
        taken = {one.name for one in there}
        # Those of before there were places have names of their own, and count all the same.
        placed = sum(len(name) == len(prefix) + _PLACE_DIGITS for name in taken)
        most = limits.GRANTS_PER_GRANTEE_MAX - (len(taken) - placed)
        chance = sha256(body.name.encode()).digest() if body.name else self._randomness.bytes(16)
        first = int.from_bytes(chance, "big")
        places = (f"{prefix}{(first + step) % most:0{_PLACE_DIGITS}}" for step in range(most))
        return next(place for place in places if place not in taken)

    async def _end(self, permit: Permit, grant: GrantFact, grant_id: str) -> asks.Done:
        key, visit = permit.known_key(), permit.visit
        ended = msgspec.structs.replace(grant.body, ended_us=visit.time_us)
        write = self._row(key, grant.id, ended, visit.request, revision=grant.revision)
        await self._books.allowed(permit, {"grant": grant_id}, writes=(write,))
        return asks.Done()

    async def _there(self, permit: Permit, key: KeyFact, grant: str) -> GrantFact | None:
        found = await self._facts.grant(bytes.fromhex(grant))
        if found is None or found.body.key != key.id or found.body.ended_us:
            return None
        permit.visit.facts.append(found.fact)
        return found

    async def _principal(self, key: KeyFact, name: str, pointer: str) -> PrincipalFact:
        try:
            return await self._facts.principal_named(key.namespace, name)
        except NotFound:
            raise InvalidRequest("there is no such principal", pointer) from None

    def _open(self, record: Record) -> Grant:
        return self._facts.sealing.open(record, Grant, expected=(Kind.GRANT, record.id))

    def _row(  # noqa: PLR0913 - what a row is made of
        self,
        key: KeyFact,
        grant_id: bytes,
        body: Grant,
        request: str,
        *,
        name: str = "",
        revision: int = 0,
    ) -> Write:
        # One that has ended has no name: nothing finds it any more but its id.
        record = self._facts.sealing.seal(
            Kind.GRANT, grant_id, body, namespace=key.namespace, name=name,
            revision=revision + 1, request=request,
        )  # fmt: skip
        return Write(record, revision)


def _fitting(ask: iam.CreateGrant, key: KeyFact) -> None:
    """Raises `InvalidRequest` for operations that the key does not have."""
    fitting = _FITTING.get(key.body.purpose, _ALWAYS)
    other = next((one for one in ask.operations if one not in fitting), None)
    if other is not None:
        raise InvalidRequest(
            f"{other} does not go with a key of {key.body.algorithm} for {key.body.purpose}",
            "$.operations",
        )
    if (ask.context_equals or ask.context_subset) and key.body.algorithm is not DEFAULT:
        raise InvalidRequest(f"only keys of {DEFAULT} have a context", "$.context_subset")


def _body(ask: iam.CreateGrant, permit: Permit, grantee: PrincipalFact) -> Grant:
    return Grant(
        key=permit.known_key().id,
        grantee=grantee.id,
        grantee_name=grantee.name,
        operations=tuple(sorted(set(ask.operations))),
        context_subset=dict(ask.context_subset),
        context_equals=dict(ask.context_equals),
        retiring="" if ask.retiring is UNSET else ask.retiring,
        name=ask.name,
        issuer=permit.principal.name,
        created_us=permit.visit.time_us,
    )


def _says(there: Grant, wanted: Grant) -> bool:
    """Whether both grant the same under one name, whoever issued them and when."""
    return there == msgspec.structs.replace(
        wanted, issuer=there.issuer, created_us=there.created_us
    )


def _view(grant_id: bytes, body: Grant, key: KeyFact) -> iam.GrantView:
    return iam.GrantView(
        id=grant_id.hex(),
        key=key.name,
        key_id=key.cipher_id.hex(),
        grantee=body.grantee_name,
        operations=list(body.operations),
        context_subset=body.context_subset,
        context_equals=body.context_equals,
        retiring=body.retiring,
        name=body.name,
        issuer=body.issuer,
        created=rfc3339(body.created_us),
    )
