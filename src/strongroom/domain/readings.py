"""Readings of a part of a key, by a right of their own.

AWS has rights that ours are coarser than: to see how a key rotates, but not its labels. A door may
say with a reading by which of AWS's actions it is to be weighed. Whatever is not in the table is
refused. What an action shows is all that the answer tells, so that a gate learns nothing which its
caller has no right to.
"""

from typing import Final, NamedTuple


class Reading(NamedTuple):
    """`operation` is what reads. `native` is weighed where the namespace's policies decide.

    `shows` are the fields of the answer that are told, beside what every permit for a key tells
    (`calls.About`). `told` are the condition keys of what is asked for next: conditions on them are
    weighed for the reading, too.
    """

    operation: str
    native: str
    shows: frozenset[str] = frozenset()
    told: frozenset[str] = frozenset()


VALID_TO: Final = "kms:validto"
_MATERIAL: Final = frozenset({"awaited_in", "min_version", "versions", "waiting_version"})

READINGS: Final[dict[str, Reading]] = {
    "GetKeyRotationStatus": Reading(
        "key.read", "key.read", frozenset({"rotates", "rotation_days"})
    ),
    "ListKeyPolicies": Reading("key.read-policy", "key.read-policy"),
    "ListKeyRotations": Reading("key.read", "key.read", _MATERIAL),
    "ListResourceTags": Reading("key.read", "key.read", frozenset({"labels"})),
    # What is asked for depends on the material that is there already.
    "DeleteImportedKeyMaterial": Reading("key.read", "key.delete-imported-material", _MATERIAL),
    "GetParametersForImport": Reading(
        "key.read",
        "key.import-parameters",
        _MATERIAL,
        frozenset({"kms:wrappingalgorithm", "kms:wrappingkeyspec"}),
    ),
    "ImportKeyMaterial": Reading(
        "key.read", "key.import", _MATERIAL, frozenset({"kms:expirationmodel", VALID_TO})
    ),
}
"""By AWS's action."""
