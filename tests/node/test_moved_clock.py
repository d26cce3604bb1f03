"""The clock is moved from outside, while a server runs: by libfaketime and a file."""

import os
import shutil
import subprocess
import sys
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from strongroom.node import moved_clock
from tests.support.nodes import ENVIRONMENT, Node

_DAYS = 400


def _library():
    """Where libfaketime is; what `faketime` puts before a program."""
    if shutil.which("faketime") is None:
        pytest.skip("SKIPPED LOUDLY: faketime is not installed (tools/install-test-packages.sh)")
    said = subprocess.run(["faketime", "-f", "+0", "env"], capture_output=True, check=True)
    lines = said.stdout.decode().splitlines()
    return next(line.partition("=")[2] for line in lines if line.startswith("LD_PRELOAD="))


def _days_from_now(text):
    """How many days from today a time is, as clocks go outside."""
    when = datetime.fromisoformat(text)
    return round((when - datetime.now(UTC)) / timedelta(days=1))


def _made(admin):
    made = admin.ask("POST", "/v1/keys", {"name": f"k{uuid.uuid4().hex[:20]}"})
    assert made.status == 201, made
    return made.json["created"]


def test_clock_that_a_file_moves_is_followed_both_ways_and_rooms_live_on(tmp_path, monkeypatch):
    moves = tmp_path / "clock"
    moves.write_text(f"+{_DAYS}d\n")
    for name, value in {
        "LD_PRELOAD": _library(), "FAKETIME_TIMESTAMP_FILE": str(moves), "FAKETIME_NO_CACHE": "1",
    }.items():  # fmt: skip
        monkeypatch.setitem(ENVIRONMENT, name, value)
    with Node(tmp_path / "data", custodians=2) as node:
        admin = node.client()
        rooms = {name: room["pid"] for name, room in admin.rooms().items()}
        assert _days_from_now(_made(admin)) == _DAYS
        for days in (_DAYS + 3, _DAYS + 1):
            moves.write_text(f"+{days}d\n")
            assert _days_from_now(_made(admin)) == days
        # Nothing that waits for seconds to pass has taken the leaps for them.
        assert {name: room["pid"] for name, room in admin.rooms().items()} == rooms
        # Whose seal is wider for it says so, and nobody else.
        wider = {
            name
            for name, room in admin.rooms().items()
            for measure in room["hardening"]
            if "what time it is" in measure["note"]
        }
        assert wider == {"custodian-1", "custodian-2"}


def test_room_gets_what_moves_the_clock_and_nothing_else_of_the_environment():
    outer = {"LD_PRELOAD": "/x/libfaketime.so.1", "FAKETIME": "+1d", "PGPASSWORD": "secret"}
    assert moved_clock.environment(outer) == {
        "LD_PRELOAD": "/x/libfaketime.so.1", "FAKETIME": "+1d", "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }  # fmt: skip
    assert moved_clock.environment({"LD_PRELOAD": "/x/jemalloc.so", "FAKETIME": "+1d"}) == {}
    assert moved_clock.environment({"FAKETIME": "+1d"}) == {}


def test_program_begins_again_with_a_steady_clock(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(
        "import sys, time; from strongroom.node import moved_clock; moved_clock.keep_steady();"
        "print(time.time(), time.monotonic(), sys.argv[1:])"
    )
    said = subprocess.run(
        [sys.executable, str(program), "an argument"],
        env={
            **os.environ, "PYTHONPATH": str(Path(moved_clock.__file__).parents[2]),
            "LD_PRELOAD": _library(), "FAKETIME": "+400d",
        },
        capture_output=True,
        check=True,
    )  # fmt: skip
    wall, steady, arguments = said.stdout.decode().split(maxsplit=2)
    now = datetime.now(UTC).timestamp()
    assert 399 < (float(wall) - now) / 86_400 < 401
    assert float(steady) < 300 * 86_400
    assert arguments.strip() == "['an argument']"
