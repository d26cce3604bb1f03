"""A `KeyPackage`, as it is read (RFC 6030, 4). What it is written as: `writing.py`."""

from typing import Any, Final

from strongroom.domain.sensitive import Sensitive
from strongroom.pskc import limits, policies
from strongroom.pskc.elements import Element
from strongroom.pskc.errors import UnprotectedError
from strongroom.pskc.keys import BOUNDS, LENGTH_MAX, Challenge, Device, Key
from strongroom.pskc.names import PSKC
from strongroom.pskc.opening import Opening
from strongroom.pskc.values import attribute, binary, malformed, number, one, parts, text, truth

_MANY: Final = limits.CHARACTERS_MAX  # no bound but the package's own
_EXTENSIONS: Final = PSKC + "Extensions"
_PLAIN: Final = PSKC + "PlainValue"
_ENCRYPTED: Final = PSKC + "EncryptedValue"
_MAC: Final = PSKC + "ValueMAC"
_PACKAGE: Final = {
    **dict.fromkeys((PSKC + "DeviceInfo", PSKC + "CryptoModuleInfo", PSKC + "Key"), 1),
    _EXTENSIONS: _MANY,
}
_DEVICE: Final = {
    PSKC + "Manufacturer": "manufacturer",
    PSKC + "SerialNo": "serial",
    PSKC + "Model": "model",
    PSKC + "IssueNo": "issue",
    PSKC + "DeviceBinding": "binding",
    PSKC + "StartDate": "start",
    PSKC + "ExpiryDate": "expiry",
    PSKC + "UserId": "user",
}
_DEVICE_PARTS: Final = {**dict.fromkeys(_DEVICE, 1), _EXTENSIONS: _MANY}
_MODULE_PARTS: Final = {PSKC + "Id": 1, _EXTENSIONS: _MANY}
_TEXTS: Final = {
    PSKC + "Issuer": "issuer",
    PSKC + "KeyProfileId": "key_profile",
    PSKC + "KeyReference": "key_reference",
    PSKC + "UserId": "user",
}
_KEY_PARTS: Final = {
    **dict.fromkeys(_TEXTS, 1),
    **dict.fromkeys((PSKC + "AlgorithmParameters", PSKC + "Data", PSKC + "Policy"), 1),
    PSKC + "FriendlyName": _MANY,  # one for each language: the first is taken
    _EXTENSIONS: _MANY,
}
_PARAMETERS: Final = {
    **dict.fromkeys((PSKC + "Suite", PSKC + "ChallengeFormat", PSKC + "ResponseFormat"), 1),
    _EXTENSIONS: _MANY,
}
# Bytes of each number, at most, where it is encrypted (big-endian).
_NUMBERS: Final = {
    PSKC + "Counter": ("counter", 8),
    PSKC + "Time": ("time", 4),
    PSKC + "TimeInterval": ("interval", 4),
    PSKC + "TimeDrift": ("drift", 4),
}
_DATA_PARTS: Final = {PSKC + "Secret": 1, **dict.fromkeys(_NUMBERS, 1), _EXTENSIONS: _MANY}
_VALUE_PARTS: Final = {_PLAIN: 1, _ENCRYPTED: 1, _MAC: 1}


def read(package: Element, opening: Opening) -> Key | None:
    """The key in it; None for a device without one. Raises errors of the whole tree."""
    found = parts(package, _PACKAGE)
    element = one(found, PSKC + "Key")
    if element is None:
        return None
    module = one(found, PSKC + "CryptoModuleInfo")
    module_id = "" if module is None else text(one(parts(module, _MODULE_PARTS), PSKC + "Id"))
    device = _device(one(found, PSKC + "DeviceInfo"), module_id)
    return _key(element, device, opening)


def _device(info: Element | None, module: str) -> Device:
    found = {} if info is None else parts(info, _DEVICE_PARTS)
    said = {field: text(one(found, name)) for name, field in _DEVICE.items() if name in found}
    return Device(module=module, **said)


def _key(element: Element, device: Device, opening: Opening) -> Key:
    key_id = attribute(element, "Id")
    if not key_id:
        raise malformed(element, "a key has no Id")
    found = parts(element, _KEY_PARTS)
    policy = policies.read(one(found, PSKC + "Policy"))
    said: dict[str, Any] = _parameters(one(found, PSKC + "AlgorithmParameters"))
    said |= {field: text(one(found, name)) for name, field in _TEXTS.items() if name in found}
    secret = None
    data = one(found, PSKC + "Data")
    if data is not None:
        values = parts(data, _DATA_PARTS)
        secret = _secret(one(values, PSKC + "Secret"), opening)
        for name, (field, size) in _NUMBERS.items():
            if name in values:
                said[field] = _number(values[name][0], opening, size, BOUNDS[field])
    names = found.get(PSKC + "FriendlyName")
    return Key(
        id=key_id,
        algorithm=attribute(element, "Algorithm"),
        # Its MAC was checked with all others; who may not use it does not get it.
        secret=secret if policy.understood else None,
        device=device,
        friendly_name=text(names[0]) if names else "",
        policy=policy,
        **said,
    )


def _parameters(element: Element | None) -> dict[str, Any]:
    if element is None:
        return {}
    found = parts(element, _PARAMETERS)
    said: dict[str, Any] = {"suite": text(one(found, PSKC + "Suite"))}
    response = one(found, PSKC + "ResponseFormat")
    if response is not None:
        said["encoding"] = attribute(response, "Encoding")
        said["digits"] = _length(response, "Length")
        said["check_digits"] = truth(response, attribute(response, "CheckDigits"))
    challenge = one(found, PSKC + "ChallengeFormat")
    if challenge is not None:
        said["challenge"] = Challenge(
            encoding=attribute(challenge, "Encoding"),
            length_min=_length(challenge, "Min"),
            length_max=_length(challenge, "Max"),
            check_digits=truth(challenge, attribute(challenge, "CheckDigits")),
        )
    return said


def _length(element: Element, name: str) -> int | None:
    found = attribute(element, name)
    return number(element, found, least=0, most=LENGTH_MAX) if found else None


def _secret(element: Element | None, opening: Opening) -> Sensitive | None:
    if element is None:
        return None
    plain, encrypted, mac = _value(element)
    if plain is not None:
        # Somebody who cannot encrypt with the key could otherwise slip in secrets of their own.
        if opening.with_key:
            raise UnprotectedError(
                f"line {element.line:,}: a secret is in the open, though a key was given to open it"
            )
        secret = binary(plain, limits.SECRET_BYTES_MAX)
    else:
        secret = opening.value(encrypted, mac)
    if not 1 <= len(secret) <= limits.SECRET_BYTES_MAX:
        most = limits.SECRET_BYTES_MAX
        raise malformed(element, f"a secret is empty, or above {most:,} bytes")
    return Sensitive(secret)


def _number(element: Element, opening: Opening, size: int, bounds: tuple[int, int]) -> int:
    least, most = bounds
    plain, encrypted, mac = _value(element)
    if plain is not None:
        return number(plain, text(plain), least=least, most=most)
    content = opening.value(encrypted, mac)
    if not 1 <= len(content) <= size:
        raise malformed(element, f"an encrypted number is not 1 to {size} bytes, big-endian")
    if content.isdigit():
        # Some write decimal digits. A guess may set a counter back, and old codes are good again.
        raise malformed(element, "an encrypted number may be bytes or digits, and nobody can tell")
    value = int.from_bytes(content, "big", signed=least < 0 and len(content) == size)
    if not least <= value <= most:
        raise malformed(element, f"a number in {element.local} is out of bounds")
    return value


def _value(element: Element) -> tuple[Element | None, Element, Element | None]:
    found = parts(element, _VALUE_PARTS)
    plain, encrypted, mac = (one(found, name) for name in (_PLAIN, _ENCRYPTED, _MAC))
    if (plain is None) is (encrypted is None):
        raise malformed(element, f"{element.local} has not one value, plain or encrypted")
    if plain is not None and mac is not None:
        raise malformed(element, f"{element.local} has a MAC over a value in the open")
    return plain, encrypted or element, mac
