"""Fail the Nth act of the disk, for every N, below a whole desk: policies, keys, books and store.

The caller is told `unavailable` or is answered, nothing else. An answer, a refusal too, is on
record; a change and its entry are both there or neither is; and the same desk goes on when the disk
is mended.
"""

import itertools
import shutil

import apsw
import pytest

from strongroom.adapters.sqlite.store import SQLiteStore
from tests.support.desks import House
from tests.support.disks import ERRORS, VFS, Disk, When, faulty_disk
from tests.support.replay import Replay
from tests.support.rows import SELECT

# name -> who, operation, target, fields, the code without a fault
ASKS = {
    "create": ("admin", "key.create", "", {"name": "new"}, ""),
    "rotate": ("admin", "key.rotate", "demo", {}, ""),
    "disable": ("admin", "key.disable", "demo", {}, ""),
    "enable": ("admin", "key.enable", "stopped", {}, ""),
    "update": ("admin", "key.update", "demo", {"labels": {"team": "payments"}}, ""),
    "encrypt": ("app", "key.encrypt", "demo", {"plaintext": b"4111"}, ""),
    # A refusal, too, is given only when it is on record.
    "forbidden": ("app", "key.create", "", {"name": "new"}, "not-allowed"),
    "unproven": ("", "key.disable", "demo", {}, "unauthenticated"),
    "suspended": ("app", "key.encrypt", "stopped", {"plaintext": b"4111"}, "key-not-usable"),
}
# What `make test` takes of the whole matrix; the rest runs with `make soak`.
_SHORT = {
    ("full", When.BEFORE, "lasting", "writes"),
    ("io", When.BEFORE, "once", "reads too"),
    ("io", When.HALF, "once", "writes"),
    ("io", When.AFTER, "once", "writes"),
}


@pytest.fixture
def disk():
    with faulty_disk() as disk:
        yield disk


@pytest.fixture(scope="module")
def pristine(memory_path):
    """A founded house that is asleep: a file to be copied."""
    house = House(memory_path / "pristine.db")
    desk = house.desk()
    for name in ("spare", "stopped"):
        desk.ask(house.admin, "key.create", name=name)
    desk.ask(house.admin, "key.disable", "stopped")
    house.store.close()
    return house


def _records(path):
    db = apsw.Connection(str(path))
    try:
        return db.execute(SELECT).fetchall()
    finally:
        db.close()


def _matrix():
    for case in itertools.product(ERRORS, When, ("once", "lasting"), ("writes", "reads too")):
        marks = () if case in _SHORT else (pytest.mark.soak,)
        error, when, how_long, which = case
        yield pytest.param(*case, marks=marks, id=f"{error}-{when.value}-{how_long}-{which}")


@pytest.mark.parametrize(("error", "when", "how_long", "which"), list(_matrix()))
@pytest.mark.parametrize("ask", ASKS)
def test_a_fault_at_the_nth_act_splits_no_change_from_its_entry(
    memory_path, pristine, disk: Disk, ask, error, when, how_long, which
):
    who, operation, target, fields, code = ASKS[ask]
    token = getattr(pristine, who) if who else ""
    outcome, other = ("refused", "allowed") if code else ("allowed", "refused")
    codes = []
    before = _records(pristine.path)
    for nth in itertools.count(1):
        path = shutil.copy(pristine.path, memory_path / f"{nth}.db")
        house = pristine.at(SQLiteStore.open(str(path), vfs=VFS))
        house.store._db.wal_autocheckpoint(1)  # so that each commit writes everywhere
        desk = house.desk()

        disk.break_at(
            nth, ERRORS[error], when, lasting=how_long == "lasting", reads=which == "reads too"
        )
        request, reply = desk.reply(token, operation, target, **fields)
        reached = disk.reached
        disk.mend()
        codes.append(reply.code)
        assert reply.code in {code, "unavailable"}

        # As the files are at this moment: what a process killed now would leave to its successor.
        killed = memory_path / "killed.db"
        for suffix in ("", "-wal"):
            shutil.copy(f"{path}{suffix}", f"{killed}{suffix}")
        successor = SQLiteStore.open(str(killed))
        found = Replay(successor, house.root)
        successor.close()
        assert request not in found.requests(other)
        if request not in found.requests(outcome):
            assert reply.code == "unavailable"
        if code or request not in found.requests(outcome):
            assert _records(killed) == before

        # The same desk goes on. Its own truth may be that a commit it saw fail did not happen.
        kept = Replay(house.store, house.root)
        done = request in kept.requests(outcome)
        assert done or reply.code == "unavailable"
        assert request not in kept.requests(other)
        again = desk.refusal(token, operation, target, **fields)
        assert again == ("already-exists" if done and ask == "create" else code)
        sealed = desk.ask(house.app, "key.encrypt", "spare", plaintext=b"after").ciphertext
        assert desk.ask(house.app, "key.decrypt", ciphertext=sealed).plaintext == b"after"
        size = house.store.tree.size
        house.store.close()

        reopened = SQLiteStore.open(str(path))
        last = Replay(reopened, house.root)
        assert len(last.events) == size
        assert (request in last.requests(outcome)) is done
        reopened.close()
        path.unlink()
        if not reached:
            break
    assert nth > 10
    assert {code, "unavailable"} == set(codes)
    assert codes[-1] == code  # without a fault it is as always
