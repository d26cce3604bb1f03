"""The supervisor when it is short of descriptors, or asked for more reports than it can give."""

import os
import resource
import threading
import time

import pytest

from tests.support.nodes import Node, eventually

_READERS = 60


@pytest.fixture
def node(tmp_path):
    with Node(tmp_path / "data") as node:
        yield node


def _rooms(node):
    return {room["name"]: room for room in node.client().ask("GET", "/v1/status").json["rooms"]}


def test_room_that_cannot_be_started_is_started_later(node):
    supervisor = node.process.pid
    limits = resource.prlimit(supervisor, resource.RLIMIT_NOFILE)
    pid = _rooms(node)["custodian-1"]["pid"]
    resource.prlimit(supervisor, resource.RLIMIT_NOFILE, (3, limits[1]))
    os.kill(pid, 9)
    eventually(lambda: node.client().ask("GET", "/v1/ready").status == 503)
    time.sleep(1.0)  # it is tried again meanwhile
    assert node.client().ask("GET", "/v1/ready").status == 503
    resource.prlimit(supervisor, resource.RLIMIT_NOFILE, limits)
    eventually(lambda: node.client().ask("GET", "/v1/ready").status == 200)
    assert _rooms(node)["custodian-1"]["pid"] != pid
    assert node.stop() == 0


def test_many_readers_of_numbers_cost_no_room_its_life(node):
    def read():
        client = node.client(timeout=120)
        for _ in range(3):
            client.ask("GET", "/metrics")

    threads = [threading.Thread(target=read) for _ in range(_READERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {room["restarts"] for room in _rooms(node).values()} == {0}
    assert "does not listen" not in node.log.read_text()
