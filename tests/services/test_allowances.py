"""Raw AES-GCM: each version encrypts 2^31 messages at most, whoever counts and whoever forgets."""

import pytest

from strongroom.domain import limits
from strongroom.services import allowances
from tests.support.desks import House


@pytest.fixture
def house(tmp_path, monkeypatch):
    monkeypatch.setattr(limits, "GCM_MESSAGES_MAX", 10)
    monkeypatch.setattr(allowances, "_BLOCK", 4)
    house = House(tmp_path / "store.db")
    house.desk().ask(house.admin, "key.create", name="raw", algorithm="aes-256-gcm-raw")
    return house


def _encrypts(house, desk, most=100):
    """How often it encrypts until it is refused."""
    for count in range(most):
        code = desk.refusal(house.app, "key.encrypt", "raw", plaintext=b"x")
        if code:
            assert code == "key-not-usable"
            return count
    raise AssertionError("never refused")


def test_version_encrypts_as_often_as_it_may_and_no_more(house):
    assert _encrypts(house, house.desk()) == 10


def test_what_a_custodian_had_left_is_lost_when_it_ends_never_gained(house):
    assert not house.desk().refusal(house.app, "key.encrypt", "raw", plaintext=b"x")
    assert not house.desk().refusal(house.app, "key.encrypt", "raw", plaintext=b"x")
    # Two blocks of four are reserved; two messages are left of ten.
    assert _encrypts(house, house.desk()) == 2


def test_custodians_count_together(house):
    desks = [house.desk() for _ in range(3)]
    done = 0
    while not desks[done % 3].refusal(house.app, "key.encrypt", "raw", plaintext=b"x"):
        done += 1
    assert sum((done, *(_encrypts(house, desk) for desk in desks))) == 10


def test_rotation_begins_anew_and_old_messages_open(house):
    desk = house.desk()
    sealed = desk.ask(house.app, "key.encrypt", "raw", plaintext=b"old")
    _encrypts(house, desk)
    desk.ask(house.admin, "key.rotate", "raw")
    assert _encrypts(house, desk) == 10
    opened = desk.ask(house.app, "key.decrypt", "raw", ciphertext=sealed.ciphertext, key_version=1)
    assert opened.plaintext == b"old"


def test_other_algorithms_are_not_counted(house):
    desk = house.desk()
    desk.ask(house.admin, "key.create", name="siv", algorithm="aes-256-gcm-siv")
    for name in ("siv", "demo"):
        for _ in range(30):
            assert not desk.refusal(house.app, "key.encrypt", name, plaintext=b"x")


def test_uses_that_a_rate_refuses_take_nothing_from_what_the_version_may(house):
    desk = house.desk()
    control = {"rate_uses": 1, "rate_seconds": 1}
    desk.ask(house.admin, "key.update", "raw", control=control)
    done = 0
    for _ in range(10):
        done += not desk.refusal(house.app, "key.encrypt", "raw", plaintext=b"x")
        for _ in range(5):
            code = desk.refusal(house.app, "key.encrypt", "raw", plaintext=b"x")
            assert code in ("rate-limited", "key-not-usable")
        house.clock.now += 1_000_000
    assert done == 10
    assert desk.refusal(house.app, "key.encrypt", "raw", plaintext=b"x") == "key-not-usable"
