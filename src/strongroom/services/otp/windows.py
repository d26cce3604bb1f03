"""Where a right code may stand: which counters and time steps are tried, and what is learnt there.

Windows are the profile's and never the caller's. The whole of one is computed and compared,
whatever matches where, so that the time that it takes tells nothing.
"""

from collections.abc import Callable
from typing import Final

import msgspec

from strongroom.domain.otp.credential import Body, Secret, Type
from strongroom.domain.otp.profile import Profile
from strongroom.ports.provider import OneTime
from strongroom.services.otp.suites import parsed

_SECOND_US: Final = 1_000_000
_ANY_DIGITS: Final = 6  # for as much work where there is nothing to find (OCRA)


class Found(msgspec.Struct, frozen=True):
    """A right code, and what is known from it: the secret's next `moved`, and its `drift`.

    `used`: it was right, but what it stands at is used up.
    """

    moved: int
    drift: int
    used: bool = False


Find = Callable[[OneTime, Secret], Found | None]
"""Looks for a code in the window of one generation. None: it is in none of its places."""


def one_code(body: Body, profile: Profile, now_us: int, code: str) -> Find:
    """Looks for a code of HOTP or TOTP."""
    if body.type is Type.HOTP:
        return _counter(body, profile, code)
    return _time(body, profile, now_us, code)


def width(body: Body, profile: Profile) -> int:
    """In how many places of one generation a code is looked for."""
    counters, times = profile.look_ahead + 1, 2 * profile.drift_window + 1
    if body.type is not Type.OCRA:
        return counters if body.type is Type.HOTP else times
    suite = parsed(body.suite)
    return (counters if suite.counter else 1) * (times if suite.step_seconds else 1)


def two_codes(body: Body, profile: Profile, now_us: int, first: str, second: str) -> Find:
    """Looks for two consecutive codes, much farther (RFC 4226, 7.4).

    By a clock no farther than it may be believed to be off: farther would be of no use afterwards.
    """
    step = now_us // (body.period * _SECOND_US) if body.type is Type.TOTP else 0
    reach = min(profile.resync_window, profile.drift_limit)
    digits = body.digits or _ANY_DIGITS

    def find(one_time: OneTime, secret: Secret) -> Found | None:
        if body.type is Type.TOTP:
            places = range(step - reach - 1, step + reach)  # the second is the code of now
        else:
            places = range(secret.moved, secret.moved + profile.resync_window + 1)
        at = None
        for place in places:
            # A place for each of both, even if the first is wrong: how long it took would tell.
            one = one_time.matches(place, 1, digits, first)
            other = one_time.matches(place + 1, 1, digits, second)
            if at is None and one == other == 0 and place >= secret.moved:
                at = place
        if at is None:
            return None
        return Found(at + 2, at + 1 - step if body.type is Type.TOTP else 0)

    return find


def believed(drift: int, profile: Profile) -> int:
    """How far a clock is taken to be off that was seen to be so far off."""
    return max(-profile.drift_limit, min(profile.drift_limit, drift))


def _counter(body: Body, profile: Profile, code: str) -> Find:
    digits, count = body.digits, profile.look_ahead + 1

    def find(one_time: OneTime, secret: Secret) -> Found | None:
        at = one_time.matches(secret.moved, count, digits, code)
        return None if at < 0 else Found(secret.moved + at + 1, 0)

    return find


def _time(body: Body, profile: Profile, now_us: int, code: str) -> Find:
    step = now_us // (body.period * _SECOND_US)
    digits, reach = body.digits, profile.drift_window

    def find(one_time: OneTime, secret: Secret) -> Found | None:
        first = step + secret.drift - reach
        at = one_time.matches(first, 2 * reach + 1, digits, code)
        if at < 0:
            return None
        found = first + at
        # The same digits may stand at a later place, too. They were used all the same.
        if found < secret.moved:
            return Found(secret.moved, secret.drift, used=True)
        return Found(found + 1, believed(found - step, profile))

    return find
