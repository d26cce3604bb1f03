"""A row that somebody edited, or put in another's place, is refused; and nothing else is."""

import msgspec
import pytest

from strongroom.domain.otp.credential import State, parse, spell
from strongroom.ports.store import Move
from strongroom.services.otp.rows import Rows
from tests.support.otp import SECRET

EDITS = {
    "user": lambda row: {"user": b"u" * 16},
    "revision": lambda row: {"revision": row.revision + 1},
    "state": lambda row: {"state": "active"},
    "due": lambda row: {"due_us": 1},
    "body": lambda row: {"body": row.body[:-1] + bytes([row.body[-1] ^ 1])},
    "mac": lambda row: {"mac": bytes(16)},
    "no mac": lambda row: {"mac": b""},
}


def edited(bank, name, **columns):
    (row,) = bank.store.credentials(bank.house.first, [parse(name)])
    bank.keep(Move(msgspec.structs.replace(row, **columns), row.revision))


@pytest.mark.parametrize("edit", EDITS)
def test_an_edited_row_is_refused(bank, edit):
    name, other = bank.credential(state=State.SUSPENDED), bank.credential()
    (row,) = bank.store.credentials(bank.house.first, [parse(name)])
    edited(bank, name, **EDITS[edit](row))
    assert (
        bank.desk.refusal(bank.verifier, "otp.verify", name, code=bank.code()) == "tampered-record"
    )
    assert bank.entries("otp.verify")[-1]["reason"] == "tampered-record"
    assert bank.verify(other, bank.code())


def test_so_is_one_whose_counters_were_set_back(bank):
    name = bank.credential()
    (before,) = bank.store.credentials(bank.house.first, [parse(name)])
    assert bank.verify(name, bank.code())
    edited(bank, name, body=before.body)
    assert (
        bank.desk.refusal(bank.verifier, "otp.verify", name, code=bank.code()) == "tampered-record"
    )


def test_so_is_a_secret_in_anothers_row(bank):
    mine, theirs = bank.credential(b"m" * 20), bank.credential(b"t" * 20)
    held = bank.held(mine)
    # Somebody who could even make MACs: the wrapping is bound to the credential.
    bank.keep(bank.rows.next(bank.held(theirs), held.body))
    code = bank.code(secret=b"m" * 20)
    assert bank.desk.refusal(bank.verifier, "otp.verify", theirs, code=code) == "tampered-record"


@pytest.mark.parametrize(
    "changed", [{"digits": 8}, {"period": 60}, {"hash": "SHA256"}, {"type": "hotp"}]
)
def test_a_secret_is_bound_to_all_that_its_codes_depend_on(bank, changed):
    name = bank.credential()
    bank.change(name, **changed)
    assert bank.desk.refusal(bank.verifier, "otp.verify", name, code="1") == "tampered-record"


def test_a_row_of_another_deployment_is_none(bank):
    name = bank.credential()
    held = bank.held(name)
    foreign = Rows(bank.provider, b"d" * 16).next(held, held.body)
    bank.keep(foreign)
    assert bank.desk.refusal(bank.verifier, "otp.verify", name, code="1") == "tampered-record"


def test_a_batch_with_one_is_refused_and_nothing_of_it_is_done(bank):
    bad, good = bank.credential(), bank.credential()
    edited(bank, bad, mac=bytes(16))
    items = [{"id": one, "code": bank.code()} for one in (good, bad)]
    assert bank.desk.refusal(bank.verifier, "otp.verify", items=items) == "tampered-record"
    assert bank.verify(good, bank.code())


def test_a_user_who_has_one_is_refused(bank):
    bank.credential(SECRET)
    bad = bank.credential(b"b" * 20)
    edited(bank, bad, state="suspended")
    assert bank.desk.refusal(
        bank.verifier, "otp.verify-user", user="alice", code=bank.code()
    ) == "tampered-record"  # fmt: skip


def test_a_row_that_was_taken_is_one_that_is_not_there(bank):
    assert bank.why(spell(b"x" * 16), bank.code()) == "unknown"
