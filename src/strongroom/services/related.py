"""Related keys: a multi-Region key's primary and its replicas, each in the namespace of its Region.

The row of the first of them says who they are. Whoever changes the set, or what all have in common
(the material, who is the primary), writes or stands on that row, so of two changes at once one is
decided again.
"""

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from strongroom.domain.errors import KeyNotUsable, TamperedRecord
from strongroom.domain.lifecycle import State
from strongroom.domain.multi_region import REPLICA
from strongroom.domain.things import Key, Version
from strongroom.domain.times import DAY_US
from strongroom.ports.provider import NamespaceHandle
from strongroom.ports.store import Entry, Write
from strongroom.services.books import Details
from strongroom.services.entries import STEWARD, deed
from strongroom.services.facts import Facts, KeyFact, NamespaceFact
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


async def place_of(
    facts: Facts, key: KeyFact, stands_on: list[bytes]
) -> tuple[NamespaceFact, Place]:
    """Where a relative is, and its material. Adds what that rests on to `stands_on`."""
    there = await facts.namespace(key.namespace)
    stands_on.append(there.fact)
    return there, Place(there.handle, there.id, key.id)


def deed_there(  # noqa: PLR0913 - what an entry is made of
    there: NamespaceFact,
    key: KeyFact,
    action: str,
    details: Details,
    *,
    request: str,
    now_us: int,
    version: int = 0,
) -> Entry:
    """The entry, in its own namespace's trail, of what a change elsewhere does to a relative."""
    return deed(
        action, details, about=key.object, version=version, principal=STEWARD,
        namespace=there.name, namespace_id=there.id, request=request, now_us=now_us,
    )  # fmt: skip


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
        there, to = await place_of(facts, replica, stands_on)
        moved = rewrapped(facts.sealing, version, number, key.body, source, to)
        body = msgspec.structs.replace(replica.body, current_version=number)
        writes += [
            key_row(facts.sealing, replica, body, request),
            new_version_row(
                facts.sealing, replica.id, number, moved, namespace=there.id, request=request
            ),
        ]
        also.append(
            deed_there(
                there, replica, "key.rotate", {}, version=number, request=request, now_us=now_us
            )
        )
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
    members = {one.id: one for one in family.replicas.values()}
    for one in (family.first, family.primary, key):
        if one is not None:
            members[one.id] = one
    bodies = {key_id: one.body for key_id, one in members.items()} | {key.id: destroyed}
    parted = part(bodies, family.first.id, key.id)
    also: tuple[Entry, ...] = ()
    if parted.begun:
        primary = members[parted.begun]
        there = await facts.namespace(primary.namespace)
        also = (
            deed_there(
                there, primary, "key.schedule-destruction", parted.details(primary.body),
                request=request, now_us=destroyed.destroyed_us,
            ),
        )  # fmt: skip
    writes = tuple(
        key_row(sealing, members[key_id], body, request) for key_id, body in parted.bodies.items()
    )
    return Elsewhere(writes, tuple(stands_on), also)


class Parted(NamedTuple):
    """What changes when a key leaves its relatives: bodies by id, its own among them.

    `begun` is the primary whose waiting time begins; empty: none does.
    """

    bodies: dict[bytes, Key]
    begun: bytes = b""

    def details(self, before: Key) -> Details:
        """What the entry of the primary says whose waiting time begins."""
        return {"days": before.waits_days, "state": before.state}


def part(members: Mapping[bytes, Key], first_id: bytes, gone_id: bytes) -> Parted:
    """Take one that is destroyed out of its family.

    `members` are the bodies by id, of those at least that were not destroyed before.
    """
    bodies = {gone_id: members[gone_id], first_id: members[first_id]}
    related = {
        region: key_id for region, key_id in members[first_id].related.items() if key_id != gone_id
    }
    primary_id = related.get(members[first_id].primary, b"")
    bodies[first_id] = msgspec.structs.replace(bodies[first_id], related=related)
    left = [
        key_id
        for key_id in related.values()
        if key_id != primary_id
        and key_id in members
        and members[key_id].state is not State.DESTROYED
    ]
    waits = members.get(primary_id)
    if waits is None or not waits.waits_days or waits.state is State.DESTROYED or left:
        return Parted(bodies)
    bodies[primary_id] = msgspec.structs.replace(
        bodies.get(primary_id, waits), waits_days=0,
        destroys_us=members[gone_id].destroyed_us + waits.waits_days * DAY_US,
    )  # fmt: skip
    return Parted(bodies, primary_id)
