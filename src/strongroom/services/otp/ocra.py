"""Challenges and their answers (OCRA, RFC 6287): a question asked, and what a right answer is.

A question is bound to its transaction here: it is made from it and from chance, and its answer is
taken only together with the same transaction again (dynamic linking, RTS on SCA, Article 5). Any
answer that counts uses its challenge up.
"""

import hashlib
from typing import Final

import msgspec

from strongroom.domain import limits
from strongroom.domain.binding import bind
from strongroom.domain.errors import InvalidRequest
from strongroom.domain.otp.asks import Attempt
from strongroom.domain.otp.credential import Body, Challenge, Secret, Type
from strongroom.domain.otp.ocra import OCRAInputs, Suite
from strongroom.domain.otp.profile import Profile
from strongroom.ports.provider import NamespaceHandle, OneTime
from strongroom.services.otp.suites import parsed
from strongroom.services.otp.windows import Find, Found, believed

_SECOND_US: Final = 1_000_000
# Of the letters a person can tell apart, as many as divide 256: each is as likely.
_LETTERS: Final = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"


def digest_of(handle: NamespaceHandle, transaction: dict[str, str]) -> bytes:
    """What is kept of a transaction: 32 bytes that tell nobody else what it was; of none, nothing.

    Raises `InvalidRequest`.
    """
    if not transaction:
        return b""
    try:
        pairs = sorted((name.encode(), value.encode()) for name, value in transaction.items())
    except UnicodeEncodeError:
        raise InvalidRequest(
            "a transaction is text in Unicode without lone surrogates", "$.transaction"
        ) from None
    flat = [part for pair in pairs for part in pair]
    if sum(map(len, flat)) > limits.OTP_TRANSACTION_BYTES_MAX:
        raise InvalidRequest(
            f"a transaction has at most {limits.OTP_TRANSACTION_BYTES_MAX} bytes",
            "$.transaction",
        )
    return handle.pseudonym("otp-transaction", bind(*flat))


def question_of(suite: Suite, nonce: bytes, transaction: bytes) -> str:
    """A question of the suite's format and full length, from chance and the transaction."""
    digest = hashlib.sha512(bind(b"strongroom/ocra-question/1", nonce, transaction)).digest()
    length = suite.question_length
    if suite.question == "N":
        # 512 bits are so much more than 64 digits that each number is as likely as any other.
        number = int.from_bytes(digest, "big") % 10**length
        # Hexadecimal and filled with zeros on the right (RFC 6287, 5.1), 1 and 16 are the same
        # question. Ours end in no zero, so that no answer is right for two of them.
        return str(number + (number % 16 == 0)).zfill(length)
    if suite.question == "H":
        return digest.hex()[:length]
    return "".join([_LETTERS[byte % len(_LETTERS)] for byte in digest[:length]])


def asked(body: Body, challenge: Challenge, now_us: int) -> Body:
    """The credential with one more challenge. Expired ones go; of too many, the oldest."""
    still = [one for one in body.challenges if now_us < one.expires_us]
    still = still[-(limits.OTP_CHALLENGES_MAX - 1) :]
    return msgspec.structs.replace(body, challenges=(*still, challenge))


def answered(body: Body, number: int) -> Body:
    """The credential without a challenge that was answered."""
    left = tuple([one for one in body.challenges if one.number != number])
    return msgspec.structs.replace(body, challenges=left)


def open_challenge(body: Body, number: int, now_us: int) -> Challenge | None:
    """The challenge of that number, if it can be answered now."""
    for one in body.challenges:
        if one.number == number and now_us < one.expires_us:
            return one
    return None


def response(profile: Profile, now_us: int, suite: Suite, attempt: Attempt, question: str) -> Find:
    """Looks for the response to that question in the windows of counter and clock."""
    fits = _fits(suite, attempt)
    pin, session = (attempt.pin, attempt.session) if fits else _fitting(suite)
    step = now_us // (suite.step_seconds * _SECOND_US) if suite.step_seconds else 0

    def find(one_time: OneTime, secret: Secret) -> Found | None:
        counters = (
            range(secret.moved, secret.moved + profile.look_ahead + 1) if suite.counter else (0,)
        )
        reach = profile.drift_window if suite.step_seconds else 0
        middle = step + secret.drift
        times = range(max(0, middle - reach), max(0, middle + reach) + 1)
        places = [(counter, time) for counter in counters for time in times]
        inputs = [
            OCRAInputs(counter=counter, question=question, pin=pin, session=session, time=time)
            for counter, time in places
        ]
        at = one_time.ocra_matches(suite, inputs, attempt.code)
        if at < 0 or not fits:
            return None
        counter, time = places[at]
        drift = believed(time - step, profile) if suite.step_seconds else 0
        if suite.counter:
            return Found(counter + 1, drift)
        # Several challenges may be answered in one time step, none in one that is over.
        if suite.step_seconds:
            return Found(max(time, secret.moved), drift, used=time < secret.moved)
        return Found(secret.moved, 0)

    return find


def stand_in_question(suite: Suite) -> str:
    """For as much work where nothing was asked."""
    return "0" * suite.question_length


def suite_of(body: Body) -> Suite | None:
    """The credential's suite, if it is one of challenges."""
    return parsed(body.suite) if body.type is Type.OCRA else None


def _fits(suite: Suite, attempt: Attempt) -> bool:
    pin, session = _fitting(suite)
    return len(attempt.pin) == len(pin) and len(attempt.session) <= len(session)


def _fitting(suite: Suite) -> tuple[bytes, bytes]:
    pin = b"" if suite.pin is None else bytes(hashlib.new(suite.pin.lower()).digest_size)
    return pin, bytes(suite.session)
