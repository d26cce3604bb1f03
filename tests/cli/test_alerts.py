"""`strongroom alerts`."""

import json
import re

import pytest

from tests.cli.test_identities import new_token
from tests.support.alerts import raised


@pytest.fixture
def auditor(cli, monkeypatch):
    cli.does("principal", "create", "eve", "--role", "auditor")
    monkeypatch.setenv("AUDITOR", new_token(cli, "eve")["token"])
    return lambda *arguments: cli(*arguments, "--token-from", "AUDITOR")


@pytest.fixture
def alert(cli):
    return raised(cli.server, cli.server, "a-rule", 0)


def test_without_alerts_it_says_so(cli):
    result = cli("alerts", "list")
    assert (result.code, result.out) == (0, "")
    assert "There is no such alert." in result.err


def test_alerts_are_listed_and_shown_with_their_evidence(cli, alert):
    listed = cli.does("alerts", "list")
    assert alert in listed
    assert "a-rule" in listed
    assert "medium" in listed
    shown = cli.does("alerts", "show", alert)
    assert "key/cards was used by a stranger" in shown
    assert re.search(r"^0 +\d{4}-\d\d-\d\d .* [0-9a-f]{32}$", shown, re.MULTILINE)
    assert "acknowledged" not in shown


def test_as_json_they_are_whole(cli, alert):
    listed = json.loads(cli.does("alerts", "list", "-o", "json"))
    shown = json.loads(cli.does("alerts", "show", alert, "-o", "json"))
    assert listed == {"alerts": [shown], "next_page_token": ""}
    assert shown["evidence"][0]["position"] == 0


def test_an_auditor_acknowledges_and_others_see_who_did(cli, alert, auditor):
    result = auditor("alerts", "acknowledge", alert, "--note", "a new colleague")
    assert result.code == 0, result
    assert "acknowledged" in result.out + result.err
    assert "eve" in cli.does("alerts", "list")
    shown = cli.does("alerts", "show", alert)
    assert re.search(r"^by +eve$", shown, re.MULTILINE)
    assert re.search(r"^note +a new colleague$", shown, re.MULTILINE)


def test_lists_can_be_narrowed(cli, alert, auditor):
    assert alert in cli.does("alerts", "list", "--open")
    assert alert not in cli.does("alerts", "list", "--acknowledged")
    assert alert not in cli.does("alerts", "list", "--severity", "high")
    auditor("alerts", "acknowledge", alert)
    assert alert not in cli.does("alerts", "list", "--open")
    assert alert in cli.does("alerts", "list", "--acknowledged")


def test_pages_lead_on(cli):
    made = {raised(cli.server, cli.server, f"rule-{name}", 0) for name in "abc"}
    first = cli("alerts", "list", "--limit", "2")
    assert "There are more" in first.err
    listed = json.loads(cli.does("alerts", "list", "--all", "-o", "json"))["alerts"]
    assert {each["id"] for each in listed} == made


def test_who_may_not_is_told_so(cli, alert):
    assert cli("alerts", "acknowledge", alert).code == 4
    assert cli.app("alerts", "list").code == 4
    assert cli.app("alerts", "show", alert).code == 4


def test_what_is_no_alert_is_not_found_or_refused(cli, auditor):
    assert cli("alerts", "show", "0" * 32).code == 5
    assert auditor("alerts", "acknowledge", "0" * 32).code == 5
    assert cli("alerts", "show", "../keys").code != 0
    assert cli("alerts", "list", "--severity", "dreadful").code == 1


def test_an_alert_is_acknowledged_once(alert, auditor):
    assert auditor("alerts", "acknowledge", alert).code == 0
    result = auditor("alerts", "acknowledge", alert)
    assert result.code != 0
    assert "already, by eve" in result.err
