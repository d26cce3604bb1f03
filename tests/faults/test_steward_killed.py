"""kill -9 in the middle of a destruction: who comes next goes on, and erases each version once."""

import os
import signal
import time
from collections import Counter

import apsw
import msgspec
import pytest

from tests.support.nodes import Node, eventually
from tests.support.past import abandoned, files_have, left, wrapped

KEYS = ("first", "second", "third")
VERSIONS = 450  # of each key: three commits
DAYS = 7
AHEAD_US = 4_000_000  # the node is up by then


@pytest.fixture
def destined(tmp_path):
    """A directory whose keys are destroyed some seconds from now, and their material."""
    directory = tmp_path / "data"
    house = abandoned(directory, days=DAYS)
    desk, admin = house.desk(), house.admin
    kept = wrapped(house.path)
    for name in KEYS:
        desk.ask(admin, "key.create", name=name, rotation_days=0)
        for _ in range(VERSIONS - 1):
            desk.ask(admin, "key.rotate", name)
    house.clock.now = at_us = time.time_ns() // 1000 - DAYS * 86_400_000_000 + AHEAD_US
    for name in KEYS:
        desk.ask(admin, "key.schedule-destruction", name, days=DAYS)
    material = wrapped(house.path) - kept
    assert len(material) == len(KEYS) * VERSIONS
    left(house, directory)
    return directory, material, at_us + DAYS * 86_400_000_000


def erased(store):
    """How many versions the log says were erased, by key."""
    db = apsw.Connection(str(store), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        db.set_busy_timeout(1_000)
        rows = db.execute("SELECT body FROM entries WHERE action = 'key.destroy'").fetchall()
    finally:
        db.close()
    counts = Counter()
    for (body,) in rows:
        event = msgspec.json.decode(body)
        counts[event["object"]] += event["details"]["versions"]
    return counts


def test_a_destruction_that_is_cut_short_is_finished_and_nothing_is_erased_twice(destined):
    directory, material, at_us = destined
    every = len(KEYS) * VERSIONS
    with Node(directory, gates=1, custodians=2) as node:
        client = node.client()
        time.sleep(max(at_us / 1e6 - time.time(), 0))
        rooms = client.rooms()
        # The one that begins in its place looks at once at what is due.
        os.kill(rooms["custodian-1"]["pid"], signal.SIGKILL)
        eventually(lambda: erased(node.store), seconds=30)
        os.kill(rooms["ledger"]["pid"], signal.SIGKILL)
        done = erased(node.store).total()
        eventually(lambda: client.ask("GET", "/v1/status").status == 200)
        os.kill(client.rooms()["custodian-1"]["pid"], signal.SIGKILL)
        eventually(lambda: erased(node.store).total() >= every, seconds=30)
        for name in KEYS:
            answer = client.ask("GET", f"/v1/keys/{name}")
            assert answer.json["state"] == "destroyed"
            assert not any(version["material"] for version in answer.json["versions"])
    assert 0 < done < every  # it was in the middle
    assert erased(node.store) == {f"key/{name}": VERSIONS for name in KEYS}
    assert not files_have(node.store, material)
