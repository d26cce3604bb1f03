"""A key as AWS describes one (KeyMetadata), and the names of its material."""

import hashlib
from typing import Any, Final

from msgspec import UNSET

from strongroom.domain import asks
from strongroom.domain.algorithms import Algorithm, Purpose
from strongroom.domain.iam import specs
from strongroom.domain.lifecycle import State
from strongroom.domain.times import microseconds
from strongroom.doors.aws.errors import AWSError
from strongroom.doors.aws.names import Place, id_of, uuid

EXPIRES: Final = "KEY_MATERIAL_EXPIRES"
DOES_NOT_EXPIRE: Final = "KEY_MATERIAL_DOES_NOT_EXPIRE"

_SECOND_US: Final = 1_000_000
_NOBODYS: Final = frozenset({State.PRE_ACTIVATION, State.DESTROYED})
_TAKES_NONE: Final = frozenset({State.DEACTIVATED, State.COMPROMISED, State.DESTRUCTION_SCHEDULED})
_STATES: Final = {
    State.PRE_ACTIVATION: "Creating",
    State.ACTIVE: "Enabled",
    State.SUSPENDED: "Disabled",
    State.DEACTIVATED: "Disabled",
    State.COMPROMISED: "Disabled",
    State.DESTRUCTION_SCHEDULED: "PendingDeletion",
}


def metadata(view: asks.KeyView, place: Place) -> dict[str, Any]:
    """All that AWS says of a key. Raises `AWSError` for one that AWS could not have."""
    key_id = id_of(view)
    spec, usage = spec_and_usage(view.algorithm, view.purpose, place.key(key_id))
    external, state = is_external(view), key_state(view)
    found: dict[str, Any] = {
        "AWSAccountId": place.account,
        "KeyId": uuid(key_id),
        "Arn": place.key(key_id),
        "CreationDate": seconds(view.created),
        "Enabled": state == "Enabled",
        "Description": view.description,
        "KeyUsage": usage,
        "KeyState": state,
        "Origin": "EXTERNAL" if external else "AWS_KMS",
        "KeyManager": "CUSTOMER",
        "CustomerMasterKeySpec": spec,
        "KeySpec": spec,
        specs.LISTED_AS[usage]: specs.SPECS[spec].usages[usage],
        "MultiRegion": view.related is not UNSET,
    }
    if view.related is not UNSET:
        found |= _related(view.related, key_id, place)
    if view.destroys:
        found["DeletionDate"] = seconds(view.destroys)
    if spec == specs.SYMMETRIC and view.current_version:
        found["CurrentKeyMaterialId"] = material_id(key_id, view.current_version)
    here = [version for version in associated(view) if version.material]
    if external and here:
        ends = [seconds(version.expires) for version in here if version.expires]
        found["ExpirationModel"] = EXPIRES if ends else DOES_NOT_EXPIRE
        if ends:
            found["ValidTo"] = min(ends)
    return found


def _related(related: asks.RelatedView, key_id: bytes, place: Place) -> dict[str, Any]:
    """What the metadata says of a multi-Region key's relatives.

    A Region without name is the one that is asked for: the namespace answers in all of them.
    """

    def named(region: str) -> dict[str, str]:
        at = Place(place.account, region or place.region)
        return {"Arn": at.key(key_id), "Region": at.region}

    found: dict[str, Any] = {
        "MultiRegionConfiguration": {
            "MultiRegionKeyType": "PRIMARY" if related.is_primary else "REPLICA",
            "PrimaryKey": named(related.primary),
            "ReplicaKeys": [named(region) for region in related.replicas],
        }
    }
    if related.waits_days:
        found |= {
            "KeyState": "PendingReplicaDeletion", "PendingDeletionWindowInDays": related.waits_days,
        }  # fmt: skip
    return found


def spec_and_usage(algorithm: Algorithm, purpose: Purpose, arn: str) -> tuple[str, str]:
    """What AWS calls them. Raises `AWSError` for those of a key that AWS could not have."""
    spec, usage = specs.spec_of(algorithm), specs.usage_of(purpose)
    if not spec or usage not in specs.SPECS[spec].usages:
        said = f"{arn} is of an algorithm that AWS KMS does not have."
        raise AWSError("UnsupportedOperationException", said)
    return spec, usage


def is_external(view: asks.KeyView) -> bool:
    """Whether its material comes from elsewhere."""
    return view.origin == "imported"


def key_state(view: asks.KeyView) -> str:
    """The state as AWS calls it. A key that lacks any of its imported material waits for that.

    But for what nobody can import any more.
    """
    if is_external(view) and view.state is not State.DESTRUCTION_SCHEDULED:
        whole = all(
            version.material or version.state in _TAKES_NONE for version in associated(view)
        )
        if not view.current_version or not whole:
            return "PendingImport"
    return _STATES[view.state]


def associated(view: asks.KeyView) -> list[asks.VersionView]:
    """The versions whose material is a key's for good: those that have been current, newest first.

    Without those that nobody can use any more, whatever is imported.
    """
    return [
        version
        for version in (() if view.versions is UNSET else view.versions)
        if view.min_version <= version.version <= view.current_version
        and version.state not in _NOBODYS
    ]


def pending(view: asks.KeyView) -> asks.VersionView | None:
    """The version that the next rotation makes the current one.

    Of a multi-Region key it waits, also where its material has not come yet.
    """
    here = view.multi_region is UNSET
    for version in () if view.versions is UNSET else view.versions:
        alive = version.material if here else view.awaited_in is not UNSET
        waits = version.state is State.PRE_ACTIVATION and alive
        if waits and version.version == view.waiting_version:
            return version
    return None


def is_known(view: asks.KeyView) -> bool:
    """Whether AWS could have such a key: others are not listed."""
    spec = specs.spec_of(view.algorithm)
    return (
        bool(spec)
        and specs.usage_of(view.purpose) in specs.SPECS[spec].usages
        and view.state is not State.DESTROYED
    )


def material_id(key_id: bytes, version: int) -> str:
    """The name of a version's material: 64 hexadecimal digits, always the same for it."""
    said = b"strongroom/key-material-id/1" + key_id + version.to_bytes(4, "big")
    return hashlib.sha256(said).hexdigest()


def seconds(time: str) -> float:
    """A time of ours as AWS writes one: seconds since 1970."""
    return microseconds(time) / _SECOND_US
