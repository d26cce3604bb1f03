"""A challenge is asked (OCRA); a code is shown."""

from typing import TYPE_CHECKING, Final

from strongroom.domain.errors import InvalidRequest, KeyNotUsable, NotFound
from strongroom.domain.operations import READ_REASONS
from strongroom.domain.otp import asks
from strongroom.domain.otp.credential import Challenge, State, Type
from strongroom.domain.otp.ocra import OCRAInputs, Suite
from strongroom.domain.times import rfc3339
from strongroom.services.authorize import Permit
from strongroom.services.otp import ocra
from strongroom.services.otp.parts import Change, Parts
from strongroom.services.otp.rows import Held, works
from strongroom.services.otp.scales import Found, Scales, Settled, id_of
from strongroom.services.otp.suites import parsed

if TYPE_CHECKING:
    from strongroom.services.books import Details

_SECOND_US: Final = 1_000_000
_NONCE_BYTES: Final = 16
# What is asked where there is nothing to ask: the suite that most devices have.
_USUAL_SUITE: Final = "OCRA-1:HOTP-SHA1-6:QN08"
_NOT_OCRA: Final = "only an OCRA credential answers challenges"


async def ask(
    parts: Parts, permit: Permit, scales: Scales, wanted: asks.AskChallenge
) -> asks.ChallengeView:
    """A question for the device of that credential, bound to the transaction.

    Whoever may not know why a code is refused is not told here that there is no such credential, or
    that it is none of this kind, or in which state it is: they get a question, too, and no answer
    to it is right. Raises `NotFound` and `InvalidRequest` for the others.
    """
    reasons = parts.authorizer.may(permit, READ_REASONS)
    transaction = ocra.digest_of(permit.namespace.handle, wanted.transaction)
    nonce = parts.randomness.bytes(_NONCE_BYTES)

    async def decide(found: Found) -> tuple[Settled, asks.ChallengeView]:
        ((credential_id, held),) = found.items()
        if held is not None:
            held = scales.fenced(held)
        if reasons and held is None:
            raise NotFound
        if reasons and held is not None and held.body.type is not Type.OCRA:
            raise InvalidRequest(_NOT_OCRA)
        suite = _suite(held, scales, credential_id)
        profile = scales.profile_of(held)
        challenge = Challenge(
            number=_number(parts, held),
            question=ocra.question_of(suite, nonce, transaction),
            expires_us=scales.now_us + profile.challenge_seconds * _SECOND_US,
            transaction=transaction,
        )
        if held is None:
            move = scales.decoy(credential_id)
        else:
            body = held.body
            if body.type is Type.OCRA and held.state is not State.DESTROYED:
                body = ocra.asked(body, challenge, scales.now_us)
            move = parts.rows.next(held, body)
        details: Details = {"challenge": challenge.number}
        if transaction:
            details["transaction"] = transaction.hex()
        view = asks.ChallengeView(
            challenge.number, challenge.question, suite.text, rfc3339(challenge.expires_us)
        )
        return Settled((move,), details), view

    return await scales.settle([id_of(permit.visit.target)], decide, count=0)


async def compute(
    parts: Parts, permit: Permit, scales: Scales, wanted: asks.Compute
) -> asks.Computed:
    """The code that a device shows now, of the generation in use: it is accepted once, as any.

    Raises `NotFound`, `KeyNotUsable`, `InvalidRequest`.
    """
    code = ""

    async def decide(held: Held) -> Change:
        nonlocal code
        body = held.body
        if held.state is not State.ACTIVE or body.locked:
            raise KeyNotUsable(f"the credential is {'locked' if body.locked else held.state}")
        secret = works(body, scales.now_us)[0]
        one_time = scales.opened(held, secret)
        details: Details = {"generation": secret.generation}
        if body.type is Type.OCRA:
            details["challenge"] = wanted.challenge
            suite = parsed(body.suite)
            challenge = ocra.open_challenge(body, wanted.challenge, scales.now_us)
            if challenge is None:
                raise InvalidRequest("no such challenge is open", "$.challenge")
            step = scales.now_us // (suite.step_seconds * _SECOND_US) if suite.step_seconds else 0
            inputs = OCRAInputs(
                counter=secret.moved if suite.counter else 0, question=challenge.question,
                pin=wanted.pin, session=wanted.session,
                time=max(0, step + secret.drift) if suite.step_seconds else 0,
            )  # fmt: skip
            code = one_time.ocra(suite, inputs)
        elif body.type is Type.HOTP:
            code = one_time.code(secret.moved, body.digits)
        else:
            step = scales.now_us // (body.period * _SECOND_US)
            code = one_time.code(max(0, step + secret.drift), body.digits)
        # Kept as a move, so that nobody is shown a code of what was stopped meanwhile.
        return Change(body, held.state, details)

    await parts.change(permit, permit.visit.target, decide)
    return asks.Computed(code)


def _suite(held: Held | None, scales: Scales, credential_id: bytes) -> Suite:
    """Its own; of one that has none, as of one that is not there, one of the namespace's."""
    text = "" if held is None else held.body.suite
    return parsed(text or scales.suite_of_nobody(credential_id) or _USUAL_SUITE)


def _number(parts: Parts, held: Held | None) -> int:
    """Any number that none of the open ones has: how many there were is nobody's business."""
    taken = () if held is None else [one.number for one in held.body.challenges]
    while True:
        number = int.from_bytes(parts.randomness.bytes(4), "big") >> 1
        if number and number not in taken:
            return number
