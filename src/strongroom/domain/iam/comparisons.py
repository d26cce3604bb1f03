"""Comparisons in the conditions of policies, each as the Cedar expression that it means."""

import ipaddress
import re
from collections.abc import Callable, Iterable
from enum import Enum
from typing import Final

from strongroom.domain.cedar_schema import quoted
from strongroom.domain.iam.errors import MalformedPolicyError
from strongroom.domain.iam.patterns import Plain, arn_parts, like, written
from strongroom.domain.times import microseconds


class Kind(Enum):
    """How a condition key's values are compared."""

    TEXT = "text"
    SEVERAL = "several texts"
    ARN = "arn"
    NUMBER = "number"
    TIME = "time"
    ADDRESS = "address"


# --- of texts -------------------------------------------------------------------------------------


def many(positive: str) -> str:
    """Where the values of a key with several are, for that operator."""
    return "many_lower" if positive == "StringEqualsIgnoreCase" else "many"


def listed(positive: str, values: list[Plain]) -> str:
    """What values without wildcards are compared with, as a Cedar set."""
    fold = positive == "StringEqualsIgnoreCase"
    texts = [written(value) for value in values]
    return "[" + ", ".join(quoted(text.lower() if fold else text) for text in texts) + "]"


def _held(where: str, name: str) -> str:
    return f"context.{where}.getTag({quoted(name)})"


def compared(positive: str, name: str, kind: Kind, values: list[Plain], account: str) -> str:
    """The value of a key that has one against texts, or patterns in which `*` alone is special."""
    if positive in ARN_OPERATORS and kind is Kind.ARN:
        return _arn_like(name, values, account)
    if positive in PATTERN_OPERATORS:
        return _any(f"{_held('one', name)} like {_pattern(value)}" for value in values)
    where = "lower" if positive == "StringEqualsIgnoreCase" else "one"
    return f"{listed(positive, values)}.contains({_held(where, name)})"


def _arn_like(name: str, values: list[Plain], account: str) -> str:
    """Part by part: all ARNs here begin alike, and no name has a colon."""
    known = ("arn", "aws", "iam", "", account)
    met = []
    for value in values:
        parts = arn_parts(value)
        if all(like(there, here) for there, here in zip(parts, known, strict=False)):
            met.append(f"{_held('one', name)} like {_pattern((':'.join(known) + ':', *parts[-1]))}")
    return _any(met)


def _pattern(value: Plain) -> str:
    """A Cedar pattern, in which `*` alone is special, unless it is escaped."""
    written = [
        quoted(piece)[1:-1].replace("*", "\\*") if isinstance(piece, str) else "*"
        for piece in value
    ]
    return '"' + "".join(written) + '"'


# --- of other things ------------------------------------------------------------------------------


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


def _bool(name: str, values: list[str]) -> str:
    texts = [value.lower() for value in values]
    if not {"true", "false"}.issuperset(texts):
        raise MalformedPolicyError("Bool is compared with true or false")
    return f"[{', '.join(map(quoted, texts))}].contains({_held('lower', name)})"


def _in_network(_: str, values: list[str]) -> str:
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


_Expression = Callable[[str, list[str]], str]


def _numeric(compare: str) -> _Expression:
    return lambda name, values: _number(name, values, compare)


def _dated(compare: str) -> _Expression:
    return lambda name, values: _date(name, values, compare)


ARN_OPERATORS: Final = frozenset(["ArnEquals", "ArnLike"])  # they are the same
PATTERN_OPERATORS: Final = ARN_OPERATORS | {"StringLike"}
TEXT_OPERATORS: Final = PATTERN_OPERATORS | {"StringEquals", "StringEqualsIgnoreCase"}
EXPRESSIONS: Final[dict[str, _Expression]] = {
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
OPERATORS: Final = frozenset([*TEXT_OPERATORS, *EXPRESSIONS, *NEGATED, "Null"])


def _fitting(base: str) -> frozenset[Kind]:
    if base.startswith(("String", "Arn")):
        return frozenset([Kind.TEXT, Kind.SEVERAL, Kind.ARN])
    if base.startswith("Numeric"):
        return frozenset([Kind.NUMBER])
    if base.startswith("Date"):
        return frozenset([Kind.TIME])
    return frozenset([Kind.TEXT]) if base == "Bool" else frozenset([Kind.ADDRESS])


FITTING: Final = {base: _fitting(base) for base in OPERATORS - {"Null"}}
