"""Comparisons in the conditions of policies, each as the Cedar expression that it means."""

import ipaddress
import re
from collections.abc import Callable, Iterable
from enum import Enum
from typing import Final

from strongroom.domain.cedar_schema import quoted
from strongroom.domain.iam.asks import GRANT_OPERATIONS
from strongroom.domain.iam.patterns import fits
from strongroom.domain.times import microseconds


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


# --- of keys with several values ------------------------------------------------------------------


def many(positive: str) -> str:
    """Where the values of a key with several are, for that operator."""
    return "many_lower" if positive == "StringEqualsIgnoreCase" else "many"


def listed(positive: str, name: str, values: list[str]) -> str:
    """What such values are compared with, as a Cedar set. Raises `MalformedPolicyError`."""
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


EXPRESSIONS: Final[dict[str, _Expression]] = {
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
NEGATED: Final = {
    "StringNotEquals": "StringEquals",
    "StringNotEqualsIgnoreCase": "StringEqualsIgnoreCase",
    "StringNotLike": "StringLike",
    "ArnNotEquals": "ArnEquals",
    "ArnNotLike": "ArnLike",
    "NotIpAddress": "IpAddress",
    "NumericNotEquals": "NumericEquals",
    "DateNotEquals": "DateEquals",
}
OPERATORS: Final = frozenset([*EXPRESSIONS, *NEGATED, "Null"])


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


FITTING: Final = {base: _fitting(base) for base in (*EXPRESSIONS, *NEGATED)}
