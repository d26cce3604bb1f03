"""A code of any of a user's active credentials.

Each of them is weighed, and a wrong code is a failure of each that was. A user without any gets the
same answer after as much work as one with one.
"""

from typing import TYPE_CHECKING

import msgspec

from strongroom.domain.otp import asks
from strongroom.domain.otp.credential import spell
from strongroom.domain.otp.reasons import Reason
from strongroom.services.authorize import Permit
from strongroom.services.otp.attempts import Weighed
from strongroom.services.otp.ocra import digest_of
from strongroom.services.otp.parts import Parts
from strongroom.services.otp.rows import pseudonym
from strongroom.services.otp.scales import Found, Scales, Settled
from strongroom.services.otp.verdicts import on_record, told, word

if TYPE_CHECKING:
    from strongroom.services.books import Details


async def verify(
    parts: Parts, permit: Permit, scales: Scales, ask: asks.VerifyUser
) -> asks.UserVerdict:
    """Which one the code is right for, if any."""
    subject = pseudonym(permit.namespace.handle, ask.user)
    transaction = digest_of(permit.namespace.handle, ask.transaction)

    async def decide(found: Found) -> tuple[Settled, tuple[bytes, Weighed]]:
        if not found:
            weighed = _none(scales.attempt(None, ask, transaction=transaction))
            settled = Settled((scales.decoy(subject),), on_record(weighed))
            return settled, (b"", weighed)
        weighed_by_id = {
            credential_id: scales.attempt(held, ask, transaction=transaction)
            for credential_id, held in found.items()
        }
        kept = {one: weighed for one, weighed in weighed_by_id.items() if weighed.right}
        # Those that a right code was not meant for are left as they are.
        kept = kept or weighed_by_id
        best = min(kept, key=lambda one: _order(kept[one]))
        details: Details = on_record(kept[best])
        if kept[best].right:
            details["credential"] = spell(best)
        if ask.challenge:
            details["challenge"] = ask.challenge
        details["items"] = [
            f"{spell(one)}:{word(weighed)}" for one, weighed in weighed_by_id.items()
        ]
        moves = tuple([scales.move(one, found[one], weighed) for one, weighed in kept.items()])
        erases = any(weighed.erases for weighed in kept.values())
        return Settled(moves, details, erases), (best, kept[best])

    best, weighed = await scales.settle_user(subject, decide)
    return asks.UserVerdict(
        valid=weighed.right,
        reason=told(parts, permit, weighed),
        id=spell(best) if weighed.right else "",
    )


def _none(weighed: Weighed) -> Weighed:
    return msgspec.structs.replace(weighed, reason=Reason.NO_CREDENTIAL)


def _order(weighed: Weighed) -> int:
    """What is said of several: the right one; else of one that was weighed, and why not."""
    first = (None, Reason.REPLAYED, Reason.WRONG_CODE)
    return first.index(weighed.reason) if weighed.reason in first else len(first)
