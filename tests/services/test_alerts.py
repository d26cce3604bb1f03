"""What the watcher finds becomes an alert, once; who may look at it, and who may say so."""

import asyncio

import msgspec
import pytest

from strongroom.adapters.direct_ledger import DirectLedger
from strongroom.domain import limits
from strongroom.domain.errors import InvalidRequest, TamperedRecord, Unavailable
from strongroom.domain.events import Event
from strongroom.domain.findings import EVIDENCE_MAX, Evidence, Severity
from strongroom.domain.records import Kind, Ref
from strongroom.ports.store import Stale
from tests.support.alerts import finding, raised
from tests.support.desks import House, at_once


@pytest.fixture
def house(tmp_path):
    made = House(tmp_path / "store.db", dev=False)
    yield made
    made.store.close()


@pytest.fixture
def desk(house):
    return house.desk()


@pytest.fixture
def auditor(desk, house):
    desk.ask(house.admin, "principal.create", name="auditor", roles=["auditor"])
    return desk.ask(house.admin, "token.create", principal="auditor").token


def raise_(desk, found):
    at_once(desk.alerts.raise_(found))


def log_of(house):
    stored = house.store.entries(0, 1_000)
    return [msgspec.json.decode(one.body, type=Event) for one in stored]


# --- raised ---------------------------------------------------------------------------------------


def test_a_finding_becomes_an_alert_and_an_entry_together(house, desk, auditor):
    alert = raised(house, desk)
    entry = log_of(house)[-1]
    assert (entry.action, entry.principal) == ("alert.raise", "strongroom:watcher")
    assert entry.namespace == "default"
    assert entry.details["alert"] == alert
    assert entry.details["rule"] == "a-rule"
    assert entry.details["severity"] == "medium"
    assert entry.details["sentence"].startswith("key/cards was used by a stranger")
    (mentioned,) = entry.records
    assert mentioned.startswith(f"w/{alert}/1/")
    view = desk.ask(auditor, "alert.read", alert)
    assert (view.rule, view.severity, view.subject) == ("a-rule", Severity.MEDIUM, "key/cards")
    assert view.acknowledged == view.acknowledged_by == view.note == ""


def test_evidence_leads_to_the_entries(house, desk, auditor):
    alert = raised(house, desk, "a-rule", 0, 2)
    entries = log_of(house)
    view = desk.ask(auditor, "alert.read", alert)
    assert [one.position for one in view.evidence] == [0, 2]
    for one in view.evidence:
        assert one.request == entries[one.position].request
        assert one.time == entries[one.position].time
    assert log_of(house)[-2].details["evidence"] == [
        f"{one.position}/{one.request}" for one in view.evidence
    ]


def test_the_same_finding_makes_no_second_alert(house, desk):
    found = finding(house)
    raise_(desk, found)
    size = len(log_of(house))
    raise_(desk, found)
    raise_(house.desk(), found)
    assert len(log_of(house)) == size


def test_the_same_finding_from_two_sides_at_once_is_one_alert(house, desk):
    found = finding(house)
    before = len(log_of(house))

    async def both():
        await asyncio.gather(desk.alerts.raise_(found), house.desk().alerts.raise_(found))

    at_once(both())
    assert len(log_of(house)) == before + 1


def test_one_that_was_acknowledged_is_not_raised_again(house, desk, auditor):
    alert = raised(house, desk)
    desk.ask(auditor, "alert.acknowledge", alert)
    raised(house, desk)
    assert desk.ask(auditor, "alert.read", alert).acknowledged_by == "auditor"


class Changing(DirectLedger):
    """A ledger on which facts change just before the first commits."""

    def __init__(self, store, times):
        super().__init__(store)
        self.times = times

    async def commit(self, commit):
        if self.times:
            self.times -= 1
            return Stale()
        return await super().commit(commit)


def test_what_changes_meanwhile_is_looked_at_again(house, auditor):
    desk = house.desk(ledger=Changing(house.store, 3))
    alert = raised(house, desk)
    assert house.desk().ask(auditor, "alert.read", alert)


def test_what_changes_for_ever_is_tried_later(house):
    desk = house.desk(ledger=Changing(house.store, 1_000))
    with pytest.raises(Unavailable):
        raised(house, desk)


def test_more_than_anybody_looks_at_wait_for_the_next_hour(house, desk, monkeypatch):
    monkeypatch.setattr(limits, "ALERTS_PER_HOUR_MAX", 3)
    for number in range(3):
        raised(house, desk, f"rule-{'a' * (number + 1)}")
    with pytest.raises(Unavailable, match="later ones wait"):
        raised(house, desk, "rule-b")
    house.clock.now += 3_600_000_000
    raised(house, desk, "rule-b")


def altered(house, **fields):
    return msgspec.structs.replace(finding(house), **fields)


@pytest.mark.parametrize(
    "fields",
    [
        {"rule": ""},
        {"rule": "A-Rule"},
        {"rule": "a" * 64},
        {"evidence": []},
        {"evidence": [Evidence(0, "0", "")] * (EVIDENCE_MAX + 1)},
        {"evidence": [Evidence(-1, "0", "")]},
        {"evidence": [Evidence(2**63, "0", "")]},
        {"subject": "s" * 257},
        {"subject": "key/\ncards"},
        {"sentence": "s" * 1_025},
        {"sentence": "all is well\x1b[2K"},
        {"namespace": "nowhere"},
        {"evidence": [Evidence(1_000_000, "0" * 32, "")]},
    ],
)
def test_what_no_watcher_finds_is_refused(house, desk, fields):
    before = len(log_of(house))
    with pytest.raises(InvalidRequest):
        raise_(desk, altered(house, **fields))
    assert len(log_of(house)) == before


@pytest.mark.parametrize("field", ["request", "time"])
def test_evidence_that_is_not_as_it_is_in_the_log_is_refused(house, desk, field):
    found = finding(house)
    wrong = msgspec.structs.replace(found.evidence[0], **{field: "0" * 32})
    with pytest.raises(InvalidRequest, match="as they are"):
        raise_(desk, msgspec.structs.replace(found, evidence=[wrong]))


def test_entries_of_one_namespace_are_no_evidence_in_another(house, desk):
    """A courier that was broken into shows nobody what is in other namespaces' entries."""
    desk.ask(house.admin, "namespace.create", name="other")
    with pytest.raises(InvalidRequest, match="as they are"):
        raise_(desk, finding(house, namespace="other"))


def test_an_entry_that_was_edited_is_no_evidence(house, desk):
    found = finding(house)
    house.store._db.execute("UPDATE entries SET body = replace(body, 'allowed', 'refused')")
    with pytest.raises(TamperedRecord):
        raise_(desk, found)


# --- read -----------------------------------------------------------------------------------------


def ids(page):
    return [alert.id for alert in page.alerts]


def test_the_newest_come_first(house, desk, auditor):
    for _ in range(3):
        desk.ask(auditor, "identity.read")
    made = [raised(house, desk, "a-rule", position) for position in (1, 3, 2, 0)]
    page = desk.ask(auditor, "alert.list")
    assert ids(page) == [made[1], made[2], made[0], made[3]]
    assert page.next_page_token == ""


def test_pages_lead_to_every_alert_once(house, desk, auditor):
    for _ in range(8):
        desk.ask(auditor, "identity.read")
    made = {raised(house, desk, "a-rule", position) for position in range(7)}
    found, token = [], ""
    while True:
        page = desk.ask(auditor, "alert.list", limit=3, page_token=token)
        found += ids(page)
        token = page.next_page_token
        if not token:
            break
    assert len(found) == len(set(found)) == 7
    assert set(found) == made


def test_alerts_are_found_by_state_and_severity(house, desk, auditor):
    low = raised(house, desk, "a-rule", severity=Severity.LOW)
    high = raised(house, desk, "b-rule", severity=Severity.HIGH)
    desk.ask(auditor, "alert.acknowledge", low)
    ask = desk.ask
    assert ids(ask(auditor, "alert.list", state="open")) == [high]
    assert ids(ask(auditor, "alert.list", state="acknowledged")) == [low]
    assert ids(ask(auditor, "alert.list", severity="low")) == [low]
    assert ids(ask(auditor, "alert.list", severity="low", state="open")) == []
    assert desk.refusal(auditor, "alert.list", severity="dreadful") == "invalid-request"


def test_a_page_that_has_scanned_enough_leads_on(house, desk, auditor, monkeypatch):
    monkeypatch.setattr(limits, "LIST_SCANNED_MAX", 2)
    for name in "abcde":
        raised(house, desk, f"rule-{name}", severity=Severity.LOW)
    found, token, pages = [], "", 0
    while pages < 10:
        page = desk.ask(auditor, "alert.list", severity="high", limit=1, page_token=token)
        found, token, pages = found + ids(page), page.next_page_token, pages + 1
        if not token:
            break
    assert found == []
    assert 2 <= pages <= 5


def test_another_namespaces_alerts_are_not_there(house, desk, auditor):
    alert = raised(house, desk)
    foreign = desk.ask(house.admin, "namespace.create", name="other").token
    assert desk.ask(foreign, "alert.list").alerts == []
    assert desk.refusal(foreign, "alert.read", alert) == "not-found"
    desk.ask(foreign, "principal.create", name="auditor", roles=["auditor"])
    theirs = desk.ask(foreign, "token.create", principal="auditor").token
    assert desk.refusal(theirs, "alert.acknowledge", alert) == "not-found"


@pytest.mark.parametrize("target", ["", "x", "0" * 31, "0" * 32, "0" * 33, "A" * 32, "alias:x"])
def test_what_is_no_alert_is_not_found(desk, auditor, target):
    for operation in ("alert.read", "alert.acknowledge"):
        assert desk.refusal(auditor, operation, target) == "not-found"


def test_a_row_that_was_edited_is_refused(house, desk, auditor):
    alert = raised(house, desk)
    house.store._db.execute(
        "UPDATE records SET body = CAST(replace(CAST(body AS TEXT), 'stranger', 'friend') AS BLOB)"
        " WHERE kind = 'w'"
    )
    assert desk.refusal(auditor, "alert.read", alert) == "tampered-record"
    assert desk.refusal(auditor, "alert.list") == "tampered-record"
    assert desk.refusal(auditor, "alert.acknowledge", alert) == "tampered-record"


# --- acknowledged ---------------------------------------------------------------------------------


def test_it_is_kept_who_acknowledged_when_and_what_they_noted(house, desk, auditor):
    alert = raised(house, desk)
    view = desk.ask(auditor, "alert.acknowledge", alert, note="a new colleague")
    assert (view.acknowledged_by, view.note) == ("auditor", "a new colleague")
    assert view.acknowledged.endswith("Z")
    assert desk.ask(auditor, "alert.read", alert) == view
    entry = next(one for one in log_of(house) if one.action == "alert.acknowledge")
    assert entry.details == {"alert": alert}
    assert entry.records[0].startswith(f"w/{alert}/2/")


def test_it_is_acknowledged_once_and_for_good(house, desk, auditor):
    alert = raised(house, desk)
    desk.ask(auditor, "alert.acknowledge", alert, note="first")
    assert desk.refusal(auditor, "alert.acknowledge", alert, note="second") == "changed-meanwhile"
    assert desk.ask(auditor, "alert.read", alert).note == "first"


def test_of_two_at_once_one_is_told_that_the_other_was_first(house, desk, auditor):
    alert = raised(house, desk)

    async def both():
        return await asyncio.gather(
            desk.replied(auditor, "alert.acknowledge", alert),
            house.desk().replied(auditor, "alert.acknowledge", alert),
        )

    codes = sorted(reply.code for _, reply in at_once(both()))
    assert codes == ["", "changed-meanwhile"]


def test_an_alert_about_oneself_is_somebody_elses_to_acknowledge(house, desk, auditor):
    alert = raised(house, desk, subject="principal/auditor")
    assert desk.refusal(auditor, "alert.acknowledge", alert) == "invalid-request"
    desk.ask(house.admin, "principal.create", name="second", roles=["auditor"])
    second = desk.ask(house.admin, "token.create", principal="second").token
    assert desk.ask(second, "alert.acknowledge", alert).acknowledged_by == "second"


def test_who_may_do_what_may_not_say_that_it_was_right(house, desk):
    alert = raised(house, desk)
    assert desk.ask(house.admin, "alert.read", alert)
    assert desk.refusal(house.admin, "alert.acknowledge", alert) == "not-allowed"


def test_a_note_is_bounded(house, desk, auditor):
    alert = raised(house, desk)
    refusal = desk.refusal(auditor, "alert.acknowledge", alert, note="x" * 1_025)
    assert refusal == "invalid-request"


def test_an_alert_is_a_record_like_any_other(house, desk):
    alert = raised(house, desk)
    (record,) = house.store.load([Ref(Kind.ALERT, bytes.fromhex(alert))])
    assert record.namespace == house.first
    assert record.revision == 1
