"""The audit log: what appending costs beside bare SQLite, and how fast a long log is read.

Bare SQLite is the same file, settings and rows: for each group of 64 entries, rows of ten columns
are made and kept in one durable transaction. Ours does the rest, too: freshness, hashes, the tree,
the index, the counts of uses.
"""

import os
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from strongroom.adapters.sqlite import schema
from strongroom.adapters.sqlite.growth import INSERT_ENTRY
from strongroom.adapters.sqlite.store import SQLiteStore
from strongroom.domain.events import FORMAT, Event, Outcome, canonical
from strongroom.domain.times import rfc3339
from strongroom.ports.store import Commit, Entry, EventQuery, Kept, Tally
from strongroom.tlog.merkle import leaf_hash
from strongroom.tlog.proofs import plan_inclusion

ENTRIES: Final = 10_000_000
_GROUP: Final = 64
_APPENDED: Final = 32_000  # in each round
_ROUNDS: Final = 5
_POPULATED_AT_ONCE: Final = 10_000
_ASKED: Final = 300  # searches, and receipts
_APART_US: Final = 1_000  # between two entries of the long log: a thousand a second
_BEGAN_US: Final = 1_700_000_000_000_000
_NAMESPACE: Final = bytes(16)
_ACTIONS: Final = ("key.encrypt",) * 6 + ("key.decrypt",) * 3 + ("key.sign",)


class Appending(NamedTuple):
    """Entries a second, and bytes of the file for each."""

    what: str
    bare: float
    ours: float
    ratio: float


class Reading(NamedTuple):
    """Milliseconds that an answer takes."""

    what: str
    p50_ms: float
    p95_ms: float
    answers: int


class Long(NamedTuple):
    """A long log."""

    entries: int
    took_seconds: float
    file_bytes: float
    index_bytes: float
    readings: list[Reading]


def appending() -> Iterator[Appending]:
    """Both in turns, on the disk where temporary files are; the median round of their ratios."""
    for what, used in (("of no use", False), ("of a use", True)):
        commits = [_commit(number, used=used) for number in range(_APPENDED)]
        rounds = [_round(commits) for _ in range(_ROUNDS)]
        middle = statistics.median_low(ours / bare for bare, ours in rounds)
        bare, ours = next(pair for pair in rounds if pair[1] / pair[0] == middle)
        yield Appending(what, bare, ours, middle)


def long(entries: int = ENTRIES) -> Long:
    """A log of so many entries, made as quickly as may be, and read."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "store.db")
        store = SQLiteStore.create(str(path), bytes(16))
        # It need not survive a power cut.
        store._db.pragma("synchronous", "OFF")  # noqa: SLF001 - of a store that is thrown away
        began = time.perf_counter()
        for first in range(0, entries, _POPULATED_AT_ONCE):
            group = [
                _commit(number, used=False)
                for number in range(first, min(first + _POPULATED_AT_ONCE, entries))
            ]
            if not all(isinstance(outcome, Kept) for outcome in store.commit(group)):
                raise RuntimeError("not kept")
        while store.settle_counts() == 0:
            pass
        took = time.perf_counter() - began
        db = store._db  # noqa: SLF001 - as above
        db.wal_checkpoint()
        sizes: list[Any] = db.execute(
            "SELECT length(listed) + length(numbers) FROM columns"
        ).fetchall()
        index = sum(size for (size,) in sizes)
        readings = [
            _measured("search", lambda: _search(store, entries)),
            _measured("search, newest first", lambda: _search(store, entries, newest=True)),
            _measured("an entry with its proof", lambda: _prove(store, entries)),
        ]
        store.close()
        return Long(entries, took, path.stat().st_size / entries, index / entries, readings)


def body(number: int) -> bytes:
    """The bytes of the entry at that place."""
    return _commit(number, used=False).entry.body


# --- appending ------------------------------------------------------------------------------------


def _round(commits: list[Commit]) -> tuple[float, float]:
    with tempfile.TemporaryDirectory() as directory:
        bare = _bare(f"{directory}/bare.db", [commit.entry for commit in commits])
        return bare, _ours(f"{directory}/ours.db", commits)


def _bare(path: str, entries: list[Entry]) -> float:
    db = schema.create(path, bytes(16))
    leaves = [leaf_hash(entry.body) for entry in entries]
    began = time.perf_counter()
    for start in range(0, len(entries), _GROUP):
        rows = [
            (
                at, e.time_us, e.namespace, e.principal, e.object, e.action, e.outcome, e.request,
                leaves[at], e.body.decode(),
            )
            for at, e in enumerate(entries[start : start + _GROUP], start)
        ]  # fmt: skip
        db.execute("BEGIN IMMEDIATE")
        db.executemany(INSERT_ENTRY, rows)
        db.execute("COMMIT")
    rate = len(entries) / (time.perf_counter() - began)
    db.close()
    return rate


def _ours(path: str, commits: list[Commit]) -> float:
    store = SQLiteStore.create(path, bytes(16))
    began = time.perf_counter()
    for start in range(0, len(commits), _GROUP):
        store.commit(commits[start : start + _GROUP])
    rate = len(commits) / (time.perf_counter() - began)
    store.close()
    return rate


# --- reading --------------------------------------------------------------------------------------


def _measured(what: str, ask: Callable[[], Iterator[float]]) -> Reading:
    took = sorted(seconds for _ in range(_ASKED) for seconds in ask())
    return Reading(what, took[len(took) // 2] * 1000, took[len(took) * 95 // 100] * 1000, len(took))


def _search(store: SQLiteStore, size: int, *, newest: bool = False) -> Iterator[float]:
    """The seconds of each page, up to the first that has something or the log's end."""
    query = msgspec.structs.replace(EventQuery(_NAMESPACE, newest=newest), **_asked(size))
    while True:
        began = time.perf_counter()
        page = store.events(query)
        yield time.perf_counter() - began
        ended = page.scanned <= 0 if newest else page.scanned + 1 >= size
        if page.events or ended:
            return
        query = msgspec.structs.replace(query, **{"before" if newest else "after": page.scanned})


def _asked(size: int) -> dict[str, str | int]:
    """A search as people make them: by one or several of what an entry is found by."""
    chance = random.Random(os.urandom(8))
    place = chance.randrange(size)
    one = _commit(place, used=False).entry
    return chance.choice([
        {"principal": one.principal},
        {"object": one.object},
        {"object": one.object, "outcome": "refused"},
        {"principal": one.principal, "object": one.object, "action": one.action},
        {"action": "key.sign", "outcome": "refused", "principal": one.principal},
        {"request": one.request},
        {"object": "key/nowhere"},
        {"principal": "nobody", "since_us": one.time_us},
        {"since_us": one.time_us, "until_us": one.time_us + 60_000_000, "object": one.object},
        {"until_us": one.time_us, "outcome": "refused", "action": one.action},
    ])  # fmt: skip


def _prove(store: SQLiteStore, size: int) -> Iterator[float]:
    """The seconds that the entry and the hashes of its proof take."""
    place = random.randrange(size)
    began = time.perf_counter()
    plan = plan_inclusion(place, size)
    plan.proof(store.hashes(plan.nodes))
    store.entries(place, 1)
    yield time.perf_counter() - began


def _commit(number: int, *, used: bool) -> Commit:
    """The entry at that place: the same each time, so that a search can ask for it."""
    mixed = number * 2_654_435_761 & 0xFFFFFFFF
    now_us = _BEGAN_US + number * _APART_US
    # Each of 50 callers has its keys, and now and then uses another one.
    key = mixed % 1_000
    caller = key // 20 if mixed % 101 else mixed // 1_000 % 50
    name, principal = f"key/bench-{key:04d}", f"app-{caller}"
    action = _ACTIONS[mixed // 50_000 % len(_ACTIONS)]
    outcome = Outcome.REFUSED if mixed % 997 == 0 else Outcome.ALLOWED
    request = f"{now_us // 1000:012x}{mixed * 0x9E3779B97F4A7C15 & 2**80 - 1:020x}"
    event = Event(
        action=action, format=FORMAT, namespace="default", object=name, outcome=outcome,
        policies=["role:key-user"], principal=principal, request=request, source="192.0.2.7",
        time=rfc3339(now_us), token="a" * 16, version=1,
    )  # fmt: skip
    entry = Entry(
        now_us, _NAMESPACE, principal, name, action, outcome, request, canonical(event),
        (Tally(name, 1, 1),) if used else (),
    )  # fmt: skip
    return Commit(0, (), entry)
