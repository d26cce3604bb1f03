"""How entries are carried to a sink: each at least once, in order, whatever the sink does."""

import asyncio
import threading
import time

import pytest

from strongroom.domain import limits
from strongroom.domain.errors import Unavailable
from strongroom.domain.events import Event, Outcome, canonical
from strongroom.domain.times import rfc3339
from strongroom.node.carrying import Carrier
from strongroom.node.metrics import Meter
from strongroom.node.tide import Tide
from strongroom.ports.sinks import FileSettings, SinkFailed
from strongroom.ports.store import Cursor, StoredEvent, Tree
from strongroom.tlog.merkle import leaf_hash


class Log:
    """A ledger's log that can be gone for a while."""

    def __init__(self, count=0):
        self.bodies = []
        self.cursors = {}
        self.moves = []
        self.gone = False
        self.grow(count)

    def grow(self, count, **fields):
        for _ in range(count):
            event = Event(
                **{
                    "action": "key.encrypt", "format": 2, "namespace": "default",
                    "outcome": Outcome.ALLOWED, "request": "r",
                    "time": rfc3339(time.time_ns() // 1000), **fields,
                }
            )  # fmt: skip
            self.bodies.append(canonical(event))

    def _there(self):
        if self.gone:
            raise Unavailable("gone")

    async def growth(self):
        self._there()
        return Tree(len(self.bodies), bytes(32))

    async def entries(self, first, limit):
        self._there()
        return [
            StoredEvent(position, leaf_hash(body), body)
            for position, body in enumerate(self.bodies[first : first + limit], first)
        ]

    async def cursor(self, name):
        self._there()
        return self.cursors.get(name)

    async def move_cursor(self, cursor):
        self._there()
        self.cursors[cursor.name] = cursor
        self.moves.append(cursor.position)

    @property
    def place(self):
        return self.cursors["sink/test"].position


class BentSink:
    """Keeps what it was sent. With `lasting`, it is lost unless it was settled."""

    def __init__(self, *, lasting=False):
        self.lasting = lasting
        self.arrived = []
        self.batches = []
        self.settled = 0
        self.failures = []
        self.blocked = threading.Event()
        self.blocked.set()
        self.closed = False
        self._pending = []
        self.asked = 0

    def send(self, parcels):
        self.asked += 1
        self.blocked.wait()
        self._fail()
        self.batches.append(parcels)
        positions = [parcel.position for parcel in parcels]
        if self.lasting:
            self._pending += positions
            return False
        self.arrived += positions
        return True

    def settle(self):
        try:
            self._fail()
        except SinkFailed:
            self._pending = []
            raise
        self.settled += 1
        self.arrived += self._pending
        self._pending = []

    def _fail(self):
        if self.failures and (reason := self.failures.pop(0)):
            raise SinkFailed(reason)

    def close(self):
        self.closed = True


@pytest.fixture
def quick(monkeypatch):
    """Pauses as short as a test wants them."""
    for name, seconds in {
        "_IDLE_SECONDS": 0.05, "_AGAIN_SECONDS": 0.05, "_PAUSE_SECONDS_MIN": 0.02,
    }.items():  # fmt: skip
        monkeypatch.setattr(f"strongroom.node.carrying.{name}", seconds)
    monkeypatch.setattr("strongroom.node.tide._LOOKS_SECONDS", 0.01)


class Run:
    """A carrier at work. Its story is told between entering and leaving."""

    def __init__(self, log, sink, **settings):
        self.log = log
        self.tide = Tide(log)
        self.meter = Meter()
        given = FileSettings(name="test", path="/x", **{"begin": "beginning", **settings})
        self.carrier = Carrier(
            given, sink, ledger=log, tide=self.tide, meter=self.meter, remember_seconds=0.05
        )

    async def __aenter__(self):
        self._tide = asyncio.create_task(self.tide.run())
        self._work = asyncio.create_task(self.carrier.run())
        return self

    async def __aexit__(self, *_):
        self.carrier.stop()
        await asyncio.wait_for(self._work, 30)
        self._tide.cancel()


async def eventually(is_so, seconds=30):
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, "did not come to be"
        await asyncio.sleep(0.01)


pytestmark = pytest.mark.usefixtures("quick")


@pytest.mark.parametrize("lasting", [False, True])
def test_entries_arrive_in_order_and_the_place_is_kept(lasting):
    async def story():
        log, sink = Log(1_203), BentSink(lasting=lasting)
        async with Run(log, sink):
            await eventually(lambda: sink.arrived == list(range(1_203)))
            log.grow(5)
            await eventually(lambda: sink.arrived == list(range(1_208)))
            await eventually(lambda: log.place == 1_208)
        assert sink.closed
        assert max(map(len, sink.batches)) == limits.CARRIED_ENTRIES_MAX

    asyncio.run(story())


def test_new_sink_begins_at_the_end_and_stays_there_whatever_becomes_of_it():
    async def story():
        log, sink = Log(7), BentSink()
        sink.failures = ["no"] * 1_000
        async with Run(log, sink, begin="end"):
            await eventually(lambda: log.moves == [7])
            log.grow(3)
            await eventually(lambda: len(sink.failures) < 998)
        again = BentSink()
        async with Run(log, again, begin="end"):
            await eventually(lambda: again.arrived == [7, 8, 9])

    asyncio.run(story())


def test_place_beyond_the_log_is_given_up_loudly(capfd):
    async def story():
        log, sink = Log(7), BentSink()
        log.cursors["sink/test"] = Cursor("sink/test", 99)
        async with Run(log, sink):
            await eventually(lambda: log.moves == [7])
            log.grow(1)
            await eventually(lambda: sink.arrived == [7])

    asyncio.run(story())
    assert "a sink's place is beyond the log" in capfd.readouterr().err


@pytest.mark.parametrize("lasting", [False, True])
def test_what_did_not_arrive_comes_again_and_it_is_said_once(lasting, capfd):
    async def story():
        log, sink = Log(1_200), BentSink(lasting=lasting)
        sink.failures = ["", "gone", "gone", "gone", "", ""]
        async with Run(log, sink) as run:
            await eventually(lambda: set(sink.arrived) == set(range(1_200)))
            await eventually(lambda: log.place == 1_200)
            assert run.meter.snapshot.counters["strongroom_sink_failures"] == {("test",): 3}
        # In order, but for what comes again.
        fresh = [each for at, each in enumerate(sink.arrived) if each not in sink.arrived[:at]]
        assert fresh == list(range(1_200))

    asyncio.run(story())
    said = capfd.readouterr().err
    assert said.count("a sink does not take entries") == 1
    assert said.count("a sink takes entries again") == 1
    assert said.count("gone") == 1


def test_sink_that_loses_what_is_not_settled_gets_all_of_it_again():
    async def story():
        log, sink = Log(10), BentSink(lasting=True)
        sink.failures = ["", "lost"]  # sent, then not settled
        async with Run(log, sink):
            await eventually(lambda: sink.arrived == list(range(10)))
        assert [len(batch) for batch in sink.batches] == [10, 10]
        assert log.place == 10

    asyncio.run(story())


def test_under_load_a_sink_is_asked_to_confirm_now_and_then(monkeypatch):
    monkeypatch.setattr(limits, "UNSETTLED_ENTRIES_MAX", 1_000)

    async def story():
        log, sink = Log(3_500), BentSink(lasting=True)
        async with Run(log, sink):
            await eventually(lambda: len(sink.arrived) == 3_500)
        assert sink.settled == 4

    asyncio.run(story())


def test_filters_choose_and_what_is_not_chosen_is_passed():
    async def story():
        log, sink = Log(), BentSink()
        log.grow(2)
        log.grow(1, action="key.decrypt")
        log.grow(1, action="token.create")
        log.grow(1, action="key.decrypt", namespace="other")
        log.grow(700)
        log.grow(1, action="key.decrypt", namespace="third")
        chosen = {"namespaces": ("default", "third"), "actions": ("key.d*", "token.create")}
        async with Run(log, sink, **chosen) as run:
            await eventually(lambda: sink.arrived == [2, 3, 705])
            await eventually(lambda: log.place == 706)
            log.grow(1)
            await eventually(lambda: log.place == 707)
            assert run.carrier.lag_entries == 0
        assert sink.arrived == [2, 3, 705]

    asyncio.run(story())


def test_long_entries_go_in_smaller_batches():
    async def story():
        log, sink = Log(), BentSink()
        log.grow(40, details={"text": "x" * 60_000})
        async with Run(log, sink):
            await eventually(lambda: sink.arrived == list(range(40)))
        assert len(sink.batches) == 3
        for batch in sink.batches:
            assert sum(len(parcel.line) for parcel in batch) <= limits.CARRIED_BYTES_MAX

    asyncio.run(story())


def test_blocked_sink_holds_up_no_other_and_is_not_sent_more():
    async def story():
        log, blocked, other = Log(5), BentSink(), BentSink()
        blocked.blocked.clear()
        async with Run(log, blocked) as run, Run(log, other):
            await eventually(lambda: len(other.arrived) == 5)
            log.grow(2_000)
            await eventually(lambda: len(other.arrived) == 2_005)
            await eventually(lambda: run.carrier.lag_entries == 2_005)
            assert run.carrier.lag_seconds > 0
            assert not blocked.arrived
            blocked.blocked.set()
            await eventually(lambda: blocked.arrived == list(range(2_005)))
            await eventually(lambda: run.carrier.lag_entries == 0)
            assert run.carrier.lag_seconds == 0

    asyncio.run(story())


def test_what_is_being_sent_at_the_end_arrives_and_counts():
    async def story():
        log, sink = Log(), BentSink(lasting=True)
        async with Run(log, sink):
            await eventually(lambda: log.moves == [0])
            sink.blocked.clear()
            log.grow(3)
            await eventually(lambda: sink.asked)
            threading.Timer(0.2, sink.blocked.set).start()
        assert sink.arrived == [0, 1, 2]
        assert log.place == 3

    asyncio.run(story())


def test_sink_that_fails_at_the_end_gets_it_the_next_time():
    async def story():
        log, sink = Log(3), BentSink()
        sink.failures = ["no"] * 1_000
        async with Run(log, sink):
            await eventually(lambda: len(sink.failures) < 999)
        assert log.place == 0
        assert sink.closed

    asyncio.run(story())


def test_edited_entry_is_said_and_holds_up_nothing(capfd):
    async def story():
        log, sink = Log(3), BentSink()
        log.bodies[1] = b'{"not":"an entry"}'
        async with Run(log, sink):
            await eventually(lambda: sink.arrived == [0, 2])
            await eventually(lambda: log.place == 3)

    asyncio.run(story())
    assert '"position": 1' in capfd.readouterr().err


def test_ledger_that_is_gone_for_a_while_is_waited_for():
    async def story():
        log, sink = Log(3), BentSink()
        log.gone = True
        async with Run(log, sink):
            await asyncio.sleep(0.1)
            log.gone = False
            await eventually(lambda: sink.arrived == [0, 1, 2])
            log.gone = True
            log.grow(2)
            await asyncio.sleep(0.1)
            log.gone = False
            await eventually(lambda: sink.arrived == [0, 1, 2, 3, 4])

    asyncio.run(story())


def test_mistake_of_ours_ends_the_run_and_the_next_one_carries_on():
    async def story():
        log, sink = Log(3), BentSink()
        async with Run(log, sink):
            await eventually(lambda: sink.arrived == [0, 1, 2])
        run = Run(log, sink)
        send, sink.send = sink.send, None
        log.grow(2)
        with pytest.raises(TypeError):
            async with run:
                await eventually(run._work.done)
        sink.send = send
        run.carrier._stopping.clear()
        async with run:
            await eventually(lambda: sink.arrived == [0, 1, 2, 3, 4])
            await eventually(lambda: log.place == 5)

    asyncio.run(story())


def test_place_is_remembered_when_the_sink_begins_to_fail():
    async def story():
        log, sink = Log(1_200), BentSink()
        sink.failures = ["", "no", *["no"] * 1_000]
        run = Run(log, sink)
        run.carrier._remember_seconds = run.carrier._remembered_at = time.monotonic()
        async with run:
            await eventually(lambda: len(sink.failures) < 999)
            assert log.place == len(sink.arrived) == limits.CARRIED_ENTRIES_MAX

    asyncio.run(story())
