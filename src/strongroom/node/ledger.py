"""The ledger room: one loop, one writer.

A turn: read what every custodian has sent, keep all its commits in one durable group, answer. What
arrives during the flush to disk is the next turn's group. Lists, searches, entries and hashes are
read by a thread of their own on its own connection and answered when they are done, so that they
hold nobody up. Another thread writes what was committed from the write-ahead log into the database.

A courier has a line, too. It may read the log and say how far it has come, and nothing else: it is
the room that speaks to strangers.

When no checkpoint is signed that covers the oldest entry for too long, nothing more is committed
until one is: see `docs/decisions/0010-checkpoints-and-the-anchor.md`.
"""

import gc
import os
import queue
import selectors
import socket
import sys
import threading
import time
from collections import deque
from typing import Final

import msgspec

from strongroom.adapters.sqlite.store import SQLiteStore
from strongroom.domain import limits
from strongroom.node import control, log, reads, seccomp, wire
from strongroom.node.hardening import harden
from strongroom.node.metrics import Meter
from strongroom.node.rooms import Room
from strongroom.node.uncovered import Uncovered
from strongroom.ports.store import Commit, Outcome, StoreDamaged, StoreUnavailable

_RECEIVE_BYTES: Final = 1 << 20
_FLUSH_BYTES: Final = 4 * 1024 * 1024  # of records; more of them go in frames of their own
_PAUSE_SECONDS: Final = 2.0  # without a commit, before the ledger sees to what was put off
_PROBE_SECONDS: Final = 0.5  # a readiness check writes to the disk at most this often

_UNSIGNED: Final = (
    f"no checkpoint of the audit log was signed for {limits.CHECKPOINT_SECONDS_MAX} seconds, so"
    " nothing can be put on record; the log of the server says why"
)

_encode = msgspec.msgpack.Encoder().encode
_decoder = msgspec.msgpack.Decoder(wire.ToLedger)
_room = msgspec.msgpack.Decoder(Room)


class _Peer:
    """A custodian or a courier, as the ledger sees it."""

    def __init__(self, line: socket.socket, room: Room) -> None:
        self.line = line
        self.room = room
        self.splitter = wire.Splitter()
        self.out = bytearray()
        self.open = True
        self.stuck = False  # has not taken all that it was sent


class LedgerRoom:
    """Runs until the supervisor says so or is gone."""

    def __init__(self, line: socket.socket, start: control.LedgerStart) -> None:
        self._line = line
        self._name = start.name
        self._measures = harden(Room.LEDGER, keep={line.fileno()}, user=start.user)
        self._started_us = time.time_ns() // 1000
        self._store = SQLiteStore.open(start.path)
        self._meter = Meter()
        self._selector = selectors.DefaultSelector()
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._questions: queue.SimpleQueue[tuple[_Peer, int, wire.OutOfTurn]] = queue.SimpleQueue()
        self._found: deque[tuple[_Peer, int, bytes | None]] = deque()
        self._behind = threading.Event()
        self._probed = 0.0
        self._uncovered = Uncovered(
            size=self._store.tree.size, covered=self._store.checkpoints().size, now=time.monotonic()
        )
        self._alarmed = 0  # the limit in seconds that was said to be passed
        self._running = True
        # The reader holds the interpreter at most this long while a group waits to be kept.
        sys.setswitchinterval(0.0005)

    def run(self) -> None:
        """Serve."""
        for work in (self._read_out_of_turn, self._write_back):
            threading.Thread(target=work, daemon=True).start()
        self._selector.register(self._line, selectors.EVENT_READ)
        self._selector.register(self._wake, selectors.EVENT_READ)
        self._measures.append(seccomp.seal(Room.LEDGER))
        gc.collect()
        gc.freeze()  # what is here now stays; it need not be looked at again
        control.send(self._line, control.Message("ready"))
        pause = self._settle()
        while self._running:
            batches: list[tuple[_Peer, wire.ToLedger]] = []
            for key, events in self._selector.select(pause):
                if key.fileobj is self._line:
                    self._obey()
                elif key.fileobj == self._wake:
                    self._hand_over()
                else:
                    peer: _Peer = key.data
                    if events & selectors.EVENT_WRITE:
                        self._flush(peer)
                    if events & selectors.EVENT_READ:
                        batches += self._batches(peer)
            group = [commit for _, batch in batches for _, commit in batch.commits]
            if batches:
                self._turn(batches, group)
            pause = _PAUSE_SECONDS if group else self._settle()
            pause = self._see_to_checkpoints(pause)
        self._store.close()

    def _settle(self) -> float | None:
        """Nothing is to be kept: time for what the store has put off. When to come again."""
        try:
            return self._store.settle_counts()
        except StoreUnavailable:
            self._meter.count("strongroom_store_failures")
            return _PAUSE_SECONDS

    def _see_to_checkpoints(self, pause: float | None) -> float | None:
        """Say once when a limit is passed, and when all is well again. When to look again."""
        age = self._uncovered.age_seconds(time.monotonic())
        limit = next((limit for limit in _LIMITS if age >= limit), 0)
        if limit > self._alarmed:
            log.warning(
                "entries wait for a signed checkpoint", seconds=round(age, 1),
                refusing=limit == limits.CHECKPOINT_SECONDS_MAX,
            )  # fmt: skip
            self._alarmed = limit
        elif self._alarmed and age < limits.CHECKPOINT_ALARM_SECONDS:
            log.warning("entries are in signed checkpoints again")
            self._alarmed = 0
        # An idle ledger looks, too: the last entry of all must not wait unseen.
        return pause if not age else min(_LOOK_SECONDS, _LOOK_SECONDS if pause is None else pause)

    @property
    def _overdue(self) -> bool:
        age = self._uncovered.age_seconds(time.monotonic())
        return age >= limits.CHECKPOINT_SECONDS_MAX

    def _turn(self, batches: list[tuple[_Peer, wire.ToLedger]], group: list[Commit]) -> None:
        outcomes: list[Outcome] | None = []
        overdue = self._overdue
        if group and overdue:
            outcomes = None
            self._meter.count("strongroom_commits", "unsigned", by=len(group))
        elif group:
            began = time.perf_counter()
            try:
                outcomes = self._store.commit(group)
                self._probed = began
                if self._store.behind:
                    self._behind.set()
                self._uncovered.grown(self._store.tree.size, time.monotonic())
            except StoreUnavailable:
                outcomes = None
                self._probed = 0.0
                self._meter.count("strongroom_store_failures")
            self._meter.latency("strongroom_commit_seconds", time.perf_counter() - began)
            self._meter.size("strongroom_commit_group", len(group))
        taken = 0
        for peer, batch in batches:
            numbers = [number for number, _ in batch.commits]
            mine = None if outcomes is None else outcomes[taken : taken + len(numbers)]
            taken += len(numbers)
            self._answer(peer, batch, numbers, mine, _UNSIGNED if overdue else "")

    def _answer(
        self,
        peer: _Peer,
        batch: wire.ToLedger,
        numbers: list[int],
        outcomes: list[Outcome] | None,
        why: str,
    ) -> None:
        failed = numbers if outcomes is None else []
        kept = [] if outcomes is None else list(zip(numbers, outcomes, strict=True))
        for _, outcome in kept:
            self._meter.count("strongroom_commits", type(outcome).__name__.lower())
        results: list[tuple[int, msgspec.Raw]] = []
        size = 0
        for number, read in batch.reads:
            if size > _FLUSH_BYTES:
                # Before the turn's end, never after it: a record must not come behind the news that
                # it has changed.
                self._send_results(peer, results, [])
                results, size = [], 0
            if isinstance(read, wire.OutOfTurn):
                self._questions.put((peer, number, read))
                continue
            try:
                result = _encode(self._read(read))
                results.append((number, msgspec.Raw(result)))
                size += len(result)
            except StoreUnavailable:
                failed = [*failed, number]
        # Facts are of records, which are nothing to a courier.
        known = self._store.epoch if peer.room is Room.COURIER else batch.known
        changed = self._store.changed_since(known)
        self._send(
            peer,
            wire.FromLedger(
                turn=True,
                epoch=self._store.epoch,
                changed=None if changed is None else list(changed),
                outcomes=kept,
                results=results,
                failed=failed,
                why=why,
            ),
        )

    def _read(self, read: wire.OfRecords | wire.OfTheLog | wire.LetGo | wire.ReadTree) -> object:
        if isinstance(read, wire.OfRecords):
            return reads.of_records(self._store, read)
        if isinstance(read, wire.OfTheLog):
            result = reads.of_the_log(self._store, read)
            if isinstance(read, wire.KeepCheckpoints):
                self._uncovered.covered(self._store.checkpoints().size)
            return result
        if self._overdue:
            raise StoreUnavailable(_UNSIGNED)  # not ready: nothing could be put on record
        if isinstance(read, wire.LetGo):
            return self._store.let_go(read.end)
        now = time.perf_counter()
        if now - self._probed > _PROBE_SECONDS:
            self._store.probe()
            self._probed = now
        return self._store.tree

    def _read_out_of_turn(self) -> None:
        while True:
            peer, number, read = self._questions.get()
            result: bytes | None
            try:
                result = _encode(reads.of_a_snapshot(self._store, read))
            except StoreDamaged as error:
                log.warning("the log is damaged", reason=str(error))
                result = None
            except StoreUnavailable as error:
                if isinstance(read, wire.CopyOut):
                    log.warning("entries were not archived", reason=str(error))
                result = None
            except Exception:  # noqa: BLE001 - without this thread nobody could read lists any more
                log.failure("a list could not be read")
                result = None
            self._found.append((peer, number, result))
            os.eventfd_write(self._wake, 1)

    def _write_back(self) -> None:
        while True:
            self._behind.wait()
            self._behind.clear()
            try:
                self._store.write_back()
            except Exception:  # noqa: BLE001 - without this thread commits would have to wait for it
                log.failure("the write-ahead log could not be written back")

    def _hand_over(self) -> None:
        os.eventfd_read(self._wake)
        while self._found:
            peer, number, result = self._found.popleft()
            results = [] if result is None else [(number, msgspec.Raw(result))]
            failed = [number] if result is None else []
            self._send_results(peer, results, failed)

    def _send_results(
        self, peer: _Peer, results: list[tuple[int, msgspec.Raw]], failed: list[int]
    ) -> None:
        self._send(
            peer,
            wire.FromLedger(
                turn=False, epoch=-1, changed=[], outcomes=[], results=results, failed=failed
            ),
        )

    def _batches(self, peer: _Peer) -> list[tuple[_Peer, wire.ToLedger]]:
        try:
            data = peer.line.recv(_RECEIVE_BYTES)
            if not data:
                self._drop(peer)
                return []
            batches = [(peer, _decoder.decode(frame)) for frame in peer.splitter.feed(data)]
        except BlockingIOError:
            return []
        except (OSError, wire.WireError, msgspec.MsgspecError):
            # A custodian that does not speak our language is broken or broken into: hang up.
            self._drop(peer)
            return []
        if peer.room is Room.COURIER and not all(_of_a_courier(batch) for _, batch in batches):
            log.warning("hung up on a courier that asked for more than it may")
            self._drop(peer)
            return []
        return batches

    def _send(self, peer: _Peer, answer: wire.FromLedger) -> None:
        if peer.open:
            peer.out += wire.frame(_encode(answer))
            self._flush(peer)

    def _flush(self, peer: _Peer) -> None:
        # Never blocks: a custodian that has stopped reading must not stop the others.
        try:
            while peer.out:
                del peer.out[: peer.line.send(peer.out)]
        except BlockingIOError:
            pass
        except OSError:
            self._drop(peer)
            return
        if bool(peer.out) is not peer.stuck:
            peer.stuck = bool(peer.out)
            events = selectors.EVENT_READ | (selectors.EVENT_WRITE if peer.stuck else 0)
            self._selector.modify(peer.line, events, peer)

    def _drop(self, peer: _Peer) -> None:
        if peer.open:
            peer.open = False
            self._selector.unregister(peer.line)
            peer.line.close()

    def _obey(self) -> None:
        received = control.receive(self._line)
        if received is None:
            self._running = False
            return
        message, descriptors = received
        if message.kind == "attach":
            line = socket.socket(fileno=descriptors[0])
            line.setblocking(False)  # noqa: FBT003 - it takes no keyword
            # Who is at the other end is said by the supervisor, never by them.
            room = _room.decode(message.body) if message.body else Room.CUSTODIAN
            self._selector.register(line, selectors.EVENT_READ, _Peer(line, room))
        elif message.kind == "report":
            self._meter.gauge("strongroom_epoch", self._store.epoch)
            self._meter.gauge("strongroom_entries", self._store.tree.size)
            age = self._uncovered.age_seconds(time.monotonic())
            self._meter.gauge("strongroom_checkpoint_age_seconds", age)
            self._meter.gauge("strongroom_counts_waiting", self._store.uncounted)
            self._meter.gauge("strongroom_erasures_waiting", float(self._store.erasing))
            report = control.Report(
                self._name, Room.LEDGER, os.getpid(), self._started_us, 0,
                control.memory_bytes(), self._measures, self._meter.snapshot,
            )  # fmt: skip
            control.send(self._line, control.Message("reported", message.number, _encode(report)))
        elif message.kind == "drain":
            self._running = False


_LIMITS: Final = (limits.CHECKPOINT_SECONDS_MAX, limits.CHECKPOINT_ALARM_SECONDS)
_LOOK_SECONDS: Final = 0.25


def _of_a_courier(batch: wire.ToLedger) -> bool:
    return not batch.commits and all(_is_for_a_courier(read) for _, read in batch.reads)


def _is_for_a_courier(read: wire.Read) -> bool:
    if isinstance(read, wire.KeepCheckpoints):
        # It adds what witnesses say. What the log's own keys signed comes from the notary alone.
        return not read.checkpoints.signed
    return isinstance(read, wire.OfTheCourier)
