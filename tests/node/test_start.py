"""Starting: what stands in the way is said in one line, and nothing is left half done."""

import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.nodes import ENVIRONMENT, Node, Served, eventually, strongroom
from tests.support.ports import free_port


def _refused(done, *words):
    """One line, a code, no traceback."""
    assert done.returncode == 1, done
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    for word in words:
        assert word in lines[0]


def _dev(directory, listen="127.0.0.1:0"):
    return strongroom("dev", "--data", directory, "--listen", listen)


@pytest.fixture
def stopped(tmp_path):
    """A directory that was used before."""
    with Node(tmp_path / "data") as node:
        pass
    return node


def test_port_in_use(tmp_path):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        _refused(_dev(tmp_path / "data", f"127.0.0.1:{port}"), "in use", str(port))
    assert not (tmp_path / "data" / "strongroom.db").exists()


def test_directory_that_is_a_file(tmp_path):
    (tmp_path / "data").write_text("")
    _refused(_dev(tmp_path / "data"), "cannot be written to", str(tmp_path / "data"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_directory_that_is_not_ours(tmp_path):
    (tmp_path / "data").mkdir(mode=0o500)
    _refused(_dev(tmp_path / "data"), "cannot be written to")


def test_already_running_there(tmp_path):
    with Node(tmp_path / "data") as node:
        _refused(_dev(tmp_path / "data"), "running", "already")
        assert node.client().ask("GET", "/v1/ready").status == 200


def test_store_of_a_newer_version(stopped):
    with sqlite3.connect(stopped.store) as database:
        database.execute("PRAGMA user_version = 99")
    database.close()
    _refused(_dev(stopped.directory), "newer", "99")


def test_root_key_of_another_store(stopped, tmp_path):
    with Node(tmp_path / "other") as other:
        pass
    shutil.copy(other.store, stopped.store)
    _refused(_dev(stopped.directory), "root key")


def test_beyond_loopback_is_not_for_development(tmp_path):
    _refused(_dev(tmp_path / "data", "0.0.0.0:0"), "loopback", "strongroom init")
    assert not (tmp_path / "data" / "strongroom.db").exists()


def test_no_address(tmp_path):
    done = _dev(tmp_path / "data", "everywhere")
    assert done.returncode == 2
    assert "127.0.0.1:7600" in done.stderr
    assert "Traceback" not in done.stderr


def test_everything_is_private(stopped):
    for path in stopped.directory.iterdir():
        assert path.stat().st_mode & 0o077 == 0, path
    assert stopped.directory.stat().st_mode & 0o077 == 0


def test_second_start_finds_everything_and_the_same_tokens(tmp_path):
    with Node(tmp_path / "data") as node:
        sealed = node.client(node.app).encrypt("demo", b"kept").json["ciphertext"]
        tokens = node.admin, node.app
    assert node.process.returncode == 0
    with Node(tmp_path / "data") as node:
        assert (node.admin, node.app) == tokens
        assert node.client(node.app).decrypt(sealed).json["plaintext"] == "a2VwdA=="


def test_founding_that_was_cut_short_starts_over(tmp_path):
    """Killed at many moments of the first start; afterwards it must always come up whole."""
    for number in range(8):
        data = tmp_path / f"data-{number}"
        process = subprocess.Popen(
            [sys.executable, "-m", "strongroom.cli", "dev", "--data", data,
             "--listen", "127.0.0.1:0"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=ENVIRONMENT,
        )  # fmt: skip
        eventually(lambda data=data: (data / "lock").exists())
        time.sleep(0.004 * number)
        process.kill()
        process.wait()
        with Node(data) as node:
            assert node.client(node.app).encrypt("demo", b"x").status == 200
            assert len(node.client().events(action="namespace.create")) == 1


def test_dev_environment_is_all_that_a_script_needs(tmp_path):
    with Node(tmp_path / "data") as node:
        script = (
            f"set -a; . {node.directory}/dev.env; set +a;"
            f" {sys.executable} -m strongroom.cli key list --output json"
        )
        done = subprocess.run(
            ["sh", "-c", script], env=ENVIRONMENT, capture_output=True, text=True, check=True
        )
        assert '"demo"' in done.stdout


def test_interrupt_stops_everything(tmp_path):
    with Node(tmp_path / "data") as node:
        pids = [room["pid"] for room in node.client().rooms().values()]
        node.process.send_signal(signal.SIGINT)
        assert node.process.wait(timeout=120) == 0
        assert not any(Path(f"/proc/{pid}").exists() for pid in pids if pid != node.process.pid)


# --- init and serve -------------------------------------------------------------------------------


_PASSPHRASE = "a passphrase for tests only"


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "strongroom.toml"
    port = free_port()
    path.write_text(
        f'[server]\nlisten = "127.0.0.1:{port}"\n[store]\npath = "data/strongroom.db"\n'
        '[seal]\nkind = "passphrase"\nfile = "data/seal.json"\n[rooms]\ngates = 1\n'
    )
    secret = tmp_path / "passphrase"
    secret.touch(mode=0o600)
    secret.write_text(_PASSPHRASE + "\n")
    return path


def _init(config, *arguments, passphrase=None):
    file = config.with_name("passphrase") if passphrase is None else passphrase
    return strongroom("init", "--config", config, "--passphrase-file", file, *arguments)


def test_init_and_serve(config):
    done = _init(config)
    assert done.returncode == 0, done.stderr
    token = done.stdout.strip()
    assert token.startswith("srt_")
    assert _PASSPHRASE not in done.stdout + done.stderr
    listen = config.read_text().split('"')[1]
    config.write_text(config.read_text() + "[log]\nrequests = true\n")
    with Served(config, token, f"http://{listen}") as node:
        admin = node.client()
        asked = admin.ask("GET", "/v1/keys").request_id
        assert admin.ask("POST", "/v1/keys", {"name": "orders"}).status == 201
        # Outside development mode, who makes keys does not use them.
        assert admin.encrypt("orders", b"x").status == 403
        assert admin.ask("GET", "/v1/status").json["seal"] == "passphrase"
        # And the numbers are not for everybody.
        assert admin.ask("GET", "/metrics").status == 200
        assert node.client("").ask("GET", "/metrics", token="").status == 401
    assert node.process.returncode == 0
    assert token.encode() not in node.output
    # Each line of the log is JSON, and the request is in it by its id.
    lines = [json.loads(line) for line in node.output.splitlines() if line.startswith(b"{")]
    (line,) = [line for line in lines if line.get("request") == asked]
    assert (line["operation"], line["outcome"], line["room"]) == ("key.list", "ok", "gate-1")
    assert _PASSPHRASE.encode() not in node.output


def test_init_writes_the_token_to_a_private_file(config, tmp_path):
    done = _init(config, "--token-file", tmp_path / "token")
    assert done.returncode == 0, done.stderr
    assert "srt_" not in done.stdout + done.stderr
    assert (tmp_path / "token").read_text().startswith("srt_")
    assert (tmp_path / "token").stat().st_mode & 0o777 == 0o600


def test_init_twice_changes_nothing(config):
    assert _init(config).returncode == 0
    before = (config.parent / "data" / "strongroom.db").read_bytes()
    _refused(_init(config), "exists already")
    assert (config.parent / "data" / "strongroom.db").read_bytes() == before


def test_wrong_passphrase_does_not_serve(config, tmp_path):
    assert _init(config).returncode == 0
    other = tmp_path / "other"
    other.touch(mode=0o600)
    other.write_text("another passphrase altogether")
    done = strongroom("serve", "--config", config, "--passphrase-file", other)
    _refused(done, "passphrase is not right")
    assert "another" not in done.stderr


def test_serve_before_init(config):
    done = strongroom(
        "serve", "--config", config, "--passphrase-file", config.with_name("passphrase")
    )
    _refused(done, "strongroom init")


def test_passphrase_file_that_others_may_read(config):
    config.with_name("passphrase").chmod(0o644)
    _refused(_init(config), "chmod 600")
    assert not (config.parent / "data" / "strongroom.db").exists()


def test_passphrase_by_descriptor(config):
    reading, writing = os.pipe()
    os.write(writing, _PASSPHRASE.encode())
    os.close(writing)
    done = strongroom("init", "--config", config, "--passphrase-fd", reading, pass_fds=[reading])
    os.close(reading)
    assert done.returncode == 0, done.stderr


def test_short_passphrase_founds_nothing(config, tmp_path):
    short = tmp_path / "short"
    short.touch(mode=0o600)
    short.write_text("short")
    _refused(_init(config, passphrase=short), "15 characters")
    assert not (config.parent / "data" / "strongroom.db").exists()
    assert not (config.parent / "data" / "seal.json").exists()


def test_no_terminal_and_no_passphrase(config):
    done = strongroom("init", "--config", config)
    assert done.returncode == 2
    assert "--passphrase-fd" in done.stderr


def test_config_check_names_what_is_wrong(config):
    assert strongroom("config", "check", "--config", config).returncode == 0
    config.write_text(config.read_text() + "gatess = 3\n")
    done = strongroom("config", "check", "--config", config)
    assert done.returncode == 2
    assert "gatess" in done.stderr


def test_config_sample_can_be_used(tmp_path):
    sample = strongroom("config", "sample").stdout
    (tmp_path / "strongroom.toml").write_text(sample)
    done = strongroom("config", "check", "--config", tmp_path / "strongroom.toml")
    assert done.returncode == 0, done.stderr


# --- recover --------------------------------------------------------------------------------------


def _recover(config, *arguments):
    file = config.with_name("passphrase")
    return strongroom("recover", "--config", config, "--passphrase-file", file, *arguments)


def test_recover_makes_an_administrator_and_is_on_record(config):
    old = _init(config).stdout.strip()
    done = _recover(config)
    assert done.returncode == 0, done.stderr
    listen = config.read_text().split('"')[1]
    with Served(config, done.stdout.strip(), f"http://{listen}") as node:
        admin = node.client()
        who = admin.ask("GET", "/v1/whoami").json
        assert who["roles"] == ["administrator"]
        assert who["principal"].startswith("recovery-")
        (entry,) = admin.events(action="principal.create")
        assert entry["object"] == f"principal/{who['principal']}"
        assert entry["principal"] == "strongroom"
        # The others are as they were.
        assert admin.ask("GET", "/v1/whoami", token=old).status == 200


def test_recover_ends_a_policy_that_forbids_everything(config):
    token = _init(config).stdout.strip()
    url = f"http://{config.read_text().split(chr(34))[1]}"
    with Served(config, token, url) as node:
        forbid = {"text": "forbid (principal, action, resource);"}
        assert node.client().ask("PUT", "/v1/policies/stop", forbid).status == 200
        assert node.client().ask("DELETE", "/v1/policies/stop").status == 403
    still = _recover(config).stdout.strip()
    with Served(config, still, url) as node:
        assert node.client().ask("GET", "/v1/keys").status == 403
    again = _recover(config, "--without-policies").stdout.strip()
    with Served(config, again, url) as node:
        admin = node.client()
        assert admin.ask("GET", "/v1/keys").status == 200
        assert admin.ask("GET", "/v1/policies").json["policies"] == []
        assert len(admin.events(action="policy.delete", outcome="allowed")) == 1


def test_recover_is_refused_while_it_runs_and_with_another_passphrase(config, tmp_path):
    token = _init(config).stdout.strip()
    listen = config.read_text().split('"')[1]
    with Served(config, token, f"http://{listen}"):
        _refused(_recover(config), "running", "already")
    config.with_name("passphrase").write_text("another passphrase altogether")
    _refused(_recover(config), "passphrase is not right")


def test_recover_of_nothing_is_refused(config):
    _refused(_recover(config), "strongroom init")


# --- the first screen -----------------------------------------------------------------------------


def test_command_of_the_first_screen_works_as_it_is_printed(tmp_path):
    with Node(tmp_path / "data") as node:
        # It is printed after the line that says where the server is.
        for line in node.process.stdout:
            if line.startswith(b"make a key"):
                break
        command = line.decode().removeprefix("make a key").strip()
        environment = {
            **ENVIRONMENT, "STRONGROOM_URL": node.url, "STRONGROOM_TOKEN": node.admin,
        }  # fmt: skip
        done = subprocess.run(
            ["sh", "-c", command], env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, (command, done.stderr)
        assert "orders" in done.stdout
