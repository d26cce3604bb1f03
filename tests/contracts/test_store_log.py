"""The log as its readers see it: hashes, entries, checkpoints, cursors. For every adapter."""

import apsw
import pytest

from strongroom.adapters.sqlite.store import SQLiteStore
from strongroom.domain import limits
from strongroom.domain.records import Kind, Record
from strongroom.ports.store import (
    Checkpoints,
    Commit,
    Cursor,
    EventQuery,
    StoreDamaged,
    StoredEvent,
    StoreUnavailable,
    Write,
)
from strongroom.tlog.merkle import Node, leaf_hash, node_hash
from tests.support.stores import copied, entry

SIZE = 65_536 + 300  # a subtree of height 16, one of height 8, and some leaves


def grow(store, size, first=0):
    """Entries from a position on."""
    for start in range(first, size, 1_000):
        end = min(start + 1_000, size)
        store.commit([Commit(0, (), entry(number)) for number in range(start, end)])


def body(position):
    return b'{"number":%d}' % position


def true_hash(height, number):
    """As RFC 6962 defines it."""
    row = [leaf_hash(body(n)) for n in range(number << height, (number + 1) << height)]
    while len(row) > 1:
        row = [node_hash(*row[at : at + 2]) for at in range(0, len(row), 2)]
    return row[0]


def nodes(size):
    """Perfect subtrees inside a log of that size: at both ends and in the middle, all heights."""
    for height in range(size.bit_length()):
        count = size >> height
        for number in sorted({0, 1, count // 2, count - 2, count - 1}):
            if 0 <= number < count:
                yield Node(height, number)


# --- hashes ---------------------------------------------------------------------------------------


def test_hashes_are_those_of_rfc_6962_at_every_height(store):
    grow(store, SIZE)
    asked = list(nodes(SIZE))
    assert max(node.height for node in asked) == 16
    assert store.hashes(asked) == [true_hash(*node) for node in asked]
    assert store.hashes([]) == []


@pytest.mark.parametrize("size", [1, 2, 255, 256, 257, 511, 512, 700])
def test_hashes_are_right_while_the_log_grows(store, size):
    grow(store, size)
    asked = list(nodes(size))
    assert store.hashes(asked) == [true_hash(*node) for node in asked]


@pytest.mark.parametrize(
    "node",
    [(0, 300), (1, 150), (8, 1), (9, 0), (63, 0), (64, 0), (10**9, 0), (-1, 0), (0, -1), (-8, 1)],
)
def test_a_hash_beyond_the_log_is_refused(store, node):
    grow(store, 300)
    with pytest.raises(ValueError, match="beyond the log"):
        store.hashes([Node(0, 299), Node(*node)])


def test_an_empty_log_has_no_hashes(store):
    with pytest.raises(ValueError, match="beyond"):
        store.hashes([Node(0, 0)])
    assert store.entries(0, 9) == []


def test_a_group_that_was_not_kept_leaves_no_hash(file_store):
    grow(file_store, 250)
    file_store._db.pragma("max_page_count", file_store._db.pragma("page_count"))
    with pytest.raises(StoreUnavailable):
        file_store.commit([
            Commit(0, (), entry(number, body=b'"%s"' % (b"x" * 9_000))) for number in range(20)
        ])  # fmt: skip
    file_store._db.pragma("max_page_count", 1_000_000)
    with pytest.raises(ValueError, match="beyond"):
        file_store.hashes([Node(8, 0)])
    grow(file_store, 600, 250)
    assert file_store.hashes([Node(8, 0), Node(9, 0)]) == [true_hash(8, 0), true_hash(9, 0)]


def test_hashes_of_a_store_that_was_killed_are_those_of_what_it_kept(file_store, tmp_path):
    for size in (1, 255, 256, 511, 513):
        grow(file_store, size, file_store.tree.size)
        successor = copied(file_store, tmp_path)
        asked = list(nodes(size))
        assert successor.hashes(asked) == [true_hash(*node) for node in asked]
        grow(successor, 1_030, size)
        assert successor.hashes([Node(10, 0)]) == [true_hash(10, 0)]
        successor.close()


# --- entries --------------------------------------------------------------------------------------


def test_entries_are_of_all_namespaces_in_their_order(store):
    store.commit([
        Commit(0, (), entry(number, namespace=bytes([number % 3]) * 16)) for number in range(10)
    ])  # fmt: skip
    found = store.entries(3, 4)
    assert found == [StoredEvent(n, leaf_hash(body(n)), body(n)) for n in (3, 4, 5, 6)]
    assert [event.position for event in store.entries(8, 99)] == [8, 9]
    assert store.entries(10, 1) == []
    assert store.entries(2**70, 1) == []
    assert store.entries(0, 0) == []
    assert store.entries(0, -5) == []


def test_sealed_details_come_with_the_entry_and_are_no_part_of_its_hash(store):
    store.commit([
        Commit(0, (), entry(0)), Commit(0, (), entry(1, sealed=b"s" * 99)), Commit(0, (), entry(2)),
    ])  # fmt: skip
    assert [event.sealed for event in store.entries(0, 9)] == [b"", b"s" * 99, b""]
    events = store.events(EventQuery(entry().namespace)).events
    assert [event.sealed for event in events] == [b"", b"s" * 99, b""]
    assert [event.leaf_hash for event in events] == [leaf_hash(body(n)) for n in range(3)]


def test_entries_that_are_long_come_in_several_answers_and_none_is_left_out(file_store):
    long = limits.ENTRY_BYTES_MAX - 100
    for start in range(0, 200, 50):
        file_store.commit([
            Commit(0, (), entry(0, body=b'"%0*d"' % (long, number)))
            for number in range(start, start + 50)
        ])  # fmt: skip
    answers, at = 0, 0
    while found := file_store.entries(at, 1_000):
        assert [event.position for event in found] == list(range(at, at + len(found)))
        assert sum(len(event.body) for event in found) < 5 * 1024 * 1024
        answers, at = answers + 1, at + len(found)
    assert (at, answers) == (200, 4)


# --- an edited file -------------------------------------------------------------------------------


def edit(store, text):
    # By apsw, as the store itself: a second SQLite in this process would drop its locks.
    db = apsw.Connection(store._path)
    db.execute(text)
    db.close()


def test_an_entry_that_is_gone_is_said_and_never_passed_over(file_store):
    grow(file_store, 20)
    edit(file_store, "DELETE FROM entries WHERE position = 7")
    assert [event.position for event in file_store.entries(5, 9)] == [5, 6]
    with pytest.raises(StoreDamaged, match="entry 7 is gone"):
        file_store.entries(7, 9)
    assert [event.position for event in file_store.entries(8, 2)] == [8, 9]
    with pytest.raises(StoreDamaged, match="the hash of entry 7 is gone"):
        file_store.hashes([Node(0, 7)])
    with pytest.raises(StoreDamaged, match="entry 7"):
        file_store.hashes([Node(2, 1)])


def test_an_altered_entry_is_handed_over_with_a_hash_that_is_not_its_own(file_store):
    grow(file_store, 20)
    edit(file_store, "UPDATE entries SET body = '{}' WHERE position = 7")
    (event,) = file_store.entries(7, 1)
    assert (event.body, event.leaf_hash) == (b"{}", leaf_hash(body(7)))


@pytest.mark.parametrize("value", ["NULL", "7", "x'00'", "zeroblob(33)", "CAST(x'ff' AS TEXT)"])
@pytest.mark.parametrize(
    ("table", "match"),
    [
        ("subtrees SET root = {} WHERE number = 1", "subtree 1 of height 8"),
        ("entries SET leaf_hash = {} WHERE position = 256", "entry 256"),
    ],
)
def test_what_is_no_hash_is_not_taken_for_one(file_store, value, table, match):
    grow(file_store, 600)
    if value == "NULL":
        edit(file_store, "DELETE FROM " + table.replace("SET root = {} ", "").replace(
            "SET leaf_hash = {} ", ""))  # fmt: skip
    else:
        edit(file_store, "UPDATE " + table.format(value))
    node = Node(9, 0) if "subtrees" in table else Node(4, 16)
    with pytest.raises(StoreDamaged, match=match):
        file_store.hashes([node])


def test_a_foreign_subtree_keeps_no_log_from_growing(file_store):
    edit(file_store, "INSERT INTO subtrees VALUES (8, 0, x'00')")
    edit(file_store, "INSERT INTO sealed VALUES (3, x'00')")
    grow(file_store, 3)
    file_store.commit([Commit(0, (), entry(3, sealed=b"mine"))])
    grow(file_store, 300, 4)
    assert file_store.hashes([Node(8, 0)]) == [true_hash(8, 0)]
    assert file_store.entries(3, 1)[0].sealed == b"mine"


@pytest.mark.parametrize("value", ["7", "x'00'", "'text'", "CAST(x'ff' AS TEXT)"])
def test_without_its_frontier_the_log_is_not_read(file_store, value):
    grow(file_store, 3)
    edit(file_store, f"UPDATE meta SET value = {value} WHERE name = 'frontier'")
    for read in (
        lambda: file_store.entries(0, 1),
        lambda: file_store.hashes([Node(0, 0)]),
        lambda: file_store.events(EventQuery(entry().namespace)),
    ):
        with pytest.raises(StoreDamaged, match="frontier"):
            read()


# --- checkpoints ----------------------------------------------------------------------------------


def test_there_is_no_checkpoint_at_first(store):
    assert store.checkpoints() == Checkpoints()


def test_each_checkpoint_takes_the_place_of_the_one_before(store):
    grow(store, 9)
    store.keep_checkpoints(Checkpoints(3, b"three"))
    assert store.checkpoints() == Checkpoints(3, b"three")
    store.keep_checkpoints(Checkpoints(counted_size=3, counted=b"three, cosigned"))
    store.keep_checkpoints(Checkpoints(5, b"five"))
    assert store.checkpoints() == Checkpoints(5, b"five", 3, b"three, cosigned")
    store.keep_checkpoints(Checkpoints(5, b"five again", 5, b"five, cosigned"))
    assert store.checkpoints() == Checkpoints(5, b"five again", 5, b"five, cosigned")


@pytest.mark.parametrize(
    "given",
    [
        Checkpoints(4, b"four", 2, b"two"),
        Checkpoints(6, b"", 6, b""),
        Checkpoints(10, b"beyond", 10, b"beyond"),
        Checkpoints(5, b"five", 3, b"three"),
        Checkpoints(-1, b"x", -1, b"x"),
    ],
)
def test_a_checkpoint_that_is_smaller_empty_or_beyond_the_log_changes_nothing(store, given):
    grow(store, 9)
    store.keep_checkpoints(Checkpoints(5, b"five", 3, b"three"))
    store.keep_checkpoints(given)
    assert store.checkpoints() == Checkpoints(5, b"five", 3, b"three")


def test_checkpoints_and_cursors_are_there_after_a_kill(file_store, tmp_path):
    grow(file_store, 9)
    file_store.keep_checkpoints(Checkpoints(5, b"five", 3, b"three"))
    file_store.move_cursor(Cursor("sink", 4, b"state"))
    successor = copied(file_store, tmp_path)
    assert successor.checkpoints() == Checkpoints(5, b"five", 3, b"three")
    assert successor.cursor("sink") == Cursor("sink", 4, b"state")
    successor.close()


@pytest.mark.parametrize("change", ["size = 'x'", "note = 7", "size = 99", "size = -1"])
def test_an_edited_checkpoint_keeps_no_true_one_out(file_store, change):
    grow(file_store, 9)
    file_store.keep_checkpoints(Checkpoints(5, b"five"))
    edit(file_store, f"UPDATE checkpoints SET {change}")
    file_store.checkpoints()
    file_store.keep_checkpoints(Checkpoints(6, b"six"))
    assert file_store.checkpoints() == Checkpoints(6, b"six")


# --- cursors --------------------------------------------------------------------------------------


def test_a_reader_is_remembered_where_it_was_last(store):
    assert store.cursor("sink") is None
    store.move_cursor(Cursor("sink", 5, b"a"))
    store.move_cursor(Cursor("watcher", 7))
    store.move_cursor(Cursor("sink", 3, b"\0" * 100_000))  # back, if that is what it says
    assert store.cursor("sink") == Cursor("sink", 3, b"\0" * 100_000)
    assert store.cursor("watcher") == Cursor("watcher", 7)
    assert store.cursor("Sink") is None


def test_an_edited_cursor_is_none(file_store):
    file_store.move_cursor(Cursor("sink", 5))
    edit(file_store, "UPDATE cursors SET position = 'x'")
    assert file_store.cursor("sink") is None


def test_marks_move_no_epoch_and_add_no_entry(store):
    grow(store, 2)
    before = store.tree, store.epoch
    store.keep_checkpoints(Checkpoints(1, b"one"))
    store.move_cursor(Cursor("sink", 1))
    assert (store.tree, store.epoch) == before


def test_a_closed_store_answers_nothing(path):
    store = SQLiteStore.create(path, b"d" * 16)
    store.close()
    for ask in (
        store.checkpoints,
        lambda: store.cursor("sink"),
        lambda: store.move_cursor(Cursor("sink", 1)),
    ):
        with pytest.raises(StoreUnavailable):
            ask()


# --- changes --------------------------------------------------------------------------------------


def changing(number, replaces=0, *, erases=False):
    made = Record(Kind.KEY, bytes(16), b"n" * 16, "demo", replaces + 1, "0" * 32, b"{}", b"m" * 32)
    return Commit(replaces, (), entry(number), (Write(made, replaces),), None, erases)


def test_entries_that_changed_records_are_found_among_others(store):
    store.commit([Commit(0, (), entry(0)), changing(1), Commit(0, (), entry(2))])
    store.commit([changing(3, 1, erases=True), changing(9, 7), Commit(0, (), entry(4))])
    assert [event.position for event in store.changes(0, 10, erasing=False)] == [1, 3]
    (found,) = store.changes(0, 10, erasing=True)
    assert (found.position, found.body) == (3, entry(3).body)
    assert found.leaf_hash == leaf_hash(found.body)
    assert [event.position for event in store.changes(2, 1, erasing=False)] == [3]
    assert store.changes(4, 10, erasing=False) == []
