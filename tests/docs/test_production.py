"""The page about production: its commands are typed into a shell; its unit is one that works."""

import configparser
import os
import pwd
import re
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.support.nodes import ENVIRONMENT, Connection, strongroom
from tests.support.terminal import Terminal, blocks
from tests.support.tree import ROOT

PAGE = (ROOT / "docs" / "operate" / "production.md").read_text()
CREDENTIAL = "%d/passphrase"


@pytest.mark.skipif(not shutil.which("sqlite3"), reason="the sqlite3 command is not installed")
def test_a_deployment_is_founded_run_backed_up_and_restored(tmp_path):
    with Terminal(tmp_path) as terminal:
        terminal.play(PAGE)
        assert (tmp_path / "admin.token").stat().st_mode & 0o777 == 0o600
        assert "Stopped." in (tmp_path / "serve.log").read_text()


def unit():
    """The unit on the page."""
    (text,) = [content for _, name, content in blocks(PAGE) if name == "strongroom.service"]
    return text


def service():
    parser = configparser.ConfigParser(interpolation=None)
    parser.optionxform = str
    parser.read_string(unit())
    return parser["Service"]


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not installed")
def test_unit_is_one_that_systemd_knows(tmp_path):
    path = tmp_path / "strongroom.service"
    path.write_text(re.sub("^ExecStart=.*", "ExecStart=/bin/true", unit(), flags=re.MULTILINE))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", path], capture_output=True, text=True, check=False
    )
    about_ours = [line for line in done.stderr.splitlines() if "strongroom.service" in line]
    assert not about_ours


def test_unit_starts_what_there_is_in_time_to_stop_it():
    words = service()["ExecStart"].split()
    assert words[1:3] == ["serve", "--config"]
    assert CREDENTIAL in words
    assert service()["LoadCredential"].startswith("passphrase:")
    # Three kinds of room, one after the other, each with its time and the supervisor's patience.
    assert int(service()["TimeoutStopSec"]) >= 3 * (20 + 5)


@pytest.fixture
def reachable():
    """A folder that other users get through, as they do not through those of pytest."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o711)
        yield Path(name)


def _user(number):
    """A user of this machine without a home that matters: as good as the page's for a test."""
    return [user.pw_name for user in pwd.getpwall() if 0 < user.pw_uid < 100][number]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become other users")
@pytest.mark.skipif(not shutil.which("setpriv"), reason="setpriv is not installed")
def test_units_capabilities_are_enough_for_rooms_of_their_own_users(reachable):
    """Run with what the unit leaves to root, and nothing else."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config, passphrase = reachable / "strongroom.toml", reachable / "passphrase"
    config.write_text(
        f'[server]\nlisten = "127.0.0.1:{port}"\n[store]\npath = "store/strongroom.db"\n'
        '[seal]\nkind = "passphrase"\nfile = "seal.json"\n[rooms]\ngates = 1\n'
        f'gate_user = "{_user(0)}"\ncustodian_user = "{_user(1)}"\nledger_user = "{_user(2)}"\n'
    )
    passphrase.touch(mode=0o600)
    passphrase.write_text("a passphrase for tests only\n")
    init = strongroom("init", "--config", config, "--passphrase-file", passphrase)
    assert init.returncode == 0, init.stderr
    kept = [
        name.lower().removeprefix("cap_") for name in service()["CapabilityBoundingSet"].split()
    ]
    assert "sys_ptrace" not in kept
    serve = subprocess.Popen(
        [
            "setpriv", "--no-new-privs", "--inh-caps", "-all",
            "--bounding-set", ",".join(["-all", *(f"+{name}" for name in kept)]),
            sys.executable, "-m", "strongroom.cli", "serve", "--config", str(config),
            "--passphrase-file", str(passphrase),
        ],
        stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, env=ENVIRONMENT, text=True,
    )  # fmt: skip
    try:
        said = ""
        for line in serve.stderr:
            said += line
            if "ready at" in line:
                break
        else:
            raise AssertionError(said)
        client = Connection(f"http://127.0.0.1:{port}", init.stdout.strip())
        rooms = client.rooms()
        assert client.ask("POST", "/v1/keys", {"name": "orders"}).status == 201
        client.close()
        for name, number in (("gate-1", 0), ("custodian-1", 1), ("ledger", 2)):
            status = Path(f"/proc/{rooms[name]['pid']}/status").read_text()
            uids = set(re.search(r"^Uid:\s+(.*)$", status, re.MULTILINE)[1].split())
            assert uids == {str(pwd.getpwnam(_user(number)).pw_uid)}
            assert re.search(r"^CapEff:\s+0+$", status, re.MULTILINE)
    finally:
        serve.terminate()
        serve.communicate(timeout=60)
    assert serve.returncode == 0
