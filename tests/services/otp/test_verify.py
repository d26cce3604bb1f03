"""What is right: windows, drift, both generations of a rotation, batches, a user's credentials."""

import pytest

from strongroom.domain import limits
from strongroom.domain.otp.credential import Hash, State, Type
from strongroom.services.otp import batches
from tests.support.otp import SECRET, hotp, totp, wrong

NEW = b"abcdefghijklmnopqrst"


# --- windows --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("steps", "valid"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)]
)
def test_a_code_of_a_step_beside_is_right(bank, steps, valid):
    assert bank.verify(bank.credential(), bank.code(steps)) is valid


@pytest.mark.parametrize("window", [0, 3, 10])
def test_the_window_is_the_profiles(bank, window):
    bank.profile(drift_window=window, drift_limit=100)
    for steps, valid in (
        (-window - 1, False),
        (-window, True),
        (window, True),
        (window + 1, False),
    ):
        assert bank.verify(bank.credential(), bank.code(steps)) is valid


@pytest.mark.parametrize("fields", [{"drift_window": 5}, {"window": 5}, {"look_ahead": 100}])
def test_no_caller_chooses_it(bank, fields):
    refused = bank.desk.refusal(bank.verifier, "otp.verify", bank.credential(), code="1", **fields)
    assert refused == "invalid-request"


def test_a_clock_that_drifts_is_followed(bank):
    name = bank.credential()
    for step in range(1, 8):
        bank.pass_(3_600)
        assert bank.verify(name, bank.code(step))
        assert bank.held(name).body.newest.drift == step
    bank.pass_(3_600)
    assert not bank.verify(name, bank.code(0))  # so far off it is no longer believed to be


def test_and_back(bank):
    name = bank.credential(drift=3)
    for step in (2, 1, 0, -1, -2):
        bank.pass_(3_600)
        assert bank.verify(name, bank.code(step))
        assert bank.held(name).body.newest.drift == step


def test_only_as_far_as_the_profile_believes(bank):
    bank.profile(drift_limit=2)
    name = bank.credential()
    for step in (1, 2, 3):
        bank.pass_(3_600)
        assert bank.verify(name, bank.code(step))
    assert bank.held(name).body.newest.drift == 2
    bank.pass_(3_600)
    assert not bank.verify(name, bank.code(4))


@pytest.mark.parametrize("ahead", [0, 1, 10])
def test_a_counter_may_be_ahead(bank, ahead):
    name = bank.credential(type=Type.HOTP, moved=7)
    assert bank.verify(name, hotp(SECRET, 7 + ahead))
    assert bank.held(name).body.newest.moved == 8 + ahead


def test_but_not_too_far(bank):
    assert not bank.verify(bank.credential(type=Type.HOTP, moved=7), hotp(SECRET, 18))


@pytest.mark.parametrize("hash_", list(Hash))
@pytest.mark.parametrize("period", [15, 60, 300])
@pytest.mark.parametrize("digits", [6, 7, 8])
def test_every_kind_of_code(bank, hash_, period, digits):
    secret = SECRET * 3
    name = bank.credential(secret, hash=hash_, period=period, digits=digits)
    code = totp(secret, bank.clock.now, digits, hash_, period)
    assert not bank.verify(name, code[1:])
    assert bank.verify(name, code)


# --- rotation -------------------------------------------------------------------------------------


def test_in_a_rotation_old_and_new_are_right(bank):
    name = bank.credential(new=NEW)
    assert bank.verify(name, bank.code())
    assert bank.last("otp.verify") == {"result": "valid", "generation": 1}
    assert len(bank.held(name).body.secrets) == 2
    assert bank.verify(name, bank.code(secret=NEW))
    assert bank.last("otp.verify") == {"result": "valid", "generation": 2}


def test_the_new_one_ends_the_old_one(bank):
    name = bank.credential(new=NEW)
    assert bank.verify(name, bank.code(secret=NEW))
    body = bank.held(name).body
    assert [(one.generation, one.proved) for one in body.secrets] == [(2, True)]
    assert body.grace_us == 0
    assert not bank.verify(name, bank.code())


def test_a_wrong_code_counts_once_for_both(bank):
    name = bank.credential(new=NEW)
    assert not bank.verify(
        name, wrong(*(bank.code(at, key) for at in (-1, 0, 1) for key in (SECRET, NEW)))
    )
    assert bank.held(name).body.failures == 1


def test_after_its_grace_the_old_one_is_wrong(bank):
    name = bank.credential(new=NEW)
    bank.clock.now = bank.held(name).body.grace_us
    assert bank.why(name, bank.code()) == "wrong-code"
    assert bank.verify(name, bank.code(secret=NEW))
    assert len(bank.held(name).body.secrets) == 1


def test_the_old_secret_is_in_no_file_afterwards(bank):
    name = bank.credential(new=NEW)
    wrapped = bank.held(name).body.secrets[0].wrapped
    path = bank.house.path
    assert any(wrapped in _read(file) for file in (path, f"{path}-wal"))
    assert bank.verify(name, bank.code(secret=NEW))
    assert not any(wrapped in _read(file) for file in (path, f"{path}-wal"))


def _read(path):
    with open(path, "rb") as file:
        return file.read()


# --- batches --------------------------------------------------------------------------------------


def verdicts(bank, *items, token=None):
    answer = bank.desk.ask(token or bank.verifier, "otp.verify", items=list(items))
    return [(item.id, item.valid, item.reason) for item in answer.items]


def test_a_batch_is_answered_item_by_item(bank):
    right, used, bad = (bank.credential() for _ in range(3))
    assert bank.verify(used, bank.code())
    nobody = "otp-" + "a" * 26
    items = [{"id": one, "code": bank.code()} for one in (right, used, nobody)]
    items.append({"id": bad, "code": "x"})
    assert verdicts(bank, *items) == [
        (right, True, ""), (used, False, ""), (nobody, False, ""), (bad, False, ""),
    ]  # fmt: skip
    assert bank.last("otp.verify") == {
        "count": 4,
        "items": [f"{right}:valid", f"{used}:replayed", f"{nobody}:unknown", f"{bad}:wrong-code"],
    }


def test_it_is_one_entry(bank):
    names = [bank.credential() for _ in range(5)]
    before = len(bank.entries())
    assert all(
        valid
        for _, valid, _ in verdicts(bank, *({"id": one, "code": bank.code()} for one in names))
    )
    assert len(bank.entries()) == before + 1


def test_the_same_credential_twice_is_weighed_twice(bank):
    name = bank.credential()
    item = {"id": name, "code": bank.code()}
    found = verdicts(
        bank, item, item, {"id": name, "code": "x"}, {"id": name, "code": bank.code(1)}
    )
    assert [valid for _, valid, _ in found] == [True, False, False, True]
    assert bank.held(name).body.failures == 0
    assert bank.held(name).revision == 2


def test_guesses_in_one_batch_are_limited_as_those_in_many(bank):
    name = bank.credential()
    found = verdicts(
        bank,
        *({"id": name, "code": f"{number}x"} for number in range(20)),
        {"id": name, "code": bank.code()},
    )
    assert not any(valid for _, valid, _ in found)
    assert bank.held(name).body.failures == 5
    words = [item.partition(":")[2] for item in bank.last("otp.verify")["items"]]
    assert words == ["wrong-code"] * 5 + ["delayed"] * 16


@pytest.mark.parametrize(
    ("type_", "suite", "windows", "least"),
    [
        (Type.TOTP, "", {}, 2),  # 60 times 3 codes
        (Type.HOTP, "", {"look_ahead": 99}, 59),  # each with 100
        (Type.OCRA, "OCRA-1:HOTP-SHA1-6:C-QN08-T1M", {"drift_window": 10}, 59),  # each with 231
    ],
)
def test_others_have_their_turn_after_so_many_codes_of_a_batch(
    bank, monkeypatch, type_, suite, windows, least
):
    turns = []

    async def breath():
        turns.append(None)

    bank.profile(**windows)
    name = bank.credential(type=type_, suite=suite)
    assert not bank.verify(name, "12345x")  # the desk knows the profile now
    monkeypatch.setattr(batches, "breathe", breath)
    items = [{"id": name, "code": "12345x"}] * 60
    bank.desk.ask(bank.verifier, "otp.verify", items=items)
    assert least <= len(turns) <= 60


def test_the_longest_batch_is_on_record_in_full(bank):
    items = [{"id": "otp-" + "a" * 26, "code": "1" * 64}] * limits.BATCH_ITEMS_MAX
    assert len(verdicts(bank, *items)) == limits.BATCH_ITEMS_MAX
    assert len(bank.last("otp.verify")["items"]) == limits.BATCH_ITEMS_MAX


@pytest.mark.parametrize("target", ["", "otp-" + "a" * 26])
def test_one_code_has_a_path_and_a_batch_has_none(bank, target):
    item = {"id": bank.credential(), "code": "1"}
    wrong_one = {"items": [item]} if target else {"code": "1"}
    assert bank.desk.refusal(bank.verifier, "otp.verify", target, **wrong_one) == "invalid-request"


# --- a user's credentials -------------------------------------------------------------------------


def test_any_of_a_users_credentials_will_do(bank):
    names = [bank.credential(SECRET + bytes([number])) for number in range(3)]
    answer = bank.desk.ask(
        bank.verifier, "otp.verify-user", user="alice", code=bank.code(secret=SECRET + b"\1")
    )
    assert (answer.valid, answer.id) == (True, names[1])
    details = bank.last("otp.verify-user")
    assert (details["result"], details["credential"]) == ("valid", names[1])
    assert [bank.held(name).body.failures for name in names] == [0, 0, 0]


def test_a_wrong_code_counts_on_each(bank):
    names = [bank.credential(SECRET + bytes([number])) for number in range(3)]
    stopped = bank.credential(state=State.SUSPENDED)
    others = bank.credential(user="bob")
    answer = bank.desk.ask(bank.verifier, "otp.verify-user", user="alice", code="x")
    assert (answer.valid, answer.id, answer.reason) == (False, "", "")
    assert [bank.held(name).body.failures for name in names] == [1, 1, 1]
    assert [bank.held(name).body.failures for name in (stopped, others)] == [0, 0]


def test_the_code_is_used_up(bank):
    bank.credential()
    ask = {"user": "alice", "code": bank.code()}
    assert bank.desk.ask(bank.verifier, "otp.verify-user", **ask).valid
    assert not bank.desk.ask(bank.verifier, "otp.verify-user", **ask).valid
    assert bank.last("otp.verify-user")["reason"] == "replayed"


@pytest.mark.parametrize("state", [State.PENDING, State.SUSPENDED, State.REVOKED])
def test_only_active_ones_are_tried(bank, state):
    bank.credential(state=state)
    assert not bank.desk.ask(bank.verifier, "otp.verify-user", user="alice", code=bank.code()).valid
    assert bank.last("otp.verify-user") == {"result": "failed", "reason": "no-credential"}


def test_a_locked_one_does_not_keep_the_others_from_being_tried(bank):
    locked, other = bank.credential(locked=True), bank.credential(NEW)
    assert bank.desk.ask(
        bank.verifier, "otp.verify-user", user="alice", code=bank.code(secret=NEW)
    ).id == other  # fmt: skip
    answer = bank.desk.ask(bank.verifier, "otp.verify-user", user="alice", code=bank.code())
    assert not answer.valid
    assert f"{locked}:locked" in bank.last("otp.verify-user")["items"]


def test_of_many_only_so_many_are_tried(bank):
    for number in range(limits.OTP_PER_USER_MAX + 2):
        bank.credential(SECRET + bytes([number]))
    assert not bank.desk.ask(bank.verifier, "otp.verify-user", user="alice", code="x").valid
    assert len(bank.last("otp.verify-user")["items"]) == limits.OTP_PER_USER_MAX


def test_whoever_has_had_many_phones_is_found_by_the_last_one(bank):
    for _ in range(100):
        bank.change(bank.credential(), state=State.DESTROYED, secrets=())
    name = bank.credential()
    answer = bank.desk.ask(bank.verifier, "otp.verify-user", user="alice", code=bank.code())
    assert (answer.valid, answer.id) == (True, name)


def test_users_are_told_apart_whatever_they_are_called(bank):
    bank.credential(user="alice")
    for user in ("Alice", "alice ", "alic", "\N{FULLWIDTH LATIN SMALL LETTER A}lice"):
        assert not bank.desk.ask(
            bank.verifier, "otp.verify-user", user=user, code=bank.code()
        ).valid
