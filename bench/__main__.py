"""`python -m bench`: all figures in one run, printed and written to docs/benchmarks.md.

Machines are noisy, so nothing is compared across runs: what is compared takes turns, round by
round, and the median round counts.
"""

import argparse
import base64
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from bench import aws, contention, log, otp, verifying
from bench.algorithms import rows
from bench.ceiling import Ceiling
from bench.crypto import loop
from bench.machine import description
from bench.node import Node
from bench.population import populate
from bench.store import rows as store_rows
from bench.wrk import Result, load
from strongroom.domain import limits
from strongroom.domain.algorithms import Algorithm

_Name = TypeVar("_Name")
_IN_USE = 100_000
_TARGET = Path(__file__).parent.parent / "docs" / "benchmarks.md"


class Bench:
    """One run."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._seconds: int = options.seconds
        self._rounds: int = options.rounds
        self._gates: int = options.gates
        self._custodians: int = options.custodians
        self._keys: int = options.keys
        self._requests: int = options.requests
        self._entries: int = options.entries
        self._credentials: int = options.credentials
        self._hasty: bool = options.hasty
        self._page: list[str] = []

    def run(self) -> str:
        """Measure everything; the page."""
        self._say("# Benchmarks", "")
        self._say("Measured by `make bench`, in one run, on this machine:", "")
        self._say(*(f"- {fact}" for fact in description()), "")
        self._say(
            f"{self._gates} gate(s), {self._custodians} custodian(s), 1 ledger; every answer after"
            f" its audit entry is on disk. Load by `wrk`; medians of {self._rounds} rounds of"
            f" {self._seconds} s that take turns.",
            "",
        )
        with tempfile.TemporaryDirectory() as directory:
            small, large = Path(directory, "small"), Path(directory, "large")
            populate(small, 1_000)
            self._speed(small)
            self._aws(small)
            self._algorithms(small)
            self._store()
            self._log()
            self._contention(small)
            self._growth(small, large)
            self._in_use(large)
            self._memory(small)
        self._one_time_passwords()
        return "\n".join(self._page).rstrip() + "\n"

    # --- the parts --------------------------------------------------------------------------------

    def _speed(self, directory: Path) -> None:
        with (
            Ceiling(self._gates) as ceiling,
            Node(directory, gates=self._gates, custodians=self._custodians) as node,
        ):
            encrypt, decrypt = node.url + "/v1/keys/demo/encrypt", node.url + "/v1/decrypt"
            bodies = {size: (_encrypt_body(size), _decrypt_body(node, size)) for size in (32, 4096)}
            load(encrypt, node.token, bodies[32][0], connections=64, seconds=self._seconds)

            def strongroom(url: str, body: bytes, connections: int) -> Callable[[], Result]:
                return lambda: load(
                    url, node.token, body, connections=connections, seconds=self._seconds
                )

            def bare(connections: int) -> Callable[[], Result]:
                return lambda: load(
                    ceiling, "", bodies[32][0], connections=connections, seconds=self._seconds
                )

            figures = self._in_turns(
                {
                    **{("ceiling, encrypt 32 B", n): bare(n) for n in (1, 64, 256)},
                    **{
                        (f"{name} {size} B", n): strongroom(url, bodies[size][which], n)
                        for size in (32, 4096)
                        for which, (name, url) in enumerate(
                            (("encrypt", encrypt), ("decrypt", decrypt))
                        )
                        for n in (1, 64, 256)
                    },
                    ("encrypt, batch of 100 x 32 B", 64): strongroom(encrypt, _batch_body(), 64),
                }
            )
        self._say("## Speed", "")
        self._say(
            "The ceiling is a lone endpoint on the same server with as many workers as there are"
            " gates: it decodes the JSON, runs one AES-GCM, encodes the answer, and does nothing"
            " else.",
            "",
            "| what | connections | requests/s | p50 ms | p99 ms |",
            "| --- | ---: | ---: | ---: | ---: |",
        )
        for (name, connections), result in figures.items():
            self._say(
                f"| {name} | {connections} | {result.rate:,.0f} |"
                f" {result.p50 / 1000:.2f} | {result.p99 / 1000:.2f} |"
            )
        top = figures["ceiling, encrypt 32 B", 64].rate
        base = figures["encrypt 32 B", 64].rate
        items = figures["encrypt, batch of 100 x 32 B", 64].rate * 100
        longer = figures["encrypt 4096 B", 64].rate
        self._say("", "| figure | measured | must reach |", "| --- | ---: | ---: |")
        self._say(
            f"| encrypt 32 B, 64 connections, against the ceiling | {base / top:.2f} | 0.35 |",
            f"| its p99 | {figures['encrypt 32 B', 64].p99 / 1000:.1f} ms | 10 ms |",
            f"| one connection, p50 | {figures['encrypt 32 B', 1].p50 / 1000:.2f} ms | 1 ms |",
            f"| batch of 100 x 32 B | {items:,.0f} items/s | 80,000 items/s |",
            f"| encrypt 4 KiB against 32 B | {longer / base:.2f} | 0.70 |",
            "",
            f"The bare crypto loop (ciphertext format 1, one process): {loop(32):,.0f} encrypts/s"
            f" of 32 B, {loop(4096):,.0f} of 4 KiB.",
            "",
        )

    def _aws(self, directory: Path) -> None:
        figures = aws.measured(
            directory, seconds=self._seconds, rounds=self._rounds, gates=self._gates,
            custodians=self._custodians, hasty=self._hasty,
        )  # fmt: skip
        self._say("## The AWS door", "")
        self._say(
            "Encrypts through both doors in turns, all requests different and made ready before;"
            " those of the AWS door are signed (Signature Version 4), and each signature is"
            " verified. Beside the rates: the processor time of a request in each kind of room."
            " Key pairs are made one after the other, while some wait in the pool and after that;"
            " AWS's own quota is 1/s.",
            "",
            *aws.table(figures),
            "",
        )

    def _algorithms(self, directory: Path) -> None:
        self._say("## Algorithms", "")
        self._say(
            "Each operation through the server with 64 connections, and the bare library call in"
            " one process right after it.",
            "",
            "| algorithm | operation | served/s | p99 ms | bare/s |",
            "| --- | --- | ---: | ---: | ---: |",
        )
        with Node(directory, gates=self._gates, custodians=self._custodians) as node:
            for row in rows(node, max(self._seconds // 2, 1), hasty=self._hasty):
                self._say(
                    f"| {row.algorithm} | {row.operation} | {row.served:,.0f} |"
                    f" {row.p99_ms:.1f} | {row.bare:,.0f} |"
                )
        self._say("")

    def _store(self) -> None:
        self._say("## The ledger's store", "")
        self._say(
            "The store alone, in groups of 64 commits, in a file in memory: no disk is waited for.",
            "",
            "| commits that tell of | keys | commits/s | p99 of a group, ms |",
            "| --- | ---: | ---: | ---: |",
        )
        for row in store_rows():
            self._say(f"| {row.what} | {row.keys:,} | {row.rate:,.0f} | {row.p99_ms:.1f} |")
        self._say("")

    def _log(self) -> None:
        self._say("## The audit log", "")
        self._say(
            "Entries appended by the store in durable groups of 64, and the same rows by bare"
            " SQLite in turn with it, on the disk. Ours also keeps the tree, the index and the"
            " counts. To be reached: 0.70 of bare SQLite.",
            "",
            "| entries that tell | bare SQLite, entries/s | the store, entries/s | |",
            "| --- | ---: | ---: | ---: |",
        )
        for row in log.appending():
            self._say(f"| {row.what} | {row.bare:,.0f} | {row.ours:,.0f} | {row.ratio:.2f} |")
        long = log.long(self._entries)
        self._say(
            "",
            f"A log of {long.entries:,} entries (made in {long.took_seconds:,.0f} s):"
            f" {long.file_bytes:,.0f} bytes on disk for each, {long.index_bytes:.1f} of them the"
            " index. Searches are by one or several of principal, key, action, outcome, time and"
            " request, also for what is not there; one answer is one page. To be reached: a p95"
            " below 50 ms for searches, a p50 below 5 ms for an entry with its proof.",
            "",
            "| what | p50 ms | p95 ms |",
            "| --- | ---: | ---: |",
        )
        for reading in long.readings:
            self._say(f"| {reading.what} | {reading.p50_ms:.1f} | {reading.p95_ms:.1f} |")
        done = verifying.verified(min(self._entries, verifying.ENTRIES_MAX))
        self._say(
            "",
            f"`strongroom-verify folder` on {done.entries:,} entries of {done.entry_bytes:,.0f}"
            f" bytes: {done.seconds:.1f} s, {done.entries / done.seconds:,.0f} entries/s. To be"
            " reached: a million in 60 s.",
            "",
        )

    def _contention(self, directory: Path) -> None:
        self._say("## RSA at the same time", "")
        self._say(
            "Encrypts of 32 B with a few connections, while others work with RSA-4096. To be"
            " reached: a p99 below 20 ms, on processors that have nothing else to do.",
            "",
        )
        with Node(directory, gates=self._gates, custodians=self._custodians) as node:
            self._say(*contention.table(contention.rows(node, self._seconds, self._rounds)))
        self._say("")

    def _in_use(self, directory: Path) -> None:
        most = min(self._keys, _IN_USE)
        populate(directory, most // 10, Algorithm.EC_P256, "bench-ec")
        memory: dict[int, float] = {}
        with Node(directory, gates=self._gates, custodians=self._custodians) as node:
            for keys in (most // 100, most // 10, most):
                self._use(node, keys)
                memory[keys] = node.memory_mib()["custodian-1"]
        self._say("## Keys in use", "")
        self._say(
            "Keys used at random, a tenth of them of ec-p256, at least as often in all as there"
            f" are keys. A custodian remembers {limits.CACHED_KEYS_MAX:,}, and"
            f" {limits.CACHED_KEYS_BYTES_MAX // 1024**2} MiB of them.",
            "",
            "| keys | memory of custodian-1, MiB |",
            "| ---: | ---: |",
            *(f"| {keys:,} | {size:.0f} |" for keys, size in memory.items()),
            "",
        )

    def _use(self, node: Node, keys: int) -> None:
        message = json.dumps({"message": base64.b64encode(os.urandom(32)).decode()}).encode()
        for spread, path, body in (
            (keys * 9 // 10, "/v1/keys/bench-%07d/encrypt", _encrypt_body(32)),
            (keys // 10, "/v1/keys/bench-ec-%07d/sign", message),
        ):
            done = 0
            while done < spread:
                done += load(
                    node.url, node.token, body, connections=64, seconds=1, spread=spread, path=path
                ).requests

    def _growth(self, small: Path, large: Path) -> None:
        took = populate(large, self._keys)
        with (
            Node(small, gates=self._gates, custodians=self._custodians) as few,
            Node(large, gates=self._gates, custodians=self._custodians) as many,
        ):
            body = _encrypt_body(32)

            def spread(node: Node, keys: int) -> Callable[[], Result]:
                return lambda: load(
                    node.url, node.token, body, connections=64, seconds=self._seconds, spread=keys
                )

            figures = self._in_turns(
                {
                    ("few", "hot"): spread(few, 1_000),
                    ("many", "hot"): spread(many, 1_000),
                    ("many", "all"): spread(many, self._keys),
                }
            )
            memory = few.memory_mib(), many.memory_mib()
            starts = few.start_seconds, many.start_seconds
        self._say("## Growth", "")
        self._say(
            f"The same encrypts with 1,000 and with {self._keys:,} keys in the database (made in"
            f" {took:,.0f} s). Hot: each request is for one of the same 1,000 keys, at random. All:"
            " for any of all keys, so that most are read from the database.",
            "",
            f"| | 1,000 keys | {self._keys:,} keys |",
            "| --- | ---: | ---: |",
            f"| encrypts/s, hot | {figures['few', 'hot'].rate:,.0f} |"
            f" {figures['many', 'hot'].rate:,.0f}"
            f" ({figures['many', 'hot'].rate / figures['few', 'hot'].rate:.2f}) |",
            f"| encrypts/s, all | {figures['few', 'hot'].rate:,.0f} |"
            f" {figures['many', 'all'].rate:,.0f}"
            f" ({figures['many', 'all'].rate / figures['few', 'hot'].rate:.2f}) |",
            f"| start until ready, s | {starts[0]:.2f} | {starts[1]:.2f} |",
        )
        for room in memory[0]:
            self._say(
                f"| memory of {room} after the load, MiB |"
                f" {memory[0][room]:.0f} | {memory[1][room]:.0f} |"
            )
        self._say("")

    def _memory(self, directory: Path) -> None:
        with Node(directory, gates=self._gates, custodians=self._custodians) as node:
            url, body = node.url + "/v1/keys/demo/encrypt", _encrypt_body(32)
            early, done = self._requests // 20, 0
            first: dict[str, float] = {}
            began = time.perf_counter()
            while done < self._requests:
                done += load(url, node.token, body, connections=64, seconds=1).requests
                if not first and done >= early:
                    first, early = node.memory_mib(), done
            last = node.memory_mib()
            took = time.perf_counter() - began
        self._say("## Memory over time", "")
        self._say(
            f"Encrypts of 32 B, 64 connections, {took:,.0f} s.",
            "",
            f"| room | MiB after {early:,} requests | after {done:,} | grown by |",
            "| --- | ---: | ---: | ---: |",
        )
        for room, size in first.items():
            self._say(f"| {room} | {size:.1f} | {last[room]:.1f} | {last[room] / size - 1:+.1%} |")
        self._say("")

    def _one_time_passwords(self) -> None:
        few = min(10_000, self._credentials // 2)
        figures = otp.measured(
            [few, self._credentials], seconds=self._seconds, rounds=self._rounds,
            gates=self._gates, custodians=self._custodians, hasty=self._hasty,
        )  # fmt: skip
        self._say("## One-time passwords", "")
        self._say(
            f"TOTP codes, each right and used once, of distinct credentials out of"
            f" {self._credentials:,} (made in {figures.took_seconds[self._credentials]:,.0f} s);"
            " counter and audit entry on disk before the answer. The load generator and the"
            " ceiling run on the same processors.",
            "",
            *otp.table(figures),
            "",
        )

    # --- how --------------------------------------------------------------------------------------

    def _in_turns(self, what: dict[_Name, Callable[[], Result]]) -> dict[_Name, Result]:
        results: dict[_Name, list[Result]] = {name: [] for name in what}
        for _ in range(self._rounds):
            for name, measure in what.items():
                results[name].append(measure())
        return {name: _median(found) for name, found in results.items()}

    def _say(self, *lines: str) -> None:
        for line in lines:
            print(line, flush=True)
            self._page.append(line)


def _median(results: list[Result]) -> Result:
    middle = statistics.median_low(result.rate for result in results)
    return next(result for result in results if result.rate == middle)


def _encrypt_body(size: int) -> bytes:
    return json.dumps({"plaintext": base64.b64encode(os.urandom(size)).decode()}).encode()


def _decrypt_body(node: Node, size: int) -> bytes:
    answer = node.post("/v1/keys/demo/encrypt", json.loads(_encrypt_body(size)))
    return json.dumps({"ciphertext": answer["ciphertext"]}).encode()


def _batch_body() -> bytes:
    return json.dumps({"items": [json.loads(_encrypt_body(32)) for _ in range(100)]}).encode()


def main() -> None:
    """Run, print, write."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--seconds", type=int, default=4, help="of one measurement")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--gates", type=int, default=2)
    parser.add_argument("--custodians", type=int, default=1)
    parser.add_argument("--keys", type=int, default=1_000_000, help="in the large database")
    parser.add_argument("--requests", type=int, default=1_000_000, help="for memory over time")
    parser.add_argument("--entries", type=int, default=log.ENTRIES, help="in the long log")
    parser.add_argument("--credentials", type=int, default=1_000_000, help="of OTP")
    parser.add_argument("--hasty", action="store_true", help="for a test: less, and no rest before")
    parser.add_argument("--output", type=Path, default=_TARGET)
    options = parser.parse_args()
    page = Bench(options).run()
    given = "" if options.output == _TARGET else " (not the standard run)"
    options.output.write_text(page + f"\nCommand: `make bench`{given}\n")


if __name__ == "__main__":
    main()
