"""How many guesses there are: per credential, per caller, per source; delays, locks, rates."""

import msgspec
import pytest

from strongroom.domain.calls import Call
from strongroom.domain.otp.profile import Lockout
from tests.support.desks import at_once
from tests.support.otp import SECOND_US

PATIENT = {"rate_attempts": 1_000, "rate_seconds": 60}  # not what is looked at


def guess(bank, name, times=1):
    """The reasons of wrong codes."""
    return [bank.why(name, "12345x") for _ in range(times)]


# --- the credential -------------------------------------------------------------------------------


def test_after_some_failures_one_has_to_wait(bank):
    name = bank.credential()
    assert guess(bank, name, 7) == ["wrong-code"] * 5 + ["delayed"] * 2
    assert bank.why(name, bank.code()) == "delayed"
    bank.pass_(30)
    assert bank.verify(name, bank.code())
    body = bank.held(name).body
    assert (body.failures, body.delayed_us) == (0, 0)


def test_each_further_failure_doubles_the_wait(bank):
    bank.profile(lock_limit=3, delay_seconds=10, delay_max_seconds=100, **PATIENT)
    name = bank.credential()
    waits = []
    for _ in range(8):
        assert guess(bank, name) == ["wrong-code"]
        wait_us = max(0, bank.held(name).body.delayed_us - bank.clock.now)
        waits.append(wait_us // SECOND_US)
        if wait_us:
            bank.clock.now += wait_us - 1
            assert guess(bank, name) == ["delayed"]
            bank.clock.now += 1
    assert waits == [0, 0, 10, 20, 40, 80, 100, 100]


def test_what_is_tried_in_the_wait_does_not_prolong_it(bank):
    name = bank.credential()
    guess(bank, name, 5)
    before = bank.held(name).body
    guess(bank, name, 5)
    assert bank.held(name).body == before


def test_by_policy_it_is_locked_instead(bank):
    bank.profile(lockout=Lockout.LOCK, lock_limit=3, **PATIENT)
    name = bank.credential()
    assert guess(bank, name, 4) == ["wrong-code"] * 3 + ["locked"]
    bank.pass_(10 * 365 * 86_400 / 100)
    assert bank.why(name, bank.code()) == "locked"


@pytest.mark.parametrize("lockout", list(Lockout))
def test_too_many_failures_lock_it_in_any_case(bank, lockout):
    bank.profile(lockout=lockout, lock_limit=9, failures_max=6, **PATIENT)
    name = bank.credential()
    assert guess(bank, name, 7) == ["wrong-code"] * 6 + ["locked"]
    assert bank.why(name, bank.code()) == "locked"


def test_a_right_code_forgives(bank):
    bank.profile(lockout=Lockout.LOCK, lock_limit=3, **PATIENT)
    name = bank.credential()
    for _ in range(4):
        guess(bank, name, 2)
        assert bank.verify(name, bank.code())
        bank.pass_(30)


def test_a_replayed_code_is_a_failure(bank):
    """Otherwise one who listens could try as often as they like."""
    name = bank.credential()
    code = bank.code()
    assert bank.verify(name, code)
    assert not bank.verify(name, code)
    assert bank.held(name).body.failures == 1


def test_its_own_rate_is_kept_for_right_codes_too(bank):
    bank.profile(rate_attempts=3, rate_seconds=60, lock_limit=100)
    name = bank.credential()
    assert bank.verify(name, bank.code())
    assert guess(bank, name, 3) == ["wrong-code", "wrong-code", "rate"]
    assert bank.why(name, bank.code(1)) == "rate"
    assert bank.held(name).body.failures == 2
    bank.pass_(20)
    assert guess(bank, name, 2) == ["wrong-code", "rate"]
    bank.pass_(60)
    assert guess(bank, name, 4) == ["wrong-code"] * 3 + ["rate"]


def test_a_clock_that_goes_back_frees_no_attempt_and_blocks_none_for_long(bank):
    bank.profile(rate_attempts=3, rate_seconds=60, lock_limit=100)
    name = bank.credential()
    guess(bank, name, 3)
    bank.pass_(-86_400)
    assert guess(bank, name) == ["rate"]
    bank.pass_(20)
    assert guess(bank, name, 2) == ["wrong-code", "rate"]
    bank.pass_(60)
    assert guess(bank, name, 4) == ["wrong-code"] * 3 + ["rate"]


def test_what_a_profile_says_holds_from_now_on(bank):
    name = bank.credential()
    guess(bank, name, 3)
    bank.profile(lockout=Lockout.LOCK, lock_limit=4)
    assert guess(bank, name, 2) == ["wrong-code", "locked"]


def test_each_credential_has_the_limits_of_its_own_profile(bank):
    bank.profile("strict", lockout=Lockout.LOCK, lock_limit=1)
    strict, usual = bank.credential(profile="strict"), bank.credential()
    assert guess(bank, strict, 2) == ["wrong-code", "locked"]
    assert guess(bank, usual, 2) == ["wrong-code", "wrong-code"]


# --- caller and source ----------------------------------------------------------------------------


def ask_from(bank, source, name, code, token=None):
    request = "0" * 32
    call = Call(
        "otp.verify",
        name,
        token or bank.verifier,
        source,
        request,
        msgspec.msgpack.encode({"code": code}),
    )
    return at_once(bank.desk.desk.answer(call))


def test_a_caller_tries_only_so_many_a_minute(bank):
    bank.desk.ask(bank.admin, "namespace.update", otp_caller_rate=5)
    other = bank.person("login2", "otp-verifier")
    names = [bank.credential() for _ in range(8)]
    for name in names[:5]:
        assert bank.verify(name, bank.code())
    for name in (names[5], "otp-" + "a" * 26):
        assert (
            bank.desk.refusal(bank.verifier, "otp.verify", name, code=bank.code()) == "rate-limited"
        )
    assert bank.entries("otp.verify")[-1]["reason"] == "rate-limited"
    # The attempt did not happen: the code is still good.
    assert bank.held(names[5]).revision == 1
    assert bank.desk.ask(other, "otp.verify", names[5], code=bank.code()).valid
    bank.pass_(61)
    assert bank.verify(names[6], bank.code())


def test_each_item_of_a_batch_counts(bank):
    bank.desk.ask(bank.admin, "namespace.update", otp_caller_rate=5)
    items = [{"id": bank.credential(), "code": bank.code()} for _ in range(6)]
    assert bank.desk.refusal(bank.verifier, "otp.verify", items=items) == "rate-limited"
    assert len(bank.desk.ask(bank.verifier, "otp.verify", items=items[:5]).items) == 5
    assert bank.desk.refusal(bank.verifier, "otp.verify", items=items[5:]) == "rate-limited"


@pytest.mark.parametrize(
    ("one", "same", "other"),
    [
        ("192.0.2.1", "192.0.2.1", "192.0.2.2"),
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", "2001:db8:1:3::1"),
        ("::ffff:192.0.2.1", "192.0.2.1", "::ffff:192.0.2.2"),
    ],
)
def test_a_source_tries_only_so_many_a_minute(bank, one, same, other):
    bank.desk.ask(bank.admin, "namespace.update", otp_source_rate=2)
    token = bank.person("login2", "otp-verifier")
    name = bank.credential()
    assert not ask_from(bank, one, name, "1").code
    assert not ask_from(bank, same, name, "1", token).code
    for source in (one, same):
        assert ask_from(bank, source, name, "1").code == "rate-limited"
    assert not ask_from(bank, other, name, "1").code


def test_all_that_tries_codes_counts(bank):
    bank.desk.ask(bank.admin, "namespace.update", otp_source_rate=3)
    pending = bank.credential(state="pending", proved=False)
    tries = [
        (bank.verifier, "otp.verify", pending, {"code": "1"}),
        (bank.verifier, "otp.verify-user", "", {"user": "alice", "code": "1"}),
        (bank.enroller, "otp.activate", pending, {"code": "1"}),
        (bank.helpdesk, "otp.resync", pending, {"first": "1", "second": "2"}),
    ]
    outcomes = [
        bank.desk.refusal(token, what, target, **fields) for token, what, target, fields in tries
    ]
    assert outcomes == ["", "", "", "rate-limited"]
