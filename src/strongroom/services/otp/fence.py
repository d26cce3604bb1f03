"""What a restored database must not bring back: codes, challenges and links of before the restore.

The backup is older than what was accepted since. So whatever may have been accepted until the
restore counts as used: every credential is moved past it, once, when it is next looked at.
"""

from typing import Final

import msgspec

from strongroom.domain.otp.credential import Body, Secret, Type
from strongroom.domain.otp.profile import Profile
from strongroom.services.facts import RestoresFact
from strongroom.services.otp.suites import parsed

_SECOND_US: Final = 1_000_000


def fenced(body: Body, profile: Profile, restores: RestoresFact) -> Body:
    """The credential as it may be used after all restores there were.

    No link and no challenge is left, and no code of before the last restore is accepted.
    """
    if body.restores >= restores.restores:
        return body
    secrets = tuple([_moved(secret, body, profile, restores) for secret in body.secrets])
    return msgspec.structs.replace(
        body, secrets=secrets, challenges=(), link=None, restores=restores.restores
    )


def _moved(secret: Secret, body: Body, profile: Profile, restores: RestoresFact) -> Secret:
    if body.type is Type.TOTP:
        seconds = body.period
    elif body.type is Type.OCRA and not parsed(body.suite).counter:
        seconds = parsed(body.suite).step_seconds
    else:
        seconds = 0
    if not seconds:
        # Nobody knows how often the device was used since the backup.
        return msgspec.structs.replace(secret, moved=secret.moved + profile.restore_jump)
    # Nor how far its clock was thought to be off by then: as far as it may be believed to be.
    ahead = max(abs(secret.drift), profile.drift_limit) + profile.drift_window
    step = restores.restored_us // (seconds * _SECOND_US)
    return msgspec.structs.replace(secret, moved=max(secret.moved, step + ahead + 1))
