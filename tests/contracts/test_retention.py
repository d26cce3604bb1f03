"""Old entries in files: everything is read as before, and nothing is let go of too early."""

import contextlib
import shutil

import apsw
import pytest

from strongroom.adapters.memory import MemoryStore
from strongroom.adapters.sqlite.store import SQLiteStore
from strongroom.ports.store import (
    Checkpoints,
    Commit,
    EventQuery,
    Extent,
    StoreDamaged,
    StoreUnavailable,
)
from strongroom.tlog import tiles
from strongroom.tlog.merkle import Node, leaf_hash
from strongroom.tlog.tiles import Tile
from tests.contracts.test_search import QUERIES, fill, found, log, settle
from tests.contracts.test_store import due
from tests.support.stores import copied, entry
from tests.support.uses import NAMESPACE, use

SPAN = 1 << 14
SIZE = SPAN + 2_000
FOR_EVER = 2**60


def archive(store, end=FOR_EVER):
    """All that can be."""
    while True:
        copied_to = store.copy_out(end)
        if store.let_go(end) == copied_to == store.copy_out(end):
            return copied_to


@pytest.fixture(scope="module")
def entries():
    return log(SIZE)


@pytest.fixture(scope="module")
def whole(entries, tmp_path_factory):
    """The file of a store that has entries, all of them settled and covered."""
    path = tmp_path_factory.mktemp("whole") / "store.db"
    store = SQLiteStore.create(str(path), b"d" * 16)
    fill(store, entries)
    store._uses.interval_seconds = 0
    settle(store)
    store.keep_checkpoints(Checkpoints(SIZE, b"signed", SIZE, b"counted"))
    store.close()
    return path


@pytest.fixture
def full(whole, tmp_path):
    shutil.copy(whole, tmp_path / "store.db")
    store = SQLiteStore.open(str(tmp_path / "store.db"))
    store._uses.interval_seconds = 0
    yield store
    store.close()


def test_what_is_in_files_is_read_as_before(full, entries):
    twin = MemoryStore(b"d" * 16)
    fill(twin, entries)
    queries = [
        EventQuery(**({"namespace": NAMESPACE, "limit": 900, "newest": newest} | asked))
        for asked in [*QUERIES, {"request": entries[70].request}]
        for newest in (False, True)
    ]
    expected = [found(twin, query) for query in queries]
    nodes = [Node(0, 0), Node(0, SIZE - 1), Node(3, 5), Node(8, 1), Node(10, 3), Node(14, 0)]
    hashes = full.hashes(nodes)
    assert archive(full) == SPAN
    assert full._db.execute("SELECT count(*) FROM entries").fetchone()[0] == SIZE - SPAN
    assert full.hashes(nodes) == hashes == twin.hashes(nodes)
    assert [found(full, query) for query in queries] == expected
    at = 0
    while stored := full.entries(at, 1_000):
        assert stored == twin.entries(at, len(stored))
        at += len(stored)
    assert at == SIZE
    page = full.events(EventQuery(NAMESPACE, object="key/7"))
    assert page.events == twin.events(EventQuery(NAMESPACE, object="key/7")).events


def test_files_are_those_of_c2sp_and_hold_their_entries(full, entries, tmp_path):
    archive(full)
    for number in (0, 1, SPAN // 256 - 1):
        bodies = [one.body for one in entries[number * 256 : number * 256 + 256]]
        content = (tmp_path / "archive" / Tile(tiles.ENTRIES, number).path).read_bytes()
        assert tiles.unbundle(content, 256) == bodies
        hashes = (tmp_path / "archive" / Tile(0, number).path).read_bytes()
        assert hashes == b"".join(map(leaf_hash, bodies))
    files = [path for path in (tmp_path / "archive").rglob("*") if path.is_file()]
    assert len(files) == 2 * SPAN // 256
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}


def test_a_store_that_is_opened_again_goes_on(whole, entries, tmp_path):
    shutil.copy(whole, tmp_path / "store.db")
    first = SQLiteStore.open(str(tmp_path / "store.db"))
    first.copy_out(2_560)
    assert first.let_go(2_560) == 2_560
    first.close()
    again = SQLiteStore.open(str(tmp_path / "store.db"))
    assert again.extent(FOR_EVER) == Extent(2_560, SPAN)
    assert again.entries(0, 1)[0].body == entries[0].body
    fill(again, entries[:50])
    assert again.let_go(FOR_EVER) == 2_560  # nothing was copied by this one yet
    assert archive(again) == SPAN
    again.close()


def test_sealed_details_stay_in_the_store(file_store):
    file_store._uses.interval_seconds = 0
    fill(file_store, [entry(number, sealed=b"s%d" % number) for number in range(SPAN)])
    settle(file_store)
    file_store.keep_checkpoints(Checkpoints(counted_size=SPAN, counted=b"c"))
    archive(file_store)
    assert [event.sealed for event in file_store.entries(9, 2)] == [b"s9", b"s10"]
    assert file_store.events(EventQuery(NAMESPACE, limit=1)).events[0].sealed == b"s0"


def test_entries_that_changed_records_are_found_in_files(full):
    size = SPAN * 2 - full.tree.size
    full.commit([due(number, 0) for number in range(1, 9)])
    fill(full, [entry(number) for number in range(size)])
    settle(full)
    full.keep_checkpoints(Checkpoints(counted_size=full.tree.size, counted=b"c"))
    before = full.changes(0, 99, erasing=False)
    assert len(before) == 8
    assert archive(full) == 2 * SPAN
    assert full.changes(0, 99, erasing=False) == before


# --- too early ------------------------------------------------------------------------------------


def test_nothing_moves_without_a_checkpoint_that_counts(file_store, entries):
    file_store._uses.interval_seconds = 0
    fill(file_store, entries)
    settle(file_store)
    file_store.keep_checkpoints(Checkpoints(SIZE, b"signed"))
    assert file_store.extent(FOR_EVER) == Extent(0, 0)
    assert file_store.copy_out(FOR_EVER) == 0
    assert file_store.let_go(FOR_EVER) == 0
    file_store.keep_checkpoints(Checkpoints(counted_size=700, counted=b"counted"))
    assert file_store.extent(FOR_EVER) == Extent(0, 512)
    assert archive(file_store) == 512


def test_nothing_moves_before_it_is_counted_and_in_the_index(file_store):
    file_store.commit([use() for _ in range(SPAN + 10)])
    file_store.keep_checkpoints(Checkpoints(counted_size=SPAN + 10, counted=b"c"))
    assert file_store.extent(FOR_EVER).ready == 0
    while file_store._index.behind:
        file_store.settle_counts()
    assert file_store.extent(FOR_EVER).ready == 0
    file_store._uses.interval_seconds = 0
    settle(file_store)
    assert file_store.extent(FOR_EVER).ready == SPAN


def test_only_what_is_old_enough_is_ready(full, entries):
    at = full.extent(entries[5_000].time_us).ready
    # Entries are nearly in the order of time: by half a second, here.
    assert abs(at - 5_000) < 1_300
    assert at % 256 == 0
    assert full.extent(0).ready == 0
    assert full.extent(FOR_EVER).ready == SPAN


def test_what_was_not_copied_is_not_let_go(full):
    assert full.let_go(FOR_EVER) == 0
    assert full.copy_out(512) == 512
    assert full.let_go(FOR_EVER) == 512
    assert full.let_go(0) == 512
    assert full.copy_out(100) == 512


# --- edits and faults -----------------------------------------------------------------------------


def edit(store, text):
    with contextlib.closing(apsw.Connection(store._path)) as db:
        db.execute(text)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ("UPDATE entries SET body = '{}' WHERE position = 300", "entry 300 was altered"),
        ("UPDATE entries SET leaf_hash = x'00' WHERE position = 300", "entry 300 was altered"),
        ("DELETE FROM entries WHERE position = 300", "entry 300 is gone"),
        ("DELETE FROM entries WHERE position = 511", "entry 511 is gone"),
    ],
)
def test_an_altered_entry_is_not_archived(full, change, match):
    edit(full, change)
    with pytest.raises(StoreDamaged, match=match):
        full.copy_out(FOR_EVER)
    assert full.let_go(FOR_EVER) == 0
    assert full._db.execute("SELECT count(*) FROM archived").fetchone()[0] == 0


def test_a_file_that_was_altered_lost_or_exchanged_is_noticed(full, tmp_path):
    archive(full)
    one, other = (tmp_path / "archive" / Tile(tiles.ENTRIES, n).path for n in (1, 2))
    content = one.read_bytes()
    for wrong in (content[:-1], content + b"x", content[:-1] + b"x", b"", other.read_bytes()):
        one.write_bytes(wrong)
        full._archive._known.clear()
        with pytest.raises(StoreDamaged):
            full.entries(511, 1)
    one.unlink()
    full._archive._known.clear()
    with pytest.raises(StoreDamaged, match="cannot be read"):
        full.entries(256, 1)
    with pytest.raises(StoreDamaged):
        full.events(EventQuery(NAMESPACE, after=255, limit=1))
    assert [event.position for event in full.entries(254, 2)] == [254, 255]
    one.mkdir()
    with pytest.raises(StoreDamaged, match="cannot be read"):
        full.entries(256, 1)


def test_another_logs_files_are_not_written_over(full, tmp_path):
    there = tmp_path / "archive" / Tile(tiles.ENTRIES, 1).path
    there.parent.mkdir(parents=True)
    there.write_bytes(b"of another log")
    with pytest.raises(StoreUnavailable, match="holds something else"):
        full.copy_out(FOR_EVER)
    assert there.read_bytes() == b"of another log"
    assert full.let_go(FOR_EVER) == 0


def test_half_a_file_of_one_who_was_killed_is_no_obstacle(full, tmp_path):
    path = tmp_path / "archive" / Tile(tiles.ENTRIES, 0).path
    path.parent.mkdir(parents=True)
    path.with_name(f"{path.name}.new").write_bytes(b"half")
    assert archive(full) == SPAN


def test_an_archive_that_cannot_be_written_stops_nothing_else(full, tmp_path):
    (tmp_path / "archive").write_bytes(b"a file")
    with pytest.raises(StoreUnavailable, match="archive"):
        full.copy_out(FOR_EVER)
    assert full.let_go(FOR_EVER) == 0
    assert len(full.entries(0, 5)) == 5
    size = full.tree.size
    full.commit([Commit(0, (), entry(1))])
    assert full.tree.size == size + 1


def test_one_that_was_killed_between_files_and_rows_begins_with_the_files(full, tmp_path, entries):
    full.copy_out(FOR_EVER)
    (tmp_path / "killed").mkdir()
    shutil.copytree(tmp_path / "archive", tmp_path / "killed" / "archive")
    successor = copied(full, tmp_path / "killed")
    assert successor.extent(FOR_EVER).archived == 0
    assert archive(successor) == SPAN
    assert successor.entries(SPAN - 1, 1)[0].body == entries[SPAN - 1].body
    successor.close()


def test_the_rows_go_together_or_not_at_all(full):
    full.copy_out(2_560)
    full._db.pragma("max_page_count", full._db.pragma("page_count"))
    try:
        full.let_go(2_560)
    except StoreUnavailable:
        archived = 0
    else:
        archived = 2_560
    full._db.pragma("max_page_count", 1_000_000)
    rows = "SELECT (SELECT count(*) FROM archived), (SELECT count(*) FROM entries)"
    assert full._db.execute(rows).fetchone() == (archived, SIZE - archived)
    assert full.let_go(2_560) == 2_560


def test_pages_that_are_let_go_are_used_again(file_store):
    file_store._uses.interval_seconds = 0
    long = [entry(number, body=b'{"number":%0400d}' % number) for number in range(SPAN)]
    fill(file_store, long)
    settle(file_store)
    file_store.keep_checkpoints(Checkpoints(counted_size=SPAN, counted=b"c"))
    assert archive(file_store) == SPAN
    pages = file_store._db.pragma("page_count")
    fill(file_store, long[: SPAN // 2])
    assert file_store._db.pragma("page_count") == pages
