"""A room that stands still is replaced: clients do not wait for it for ever."""

import os
import signal
import time

import pytest

from tests.support.nodes import Node, eventually

pytestmark = pytest.mark.soak


@pytest.mark.parametrize("room", ["gate-1", "custodian-1", "ledger", "courier"])
def test_stopped_room_is_replaced(tmp_path, room):
    with Node(tmp_path / "data", gates=2, custodians=2) as node:
        client = node.client(timeout=60)
        before = client.rooms()[room]["pid"]
        os.kill(before, signal.SIGSTOP)
        stopped = time.monotonic()
        eventually(lambda: not os.path.exists(f"/proc/{before}"), seconds=40)
        assert time.monotonic() - stopped > 10
        client.close()
        eventually(lambda: client.encrypt("demo", b"x", token=node.app).status == 200)
        eventually(lambda: client.rooms().get(room, {"pid": before})["pid"] != before)
