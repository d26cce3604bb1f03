"""Asks and answers about the rights that are kept with a key: its policy, and its grants."""

from typing import Annotated, Final, Literal, get_args

from msgspec import UNSET, Meta, UnsetType

from strongroom.domain import limits
from strongroom.domain.asks import Answer, Ask
from strongroom.domain.words import Context, KeyPolicyText, Name, PageLimit, PageToken

GrantId = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$(?!\n)", description="64 hexadecimal digits")]
GrantName = Annotated[str, Meta(max_length=256, pattern=r"^[a-zA-Z0-9:/_-]*$(?!\n)")]
GrantOperation = Literal[
    "CreateGrant", "Decapsulate", "Decrypt", "DeriveSharedSecret", "DescribeKey", "Encapsulate",
    "Encrypt", "GenerateDataKey", "GenerateDataKeyPair", "GenerateDataKeyPairWithoutPlaintext",
    "GenerateDataKeyWithoutPlaintext", "GenerateMac", "GetPublicKey", "ReEncryptFrom",
    "ReEncryptTo", "RetireGrant", "Sign", "Verify", "VerifyMac",
]  # fmt: skip
GRANT_OPERATIONS: Final[tuple[str, ...]] = get_args(GrantOperation)


class WriteKeyPolicy(Ask, kw_only=True):
    """The policy that the key has from now on; an empty one leaves all to the namespace's policies.

    Refused where it would keep the caller from changing it again, unless `bypass_lockout_check`.
    """

    policy: KeyPolicyText
    bypass_lockout_check: bool = False


class KeyPolicyView(Answer):
    """A key's policy; empty: the default."""

    key: str
    policy: str


class CreateGrant(Ask, kw_only=True):
    """What a principal may do with the key, and nobody need be asked again.

    `context_subset` must be in an encryption context, `context_equals` be it; not both. `retiring`
    may end the grant, as the grantee may where `operations` has RetireGrant. With a `name`, the
    same grant once more is the one that there is.
    """

    grantee: Name
    operations: Annotated[list[GrantOperation], Meta(min_length=1, max_length=32)]
    context_subset: Context = {}  # noqa: RUF012 - msgspec copies it
    context_equals: Context = {}  # noqa: RUF012 - as above
    retiring: Name | UnsetType = UNSET
    name: GrantName = ""

    def __post_init__(self) -> None:
        """Refuse both constraints."""
        if self.context_subset and self.context_equals:
            raise ValueError("give either context_subset or context_equals")


class GrantView(Answer, kw_only=True):
    """A grant. `issuer` made it; an empty `retiring`: nobody was named."""

    id: str
    key: str
    key_id: str
    grantee: str
    operations: list[str]
    context_subset: dict[str, str]
    context_equals: dict[str, str]
    retiring: str
    name: str
    issuer: str
    created: str


class ListGrants(Ask, kw_only=True):
    """A page of the key's grants, of one principal or all."""

    limit: PageLimit = limits.PAGE_ITEMS_DEFAULT
    page_token: PageToken = ""
    grantee: Name | UnsetType = UNSET
    grant: GrantId | UnsetType = UNSET


class ListRetirableGrants(Ask, kw_only=True):
    """A page of the grants that a principal may retire."""

    retiring: Name
    limit: PageLimit = limits.PAGE_ITEMS_DEFAULT
    page_token: PageToken = ""


class GrantPage(Answer):
    """Grants, and where the next page begins; empty: nowhere."""

    grants: list[GrantView]
    next_page_token: str


class OfGrant(Ask, kw_only=True):
    """Which grant."""

    grant: GrantId
