"""Calls about the rights that are kept with a key: its policy in AWS's words, and its grants."""

from strongroom.client.call import (
    Call,
    getting,
    given,
    key_part,
    paging,
    posting,
    sending,
)
from strongroom.domain import asks, limits
from strongroom.domain.iam import asks as iam


def read_key_policy(key: str) -> Call[iam.KeyPolicyView]:
    """The policy that is kept with the key; an empty one leaves all to the namespace's policies."""
    return getting("key.read-policy", _path(key, "policy"), iam.KeyPolicyView, target=key)


def write_key_policy(
    key: str, policy: str, *, bypass_lockout_check: bool = False
) -> Call[iam.KeyPolicyView]:
    """Another policy, in force at once; an empty one: the default.

    Refused where you could not change it again, unless `bypass_lockout_check`.
    """
    body = given(policy=policy, bypass_lockout_check=bypass_lockout_check or None)
    path = _path(key, "policy")
    return sending("PUT", "key.write-policy", path, iam.KeyPolicyView, body, target=key)


def create_grant(  # noqa: PLR0913 - what a grant says
    key: str,
    grantee: str,
    operations: list[str],
    *,
    context_subset: dict[str, str] | None = None,
    context_equals: dict[str, str] | None = None,
    retiring: str | None = None,
    name: str = "",
) -> Call[iam.GrantView]:
    """What a principal may do with the key, from now on. Operations are AWS's, such as Decrypt.

    `context_subset` must be in an encryption context, `context_equals` be it.
    """
    body = given(
        grantee=grantee,
        operations=operations,
        context_subset=context_subset,
        context_equals=context_equals,
        retiring=retiring,
        name=name or None,
    )
    return posting("grant.create", _path(key, "grants"), iam.GrantView, body, target=key)


def list_grants(
    key: str,
    *,
    grantee: str = "",
    limit: int = limits.PAGE_ITEMS_DEFAULT,
    page_token: str = "",
) -> Call[iam.GrantPage]:
    """A page of the key's grants, of one principal or all."""
    path = _path(key, "grants")
    return paging("grant.list", path, iam.GrantPage, limit, page_token, target=key, grantee=grantee)


def list_retirable_grants(
    retiring: str, *, limit: int = limits.PAGE_ITEMS_DEFAULT, page_token: str = ""
) -> Call[iam.GrantPage]:
    """A page of the grants that a principal may retire."""
    return paging(
        "grant.list-retirable", "/v1/grants", iam.GrantPage, limit, page_token, retiring=retiring
    )


def retire_grant(key: str, grant: str) -> Call[asks.Done]:
    """End a grant, as whom it names for that."""
    return posting(
        "grant.retire", _path(key, "retire-grant"), asks.Done, {"grant": grant}, target=key
    )


def revoke_grant(key: str, grant: str) -> Call[asks.Done]:
    """End a grant of a key that you manage."""
    return posting(
        "grant.revoke", _path(key, "revoke-grant"), asks.Done, {"grant": grant}, target=key
    )


def _path(key: str, rest: str) -> str:
    return f"/v1/keys/{key_part(key)}/{rest}"
