"""Weighing an attempt: what a code is worth, and what becomes of the credential for it.

Pure: given a credential as it is, everything that is to become of it comes out, and nothing has
happened yet. The answer may be given only when that is kept.

1. All work is done, whatever comes of it: each generation that works is opened, its whole window
   computed and compared.
2. If anything hinders (state, lock, delay, no open challenge), the code has no effect, and nothing
   says whether it was right.
3. The attempt is counted against the credential's own rate (GCRA: `rate_us` is when all of them are
   free again). Beyond it, likewise no effect.
4. Only then does the code matter. A right one is used up; a wrong one is a failure more, once for
   both generations of a rotation.
"""

from collections.abc import Callable, Sequence
from enum import Enum, auto
from typing import Final

import msgspec

from strongroom.domain.otp.credential import Body, Secret, State
from strongroom.domain.otp.profile import Lockout, Profile
from strongroom.domain.otp.reasons import Reason
from strongroom.ports.provider import OneTime
from strongroom.services.otp.rows import works
from strongroom.services.otp.windows import Find, Found

_SECOND_US: Final = 1_000_000
_NO_SECRET: Final = Secret(0, b"")

Open = Callable[[Secret], OneTime]
"""Opens a generation; one without material as a decoy, with as much work."""


class Aim(Enum):
    """What an attempt is for."""

    VERIFY = auto()
    ACTIVATE = auto()  # the first right code of the newest generation
    RESYNC = auto()  # to find its place again; nothing is proved by it


class Weighed(msgspec.Struct, frozen=True):
    """What an attempt comes to, and what is to become of the credential.

    `generation` is that of a right code; `erases`: an older one has no secret any more.
    """

    body: Body
    state: State
    reason: Reason | None = None
    generation: int = 0
    erases: bool = False

    @property
    def right(self) -> bool:
        """Whether it counts."""
        return self.reason is None


_HINDERS: Final = {
    State.PENDING: Reason.PENDING,
    State.SUSPENDED: Reason.SUSPENDED,
    State.REVOKED: Reason.REVOKED,
    State.DESTROYED: Reason.DESTROYED,
}


def hindrance(body: Body, state: State, now_us: int, aim: Aim) -> Reason | None:
    """What keeps a credential's codes from being weighed at all."""
    hinders = _HINDERS.get(state)
    if hinders is not None and (state is not State.PENDING or aim is Aim.VERIFY):
        return hinders
    if body.locked:
        return Reason.LOCKED
    if now_us < body.delayed_us:
        return Reason.DELAYED
    return None


def weigh(  # noqa: PLR0913 - what an attempt depends on
    body: Body,
    state: State,
    profile: Profile,
    now_us: int,
    *,
    opened: Open,
    find: Find,
    aim: Aim = Aim.VERIFY,
    hinders: Reason | None = None,
) -> Weighed:
    """See the head of this module. `hinders`: what hinders beside the credential's own state."""
    # 1.
    tried = _tried(body, now_us, aim)
    found = [find(opened(secret), secret) for secret in tried]
    # 2.
    reason = hindrance(body, state, now_us, aim) or hinders
    if reason is not None:
        return Weighed(body, state, reason)
    # 3.
    all_us = profile.rate_seconds * _SECOND_US
    rate_us = body.rate_us
    if rate_us > now_us + all_us:
        # The clock went back. As if all attempts were just made: none is free for it, and nobody
        # waits for the clock to come where it was.
        rate_us = now_us + all_us
        body = msgspec.structs.replace(body, rate_us=rate_us)
    rate_us = max(now_us, rate_us) + all_us // profile.rate_attempts
    if rate_us > now_us + all_us:
        return Weighed(body, state, Reason.RATE)
    # 4.
    right = {
        secret.generation: place
        for secret, place in zip(tried, found, strict=True)
        if place is not None and not place.used
    }
    if not right:
        return _failed(body, state, profile, now_us, rate_us, found)
    return _succeeded(body, state, rate_us, right, aim)


def _tried(body: Body, now_us: int, aim: Aim) -> Sequence[Secret]:
    if not body.secrets:
        return (_NO_SECRET,)
    return body.secrets[-1:] if aim is Aim.ACTIVATE else works(body, now_us)


def _failed(  # noqa: PLR0913 - what a failure depends on
    body: Body,
    state: State,
    profile: Profile,
    now_us: int,
    rate_us: int,
    found: Sequence[Found | None],
) -> Weighed:
    failures = body.failures + 1
    beyond = failures - profile.lock_limit
    locked = failures >= profile.failures_max
    delayed_us = body.delayed_us
    if beyond >= 0 and profile.lockout is Lockout.LOCK:
        locked = True
    elif beyond >= 0:
        # RFC 4226, 7.3: each failure makes the next wait longer. 2^17 s is beyond any.
        seconds = min(profile.delay_seconds << min(beyond, 17), profile.delay_max_seconds)
        delayed_us = now_us + seconds * _SECOND_US
    after = msgspec.structs.replace(
        body, failures=failures, locked=locked, delayed_us=delayed_us, rate_us=rate_us
    )
    used = any(place is not None for place in found)
    return Weighed(after, state, Reason.REPLAYED if used else Reason.WRONG_CODE)


def _succeeded(
    body: Body, state: State, rate_us: int, right: dict[int, Found], aim: Aim
) -> Weighed:
    proves = aim is not Aim.RESYNC
    # Where the same digits are right for both generations, they are used up for both.
    secrets = tuple(
        [
            _used(secret, right[secret.generation], proves=proves)
            if secret.generation in right
            else secret
            for secret in body.secrets
        ]
    )
    # The new one works: the old one has no right to be there any more.
    erases = proves and len(secrets) > 1 and secrets[-1].generation in right
    after = msgspec.structs.replace(
        body,
        secrets=secrets[-1:] if erases else secrets,
        grace_us=0 if erases else body.grace_us,
        failures=0,
        delayed_us=0,
        rate_us=rate_us,
    )
    if aim is Aim.ACTIVATE:
        state = State.ACTIVE
    return Weighed(after, state, generation=max(right), erases=erases)


def _used(secret: Secret, found: Found, *, proves: bool) -> Secret:
    return Secret(
        secret.generation, secret.wrapped, found.moved, found.drift, secret.proved or proves,
        secret.shown,
    )  # fmt: skip
