"""An OTP profile: a namespace's named settings for credentials. Defaults for new ones, and floors.

What a profile says of windows, limits and delays holds for its credentials from the moment at which
it is changed; the type, hash, digits and period are those that a credential was made with.
"""

from enum import StrEnum
from typing import Final

import msgspec

from strongroom.domain.otp.credential import Hash, Type

DEFAULT: Final = "default"


class Lockout(StrEnum):
    """What happens after `lock_limit` failures in a row."""

    DELAY = "delay"  # each further one doubles the time in which nothing is weighed
    LOCK = "lock"  # nothing is weighed until an operator unlocks it


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """Settings. Windows are in time steps or counters, to each side where time is meant."""

    type: Type = Type.TOTP
    hash: Hash = Hash.SHA1  # what every authenticator app can do
    digits: int = 6
    period: int = 30
    suite: str = ""  # of OCRA
    drift_window: int = 1  # steps to each side of where the device's clock is thought to be
    drift_limit: int = 10  # how far it may be believed to be off, in steps
    look_ahead: int = 10  # counters (HOTP, OCRA) beyond the next one
    resync_window: int = 100  # likewise, when two consecutive codes are shown
    lock_limit: int = 5
    lockout: Lockout = Lockout.DELAY
    delay_seconds: int = 30  # the first delay
    delay_max_seconds: int = 86_400
    failures_max: int = 100  # in a row, then it is locked whatever `lockout` says (SP 800-63B-4)
    rate_attempts: int = 10  # weighed in `rate_seconds`
    rate_seconds: int = 60
    grace_seconds: int = 14 * 86_400  # in a rotation
    link_seconds: int = 15 * 60
    challenge_seconds: int = 5 * 60
    rotation_days: int = 0  # 0: not by age
    remind_days: int = 30  # before the rotation by age
    restore_jump: int = 1_000  # counters that may have been used between a backup and its restore


class Profiles(msgspec.Struct, frozen=True):
    """The record: all of a namespace's profiles, and the revision of each."""

    profiles: dict[str, Profile]
    revisions: dict[str, int]
