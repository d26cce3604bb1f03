"""The `Store` port's promises about credentials and rates, for every adapter; then of a file."""

import random
import re
from pathlib import Path

import pytest
from msgspec.structs import replace

from strongroom.adapters.memory import MemoryStore
from strongroom.adapters.sqlite.inspection import SQLiteInspection
from strongroom.adapters.sqlite.store import SQLiteStore
from strongroom.domain.otp.credential import DECOY, CredentialRow
from strongroom.domain.records import Kind, Record
from strongroom.ports.store import (
    ANY_REVISION,
    Commit,
    Conflict,
    Exhausted,
    Kept,
    Move,
    Quota,
    Rate,
    Stale,
    Write,
)
from tests.support.stores import copied, entry
from tests.support.uses import NAMESPACE, NOON, REQUEST, use

OTHER = b"o" * 16
ALICE, BOB = b"a" * 16, b"b" * 16
RECORD = Record(Kind.KEY, b"\1" * 16, NAMESPACE, "demo", 1, REQUEST, b"{}", b"m" * 32)


def row(number=1, *, revision=1, **changes):
    values = {
        "id": bytes([number]) * 16, "namespace": NAMESPACE, "user": ALICE, "revision": revision,
        "state": "active", "due_us": 0, "body": b"body %d" % revision, "mac": b"m" * 16,
    }  # fmt: skip
    return CredentialRow(**(values | changes))


def moving(*moves, number=0, **changes):
    return Commit(0, (), entry(number), moves=moves, **changes)


def new(made):
    return moving(Move(made, 0))


def load(store, *numbers, namespace=NAMESPACE):
    return store.credentials(namespace, [bytes([number]) * 16 for number in numbers])


# --- moves ----------------------------------------------------------------------------------------


def test_a_row_is_read_as_it_was_put_there(store):
    made = row(body=b"\0zeros at the end\0\0\x80\0", due_us=7, user=b"")
    assert store.commit([new(made), new(row(2, namespace=OTHER))]) == [Kept(0), Kept(1)]
    assert load(store, 2, 1, 1) == [None, made, made]
    assert load(store, 2, namespace=OTHER) == [row(2, namespace=OTHER)]


def test_a_new_row_takes_no_others_place(store):
    store.commit([new(row())])
    assert store.commit([new(row(body=b"mine"))]) == [Conflict(name=False)]
    # The same id in another namespace is another credential.
    assert store.commit([new(row(namespace=OTHER))]) == [Kept(1)]
    assert load(store, 1) == [row()]


def test_a_move_names_the_revision_that_it_replaces(store):
    store.commit([new(row())])
    second = row(revision=2)
    assert store.commit([moving(Move(second, 1))]) == [Kept(1)]
    for replaces in (1, 3, 0):
        assert store.commit([moving(Move(row(revision=9), replaces))]) == [Conflict(name=False)]
    assert store.commit([moving(Move(row(2, revision=2), 1))]) == [Conflict(name=False)]
    assert load(store, 1, 2) == [second, None]
    assert store.tree.size == 2


def test_moves_of_a_group_see_those_before_and_one_of_a_race_wins(store):
    store.commit([new(row())])
    rivals = [moving(Move(row(revision=2, body=b"%d" % rival), 1)) for rival in range(3)]
    after = moving(Move(row(revision=3), 2))
    assert store.commit([*rivals, after]) == [
        Kept(1), Conflict(name=False), Conflict(name=False), Kept(2),
    ]  # fmt: skip
    assert load(store, 1) == [row(revision=3)]


def test_moves_of_one_commit_are_kept_all_or_none(store):
    store.commit([new(row(1)), new(row(2))])
    first, lost = Move(row(1, revision=2), 1), Move(row(2, revision=3), 2)
    write = Write(RECORD, 0)
    assert store.commit([moving(first, lost), moving(Move(row(3), 0), lost, writes=(write,))]) == [
        Conflict(name=False), Conflict(name=False),
    ]  # fmt: skip
    assert load(store, 1, 2, 3) == [row(1), row(2), None]
    assert (store.epoch, store.load([RECORD.ref]), store.tree.size) == (0, [None], 2)
    twice = moving(first, Move(row(1, revision=3), 2), Move(row(3), 0), writes=(write,))
    assert store.commit([twice]) == [Kept(2)]
    assert load(store, 1, 3) == [row(1, revision=3), row(3)]
    assert (store.epoch, store.load([RECORD.ref])) == (1, [RECORD])


def test_a_move_is_no_change_of_a_record(store):
    store.commit([Commit(0, (), entry(), (Write(RECORD, 0),))])
    store.commit([new(row()), moving(Move(row(revision=2), 1), erases=True)])
    assert (store.epoch, store.changed_since(0)) == (1, [RECORD.fact])
    assert [event.position for event in store.changes(0, 9, erasing=False)] == [0]
    assert store.changes(0, 9, erasing=True) == []


def test_a_move_stands_on_the_commits_facts(store):
    store.commit([Commit(0, (), entry(), (Write(RECORD, 0),))])
    on_it = replace(new(row()), facts=(RECORD.fact,))
    assert store.commit([on_it]) == [Stale()]
    assert load(store, 1) == [None]
    assert store.commit([replace(on_it, epoch=1)]) == [Kept(1)]


def test_a_decoy_takes_any_revisions_place_and_is_on_no_list(store):
    decoy = row(user=b"", state=DECOY)
    for body in (b"one", b"another", b"a much longer one" * 30):
        made = replace(decoy, body=body)
        store.commit([moving(Move(made, ANY_REVISION))])
        assert load(store, 1) == [made]
    store.commit([new(row(2))])
    assert store.credential_page(NAMESPACE, b"", 9) == [row(2)]
    assert store.credentials_of(NAMESPACE, b"", 9) == []


# --- finding them ---------------------------------------------------------------------------------


def test_a_users_rows_are_in_the_order_of_ids(store):
    store.commit([new(row(3)), new(row(1)), new(row(2, user=BOB)), new(row(4, namespace=OTHER))])
    assert store.credentials_of(NAMESPACE, ALICE, 9) == [row(1), row(3)]
    assert store.credentials_of(NAMESPACE, ALICE, 1) == [row(1)]
    assert store.credentials_of(OTHER, ALICE, 9) == [row(4, namespace=OTHER)]
    assert store.credentials_of(NAMESPACE, b"c" * 16, 9) == []
    assert store.credentials_of(NAMESPACE, ALICE, 0) == []


def test_a_row_is_due_when_its_last_move_says_so_the_longest_due_first(store):
    made = [row(1, due_us=30), row(2, due_us=10), row(3, due_us=20, namespace=OTHER), row(4)]
    store.commit([new(one) for one in made])
    assert store.credentials_due(30, 9) == [made[1], made[2], made[0]]
    assert store.credentials_due(30, 1, 1) == [made[2]]
    assert store.credentials_due(9, 9) == []
    assert store.credentials_due(30, 0) == []
    later, never = row(2, revision=2, due_us=25), row(1, revision=2)
    store.commit([moving(Move(later, 1)), moving(Move(never, 1))])
    assert store.credentials_due(30, 9) == [made[2], later]
    store.commit([moving(Move(row(2, revision=9, due_us=5), 8))])  # a lost race
    assert store.credentials_due(5, 9) == []


def test_a_page_is_in_the_order_of_ids_of_one_namespace(store):
    store.commit([new(row(number)) for number in (3, 1, 2)] + [new(row(9, namespace=OTHER))])
    assert store.credential_page(NAMESPACE, b"", 2) == [row(1), row(2)]
    assert store.credential_page(NAMESPACE, b"\2" * 16, 9) == [row(3)]
    assert store.credential_page(NAMESPACE, b"\3" * 16, 9) == []
    assert store.credential_page(OTHER, b"", 9) == [row(9, namespace=OTHER)]
    assert store.credential_page(NAMESPACE, b"", 0) == []


# --- rates ----------------------------------------------------------------------------------------


def rated(*rates, at=NOON, **changes):
    return Commit(0, (), entry(time_us=at, **changes), rates=rates)


def test_a_rate_needs_no_tally_and_bounds_what_commits_take(store):
    rate = Rate("otp-caller/app", 3, 1_000_000, 2)
    assert store.commit([rated(rate)]) == [Kept(0)]
    assert store.commit([rated(rate)]) == [Exhausted(rate=True)]
    assert store.commit([rated(replace(rate, count=1))]) == [Kept(1)]
    assert store.commit([rated(replace(rate, count=1))]) == [Exhausted(rate=True)]
    assert store.commit([rated(rate, at=NOON + 1_040_000)]) == [Kept(2)]


def test_a_rate_is_of_one_namespace_and_one_thing(store):
    rate = Rate("otp-caller/app", 1, 1_000_000)
    others = [rated(replace(rate, object="otp-caller/web")), rated(rate, namespace=OTHER)]
    assert store.commit([rated(rate), *others, rated(rate)]) == [
        Kept(0), Kept(1), Kept(2), Exhausted(rate=True),
    ]  # fmt: skip


def test_what_one_rate_refuses_takes_nothing_of_the_others(store):
    caller, source = Rate("caller", 2, 1_000_000), Rate("source", 1, 1_000_000)
    assert store.commit([rated(caller, source)]) == [Kept(0)]
    assert store.commit([rated(caller, source)]) == [Exhausted(rate=True)]
    assert store.commit([rated(caller)]) == [Kept(1)]


def test_a_move_that_its_rate_does_not_bear_moves_nothing_and_a_lost_race_takes_none(store):
    rate = Rate("caller", 2, 1_000_000)
    store.commit([new(row())])
    lost = replace(rated(rate), moves=(Move(row(revision=9), 8),))
    kept = replace(rated(rate), moves=(Move(row(revision=2), 1),))
    beyond = replace(rated(replace(rate, count=2)), moves=(Move(row(revision=3), 2),))
    assert store.commit([lost, lost, lost, kept, beyond]) == [
        Conflict(name=False), Conflict(name=False), Conflict(name=False), Kept(1),
        Exhausted(rate=True),
    ]  # fmt: skip
    assert load(store, 1) == [row(revision=2)]


def test_a_quota_and_a_rate_of_one_commit_both_hold(store):
    quota = Quota("key/demo", 1, uses_max=9, rate_max=9, rate_us=1_000_000)
    both = replace(use(2, quota=quota), rates=(Rate("caller", 2, 1_000_000),))
    assert store.commit([both, both]) == [Kept(0, 2), Kept(1, 4)]
    assert store.commit([both]) == [Exhausted(rate=True)]
    assert store.commit([use(5, quota=quota)]) == [Kept(2, 9)]


# --- a file ---------------------------------------------------------------------------------------


def life(seed, store, twin, turns):
    """Rows that grow, shrink, fall due and lose races, the same in both; what they are then."""
    chance = random.Random(seed)  # noqa: S311 - to be repeatable
    known = {}
    for _ in range(turns):
        group = []
        for _ in range(8):
            number = chance.randrange(60)
            before = known.get(number)
            body = b"x" * chance.choice([0, 1, 20, chance.randint(0, 700)])
            revision = chance.choice([1, 2, 300, 70_000]) + (before.revision if before else 0)
            made = row(
                number, revision=revision, body=body, due_us=chance.choice([0, 0, 1, 300, 2**50]),
                state=chance.choice(["active", "suspended"]), user=bytes([number % 7]) * 16,
            )  # fmt: skip
            replaces = before.revision if before else 0
            if chance.random() < 0.1:
                group.append(moving(Move(made, replaces + 1)))  # lost
                continue
            group.append(moving(Move(made, replaces), erases=chance.random() < 0.2))
            known[number] = made
        assert store.commit(group) == twin.commit(group)
    return known


def test_a_file_answers_as_memory_does_whatever_a_life_was(file_store):
    twin = MemoryStore(b"d" * 16)
    known = life(1, file_store, twin, 150)
    assert load(file_store, *range(61)) == load(twin, *range(61))
    assert file_store.credential_page(NAMESPACE, b"", 99) == sorted(
        known.values(), key=lambda one: one.id
    )
    for user in range(8):
        asked = NAMESPACE, bytes([user]) * 16, 99
        assert file_store.credentials_of(*asked) == twin.credentials_of(*asked)
    at = [one.due_us for one in file_store.credentials_due(2**60, 99)]
    assert at == [one.due_us for one in twin.credentials_due(2**60, 99)]
    assert file_store._db.pragma("integrity_check") == "ok"


def test_nothing_that_was_replaced_is_left_in_the_files(path):
    """Not even where a b-tree keeps copies of rows that it has moved."""
    chance = random.Random(2)  # noqa: S311 - to be repeatable
    store, known = SQLiteStore.create(path, b"d" * 16), {}

    def keep(number, size):
        before, mark = known.get(number), b"<%s>" % chance.randbytes(8).hex().encode()
        revision = before.revision if before else 0
        made = row(id=number.to_bytes(16, "big"), revision=revision + 1, body=mark + bytes(size))
        known[number] = made
        return moving(Move(made, revision))

    for sizes in ([70, 80], [70, 80, 300], [20, 30]):
        numbers = chance.sample(range(2_000), 2_000)
        for first in range(0, 2_000, 100):
            group = [keep(number, chance.choice(sizes)) for number in numbers[first:][:100]]
            assert all(isinstance(outcome, Kept) for outcome in store.commit(group))
    store.commit([moving(Move(row(99), 0), erases=True)])
    assert Path(f"{path}-wal").stat().st_size == 0
    store.close()
    found = re.findall(rb"<[0-9a-f]{16}>", Path(path).read_bytes())
    assert sorted(found) == sorted(made.body[:18] for made in known.values())


def test_a_row_stays_in_its_place_and_places_are_used_again(file_store):
    """As attempts are counted, as a link comes and goes, as others are enrolled."""
    store, made = file_store, row(body=b"x" * 110)
    store.commit([new(made)])

    def step(body, **changes):
        nonlocal made
        after = replace(made, revision=made.revision + 1, body=body, **changes)
        store.commit([moving(Move(after, made.revision), erases=len(body) < len(made.body))])
        made = after
        ((slot,),) = store._db.execute("SELECT slot FROM credentials WHERE live = 1").fetchall()
        return slot

    first = step(b"x" * 110)
    assert {step(b"x" * (110 + turn % 15), due_us=turn % 2) for turn in range(300)} == {first}
    with_link = step(b"x" * 300)
    assert with_link != first
    assert step(b"x" * 110) == first
    store.commit([new(row(2, body=b"y" * 300))])
    (rows,) = store._db.execute("SELECT count(*) FROM credentials").fetchone()
    assert rows == 2
    assert load(store, 1, 2) == [made, row(2, body=b"y" * 300)]


def test_rows_and_rates_that_were_kept_are_there_after_a_kill(file_store, tmp_path):
    life(3, file_store, MemoryStore(b"d" * 16), 30)
    successor = copied(file_store, tmp_path)
    assert load(successor, *range(60)) == load(file_store, *range(60))
    successor.close()


@pytest.mark.parametrize(
    ("edit", "unreadable"),
    [
        ("user = 'text'", True),
        ("revision = 'x'", True),
        ("revision = -1", True),
        ("state = CAST(x'ff' AS TEXT)", True),
        ("state = x'00'", True),
        ("due_us = 1.5", True),
        ("due_us = -2", True),
        ("body = 'text'", True),
        ("body = zeroblob(99)", True),
        ("body = x'01'", True),
        ("mac = 7", True),
        ("body = CAST(x'01' || substr(body, 2) AS BLOB)", False),
        ("room = 99999", False),
        ("room = -1", False),
        ("room = 'x'", False),
    ],
)
def test_an_edited_row_is_handed_over_as_it_is_and_can_be_replaced(file_store, edit, unreadable):
    """Without a MAC where it is not of our types, so that nobody takes it for a sound one."""
    file_store.commit([new(row())])
    file_store._db.execute(f"UPDATE credentials SET {edit}")
    (found,) = load(file_store, 1)
    assert (found.mac == b"") is unreadable
    assert len(file_store.credential_page(NAMESPACE, b"", 9)) == 1
    assert file_store.commit([moving(Move(row(revision=5), ANY_REVISION))]) == [Kept(1)]
    assert load(file_store, 1) == [row(revision=5)]


@pytest.mark.parametrize(
    ("query", "index"),
    [
        ("namespace = x'' AND id = x'00' AND live = 1", "by_id"),
        ("namespace = x'' AND id > x'00' AND live = 1 ORDER BY id", "by_id"),
        ("user = x'00' AND length(user) > 0 AND live = 1", "by_user"),
        ("due_us > 0 AND due_us <= 9 AND live = 1 ORDER BY due_us, slot", "by_due"),
        ("live = 0 AND room = 9", "free"),
    ],
)
def test_credentials_are_found_by_an_index_and_need_no_sorting(file_store, query, index):
    steps = file_store._db.execute(
        f"EXPLAIN QUERY PLAN SELECT * FROM credentials WHERE {query}"
    ).fetchall()
    (step,) = steps
    assert f"credentials_{index}" in step[3]
    assert "SCAN" not in step[3]


def test_what_fsck_reads_is_every_row(path):
    store = SQLiteStore.create(path, b"d" * 16)
    store.commit([new(row(1)), new(row(2)), moving(Move(row(2, revision=2), 1))])
    store.close()
    inspection = SQLiteInspection(path)
    assert [one.row for one in inspection.credentials() if one.live == 1] == [
        row(1), row(2, revision=2),
    ]  # fmt: skip
    inspection.close()
