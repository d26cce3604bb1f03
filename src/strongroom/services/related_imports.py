"""Imported multi-Region keys: what each Region has of the material, and what it waits for.

Imported material goes to no Region by itself: whoever has it brings it to each. Related keys have
versions of the same numbers, and each knows the same material again, by a fingerprint under its own
namespace's key; whether it has the material is its own affair.

What is new comes to the primary, and waits there. The replicas have a version without material from
that commit on. When it came to each of them, a rotation of the primary makes it the current one
everywhere, in one commit. What the primary has no more is given up everywhere.
"""

from typing import TYPE_CHECKING

import msgspec

from strongroom.domain.errors import KeyNotUsable, TamperedRecord
from strongroom.domain.lifecycle import IMPORT_AGAIN, State, Use, allows, state_at
from strongroom.domain.multi_region import NOT_EVERYWHERE
from strongroom.domain.things import Key, Version, has_material, waits
from strongroom.services.facts import Facts, KeyFact, VersionFact
from strongroom.services.related import (
    Elsewhere,
    Family,
    Place,
    deed_there,
    family_of,
    is_replica,
    place_of,
    rewrapped,
)
from strongroom.services.rows import binding_of, key_row, new_version_row, version_row
from strongroom.services.sealing import Sealing

if TYPE_CHECKING:
    from strongroom.ports.store import Entry, Write

# Versions that nobody can import again, in whichever Region.
_GIVEN_UP = frozenset({State.PRE_ACTIVATION, State.DEACTIVATED, State.COMPROMISED, State.DESTROYED})


def unarrived(  # noqa: PLR0913 - from where to where
    sealing: Sealing,
    body: Version,
    number: int,
    key: Key,
    source: Place,
    to: Place,
    *,
    now_us: int,
) -> Version:
    """A version of one key as a relative has it before its material comes there: without.

    The material is wrapped for the other place inside the provider, to take its fingerprint there,
    and nothing of it is kept. Raises `KeyNotUsable` where there is none to take it of.
    """
    bare = msgspec.structs.replace(body, wrapped=b"", fingerprint=b"", expires_us=0, description="")
    if not has_material(body, now_us):
        if body.state in _GIVEN_UP:
            return bare
        raise KeyNotUsable(f"the material of version {number} of the key is gone; {IMPORT_AGAIN}")
    moved = rewrapped(sealing, body, number, key, source, to)
    there = binding_of(sealing, to.namespace, to.key, key, number)
    fingerprint = to.handle.fingerprint(body.algorithm, moved.wrapped, there, body.public)
    return msgspec.structs.replace(bare, fingerprint=fingerprint)


async def waiting_number(
    facts: Facts, key: KeyFact, family: Family | None, stands_on: list[bytes], now_us: int
) -> int:
    """The version that the next rotation makes the current one, here or in all Regions; 0: none.

    It is there as long as the primary has its material. Adds what that rests on to `stands_on`.
    """
    holder = family.primary if family is not None and is_replica(family, key) else key
    if holder is None or not holder.body.waiting_version:
        return 0
    version = await _version(facts, holder, holder.body.waiting_version, stands_on)
    return version.number if waits(version.body, now_us) else 0


async def announced(  # noqa: PLR0913 - what a new version is made of
    facts: Facts,
    key: KeyFact,
    family: Family,
    source: Place,
    number: int,
    version: Version,
    *,
    request: str,
    now_us: int,
) -> Elsewhere:
    """The primary's new version in all its replicas: it waits for its material there."""
    sealing, stands_on = facts.sealing, list[bytes]()
    writes: list[Write] = []
    also: list[Entry] = []
    for replica in family.replicas.values():
        there, to = await place_of(facts, replica, stands_on)
        bare = unarrived(sealing, version, number, key.body, source, to, now_us=now_us)
        body = msgspec.structs.replace(replica.body, waiting_version=number)
        writes += [
            key_row(sealing, replica, body, request),
            new_version_row(sealing, replica.id, number, bare, namespace=there.id, request=request),
        ]
        also.append(
            deed_there(
                there, replica, "key.update", {"changed": ["waiting_version"]}, version=number,
                request=request, now_us=now_us,
            )
        )  # fmt: skip
    return Elsewhere(tuple(writes), tuple(stands_on), tuple(also))


async def turned_elsewhere(  # noqa: PLR0913 - what a rotation is made of
    facts: Facts,
    family: Family | None,
    number: int,
    stands_on: list[bytes],
    *,
    request: str,
    now_us: int,
) -> Elsewhere:
    """The primary's waiting version as the current one of all its replicas.

    Raises `KeyNotUsable` while its material is not everywhere. A replica whose state takes none is
    not waited for. Adds what it rests on to `stands_on`, a refusal's too.
    """
    if family is None:
        return Elsewhere()
    writes: list[Write] = []
    also: list[Entry] = []
    lacking: list[str] = []
    for region, replica in family.replicas.items():
        there = await facts.namespace(replica.namespace)
        version = await _version(facts, replica, number, stands_on)
        stands_on.append(there.fact)
        if not waits(version.body, now_us) and takes_imports(replica.body, now_us):
            lacking.append(region)
        body = msgspec.structs.replace(replica.body, current_version=number, waiting_version=0)
        current = as_current(version.body, now_us)
        writes += [
            key_row(facts.sealing, replica, body, request),
            version_row(facts.sealing, replica, version, current, request),
        ]
        also.append(
            deed_there(
                there, replica, "key.rotate", {}, version=number, request=request, now_us=now_us
            )
        )
    if lacking:
        raise KeyNotUsable(f"{NOT_EVERYWHERE}: import it in {', '.join(sorted(lacking))}, too")
    return Elsewhere(tuple(writes), also=tuple(also))


async def given_up_elsewhere(  # noqa: PLR0913 - what is given up, and how it is on record
    facts: Facts, key: KeyFact, number: int, action: str, *, request: str, now_us: int
) -> Elsewhere:
    """What becomes of the replicas' material when the primary's is erased.

    Of a version that was never the current one it is erased, too. Whatever was in use is each
    Region's own.
    """
    stands_on: list[bytes] = []
    family = await family_of(facts, key, stands_on)
    if family is None or is_replica(family, key):
        return Elsewhere((), tuple(stands_on))
    writes: list[Write] = []
    also: list[Entry] = []
    for replica in family.replicas.values():
        version = await _version(facts, replica, number, stands_on)
        if version.body.state is not State.PRE_ACTIVATION or not version.body.wrapped:
            continue
        there = await facts.namespace(replica.namespace)
        stands_on.append(there.fact)
        body = msgspec.structs.replace(version.body, wrapped=b"", expires_us=0)
        writes.append(version_row(facts.sealing, replica, version, body, request))
        also.append(
            deed_there(
                there, replica, action, {"key_version": number}, request=request, now_us=now_us
            )
        )
    return Elsewhere(tuple(writes), tuple(stands_on), tuple(also))


def as_current(body: Version, now_us: int) -> Version:
    """A version that waited, as the rotation makes it that somebody asked for.

    What somebody ended stays so; what is about to be destroyed comes back as one that was current.
    """
    turned = msgspec.structs.replace(body, rotated_us=now_us, by_hand=True)
    if body.state is State.PRE_ACTIVATION:
        return msgspec.structs.replace(turned, state=State.ACTIVE)
    if body.before is State.PRE_ACTIVATION:
        return msgspec.structs.replace(turned, before=State.ACTIVE)
    return turned


def takes_imports(body: Key, now_us: int) -> bool:
    """Whether material can come to the key in its state."""
    return allows(state_at(body, now_us), Use.IMPORT)


async def _version(facts: Facts, key: KeyFact, number: int, stands_on: list[bytes]) -> VersionFact:
    """A version that is there, since related keys have versions of the same numbers."""
    version = await facts.version(key, number)
    if version is None:
        raise TamperedRecord
    stands_on.append(version.fact)
    return version
