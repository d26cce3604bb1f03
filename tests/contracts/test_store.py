"""The promises of the `Store` port, for every adapter; then what only a file can break."""

import random
from pathlib import Path

import apsw
import msgspec
import pytest

from strongroom.adapters.memory import MemoryStore
from strongroom.adapters.sqlite.store import SQLiteStore
from strongroom.domain.records import Kind, Record, Ref, aliases_fact, grants_fact
from strongroom.ports.store import (
    Commit,
    Conflict,
    EventQuery,
    Exhausted,
    Kept,
    Quota,
    Stale,
    StoreRefused,
    StoreUnavailable,
    Tally,
    Usage,
    Write,
)
from strongroom.tlog.merkle import Frontier, leaf_hash
from tests.support.stores import copied, entry
from tests.support.uses import DAY, NAMESPACE, NOON, REQUEST, use


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


def test_entries_of_one_commit_in_other_trails_are_right_behind_its_own(store):
    elsewhere = b"o" * 16
    also = (entry(2, namespace=elsewhere), entry(3, namespace=elsewhere))
    both = msgspec.structs.replace(writing(record()), also=also)
    assert store.commit([both, Commit(0, (), entry(4))]) == [Kept(0), Kept(3)]
    found = store.events(EventQuery(elsewhere)).events
    assert [event.position for event in found] == [1, 2]
    assert [event.body for event in found] == [one.body for one in also]
    assert (store.tree.size, store.epoch) == (4, 1)
    assert [event.position for event in store.changes(0, 10, erasing=False)] == [0]


def test_a_commit_that_was_not_kept_leaves_no_entry_in_another_trail(store):
    store.commit([writing(record(1))])
    elsewhere = entry(2, namespace=b"o" * 16)
    both = msgspec.structs.replace(writing(record(2)), also=(elsewhere,))
    assert store.commit([both]) == [Conflict(name=True)]
    assert store.tree.size == 1


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


def test_a_change_of_an_alias_is_one_of_all_aliases_of_its_namespace(store):
    def alias(number, revision=1):
        made = record(number, name=f"a{number}", revision=revision)
        return msgspec.structs.replace(made, kind=Kind.ALIAS)

    stands_on = (aliases_fact(NAMESPACE),)
    assert store.commit([writing(alias(1))]) == [Kept(0)]
    assert set(store.changed_since(0)) == {alias(1).fact, *stands_on}
    assert store.commit([writing(record(7), facts=stands_on)]) == [Stale()]
    assert store.commit([writing(record(7), facts=stands_on, epoch=1)]) == [Kept(1)]
    # No other kind of record changes them, and none of another namespace's.
    elsewhere = msgspec.structs.replace(alias(2), namespace=b"o" * 16)
    assert store.commit([writing(elsewhere, epoch=2)]) == [Kept(2)]
    assert store.commit([Commit(1, stands_on, entry())]) == [Kept(3)]
    moved = Commit(3, (), entry(), (Write(alias(1, 2), 1),))
    assert store.commit([moved, Commit(3, stands_on, entry())]) == [Kept(4), Stale()]


def test_a_change_of_a_grant_is_one_of_all_grants_of_its_key(store):
    def grant(key, number):
        made = record(key, name=f"g{key}{number}")
        return msgspec.structs.replace(made, kind=Kind.GRANT, id=made.id + bytes([number]) * 16)

    stands_on = (grants_fact(grant(1, 1).id[:16]),)
    assert store.commit([writing(grant(1, 1))]) == [Kept(0)]
    assert set(store.changed_since(0)) == {grant(1, 1).fact, *stands_on}
    assert store.commit([Commit(0, stands_on, entry())]) == [Stale()]
    # No grant of another key changes them, and neither does the key itself.
    assert store.commit([writing(grant(2, 1), epoch=1), writing(record(1), epoch=1)]) == [
        Kept(1), Kept(2),
    ]  # fmt: skip
    assert store.commit([Commit(1, stands_on, entry())]) == [Kept(3)]


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


# --- what is due ----------------------------------------------------------------------------------


def due(number, at, *, revision=1, kind=Kind.KEY, replaces=0):
    made = Record(
        kind, bytes([number]) * 16, NAMESPACE, f"r{number}", revision, REQUEST, b"{}", b"m" * 32
    )
    return Commit(0, (), entry(), (Write(made, replaces, at),))


def numbers(records):
    return [record.id[0] for record in records]


def test_what_is_due_is_found_the_longest_due_first(store):
    store.commit([due(1, 30), due(2, 10), due(3, 20, kind=Kind.VERSION), due(4, 0), due(5, 31)])
    assert numbers(store.due(30, 9)) == [2, 3, 1]
    assert numbers(store.due(30, 2)) == [2, 3]
    assert numbers(store.due(30, 1, 1)) == [3]
    assert numbers(store.due(30, 9, 2)) == [1]
    assert store.due(30, 9, 3) == []
    assert store.due(9, 9) == []
    assert store.due(30, 0) == []
    assert [record.kind for record in store.due(30, 9)] == [Kind.KEY, Kind.VERSION, Kind.KEY]


def test_a_record_is_due_when_its_last_write_says_so_and_no_other(store):
    store.commit([due(1, 10), due(2, 10), due(3, 10)])
    store.commit([due(1, 0, revision=2, replaces=1), due(2, 20, revision=2, replaces=1)])
    assert numbers(store.due(15, 9)) == [3]
    (one,) = [record for record in store.due(20, 9) if record.id[0] == 2]
    assert one.revision == 2


def test_a_write_that_lost_a_race_makes_nothing_due(store):
    store.commit([due(1, 0)])
    assert store.commit([due(1, 10, revision=3, replaces=2)]) == [Conflict(name=False)]
    assert store.due(99, 9) == []


# --- counts of uses -------------------------------------------------------------------------------


def usage(store, **changes):
    values = {"namespace": NAMESPACE, "object": "key/demo", "since_day": 0, "limit": 99}
    return store.usage(**(values | changes))


def test_uses_are_counted_by_version_principal_and_day_newest_day_first(store):
    day_us = 86_400_000_000
    store.commit([use(3), use(2, at=NOON + 5), use(who="bob"), use(version=2)])
    store.commit([use(7, at=NOON + day_us), use(1, at=NOON - 9)])
    assert usage(store) == [
        Usage(1, "app", DAY + 1, 7, NOON + day_us),
        Usage(2, "app", DAY, 1, NOON),
        Usage(1, "bob", DAY, 1, NOON),
        Usage(1, "app", DAY, 6, NOON + 5),
    ]
    assert [row.day for row in usage(store, since_day=DAY + 1)] == [DAY + 1]
    assert len(usage(store, limit=2)) == 2
    assert usage(store, limit=0) == []


def test_uses_of_another_namespace_or_object_are_not_told(store):
    store.commit([use(), use(namespace=b"x" * 16), use(name="key/demo2")])
    assert [row.count for row in usage(store)] == [1]
    assert usage(store, namespace=b"y" * 16) == []


def test_an_entry_that_was_not_kept_counts_nothing(store):
    store.commit([writing(record())])
    lost = Commit(0, (record().fact,), use().entry)
    taken = Commit(1, (), use().entry, (Write(record(2), 0),))
    assert store.commit([lost, taken]) == [Stale(), Conflict(name=True)]
    assert usage(store) == []


def test_what_no_entry_of_ours_says_counts_nothing(store):
    tallies = (Tally("key/demo", 1, 0), Tally("key/demo", 1, -5))
    store.commit([Commit(0, (), entry(tally=tallies))])
    assert usage(store) == []


# --- quotas ---------------------------------------------------------------------------------------


def test_a_use_beyond_the_last_is_exhausted_and_writes_nothing(store):
    quota = Quota("key/demo", 1, uses_max=5)
    assert store.commit([use(3, quota=quota)]) == [Kept(0, 3)]
    assert store.commit([use(3, quota=quota)]) == [Exhausted(rate=False)]
    assert store.commit([use(2, quota=quota)]) == [Kept(1, 5)]
    assert store.commit([use(1, quota=quota)]) == [Exhausted(rate=False)]
    assert store.tree.size == 2
    assert [row.count for row in usage(store)] == [5]


def test_commits_of_one_group_share_a_quota(store):
    quota = Quota("key/demo", 1, uses_max=2)
    assert store.commit([use(quota=quota), use(), use(quota=quota), use(quota=quota)]) == [
        Kept(0, 1), Kept(1), Exhausted(rate=False), Exhausted(rate=False),
    ]  # fmt: skip


def test_uses_of_all_versions_and_by_everybody_count_for_the_object(store):
    store.commit([use(2, version=1), use(2, version=2, who="bob"), use(9, name="key/other")])
    store.commit([use(9, namespace=b"x" * 16)])
    quota = Quota("key/demo", 2, uses_max=5)
    assert store.commit([use(version=2, quota=quota)]) == [Kept(4 + 0, 3)]
    assert store.commit([use(version=2, quota=quota)]) == [Exhausted(rate=False)]


def test_a_refusal_by_quota_changes_no_record(store):
    quota = Quota("key/demo", 1, uses_max=1)
    commit = Commit(0, (), use(2).entry, (Write(record(), 0, 5),), quota)
    assert store.commit([commit]) == [Exhausted(rate=False)]
    assert (store.epoch, store.load([record().ref]), store.due(9, 9)) == (0, [None], [])


def test_an_entry_without_uses_passes_a_quota_that_is_used_up(store):
    quota = Quota("key/demo", 1, uses_max=1)
    store.commit([use(3)])
    assert store.commit([Commit(0, (), entry(), (), quota)]) == [Kept(1, 3)]


def test_a_quota_without_bounds_only_tells_the_count(store):
    quota = Quota("key/demo", 7)
    assert store.commit([use(2, version=7, quota=quota)]) == [Kept(0, 2)]
    assert store.commit([use(3, version=7), use(4, version=7, quota=quota)])[1] == Kept(2, 9)


def test_what_is_rehearsed_is_borne_or_not_and_counted_never(store):
    for quota, is_rate in (
        (Quota("key/demo", 1, uses_max=3), False),
        (Quota("key/other", 1, rate_max=3, rate_us=1_000_000), True),
    ):
        tried, most = (
            Quota(quota.object, 1, quota.uses_max, quota.rate_max, quota.rate_us, rehearsed=count)
            for count in (2, 3)
        )
        for one in (tried, most, tried):
            (outcome,) = store.commit([Commit(0, (), entry(), (), one)])
            assert isinstance(outcome, Kept)
        store.commit([use(2, name=quota.object, quota=quota)])
        assert store.commit([Commit(0, (), entry(), (), tried)]) == [Exhausted(rate=is_rate)]
        (outcome,) = store.commit([use(1, name=quota.object, quota=quota)])
        assert isinstance(outcome, Kept)


def test_a_rate_bounds_the_uses_in_any_window(store):
    quota = Quota("key/demo", 1, rate_max=3, rate_us=1_000_000)
    at = NOON
    assert store.commit([use(2, at=at, quota=quota)]) == [Kept(0, 2)]
    assert store.commit([use(1, at=at + 600_000, quota=quota)]) == [Kept(1, 3)]
    assert store.commit([use(1, at=at + 999_999, quota=quota)]) == [Exhausted(rate=True)]
    # The first two are gone by now (a 32nd of the window later at the latest), the third is not.
    later = at + 1_040_000
    assert store.commit([use(3, at=later, quota=quota)]) == [Exhausted(rate=True)]
    assert store.commit([use(2, at=later, quota=quota)]) == [Kept(2, 5)]
    assert store.commit([use(1, at=later, quota=quota)]) == [Exhausted(rate=True)]


def test_a_rate_is_shared_within_a_group_and_a_lost_race_takes_none_of_it(store):
    quota = Quota("key/demo", 1, rate_max=2, rate_us=1_000_000)
    store.commit([writing(record())])
    lost = Commit(1, (), use().entry, (Write(record(2), 0),), quota)
    group = [lost, use(quota=quota), use(quota=quota), use(quota=quota)]
    assert store.commit(group) == [
        Conflict(name=True), Kept(1, 1), Kept(2, 2), Exhausted(rate=True),
    ]  # fmt: skip


def test_a_clock_that_goes_back_frees_no_use(store):
    quota = Quota("key/demo", 1, rate_max=2, rate_us=1_000_000)
    store.commit([use(2, at=NOON, quota=quota)])
    for back in (1, 2_000_000, NOON):
        assert store.commit([use(at=NOON - back, quota=quota)]) == [Exhausted(rate=True)]
    assert store.commit([use(at=NOON + 1_040_000, quota=quota)]) == [Kept(1, 3)]
    # Nor does one that goes on from there.
    assert store.commit([use(at=NOON - 5_000_000, quota=quota)]) == [Kept(2, 4)]
    assert store.commit([use(at=NOON - 3_000_000, quota=quota)]) == [Exhausted(rate=True)]


def test_no_window_of_the_rates_length_holds_more(store):
    """Whatever the times, by comparison with all of them."""
    chance = random.Random(5)  # noqa: S311 - to be repeatable
    quota = Quota("key/demo", 1, rate_max=10, rate_us=1_000_000)
    at, kept, refused = NOON, [], 0
    for _ in range(3_000):
        at += chance.choice([0, 1_000, 10_000, 50_000, 400_000])
        (outcome,) = store.commit([use(chance.randint(1, 3), at=at, quota=quota)])
        if isinstance(outcome, Kept):
            kept.append((at, outcome.uses))
        else:
            refused += 1
    counts = [
        (at, uses - before) for (at, uses), (_, before) in zip(kept, [(0, 0), *kept], strict=False)
    ]
    for end, _ in counts:
        assert sum(count for at, count in counts if end - 1_000_000 < at <= end) <= 10
    assert refused > 300


# --- a file: counts that are kept later, erasing, older schemas -----------------------------------


def test_counts_that_are_kept_beside_commits_are_the_same_as_those_in_memory(file_store):
    """Many rows, a few of them in each group's transaction."""
    chance = random.Random(1)  # noqa: S311 - to be repeatable
    twin = MemoryStore(b"d" * 16)
    file_store._uses.interval_seconds = 0
    for _ in range(60):
        group = [
            use(chance.randint(1, 5), version=chance.randint(1, 40), who=chance.choice("abcd"),
                at=NOON + chance.randint(0, 3) * 86_400_000_000 + chance.randint(0, 99))
            for _ in range(30)
        ]  # fmt: skip
        assert file_store.commit(group) == twin.commit(group)
        assert usage(file_store, limit=999) == usage(twin, limit=999)
        assert usage(file_store, limit=7) == usage(twin, limit=7)
    (counted,) = file_store._db.execute("SELECT value FROM meta WHERE name = 'counted'").fetchone()
    assert counted > 0
    assert file_store.uncounted > 0


def test_an_idle_store_settles_its_counts(file_store):
    file_store.commit([use(who=str(number)) for number in range(250)])
    assert 0 < file_store.settle_counts() <= 5
    assert file_store.uncounted == 250
    file_store._uses.interval_seconds = 0
    steps = 0
    while file_store.settle_counts() is not None:
        steps += 1
    assert 1 < steps < 10
    assert file_store.uncounted == 0
    assert len(usage(file_store, limit=999)) == 250
    size = Path(f"{file_store._path}-wal").stat().st_size
    assert file_store.settle_counts() is None
    assert Path(f"{file_store._path}-wal").stat().st_size == size


def test_a_store_that_was_killed_at_any_moment_counts_each_entry_once(
    file_store, tmp_path, monkeypatch
):
    monkeypatch.setattr("strongroom.adapters.sqlite.uses._STEP_ROWS", 7)  # so that it is half way
    chance = random.Random(2)  # noqa: S311 - to be repeatable
    file_store._uses.interval_seconds = 0
    quota = Quota("key/demo", 3)
    for turn in range(40):
        file_store.commit([
            use(chance.randint(1, 5), version=chance.randint(1, 30), who=chance.choice("abcdefgh"))
            for _ in range(chance.randint(1, 40))
        ])  # fmt: skip
        if turn % 3 == 0:
            file_store.settle_counts()
        successor = copied(file_store, tmp_path)
        assert usage(successor, limit=999) == usage(file_store, limit=999)
        # And goes on from there, killed again.
        successor._uses.interval_seconds = 0
        successor.commit([use(version=3, who="z"), use(version=31)])
        expected = usage(successor, limit=999)
        (kept,) = successor.commit([use(version=3, who="z", quota=quota)])
        of_version = sum(row.count for row in expected if row.version == 3)
        assert kept.uses == of_version + 1
        successor.close()
    assert file_store._db.execute("SELECT count(*) FROM usage").fetchone()[0] > 100


class Misreporting:
    """A connection whose COMMIT is done, and says that it failed."""

    def __init__(self, db):
        self._db = db

    def __getattr__(self, name):
        return getattr(self._db, name)

    def execute(self, text, *values):
        done = self._db.execute(text, *values)
        if text == "COMMIT":
            raise apsw.IOError("the test's fault")
        return done


def test_a_commit_that_was_reported_as_failed_but_done_counts_once(file_store):
    quota = Quota("key/demo", 1, uses_max=12, rate_max=9, rate_us=1_000_000)
    file_store.commit([use(2, quota=quota)])
    file_store._uses.interval_seconds = 0
    real, file_store._db = file_store._db, Misreporting(file_store._db)
    with pytest.raises(StoreUnavailable):
        file_store.commit([use(3, quota=quota)])
    with pytest.raises(StoreUnavailable):
        file_store.settle_counts()
    file_store._db = real
    assert [row.count for row in usage(file_store)] == [5]
    assert file_store.tree.size == 2
    assert file_store.commit([use(7, quota=quota)]) == [Exhausted(rate=True)]
    assert file_store.commit([use(7, at=NOON + 9_000_000, quota=quota)]) == [Kept(2, 12)]
    assert file_store.commit([use(at=NOON + 9_000_000, quota=quota)]) == [Exhausted(rate=False)]


def test_a_quota_holds_across_reopening(path):
    store = SQLiteStore.create(path, b"d" * 16)
    quota = Quota("key/demo", 1, uses_max=4)
    store.commit([use(3, quota=quota)])
    store.close()
    again = SQLiteStore.open(path)
    assert again.commit([use(2, quota=quota)]) == [Exhausted(rate=False)]
    assert again.commit([use(1, quota=quota)]) == [Kept(1, 4)]
    again.close()


def test_a_long_log_is_counted_within_bounds(path, tmp_path, monkeypatch):
    monkeypatch.setattr("strongroom.adapters.sqlite.uses._ROWS_MAX", 50)
    monkeypatch.setattr("strongroom.adapters.sqlite.uses._READ_ROWS", 20)
    store = SQLiteStore.create(path, b"d" * 16)
    store.commit([use(who=f"w{number % 170}") for number in range(500)])
    before = usage(store, limit=999)
    successor = copied(store, tmp_path)
    assert successor.uncounted < 70
    assert usage(successor, limit=999) == before
    successor.close()
    store.close()


@pytest.mark.parametrize(
    "edit",
    [
        "body = 'x'",
        "body = CAST(x'ff' AS TEXT)",
        "body = replace(body, ':2', ':99999999999999999999')",
        "body = replace(body, ':2', ':-1')",
        "body = '{\"x\":' || replace(printf('%09000d', 0), '0', '[')",
        "principal = CAST(x'ff' AS TEXT)",
        "namespace = 'text'",
        "time_us = 'never'",
    ],
)
def test_an_edited_entry_counts_nothing_and_keeps_no_store_from_opening(file_store, tmp_path, edit):
    file_store.commit([use(2), use(3)])
    db = apsw.Connection(file_store._path)
    db.execute(f"UPDATE entries SET {edit} WHERE position = 0")
    db.close()
    successor = copied(file_store, tmp_path)
    assert [row.count for row in usage(successor)] == [3]
    successor.close()


@pytest.mark.parametrize("value", ["-1", "5", "'x'", "x'00'"])
def test_a_store_whose_counts_are_of_another_log_is_refused(path, value):
    SQLiteStore.create(path, b"d" * 16).close()
    db = apsw.Connection(path)
    db.execute(f"UPDATE meta SET value = {value} WHERE name = 'counted'")
    db.close()
    with pytest.raises(StoreRefused, match="counts"):
        SQLiteStore.open(path)


@pytest.mark.parametrize(
    ("query", "index"),
    [
        ("due_us > 0 AND due_us <= 9 AND +kind IN ('k') ORDER BY due_us, kind, id", "by_due"),
        ("kind = 'k' AND id = x'00'", "by_id"),
        ("kind = 'k' AND id BETWEEN x'00' AND x'01' ORDER BY id DESC", "by_id"),
        ("kind = 'k' AND namespace = x'' AND name > 'a' AND name <> '' ORDER BY name", "by_name"),
    ],
)
def test_records_are_found_by_an_index_and_need_no_sorting(file_store, query, index):
    plan = file_store._db.execute(
        f"EXPLAIN QUERY PLAN SELECT * FROM records WHERE live = 1 AND {query}"
    )
    (step,) = [row[3] for row in plan]
    assert f"records_{index}" in step


def test_usage_is_read_newest_first_without_sorting(file_store):
    plan = file_store._db.execute(
        "EXPLAIN QUERY PLAN SELECT * FROM usage WHERE namespace = x'' AND object = 'o' AND day >= 1"
        " ORDER BY day DESC, version DESC, principal DESC"
    )
    (step,) = [row[3] for row in plan]
    assert "PRIMARY KEY" in step


# --- erasing --------------------------------------------------------------------------------------


def marked(number, size=50):
    return b'{"material":"MARK-%06d-%s"}' % (number, b"x" * size)


def holding(store, number):
    """The files of the store that hold the record's material."""
    folder = Path(store._path).parent
    return [
        path.name for path in sorted(folder.iterdir()) if b"MARK-%06d" % number in path.read_bytes()
    ]


def material(number, body, *, revision=1, identity=None):
    made = Record(
        Kind.VERSION, identity or number.to_bytes(20, "big"), NAMESPACE, "", revision, REQUEST,
        body, b"m" * 32,
    )  # fmt: skip
    return Write(made, revision - 1)


def test_an_erasing_commit_leaves_the_old_body_in_no_file(file_store):
    """With the reader's connection open, and after many other commits."""
    chance = random.Random(3)  # noqa: S311 - to be repeatable
    ids = {number: chance.randbytes(20) for number in range(600)}
    revisions = dict.fromkeys(ids, 1)
    for number, identity in ids.items():
        body = marked(number, chance.choice([50, 300, 900, 3_000, 9_000]))
        file_store.commit([
            Commit(0, (), entry(number), (material(number, body, identity=identity),))
        ])  # fmt: skip
        if number % 2:  # a change that keeps the material: an older revision has it, too
            changed = chance.randrange(number)
            revisions[changed] += 1
            write = material(
                changed, marked(changed, chance.choice([40, 400, 5_000])),
                revision=revisions[changed], identity=ids[changed],
            )  # fmt: skip
            file_store.commit([Commit(0, (), entry(), (write,))])
    file_store.events(EventQuery(NAMESPACE))
    erased = chance.sample(sorted(ids), 100)
    assert all(holding(file_store, number) for number in erased[:5])
    for number in erased:
        write = material(number, b"{}", revision=revisions[number] + 1, identity=ids[number])
        (outcome,) = file_store.commit([Commit(0, (), entry(), (write,), erases=True)])
        assert isinstance(outcome, Kept)
        if number == erased[0]:
            assert holding(file_store, number) == []
    assert not [number for number in erased if holding(file_store, number)]
    assert not file_store.erasing
    kept = next(number for number in ids if number not in erased)
    assert holding(file_store, kept)  # shows that the others would be found
    file_store.commit([Commit(0, (), entry(number)) for number in range(300)])
    assert not [number for number in erased if holding(file_store, number)]


def test_a_commit_that_does_not_erase_leaves_it_in_the_journal(file_store):
    """Shows that cutting the journal is what does it."""
    file_store.commit([Commit(0, (), entry(), (material(1, marked(1)),))])
    file_store.commit([Commit(0, (), entry(), (material(1, b"{}", revision=2),))])
    assert holding(file_store, 1) == ["store.db-wal"]


def test_while_a_reader_keeps_the_journal_the_commit_is_kept_and_it_is_cut_later(file_store):
    file_store.commit([Commit(0, (), entry(), (material(1, marked(1)),))])
    file_store._db.set_busy_timeout(10)
    reader = file_store._read_only()
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM entries").fetchall()
    erasing = Commit(0, (), entry(), (material(1, b"{}", revision=2),), erases=True)
    assert file_store.commit([erasing]) == [Kept(1)]
    assert file_store.erasing
    assert holding(file_store, 1)
    assert file_store.settle_counts() is not None
    assert file_store.erasing  # not tried again at once
    reader.execute("COMMIT")
    file_store._erased_at -= 10
    file_store.settle_counts()
    assert not file_store.erasing
    assert holding(file_store, 1) == []


def test_a_store_that_was_killed_before_it_cut_the_journal_cuts_it_when_it_is_opened(
    file_store, tmp_path
):
    file_store.commit([Commit(0, (), entry(), (material(1, marked(1)),))])
    file_store.commit([Commit(0, (), entry(), (material(1, b"{}", revision=2),))])
    (tmp_path / "other").mkdir()
    successor = copied(file_store, tmp_path / "other")
    assert holding(successor, 1) == []
    successor.close()


def test_an_erasing_commit_that_is_refused_erases_nothing(file_store):
    file_store.commit([Commit(0, (), entry(), (material(1, marked(1)),))])
    lost = Commit(0, (), entry(), (material(1, b"{}", revision=3),), erases=True)
    assert file_store.commit([lost]) == [Conflict(name=False)]
    (found,) = file_store.load([material(1, b"").record.ref])
    assert found.body == marked(1)


# --- files ----------------------------------------------------------------------------------------


def test_a_second_process_cannot_open_it(file_store, path):
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


def test_a_row_edited_to_another_type_is_still_a_record(file_store, path):
    file_store.commit([writing(record())])
    # By apsw, as the store itself: a second SQLite in this process would drop its locks.
    db = apsw.Connection(str(path))
    db.execute("UPDATE records SET revision = 'x', body = 7, mac = 'm', name = x'00ff'")
    db.close()
    (found,) = file_store.load([Ref(Kind.KEY, b"\1" * 16)])
    assert found is not None
    assert found != record()


def test_a_full_disk_keeps_nothing_of_the_group_and_recovers(file_store):
    """SQLite's page limit stands for the disk's end: the same error, without filling a disk."""
    file_store.commit([writing(record())])
    before = file_store.tree, file_store.epoch
    pages = file_store._db.pragma("page_count")
    file_store._db.pragma("max_page_count", pages)
    big = [Commit(1, (), entry(number, body=b"x" * 4000)) for number in range(200)]
    with pytest.raises(StoreUnavailable):
        file_store.commit(big)
    assert (file_store.tree, file_store.epoch) == before
    file_store._db.pragma("max_page_count", 1_000_000)
    assert file_store.commit(big[:1]) == [Kept(1)]
