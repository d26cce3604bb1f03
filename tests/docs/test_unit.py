"""The systemd unit on the page about production: what it leaves to the program is enough."""

import configparser
import os
import pwd
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.nodes import ENVIRONMENT, Connection, strongroom
from tests.support.ports import free_port
from tests.support.terminal import blocks
from tests.support.tree import ROOT

PAGE = (ROOT / "docs" / "operate" / "production.md").read_text()
(UNIT,) = [content for _, name, content in blocks(PAGE) if name == "strongroom.service"]

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become other users")


def needs(program):
    return pytest.mark.skipif(not shutil.which(program), reason=f"{program} is not installed")


def settings():
    parser = configparser.ConfigParser(interpolation=None)
    parser.optionxform = str
    parser.read_string(UNIT)
    return parser["Service"]


@needs("systemd-analyze")
def test_unit_is_one_that_systemd_knows(tmp_path):
    path = tmp_path / "strongroom.service"
    path.write_text(re.sub("^ExecStart=.*", "ExecStart=/bin/true", UNIT, flags=re.MULTILINE))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", path], capture_output=True, text=True, check=False
    )
    assert not [line for line in done.stderr.splitlines() if "strongroom.service" in line]


def test_unit_starts_what_there_is_and_has_time_to_stop_it():
    words = settings()["ExecStart"].split()
    assert words[1:3] == ["serve", "--config"]
    assert words[-2:] == ["--passphrase-file", "%d/passphrase"]
    assert settings()["LoadCredential"].startswith("passphrase:")
    # Four kinds of room, one after the other, each with its time and the supervisor's patience.
    assert int(settings()["TimeoutStopSec"]) >= 4 * (20 + 5)


@pytest.fixture
def deployment():
    """Founded in a folder that other users get through, as they do not through those of pytest."""
    port = free_port()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o711)
        gate, custodian, ledger, courier = users()
        (folder / "strongroom.toml").write_text(
            f'[server]\nlisten = "127.0.0.1:{port}"\n[store]\npath = "store/strongroom.db"\n'
            '[seal]\nkind = "passphrase"\nfile = "seal.json"\n[rooms]\ngates = 1\n'
            f'gate_user = "{gate}"\ncustodian_user = "{custodian}"\nledger_user = "{ledger}"\n'
            f'courier_user = "{courier}"\n'
        )
        (folder / "passphrase").touch(mode=0o600)
        (folder / "passphrase").write_text("a passphrase for tests only\n")
        init = strongroom("init", *arguments(folder))
        assert init.returncode == 0, init.stderr
        yield folder, f"http://127.0.0.1:{port}", init.stdout.strip()


def users():
    """Four users of this machine, as good as the page's for a test."""
    return [user.pw_name for user in pwd.getpwall() if 0 < user.pw_uid < 100][:4]


def arguments(folder):
    return [
        *("--config", str(folder / "strongroom.toml")),
        *("--passphrase-file", str(folder / "passphrase")),
    ]


@contextmanager
def served(deployment, *prefix):
    """Run it behind another program; a client, and what status says of the rooms."""
    folder, url, token = deployment
    serve = subprocess.Popen(
        [*prefix, sys.executable, "-m", "strongroom.cli", "serve", *arguments(folder)],
        stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, env=ENVIRONMENT, text=True,
    )  # fmt: skip
    said = ""
    for line in serve.stderr:
        said += line
        if "ready at" in line:
            break
    else:
        serve.wait()
        raise AssertionError(said)
    client = Connection(url, token)
    rooms = client.rooms()
    try:
        yield client, rooms
    finally:
        client.close()
        os.kill(rooms["supervisor"]["pid"], signal.SIGTERM)
        serve.communicate(timeout=60)
    assert serve.returncode == 0


@needs_root
@needs("setpriv")
def test_units_capabilities_are_enough_for_rooms_with_users_of_their_own(deployment):
    """Run with what the unit leaves to root, and nothing else."""
    kept = [
        name.lower().removeprefix("cap_") for name in settings()["CapabilityBoundingSet"].split()
    ]
    assert "sys_ptrace" not in kept
    bounds = ",".join(["-all", *(f"+{name}" for name in kept)])
    prefix = ["setpriv", "--no-new-privs", "--inh-caps", "-all", "--bounding-set", bounds]
    with served(deployment, *prefix) as (client, rooms):
        assert client.ask("POST", "/v1/keys", {"name": "orders"}).status == 201
        names = ("gate-1", "custodian-1", "ledger", "courier")
        for name, user in zip(names, users(), strict=True):
            status = Path(f"/proc/{rooms[name]['pid']}/status").read_text()
            uids = set(re.search(r"^Uid:\s+(.*)$", status, re.MULTILINE)[1].split())
            assert uids == {str(pwd.getpwnam(user).pw_uid)}
            assert re.search(r"^CapEff:\s+0+$", status, re.MULTILINE), name


@needs_root
@needs("strace")
@needs("systemd-analyze")
def test_every_system_call_that_is_made_is_in_the_units_filter(deployment, tmp_path):
    trace = tmp_path / "trace"
    with served(deployment, "strace", "-f", "-qq", "-o", str(trace)) as (client, _):
        assert client.ask("POST", "/v1/keys", {"name": "orders"}).status == 201
        assert client.ask("GET", "/metrics").status == 200
    made = set(re.findall(r"^\d+ +(\w+)\(", trace.read_text(), re.MULTILINE))
    assert {"seccomp", "unshare", "setresuid"} <= made
    allowed = set().union(*map(calls, ["@default", *settings()["SystemCallFilter"].split()]))
    assert made <= allowed


def calls(name):
    """The system calls of one word of a filter."""
    if not name.startswith("@"):
        return {name}
    done = subprocess.run(
        ["systemd-analyze", "syscall-filter", name], capture_output=True, text=True, check=True
    )
    words = [line.strip() for line in done.stdout.splitlines()[1:]]
    return set().union(*(calls(word) for word in words if word and not word.startswith("#")))
