"""Multi-Region keys: replicas in other Regions of the account, and which key is the primary."""

import uuid
from typing import Any, Final, cast

from msgspec import UNSET

from strongroom.domain import asks
from strongroom.domain.calls import ANSWER_DECODERS, Reply
from strongroom.domain.errors import AlreadyExists, InvalidRequest
from strongroom.doors.aws import names, policies
from strongroom.doors.aws.errors import AWSError
from strongroom.doors.aws.metadata import metadata
from strongroom.doors.aws.names import Place
from strongroom.doors.aws.states import no_primary
from strongroom.doors.aws.tags import labels_of
from strongroom.doors.aws.visitor import Visitor

Given = dict[str, Any]

_UNSUPPORTED: Final = "UnsupportedOperationException"


async def replicate_key(at: Visitor, given: Given) -> Given:
    """ReplicateKey, from the Region of the primary."""
    name, region = names.no_alias(given["KeyId"]), given["ReplicaRegion"]
    tags = given.get("Tags", [])
    ask = asks.ReplicateKey(
        region=region,
        name=f"aws-{uuid.uuid4()}",
        labels=labels_of(tags),
        description=given.get("Description", ""),
        policy=policies.short(given.get("Policy", "")),
        bypass_lockout_check=given.get("BypassPolicyLockoutSafetyCheck", False),
    )
    view = await _primary(at, name)
    reply = await at.reply("key.replicate", ask, names.target(name, at.place))
    there = Place(at.place.account, region)
    if reply.code == AlreadyExists.code:
        said = f"{there.key(names.id_of(view))} already exists."
        raise AWSError("AlreadyExistsException", said)
    wrong = policies.malformed(reply)
    if wrong is not None:
        raise wrong
    _require_region(reply.code, region)
    made = await _answer(at, reply, "key.replicate", name)
    return {
        "ReplicaKeyMetadata": metadata(made, there),
        "ReplicaPolicy": ask.policy or policies.default(at.place.account),
        "ReplicaTags": tags,
    }


async def update_primary_region(at: Visitor, given: Given) -> None:
    """UpdatePrimaryRegion, from the Region of the present primary."""
    name, region = names.no_alias(given["KeyId"]), given["PrimaryRegion"]
    view = await _primary(at, name)
    if region == at.place.region:
        said = f"{at.place.key(names.id_of(view))} is the primary key already."
        raise AWSError(_UNSUPPORTED, said)
    reply = await at.reply(
        "key.update", asks.UpdateKey(primary_region=region), names.target(name, at.place)
    )
    if reply.code == InvalidRequest.code:
        raise AWSError("NotFoundException", f"There is no replica of the key in {region}.")
    await _answer(at, reply, "key.update", name)


async def _primary(at: Visitor, name: str) -> asks.KeyView:
    view = await at.view(name)
    if view.related is UNSET or not view.related.is_primary:
        raise no_primary(view, at.place)
    return view


async def _answer(at: Visitor, reply: Reply, operation: str, name: str) -> asks.KeyView:
    if reply.code:
        raise at.refusal(reply, operation, name, names.target(name, at.place))
    view: Any = ANSWER_DECODERS[operation][reply.variant].decode(reply.answer)
    return cast("asks.KeyView", view)


def _require_region(code: str, region: str) -> None:
    if code == InvalidRequest.code:
        said = f"No namespace of this account stands for {region}."
        raise AWSError(_UNSUPPORTED, said)
