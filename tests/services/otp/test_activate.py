"""Proof of possession: the first right code makes a credential active, and a new secret the one."""

import pytest

from strongroom.domain.otp.credential import State, Type
from tests.support.otp import SECRET, hotp

NEW = b"abcdefghijklmnopqrst"


@pytest.fixture
def pending(bank):
    return bank.credential(state=State.PENDING, proved=False)


def activate(bank, name, code, **fields):
    return bank.desk.ask(bank.enroller, "otp.activate", name, code=code, **fields).active


def test_the_first_right_code_makes_it_active(bank, pending):
    assert activate(bank, pending, bank.code())
    held = bank.held(pending)
    assert (held.state, held.body.newest.proved) == (State.ACTIVE, True)
    assert bank.last("otp.activate") == {"result": "valid", "generation": 1}


def test_a_wrong_one_does_not_and_counts(bank, pending):
    for _ in range(5):
        assert not activate(bank, pending, "12345x")
    assert not activate(bank, pending, bank.code())
    held = bank.held(pending)
    assert (held.state, held.body.failures) == (State.PENDING, 5)
    assert bank.last("otp.activate") == {"result": "failed", "reason": "delayed"}


def test_its_code_is_used_up(bank, pending):
    code = bank.code()
    assert activate(bank, pending, code)
    assert not bank.verify(pending, code)
    bank.pass_(30)
    assert bank.verify(pending, bank.code())


def test_verifying_is_no_proof(bank, pending):
    """A verifier activates nothing: enrolment is others' duty."""
    assert bank.why(pending, bank.code()) == "pending"
    assert bank.held(pending).state is State.PENDING
    assert activate(bank, pending, bank.code())


def test_activating_is_no_way_to_verify(bank):
    """An enroller, who knows secrets' links, learns nothing of codes from an active credential."""
    name = bank.credential()
    for code in (bank.code(), "12345x"):
        assert bank.desk.refusal(bank.enroller, "otp.activate", name, code=code) == "key-not-usable"
    assert bank.held(name).revision == 1
    assert bank.verify(name, bank.code())


def test_the_new_secret_of_a_rotation_is_proved_so_and_ends_the_old_one(bank):
    name = bank.credential(new=NEW)
    assert not activate(bank, name, bank.code())
    assert activate(bank, name, bank.code(secret=NEW))
    body = bank.held(name).body
    assert [(one.generation, one.proved) for one in body.secrets] == [(2, True)]
    assert bank.last("otp.activate") == {"result": "valid", "generation": 2}


@pytest.mark.parametrize("state", [State.SUSPENDED, State.REVOKED])
def test_what_was_stopped_is_not_started_so(bank, state):
    name = bank.credential(state=state, proved=False)
    assert not activate(bank, name, bank.code())
    assert bank.held(name).state is state


def test_what_is_not_there_is_like_a_wrong_code(bank, pending):
    replies = {
        bank.desk.reply(bank.enroller, "otp.activate", name, code="12345x")[1].answer
        for name in (pending, "otp-" + "a" * 26)
    }
    assert len(replies) == 1


def test_a_counters_first_code_may_be_a_later_one(bank):
    name = bank.credential(state=State.PENDING, proved=False, type=Type.HOTP)
    assert activate(bank, name, hotp(SECRET, 3))
    assert bank.held(name).body.newest.moved == 4


@pytest.mark.parametrize("who", ["verifier", "helpdesk", "officer", "migrator"])
def test_only_an_enroller_does_it(bank, pending, who):
    token = getattr(bank, who)
    assert bank.desk.refusal(token, "otp.activate", pending, code=bank.code()) == "not-allowed"
