"""The gate room: TLS, HTTP and the doors. No keys, no database, and it dials nowhere."""

import asyncio
import gc
import os
import socket
import time
from typing import Final

import msgspec
import uvicorn

from strongroom.domain import asks, limits
from strongroom.domain.errors import Unavailable
from strongroom.doors.aws.door import AWSDoor
from strongroom.doors.rest.app import RestDoor
from strongroom.doors.rest.documents import documents
from strongroom.node import control, log, seccomp
from strongroom.node.connection import Connection
from strongroom.node.doors import Doors
from strongroom.node.hardening import harden
from strongroom.node.links import Custodians, leave_when_alone
from strongroom.node.metrics import Meter
from strongroom.node.pages import Pages
from strongroom.node.rooms import Room

_REPORTS_SECONDS: Final = 2.0
_SWEEP_SECONDS: Final = 1.0

_encode = msgspec.msgpack.Encoder().encode
_report = msgspec.msgpack.Decoder(control.Report)


class GateRoom:
    """Runs until the supervisor says so or is gone."""

    def __init__(
        self, line: socket.socket, start: control.GateStart, listening: socket.socket
    ) -> None:
        self._line = line
        self._start = start
        self._listening = listening
        self._meter = Meter()
        self._reports: dict[int, _Collected] = {}
        self._number = 0
        self._warned = 0.0
        self._asking: asyncio.Future[list[control.Report]] | None = None
        self._attaching: set[asyncio.Task[None]] = set()
        self._started_us = time.time_ns() // 1000
        # Documents, modules and the certificate are read while the room may still read them.
        self._documents = documents(start.version)
        self._config = uvicorn.Config(
            _no_door_yet,
            http=_connection_class(start.connections_max),
            ws="none",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            access_log=False,
            proxy_headers=False,  # who the client is, is for the connection to say
            server_header=False,
            timeout_keep_alive=limits.KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=start.drain_seconds,
            ssl_certfile=start.tls_certificate or None,
            ssl_keyfile=start.tls_key or None,
        )
        self._config.load()
        self._measures = harden(
            Room.GATE, keep={line.fileno(), listening.fileno()}, user=start.user
        )

    async def run(self) -> None:
        """Serve."""
        loop = asyncio.get_running_loop()
        self._custodians = Custodians()
        pages = Pages(
            self._custodians,
            reports=self.reports,
            metrics_open=self._start.metrics_open,
        )
        native = RestDoor(
            self._custodians,
            observe=self._observe,
            pages={**self._documents, **pages.by_path()},
            enrich=self._enrich,
            log=lambda request: log.failure("a request failed", request=request),
        )
        aws = AWSDoor(
            self._custodians,
            observe=self._observe,
            log=lambda request: log.failure("a request failed", request=request),
            signature_seconds=self._start.signature_seconds,
        )
        self._config.loaded_app = Doors(native, aws)
        self._server = uvicorn.Server(self._config)
        loop.add_reader(self._line.fileno(), self._obey)
        background = [
            loop.create_task(self._custodians.sweep_forever()),
            loop.create_task(self._hang_up_on_the_slow()),
            loop.create_task(self._say_ready()),
            loop.create_task(leave_when_alone(lambda: self._custodians.attached)),
        ]
        self._measures.append(seccomp.seal(Room.GATE))
        gc.collect()
        gc.freeze()  # what is here now stays; it need not be looked at again
        await self._server.serve(sockets=[self._listening])
        for task in background:
            task.cancel()

    async def _say_ready(self) -> None:
        await self._custodians.joined.wait()
        control.send(self._line, control.Message("ready"))

    async def reports(self) -> list[control.Report]:
        """What all rooms say of themselves; those that do not answer in time are missing.

        However many ask, one question at a time is under way, and its answer is for all of them.
        """
        if self._asking is None or self._asking.done():
            self._asking = asyncio.ensure_future(self._ask_for_reports())
        return await asyncio.shield(self._asking)

    async def _ask_for_reports(self) -> list[control.Report]:
        self._number += 1
        number = self._number
        collected = self._reports[number] = _Collected()
        control.send(self._line, control.Message("reports", number))
        try:
            await asyncio.wait_for(collected.complete.wait(), _REPORTS_SECONDS)
        except TimeoutError:
            log.warning("a report did not come in time")
        del self._reports[number]
        return collected.reports

    def _obey(self) -> None:
        received = control.receive(self._line)
        if received is None:
            os._exit(1)  # without a supervisor nobody could stop or replace this room
        message, descriptors = received
        match message.kind:
            case "attach":
                self._attach(socket.socket(fileno=descriptors[0]))
            case "report":
                self._report(message.number)
            case "reports-part":
                if message.number in self._reports:
                    self._reports[message.number].reports.append(_report.decode(message.body))
            case "reports-end":
                if message.number in self._reports:
                    self._reports[message.number].complete.set()
            case "drain":
                self._server.should_exit = True

    def _attach(self, line: socket.socket) -> None:
        task = asyncio.get_running_loop().create_task(self._custodians.attach(line))
        self._attaching.add(task)
        task.add_done_callback(self._attaching.discard)

    def _report(self, number: int) -> None:
        self._meter.gauge("strongroom_gate_waiting", self._custodians.waiting)
        report = control.Report(
            self._start.name, Room.GATE, os.getpid(), self._started_us, 0,
            control.memory_bytes(), self._measures, self._meter.snapshot,
        )  # fmt: skip
        control.send(self._line, control.Message("reported", number, _encode(report)))

    def _observe(self, operation: str, outcome: str, seconds: float, request: str) -> None:
        self._meter.count("strongroom_requests", operation, outcome)
        self._meter.latency("strongroom_request_seconds", seconds, operation)
        if self._start.requests_logged:
            milliseconds = round(seconds * 1000, 3)
            log.info(
                "request", request=request, operation=operation, outcome=outcome,
                milliseconds=milliseconds,
            )  # fmt: skip
        elif outcome == Unavailable.code and self._due():
            # One line a second: a node that is short of something must not be short of disk, too.
            log.warning(
                "requests are refused", outcome=outcome, operation=operation, request=request
            )

    def _due(self) -> bool:
        now = time.monotonic()
        due = now - self._warned > 1
        if due:
            self._warned = now
        return due

    async def _enrich(self, status: asks.StatusView) -> asks.StatusView:
        now = time.time_ns() // 1000
        status.rooms = [
            {
                "name": report.name,
                "pid": report.pid,
                "seconds": (now - report.started_us) // 1_000_000,
                "restarts": report.restarts,
                "memory_mib": report.memory_bytes >> 20,
                "hardening": [
                    {"measure": measure.name, "active": measure.active, "note": measure.note}
                    for measure in report.measures
                ],
            }
            for report in await self.reports()
        ]
        return status

    async def _hang_up_on_the_slow(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(_SWEEP_SECONDS)
            now = loop.time()
            for connection in list(self._server.server_state.connections):
                if isinstance(connection, Connection):
                    connection.expire(now)


class _Collected:
    """Reports that are on their way."""

    def __init__(self) -> None:
        self.reports: list[control.Report] = []
        self.complete = asyncio.Event()


async def _no_door_yet(scope: object, receive: object, send: object) -> None:
    """Stands in while there is no loop, and so no door; nothing is accepted before there is one."""
    del scope, receive, send
    raise RuntimeError("a request came before there was a door")


def _connection_class(most: int) -> type[Connection]:
    return type("GateConnection", (Connection,), {"connections_max": most})
