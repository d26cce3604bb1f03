"""The founding of a deployment: the first namespace and the first identities, on record."""

import msgspec

from strongroom.domain.algorithms import ALGORITHMS, DEFAULT
from strongroom.domain.events import FORMAT, Event, Outcome
from strongroom.domain.lifecycle import State
from strongroom.domain.records import Kind, Record
from strongroom.domain.things import Key, Namespace, Origin, Protection
from strongroom.domain.times import DAY_US, rfc3339
from strongroom.ports.provider import Provider
from strongroom.ports.randomness import Randomness
from strongroom.ports.store import Commit, Kept, Store, Write
from strongroom.services.books import creation, entry_of
from strongroom.services.rows import binding_of, new_key_row, new_version_row, version_of
from strongroom.services.sealing import Sealing
from strongroom.services.tenants import ADMINISTRATOR, FIRST, found_namespace, found_principal

FOUNDER = "strongroom"  # the name in the first entries: nobody has proven an identity yet


class Founded(msgspec.Struct, frozen=True):
    """The tokens of the first identities. `application` is empty outside dev mode."""

    administrator: str
    application: str = ""


def found(
    store: Store, provider: Provider, randomness: Randomness, *, now_us: int, dev: bool
) -> Founded:
    """Make the first namespace and its administrator; in dev mode also `app` and the key `demo`.

    The administrator of a dev deployment may also use keys; elsewhere the two duties are separate.
    """
    sealing = Sealing(provider, store.deployment)
    request = own_request(randomness, now_us)
    namespace_id = randomness.bytes(16)
    namespace = found_namespace(
        sealing, provider, namespace_id, FIRST, request=request, now_us=now_us
    )
    founders: list[Record] = [*namespace]
    demo: tuple[Write, ...] = ()
    roles = ["administrator", "key-user"] if dev else ["administrator"]
    principal, token, administrator = found_principal(
        sealing, randomness, namespace_id, ADMINISTRATOR, roles, request=request, now_us=now_us
    )
    founders += [principal, token]
    application = ""
    if dev:
        principal, token, application = found_principal(
            sealing, randomness, namespace_id, "app", ["key-user"], request=request, now_us=now_us
        )
        founders += [principal, token]
        demo = _demo_key(sealing, provider, randomness, namespace[0], request, now_us)
    event = Event(
        action="namespace.create",
        details={"created": FIRST},
        format=FORMAT,
        namespace=FIRST,
        object=f"namespace/{FIRST}",
        outcome=Outcome.ALLOWED,
        principal=FOUNDER,
        request=request,
        time=rfc3339(now_us),
    )
    writes = (*(creation(record) for record in founders), *demo)
    entry = entry_of(event, namespace_id, now_us, writes)
    (outcome,) = store.commit([Commit(store.epoch, (), entry, writes)])
    if not isinstance(outcome, Kept):
        raise RuntimeError("the store is not empty")  # noqa: TRY004 - not a matter of types
    return Founded(administrator, application)


def own_request(randomness: Randomness, now_us: int) -> str:
    """The id of what is done without a gate, in the form of a request's."""
    return f"{now_us // 1000:012x}" + randomness.bytes(10).hex()


def _demo_key(  # noqa: PLR0913 - what a key is made of
    sealing: Sealing,
    provider: Provider,
    randomness: Randomness,
    namespace: Record,
    request: str,
    now_us: int,
) -> tuple[Write, Write]:
    body = sealing.open(namespace, Namespace, expected=(Kind.NAMESPACE, namespace.id))
    handle = provider.open_namespace_key(body.wrapped_key, sealing.namespace_binding(namespace.id))
    key_id = randomness.bytes(16)
    key = Key(
        algorithm=DEFAULT,
        protection=Protection.SOFTWARE,
        origin=Origin.GENERATED,
        state=State.ACTIVE,
        current_version=1,
        labels={},
        description="for the tour",
        created_us=now_us,
        rotation_days=ALGORITHMS[DEFAULT].rotation_days,
        rotates_us=now_us + ALGORITHMS[DEFAULT].rotation_days * DAY_US,
    )
    binding = binding_of(sealing, namespace.id, key_id, key, 1)
    version = version_of(DEFAULT, handle.generate(DEFAULT, binding), now_us)
    return (
        new_key_row(sealing, key_id, key, namespace=namespace.id, name="demo", request=request),
        new_version_row(sealing, key_id, 1, version, namespace=namespace.id, request=request),
    )
