"""Key policies, as AWS keeps one with each key."""

import json
from typing import Any, Final

from strongroom.domain import asks, limits
from strongroom.domain.calls import Reply, Terms
from strongroom.domain.errors import InvalidRequest
from strongroom.domain.iam import asks as iam
from strongroom.doors.aws.errors import AWSError, not_found
from strongroom.doors.aws.names import no_alias
from strongroom.doors.aws.names import target as target_of
from strongroom.doors.aws.pages import Pages
from strongroom.doors.aws.visitor import Visitor

Given = dict[str, Any]

_POINTER: Final = "$.policy"  # where a native refusal is about the policy
_NAME: Final = "default"
_LISTED, _LISTED_MAX = 100, 1_000


async def get_key_policy(at: Visitor, given: Given) -> Given:
    """GetKeyPolicy. A key without one of its own has the one that AWS gives by default."""
    _require_default(given)
    view = await at.ask("key.read-policy", asks.Nothing(), no_alias(given["KeyId"]))
    return {"Policy": view.policy or default(at.place.account), "PolicyName": _NAME}


async def put_key_policy(at: Visitor, given: Given) -> None:
    """PutKeyPolicy."""
    _require_default(given)
    name = no_alias(given["KeyId"])
    ask = iam.WriteKeyPolicy(
        policy=short(given["Policy"]),
        bypass_lockout_check=given.get("BypassPolicyLockoutSafetyCheck", False),
    )
    target = target_of(name, at.place)
    await at.ask_of("key.write-policy", ask, name, target, malformed)


async def list_key_policies(at: Visitor, given: Given) -> Given:
    """ListKeyPolicies: a key has one."""
    Pages(at.operation, given, default=_LISTED, most=_LISTED_MAX)
    terms = Terms(reading=at.operation)
    await at.ask("key.read-policy", asks.Nothing(), no_alias(given["KeyId"]), terms)
    return {"PolicyNames": [_NAME], "Truncated": False}


def short(policy: str) -> str:
    """The policy, if it is not too long. Raises `AWSError`."""
    if len(policy.encode()) > limits.KEY_POLICY_BYTES_MAX:
        said = f"A key policy has at most {limits.KEY_POLICY_BYTES_MAX} bytes."
        raise AWSError("LimitExceededException", said)
    return policy


def malformed(reply: Reply) -> AWSError | None:
    """A refusal of a policy that is not understood, or would lock its writer out."""
    if reply.code == InvalidRequest.code and reply.pointer == _POINTER:
        return AWSError("MalformedPolicyDocumentException", reply.detail)
    return None


def default(account: str) -> str:
    """The policy of a key that was made without one."""
    statement = {
        "Sid": "Enable IAM User Permissions",
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
        "Action": "kms:*",
        "Resource": "*",
    }
    policy = {"Version": "2012-10-17", "Id": "key-default-1", "Statement": [statement]}
    return json.dumps(policy, indent=2)


def _require_default(given: Given) -> None:
    if given.get("PolicyName", _NAME) != _NAME:
        raise not_found("No such policy exists")
