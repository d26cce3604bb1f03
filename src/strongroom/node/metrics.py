"""Counters and histograms of a room, light enough for the hot path.

Prometheus text is made elsewhere: a room hands its numbers to the supervisor as a `Snapshot` when
asked. Labels never hold anything that a caller chose: names of operations, of outcomes, and of what
the configuration names.
"""

from bisect import bisect_left
from typing import Final

import msgspec

# Seconds. Dense around a millisecond, where the answers should be.
LATENCY_BOUNDS: Final = (
    0.0002, 0.0005, 0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.02, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0,
)  # fmt: skip
SIZE_BOUNDS: Final = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0, 4096.0)


class HistogramState(msgspec.Struct):
    """Counts per bucket (the last one is above all bounds), and the sum of what was observed."""

    bounds: tuple[float, ...]
    counts: list[int]
    sum: float = 0.0

    def observe(self, value: float) -> None:
        """Count one value."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.sum += value


class Snapshot(msgspec.Struct):
    """A room's numbers. Labels are tuples in the order that `HELP` names."""

    counters: dict[str, dict[tuple[str, ...], int]] = {}
    gauges: dict[str, dict[tuple[str, ...], float]] = {}
    histograms: dict[str, dict[tuple[str, ...], HistogramState]] = {}


# Every metric: its help text and the names of its labels (beside `room`).
HELP: Final[dict[str, tuple[str, tuple[str, ...]]]] = {
    "strongroom_requests": ("HTTP requests by operation and outcome", ("operation", "outcome")),
    "strongroom_request_seconds": ("Time from request to answer in the gate", ("operation",)),
    "strongroom_gate_waiting": ("Calls that wait for a custodian", ()),
    "strongroom_operations": ("Operations decided, by outcome", ("operation", "outcome")),
    "strongroom_facts_found": ("Facts found in the custodian's cache", ()),
    "strongroom_facts_missed": ("Facts that had to be read from the ledger", ()),
    "strongroom_steward_tampered": ("Records that were due and failed their integrity check", ()),
    "strongroom_stale": ("Decisions made again because a fact had changed", ()),
    "strongroom_custodian_waiting": ("Requests that wait for the ledger", ()),
    "strongroom_custodian_loop_lag_seconds": ("How late the event loop came to a timer", ()),
    "strongroom_rsa_keys": ("RSA keys made, by where they came from", ("source",)),
    "strongroom_rsa_keys_waiting": ("RSA keys made ahead that nobody has yet", ()),
    "strongroom_epoch": ("The epoch: commits that changed records", ()),
    "strongroom_entries": ("Audit entries in the log", ()),
    "strongroom_checkpoint_age_seconds": (
        "How long the oldest audit entry has waited for a signed checkpoint that covers it",
        (),
    ),
    "strongroom_commits": ("Commits by outcome", ("outcome",)),
    "strongroom_commit_seconds": ("Time of one durable group commit", ()),
    "strongroom_commit_group": ("Commits in one group", ()),
    "strongroom_counts_waiting": ("Counts of uses that are in memory, not in the database yet", ()),
    "strongroom_erasures_waiting": ("1 while the write-ahead log may hold what was erased", ()),
    "strongroom_store_failures": ("Groups that the store could not keep", ()),
    "strongroom_sink_lag_entries": ("Entries that a sink has not confirmed", ("sink",)),
    "strongroom_sink_lag_seconds": ("Age of the oldest of them", ("sink",)),
    "strongroom_sink_failures": ("Times that a sink did not take entries", ("sink",)),
    "strongroom_witness_lag_entries": ("Entries that a witness has not cosigned", ("witness",)),
    "strongroom_witness_failures": ("Times that a witness did not cosign", ("witness",)),
    "strongroom_witness_splits": ("Times that a witness knew another log", ("witness",)),
    "strongroom_watcher_lag_entries": ("Entries that the watcher has not read", ()),
    "strongroom_findings": ("Findings of the watcher", ()),
    "strongroom_room_restarts": ("Times the supervisor started the room again", ()),
    "strongroom_room_memory_bytes": ("Resident memory of the room", ()),
}


class Meter:
    """The numbers of one room."""

    def __init__(self) -> None:
        self.snapshot = Snapshot()

    def count(self, name: str, *labels: str, by: int = 1) -> None:
        """Add to a counter."""
        series = self.snapshot.counters.setdefault(name, {})
        series[labels] = series.get(labels, 0) + by

    def total(self, name: str, value: int, *labels: str) -> None:
        """Set a counter to what was counted elsewhere."""
        self.snapshot.counters.setdefault(name, {})[labels] = value

    def gauge(self, name: str, value: float, *labels: str) -> None:
        """Set a gauge."""
        self.snapshot.gauges.setdefault(name, {})[labels] = value

    def latency(self, name: str, seconds: float, *labels: str) -> None:
        """Observe a time."""
        self._observe(name, seconds, labels, LATENCY_BOUNDS)

    def size(self, name: str, value: float, *labels: str) -> None:
        """Observe a number of things."""
        self._observe(name, value, labels, SIZE_BOUNDS)

    def _observe(
        self, name: str, value: float, labels: tuple[str, ...], bounds: tuple[float, ...]
    ) -> None:
        series = self.snapshot.histograms.setdefault(name, {})
        state = series.get(labels)
        if state is None:
            state = series[labels] = HistogramState(bounds, [0] * (len(bounds) + 1))
        state.observe(value)
