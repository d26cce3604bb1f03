"""Fail the Nth write or flush that SQLite asks of the disk, for every N, and look at what is left.

The disk is that of `tests/support/disks.py`.
"""

import itertools
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import apsw
import pytest

from strongroom.adapters.sqlite.store import SQLiteStore
from strongroom.domain.records import Kind, Record, Ref
from strongroom.ports.store import (
    Commit,
    Entry,
    EventQuery,
    Kept,
    StoreUnavailable,
    Write,
)
from strongroom.tlog.merkle import Frontier, leaf_hash
from tests.support.disks import ERRORS, VFS, Disk, When, faulty_disk

NAMESPACE: Final = b"n" * 16
REQUEST: Final = "018bcfe56800" + "0" * 20
KEY: Final = Ref(Kind.KEY, b"\1" * 16)


@pytest.fixture
def disk() -> Iterator[Disk]:
    with faulty_disk() as disk:
        yield disk


def entry(group: int, number: int) -> Entry:
    body = b'{"group":%d,"number":%d,"pad":"%s"}' % (group, number, b"x" * 200)
    return Entry(
        1_700_000_000_000_000 + group, NAMESPACE, "app", "key/demo", "key.encrypt", "allowed",
        REQUEST, body,
    )  # fmt: skip


def revision(number: int) -> Record:
    body = b'{"revision":%d}' % number
    return Record(KEY.kind, KEY.id, NAMESPACE, "demo", number, REQUEST, body, b"m" * 32)


def change(group: int, number: int, epoch: int) -> Commit:
    write = Write(revision(number), number - 1)
    return Commit(epoch, (), entry(group, 0), (write,))


def groups() -> dict[int, list[Commit]]:
    """Create, use, change, use: each a group, whose number is in its entries."""
    return {
        0: [change(0, 1, 0)],
        1: [Commit(1, (KEY.fact,), entry(1, number)) for number in range(40)],
        2: [
            Commit(1, (), entry(2, 1)),
            change(2, 2, 1),
            Commit(1, (), entry(2, 2)),
        ],
        3: [Commit(0, (), entry(3, number)) for number in range(3)],
    }


class Seen:
    """What a store holds."""

    def __init__(self, store: SQLiteStore) -> None:
        page = store.events(EventQuery(NAMESPACE, limit=1_000))
        self.positions = [event.position for event in page.events]
        self.bodies = [event.body for event in page.events]
        frontier = Frontier()
        for event in page.events:
            assert event.leaf_hash == leaf_hash(event.body)
            frontier.append(event.leaf_hash)
        self.root = frontier.root()
        self.size = page.tree_size
        (self.key,) = store.load([KEY])
        self.epoch = store.epoch
        assert (store.tree.size, store.tree.root) == (len(self.bodies), self.root)
        assert self.size == len(self.bodies)
        assert self.positions == list(range(len(self.bodies)))

    def has_group(self, number: int) -> bool:
        """All of it, or none: anything between fails here."""
        wanted = [commit.entry.body for commit in groups()[number]]
        there = [body for body in self.bodies if body in wanted]
        assert there in ([], wanted)
        return there == wanted


def run(store: SQLiteStore, acknowledged: dict[int, list[int]]) -> None:
    for number, group in groups().items():
        try:
            outcomes = store.commit(group)
        except StoreUnavailable:
            continue
        kept = [outcome.position for outcome in outcomes if isinstance(outcome, Kept)]
        if len(kept) == len(group):
            acknowledged[number] = kept
        else:
            # A change of what a fault kept from being made: all of the group's others are kept.
            acknowledged.setdefault(-number, kept)


def check(store: SQLiteStore, acknowledged: dict[int, list[int]]) -> None:
    seen = Seen(store)
    for number, positions in acknowledged.items():
        bodies = [seen.bodies[position] for position in positions]
        assert set(bodies) <= {commit.entry.body for commit in groups()[abs(number)]}
        if number >= 0:
            assert bodies == [commit.entry.body for commit in groups()[number]]
    changed = [body for body in (entry(0, 0).body, entry(2, 0).body) if body in seen.bodies]
    # A record is there exactly when its entry is, and the epoch has counted it.
    assert seen.epoch == len(changed)
    assert seen.key == (revision(len(changed)) if changed else None)
    for number in groups():
        if -number not in acknowledged or number == 0:
            seen.has_group(number)


@pytest.mark.parametrize("lasting", [False, True], ids=["once", "lasting"])
@pytest.mark.parametrize("when", list(When), ids=lambda when: when.value)
@pytest.mark.parametrize("error", ERRORS)
def test_a_fault_at_the_nth_act_loses_nothing_acknowledged_and_splits_nothing(
    tmp_path: Path, disk: Disk, error: str, when: When, *, lasting: bool
) -> None:
    """And the same store goes on when the disk is mended."""
    pristine = tmp_path / "pristine.db"
    SQLiteStore.create(str(pristine), b"d" * 16).close()
    failed = 0
    for nth in itertools.count(1):
        path = tmp_path / f"{nth}.db"
        shutil.copy(pristine, path)
        store = SQLiteStore.open(str(path), vfs=VFS)
        store._db.wal_autocheckpoint(3)
        acknowledged: dict[int, list[int]] = {}
        disk.break_at(nth, ERRORS[error], when, lasting=lasting)
        run(store, acknowledged)
        reached = disk.reached
        failed += len(acknowledged) < len(groups())
        disk.mend()

        # As the files are at this moment: what a process killed now would leave to its successor.
        killed = tmp_path / "killed.db"
        for suffix in ("", "-wal"):
            shutil.copy(f"{path}{suffix}", f"{killed}{suffix}")
        successor = SQLiteStore.open(str(killed))
        check(successor, acknowledged)
        successor.close()

        check(store, acknowledged)
        size = store.tree.size
        assert store.commit([Commit(store.epoch, (), entry(9, 9))]) == [Kept(size)]
        store.probe()
        store.close()
        again = SQLiteStore.open(str(path))
        check(again, acknowledged)
        assert again.tree.size == size + 1
        again.close()
        path.unlink()
        if not reached:
            break
    assert nth > 30
    assert failed > 0


@pytest.mark.parametrize("error", ERRORS)
def test_a_probe_of_a_broken_disk_is_refused_until_it_is_mended(
    tmp_path: Path, disk: Disk, error: str
) -> None:
    path = str(tmp_path / "store.db")
    SQLiteStore.create(path, b"d" * 16).close()
    store = SQLiteStore.open(path, vfs=VFS)
    disk.break_at(1, ERRORS[error], When.BEFORE, lasting=True)
    for _ in range(3):
        with pytest.raises(StoreUnavailable):
            store.probe()
    disk.mend()
    store.probe()
    store.close()


def test_what_was_known_before_a_fault_is_still_fresh_after_it(tmp_path: Path, disk: Disk) -> None:
    """Nothing was written, so nobody has to forget anything."""
    path = str(tmp_path / "store.db")
    SQLiteStore.create(path, b"d" * 16).close()
    store = SQLiteStore.open(path, vfs=VFS)
    store.commit(groups()[0])
    disk.break_at(1, apsw.FullError, When.BEFORE, lasting=True)
    with pytest.raises(StoreUnavailable):
        store.commit(groups()[1])
    disk.mend()
    assert store.changed_since(0) == [KEY.fact]
    assert store.commit([Commit(0, (b"kother",), entry(1, 0))]) == [Kept(1)]
    store.close()
