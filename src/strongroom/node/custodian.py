"""The custodian room: holds the keys, decides, and answers the gates. No network, no files."""

import asyncio
import gc
import os
import socket
import time

import msgspec

from strongroom.adapters.cedar import CedarEngine
from strongroom.adapters.software import SoftwareProvider
from strongroom.adapters.system import SystemClock, SystemRandomness
from strongroom.domain.calls import Call, Reply
from strongroom.domain.errors import Unavailable
from strongroom.domain.sensitive import Sensitive
from strongroom.node import control, log, wire
from strongroom.node.hardening import harden
from strongroom.node.links import LedgerLink
from strongroom.node.metrics import Meter
from strongroom.node.rooms import Room
from strongroom.services.custodian import assemble
from strongroom.services.desk import Desk

_encode = msgspec.msgpack.Encoder().encode
_calls = msgspec.msgpack.Decoder(wire.Calls)


class CustodianRoom:
    """Runs until the supervisor says so or is gone."""

    def __init__(self, line: socket.socket, start: control.CustodianStart) -> None:
        self._line = line
        self._start = start
        self._measures = harden(Room.CUSTODIAN, keep={line.fileno()}, user=start.user)
        self._started_us = time.time_ns() // 1000
        # Opened before the files are out of reach, for the report of memory in use.
        self._statm = open("/proc/self/statm", "rb")  # noqa: SIM115 - held as long as the room
        self._meter = Meter()
        self._tasks: set[asyncio.Task[None]] = set()
        self._done = asyncio.Event()
        self._draining = False

    async def run(self) -> None:
        """Serve."""
        self._ledger = LedgerLink(self._start.deployment)
        self._desk = assemble(
            ledger=self._ledger,
            provider=SoftwareProvider(Sensitive(self._start.root)),
            engine=CedarEngine(),
            clock=SystemClock(),
            randomness=SystemRandomness(),
            watch=self._meter,
            first_namespace=self._start.first_namespace,
            seal=self._start.seal,
        )
        asyncio.get_running_loop().add_reader(self._line, self._obey)
        gc.collect()
        gc.freeze()  # what is here now stays; it need not be looked at again
        control.send(self._line, control.Message("started"))
        await self._done.wait()
        # In-flight requests finish: their answers are on the way once their tasks are done.
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=10)
        await asyncio.sleep(0.05)

    def _obey(self) -> None:
        received = control.receive(self._line)
        if received is None:
            os._exit(1)  # without a supervisor nobody could start, stop or seal anything
        message, descriptors = received
        if message.kind == "attach-ledger":
            self._spawn(self._attach_ledger(socket.socket(fileno=descriptors[0])))
        elif message.kind == "attach":
            self._spawn(self._attach_gate(socket.socket(fileno=descriptors[0])))
        elif message.kind == "report":
            self._report(message.number)
        elif message.kind == "drain":
            self._done.set()

    async def _attach_ledger(self, line: socket.socket) -> None:
        await self._ledger.attach(line)
        await self._ledger.ready()
        control.send(self._line, control.Message("ready"))

    async def _attach_gate(self, line: socket.socket) -> None:
        gate = _Gate(self._desk, self._spawn)
        _, gate.frames = await asyncio.get_running_loop().create_connection(
            lambda: wire.Frames(gate.received, gate.lost), sock=line
        )

    def _spawn(self, work: "asyncio._CoroutineLike[None]") -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _report(self, number: int) -> None:
        self._meter.gauge("strongroom_custodian_waiting", self._ledger.waiting)
        self._statm.seek(0)
        memory = int(self._statm.read().split()[1]) * 4096
        report = control.Report(
            self._start.name, Room.CUSTODIAN, os.getpid(), self._started_us, 0, memory,
            self._measures, self._meter.snapshot,
        )  # fmt: skip
        control.send(self._line, control.Message("reported", number, _encode(report)))


class _Gate:
    """A gate, as the custodian sees it. Replies that are ready in one turn go in one frame."""

    def __init__(self, desk: Desk, spawn: "object") -> None:
        self._desk = desk
        self._spawn = spawn
        self._loop = asyncio.get_running_loop()
        self._out: list[tuple[int, Reply]] = []
        self.frames: wire.Frames | None = None

    def received(self, payload: bytes) -> None:
        for number, call in _calls.decode(payload).calls:
            self._spawn(self._serve(number, call))  # type: ignore[operator] # set by the room

    async def _serve(self, number: int, call: Call) -> None:
        try:
            reply = await self._desk.answer(call)
        except Exception:
            # Our mistake: nothing is released, the log has it, and the caller may try again.
            log.failure("a call failed", request=call.request, operation=call.operation)
            reply = Reply(code=Unavailable.code, detail="an internal error; it is in the log")
        if not self._out:
            self._loop.call_soon(self._flush)
        self._out.append((number, reply))

    def _flush(self) -> None:
        out, self._out = self._out, []
        if self.frames is not None:
            self.frames.send(_encode(wire.Replies(out)))

    def lost(self) -> None:
        self.frames = None
