"""A backup is restored: no code of before is accepted again, no challenge and no link is open."""

import base64

import pytest

from strongroom.domain.otp.credential import Challenge, Link, State, Type
from tests.support.notaries import Signed
from tests.support.otp import SECRET, STEP_US, Bank, hotp


@pytest.fixture
def signed(tmp_path):
    made = Signed(tmp_path / "house")
    made.house.lasting()
    made.use(2)
    made.sign()
    yield made
    made.close()


@pytest.fixture
def bank(signed):
    return Bank.of(signed.house)


def restored(signed, bank, copy):
    signed.use(1)
    signed.sign()
    signed.restore(copy)
    signed.accept()
    bank.desk = signed.desk


def wait(bank, steps=1):
    bank.clock.now += steps * STEP_US


def test_a_code_that_was_used_after_the_backup_stays_used(signed, bank):
    name = bank.credential()
    copy = signed.backup()
    code = bank.code()
    assert bank.verify(name, code)
    restored(signed, bank, copy)
    assert not bank.verify(name, code)


def test_nor_is_any_other_of_before(signed, bank):
    """The clock was followed since then, as far as it may be believed: the backup does not know."""
    name = bank.credential()
    copy = signed.backup()
    for ahead in range(1, 11):
        wait(bank)
        assert bank.verify(name, bank.code(ahead))
    last = bank.code(10)
    restored(signed, bank, copy)
    bank.profile(rate_attempts=1_000, lock_limit=100)
    for _ in range(12):
        assert not bank.verify(name, last)
        wait(bank)
    assert bank.verify(name, bank.code())


def test_after_that_it_goes_on(signed, bank):
    name = bank.credential()
    copy = signed.backup()
    restored(signed, bank, copy)
    assert not bank.verify(name, bank.code())
    wait(bank, 12)
    assert bank.verify(name, bank.code())
    wait(bank)
    assert bank.verify(name, bank.code())


def test_the_fence_is_raised_once(signed, bank):
    bank.profile(restore_jump=5)
    name = bank.credential(type=Type.HOTP, moved=7)
    copy = signed.backup()
    restored(signed, bank, copy)
    assert not bank.verify(name, hotp(SECRET, 11))
    assert bank.held(name).body.newest.moved == 12
    assert bank.verify(name, hotp(SECRET, 12))
    assert bank.held(name).body.newest.moved == 13
    assert bank.held(name).body.restores == 1


def test_a_counter_jumps_as_far_as_the_profile_says(signed, bank):
    name = bank.credential(type=Type.HOTP)
    copy = signed.backup()
    assert bank.verify(name, hotp(SECRET, 5))
    restored(signed, bank, copy)
    assert not bank.verify(name, hotp(SECRET, 5))
    assert not bank.verify(name, hotp(SECRET, 999))
    assert bank.verify(name, hotp(SECRET, 1_000))


def test_each_generation_of_a_rotation_is_fenced(signed, bank):
    new = b"abcdefghijklmnopqrst"
    name = bank.credential(new=new)
    copy = signed.backup()
    codes = [bank.code(), bank.code(secret=new)]
    assert bank.verify(name, codes[0])
    assert bank.verify(name, codes[1])
    restored(signed, bank, copy)
    assert not any(bank.verify(name, code) for code in codes)


def test_challenges_and_links_are_gone(signed, bank):
    later = bank.clock.now + 10**9
    name = bank.credential(
        state=State.PENDING, challenges=(Challenge(1, "1", later),), link=Link(b"h" * 32, later)
    )  # fmt: skip
    copy = signed.backup()
    restored(signed, bank, copy)
    bank.verify(name, "1")
    body = bank.held(name).body
    assert (body.challenges, body.link, body.restores) == ((), None, 1)


def test_what_is_made_after_it_is_not_fenced_for_it(signed, bank):
    copy = signed.backup()
    restored(signed, bank, copy)
    name = bank.credential(restores=1)
    assert bank.verify(name, bank.code())


def test_a_new_secret_begins_at_its_beginning(signed, bank):
    """It was made after the restore: only the old one's counter jumps, and its link is good."""
    name = bank.credential(type=Type.HOTP)
    pending = bank.credential(type=Type.HOTP, state=State.PENDING, proved=False)
    copy = signed.backup()
    restored(signed, bank, copy)
    for operation, target in (("otp.rotate", name), ("otp.link", pending)):
        link = bank.desk.ask(bank.enroller, operation, target).link
        key = bank.fetch(link.token).key.replace(" ", "")
        secret = base64.b32decode(key.upper() + "=" * (-len(key) % 8))
        code = hotp(secret, 0)
        assert bank.desk.ask(bank.enroller, "otp.activate", target, code=code).active
