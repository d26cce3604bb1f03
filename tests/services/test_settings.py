"""A namespace's settings: who changes them, and that a change holds at once and everywhere."""

import pytest

from tests.support.desks import House

STANDARD = {
    "profile": "standard", "destruction_days_min": 7, "publishes_keys": False,
    "private_sources": False,
}  # fmt: skip


@pytest.fixture
def house(tmp_path):
    return House(tmp_path / "store.db")


@pytest.fixture
def desk(house):
    return house.desk()


def settings(view):
    return {name: getattr(view, name) for name in STANDARD}


def test_a_namespace_begins_with_the_defaults_and_keeps_what_is_not_given(house, desk):
    view = desk.ask(house.admin, "namespace.read")
    assert (view.name, view.revision, settings(view)) == ("default", 1, STANDARD)
    changed = desk.ask(house.admin, "namespace.update", destruction_days_min=30)
    assert settings(changed) == STANDARD | {"destruction_days_min": 30}
    changed = desk.ask(house.admin, "namespace.update", profile="legacy", publishes_keys=True)
    assert (changed.revision, settings(changed)) == (
        3,
        STANDARD | {"profile": "legacy", "destruction_days_min": 30, "publishes_keys": True},
    )  # fmt: skip
    assert desk.ask(house.admin, "namespace.read") == changed
    assert (changed.id, changed.created) == (view.id, view.created)


def test_the_entry_of_a_change_has_all_settings(house, desk):
    desk.ask(house.admin, "namespace.update", profile="approved")
    query = {"action": "namespace.update"}
    (event,) = desk.ask(house.admin, "audit.read", **query).events
    assert event.object == "namespace/default"
    assert event.details == {
        "changed": ["profile"], "profile": "approved", "destruction_days_min": 7,
        "publishes_keys": 0, "private_sources": 0, "otp_caller_rate": 0, "otp_source_rate": 0,
    }  # fmt: skip


@pytest.mark.parametrize(
    "fields",
    [
        {"profile": "nonsense"},
        {"profile": ""},
        {"destruction_days_min": 6},
        {"destruction_days_min": 366},
        {"destruction_days_min": "30"},
        {"publishes_keys": 1},
        {"private_sources": 1},
        {"otp_caller_rate": -1},
        {"otp_source_rate": 1_000_001},
        {"name": "other"},
        {"wrapped_key": b""},
    ],
)
def test_what_is_no_setting_is_refused_and_changes_nothing(house, desk, fields):
    assert desk.refusal(house.admin, "namespace.update", **fields) == "invalid-request"
    assert desk.ask(house.admin, "namespace.read").revision == 1


def test_who_has_not_the_right_neither_reads_nor_changes(house, desk):
    assert desk.refusal(house.app, "namespace.read") == "not-allowed"
    assert desk.refusal(house.app, "namespace.update", profile="legacy") == "not-allowed"
    assert desk.refusal("", "namespace.update", profile="legacy") == "unauthenticated"
    desk.ask(house.admin, "principal.create", name="manager", roles=["key-manager"])
    manager = desk.ask(house.admin, "token.create", principal="manager").token
    assert desk.ask(manager, "namespace.read").name == "default"
    assert desk.refusal(manager, "namespace.update", profile="legacy") == "not-allowed"
    assert desk.ask(house.admin, "namespace.read").revision == 1


def test_the_settings_are_those_of_the_own_namespace(house, desk):
    token = desk.ask(house.admin, "namespace.create", name="acme").token
    desk.ask(token, "namespace.update", profile="approved")
    assert desk.ask(token, "namespace.read").profile == "approved"
    assert settings(desk.ask(house.admin, "namespace.read")) == STANDARD
    # A target does not lead elsewhere: there is no operation on another's.
    desk.ask(token, "namespace.update", "default", publishes_keys=True)
    assert settings(desk.ask(house.admin, "namespace.read")) == STANDARD


def test_a_change_by_one_process_holds_at_once_in_another(house):
    one, other = house.desk(), house.desk()
    fields = {"name": "wallet", "algorithm": "ec-secp256k1"}
    one.ask(house.admin, "key.create", **fields)
    assert other.ask(house.app, "key.sign", "wallet", message=b"m")
    for profile, code in (("approved", "key-not-usable"), ("standard", "")):
        one.ask(house.admin, "namespace.update", profile=profile)
        assert other.refusal(house.app, "key.sign", "wallet", message=b"m") == code
    one.ask(house.admin, "namespace.update", destruction_days_min=60)
    schedule = ("key.schedule-destruction", "wallet")
    assert other.refusal(house.admin, *schedule, days=59) == "invalid-request"
    assert other.ask(house.admin, *schedule, days=60).state == "destruction-scheduled"


def test_two_processes_change_different_settings_and_neither_is_lost(house):
    one, other = house.desk(), house.desk()
    for desk in (one, other):
        desk.ask(house.admin, "namespace.read")
    one.ask(house.admin, "namespace.update", publishes_keys=True)
    view = other.ask(house.admin, "namespace.update", destruction_days_min=90)
    assert (view.publishes_keys, view.destruction_days_min, view.revision) == (True, 90, 3)
