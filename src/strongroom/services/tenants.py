"""Namespaces: make one with its administrator, list them. Only from the first namespace."""

from strongroom.domain import asks, tokens
from strongroom.domain.errors import NotAllowed
from strongroom.domain.operations import Resource
from strongroom.domain.records import Kind, Record
from strongroom.domain.things import Namespace, Policies, Principal, Token
from strongroom.domain.times import DAY_US, rfc3339
from strongroom.ports.ledger import Ledger
from strongroom.ports.provider import NamespaceHandle, Provider
from strongroom.ports.randomness import Randomness
from strongroom.services.authorize import Authorizer, Permit, Visit
from strongroom.services.books import Books, creation
from strongroom.services.facts import Facts
from strongroom.services.sealing import Sealing

FIRST = "default"
ADMINISTRATOR = "admin"
_TOKEN_US = 90 * DAY_US


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
        """A new namespace, and the token of its administrator, shown this once."""
        permit = self._from_the_first(visit)
        namespace_id = self._randomness.bytes(16)
        made = found_namespace(
            self._facts.sealing, self._provider, namespace_id, ask.name,
            request=visit.request, now_us=visit.time_us,
        )  # fmt: skip
        principal, token, text = found_principal(
            self._facts.sealing, self._randomness, namespace_id, ADMINISTRATOR, ["administrator"],
            request=visit.request, now_us=visit.time_us,
        )  # fmt: skip
        await self._books.allowed(
            permit,
            {"created": ask.name, "token": token.name},
            writes=tuple(creation(record) for record in (*made, principal, token)),
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
            views.append(asks.NamespaceView(record.name, record.id.hex(), rfc3339(body.created_us)))
        await self._books.allowed(permit, {"count": len(views)})
        return asks.NamespacePage(views, views[-1].name if len(records) > ask.limit else "")

    def _from_the_first(self, visit: Visit) -> Permit:
        permit = self._authorizer.permit(visit, Resource.NAMESPACE)
        if permit.namespace.name != FIRST:
            visit.missing = f"namespaces are made and listed from the namespace {FIRST} only"
            raise NotAllowed
        return permit


def found_namespace(  # noqa: PLR0913 - what a namespace is made of
    sealing: Sealing,
    provider: Provider,
    namespace_id: bytes,
    name: str,
    *,
    request: str,
    now_us: int,
) -> tuple[Record, Record]:
    """The records of a new namespace: itself, and its policies, of which there are none yet."""
    wrapped = provider.generate_namespace_key(sealing.namespace_binding(namespace_id))
    return (
        sealing.seal(
            Kind.NAMESPACE, namespace_id, Namespace(wrapped, now_us),
            namespace=b"", name=name, request=request,
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
