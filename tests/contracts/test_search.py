"""Entries are found by what they say: the same ones by every adapter, and by looking at all."""

import contextlib
import random
import shutil

import apsw
import pytest

from strongroom.adapters.memory import MemoryStore
from strongroom.adapters.sqlite.columns import SPAN
from strongroom.adapters.sqlite.inspection import SQLiteInspection
from strongroom.adapters.sqlite.store import SQLiteStore
from strongroom.ports.store import Commit, EventQuery
from tests.support.stores import copied, entry
from tests.support.uses import NAMESPACE

OTHER = b"o" * 16
START = 1_700_000_000_000_000
SECOND = 1_000_000


def settle(store):
    """Until nothing is put off any more."""
    while store.settle_counts() == 0:
        pass


def made(number, chance, values):
    """An entry of a busy log; the more values, the fewer entries share one."""
    at = START + number * 1_000 + chance.randrange(-500_000, 500_000)
    return entry(
        number,
        time_us=at,
        namespace=OTHER if chance.random() < 0.01 else NAMESPACE,
        principal=f"app-{chance.randrange(5)}",
        object=f"key/{chance.randrange(values)}",
        action=chance.choice(["key.encrypt"] * 9 + ["key.decrypt"]),
        outcome="refused" if chance.random() < 0.001 else "allowed",
        request=f"{at // 1000:012x}{chance.randrange(16**20):020x}",
    )


def log(size, values=40):
    chance = random.Random(size + values)  # noqa: S311 - to be repeatable
    return [made(number, chance, values) for number in range(size)]


def fill(store, entries, step=500):
    for start in range(0, len(entries), step):
        store.commit([Commit(0, (), one) for one in entries[start : start + step]])


def found(store, query):
    """All positions, page by page."""
    positions = []
    while True:
        page = store.events(query)
        positions += [event.position for event in page.events]
        assert len(page.events) <= query.limit
        if query.newest:
            if page.scanned <= query.after + 1:
                return positions
            assert page.scanned < (query.before or page.tree_size + 1)
            query = EventQuery(*[
                page.scanned if name == "before" else getattr(query, name)
                for name in query.__struct_fields__
            ])  # fmt: skip
        else:
            if page.scanned + 1 >= page.tree_size:
                return positions
            assert page.scanned > query.after
            query = EventQuery(*[
                page.scanned if name == "after" else getattr(query, name)
                for name in query.__struct_fields__
            ])  # fmt: skip


QUERIES = [
    {},
    {"namespace": OTHER},
    {"namespace": b"x" * 16},
    {"outcome": "refused"},
    {"principal": "app-3", "outcome": "refused"},
    {"object": "key/7"},
    {"object": "key/7", "action": "key.decrypt"},
    {"object": "key/none"},
    {"object": "key/7", "namespace": OTHER},
    {"principal": "app-1", "object": "key/2", "action": "key.decrypt", "outcome": "allowed"},
    {"since_us": START + 20 * SECOND, "until_us": START + 21 * SECOND},
    {"since_us": START + 10 * SECOND, "object": "key/7"},
    {"until_us": START + 10 * SECOND, "principal": "app-0", "action": "key.decrypt"},
    {"since_us": START + 3_600 * SECOND},
    {"until_us": START - 3_600 * SECOND},
    {"after": 17_000, "object": "key/7"},
    {"after": 99_999_999},
]


@pytest.fixture(scope="module")
def entries():
    return log(2 * SPAN + 3_000)


@pytest.fixture(scope="module")
def twin(entries):
    store = MemoryStore(b"d" * 16)
    fill(store, entries)
    return store


@pytest.fixture(scope="module")
def indexed(entries, tmp_path_factory):
    """The file of a store whose index is written."""
    path = tmp_path_factory.mktemp("indexed") / "store.db"
    store = SQLiteStore.create(str(path), b"d" * 16)
    fill(store, entries)
    settle(store)
    store.close()
    return path


@pytest.mark.parametrize("newest", [False, True], ids=["oldest", "newest"])
@pytest.mark.parametrize("values", [40, 1_500, 100_000], ids=["few", "some", "many"])
def test_all_that_matches_is_found_in_order_and_nothing_else(file_store, values, newest):
    """By an index of narrow, wide and unlisted values; and without one, while it is behind."""
    entries = log(2 * SPAN + 3_000, values)
    twin = MemoryStore(b"d" * 16)
    for store in (twin, file_store):
        fill(store, entries, len(entries))
    requests = [{"request": entries[at].request} for at in (0, SPAN - 1, SPAN, 2 * SPAN + 5)]
    queries = [
        EventQuery(**({"namespace": NAMESPACE, "limit": limit, "newest": newest} | query))
        for query in [*QUERIES, *requests, {"request": "f" * 32}, {"request": "x"}]
        for limit in (1_000, 100_000)
    ]
    expected = [found(twin, query) for query in queries]
    assert sum(map(len, expected)) > 40_000
    assert file_store._index.behind
    assert [found(file_store, query) for query in queries] == expected
    settle(file_store)
    assert not file_store._index.behind
    assert [found(file_store, query) for query in queries] == expected


def test_newest_first_begins_at_the_end_and_goes_on_before_what_was_seen(store):
    store.commit([Commit(0, (), entry(number)) for number in range(10)])

    def page(**asked):
        page = store.events(EventQuery(NAMESPACE, newest=True, **asked))
        return [event.position for event in page.events], page.scanned

    assert page(limit=3) == ([9, 8, 7], 7)
    assert page(limit=3, before=7) == ([6, 5, 4], 4)
    assert page(limit=9, before=4) == ([3, 2, 1, 0], 0)
    assert page(limit=9, after=6) == ([9, 8, 7], 7)
    assert page(limit=9, after=6, before=8) == ([7], 7)
    assert page(principal="nobody") == ([], 0)
    assert page(before=99, limit=1) == ([9], 9)
    assert page(before=-1, limit=1) == ([9], 9)
    assert page(after=20)[0] == []
    assert page(limit=0)[0] == []


def test_one_call_looks_at_a_bounded_part_and_says_how_far(file_store, entries):
    fill(file_store, entries, len(entries))
    assert file_store._index.behind
    for newest in (False, True):
        query = EventQuery(NAMESPACE, object="key/none", newest=newest)
        page = file_store.events(query)
        assert page.events == []
        assert 0 < page.scanned < len(entries)
    settle(file_store)
    page = file_store.events(EventQuery(NAMESPACE, object="key/none"))
    assert page.scanned == len(entries) - 1  # the index alone has told


def test_a_store_that_was_killed_finds_what_it_kept(file_store, tmp_path, entries, twin):
    """At moments when a part of the index is in the file, a part in memory, a part in neither."""
    queries = [EventQuery(NAMESPACE, limit=100_000, **query) for query in QUERIES[3:8]]
    fill(file_store, entries[: SPAN + 10])
    for moment in range(4):
        successor = copied(file_store, tmp_path)
        fill(successor, entries[SPAN + 10 :])
        if moment % 2:
            settle(successor)
        for query in queries[moment % 2 :: 2]:
            assert found(successor, query) == found(twin, query)
        successor.close()
        file_store.settle_counts()


def test_an_index_that_is_behind_is_written_beside_commits(file_store, entries):
    fill(file_store, entries * 2, 2 * len(entries))  # it lets go of some, and reads them again
    groups = 0
    while file_store._index.behind:
        file_store.commit([Commit(0, (), entry(groups))])
        groups += 1
    assert 1 < groups < 300


def test_a_log_that_has_no_index_gets_one(indexed, tmp_path, twin):
    path = tmp_path / "store.db"
    shutil.copy(indexed, path)
    with contextlib.closing(apsw.Connection(str(path))) as db:
        rows = db.execute("SELECT * FROM columns").fetchall()
        assert len(rows) == 12
        db.execute("DELETE FROM columns")
        db.execute("UPDATE meta SET value = 0 WHERE name = 'indexed'")
    store = SQLiteStore.open(str(path))
    assert store._index.behind
    settle(store)
    assert store._db.execute("SELECT * FROM columns").fetchall() == rows
    query = EventQuery(NAMESPACE, object="key/7", limit=100_000)
    assert found(store, query) == found(twin, query)
    store.close()


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE columns SET listed = x''",
        "UPDATE columns SET numbers = x''",
        "UPDATE columns SET listed = x'ffff'",
        "UPDATE columns SET numbers = zeroblob(2048)",
        "UPDATE columns SET numbers = zeroblob(32768)",
        "UPDATE columns SET numbers = zeroblob(99999)",
        "UPDATE columns SET numbers = 'text'",
        "UPDATE columns SET numbers = CAST(x'ff' AS TEXT)",
        "UPDATE columns SET numbers = 7",
        "UPDATE columns SET (listed, numbers) = (9, 9)",
        "UPDATE columns SET numbers = (SELECT numbers FROM columns WHERE key = 9)",
        "UPDATE columns SET key = -key",
        "DELETE FROM columns",
        "UPDATE meta SET value = 99 WHERE name = 'indexed'",
        "UPDATE meta SET value = -99 WHERE name = 'indexed'",
        "UPDATE meta SET value = 'x' WHERE name = 'indexed'",
        "DELETE FROM meta WHERE name = 'indexed'",
        "DELETE FROM entries WHERE position % 3 = 0",
        "UPDATE entries SET object = CAST(x'ff' AS TEXT) WHERE position % 3 = 0",
        "UPDATE entries SET namespace = 'x', time_us = 'x' WHERE position % 3 = 0",
    ],
)
def test_an_edited_index_or_log_shows_no_wrong_entry_and_stops_no_reader(
    indexed, tmp_path, entries, change
):
    path = tmp_path / "store.db"
    shutil.copy(indexed, path)
    with contextlib.closing(apsw.Connection(str(path))) as db:
        db.execute(change)
    store = SQLiteStore.open(str(path))
    for asked in (QUERIES[4], QUERIES[6], {"request": entries[9].request}):
        for newest in (False, True):
            query = EventQuery(NAMESPACE, newest=newest, **asked)
            for position in found(store, query):
                one = entries[position]
                assert one.namespace == NAMESPACE
                for field, value in asked.items():
                    assert getattr(one, field) == value
    fill(store, [entry(number) for number in range(SPAN)], SPAN)
    settle(store)
    store.close()


class Failing:
    """A connection whose COMMIT fails: before it was done, or after."""

    def __init__(self, db, *, done):
        self._db = db
        self._done = done

    def __getattr__(self, name):
        return getattr(self._db, name)

    def execute(self, text, *values):
        if text == "COMMIT" and not self._done:
            raise apsw.FullError("the test's fault")
        result = self._db.execute(text, *values)
        if text == "COMMIT":
            raise apsw.IOError("the test's fault")
        return result


@pytest.mark.parametrize("done", [False, True])
def test_the_index_is_whole_after_commits_that_failed(file_store, entries, twin, done):
    """Every third commit, and every third step when nothing is committed."""
    real, turn = file_store._db, 0
    waiting = list(entries)
    while waiting:
        group, waiting = waiting[:700], waiting[700:]
        turn += 1
        for act in (
            lambda group=group: file_store.commit([Commit(0, (), one) for one in group]),
            file_store.settle_counts,
        ):
            size = file_store.tree.size
            if turn % 3 == 0:
                file_store._db = Failing(real, done=done)
                try:
                    act()
                except apsw.Error:
                    raise
                except Exception:  # noqa: BLE001, S110 - the store's word for it
                    pass
                file_store._db = real
            if act is file_store.settle_counts or file_store.tree.size == size:
                act()
    settle(file_store)
    for asked in QUERIES[3:8]:
        query = EventQuery(NAMESPACE, limit=100_000, **asked)
        assert found(file_store, query) == found(twin, query)


@pytest.mark.parametrize(
    ("change", "parts"),
    [
        ("SELECT 1", []),
        ("UPDATE columns SET numbers = x'00' WHERE key = 1", ["0/principal"]),
        ("UPDATE columns SET listed = x'' WHERE key = 10", ["1/object"]),
        ("UPDATE columns SET listed = 'x' WHERE key = 10", ["1/object"]),
        ("UPDATE columns SET listed = CAST(listed AS TEXT) WHERE key = 3", ["0/action"]),
        ("DELETE FROM columns WHERE key = 5", ["0/request"]),
        ("UPDATE meta SET value = 3 WHERE name = 'indexed'", ["beyond 2"]),
    ],
)
def test_an_inspection_finds_what_leads_searches_wrong(indexed, tmp_path, change, parts):
    path = tmp_path / "store.db"
    shutil.copy(indexed, path)
    with contextlib.closing(apsw.Connection(str(path))) as db:
        db.execute(change)
    inspection = SQLiteInspection(str(path))
    assert list(inspection.misled()) == parts
    inspection.close()
