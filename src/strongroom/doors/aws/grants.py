"""Grants: what a principal may do with one key, from the answer on."""

import base64
import binascii
import os
from functools import partial
from typing import Any, Final

import msgspec

from strongroom.domain.calls import Reply, Terms
from strongroom.domain.errors import InvalidRequest, NotFound
from strongroom.domain.iam import asks as iam
from strongroom.domain.iam.document import who_is
from strongroom.domain.iam.errors import MalformedPolicyError
from strongroom.domain.words import ID_PREFIX, is_name
from strongroom.doors.aws.errors import AWSError, not_found, validation
from strongroom.doors.aws.metadata import seconds
from strongroom.doors.aws.names import no_alias
from strongroom.doors.aws.names import target as target_of
from strongroom.doors.aws.pages import Pages, foreign
from strongroom.doors.aws.visitor import Visitor

Given = dict[str, Any]

_LISTED, _LISTED_MAX = 50, 100
_ID_BYTES: Final = 32
_TOKEN: Final = b"strongroom/grant-token/1 "
_UNSERVED: Final = ("GranteeServicePrincipal", "RetiringServicePrincipal")


async def create_grant(at: Visitor, given: Given) -> Given:
    """CreateGrant. Its token opens nothing: the grant holds for its grantee at once."""
    _no_services(given)
    if "GranteePrincipal" not in given:
        raise validation("GranteePrincipal is required.")
    constraints = given.get("Constraints", {})
    if "SourceArn" in constraints:
        raise AWSError("UnsupportedOperationException", "SourceArn is not served.")
    subset = constraints.get("EncryptionContextSubset", {})
    equals = constraints.get("EncryptionContextEquals", {})
    if subset and equals:
        said = "Give either EncryptionContextSubset or EncryptionContextEquals, not both."
        raise validation(said)
    ask = iam.CreateGrant(
        grantee=_principal(at, given["GranteePrincipal"]),
        operations=given["Operations"],
        context_subset=subset,
        context_equals=equals,
        retiring=_principal(at, given["RetiringPrincipal"])
        if "RetiringPrincipal" in given
        else msgspec.UNSET,
        name=given.get("Name", ""),
    )
    name = no_alias(given["KeyId"])
    grant = await at.ask_of(
        "grant.create", ask, name, target_of(name, at.place), partial(_invalid, at),
        Terms(dry=at.dry, whole=True),
    )  # fmt: skip
    return {"GrantId": grant.id, "GrantToken": _token(grant.id)}


async def list_grants(at: Visitor, given: Given) -> Given:
    """ListGrants."""
    _no_services(given)
    name = no_alias(given["KeyId"])
    grantee: str | msgspec.UnsetType = msgspec.UNSET
    grant: str | msgspec.UnsetType = msgspec.UNSET
    if "GranteePrincipal" in given:
        grantee = _principal(at, given["GranteePrincipal"])
    if "GrantId" in given:
        grant = _grant_id(given["GrantId"])

    async def page(after: str, limit: int) -> tuple[list[Given], str]:
        ask = iam.ListGrants(limit=limit, page_token=after, grantee=grantee, grant=grant)
        found = await at.ask_of("grant.list", ask, name, target_of(name, at.place), _elsewhere)
        return [_shown(at, view) for view in found.grants], found.next_page_token

    return await Pages(at.operation, given, default=_LISTED, most=_LISTED_MAX).answer(
        "Grants", page
    )


def _elsewhere(reply: Reply) -> AWSError | None:
    return foreign() if reply.pointer == "$.page_token" else None


async def list_retirable_grants(at: Visitor, given: Given) -> Given:
    """ListRetirableGrants."""
    _no_services(given)
    if "RetiringPrincipal" not in given:
        raise validation("RetiringPrincipal is required.")
    retiring = _principal(at, given["RetiringPrincipal"])

    async def page(after: str, limit: int) -> tuple[list[Given], str]:
        ask = iam.ListRetirableGrants(retiring=retiring, limit=limit, page_token=after)
        found = await at.ask("grant.list-retirable", ask)
        return [_shown(at, view) for view in found.grants], found.next_page_token

    return await Pages(at.operation, given, default=_LISTED, most=_LISTED_MAX).answer(
        "Grants", page
    )


async def retire_grant(at: Visitor, given: Given) -> None:
    """RetireGrant: by its token, or by its id and the key's."""
    if "GrantToken" in given:
        grant_id = opened(given["GrantToken"])
        await _end(at, "grant.retire", ID_PREFIX + grant_id[:32], grant_id)
        return
    if not ("KeyId" in given and "GrantId" in given):
        raise validation("Give either GrantToken, or KeyId and GrantId.")
    target = target_of(no_alias(given["KeyId"]), at.place)
    await _end(at, "grant.retire", target, _grant_id(given["GrantId"]), given["KeyId"])


async def revoke_grant(at: Visitor, given: Given) -> None:
    """RevokeGrant."""
    target = target_of(no_alias(given["KeyId"]), at.place)
    await _end(at, "grant.revoke", target, _grant_id(given["GrantId"]), given["KeyId"])


async def _end(at: Visitor, operation: str, target: str, grant: str, name: str = "") -> None:
    def missing(reply: Reply) -> AWSError | None:
        return not_found(f"Grant ID {grant} not found") if reply.code == NotFound.code else None

    await at.ask_of(operation, iam.OfGrant(grant=grant), name, target, missing, at.terms)


def require_tokens(given: Given) -> None:
    """Grants hold without their tokens; what is none is refused all the same."""
    for token in given.get("GrantTokens", ()):
        opened(token)


def opened(token: str) -> str:
    """The id of the grant whose token it is. Raises `AWSError`."""
    try:
        raw = base64.b64decode(token, validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if not raw.startswith(_TOKEN) or len(raw) != len(_TOKEN) + _ID_BYTES + 16:
        raise AWSError("InvalidGrantTokenException", "The grant token is not valid.")
    return raw[len(_TOKEN) :][:_ID_BYTES].hex()


def _token(grant_id: str) -> str:
    return base64.b64encode(_TOKEN + bytes.fromhex(grant_id) + os.urandom(16)).decode()


def _grant_id(text: str) -> str:
    if len(text) != 2 * _ID_BYTES or not set(text) <= set("0123456789abcdef"):
        raise AWSError("InvalidGrantIdException", "Invalid grant ID")
    return text


def _principal(at: Visitor, arn: str) -> str:
    try:
        kind, name = who_is(arn, at.place.account)
    except MalformedPolicyError:
        kind = name = ""
    if kind != "user" or not is_name(name):
        said = f"Invalid principal: they are arn:aws:iam::{at.place.account}:user/NAME here"
        raise AWSError("InvalidArnException", said)
    return name


def _no_services(given: Given) -> None:
    for member in _UNSERVED:
        if member in given:
            raise AWSError("UnsupportedOperationException", f"{member}: there are none here.")


def _invalid(at: Visitor, reply: Reply) -> AWSError | None:
    if reply.code != InvalidRequest.code:
        return None
    if reply.pointer in ("$.grantee", "$.retiring"):
        return AWSError("InvalidArnException", at.words(reply))
    if reply.pointer == "$.grants":
        return AWSError("LimitExceededException", at.words(reply))
    return None


def _shown(at: Visitor, view: iam.GrantView) -> Given:
    user = f"arn:aws:iam::{at.place.account}:user/"
    found: Given = {
        "KeyId": at.place.key(bytes.fromhex(view.key_id)),
        "GrantId": view.id,
        "CreationDate": seconds(view.created),
        "GranteePrincipal": user + view.grantee,
        "IssuingAccount": f"arn:aws:iam::{at.place.account}:root",
        "Operations": view.operations,
    }
    if view.name:
        found["Name"] = view.name
    if view.retiring:
        found["RetiringPrincipal"] = user + view.retiring
    constraints = {
        "EncryptionContextSubset": view.context_subset,
        "EncryptionContextEquals": view.context_equals,
    }
    if any(constraints.values()):
        found["Constraints"] = {name: pairs for name, pairs in constraints.items() if pairs}
    return found
