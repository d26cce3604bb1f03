"""What a new credential is made like: as its profile says, or stronger, never weaker."""

from typing import Final

import msgspec
from msgspec import UNSET

from strongroom.domain.errors import InvalidRequest
from strongroom.domain.otp import asks
from strongroom.domain.otp.credential import Hash, Type
from strongroom.domain.otp.profile import DEFAULT, Profile
from strongroom.services.facts import ProfilesFact
from strongroom.services.otp.suites import parsed

_STRENGTH: Final = {Hash.SHA1: 0, Hash.SHA256: 1, Hash.SHA512: 2}


class Making(msgspec.Struct, frozen=True):
    """How its codes are made. `period` 0: not by time; `suite` empty: not OCRA."""

    type: Type
    hash: Hash
    digits: int
    period: int
    suite: str


def profile_of(profiles: ProfilesFact, name: str) -> Profile:
    """The profile that somebody asks for by name. Raises `InvalidRequest` where there is none."""
    if name != DEFAULT and name not in profiles.body.profiles:
        raise InvalidRequest("there is no such OTP profile in this namespace", "$.profile")
    return profiles.named(name)


def kept_name(name: str) -> str:
    """A profile's name as a row keeps it."""
    return "" if name == DEFAULT else name


def making_of(profile: Profile, ask: asks.Enrol) -> Making:
    """How an enrolment's codes are made. Raises `InvalidRequest` for what is weaker than asked."""
    kind = profile.type if ask.type is UNSET else ask.type
    if kind is Type.OCRA:
        return _by_suite(profile, ask)
    if ask.suite is not UNSET and ask.suite:
        raise InvalidRequest("a suite is for credentials of type ocra", "$.suite")
    hash_ = profile.hash if ask.algorithm is UNSET else ask.algorithm
    digits = profile.digits if ask.digits is UNSET else ask.digits
    _require_strength(profile, hash_, digits)
    if kind is Type.HOTP:
        if ask.period is not UNSET:
            raise InvalidRequest("a period is for credentials of type totp", "$.period")
        return Making(kind, hash_, digits, 0, "")
    period = profile.period if ask.period is UNSET else ask.period
    if period > profile.period:
        raise InvalidRequest(
            f"the profile's codes are good for {profile.period} seconds at most", "$.period"
        )
    return Making(kind, hash_, digits, period, "")


def _by_suite(profile: Profile, ask: asks.Enrol) -> Making:
    for name in ("algorithm", "digits", "period"):
        if getattr(ask, name) is not UNSET:
            raise InvalidRequest(f"of an OCRA credential, the suite says the {name}", f"$.{name}")
    text = profile.suite if ask.suite is UNSET else ask.suite
    suite = parsed(text)
    _require_strength(profile, suite.hash, suite.digits)
    return Making(Type.OCRA, suite.hash, suite.digits, 0, text)


def _require_strength(profile: Profile, hash_: Hash, digits: int) -> None:
    if _STRENGTH[hash_] < _STRENGTH[profile.hash]:
        raise InvalidRequest(f"the profile asks for {profile.hash} at least", "$.algorithm")
    if digits < profile.digits:
        raise InvalidRequest(f"the profile asks for {profile.digits} digits at least", "$.digits")


def imported(item: asks.ImportItem) -> Making:
    """How an imported secret's codes are made. Raises `InvalidRequest`."""
    if item.type is Type.OCRA:
        suite = parsed(item.suite)
        return Making(Type.OCRA, suite.hash, suite.digits, 0, item.suite)
    if item.suite:
        raise InvalidRequest("a suite is for credentials of type ocra", "$.suite")
    period = item.period if item.type is Type.TOTP else 0
    return Making(item.type, item.algorithm, item.digits, period, "")
