"""Dialogues with the command line, as text: each `*.txt` here is typed to a shell and compared.

    $ what is typed (one bash command; a line that ends in \\ goes on)
    what comes on standard output
    ! what comes on standard error
    [4]                                    the exit code, where it is not 0

`#` begins a remark. What differs each time is a word in angle brackets: `<time>`, `<id>`,
`<token>`. `<id:decision>` remembers what it was; from then on `<decision>` is that.

The shell has `strongroom` and `strongroom-verify`, and as variables STRONGROOM_URL,
STRONGROOM_TOKEN (the administrator's) and APP (a token that may use keys and manage none).
"""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.standin import StandIn

HERE = Path(__file__).parent
SOURCE = HERE.parent.parent / "src"

PATTERNS = {
    "time": r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:\.\d+)?Z",
    "id": r"[0-9a-f]{32}",
    "hash": r"[0-9a-f]{64}",
    "token": r"srt_[a-z2-7]{72}",
    "token-id": r"[a-z2-7]{16}",
    "base64": r"[A-Za-z0-9+/]+=*",
    "access-key": r"SRAK[A-Z2-7]{16}",
    "session-key": r"SRSK[A-Z2-7]{16}",
    "session-token": r"srs_[a-z2-7]{52}",
    "secret": r"[A-Za-z0-9+/]{40}",
    "base64url": r"[A-Za-z0-9_-]+",
    "n": r"[0-9,]+",
    "home": r"/\S*/home",
    "otp": r"otp-[a-z2-7]{26}",
    "link": r"http://127\.0\.0\.1:\d+/enrol/otl_[A-Za-z0-9_-]{86}",
    "url": r"http://127\.0\.0\.1:\d+",
}


class Turn:
    """One command, what it says, and how it ends."""

    def __init__(self, command):
        self.command = command
        self.out, self.err, self.code = [], [], 0


def turns(text):
    """The dialogue in a text."""
    found = []
    going_on = False
    for line in text.splitlines():
        if going_on:
            found[-1].command += "\n" + line
        elif line.startswith("$ "):
            found.append(Turn(line[2:]))
        elif line.startswith("! "):
            found[-1].err.append(line[2:])
        elif re.fullmatch(r"\[\d+\]", line):
            found[-1].code = int(line[1:-1])
        elif not line.startswith("#") and (line or (found and found[-1].out)):
            found[-1].out.append(line)
            continue
        going_on = line.endswith("\\") and (going_on or line.startswith("$ "))
    for turn in found:
        # Blank lines before the next command are there for the reader.
        while turn.out and not turn.out[-1]:
            turn.out.pop()
    return found


def compare(expected, said, remembered):
    """Fail unless the lines are as expected; remember what was to be remembered."""
    pattern = ""
    groups = []
    for part in re.split(r"(<[a-z0-9-]+(?::[a-z]+)?>)", "\n".join(expected)):
        kind, _, name = part[1:-1].partition(":")
        if part.startswith("<") and kind in remembered:
            pattern += re.escape(remembered[kind])
        elif part.startswith("<") and kind in PATTERNS:
            pattern += f"({PATTERNS[kind]})"
            groups.append(name)
        else:
            pattern += re.escape(part)
    match = re.fullmatch(pattern, "\n".join(said))
    # Compared as text when it does not match, so that the difference can be read.
    assert match is not None or said == expected
    if match is not None:
        remembered.update(
            {name: value for name, value in zip(groups, match.groups(), strict=True) if name}
        )


@pytest.fixture
def shell(tmp_path):
    """A function that types a command."""
    programs, home = tmp_path / "bin", tmp_path / "home"
    programs.mkdir()
    home.mkdir()
    for name, module in (("strongroom", "cli"), ("strongroom-verify", "verify")):
        program = programs / name
        program.write_text(
            f"#!/bin/sh\nPYTHONPATH={shlex.quote(str(SOURCE))} exec {shlex.quote(sys.executable)}"
            f' -m strongroom.{module} "$@"\n'
        )
        program.chmod(0o755)
    with StandIn(tmp_path / "store.db") as server:
        environment = {
            "PATH": f"{programs}:{os.environ['PATH']}",
            "HOME": str(home),
            "LC_ALL": "C.UTF-8",
            "STRONGROOM_URL": server.url,
            "STRONGROOM_TOKEN": server.admin,
            "APP": server.app,
        }

        def type_(command):
            return subprocess.run(
                ["/bin/bash", "-c", command],
                cwd=home,
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=60,
                check=False,
                text=True,
            )

        yield type_


@pytest.mark.parametrize("transcript", sorted(HERE.glob("*.txt")), ids=lambda path: path.stem)
def test_dialogue_goes_as_written(transcript, shell):
    remembered = {}
    dialogue = turns(transcript.read_text())
    assert dialogue
    for turn in dialogue:
        command = turn.command
        for name, value in remembered.items():
            command = command.replace(f"<{name}>", value)
        ended = shell(command)
        print(f"$ {command}")  # noqa: T201 - shown when the comparison fails
        compare(turn.out, ended.stdout.splitlines(), remembered)
        compare(turn.err, ended.stderr.splitlines(), remembered)
        assert ended.returncode == turn.code, ended


def test_difference_is_found():
    with pytest.raises(AssertionError):
        compare(["made <time>"], ["made yesterday"], {})
    with pytest.raises(AssertionError):
        compare(["<id>"], [], {})
    with pytest.raises(AssertionError):
        compare(["<decision>"], ["0" * 32], {"decision": "1" * 32})
    compare(["<base64>", "<base64>"], ["AAAA", "AA=="], {})
    compare(["<id:decision>", "<decision>"], ["0" * 32, "<decision>"], remembered := {})
    assert remembered == {"decision": "0" * 32}


def test_dialogue_is_read_with_its_parts():
    (first, second) = turns("# remark\n$ a \\\n  b\nout\n\nmore\n! err\n[4]\n\n$ c\n")
    assert first.command == "a \\\n  b"
    assert (first.out, first.err, first.code) == (["out", "", "more"], ["err"], 4)
    assert (second.command, second.out, second.code) == ("c", [], 0)
