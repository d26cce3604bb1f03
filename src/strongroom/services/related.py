"""Related keys: a multi-Region key's primary and its replicas, each in the namespace of its Region.

The row of the first of them says who they are. Whoever changes the set, or what all have in common
(the material, who is the primary), writes or stands on that row, so of two changes at once one is
decided again.
"""

from typing import NamedTuple

import msgspec

from strongroom.domain.errors import KeyNotUsable, TamperedRecord
from strongroom.domain.lifecycle import State
from strongroom.domain.multi_region import REPLICA
from strongroom.domain.things import Key, Version
from strongroom.domain.times import DAY_US
from strongroom.ports.provider import NamespaceHandle
from strongroom.ports.store import Entry, Write
from strongroom.services.entries import STEWARD, deed
from strongroom.services.facts import Facts, KeyFact
from strongroom.services.rows import binding_of, key_row, new_version_row
from strongroom.services.sealing import Sealing


class Family(NamedTuple):
    """Keys that are related, without those that were destroyed. `replicas` by Region."""

    first: KeyFact
    primary: KeyFact | None
    replicas: dict[str, KeyFact]


class Elsewhere(NamedTuple):
    """What a change of a key does to its relatives: rows, the facts it stands on, entries."""

    writes: tuple[Write, ...] = ()
    facts: tuple[bytes, ...] = ()
    also: tuple[Entry, ...] = ()


class Place(NamedTuple):
    """Where a key's material is at rest: the key, and whose namespace key wraps it."""

    handle: NamespaceHandle
    namespace: bytes
    key: bytes


async def family_of(facts: Facts, key: KeyFact, stands_on: list[bytes]) -> Family | None:
    """The key's family; None: it is no multi-Region key. Adds what it rests on to `stands_on`."""
    if not key.body.multi_region:
        return None
    first = await facts.key(key.body.multi_region)
    if first is None:
        raise TamperedRecord
    stands_on.append(first.fact)
    members: dict[str, KeyFact] = {}
    for region, key_id in first.body.related.items():
        member = await facts.key(key_id)
        if member is None or member.body.multi_region != first.id:
            raise TamperedRecord
        stands_on.append(member.fact)
        if member.body.state is not State.DESTROYED:
            members[region] = member
    return Family(first, members.pop(first.body.primary, None), members)


def is_replica(family: Family | None, key: KeyFact) -> bool:
    """Whether the key follows another one."""
    return family is not None and (family.primary is None or family.primary.id != key.id)


def rewrapped(  # noqa: PLR0913 - from where to where
    sealing: Sealing, body: Version, number: int, key: Key, source: Place, to: Place
) -> Version:
    """A version of one key as the same version of a relative: its material stays in the provider.

    A version without material stays without.
    """
    if not body.wrapped:
        return body
    here = binding_of(sealing, source.namespace, source.key, key, number)
    there = binding_of(sealing, to.namespace, to.key, key, number)
    wrapped = source.handle.move(body.wrapped, here, to.handle, there)
    return msgspec.structs.replace(body, wrapped=wrapped)


async def rotated_elsewhere(  # noqa: PLR0913 - what a rotation is made of
    facts: Facts, key: KeyFact, source: Place, version: Version, *, request: str, now_us: int
) -> Elsewhere:
    """The primary's new version for all its replicas, whatever their states.

    A ciphertext of it opens everywhere from the moment at which there is one. Raises
    `KeyNotUsable` for a replica.
    """
    stands_on: list[bytes] = []
    family = await family_of(facts, key, stands_on)
    if family is None:
        return Elsewhere()
    if is_replica(family, key):
        raise KeyNotUsable(REPLICA)
    number = key.body.current_version + 1
    writes: list[Write] = []
    also: list[Entry] = []
    for replica in family.replicas.values():
        there = await facts.namespace(replica.namespace)
        stands_on.append(there.fact)
        to = Place(there.handle, there.id, replica.id)
        moved = rewrapped(facts.sealing, version, number, key.body, source, to)
        body = msgspec.structs.replace(replica.body, current_version=number)
        writes += [
            key_row(facts.sealing, replica, body, request),
            new_version_row(
                facts.sealing, replica.id, number, moved, namespace=there.id, request=request
            ),
        ]
        also.append(
            deed(
                "key.rotate", {}, about=replica.object, version=number, principal=STEWARD,
                namespace=there.name, namespace_id=there.id, request=request, now_us=now_us,
            )
        )  # fmt: skip
    return Elsewhere(tuple(writes), tuple(stands_on), tuple(also))


async def without(facts: Facts, key: KeyFact, destroyed: Key, request: str) -> Elsewhere:
    """The rows of a key that is destroyed, and of its relatives without it.

    `writes` has the key's own row. If it was the last replica of a primary that waits, the waiting
    time of that one begins.
    """
    sealing, stands_on = facts.sealing, list[bytes]()
    family = await family_of(facts, key, stands_on)
    if family is None:
        return Elsewhere((key_row(sealing, key, destroyed, request),))
    facts_of = {key.id: key, family.first.id: family.first}
    bodies = {family.first.id: family.first.body, key.id: destroyed}
    related = {
        region: key_id
        for region, key_id in bodies[family.first.id].related.items()
        if key_id != key.id
    }
    first = msgspec.structs.replace(bodies[family.first.id], related=related)
    bodies[family.first.id] = first
    also: tuple[Entry, ...] = ()
    primary = family.primary
    left = [one for one in family.replicas.values() if one.id != key.id]
    if primary is not None and primary.id != key.id and primary.body.waits_days and not left:
        facts_of[primary.id] = primary
        waits = bodies.get(primary.id, primary.body)
        begun, days = destroyed.destroyed_us, waits.waits_days
        bodies[primary.id] = msgspec.structs.replace(
            waits, waits_days=0, destroys_us=begun + days * DAY_US
        )
        there = await facts.namespace(primary.namespace)
        also = (
            deed(
                "key.schedule-destruction", {"days": days, "state": waits.state},
                about=primary.object, principal=STEWARD, namespace=there.name,
                namespace_id=there.id, request=request, now_us=begun,
            ),
        )  # fmt: skip
    writes = tuple(key_row(sealing, facts_of[one], bodies[one], request) for one in bodies)
    return Elsewhere(writes, tuple(stands_on), also)
