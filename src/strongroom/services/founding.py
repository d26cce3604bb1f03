"""The founding of a deployment: the first namespace and the first identities, on record."""

import msgspec

from strongroom.domain.algorithms import ALGORITHMS, DEFAULT
from strongroom.domain.lifecycle import State
from strongroom.domain.records import Kind, Record, Ref
from strongroom.domain.things import LOG_ID, Key, LogKeys, Namespace, Origin, Protection
from strongroom.domain.times import DAY_US
from strongroom.ports.provider import NamespaceHandle, Provider
from strongroom.ports.randomness import Randomness
from strongroom.ports.store import Commit, Kept, Store, Write
from strongroom.services.books import creation
from strongroom.services.entries import deed
from strongroom.services.log_keys import generated, log_record, open_log, origin_of
from strongroom.services.rows import binding_of, new_key_row, new_version_row, version_of
from strongroom.services.sealing import Sealing
from strongroom.services.tenants import (
    ADMINISTRATOR,
    FIRST,
    found_access_key,
    found_namespace,
    found_principal,
)

# Of the first namespace in dev mode, so that clients of clouds find the same account in each.
DEV_NAMESPACE_ID = b"strongroom-dev-0"
FOUNDER = "strongroom"  # the name in the first entries: nobody has proven an identity yet


class Founded(msgspec.Struct, frozen=True):
    """The tokens of the first identities. Outside dev mode, all but the first are empty.

    The access key is the administrator's.
    """

    administrator: str
    application: str = ""
    access_key: str = ""
    secret_access_key: str = ""


def found(  # noqa: PLR0913 - what a deployment is founded with
    store: Store,
    provider: Provider,
    randomness: Randomness,
    *,
    now_us: int,
    dev: bool,
    origin: str = "",
) -> Founded:
    """Make the first namespace, its administrator and the log's keys.

    In dev mode also `app` and the key `demo`; there the administrator may also use keys, elsewhere
    the two duties are separate. `origin` is the log's name; empty: made of the deployment's id.
    """
    sealing = Sealing(provider, store.deployment)
    request = own_request(randomness, now_us)
    namespace_id = DEV_NAMESPACE_ID if dev else randomness.bytes(16)
    namespace = found_namespace(
        sealing, provider, namespace_id, FIRST, request=request, now_us=now_us
    )
    body = sealing.open(namespace[0], Namespace, expected=(Kind.NAMESPACE, namespace_id))
    handle = provider.open_namespace_key(body.wrapped_key, sealing.namespace_binding(namespace_id))
    log = _new_log(sealing, handle, origin=origin, now_us=now_us)
    founders: list[Record] = [
        *namespace,
        log_record(sealing, log, namespace=namespace_id, request=request),
    ]
    demo: tuple[Write, ...] = ()
    roles = ["administrator", "key-user"] if dev else ["administrator"]
    principal, token, administrator = found_principal(
        sealing, randomness, namespace_id, ADMINISTRATOR, roles, request=request, now_us=now_us
    )
    founders += [principal, token]
    application = access_key = secret = ""
    if dev:
        token, access_key, secret = found_access_key(
            sealing, handle, randomness, principal, request=request, now_us=now_us
        )
        founders.append(token)
        principal, token, application = found_principal(
            sealing, randomness, namespace_id, "app", ["key-user"], request=request, now_us=now_us
        )
        founders += [principal, token]
        demo = _demo_key(sealing, handle, randomness, namespace_id, request, now_us)
    writes = (*(creation(record) for record in founders), *demo)
    entry = deed(
        "namespace.create", {"created": FIRST}, about=f"namespace/{FIRST}", principal=FOUNDER,
        namespace=FIRST, namespace_id=namespace_id, request=request, now_us=now_us, writes=writes,
    )  # fmt: skip
    (outcome,) = store.commit([Commit(store.epoch, (), entry, writes)])
    if not isinstance(outcome, Kept):
        raise RuntimeError("the store is not empty")  # noqa: TRY004 - not a matter of types
    return Founded(administrator, application, access_key, secret)


def begin_log(  # noqa: PLR0913 - what a log begins with
    store: Store,
    provider: Provider,
    randomness: Randomness,
    namespace: Record,
    *,
    now_us: int,
    origin: str = "",
) -> LogKeys:
    """The log's keys; made, on record, for a store of before there were any.

    `namespace` is the first one's record. Raises `TamperedRecord`, `StoreUnavailable`.
    """
    sealing = Sealing(provider, store.deployment)
    (record,) = store.load([Ref(Kind.LOG, LOG_ID)])
    if record is not None:
        return open_log(sealing, record)
    body = sealing.open(namespace, Namespace, expected=(Kind.NAMESPACE, namespace.id))
    handle = provider.open_namespace_key(body.wrapped_key, sealing.namespace_binding(namespace.id))
    log = _new_log(sealing, handle, origin=origin, now_us=now_us)
    request = own_request(randomness, now_us)
    writes = (creation(log_record(sealing, log, namespace=namespace.id, request=request)),)
    entry = deed(
        "log.begin", {"origin": log.name}, principal=FOUNDER, namespace=FIRST,
        namespace_id=namespace.id, request=request, now_us=now_us, writes=writes,
    )  # fmt: skip
    (outcome,) = store.commit([Commit(store.epoch, (), entry, writes)])
    if not isinstance(outcome, Kept):
        raise RuntimeError("a store that nobody else uses took a change of its own")  # noqa: TRY004 - not a matter of types
    return log


def _new_log(sealing: Sealing, handle: NamespaceHandle, *, origin: str, now_us: int) -> LogKeys:
    deployment = sealing.deployment
    return generated(
        handle, deployment, origin=origin or origin_of(deployment), generation=1, now_us=now_us
    )


def own_request(randomness: Randomness, now_us: int) -> str:
    """The id of what is done without a gate, in the form of a request's."""
    return f"{now_us // 1000:012x}" + randomness.bytes(10).hex()


def _demo_key(  # noqa: PLR0913 - what a key is made of
    sealing: Sealing,
    handle: NamespaceHandle,
    randomness: Randomness,
    namespace: bytes,
    request: str,
    now_us: int,
) -> tuple[Write, Write]:
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
    binding = binding_of(sealing, namespace, key_id, key, 1)
    version = version_of(DEFAULT, handle.generate(DEFAULT, binding), now_us)
    return (
        new_key_row(sealing, key_id, key, namespace=namespace, name="demo", request=request),
        new_version_row(sealing, key_id, 1, version, namespace=namespace, request=request),
    )
