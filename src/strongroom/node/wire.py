"""The wire between the rooms: frames of msgpack over inherited Unix socket pairs.

A frame is its length in four bytes, big-endian, then one msgpack document: a batch of messages.
Nothing waits for a timer. A gate sends in one frame whatever was asked in one turn of its loop; a
custodian has one frame at a time with the ledger, and what queues up meanwhile is the next one. So
an idle system answers at once, and a busy one batches by itself.
"""

import asyncio
from collections.abc import Callable, Iterator
from typing import Final, cast

import msgspec

from strongroom.domain import limits
from strongroom.domain.calls import Call, Reply
from strongroom.domain.otp.credential import CredentialRow
from strongroom.domain.records import Kind, Record, Ref
from strongroom.node import log
from strongroom.ports.store import (
    Checkpoints,
    Commit,
    Cursor,
    EventPage,
    EventQuery,
    Extent,
    Outcome,
    StoredEvent,
    Tree,
    Usage,
)
from strongroom.tlog.merkle import Node

_LENGTH_BYTES: Final = 4


class WireError(Exception):
    """The peer sent something that is not a frame of ours. The connection is of no more use."""


# A call of this name is answered when the custodian's keys are open and the ledger can write.
READY: Final = "node.ready"


# --- messages: gate and custodian -----------------------------------------------------------------


class Calls(msgspec.Struct, frozen=True, array_like=True):
    """Gate to custodian. Each call has a number that its reply repeats."""

    calls: list[tuple[int, Call]]


class Replies(msgspec.Struct, frozen=True, array_like=True):
    """Custodian to gate."""

    replies: list[tuple[int, Reply]]


# --- messages: custodian or courier, and ledger ---------------------------------------------------


class Load(msgspec.Struct, frozen=True, array_like=True, tag="load"):
    """Records by reference. Answered by a list of records or nulls."""

    refs: list[Ref]


class Find(msgspec.Struct, frozen=True, array_like=True, tag="find"):
    """A record by name. Answered by a record or null."""

    kind: Kind
    namespace: bytes
    name: str


class Family(msgspec.Struct, frozen=True, array_like=True, tag="family"):
    """Records by the beginning of their ids. Answered by a list."""

    kind: Kind
    prefix: bytes
    limit: int


class Due(msgspec.Struct, frozen=True, array_like=True, tag="due"):
    """Records that are due. Answered by a list."""

    now_us: int
    limit: int
    skip: int


class Credentials(msgspec.Struct, frozen=True, array_like=True, tag="credentials"):
    """Rows of credentials by id. Answered by a list of rows or nulls."""

    namespace: bytes
    ids: list[bytes]


class CredentialsOf(msgspec.Struct, frozen=True, array_like=True, tag="user"):
    """A user's rows of credentials. Answered by a list."""

    namespace: bytes
    user: bytes
    limit: int


class CredentialsDue(msgspec.Struct, frozen=True, array_like=True, tag="falling"):
    """Rows of credentials that are due. Answered by a list."""

    now_us: int
    limit: int
    skip: int


class CredentialPage(msgspec.Struct, frozen=True, array_like=True, tag="ids"):
    """Rows of credentials in the order of ids. Answered by a list, out of turn."""

    namespace: bytes
    after: bytes
    limit: int


class ReadUsage(msgspec.Struct, frozen=True, array_like=True, tag="usage"):
    """Uses of an object. Answered by a list."""

    namespace: bytes
    object: str
    since_day: int
    limit: int


class ReadPage(msgspec.Struct, frozen=True, array_like=True, tag="page"):
    """Records in the order of names. Answered by a list, out of turn."""

    kind: Kind
    namespace: bytes
    after: str
    limit: int


class ReadEvents(msgspec.Struct, frozen=True, array_like=True, tag="events"):
    """Audit entries. Answered out of turn."""

    query: EventQuery


class ReadTree(msgspec.Struct, frozen=True, array_like=True, tag="tree"):
    """The log's size and root, after a durable write."""


class ReadHashes(msgspec.Struct, frozen=True, array_like=True, tag="hashes"):
    """Hashes of subtrees of the log. Answered by a list, out of turn; empty: one is beyond it."""

    nodes: list[Node]


class ReadEntries(msgspec.Struct, frozen=True, array_like=True, tag="entries"):
    """Entries of all namespaces from a position on. Answered by a list, out of turn."""

    first: int
    limit: int


class ReadChanges(msgspec.Struct, frozen=True, array_like=True, tag="changes"):
    """Entries that changed records, from a position on. Answered by a list, out of turn."""

    first: int
    limit: int
    erasing: bool


class ReadGrowth(msgspec.Struct, frozen=True, array_like=True, tag="growth"):
    """The log's size and root, as they are."""


class ReadCheckpoints(msgspec.Struct, frozen=True, array_like=True, tag="checkpoints"):
    """The newest checkpoints."""


class KeepCheckpoints(msgspec.Struct, frozen=True, array_like=True, tag="keep"):
    """Newer checkpoints to keep. Answered by null when they are on disk."""

    checkpoints: Checkpoints


class ReadCursor(msgspec.Struct, frozen=True, array_like=True, tag="cursor"):
    """How far a reader has come. Answered by a cursor or null."""

    name: str


class MoveCursor(msgspec.Struct, frozen=True, array_like=True, tag="move"):
    """How far a reader has come, to remember. Answered by null when it is on disk."""

    cursor: Cursor


class ReadExtent(msgspec.Struct, frozen=True, array_like=True, tag="extent"):
    """What is in the archive and what of the time before could be. Answered out of turn."""

    before_us: int


class CopyOut(msgspec.Struct, frozen=True, array_like=True, tag="copy"):
    """Entries to put into files. Answered out of turn, by how far they are there."""

    end: int


class LetGo(msgspec.Struct, frozen=True, array_like=True, tag="drop"):
    """Entries in files, to take out of the database. Answered by how far that is done."""

    end: int


OfRecords = Load | Find | Family | Due | ReadUsage | Credentials | CredentialsOf | CredentialsDue
"""What is read as of the present epoch."""

OutOfTurn = (
    ReadPage
    | CredentialPage
    | ReadEvents
    | ReadHashes
    | ReadEntries
    | ReadChanges
    | ReadExtent
    | CopyOut
)
"""What is read from a snapshot, by a thread of its own."""

OfTheLog = ReadGrowth | ReadCheckpoints | KeepCheckpoints | ReadCursor | MoveCursor
"""What is told and kept about the log as a whole."""

OfTheCourier = ReadHashes | ReadEntries | OfTheLog
"""All that a courier may ask: it commits nothing, and sees no record."""

Read = OfRecords | ReadTree | OutOfTurn | OfTheLog | LetGo


class ToLedger(msgspec.Struct, frozen=True, array_like=True):
    """A batch. `known` is the epoch up to which the custodian knows what changed.

    A courier sends no commits, and no reads but those in `OfTheCourier`.
    """

    known: int
    commits: list[tuple[int, Commit]]
    reads: list[tuple[int, Read]]


class FromLedger(msgspec.Struct, frozen=True, array_like=True):
    """The answer to a batch (`turn` true), or to a read that was answered out of turn.

    `changed` holds the facts that changed after `known`; null: everything may have. `failed` are
    messages that the store could not carry out; `why`, in words, if it is not the disk.
    """

    turn: bool
    epoch: int
    changed: list[bytes] | None
    outcomes: list[tuple[int, Outcome]]
    results: list[tuple[int, msgspec.Raw]]
    failed: list[int]
    why: str = ""


CREDENTIALS = msgspec.msgpack.Decoder(list[CredentialRow])
MAYBE_CREDENTIALS = msgspec.msgpack.Decoder(list[CredentialRow | None])
RECORDS = msgspec.msgpack.Decoder(list[Record])
MAYBE_RECORDS = msgspec.msgpack.Decoder(list[Record | None])
MAYBE_RECORD: msgspec.msgpack.Decoder[Record | None] = msgspec.msgpack.Decoder(Record | None)
USAGE = msgspec.msgpack.Decoder(list[Usage])
EVENTS = msgspec.msgpack.Decoder(EventPage)
EXTENT = msgspec.msgpack.Decoder(Extent)
POSITION = msgspec.msgpack.Decoder(int)
TREE = msgspec.msgpack.Decoder(Tree)
HASHES = msgspec.msgpack.Decoder(list[bytes])
ENTRIES = msgspec.msgpack.Decoder(list[StoredEvent])
CHECKPOINTS = msgspec.msgpack.Decoder(Checkpoints)
MAYBE_CURSOR: msgspec.msgpack.Decoder[Cursor | None] = msgspec.msgpack.Decoder(Cursor | None)


# --- frames ---------------------------------------------------------------------------------------


def frame(payload: bytes) -> bytes:
    """The payload behind its length."""
    return len(payload).to_bytes(_LENGTH_BYTES, "big") + payload


class Splitter:
    """Cuts a stream into frames. Raises `WireError` for a frame above the limit."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The frames that are complete now."""
        rest = self._rest
        rest += data
        start, size = 0, len(rest)
        while size - start >= _LENGTH_BYTES:
            length = int.from_bytes(rest[start : start + _LENGTH_BYTES], "big")
            if length > limits.FRAME_BYTES_MAX:
                raise WireError(f"a frame of {length} bytes is above the limit")
            end = start + _LENGTH_BYTES + length
            if end > size:
                break
            yield bytes(memoryview(rest)[start + _LENGTH_BYTES : end])
            start = end
        if start:
            del rest[:start]


class Frames(asyncio.Protocol):
    """One end of a socket pair in an event loop: hands over frames, says when the peer is gone."""

    def __init__(self, received: Callable[[bytes], None], lost: Callable[[], None]) -> None:
        self._received = received
        self._lost = lost
        self._splitter = Splitter()
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The loop has taken the socket over."""
        # uvloop's transports are of no common class with asyncio's.
        self._transport = cast("asyncio.WriteTransport", transport)

    def data_received(self, data: bytes) -> None:
        """Some bytes came."""
        try:
            for payload in self._splitter.feed(data):
                self._received(payload)
        except (WireError, msgspec.MsgspecError):
            # A peer that does not speak our language is broken or broken into: hang up.
            log.failure("hung up on a peer that was not understood")
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """The peer is gone."""
        del exc
        self._transport = None
        self._lost()

    def send(self, payload: bytes) -> None:
        """Send one frame. Lost silently when the peer is gone: `lost` has been called then."""
        if self._transport is not None:
            self._transport.write(frame(payload))

    @property
    def waiting_bytes(self) -> int:
        """Bytes that the peer has not taken yet."""
        return 0 if self._transport is None else self._transport.get_write_buffer_size()

    def close(self) -> None:
        """Hang up."""
        if self._transport is not None:
            self._transport.close()
