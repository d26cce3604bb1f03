"""What falls due by itself: links that expire, graces that end, rotations by age."""

import asyncio

from strongroom.domain.otp.credential import CredentialRow, State
from strongroom.ports.store import Move
from tests.support.desks import at_once
from tests.support.otp import SECOND_US, totp

DAY_S = 86_400
NEW = b"09876543210987654321"


def secrets(bank, name):
    """The generations whose secrets are in the row."""
    return [secret.generation for secret in bank.held(name).body.secrets]


def edited(bank, name):
    """Have its row otherwise, as somebody without the key would."""
    held = bank.held(name)
    row = CredentialRow(
        held.id, held.namespace, held.user, held.revision + 1, held.state, 1, b"edited", b"0" * 16
    )
    bank.keep(Move(row, held.revision))


# --- links ----------------------------------------------------------------------------------------


def test_an_expired_link_and_its_label_are_dropped(bank):
    made = bank.enrol(account="alice", issuer="Example Bank")
    name = made.credential.id
    link = bank.held(name).body.link
    assert link.label in bank.files()
    bank.pass_(15 * 60)
    assert bank.desk.attend() == 1
    body = bank.held(name).body
    assert (body.link, len(body.secrets)) == (None, 1)
    assert link.label not in bank.files()
    assert link.hash not in bank.files()
    (entry,) = bank.entries("otp.expire-link")
    assert (entry["object"], entry["principal"]) == (f"otp/{name}", "strongroom:steward")


def test_before_it_expires_nothing_is_due(bank):
    bank.enrol()
    bank.clock.now += 15 * 60 * SECOND_US - 1
    assert bank.desk.attend() == 0


def test_what_expired_while_nothing_ran_is_dropped_by_who_comes_next(bank):
    name = bank.enrol().credential.id
    bank.pass_(400 * DAY_S)
    bank.desk = bank.house.desk()
    bank.desk.attend()
    assert bank.held(name).body.link is None


# --- graces ---------------------------------------------------------------------------------------


def test_at_the_end_of_a_grace_the_old_secret_is_erased(bank):
    name = bank.credential()
    bank.rotate(name, NEW, grace_s=60)
    (old, _) = bank.held(name).body.secrets
    bank.pass_(59)
    assert bank.desk.attend() == 0
    bank.pass_(1)
    assert bank.desk.attend() == 1
    assert secrets(bank, name) == [2]
    assert old.wrapped not in bank.files()
    assert bank.last("otp.end-grace") == {"generation": 1}
    assert bank.verify(name, totp(NEW, bank.clock.now))


def test_a_grace_that_was_ended_by_the_new_code_ends_once(bank):
    name = bank.credential()
    bank.rotate(name, NEW, grace_s=60)
    assert bank.verify(name, totp(NEW, bank.clock.now))
    bank.pass_(3_600)
    assert bank.desk.attend() == 0


# --- by age ---------------------------------------------------------------------------------------


def by_age(bank, **fields):
    """A credential that is to be rotated in a day."""
    bank.profile(rotation_days=90, grace_seconds=3_600)
    name = bank.credential(rotates_s=bank.clock.now // SECOND_US + DAY_S, **fields)
    bank.desk.ask(bank.helpdesk, "otp.read", name)  # the desk hears of the profile
    return name


def test_by_age_a_new_secret_is_made_and_the_old_one_works_meanwhile(bank):
    name = by_age(bank)
    assert bank.desk.attend() == 0
    bank.pass_(DAY_S)
    assert bank.desk.attend() == 1
    assert secrets(bank, name) == [1, 2]
    assert bank.verify(name, bank.code())
    body = bank.held(name).body
    now_s = bank.clock.now // SECOND_US
    assert (body.grace_us, body.rotates_s) == (
        bank.clock.now + 3_600 * SECOND_US, now_s + 90 * DAY_S
    )  # fmt: skip
    details = bank.last("otp.rotate")
    assert (details["generation"], details["delivery"]) == (2, "later")
    assert "job" not in details


def test_by_age_it_goes_round_once_for_each_time_it_is_due(bank):
    name = by_age(bank)
    bank.pass_(DAY_S)
    bank.desk.attend()
    bank.pass_(3_600)  # the grace
    assert bank.desk.attend() == 1
    # Nobody has proved to have the new one: another would help nobody.
    bank.pass_(300 * DAY_S)
    assert bank.desk.attend() == 0
    assert secrets(bank, name) == [2]


def test_those_that_are_stopped_are_not_rotated(bank):
    names = [by_age(bank, state=state) for state in State if state is not State.ACTIVE]
    bank.pass_(400 * DAY_S)
    assert bank.desk.attend() == 0
    assert [secrets(bank, name) for name in names] == [[1]] * 4


def test_one_that_is_resumed_later_is_rotated_then(bank):
    name = by_age(bank, state=State.SUSPENDED)
    bank.pass_(2 * DAY_S)
    bank.desk.attend()
    bank.house.lasting()
    bank.change(name, state=State.ACTIVE)
    assert bank.desk.attend() == 1
    assert secrets(bank, name) == [1, 2]


# --- many, edited, at once ------------------------------------------------------------------------


def expiring(bank, count):
    """Credentials whose links have expired."""
    name = bank.enrol().credential.id
    held = bank.held(name)
    ids = [bytes([number]) * 16 for number in range(count - 1)]
    bank.keep(
        *(
            bank.rows.new(
                one, namespace=held.namespace, user=b"", state=State.PENDING, body=held.body
            )
            for one in ids
        )
    )
    bank.pass_(15 * 60)


def test_a_turn_is_bounded_and_what_is_left_is_done_by_the_next_ones(bank):
    expiring(bank, 110)
    assert at_once(bank.desk.duties.turn()) == 100
    assert bank.desk.attend() == 10
    assert len(bank.entries("otp.expire-link")) == 110


def test_much_that_is_due_does_not_keep_a_job_waiting(bank):
    expiring(bank, 110)
    job = bank.desk.ask(bank.officer, "otp.create-job", action="suspend", filter={"serial": "A"}).id
    at_once(bank.desk.duties.turn())
    assert bank.desk.ask(bank.officer, "otp.read-job", job).looked_at == 110


def test_edited_rows_are_looked_at_once_counted_and_stand_in_nobodys_way(bank):
    bad = [bank.credential() for _ in range(3)]
    for name in bad:
        edited(bank, name)
    good = bank.enrol().credential.id
    bank.pass_(15 * 60)
    assert bank.desk.attend() == 1
    assert bank.held(good).body.link is None
    assert bank.desk.attend() == 0
    counters = bank.desk.duties._meter.snapshot.counters
    assert counters["strongroom_steward_tampered"] == {(): 3}


def test_two_custodians_at_once_do_each_thing_once(bank):
    expiring(bank, 30)
    desks = [bank.house.desk() for _ in range(2)]

    async def both():
        return await asyncio.gather(*(desk.duties.turn() for desk in desks))

    assert sum(at_once(both())) == 30
    assert len(bank.entries("otp.expire-link")) == 30


def test_who_moves_a_credential_first_has_it_so(bank):
    """An attempt and the end of a grace at the same moment: the row is as both left it."""
    name = bank.credential()
    bank.rotate(name, NEW, grace_s=60)
    bank.pass_(60)
    other = bank.house.desk()

    async def both():
        code = totp(NEW, bank.clock.now)
        _, (_, reply) = await asyncio.gather(
            bank.desk.duties.turn(), other.replied(bank.verifier, "otp.verify", name, code=code)
        )
        return reply

    assert not at_once(both()).code
    bank.desk.attend()
    (secret,) = bank.held(name).body.secrets
    assert (secret.generation, secret.proved) == (2, True)
    assert not bank.verify(name, totp(NEW, bank.clock.now))
