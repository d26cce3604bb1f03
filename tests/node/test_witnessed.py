"""A node and its witnesses, each a program of its own: what counts, and what stops the node."""

import json
import shutil
import socket
import time

import pytest

from strongroom.tlog import checkpoints, notes, vkeys
from strongroom.tlog.keys import verifier
from tests.support.nodes import eventually, strongroom
from tests.support.served import founded, served
from tests.support.witnessing import RunningWitness, program


class Witnessed:
    """A folder with a deployment and witnesses."""

    def __init__(self, directory):
        self.directory = directory
        self.key = founded(directory)
        self.origin = vkeys.parse(self.key).name

    def made(self, name):
        """A new witness, and its key."""
        folder = self.directory / name
        done = program("init", folder, "--name", f"{name}.example")
        assert done.returncode == 0, done.stderr
        return RunningWitness(folder, logs=[(self.key, self.origin)]), done.stdout.split()[0]


@pytest.fixture
def place(tmp_path):
    return Witnessed(tmp_path)


def tables(required, *witnesses):
    """The configuration of witnesses: (running, key)."""
    return f"[audit]\nwitnesses_required = {required}\n" + "".join(
        f'[[audit.witnesses]]\nurl = "http://127.0.0.1:{running.port}"\nkey = "{key}"\n'
        for running, key in witnesses
    )


def counted(client):
    """The checkpoint that is served, as a note; None if there is none."""
    answer = client.ask("GET", "/audit/checkpoint")
    return notes.parse(answer.body) if answer.status == 200 else None


def size_of(note):
    return 0 if note is None else checkpoints.parse(note.text).size


def cosigned(note, key):
    return note is not None and note.signed_by(verifier(vkeys.parse(key)))


def test_checkpoints_that_are_served_have_as_many_cosignatures_as_are_required(place):
    first, second = place.made("first"), place.made("second")
    with first[0], second[0], served(place.directory, tables(2, first, second)) as node:
        client = node.client()
        for _ in range(3):
            size = client.ask("GET", "/v1/status").json["tree_size"]
            eventually(lambda size=size: size_of(counted(client)) >= size, 20)
            note = counted(client)
            assert note.signed_by(verifier(vkeys.parse(place.key)))
            assert all(cosigned(note, key) for _, key in (first, second))
        assert node.metric("strongroom_witness_failures_total", witness="first.example") == 0
        # One is gone: nothing that is newer counts, and all the same everything goes on.
        second[0].stop(15)
        before = size_of(counted(client))
        app = node.client(node.app)
        for number in range(10):
            assert app.encrypt("demo", b"%d" % number).status == 200
        eventually(lambda: node.said("a witness does not cosign"))
        assert {line["name"] for line in node.said("a witness does not cosign")} == {
            "second.example"
        }
        assert size_of(counted(client)) <= before + 5
        assert client.ask("GET", "/v1/ready").status == 200


def test_without_a_quorum_a_witness_cosigns_all_the_same(place):
    witness = place.made("w")
    with witness[0], served(place.directory, tables(0, witness)) as node:
        client = node.client()
        eventually(lambda: node.metric("strongroom_witness_lag_entries", witness="w.example") == 0)
        # Looking is an entry, so there is always a newer one that is not cosigned yet.
        eventually(lambda: cosigned(counted(client), witness[1]), 20)


def test_machine_that_was_put_back_is_found_out_by_a_witness(place):
    """Database and anchor are of the same old day: only somebody else knows that they are old."""
    witness = place.made("w")
    data, kept = place.directory / "data", place.directory / "kept"
    config = place.directory / "strongroom.toml"
    with witness[0]:
        settings = tables(1, witness)
        with served(place.directory, settings) as node:
            node.client(node.app).encrypt("demo", b"1")
        shutil.copytree(data, kept)
        with served(place.directory, settings) as node:
            client = node.client()
            for number in range(30):
                node.client(node.app).encrypt("demo", b"%d" % number)
            size = client.ask("GET", "/v1/status").json["tree_size"]
            eventually(lambda: size_of(counted(client)) >= size, 20)
        shutil.rmtree(data)
        shutil.copytree(kept, data)

        with served(place.directory, settings) as node:
            client = node.client()
            eventually(lambda: client.ask("GET", "/v1/ready").status == 503, 20)
            answer = client.ask("GET", "/v1/keys/demo")
            assert (answer.status, answer.json["code"]) == (503, "restored")
            assert "the witness w.example: it signed a log of" in answer.json["detail"]
            assert "accept-restore" in answer.json["detail"]
            (line,) = node.said("a witness has signed another log")
            assert line["name"] == "w.example"
            assert node.metric("strongroom_witness_splits_total", witness="w.example") == 1
        # Without the witness, too: what it said holds.
        with served(place.directory, "") as node:
            answer = node.client().ask("GET", "/v1/keys/demo")
            assert (answer.status, answer.json["code"]) == (503, "restored")
            assert "the witness w.example" in answer.json["detail"]
        done = strongroom(
            "accept-restore", "--config", config, "--passphrase-file",
            place.directory / "passphrase", "--yes",
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        with served(place.directory, settings) as node:
            client = node.client()
            assert client.ask("GET", "/v1/keys/demo").status == 200
            # The log has another name now, which the witness does not know yet.
            eventually(lambda: node.said("a witness does not cosign"), 20)
            assert "does not know" in node.said("a witness does not cosign")[0]["reason"]
            time.sleep(1.5)
            assert client.ask("GET", "/v1/ready").status == 200


def test_split_view_is_found_out_by_a_witness(place):
    """Two nodes go on from one backup, each with a log of its own: the second one stops."""
    witness = place.made("w")
    data, kept = place.directory / "data", place.directory / "kept"
    with witness[0]:
        settings = tables(1, witness)
        with served(place.directory, settings) as node:
            node.client(node.app).encrypt("demo", b"1")
        shutil.copytree(data, kept)
        with served(place.directory, settings) as node:
            client = node.client()
            size = client.ask("GET", "/v1/status").json["tree_size"]
            eventually(lambda: size_of(counted(client)) >= size, 20)
        shutil.rmtree(data)
        shutil.copytree(kept, data)
        # Far beyond what the witness has seen, before it is asked for the first time.
        with served(place.directory, "") as node:
            for number in range(60):
                node.client(node.app).encrypt("demo", b"%d" % number)
        with served(place.directory, settings) as node:
            client = node.client()
            eventually(lambda: client.ask("GET", "/v1/ready").status == 503, 20)
            answer = client.ask("GET", "/v1/keys/demo")
            assert "does not continue the" in answer.json["detail"]


def test_witness_that_is_stuck_stops_nothing(place):
    with socket.create_server(("127.0.0.1", 0)) as stuck:
        key = "witness.example+82bca4dd+BNdamAGCsQq31Uv+08lkBzoO4XLz2qYjJa8CGmj3B1Ea"
        port = stuck.getsockname()[1]
        settings = (
            f'[[audit.witnesses]]\nurl = "http://127.0.0.1:{port}"\nkey = {json.dumps(key)}\n'
        )
        with served(place.directory, settings) as node:
            client = node.client()
            size = client.ask("GET", "/v1/status").json["tree_size"]
            eventually(lambda: size_of(counted(client)) >= size, 20)
            assert node.stop() == 0
