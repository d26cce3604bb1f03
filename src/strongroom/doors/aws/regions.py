"""Multi-Region keys: replicas in other Regions of the account, and which key is the primary."""

import uuid
from typing import Any, Final

from strongroom.domain import asks
from strongroom.domain.calls import Reply, Terms
from strongroom.domain.errors import AlreadyExists, InvalidRequest
from strongroom.domain.lifecycle import State
from strongroom.doors.aws import names, policies
from strongroom.doors.aws.errors import AWSError
from strongroom.doors.aws.metadata import metadata, spec_and_usage
from strongroom.doors.aws.names import Place
from strongroom.doors.aws.needs import READABLE
from strongroom.doors.aws.states import no_primary
from strongroom.doors.aws.tags import labels_of
from strongroom.doors.aws.visitor import Visitor

Given = dict[str, Any]

_UNSUPPORTED: Final = "UnsupportedOperationException"
_OF_KEYS: Final = Terms(key=READABLE, whole=True)


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
    there = Place(at.place.account, region)

    def instead(reply: Reply) -> AWSError | None:
        if reply.code == AlreadyExists.code and reply.key is not None:
            return AWSError("AlreadyExistsException", f"{there.key(reply.key.id)} already exists.")
        refused = _unrelated(at, reply) or policies.malformed(reply)
        if refused is None and reply.code == InvalidRequest.code:
            said = f"{region} is no Region of this account."
            return AWSError(_UNSUPPORTED, said)
        return refused

    target = names.target(name, at.place)
    made = await at.ask_of("key.replicate", ask, name, target, instead, _OF_KEYS)
    return {
        "ReplicaKeyMetadata": metadata(made, there),
        "ReplicaPolicy": ask.policy or policies.default(at.place.account),
        **({"ReplicaTags": tags} if tags else {}),
    }


async def update_primary_region(at: Visitor, given: Given) -> None:
    """UpdatePrimaryRegion, from the Region of the present primary."""
    name, region = names.no_alias(given["KeyId"]), given["PrimaryRegion"]

    def instead(reply: Reply) -> AWSError | None:
        refused = _unrelated(at, reply)
        if refused is not None or reply.code != InvalidRequest.code or reply.key is None:
            return refused
        if region == at.place.region:
            said = f"{at.place.key(reply.key.id)} is the primary key already."
            return AWSError(_UNSUPPORTED, said)
        return AWSError("NotFoundException", f"There is no replica of the key in {region}.")

    ask = asks.UpdateKey(primary_region=region)
    await at.ask_of("key.update", ask, name, names.target(name, at.place), instead, _OF_KEYS)


def _unrelated(at: Visitor, reply: Reply) -> AWSError | None:
    """Why it was refused, of a key that is no primary. Raises `AWSError` for no key of AWS's."""
    key = reply.key
    if key is not None and reply.code == InvalidRequest.code and key.state is not State.DESTROYED:
        spec_and_usage(key.algorithm, key.purpose, at.place.key(key.id))
    return no_primary(reply, at.place)
