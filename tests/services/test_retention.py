"""Old entries move when they are old enough, by order, and the order is on record first."""

import asyncio
import json

import pytest

from strongroom.adapters.direct_ledger import DirectLedger
from strongroom.adapters.sqlite.store import SQLiteStore
from strongroom.adapters.system import SystemRandomness
from strongroom.domain.errors import Unavailable
from strongroom.domain.operations import DEEDS
from strongroom.domain.times import DAY_US
from strongroom.ports.store import Checkpoints, Commit, EventQuery, Extent
from strongroom.services.retention import ACTION, Retention
from tests.support.desks import Clock
from tests.support.stores import entry
from tests.support.uses import NAMESPACE

SPAN = 1 << 14
BEGAN_US = 1_700_000_000_000_000


class Ledger(DirectLedger):
    """Fails where it is told to, and notes what it is asked."""

    fails = ""

    def __init__(self, store):
        super().__init__(store)
        self.asked = []

    async def commit(self, commit):
        self.asked.append("commit")
        return await super().commit(commit)

    async def copy_out(self, end):
        self.asked.append("copy_out")
        if self.fails == "copy_out":
            raise Unavailable
        return await super().copy_out(end)

    async def let_go(self, end):
        self.asked.append("let_go")
        if self.fails == "let_go":
            raise Unavailable
        return await super().let_go(end)


@pytest.fixture
def ledger(tmp_path):
    store = SQLiteStore.create(str(tmp_path / "store.db"), b"d" * 16)
    store._uses.interval_seconds = 0
    store.commit([Commit(0, (), entry(number)) for number in range(SPAN)])
    while store.settle_counts() == 0:
        pass
    store.keep_checkpoints(Checkpoints(counted_size=SPAN, counted=b"counted"))
    yield Ledger(store)
    store.close()


def retention(ledger, days_later, keep_days=90):
    clock = Clock()
    clock.now = BEGAN_US + days_later * DAY_US
    return Retention(
        ledger=ledger, clock=clock, randomness=SystemRandomness(), first_namespace=NAMESPACE,
        keep_days=keep_days,
    )  # fmt: skip


def orders(ledger):
    page = ledger._store.events(EventQuery(NAMESPACE, action=ACTION))
    return [json.loads(event.body) for event in page.events]


def test_what_is_old_enough_is_ordered_first_and_moved_then(ledger):
    assert asyncio.run(retention(ledger, 91).turn())
    assert ledger._store.extent(2**60) == Extent(SPAN, SPAN)
    assert ledger.asked[:3] == ["commit", "copy_out", "let_go"]
    (order,) = orders(ledger)
    assert order["details"] == {"days": 90, "end": SPAN, "first": 0}
    assert order["details"].keys() == DEEDS[ACTION]
    assert (order["principal"], order["namespace"]) == ("strongroom:steward", "default")
    assert not asyncio.run(retention(ledger, 91).turn())
    assert len(orders(ledger)) == 1


@pytest.mark.parametrize("days_later", [0, 1, 89])
def test_what_is_younger_stays_and_nothing_is_put_on_record(ledger, days_later):
    assert not asyncio.run(retention(ledger, days_later).turn())
    assert (ledger.asked, ledger._store.extent(2**60).archived) == ([], 0)


@pytest.mark.parametrize("fails", ["copy_out", "let_go"])
def test_one_that_was_interrupted_is_followed_by_an_order_for_the_rest(ledger, fails):
    ledger.fails = fails
    with pytest.raises(Unavailable):
        asyncio.run(retention(ledger, 91).turn())
    assert ledger._store.extent(2**60).archived == 0
    assert len(ledger._store.entries(0, 9)) == 9
    ledger.fails = ""
    assert asyncio.run(retention(ledger, 91).turn())
    assert ledger._store.extent(2**60).archived == SPAN
    assert [order["details"]["first"] for order in orders(ledger)] == [0, 0]


def test_an_archive_that_takes_nothing_ends_the_turn(ledger, tmp_path):
    (tmp_path / "archive").write_bytes(b"a file")
    with pytest.raises(Unavailable):
        asyncio.run(retention(ledger, 91).turn())
    assert ledger._store.extent(2**60).archived == 0
