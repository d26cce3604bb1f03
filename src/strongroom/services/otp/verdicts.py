"""What is said of an attempt that was weighed: on record all but the code, else yes or no."""

from typing import Final

from strongroom.domain.operations import READ_REASONS
from strongroom.services.authorize import Permit
from strongroom.services.books import Details
from strongroom.services.otp.attempts import Weighed
from strongroom.services.otp.parts import Parts

RIGHT: Final = "valid"
WRONG: Final = "failed"


def told(parts: Parts, permit: Permit, weighed: Weighed) -> str:
    """The reason, for those who have a right to reasons. Asked for whatever the reason is."""
    if weighed.reason is None or not parts.authorizer.may(permit, READ_REASONS):
        return ""
    return weighed.reason


def on_record(weighed: Weighed) -> Details:
    """The details of an entry about one attempt."""
    if weighed.reason is None:
        return {"result": RIGHT, "generation": weighed.generation}
    return {"result": WRONG, "reason": weighed.reason.value}


def word(weighed: Weighed) -> str:
    """The same in a word, where an entry has many."""
    return RIGHT if weighed.reason is None else weighed.reason.value
