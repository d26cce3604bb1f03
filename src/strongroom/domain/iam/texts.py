"""Comparisons of texts that Cedar has no expression for: ours make them, and tell it which are met.

Source: IAM User Guide, "IAM JSON policy elements: Condition operators", "Multivalued context keys"
and "IAM policy elements: Variables and tags".
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import msgspec

from strongroom.domain.iam.patterns import ARN_PARTS, Pieces, arn_parts, like, resolved, written


class Comparison(msgspec.Struct, frozen=True):
    """The values that `key` has in a request, held against texts of a policy.

    `operator` without its negation. `qualifier`: ForAnyValue, ForAllValues, or empty for a key with
    one value. `text`, if it is there, is compared in the place of a key's values.
    """

    key: str
    operator: str
    wanted: tuple[Pieces, ...]
    negated: bool = False
    qualifier: str = ""
    absent_holds: bool = False
    text: str = ""


class Values(msgspec.Struct, frozen=True):
    """What a request has, by condition key: of those with one value, and of those with several."""

    one: Mapping[str, str]
    many: Mapping[str, Sequence[str]]


def met(comparisons: Mapping[str, Comparison], values: Values) -> list[str]:
    """The names of those that hold for a request."""
    return [name for name, one in comparisons.items() if _holds(one, values)]


def _holds(one: Comparison, values: Values) -> bool:
    held = _held(one, values)
    if not held:
        return one.absent_holds
    is_one = _TESTS[one.operator]
    found = (
        any(is_one(text, value, values.one) for text in one.wanted) is not one.negated
        for value in held
    )
    return any(found) if one.qualifier == "ForAnyValue" else all(found)


def _held(one: Comparison, values: Values) -> Sequence[str]:
    if one.text:
        return [one.text]
    several = values.many.get(one.key)
    if several is not None:
        return several
    return [values.one[one.key]] if one.key in values.one else []


# A text whose variable has no value is not equal to anything, or like it: not met, and so a negated
# operator holds.


def _equal(text: Pieces, value: str, variables: Mapping[str, str]) -> bool:
    return _written(text, variables) == value


def _equal_in_any_case(text: Pieces, value: str, variables: Mapping[str, str]) -> bool:
    found = _written(text, variables)
    return found is not None and found.lower() == value.lower()


def _written(text: Pieces, variables: Mapping[str, str]) -> str | None:
    found = resolved(text, variables)
    return None if found is None else written(found)


def _like(text: Pieces, value: str, variables: Mapping[str, str]) -> bool:
    pattern = resolved(text, variables)
    return pattern is not None and like(pattern, value)


def _arn_like(text: Pieces, value: str, variables: Mapping[str, str]) -> bool:
    """Part by part: what is parted first, the value of a variable does not part.

    A value that is no ARN is like none.
    """
    there, here = arn_parts(text), value.split(":", ARN_PARTS - 1)
    if len(here) != len(there) or here[0] != "arn":
        return False
    return all(_like(pattern, part, variables) for pattern, part in zip(there, here, strict=True))


_TESTS: Final[dict[str, Callable[[Pieces, str, Mapping[str, str]], bool]]] = {
    "StringEquals": _equal,
    "StringEqualsIgnoreCase": _equal_in_any_case,
    "StringLike": _like,
    "ArnEquals": _arn_like,
    "ArnLike": _arn_like,
}
