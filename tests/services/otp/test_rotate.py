"""A new secret beside the old one: until it works or the grace ends; then the old one is gone."""

import msgspec
import pytest

from strongroom.adapters.direct_ledger import DirectLedger
from strongroom.domain.otp.credential import Hash, State, Type, parse
from tests.support.otp import SECOND_US, SECRET, hotp, secret_of, totp

GRACE_S = 14 * 86_400


def rotate(bank, name, **fields):
    """Have a new secret, and fetch it."""
    made = bank.desk.ask(bank.enroller, "otp.rotate", name, **fields)
    return secret_of(bank.fetch(made.link.token))


def wrapped(bank, name):
    """The wrapped secrets in the row."""
    return [secret.wrapped for secret in bank.held(name).body.secrets]


def test_in_the_grace_both_work(bank):
    name = bank.credential()
    new = rotate(bank, name)
    assert bank.verify(name, bank.code())
    assert bank.why(name, bank.code()) == "replayed"
    assert bank.held(name).body.newest.generation == 2
    assert bank.verify(name, totp(new, bank.clock.now))


def test_the_first_right_code_of_the_new_one_ends_the_old_one(bank):
    name = bank.credential()
    new = rotate(bank, name)
    (old, _) = wrapped(bank, name)
    assert bank.verify(name, totp(new, bank.clock.now))
    bank.pass_(30)
    assert not bank.verify(name, bank.code())
    assert len(wrapped(bank, name)) == 1
    assert old not in bank.files()


def test_the_end_of_the_grace_ends_it_too(bank):
    bank.house.lasting()
    name = bank.credential()
    rotate(bank, name)
    bank.clock.now += GRACE_S * SECOND_US - 1
    assert bank.verify(name, bank.code())
    bank.clock.now += 30 * SECOND_US
    assert not bank.verify(name, bank.code())


def test_an_unfetched_one_waits_in_its_link(bank):
    name = bank.credential()
    made = bank.desk.ask(bank.enroller, "otp.rotate", name)
    view = made.credential
    assert (view.generation, view.rotating, view.reminders) == (2, True, ["not-fetched"])
    assert view.grace_ends == "2026-10-05T14:13:20.000000Z"
    assert bank.last("otp.rotate") == {
        "generation": 2, "grace_ends": view.grace_ends, "delivery": "link",
        "link_expires": made.link.expires,
    }  # fmt: skip


def test_rotating_again_gives_the_middle_one_up_and_nobody_more_time(bank):
    name = bank.credential()
    middle = rotate(bank, name)
    (old, given_up), grace_us = wrapped(bank, name), bank.held(name).body.grace_us
    bank.pass_(86_400)
    new = rotate(bank, name)
    body = bank.held(name).body
    assert ([secret.generation for secret in body.secrets], body.grace_us) == ([1, 3], grace_us)
    assert wrapped(bank, name)[0] == old
    assert given_up not in bank.files()
    assert not bank.verify(name, totp(middle, bank.clock.now))
    assert bank.verify(name, bank.code())
    assert bank.verify(name, totp(new, bank.clock.now))


def test_a_link_of_before_opens_nothing_any_more(bank):
    name = bank.credential()
    first = bank.desk.ask(bank.enroller, "otp.rotate", name).link
    rotate(bank, name)
    assert bank.desk.refusal("", "otp.fetch", token=first.token) == "gone"


def test_a_new_one_that_got_lost_is_made_anew_and_the_old_one_works_on(bank):
    name = bank.credential()
    lost, grace_us = rotate(bank, name), bank.held(name).body.grace_us
    new = secret_of(bank.fetch(bank.desk.ask(bank.enroller, "otp.link", name).link.token))
    assert bank.held(name).body.grace_us == grace_us
    assert bank.verify(name, bank.code())
    assert not bank.verify(name, totp(lost, bank.clock.now))
    assert bank.desk.ask(
        bank.enroller, "otp.activate", name, code=totp(new, bank.clock.now)
    ).active  # fmt: skip


def test_after_the_grace_the_new_one_is_rotated_away_though_nobody_proved_it(bank):
    bank.house.lasting()
    name = bank.credential()
    rotate(bank, name)
    bank.pass_(GRACE_S + 30)
    new = rotate(bank, name)
    body = bank.held(name).body
    assert ([secret.generation for secret in body.secrets], body.grace_us) == ([3], 0)
    assert bank.verify(name, totp(new, bank.clock.now))


@pytest.mark.parametrize("hash_", [Hash.SHA256, Hash.SHA512])
def test_the_new_secret_is_of_the_same_kind(bank, hash_):
    name = bank.credential(hash=hash_, digits=8, period=60)
    new = rotate(bank, name)
    assert len(new) == {Hash.SHA256: 32, Hash.SHA512: 64}[hash_]
    code = totp(new, bank.clock.now, 8, hash_.lower(), 60)
    assert bank.verify(name, code)


def test_a_new_counter_begins_at_zero_and_the_old_one_goes_on(bank):
    name = bank.credential(type=Type.HOTP, moved=100)
    new = rotate(bank, name)
    assert bank.verify(name, hotp(SECRET, 100))
    assert bank.verify(name, hotp(SECRET, 101))
    assert bank.verify(name, hotp(new, 0))
    assert not bank.verify(name, hotp(SECRET, 102))


def test_when_it_is_next_due_follows_from_the_profile(bank):
    name = bank.credential()
    bank.profile(rotation_days=30)
    view = bank.desk.ask(bank.enroller, "otp.rotate", name, delivery="later").credential
    assert view.rotates == "2026-10-21T14:13:20.000000Z"


STATES = {
    State.PENDING: {"proved": False},
    State.SUSPENDED: {},
    State.REVOKED: {},
}


@pytest.mark.parametrize("state", STATES)
def test_only_an_active_one_is_rotated(bank, state):
    name = bank.credential(state=state, **STATES[state])
    assert bank.desk.refusal(bank.enroller, "otp.rotate", name) == "key-not-usable"
    assert bank.held(name).revision == 1


def test_a_code_that_is_verified_meanwhile_stays_used(bank):
    """Between the reading of the row and the commit of the rotation."""
    used = []

    class Between(DirectLedger):
        async def commit(self, commit):
            if commit.entry.action == "otp.rotate" and not used:
                (secret,) = bank.held(name).body.secrets
                used.append(bank.clock.now // (30 * SECOND_US))
                moved = msgspec.structs.replace(secret, moved=used[0] + 1)
                bank.change(name, secrets=(moved,))
            return await super().commit(commit)

    name = bank.credential()
    desk = bank.house.desk(ledger=Between(bank.store))
    desk.ask(bank.enroller, "otp.rotate", name)
    assert used
    assert bank.held(name).body.secrets[0].moved == used[0] + 1
    assert bank.why(name, bank.code()) == "replayed"


def test_two_rotations_at_once_are_one_after_the_other(bank):
    name = bank.credential()
    other = bank.house.desk()

    class Between(DirectLedger):
        async def commit(self, commit):
            if commit.entry.action == "otp.rotate" and not bank.entries("otp.rotate"):
                commit_of_others.append(await other.replied(bank.enroller, "otp.rotate", name))
            return await super().commit(commit)

    commit_of_others = []
    desk = bank.house.desk(ledger=Between(bank.store))
    made = desk.ask(bank.enroller, "otp.rotate", name)
    ((_, first),) = commit_of_others
    assert first.code == ""
    assert made.credential.generation == 3
    assert [secret.generation for secret in bank.held(name).body.secrets] == [1, 3]
    new = secret_of(bank.fetch(made.link.token))
    assert bank.verify(name, totp(new, bank.clock.now))


def test_what_is_not_there_is_not_found(bank):
    for target in ("otp-" + "a" * 26, "demo", "-"):
        assert bank.desk.refusal(bank.enroller, "otp.rotate", target) == "not-found"
    assert parse("otp-" + "a" * 26) is not None
