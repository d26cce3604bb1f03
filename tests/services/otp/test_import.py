"""Secrets from elsewhere: they work as they did, once each, and an import can be repeated."""

import json

import msgspec
import pytest

from strongroom.adapters.direct_ledger import DirectLedger
from strongroom.domain import limits
from strongroom.domain.otp.credential import Hash, State, parse, spell
from strongroom.ports.store import Move
from tests.support.otp import SECRET, STEP_US, code_of, hotp, totp

FRAME = 65_535
SUITE = "OCRA-1:HOTP-SHA1-6:QN08"


def brought(bank, *items, token="", desk=None, **fields):
    """What became of items; by default they are alice's and have the secret of the RFCs."""
    items = [{"secret": SECRET, "user": "alice"} | item for item in items]
    token = token or bank.migrator
    return (desk or bank.desk).ask(token, "otp.import", items=items, **fields).items


def one(bank, **item):
    (made,) = brought(bank, item)
    assert made.created
    return made.id


# --- they work ------------------------------------------------------------------------------------


def test_an_imported_secret_works_at_once(bank):
    name = one(bank)
    assert bank.verify(name, bank.code())
    assert not bank.verify(name, bank.code())
    view = bank.desk.ask(bank.migrator, "otp.read", name)
    assert (view.state, view.imported, view.reminders) == ("active", True, [])


@pytest.mark.parametrize("hash_", ["SHA1", "SHA256", "SHA512"])
def test_it_is_what_it_was(bank, hash_):
    name = one(bank, algorithm=hash_, digits=8, period=60, serial="S-1", secret=b"s" * 128)
    view = bank.desk.ask(bank.migrator, "otp.read", name)
    assert (view.type, view.algorithm, view.digits, view.period, view.serial) == (
        "totp", hash_, 8, 60, "S-1",
    )  # fmt: skip
    assert bank.verify(name, totp(b"s" * 128, bank.clock.now, 8, hash_.lower(), 60))


def test_a_counter_goes_on_where_it_was(bank):
    name = one(bank, type="hotp", counter=1_000)
    assert not bank.verify(name, hotp(SECRET, 999))
    assert bank.verify(name, hotp(SECRET, 1_000))
    assert not bank.verify(name, hotp(SECRET, 1_000))


def test_a_device_whose_clock_is_off_is_known_to_be(bank):
    name = one(bank, drift=4)
    assert not bank.verify(name, bank.code(0))
    assert bank.verify(name, bank.code(4))


def test_nobodys_clock_is_believed_to_be_off_farther_than_the_profile_says(bank):
    assert bank.held(one(bank, drift=1_000)).body.newest.drift == 10
    assert bank.held(one(bank, drift=-1_000, serial="2")).body.newest.drift == -10


def test_ocra_answers_as_before(bank):
    name = one(bank, type="ocra", suite=SUITE)
    asked = bank.desk.ask(bank.verifier, "otp.challenge", name)
    message = SUITE.encode() + b"\0" + bytes.fromhex(f"{int(asked.question):x}".ljust(256, "0"))
    assert bank.verify(name, code_of(SECRET, message), challenge=asked.challenge)


def test_one_that_nobody_has_proved_waits_for_its_first_code(bank):
    name = one(bank, proved=False)
    assert bank.why(name, bank.code()) == "pending"
    assert bank.desk.ask(bank.enroller, "otp.activate", name, code=bank.code()).active


def test_a_user_is_found_whose_secret_was_imported(bank):
    name = one(bank, user="bob")
    answer = bank.desk.ask(bank.verifier, "otp.verify-user", user="bob", code=bank.code())
    assert (answer.valid, answer.id) == (True, name)


def test_a_token_of_nobody_yet_is_known_by_its_serial_number(bank):
    (made,) = bank.desk.ask(
        bank.migrator, "otp.import", items=[{"secret": SECRET, "serial": "T-1"}]
    ).items
    found = bank.desk.ask(bank.migrator, "otp.list", serial="T-1").items
    assert [(view.id, view.subject) for view in found] == [(made.id, "")]


# --- what may have been used elsewhere ------------------------------------------------------------


def test_codes_of_before_now_may_have_been_used_where_it_comes_from(bank):
    name = one(bank)
    assert not bank.verify(name, bank.code(-1))
    assert bank.verify(name, bank.code(0))
    ahead = one(bank, drift=4, serial="2")
    assert not bank.verify(ahead, bank.code(3))
    assert bank.verify(ahead, bank.code(4))


def test_what_is_known_to_be_used_is(bank):
    step = bank.clock.now // STEP_US
    name = one(bank, counter=step + 1)
    assert not bank.verify(name, bank.code(0))
    assert bank.verify(name, bank.code(1))


def test_a_step_that_was_used_long_ago_takes_nothing_away(bank):
    name = one(bank, counter=bank.clock.now // STEP_US - 1_000)
    assert not bank.verify(name, bank.code(-1))
    assert bank.verify(name, bank.code(0))


def test_a_step_in_the_far_future_is_a_mistake(bank):
    """Nothing would be accepted until then."""
    step = bank.clock.now // STEP_US
    good, bad = brought(bank, {"counter": step + 12}, {"counter": step + 13, "serial": "2"})
    assert good.created
    assert (bad.created, bad.error.code) == (False, "invalid-request")


# --- again ----------------------------------------------------------------------------------------


def test_again_nothing_is_changed(bank):
    name = one(bank, type="hotp", serial="S-1")
    assert bank.verify(name, hotp(SECRET, 3))
    held = bank.held(name)
    (again,) = brought(bank, {"type": "hotp", "serial": "S-1", "counter": 0})
    assert (again.id, again.created, again.error) == (name, False, None)
    assert bank.held(name) == held
    assert not bank.verify(name, hotp(SECRET, 3))
    assert bank.last("otp.import") == {
        "count": 1, "created": 0, "failed": 0, "profile": "default", "items": [],
    }  # fmt: skip


def test_one_that_was_ended_here_is_not_brought_back(bank):
    name = one(bank)
    bank.desk.ask(bank.officer, "otp.destroy", name)
    (again,) = brought(bank, {})
    assert (again.id, again.created) == (name, False)
    assert bank.held(name).state is State.DESTROYED


def test_the_same_twice_in_one_request_is_one(bank):
    first, second, third = brought(bank, {}, {"serial": "2"}, {})
    assert [made.created for made in (first, second, third)] == [True, True, False]
    assert first.id == third.id != second.id
    assert len(bank.store.credential_page(bank.house.first, b"", 10)) == 2


def test_another_secret_user_serial_or_type_is_another(bank):
    items = [
        {}, {"secret": SECRET + b"x"}, {"user": "bob"}, {"serial": "1"}, {"type": "hotp"},
        {"serial": "1", "user": "bob"},
    ]  # fmt: skip
    assert len({made.id for made in brought(bank, *items)}) == len(items)


def test_an_id_tells_nobody_what_was_imported(bank):
    """It follows from a key of the namespace: the same item is another one elsewhere."""
    foreign = bank.desk.ask(bank.admin, "namespace.create", name="other").token
    bank.desk.ask(foreign, "principal.create", name="migrator", roles=["otp-migrator"])
    migrator = bank.desk.ask(foreign, "token.create", principal="migrator").token
    (theirs,) = brought(bank, {}, token=migrator)
    assert theirs.created
    assert theirs.id != one(bank)


def test_two_imports_of_the_same_at_once_make_one(bank):
    other = bank.house.desk()
    during = []

    class Between(DirectLedger):
        async def commit(self, commit):
            if commit.entry.action == "otp.import" and not during:
                items = [{"secret": SECRET, "user": "alice"}]
                during.append(await other.replied(bank.migrator, "otp.import", items=items))
            return await super().commit(commit)

    desk = bank.house.desk(ledger=Between(bank.store))
    first, second = brought(bank, {}, {"serial": "2"}, desk=desk)
    assert (first.created, second.created) == (False, True)
    assert during[0][1].code == ""
    assert len(bank.store.credential_page(bank.house.first, b"", 10)) == 2


# --- many, and bad ones ---------------------------------------------------------------------------


def test_a_thousand_are_one_entry_that_names_each(bank):
    items = [{"serial": f"S-{number}"} for number in range(limits.BATCH_ITEMS_MAX)]
    made = brought(bank, *items)
    assert all(item.created for item in made)
    (entry,) = bank.entries("otp.import")
    assert entry["details"]["items"] == sorted(item.id for item in made)
    assert len(json.dumps(entry)) < FRAME
    assert bank.verify(made[-1].id, bank.code())
    assert not any(item.created for item in brought(bank, *items))


BAD = {
    "no suite": {"type": "ocra"},
    "nonsense for a suite": {"type": "ocra", "suite": "OCRA-2:HOTP-SHA1-6:QN08"},
    "a suite without ocra": {"suite": SUITE},
}


def test_a_bad_item_has_its_own_error_and_the_others_are_kept(bank):
    made = brought(bank, {}, *BAD.values(), {"serial": "last"})
    assert [item.created for item in made] == [True, False, False, False, True]
    assert [item.error and item.error.code for item in made] == [
        None, *["invalid-request"] * 3, None,
    ]  # fmt: skip
    assert [item.id for item in made if item.error] == [""] * 3
    details = bank.last("otp.import")
    assert (details["count"], details["created"], details["failed"]) == (5, 2, 3)


def test_nothing_but_bad_ones_is_refused(bank):
    items = [{"secret": SECRET, "user": "a"} | item for item in BAD.values()]
    assert bank.desk.refusal(bank.migrator, "otp.import", items=items) == "invalid-request"
    assert [entry["outcome"] for entry in bank.entries("otp.import")] == ["refused"]


@pytest.mark.parametrize(
    "item",
    [
        {"secret": SECRET},  # of nobody, and without a number
        {"secret": b"x" * 15, "user": "a"},
        {"secret": b"x" * 129, "user": "a"},
        {"secret": SECRET, "user": "a", "digits": 9},
        {"secret": SECRET, "user": "a", "counter": -1},
        {"secret": SECRET, "user": "a", "period": 10},
        {"secret": SECRET, "user": "a", "serial": "S\n1"},
        {"user": "a"},
    ],
)
def test_what_is_malformed_is_refused_whole(bank, item):
    items = [{"secret": SECRET, "user": "good"}, item]
    assert bank.desk.refusal(bank.migrator, "otp.import", items=items) == "invalid-request"
    assert bank.store.credential_page(bank.house.first, b"", 10) == []


def test_no_items_too_many_or_an_unknown_profile_are_refused(bank):
    item = {"secret": SECRET, "user": "a"}
    for fields in (
        {"items": []},
        {"items": [item] * (limits.BATCH_ITEMS_MAX + 1)},
        {"items": [item], "profile": "nonsense"},
    ):
        assert bank.desk.refusal(bank.migrator, "otp.import", **fields) == "invalid-request"


def test_its_profile_bounds_how_it_is_used_and_not_how_it_was_made(bank):
    """Six digits cannot be made eight by wishing; what is weaker shows in the list."""
    bank.profile("strict", hash=Hash.SHA256, digits=8, lock_limit=1)
    (made,) = brought(bank, {}, profile="strict")
    view = bank.desk.ask(bank.migrator, "otp.read", made.id)
    assert (view.profile, view.digits) == ("strict", 6)
    bank.verify(made.id, "12345x")
    assert bank.why(made.id, bank.code()) == "delayed"


def test_no_secret_is_kept_or_told(bank):
    secret = b"MARKER-secret-of-old"
    items = [
        {"secret": secret, "user": "MARKER-user"},
        {"secret": secret, "user": "b", **BAD["no suite"]},
    ]
    _, reply = bank.desk.reply(bank.migrator, "otp.import", items=items)
    assert b"MARKER" not in reply.answer + bank.files()
    assert "MARKER" not in repr(bank.entries())


def test_where_an_edited_row_stands_nothing_is_imported(bank):
    name = one(bank)
    (row,) = bank.store.credentials(bank.house.first, [parse(name)])
    bank.keep(Move(msgspec.structs.replace(row, mac=bytes(16)), row.revision))
    items = [{"secret": SECRET, "user": "alice"}, {"secret": SECRET, "user": "bob"}]
    assert bank.desk.refusal(bank.migrator, "otp.import", items=items) == "tampered-record"
    assert [spell(row.id) for row in bank.store.credential_page(bank.house.first, b"", 9)] == [name]
