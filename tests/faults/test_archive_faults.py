"""The disk fails at the Nth act while entries move into files, or a group completes subtrees.

No entry is lost, none is there twice, and what is asked for is what it was.
"""

import contextlib
import itertools
import shutil

import pytest

from strongroom.adapters.sqlite.store import SQLiteStore
from strongroom.ports.store import Checkpoints, Commit, EventQuery, StoreUnavailable
from strongroom.tlog.merkle import Node
from tests.support.disks import ERRORS, VFS, When, faulty_disk
from tests.support.stores import entry
from tests.support.uses import NAMESPACE

SPAN = 1 << 14
NODES = [Node(0, 0), Node(0, 1_100), Node(3, 5), Node(8, 0), Node(8, 3), Node(10, 0)]


def group(first, end):
    return [Commit(0, (), entry(number)) for number in range(first, end)]


@pytest.fixture(scope="module")
def pristine(tmp_path_factory):
    """Covered, counted and in the index, so that it can move."""
    path = tmp_path_factory.mktemp("pristine") / "store.db"
    store = SQLiteStore.create(str(path), b"d" * 16)
    store._uses.interval_seconds = 0
    store.commit(group(0, SPAN))
    while store.settle_counts() == 0:
        pass
    store.keep_checkpoints(Checkpoints(counted_size=SPAN, counted=b"counted"))
    told = told_by(store)
    store.close()
    return path, told


def told_by(store):
    page = store.events(EventQuery(NAMESPACE, after=1_000, limit=200))
    return store.hashes(NODES), store.entries(0, 1_100), store.entries(SPAN - 5, 9), page


def rows(store):
    (counts,) = store._db.execute(
        "SELECT (SELECT count(*) FROM archived), (SELECT count(*) FROM entries)"
    ).fetchall()
    return counts


@pytest.mark.parametrize("when", list(When), ids=lambda when: when.value)
@pytest.mark.parametrize("error", ERRORS)
def test_a_fault_while_rows_are_let_go_loses_no_entry(tmp_path, pristine, error, when):
    whole, told = pristine
    failed = 0
    with faulty_disk() as disk:
        for nth in itertools.count(1, 7):  # many acts are alike
            path = tmp_path / "store.db"
            shutil.copy(whole, path)
            store = SQLiteStore.open(str(path), vfs=VFS)
            store._db.wal_autocheckpoint(20)
            end = store.copy_out(1_024)
            disk.break_at(nth, ERRORS[error], when, lasting=True)
            try:
                store.let_go(end)
            except StoreUnavailable:
                failed += 1
            reached = disk.reached
            disk.mend()
            # As one finds it that begins now, and as this one goes on.
            killed = tmp_path / "killed.db"
            for suffix in ("", "-wal"):
                shutil.copy(f"{path}{suffix}", f"{killed}{suffix}")
            for one in (SQLiteStore.open(str(killed)), store):
                assert rows(one) in {(0, SPAN), (1_024, SPAN - 1_024)}
                assert told_by(one) == told
                one.copy_out(1_024)
                assert one.let_go(1_024) == 1_024
                assert rows(one) == (1_024, SPAN - 1_024)
                assert told_by(one) == told
                one.close()
            if not reached:
                break
    assert nth > 5
    assert failed > 0


@pytest.mark.parametrize("when", list(When), ids=lambda when: when.value)
@pytest.mark.parametrize("error", ERRORS)
def test_a_fault_in_a_group_that_completes_subtrees_leaves_their_roots_right(tmp_path, error, when):
    twin = SQLiteStore.create(str(tmp_path / "twin.db"), b"d" * 16)
    twin.commit(group(0, 1_200))
    expected = twin.hashes(NODES)
    twin.close()
    pristine = tmp_path / "pristine.db"
    store = SQLiteStore.create(str(pristine), b"d" * 16)
    store.commit(group(0, 200))
    store.close()
    with faulty_disk() as disk:
        for nth in itertools.count(1, 3):
            path = tmp_path / "store.db"
            shutil.copy(pristine, path)
            store = SQLiteStore.open(str(path), vfs=VFS)
            disk.break_at(nth, ERRORS[error], when, lasting=False)
            with contextlib.suppress(StoreUnavailable):
                store.commit(group(200, 1_100))
            reached = disk.reached
            disk.mend()
            store.commit(group(store.tree.size, 1_200))
            assert store.hashes(NODES) == expected
            store.close()
            if not reached:
                break
    assert nth > 3
