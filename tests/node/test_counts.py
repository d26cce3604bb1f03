"""The ledger keeps counts when nothing is asked of it, and a killed one's successor has them."""

import os
import signal

import apsw
import pytest

from strongroom.adapters.sqlite import uses
from tests.support.nodes import Node, eventually


@pytest.fixture
def node(tmp_path):
    with Node(tmp_path / "data") as node:
        yield node


def waiting(client):
    text = client.ask("GET", "/metrics").body.decode()
    (line,) = [x for x in text.splitlines() if x.startswith("strongroom_counts_waiting{")]
    return float(line.split()[-1])


def in_file(node):
    db = apsw.Connection(str(node.store), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        rows = db.execute("SELECT object, principal, sum(count) FROM usage GROUP BY 1, 2")
        return {(name, who): count for name, who, count in rows}
    finally:
        db.close()


def test_an_idle_ledger_keeps_its_counts(node):
    client = node.client()
    for _ in range(5):
        assert client.encrypt("demo", b"x").status == 200
    eventually(lambda: sum(in_file(node).values()) == 5, seconds=uses.INTERVAL_SECONDS * 3)


def test_a_killed_ledgers_successor_has_counted_each_use_once(node):
    client = node.client()
    for _ in range(7):
        assert client.encrypt("demo", b"x").status == 200
    os.kill(client.rooms()["ledger"]["pid"], signal.SIGKILL)
    eventually(lambda: client.encrypt("demo", b"x").status == 200)
    done = len(client.events(action="key.encrypt", outcome="allowed"))
    eventually(lambda: sum(in_file(node).values()) == done, seconds=uses.INTERVAL_SECONDS * 3)
    assert done >= 8
