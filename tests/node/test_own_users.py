"""Started as root with users configured, each room is a user of its own, and works."""

import base64
import os
import pwd
import shutil
import tempfile
from pathlib import Path

import pytest

from tests.support.nodes import Served, eventually, strongroom
from tests.support.ports import free_port

_USERS = {"gate": "nobody", "custodian": "daemon", "ledger": "bin", "courier": "sys"}

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")


@pytest.fixture
def config():
    # Not below pytest's own folder, which is for root alone.
    base = Path(tempfile.mkdtemp(prefix="strongroom-users-"))
    base.chmod(0o755)
    port = free_port()
    users = "".join(f'{room}_user = "{user}"\n' for room, user in _USERS.items())
    path = base / "strongroom.toml"
    path.write_text(
        f'[server]\nlisten = "127.0.0.1:{port}"\n[store]\npath = "data/strongroom.db"\n'
        f'[seal]\nkind = "passphrase"\nfile = "seal.json"\n[rooms]\ngates = 1\n{users}'
        '[[sinks]]\nkind = "file"\nname = "archive"\npath = "sinks/audit.jsonl"\n'
        '[[sinks]]\nkind = "webhook"\nname = "hook"\nurl = "http://127.0.0.1:1/"\n'
        'secret_file = "webhook.secret"\n'
    )
    (base / "sinks").mkdir(mode=0o700)
    shutil.chown(base / "sinks", _USERS["courier"])
    # Root's alone: it is read before the courier becomes somebody else.
    webhook = base / "webhook.secret"
    webhook.touch(mode=0o600)
    webhook.write_bytes(b"whsec_" + base64.b64encode(bytes(32)))
    secret = base / "passphrase"
    secret.touch(mode=0o600)
    secret.write_text("a passphrase for tests only")
    yield path
    shutil.rmtree(base)


def _ids(pid):
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("Uid:"):
            return set(line.split()[1:])
    raise AssertionError


def test_each_room_has_its_own_user(config):
    done = strongroom("init", "--config", config, "--passphrase-file", config.parent / "passphrase")
    assert done.returncode == 0, done.stderr
    listen = config.read_text().split('"')[1]
    with Served(config, done.stdout.split()[0], f"http://{listen}") as node:
        client = node.client()
        rooms = client.rooms()
        for name, room in rooms.items():
            if name == "supervisor":
                continue
            user = _USERS[name.split("-")[0]]
            assert _ids(room["pid"]) == {str(pwd.getpwnam(user).pw_uid)}
            measures = {each["measure"]: each for each in room["hardening"]}
            assert measures["own-user"]["active"]
            assert measures["not-dumpable"]["active"]
        # They do all of their work as these users.
        assert client.ask("POST", "/v1/keys", {"name": "orders"}).status == 201
        assert client.ask("POST", "/v1/keys/orders/rotate").status == 200
        assert client.ask("GET", "/v1/audit/events").status == 200
        eventually((config.parent / "sinks" / "audit.jsonl").is_file)
        for path in ("/v1/ready", "/metrics", "/openapi.json", "/docs", "/nothing"):
            assert client.ask("GET", path).status in (200, 404)
    data = config.parent / "data"
    for path in (data, *data.glob("strongroom.db*")):
        assert path.owner() == "bin", path
        assert path.stat().st_mode & 0o077 == 0, path
    assert (config.parent / "sinks" / "audit.jsonl").owner() == "sys"
    # The seal is not the ledger's to read.
    assert (config.parent / "seal.json").owner() == "root"


def test_unknown_user_is_refused_in_one_line(config):
    strongroom("init", "--config", config, "--passphrase-file", config.parent / "passphrase")
    config.write_text(config.read_text().replace('"nobody"', '"no-such-user"'))
    done = strongroom(
        "serve", "--config", config, "--passphrase-file", config.parent / "passphrase"
    )
    assert done.returncode == 1
    assert "no-such-user" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
