"""How a credential is shown: everything about it but its secret and who its user is."""

from strongroom.domain.otp.asks import CredentialView, Reminder
from strongroom.domain.otp.credential import State, spell
from strongroom.domain.otp.profile import DEFAULT, Profile
from strongroom.domain.times import rfc3339, rfc3339_or_empty
from strongroom.services.otp.rows import Held

_SECOND_US = 1_000_000
_DAY_S = 86_400


def shown(held: Held, profile: Profile, now_us: int) -> CredentialView:
    """The credential as it is now."""
    body = held.body
    rotating = len(body.secrets) > 1 and now_us < body.grace_us
    link = body.link.expires_us if body.link is not None else 0
    return CredentialView(
        id=spell(held.id),
        state=held.state,
        type=body.type,
        algorithm=body.hash,
        digits=body.digits,
        period=body.period,
        suite=body.suite,
        profile=body.profile or DEFAULT,
        subject=held.user.hex(),
        serial=body.serial,
        imported=body.imported,
        created=rfc3339(body.created_s * _SECOND_US),
        generation=body.newest.generation if body.secrets else 0,
        rotating=rotating,
        grace_ends=rfc3339_or_empty(body.grace_us if rotating else 0),
        rotates=rfc3339_or_empty(body.rotates_s * _SECOND_US),
        failures=body.failures,
        locked=body.locked,
        delayed_until=rfc3339_or_empty(body.delayed_us if now_us < body.delayed_us else 0),
        link_expires=rfc3339_or_empty(link if now_us < link else 0),
        reminders=[str(reminder) for reminder in reminders(held, profile, now_us)],
        ended=rfc3339_or_empty(body.ended_s * _SECOND_US),
        receipt=body.ended_by,
        revision=held.revision,
    )


def reminders(held: Held, profile: Profile, now_us: int) -> list[Reminder]:
    """What somebody should see to."""
    body = held.body
    if held.state in (State.REVOKED, State.DESTROYED) or not body.secrets:
        return []
    found: list[Reminder] = []
    newest = body.newest
    if body.rotates_s and now_us >= (body.rotates_s - profile.remind_days * _DAY_S) * _SECOND_US:
        found.append(Reminder.ROTATION_DUE)
    if not newest.proved:
        found.append(Reminder.NOT_PROVED if newest.shown else Reminder.NOT_FETCHED)
    if body.locked:
        found.append(Reminder.LOCKED)
    return found
