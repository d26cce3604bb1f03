"""Every operation of the model: who serves it and what differs from AWS, or why nobody does.

`docs/compat/aws.md` is written from this.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Final, NamedTuple

from strongroom.doors.aws import (
    aliases,
    crypto,
    grants,
    imports,
    keys,
    policies,
    regions,
    rotation,
    tags,
    usage,
    uses,
)
from strongroom.doors.aws.visitor import Visitor

Serve = Callable[[Visitor, dict[str, Any]], Awaitable[dict[str, Any] | None]]


class Row(NamedTuple):
    """An operation. `note` is what differs; of one without `serve`, why it is not served."""

    serve: Serve | None
    note: str = ""


_STORES = Row(None, "custom key stores are AWS's; Strongroom keeps keys in its own")

TABLE: Final[dict[str, Row]] = {
    "CancelKeyDeletion": Row(keys.cancel_key_deletion),
    "ConnectCustomKeyStore": _STORES,
    "CreateAlias": Row(aliases.create_alias),
    "CreateCustomKeyStore": _STORES,
    "CreateGrant": Row(
        grants.create_grant,
        "in force at the answer; principals are users of the account; without `SourceArn` and"
        " service principals; 100 grants of a key for one principal",
    ),
    "CreateKey": Row(
        keys.create_key,
        "without the specs `SM2` and `ML_KEM_512`",
    ),
    "Decapsulate": Row(uses.decapsulate),
    "Decrypt": Row(crypto.decrypt, "without `Recipient`"),
    "DeleteAlias": Row(aliases.delete_alias),
    "DeleteCustomKeyStore": _STORES,
    "DeleteImportedKeyMaterial": Row(imports.delete_imported_key_material),
    "DeriveSharedSecret": Row(uses.derive_shared_secret, "without `Recipient`"),
    "DescribeCustomKeyStores": _STORES,
    "DescribeKey": Row(keys.describe_key),
    "DisableKey": Row(keys.disable_key, "holds at once, everywhere"),
    "DisableKeyRotation": Row(rotation.disable_key_rotation),
    "DisconnectCustomKeyStore": _STORES,
    "EnableKey": Row(keys.enable_key, "holds at once, everywhere"),
    "EnableKeyRotation": Row(rotation.enable_key_rotation),
    "Encapsulate": Row(uses.encapsulate),
    "Encrypt": Row(crypto.encrypt),
    "GenerateDataKey": Row(crypto.generate_data_key, "without `Recipient`"),
    "GenerateDataKeyPair": Row(
        uses.generate_data_key_pair,
        "without `Recipient`, and the specs `SM2` and `ML_KEM_512`",
    ),
    "GenerateDataKeyPairWithoutPlaintext": Row(
        uses.generate_data_key_pair_without_plaintext,
        "without the specs `SM2` and `ML_KEM_512`",
    ),
    "GenerateDataKeyWithoutPlaintext": Row(crypto.generate_data_key_without_plaintext),
    "GenerateMac": Row(uses.generate_mac),
    "GenerateRandom": Row(crypto.generate_random, "without `Recipient` and `CustomKeyStoreId`"),
    "GetKeyLastUsage": Row(
        usage.get_key_last_usage,
        "of the last 400 days; the event is the entry of Strongroom's log, under the request's id;"
        " what came without plaintext is not told from what came with it",
    ),
    "GetKeyPolicy": Row(policies.get_key_policy),
    "GetKeyRotationStatus": Row(rotation.get_key_rotation_status),
    "GetParametersForImport": Row(
        imports.get_parameters_for_import,
        "without SM2; the token is good for one import",
    ),
    "GetPublicKey": Row(uses.get_public_key),
    "ImportKeyMaterial": Row(imports.import_key_material),
    "ListAliases": Row(
        aliases.list_aliases,
        "who may not read a key is not told that there is none",
    ),
    "ListGrants": Row(grants.list_grants),
    "ListKeyPolicies": Row(policies.list_key_policies),
    "ListKeyRotations": Row(rotation.list_key_rotations),
    "ListKeys": Row(keys.list_keys, "keys of algorithms that AWS does not have are not listed"),
    "ListResourceTags": Row(tags.list_resource_tags),
    "ListRetirableGrants": Row(grants.list_retirable_grants),
    "PutKeyPolicy": Row(
        policies.put_key_policy,
        "in force at the answer; what is not understood is refused: see below",
    ),
    "ReEncrypt": Row(crypto.re_encrypt),
    "ReplicateKey": Row(regions.replicate_key, "the replica works at once"),
    "RetireGrant": Row(grants.retire_grant, "in force at the answer"),
    "RevokeGrant": Row(grants.revoke_grant, "in force at the answer"),
    "RotateKeyOnDemand": Row(rotation.rotate_key_on_demand, "done when it is answered"),
    "ScheduleKeyDeletion": Row(keys.schedule_key_deletion),
    "Sign": Row(uses.sign),
    "TagResource": Row(tags.tag_resource),
    "UntagResource": Row(tags.untag_resource),
    "UpdateAlias": Row(aliases.update_alias),
    "UpdateCustomKeyStore": _STORES,
    "UpdateKeyDescription": Row(keys.update_key_description),
    "UpdatePrimaryRegion": Row(regions.update_primary_region, "holds at once, everywhere"),
    "Verify": Row(uses.verify),
    "VerifyMac": Row(uses.verify_mac),
}
"""By operation."""
