"""`strongroom otp job`: whom it is about is said before, and how far it is after."""

import re
from types import SimpleNamespace

import pytest

from strongroom.cli import otp_jobs
from tests.support.desks import at_once

SUSPEND = ["otp", "job", "create", "suspend"]


def job_of(shown):
    return re.search(r"^job +(\S+)$", shown, re.MULTILINE)[1]


def test_job_is_made_and_led(people):
    words = [*SUSPEND, "--user", "nobody", "--per-second", "5", "--description", "a leak", "--yes"]
    made = people.does("officer", *words)
    job = job_of(made)
    assert re.search(r"^description +a leak$", made, re.MULTILINE)
    assert re.search(r"^per second +5$", made, re.MULTILINE)
    assert "paused" in people.does("officer", "otp", "job", "pause", job)
    assert "running" in people.does("officer", "otp", "job", "resume", job, "--per-second", "7")
    assert people.told("officer", "otp", "job", "show", job)["per_second"] == 7
    assert job in people.does("officer", "otp", "job", "list")
    assert "cancelled" in people.does("officer", "otp", "job", "cancel", job)
    assert "cancelled" in people.does("officer", "otp", "job", "show", job, "--follow")
    again = people.officer("otp", "job", "resume", job)
    assert again.code == 6
    assert "cancelled" in again.err


def test_job_says_whom_it_is_about(people):
    def of(*words):
        shown = people.does("officer", *SUSPEND, *words, "--yes")
        return re.search(r"^of +(.+)$", shown, re.MULTILINE)[1]

    assert set(of("--state", "active", "--type", "hotp").split(", ")) == {
        "state=active", "type=hotp",
    }  # fmt: skip
    assert of("--everything") == "every credential"
    assert re.fullmatch(r"user=[0-9a-f]+ \(a pseudonym\)", of("--user", "alice"))


def test_jobs_are_listed_page_by_page(people):
    none = people.officer("otp", "job", "list")
    assert (none.code, none.out) == (0, "")
    assert "There are no jobs." in none.err
    made = {job_of(people.does("officer", *SUSPEND, "--everything", "--yes")) for _ in range(2)}
    assert "There are more" in people.officer("otp", "job", "list", "--limit", "1").err
    listed = people.told("officer", "otp", "job", "list", "--limit", "1", "--all")
    assert {each["id"] for each in listed["items"]} == made


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ([], 2),
        (["--everything", "--type", "totp"], 2),
        (["--created-before", "yesterday"], 2),
        (["--type", "sms"], 2),
        (["--everything", "--per-second", "-1"], 2),
    ],
)
def test_job_that_is_none_is_refused_unsent(cli, server, words, code):
    refused = cli(*SUSPEND, *words, "--yes")
    assert (refused.code, refused.out) == (code, "")
    assert server.asked == []


def test_action_that_there_is_not_is_refused(people):
    assert people.officer("otp", "job", "create", "praise", "--everything", "--yes").code == 1


def test_who_may_not_makes_none_and_sees_none(people):
    words = ["otp", "job", "create", "destroy", "--everything", "--yes"]
    assert people.helpdesk(*words).code == 4
    assert people.helpdesk("otp", "job", "list").code == 4
    assert people.officer("otp", "job", "show", "0" * 32).code == 5
    assert people.officer("otp", "job", "show", "../keys").code == 2


@pytest.fixture
def working(monkeypatch, server):
    """While the command waits, a custodian works."""
    waited = []

    def wait(seconds):
        waited.append(seconds)
        at_once(server.duties.turn())

    monkeypatch.setattr(otp_jobs, "time", SimpleNamespace(sleep=wait))
    return waited


def test_a_job_is_followed_to_its_end(people, working):
    one, other = people.counter(user="alice"), people.counter(user="bob")
    people.does("helpdesk", "otp", "suspend", other)
    made = people.told(
        "officer", "otp", "job", "create", "suspend", "--type", "hotp", "--description", "a leak"
    )
    assert made["state"] == "running"
    said = people.does("officer", "otp", "job", "show", made["id"], "--follow")
    assert working
    facts = dict(re.findall(r"^(\S.*?)  +(.*)$", said, re.MULTILINE))
    assert (facts["state"], facts["progress"], facts["done"]) == ("done", "100 %", "1")
    assert (facts["skipped"], facts["of"], facts["description"]) == ("1", "type=hotp", "a leak")
    assert people.told("officer", "otp", "show", one)["state"] == "suspended"
    listed = people.does("officer", "otp", "job", "list")
    assert re.search(rf"^{made['id']} +suspend +done +100 % +1 +1 ", listed, re.MULTILINE)


def test_a_job_stops_and_goes_on_when_it_is_told(people, server):
    credential = people.counter()
    words = ["otp", "job", "create", "revoke", "--user", "alice", "--per-second", "5"]
    job = people.told("officer", *words)["id"]
    assert "paused" in people.does("officer", "otp", "job", "pause", job)
    at_once(server.duties.turn())
    assert people.told("officer", "otp", "show", credential)["state"] == "active"
    going = people.told("officer", "otp", "job", "resume", job, "--per-second", "0")
    assert (going["state"], going["per_second"]) == ("running", 0)
    assert "cancelled" in people.does("officer", "otp", "job", "cancel", job)
    at_once(server.duties.turn())
    assert people.told("officer", "otp", "show", credential)["state"] == "active"
    assert people.officer("otp", "job", "resume", job).code != 0
