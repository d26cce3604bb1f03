"""A key's `Policy`, read and written (RFC 6030, 5).

Whatever is not understood in it forbids the key's use. So nothing here is an error but what breaks
the document: an unknown rule makes `Policy.understood` false.
"""

from typing import Final

from strongroom.domain import times
from strongroom.pskc.elements import Element
from strongroom.pskc.errors import MalformedError, UnwritableError
from strongroom.pskc.keys import PINPolicy, PINUse, Policy, Usage
from strongroom.pskc.names import PSKC
from strongroom.pskc.spelling import attributes, element
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


def read(found: Element | None) -> Policy:
    """The policy; none is one that allows everything."""
    if found is None:
        return Policy()
    try:
        return _read(found)
    except (ValueError, MalformedError):
        return Policy(understood=False)


def _read(policy: Element) -> Policy:
    if policy.attributes or policy.text:
        raise ValueError
    said: dict[str, object] = {}
    usages: list[Usage] = []
    for child in policy.children:
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


def _time(rule: Element) -> int:
    time_us = times.microseconds(text(rule))
    if not time_us:
        raise ValueError
    return time_us


def _pin(rule: Element) -> PINPolicy:
    said = rule.attributes
    if rule.children or rule.text or not said.keys() <= _PIN_ATTRIBUTES:
        raise ValueError
    numbers = {
        field: number(rule, said[name], least=0, most=_NUMBER_MAX)
        for name, field in _PIN_NUMBERS.items()
        if name in said
    }
    return PINPolicy(
        use=PINUse(said["PINUsageMode"]) if "PINUsageMode" in said else None,
        key=said.get("PINKeyId", ""),
        encoding=said.get("PINEncoding", ""),
        **numbers,
    )


def spell(policy: Policy) -> str:
    """The element; nothing for one that allows everything. Raises `UnwritableError`."""
    if not policy.understood:
        raise UnwritableError("a key has a policy that was not understood, and so cannot be kept")
    rules = "".join(
        [
            element("StartDate", _spelt(policy.start_us)),
            element("ExpiryDate", _spelt(policy.expiry_us)),
            "" if policy.pin is None else f"<PINPolicy{_pin_attributes(policy.pin)}/>",
            *(element("KeyUsage", usage.value) for usage in policy.usages),
        ]
    )
    if policy.transactions_max is not None:
        rules += element("NumberOfTransactions", str(policy.transactions_max))
    return f"<Policy>{rules}</Policy>" if rules else ""


def _spelt(time_us: int) -> str:
    if not time_us:
        return ""
    # XML Schema's canonical form, which RFC 6030 asks for: no zeros at the end of a fraction.
    spelt = times.rfc3339(time_us).rstrip("Z").rstrip("0").rstrip(".") + "Z"
    try:
        times.microseconds(spelt)
    except ValueError:
        raise UnwritableError("a time of a policy is out of bounds") from None
    return spelt


def _pin_attributes(pin: PINPolicy) -> str:
    return attributes(
        PINKeyId=pin.key, PINUsageMode=None if pin.use is None else pin.use.value,
        MaxFailedAttempts=pin.failures_max, MinLength=pin.length_min, MaxLength=pin.length_max,
        PINEncoding=pin.encoding,
    )  # fmt: skip
