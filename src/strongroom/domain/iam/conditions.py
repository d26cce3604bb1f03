"""The conditions of policies: which keys and operators there are, and the Cedar that they mean.

Source: IAM User Guide, "IAM JSON policy elements: Condition operators" and "Multivalued context
keys"; AWS KMS Developer Guide, "Condition keys for AWS KMS". What cannot be said exactly in Cedar
is refused when the policy is written, never left out.

A request's values are in `context` (`domain/cedar_schema.py`): `one` and `lower` (as they are, and
in lower case) of keys with one value, `many` and `many_lower` of keys with several, `numbers`,
`times`, and `address`.
"""

import re
from typing import Final

import msgspec

from strongroom.domain.cedar_schema import quoted
from strongroom.domain.iam.comparisons import (
    EXPRESSIONS,
    FITTING,
    NEGATED,
    OPERATORS,
    Kind,
    MalformedPolicyError,
    listed,
    many,
)

CONDITIONS_MAX: Final = 50  # of a statement: Cedar's parser calls itself for each
_VALUES_MAX: Final = 50


class Condition(msgspec.Struct, frozen=True):
    """One operator on one key. `cedar` is the expression that it means."""

    operator: str
    key: str
    values: tuple[str, ...]
    cedar: str


_KEYS: Final[dict[str, Kind]] = {
    "aws:currenttime": Kind.TIME,
    "aws:epochtime": Kind.TIME,
    "aws:principalaccount": Kind.TEXT,
    "aws:principalarn": Kind.ARN,
    "aws:principaltype": Kind.TEXT,
    "aws:requestedregion": Kind.TEXT,
    "aws:resourceaccount": Kind.TEXT,
    "aws:sourceip": Kind.ADDRESS,
    "aws:tagkeys": Kind.SEVERAL,
    "aws:userid": Kind.TEXT,
    "aws:username": Kind.TEXT,
    "kms:bypasspolicylockoutsafetycheck": Kind.TEXT,
    "kms:calleraccount": Kind.TEXT,
    "kms:datakeypairspec": Kind.TEXT,
    "kms:encryptionalgorithm": Kind.TEXT,
    "kms:encryptioncontextkeys": Kind.SEVERAL,
    "kms:grantconstrainttype": Kind.TEXT,
    "kms:granteeprincipal": Kind.ARN,
    "kms:grantisforawsresource": Kind.TEXT,
    "kms:grantoperations": Kind.SEVERAL,
    "kms:keyorigin": Kind.TEXT,
    "kms:keyspec": Kind.TEXT,
    "kms:keyusage": Kind.TEXT,
    "kms:multiregion": Kind.TEXT,
    "kms:primaryregion": Kind.TEXT,
    "kms:replicaregion": Kind.TEXT,
    "kms:requestalias": Kind.TEXT,
    "kms:retiringprincipal": Kind.ARN,
    "kms:rotationperiodindays": Kind.NUMBER,
    "kms:schedulekeydeletionpendingwindowindays": Kind.NUMBER,
    "kms:signingalgorithm": Kind.TEXT,
    # What no request here has: services of AWS, its organisations and networks.
    "aws:multifactorauthpresent": Kind.TEXT,
    "aws:principalisawsservice": Kind.TEXT,
    "aws:principalorgid": Kind.TEXT,
    "aws:principalorgpaths": Kind.SEVERAL,
    "aws:sourceaccount": Kind.TEXT,
    "aws:sourcearn": Kind.ARN,
    "aws:sourceorgid": Kind.TEXT,
    "aws:sourcevpc": Kind.TEXT,
    "aws:sourcevpce": Kind.TEXT,
    "aws:viaawsservice": Kind.TEXT,
    "kms:viaservice": Kind.TEXT,
}
_FAMILIES: Final = (
    "kms:encryptioncontext:", "aws:resourcetag/", "aws:requesttag/", "aws:principaltag/",
)  # fmt: skip
"""Keys whose names go on with a name of the user's."""

_OPERATOR: Final = re.compile(r"(?:(ForAnyValue|ForAllValues):)?([A-Za-z]+?)(IfExists)?")


def condition(operator: str, key: str, values: list[str], account: str) -> Condition:
    """What one condition means. Raises `MalformedPolicyError` for one that is not understood."""
    found = _OPERATOR.fullmatch(operator)
    base = found[2] if found else ""
    if found is None or base not in OPERATORS:
        raise MalformedPolicyError(f"there is no condition operator {operator[:64]}")
    kind = _kind_of(key)
    if len(values) > _VALUES_MAX:
        raise MalformedPolicyError(f"a condition has {_VALUES_MAX} values at most")
    if any("${" in value for value in values):
        raise MalformedPolicyError("policy variables (${...}) are not served")
    name = key.lower()
    if base == "Null":
        cedar = _null(name, kind, values, qualified=bool(found[1] or found[3]))
    else:
        if kind not in FITTING[base]:
            raise MalformedPolicyError(f"{base} does not go with {key[:64]}")
        cedar = _compared(
            base, name, kind, values,
            qualifier=found[1] or "", if_exists=bool(found[3]), account=account,
        )  # fmt: skip
    return Condition(operator, name, tuple(values), cedar)


def _kind_of(key: str) -> Kind:
    name = key.lower()
    kind = _KEYS.get(name)
    if kind is None and name.startswith(_FAMILIES) and name not in _FAMILIES:
        kind = Kind.TEXT
    if kind is None:
        raise MalformedPolicyError(f"there is no condition key {key[:64]} here")
    return kind


def _compared(  # noqa: PLR0913 - the parts of a condition
    base: str,
    name: str,
    kind: Kind,
    values: list[str],
    *,
    qualifier: str,
    if_exists: bool,
    account: str,
) -> str:
    negated = NEGATED.get(base)
    positive = negated or base
    has = _has(name, kind)
    if kind is Kind.SEVERAL:
        if not qualifier:
            raise MalformedPolicyError(
                f"{name} has several values: say ForAnyValue: or ForAllValues:"
            )
        texts = listed(positive, name, values)
        held = f"context.{many(positive)}.getTag({quoted(name)})"
        if qualifier == "ForAnyValue":
            met = f"!({texts}.containsAll({held}))" if negated else f"{texts}.containsAny({held})"
            return f"(!{has} || {met})" if if_exists else f"({has} && {met})"
        met = f"!({texts}.containsAny({held}))" if negated else f"{texts}.containsAll({held})"
        return f"(!{has} || {met})"
    met = EXPRESSIONS[positive](name, values, account)
    if negated:
        met = f"!({met})"
    # A negated operator holds for what is not there, and so does ForAllValues.
    absent_holds = if_exists or qualifier == "ForAllValues" or (negated and not qualifier)
    return f"(!{has} || {met})" if absent_holds else f"({has} && {met})"


def _has(name: str, kind: Kind) -> str:
    if kind is Kind.ADDRESS:
        return "(context has address)"
    where = {
        Kind.SEVERAL: "many", Kind.NUMBER: "numbers", Kind.TIME: "times"
    }.get(kind, "one")  # fmt: skip
    return f"context.{where}.hasTag({quoted(name)})"


def _null(name: str, kind: Kind, values: list[str], *, qualified: bool) -> str:
    told = {value.lower() for value in values}
    if qualified or not told <= {"true", "false"}:
        raise MalformedPolicyError("Null is compared with true or false")
    has = _has(name, kind)
    met = " || ".join(f"!{has}" if value == "true" else has for value in sorted(told))
    return f"({met})"
