"""What each running room looks like from outside."""

import os
import resource
from pathlib import Path

import pytest

from tests.support.nodes import Node


@pytest.fixture(scope="module")
def rooms(tmp_path_factory):
    with Node(tmp_path_factory.mktemp("node") / "data", gates=2, custodians=2) as node:
        yield node.client().rooms()


def _status(pid):
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return dict(line.split(":\t", 1) for line in lines if ":\t" in line)


def _measures(room):
    return {each["measure"]: each for each in room["hardening"]}


def test_all_rooms_run(rooms):
    assert set(rooms) == {
        "supervisor", "gate-1", "gate-2", "custodian-1", "custodian-2", "ledger", "courier",
    }  # fmt: skip


def test_no_room_leaves_a_core_dump(rooms):
    for room in rooms.values():
        assert resource.prlimit(room["pid"], resource.RLIMIT_CORE) == (0, 0)


def test_no_room_gains_privileges_and_each_worker_is_sealed(rooms):
    for name, room in rooms.items():
        status = _status(room["pid"])
        assert status["NoNewPrivs"] == "1", name
        if name != "supervisor":
            assert status["Seccomp"] == "2", name


def test_no_worker_has_a_capability_or_can_get_one(rooms):
    for name, room in rooms.items():
        if name == "supervisor":
            continue
        status = _status(room["pid"])
        for each in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
            assert int(status[each], 16) == 0, (name, each)
        if os.geteuid() == 0:
            assert int(status["CapBnd"], 16) == 0, name


def test_custodian_is_in_a_network_of_its_own_or_says_why_not(rooms):
    for name in ("custodian-1", "custodian-2"):
        measure = _measures(rooms[name])["network-namespace"]
        if measure["active"]:
            mine = os.readlink("/proc/self/ns/net")
            assert os.readlink(f"/proc/{rooms[name]['pid']}/ns/net") != mine
        else:
            assert measure["note"]


def test_custodian_holds_no_file_of_ours_and_no_listening_socket(rooms):
    """Its descriptors are pipes to other rooms, the loop's own, and the count of its memory."""
    pid = rooms["custodian-1"]["pid"]
    for number in os.listdir(f"/proc/{pid}/fd"):
        target = os.readlink(f"/proc/{pid}/fd/{number}")
        if int(number) <= 2:
            continue
        assert target.startswith(("socket:", "anon_inode:", "pipe:")) or target.endswith(
            "/statm"
        ), target


def test_every_measure_that_is_not_in_force_says_why(rooms):
    for name, room in rooms.items():
        measures = _measures(room)
        assert {"no-core-dumps", "not-dumpable", "no-new-privileges"} <= set(measures), name
        for measure in measures.values():
            assert measure["active"] or measure["note"], (name, measure)


def test_no_secret_is_an_argument_or_in_the_environment_of_a_room(rooms):
    for name, room in rooms.items():
        if name == "supervisor":
            continue
        command = Path(f"/proc/{room['pid']}/cmdline").read_bytes()
        environment = Path(f"/proc/{room['pid']}/environ").read_bytes()
        assert b"srt_" not in command + environment
        names = {line.partition(b"=")[0] for line in environment.split(b"\0") if line}
        assert names <= {b"PYTHONPATH", b"LANG", b"PATH", b"LC_CTYPE"}
