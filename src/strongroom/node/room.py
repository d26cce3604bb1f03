"""The program of a room's process: `python -m strongroom.node.room KIND DESCRIPTOR`.

The descriptor is the room's end of its line to the supervisor, where the first message says what
it needs to begin. Nothing secret is an argument or in the environment.
"""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Callable, Coroutine
from typing import Any

import msgspec

from strongroom.node import control, log, seccomp
from strongroom.node.rooms import Room


def main() -> int:
    """Run the room that the arguments name; the exit code."""
    room = Room(sys.argv[1])
    line = socket.socket(fileno=int(sys.argv[2]))
    # An operator's Ctrl-C is for the supervisor, which tells the rooms in their order.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    received = control.receive(line)
    if received is None:
        return 1
    message, descriptors = received
    try:
        _run(room, line, message.body, descriptors)
    except Exception:  # noqa: BLE001 - the last frame of the process: said once, then the end
        log.failure("the room ended")
        return 1
    return 0


def _run(room: Room, line: socket.socket, body: bytes, descriptors: list[int]) -> None:
    # Each room imports its own part only: a gate has no business with key material or a database.
    if room is Room.LEDGER:
        from strongroom.node.ledger import LedgerRoom  # noqa: PLC0415 - as above
        from strongroom.ports.store import StoreRefused  # noqa: PLC0415

        ledger = msgspec.msgpack.decode(body, type=control.LedgerStart)
        log.begin(ledger.name)
        try:
            LedgerRoom(line, ledger).run()
        except StoreRefused as refusal:
            log.warning("the store cannot be opened", reason=str(refusal))
            os._exit(1)
    elif room is Room.CUSTODIAN:
        from strongroom.node.custodian import CustodianRoom  # noqa: PLC0415

        custodian = msgspec.msgpack.decode(body, type=control.CustodianStart)
        log.begin(custodian.name)
        _with_uvloop(lambda: CustodianRoom(line, custodian).run())
    elif room is Room.GATE:
        from strongroom.node.gate import GateRoom  # noqa: PLC0415

        gate = msgspec.msgpack.decode(body, type=control.GateStart)
        log.begin(gate.name)
        listening = socket.socket(fileno=descriptors[0])
        _with_uvloop(lambda: GateRoom(line, gate, listening).run())
    elif room is Room.COURIER:
        from strongroom.node.courier import CourierRoom  # noqa: PLC0415

        courier = msgspec.msgpack.decode(body, type=control.CourierStart)
        log.begin(courier.name)
        _with_uvloop(lambda: CourierRoom(line, courier).run())
    else:
        raise RuntimeError("the supervisor is not a room that can be run so")


def _with_uvloop(run: Callable[[], Coroutine[Any, Any, None]]) -> None:
    # Before the room hardens itself: its own user may not be able to read the program.
    import uvloop  # noqa: PLC0415 - the ledger has no use for it

    work = run()
    seccomp.refuse_rings()
    runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
    runner.run(work)
    # The room's work is done. Taking the loop apart needs system calls that are sealed by now.
    sys.stderr.flush()
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
