"""What a key's state forbids, where AWS forbids more than a custodian would, or in other words."""

from typing import Final

from strongroom.domain import asks
from strongroom.domain.calls import Reply
from strongroom.domain.errors import KeyNotUsable
from strongroom.domain.multi_region import AT_THE_PRIMARY, NO_PRIMARY, NO_RELATIVES, REPLICA
from strongroom.doors.aws.errors import AWSError
from strongroom.doors.aws.metadata import key_state
from strongroom.doors.aws.names import Place, id_of

_NO_PRIMARY: Final = frozenset({AT_THE_PRIMARY, NO_PRIMARY, NO_RELATIVES, REPLICA})
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


def no_primary(reply: Reply, place: Place) -> AWSError | None:
    """The refusal of what is for a multi-Region key, and the primary one; None: it is another."""
    if reply.key is None or reply.code != KeyNotUsable.code or reply.detail not in _NO_PRIMARY:
        return None
    said = f"{place.key(reply.key.id)} is not a multi-region primary key."
    return AWSError("UnsupportedOperationException", said)


def refusal(state: str, arn: str) -> AWSError:
    """A key in that state does not do what was asked."""
    code = "DisabledException" if state == "Disabled" else "KMSInvalidStateException"
    return AWSError(code, f"{arn} {_SAID.get(state, 'is not in a state that allows this')}.")


def wrong_origin(arn: str, origin: str) -> AWSError:
    """Keys whose material comes from there do not do what was asked."""
    said = f"{arn} origin is {origin} which is not valid for this operation."
    return AWSError("UnsupportedOperationException", said)
