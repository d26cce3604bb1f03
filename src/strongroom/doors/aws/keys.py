"""A key's life, as AWS asks for it: made, described, listed, stopped, rotated, deleted."""

import uuid
from typing import Any, Final

from strongroom.domain import asks
from strongroom.domain.calls import Terms
from strongroom.domain.iam import specs
from strongroom.domain.things import Origin
from strongroom.doors.aws import names, policies
from strongroom.doors.aws.errors import AWSError, validation
from strongroom.doors.aws.metadata import is_known, metadata, seconds
from strongroom.doors.aws.names import no_alias
from strongroom.doors.aws.names import uuid as key_uuid
from strongroom.doors.aws.needs import CHANGED, READABLE
from strongroom.doors.aws.pages import Pages
from strongroom.doors.aws.tags import labels_of
from strongroom.doors.aws.visitor import Visitor

Given = dict[str, Any]

_WINDOW_DAYS: Final = (7, 30)
_LISTED, _LISTED_MAX = 100, 1_000
_UNSERVED: Final = {
    "CustomKeyStoreId": "Custom key stores",
    "XksKeyId": "External key stores",
}


async def create_key(at: Visitor, given: Given) -> Given:
    """CreateKey."""
    for member, what in _UNSERVED.items():
        if given.get(member):
            raise AWSError("UnsupportedOperationException", f"{what} are not served yet.")
    if "KeySpec" in given and "CustomerMasterKeySpec" in given:
        raise validation("KeySpec and CustomerMasterKeySpec cannot both be given.")
    spec = given.get("KeySpec") or given.get("CustomerMasterKeySpec") or specs.SYMMETRIC
    known, origin = specs.SPECS.get(spec), given.get("Origin", "AWS_KMS")
    if known is None or origin not in ("AWS_KMS", "EXTERNAL"):
        said = f"{spec if known is None else origin} is not served."
        raise AWSError("UnsupportedOperationException", said)
    if "KeyUsage" not in given and spec != specs.SYMMETRIC:
        raise validation(
            "You must specify a KeyUsage value for all KMS keys except for symmetric encryption"
            " keys."
        )
    usage = given.get("KeyUsage", specs.ENCRYPT)
    if usage not in known.usages:
        raise validation(f"KeyUsage {usage} is not compatible with KeySpec {spec}")
    name = f"aws-{uuid.uuid4()}"
    ask = asks.CreateKey(
        name=name,
        algorithm=known.algorithm,
        purpose=specs.purpose_of(known.algorithm, usage),
        origin=Origin.IMPORTED if origin == "EXTERNAL" else Origin.GENERATED,
        labels=labels_of(given.get("Tags", [])),
        description=given.get("Description", ""),
        rotation_days=0,
        policy=policies.short(given.get("Policy", "")),
        bypass_lockout_check=given.get("BypassPolicyLockoutSafetyCheck", False),
        multi_region=given.get("MultiRegion", False),
    )
    view = await at.ask_of("key.create", ask, "", "", policies.malformed)
    return {"KeyMetadata": metadata(view, at.place)}


async def describe_key(at: Visitor, given: Given) -> Given:
    """DescribeKey."""
    return {"KeyMetadata": metadata(await at.view(given["KeyId"]), at.place)}


async def list_keys(at: Visitor, given: Given) -> Given:
    """ListKeys. Keys that AWS could not have are not listed."""

    async def page(after: str, limit: int) -> tuple[list[Given], str]:
        found = await at.ask("key.list", asks.ListKeys(limit=limit, page_token=after))
        keys = [
            {"KeyId": key_uuid(names.id_of(view)),
             "KeyArn": at.place.key(names.id_of(view))}
            for view in found.keys
            if is_known(view)
        ]  # fmt: skip
        return keys, found.next_page_token

    return await Pages(at.operation, given, default=_LISTED, most=_LISTED_MAX).answer("Keys", page)


async def enable_key(at: Visitor, given: Given) -> None:
    """EnableKey."""
    await _move(at, "key.enable", given)


async def disable_key(at: Visitor, given: Given) -> None:
    """DisableKey."""
    await _move(at, "key.disable", given)


async def update_key_description(at: Visitor, given: Given) -> None:
    """UpdateKeyDescription."""
    ask = asks.UpdateKey(description=given["Description"])
    await _done(at, "key.update", ask, given, Terms(key=CHANGED))


async def schedule_key_deletion(at: Visitor, given: Given) -> Given:
    """ScheduleKeyDeletion."""
    least, most = _WINDOW_DAYS
    days = given.get("PendingWindowInDays", most)
    if not least <= days <= most:
        raise validation(f"PendingWindowInDays must be between {least} and {most} (inclusive)")
    ask = asks.ScheduleDestruction(days=days)
    view = await _done(at, "key.schedule-destruction", ask, given, Terms(key=READABLE))
    found = {
        "KeyId": at.place.key(names.id_of(view)), "PendingWindowInDays": days,
        "KeyState": metadata(view, at.place)["KeyState"],
    }  # fmt: skip
    if view.destroys:
        found["DeletionDate"] = seconds(view.destroys)
    return found


async def cancel_key_deletion(at: Visitor, given: Given) -> Given:
    """CancelKeyDeletion. The key is disabled then."""
    view = await at.ask("key.cancel-destruction", asks.OfVersion(), no_alias(given["KeyId"]))
    return {"KeyId": at.place.key(names.id_of(view))}


async def _move(at: Visitor, operation: str, given: Given) -> None:
    """What AWS forbids, and a custodian would not, while a key lacks some of its material."""
    await _done(at, operation, asks.OfVersion(), given, Terms(key=READABLE, whole=True))


async def _done(
    at: Visitor, operation: str, ask: asks.Ask, given: Given, terms: Terms
) -> asks.KeyView:
    """To a key that AWS could have: of another one nothing is done."""
    name = no_alias(given["KeyId"])
    reply = await at.reply(operation, ask, names.target(name, at.place), terms)
    view: asks.KeyView = at.used(operation, reply, name, None).answer
    return view
