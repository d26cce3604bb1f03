"""The supervisor: starts the rooms, joins them by socket pairs, replaces and stops them.

It does none of the rooms' work. It holds the root key while it runs, so that a custodian that was
killed comes back without a person; `docs/design/THREAT_MODEL.md` says what that means.
"""

import asyncio
import concurrent.futures.thread  # noqa: F401 - loaded now: later there may be no descriptor for it
import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, Final

import msgspec

import strongroom
from strongroom.domain import limits
from strongroom.domain.sensitive import Sensitive
from strongroom.node import control, log, moved_clock
from strongroom.node.anchoring import Anchoring
from strongroom.node.metrics import Meter
from strongroom.node.rooms import Room
from strongroom.ports.sinks import SinkSettings
from strongroom.ports.witnesses import WitnessSettings

_START_SECONDS: Final = 60.0  # until all rooms are ready, at first
_WATCH_SECONDS: Final = 5.0
# Beyond any flush of a slow disk and any batch: who says nothing for so long is stopped or stuck.
_SILENT_SECONDS_MAX: Final = 20.0
_REPORT_SECONDS: Final = 1.0
_REPORTS_ASKED_MAX: Final = 4  # by one room, without an answer; it asks for more in vain
_GRACE_SECONDS: Final = 5.0  # beyond the drain time, until a room is killed
_HEALTHY_SECONDS: Final = 1.0  # a room that lived as long is started again at once
_PAUSE_SECONDS_MAX: Final = 0.8  # between two starts of a room that keeps ending

_FIRST_CUSTODIAN: Final = "custodian-1"

# Who is joined to whom, and how the first calls the line. A pair that is absent has none.
_LINES: Final = {
    (Room.CUSTODIAN, Room.GATE): "attach",
    (Room.CUSTODIAN, Room.LEDGER): "attach-ledger",
    (Room.CUSTODIAN, Room.COURIER): "attach-findings",
    (Room.COURIER, Room.LEDGER): "attach-ledger",
}

_encode = msgspec.msgpack.Encoder().encode
_report = msgspec.msgpack.Decoder(control.Report)


class StartFailed(Exception):  # noqa: N818 - it says what is the case
    """A room did not become ready. The text is for people; the rooms' log says why."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What is to run.

    One listening socket for each gate; they stay ours, so that no connection is refused while a
    gate is replaced.
    """

    version: str
    store_path: str
    root: Sensitive
    deployment: bytes
    first_namespace: bytes
    seal: str
    anchor_path: str
    fenced: str = ""  # why nothing may be done; the node runs, and says so
    listening: list[socket.socket]
    custodians: int = 1
    tls_certificate: str = ""
    tls_key: str = ""
    metrics_open: bool = False
    requests_logged: bool = False
    connections_max: int = limits.CONNECTIONS_MAX
    drain_seconds: int = limits.DRAIN_SECONDS
    signature_seconds: int = limits.SIGNATURE_SECONDS
    ids_given: bool = False
    gate_user: str = ""
    custodian_user: str = ""
    ledger_user: str = ""
    courier_user: str = ""
    sinks: tuple[SinkSettings, ...] = ()
    witnesses: tuple[WitnessSettings, ...] = ()
    witnesses_required: int = 0
    keep_days: int = 0
    watch: dict[str, dict[str, bool | int | str]] = {}


class _Process:
    """One room's place: the process in it changes, its name stays."""

    def __init__(self, name: str, room: Room, start: bytes, listening: int | None = None) -> None:
        self.name = name
        self.room = room
        self.start = start
        self.listening = listening
        self.child: subprocess.Popen[bytes] | None = None
        self.line: socket.socket | None = None
        self.ready = asyncio.Event()
        self.began = 0.0
        self.heard = 0.0
        self.restarts = 0
        self.failures = 0
        self.asked = 0  # for reports, without an answer yet
        self.ended = asyncio.Event()


class Supervisor:
    """Runs a plan until SIGTERM or SIGINT."""

    def __init__(self, plan: Plan, measures: list[control.Measure]) -> None:
        self._plan = plan
        self._measures = measures
        self._started_us = time.time_ns() // 1000
        self._rooms = _rooms(plan)
        self._meter = Meter()
        self._stopping = asyncio.Event()
        self._failed: asyncio.Future[str] | None = None
        self._number = 0
        self._reports: dict[int, _Collecting] = {}
        self._work: set[asyncio.Task[None]] = set()
        self._one_collects = asyncio.Lock()
        self._anchoring = Anchoring(plan.anchor_path, self._tell_by_name)
        self._fenced = plan.fenced

    async def run(self, ready: Callable[[], None]) -> None:
        """Start, call `ready` when all rooms are, serve, and return when all have stopped in order.

        Raises `StartFailed` when a room does not come up at first; then nothing of it runs any
        more.
        """
        loop = asyncio.get_running_loop()
        self._failed = loop.create_future()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop)
        try:
            for room in self._rooms:
                self._begin(room)
            await self._all_ready()
            self._failed = None
            if not self._stopping.is_set():
                ready()
            watch = asyncio.ensure_future(self._watch())
            await self._stopping.wait()
            watch.cancel()
            await self._drain()
        finally:
            for room in self._rooms:
                if room.child is not None and room.child.poll() is None:
                    room.child.kill()
                    room.child.wait()

    # --- starting and joining ---------------------------------------------------------------------

    def _begin(self, room: _Process) -> None:
        """Start a process. Raises `OSError` when there is none to be had; nothing is begun then."""
        ours, theirs = control.pair()
        with theirs, contextlib.ExitStack() as undone:
            undone.callback(ours.close)
            room.child = subprocess.Popen(  # noqa: S603 - our own program
                [
                    sys.executable,
                    "-P",
                    "-m",
                    "strongroom.node.room",
                    room.room,
                    str(theirs.fileno()),
                ],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                env=_environment(),
                # A group of its own: the terminal's Ctrl-C is ours alone to hear.
                start_new_session=True,
            )
            undone.pop_all()
        ours.setblocking(False)  # noqa: FBT003 - it takes no keyword
        room.line = ours
        room.began = room.heard = time.monotonic()
        room.ready.clear()
        room.ended.clear()
        asyncio.get_running_loop().add_reader(ours, self._hear, room, ours)
        self._tell(
            room,
            control.Message("start", body=room.start),
            [] if room.listening is None else [room.listening],
        )
        if self._fenced and room.room is Room.CUSTODIAN:
            self._tell(room, control.Message("fenced", body=self._fenced.encode()), [])
        for other in self._rooms:
            if other is not room and other.line is not None:
                self._join(room, other)

    def _join(self, one: _Process, other: _Process) -> None:
        for first, second in ((one, other), (other, one)):
            kind = _LINES.get((first.room, second.room))
            # Findings are put on record by one custodian, as what is due is done by one.
            if kind == "attach-findings" and first.name != _FIRST_CUSTODIAN:
                kind = None
            if kind is not None:
                self._connect(first, kind, second, one)

    def _connect(self, room: _Process, kind: str, peer: _Process, new: _Process) -> None:
        """Give both a line to each other; `kind` is what `room` calls it."""
        try:
            first, second = socket.socketpair()
        except OSError as error:
            log.warning("rooms cannot be joined", name=new.name, error=type(error).__name__)
            if new.child is not None:
                new.child.kill()  # it is of no use alone, and is started again
            return
        with first, second:
            self._tell(room, control.Message(kind), [first.fileno()])
            # A ledger is told who it is: a courier may ask for less than a custodian.
            who = _encode(room.room)
            self._tell(peer, control.Message("attach", body=who), [second.fileno()])

    def _tell(self, room: _Process, message: control.Message, descriptors: list[int]) -> None:
        if room.line is None:
            return
        try:
            control.send(room.line, message, descriptors)
        except BlockingIOError:
            # It does not read its line: stuck. What it was to be told cannot be told otherwise.
            log.warning("a room does not listen", name=room.name)
            if room.child is not None:
                room.child.kill()
        except OSError:
            return  # it is gone; the reader of its line will notice

    async def _all_ready(self) -> None:
        if self._failed is None:
            raise RuntimeError("already running")
        ready = asyncio.ensure_future(self._each_ready())
        stopping = asyncio.ensure_future(self._stopping.wait())
        first: set[asyncio.Future[Any]] = {ready, stopping, self._failed}
        done, _ = await asyncio.wait(
            first,
            timeout=_START_SECONDS,
            return_when=asyncio.FIRST_COMPLETED,
        )
        for waiting in (ready, stopping):
            waiting.cancel()
        if self._failed in done:
            raise StartFailed(self._failed.result())
        if not done:
            late = ", ".join(room.name for room in self._rooms if not room.ready.is_set())
            raise StartFailed(f"{late}: not ready after {_START_SECONDS:.0f} s")

    async def _each_ready(self) -> None:
        for room in self._rooms:
            await room.ready.wait()

    # --- what rooms say ---------------------------------------------------------------------------

    def _hear(self, room: _Process, line: socket.socket) -> None:
        try:
            received = control.receive(line)
        except (BlockingIOError, InterruptedError):
            return
        if received is None:
            asyncio.get_running_loop().remove_reader(line)
            line.close()
            room.line = None
            self._spawn_end(room)
            return
        message, _ = received
        match message.kind:
            case "ready":
                room.ready.set()
                self._appoint()
            case "anchor":
                self._spawn(self._anchoring.keep(room.name, message))
            case "fence" if room.room in (Room.CUSTODIAN, Room.COURIER):
                self._fence(message.body.decode())
                if room.room is Room.COURIER:
                    # What the notary saw, the next start sees by itself; what a witness said, not.
                    self._spawn(self._anchoring.fence(message.body.decode()))
            case "reports":
                self._spawn_reports(room, message.number)
            case "reported":
                room.heard = time.monotonic()
                collecting = self._reports.get(message.number)
                if collecting is not None:
                    report = _report.decode(message.body)
                    report.restarts = room.restarts
                    memory = float(report.memory_bytes)
                    report.numbers.gauges["strongroom_room_memory_bytes"] = {(): memory}
                    report.numbers.counters["strongroom_room_restarts"] = {(): room.restarts}
                    collecting.add(room.name, report)

    async def _watch(self) -> None:
        """Ask each room now and then how it is, and replace one that no longer says."""
        while True:
            await asyncio.sleep(_WATCH_SECONDS)
            for room in self._rooms:
                if not room.ready.is_set() or room.child is None:
                    continue
                if time.monotonic() - room.heard > _SILENT_SECONDS_MAX:
                    log.warning("a room does not answer", name=room.name)
                    room.child.kill()
                else:
                    self._tell(room, control.Message("report"), [])

    def _appoint(self) -> None:
        """See to it that there is a notary, if a custodian is ready to be one."""
        for room in self._rooms:
            if room.room is Room.CUSTODIAN and room.ready.is_set() and not self._fenced:
                self._spawn(self._anchoring.appoint(room.name))
                return

    def _fence(self, detail: str) -> None:
        """The log is not the one that was signed: no custodian does anything any more."""
        if not self._fenced:
            log.warning("nothing is done any more", reason=detail)
        self._fenced = detail
        for room in self._rooms:
            if room.room is Room.CUSTODIAN:
                self._tell(room, control.Message("fenced", body=detail.encode()), [])

    def _tell_by_name(self, name: str, message: control.Message) -> None:
        for room in self._rooms:
            if room.name == name:
                self._tell(room, message, [])

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._work.add(task)
        task.add_done_callback(self._work.discard)

    def _spawn_end(self, room: _Process) -> None:
        self._spawn(self._end(room))

    async def _end(self, room: _Process) -> None:
        child = room.child
        if child is None:
            return
        if not self._stopping.is_set():
            child.kill()  # it hung up; whatever still runs there must not go on
        status = await asyncio.to_thread(child.wait)
        room.child = None
        room.ready.clear()
        if self._anchoring.ended(room.name) and not self._stopping.is_set():
            self._appoint()
        if self._stopping.is_set():
            room.ended.set()
            return
        log.warning("a room ended and is started again", name=room.name, status=status)
        if self._failed is not None:
            if not self._failed.done():
                self._failed.set_result(f"the {room.name} ended while starting")
            return
        lived = time.monotonic() - room.began
        room.failures = 0 if lived > _HEALTHY_SECONDS else room.failures + 1
        room.restarts += 1
        await self._begin_again(room)

    async def _begin_again(self, room: _Process) -> None:
        while True:
            if room.failures:
                await asyncio.sleep(min(0.05 * 2**room.failures, _PAUSE_SECONDS_MAX))
            if self._stopping.is_set():
                room.ended.set()
                return
            try:
                self._begin(room)
            except OSError as error:
                # No memory, process or descriptor to be had: later, perhaps.
                log.warning("a room cannot be started", name=room.name, error=type(error).__name__)
                room.failures += 1
            else:
                return

    # --- reports ----------------------------------------------------------------------------------

    def _spawn_reports(self, asker: _Process, number: int) -> None:
        if asker.asked >= _REPORTS_ASKED_MAX:
            return
        asker.asked += 1
        task = asyncio.get_running_loop().create_task(self._collect(asker, number))
        self._work.add(task)
        task.add_done_callback(self._work.discard)

    async def _collect(self, asker: _Process, number: int) -> None:
        # One after the other: a room that reports has read what it was sent before. Otherwise its
        # line would be full of answers, and it would be taken for stuck.
        try:
            async with self._one_collects:
                await self._collect_alone(asker, number)
        finally:
            asker.asked -= 1

    async def _collect_alone(self, asker: _Process, number: int) -> None:
        asked = [room for room in self._rooms if room.ready.is_set() and room.line is not None]
        self._number += 1
        mine = self._number
        collecting = self._reports[mine] = _Collecting({room.name for room in asked})
        for room in asked:
            self._tell(room, control.Message("report", mine), [])
        try:
            await asyncio.wait_for(collecting.complete.wait(), _REPORT_SECONDS)
        except TimeoutError:
            log.warning("rooms did not report", names=", ".join(sorted(collecting.missing)))
        del self._reports[mine]
        numbers = self._meter.snapshot
        memory = control.memory_bytes()
        numbers.gauges["strongroom_room_memory_bytes"] = {(): float(memory)}
        own = control.Report(
            "supervisor", Room.SUPERVISOR, os.getpid(), self._started_us, 0, memory,
            self._measures, numbers,
        )  # fmt: skip
        for report in (own, *sorted(collecting.reports, key=lambda report: report.name)):
            self._tell(asker, control.Message("reports-part", number, _encode(report)), [])
        self._tell(asker, control.Message("reports-end", number), [])

    # --- stopping ---------------------------------------------------------------------------------

    def _stop(self) -> None:
        if self._stopping.is_set():
            # Asked twice: somebody does not want to wait.
            for room in self._rooms:
                if room.child is not None:
                    room.child.kill()
        self._stopping.set()

    async def _drain(self) -> None:
        # Gates first, so that nothing new comes in; then custodians, whose answers are on record;
        # then the courier, which carries what these have written; then the ledger.
        for listening in self._plan.listening:
            listening.close()
        for kind in (Room.GATE, Room.CUSTODIAN, Room.COURIER, Room.LEDGER):
            rooms = [room for room in self._rooms if room.room is kind and room.child is not None]
            for room in rooms:
                self._tell(room, control.Message("drain"), [])
            waits = [asyncio.ensure_future(room.ended.wait()) for room in rooms]
            if not waits:
                continue
            _, late = await asyncio.wait(waits, timeout=self._plan.drain_seconds + _GRACE_SECONDS)
            for room in rooms:
                if not room.ended.is_set() and room.child is not None:
                    log.warning("a room did not stop in time", name=room.name)
                    room.child.kill()
            for waiting in late:
                waiting.cancel()


class _Collecting:
    """Reports that are on their way."""

    def __init__(self, missing: set[str]) -> None:
        self.missing = missing
        self.reports: list[control.Report] = []
        self.complete = asyncio.Event()
        if not missing:
            self.complete.set()

    def add(self, name: str, report: control.Report) -> None:
        """One more."""
        if name in self.missing:
            self.missing.discard(name)
            self.reports.append(report)
            if not self.missing:
                self.complete.set()


def _rooms(plan: Plan) -> list[_Process]:
    ledger = control.LedgerStart(name="ledger", path=plan.store_path, user=plan.ledger_user)
    rooms = [_Process("ledger", Room.LEDGER, _encode(ledger))]
    for number in range(1, plan.custodians + 1):
        custodian = control.CustodianStart(
            name=f"custodian-{number}",
            root=plan.root.reveal(),
            deployment=plan.deployment,
            first_namespace=plan.first_namespace,
            seal=plan.seal,
            user=plan.custodian_user,
            keep_days=plan.keep_days,
            steward=number == 1,
            signature_seconds=plan.signature_seconds,
            ids_given=plan.ids_given,
            witnessed=plan.witnesses_required > 0,
            tls=bool(plan.tls_certificate),
        )
        rooms.append(_Process(custodian.name, Room.CUSTODIAN, _encode(custodian)))
    for number, listening in enumerate(plan.listening, 1):
        gate = control.GateStart(
            name=f"gate-{number}",
            version=plan.version,
            tls_certificate=plan.tls_certificate,
            tls_key=plan.tls_key,
            metrics_open=plan.metrics_open,
            requests_logged=plan.requests_logged,
            connections_max=plan.connections_max,
            drain_seconds=plan.drain_seconds,
            signature_seconds=plan.signature_seconds,
            user=plan.gate_user,
        )
        rooms.append(_Process(gate.name, Room.GATE, _encode(gate), listening.fileno()))
    courier = control.CourierStart(
        name="courier",
        deployment=plan.deployment,
        sinks=plan.sinks,
        witnesses=plan.witnesses,
        witnesses_required=plan.witnesses_required,
        watch=plan.watch,
        user=plan.courier_user,
    )
    rooms.append(_Process(courier.name, Room.COURIER, _encode(courier)))
    return rooms


def _environment() -> dict[str, str]:
    """Where the program is, and what moves the clock: the rest may be other people's secrets."""
    return {
        "PYTHONPATH": str(Path(strongroom.__file__).parent.parent),
        "LANG": "C.UTF-8",
        "PATH": os.environ.get("PATH", os.defpath),
        **moved_clock.environment(),
    }
