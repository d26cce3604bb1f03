"""A key as a PSKC file describes it."""

from enum import StrEnum
from typing import Final

import msgspec

from strongroom.domain.sensitive import Sensitive
from strongroom.pskc.names import ALGORITHM, OLD_ALGORITHM


class Profile(StrEnum):
    """What a key is for: the algorithms that have a profile (RFC 6030, 10; the OATH drafts)."""

    HOTP = "hotp"
    TOTP = "totp"
    OCRA = "ocra"
    PIN = "pin"  # not a credential: the PIN of another key


PROFILES: Final = {
    spelling: profile
    for profile in Profile
    for spelling in (ALGORITHM + profile.value, OLD_ALGORITHM + profile.value)
}

LENGTH_MAX: Final = 1_000  # of a response or a challenge, in characters
BOUNDS: Final = {
    "counter": (0, 2**63 - 1),
    "time": (0, 2**32 - 1),
    "interval": (1, 2**31 - 1),
    "drift": (-(2**31), 2**31 - 1),
}
"""Of a key's numbers: the types that RFC 6030's schema gives them, less what has no meaning."""


class PINUse(StrEnum):
    """How a PIN takes part (RFC 6030, 5)."""

    LOCAL = "Local"  # the device asks for it, the server never sees it
    PREPEND = "Prepend"
    APPEND = "Append"
    ALGORITHMIC = "Algorithmic"


class Usage(StrEnum):
    """What a key may be used for (RFC 6030, 5)."""

    OTP = "OTP"
    CR = "CR"
    ENCRYPT = "Encrypt"
    INTEGRITY = "Integrity"
    VERIFY = "Verify"
    UNLOCK = "Unlock"
    DECRYPT = "Decrypt"
    KEY_WRAP = "KeyWrap"
    UNWRAP = "Unwrap"
    DERIVE = "Derive"
    GENERATE = "Generate"


class PINPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """The rules of a key's PIN. `key` is the id of the key that is the PIN."""

    use: PINUse | None = None
    key: str = ""
    failures_max: int | None = None
    length_min: int | None = None
    length_max: int | None = None
    encoding: str = ""


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """When and for what a key may be used. Times are microseconds since 1970, 0 for none.

    `understood` is false where the file has a rule that is not known here: then the key may not be
    used (RFC 6030, 5), and its secret is withheld. No `usages`: any.
    """

    start_us: int = 0
    expiry_us: int = 0
    usages: tuple[Usage, ...] = ()
    pin: PINPolicy | None = None
    transactions_max: int | None = None
    understood: bool = True


class Device(msgspec.Struct, frozen=True, kw_only=True):
    """What the key is in. The times are of the device, or card, as it says of itself."""

    manufacturer: str = ""
    serial: str = ""
    model: str = ""
    issue: str = ""
    binding: str = ""
    start: str = ""
    expiry: str = ""
    user: str = ""
    module: str = ""


class Challenge(msgspec.Struct, frozen=True, kw_only=True):
    """What a challenge looks like: `encoding` as DECIMAL, lengths in characters."""

    encoding: str = ""
    length_min: int | None = None
    length_max: int | None = None
    check_digits: bool = False


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """A key. Texts are empty, and numbers None, where the file says nothing.

    `secret` is None where there is none in the file (only a name for it), or where it is withheld
    (`Policy.understood`). `profile` is None for an algorithm that is not known; `algorithm` is as
    written. `interval` is in seconds, `drift` in intervals (negative: the device is slow).
    """

    id: str
    algorithm: str = ""
    suite: str = ""
    secret: Sensitive | None = None
    device: Device = Device()
    issuer: str = ""
    friendly_name: str = ""
    user: str = ""
    counter: int | None = None
    time: int | None = None
    interval: int | None = None
    drift: int | None = None
    digits: int | None = None
    encoding: str = ""
    check_digits: bool = False
    challenge: Challenge | None = None
    key_profile: str = ""
    key_reference: str = ""
    policy: Policy = Policy()

    @property
    def profile(self) -> Profile | None:
        """What its algorithm is the name of."""
        return PROFILES.get(self.algorithm)
