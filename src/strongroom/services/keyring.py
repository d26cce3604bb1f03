"""The way from a permit to material: state, dates and bounds, looked at in the moment of use."""

from typing import Final

from strongroom.domain.algorithms import Purpose
from strongroom.domain.errors import InvalidRequest, KeyNotUsable, NotFound, TamperedRecord
from strongroom.domain.lifecycle import (
    IMPORT_AGAIN,
    USE_COMPROMISED,
    State,
    Use,
    allows,
    state_at,
    why,
)
from strongroom.domain.things import Key, Origin, UseControl, Version, has_material
from strongroom.domain.times import rfc3339
from strongroom.ports.store import Quota
from strongroom.services.authorize import Authorizer, Bounds, Permit, Visit
from strongroom.services.facts import Facts, KeyFact, NamespaceFact, VersionFact
from strongroom.services.profiles import algorithm_forbidden

# What uses material: the others change what is on record.
_USES_MATERIAL: Final = frozenset({Use.PROTECT, Use.PROCESS})
_ENDED: Final = frozenset({State.DESTRUCTION_SCHEDULED, State.DESTROYED})
# Versions that have been current and take the same material again.
_IMPORTED_AGAIN: Final = frozenset({State.ACTIVE, State.SUSPENDED})
_LOOKED_AT_MAX: Final = 100  # of a key's versions, the newest: as many as a key is shown with


class Keyring:
    """Hands out material, to those who may use it so, now."""

    def __init__(self, facts: Facts, authorizer: Authorizer) -> None:
        self._facts = facts
        self._authorizer = authorizer

    def free(self, permit: Permit, use: Use) -> KeyFact:
        """The permit's key, if its state allows that now. Raises `NotFound`, `KeyNotUsable`."""
        key = permit.known_key()
        if not (key.plain and permit.namespace.plain):
            self._key_allows(permit, key, use)
        return key

    async def usable(
        self, permit: Permit, use: Use, number: int | None = None, *, purpose: Purpose | None = None
    ) -> VersionFact:
        """A version of the permit's key, if both may be used so now; None: the current one.

        Raises `NotFound`, `InvalidRequest` when the key is for another purpose, `KeyNotUsable` with
        what forbids it, and `NotAllowed` when the material is compromised and the caller has not
        the right to use that.
        """
        key = permit.known_key()
        if purpose is not None and key.body.purpose is not purpose:
            raise InvalidRequest(
                f"the key is for {key.body.purpose} ({key.body.algorithm}); this needs one for"
                f" {purpose}"
            )
        self.free(permit, use)
        wanted = key.body.current_version if number is None else number
        if not wanted:
            raise KeyNotUsable("the key has no material yet: import it")
        await self.whole(permit)
        version = await self._facts.version(key, wanted)
        if version is None:
            if number is None:
                raise TamperedRecord  # the current version's row is gone
            raise NotFound
        permit.visit.facts.append(version.fact)
        if version.body.state is State.PRE_ACTIVATION:
            require_current_once(key, wanted)
        if wanted < key.body.min_version:
            raise KeyNotUsable(
                f"version {wanted} of the key is retired: its oldest is {key.body.min_version}"
            )
        if not version.plain:
            self._version_allows(permit, version, use)
        return version

    async def whole(self, permit: Permit) -> None:
        """Nothing, where the visit's terms ask that none of the key's imported material be gone.

        Raises `KeyNotUsable` for a key that lacks any which can be imported again. Before its
        material came, and once it is to be destroyed, the state says what it is. That there is no
        key is for others to say.
        """
        key, visit = permit.key, permit.visit
        if not visit.terms.whole or key is None or state_at(key.body, visit.time_us) in _ENDED:
            return
        for version in await self.lacking(visit, key):
            _present(_name(version), version.body, visit.time_us)

    async def lacking(self, visit: Visit, key: KeyFact) -> list[VersionFact]:
        """The versions of an imported key whose material is gone and can be imported again.

        Without those that are retired, or take no imports in their state; of the newest only.
        """
        body, found = key.body, list[VersionFact]()
        if body.origin is not Origin.IMPORTED:
            return found
        first = max(body.min_version, body.current_version - _LOOKED_AT_MAX + 1)
        for number in range(first, body.current_version + 1):
            version = await self._facts.version(key, number)
            if version is None:
                raise TamperedRecord
            visit.facts.append(version.fact)
            takes = state_at(version.body, visit.time_us) in _IMPORTED_AGAIN
            if takes and not has_material(version.body, visit.time_us):
                found.append(version)
        return found

    def _key_allows(self, permit: Permit, key: KeyFact, use: Use) -> None:
        body, now_us = key.body, permit.visit.time_us
        state = state_at(body, now_us)
        if not allows(state, use):
            raise KeyNotUsable(f"the key {why(body, now_us)}; its state does not allow this")
        if use is not Use.CHANGE and use is not Use.EXPORT:
            _on_profile(permit.namespace, body)
        if use not in _USES_MATERIAL:
            return
        _controlled(permit, body.control, now_us)
        if state is State.COMPROMISED:
            self._authorizer.also(permit, USE_COMPROMISED)
        _bind(permit, key)

    def _version_allows(self, permit: Permit, version: VersionFact, use: Use) -> None:
        body, now_us = version.body, permit.visit.time_us
        state = allowed_version(version, use, now_us)
        if use not in _USES_MATERIAL:
            return
        _present(_name(version), body, now_us)
        if state is State.COMPROMISED:
            self._authorizer.also(permit, USE_COMPROMISED)


def require_current_once(key: KeyFact, number: int) -> None:
    """Raises `KeyNotUsable` for a version that has not been the current one yet."""
    if number > key.body.current_version:
        raise KeyNotUsable(f"version {number} of the key waits for the key to be rotated")


def allowed_version(version: VersionFact, use: Use, now_us: int) -> State:
    """The version's state now. Raises `KeyNotUsable` when it does not allow that."""
    state = state_at(version.body, now_us)
    if not allows(state, use):
        reason = why(version.body, now_us)
        raise KeyNotUsable(f"{_name(version)} {reason}; its state does not allow this")
    return state


def _name(version: VersionFact) -> str:
    return f"version {version.number} of the key"


def _present(name: str, body: Version, now_us: int) -> None:
    if 0 < body.expires_us <= now_us:
        raise KeyNotUsable(
            f"the material of {name} expired at {rfc3339(body.expires_us)}; {IMPORT_AGAIN}"
        )
    if not body.wrapped:
        raise KeyNotUsable(f"{name} has no material here; {IMPORT_AGAIN}")


def _on_profile(namespace: NamespaceFact, body: Key) -> None:
    forbidden = algorithm_forbidden(namespace.body.profile, body.algorithm)
    if forbidden:
        raise KeyNotUsable(forbidden)


def _controlled(permit: Permit, control: UseControl, now_us: int) -> None:
    operation = permit.visit.operation.name
    if control.operations and operation not in control.operations:
        raise KeyNotUsable(f"the key is not for {operation}: {', '.join(control.operations)} only")
    if now_us < control.not_before_us:
        raise KeyNotUsable(f"the key is not used before {rfc3339(control.not_before_us)}")
    if 0 < control.not_after_us <= now_us:
        raise KeyNotUsable(f"the key is not used after {rfc3339(control.not_after_us)}")
    missing = [name for name in control.required_context if name not in (permit.context or {})]
    if missing:
        raise InvalidRequest(
            f"the key needs these names in the context: {', '.join(control.required_context)}",
            "$.context",
        )


def _bind(permit: Permit, key: KeyFact) -> None:
    """Let the ledger watch over the key's bounds, if it has any."""
    body, control = key.body, key.body.control
    if not (control.uses_max or control.rate_uses or body.rotation_uses):
        return
    visit = permit.visit
    if visit.bounds is not None and visit.bounds.key != key.id:
        raise InvalidRequest(
            "two keys whose uses are bounded cannot be used in one call; make one for each"
        )
    quota = Quota(
        key.object,
        body.current_version,
        control.uses_max,
        control.rate_uses,
        control.rate_seconds * 1_000_000,
    )
    visit.bounds = Bounds(key.id, quota, body.rotation_uses)
