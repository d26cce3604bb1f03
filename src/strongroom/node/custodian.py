"""The custodian room: holds the keys, decides, and answers the gates. No network, no files."""

import asyncio
import gc
import os
import socket
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

from strongroom.adapters.cedar import CedarEngine
from strongroom.adapters.software import RSAPool, SoftwareProvider
from strongroom.adapters.system import SystemClock, SystemRandomness
from strongroom.domain.calls import Call, Reply
from strongroom.domain.errors import Refusal, Restored, Unavailable
from strongroom.domain.findings import Finding
from strongroom.domain.sensitive import Sensitive
from strongroom.node import control, log, seccomp, wire
from strongroom.node.hardening import harden
from strongroom.node.lag import Lag
from strongroom.node.links import LedgerLink, leave_when_alone
from strongroom.node.metrics import Meter
from strongroom.node.notarizing import AnchorLine, notarize, sign_the_rest
from strongroom.node.reporting import FindingsDesk
from strongroom.node.rooms import Room
from strongroom.services.custodian import assemble
from strongroom.services.notary import Notary
from strongroom.services.otp.duties import Duties
from strongroom.services.retention import Retention
from strongroom.services.steward import Steward

_DRAIN_SECONDS: Final = 10.0
_STEWARD_SECONDS: Final = 10.0
_FLUSH_BYTES: Final = 4 * 1024 * 1024  # of answers; more of them go in a frame of their own
# So many objects more than there were, and Python looks for circles among them. At its own number,
# 700, it does so every few turns, as requests under way are that many, and finds nothing.
_ALLOCATIONS: Final = 10_000
_PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")

_encode = msgspec.msgpack.Encoder().encode
_calls = msgspec.msgpack.Decoder(wire.Calls)


class CustodianRoom:
    """Runs until the supervisor says so or is gone."""

    def __init__(self, line: socket.socket, start: control.CustodianStart) -> None:
        self._line = line
        self._start = start
        self._measures = harden(Room.CUSTODIAN, keep={line.fileno()}, user=start.user)
        self._started_us = time.time_ns() // 1000
        # Opened before the files are out of reach, for the report of memory in use. Never closed.
        self._statm = Path("/proc/self/statm").open("rb")  # noqa: SIM115 - as said
        self._meter = Meter()
        self._rsa_keys = RSAPool()
        self._lag = Lag(self._meter)
        self._tasks: set[asyncio.Task[None]] = set()
        self._gates: list[_Gate] = []
        self._done = asyncio.Event()
        self._fenced = ""  # why nothing is done any more
        self._anchor = AnchorLine(lambda message: control.send(line, message))
        self._notary: Notary | None = None
        self._own: list[asyncio.Task[None]] = []  # what the room does by itself

    async def run(self) -> None:
        """Serve."""
        self._ledger = LedgerLink(self._start.deployment)
        self._provider = SoftwareProvider(Sensitive(self._start.root), self._rsa_keys.take)
        self._staff = staff = assemble(
            ledger=self._ledger,
            provider=self._provider,
            engine=CedarEngine(),
            clock=SystemClock(),
            randomness=SystemRandomness(),
            watch=self._meter,
            first_namespace=self._start.first_namespace,
            seal=self._start.seal,
            signature_seconds=self._start.signature_seconds,
            ids_given=self._start.ids_given,
            tls=self._start.tls,
        )
        asyncio.get_running_loop().add_reader(self._line, self._obey)
        self._measures.append(seccomp.seal(Room.CUSTODIAN))
        self._rsa_keys.start()
        self._lag.start()
        gc.collect()
        gc.freeze()  # what is here now stays; it need not be looked at again
        gc.set_threshold(_ALLOCATIONS, *gc.get_threshold()[1:])
        alone = asyncio.ensure_future(leave_when_alone(lambda: self._ledger.attached))
        self._own.append(asyncio.ensure_future(self._watch(staff.steward)))
        if self._start.steward:
            self._own.append(asyncio.ensure_future(self._attend(staff.duties)))
        if self._start.steward and self._start.keep_days:
            self._own.append(asyncio.ensure_future(self._retain()))
        await self._done.wait()
        alone.cancel()
        self._stop_own_work()
        self._rsa_keys.stop()
        # What is in flight finishes. The gates have drained before, so there is hardly anything.
        tasks = self._tasks.union(*(gate.running.values() for gate in self._gates))
        if tasks:
            await asyncio.wait(tasks, timeout=_DRAIN_SECONDS)
        if self._notary is not None and not self._fenced:
            await sign_the_rest(self._notary)

    def _stop_own_work(self) -> None:
        own, self._own = self._own, []
        for task in own:
            task.cancel()

    async def _watch(self, steward: Steward) -> None:
        while not self._done.is_set():
            try:
                await steward.watch(due=self._start.steward)
            except Exception:  # noqa: BLE001 - our mistake; keys go on being used without it
                log.failure("the steward failed; it begins again")
                await asyncio.sleep(_STEWARD_SECONDS)

    async def _attend(self, duties: Duties) -> None:
        while not self._done.is_set():
            try:
                await duties.watch()
            except Exception:  # noqa: BLE001 - our mistake; codes go on being verified without it
                log.failure("the duties of credentials failed; they begin again")
                await asyncio.sleep(_STEWARD_SECONDS)

    async def _retain(self) -> None:
        retention = Retention(
            ledger=self._ledger,
            clock=SystemClock(),
            randomness=SystemRandomness(),
            first_namespace=self._start.first_namespace,
            keep_days=self._start.keep_days,
        )
        while True:
            try:
                await retention.watch()
            except Exception:  # noqa: BLE001 - our mistake; entries stay where they are
                log.failure("the steward failed; it begins again")

    def _obey(self) -> None:
        received = control.receive(self._line)
        if received is None:
            os._exit(1)  # without a supervisor nobody could start, stop or seal anything
        message, descriptors = received
        if message.kind == "attach-ledger":
            self._spawn(self._attach_ledger(socket.socket(fileno=descriptors[0])))
        elif message.kind == "attach":
            self._spawn(self._attach_gate(socket.socket(fileno=descriptors[0])))
        elif message.kind == "attach-findings":
            desk = FindingsDesk(self._raise)
            self._spawn(desk.attach(socket.socket(fileno=descriptors[0])))
        elif message.kind == "report":
            self._report(message.number)
        elif message.kind == "notary":
            self._begin_to_sign(message.body)
        elif message.kind == "anchored":
            self._anchor.answered(message)
        elif message.kind == "fenced":
            self._fenced = message.body.decode()
            self._stop_own_work()
        elif message.kind == "drain":
            self._done.set()

    def _begin_to_sign(self, checkpoint: bytes) -> None:
        self._notary = Notary(
            facts=self._staff.facts,
            ledger=self._ledger,
            anchor=self._anchor,
            provider=self._provider,
            clock=SystemClock(),
            first_namespace=self._start.first_namespace,
            witnessed=self._start.witnessed,
        )
        work = notarize(self._notary, checkpoint, self._fence)
        self._own.append(asyncio.ensure_future(work))

    def _fence(self, detail: str) -> None:
        """Nothing is done any more, here at once and in the other custodians as soon as told."""
        self._fenced = detail
        with suppress(OSError):  # the supervisor is gone or stuck: this custodian does nothing
            control.send(self._line, control.Message("fence", body=detail.encode()))

    async def _attach_ledger(self, line: socket.socket) -> None:
        await self._ledger.attach(line)
        await self._ledger.ready()
        control.send(self._line, control.Message("ready"))

    async def _attach_gate(self, line: socket.socket) -> None:
        gate = _Gate(self._serve)
        # Those that are gone are forgotten, once what they asked for has been done.
        self._gates = [gate, *(one for one in self._gates if one.frames or one.running)]
        _, gate.frames = await asyncio.get_running_loop().create_connection(
            lambda: wire.Frames(gate.received, gate.lost), sock=line
        )

    async def _raise(self, finding: Finding) -> None:
        if self._fenced:
            raise Unavailable(self._fenced)
        await self._staff.alerts.raise_(finding)

    async def _serve(self, call: Call) -> Reply:
        if self._fenced:
            # For who asks whether this node is ready, too.
            return Reply(code=Restored.code, detail=self._fenced)
        try:
            if call.operation == wire.READY:
                await self._ledger.tree()
                return Reply()
            return await self._staff.desk.answer(call)
        except Refusal as refusal:
            return Reply(code=refusal.code, detail=refusal.detail)
        except Exception:  # noqa: BLE001 - our mistake: nothing is released, and the log has it
            log.failure("a call failed", request=call.request, operation=call.operation)
            return Reply(code=Unavailable.code, detail="an internal error; it is in the log")

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.warning("a task failed", error=type(task.exception()).__name__)
            os._exit(1)  # in a state nobody thought of, no key is used

    def _report(self, number: int) -> None:
        self._meter.gauge("strongroom_custodian_waiting", self._ledger.waiting)
        self._meter.gauge("strongroom_rsa_keys_waiting", self._rsa_keys.waiting)
        self._meter.total("strongroom_rsa_keys", self._rsa_keys.found, "pool")
        self._meter.total("strongroom_rsa_keys", self._rsa_keys.missed, "new")
        self._statm.seek(0)
        memory = int(self._statm.read().split()[1]) * _PAGE_BYTES
        report = control.Report(
            self._start.name, Room.CUSTODIAN, os.getpid(), self._started_us, 0, memory,
            self._measures, self._meter.snapshot,
        )  # fmt: skip
        control.send(self._line, control.Message("reported", number, _encode(report)))


class _Gate:
    """A gate, as the custodian sees it. Replies that are ready in one turn go in one frame."""

    def __init__(self, serve: Callable[[Call], Coroutine[None, None, Reply]]) -> None:
        self._serve = serve
        self.running: dict[int, asyncio.Task[None]] = {}
        self._loop = asyncio.get_running_loop()
        self._out: list[tuple[int, Reply]] = []
        self._out_bytes = 0
        self.frames: wire.Frames | None = None

    def received(self, payload: bytes) -> None:
        for number, call in _calls.decode(payload).calls:
            self.running[number] = self._loop.create_task(self._answer(number, call))

    def lost(self) -> None:
        self.frames = None

    async def _answer(self, number: int, call: Call) -> None:
        reply = await self._serve(call)  # never raises
        del self.running[number]
        if not self._out:
            self._loop.call_soon(self._flush)
        self._out.append((number, reply))
        self._out_bytes += len(reply.answer)
        if self._out_bytes > _FLUSH_BYTES:
            self._flush()

    def _flush(self) -> None:
        out, self._out = self._out, []
        self._out_bytes = 0
        if self.frames is not None and out:
            self.frames.send(_encode(wire.Replies(out)))
