"""A deployment that is restored from a backup, from its first refusal to its next answer."""

import base64
import json
import os
import shutil
import sqlite3
import subprocess

import pytest

from tests.support.checkpoints import asked, newest
from tests.support.nodes import ENVIRONMENT, Served, eventually, strongroom
from tests.support.ports import free_port
from tests.support.travel import travelling


@pytest.fixture
def place(tmp_path):
    """A founded deployment: its folder, and how to serve it."""
    port = free_port()
    (tmp_path / "strongroom.toml").write_text(
        f'[server]\nlisten = "127.0.0.1:{port}"\nmetrics_open = true\n'
        '[store]\npath = "data/strongroom.db"\n'
        '[seal]\nkind = "passphrase"\nfile = "seal.json"\n[rooms]\ngates = 1\n'
        '[audit]\nanchor = "elsewhere/anchor"\norigin = "kms.example/log"\n'
    )
    secret = tmp_path / "passphrase"
    secret.touch(mode=0o600)
    secret.write_text("a passphrase for tests only")
    done = command(tmp_path, "init")
    assert done.returncode == 0, done.stderr
    assert "kms.example/log+" in done.stderr
    return Place(tmp_path, done.stdout.strip(), f"http://127.0.0.1:{port}")


def command(folder, name, *arguments):
    config = folder / "strongroom.toml"
    return strongroom(
        name, "--config", config, "--passphrase-file", folder / "passphrase", *arguments
    )


class Place:
    def __init__(self, folder, token, url):
        self.folder, self.token, self.url = folder, token, url
        self.store = folder / "data" / "strongroom.db"

    def command(self, name, *arguments):
        return command(self.folder, name, *arguments)

    def served(self):
        return Served(self.folder / "strongroom.toml", self.token, self.url)

    def fenced(self):
        """Serves, and refuses everything."""
        node = self.served()
        node.process = subprocess.Popen(
            node._command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=ENVIRONMENT
        )
        node.output = b""
        for line in node.process.stderr:
            node.output += line
            if b"refuses everything" in line:
                return node
        raise AssertionError(node.output)

    def backup(self):
        copy = self.folder / "backup.db"
        source, target = sqlite3.connect(self.store), sqlite3.connect(copy)
        source.backup(target)
        source.close()
        target.close()
        return copy

    def restore(self, copy):
        for suffix in ("", "-wal", "-shm"):
            self.store.with_name(self.store.name + suffix).unlink(missing_ok=True)
        shutil.copy(copy, self.store)

    def signed(self):
        """Whether all entries are in a checkpoint."""
        size = asked(self.store, "SELECT count(*) FROM entries")[0][0]
        note = newest(self.store)
        return bool(note) and int(note.split(b"\n")[1]) == size


def user_of_keys(client):
    """Another principal's client's token: who administers may not use keys."""
    made = client.ask("POST", "/v1/principals", {"name": "app", "roles": ["key-user"]})
    assert made.status == 201, made
    return token_of(client)


def token_of(client):
    return client.ask("POST", "/v1/tokens", {"principal": "app"}).json["token"]


def import_key(client, name):
    """A key with material from elsewhere."""
    assert client.ask("POST", "/v1/keys", {"name": name, "origin": "imported"}).status == 201
    asked_for = {"wrapping_key": "rsa-2048"}
    ticket = client.ask("POST", f"/v1/keys/{name}/import-parameters", asked_for).json
    blob = travelling(base64.b64decode(ticket["public_key"]), os.urandom(32))
    given = {
        "import_token": ticket["import_token"],
        "wrapping": "rsa-aes-kwp-sha256",
        "wrapped_material": base64.b64encode(blob).decode(),
    }
    assert client.ask("POST", f"/v1/keys/{name}/import", given).status == 200


def test_a_restored_database_serves_when_that_was_accepted_and_not_before(place):
    with place.served() as node:
        client = node.client()
        app = node.client(user_of_keys(client))
        import_key(client, "mine")
        assert client.ask("POST", "/v1/keys", {"name": "orders"}).status == 201
        sealed = app.encrypt("orders", b"kept").json["ciphertext"]
        assert app.encrypt("mine", b"x").status == 200
        eventually(place.signed, seconds=5)
        copy = place.backup()
        assert client.ask("POST", "/v1/keys/mine/delete-imported-material").status == 200
        eventually(place.signed, seconds=5)
    place.restore(copy)

    # 1. Nothing is done with it, whoever asks.
    node = place.fenced()
    try:
        client = node.client()
        for answer in (client.ask("GET", "/v1/status"), client.encrypt("orders", b"x")):
            assert (answer.status, answer.json["code"]) == (503, "restored")
            assert "it is an older copy" in answer.json["detail"]
        assert client.ask("GET", "/v1/ready").status == 503
    finally:
        node.stop()
    done = place.command("recover")
    assert done.returncode == 1
    assert "it is an older copy" in done.stderr
    done = place.command("fsck")
    assert done.returncode == 1
    assert "anchor checkpoint: it is of" in done.stdout

    # 2. It is accepted by a person, in so many words.
    done = place.command("accept-restore")
    assert done.returncode == 2
    assert "no terminal to ask on" in done.stderr
    done = place.command("accept-restore", "--yes")
    assert done.returncode == 0, done.stderr
    assert "1 destructions were done again" in done.stderr
    assert "kms.example/log/2+" in done.stderr
    assert any(file.name.startswith("checkpoint-") for file in anchor(place).iterdir())
    done = place.command("accept-restore", "--yes")
    assert done.returncode == 1
    assert "nothing to accept" in done.stderr
    done = place.command("fsck")
    assert (done.returncode, done.stdout.count("kms")) == (0, 0), done.stdout

    # 3. It serves, and what was destroyed stays so.
    with place.served() as node:
        client = node.client()
        app = node.client(token_of(client))
        opened = app.decrypt(sealed)
        assert base64.b64decode(opened.json["plaintext"]) == b"kept"
        assert app.encrypt("mine", b"x").json["code"] == "key-not-usable"
        (entry,) = client.events(action="log.accept-restore")
        assert entry["principal"] == "strongroom:restore"
        eventually(place.signed, seconds=5)
    assert newest(place.store).startswith(b"kms.example/log/2\n")


def anchor(place):
    return place.folder / "elsewhere" / "anchor"


def test_a_lost_anchor_is_put_back_and_nothing_need_be_accepted(place):
    with place.served() as node:
        node.client().ask("GET", "/v1/status")
        eventually(place.signed, seconds=5)
    kept = anchor(place) / "checkpoint"
    content = kept.read_bytes()
    kept.unlink()
    node = place.fenced()
    try:
        assert (
            "the anchor has no checkpoint" in node.client().ask("GET", "/v1/status").json["detail"]
        )
    finally:
        node.stop()
    kept.write_bytes(content)
    with place.served() as node:
        assert node.client().ask("GET", "/v1/status").status == 200


def test_an_anchor_of_another_deployment_is_not_written_over(place, tmp_path):
    with place.served() as node:
        node.client().ask("GET", "/v1/status")
        eventually(place.signed, seconds=5)
    place.store.unlink()
    done = place.command("init")
    assert done.returncode == 1
    assert "has the checkpoint of another deployment's log" in done.stderr


def test_what_fsck_cannot_look_at_is_no_finding(place):
    (place.folder / "passphrase").write_text("another one")
    done = place.command("fsck")
    assert done.returncode == 2
    assert "passphrase" in done.stderr


def test_fsck_says_what_is_wrong_and_where(place):
    done = place.command("fsck")
    assert done.returncode == 0, done.stdout
    db = sqlite3.connect(place.store)
    db.execute("UPDATE entries SET principal = 'nobody'")
    db.commit()
    db.close()
    done = place.command("fsck")
    assert done.returncode == 1
    assert done.stdout == "entries 0: it is found by other words than are in it.\n"
    assert "1 things are wrong" in done.stderr


def test_fsck_and_accept_restore_leave_a_running_node_alone(place):
    with place.served():
        for name in ("fsck", "accept-restore"):
            done = place.command(name)
            assert done.returncode in {1, 2}
            assert "is running in" in done.stderr


def test_json_of_the_entries_is_what_was_signed(place):
    """The first entry names the log's keys among what was founded."""
    (body,) = asked(place.store, "SELECT body FROM entries")[0]
    assert any(mention.startswith("l/" + "00" * 16) for mention in json.loads(body)["records"])
