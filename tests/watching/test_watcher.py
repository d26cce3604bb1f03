"""What is raised, how often, and what is not."""

import time
import zlib

import msgspec
import pytest

from strongroom.domain import limits
from strongroom.domain.findings import EVIDENCE_MAX, Severity
from strongroom.watching import Watcher, configured
from strongroom.watching.memory import State, pack
from tests.support.watching import DAY, HOUR, MINUTE, SECOND, Log, only

# --- once an episode ------------------------------------------------------------------------------


def refusals(log, begin, count, **fields):
    for number in range(count):
        log.entry(
            begin + number * SECOND, "key.decrypt", **{"reason": "not-allowed"} | fields,
            object="key/cards",
        )  # fmt: skip


def test_a_finding_says_the_numbers_and_names_its_entries():
    log = Log()
    refusals(log, 0, 20)
    (finding,) = log.found
    assert finding.rule == "refusals-of-principal"
    assert finding.severity is Severity.MEDIUM
    assert finding.subject == "principal/anna"
    assert finding.sentence == (
        "anna was refused 20 times within 10 minutes, last key.decrypt of key/cards from"
        " 10.0.0.0/24: not-allowed (threshold: 20, for 0 are usual)"
    )
    assert [one.position for one in finding.evidence] == list(range(4, 20))
    assert len(finding.evidence) == EVIDENCE_MAX
    assert finding.first == "2026-03-02T00:00:04.000000Z"
    assert finding.last == "2026-03-02T00:00:19.000000Z"


def test_one_fewer_is_not_raised():
    log = Log()
    refusals(log, 0, 19)
    assert log.found == []


def test_as_many_in_a_longer_time_are_not_raised():
    log = Log()
    for number in range(200):
        log.entry(number * MINUTE, "key.decrypt", reason="not-allowed")
    assert log.found == []


def test_an_episode_is_raised_once():
    log = Log()
    for hour in range(0, 60, 5):
        refusals(log, hour * HOUR, 25)
    assert len(log.found) == 1


def test_after_a_quiet_time_it_is_raised_again():
    log = Log()
    refusals(log, 0, 25)
    refusals(log, 25 * HOUR, 61)
    assert len(log.found) == 2
    assert log.found[0].id != log.found[1].id


def test_what_grows_tenfold_is_raised_again_though_it_goes_on():
    log = Log()
    refusals(log, 0, 199)
    assert len(log.found) == 1
    refusals(log, 199, 1)
    assert len(log.found) == 2


def test_many_findings_of_a_kind_in_one_hour_are_one_event():
    log = Log()
    for number in range(30):
        refusals(log, number * 30, 20, principal=f"p{number}")
    assert len(log.found) == limits.FINDINGS_PER_HOUR_MAX
    assert log.found[-1].sentence.endswith("; more of this kind in this hour are not raised")
    assert "more of this kind" not in log.found[-2].sentence
    refusals(log, 2 * HOUR, 20, principal="another")
    assert len(log.found) == limits.FINDINGS_PER_HOUR_MAX + 1


def test_a_flood_in_one_namespace_hides_nothing_in_another():
    log = Log()
    for number in range(30):
        refusals(log, number * 30, 20, principal=f"p{number}")
    refusals(log, 1000, 20, namespace="shop")
    assert log.found[-1].namespace == "shop"


def test_namespaces_have_nothing_to_do_with_each_other():
    log = Log()
    refusals(log, 0, 19)
    refusals(log, 20, 19, namespace="shop")
    assert log.found == []


def test_a_rule_that_is_off_is_silent():
    log = Log(configured({"refusals-of-principal": {"on": False}}))
    refusals(log, 0, 100)
    assert log.found == []


def test_a_severity_that_is_configured_is_the_findings():
    log = Log(configured({"refusals-of-principal": {"severity": "high"}}))
    refusals(log, 0, 20)
    assert log.found[0].severity is Severity.HIGH


def test_what_a_principal_is_refused_each_day_is_usual():
    log = Log()
    for day in range(10):
        refusals(log, day * DAY, 18)
    refusals(log, 10 * DAY, 40)
    assert log.found == []
    refusals(log, 10 * DAY + 40, 20)
    assert log.rules() == ["refusals-of-principal"]


@pytest.mark.parametrize("reason", ["rate-limited", "key-not-usable", "already-exists"])
def test_refusals_that_are_no_tries_are_not_counted(reason):
    log = Log()
    refusals(log, 0, 100, reason=reason)
    assert log.found == []


# --- first uses -----------------------------------------------------------------------------------


def test_first_use_by_a_principal_is_raised_when_the_key_is_known():
    log = Log(only("first-use-by-principal"))
    log.days(8)
    log.use(8 * DAY, principal="bob")
    (finding,) = log.found
    assert finding.subject == "principal/bob"
    assert "bob used key/cards for the first time" in finding.sentence
    log.use(8 * DAY + 1, principal="bob")
    assert len(log.found) == 1


def test_while_a_key_is_new_anybody_may_be():
    log = Log()
    log.days(5)
    log.use(6 * DAY, principal="bob", source="10.9.9.9")
    assert log.found == []


def test_a_key_that_is_hardly_used_says_nothing():
    log = Log()
    for day in range(20):
        log.use(day * DAY, key="rare")
    log.use(20 * DAY, key="rare", principal="bob", source="10.9.9.9")
    assert log.found == []


def test_of_a_key_that_everybody_uses_nothing_is_said():
    log = Log(only("first-use-by-principal", users_max=3))
    log.days(8, *({"principal": name} for name in ("anna", "bob", "carla", "dave")))
    log.use(9 * DAY, principal="erik")
    assert log.found == []


def test_who_was_away_for_long_is_first_again():
    log = Log(only("first-use-by-principal", forget_days=10))
    log.use(0, principal="bob")
    log.days(9)
    log.use(9 * DAY, principal="bob")
    assert log.found == []
    for day in range(9, 21):
        log.use(day * DAY + HOUR)
    log.use(21 * DAY, principal="bob")
    assert log.rules() == ["first-use-by-principal"]


def test_first_use_from_a_network_is_raised_and_from_a_neighbour_is_not():
    log = Log()
    log.days(8)
    log.use(8 * DAY, source="10.0.0.200")
    assert log.found == []
    log.use(8 * DAY, source="10.0.1.1")
    assert [(one.rule, one.subject) for one in log.found] == [
        ("first-use-from-network", "network/10.0.1.0/24")
    ]


def test_a_hidden_address_is_a_network_of_its_own():
    log = Log()
    log.days(8, {"source": "hmac:aa"})
    log.use(8 * DAY, source="hmac:ab")
    assert [one.subject for one in log.found] == ["network/hmac:ab"]


def test_an_entry_without_an_address_is_from_no_network():
    log = Log()
    log.days(8)
    log.use(8 * DAY, source="")
    assert log.found == []


def test_a_batch_meets_every_key_that_its_entry_names():
    log = Log(only("first-use-by-principal"))
    log.days(8, {"key": "cards"}, {"key": "mail"})
    log.use(
        8 * DAY, key="cards", principal="bob",
        details={"count": 2, "uses": ["cards/1:1", "mail/2:1"]},
    )  # fmt: skip
    state = log.watcher._state
    assert "bob" in state.keys["bank key/cards"].principals
    assert "bob" in state.keys["bank key/mail"].principals


def test_a_key_remembers_a_bounded_number_of_principals_and_networks():
    log = Log()
    for number in range(400):
        log.use(number, principal=f"p{number}", source=f"10.{number // 256}.{number % 256}.1")
    key = log.watcher._state.keys["bank key/cards"]
    assert (len(key.principals), len(key.networks)) == (256, 256)


# --- rates and batches ----------------------------------------------------------------------------


def test_far_more_decryptions_than_ever_are_raised_in_the_hour_itself():
    log = Log(only("decrypt-rate"))
    log.days(10)
    for number in range(500):
        log.use(10 * DAY + 10 * HOUR + number)
    (finding,) = log.found
    assert finding.subject == "key/cards"
    assert "decrypted 201 times within the hour until 10:03 UTC" in finding.sentence
    assert len(finding.evidence) == EVIDENCE_MAX


def test_more_encryptions_are_not_a_matter_of_decryption():
    log = Log(only("decrypt-rate"))
    log.days(10)
    for number in range(500):
        log.use(10 * DAY + 10 * HOUR + number, action="encrypt")
    assert log.found == []


def test_a_key_younger_than_a_week_has_no_usual_rate():
    log = Log(only("decrypt-rate"))
    log.days(6)
    for number in range(500):
        log.use(6 * DAY + number)
    assert log.found == []


def batch(log, at, count, failed=0, **fields):
    details = {"count": count, "uses": [f"cards/1:{count - failed}"]}
    log.use(at, details=details | ({"failed": failed} if failed else {}), **fields)


def test_batches_add_up():
    log = Log(only("bulk-decrypt"))
    log.days(8)
    batch(log, 8 * DAY, 1_000)
    assert log.found == []
    batch(log, 8 * DAY + MINUTE, 1_000)
    assert log.rules() == ["bulk-decrypt"]


def test_batches_are_learned_while_a_namespace_is_new():
    log = Log(only("bulk-decrypt"))
    for day in range(20):
        batch(log, day * DAY, 10_000)
    assert log.found == []


def test_a_batch_of_bad_ciphertexts_is_as_many_tries():
    log = Log(only("refusals-of-principal"))
    batch(log, 0, 19, failed=19)
    assert log.found == []
    batch(log, 1, 1, failed=1)
    assert log.rules() == ["refusals-of-principal"]


@pytest.mark.parametrize("details", [{"count": "5"}, {"count": 5, "failed": "5"}, {"uses": ["x"]}])
def test_details_of_another_shape_are_passed_over(details):
    log = Log()
    log.use(0, details=details)
    assert log.found == []


# --- the end of keys ------------------------------------------------------------------------------


def test_use_of_a_key_that_is_scheduled_for_destruction_is_raised():
    log = Log(only("use-near-destruction"))
    log.use(0)
    log.entry(DAY, "key.schedule-destruction", object="key/cards", details={"days": 7})
    log.use(DAY + 1, reason="key-not-usable")
    (finding,) = log.found
    assert finding.subject == "key/cards"
    assert "which is scheduled for destruction" in finding.sentence


def test_use_of_a_key_that_the_server_destroyed_is_raised():
    log = Log(only("use-near-destruction"))
    log.entry(0, "key.destroy", principal="strongroom:steward", object="key/cards")
    log.use(1, reason="key-not-usable")
    assert "which is destroyed" in log.found[0].sentence


def test_use_of_a_key_that_is_merely_disabled_is_not():
    log = Log()
    log.use(0)
    log.entry(DAY, "key.disable", object="key/cards")
    log.use(DAY + 1, reason="key-not-usable")
    assert log.found == []


def test_a_destruction_that_was_cancelled_is_forgotten():
    log = Log()
    log.entry(0, "key.schedule-destruction", object="key/cards")
    log.entry(1, "key.cancel-destruction", object="key/cards")
    log.use(2, reason="key-not-usable")
    assert log.found == []


def test_a_version_is_not_the_key():
    log = Log()
    log.days(3)
    details = {"key_version": 1, "days": 7}
    log.entry(3 * DAY, "key.schedule-destruction", object="key/cards", details=details)
    log.use(3 * DAY + 1, reason="key-not-usable")
    assert log.found == []


def test_destruction_of_a_key_in_use_is_raised_and_of_an_idle_one_is_not():
    log = Log(only("destruction-in-use"))
    log.days(5, {"key": "cards"}, {"key": "idle"})
    log.use(6 * DAY)
    log.entry(7 * DAY, "key.schedule-destruction", object="key/cards")
    assert [one.subject for one in log.found] == ["key/cards"]
    log.entry(8 * DAY, "key.schedule-destruction", object="key/idle")
    assert len(log.found) == 1


def test_stopping_the_same_key_again_and_again_is_one_key():
    log = Log()
    for number in range(20):
        log.entry(number, "key.disable", object="key/cards")
    assert log.found == []


def test_stopping_key_after_key_is_raised():
    log = Log()
    for number, act in enumerate(["disable", "deactivate", "mark-compromised", "disable"]):
        log.entry(number, f"key.{act}", object=f"key/k{number}")
    assert log.rules() == ["many-keys-stopped"]


def test_the_daily_backup_is_usual():
    log = Log(only("many-exports"))
    for day in range(20):
        for number in range(30):
            log.entry(day * DAY + number, "key.backup", object=f"key/k{number}", principal="job")
    assert log.found == []
    for number in range(100):
        log.entry(20 * DAY + number, "key.backup", object=f"key/n{number}", principal="job")
    assert log.rules() == ["many-exports"]


# --- identities -----------------------------------------------------------------------------------


def shown(log, at, token="t1", **fields):  # noqa: S107 - an id
    return log.entry(
        at, "key.decrypt", **{"principal": "", "reason": "unauthenticated", "token": token} | fields
    )


def test_a_disabled_principal_that_goes_on_trying_is_raised_by_name():
    log = Log()
    log.entry(0, "identity.read", principal="bob", token="t1")
    log.entry(1, "principal.update", object="principal/bob", details={"disabled": 1})
    for number in range(3):
        shown(log, HOUR * (number + 1))
    (finding,) = log.found
    assert (finding.rule, finding.subject) == ("disabled-principal", "principal/bob")
    assert finding.sentence.startswith("bob, which is disabled, tried 3 times")


def test_a_token_is_known_by_the_entry_that_made_it():
    log = Log()
    log.entry(0, "token.create", object="principal/bob", details={"token": "t1", "expires": ""})
    log.entry(1, "principal.update", object="principal/bob", details={"disabled": 1})
    for number in range(3):
        shown(log, 2 + number)
    assert log.rules() == ["disabled-principal"]


def test_a_principal_that_is_enabled_again_is_not_raised():
    log = Log()
    log.entry(0, "identity.read", principal="bob", token="t1")
    log.entry(1, "principal.update", object="principal/bob", details={"disabled": 1})
    log.entry(2, "principal.update", object="principal/bob", details={"disabled": 0})
    for number in range(10):
        shown(log, 3 + number)
    assert log.found == []


def test_a_change_that_was_refused_changes_nothing():
    log = Log()
    log.entry(0, "identity.read", principal="bob", token="t1")
    log.entry(
        1, "principal.update", object="principal/bob", details={"disabled": 1}, reason="not-allowed"
    )
    for number in range(10):
        shown(log, 3 + number)
    assert log.found == []


def test_a_revoked_token_is_raised_and_an_expired_one_is_not():
    log = Log()
    for token in ("t1", "t2"):
        log.entry(0, "identity.read", principal="bob", token=token)
    log.entry(1, "token.revoke", object="token/t1", details={"token": "t1"})
    for number in range(5):
        shown(log, 2 + number, "t1")
        shown(log, 2 + number, "t2")
    assert [(one.rule, one.subject) for one in log.found] == [("revoked-token", "token/t1")]
    assert "Token t1 of bob" in log.found[0].sentence


def test_a_revoked_token_that_was_never_seen_in_use_is_somebodys():
    log = Log()
    log.entry(1, "token.revoke", object="token/t9", details={"token": "t9"})
    for number in range(5):
        shown(log, 2 + number, "t9")
    assert "Token t9 of somebody" in log.found[0].sentence


def test_guesses_from_one_network_are_counted_together():
    log = Log()
    for number in range(50):
        shown(log, number, "", source=f"203.0.113.{number}")
    assert [(one.rule, one.subject) for one in log.found] == [
        ("refusals-from-network", "network/203.0.113.0/24")
    ]


def test_guesses_from_many_networks_are_not():
    log = Log()
    for number in range(200):
        shown(log, number, "", source=f"203.0.{number}.1")
    assert log.found == []


# --- one-time passwords ---------------------------------------------------------------------------


def codes(log, users, result="failed"):
    for number in range(60):
        log.entry(number, "otp.verify", object=f"otp/u{number % users}", details={"result": result})


def test_failures_of_many_users_from_one_network_are_raised():
    log = Log()
    codes(log, 10)
    (finding,) = log.found
    assert finding.rule == "otp-failures"
    assert "of 10 users failed" in finding.sentence


def test_failures_of_few_users_are_not():
    log = Log()
    codes(log, 9)
    assert log.found == []


def test_codes_that_were_right_are_no_failures():
    log = Log()
    codes(log, 60, "accepted")
    assert log.found == []


def guesses(log, count, users, per=1, word="wrong-code", **fields):
    """Codes in batches of so many, from a network each."""
    for number in range(0, count, per):
        items = [f"otp-{one % users}:{word}" for one in range(number, number + per)]
        log.entry(
            number, "otp.verify", source=f"10.{number % 250}.0.1", **fields,
            details={"count": per, "items": items},
        )  # fmt: skip


def test_refused_codes_of_many_credentials_for_one_caller_are_raised_wherever_they_come_from():
    log = Log()
    guesses(log, 120, 25)
    (finding,) = log.found
    assert (finding.rule, finding.subject) == ("otp-guesses", "principal/anna")
    assert "100 one-time passwords of 25 credentials were refused for anna" in finding.sentence
    assert finding.sentence.count("wrong-code") == 1


def test_those_of_few_credentials_are_somebody_who_forgot():
    log = Log()
    guesses(log, 200, 24)
    assert log.found == []


def test_an_entry_with_many_codes_is_one_piece_of_evidence():
    log = Log(only("otp-guesses"))
    guesses(log, 200, 200, per=50)
    (finding,) = log.found
    assert len(finding.evidence) == 2


def test_right_codes_in_a_batch_are_no_guesses():
    log = Log()
    guesses(log, 300, 300, per=50, word="valid")
    assert log.found == []


def test_a_users_code_is_one_guess_however_many_credentials_it_was_tried_with():
    log = Log(only("otp-guesses", at_least=10, objects_min=10))
    for number in range(10):
        assert log.found == []
        items = [f"otp-{number}-{device}:wrong-code" for device in range(4)]
        details = {"result": "failed", "reason": "wrong-code", "items": items}
        log.entry(number, "otp.verify-user", details=details)
    assert "10 one-time passwords of 10 credentials" in log.found[0].sentence


def test_codes_of_users_who_have_no_credential_are_counted_but_of_nobody():
    log = Log(only("otp-guesses", at_least=10, objects_min=1))
    for number in range(20):
        details = {"result": "failed", "reason": "no-credential"}
        log.entry(number, "otp.verify-user", details=details)
    assert log.found == []
    log.entry(21, "otp.verify", object="otp/a", details={"result": "failed", "reason": "unknown"})
    assert "21 one-time passwords of 1 credentials" in log.found[0].sentence


def test_what_no_custodian_wrote_into_an_entry_about_codes_is_no_code():
    log = Log(only("otp-guesses", at_least=1, objects_min=1))
    for items in ("x", 7, [7]):
        log.entry(0, "otp.verify", details={"items": items})
    assert [finding.sentence.count("credentials") for finding in log.found] == [2]


def test_a_computed_code_and_exported_secrets_are_raised():
    log = Log()
    log.entry(0, "otp.compute", object="otp/a", details={"generation": 1})
    log.entry(1, "otp.export", principal="bob", details={"count": 200})
    assert log.rules() == ["otp-secrets"] * 2
    assert "anna took 1 codes or secrets" in log.found[0].sentence
    assert "bob took 200 codes or secrets" in log.found[1].sentence


def test_an_export_that_found_nothing_or_was_refused_is_not():
    log = Log()
    log.entry(0, "otp.export", details={"count": 0})
    log.entry(1, "otp.export", reason="not-allowed")
    log.entry(2, "otp.compute", object="otp/a", reason="not-allowed")
    assert log.found == []


# --- hours ----------------------------------------------------------------------------------------


def test_work_at_night_is_raised_from_the_third_entry_on():
    log = Log()
    for day in range(14):
        log.entry(day * DAY + 10 * HOUR, "key.list")
    for number in range(3):
        assert log.found == []
        log.entry(14 * DAY + 3 * HOUR + number, "key.list")
    (finding,) = log.found
    assert finding.rule == "unusual-hour"
    assert "in the hour from 03:00 UTC" in finding.sentence
    assert "at that time of day" in finding.sentence
    assert len(finding.evidence) == 3


def test_work_at_a_weekend_says_so():
    log = Log()
    for day in range(20):
        if day % 7 < 5:
            log.entry(day * DAY + 10 * HOUR, "key.list")
    for number in range(3):
        log.entry(20 * DAY + 10 * HOUR + number, "key.list")
    assert "it was not at a weekend" in log.found[0].sentence


def test_what_the_server_does_by_itself_keeps_no_hours():
    log = Log()
    log.entry(0, "key.rotate", principal="strongroom:steward", object="key/cards")
    assert log.watcher._state.principals == {}


def test_what_anybody_may_read_is_nobodys_act():
    log = Log()
    log.entry(0, "jwks.read-published", principal="", object="namespace/bank")
    assert log.watcher._state.principals == {}


# --- time -----------------------------------------------------------------------------------------


def test_entries_may_be_some_minutes_out_of_order():
    log = Log()
    log.days(8)
    log.use(8 * DAY)
    log.use(8 * DAY - 10 * MINUTE)
    assert log.found == []
    assert log.watcher._state.now % DAY == 0


@pytest.mark.parametrize("to", [3, 60])
def test_time_that_leaps_is_said_and_everything_is_learned_anew(to):
    log = Log()
    log.days(10)
    log.use(to * DAY, principal="bob", source="10.9.9.9")
    (finding,) = log.found
    assert finding.rule == "clock-leap"
    assert "went from 2026-03-11T10:09Z to" in finding.sentence
    assert len(log.watcher._state.keys) == 1
    assert log.watcher._state.keys["bank key/cards"].uses == 1


# --- memory ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limit", "table"),
    [
        ("KEYS", "keys"),
        ("PRINCIPALS", "principals"),
        ("TOKENS", "tokens"),
        ("NAMESPACES", "namespaces"),
        ("BURSTS", "bursts"),
        ("EPISODES", "episodes"),
    ],
)
def test_every_table_is_bounded(monkeypatch, limit, table):
    monkeypatch.setattr(limits, f"WATCHED_{limit}_MAX", 20)
    log = Log(only("refusals-of-principal", at_least=1))
    for number in range(100):
        name = f"n{number}"
        log.use(number * MINUTE, key=name, principal=name, token=name, namespace=name)
        log.entry(number * MINUTE, "key.read", namespace=name, principal=name, reason="not-allowed")
    rows = getattr(log.watcher._state, table)
    assert 0 < len(rows) <= 20
    assert any("n99" in name for name in rows)
    assert Watcher.restore(log.watcher.state()).state() == log.watcher.state()


def test_who_used_what_is_bounded_over_all_keys(monkeypatch):
    monkeypatch.setattr(limits, "WATCHED_MEETINGS_MAX", 100)
    log = Log()
    for number in range(1_000):
        day, key = number // 50 * DAY, number // 10
        log.use(day + number, key=f"k{key}", principal=f"p{number}", source=f"10.0.{number % 9}.1")
    keys = log.watcher._state.keys.values()
    meetings = sum(len(key.principals) + len(key.networks) for key in keys)
    assert 50 < meetings <= 110
    assert "bank key/k99" in log.watcher._state.keys


def test_what_is_in_use_is_not_forgotten(monkeypatch):
    monkeypatch.setattr(limits, "WATCHED_KEYS_MAX", 20)
    log = Log()
    for day in range(100):
        log.use(day * DAY)
        log.use(day * DAY + 1, key=f"k{day}")
    assert log.watcher._state.keys["bank key/cards"].uses == 100


def test_a_fresh_watcher_has_a_state():
    assert Watcher.restore(Watcher().state())._state == State()


def bad_states():
    good = Watcher().state()
    mark = good[: good.index(b"\n") + 1]
    log = Log()
    log.use(0)
    log.entry(0, "key.read", reason="not-found")
    state = log.watcher._state
    rhythm, burst, hours = (
        msgspec.msgpack.decode(msgspec.msgpack.encode(state), type=State) for _ in range(3)
    )
    rhythm.keys["bank key/cards"].rhythm.ring = bytearray(5)
    next(iter(burst.bursts.values())).counts = [1]
    hours.principals["bank anna"].hours.by_hour = bytearray(23)
    many = State(namespaces={str(n): 0 for n in range(limits.WATCHED_NAMESPACES_MAX + 1)})
    return {
        "nothing": b"",
        "cut": good[:-1],
        "longer": good + b"x",
        "another release": good.replace(b"watcher/1", b"watcher/2"),
        "not packed": mark + msgspec.msgpack.encode(State()),
        "another value": mark + zlib.compress(b"\xc0"),
        "short ring": pack(rhythm),
        "short window": pack(burst),
        "short day": pack(hours),
        "too many": pack(many),
    }


@pytest.mark.parametrize("name", bad_states())
def test_what_is_no_state_is_refused(name):
    with pytest.raises(ValueError, match="not the state of a watcher"):
        Watcher.restore(bad_states()[name])


def test_a_state_that_unpacks_without_end_is_refused(monkeypatch):
    monkeypatch.setattr("strongroom.watching.memory._STATE_BYTES_MAX", 1_000)
    mark = Watcher().state().partition(b"\n")[0] + b"\n"
    with pytest.raises(ValueError, match="not the state"):
        Watcher.restore(mark + zlib.compress(bytes(100_000)))


def test_the_watcher_keeps_up_with_far_more_than_a_node_does():
    """Loosely: it is some hundred thousand a second, and a node does some ten thousand."""
    log = Log()
    before = time.process_time()
    for number in range(5_000):
        log.use(number)
    assert time.process_time() - before < 1
