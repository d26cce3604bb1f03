"""Which codes an entry says were not right: of one credential, of a user's, or of a batch."""

from typing import Final

from strongroom.domain.events import Event

ATTEMPTS: Final = frozenset({"otp.activate", "otp.resync", "otp.verify", "otp.verify-user"})
_RIGHT: Final = "valid"


def refused_codes(event: Event) -> list[tuple[str, str]]:
    """The credential (empty: not known) and the reason of each code that was not right.

    A user's code is one, however many credentials it was tried with.
    """
    told = _told(event.details.get("items"))
    if event.action == "otp.verify" and told:
        return [(name, reason) for name, reason in told if reason != _RIGHT]
    if event.details.get("result") != "failed":
        return []
    reason = str(event.details.get("reason", "unknown"))
    if event.action == "otp.verify-user":
        return [(told[0][0] if told else "", reason)]
    return [(event.object, reason)]


def _told(items: object) -> list[tuple[str, str]]:
    """What is said of each of several credentials, as `id:reason`."""
    if not isinstance(items, list):
        return []
    parts = [str(item).partition(":") for item in items]
    return [(f"otp/{name}", reason) for name, _, reason in parts]
