"""Rotation, as AWS asks for it: by itself, on demand, and what came of it."""

from typing import Any, Final

from msgspec import UNSET

from strongroom.domain import asks
from strongroom.domain.calls import About, Reply, Terms
from strongroom.domain.errors import InvalidRequest, KeyNotUsable, TooLarge
from strongroom.domain.iam import specs
from strongroom.domain.lifecycle import NOTHING_WAITS, State
from strongroom.domain.multi_region import NOT_EVERYWHERE
from strongroom.domain.things import Origin
from strongroom.doors.aws.errors import AWSError
from strongroom.doors.aws.metadata import (
    DOES_NOT_EXPIRE,
    EXPIRES,
    is_external,
    key_state,
    material_id,
    pending,
    seconds,
    spec_and_usage,
)
from strongroom.doors.aws.names import id_of, no_alias, target, uuid
from strongroom.doors.aws.needs import ROTATED, ROTATED_ON_DEMAND
from strongroom.doors.aws.pages import Pages, foreign
from strongroom.doors.aws.states import no_primary, refusal, wrong_origin
from strongroom.doors.aws.visitor import Visitor

Given = dict[str, Any]

_PERIOD_DAYS: Final = 365
_ON_DEMAND_MAX: Final = 25
_LISTED, _LISTED_MAX = 100, 1_000
_DIGITS_MAX: Final = 10
_NOTHING_TO_TURN_TO: Final = (NOTHING_WAITS, NOT_EVERYWHERE)
_AT_ONCE: Final = 100  # versions that a custodian shows at a time


async def enable_key_rotation(at: Visitor, given: Given) -> None:
    """EnableKeyRotation."""
    await _plan(at, given, given.get("RotationPeriodInDays", _PERIOD_DAYS))


async def disable_key_rotation(at: Visitor, given: Given) -> None:
    """DisableKeyRotation."""
    await _plan(at, given, 0)


async def _plan(at: Visitor, given: Given, days: int) -> None:
    name, ask = no_alias(given["KeyId"]), asks.UpdateKey(rotation_days=days)

    def instead(reply: Reply) -> AWSError | None:
        return _unrotatable(at, reply) or no_primary(reply, at.place)

    terms = Terms(key=ROTATED)
    await at.ask_of("key.update", ask, name, target(name, at.place), instead, terms)


async def get_key_rotation_status(at: Visitor, given: Given) -> Given:
    """GetKeyRotationStatus. No rotation on demand is ever in progress: it is done at once.

    Keys that AWS does not rotate have a status, too; Terraform asks for that of every key. Only of
    imported ones there is none.
    """
    view = await at.view(no_alias(given["KeyId"]), at.operation)
    if is_external(view):
        raise wrong_origin(at.place.key(id_of(view)), "EXTERNAL")
    on = bool(view.rotation_days) and key_state(view) != "PendingDeletion"
    found: Given = {"KeyId": uuid(id_of(view)), "KeyRotationEnabled": on}
    if on:
        found["RotationPeriodInDays"] = view.rotation_days
        if view.rotates:
            found["NextRotationDate"] = seconds(view.rotates)
    return found


async def rotate_key_on_demand(at: Visitor, given: Given) -> Given:
    """RotateKeyOnDemand. What comes by itself comes when it was to come."""
    name, ask = no_alias(given["KeyId"]), asks.Rotate(keep_schedule=True)

    def instead(reply: Reply) -> AWSError | None:
        key = reply.key
        if key is None:
            return None
        arn = at.place.key(key.id)
        if reply.code == TooLarge.code:
            return AWSError(
                "LimitExceededException",
                "The on-demand rotations limit has been reached for the given keyId. No more"
                f" on-demand rotations can be performed for this key: {arn}",
            )
        if reply.code == KeyNotUsable.code and reply.detail.startswith(_NOTHING_TO_TURN_TO):
            said = f"No available key material pending rotation for the key: {arn}."
            return AWSError("KMSInvalidStateException", said)
        return _unrotatable(at, reply, external=True) or no_primary(reply, at.place)

    # Counted, and looked for, where it is done: others rotate it, too.
    terms = Terms(key=ROTATED_ON_DEMAND, rotations_max=_ON_DEMAND_MAX, whole=True)
    there = target(name, at.place)
    view = await at.ask_of("key.rotate", ask, name, there, instead, terms)
    return {"KeyId": at.place.key(id_of(view))}


def _unrotatable(at: Visitor, reply: Reply, *, external: bool = False) -> AWSError | None:
    """Why it was refused, of a key that AWS does not rotate. That it is disabled comes first."""
    key = reply.key
    if key is None or reply.code != InvalidRequest.code or key.state is State.DESTROYED:
        return None
    if key.state is State.SUSPENDED and specs.spec_of(key.algorithm) != specs.SYMMETRIC:
        return refusal("Disabled", at.place.key(key.id))
    return _why_not(at, key, key.id, external=external)


def _why_not(
    at: Visitor, key: About | asks.KeyView, key_id: bytes, *, external: bool
) -> AWSError | None:
    """Why AWS does not rotate such a key; None: it does. Raises `AWSError` for no key of AWS's."""
    arn = at.place.key(key_id)
    spec, _ = spec_and_usage(key.algorithm, key.purpose, arn)
    if key.origin == Origin.IMPORTED and not external:
        return wrong_origin(arn, "EXTERNAL")
    if spec != specs.SYMMETRIC:
        return AWSError("UnsupportedOperationException", f"{arn} is not a symmetric key.")
    return None


async def list_key_rotations(at: Visitor, given: Given) -> Given:
    """ListKeyRotations: what came after the first material, or all of it; oldest first."""
    view = await _rotatable(at, given, external=True)
    everything = given.get("IncludeKeyMaterial") == "ALL_KEY_MATERIAL"
    last = max(view.current_version, view.waiting_version)

    async def page(after: str, limit: int) -> tuple[list[Given], str]:
        begin = min(_number(after), last)
        end = begin + min(limit, _AT_ONCE)
        ask = asks.ReadKey(before=end + 1)
        found = await at.ask("key.read", ask, given["KeyId"], Terms(reading=at.operation))
        versions = [] if found.versions is UNSET else found.versions
        shown = [
            _shown(view, version)
            for version in reversed(versions)
            if version.version > begin and _listed(view, version, everything=everything)
        ]
        return shown, str(end) if end < last else ""

    return await Pages(at.operation, given, default=_LISTED, most=_LISTED_MAX).answer(
        "Rotations", page
    )


def _number(after: str) -> int:
    if not after:
        return 0
    if not (after.isascii() and after.isdigit() and len(after) <= _DIGITS_MAX):
        raise foreign()
    return int(after)


def _listed(view: asks.KeyView, version: asks.VersionView, *, everything: bool) -> bool:
    if version.version > view.current_version:
        return everything and _waits(view, version)
    rotated = version.version > 1
    return version.state is not State.PRE_ACTIVATION and (rotated or everything)


def _waits(view: asks.KeyView, version: asks.VersionView) -> bool:
    waiting = pending(view)
    return waiting is not None and waiting.version == version.version


def _shown(view: asks.KeyView, version: asks.VersionView) -> Given:
    key_id = id_of(view)
    entry: Given = {"KeyId": uuid(key_id), "KeyMaterialId": material_id(key_id, version.version)}
    if version.version > view.current_version:
        entry["KeyMaterialState"] = (
            "PENDING_MULTI_REGION_IMPORT_AND_ROTATION" if view.awaited_in else "PENDING_ROTATION"
        )
    else:
        current = version.version == view.current_version
        entry["KeyMaterialState"] = "CURRENT" if current else "NON_CURRENT"
        if version.version > 1:
            entry["RotationDate"] = seconds(version.rotated or version.created)
            entry["RotationType"] = "ON_DEMAND" if version.by_hand else "AUTOMATIC"
    if is_external(view):
        entry["ImportState"] = "IMPORTED" if version.material else "PENDING_IMPORT"
        entry["ExpirationModel"] = EXPIRES if version.expires else DOES_NOT_EXPIRE
        if version.expires:
            entry["ValidTo"] = seconds(version.expires)
        if version.description:
            entry["KeyMaterialDescription"] = version.description
    return entry


async def _rotatable(at: Visitor, given: Given, *, external: bool = False) -> asks.KeyView:
    """The key. Raises `AWSError` for one that AWS does not rotate."""
    view = await at.view(no_alias(given["KeyId"]), at.operation)
    refused = _why_not(at, view, id_of(view), external=external)
    if refused is not None:
        raise refused
    return view
