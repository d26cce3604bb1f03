"""A key's life: rotate it, stop it, end it, destroy it, and everything back that can go back."""

from typing import Final, TypeVar

import msgspec
from msgspec import UNSET

from strongroom.domain import asks, limits
from strongroom.domain.errors import InvalidRequest, KeyNotUsable, NotFound, TooLarge
from strongroom.domain.lifecycle import (
    NOTHING_WAITS,
    Life,
    State,
    Transition,
    Use,
    after,
    state_at,
)
from strongroom.domain.multi_region import REPLICA
from strongroom.domain.things import Key, Origin, waits
from strongroom.domain.times import DAY_US
from strongroom.ports.store import Write
from strongroom.services.authorize import Authorizer, Permit, Visit
from strongroom.services.books import Books, Details
from strongroom.services.facts import Facts, KeyFact, NamespaceFact
from strongroom.services.keyring import Keyring, require_current_once
from strongroom.services.keys import rotates_us
from strongroom.services.related import (
    Elsewhere,
    Place,
    family_of,
    is_replica,
    rotated_elsewhere,
)
from strongroom.services.related_imports import as_current, turned_elsewhere
from strongroom.services.rows import generated, key_row, new_version_row, version_row
from strongroom.services.views import Views

_Body = TypeVar("_Body", bound=Life)

# What is for versions that have been current once.
_OF_ACTIVE_LIFE: Final = frozenset({Transition.ENABLE, Transition.DISABLE, Transition.DEACTIVATE})


class KeyLife:
    """Moves keys and versions from state to state."""

    def __init__(
        self,
        *,
        facts: Facts,
        authorizer: Authorizer,
        keyring: Keyring,
        books: Books,
        views: Views,
    ) -> None:
        self._facts = facts
        self._authorizer = authorizer
        self._keyring = keyring
        self._books = books
        self._views = views

    async def rotate(self, visit: Visit, ask: asks.Rotate) -> asks.KeyView:
        """A new current version; of imported ones, that which waits. The old go on decrypting."""
        permit = await self._authorizer.permit_key(visit, visit.target, {})
        await self._keyring.whole(permit)
        key = self._keyring.free(permit, Use.ROTATE)
        most = visit.terms.rotations_max
        if most and key.body.rotations_by_hand >= most:
            raise TooLarge(f"the key was rotated by hand {most} times")
        if key.body.origin is Origin.IMPORTED:
            number = key.body.waiting_version
            writes, elsewhere = await self._to_the_waiting(permit, key)
        else:
            number = key.body.current_version + 1
            writes, elsewhere = await rotation(
                self._facts, key, permit.namespace, request=visit.request, now_us=visit.time_us,
                by_hand=True, keep_schedule=ask.keep_schedule,
            )  # fmt: skip
        view = await self._views.whole(key, writes)
        visit.facts += elsewhere.facts
        await self._books.allowed(permit, version=number, writes=writes, also=elsewhere.also)
        return view

    async def enable(self, visit: Visit, ask: asks.OfVersion) -> asks.KeyView:
        """Let it be used again."""
        return await self._move(visit, ask, Transition.ENABLE)

    async def disable(self, visit: Visit, ask: asks.OfVersion) -> asks.KeyView:
        """Stop every use. When this has returned, no process and no node uses it any more."""
        return await self._move(visit, ask, Transition.DISABLE)

    async def deactivate(self, visit: Visit, ask: asks.OfVersion) -> asks.KeyView:
        """From now on it only decrypts and verifies."""
        return await self._move(visit, ask, Transition.DEACTIVATE)

    async def mark_compromised(self, visit: Visit, ask: asks.OfVersion) -> asks.KeyView:
        """From now on it only decrypts and verifies, for who has the right to that."""
        return await self._move(visit, ask, Transition.MARK_COMPROMISED)

    async def schedule_destruction(
        self, visit: Visit, ask: asks.ScheduleDestruction
    ) -> asks.KeyView:
        """Nothing can be done with it from now on; after the waiting time, its material is erased.

        The shortest waiting time is the namespace's.
        """
        return await self._move(visit, ask, Transition.SCHEDULE_DESTRUCTION)

    async def cancel_destruction(self, visit: Visit, ask: asks.OfVersion) -> asks.KeyView:
        """It is kept: stopped, unless its time was over or it was compromised before."""
        return await self._move(visit, ask, Transition.CANCEL_DESTRUCTION)

    async def _to_the_waiting(
        self, permit: Permit, key: KeyFact
    ) -> tuple[tuple[Write, ...], Elsewhere]:
        visit, number = permit.visit, key.body.waiting_version
        family = await family_of(self._facts, key, visit.facts)
        if is_replica(family, key):
            raise KeyNotUsable(REPLICA)
        version = await self._facts.version(key, number) if number else None
        if version is not None:
            visit.facts.append(version.fact)
        if version is None or not waits(version.body, visit.time_us):
            raise KeyNotUsable(NOTHING_WAITS)
        sealing = self._facts.sealing
        body = msgspec.structs.replace(
            key.body, current_version=number, waiting_version=0,
            rotations_by_hand=key.body.rotations_by_hand + 1,
        )  # fmt: skip
        current = as_current(version.body, visit.time_us)
        elsewhere = await turned_elsewhere(
            self._facts, family, number, visit.facts, request=visit.request, now_us=visit.time_us
        )
        writes = (
            key_row(sealing, key, body, visit.request),
            version_row(sealing, key, version, current, visit.request),
            *elsewhere.writes,
        )
        return writes, elsewhere

    async def _move(
        self, visit: Visit, ask: asks.OfVersion, transition: Transition
    ) -> asks.KeyView:
        permit = await self._authorizer.permit_key(visit, visit.target, {})
        key = permit.known_key()
        await self._keyring.whole(permit)
        destroys_us = 0
        details: Details = {}
        if isinstance(ask, asks.ScheduleDestruction):
            days = _waiting_days(permit, ask)
            destroys_us = visit.time_us + days * DAY_US
            details["days"] = days
        if ask.key_version is UNSET:
            body = _moved(key.body, transition, visit.time_us, destroys_us)
            body = await self._in_turn(permit, key, body, details)
            write = key_row(self._facts.sealing, key, body, visit.request)
            details["state"] = body.state
        else:
            write, state = await self._move_version(
                permit, ask.key_version, transition, destroys_us
            )
            details |= {"state": state, "key_version": ask.key_version}
        view = await self._views.whole(key, (write,))
        await self._books.allowed(permit, details, writes=(write,))
        return view

    async def _in_turn(self, permit: Permit, key: KeyFact, body: Key, details: Details) -> Key:
        """A primary is destroyed after its replicas: until then it waits."""
        family = await family_of(self._facts, key, permit.visit.facts)
        if family is None:
            return body
        days = details.get("days", 0)
        if not isinstance(days, int) or is_replica(family, key) or not family.replicas:
            days = 0
        if days:
            return msgspec.structs.replace(body, destroys_us=0, waits_days=days)
        return msgspec.structs.replace(body, waits_days=0)

    async def _move_version(
        self, permit: Permit, number: int, transition: Transition, destroys_us: int
    ) -> tuple[Write, State]:
        visit = permit.visit
        key = self._keyring.free(permit, Use.CHANGE)
        version = await self._facts.version(key, number)
        if version is None:
            raise NotFound
        visit.facts.append(version.fact)
        if transition in _OF_ACTIVE_LIFE:
            require_current_once(key, number)
        body = _moved(version.body, transition, visit.time_us, destroys_us)
        return version_row(self._facts.sealing, key, version, body, visit.request), body.state


async def rotation(  # noqa: PLR0913 - what a rotation is made of
    facts: Facts,
    key: KeyFact,
    namespace: NamespaceFact,
    *,
    request: str,
    now_us: int,
    by_hand: bool = False,
    keep_schedule: bool = False,
) -> tuple[tuple[Write, ...], Elsewhere]:
    """What must be written for the key, and its replicas, to have the next version.

    Raises `KeyNotUsable` for a replica.
    """
    number = key.body.current_version + 1
    body = msgspec.structs.replace(
        key.body,
        current_version=number,
        rotates_us=key.body.rotates_us if keep_schedule else rotates_us(key.body, now_us),
        rotations_by_hand=key.body.rotations_by_hand + by_hand,
    )
    made = await generated(
        facts.sealing, namespace.handle, namespace=namespace.id, key_id=key.id, key=body,
        number=number, now_us=now_us,
    )  # fmt: skip
    version = msgspec.structs.replace(made, rotated_us=now_us, by_hand=by_hand)
    place = Place(namespace.handle, namespace.id, key.id)
    elsewhere = await rotated_elsewhere(facts, key, place, version, request=request, now_us=now_us)
    writes = (
        key_row(facts.sealing, key, body, request),
        new_version_row(
            facts.sealing, key.id, number, version, namespace=namespace.id, request=request
        ),
        *elsewhere.writes,
    )
    return writes, elsewhere


def _moved(body: _Body, transition: Transition, now_us: int, destroys_us: int) -> _Body:
    state = after(body, transition, now_us)
    if transition is Transition.SCHEDULE_DESTRUCTION:
        return msgspec.structs.replace(
            body, state=state, before=state_at(body, now_us), destroys_us=destroys_us
        )
    if transition is Transition.CANCEL_DESTRUCTION:
        return msgspec.structs.replace(body, state=state, before=None, destroys_us=0)
    return msgspec.structs.replace(body, state=state)


def _waiting_days(permit: Permit, ask: asks.ScheduleDestruction) -> int:
    body: Key = permit.known_key().body
    if body.deletion_protection:
        raise KeyNotUsable("the key's deletion protection is on; turn it off first")
    least = permit.namespace.body.destruction_days_min
    if ask.days is UNSET:
        return max(limits.DESTRUCTION_DAYS_DEFAULT, least)
    if ask.days < least:
        raise InvalidRequest(f"in this namespace, at least {least} days must pass", "$.days")
    return ask.days
