"""Asks and answers of what brings keys in and out, of aliases, and of who used a key."""

from enum import StrEnum
from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from strongroom.domain import limits
from strongroom.domain.algorithms import Algorithm
from strongroom.domain.asks import Answer, Ask, KeyView, Page
from strongroom.domain.times import microseconds
from strongroom.domain.words import (
    AliasSpelling,
    Description,
    Name,
    NoAlias,
    Time,
    VersionNumber,
)


class Wrapping(StrEnum):
    """How material travels: under a wrapping key's public half."""

    RSA_AES_KWP_SHA256 = "rsa-aes-kwp-sha256"  # PKCS#11 CKM_RSA_AES_KEY_WRAP: of any size
    RSA_AES_KWP_SHA1 = "rsa-aes-kwp-sha1"
    RSA_OAEP_SHA256 = "rsa-oaep-sha256"  # it must fit, and no RSA key does
    RSA_OAEP_SHA1 = "rsa-oaep-sha1"


class WrappingKey(StrEnum):
    """The wrapping keys that can be had for an import."""

    RSA_2048 = "rsa-2048"
    RSA_3072 = "rsa-3072"
    RSA_4096 = "rsa-4096"


Blob = Annotated[bytes, Meta(max_length=limits.IMPORT_BYTES_MAX, description="base64")]
Token = Annotated[str, Meta(pattern=r"^[0-9a-f]{32}$(?!\n)", description="from import-parameters")]


class ImportParameters(Ask, kw_only=True):
    """A wrapping key for one import. With `wrapping`, the import takes that one and no other."""

    wrapping_key: WrappingKey = WrappingKey.RSA_4096
    wrapping: Wrapping | UnsetType = UNSET


class ImportParametersView(Answer):
    """Wrap the material for `public_key` (SPKI, DER) and hand it in with the token, once."""

    import_token: str
    public_key: bytes
    pem: str
    wrapping_key: WrappingKey
    expires: str


class ImportMaterial(Ask, kw_only=True):
    """Wrapped material: a symmetric key as it is, a private key as PKCS#8 in DER.

    Without `key_version` it becomes the key's first version, or its next; if it `waits`, the next
    one is used only when the key is rotated. With `key_version`, it is the same material again: for
    a version whose material expired or was deleted. With `again`, it may be there still (and will
    expire as this import says), and the version need not be named. `description` says what it is to
    you; without it, the former one stays. To a replica in another Region comes what its primary
    has, one version after the other; a primary's next material waits until each replica has it.
    """

    import_token: Token
    wrapped_material: Blob
    wrapping: Wrapping = Wrapping.RSA_AES_KWP_SHA256
    expires: Time = ""
    key_version: VersionNumber | UnsetType = UNSET
    waits: bool = False
    again: bool = False
    description: Description | UnsetType = UNSET

    def __post_init__(self) -> None:
        """Refuse what is no time, and what says two things at once."""
        microseconds(self.expires)
        if self.waits and (self.again or self.key_version is not UNSET):
            raise ValueError("what is imported again does not wait")


class ImportedKey(KeyView):
    """The key after an import. `imported_version` is the version whose material came."""

    imported_version: int = 0


class ExportMaterial(Ask, kw_only=True):
    """The public key (SPKI, DER; RSA of 2048 bits or more) that the material is wrapped for."""

    public_key: Blob
    wrapping: Wrapping = Wrapping.RSA_AES_KWP_SHA256
    key_version: VersionNumber | UnsetType = UNSET


class Exported(Answer):
    """The material as `import` takes it."""

    wrapped_material: bytes
    wrapping: Wrapping
    algorithm: Algorithm
    key_version: int


class Backup(Answer):
    """A whole key as one opaque blob. It opens where the same root key is, and nowhere else."""

    backup: bytes
    versions: int


class RestoreKey(Ask, kw_only=True):
    """A blob that backup returned; `name` if it is to have another one here."""

    backup: Annotated[bytes, Meta(max_length=limits.BACKUP_BYTES_MAX, description="base64")]
    name: Name | UnsetType = UNSET


# --- aliases --------------------------------------------------------------------------------------


class WriteAlias(Ask, kw_only=True):
    """The key that the alias names from now on: by its name or its id.

    `new`: there must be no such alias yet. `existing`: there must be one. `spelt` is how others'
    protocols call it, whose aliases are longer and of other characters.
    """

    key: NoAlias
    new: bool = False
    spelt: AliasSpelling = ""
    existing: bool = False

    def __post_init__(self) -> None:
        """Refuse what can never be."""
        if self.new and self.existing:
            raise ValueError("an alias cannot be both new and existing")


class AliasView(Answer):
    """An alias. Wherever a key is addressed, `alias:NAME` does it too.

    `updated` is when it was pointed at that key.
    """

    name: str
    key: str
    created: str
    revision: int
    key_id: str
    spelt: str = ""
    updated: str = ""


class AliasPage(Answer):
    """A page of aliases."""

    aliases: list[AliasView]
    next_page_token: str


class ListAliases(Page, kw_only=True):
    """One page of aliases, in the order of names."""


# --- usage ----------------------------------------------------------------------------------------


class ReadUsage(Ask, kw_only=True):
    """Uses of the last so many days; a version unused for so long is safe to retire."""

    days: Annotated[int, Meta(ge=1, le=limits.USAGE_DAYS_MAX)] = 90


class DayUsage(Answer):
    """How often a caller used a version on a day (UTC)."""

    day: str
    principal: str
    uses: int


class CallerUsage(Answer):
    """Who still used a version, how often, and when last."""

    principal: str
    uses: int
    last_used: str


class VersionUsage(Answer):
    """Uses of one version in those days. `safe_to_retire`: not current, and nobody used it."""

    version: int
    uses: int
    last_used: str
    safe_to_retire: bool
    callers: list[CallerUsage]
    by_day: list[DayUsage]


class UsageView(Answer):
    """A key's use, newest version first. `complete` is false if there is more than fits.

    `last_action` is what it was used for last, in the request `last_request`.
    """

    name: str
    since: str
    uses: int
    last_used: str
    versions: list[VersionUsage]
    complete: bool
    last_action: str = ""
    last_request: str = ""


# --- published keys -------------------------------------------------------------------------------


class JWKSet(Answer):
    """The public halves of the namespace's signing keys (RFC 7517, section 5).

    A key's `kid` is its name and version: `NAME/VERSION`.
    """

    keys: list[dict[str, str | list[str]]]
