"""Identities: principals, their roles, and the tokens that prove them."""

from typing import Final

import msgspec
from msgspec import UNSET

from strongroom.domain import asks, limits, tokens
from strongroom.domain.errors import InvalidRequest, NotFound
from strongroom.domain.operations import Resource
from strongroom.domain.records import Kind, Ref
from strongroom.domain.roles import ROLES, conflict
from strongroom.domain.things import Principal, Token
from strongroom.domain.times import DAY_US, rfc3339
from strongroom.ports.ledger import Ledger
from strongroom.ports.randomness import Randomness
from strongroom.services.authorize import Authorizer, Permit, Visit
from strongroom.services.books import Books, Details, change, creation
from strongroom.services.facts import Facts, PrincipalFact

_HOUR_US: Final = DAY_US // 24


class Identities:
    """Who there is, and how they prove it."""

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

    async def create_principal(self, visit: Visit, ask: asks.CreatePrincipal) -> asks.PrincipalView:
        """A new identity. Raises `AlreadyExists`."""
        permit = self._authorizer.permit(visit, Resource.PRINCIPAL, ask.name)
        body = Principal(
            roles=_checked(ask.roles),
            description=ask.description,
            disabled=False,
            created_us=visit.time_us,
        )
        record = self._facts.sealing.seal(
            Kind.PRINCIPAL,
            self._randomness.bytes(16),
            body,
            namespace=permit.namespace.id,
            name=ask.name,
            request=visit.request,
        )
        await self._books.allowed(permit, {"roles": body.roles}, writes=(creation(record),))
        return _principal_view(record.id, ask.name, body, 1)

    async def list_principals(self, visit: Visit, ask: asks.Page) -> asks.PrincipalPage:
        """A page of identities, by name."""
        permit = self._authorizer.permit(visit, Resource.NAMESPACE)
        records = await self._ledger.page(
            Kind.PRINCIPAL, permit.namespace.id, ask.page_token, ask.limit + 1
        )
        views = []
        for record in records[: ask.limit]:
            body = self._facts.sealing.open(record, Principal, expected=(Kind.PRINCIPAL, record.id))
            views.append(_principal_view(record.id, record.name, body, record.revision))
        await self._books.allowed(permit, {"count": len(views)})
        return asks.PrincipalPage(views, views[-1].name if len(records) > ask.limit else "")

    async def read_principal(self, visit: Visit, ask: asks.Nothing) -> asks.PrincipalView:
        """An identity."""
        del ask
        permit = self._authorizer.permit(visit, Resource.PRINCIPAL, visit.target)
        fact = await self._facts.principal_named(permit.namespace.id, visit.target)
        await self._books.allowed(permit)
        return _principal_view(fact.id, fact.name, fact.body, fact.revision)

    async def update_principal(self, visit: Visit, ask: asks.UpdatePrincipal) -> asks.PrincipalView:
        """Other roles, another description, disabled or not. Holds at once and everywhere."""
        permit = self._authorizer.permit(visit, Resource.PRINCIPAL, visit.target)
        fact = await self._facts.principal_named(permit.namespace.id, visit.target)
        given = {name: value for name in ("roles", "description", "disabled")
                 if (value := getattr(ask, name)) is not UNSET}  # fmt: skip
        body = msgspec.structs.replace(fact.body, **given)
        if fact.id == permit.principal.id and not {"roles", "disabled"}.isdisjoint(given):
            # Nobody widens what they may do by themselves, or shuts themselves out.
            raise InvalidRequest("your own roles and state are another administrator's to change")
        if "roles" in given:
            _checked(body.roles)
        record = self._facts.sealing.seal(
            Kind.PRINCIPAL,
            fact.id,
            body,
            namespace=fact.namespace,
            name=fact.name,
            revision=fact.revision + 1,
            request=visit.request,
        )
        visit.facts.append(fact.fact)
        details: Details = {
            "changed": sorted(given),
            "roles": body.roles,
            "disabled": int(body.disabled),
        }
        await self._books.allowed(permit, details, writes=(change(record),))
        return _principal_view(fact.id, fact.name, body, record.revision)

    async def list_roles(self, visit: Visit, ask: asks.Nothing) -> asks.RoleList:
        """The roles and the Cedar text of each."""
        del ask
        permit = self._authorizer.permit(visit, Resource.NAMESPACE)
        await self._books.allowed(permit)
        return asks.RoleList(
            [asks.RoleView(role.name, role.summary, role.policy) for role in ROLES.values()]
        )

    async def create_token(self, visit: Visit, ask: asks.CreateToken) -> asks.TokenCreated:
        """A token for a principal. Its text is in this answer and nowhere else."""
        permit, owner = await self._owner(visit, ask.principal)
        token_id = self._randomness.bytes(tokens.ID_BYTES)
        text = tokens.spell(token_id, self._randomness.bytes(tokens.SECRET_BYTES))
        body = _token(visit, ask, owner, hash=tokens.digest(text))
        view = await self._keep_token(permit, token_id, body)
        return asks.TokenCreated(**msgspec.structs.asdict(view), token=text)

    async def create_access_key(
        self, visit: Visit, ask: asks.CreateAccessKey
    ) -> asks.AccessKeyCreated:
        """An access key for a principal. Its secret is in this answer, and wrapped in the store.

        One for a session has a session token, too, of which the store has the hash.
        """
        if ask.hours is not UNSET and not ask.session:
            raise InvalidRequest("hours are for a session; other access keys have days", "$.hours")
        permit, owner = await self._owner(visit, ask.principal)
        token_id = self._randomness.bytes(tokens.ID_BYTES)
        secret = tokens.spell_access_secret(self._randomness.bytes(tokens.ACCESS_SECRET_BYTES))
        binding = self._facts.sealing.access_key_binding(permit.namespace.id, token_id)
        wrapped = permit.namespace.handle.conceal(secret.encode(), binding)
        body = _token(visit, ask, owner, secret=wrapped)
        session = ""
        if ask.session:
            session = tokens.spell_session(self._randomness.bytes(tokens.SECRET_BYTES))
            hours = limits.SESSION_HOURS_DEFAULT if ask.hours is UNSET else ask.hours
            body = msgspec.structs.replace(
                body, session=tokens.digest(session), expires_us=visit.time_us + hours * _HOUR_US
            )
        view = await self._keep_token(permit, token_id, body)
        return asks.AccessKeyCreated(
            **msgspec.structs.asdict(view), secret_access_key=secret, session_token=session
        )

    async def _owner(self, visit: Visit, name: str) -> tuple[Permit, PrincipalFact]:
        permit = self._authorizer.permit(visit, Resource.PRINCIPAL, name)
        owner = await self._facts.principal_named(permit.namespace.id, name)
        visit.facts.append(owner.fact)
        return permit, owner

    async def _keep_token(self, permit: Permit, token_id: bytes, body: Token) -> asks.TokenView:
        record = self._facts.sealing.seal(
            Kind.TOKEN,
            token_id,
            body,
            namespace=permit.namespace.id,
            name=tokens.text_id(token_id),
            request=permit.visit.request,
        )
        view = _token_view(token_id, body)
        await self._books.allowed(
            permit, {"token": view.id, "expires": view.expires}, writes=(creation(record),)
        )
        return view

    async def list_tokens(self, visit: Visit, ask: asks.Page) -> asks.TokenPage:
        """A page of tokens, by id."""
        permit = self._authorizer.permit(visit, Resource.NAMESPACE)
        records = await self._ledger.page(
            Kind.TOKEN, permit.namespace.id, ask.page_token, ask.limit + 1
        )
        views = [
            _token_view(
                record.id,
                self._facts.sealing.open(record, Token, expected=(Kind.TOKEN, record.id)),
            )
            for record in records[: ask.limit]
        ]
        await self._books.allowed(permit, {"count": len(views)})
        return asks.TokenPage(views, views[-1].id if len(records) > ask.limit else "")

    async def revoke_token(self, visit: Visit, ask: asks.Nothing) -> asks.Done:
        """Revoke. Once this has returned, nothing is done for that token. Can be repeated."""
        del ask
        permit = self._authorizer.permit(visit, Resource.TOKEN, visit.target)
        token_id = tokens.parse_text_id(visit.target)
        if token_id is None:
            raise NotFound
        (record,) = await self._ledger.load([Ref(Kind.TOKEN, token_id)])
        if record is None or record.namespace != permit.namespace.id:
            raise NotFound
        body = self._facts.sealing.open(record, Token, expected=(Kind.TOKEN, token_id))
        revoked = self._facts.sealing.seal(
            Kind.TOKEN,
            token_id,
            msgspec.structs.replace(body, revoked=True),
            namespace=record.namespace,
            name=record.name,
            revision=record.revision + 1,
            request=visit.request,
        )
        visit.facts.append(record.fact)
        await self._books.allowed(permit, {"token": visit.target}, writes=(change(revoked),))
        return asks.Done()

    async def whoami(self, visit: Visit, ask: asks.Nothing) -> asks.WhoAmI:
        """Who the caller is."""
        del ask
        permit = self._authorizer.permit(visit, Resource.NAMESPACE)
        await self._books.allowed(permit)
        if visit.token is None:
            raise RuntimeError("a permit without a token")
        return asks.WhoAmI(
            permit.namespace.name,
            permit.namespace.account,
            permit.principal.name,
            permit.principal.body.roles,
            visit.token.text_id,
            rfc3339(visit.token.body.expires_us),
        )


def _checked(names: list[str]) -> list[str]:
    """The roles, once each, sorted. Raises `InvalidRequest` for unknown or conflicting ones."""
    for name in names:
        if name not in ROLES:
            known = ", ".join(ROLES)
            raise InvalidRequest(f"there is no such role; the roles are {known}", "$.roles")
    pair = conflict(names)
    if pair is not None:
        raise InvalidRequest(
            f"duties are separate: one principal is not given both {pair[0]} and {pair[1]}",
            "$.roles",
        )
    return sorted(set(names))


def _token(
    visit: Visit,
    ask: asks.CreateToken,
    owner: PrincipalFact,
    *,
    hash: bytes = b"",  # noqa: A002 - as in the record
    secret: bytes = b"",
) -> Token:
    return Token(
        principal=owner.id,
        principal_name=owner.name,
        hash=hash,
        description=ask.description,
        revoked=False,
        created_us=visit.time_us,
        expires_us=visit.time_us + ask.days * DAY_US,
        secret=secret,
    )


def _principal_view(
    principal_id: bytes, name: str, body: Principal, revision: int
) -> asks.PrincipalView:
    return asks.PrincipalView(
        name=name,
        id=principal_id.hex(),
        roles=body.roles,
        description=body.description,
        disabled=body.disabled,
        created=rfc3339(body.created_us),
        revision=revision,
    )


def _access_key(token_id: bytes, body: Token) -> str:
    return tokens.access_key_id(token_id, session=bool(body.session)) if body.secret else ""


def _token_view(token_id: bytes, body: Token) -> asks.TokenView:
    return asks.TokenView(
        id=tokens.text_id(token_id),
        principal=body.principal_name,
        description=body.description,
        created=rfc3339(body.created_us),
        expires=rfc3339(body.expires_us),
        revoked=body.revoked,
        access_key=_access_key(token_id, body),
    )
