"""The disk fails at the Nth act, for every N, or the power goes: a row and the log agree.

An attempt that was acknowledged is counted for ever, and one that was not is counted with its entry
or not at all: otherwise a code could be used twice, or guessed at for nothing.
"""

import itertools
import json
import random
import shutil
from pathlib import Path

import pytest

from strongroom.adapters.sqlite.store import SQLiteStore
from strongroom.domain.otp.credential import CredentialRow
from strongroom.ports.store import (
    ANY_REVISION,
    Commit,
    Conflict,
    EventQuery,
    Kept,
    Move,
    Rate,
    StoreUnavailable,
)
from tests.support.disks import ERRORS, VFS, When, faulty_disk
from tests.support.power import VFS as POWER_VFS
from tests.support.power import Power
from tests.support.stores import entry
from tests.support.uses import NAMESPACE

MARK = b"the secret that is to be erased"
RATE = Rate("caller", 1_000, 1_000_000)


def row(number, revision, body=b"x" * 110):
    return CredentialRow(
        bytes([number]) * 16, NAMESPACE, b"u" * 16, revision, "active", revision % 2, body,
        b"%016d" % revision,
    )  # fmt: skip


def moving(number, revision, body=b"x" * 110, *, replaces=None, erases=False):
    """A commit whose entry says what it moves."""
    replaces = revision - 1 if replaces is None else replaces
    told = entry(body=b'{"row":%d,"revision":%d}' % (number, revision))
    move = Move(row(number, revision, body), replaces)
    return Commit(0, (), told, moves=(move,), rates=(RATE,), erases=erases)


def check(store, acknowledged):
    """Each row is the one that its newest entry says, and what was acknowledged is in the log."""
    told, newest = [], {}
    for event in store.events(EventQuery(NAMESPACE, limit=1_000)).events:
        one = json.loads(event.body)
        told.append((one["row"], one["revision"]))
        newest[one["row"]] = one["revision"]
    assert set(acknowledged) <= set(told)
    assert len(told) == len(set(told))
    rows = store.credential_page(NAMESPACE, b"", 99)
    assert {made.id[0]: made.revision for made in rows} == newest
    for made in rows:
        # Whole, and found by whatever it is found by.
        assert made == row(made.id[0], made.revision, made.body)
        assert store.credentials(NAMESPACE, [made.id]) == [made]
    assert store.credentials_of(NAMESPACE, b"u" * 16, 99) == rows
    due = {made.id for made in rows if made.due_us}
    assert {made.id for made in store.credentials_due(9, 99)} == due


def groups():
    """Attempts in place, beside others; a row that grows, one that is new; an erasure."""
    return [
        [moving(1, 2), moving(2, 2), moving(1, 3)],
        [moving(1, 4, MARK * 9), moving(1, 4, replaces=3), moving(3, 1), moving(2, 3)],
        [moving(1, 5, b"erased", erases=True), moving(4, 1, replaces=ANY_REVISION)],
        [moving(2, 4), moving(1, 6), moving(3, 2)],
    ]


@pytest.fixture(scope="module")
def pristine(memory_path):
    path = memory_path / "pristine.db"
    store = SQLiteStore.create(str(path), b"d" * 16)
    store.commit([moving(1, 1, MARK * 3), moving(2, 1)])
    store.close()
    return path


def run(store):
    """What was acknowledged."""
    acknowledged = []
    for group in groups():
        try:
            outcomes = store.commit(group)
        except StoreUnavailable:
            continue
        for commit, outcome in zip(group, outcomes, strict=True):
            assert isinstance(outcome, (Kept, Conflict))
            if isinstance(outcome, Kept):
                made = commit.moves[0].row
                acknowledged.append((made.id[0], made.revision))
    return acknowledged


@pytest.mark.parametrize("lasting", [False, True], ids=["once", "lasting"])
@pytest.mark.parametrize("when", list(When), ids=lambda when: when.value)
@pytest.mark.parametrize("error", ERRORS)
def test_a_fault_at_the_nth_act_moves_a_row_with_its_entry_or_not_at_all(
    memory_path, pristine, error, when, *, lasting
):
    failed = 0
    with faulty_disk() as disk:
        for nth in itertools.count(1):
            path = memory_path / f"{nth}.db"
            shutil.copy(pristine, path)
            store = SQLiteStore.open(str(path), vfs=VFS)
            store._db.wal_autocheckpoint(3)
            disk.break_at(nth, ERRORS[error], when, lasting=lasting)
            acknowledged = run(store)
            reached = disk.reached
            failed += len(acknowledged) < 10
            disk.mend()
            # As a process that was killed now leaves it to its successor.
            killed = memory_path / "killed.db"
            for suffix in ("", "-wal"):
                shutil.copy(f"{path}{suffix}", f"{killed}{suffix}")
            successor = SQLiteStore.open(str(killed))
            check(successor, acknowledged)
            successor.close()
            check(store, acknowledged)
            last = max(revision for number, revision in [(1, 1), *acknowledged] if number == 1)
            (present,) = store.credentials(NAMESPACE, [b"\1" * 16])
            assert present.revision >= last
            after = moving(1, present.revision + 1, b"erased", erases=True)
            assert isinstance(store.commit([after])[0], Kept)
            assert store.erasing is False
            store.close()
            # Whatever came in between, what is erased in the end is in no file.
            assert MARK not in path.read_bytes()
            path.unlink()
            if not reached:
                break
    assert nth > 20
    assert failed > 0


def test_a_power_cut_at_any_act_moves_a_row_with_its_entry_or_not_at_all(memory_path, pristine):
    chance = random.Random(5)  # noqa: S311 - to be repeatable
    path, left = memory_path / "store.db", memory_path / "left"
    left.mkdir()
    shutil.copy(pristine, path)
    cuts, acknowledged, revisions = [], [], {1: 1, 2: 1}
    with Power() as power:
        store = SQLiteStore.open(str(path), vfs=POWER_VFS)
        store._db.wal_autocheckpoint(20)
        power.acted = lambda: cuts.append((power.cut(chance), len(acknowledged)))
        for _ in range(60):
            group, erases = [], chance.random() < 0.2
            for number in {chance.randint(1, 9) for _ in range(3)}:
                revisions[number] = revisions.get(number, 0) + 1
                body = b"x" * chance.choice([110, 115, 400])
                group.append(moving(number, revisions[number], body, erases=erases))
            assert all(isinstance(outcome, Kept) for outcome in store.commit(group))
            acknowledged += [
                (commit.moves[0].row.id[0], commit.moves[0].row.revision) for commit in group
            ]
        power.acted = lambda: None
        store.close()
    assert len(cuts) > 300
    for files, promised in chance.sample(cuts, 200):
        for former in left.iterdir():
            former.unlink()
        for name, held in files.items():
            if held is not None:
                (left / Path(name).name).write_bytes(held)
        store = SQLiteStore.open(str(left / "store.db"))
        check(store, acknowledged[:promised])
        store.close()
