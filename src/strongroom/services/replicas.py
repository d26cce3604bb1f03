"""Multi-Region keys: replicate one to another Region, and move the primary there.

The steps of both, numbered below:

1. The right here is weighed, and the state of the key is looked at: it is an active primary.
2. The right there is weighed: for the principal of the same name in the other Region's namespace.
3. Material goes from one namespace key to the other, inside the provider. Imported material stays:
   what goes there is how the same is known again (`related_imports.py`).
4. One commit has the rows of both namespaces, and an entry in each one's trail.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
from msgspec import UNSET

from strongroom.domain import asks, limits
from strongroom.domain.errors import (
    AlreadyExists,
    InvalidRequest,
    KeyNotUsable,
    NotAllowed,
    TamperedRecord,
    TooLarge,
)
from strongroom.domain.lifecycle import Use, allows, state_at
from strongroom.domain.multi_region import NO_PRIMARY, NO_RELATIVES
from strongroom.domain.operations import OPERATIONS
from strongroom.domain.records import Kind, Ref
from strongroom.domain.things import Key, Origin, Version, version_id, waits
from strongroom.ports.ledger import Ledger
from strongroom.ports.randomness import Randomness
from strongroom.ports.store import Write
from strongroom.services.authorize import Authorizer, Permit, Visit
from strongroom.services.books import Books
from strongroom.services.facts import Facts, KeyFact, NamespaceFact
from strongroom.services.key_policies import KeyPolicies
from strongroom.services.keyring import Keyring
from strongroom.services.profiles import on_profile
from strongroom.services.related import Family, Place, family_of, is_replica, rewrapped
from strongroom.services.related_imports import unarrived, waiting_number
from strongroom.services.rows import key_row, new_key_row, new_version_row
from strongroom.services.views import Views

_AT_ONCE = 50  # versions loaded together


class Replicas:
    """What there is of a multi-Region key in which Region."""

    def __init__(  # noqa: PLR0913 - what a service is made of
        self,
        *,
        facts: Facts,
        authorizer: Authorizer,
        keyring: Keyring,
        books: Books,
        ledger: Ledger,
        randomness: Randomness,
        views: Views,
        key_policies: KeyPolicies,
    ) -> None:
        self._facts = facts
        self._authorizer = authorizer
        self._keyring = keyring
        self._books = books
        self._ledger = ledger
        self._randomness = randomness
        self._views = views
        self._key_policies = key_policies

    async def replicate(self, visit: Visit, ask: asks.ReplicateKey) -> asks.KeyView:
        """The key in another Region: other rights, labels and state there, the same material.

        A replica of an imported key waits for it to be imported there, too.

        Raises `AlreadyExists` when there is one already, or another key of that name.
        """
        permit = await self._authorizer.permit_key(visit, visit.target, {})  # 1
        family = await self._primarys(visit, permit.known_key())
        await self._keyring.whole(permit)
        key = self._keyring.free(permit, Use.REPLICATE)
        if not key.body.current_version:
            raise KeyNotUsable("the key has no material yet: import it")
        if ask.region in (family.first.body.primary, *family.replicas):
            raise AlreadyExists("the key is in that Region already")
        name = key.name if ask.name is UNSET else ask.name
        other = await self._there(visit, "key.create", ask.region)
        with _on_record(visit, other):
            created = self._authorizer.permit_new_key(
                other, name, key.body.algorithm, ask.labels, with_policy=bool(ask.policy)
            )  # 2
        there = created.namespace
        on_profile(there.body.profile, key.body.algorithm)
        replica_id = self._randomness.bytes(16)
        body = _replica(key.body, ask, visit.time_us)
        row = new_key_row(
            self._facts.sealing, replica_id, body,
            namespace=there.id, name=name, request=visit.request,
        )  # fmt: skip
        await self._key_policies.check(
            created, KeyFact(row.record, body), ask.policy, bypass=ask.bypass_lockout_check
        )
        writes = (
            row,
            *await self._versions(permit, key, there, replica_id),  # 3
            self._enlisted(visit, family.first, ask.region, replica_id),
        )  # fmt: skip
        details = {
            "algorithm": body.algorithm, "purpose": body.purpose, "origin": body.origin,
            "multi_region": body.multi_region.hex(),
        }  # fmt: skip
        entry = self._books.also(created, {**details}, version=body.current_version)
        await self._books.allowed(
            permit, {"region": ask.region, "replica": name}, version=body.current_version,
            writes=writes, also=(entry,),
        )  # 4 # fmt: skip
        return await self._views.added(name, writes)

    async def move_primary(self, visit: Visit, region: str) -> asks.KeyView:
        """The replica in that Region is the primary from now on; the former one follows it."""
        permit = await self._authorizer.permit_key(visit, visit.target, {})  # 1
        family = await self._primarys(visit, permit.known_key())
        if region == family.first.body.primary:
            raise InvalidRequest("the key is the primary there already", "$.primary_region")
        await self._keyring.whole(permit)
        key = self._keyring.free(permit, Use.REPLICATE)
        replica = family.replicas.get(region)
        other = await self._there(visit, "key.update", region)
        with _on_record(visit, other):
            named = await self._authorizer.permit_key(
                other, "" if replica is None else replica.name, {}
            )  # 2
        if replica is None:
            raise InvalidRequest("the key has no replica in that Region", "$.primary_region")
        if not allows(state_at(replica.body, visit.time_us), Use.REPLICATE):
            raise KeyNotUsable("the replica's state does not allow this: enable it first")
        await self._require_its_material(visit, family, key, replica)
        writes = self._moved(visit, family, key, replica, region)
        also = self._books.also(named, {"changed": ["primary_region"], "primary_region": region})
        view = await self._views.whole(key, writes)
        await self._books.allowed(
            permit, {"changed": ["primary_region"], "primary_region": region}, writes=writes,
            also=(also,),
        )  # 4 # fmt: skip
        return view

    async def _primarys(self, visit: Visit, key: KeyFact) -> Family:
        family = await family_of(self._facts, key, visit.facts)
        if family is None:
            raise KeyNotUsable(NO_RELATIVES)
        if is_replica(family, key):
            raise KeyNotUsable(NO_PRIMARY)
        return family

    async def _require_its_material(
        self, visit: Visit, family: Family, key: KeyFact, replica: KeyFact
    ) -> None:
        """Raises `KeyNotUsable` for a replica that lacks what the primary is to have, or has more.

        What waits does so as long as the primary has it, so it must not be given up by the move.
        Nor must what the primary gave up wait again.
        """
        if visit.terms.whole and await self._keyring.lacking(visit, replica):
            raise KeyNotUsable("the replica lacks some of its material: import it first")
        last = key.body.waiting_version
        if not last:
            return
        alive = await waiting_number(self._facts, key, family, visit.facts, visit.time_us)
        version = await self._facts.version(replica, last)
        if version is None:
            raise TamperedRecord
        visit.facts.append(version.fact)
        there = waits(version.body, visit.time_us)
        if alive and not there:
            raise KeyNotUsable(
                "the key's next material is not in that Region yet: import it there first, or"
                " delete it here"
            )
        if there and not alive:
            raise KeyNotUsable(
                f"version {last} of the key was given up, and its material is still in that Region:"
                " delete it there first"
            )

    async def _there(self, visit: Visit, operation: str, region: str) -> Visit:
        other = await self._authorizer.elsewhere(visit, OPERATIONS[operation], region)
        if other is None:
            raise InvalidRequest("no namespace of this account stands for that Region")
        return other

    async def _versions(
        self, permit: Permit, key: KeyFact, there: NamespaceFact, replica_id: bytes
    ) -> list[Write]:
        sealing, last = self._facts.sealing, key.body.last_version
        source = Place(permit.namespace.handle, key.namespace, key.id)
        to = Place(there.handle, there.id, replica_id)
        writes: list[Write] = []
        size = 0
        for first in range(1, last + 1, _AT_ONCE):
            numbers = range(first, min(first + _AT_ONCE, last + 1))
            refs = [Ref(Kind.VERSION, version_id(key.id, number)) for number in numbers]
            permit.visit.facts += [ref.fact for ref in refs]
            for number, record in zip(numbers, await self._ledger.load(refs), strict=True):
                if record is None:
                    raise TamperedRecord
                size += len(record.body)
                if size > limits.BACKUP_BYTES_MAX:
                    raise TooLarge("the key has too many versions; destroy old ones first")
                expected = (Kind.VERSION, version_id(key.id, number))
                body = sealing.open(record, Version, expected=expected)
                if key.body.origin is Origin.IMPORTED:
                    moved = unarrived(
                        sealing, body, number, key.body, source, to, now_us=permit.visit.time_us
                    )
                else:
                    moved = rewrapped(sealing, body, number, key.body, source, to)
                writes.append(
                    new_version_row(
                        sealing, replica_id, number, moved,
                        namespace=there.id, request=permit.visit.request,
                    )
                )  # fmt: skip
        return writes

    def _enlisted(self, visit: Visit, first: KeyFact, region: str, replica_id: bytes) -> Write:
        related = {**first.body.related, region: replica_id}
        body = msgspec.structs.replace(first.body, related=related)
        return key_row(self._facts.sealing, first, body, visit.request)

    def _moved(
        self, visit: Visit, family: Family, key: KeyFact, replica: KeyFact, region: str
    ) -> tuple[Write, ...]:
        """The rows: who is the primary is in the first key's, the rotation in the primary's."""
        keys = {one.id: one for one in (key, replica, family.first)}
        bodies = {key_id: one.body for key_id, one in keys.items()}
        turns = key.body
        bodies[key.id] = msgspec.structs.replace(
            bodies[key.id], rotation_days=0, rotation_uses=0, rotates_us=0, rotations_by_hand=0
        )
        bodies[replica.id] = msgspec.structs.replace(
            bodies[replica.id], rotation_days=turns.rotation_days,
            rotation_uses=turns.rotation_uses, rotates_us=turns.rotates_us,
            rotations_by_hand=turns.rotations_by_hand,
        )  # fmt: skip
        first = family.first.id
        bodies[first] = msgspec.structs.replace(bodies[first], primary=region)
        return tuple(
            key_row(self._facts.sealing, keys[key_id], body, visit.request)
            for key_id, body in bodies.items()
        )


@contextmanager
def _on_record(visit: Visit, other: Visit) -> Iterator[None]:
    """A refusal there is on record here, with what was missing."""
    try:
        yield
    except NotAllowed:
        visit.missing, visit.verdict = other.missing, other.verdict
        raise


def _replica(body: Key, ask: asks.ReplicateKey, now_us: int) -> Key:
    """What a replica begins with: the primary's rules, but for what is its own."""
    return msgspec.structs.replace(
        body, labels=dict(ask.labels), description=ask.description, created_us=now_us,
        deletion_protection=False, rotation_days=0, rotation_uses=0, rotates_us=0,
        rotations_by_hand=0, primary="", related={}, policy=ask.policy, granted=False,
    )  # fmt: skip
