"""The log cannot be written: lines are lost, answers and rooms are not."""

import os
import signal

import pytest

from tests.support.nodes import Node, eventually


@pytest.fixture
def node(tmp_path):
    # The kernel's own full disk: every write to it fails.
    with Node(tmp_path / "data", log="/dev/full") as node:
        yield node


@pytest.mark.parametrize("room", ["gate-1", "custodian-1", "ledger", "courier"])
def test_killed_room_comes_back_when_its_end_cannot_be_logged(node, room):
    client = node.client()
    os.kill(client.rooms()[room]["pid"], signal.SIGKILL)
    client.close()

    def answered():
        try:
            # While it is away, each refusal is something to log, too.
            return client.encrypt("demo", b"x").status == 200 and (
                client.rooms().get(room, {"restarts": 0})["restarts"] > 0
            )
        except OSError:
            client.close()
            return False

    eventually(answered)


def test_refusals_are_answered_when_they_cannot_be_logged(node):
    client = node.client()
    os.kill(client.rooms()["ledger"]["pid"], signal.SIGKILL)
    assert client.encrypt("demo", b"x").status == 503
    assert client.ask("GET", "/v1/health").status == 200
    eventually(lambda: client.encrypt("demo", b"x").status == 200)
