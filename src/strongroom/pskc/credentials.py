"""Keys of PSKC files as credentials: what can be imported, and as what; what is exported.

Not every key in a file is one that Strongroom can verify codes of, or that its own policy lets
anybody use. Such a key is `NotImportableError`, with a reason for people; the others go on.
"""

import re
from typing import Any, Final

import msgspec

from strongroom.domain.errors import InvalidRequest
from strongroom.domain.otp import ocra
from strongroom.domain.otp.asks import ExportedCredential, ImportItem
from strongroom.domain.otp.credential import Hash, Type
from strongroom.domain.sensitive import Sensitive
from strongroom.pskc.keys import Device, Key, PINUse, Policy, Profile, Usage
from strongroom.pskc.names import ALGORITHM

_TYPES: Final = {Profile.HOTP: Type.HOTP, Profile.TOTP: Type.TOTP, Profile.OCRA: Type.OCRA}
_USAGES: Final = {Type.HOTP: Usage.OTP, Type.TOTP: Usage.OTP, Type.OCRA: Usage.CR}
_SUITE: Final = re.compile(r"(?:HMAC-)?SHA-?(1|256|512)", re.IGNORECASE)
_DECIMAL: Final = "DECIMAL"
_PERIOD: Final = 30  # RFC 6238, 4.1: the default time step


class NotImportableError(Exception):
    """The key can be no credential here. Its words say why, and nothing that is in the file."""


def import_item(key: Key, now_us: int) -> ImportItem:
    """The key as an import has it. Raises `NotImportableError`.

    The user is the key's, or else the device's; the serial number is the device's, or else the id.
    """
    kind = _type(key)
    if key.secret is None:
        raise NotImportableError("the file has no secret for it, only a name of one")
    _usable(key.policy, _USAGES[kind], now_us)
    if key.encoding not in ("", _DECIMAL) or key.check_digits:
        raise NotImportableError("its codes are not plain decimal digits")
    user = key.user or key.device.user
    said: dict[str, Any] = {
        "type": kind,
        "secret": key.secret.reveal(),
        "serial": key.device.serial or key.id,
        # Of a TOTP key it would be a time step, which no PSKC file says.
        "counter": 0 if kind is Type.TOTP else key.counter or 0,
        "drift": key.drift or 0,
        **({"user": user} if user else {}),
        **(_ocra(key) if kind is Type.OCRA else _plain(key)),
    }
    if kind is Type.TOTP:
        said["period"] = _PERIOD if key.interval is None else key.interval
    try:
        return msgspec.convert(said, ImportItem)
    except msgspec.ValidationError as error:
        # Its words are the field's name and its bounds; the value is not in them.
        raise NotImportableError(f"it is out of bounds: {error}") from None


def exported_key(exported: ExportedCredential, secret: Sensitive, *, issuer: str = "") -> Key:
    """A credential that was exported, as a key. `secret`: what was sealed, opened."""
    view = exported.credential
    if view.type is Type.OCRA:
        suite = view.suite
    else:
        suite = "" if view.algorithm is Hash.SHA1 else f"HMAC-{view.algorithm}"
    return Key(
        id=view.id,
        algorithm=ALGORITHM + view.type.value,
        suite=suite,
        secret=secret,
        device=Device(serial=view.serial or view.id),
        issuer=issuer,
        counter=None if view.type is Type.TOTP else exported.counter,
        interval=view.period if view.type is Type.TOTP else None,
        drift=exported.drift or None,
        digits=view.digits,
        encoding=_DECIMAL,
    )


def _type(key: Key) -> Type:
    profile = key.profile
    if profile is Profile.PIN:
        raise NotImportableError("it is the PIN of another key, and no credential")
    if profile is None:
        raise NotImportableError("its algorithm is none of HOTP, TOTP and OCRA")
    return _TYPES[profile]


def _usable(policy: Policy, usage: Usage, now_us: int) -> None:
    if not policy.understood:
        # RFC 6030, 5: whoever does not understand a policy must assume that use is not permitted.
        raise NotImportableError("its policy has rules that are not known here, which forbids it")
    if policy.expiry_us and policy.expiry_us <= now_us:
        raise NotImportableError("it has expired")
    if policy.start_us > now_us:
        raise NotImportableError("it may not be used yet")
    if policy.usages and usage not in policy.usages:
        raise NotImportableError("its policy does not permit one-time passwords")
    if policy.pin is not None and policy.pin.use is not PINUse.LOCAL:
        raise NotImportableError("its PIN is part of each code, or the file does not say how")
    if policy.transactions_max is not None:
        raise NotImportableError("it may be used a number of times only, which is not counted here")


def _plain(key: Key) -> dict[str, Any]:
    found = _SUITE.fullmatch(key.suite) if key.suite else None
    if key.suite and found is None:
        raise NotImportableError("its suite is none of HMAC-SHA1, HMAC-SHA256 and HMAC-SHA512")
    said: dict[str, Any] = {"algorithm": Hash(f"SHA{found[1]}") if found else Hash.SHA1}
    if key.digits is not None:
        said["digits"] = key.digits
    return said


def _ocra(key: Key) -> dict[str, Any]:
    try:
        suite = ocra.parse(key.suite)
    except InvalidRequest:
        raise NotImportableError("its OCRA suite is not one that is known here") from None
    if key.digits not in (None, suite.digits):
        raise NotImportableError("its suite and its response format differ in the digits")
    return {"suite": suite.text}
