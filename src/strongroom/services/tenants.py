"""Namespaces: make one with its administrator, list them. Only from the first namespace."""

import msgspec
from msgspec import UNSET

from strongroom.domain import asks, tokens
from strongroom.domain.accounts import account_of
from strongroom.domain.errors import AlreadyExists, InvalidRequest, NotAllowed, NotFound
from strongroom.domain.operations import Resource
from strongroom.domain.records import Kind, Record
from strongroom.domain.things import Namespace, Policies, Principal, Token
from strongroom.domain.times import DAY_US, rfc3339
from strongroom.ports.ledger import Ledger
from strongroom.ports.provider import NamespaceHandle, Provider
from strongroom.ports.randomness import Randomness
from strongroom.ports.store import Write
from strongroom.services.authorize import Authorizer, Permit, Visit
from strongroom.services.books import Books, Details, change, creation
from strongroom.services.facts import Facts, NamespaceFact
from strongroom.services.sealing import Sealing

FIRST = "default"
ADMINISTRATOR = "admin"
_TOKEN_US = 90 * DAY_US


class Place(msgspec.Struct, frozen=True):
    """Where a namespace stands, as of `Namespace`."""

    region: str = ""
    account: bytes = b""
    regions: dict[str, bytes] = {}


_EVERYWHERE = Place()


class Tenants:
    """The namespaces of the deployment."""

    def __init__(  # noqa: PLR0913 - what a service is made of
        self,
        *,
        facts: Facts,
        authorizer: Authorizer,
        books: Books,
        ledger: Ledger,
        provider: Provider,
        randomness: Randomness,
    ) -> None:
        self._facts = facts
        self._authorizer = authorizer
        self._books = books
        self._ledger = ledger
        self._provider = provider
        self._randomness = randomness

    async def create(self, visit: Visit, ask: asks.CreateNamespace) -> asks.NamespaceCreated:
        """A new namespace, and the token of its administrator, shown this once.

        Raises `AlreadyExists`, too, when another namespace stands for that Region of the account.
        """
        permit = self._from_the_first(visit)
        namespace_id = self._randomness.bytes(16)
        place, claims = await self._placed(permit, ask, namespace_id)
        made = found_namespace(
            self._facts.sealing, self._provider, namespace_id, ask.name,
            request=visit.request, now_us=visit.time_us, place=place,
        )  # fmt: skip
        principal, token, text = found_principal(
            self._facts.sealing, self._randomness, namespace_id, ADMINISTRATOR, ["administrator"],
            request=visit.request, now_us=visit.time_us,
        )  # fmt: skip
        await self._books.allowed(
            permit,
            {"created": ask.name, "token": token.name} | _details(ask),
            writes=(*(creation(record) for record in (*made, principal, token)), *claims),
        )
        return asks.NamespaceCreated(
            name=ask.name,
            id=namespace_id.hex(),
            created=rfc3339(visit.time_us),
            administrator=ADMINISTRATOR,
            token=text,
        )

    async def list(self, visit: Visit, ask: asks.Page) -> asks.NamespacePage:
        """A page of namespaces, by name."""
        permit = self._from_the_first(visit)
        records = await self._ledger.page(Kind.NAMESPACE, b"", ask.page_token, ask.limit + 1)
        views = []
        for record in records[: ask.limit]:
            body = self._facts.sealing.open(record, Namespace, expected=(Kind.NAMESPACE, record.id))
            views.append(
                asks.NamespaceView(
                    record.name, record.id.hex(), rfc3339(body.created_us),
                    account_of(body.account or record.id), body.region,
                )
            )  # fmt: skip
        await self._books.allowed(permit, {"count": len(views)})
        return asks.NamespacePage(views, views[-1].name if len(records) > ask.limit else "")

    async def _placed(
        self, permit: Permit, ask: asks.CreateNamespace, namespace_id: bytes
    ) -> tuple[Place, tuple[Write, ...]]:
        """Where a new namespace stands, and what must be written for nobody else to stand there.

        All of an account's Regions are in its first namespace's record, which every new one
        changes: of two at once, one is refused.
        """
        if ask.region is UNSET:
            if ask.account_of is not UNSET:
                raise InvalidRequest("account_of needs a region, too", "$.region")
            return Place(), ()
        if ask.account_of is UNSET:
            return Place(ask.region, regions={ask.region: namespace_id}), ()
        home = await self._home(permit.visit, ask.account_of)
        regions = home.body.regions
        if not regions:
            raise InvalidRequest(
                f"{ask.account_of} answers in every Region: none can stand beside it",
                "$.account_of",
            )
        if ask.region in regions:
            raise AlreadyExists("a namespace stands for that Region of the account already")
        body = msgspec.structs.replace(home.body, regions={**regions, ask.region: namespace_id})
        record = self._facts.sealing.seal(
            Kind.NAMESPACE, home.id, body, namespace=b"", name=home.name,
            revision=home.revision + 1, request=permit.visit.request,
        )  # fmt: skip
        return Place(ask.region, account=home.id), (change(record),)

    async def _home(self, visit: Visit, name: str) -> NamespaceFact:
        """The first namespace of that one's account. Raises `NotFound`."""
        record = await self._ledger.find(Kind.NAMESPACE, b"", name)
        if record is None:
            raise NotFound
        namespace = await self._facts.namespace(record.id)
        home = await self._facts.namespace(namespace.home)
        visit.facts += [namespace.fact, home.fact]
        return home

    def _from_the_first(self, visit: Visit) -> Permit:
        permit = self._authorizer.permit(visit, Resource.NAMESPACE)
        if permit.namespace.name != FIRST:
            visit.missing = f"namespaces are made and listed from the namespace {FIRST} only"
            raise NotAllowed
        return permit


def _details(ask: asks.CreateNamespace) -> Details:
    given = {"region": ask.region, "account_of": ask.account_of}
    return {name: value for name, value in given.items() if value is not UNSET}


def found_namespace(  # noqa: PLR0913 - what a namespace is made of
    sealing: Sealing,
    provider: Provider,
    namespace_id: bytes,
    name: str,
    *,
    request: str,
    now_us: int,
    place: Place = _EVERYWHERE,
) -> tuple[Record, Record]:
    """The records of a new namespace: itself, and its policies, of which there are none yet."""
    wrapped = provider.generate_namespace_key(sealing.namespace_binding(namespace_id))
    body = Namespace(
        wrapped, now_us, region=place.region, account=place.account, regions=place.regions
    )
    return (
        sealing.seal(
            Kind.NAMESPACE, namespace_id, body, namespace=b"", name=name, request=request,
        ),
        sealing.seal(
            Kind.POLICIES, namespace_id, Policies({}, {}), namespace=namespace_id, request=request
        ),
    )  # fmt: skip


def found_principal(  # noqa: PLR0913 - what an identity is made of
    sealing: Sealing,
    randomness: Randomness,
    namespace_id: bytes,
    name: str,
    roles: list[str],
    *,
    request: str,
    now_us: int,
) -> tuple[Record, Record, str]:
    """The records of a new principal and its first token, and the token's text."""
    principal_id = randomness.bytes(16)
    body = Principal(roles=sorted(roles), description="", disabled=False, created_us=now_us)
    token_id = randomness.bytes(tokens.ID_BYTES)
    text = tokens.spell(token_id, randomness.bytes(tokens.SECRET_BYTES))
    token = Token(
        principal=principal_id,
        principal_name=name,
        hash=tokens.digest(text),
        description="the first token",
        revoked=False,
        created_us=now_us,
        expires_us=now_us + _TOKEN_US,
    )
    return (
        sealing.seal(
            Kind.PRINCIPAL, principal_id, body, namespace=namespace_id, name=name, request=request
        ),
        sealing.seal(
            Kind.TOKEN, token_id, token,
            namespace=namespace_id, name=tokens.text_id(token_id), request=request,
        ),
        text,
    )  # fmt: skip


def found_access_key(  # noqa: PLR0913 - what an access key is made of
    sealing: Sealing,
    handle: NamespaceHandle,
    randomness: Randomness,
    owner: Record,
    *,
    request: str,
    now_us: int,
) -> tuple[Record, str, str]:
    """The record of an access key of that principal, its id and its secret."""
    token_id = randomness.bytes(tokens.ID_BYTES)
    secret = tokens.spell_access_secret(randomness.bytes(tokens.ACCESS_SECRET_BYTES))
    binding = sealing.access_key_binding(owner.namespace, token_id)
    body = Token(
        principal=owner.id,
        principal_name=owner.name,
        hash=b"",
        description="the first access key",
        revoked=False,
        created_us=now_us,
        expires_us=now_us + _TOKEN_US,
        secret=handle.conceal(secret.encode(), binding),
    )
    record = sealing.seal(
        Kind.TOKEN, token_id, body,
        namespace=owner.namespace, name=tokens.text_id(token_id), request=request,
    )  # fmt: skip
    return record, tokens.access_key_id(token_id), secret
