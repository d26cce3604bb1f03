"""The ledger as a process, spoken to over its wire: what it tells of the log, and to whom."""

import asyncio
import contextlib
import os
import socket
import subprocess
import sys

import apsw
import msgspec
import pytest

from strongroom.adapters.sqlite.store import SQLiteStore
from strongroom.domain.errors import Unavailable
from strongroom.domain.otp.credential import CredentialRow
from strongroom.node import control, wire
from strongroom.node.links import LedgerLink
from strongroom.node.rooms import Room
from strongroom.ports.store import (
    Checkpoints,
    Commit,
    Conflict,
    Cursor,
    EventQuery,
    Exhausted,
    Kept,
    Move,
    Rate,
)
from strongroom.tlog.merkle import Node, leaf_hash
from tests.support.nodes import eventually
from tests.support.stores import entry
from tests.support.uses import NAMESPACE


class Lone:
    """A ledger without a supervisor; we say to it what one would."""

    def __init__(self, path):
        self._path = str(path)
        self._lines = []

    def __enter__(self):
        self._control, theirs = control.pair()
        with theirs:
            self._child = subprocess.Popen(
                [sys.executable, "-Pm", "strongroom.node.room", "ledger", f"{theirs.fileno()}"],
                pass_fds=[theirs.fileno()], env=dict(os.environ), stderr=subprocess.PIPE,
            )  # fmt: skip
        start = msgspec.msgpack.encode(control.LedgerStart("ledger", self._path))
        control.send(self._control, control.Message("start", body=start))
        message, _ = control.receive(self._control)
        assert message.kind == "ready"
        return self

    def __exit__(self, *_):
        control.send(self._control, control.Message("drain"))
        self.said = self._child.communicate(timeout=60)[1].decode()
        self._control.close()
        for line in self._lines:
            line.close()
        assert self._child.returncode == 0

    async def link(self, room=None):
        """A line of a custodian, or of that room."""
        ours, theirs = socket.socketpair()
        body = b"" if room is None else msgspec.msgpack.encode(room)
        with theirs:
            control.send(self._control, control.Message("attach", body=body), [theirs.fileno()])
        ours.settimeout(0)
        link = LedgerLink(b"d" * 16)
        await link.attach(ours)
        await asyncio.wait_for(link.ready(), 30)
        return link


@pytest.fixture
def path(tmp_path):
    made = tmp_path / "store.db"
    SQLiteStore.create(str(made), b"d" * 16).close()
    return made


async def closed(link):
    """Let go of a link's line."""
    link._frames.close()
    await asyncio.sleep(0)


def test_the_log_is_told_over_the_wire_and_its_marks_are_kept(path):
    async def story(ledger):
        link = await ledger.link()
        for number in range(300):
            assert await link.commit(Commit(0, (), entry(number, sealed=b"s"))) == Kept(number)
        growth = await link.growth()
        assert growth == await link.tree()
        assert growth.size == 300
        leaves = await link.hashes([Node(0, 299), Node(8, 0)])
        assert leaves[0] == leaf_hash(entry(299).body)
        assert await link.hashes([Node(0, 299), Node(0, 300)]) == []
        found = await link.entries(298, 9)
        assert [(event.position, event.sealed) for event in found] == [(298, b"s"), (299, b"s")]
        assert await link.entries(300, 9) == []
        assert await link.checkpoints() == Checkpoints()
        await link.keep_checkpoints(Checkpoints(200, b"note", 100, b"counted"))
        assert await link.checkpoints() == Checkpoints(200, b"note", 100, b"counted")
        assert await link.cursor("sink") is None
        await link.move_cursor(Cursor("sink", 7, b"state"))
        assert await link.cursor("sink") == Cursor("sink", 7, b"state")
        await closed(link)

    with Lone(path) as ledger:
        asyncio.run(story(ledger))
    store = SQLiteStore.open(str(path))
    assert store.checkpoints().size == 200
    assert store.cursor("sink").position == 7
    store.close()


def test_credentials_move_over_the_wire_and_one_of_two_custodians_wins(path):
    first, second = (CredentialRow(
        b"i" * 16, NAMESPACE, b"u" * 16, revision, "active", 7, b"\0\xff", b"m" * 16
    ) for revision in (1, 2))  # fmt: skip

    def moving(row, **changes):
        return Commit(0, (), entry(), moves=(Move(row, row.revision - 1),), **changes)

    async def story(ledger):
        links = [await ledger.link(), await ledger.link()]
        rate = Rate("caller", 1, 1_000_000)
        assert await links[0].commit(moving(first, rates=(rate,))) == Kept(0)
        assert await links[1].commit(moving(second, rates=(rate,))) == Exhausted(rate=True)
        for link in links:
            assert await link.credentials(NAMESPACE, [b"j" * 16, b"i" * 16]) == [None, first]
        outcomes = await asyncio.gather(*(link.commit(moving(second)) for link in links))
        assert sorted(outcomes, key=repr) == [Conflict(name=False), Kept(1)]
        for link in links:
            # Of now, whatever this custodian was told before.
            assert await link.credentials(NAMESPACE, [b"i" * 16]) == [second]
            assert await link.credentials_of(NAMESPACE, b"u" * 16, 9) == [second]
            assert await link.credentials_due(7, 9) == [second]
            assert await link.credentials_due(7, 9, 1) == []
            assert await link.credential_page(NAMESPACE, b"", 9) == [second]
            assert link.epoch == 0
            await closed(link)

    with Lone(path) as ledger:
        asyncio.run(story(ledger))


def test_what_was_committed_gets_into_the_database_while_the_ledger_runs(path):
    """By a thread in the sandbox: the log's own limit is far from reached."""

    async def story(ledger):
        link = await ledger.link()
        for number in range(80):
            await link.commit(Commit(0, (), entry(number, body=b"x" * 60_000)))
        await closed(link)

    with Lone(path) as ledger:
        asyncio.run(story(ledger))
        eventually(lambda: path.stat().st_size > 800 * 4_096)
        assert (path.parent / f"{path.name}-wal").stat().st_size < 7_000 * 4_096


def test_a_courier_reads_the_log_and_says_how_far_it_has_come(path):
    async def story(ledger):
        custodian, courier = await ledger.link(), await ledger.link(Room.COURIER)
        await custodian.commit(Commit(0, (), entry(0)))
        assert len(await courier.entries(0, 9)) == 1
        assert len(await courier.hashes([Node(0, 0)])) == 1
        assert (await courier.growth()).size == 1
        await courier.move_cursor(Cursor("sink", 1))
        await courier.keep_checkpoints(Checkpoints(counted_size=1, counted=b"cosigned"))
        assert await custodian.checkpoints() == Checkpoints(counted_size=1, counted=b"cosigned")
        for link in (custodian, courier):
            await closed(link)

    with Lone(path) as ledger:
        asyncio.run(story(ledger))


@pytest.mark.parametrize(
    "ask",
    [
        lambda link: link.commit(Commit(0, (), entry(1))),
        lambda link: link.load([]),
        lambda link: link.find("k", NAMESPACE, "demo"),
        lambda link: link.family("k", b"", 9),
        lambda link: link.due(2**60, 9),
        lambda link: link.usage(NAMESPACE, "key/demo", 0, 9),
        lambda link: link.page("k", NAMESPACE, "", 9),
        lambda link: link.events(EventQuery(NAMESPACE)),
        lambda link: link.credentials(NAMESPACE, [b"i" * 16]),
        lambda link: link.credentials_of(NAMESPACE, b"u" * 16, 9),
        lambda link: link.credentials_due(2**60, 9),
        lambda link: link.credential_page(NAMESPACE, b"", 9),
        lambda link: link.tree(),
        lambda link: link.changes(0, 9, erasing=False),
        lambda link: link.extent(2**60),
        lambda link: link.copy_out(256),
        lambda link: link.let_go(256),
        lambda link: link.keep_checkpoints(Checkpoints(0, b"mine")),
    ],
)
def test_a_courier_that_asks_for_more_is_hung_up_on_and_gets_nothing(path, ask):
    async def story(ledger):
        custodian, courier = await ledger.link(), await ledger.link(Room.COURIER)
        with pytest.raises(Unavailable):
            await asyncio.wait_for(ask(courier), 30)
        # What one of them did is no matter for the others.
        assert await custodian.commit(Commit(0, (), entry(0))) == Kept(0)
        await closed(custodian)

    with Lone(path) as ledger:
        asyncio.run(story(ledger))
    assert "hung up on a courier that asked for more than it may" in ledger.said


def test_every_message_is_for_a_courier_or_is_not():
    """So that a new one is not forgotten: what a courier may ask is listed, and nothing else."""
    asked = {kind.__name__ for kind in wire.OfTheCourier.__args__}
    assert asked == {
        "ReadHashes", "ReadEntries", "ReadGrowth", "ReadCheckpoints", "KeepCheckpoints",
        "ReadCursor", "MoveCursor",
    }  # fmt: skip


def test_a_part_of_the_log_that_is_gone_is_refused_and_said(path):
    store = SQLiteStore.open(str(path))
    store.commit([Commit(0, (), entry(number)) for number in range(20)])
    store.close()
    with contextlib.closing(apsw.Connection(str(path))) as db:
        db.execute("DELETE FROM entries WHERE position = 7")

    async def story(ledger):
        link = await ledger.link()
        for ask in (link.hashes([Node(1, 3)]), link.entries(7, 1)):
            with pytest.raises(Unavailable):
                await ask
        assert len(await link.entries(0, 99)) == 7
        assert await link.commit(Commit(0, (), entry(20))) == Kept(20)
        await closed(link)

    with Lone(path) as ledger:
        asyncio.run(story(ledger))
    assert "the hash of entry 7 is gone" in ledger.said
    assert "entry 7 is gone" in ledger.said
