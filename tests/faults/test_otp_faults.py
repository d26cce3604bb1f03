"""Fail the Nth act of the disk, for every N, below a desk that has to do with a credential.

The caller is told `unavailable`, or is answered, and then what was done is on disk. A credential
has moved exactly where an entry says so. A code is right at most once, a link opens at most once,
and an ended secret is in no file, wherever the disk failed; and the same desk goes on when it is
mended.
"""

import itertools
import json
import shutil

import pytest

from strongroom.adapters.sqlite.store import SQLiteStore
from strongroom.domain.calls import ANSWER_DECODERS
from strongroom.domain.otp.credential import parse
from strongroom.services.otp.rows import Rows
from strongroom.tlog.merkle import Frontier, leaf_hash
from tests.support.disks import ERRORS, VFS, Disk, When, faulty_disk
from tests.support.otp import Bank

# name -> who, operation, what is told about it once more after it was done; `no`: an answer
ASKS = {
    "enrol": ("enroller", "otp.enrol", ""),
    "fetch": ("", "otp.fetch", "gone"),
    "activate": ("enroller", "otp.activate", "key-not-usable"),
    "verify": ("verifier", "otp.verify", "no"),
    "rotate": ("enroller", "otp.rotate", ""),
    "destroy": ("officer", "otp.destroy", "key-not-usable"),
}
# What `make test` takes of the whole matrix; the rest runs with `make soak`.
_SHORT = {
    ("full", When.BEFORE, "lasting", "writes"),
    ("io", When.BEFORE, "once", "reads too"),
    ("io", When.AFTER, "once", "writes"),
}


@pytest.fixture
def disk():
    with faulty_disk() as disk:
        yield disk


@pytest.fixture(scope="module")
def pristine(memory_path):
    """A bank that is asleep: a file to be copied. What each ask is about, and its fields."""
    bank = Bank(memory_path / "pristine.db")
    bank.spare = bank.credential(b"s" * 20, user="spare")
    link = bank.enrol("bob").link.token
    bank.about = {
        # The second of a rotation, whose proof erases the first.
        "activate": bank.credential(b"o" * 20, new=b"n" * 20),
        "verify": bank.credential(),
        "rotate": bank.credential(b"r" * 20),
        "destroy": bank.credential(b"d" * 20, new=b"e" * 20),
    }
    bank.fields = {
        "enrol": {"user": "carol"},
        "fetch": {"token": link},
        "activate": {"code": bank.code(secret=b"n" * 20)},
        "verify": {"code": bank.code()},
    }
    # What must be in no file any more afterwards, once it is done.
    bank.erased = {
        "activate": [bank.held(bank.about["activate"]).body.secrets[0].wrapped],
        "destroy": [one.wrapped for one in bank.held(bank.about["destroy"]).body.secrets],
    }
    bank.store.close()
    return bank


def _matrix():
    for case in itertools.product(ERRORS, When, ("once", "lasting"), ("writes", "reads too")):
        marks = () if case in _SHORT else (pytest.mark.soak,)
        error, when, how_long, which = case
        yield pytest.param(*case, marks=marks, id=f"{error}-{when.value}-{how_long}-{which}")


def credentials(store, bank):
    """All of them, by id; each has the right MAC."""
    rows = Rows(bank.provider, store.deployment)
    first = bank.house.first
    return {
        row.id: rows.open(row, expected=(first, row.id))
        for row in store.credential_page(first, b"", 100)
    }


def done_by(store):
    """The requests that were allowed, in a log whose tree is that of its entries."""
    bodies = []
    while len(bodies) < store.tree.size:
        bodies += [event.body for event in store.entries(len(bodies), 1_000)]
    tree = Frontier()
    for body in bodies:
        tree.append(leaf_hash(body))
    assert (tree.size, tree.root()) == (store.tree.size, store.tree.root)
    events = [json.loads(body) for body in bodies]
    return {event["request"] for event in events if event.get("outcome") == "allowed"}


def told(reply, operation):
    """The code; of an answer that says so, `no`."""
    if reply.code:
        return reply.code
    answer = ANSWER_DECODERS[operation][reply.variant].decode(reply.answer)
    says_no = getattr(answer, "valid", True) is False or getattr(answer, "active", True) is False
    return "no" if says_no else ""


def moved(before, after):
    """How many moved, or are new; none is gone, and none moved by more than one revision."""
    assert before.keys() <= after.keys()
    steps = [held.revision - (before[one].revision if one in before else 0)
             for one, held in after.items()]  # fmt: skip
    assert set(steps) <= {0, 1}
    return sum(steps)


@pytest.mark.parametrize(("error", "when", "how_long", "which"), list(_matrix()))
@pytest.mark.parametrize("ask", ASKS)
def test_a_fault_at_the_nth_act_splits_no_credential_from_its_entry(
    memory_path, pristine, disk: Disk, ask, error, when, how_long, which
):
    who, operation, once_more = ASKS[ask]
    token = getattr(pristine, who) if who else ""
    target, fields = pristine.about.get(ask, ""), pristine.fields.get(ask, {})
    codes = []
    for nth in itertools.count(1):
        path = shutil.copy(pristine.house.path, memory_path / f"{nth}.db")
        house = pristine.house.at(SQLiteStore.open(str(path), vfs=VFS))
        house.store._db.wal_autocheckpoint(1)  # so that each commit writes everywhere
        before = credentials(house.store, pristine)
        desk = house.desk()

        disk.break_at(
            nth, ERRORS[error], when, lasting=how_long == "lasting", reads=which == "reads too"
        )
        request, reply = desk.reply(token, operation, target, **fields)
        reached = disk.reached
        disk.mend()
        codes.append(told(reply, operation))
        assert codes[-1] in {"", "unavailable"}

        # As the files are at this moment: what a process killed now would leave to its successor.
        killed = memory_path / "killed.db"
        for suffix in ("", "-wal"):
            shutil.copy(f"{path}{suffix}", f"{killed}{suffix}")
        successor = SQLiteStore.open(str(killed))
        on_record = request in done_by(successor)
        assert moved(before, credentials(successor, pristine)) == on_record
        successor.close()
        assert on_record or reply.code == "unavailable"

        # The same desk goes on. Its own truth may be that a commit it saw fail did not happen.
        done = request in done_by(house.store)
        after = credentials(house.store, pristine)
        assert moved(before, after) == done
        assert done or reply.code == "unavailable"
        _, again = desk.reply(token, operation, target, **fields)
        assert told(again, operation) == (once_more if done else "")
        code = pristine.code(secret=b"s" * 20)
        assert desk.ask(pristine.verifier, "otp.verify", pristine.spare, code=code).valid
        size = house.store.tree.size
        house.store.close()

        reopened = SQLiteStore.open(str(path))
        assert (reopened.tree.size, request in done_by(reopened)) == (size, done)
        credentials(reopened, pristine)
        reopened.close()
        left = b"".join(one.read_bytes() for one in memory_path.glob(f"{nth}.db*"))
        assert not [secret for secret in pristine.erased.get(ask, []) if secret in left]
        path.unlink()
        if not reached:
            break
    assert nth > 10
    assert set(codes) == {"", "unavailable"}
    assert codes[-1] == ""  # without a fault it is as always


def test_the_search_finds_the_secrets_that_are_to_be_erased(pristine):
    """Otherwise the last lines of the test above would prove nothing."""
    files = pristine.files()
    for ask, secrets in pristine.erased.items():
        assert parse(pristine.about[ask]) in files
        assert all(secret in files for secret in secrets)
