"""The line between the supervisor and each room: single messages, some with descriptors.

A sequenced-packet socket keeps messages whole, so there is no framing and no state. When it ends,
the other side is gone: a room without a supervisor stops; a room that ended is started again.
"""

import os
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from strongroom.domain import limits
from strongroom.node.metrics import Snapshot
from strongroom.ports.sinks import SinkSettings
from strongroom.ports.witnesses import WitnessSettings

_MESSAGE_BYTES_MAX: Final = 160 * 1024  # below the kernel's default socket buffer
_DESCRIPTORS_MAX: Final = 8
_PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")


class Message(msgspec.Struct, frozen=True, array_like=True):
    """`kind` says what `body` (msgpack) is. `number` joins a question and its answer."""

    kind: str
    number: int = 0
    body: bytes = b""


class GateStart(msgspec.Struct, frozen=True):
    """What a gate needs to begin. Its listening socket comes with it."""

    name: str
    version: str
    tls_certificate: str = ""
    tls_key: str = ""
    metrics_open: bool = False
    requests_logged: bool = False
    connections_max: int = limits.CONNECTIONS_MAX
    drain_seconds: int = limits.DRAIN_SECONDS
    signature_seconds: int = limits.SIGNATURE_SECONDS
    user: str = ""


class CustodianStart(msgspec.Struct, frozen=True):
    """What a custodian needs to begin. The only message that ever holds a secret."""

    name: str
    root: bytes
    deployment: bytes
    first_namespace: bytes
    seal: str
    user: str = ""
    keep_days: int = 0  # of audit entries in the database; who has the watch sees to it
    steward: bool = False  # has the watch over what is due; one of a node's custodians
    signature_seconds: int = limits.SIGNATURE_SECONDS
    ids_given: bool = False  # in development mode: who makes a key may say which id it has
    witnessed: bool = False  # checkpoints count only when others have cosigned them
    tls: bool = False  # all that comes to the node's gates comes by TLS


class AnchorWrite(msgspec.Struct, frozen=True, array_like=True):
    """From the notary: see `ports/anchor.py`. Without a checkpoint, lines alone."""

    checkpoint: bytes
    destructions: bytes
    offset: int


class LedgerStart(msgspec.Struct, frozen=True):
    """What the ledger needs to begin."""

    name: str
    path: str
    user: str = ""


class CourierStart(msgspec.Struct, frozen=True):
    """What the courier needs to begin. It reads the secrets of its sinks from their files."""

    name: str
    deployment: bytes
    sinks: tuple[SinkSettings, ...] = ()
    witnesses: tuple[WitnessSettings, ...] = ()
    witnesses_required: int = 0
    watch: dict[str, dict[str, bool | int | str]] = {}  # what is changed of the watcher's rules
    user: str = ""


class Measure(msgspec.Struct, frozen=True):
    """A measure of hardening: in force or not, and why not."""

    name: str
    active: bool
    note: str = ""


class Report(msgspec.Struct):
    """A room's account of itself."""

    name: str
    room: str
    pid: int
    started_us: int
    restarts: int
    memory_bytes: int
    measures: list[Measure]
    numbers: Snapshot


def pair() -> tuple[socket.socket, socket.socket]:
    """Both ends of a new line."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


def send(line: socket.socket, message: Message, descriptors: Sequence[int] = ()) -> None:
    """Send one message. Raises `OSError` when the other side is gone."""
    encoded = msgspec.msgpack.encode(message)
    if len(encoded) > _MESSAGE_BYTES_MAX:
        raise RuntimeError("a control message is too long")
    socket.send_fds(line, [encoded], list(descriptors))


def receive(line: socket.socket) -> tuple[Message, list[int]] | None:
    """The next message and its descriptors; None when the other side is gone."""
    try:
        encoded, descriptors, _, _ = socket.recv_fds(line, _MESSAGE_BYTES_MAX, _DESCRIPTORS_MAX)
    except ConnectionError:
        return None
    if not encoded:
        return None
    return msgspec.msgpack.decode(encoded, type=Message), descriptors


def memory_bytes() -> int:
    """Resident memory of this process."""
    with Path("/proc/self/statm").open() as statm:
        return int(statm.read().split()[1]) * _PAGE_BYTES
