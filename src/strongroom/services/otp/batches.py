"""A batch of codes: weighed one after the other, kept in one commit, told in one entry."""

from typing import Final

from strongroom.domain.operations import READ_REASONS
from strongroom.domain.otp import asks
from strongroom.services.authorize import Permit
from strongroom.services.otp.attempts import Weighed
from strongroom.services.otp.ocra import digest_of
from strongroom.services.otp.parts import Parts
from strongroom.services.otp.scales import Found, Scales, Settled, breathe, id_of, moved
from strongroom.services.otp.verdicts import word

# So many take about a millisecond; then others' calls go on.
_CODES_AT_A_TIME: Final = 75
_MOVES_AT_A_TIME: Final = 25


async def verify(
    parts: Parts, permit: Permit, scales: Scales, items: list[asks.AttemptItem]
) -> asks.Verdicts:
    """A verdict for each. The same credential again is weighed as it was left by the one before."""
    digests = [digest_of(permit.namespace.handle, item.transaction) for item in items]
    ids = [id_of(item.id) for item in items]

    async def decide(found: Found) -> tuple[Settled, list[Weighed]]:
        after: dict[bytes, Weighed] = {}
        now = dict(found)
        verdicts = []
        codes = 0
        for number, item in enumerate(items):
            credential_id = ids[number]
            held = now[credential_id]
            codes += scales.codes(held)
            if codes > _CODES_AT_A_TIME:
                codes = 0
                await breathe()
            weighed = scales.attempt(held, item, transaction=digests[number])
            if held is not None:
                now[credential_id] = moved(held, weighed.body, weighed.state)
            after[credential_id] = weighed
            verdicts.append(weighed)
        moves = []
        for number, (credential_id, weighed) in enumerate(after.items()):
            if number % _MOVES_AT_A_TIME == _MOVES_AT_A_TIME - 1:
                await breathe()
            moves.append(scales.move(credential_id, found[credential_id], weighed))
        settled = Settled(
            tuple(moves),
            {
                "count": len(items),
                "items": [
                    f"{item.id}:{word(weighed)}"
                    for item, weighed in zip(items, verdicts, strict=True)
                ],
            },
            erases=any(weighed.erases for weighed in verdicts),
        )
        return settled, verdicts

    verdicts = await scales.settle(ids, decide, count=len(items))
    # Once for all of them: where a policy looks at the circumstances, it is weighed each time.
    reasons = parts.authorizer.may(permit, READ_REASONS)
    return asks.Verdicts(
        [
            asks.VerdictItem(
                id=item.id,
                valid=weighed.right,
                reason=weighed.reason if reasons and weighed.reason is not None else "",
            )
            for item, weighed in zip(items, verdicts, strict=True)
        ]
    )
