"""Keys: make, describe, change, rotate, disable, enable."""

from functools import partial

import msgspec
from msgspec import UNSET

from strongroom.domain import asks, lifecycle
from strongroom.domain.algorithms import ALGORITHMS
from strongroom.domain.events import rfc3339
from strongroom.domain.lifecycle import State, Transition, Use
from strongroom.domain.operations import Resource
from strongroom.domain.records import Kind, Record
from strongroom.domain.things import Key, Origin, Protection, Version, version_id
from strongroom.ports.ledger import Ledger
from strongroom.ports.randomness import Randomness
from strongroom.services import offload
from strongroom.services.authorize import Authorizer, Keyring, Permit, Visit
from strongroom.services.books import Books, Details, change, creation
from strongroom.services.facts import Facts, KeyFact, NamespaceFact

_VERSIONS_SHOWN = 100


class Keys:
    """The life of keys."""

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

    async def create(self, visit: Visit, ask: asks.CreateKey) -> asks.KeyView:
        """A new key with its first version. Raises `AlreadyExists` when the name is taken."""
        permit = self._authorizer.permit_new_key(visit, ask.name, ask.algorithm, ask.labels)
        key_id = self._randomness.bytes(16)
        key = Key(
            algorithm=ask.algorithm,
            protection=Protection.SOFTWARE,
            origin=Origin.GENERATED,
            state=State.ACTIVE,
            current_version=1,
            labels=dict(ask.labels),
            description=ask.description,
            created_us=visit.time_us,
            purpose=ALGORITHMS[ask.algorithm].purpose if ask.purpose is UNSET else ask.purpose,
        )
        record = self._facts.sealing.seal(
            Kind.KEY,
            key_id,
            key,
            namespace=permit.namespace.id,
            name=ask.name,
            request=visit.request,
        )
        version = await self._new_version(permit.namespace, key_id, key, 1, visit)
        await self._books.allowed(
            permit,
            {"algorithm": ask.algorithm, "purpose": key.purpose},
            version=1,
            writes=(creation(record), creation(version)),
        )
        return _view(key_id, ask.name, key, 1, [_version_view(version, self._facts)])

    async def list(self, visit: Visit, ask: asks.Page) -> asks.KeyPage:
        """A page of keys, by name."""
        permit = self._authorizer.permit(visit, Resource.NAMESPACE)
        records = await self._ledger.page(
            Kind.KEY, permit.namespace.id, ask.page_token, ask.limit + 1
        )
        shown = records[: ask.limit]
        views = [
            _view(record.id, record.name, self._open(record, permit), record.revision)
            for record in shown
        ]
        await self._books.allowed(permit, {"count": len(views)})
        more = shown[-1].name if len(records) > ask.limit else ""
        return asks.KeyPage(views, more)

    async def read(self, visit: Visit, ask: asks.Nothing) -> asks.KeyView:
        """A key with its newest versions."""
        del ask
        permit = await self._authorizer.permit_key(visit, visit.target, {})
        key = permit.known_key()
        view = await self._whole(key)
        await self._books.allowed(permit)
        return view

    async def update(self, visit: Visit, ask: asks.UpdateKey) -> asks.KeyView:
        """Other labels, another description."""
        permit = await self._authorizer.permit_key(visit, visit.target, {})
        given = {name: value for name in ("labels", "description")
                 if (value := getattr(ask, name)) is not UNSET}  # fmt: skip
        body = msgspec.structs.replace(permit.known_key().body, **given)
        return await self._changed(permit, body, {"changed": sorted(given)})

    async def rotate(self, visit: Visit, ask: asks.Nothing) -> asks.KeyView:
        """A new current version. The old ones go on decrypting."""
        del ask
        permit = await self._authorizer.permit_key(visit, visit.target, {})
        await self._keyring.usable(permit, Use.ROTATE)
        key = permit.known_key()
        number = key.body.current_version + 1
        body = msgspec.structs.replace(key.body, current_version=number)
        version = await self._new_version(permit.namespace, key.id, body, number, visit)
        return await self._changed(permit, body, {}, version=version, number=number)

    async def enable(self, visit: Visit, ask: asks.Nothing) -> asks.KeyView:
        """Let the key be used again."""
        del ask
        return await self._move(visit, Transition.ENABLE)

    async def disable(self, visit: Visit, ask: asks.Nothing) -> asks.KeyView:
        """Stop every use. When this has returned, no process and no node uses the key any more."""
        del ask
        return await self._move(visit, Transition.DISABLE)

    async def _move(self, visit: Visit, transition: Transition) -> asks.KeyView:
        permit = await self._authorizer.permit_key(visit, visit.target, {})
        body = permit.known_key().body
        state = lifecycle.after(body.state, transition)
        return await self._changed(
            permit, msgspec.structs.replace(body, state=state), {"state": state}
        )

    async def _changed(
        self,
        permit: Permit,
        body: Key,
        details: Details,
        *,
        version: Record | None = None,
        number: int = 0,
    ) -> asks.KeyView:
        key = permit.known_key()
        record = self._facts.sealing.seal(
            Kind.KEY,
            key.id,
            body,
            namespace=key.namespace,
            name=key.name,
            revision=key.revision + 1,
            request=permit.visit.request,
        )
        new = () if version is None else (creation(version),)
        view = await self._whole(key, body, record.revision, version)
        await self._books.allowed(permit, details, version=number, writes=(change(record), *new))
        return view

    async def _whole(
        self, key: KeyFact, body: Key | None = None, revision: int = 0, new: Record | None = None
    ) -> asks.KeyView:
        records = await self._ledger.family(Kind.VERSION, key.id, _VERSIONS_SHOWN)
        if new is not None:
            records = [new, *records][:_VERSIONS_SHOWN]
        views = [_version_view(record, self._facts) for record in records]
        return _view(key.id, key.name, body or key.body, revision or key.revision, views)

    def _open(self, record: Record, permit: Permit) -> Key:
        if record.namespace != permit.namespace.id:
            raise RuntimeError("the store answered with another namespace's record")
        return self._facts.sealing.open(record, Key, expected=(Kind.KEY, record.id))

    async def _new_version(
        self, namespace: NamespaceFact, key_id: bytes, key: Key, number: int, visit: Visit
    ) -> Record:
        binding = self._facts.sealing.version_binding(
            namespace=namespace.id,
            key=key_id,
            version=number,
            purpose=key.purpose,
            algorithm=key.algorithm,
        )
        work = partial(namespace.handle.generate, key.algorithm, binding)
        made = await offload.made(key.algorithm, work)
        body = Version(
            algorithm=key.algorithm,
            state=State.ACTIVE,
            wrapped=made.wrapped,
            created_us=visit.time_us,
            public=made.public,
        )
        return self._facts.sealing.seal(
            Kind.VERSION,
            version_id(key_id, number),
            body,
            namespace=namespace.id,
            request=visit.request,
        )


def _version_view(record: Record, facts: Facts) -> asks.VersionView:
    body = facts.sealing.open(record, Version, expected=(Kind.VERSION, record.id))
    number = int.from_bytes(record.id[16:], "big")
    return asks.VersionView(number, body.state, rfc3339(body.created_us))


def _view(
    key_id: bytes,
    name: str,
    key: Key,
    revision: int,
    versions: list[asks.VersionView] | None = None,
) -> asks.KeyView:
    return asks.KeyView(
        name=name,
        id=key_id.hex(),
        algorithm=key.algorithm,
        purpose=key.purpose,
        protection=key.protection,
        origin=key.origin,
        state=key.state,
        current_version=key.current_version,
        labels=key.labels,
        description=key.description,
        created=rfc3339(key.created_us),
        revision=revision,
        versions=UNSET if versions is None else versions,
    )
