"""What a key's state forbids, where AWS forbids more than a custodian would, or in other words."""

from typing import Final

from msgspec import UNSET

from strongroom.domain import asks
from strongroom.doors.aws.errors import AWSError
from strongroom.doors.aws.metadata import key_state
from strongroom.doors.aws.names import Place, id_of

_SAID: Final = {
    "Creating": "is being created",
    "Disabled": "is disabled",
    "PendingDeletion": "is pending deletion",
    "PendingImport": "is pending import",
}


def require(view: asks.KeyView, place: Place, *allowed: str) -> None:
    """Raises `AWSError` for a key in another state than those."""
    state = key_state(view)
    if state not in allowed:
        raise refusal(state, place.key(id_of(view)))


def forbid(view: asks.KeyView, place: Place, *forbidden: str) -> None:
    """Raises `AWSError` for a key in one of those states."""
    state = key_state(view)
    if state in forbidden:
        raise refusal(state, place.key(id_of(view)))


def require_primary(view: asks.KeyView, place: Place) -> None:
    """Raises `AWSError` for a key that follows another one in another Region."""
    if view.related is not UNSET and not view.related.is_primary:
        raise no_primary(view, place)


def no_primary(view: asks.KeyView, place: Place) -> AWSError:
    """What is for a multi-Region key, and the primary one."""
    said = f"{place.key(id_of(view))} is not a multi-region primary key."
    return AWSError("UnsupportedOperationException", said)


def refusal(state: str, arn: str) -> AWSError:
    """A key in that state does not do what was asked."""
    code = "DisabledException" if state == "Disabled" else "KMSInvalidStateException"
    return AWSError(code, f"{arn} {_SAID.get(state, 'is not in a state that allows this')}.")


def wrong_origin(arn: str, origin: str) -> AWSError:
    """Keys whose material comes from there do not do what was asked."""
    said = f"{arn} origin is {origin} which is not valid for this operation."
    return AWSError("UnsupportedOperationException", said)
