"""A device that was used without us, or whose clock is off, is found again by two codes."""

import pytest

from strongroom.domain.otp.credential import State, Type
from tests.support.otp import SECRET, hotp


def resync(bank, name, first, second):
    return bank.desk.ask(bank.helpdesk, "otp.resync", name, first=first, second=second).resynced


@pytest.fixture
def counter(bank):
    return bank.credential(type=Type.HOTP, moved=7)


@pytest.mark.parametrize(
    ("at", "found"), [(6, False), (7, True), (50, True), (107, True), (108, False)]
)
def test_a_counter_is_found_in_the_profiles_window(bank, counter, at, found):
    assert resync(bank, counter, hotp(SECRET, at), hotp(SECRET, at + 1)) is found
    assert bank.held(counter).body.newest.moved == (at + 2 if found else 7)
    assert bank.verify(counter, hotp(SECRET, at + 2)) is (found or at == 6)


def test_it_is_on_record(bank, counter):
    assert resync(bank, counter, hotp(SECRET, 50), hotp(SECRET, 51))
    assert bank.last("otp.resync") == {"result": "valid", "generation": 1}
    assert not resync(bank, counter, hotp(SECRET, 50), hotp(SECRET, 51))
    assert bank.last("otp.resync") == {"result": "failed", "reason": "wrong-code"}


@pytest.mark.parametrize(
    ("first", "second"), [(50, 50), (50, 52), (51, 50), (50, None), (None, 51)]
)
def test_two_codes_in_a_row_and_no_others(bank, counter, first, second):
    codes = ["12345x" if value is None else hotp(SECRET, value) for value in (first, second)]
    assert not resync(bank, counter, *codes)
    assert bank.held(counter).body.failures == 1


def test_a_code_that_stands_at_two_places_does_not_hide_the_right_one(bank):
    """Found by search: the first code is right for an earlier counter, too."""
    secret, values = None, {}
    for number in range(10_000):
        secret, values = number.to_bytes(20, "big"), {}
        for value in range(100):
            values.setdefault(hotp(secret, value), []).append(value)
        twice = [places for places in values.values() if len(places) > 1]
        if twice:
            break
    early, late = twice[0][:2]
    name = bank.credential(secret, type=Type.HOTP)
    assert early != late
    assert resync(bank, name, hotp(secret, late), hotp(secret, late + 1))
    assert bank.held(name).body.newest.moved == late + 2


def test_both_codes_are_used_up(bank, counter):
    assert resync(bank, counter, hotp(SECRET, 50), hotp(SECRET, 51))
    for value in (50, 51):
        assert not bank.verify(counter, hotp(SECRET, value))


@pytest.mark.parametrize(
    ("ahead", "found"), [(-11, False), (-10, True), (0, True), (10, True), (11, False)]
)
def test_a_clock_is_found_as_far_off_as_it_may_be_believed_to_be(bank, ahead, found):
    name = bank.credential()
    assert resync(bank, name, bank.code(ahead - 1), bank.code(ahead)) is found
    assert bank.held(name).body.newest.drift == (ahead if found else 0)
    bank.pass_(60)
    assert bank.verify(name, bank.code(ahead)) is (found or abs(ahead) <= 1)


def test_never_before_what_was_used(bank):
    name = bank.credential()
    assert bank.verify(name, bank.code())
    assert not resync(bank, name, bank.code(-1), bank.code())
    assert not resync(bank, name, bank.code(0), bank.code(1))
    assert resync(bank, name, bank.code(1), bank.code(2))


def test_a_failure_counts_as_one_and_a_delay_holds(bank, counter):
    for _ in range(5):
        assert not resync(bank, counter, "1", "2")
    assert bank.held(counter).body.failures == 5
    assert not resync(bank, counter, hotp(SECRET, 50), hotp(SECRET, 51))
    assert bank.last("otp.resync")["reason"] == "delayed"
    bank.pass_(30)
    assert resync(bank, counter, hotp(SECRET, 50), hotp(SECRET, 51))
    assert bank.held(counter).body.failures == 0


def test_it_proves_nothing(bank):
    """A token whose counter is far on is found before its first use, by who enrols nobody."""
    name = bank.credential(type=Type.HOTP, state=State.PENDING, proved=False)
    assert resync(bank, name, hotp(SECRET, 60), hotp(SECRET, 61))
    held = bank.held(name)
    assert (held.state, held.body.newest.proved) == (State.PENDING, False)
    assert bank.desk.ask(bank.enroller, "otp.activate", name, code=hotp(SECRET, 62)).active


@pytest.mark.parametrize("state", [State.SUSPENDED, State.REVOKED])
def test_not_what_was_stopped(bank, state):
    name = bank.credential(type=Type.HOTP, state=state)
    assert not resync(bank, name, hotp(SECRET, 1), hotp(SECRET, 2))
    assert bank.held(name).body.newest.moved == 0


def test_in_a_rotation_it_is_the_one_whose_codes_they_are(bank):
    new = b"abcdefghijklmnopqrst"
    name = bank.credential(type=Type.HOTP, new=new)
    assert resync(bank, name, hotp(new, 30), hotp(new, 31))
    assert [one.moved for one in bank.held(name).body.secrets] == [0, 32]
    assert bank.verify(name, hotp(SECRET, 0))
