"""A new secret for a credential: beside the old one for a while, or in an unused one's place."""

import msgspec

from strongroom.domain.otp.credential import SECRET_BYTES, Body, Secret
from strongroom.domain.otp.profile import Profile
from strongroom.ports.provider import NamespaceHandle
from strongroom.services.otp.rows import Rows, works

_SECOND_US = 1_000_000
_DAY_S = 86_400


def rotated(  # noqa: PLR0913 - what a rotation depends on
    rows: Rows,
    handle: NamespaceHandle,
    body: Body,
    profile: Profile,
    now_us: int,
    *,
    namespace: bytes,
    credential_id: bytes,
) -> Body:
    """The credential with a secret of the next generation.

    The one in use works until its grace ends. If another was already to follow it, that one gives
    way, and the grace goes on as it was: asking again gives nobody more time.
    """
    secret = renewed(rows, handle, body, namespace=namespace, credential_id=credential_id)
    working = works(body, now_us)
    old = working[:1] if working[0].proved else ()
    rotating = len(working) > 1
    grace_us = body.grace_us if rotating else now_us + profile.grace_seconds * _SECOND_US
    return msgspec.structs.replace(
        body, secrets=(*old, secret), grace_us=grace_us if old else 0, link=None,
        rotates_s=rotates_s(profile, now_us), renewed_us=now_us,
    )  # fmt: skip


def erases(before: Body, after: Body) -> bool:
    """Whether something is not there any more that must be in no file: a secret, or a link."""
    kept = {secret.generation for secret in after.secrets}
    gone = any(secret.generation not in kept for secret in before.secrets)
    return gone or (before.link is not None and after.link is not before.link)


def renewed(
    rows: Rows, handle: NamespaceHandle, body: Body, *, namespace: bytes, credential_id: bytes
) -> Secret:
    """A secret of the next generation."""
    generation = body.newest.generation + 1
    binding = rows.binding(namespace, credential_id, body, generation)
    return Secret(generation, handle.generate_otp(SECRET_BYTES[body.hash], binding))


def rotates_s(profile: Profile, now_us: int) -> int:
    """When the next rotation by age is due; 0: never."""
    if not profile.rotation_days:
        return 0
    return now_us // _SECOND_US + profile.rotation_days * _DAY_S
