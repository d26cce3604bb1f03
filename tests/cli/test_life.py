"""`strongroom key ...`: dates, bounds, the steps of a life; aliases, the namespace, the JWK set."""

import json
import os
import pty
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from strongroom.cli import key_view
from strongroom.cli.session import Session
from strongroom.cli.settings import Common
from strongroom.domain import asks
from tests.cli.conftest import SOURCE


def fact(shown, name):
    """The value in a line of facts; None if there is no such line."""
    found = re.search(rf"^{re.escape(name)}  +(.*)$", shown, re.MULTILINE)
    return found and found[1]


def asked_at_a_terminal(arguments, typed):
    """Run with a terminal for standard input; exit code, output, and what was said."""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "strongroom.cli", *arguments],
        stdin=slave, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
    )  # fmt: skip
    os.close(slave)
    os.write(master, typed)
    out, err = process.communicate(timeout=120)
    os.close(master)
    return process.returncode, out.decode(), err.decode()


def in_days(days):
    return f"{datetime.now(UTC) + timedelta(days=days):%Y-%m-%d}"


# --- dates and bounds -----------------------------------------------------------------------------


def test_times_count_from_now_or_are_said_whole(cli):
    shown = cli.does("key", "create", "k", "--activates", "+30d", "--deactivates", "+8760h")
    now = datetime.now(UTC)
    for name, days in (("activates", 30), ("deactivates", 365)):
        at = datetime.fromisoformat(fact(shown, name))
        assert abs(at - now - timedelta(days=days)) < timedelta(minutes=1)
    shown = cli.does("key", "update", "k", "--activates", "2090-01-01T00:00:00+01:00",
                     "--deactivates", "never")  # fmt: skip
    assert fact(shown, "activates") == "2089-12-31 23:00:00Z"
    assert fact(shown, "deactivates") is None
    shown = cli.does("key", "update", "k", "--activates", "now")
    assert (fact(shown, "state"), fact(shown, "activates")) == ("active", None)


def test_only_what_matters_is_shown(cli):
    shown = cli.does("key", "create", "k", "--algorithm", "ed25519")
    names = [line.split()[0] for line in shown.splitlines()]
    assert names == [
        "name", "state", "version", "algorithm", "purpose", "protection", "created", "id",
    ]  # fmt: skip


def test_bounds_are_shown_and_replaced_as_a_whole(cli):
    words = ["--allow-operation", "key.encrypt", "--allow-operation", "key.decrypt",
             "--not-before", "2026-01-01T00:00:00Z", "--not-after", "2090-01-01T00:00:00Z",
             "--uses-max", "10000", "--rate", "100/60", "--require-context", "tenant"]  # fmt: skip
    shown = cli.does("key", "create", "k", *words)
    assert fact(shown, "only for") == "key.encrypt, key.decrypt"
    assert fact(shown, "not before") == "2026-01-01 00:00:00Z"
    assert fact(shown, "not after") == "2090-01-01 00:00:00Z"
    assert fact(shown, "uses") == "at most 10,000"
    assert fact(shown, "rate") == "100 in any 60 seconds"
    assert fact(shown, "context") == "must have tenant"
    shown = cli.does("key", "update", "k", "--rate", "1/1")
    assert (fact(shown, "rate"), fact(shown, "context")) == ("1 in any 1 second", None)
    shown = cli.does("key", "update", "k", "--description", "x")
    assert fact(shown, "rate") == "1 in any 1 second"
    assert fact(cli.does("key", "update", "k", "--no-bounds"), "rate") is None


def test_rotation_is_shown_with_its_next_date(cli):
    shown = cli.does("key", "create", "k", "--rotation-days", "1", "--rotation-uses", "1000")
    assert fact(shown, "rotation").startswith("every 1 day, after 1,000 uses, next ")
    shown = cli.does("key", "update", "k", "--rotation-days", "0")
    assert fact(shown, "rotation") == "after 1,000 uses"
    cli.does("key", "update", "k", "--rotation-uses", "0")
    assert fact(cli.does("key", "show", "k"), "rotation") is None


def test_key_used_too_often_ends_as_unavailable(cli):
    cli.does("key", "create", "k", "--rate", "1/3600")
    cli.does("encrypt", "k", stdin=b"x")
    result = cli("encrypt", "k", stdin=b"x")
    assert (result.code, result.out) == (7, "")
    assert "as often as its rate limit allows" in result.err
    assert "strongroom key show" in result.err


def test_old_versions_are_retired(cli):
    old = cli.does("encrypt", "demo", stdin=b"x").encode()
    cli.does("key", "rotate", "demo")
    assert fact(cli.does("key", "update", "demo", "--min-version", "2"), "min version") == "2"
    assert cli("decrypt", stdin=old).code == 6
    cli.does("key", "update", "demo", "--min-version", "1")
    assert cli.does("decrypt", stdin=old) == "x"


# --- steps ----------------------------------------------------------------------------------------


def test_destruction_is_scheduled_and_cancelled(cli):
    result = cli("key", "schedule-destruction", "demo", "--days", "9")
    assert result.code == 0
    when = fact(result.out, "destroys")
    assert datetime.fromisoformat(when) - datetime.now(UTC) > timedelta(days=8)
    assert f"before {when}: strongroom key cancel-destruction demo" in result.err
    assert cli("encrypt", "demo", stdin=b"x").code == 6
    assert cli("key", "rotate", "demo").code == 6
    back = cli.does("key", "cancel-destruction", "demo")
    assert (fact(back, "state"), fact(back, "destroys")) == ("suspended", None)


def test_protected_key_is_not_destroyed(cli):
    assert "protected" in cli.does("key", "create", "k", "--deletion-protection")
    result = cli("key", "schedule-destruction", "k")
    assert result.code == 6
    assert "deletion protection is on" in result.err
    cli.does("key", "update", "k", "--no-deletion-protection")
    cli.does("key", "schedule-destruction", "k")


def test_step_of_one_version_leaves_the_others(cli):
    cli.does("key", "rotate", "demo")
    result = cli("key", "schedule-destruction", "demo", "--key-version", "1")
    rows = [line.split() for line in result.out.splitlines()[-2:]]
    assert [row[:2] for row in rows] == [["2", "active"], ["1", "destruction-scheduled"]]
    assert rows[1][4:7] == ["to", "be", "destroyed"]
    assert "cancel-destruction demo --key-version 1" in result.err
    assert fact(result.out, "state") == "active"
    cli.does("key", "cancel-destruction", "demo", "--key-version", "1")
    shown = cli.does("key", "deactivate", "demo", "--key-version", "1")
    assert shown.splitlines()[-1].split()[:2] == ["1", "deactivated"]
    assert cli("key", "enable", "demo", "--key-version", "1").code == 6
    assert cli("key", "disable", "demo", "--key-version", "7").code == 5


@pytest.mark.parametrize("words", [["schedule-destruction", "demo"], ["mark-compromised", "demo"],
                                   ["schedule-destruction", "demo", "--days", "8"]])  # fmt: skip
@pytest.mark.parametrize(("typed", "goes_on"), [(b"y\n", True), (b"yes\n", True), (b"\n", False),
                                                (b"n\n", False), (b"\x04", False)])  # fmt: skip
def test_at_a_terminal_it_asks_before_it_ends_a_key(cli, server, words, typed, goes_on):
    asked, days = len(server.asked), [in_days(8)]
    code, out, err = asked_at_a_terminal(["key", *words], typed)
    days.append(in_days(8))  # another one, if midnight has passed
    assert "Go on? [y/N]" in err
    said = "no way back" if words[0] == "mark-compromised" else "erased for good"
    assert said in err.splitlines()[0]
    if "--days" in words:
        assert any(f"in 8 days, on {day}" in err for day in days)
    assert (code, bool(out)) == ((0, True) if goes_on else (1, False))
    assert server.asked[asked:] == ([f"key.{words[0]}"] if goes_on else [])


def test_at_a_terminal_it_does_not_ask_twice(cli):
    for words in (["mark-compromised", "demo", "--yes"], ["mark-compromised", "demo"]):
        more = [] if "--yes" in words else ["--print-curl"]
        code, _, err = asked_at_a_terminal(["key", *words, *more], b"")
        assert (code, "Go on?" in err) == (0, False)


# --- usage ----------------------------------------------------------------------------------------


def test_usage_shows_who_still_needs_what(cli):
    old = cli.does("encrypt", "demo", stdin=b"x").encode()
    cli.does("key", "rotate", "demo")
    result = cli("key", "usage", "demo", "--days", "2")
    rows = [re.split(r"  +", line) for line in result.out.splitlines()]
    assert rows[0] == ["version", "uses", "last used", "safe to retire", "used by"]
    assert rows[1] == ["2", "0", "not since", "no"]
    assert (rows[2][:2], rows[2][3:]) == (["1", "1"], ["no", "admin (1)"])
    assert re.fullmatch(r"Since \d{4}-\d\d-\d\d: 1 in all\.\n", result.err)
    cli.does("decrypt", stdin=old)
    whole = json.loads(cli.does("key", "usage", "demo", "-o", "json"))
    assert sum(day["uses"] for day in whole["versions"][1]["by_day"]) == 2


def test_unused_version_is_safe_to_retire(cli):
    cli.does("key", "create", "k")
    cli.does("key", "rotate", "k")
    last = cli.does("key", "usage", "k").splitlines()[-1]
    assert re.split(r"  +", last) == ["1", "0", "not since", "yes"]


# --- lists and other names ------------------------------------------------------------------------


def test_list_shows_what_matches_everything(cli):
    cli.does("key", "create", "pay-1", "--label", "team=pay", "--algorithm", "ed25519")
    cli.does("key", "create", "pay-2", "--label", "team=pay", "--description", "Card numbers")

    def found(*words):
        return [line.split()[0] for line in cli.does("key", "list", *words).splitlines()[1:]]

    assert found("--label", "team") == ["pay-1", "pay-2"]
    assert found("--label", "team=pay", "--purpose", "sign-verify") == ["pay-1"]
    assert found("--search", "CARD") == ["pay-2"]
    assert found("--algorithm", "ed25519", "--state", "active") == ["pay-1"]
    empty = cli("key", "list", "--label", "team=none")
    assert (empty.code, empty.out, empty.err) == (0, "", "There is no such key.\n")
    assert json.loads(cli.does("key", "list", "--search", "x y", "-o", "json"))["keys"] == []


def test_filtered_list_goes_on_page_by_page(cli):
    for number in range(3):
        cli.does("key", "create", f"k{number}", "--label", "a=b")
    first = cli("key", "list", "--label", "a", "--limit", "2")
    assert len(first.out.splitlines()) == 3
    token = first.err.split("--page-token ")[1].split()[0]
    rest = cli.does("key", "list", "--label", "a", "--page-token", token)
    assert [line.split()[0] for line in rest.splitlines()] == ["name", "k2"]
    whole = json.loads(cli.does("key", "list", "--label", "a", "--all", "-o", "json"))
    assert len(whole["keys"]) == 3


def test_alias_stands_for_the_key_that_it_was_moved_to(cli):
    cli.does("key", "create", "second")
    assert "alias:current is demo" in cli("alias", "set", "current", "demo").err
    sealed = cli.does("encrypt", "alias:current", stdin=b"x").encode()
    cli.does("alias", "set", "current", "second")
    assert fact(cli.does("key", "show", "alias:current"), "name") == "second"
    assert cli.does("decrypt", "--key", "demo", stdin=sealed) == "x"
    assert cli.does("alias", "list").splitlines()[1].split()[:2] == ["alias:current", "second"]
    assert json.loads(cli.does("alias", "list", "-o", "json"))["aliases"][0]["key"] == "second"
    cli.does("alias", "delete", "current")
    assert cli("encrypt", "alias:current", stdin=b"x").code == 5
    assert cli("alias", "list").out == ""


def test_namespace_shows_what_holds_in_it(cli):
    shown = cli.does("namespace", "update", "--destruction-days-min", "20", "--publish-keys")
    assert fact(shown, "destruction") == "waits 20 days at least"
    assert fact(shown, "public keys") == "published"
    assert cli.does("namespace", "show") == shown
    assert cli("key", "schedule-destruction", "demo", "--days", "19").code == 1
    shown = cli.does("namespace", "update", "--key-profile", "approved", "--no-publish-keys")
    assert (fact(shown, "key profile"), fact(shown, "public keys")) == ("approved", "not published")
    assert cli("key", "create", "k", "--algorithm", "chacha20-poly1305").code == 1


def test_jwk_set_is_the_own_or_a_published_one(cli):
    cli.does("key", "create", "letters", "--algorithm", "ec-p256")
    own = json.loads(cli.does("jwks"))
    assert [key["kid"] for key in own["keys"]] == ["letters/1"]
    assert cli("jwks", "--namespace", "default").code == 5
    cli.does("namespace", "update", "--publish-keys")
    assert json.loads(cli.does("jwks", "--namespace", "default")) == own


# --- refusals -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["create", "k", "--activates", "tomorrow"], 2, "--activates takes a time, such as"),
        (["create", "k", "--activates", "30d"], 2, "+30d"),
        (["create", "k", "--activates", "+30m"], 2, "--activates takes a time"),
        (["create", "k", "--activates", "+999999d"], 2, "--activates takes a time"),
        (["create", "k", "--activates", "2090-01-01"], 2, "--activates takes a time"),
        (["create", "k", "--activates", ""], 2, "--activates takes a time"),
        (["create", "k", "--not-after", "soon"], 2, "--not-after takes a time"),
        (["create", "k", "--not-before", "+2d", "--not-after", "+1d"], 2, "must come before"),
        (["create", "k", "--activates", "+2d", "--deactivates", "+1d"], 1, "must come before"),
        (["create", "k", "--deactivates", "2026-01-01T00:00:00Z"], 1, "$.deactivates"),
        (["create", "k", "--rate", "5"], 2, "--rate takes N/SECONDS"),
        (["create", "k", "--rate", "0/60"], 2, "--rate takes N/SECONDS"),
        (["create", "k", "--rate", "5/0"], 2, "--rate takes N/SECONDS"),
        (["create", "k", "--rate", "-5/60"], 2, "--rate takes N/SECONDS"),
        (["create", "k", "--rate", "5/9999"], 1, "$.control.rate_seconds"),
        (["create", "k", "--uses-max", "0"], 2, "--uses-max"),
        (["create", "k", "--allow-operation", "key.delete"], 1, "$.control.operations"),
        (["create", "k", "--rotation-uses", "5"], 1, "rotation_uses is 0 or at least 100"),
        (["create", "k", "--rotation-days", "-1"], 2, "--rotation-days"),
        (["create", "k", "--rotation-days", "9999"], 2, "--rotation-days"),
        (["create", "k", "--origin", "stolen"], 1, "$.origin"),
        (["create", "alias:k"], 1, "$.name"),
        (["update", "demo"], 2, "nothing to change"),
        (["update", "demo", "--no-bounds", "--rate", "1/1"], 2, "contradict each other"),
        (["update", "demo", "--min-version", "2"], 1, "$.min_version"),
        (["update", "demo", "--min-version", "0"], 2, "--min-version"),
        (["update", "demo", "--activates", "+1d"], 6, "has been activated"),
        (["update", "alias:nowhere", "--min-version", "1"], 5, "key.update alias:nowhere"),
        (["show", "alias:"], 2, "Not a name"),
        (["schedule-destruction", "demo", "--days", "6"], 2, "--days"),
        (["schedule-destruction", "demo", "--days", "366"], 2, "--days"),
        (["schedule-destruction", "nowhere", "--yes"], 5, "Not found"),
        (["schedule-destruction"], 2, "Missing argument 'NAME'"),
        (["cancel-destruction", "demo"], 6, "cannot cancel-destruction"),
        (["enable", "demo", "--key-version", "0"], 2, "--key-version"),
        (["usage", "demo", "--days", "0"], 2, "--days"),
        (["usage", "nowhere"], 5, "Not found"),
        (["list", "--state", "asleep"], 1, "$.state"),
        (["list", "--algorithm", "rot13"], 1, "$.algorithm"),
    ],
)
def test_refusal_says_what_and_has_its_code(cli, arguments, code, said):
    result = cli("key", *arguments)
    assert (result.code, result.out) == (code, "")
    assert said in result.err


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["alias", "set", "alias:x", "demo"], 2, "Not a name"),
        (["alias", "set", "x", "nowhere"], 5, "Not found: alias.write nowhere"),
        (["alias", "set", "x", "alias:y"], 1, "$.key"),
        (["alias", "delete", "nowhere"], 5, "Not found: alias.delete alias:nowhere"),
        (["alias", "set", "x"], 2, "Missing argument 'KEY'"),
        (["namespace", "update"], 2, "nothing to change"),
        (["namespace", "update", "--key-profile", "lax"], 1, "$.profile"),
        (["namespace", "update", "--destruction-days-min", "6"], 2, "--destruction-days-min"),
        (["jwks", "--namespace", "../keys"], 2, "Not a name"),
    ],
)
def test_refusal_of_other_commands(cli, arguments, code, said):
    result = cli(*arguments)
    assert (result.code, result.out) == (code, "")
    assert said in result.err


def test_application_may_end_nothing(cli):
    for words in (["schedule-destruction", "demo"], ["mark-compromised", "demo"],
                  ["update", "demo", "--no-bounds"], ["usage", "demo"]):  # fmt: skip
        assert cli.app("key", *words).code == 4, words
    assert cli.app("alias", "set", "x", "demo").code == 4
    assert cli.app("namespace", "show").code == 4


# --- what a server may say ------------------------------------------------------------------------


def test_hostile_words_of_a_key_reach_no_terminal(monkeypatch, capsys):
    """Whatever the server says of a key's dates and bounds, no line of it commands a terminal."""
    evil = "\x1b]0;owned\x07\u202e"
    version = asks.VersionView(
        version=1, state="active", created=evil, destroys=evil, destroyed="", expires="",
        material=True,
    )  # fmt: skip
    control = asks.ControlView(
        operations=[evil], not_before=evil, not_after=evil, uses_max=1, rate_uses=1,
        rate_seconds=1, required_context=[evil],
    )  # fmt: skip
    key = asks.KeyView(
        name=evil, id=evil, algorithm=evil, purpose=evil, protection=evil, origin=evil,
        state="pre-activation", current_version=1, labels={}, description=evil, created=evil,
        activates=evil, deactivates=evil, destroys="", destroyed=evil, min_version=2,
        rotation_days=1, rotation_uses=1, rotates=evil, exportable=True, deletion_protection=True,
        control=control, revision=1, versions=[version],
    )  # fmt: skip
    key_view.show(Session(Common()), key)
    out, err = capsys.readouterr()
    assert not set("\x1b\x07\u202e") & set(out + err)
    assert out.count("owned") > 12
