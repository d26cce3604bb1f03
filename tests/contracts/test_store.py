"""The promises of the `Store` port, for every adapter."""

import apsw
import pytest

from strongroom.adapters.sqlite.store import SQLiteStore
from strongroom.domain.records import Kind, Record, Ref
from strongroom.ports.store import (
    Commit,
    Conflict,
    Entry,
    EventQuery,
    Kept,
    Stale,
    StoreRefused,
    StoreUnavailable,
    Write,
)
from strongroom.tlog.merkle import Frontier, leaf_hash

NAMESPACE = b"n" * 16
REQUEST = "019abc000000" + "0" * 20


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "store.db")


@pytest.fixture
def store(path):
    made = SQLiteStore.create(path, b"d" * 16)
    yield made
    made.close()


def entry(number=0, **changes):
    values = {
        "time_us": 1_700_000_000_000_000 + number,
        "namespace": NAMESPACE,
        "principal": "app",
        "object": "key/demo",
        "action": "key.encrypt",
        "outcome": "allowed",
        "request": REQUEST,
        "body": b'{"number":%d}' % number,
    }
    return Entry(**(values | changes))


def record(number=1, *, name="demo", revision=1):
    return Record(
        Kind.KEY, bytes([number]) * 16, NAMESPACE, name, revision, REQUEST, b"{}", b"m" * 32
    )


def writing(made, replaces=0, *, epoch=0, facts=()):
    return Commit(epoch, facts, entry(), (Write(made, replaces),))


def test_what_was_kept_is_there_after_reopening(path):
    store = SQLiteStore.create(path, b"d" * 16)
    assert store.commit([writing(record())]) == [Kept(0)]
    before = store.tree, store.epoch
    store.close()
    again = SQLiteStore.open(path)
    assert again.load([Ref(Kind.KEY, b"\1" * 16)]) == [record()]
    assert (again.tree, again.epoch, again.deployment) == (*before, b"d" * 16)
    again.close()


def test_entries_get_positions_without_a_gap_and_the_rfc_6962_tree(store):
    group = [Commit(0, (), entry(number)) for number in range(70)]
    assert store.commit(group[:3]) == [Kept(0), Kept(1), Kept(2)]
    store.commit(group[3:])
    frontier = Frontier()
    events = store.events(EventQuery(NAMESPACE, limit=100)).events
    assert [event.position for event in events] == list(range(70))
    for number, event in enumerate(events):
        assert event.leaf_hash == leaf_hash(b'{"number":%d}' % number)
        frontier.append(event.leaf_hash)
    assert store.tree.root == frontier.root()


def test_a_name_is_taken_once(store):
    store.commit([writing(record(1))])
    assert store.commit([writing(record(2))]) == [Conflict(name=True)]
    assert store.load([Ref(Kind.KEY, b"\2" * 16)]) == [None]
    assert store.tree.size == 1


def test_two_of_one_group_cannot_take_the_same_name(store):
    outcomes = store.commit([writing(record(1)), writing(record(2)), Commit(0, (), entry(3))])
    assert outcomes == [Kept(0), Conflict(name=True), Kept(1)]


def test_a_revision_that_moved_is_a_conflict(store):
    store.commit([writing(record(revision=1))])
    store.commit([writing(record(revision=2), 1)])
    assert store.commit([writing(record(revision=2), 1)]) == [Conflict(name=False)]


def test_a_decision_on_a_changed_fact_is_stale_and_writes_nothing(store):
    fact = record().fact
    store.commit([writing(record())])
    assert store.commit([Commit(0, (fact,), entry())]) == [Stale()]
    assert store.commit([Commit(0, (b"kother",), entry())]) == [Kept(1)]
    assert store.commit([Commit(1, (fact,), entry())]) == [Kept(2)]
    assert store.changed_since(0) == [fact]
    assert store.changed_since(1) == []


def test_a_fact_that_changes_earlier_in_the_group_makes_the_later_stale(store):
    store.commit([writing(record())])
    fact = record().fact
    change = writing(record(revision=2), 1, epoch=1)
    assert store.commit([change, Commit(1, (fact,), entry())]) == [Kept(1), Stale()]


def test_only_writes_move_the_epoch(store):
    store.commit([Commit(0, (), entry())])
    assert store.epoch == 0
    store.commit([writing(record(1, name="a")), writing(record(2, name="b"))])
    assert store.epoch == 2


def test_after_a_restart_an_older_epoch_knows_nothing(path):
    store = SQLiteStore.create(path, b"d" * 16)
    store.commit([writing(record())])
    store.close()
    again = SQLiteStore.open(path)
    assert again.changed_since(0) is None
    assert again.commit([Commit(0, (b"kother",), entry())]) == [Stale()]
    again.close()


def test_lists_are_in_the_order_of_names_and_of_one_namespace(store):
    for number, name in enumerate(["b", "c", "a"], 1):
        store.commit([writing(record(number, name=name))])
    assert [r.name for r in store.page(Kind.KEY, NAMESPACE, "", 2)] == ["a", "b"]
    assert [r.name for r in store.page(Kind.KEY, NAMESPACE, "b", 9)] == ["c"]
    assert store.page(Kind.KEY, b"x" * 16, "", 9) == []


def test_a_family_is_greatest_first(store):
    for number in (1, 2, 3):
        made = Record(
            Kind.VERSION,
            b"k" * 16 + bytes([0, 0, 0, number]),
            NAMESPACE,
            "",
            1,
            REQUEST,
            b"{}",
            b"m",
        )
        store.commit([writing(made)])
    assert [r.id[-1] for r in store.family(Kind.VERSION, b"k" * 16, 2)] == [3, 2]


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ({"principal": "app"}, [0, 2]),
        ({"principal": "bob"}, [1]),
        ({"action": "key.encrypt", "outcome": "refused"}, [2]),
        ({"object": "key/none"}, []),
        ({"after": 0}, [1, 2]),
        ({"since_us": 1_700_000_000_000_001}, [1, 2]),
        ({"until_us": 1_700_000_000_000_000}, [0]),
        ({"limit": 1}, [0]),
    ],
)
def test_events_are_found_by(store, condition, found):
    store.commit(
        [
            Commit(0, (), entry(0)),
            Commit(0, (), entry(1, principal="bob")),
            Commit(0, (), entry(2, outcome="refused")),
        ]
    )
    page = store.events(EventQuery(NAMESPACE, **condition))
    assert [event.position for event in page.events] == found


def test_another_namespace_sees_no_event(store):
    store.commit([Commit(0, (), entry())])
    page = store.events(EventQuery(b"x" * 16))
    assert (page.events, page.scanned, page.tree_size) == ([], 0, 1)


def test_a_second_process_cannot_open_it(store, path):
    with pytest.raises(StoreRefused, match="in use"):
        SQLiteStore.open(path)


def test_a_newer_schema_is_refused(path):
    SQLiteStore.create(path, b"d" * 16).close()
    db = apsw.Connection(str(path))
    db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(StoreRefused, match="newer"):
        SQLiteStore.open(path)


def test_a_foreign_file_is_refused(path, tmp_path):
    (tmp_path / "store.db").write_bytes(b"not a database at all" * 100)
    with pytest.raises(StoreRefused, match="not a Strongroom store"):
        SQLiteStore.open(path)


def test_a_missing_file_is_refused(path):
    with pytest.raises(StoreRefused, match="does not exist"):
        SQLiteStore.open(path)


def test_a_row_edited_to_another_type_is_still_a_record(store, path):
    store.commit([writing(record())])
    # By apsw, as the store itself: a second SQLite in this process would drop its locks.
    db = apsw.Connection(str(path))
    db.execute("UPDATE records SET revision = 'x', body = 7, mac = 'm', name = x'00ff'")
    db.close()
    (found,) = store.load([Ref(Kind.KEY, b"\1" * 16)])
    assert found is not None
    assert found != record()


def test_a_full_disk_keeps_nothing_of_the_group_and_recovers(store):
    """SQLite's page limit stands for the disk's end: the same error, without filling a disk."""
    store.commit([writing(record())])
    before = store.tree, store.epoch
    pages = store._db.pragma("page_count")
    store._db.pragma("max_page_count", pages)
    big = [Commit(1, (), entry(number, body=b"x" * 4000)) for number in range(200)]
    with pytest.raises(StoreUnavailable):
        store.commit(big)
    assert (store.tree, store.epoch) == before
    store._db.pragma("max_page_count", 1_000_000)
    assert store.commit(big[:1]) == [Kept(1)]
