"""The write-ahead log is written back beside the commits: whatever comes of it, nothing is lost."""

import itertools
import random
import shutil
import threading
from pathlib import Path

import pytest

from strongroom.adapters.sqlite import ahead
from strongroom.adapters.sqlite.store import SQLiteStore
from strongroom.ports.store import Commit, Kept, StoreUnavailable
from tests.support.disks import ERRORS, VFS, When, faulty_disk
from tests.support.power import VFS as POWER_VFS
from tests.support.power import Power
from tests.support.stores import copied, entry


@pytest.fixture
def soon(monkeypatch):
    """A few pages are as many as thousands."""
    monkeypatch.setattr(ahead, "_PAGES", 4)
    monkeypatch.setattr(ahead, "_PAGES_MAX", 12)


@pytest.fixture(scope="module")
def pristine(memory_path):
    path = memory_path / "pristine.db"
    SQLiteStore.create(str(path), b"d" * 16).close()
    return path


def group(number):
    return [
        Commit(0, (), entry(number * 3 + part, body=b"%05d" % number * 99)) for part in range(3)
    ]


def bodies(store):
    found = store.entries(0, 1_000)
    assert store.tree.size == len(found)
    return [event.body for event in found]


def log_bytes(path):
    return Path(f"{path}-wal").stat().st_size


def test_a_log_that_is_written_back_begins_anew(path_in_memory):
    store = SQLiteStore.create(path_in_memory, b"d" * 16)
    written = turns = 0
    for number in range(3_000):
        store.commit(group(number))
        if store.behind:
            store.write_back()
            turns += 1
            assert not store.behind
        written = max(written, log_bytes(path_in_memory))
    assert turns > 3
    # Else it would have as many pages as were ever written.
    assert written < 2_000 * 4_096
    store.close()


@pytest.fixture
def path_in_memory(memory_path):
    path = memory_path / "store.db"
    yield str(path)
    for left in memory_path.glob("store.db*"):
        left.unlink()


@pytest.mark.usefixtures("soon")
def test_nobody_who_writes_back_keeps_the_log_from_growing_beyond_all_bounds(path_in_memory):
    store = SQLiteStore.create(path_in_memory, b"d" * 16)
    for number in range(200):
        store.commit(group(number))
    assert log_bytes(path_in_memory) < 40 * 4_096
    store.close()


@pytest.mark.usefixtures("soon")
@pytest.mark.parametrize("when", list(When), ids=lambda when: when.value)
@pytest.mark.parametrize("error", ERRORS)
def test_a_fault_at_the_nth_act_loses_nothing_that_was_acknowledged(
    memory_path, pristine, error, when
):
    with faulty_disk() as disk:
        for nth in itertools.count(1):
            path, killed = memory_path / f"{nth}.db", memory_path / "killed.db"
            shutil.copy(pristine, path)
            store = SQLiteStore.open(str(path), vfs=VFS)
            disk.break_at(nth, ERRORS[error], when, lasting=False)
            acknowledged = []
            for number in range(8):
                try:
                    outcomes = store.commit(group(number))
                except StoreUnavailable:
                    continue
                assert all(isinstance(outcome, Kept) for outcome in outcomes)
                acknowledged += [commit.entry.body for commit in group(number)]
                if number % 3:
                    store.write_back()
            reached = disk.reached
            disk.mend()
            for suffix in ("", "-wal"):
                shutil.copy(f"{path}{suffix}", f"{killed}{suffix}")
            successor = SQLiteStore.open(str(killed))
            for looked in (successor, store):
                left = bodies(looked)
                assert [body for body in left if body in acknowledged] == acknowledged
                looked.close()
            path.unlink()
            if not reached:
                break
    assert nth > 20


@pytest.mark.usefixtures("soon")
def test_a_power_cut_while_it_is_written_back_loses_nothing(memory_path, pristine, path_in_memory):
    chance = random.Random(3)  # noqa: S311 - to be repeatable
    shutil.copy(pristine, path_in_memory)
    cuts, promised = [], 0
    with Power() as power:
        store = SQLiteStore.open(path_in_memory, vfs=POWER_VFS)
        power.acted = lambda: cuts.append((power.cut(chance), promised))
        for number in range(30):
            store.commit(group(number))
            promised += 3
            if chance.random() < 0.5:
                store.write_back()
        power.acted = lambda: None
        store.close()
    left = memory_path / "left"
    left.mkdir()
    for files, size in chance.sample(cuts, 150):
        for former in left.iterdir():
            former.unlink()
        for name, held in files.items():
            if held is not None:
                (left / Path(name).name).write_bytes(held)
        store = SQLiteStore.open(str(left / "store.db"))
        assert len(bodies(store)) >= size
        store.close()


@pytest.mark.usefixtures("soon")
def test_it_is_written_back_while_commits_read_and_erase(path_in_memory, tmp_path):
    store = SQLiteStore.create(path_in_memory, b"d" * 16)
    running, turns = True, 0

    def write_back():
        nonlocal turns
        while running:
            store.write_back()
            turns += 1

    other = threading.Thread(target=write_back)
    other.start()
    try:
        for number in range(250):
            store.commit(group(number))
            if number % 50 == 0:
                store._erasing = True
                store._erase()
                assert store.erasing is False
                successor = copied(store, tmp_path)
                assert len(bodies(successor)) == 3 * number + 3
                successor.close()
    finally:
        running = False
        other.join()
    assert turns > 20
    assert len(bodies(store)) == 750
    assert store._db.pragma("integrity_check") == "ok"
    store.close()
    store.write_back()  # somebody who comes too late is turned away
