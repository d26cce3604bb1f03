"""The actions that key policies and grants speak of, and which of them an operation asks for.

An operation that AWS has none like is `kms:strongroom.` and its name: allowed by `kms:*` and by
itself, so that a policy which lists actions closes what it does not know.
"""

from typing import Final

from msgspec import UNSET

from strongroom.domain import asks, transfers, uses
from strongroom.domain.iam.patterns import fits
from strongroom.domain.readings import READINGS

PREFIX: Final = "kms:"
PUT_POLICY: Final = "kms:PutKeyPolicy"
CREATE_GRANT: Final = "kms:CreateGrant"

_SAME: Final = {
    "key.read": "DescribeKey",
    "key.replicate": "ReplicateKey",
    "key.rotate": "RotateKeyOnDemand",
    "key.enable": "EnableKey",
    "key.disable": "DisableKey",
    "key.schedule-destruction": "ScheduleKeyDeletion",
    "key.cancel-destruction": "CancelKeyDeletion",
    "key.import-parameters": "GetParametersForImport",
    "key.import": "ImportKeyMaterial",
    "key.delete-imported-material": "DeleteImportedKeyMaterial",
    "key.read-usage": "GetKeyLastUsage",
    "key.encrypt": "Encrypt",
    "key.decrypt": "Decrypt",
    "key.sign": "Sign",
    "key.verify": "Verify",
    "key.mac": "GenerateMac",
    "key.verify-mac": "VerifyMac",
    "key.agree": "DeriveSharedSecret",
    "key.encapsulate": "Encapsulate",
    "key.decapsulate": "Decapsulate",
    "key.read-public-key": "GetPublicKey",
    "key.read-policy": "GetKeyPolicy",
    "key.write-policy": "PutKeyPolicy",
    "alias.delete": "DeleteAlias",
    "grant.create": "CreateGrant",
    "grant.list": "ListGrants",
    "grant.retire": "RetireGrant",
    "grant.revoke": "RevokeGrant",
}
# An alias is the namespace's: a key's policy allows what becomes of the key, its policies the name.
OF_ALIASES: Final = frozenset({"alias.write", "alias.delete"})

_BY_THE_ASK: Final = (
    "CreateAlias", "DisableKeyRotation", "EnableKeyRotation", "GenerateDataKey",
    "GenerateDataKeyPair", "GenerateDataKeyPairWithoutPlaintext", "GenerateDataKeyWithoutPlaintext",
    "ReEncryptFrom", "ReEncryptTo", "TagResource", "UntagResource", "UpdateAlias",
    "UpdateKeyDescription", "UpdatePrimaryRegion",
)  # fmt: skip
_OURS: Final = (
    "key.backup", "key.deactivate", "key.export", "key.mark-compromised", "key.unwrap",
    "key.update", "key.use-compromised", "key.wrap",
)  # fmt: skip

ACTIONS: Final = tuple(
    sorted(
        [PREFIX + name for name in {*_SAME.values(), *_BY_THE_ASK, *READINGS}]
        + [f"{PREFIX}strongroom.{name}" for name in _OURS]
    )
)
"""All that anybody can be asked about on a key."""


def matching(pattern: str) -> tuple[str, ...]:
    """The actions that a policy's pattern means: `*` and `?`, whatever the case."""
    return tuple(action for action in ACTIONS if fits(pattern.lower(), action.lower()))


def asked(operation: str, ask: asks.Ask | None, *, as_source: bool) -> tuple[str, ...]:
    """What an operation asks of a key: all of these must be allowed.

    `as_source`: of the key that a ciphertext is of which becomes another key's.
    """
    return tuple(PREFIX + name for name in _names(operation, ask, as_source=as_source))


def _names(operation: str, ask: asks.Ask | None, *, as_source: bool) -> tuple[str, ...]:
    same = _SAME.get(operation)
    if same is not None:
        return (same,)
    if operation == "key.re-encrypt":
        return ("ReEncryptFrom",) if as_source else ("ReEncryptTo",)
    if isinstance(ask, uses.GenerateDataKey | uses.GenerateDataKeyPair):
        return (type(ask).__name__ + ("" if ask.with_plaintext else "WithoutPlaintext"),)
    if operation == "alias.write":
        return _of_alias(ask)
    if isinstance(ask, asks.UpdateKey):
        return _changes(ask)
    return _UNASKED.get(operation, (f"strongroom.{operation}",))


def _of_alias(ask: asks.Ask | None) -> tuple[str, ...]:
    """Both where it is open, before anybody looks, whether there is such an alias."""
    if not isinstance(ask, transfers.WriteAlias) or not (ask.new or ask.existing):
        return ("CreateAlias", "UpdateAlias")
    return ("CreateAlias",) if ask.new else ("UpdateAlias",)


def _changes(ask: asks.UpdateKey) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for field in ask.__struct_fields__:
        value = getattr(ask, field)
        if value is UNSET:
            continue
        if field == "rotation_days":
            found["EnableKeyRotation" if value else "DisableKeyRotation"] = None
        else:
            found.update(dict.fromkeys(_CHANGED.get(field, _ANOTHER)))
    return tuple(found) or _ANOTHER


# Where somebody only wants to know who may, there is no ask: it is the one that most have.
_UNASKED: Final = {
    "key.generate-data-key": ("GenerateDataKey",),
    "key.generate-data-key-pair": ("GenerateDataKeyPair",),
}

# What a field of UpdateKey is to AWS; others are ours alone.
_ANOTHER: Final = ("strongroom.key.update",)
_CHANGED: Final[dict[str, tuple[str, ...]]] = {
    "description": ("UpdateKeyDescription",),
    "labels": ("TagResource", "UntagResource"),
    "add_labels": ("TagResource",),
    "remove_labels": ("UntagResource",),
    "primary_region": ("UpdatePrimaryRegion",),
}
