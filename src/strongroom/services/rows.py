"""The rows of keys and versions, sealed, each with the time at which it needs attention."""

from functools import partial

from strongroom.domain.algorithms import Algorithm
from strongroom.domain.lifecycle import State
from strongroom.domain.records import Kind
from strongroom.domain.things import Key, Version, version_id
from strongroom.ports.provider import Generated, NamespaceHandle
from strongroom.ports.store import Write
from strongroom.services import offload
from strongroom.services.facts import KeyFact, VersionFact
from strongroom.services.sealing import Sealing


def new_key_row(  # noqa: PLR0913 - where a key stands
    sealing: Sealing, key_id: bytes, body: Key, *, namespace: bytes, name: str, request: str
) -> Write:
    """A key that was not there."""
    record = sealing.seal(Kind.KEY, key_id, body, namespace=namespace, name=name, request=request)
    return Write(record, 0, body.due_us)


def key_row(sealing: Sealing, key: KeyFact, body: Key, request: str) -> Write:
    """The next revision of a key."""
    record = sealing.seal(
        Kind.KEY, key.id, body, namespace=key.namespace, name=key.name,
        revision=key.revision + 1, request=request,
    )  # fmt: skip
    return Write(record, key.revision, body.due_us)


def new_version_row(  # noqa: PLR0913 - where a version stands
    sealing: Sealing, key_id: bytes, number: int, body: Version, *, namespace: bytes, request: str
) -> Write:
    """A version that was not there."""
    record = sealing.seal(
        Kind.VERSION, version_id(key_id, number), body, namespace=namespace, request=request
    )
    return Write(record, 0, body.due_us)


def version_row(
    sealing: Sealing, key: KeyFact, version: VersionFact, body: Version, request: str
) -> Write:
    """The next revision of a version."""
    record = sealing.seal(
        Kind.VERSION, version_id(key.id, version.number), body, namespace=key.namespace,
        revision=version.revision + 1, request=request,
    )  # fmt: skip
    return Write(record, version.revision, body.due_us)


async def generated(  # noqa: PLR0913 - where a version stands
    sealing: Sealing,
    handle: NamespaceHandle,
    *,
    namespace: bytes,
    key_id: bytes,
    key: Key,
    number: int,
    now_us: int,
) -> Version:
    """A version with new material."""
    binding = binding_of(sealing, namespace, key_id, key, number)
    made = await offload.made(key.algorithm, partial(handle.generate, key.algorithm, binding))
    return version_of(key.algorithm, made, now_us)


def binding_of(sealing: Sealing, namespace: bytes, key_id: bytes, key: Key, number: int) -> bytes:
    """What the material of that version is wrapped with."""
    return sealing.version_binding(
        namespace=namespace, key=key_id, version=number, purpose=key.purpose,
        algorithm=key.algorithm,
    )  # fmt: skip


def version_of(algorithm: Algorithm, made: Generated, now_us: int) -> Version:
    """The body of a version with that material."""
    return Version(
        algorithm=algorithm,
        state=State.ACTIVE,
        wrapped=made.wrapped,
        created_us=now_us,
        public=made.public,
    )
