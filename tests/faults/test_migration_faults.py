"""A database of an older schema is brought up in one step: it is of one schema or the other, whole.

The databases are the golden ones. The disk fails at the Nth act, for every N, and the power is cut
before each act.
"""

import itertools
import random
import shutil
from pathlib import Path

import apsw
import pytest

from strongroom.adapters.sqlite import schema
from strongroom.adapters.sqlite.store import SQLiteStore
from strongroom.domain.records import Kind
from strongroom.ports.store import StoreRefused
from strongroom.tlog.merkle import Node, root
from tests.support.disks import ERRORS, VFS, When, faulty_disk
from tests.support.power import VFS as POWER_VFS
from tests.support.power import Power

GOLDEN = Path(__file__).parents[1] / "golden"
COLUMNS = "kind, id, namespace, name, revision, request, body, mac"


def content(path):
    """Schema, records and log, as they are in the file."""
    db = apsw.Connection(str(path))
    try:
        version = db.pragma("user_version")
        live = "" if version == 1 else "WHERE live = 1"
        return (
            version,
            db.execute(f"SELECT {COLUMNS} FROM records {live} ORDER BY kind, id").fetchall(),
            db.execute("SELECT * FROM entries ORDER BY position").fetchall(),
            db.execute("SELECT * FROM meta WHERE name IN ('epoch', 'frontier')").fetchall(),
        )
    finally:
        db.close()


@pytest.fixture(scope="module", params=[1, 2, 3])
def old(request):
    return request.param


@pytest.fixture(scope="module")
def golden(old):
    return GOLDEN / f"v{old}" / "store.db"


@pytest.fixture(scope="module")
def truth(golden, old):
    version, *rest = content(golden)
    assert version == old
    assert all(rest)
    return rest


def check(path, truth):
    """It opens, and everything is in it."""
    assert content(path)[1:] == tuple(truth)
    store = SQLiteStore.open(str(path))
    assert store.find(Kind.NAMESPACE, b"", "default") is not None
    store.probe()
    store.close()
    version, *rest = content(path)
    assert version == schema.SCHEMA
    assert rest == truth


def test_an_older_schema_is_brought_up_and_counts_what_the_log_tells(tmp_path, truth, golden, old):
    path = tmp_path / "store.db"
    shutil.copy(golden, path)
    check(path, truth)
    store = SQLiteStore.open(str(path))
    namespace = store.find(Kind.NAMESPACE, b"", "default").id
    rows = store.usage(namespace, "key/demo", 0, 99)
    encrypts = sum(b'"action":"key.encrypt"' in row[-1].encode() for row in truth[1])
    assert 0 < sum(row.count for row in rows) <= encrypts
    assert bool(store.due(2**60, 9)) is (old > 1)
    assert store.settle_counts() is None
    assert store.hashes([Node(3, 0)]) == [root([row[-2] for row in truth[1][:8]])]
    assert store.entries(0, 1)[0].body == truth[1][0][-1].encode()
    store.close()
    # What the older table's pages held is not left in the free ones.
    db = apsw.Connection(str(path))
    assert db.pragma("integrity_check") == "ok"
    db.close()
    (body,) = {row[6] for row in truth[0] if row[0] == "n" and row[3] == "default"}
    assert path.read_bytes().count(body.encode()) == 1


@pytest.mark.parametrize("when", list(When), ids=lambda when: when.value)
@pytest.mark.parametrize("error", ERRORS)
def test_a_fault_at_the_nth_act_leaves_one_schema_or_the_other(
    tmp_path, truth, golden, error, when
):
    refused = 0
    with faulty_disk() as disk:
        for nth in itertools.count(1):
            path = tmp_path / f"{nth}.db"
            shutil.copy(golden, path)
            disk.break_at(nth, ERRORS[error], when, lasting=True)
            try:
                store = SQLiteStore.open(str(path), vfs=VFS)
            except StoreRefused:
                refused += 1
                store = None
            reached = disk.reached
            disk.mend()
            if store is not None:
                store.close()
            check(path, truth)
            if not reached:
                break
    assert nth > 20
    assert refused > 10


def test_a_power_cut_at_any_act_leaves_one_schema_or_the_other(tmp_path, truth, golden, old):
    chance = random.Random(4)  # noqa: S311 - to be repeatable
    path, left = tmp_path / "store.db", tmp_path / "left"
    left.mkdir()
    shutil.copy(golden, path)
    versions, cuts = set(), []
    with Power() as power:
        power.acted = lambda: cuts.extend(power.cut(chance) for _ in range(3))
        store = SQLiteStore.open(str(path), vfs=POWER_VFS)
        power.acted = lambda: None
        cuts.append(power.cut(chance))
        store.close()
    for files in cuts:
        for former in left.iterdir():
            former.unlink()
        for name, held in files.items():
            if held is not None:
                (left / Path(name).name).write_bytes(held)
        versions.add(content(left / "store.db")[0])
        check(left / "store.db", truth)
    assert versions == {old, schema.SCHEMA}
    assert len(cuts) > 50


@pytest.mark.parametrize("old", [1, 2], indirect=True)  # a later one has the subtrees already
@pytest.mark.parametrize(
    ("change", "match"),
    [
        ("DELETE FROM entries WHERE position = 3", "entry 3 is gone"),
        ("DELETE FROM entries WHERE position = (SELECT max(position) FROM entries)", "is gone"),
        ("UPDATE entries SET leaf_hash = x'00' WHERE position = 3", "entry 3 has no leaf hash"),
        ("UPDATE entries SET leaf_hash = zeroblob(32) WHERE position = 3", "not those of its tree"),
        ("UPDATE meta SET value = x'' WHERE name = 'frontier'", "frontier"),
    ],
)
def test_a_log_that_is_not_that_of_its_tree_is_not_brought_up(tmp_path, golden, old, change, match):
    """Its subtrees could not be told from what they were; nothing is changed."""
    path = tmp_path / "store.db"
    shutil.copy(golden, path)
    db = apsw.Connection(str(path))
    db.execute(change)
    db.close()
    with pytest.raises(StoreRefused, match=match):
        SQLiteStore.open(str(path))
    assert content(path)[0] == old
