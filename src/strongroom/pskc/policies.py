"""A key's `Policy`, read and written (RFC 6030, 5).

Whatever is not understood in it forbids the key's use. So nothing here is an error but what breaks
the document: an unknown rule makes `Policy.understood` false.
"""

from typing import Final

from strongroom.domain import times
from strongroom.pskc.elements import Element
from strongroom.pskc.errors import MalformedError
from strongroom.pskc.keys import PINPolicy, PINUse, Policy, Usage
from strongroom.pskc.names import PSKC
from strongroom.pskc.values import number, text

_NUMBER_MAX: Final = 2**63 - 1
_PIN_ATTRIBUTES: Final = frozenset({
    "PINKeyId", "PINUsageMode", "MaxFailedAttempts", "MinLength", "MaxLength", "PINEncoding",
})  # fmt: skip

_PIN_NUMBERS: Final = {
    "MaxFailedAttempts": "failures_max",
    "MinLength": "length_min",
    "MaxLength": "length_max",
}


def read(element: Element | None) -> Policy:
    """The policy; none is one that allows everything."""
    if element is None:
        return Policy()
    try:
        return _read(element)
    except (ValueError, MalformedError):
        return Policy(understood=False)


def _read(element: Element) -> Policy:
    if element.attributes or element.text:
        raise ValueError
    said: dict[str, object] = {}
    usages: list[Usage] = []
    for child in element.children:
        if child.name == PSKC + "KeyUsage":
            usages.append(Usage(text(child)))
            continue
        field, value = _rule(child)
        if field in said:
            raise ValueError
        said[field] = value
    return Policy(usages=tuple(usages), **said)  # type: ignore[arg-type] # by `_rule`


def _rule(child: Element) -> tuple[str, object]:
    if child.name == PSKC + "StartDate":
        return "start_us", _time(child)
    if child.name == PSKC + "ExpiryDate":
        return "expiry_us", _time(child)
    if child.name == PSKC + "NumberOfTransactions":
        return "transactions_max", number(child, text(child), least=0, most=_NUMBER_MAX)
    if child.name == PSKC + "PINPolicy":
        return "pin", _pin(child)
    raise ValueError


def _time(element: Element) -> int:
    time_us = times.microseconds(text(element))
    if not time_us:
        raise ValueError
    return time_us


def _pin(element: Element) -> PINPolicy:
    said = element.attributes
    if element.children or element.text or not said.keys() <= _PIN_ATTRIBUTES:
        raise ValueError
    numbers = {
        field: number(element, said[name], least=0, most=_NUMBER_MAX)
        for name, field in _PIN_NUMBERS.items()
        if name in said
    }
    return PINPolicy(
        use=PINUse(said["PINUsageMode"]) if "PINUsageMode" in said else None,
        key=said.get("PINKeyId", ""),
        encoding=said.get("PINEncoding", ""),
        **numbers,
    )
