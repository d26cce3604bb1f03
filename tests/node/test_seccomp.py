"""The seal on system calls: a process seals itself as a room and tries what it must not."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.nodes import Node

SOURCE = Path(__file__).parent.parent.parent / "src"

_ATTEMPTS = """
import ctypes, os, socket, subprocess, sys, threading
import concurrent.futures.thread
from strongroom.node import seccomp
from strongroom.node.rooms import Room
ctypes.CDLL(None).prctl(38, 1, 0, 0, 0)
inherited, other = socket.socketpair()
listening = socket.socket(); listening.bind(("127.0.0.1", 0)); listening.listen()
measure = seccomp.seal(Room(sys.argv[1]))
assert measure.active, measure.note

def tried(attempt):
    try:
        attempt()
    except PermissionError:
        return "refused"
    except BlockingIOError:
        return "done"
    return "done"

def dial():
    socket.socket().connect(listening.getsockname())

def accept():
    listening.setblocking(False)
    listening.accept()

def program():
    os.execve("/bin/true", ["true"], {})

def child():
    if os.fork() == 0:
        os._exit(0)

def thread():
    started = threading.Thread(target=lambda: None)
    started.start()
    started.join()

def line():
    inherited.send(b"x")
    assert other.recv(1) == b"x"

def remove():
    try:
        os.unlink("/nonexistent/file")
    except FileNotFoundError:
        pass

def read():
    open("/etc/passwd").close()

def signal():
    os.kill(os.getpid(), 0)

def trace():
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.ptrace(16, os.getppid(), 0, 0) and ctypes.get_errno() == 1:
        raise PermissionError

def ring():
    libc = ctypes.CDLL(None, use_errno=True)
    for number in (425, 426, 427):  # io_uring_setup, _enter, _register
        assert libc.syscall(number, -1, 0, 0, 0, 0, 0) == -1
        if ctypes.get_errno() != 1:
            return
    raise PermissionError

def listen():
    socket.socket().listen()

def resolve():
    # As the C library does it: from files, and it looks at the machine's addresses.
    try:
        socket.getaddrinfo("localhost", 443)
    except socket.gaierror:
        raise PermissionError

def allow():
    try:
        os.chmod("/nonexistent/file", 0o777)
    except FileNotFoundError:
        pass

def link():
    try:
        os.symlink("/etc/passwd", "/nonexistent/file")
    except FileNotFoundError:
        pass

names = "ring read remove allow link dial resolve listen accept child thread line signal trace"
for name in [*names.split(), "program"]:
    print(name, tried(globals()[name]), flush=True)
"""

# What each room may still do. Whatever is not here is refused.
_MAY = {
    "gate": {"read", "remove", "allow", "link", "resolve", "listen", "accept", "thread", "line"},
    "custodian": {"thread", "line"},
    # A name that is in a file is found without the network.
    "ledger": {"read", "remove", "allow", "link", "resolve", "thread", "line"},
    "courier": {"read", "remove", "dial", "resolve", "thread", "line"},
}


@pytest.mark.parametrize("room", sorted(_MAY))
def test_room_can_do_its_work_and_nothing_else(room):
    done = subprocess.run(
        [sys.executable, "-c", _ATTEMPTS, room],
        env={"PYTHONPATH": str(SOURCE)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    outcomes = dict(line.split() for line in done.stdout.splitlines())
    assert len(outcomes) == 15, done.stderr
    assert {name for name, outcome in outcomes.items() if outcome == "done"} == _MAY[room]


def test_no_room_has_a_ring_that_would_lead_around_the_seal(tmp_path):
    with Node(tmp_path / "data") as node:
        rooms = node.client().ask("GET", "/v1/status").json["rooms"]
        assert len(rooms) == 5
        for room in rooms:
            descriptors = Path(f"/proc/{room['pid']}/fd")
            held = {os.readlink(each) for each in descriptors.iterdir()}
            assert held
            assert not any("io_uring" in each for each in held), room["name"]
