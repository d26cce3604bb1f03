"""kill -9 in the middle of a destruction: who comes next goes on, and erases each version once."""

import os
import signal
import time
from collections import Counter

import apsw
import msgspec

from tests.support.nodes import Node, eventually
from tests.support.past import abandoned, files_have, left, wrapped

KEYS = ("first", "second", "third")
VERSIONS = 450  # of each key: three commits
DAYS = 7
AHEAD_US = 8_000_000  # the node is up by then
TIMES = 5  # a busy machine may be done before this looks; hardly so often


def destined(directory):
    """A directory whose keys are destroyed some seconds from now, and their material."""
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
    return material, at_us + DAYS * 86_400_000_000


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


def test_a_destruction_that_is_cut_short_is_finished_and_nothing_is_erased_twice(tmp_path):
    every = len(KEYS) * VERSIONS
    for number in range(TIMES):
        if 0 < cut_short(tmp_path / f"data-{number}", every) < every:
            return
    raise AssertionError("it was never in the middle")


def cut_short(directory, every):
    """How many versions were erased when the ledger was killed."""
    material, at_us = destined(directory)
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
    assert erased(node.store) == {f"key/{name}": VERSIONS for name in KEYS}
    assert not files_have(node.store, material)
    return done
