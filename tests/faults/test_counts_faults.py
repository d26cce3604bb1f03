"""The disk fails at the Nth act, for every N: each use is counted once, and what is erased is gone.

Counts are kept beside commits, so a fault meets them half way. What they should be is worked out
from the log itself.
"""

import itertools
import shutil
from collections import Counter
from pathlib import Path

import msgspec
import pytest

from strongroom.adapters.sqlite.store import SQLiteStore
from strongroom.domain.events import Event
from strongroom.domain.records import Kind, Record
from strongroom.ports.store import (
    Commit,
    EventQuery,
    Exhausted,
    Kept,
    Quota,
    StoreUnavailable,
    Write,
)
from tests.support.disks import ERRORS, VFS, When, faulty_disk
from tests.support.uses import NAMESPACE, REQUEST, use

QUOTA = Quota("key/demo", 1, uses_max=150)
MARK = b"the material that is to be erased"


@pytest.fixture
def disk():
    with faulty_disk() as disk:
        yield disk


def material(revision, body):
    made = Record(Kind.VERSION, b"v" * 20, NAMESPACE, "", revision, REQUEST, body, b"m" * 32)
    return Write(made, revision - 1)


@pytest.fixture
def pristine(tmp_path):
    """A store with counts in memory and in the file, and material."""
    path = tmp_path / "pristine.db"
    store = SQLiteStore.create(str(path), b"d" * 16)
    store.commit([use(2, who=who) for who in "abcdefgh"])
    store.commit([Commit(0, (), use().entry, (material(1, MARK),))])
    store.close()
    return path


def told(store):
    """The counts that the log's entries add up to."""
    counts = Counter()
    for event in store.events(EventQuery(NAMESPACE, limit=1_000)).events:
        body = msgspec.json.decode(event.body, type=Event)
        counts[body.version, body.principal] += body.details["count"]
    return counts


def counted(store):
    rows = store.usage(NAMESPACE, "key/demo", 0, 1_000)
    return Counter({(row.version, row.principal): row.count for row in rows})


def run(store):
    """Uses, in groups and alone, idle moments, an erasure. What was acknowledged."""
    kept = Counter()
    erased = False
    acts = [
        [use(3, who=who, quota=QUOTA) for who in "abcdefghij"],
        [use(5, version=2, quota=QUOTA)],
        None,
        [Commit(0, (), use(who="e").entry, (material(2, b"{}"),), erases=True), use(who="b")],
        None,
        [use(7, who=who, quota=QUOTA) for who in "abc"],
    ]
    for act in acts:
        try:
            if act is None:
                store.settle_counts()
                continue
            outcomes = store.commit(act)
        except StoreUnavailable:
            continue
        for commit, outcome in zip(act, outcomes, strict=True):
            assert isinstance(outcome, Kept), outcome
            if commit.erases:
                erased = True
            for tally in commit.entry.tally:
                kept[tally.version, commit.entry.principal] += tally.count
    return kept, erased


def check(store, kept, before):
    counts = counted(store)
    assert counts == told(store)
    assert all(counts[row] >= count + before[row] for row, count in kept.items())
    (outcome,) = store.commit([use(1, who="last", quota=QUOTA)])
    assert isinstance(outcome, Kept)
    assert outcome.uses == sum(count for (version, _), count in counts.items() if version == 1) + 1
    assert store.commit([use(150, quota=QUOTA)]) == [Exhausted(rate=False)]


@pytest.mark.parametrize("lasting", [False, True], ids=["once", "lasting"])
@pytest.mark.parametrize("when", list(When), ids=lambda when: when.value)
@pytest.mark.parametrize("error", ERRORS)
def test_a_fault_at_the_nth_act_counts_no_use_twice_and_forgets_none(
    tmp_path, disk, pristine, error, when, lasting, monkeypatch
):
    monkeypatch.setattr("strongroom.adapters.sqlite.uses._STEP_ROWS", 2)
    truncated_late = 0
    for nth in itertools.count(1):
        path = tmp_path / f"{nth}.db"
        shutil.copy(pristine, path)
        store = SQLiteStore.open(str(path), vfs=VFS)
        store._db.wal_autocheckpoint(3)
        store._uses.interval_seconds = 0
        before = counted(store)
        disk.break_at(nth, ERRORS[error], when, lasting=lasting)
        kept, erased = run(store)
        reached = disk.reached
        disk.mend()

        killed = tmp_path / "killed.db"
        for suffix in ("", "-wal"):
            shutil.copy(f"{path}{suffix}", f"{killed}{suffix}")
        successor = SQLiteStore.open(str(killed))
        if erased:
            # Opening has cut what the fault kept from being cut.
            assert MARK not in killed.read_bytes() + Path(f"{killed}-wal").read_bytes()
        check(successor, kept, before)
        successor.close()

        if erased:
            truncated_late += store.erasing
            store._erased_at -= 10
            store.settle_counts()
            assert not store.erasing
            assert MARK not in path.read_bytes() + Path(f"{path}-wal").read_bytes()
        check(store, kept, before)
        store.close()
        again = SQLiteStore.open(str(path))
        assert counted(again) == told(again)
        again.close()
        path.unlink()
        if not reached:
            break
    assert nth > 20
    assert truncated_late > 0
