"""Every row of a credential, in force or not: its MAC, or that it is blank."""

import hmac
from collections.abc import Callable

from strongroom.domain.otp.credential import DECOY, MAC_BYTES, CredentialRow, spell
from strongroom.ports.inspection import CredentialPlace, Inspection
from strongroom.ports.provider import Provider

_STEP = 1_000


def check_credentials(
    inspection: Inspection,
    provider: Provider,
    found: Callable[[str, object, str], None],
    progress: Callable[[int], None],
) -> int:
    """Look at one after the other, and keep none. How many there are.

    A MAC does not tell an older row of the same credential from the newest.
    """
    rows = 0
    for place in inspection.credentials():
        what = _wrong(place, provider, inspection.deployment)
        if what:
            found("credentials", _shown(place), what)
        rows += 1
        if not rows % _STEP:
            progress(_STEP)
    progress(rows % _STEP)
    return rows


def _wrong(place: CredentialPlace, provider: Provider, deployment: bytes) -> str:
    if place.live == 0:
        return "" if place.blank else "it was replaced, and is not blank"
    if place.live != 1:
        return "it is neither in force nor replaced"
    return "" if _is_sound(place.row, provider, deployment) else "it was altered"


def _is_sound(row: CredentialRow, provider: Provider, deployment: bytes) -> bool:
    mac = provider.mac(row.authenticated(deployment))[:MAC_BYTES]
    return hmac.compare_digest(mac, row.mac)


def _shown(place: CredentialPlace) -> str:
    row = place.row
    if place.live == 0 or row.state == DECOY or not row.id:
        return f"slot {place.slot}"
    return spell(row.id)
