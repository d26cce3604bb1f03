"""For as long as SOAK_SECONDS says: rooms are killed at random under load, or just used.

Nothing acknowledged is lost, no answer is wrong, and the rooms grow neither in memory nor in open
files.
"""

import http.client
import os
import random
import re
import signal
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from strongroom.adapters.seals.key_file import FILE_NAME, KeyFile
from strongroom.adapters.sqlite.store import SQLiteStore
from tests.support import SOAK_SECONDS
from tests.support.load import Load
from tests.support.nodes import Node, eventually
from tests.support.replay import Replay

pytestmark = pytest.mark.soak

_KILLS_OF_A_ROUND = 10
_MEMORY_KIB_MAX = 200 * 1024  # of any room
_GROWTH_MAX = 1.05
_GROWTH_KIB_MAX = 1024  # of a small room, 5 % are less than the allocator's next step


@pytest.fixture
def node(tmp_path):
    with Node(tmp_path / "data", gates=2, custodians=2) as node:
        yield node
        assert node.stop() == 0
        store = SQLiteStore.open(str(node.store))
        Replay(store, KeyFile(node.directory / FILE_NAME).open().reveal())
        store.close()


def _pids(client):
    pids = {name: room["pid"] for name, room in client.rooms().items()}
    client.close()
    return pids


def _open_files(pids):
    """name -> how many descriptors. Of processes that do not show them to everybody."""
    if os.geteuid() != 0:
        return None
    return {name: len(os.listdir(f"/proc/{pid}/fd")) for name, pid in pids.items()}


def _memory(pids):
    """name -> KiB."""
    found = {}
    for name, pid in pids.items():
        text = Path(f"/proc/{pid}/status").read_text()
        found[name] = int(re.search(r"VmRSS:\s*(\d+) kB", text)[1])
    return found


def _settled(client, files):
    """Wait until connections that ended are closed on the other side, too."""
    if files is not None:
        eventually(lambda: _open_files(_pids(client)) == files)


def _kill(client, load, names):
    """Kill these rooms at once; return when they are back and answer."""
    before = _pids(client)
    for name in names:
        os.kill(before[name], signal.SIGKILL)

    def back():
        try:
            now = _pids(client)
        except (OSError, http.client.HTTPException, KeyError):
            client.close()
            return False
        return all(now.get(name, before[name]) != before[name] for name in names)

    eventually(back)
    answered = load.answered
    eventually(lambda: load.answered > answered + 50)


def test_rooms_killed_at_random_under_load_lose_nothing_and_leave_nothing_open(node):
    seed = int.from_bytes(os.urandom(4), "big")
    chance = random.Random(seed)  # noqa: S311 - to be repeatable
    print(f"seed {seed}")  # noqa: T201 - shown when it fails
    client = node.client()
    client.events()  # the ledger has opened the store for its readers, too
    pids = _pids(client)
    rooms = sorted(pids.keys() - {"supervisor"})
    files, supervisor = _open_files(pids), []
    killed, end = 0, time.monotonic() + SOAK_SECONDS
    while time.monotonic() < end:
        since = datetime.now(UTC).isoformat()
        with Load(node) as load:
            for _ in range(_KILLS_OF_A_ROUND):
                time.sleep(chance.uniform(0, 0.5))
                names = chance.sample(rooms, chance.choice([1, 1, 1, 2, len(rooms)]))
                _kill(client, load, names)
                killed += len(names)
        load.check(since=since)
        assert load.statuses <= {200, 503}
        _settled(client, files)
        memory = _memory(_pids(client))
        assert max(memory.values()) < _MEMORY_KIB_MAX
        supervisor.append(memory["supervisor"])
    assert sum(room["restarts"] for room in client.rooms().values()) == killed
    assert supervisor[-1] <= supervisor[0] * _GROWTH_MAX + _GROWTH_KIB_MAX


def test_rooms_in_use_grow_neither_in_memory_nor_in_open_files(node):
    client = node.client()
    client.events()
    pids = _pids(client)
    files = _open_files(pids)
    with Load(node, remembered=10_000) as load:
        time.sleep(SOAK_SECONDS / 4)
        before, answered = _memory(pids), load.answered
        time.sleep(SOAK_SECONDS * 3 / 4)
        after = _memory(pids)
    assert load.answered > answered
    assert (load.statuses, load.broken) == ({200}, 0)
    print(f"{load.answered} requests; KiB {before} -> {after}")  # noqa: T201 - shown when it fails
    for name in pids:
        assert after[name] <= before[name] * _GROWTH_MAX + _GROWTH_KIB_MAX, name
    load.check()
    _settled(client, files)
    assert _pids(client) == pids
