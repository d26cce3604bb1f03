"""The store alone: groups of commits as they come from custodians, kept in memory's file system.

Nothing waits for a disk there, so what is compared is the store's own work: entries that tell of no
use, that tell of one, and whose use is bounded.
"""

import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from typing import Final, NamedTuple

from strongroom.adapters.sqlite.store import SQLiteStore
from strongroom.domain.events import Event, Outcome, canonical
from strongroom.domain.times import rfc3339
from strongroom.ports.store import Commit, Entry, Quota, Tally

_GROUP: Final = 64
_COMMITS: Final = 30_000
_ROUNDS: Final = 3
_KINDS: Final = ("no use", "a use", "a use that is bounded")


class Row(NamedTuple):
    """What was measured."""

    what: str
    keys: int
    rate: float
    p99_ms: float


def rows() -> Iterator[Row]:
    """Each kind of commit in turn, with one key and with 1,000; the median round."""
    for keys in (1, 1_000):
        rounds = [[_measure(kind, keys) for kind in _KINDS] for _ in range(_ROUNDS)]
        for found in zip(*rounds, strict=True):
            middle = statistics.median_low(row.rate for row in found)
            yield next(row for row in found if row.rate == middle)


def _measure(kind: str, keys: int) -> Row:
    commits = [_commit(kind, number % keys) for number in range(_COMMITS)]
    memory = "/dev/shm"  # noqa: S108 - the folder made in it is private
    where = memory if os.access(memory, os.W_OK) else None
    took = []
    with tempfile.TemporaryDirectory(dir=where) as directory:
        store = SQLiteStore.create(f"{directory}/store.db", bytes(16))
        for start in range(0, _COMMITS, _GROUP):
            began = time.perf_counter()
            store.commit(commits[start : start + _GROUP])
            took.append(time.perf_counter() - began)
        store.close()
    took.sort()
    return Row(kind, keys, _COMMITS / sum(took), took[len(took) * 99 // 100] * 1000)


def _commit(kind: str, key: int) -> Commit:
    now_us, name, request = time.time_ns() // 1000, f"key/bench-{key:04d}", os.urandom(16).hex()
    event = Event(
        action="key.encrypt", format=1, namespace="default", object=name, outcome=Outcome.ALLOWED,
        policies=["role:user"], principal="bench", request=request, time=rfc3339(now_us), version=1,
    )  # fmt: skip
    entry = Entry(
        now_us, bytes(16), "bench", name, event.action, event.outcome, request, canonical(event),
        () if kind == _KINDS[0] else (Tally(name, 1, 1),),
    )  # fmt: skip
    bounded = kind == _KINDS[2]
    quota = Quota(name, 1, 2**40, 2**40, 60_000_000) if bounded else None
    return Commit(0, (), entry, (), quota)
