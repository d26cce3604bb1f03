"""The courier's line to the custodian: findings, one message at a time, and nothing else."""

import asyncio
import contextlib
import socket

import msgspec
import pytest

from strongroom.domain.errors import InvalidRequest, Unavailable
from strongroom.domain.findings import Evidence, Finding, Severity
from strongroom.node import wire
from strongroom.node.reporting import FindingsDesk, FindingsLink, Found


def finding(number):
    return Finding(
        rule="refusals-of-principal",
        severity=Severity.MEDIUM,
        namespace="default",
        subject=f"principal/p{number}",
        sentence="was refused",
        evidence=[Evidence(number, "0" * 32, "2027-01-15T08:00:00.000001Z")],
    )


class Books:
    """Puts findings on record; can be bent."""

    def __init__(self):
        self.kept = []
        self.errors = []
        self.open = asyncio.Event()
        self.open.set()

    async def raise_(self, given):
        await self.open.wait()
        if self.errors:
            raise self.errors.pop(0)
        self.kept.append(given.subject)


async def joined(books):
    """Both ends of a line."""
    one, two = socket.socketpair()
    link, desk = FindingsLink(), FindingsDesk(books.raise_)
    await link.attach(one)
    await desk.attach(two)
    return link, desk


async def asked_of_a_slow_one(books):
    """Both ends of a line, and a finding that the custodian has been told of and not kept yet."""
    books.open.clear()
    link, desk = await joined(books)
    asked = asyncio.create_task(link.raise_([finding(1)]))
    await asyncio.sleep(0.05)
    return link, desk, asked


async def raw(books):
    """A desk, and a line of which a test says every byte."""
    mine, theirs = socket.socketpair()
    desk = FindingsDesk(books.raise_)
    await desk.attach(theirs)
    mine.settimeout(0)
    return desk, mine


async def ended(line):
    """Whether the other side has hung up."""
    data = await asyncio.wait_for(asyncio.get_running_loop().sock_recv(line, 65_536), 30)
    line.close()
    return data == b""


def closed(*ends):
    for end in ends:
        if end._frames is not None:
            end._frames.close()


def test_findings_are_on_record_when_the_courier_is_told_so():
    async def story():
        books = Books()
        link, desk = await joined(books)
        await link.raise_([finding(number) for number in range(150)])
        assert books.kept == [f"principal/p{number}" for number in range(150)]
        closed(link, desk)

    asyncio.run(story())


def test_what_cannot_be_kept_now_is_said_so():
    async def story():
        books = Books()
        link, desk = await joined(books)
        books.errors = [Unavailable("the ledger is away")]
        with pytest.raises(Unavailable):
            await link.raise_([finding(1), finding(2)])
        await link.raise_([finding(1), finding(2)])
        assert books.kept == ["principal/p2", "principal/p1", "principal/p2"]
        closed(link, desk)

    asyncio.run(story())


@pytest.mark.parametrize("error", [InvalidRequest("not in the log"), RuntimeError("a mistake")])
def test_finding_that_is_refused_holds_up_no_other_and_is_said(error, capfd):
    async def story():
        books = Books()
        link, desk = await joined(books)
        books.errors = [error]
        await link.raise_([finding(1), finding(2)])
        assert books.kept == ["principal/p2"]
        closed(link, desk)

    asyncio.run(story())
    assert "a finding could not be put on record" in capfd.readouterr().err


def test_without_a_custodian_there_is_nobody_to_tell():
    async def story():
        link = FindingsLink()
        with pytest.raises(Unavailable):
            await link.raise_([finding(1)])

    asyncio.run(story())


def test_custodian_that_ends_has_taken_nothing_that_it_did_not_say():
    async def story():
        books = Books()
        link, desk, asked = await asked_of_a_slow_one(books)
        closed(desk)
        with pytest.raises(Unavailable):
            await asyncio.wait_for(asked, 30)
        books.open.set()
        # The next custodian is told.
        one, two = socket.socketpair()
        await link.attach(one)
        after = FindingsDesk(books.raise_)
        await after.attach(two)
        await link.raise_([finding(1)])
        closed(link, after)

    asyncio.run(story())


def test_next_message_may_come_as_soon_as_the_answer_does():
    """From another process it comes within microseconds; here, from within the answer."""

    class Hasty(wire.Frames):
        """A line whose other end has sent the next message when the answer arrives."""

        def send(self, payload):
            super().send(payload)
            if following:
                self._received(following.pop())

    first, *following = [msgspec.msgpack.encode(_found(number)) for number in (0, 2, 1)]

    async def story():
        books = Books()
        desk, line = await raw(books)
        desk._frames.__class__ = Hasty
        desk._received(first)
        for _ in range(100):
            await asyncio.sleep(0)
        assert books.kept == ["principal/p0", "principal/p1", "principal/p2"]
        closed(desk)
        line.close()

    asyncio.run(story())


def test_slow_custodian_is_waited_for_and_a_line_that_ended_is_none():
    async def story():
        books = Books()
        link, desk, asked = await asked_of_a_slow_one(books)
        assert link.attached
        assert not asked.done()
        books.open.set()
        await asyncio.wait_for(asked, 30)
        assert books.kept == ["principal/p1"]
        closed(link, desk)
        for _ in range(3_000):
            await asyncio.sleep(0.01)
            if not link.attached:
                break
        assert not link.attached

    asyncio.run(story())


def _found(number):
    return Found(number, [finding(number)])


def _frame(found):
    return wire.frame(msgspec.msgpack.encode(found))


@pytest.mark.parametrize(
    "sent",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        wire.frame(b"\xc1"),
        wire.frame(msgspec.msgpack.encode(["drain"])),
        wire.frame(msgspec.msgpack.encode([1, [{"rule": 7}]])),
        _frame(Found(1, [finding(number) for number in range(65)])),
        _frame(_found(1)) + _frame(_found(2)),
    ],
)
def test_courier_that_says_something_else_is_hung_up_on(sent, capfd):
    async def story():
        books = Books()
        books.open.clear()
        desk, line = await raw(books)
        line.send(sent)
        assert await ended(line)
        closed(desk)
        books.open.set()

    with contextlib.suppress(asyncio.CancelledError):
        asyncio.run(story())
    assert "hung up on a peer" in capfd.readouterr().err
