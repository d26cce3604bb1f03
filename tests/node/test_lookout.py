"""What the courier does with the watcher: nothing found is lost, nothing is learned twice."""

import asyncio
import os
import signal
import time

import msgspec
import pytest

from strongroom.domain.errors import Unavailable
from strongroom.domain.events import Event, Outcome, canonical
from strongroom.domain.times import rfc3339
from strongroom.node.lookout import Lookout
from strongroom.node.metrics import Meter
from strongroom.node.tide import Tide
from strongroom.ports.store import Cursor, StoredEvent, Tree
from strongroom.tlog.merkle import leaf_hash
from strongroom.watching.rules import RULES
from tests.support.nodes import Node
from tests.support.nodes import eventually as wait_until

START_US = 1_790_000_000_000_000


class Log:
    """Entries, and cursors."""

    def __init__(self):
        self.bodies = []
        self.cursors = {}
        self.moves = []
        self.gone = False

    def add(self, action, **fields):
        given = {
            "action": action, "format": 2, "namespace": "default", "outcome": Outcome.ALLOWED,
            "principal": "admin", "request": f"{len(self.bodies):032x}", "source": "192.0.2.1",
            "time": rfc3339(START_US + len(self.bodies) * 1_000_000), **fields,
        }  # fmt: skip
        self.bodies.append(canonical(Event(**given)))

    def disable(self, name):
        """A principal with a token is disabled."""
        self.add("token.create", object=f"principal/{name}", details={"token": f"token-of-{name}"})
        self.add("principal.update", object=f"principal/{name}", details={"disabled": 1})

    def knock(self, name, times=3):
        """It tries all the same, as often as makes a finding."""
        for _ in range(times):
            self.add(
                "key.decrypt", principal="", token=f"token-of-{name}", outcome=Outcome.REFUSED,
                reason="unauthenticated",
            )  # fmt: skip

    async def growth(self):
        if self.gone:
            raise Unavailable("gone")
        return Tree(len(self.bodies), bytes(32))

    async def entries(self, first, limit):
        return [
            StoredEvent(position, leaf_hash(body), body)
            for position, body in enumerate(self.bodies[first : first + limit], first)
        ]

    async def cursor(self, name):
        return self.cursors.get(name)

    async def move_cursor(self, cursor):
        self.cursors[cursor.name] = cursor
        self.moves.append(cursor.position)


class Custodian:
    """Takes findings, when it is there."""

    def __init__(self):
        self.findings = []
        self.gone = False

    async def raise_(self, findings):
        if self.gone:
            raise Unavailable("gone")
        self.findings += findings

    @property
    def subjects(self):
        return [finding.subject for finding in self.findings]


class Run:
    def __init__(self, log, custodian):
        self.log = log
        self.tide = Tide(log)
        self.meter = Meter()
        self.lookout = Lookout(
            RULES, ledger=log, tide=self.tide, custodian=custodian, meter=self.meter
        )

    async def __aenter__(self):
        self._tide = asyncio.create_task(self.tide.run())
        self._work = asyncio.create_task(self.lookout.run())
        return self

    async def read(self):
        """All that is there was read."""
        await eventually(lambda: self.lookout.position == len(self.log.bodies))

    async def __aexit__(self, *_):
        self.lookout.stop()
        self.tide.end()
        await asyncio.wait_for(self._work, 30)
        self._tide.cancel()

    def kill(self):
        """Nothing is kept: what a kill -9 leaves is in the cursors."""
        self._work.cancel()
        self._tide.cancel()


async def eventually(is_so, seconds=30):
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, "did not come to be"
        await asyncio.sleep(0.01)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    for name, seconds in {"_IDLE_SECONDS": 0.02, "_AGAIN_SECONDS": 0.02}.items():
        monkeypatch.setattr(f"strongroom.node.lookout.{name}", seconds)
    monkeypatch.setattr("strongroom.node.tide._LOOKS_SECONDS", 0.01)


def test_what_was_there_before_it_ran_is_learned_and_raises_nothing():
    async def story():
        log, custodian = Log(), Custodian()
        log.disable("anna")
        log.knock("anna")
        log.disable("ben")
        async with Run(log, custodian) as run:
            await run.read()
            assert not custodian.findings
            log.knock("ben")
            await run.read()
            assert custodian.subjects == ["principal/ben"]
            assert run.meter.snapshot.counters["strongroom_findings"] == {(): 1}

    asyncio.run(story())


def test_killed_one_reads_again_and_finds_the_same():
    async def story():
        log, custodian = Log(), Custodian()
        log.disable("anna")
        run = Run(log, custodian)
        await run.__aenter__()
        await run.read()
        log.knock("anna")
        await run.read()
        run.kill()
        # Until when it is quiet was kept before anything else.
        async with Run(log, custodian) as again:
            await again.read()
        assert custodian.subjects == ["principal/anna"] * 2
        assert len({finding.id for finding in custodian.findings}) == 1
        # Ended in order, it has kept what it knows, and nothing is read twice.
        async with Run(log, custodian) as again:
            await again.read()
            log.knock("anna")
            await again.read()
        assert len(custodian.findings) == 2

    asyncio.run(story())


def test_custodian_that_is_gone_is_waited_for_and_nothing_is_passed():
    async def story():
        log, custodian = Log(), Custodian()
        async with Run(log, custodian) as run:
            await eventually(lambda: log.moves == [0])
            log.disable("anna")
            custodian.gone = True
            log.knock("anna")
            log.knock("anna", 10)
            await eventually(lambda: run.lookout.lag_entries > 10)
            await asyncio.sleep(0.2)
            assert run.lookout.position < 5
            custodian.gone = False
            await run.read()
            assert custodian.subjects == ["principal/anna"]

    asyncio.run(story())


def test_end_without_a_custodian_loses_no_finding():
    async def story():
        log, custodian = Log(), Custodian()
        custodian.gone = True
        async with Run(log, custodian):
            await eventually(lambda: log.moves == [0])
            log.disable("anna")
            log.knock("anna")
            await asyncio.sleep(0.2)
        custodian.gone = False
        async with Run(log, custodian) as again:
            await again.read()
        assert custodian.subjects == ["principal/anna"]

    asyncio.run(story())


@pytest.mark.parametrize(
    "state", [b"", b"nonsense", msgspec.msgpack.encode((3, b"of another release"))]
)
def test_state_that_cannot_be_read_is_learned_anew_and_said(state, capfd):
    async def story():
        log, custodian = Log(), Custodian()
        log.disable("anna")
        log.knock("anna")
        log.cursors["watcher"] = Cursor("watcher", 2, state)
        async with Run(log, custodian) as run:
            await run.read()
            assert not custodian.findings

    asyncio.run(story())
    assert "the watcher learns anew" in capfd.readouterr().err


def test_place_beyond_the_log_is_learned_anew():
    async def story():
        log, custodian = Log(), Custodian()
        log.disable("anna")
        log.cursors["watcher"] = Cursor("watcher", 99, msgspec.msgpack.encode((0, b"")))
        async with Run(log, custodian) as run:
            await run.read()
            log.knock("anna")
            await run.read()
        assert custodian.subjects == ["principal/anna"]

    asyncio.run(story())


def test_entry_that_is_none_is_said_and_holds_up_nothing(capfd):
    async def story():
        log, custodian = Log(), Custodian()
        async with Run(log, custodian) as run:
            await eventually(lambda: log.moves == [0])
            log.bodies.append(b'{"not":"an entry"}')
            log.disable("anna")
            log.knock("anna")
            await run.read()
        assert custodian.subjects == ["principal/anna"]

    asyncio.run(story())
    assert "an entry could not be watched" in capfd.readouterr().err


def test_ledger_that_is_gone_for_a_while_is_waited_for():
    async def story():
        log, custodian = Log(), Custodian()
        log.gone = True
        async with Run(log, custodian) as run:
            await asyncio.sleep(0.1)
            log.gone = False
            await eventually(lambda: log.moves == [0])
            log.disable("anna")
            log.knock("anna")
            await run.read()
        assert custodian.subjects == ["principal/anna"]

    asyncio.run(story())


def test_in_a_node_what_is_found_becomes_one_alert_however_often_it_is_found(tmp_path):
    """The courier is killed after the finding: it reads the same entries and finds it again."""
    with Node(tmp_path / "data", custodians=2) as node:
        client = node.client()
        made = client.ask("POST", "/v1/principals", {"name": "anna", "roles": ["key-user"]})
        assert made.status == 201
        token = client.ask("POST", "/v1/tokens", {"principal": "anna"}).json["token"]
        assert client.ask("PATCH", "/v1/principals/anna", {"disabled": True}).status == 200
        for _ in range(4):
            assert client.encrypt("demo", b"x", token=token).status == 401

        def alerts():
            return client.ask("GET", "/v1/alerts").json["alerts"]

        wait_until(lambda: len(alerts()) == 1)
        (alert,) = alerts()
        assert (alert["rule"], alert["subject"]) == ("disabled-principal", "principal/anna")
        for room in ("courier", "custodian-1"):
            pid = client.rooms()[room]["pid"]
            os.kill(pid, signal.SIGKILL)
            wait_until(lambda room=room, pid=pid: _another(client, room, pid))
        wait_until(
            lambda: b'strongroom_watcher_lag_entries{room="courier"} 0.0' in _metrics(client)
        )
        assert [each["id"] for each in alerts()] == [alert["id"]]
        raised = client.events(action="alert.raise")
        assert len(raised) == 1
        assert raised[0]["principal"] == "strongroom:watcher"
        assert node.stop() == 0


def _another(client, room, pid):
    try:
        rooms = client.rooms()
    except (OSError, KeyError):
        return False
    return room in rooms and rooms[room]["pid"] != pid


def _metrics(client):
    return client.ask("GET", "/metrics").body
