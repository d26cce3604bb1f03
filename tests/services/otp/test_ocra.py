"""Challenges: a question for a device, bound to a transaction, whose answer is good once."""

import hashlib
import re

import pytest

from strongroom.domain.errors import InvalidRequest
from strongroom.domain.otp.credential import Hash, State, Type, spell
from strongroom.domain.otp.ocra import OCRAInputs, data_input, parse
from strongroom.services.otp.ocra import digest_of, question_of
from tests.support.otp import SECRET, code_of

SUITE = "OCRA-1:HOTP-SHA1-6:QN08"
PAYMENT = {"amount": "12.50", "payee": "DE89 3704 0044 0532 0130 00"}


@pytest.fixture
def name(bank):
    return bank.credential(type=Type.OCRA, suite=SUITE)


def asked(bank, name, transaction=None, token=None):
    return bank.desk.ask(
        token or bank.verifier, "otp.challenge", name, transaction=transaction or {}
    )


def answer(question, suite=SUITE, secret=SECRET, **inputs):
    """What the device shows. The message is the provider's; its vectors are tested elsewhere."""
    parsed = parse(suite)
    message = data_input(parsed, OCRAInputs(question=question, **inputs))
    return code_of(secret, message, parsed.digits, parsed.hash)


def test_the_right_answer_is_right_once(bank, name):
    challenge = asked(bank, name)
    code = answer(challenge.question)
    assert bank.verify(name, code, challenge=challenge.challenge)
    assert bank.last("otp.verify") == {
        "result": "valid", "generation": 1, "challenge": challenge.challenge,
    }  # fmt: skip
    assert bank.why(name, code, challenge=challenge.challenge) == "challenge"


def test_a_question_is_of_the_suites_format_and_expires(bank, name):
    bank.profile(challenge_seconds=60)
    challenge = asked(bank, name)
    assert re.fullmatch("[0-9]{8}", challenge.question)
    assert challenge.suite == SUITE
    code = answer(challenge.question)
    bank.pass_(60)
    assert bank.why(name, code, challenge=challenge.challenge) == "challenge"
    bank.pass_(-1)
    assert bank.verify(name, code, challenge=challenge.challenge)


@pytest.mark.parametrize(
    ("suite", "shape"),
    [("QN04", "[0-9]{4}"), ("QN64", "[0-9]{64}"), ("QA10", "[A-Z2-9]{10}"),
     ("QA64", "[A-Z2-9]{64}"),
     ("QH40", "[0-9a-f]{40}"), ("QH64", "[0-9a-f]{64}")],
)  # fmt: skip
def test_questions_of_every_format_are_answered(bank, suite, shape):
    suite = f"OCRA-1:HOTP-SHA1-8:{suite}"
    name = bank.credential(type=Type.OCRA, suite=suite)
    challenge = asked(bank, name)
    assert re.fullmatch(shape, challenge.question)
    code = answer(challenge.question, suite)
    assert bank.verify(name, code, challenge=challenge.challenge)


def test_no_two_questions_are_the_same_to_a_device():
    """RFC 6287, 5.1 fills numbers with zeros on the right: 1 and 16 are one message."""
    suite = parse("OCRA-1:HOTP-SHA1-6:QN04")
    messages, questions = set(), set()
    for number in range(5_000):
        question = question_of(suite, number.to_bytes(16, "big"), b"")
        questions.add(question)
        messages.add(data_input(suite, OCRAInputs(question=question)))
    assert len(messages) == len(questions) > 3_000


def test_a_wrong_answer_is_a_failure_and_leaves_the_question(bank, name):
    challenge = asked(bank, name)
    code = answer(challenge.question)
    wrong = "000000" if code != "000000" else "000001"
    assert bank.why(name, wrong, challenge=challenge.challenge) == "wrong-code"
    assert bank.held(name).body.failures == 1
    assert bank.verify(name, code, challenge=challenge.challenge)
    assert bank.held(name).body.failures == 0


def test_guessing_answers_is_limited(bank, name):
    challenge = asked(bank, name)
    reasons = [bank.why(name, "x", challenge=challenge.challenge) for _ in range(7)]
    assert reasons == ["wrong-code"] * 5 + ["delayed"] * 2
    again = asked(bank, name)
    assert bank.why(name, answer(again.question), challenge=again.challenge) == "delayed"


@pytest.mark.parametrize("number", [0, 1, 2**31 - 1])
def test_without_an_open_challenge_nothing_is_right(bank, name, number):
    code = answer(asked(bank, name).question)
    assert bank.why(name, code, challenge=number) == "challenge"
    assert bank.held(name).body.failures == 0


@pytest.mark.parametrize(
    "other",
    [{}, PAYMENT | {"amount": "12.51"}, PAYMENT | {"memo": ""}, {"amount": "12.50"},
     {"payee": "12.50", "amount": PAYMENT["payee"]}, {"amountpayee": "12.50"}],
)  # fmt: skip
def test_an_answer_is_for_its_transaction_alone(bank, name, other):
    challenge = asked(bank, name, PAYMENT)
    code = answer(challenge.question)
    fields = {"challenge": challenge.challenge}
    assert bank.why(name, code, transaction=other, **fields) == "challenge"
    assert bank.verify(name, code, transaction=dict(reversed(PAYMENT.items())), **fields)


def test_a_question_without_a_transaction_is_for_none(bank, name):
    challenge = asked(bank, name)
    code = answer(challenge.question)
    assert bank.why(name, code, challenge=challenge.challenge, transaction=PAYMENT) == "challenge"


def test_the_same_transaction_is_another_question_each_time(bank, name):
    questions = {asked(bank, name, PAYMENT).question for _ in range(20)}
    assert len(questions) > 15


def test_a_transaction_is_on_record_as_a_digest_that_tells_nobody_what_it_is(bank, name):
    asked(bank, name, PAYMENT)
    first = bank.last("otp.challenge")["transaction"]
    asked(bank, name, PAYMENT)
    assert bank.last("otp.challenge")["transaction"] == first
    assert len(first) == 64
    plain = repr(PAYMENT).encode()
    assert first not in (hashlib.sha256(plain).hexdigest(), hashlib.sha256(b"12.50").hexdigest())
    assert "12.50" not in repr(bank.entries())


def test_several_are_open_at_once_and_the_oldest_goes(bank, name):
    challenges = [asked(bank, name) for _ in range(5)]
    codes = [answer(one.question) for one in challenges]
    bank.profile(rate_attempts=100)
    assert bank.why(name, codes[0], challenge=challenges[0].challenge) == "challenge"
    assert bank.why(name, codes[1], challenge=challenges[2].challenge) == "wrong-code"
    for one, code in reversed(list(zip(challenges[1:], codes[1:], strict=True))):
        assert bank.verify(name, code, challenge=one.challenge)
    assert bank.held(name).body.challenges == ()


def test_numbers_tell_nothing_of_how_many_there_were(bank, name):
    numbers = [asked(bank, name).challenge for _ in range(4)]
    assert len(set(numbers)) == 4
    assert max(numbers) - min(numbers) > 100


def test_counter_and_pin(bank):
    suite = "OCRA-1:HOTP-SHA256-8:C-QN08-PSHA1"
    name = bank.credential(type=Type.OCRA, suite=suite, hash=Hash.SHA256, moved=7)
    pin = hashlib.sha1(b"1234").digest()  # noqa: S324 - the RFC's

    def right(counter, with_pin=pin):
        challenge = asked(bank, name)
        code = answer(challenge.question, suite, counter=counter, pin=pin)
        return bank.verify(name, code, challenge=challenge.challenge, pin=with_pin)

    assert not right(7, hashlib.sha1(b"4321").digest())  # noqa: S324 - the RFC's
    assert not right(7, b"")
    assert not right(7, pin + b"\0")
    assert not right(6)
    bank.change(name, failures=0, rate_us=0)
    assert right(10)
    assert bank.held(name).body.newest.moved == 11
    assert not right(10)
    assert right(21)
    bank.pass_(60)
    assert not right(33)


def test_time_and_session(bank):
    suite = "OCRA-1:HOTP-SHA512-8:QN08-S064-T1M"
    name = bank.credential(type=Type.OCRA, suite=suite, hash=Hash.SHA512)
    step = bank.clock.now // 60_000_000

    def right(time, session=b"tls", told=b"tls"):
        challenge = asked(bank, name)
        code = answer(challenge.question, suite, time=time, session=session)
        return bank.verify(name, code, challenge=challenge.challenge, session=told)

    assert not right(step, told=b"other")
    assert not right(step, told=b"t" * 65)
    assert not right(step + 2)
    assert right(step + 1)
    assert right(step + 1)  # another question in the same minute
    assert not right(step)  # but none of one that is over
    body = bank.held(name).body
    assert (body.newest.drift, body.newest.moved) == (1, step + 1)


def test_in_a_batch_and_for_a_user(bank, name):
    first, second = asked(bank, name), asked(bank, name, PAYMENT)
    items = [
        {"id": name, "code": answer(first.question), "challenge": first.challenge},
        {"id": name, "code": answer(first.question), "challenge": first.challenge},
        {"id": name, "code": answer(second.question), "challenge": second.challenge},
    ]
    told = bank.desk.ask(bank.verifier, "otp.verify", items=items).items
    assert [item.valid for item in told] == [True, False, False]
    bank.credential(b"another user's second one.")
    found = bank.desk.ask(
        bank.verifier, "otp.verify-user", user="alice", code=answer(second.question),
        challenge=second.challenge, transaction=PAYMENT,
    )  # fmt: skip
    assert (found.valid, found.id) == (True, name)


def test_the_first_answer_is_the_proof(bank):
    name = bank.credential(type=Type.OCRA, suite=SUITE, state=State.PENDING, proved=False)
    challenge = asked(bank, name, token=bank.enroller)
    code, number = answer(challenge.question), challenge.challenge
    assert bank.why(name, code, challenge=number) == "pending"
    assert bank.desk.ask(bank.enroller, "otp.activate", name, code=code, challenge=number).active
    assert bank.held(name).state is State.ACTIVE
    assert bank.held(name).body.challenges == ()


# --- what is not told -----------------------------------------------------------------------------


def test_a_verifier_is_asked_a_question_for_whatever_they_name(bank, name):
    """Of a stopped credential, of one that answers none, of one that is not there."""
    stopped = bank.credential(type=Type.OCRA, suite=SUITE, state=State.SUSPENDED)
    locked = bank.credential(type=Type.OCRA, suite=SUITE, locked=True)
    gone = bank.credential(type=Type.OCRA, suite=SUITE)
    bank.change(gone, state=State.DESTROYED, secrets=())
    for one in (name, stopped, locked, gone, bank.credential(), "otp-" + "a" * 26, "nonsense"):
        challenge = asked(bank, one, PAYMENT)
        assert re.fullmatch("[0-9]{8}", challenge.question)
        assert challenge.suite == SUITE
        code = answer(challenge.question)
        fields = {"challenge": challenge.challenge, "transaction": PAYMENT}
        assert bank.verify(one, code, **fields) is (one == name)


def test_who_may_know_is_told(bank):
    token = bank.knows_reasons()
    ask = token, "otp.challenge"
    assert bank.desk.refusal(*ask, "otp-" + "a" * 26) == "not-found"
    assert bank.desk.refusal(*ask, bank.credential()) == "invalid-request"


def test_a_namespace_with_other_devices_asks_as_they_are_asked(bank):
    suite = "OCRA-1:HOTP-SHA256-8:QA10"
    bank.profile(type=Type.OCRA, suite=suite, hash=Hash.SHA256)
    assert asked(bank, "otp-" + "a" * 26).suite == suite
    assert not bank.verify("otp-" + "a" * 26, "12345678")


def test_a_suite_of_any_profile_may_be_that_of_what_is_not_there_and_it_stays(bank):
    """Whoever asks of many ids sees each suite of the namespace, and learns of none by it."""
    suite = "OCRA-1:HOTP-SHA256-8:QA10"
    bank.profile("cards", type=Type.OCRA, suite=suite)
    nobody = [spell(bytes([number]) * 16) for number in range(4)]
    assert {asked(bank, name).suite for name in nobody} == {suite}
    bank.desk.ask(bank.officer, "otp.write-profile", "other", type="ocra", suite=SUITE)
    nobody = [spell(bytes([number]) * 16) for number in range(32)]
    first = [asked(bank, name).suite for name in nobody]
    assert set(first) == {suite, SUITE}
    assert [asked(bank, name).suite for name in nobody] == first


def test_there_a_credential_of_another_kind_is_asked_the_same(bank):
    bank.profile(type=Type.OCRA, suite="OCRA-1:HOTP-SHA256-8:QA10")
    clock = bank.credential()
    assert asked(bank, clock).suite == asked(bank, spell(b"?" * 16)).suite


@pytest.mark.parametrize("transaction", [{"\ud800": "1"}, {"1": "\udfff"}, {"a": "x" * 4_096}])
def test_a_transaction_that_is_none_is_refused(bank, transaction):
    with pytest.raises(InvalidRequest, match="transaction"):
        digest_of(bank.handle, transaction)


def test_one_that_is_too_long_is_refused_at_the_desk(bank, name):
    fields = {"transaction": {"a": "x" * 4_096}}
    assert bank.desk.refusal(bank.verifier, "otp.challenge", name, **fields) == "invalid-request"
    assert bank.desk.refusal(bank.verifier, "otp.verify", name, code="1", **fields) == (
        "invalid-request"
    )


# --- showing a code -------------------------------------------------------------------------------


@pytest.fixture
def shower(bank):
    text = 'permit (principal == Principal::"shower", action == Action::"otp.compute", resource);'
    bank.desk.ask(bank.admin, "policy.write", "compute", text=text)
    return bank.person("shower")


def computed(bank, token, name, **fields):
    return bank.desk.ask(token, "otp.compute", name, **fields).code


@pytest.mark.parametrize(
    "who", ["verifier", "enroller", "helpdesk", "officer", "migrator", "admin"]
)
def test_no_role_may(bank, who):
    assert bank.desk.refusal(getattr(bank, who), "otp.compute", bank.credential()) == "not-allowed"


def test_the_code_that_is_shown_is_right_once(bank, shower):
    name = bank.credential()
    code = computed(bank, shower, name)
    assert code == bank.code()
    assert bank.last("otp.compute") == {"generation": 1}
    assert bank.verify(name, code)
    assert not bank.verify(name, computed(bank, shower, name))


def test_of_counters_clocks_and_challenges(bank, shower, name):
    counter = bank.credential(type=Type.HOTP, moved=4)
    code = computed(bank, shower, counter)
    assert code == computed(bank, shower, counter)
    assert bank.verify(counter, code)
    assert bank.verify(counter, computed(bank, shower, counter))
    ahead = bank.credential(drift=3)
    assert computed(bank, shower, ahead) == bank.code(3)
    challenge = asked(bank, name, PAYMENT)
    code = computed(bank, shower, name, challenge=challenge.challenge)
    assert code == answer(challenge.question)
    assert bank.verify(name, code, challenge=challenge.challenge, transaction=PAYMENT)
    for wrong in ({}, {"challenge": 1}):
        assert bank.desk.refusal(shower, "otp.compute", name, **wrong) == "invalid-request"


@pytest.mark.parametrize("state", [State.PENDING, State.SUSPENDED, State.REVOKED])
def test_none_of_what_is_not_active(bank, shower, state):
    name = bank.credential(state=state)
    assert bank.desk.refusal(shower, "otp.compute", name) == "key-not-usable"
    assert (
        bank.desk.refusal(shower, "otp.compute", bank.credential(locked=True)) == "key-not-usable"
    )
    assert bank.desk.refusal(shower, "otp.compute", "otp-" + "a" * 26) == "not-found"
