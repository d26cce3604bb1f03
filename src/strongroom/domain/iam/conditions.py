"""The conditions of policies: which keys and operators there are, and the Cedar that they mean.

Source: IAM User Guide, "IAM JSON policy elements: Condition operators" and "Multivalued context
keys"; AWS KMS Developer Guide, "Condition keys for AWS KMS". What cannot be said exactly in Cedar
is refused when the policy is written, never left out.

A request's values are in `context` (`domain/cedar_schema.py`): `one` and `lower` (as they are, and
in lower case) of keys with one value, `many` and `many_lower` of keys with several, `numbers`,
`times`, and `address`.
"""

import ipaddress
import re
from collections.abc import Callable, Iterable
from enum import Enum
from typing import Final

import msgspec

from strongroom.domain.cedar_schema import quoted
from strongroom.domain.iam.patterns import fits
from strongroom.domain.times import microseconds

GRANT_OPERATIONS: Final = (
    "CreateGrant", "Decapsulate", "Decrypt", "DeriveSharedSecret", "DescribeKey", "Encapsulate",
    "Encrypt", "GenerateDataKey", "GenerateDataKeyPair", "GenerateDataKeyPairWithoutPlaintext",
    "GenerateDataKeyWithoutPlaintext", "GenerateMac", "GetPublicKey", "ReEncryptFrom",
    "ReEncryptTo", "RetireGrant", "Sign", "Verify", "VerifyMac",
)  # fmt: skip

CONDITIONS_MAX: Final = 50  # of a statement: Cedar's parser calls itself for each
_VALUES_MAX: Final = 50


class MalformedPolicyError(Exception):
    """A policy that is not understood. The text says what is wrong."""


class Kind(Enum):
    """How a condition key's values are compared."""

    TEXT = "text"
    SEVERAL = "several texts"
    ARN = "arn"
    NUMBER = "number"
    TIME = "time"
    ADDRESS = "address"


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
    if found is None or base not in _OPERATORS:
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
        if kind not in _FITTING[base]:
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
    negated = _NEGATED.get(base)
    positive = negated or base
    has = _has(name, kind)
    if kind is Kind.SEVERAL:
        if not qualifier:
            raise MalformedPolicyError(
                f"{name} has several values: say ForAnyValue: or ForAllValues:"
            )
        texts = _listed_texts(positive, name, values)
        held = f"context.{_many(positive)}.getTag({quoted(name)})"
        if qualifier == "ForAnyValue":
            met = f"!({texts}.containsAll({held}))" if negated else f"{texts}.containsAny({held})"
            return f"(!{has} || {met})" if if_exists else f"({has} && {met})"
        met = f"!({texts}.containsAny({held}))" if negated else f"{texts}.containsAll({held})"
        return f"(!{has} || {met})"
    met = _EXPRESSIONS[positive](name, values, account)
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


# --- of keys with several values ------------------------------------------------------------------


def _many(positive: str) -> str:
    return "many_lower" if positive == "StringEqualsIgnoreCase" else "many"


def _listed_texts(positive: str, name: str, values: list[str]) -> str:
    if positive == "StringEqualsIgnoreCase":
        values = [value.lower() for value in values]
    elif positive == "StringLike":
        values = [text for value in values for text in _expanded(name, value)]
    return _cedar_list(values)


def _expanded(name: str, pattern: str) -> list[str]:
    """The texts that a pattern means: Cedar compares members of sets by equality alone."""
    if not re.search(r"[*?]", pattern):
        return [pattern]
    if name != "kms:grantoperations":
        raise MalformedPolicyError(f"{name} is compared without wildcards here; list its values")
    return [one for one in GRANT_OPERATIONS if fits(pattern, one)]


def _cedar_list(values: list[str]) -> str:
    return "[" + ", ".join(quoted(value) for value in values) + "]"


# --- of keys with one value -----------------------------------------------------------------------


def _held(where: str, name: str) -> str:
    return f"context.{where}.getTag({quoted(name)})"


def _equals(name: str, values: list[str], _: str) -> str:
    return f"{_cedar_list(values)}.contains({_held('one', name)})"


def _equals_in_any_case(name: str, values: list[str], _: str) -> str:
    return f"{_cedar_list([value.lower() for value in values])}.contains({_held('lower', name)})"


def _like(name: str, values: list[str], _: str) -> str:
    return _any(f"{_held('one', name)} like {_pattern(value)}" for value in values)


def _arn_like(name: str, values: list[str], account: str) -> str:
    """Part by part: all ARNs here begin alike, and no name has a colon."""
    known = ("arn", "aws", "iam", "", account)
    met = []
    for value in values:
        parts = value.split(":", len(known))
        if len(parts) != len(known) + 1:
            raise MalformedPolicyError(f"{value[:64]} is no ARN")
        if all(fits(there, here) for there, here in zip(parts, known, strict=False)):
            start = _pattern(":".join(known) + ":")[:-1]
            met.append(f"{_held('one', name)} like {start}{_pattern(parts[-1])[1:]}")
    return _any(met)


def _pattern(value: str) -> str:
    """A Cedar pattern, in which `*` alone is special."""
    if "?" in value:
        raise MalformedPolicyError("? is not served in a condition; * is")
    return '"' + "*".join(quoted(part)[1:-1] for part in value.split("*")) + '"'


def _number(name: str, values: list[str], compare: str) -> str:
    for value in values:
        if not re.fullmatch(r"-?[0-9]{1,15}", value):
            raise MalformedPolicyError(f"{value[:64]} is no whole number")
    return _any(f"{_held('numbers', name)} {compare} {int(value)}" for value in values)


def _date(name: str, values: list[str], compare: str) -> str:
    return _any(f"{_held('times', name)} {compare} {_seconds(value)}" for value in values)


def _seconds(value: str) -> int:
    if re.fullmatch(r"[0-9]{1,12}", value):
        return int(value)
    text = f"{value}T00:00:00Z" if re.fullmatch(r"\d{4}-\d\d-\d\d", value) else value
    try:
        return microseconds(text) // 1_000_000
    except ValueError:
        raise MalformedPolicyError(f"{value[:64]} is no date") from None


def _bool(name: str, values: list[str], _: str) -> str:
    texts = [value.lower() for value in values]
    if not {"true", "false"}.issuperset(texts):
        raise MalformedPolicyError("Bool is compared with true or false")
    return f"{_cedar_list(texts)}.contains({_held('lower', name)})"


def _in_network(_: str, values: list[str], __: str) -> str:
    met = []
    for value in values:
        try:
            network = ipaddress.ip_network(value, strict=False)
        except ValueError:
            raise MalformedPolicyError(f"{value[:64]} is no network") from None
        met.append(f'context.address.isInRange(ip("{network}"))')
    return _any(met)


def _any(expressions: Iterable[str]) -> str:
    met = list(expressions)
    return joined("||", met) if met else "false"


def joined(operator: str, parts: list[str]) -> str:
    """The parts under `&&` or `||`, as a tree that is not deep: parsers call themselves."""
    if len(parts) == 1:
        return f"({parts[0]})"
    half = len(parts) // 2
    return f"({joined(operator, parts[:half])} {operator} {joined(operator, parts[half:])})"


_Expression = Callable[[str, list[str], str], str]


def _numeric(compare: str) -> _Expression:
    return lambda name, values, _: _number(name, values, compare)


def _dated(compare: str) -> _Expression:
    return lambda name, values, _: _date(name, values, compare)


_EXPRESSIONS: Final[dict[str, _Expression]] = {
    "StringEquals": _equals,
    "StringEqualsIgnoreCase": _equals_in_any_case,
    "StringLike": _like,
    "ArnEquals": _arn_like,
    "ArnLike": _arn_like,
    "Bool": _bool,
    "IpAddress": _in_network,
    "NumericEquals": _numeric("=="),
    "NumericLessThan": _numeric("<"),
    "NumericLessThanEquals": _numeric("<="),
    "NumericGreaterThan": _numeric(">"),
    "NumericGreaterThanEquals": _numeric(">="),
    "DateEquals": _dated("=="),
    "DateLessThan": _dated("<"),
    "DateLessThanEquals": _dated("<="),
    "DateGreaterThan": _dated(">"),
    "DateGreaterThanEquals": _dated(">="),
}
_NEGATED: Final = {
    "StringNotEquals": "StringEquals",
    "StringNotEqualsIgnoreCase": "StringEqualsIgnoreCase",
    "StringNotLike": "StringLike",
    "ArnNotEquals": "ArnEquals",
    "ArnNotLike": "ArnLike",
    "NotIpAddress": "IpAddress",
    "NumericNotEquals": "NumericEquals",
    "DateNotEquals": "DateEquals",
}
_OPERATORS: Final = frozenset([*_EXPRESSIONS, *_NEGATED, "Null"])


def _fitting(base: str) -> frozenset[Kind]:
    if base.startswith("String"):
        return frozenset([Kind.TEXT, Kind.SEVERAL, Kind.ARN])
    if base.startswith("Arn"):
        return frozenset([Kind.ARN])
    if base.startswith("Numeric"):
        return frozenset([Kind.NUMBER])
    if base.startswith("Date"):
        return frozenset([Kind.TIME])
    return frozenset([Kind.TEXT]) if base == "Bool" else frozenset([Kind.ADDRESS])


_FITTING: Final = {base: _fitting(base) for base in (*_EXPRESSIONS, *_NEGATED)}
