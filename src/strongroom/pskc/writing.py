"""Writing a PSKC file, key by key. `reading.py` reads the same keys from it."""

from collections.abc import Iterable
from typing import BinaryIO, Final

from strongroom.pskc import limits, policies
from strongroom.pskc.errors import UnwritableError
from strongroom.pskc.identities import Identities
from strongroom.pskc.keys import BOUNDS, LENGTH_MAX, Challenge, Device, Key
from strongroom.pskc.locks import Lock
from strongroom.pskc.names import ENCRYPTED, ENCRYPTED_11, PKCS5, PSKC, SIGNED
from strongroom.pskc.sealing import Sealing
from strongroom.pskc.spelling import attributes, element

_HEAD: Final = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    f'<KeyContainer Version="1.0" xmlns="{PSKC.strip()}" xmlns:ds="{SIGNED.strip()}"'
    f' xmlns:xenc="{ENCRYPTED.strip()}" xmlns:xenc11="{ENCRYPTED_11.strip()}"'
    f' xmlns:pkcs5="{PKCS5.strip()}">\n'
)
_NUMBERS: Final = (
    ("Counter", "counter"),
    ("Time", "time"),
    ("TimeInterval", "interval"),
    ("TimeDrift", "drift"),
)


def write(stream: BinaryIO, keys: Iterable[Key], lock: Lock) -> int:
    """The number of keys written; the stream is neither flushed nor closed.

    Raises `LockedError` before anything is written. Raises `UnwritableError` for a key that cannot
    be written, is there twice or whose policy was not understood, and for no keys at all: what was
    written until then is no whole file.
    """
    sealing = Sealing(lock)
    stream.write((_HEAD + sealing.heading).encode())
    identities = Identities()
    for key in keys:
        if not identities.is_new(key):
            raise UnwritableError("a key is to be written twice: same device, same Id")
        stream.write(_package(key, sealing).encode())
    if not identities:
        raise UnwritableError("there are no keys to write")
    stream.write(b"</KeyContainer>\n")
    return len(identities)


def _package(key: Key, sealing: Sealing) -> str:
    if not key.id:
        raise UnwritableError("a key needs an Id")
    return (
        f"<KeyPackage>{_device(key.device)}"
        f"<Key{attributes(Id=key.id, Algorithm=key.algorithm)}>"
        f"{element('Issuer', key.issuer)}{_parameters(key)}"
        f"{element('KeyProfileId', key.key_profile)}{element('KeyReference', key.key_reference)}"
        f"{element('FriendlyName', key.friendly_name)}{_data(key, sealing)}"
        f"{element('UserId', key.user)}{policies.spell(key.policy)}"
        "</Key></KeyPackage>\n"
    )


def _device(device: Device) -> str:
    info = (
        f"{element('Manufacturer', device.manufacturer)}{element('SerialNo', device.serial)}"
        f"{element('Model', device.model)}{element('IssueNo', device.issue)}"
        f"{element('DeviceBinding', device.binding)}{element('StartDate', device.start)}"
        f"{element('ExpiryDate', device.expiry)}{element('UserId', device.user)}"
    )
    module = element("Id", device.module)
    return (f"<DeviceInfo>{info}</DeviceInfo>" if info else "") + (
        f"<CryptoModuleInfo>{module}</CryptoModuleInfo>" if module else ""
    )


def _parameters(key: Key) -> str:
    response = attributes(Length=_length(key.digits), Encoding=key.encoding, CheckDigits=_true(key))
    found = (
        f"{element('Suite', key.suite)}{_challenge(key.challenge)}"
        f"{f'<ResponseFormat{response}/>' if response else ''}"
    )
    return f"<AlgorithmParameters>{found}</AlgorithmParameters>" if found else ""


def _challenge(challenge: Challenge | None) -> str:
    if challenge is None:
        return ""
    said = attributes(
        Encoding=challenge.encoding, Min=_length(challenge.length_min),
        Max=_length(challenge.length_max), CheckDigits=_true(challenge),
    )  # fmt: skip
    return f"<ChallengeFormat{said}/>"


def _true(what: Key | Challenge) -> str:
    return "true" if what.check_digits else ""


def _length(value: int | None) -> int | None:
    return None if value is None else _bounded(value, 0, LENGTH_MAX)


def _bounded(value: int, least: int, most: int) -> int:
    if not least <= value <= most:
        raise UnwritableError("a number of a key is out of bounds")
    return value


def _data(key: Key, sealing: Sealing) -> str:
    found = ""
    if key.secret is not None:
        # Its length says nothing of it.
        if not 1 <= len(key.secret.reveal()) <= limits.SECRET_BYTES_MAX:
            raise UnwritableError(f"a secret is empty, or above {limits.SECRET_BYTES_MAX:,} bytes")
        found = f"<Secret>{sealing.value(key.secret)}</Secret>"
    for name, field in _NUMBERS:
        value = getattr(key, field)
        if value is not None:
            number = _bounded(value, *BOUNDS[field])
            found += f"<{name}><PlainValue>{number}</PlainValue></{name}>"
    return f"<Data>{found}</Data>" if found else ""
