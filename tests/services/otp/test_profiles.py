"""Profiles: written whole, in force at once and everywhere, as defaults and floors."""

import pytest

from strongroom.domain import limits
from strongroom.domain.otp.asks import WriteProfile
from strongroom.domain.otp.profile import Profile


def write(bank, name="strict", desk=None, **fields):
    return (desk or bank.desk).ask(bank.officer, "otp.write-profile", name, **fields)


def listed(bank, who="officer"):
    return bank.desk.ask(getattr(bank, who), "otp.list-profiles").items


def test_without_any_there_is_the_default_one(bank):
    (view,) = listed(bank)
    assert (view.name, view.revision, view.algorithm) == ("default", 0, "SHA1")
    assert (view.digits, view.period, view.lock_limit, view.link_seconds) == (6, 30, 5, 900)


def test_what_is_asked_by_default_is_what_a_profile_is_by_default():
    """Two tables of defaults, for two places: they say the same."""
    asked, profile = WriteProfile(), Profile()
    for field in Profile.__struct_fields__:
        assert getattr(asked, "algorithm" if field == "hash" else field) == getattr(profile, field)


def test_one_is_written_and_read_as_it_is(bank):
    view = write(bank, algorithm="SHA256", digits=8, grace_seconds=60)
    assert (view.name, view.algorithm, view.digits, view.grace_seconds) == (
        "strict", "SHA256", 8, 60,
    )  # fmt: skip
    assert [one.name for one in listed(bank)] == ["default", "strict"]
    assert listed(bank)[1] == view
    assert listed(bank, "enroller")[1] == view


def test_writing_again_writes_all_of_it(bank):
    first = write(bank, digits=8)
    second = write(bank, period=60)
    assert (second.digits, second.period) == (6, 60)
    assert second.revision > first.revision


def test_on_record_a_profile_is_known_by_its_digest(bank):
    write(bank, digits=8)
    first = bank.last("otp.write-profile")
    write(bank, digits=7)
    second = bank.last("otp.write-profile")
    write(bank, digits=8)
    assert first["profile"] == "strict"
    assert first["digest"] == bank.last("otp.write-profile")["digest"] != second["digest"]


def test_a_window_holds_at_once_at_every_desk_for_all_who_are_there(bank):
    other = bank.house.desk()
    name = bank.credential(profile="strict")
    assert not bank.verify(name, bank.code(3), other)
    write(bank, drift_window=3)
    assert bank.verify(name, bank.code(3), other)


def test_digits_do_not(bank):
    """They are the credential's, for its whole life."""
    name = bank.credential(profile="strict")
    write(bank, digits=8)
    assert bank.verify(name, bank.code())


def test_a_deleted_ones_credentials_go_on_by_the_default_one(bank):
    write(bank, "strict", drift_window=3)
    name = bank.credential(profile="strict")
    bank.desk.ask(bank.officer, "otp.delete-profile", "strict")
    assert [one.name for one in listed(bank)] == ["default"]
    assert not bank.verify(name, bank.code(3))
    assert bank.verify(name, bank.code(1))
    assert bank.desk.refusal(bank.enroller, "otp.enrol", user="a", profile="strict") == (
        "invalid-request"
    )
    assert bank.last("otp.delete-profile") == {"profile": "strict"}


def test_the_default_one_can_be_written_and_taken_back(bank):
    assert write(bank, "default", digits=8).revision == 1
    assert bank.enrol().credential.digits == 8
    bank.desk.ask(bank.officer, "otp.delete-profile", "default")
    assert bank.enrol().credential.digits == 6
    assert bank.desk.refusal(bank.officer, "otp.delete-profile", "default") == "not-found"


def test_of_ocra_the_suite_says_hash_and_digits(bank):
    view = write(bank, type="ocra", suite="OCRA-1:HOTP-SHA512-8:QN08-T1M")
    assert (view.algorithm, view.digits) == ("SHA512", 8)


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"type": "ocra"}, "$.suite"),
        ({"type": "ocra", "suite": "nonsense"}, "$.suite"),
        ({"suite": "OCRA-1:HOTP-SHA1-6:QN08"}, "$.suite"),
        ({"delay_seconds": 60, "delay_max_seconds": 59}, "$.delay_max_seconds"),
    ],
)
def test_what_makes_no_sense_is_refused(bank, fields, pointer):
    _, reply = bank.desk.reply(bank.officer, "otp.write-profile", "strict", **fields)
    assert (reply.code, reply.pointer) == ("invalid-request", pointer)
    assert len(listed(bank)) == 1


def test_each_setting_has_bounds(bank):
    beyond = {
        "digits": (5, 9), "period": (14, 301), "drift_window": (-1, 11), "drift_limit": (-1, 101),
        "look_ahead": (-1, 101), "resync_window": (0, 1_001), "lock_limit": (0, 101),
        "delay_seconds": (0, 86_401), "delay_max_seconds": (0, 7 * 86_400 + 1),
        "failures_max": (0, 101), "rate_attempts": (0, 1_001), "rate_seconds": (0, 3_601),
        "grace_seconds": (59, 400 * 86_400 + 1), "link_seconds": (59, 7 * 86_400 + 1),
        "challenge_seconds": (29, 3_601), "rotation_days": (-1, limits.ROTATION_DAYS_MAX + 1),
        "remind_days": (-1, 401), "restore_jump": (-1, 1_000_001),
    }  # fmt: skip
    words = {"type", "hash", "suite", "lockout"}
    assert beyond.keys() | words == set(Profile.__struct_fields__)
    for field, values in beyond.items():
        for value in values:
            fields = {field: value}
            code = bank.desk.refusal(bank.officer, "otp.write-profile", "strict", **fields)
            assert code == "invalid-request", fields


@pytest.mark.parametrize("name", ["", "A", "a b", "-a", "x" * 64, "é"])
def test_a_name_is_one(bank, name):
    assert bank.desk.refusal(bank.officer, "otp.write-profile", name) == "invalid-request"


def test_a_namespace_has_a_bounded_number(bank):
    for number in range(limits.OTP_PROFILES_MAX):
        write(bank, f"p{number}")
    assert bank.desk.refusal(bank.officer, "otp.write-profile", "one-more") == "invalid-request"
    write(bank, "p0", digits=8)


def test_two_who_write_at_once_both_do(bank):
    """All profiles are one record: neither takes the other's away."""
    one, other = bank.house.desk(), bank.house.desk()
    for desk in (one, other):
        desk.ask(bank.officer, "otp.list-profiles")
    write(bank, "a", one, digits=7)
    write(bank, "b", other, digits=8)
    assert [(view.name, view.digits) for view in listed(bank)] == [
        ("a", 7), ("b", 8), ("default", 6),
    ]  # fmt: skip


def test_anothers_are_theirs(bank):
    write(bank, "strict", digits=8)
    foreign = bank.desk.ask(bank.admin, "namespace.create", name="other").token
    bank.desk.ask(foreign, "principal.create", name="officer", roles=["otp-officer"])
    officer = bank.desk.ask(foreign, "token.create", principal="officer").token
    assert len(bank.desk.ask(officer, "otp.list-profiles").items) == 1
    assert bank.desk.refusal(officer, "otp.delete-profile", "strict") == "not-found"


def test_an_edited_record_is_refused(bank):
    write(bank, "strict", digits=8)
    bank.store._db.execute("UPDATE records SET mac = zeroblob(32) WHERE kind = 'f'")
    assert bank.store._db.changes() == 1
    fresh = bank.house.desk()
    assert fresh.refusal(bank.officer, "otp.list-profiles") == "tampered-record"
