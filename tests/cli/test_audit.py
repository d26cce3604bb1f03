"""`strongroom audit list`, `search`, `show` and `tail`."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time

import pytest

from strongroom.adapters.sqlite import search
from strongroom.domain import limits
from tests.cli.conftest import SOURCE


def entries(text):
    return [json.loads(line) for line in text.splitlines()]


def test_entries_come_oldest_first_one_line_each(cli):
    cli.does("key", "create", "k")
    cli.does("key", "rotate", "k")
    lines = cli.does("audit", "list").splitlines()
    assert [line.split()[4] for line in lines] == ["namespace.create", "key.create", "key.rotate"]
    assert "key/k v2" in lines[-1]


def test_json_is_one_object_a_line(cli):
    cli.does("key", "create", "k")
    found = entries(cli.does("audit", "list", "-o", "json"))
    assert [each["action"] for each in found] == ["namespace.create", "key.create"]
    assert [each["position"] for each in found] == [0, 1]


def test_conditions_hold_together(cli):
    cli.does("key", "create", "k")
    cli.app("key", "rotate", "k")
    cli.app("key", "rotate", "demo")
    found = entries(cli.does("audit", "list", "--principal", "app", "--key", "k", "-o", "json"))
    assert [(each["action"], each["outcome"]) for each in found] == [("key.rotate", "refused")]
    by_request = cli.does("audit", "list", "--request", found[0]["request"], "-o", "json")
    assert entries(by_request) == found
    refused = cli.does("audit", "list", "--outcome", "refused")
    assert refused.count("strongroom why ") == 2


def test_next_page_token_leads_on(cli):
    for _ in range(4):
        cli.does("whoami")
    first = cli("audit", "list", "--limit", "2", "-o", "json")
    assert [each["position"] for each in entries(first.out)] == [0, 1]
    token = re.search(r"--page-token (\d+)", first.err)[1]
    second = cli("audit", "list", "--limit", "2", "--page-token", token, "-o", "json")
    assert [each["position"] for each in entries(second.out)] == [2, 3]


def test_all_pages_are_all_entries(cli, monkeypatch):
    monkeypatch.setattr(limits, "PAGE_ITEMS_MAX", 2)
    for _ in range(4):
        cli.does("whoami")
    found = entries(cli.does("audit", "list", "--all", "-o", "json"))
    assert [each["position"] for each in found[:5]] == [0, 1, 2, 3, 4]


def test_rare_entry_is_found_beyond_what_one_call_looks_at(cli, monkeypatch):
    """The server looks at a bounded part of the log at a time; the first parts hold none."""
    monkeypatch.setattr(search, "_COST_MAX", 3)
    for _ in range(10):
        cli.does("whoami")
    cli.app("key", "rotate", "demo")
    cli.does("whoami")
    for options in ([], ["--all"], ["--limit", "1"]):
        found = entries(cli.does("audit", "list", "--principal", "app", *options, "-o", "json"))
        assert [each["action"] for each in found] == ["key.rotate"]
    found = entries(cli.does("audit", "tail", "--principal", "app", "-o", "json"))
    assert [each["action"] for each in found] == ["key.rotate"]
    assert cli("audit", "list", "--principal", "nobody").err == "There is no such entry.\n"


def test_limit_holds_over_several_calls(cli, monkeypatch):
    monkeypatch.setattr(search, "_COST_MAX", 2)
    for _ in range(10):
        cli.does("whoami")
    first = cli("audit", "list", "--limit", "5", "-o", "json")
    assert [each["position"] for each in entries(first.out)] == [0, 1, 2, 3, 4]
    assert "--page-token 4 " in first.err


def test_tail_looks_back_until_it_has_enough(cli, server, monkeypatch):
    monkeypatch.setattr(search, "_COST_MAX", 3)
    for _ in range(20):
        cli.does("whoami")
    cli.app("key", "rotate", "demo")
    for _ in range(20):
        cli.does("whoami")
    asked = server.asked.count("audit.read")
    found = entries(cli.does("audit", "tail", "-n", "1", "--principal", "app", "-o", "json"))
    assert [each["action"] for each in found] == ["key.rotate"]
    assert server.asked.count("audit.read") >= asked + 1
    found = entries(cli.does("audit", "tail", "-n", "100", "-o", "json"))
    # What the first tail read is in the log; what this one reads is left out.
    assert [each["position"] for each in found] == list(range(len(found)))


def test_search_shows_the_newest_first(cli):
    for name in ("k1", "k2", "k3"):
        cli.does("key", "create", name)
    found = entries(cli.does("audit", "search", "--action", "key.create", "-o", "json"))
    assert [each["object"] for each in found] == ["key/k3", "key/k2", "key/k1"]
    first = cli("audit", "search", "--action", "key.create", "--limit", "2", "-o", "json")
    assert [each["object"] for each in entries(first.out)] == ["key/k3", "key/k2"]
    token = re.search(r"--page-token (\d+)", first.err)[1]
    second = cli("audit", "search", "--action", "key.create", "--page-token", token, "-o", "json")
    assert [each["object"] for each in entries(second.out)] == ["key/k1"]
    assert second.err == ""


def test_search_ends_at_the_first_entry(cli, monkeypatch):
    monkeypatch.setattr(limits, "PAGE_ITEMS_MAX", 2)
    for _ in range(3):
        cli.does("whoami")
    found = entries(cli.does("audit", "search", "--all", "-o", "json"))
    positions = [each["position"] for each in found]
    assert positions == sorted(positions, reverse=True)
    assert positions[-1] == 0
    beyond = cli("audit", "search", "--page-token", "0")
    assert (beyond.code, beyond.out, beyond.err) == (0, "", "There is no such entry.\n")


def test_rare_entry_is_found_backwards_too(cli, monkeypatch):
    cli.app("key", "rotate", "demo")
    monkeypatch.setattr(search, "_COST_MAX", 3)
    for _ in range(10):
        cli.does("whoami")
    found = entries(cli.does("audit", "search", "--principal", "app", "-o", "json"))
    assert [each["action"] for each in found] == ["key.rotate"]
    assert cli("audit", "search", "--principal", "nobody").err == "There is no such entry.\n"


def test_an_entry_is_shown_by_its_position_or_its_request(cli):
    refused = cli.app("key", "disable", "demo")
    request = refused.err.split("strongroom why ")[1].strip()
    by_request = cli.does("audit", "show", request, "-o", "json")
    event = json.loads(by_request)
    assert (event["request"], event["outcome"]) == (request, "refused")
    assert cli.does("audit", "show", str(event["position"]), "-o", "json") == by_request
    text = cli("audit", "show", request)
    for said in ("missing", "no policy permits key.disable", "not-allowed", event["leaf_hash"]):
        assert said in text.out
    assert f"strongroom audit receipt {request}" in text.err


def test_an_entry_is_shown_with_what_it_changed(cli):
    cli.does("key", "create", "k", "--algorithm", "aes-256-gcm")
    (event,) = entries(cli.does("audit", "list", "--action", "key.create", "-o", "json"))
    text = cli.does("audit", "show", str(event["position"]))
    assert re.search(r"^algorithm +aes-256-gcm$", text, re.MULTILINE)
    assert re.search(r"^policies +role:administrator$", text, re.MULTILINE)
    for record in event["records"]:
        assert f"changed     {record}" in text


def test_what_is_erasable_is_shown_until_it_is_erased(cli):
    cli.does("namespace", "update", "--private-sources")
    cli.does("key", "create", "k")
    (event,) = entries(cli.does("audit", "list", "--action", "key.create", "-o", "json"))
    position = str(event["position"])
    assert re.search(
        r"^source \(can be erased\) +127\.0\.0\.1$",
        cli.does("audit", "show", position),
        re.MULTILINE,
    )
    cli.does("audit", "erase-details", "--yes")
    after = cli("audit", "show", position)
    assert "127.0.0.1" not in after.out
    assert "have been erased" in after.err


@pytest.mark.parametrize("entry", ["999", "f" * 32, "9" * 18])
def test_an_entry_that_is_not_there_is_not_found(cli, entry):
    result = cli("audit", "show", entry)
    assert (result.code, result.out) == (5, "")
    assert result.err.startswith("Not found: entry ")


@pytest.mark.parametrize("entry", ["xyz", "-1", "9" * 40, ""])
def test_what_names_no_entry_is_refused(cli, entry):
    result = cli("audit", "show", entry)
    assert result.code in {1, 2}
    assert result.out == ""


def test_no_entry_is_said_so(cli):
    result = cli("audit", "list", "--principal", "nobody")
    assert (result.code, result.out) == (0, "")
    assert "There is no such entry." in result.err


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["list", "--since", "yesterday"], 1),
        (["list", "--since", "2026-01-31T12:00:00"], 1),
        (["list", "--outcome", "maybe"], 1),
        (["list", "--action", "key.fly"], 1),
        (["list", "--request", "xyz"], 1),
        (["list", "--limit", "0"], 2),
        (["list", "--page-token", "x"], 1),
        (["tail", "--lines", "-1"], 2),
        (["tail", "--since", "yesterday"], 1),
    ],
)
def test_refusal_has_its_code(cli, arguments, code):
    result = cli("audit", *arguments)
    assert (result.code, result.out) == (code, "")
    assert result.err


def test_application_may_not_read_the_log(cli):
    assert cli.app("audit", "list").code == 4
    assert cli.app("audit", "tail").code == 4


def test_tail_shows_the_newest(cli):
    for _ in range(5):
        cli.does("whoami")
    cli.does("key", "list")
    found = entries(cli.does("audit", "tail", "-n", "2", "-o", "json"))
    assert [each["action"] for each in found] == ["identity.read", "key.list"]
    assert cli.does("audit", "tail", "-n", "0") == ""


class Following:
    """`audit tail -f` in the background."""

    def __init__(self, *arguments):
        self.process = subprocess.Popen(
            [sys.executable, "-m", "strongroom.cli", "audit", "tail", "-f", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(SOURCE)},
            text=True,
        )
        self.lines = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with self.process:  # closes its pipes
            self.process.kill()
        self._reader.join(60)

    def _read(self):
        for line in self.process.stdout:
            self.lines.append(line)

    def wait_for(self, text):
        deadline = time.monotonic() + 60
        while not any(text in line for line in self.lines):
            assert time.monotonic() < deadline, (text, self.lines)
            time.sleep(0.05)

    def interrupt(self):
        self.process.send_signal(signal.SIGINT)
        code = self.process.wait(60)
        self._reader.join(60)
        return code, self.process.stderr.read()


def test_following_shows_new_entries_but_not_its_own_and_ends_quietly(cli):
    with Following("--output", "json") as follower:
        follower.wait_for("namespace.create")
        cli.does("key", "create", "k1")
        follower.wait_for("key/k1")
        cli.does("key", "create", "k2")
        follower.wait_for("key/k2")
        assert follower.interrupt() == (130, "")
    actions = [json.loads(line)["action"] for line in follower.lines]
    assert actions == ["namespace.create", "key.create", "key.create"]


def test_following_waits_while_the_server_is_away(cli, server):
    with Following() as follower:
        follower.wait_for("namespace.create")
        server.away = True
        asked = len(server.asked)
        while len(server.asked) < asked + 2:  # it was told so, and asks again
            time.sleep(0.05)
        server.away = False
        cli.does("key", "create", "k1")
        follower.wait_for("key/k1")
        code, err = follower.interrupt()
    assert code == 130
    assert err == "The server does not answer; trying again.\n"


def test_following_ends_when_its_reader_does(cli):
    command = (
        f"{sys.executable} -m strongroom.cli audit tail -f | head -n 1; echo ${{PIPESTATUS[0]}}"
    )
    with subprocess.Popen(
        ["/bin/bash", "-c", command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
        text=True,
    ) as process:
        assert "namespace.create" in process.stdout.readline()
        # The pipe breaks at the next entry, whichever that is.
        deadline = time.monotonic() + 60
        while process.poll() is None and time.monotonic() < deadline:
            cli.does("whoami")
            time.sleep(0.2)
        out, err = process.communicate(timeout=60)
    assert (out, err) == ("141\n", "")
