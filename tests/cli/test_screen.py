"""What is shown, and how it is made harmless."""

import json
import re
import unicodedata

import pytest

from strongroom.cli import node, screen
from tests.cli.conftest import on_a_terminal


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("grün 鍵 😀", "grün 鍵 😀"),
        ("\x1b[31mred", "\\u001b[31mred"),
        ("a\nb\tc\rd", "a\\nb\\tc\\rd"),
        ("\x7f\x80\x9b", "\\u007f\\u0080\\u009b"),
        ("\u202eevil\u2066", "\\u202eevil\\u2066"),
        ("zero\u200bwidth\ufeff", "zero\\u200bwidth\\ufeff"),
        ("\u2028\u2029", "\\u2028\\u2029"),
        ("\ud800", "\\ud800"),
        ("\U000e0041", "\\udb40\\udc41"),
        ("", ""),
    ],
)
def test_what_could_command_a_terminal_is_spelt_out(text, shown):
    assert screen.neutral(text) == shown


def test_lines_and_tabs_are_kept_where_asked_for():
    assert screen.neutral("a\r\n\tb\x1b", lines=True) == "a\n\tb\\u001b"
    assert screen.neutral("over\rwritten", lines=True) == "over\\rwritten"


def test_json_stays_the_same_json_whatever_is_in_it():
    value = ["".join(map(chr, range(start, start + 0x800))) for start in range(0, 0xD800, 0x800)]
    value += ["\ud800", "\U000e0001\U000e007f", "\U0001f600"]
    text = screen.neutral(json.dumps(value, ensure_ascii=False))
    assert json.loads(text) == value
    assert not any(unicodedata.category(each) in {"Cc", "Cf", "Cs", "Zl", "Zp"} for each in text)


def test_moment_is_shortened_and_anything_else_left():
    assert screen.moment("2026-01-31T12:00:00.123456Z") == "2026-01-31 12:00:00Z"
    assert screen.moment("2026-01-31T12:00:00Z") == "2026-01-31 12:00:00Z"
    assert screen.moment("\x1bsoon") == "\\u001bsoon"


def test_token_in_a_message_is_cut_off(capsys):
    token = "srt_" + "a" * 72
    screen.failed(f"What is {token}?", f"{token}")
    screen.note(f"x={token};")
    assert capsys.readouterr().err == "What is srt_...?\n  srt_...\nx=srt_...;\n"


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, "0s"), (59, "59s"), (61, "1m 1s"), (7_200, "2h 0m"), (90_000, "1d 1h")],
)
def test_duration_has_its_two_largest_units(seconds, shown):
    assert node._duration(seconds) == shown


def test_hostile_name_on_a_terminal_is_harmless_in_facts_and_tables(cli):
    cli.does("key", "create", "k", "--label", "x=\x1b]0;owned\x07\u202e", "--description", "a\nb")
    for arguments in (["key", "show", "k"], ["key", "list"]):
        code, shown, _ = on_a_terminal(arguments, columns=120)
        text = re.sub(r"\x1b\[[0-9;]*m", "", shown.decode())  # the colours are ours
        assert code == 0
        assert "\\u001b]0;owned\\u0007\\u202e" in text
        assert not any(character in text for character in "\x1b\x07\u202e")


def test_status_shows_rooms_and_what_does_not_hold(cli, server):
    server.rooms = [
        room("gate-1", no_core_dumps=True, seccomp=True),
        room("ledger", no_core_dumps=True, seccomp=False),
    ]
    result = cli("status")
    assert result.code == 0
    lines = [line.split() for line in result.out.splitlines()]
    assert ["name", "pid", "up", "restarts", "memory"] in lines
    assert ["gate-1", "7", "1m", "1s", "0", "42", "MiB"] in lines
    assert ["hardening", "gate-1", "ledger"] in lines
    assert ["seccomp", "yes", "no"] in lines
    assert result.err == "seccomp: the kernel has none (ledger)\n"


def room(name, **measures):
    return {
        "name": name, "pid": 7, "seconds": 61, "restarts": 0, "memory_mib": 42,
        "hardening": [
            {"measure": measure, "active": active, "note": "" if active else "the kernel has none"}
            for measure, active in measures.items()
        ],
    }  # fmt: skip


def test_status_of_a_node_that_is_of_another_version_is_shown_all_the_same(cli, server):
    server.rooms = [{"name": "gate-1", "colour": "red"}, {"name": "\x1bx", "hardening": []}]
    shown = cli.does("status")
    assert "colour" in shown
    assert "\\u001bx" in shown
