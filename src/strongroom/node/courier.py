"""The courier room: carries the log to sinks, its checkpoints to witnesses, and watches it.

It is on no request's way, and gives way to all the others. It connects to the outside and listens
to nobody; it has no key and no database. Whatever is slow or gone out there holds up one sink or
one witness, and nothing in here.
"""

import asyncio
import gc
import os
import socket
import time
from collections.abc import Awaitable, Callable
from typing import Final, Protocol

import msgspec

from strongroom.adapters import sinks
from strongroom.adapters.system import SystemClock
from strongroom.adapters.witnesses import HTTPWitness
from strongroom.export.formats import FORMATS
from strongroom.node import control, log, seccomp
from strongroom.node.carrying import Carrier
from strongroom.node.cosigning import Colleague, Cosigning
from strongroom.node.hardening import harden
from strongroom.node.links import LedgerLink, leave_when_alone
from strongroom.node.lookout import Lookout
from strongroom.node.metrics import Meter
from strongroom.node.reporting import FindingsLink
from strongroom.node.rooms import Room
from strongroom.node.tide import Tide
from strongroom.ports.sinks import Sink, SinkSettings
from strongroom.ports.witnesses import Witness
from strongroom.tlog import vkeys
from strongroom.tlog.errors import TlogError
from strongroom.tlog.keys import verifier
from strongroom.tlog.notes import Verifier
from strongroom.watching.rules import configured

_NICE: Final = 10  # processor time goes to the rooms that answer requests
_DRAIN_SECONDS: Final = 5.0
_AGAIN_SECONDS: Final = 10.0
_WAY_ON: Final = "`strongroom accept-restore` goes on from this database, and puts that on record"

_encode = msgspec.msgpack.Encoder().encode


class _Work(Protocol):
    """What goes on in the room for as long as it runs."""

    async def run(self) -> None: ...

    def stop(self) -> None: ...


class CourierRoom:
    """Runs until the supervisor says so or is gone."""

    def __init__(self, line: socket.socket, start: control.CourierStart) -> None:
        self._line = line
        self._start = start
        self._meter = Meter()
        self._started_us = time.time_ns() // 1000
        # Secrets, keys and authorities are read while the room may still read them.
        self._sinks = _sinks(start)
        self._witnesses = _witnesses(start)
        os.nice(_NICE)
        self._measures = harden(Room.COURIER, keep={line.fileno()}, user=start.user)
        self._tasks: set[asyncio.Task[None]] = set()
        self._done = asyncio.Event()

    async def run(self) -> None:
        """Serve."""
        loop = asyncio.get_running_loop()
        self._ledger = LedgerLink(self._start.deployment)
        self._custodian = FindingsLink()
        self._tide = Tide(self._ledger)
        self._carriers = [
            Carrier(
                settings, sink, ledger=self._ledger, tide=self._tide, meter=self._meter,
                # A write of the ledger a second, of all of them together.
                remember_seconds=float(len(self._sinks)),
            )
            for settings, sink in self._sinks
        ]  # fmt: skip
        self._lookout = Lookout(
            configured(self._start.watch),
            ledger=self._ledger,
            tide=self._tide,
            custodian=self._custodian,
            meter=self._meter,
        )
        self._cosigning = Cosigning(
            [Colleague(witness, key) for witness, key in self._witnesses],
            required=self._start.witnesses_required,
            ledger=self._ledger,
            meter=self._meter,
            split=self._split,
        )
        loop.add_reader(self._line.fileno(), self._obey)
        self._measures.append(seccomp.seal(Room.COURIER))
        gc.collect()
        gc.freeze()  # what is here now stays; it need not be looked at again
        alone = asyncio.ensure_future(
            leave_when_alone(lambda: self._ledger.attached and self._custodian.attached)
        )
        work: list[_Work] = [*self._carriers, self._lookout]
        if self._witnesses:
            work.append(self._cosigning)
        running = [asyncio.ensure_future(self._keep_running(each.run)) for each in work]
        tide = asyncio.ensure_future(self._tide.run())
        await self._done.wait()
        alone.cancel()
        for each in work:
            each.stop()
        self._tide.end()
        # What is being sent arrives, or is sent again the next time.
        await asyncio.wait(running, timeout=_DRAIN_SECONDS)
        tide.cancel()

    async def _keep_running(self, work: Callable[[], Awaitable[None]]) -> None:
        await self._ledger.ready()
        while not self._done.is_set():
            try:
                await work()
            except Exception:  # noqa: BLE001 - our mistake; the other sinks go on
                log.failure("the courier failed at something; it begins again")
                await asyncio.sleep(_AGAIN_SECONDS)

    def _split(self, reason: str) -> None:
        """The log is not the one that a witness signed: the whole node is to stop serving."""
        detail = f"{reason}. {_WAY_ON}"
        control.send(self._line, control.Message("fence", body=detail.encode()))

    def _obey(self) -> None:
        received = control.receive(self._line)
        if received is None:
            os._exit(1)  # without a supervisor nobody could stop or replace this room
        message, descriptors = received
        match message.kind:
            case "attach-ledger":
                self._spawn(self._attach_ledger(socket.socket(fileno=descriptors[0])))
            case "attach":  # the custodian
                self._spawn(self._custodian.attach(socket.socket(fileno=descriptors[0])))
            case "report":
                self._report(message.number)
            case "drain":
                self._done.set()

    async def _attach_ledger(self, line: socket.socket) -> None:
        await self._ledger.attach(line)
        await self._ledger.ready()
        control.send(self._line, control.Message("ready"))

    def _spawn(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _report(self, number: int) -> None:
        meter = self._meter
        for carrier in self._carriers:
            meter.gauge("strongroom_sink_lag_entries", carrier.lag_entries, carrier.name)
            meter.gauge("strongroom_sink_lag_seconds", carrier.lag_seconds, carrier.name)
        for name, signed in self._cosigning.signed.items():
            lag = max(0, self._tide.size - signed)
            meter.gauge("strongroom_witness_lag_entries", lag, name)
        meter.gauge("strongroom_watcher_lag_entries", self._lookout.lag_entries)
        report = control.Report(
            self._start.name, Room.COURIER, os.getpid(), self._started_us, 0,
            control.memory_bytes(), self._measures, meter.snapshot,
        )  # fmt: skip
        control.send(self._line, control.Message("reported", number, _encode(report)))


def _sinks(start: control.CourierStart) -> list[tuple[SinkSettings, Sink]]:
    clock = SystemClock()
    found: list[tuple[SinkSettings, Sink]] = []
    for settings in start.sinks:
        style = FORMATS[settings.format]
        try:
            sink = sinks.made(
                settings, media_type=style.media_type, header=style.header, clock=clock
            )
        except ValueError as error:
            # It could be used when the node was started. The others still can.
            log.warning("a sink cannot be set up", name=settings.name, reason=str(error))
        else:
            found.append((settings, sink))
    return found


def _witnesses(start: control.CourierStart) -> list[tuple[Witness, Verifier]]:
    found: list[tuple[Witness, Verifier]] = []
    for settings in start.witnesses:
        try:
            found.append((HTTPWitness(settings), verifier(vkeys.parse(settings.key))))
        except (ValueError, TlogError) as error:
            log.warning("a witness cannot be asked", url=settings.url, reason=str(error))
    return found
