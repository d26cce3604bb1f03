"""How records go through re-encrypt: in batches, several under way, written in the order read."""

import base64
import binascii
import copy
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final, Protocol

from msgspec import UNSET

from strongroom.cli.checkpoints import Failed, State
from strongroom.cli.records import Lines, Record
from strongroom.cli.session import Session
from strongroom.client import uses
from strongroom.client.problems import UNEXPECTED, ProblemError, UnreachableError
from strongroom.domain import envelope, limits
from strongroom.domain.asks import Problem
from strongroom.domain.errors import InvalidCiphertext
from strongroom.domain.uses import ReEncryptedBatch, ReEncryptItem

BATCHES_UNDER_WAY: Final = 4  # enough that neither side waits; each holds some MiB
CHECKPOINT_SECONDS: Final = 1.0  # as much is done again after an interruption
RETRY_SECONDS: Final = (1.0, 2.0, 4.0, 8.0)  # re-encrypting can be repeated; a restart is over then
_BATCH_RECORDS_MAX: Final = 10_000  # those that are left as they are cost no request
_BATCH_BYTES_MAX: Final = limits.BODY_BYTES_MAX // 4  # JSON may take more than what is in it

# Said of a whole batch, these can be the fault of some of its items, or of all.
_OF_ITEMS: Final = frozenset(
    {"invalid-ciphertext", "invalid-request", "key-not-usable", "not-allowed", "not-found",
     "too-large"}
)  # fmt: skip


class Target(Protocol):
    """Where records go. `state` belongs to what was written."""

    state: State

    def write(self, records: bytes, failures: list[Failed], state: State) -> None:
        """Records, and those among them that were left as they are. `state` holds with them."""

    def checkpoint(self) -> None:
        """Keep what was written."""


@dataclass(frozen=True, slots=True)
class Key:
    """The key that all shall be under. With an id, what is of this version or newer stays."""

    name: str
    id: bytes = b""
    version: int = 0

    def is_of(self, parts: envelope.Envelope) -> bool:
        """Whether a ciphertext can stay as it is."""
        return bool(self.id) and parts.key_id == self.id and parts.version >= self.version


@dataclass(slots=True)
class _Batch:
    """Records in a row, the items among them, and where in the input they end."""

    records: list[tuple[Record, ReEncryptItem | Problem | None]] = field(default_factory=list)
    items: list[ReEncryptItem] = field(default_factory=list)
    bytes: int = 0
    offset: int = 0
    line: int = 0

    @property
    def is_full(self) -> bool:
        return (
            len(self.items) == limits.BATCH_ITEMS_MAX
            or len(self.records) >= _BATCH_RECORDS_MAX
            or self.bytes >= _BATCH_BYTES_MAX
        )


class Rewrapping:
    """One run."""

    def __init__(self, at: Session, key: Key, context: dict[str, str], target: Target) -> None:
        self._at = at
        self._key = key
        self._context = context
        self._target = target
        self._some_went_well = False
        self._ends = threading.Event()

    def run(self, source: Lines, records: Iterator[Record], advance: Callable[[int], None]) -> None:
        """All records, in order. Raises what stopped it; what was done until then is kept."""
        under_way: deque[tuple[_Batch, Future[list[bytes | Problem]]]] = deque()
        pool = ThreadPoolExecutor(BATCHES_UNDER_WAY)
        kept = time.monotonic()
        done = self._target.state.offset
        try:
            for batch in self._batches(source, records):
                under_way.append((batch, pool.submit(self._outcomes, batch.items)))
                if len(under_way) < BATCHES_UNDER_WAY:
                    continue
                done = self._write_first(under_way, done, advance)
                if time.monotonic() - kept >= CHECKPOINT_SECONDS:
                    self._target.checkpoint()
                    kept = time.monotonic()
            while under_way:
                done = self._write_first(under_way, done, advance)
        finally:
            self._ends.set()
            pool.shutdown(cancel_futures=True)
            self._target.checkpoint()

    def _batches(self, source: Lines, records: Iterator[Record]) -> Iterator[_Batch]:
        batch = _Batch()
        for record in records:
            item = self._item(record)
            batch.records.append((record, item))
            batch.bytes += len(record.raw)
            if isinstance(item, ReEncryptItem):
                batch.items.append(item)
                batch.bytes += sum(len(n) + len(v) for n, v in item.context.items())
            if batch.is_full:
                batch.offset, batch.line = source.offset, source.number
                yield batch
                batch = _Batch()
        if batch.records:
            batch.offset, batch.line = source.offset, source.number
            yield batch

    def _item(self, record: Record) -> ReEncryptItem | Problem | None:
        """What to ask for; or why it is not asked for; None for what stays as it is."""
        if record.problem:
            return Problem("bad-record", record.problem)
        if not record.text:
            return None
        try:
            blob = base64.b64decode(record.text, validate=True)
            parts = envelope.split(blob)
        except (binascii.Error, ValueError, InvalidCiphertext):
            # What the server says of such a one, without asking it.
            return Problem(InvalidCiphertext.code, InvalidCiphertext.title)
        if self._key.is_of(parts):
            return None
        return ReEncryptItem(ciphertext=blob, context={**self._context, **record.context})

    def _outcomes(self, items: list[ReEncryptItem]) -> list[bytes | Problem]:
        """An outcome for each item: a ciphertext, or why not. Called in several threads."""
        if not items:
            return []
        try:
            answer = self._asked(items)
        except ProblemError as error:
            if error.code not in _OF_ITEMS or (
                # Nobody wants to read a million times that a right is missing.
                error.code == "not-allowed" and not self._some_went_well
            ):
                raise
            if len(items) == 1:
                return [Problem(error.code, error.detail)]
            half = len(items) // 2
            return self._outcomes(items[:half]) + self._outcomes(items[half:])
        self._some_went_well = True
        return [
            item.error if item.error is not UNSET else b"" if item.ciphertext is UNSET
            else item.ciphertext for item in answer.items
        ]  # fmt: skip

    def _asked(self, items: list[ReEncryptItem]) -> ReEncryptedBatch:
        call = uses.re_encrypt_batch(self._key.name, items)
        for seconds in RETRY_SECONDS:
            try:
                return self._at.ask(call)
            except UnreachableError:
                pass
            except ProblemError as error:
                if error.code not in {"unavailable", UNEXPECTED}:
                    raise
            if self._ends.wait(seconds):
                break
        return self._at.ask(call)

    def _write_first(
        self,
        under_way: "deque[tuple[_Batch, Future[list[bytes | Problem]]]]",
        done: int,
        advance: Callable[[int], None],
    ) -> int:
        """Write the oldest batch when its outcomes are there. How far in the input that is."""
        batch, future = under_way[0]
        outcomes = iter(future.result())
        under_way.popleft()
        written: list[bytes] = []
        failures: list[Failed] = []
        state = copy.deepcopy(self._target.state)
        tally = state.tally
        for record, item in batch.records:
            outcome = next(outcomes) if isinstance(item, ReEncryptItem) else item
            if isinstance(outcome, bytes):
                written.append(record.with_text(base64.b64encode(outcome)))
                tally.rewrapped += 1
                continue
            written.append(record.raw)
            if isinstance(outcome, Problem):
                failures.append(Failed(record.number, outcome.code, outcome.detail))
                tally.failed += 1
            elif record.text:
                tally.current += 1
            elif not record.is_header:
                tally.without += 1
        tally.records += sum(not record.is_header for record, _ in batch.records)
        state.offset, state.line = batch.offset, batch.line
        state.ends_with(batch.records[-1][0].raw)
        self._target.write(b"".join(written), failures, state)
        advance(batch.offset - done)
        return batch.offset
