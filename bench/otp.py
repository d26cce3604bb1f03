"""`python -m bench.otp`: how fast codes are verified, credentials enrolled and seeds imported.

Beside them, in turns: the ceiling of the encrypt benchmark, bare HMACs in one process, and bare
conditional updates in SQLite at the same group size.
"""

import argparse
import base64
import hmac
import itertools
import json
import os
import random
import tempfile
import time
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import apsw
import msgspec

from bench.ceiling import Ceiling
from bench.credentials import attempts, batches, populate_credentials, uses
from bench.node import Node
from bench.wrk import Result, load, load_once

_CONNECTIONS: Final = 64
_BATCH: Final = 100
_IMPORT: Final = 1_000
_FASTEST: Final = 40_000  # codes a second that no machine of ours reaches: so many are made ready
_BARE_ROWS: Final = 1_000_000
_BARE_GROUPS: Final = 400
_HMACS: Final = 200_000


class Figures(msgspec.Struct):
    """What was measured; a second each, and latencies in milliseconds."""

    ceiling: float
    verify: dict[int, Result]
    batch: dict[int, float]
    enrolled: float
    imported: float
    memory: dict[int, dict[str, float]]
    took_seconds: dict[int, float]
    checks: float
    updates: float


def measured(  # noqa: PLR0913 - what a measurement depends on
    sizes: list[int],
    *,
    seconds: int,
    rounds: int,
    gates: int,
    custodians: int,
    hasty: bool = False,
) -> Figures:
    """All of it, with as many credentials as each of the sizes says.

    Hasty: no node comes to rest first, so that what it does after its start is measured along.
    """
    verify: dict[int, list[Result]] = {size: [] for size in sizes}
    batch: dict[int, list[float]] = {size: [] for size in sizes}
    ceilings: list[float] = []
    enrolled: list[float] = []
    imported: list[float] = []
    memory: dict[int, dict[str, float]] = {}
    took: dict[int, float] = {}
    most = max(sizes)
    with tempfile.TemporaryDirectory() as directory, Ceiling(gates) as ceiling:
        large = Path(directory, "large")
        took[most] = populate_credentials(large, most)

        def node(folder: Path) -> Node:
            return Node(folder, gates=gates, custodians=custodians)

        # A code is good once: each measurement has credentials of its own.
        order = _shuffled(most)
        parts = iter(order[one :: 2 * rounds] for one in range(2 * rounds))

        def own(codes: int) -> Iterator[tuple[int, float]]:
            return itertools.islice(uses(next(parts), time.time()), codes)

        for number in range(rounds):
            ceilings.append(_ceiling(ceiling, seconds))
            # Where there are few credentials, each measurement has a store of its own.
            for size in sizes:
                if size == most:
                    continue
                for what in ("verify", "batch"):
                    small = Path(directory, f"{what}-{size}-{number}")
                    took[size] = populate_credentials(small, size)
                    with node(small) as few:
                        if not hasty:
                            few.settle()
                        wanted = uses(_shuffled(size), time.time())
                        verifier = _token(few, "otp-verifier")
                        if what == "verify":
                            verify[size].append(_verify(few, verifier, wanted, seconds))
                            memory[size] = few.memory_mib()
                        else:
                            batch[size].append(_batches(few, verifier, wanted, 1))
            with node(large) as many:
                if not hasty:
                    many.settle()
                verifier = _token(many, "otp-verifier")
                wanted = own(_FASTEST * seconds // 2)
                verify[most].append(_verify(many, verifier, wanted, seconds))
                memory[most] = many.memory_mib()
                batch[most].append(_batches(many, verifier, own(_FASTEST), 1))
                enrolled.append(_enrolments(many, _token(many, "otp-enroller"), seconds))
                imported.append(_imports(many, _token(many, "otp-migrator"), seconds))
    return Figures(
        ceiling=_middle(ceilings),
        verify={size: _median(found) for size, found in verify.items()},
        batch={size: _middle(found) for size, found in batch.items()},
        enrolled=_middle(enrolled),
        imported=_middle(imported),
        memory=memory,
        took_seconds=took,
        checks=_checks(),
        updates=_updates(),
    )


def table(figures: Figures) -> list[str]:
    """The figures, for people."""
    most = max(figures.verify)
    fewest = min(figures.verify)
    top, base = figures.verify[most], figures.verify[fewest]
    share = top.rate / figures.ceiling
    rows = (
        (f"TOTP verify, {most:,} credentials, 64 connections", f"{top.rate:,.0f}/s", ""),
        (f"against the ceiling of encrypt ({figures.ceiling:,.0f}/s)", f"{share:.2f}", "0.25"),
        ("its p50", f"{top.p50 / 1000:.1f} ms", ""),
        ("its p99", f"{top.p99 / 1000:.1f} ms", "15 ms"),
        (f"batches of {_BATCH}", f"{figures.batch[most]:,.0f} codes/s", "25,000 codes/s"),
        (f"verify, against {fewest:,} credentials", f"{top.rate / base.rate:.2f}", "0.80"),
        ("batches, likewise", f"{figures.batch[most] / figures.batch[fewest]:.2f}", "0.80"),
        ("enrolments, each with a link", f"{figures.enrolled:,.0f}/s", "3,000/s"),
        (f"seeds imported, {_IMPORT:,} in a request", f"{figures.imported:,.0f}/s", "5,000/s"),
        ("bare HMAC-SHA-1 checks of TOTP, one process", f"{figures.checks:,.0f}/s", ""),
        (f"bare conditional updates in SQLite, groups of {_CONNECTIONS}",
         f"{figures.updates:,.0f}/s", ""),
    )  # fmt: skip
    lines = [
        "| figure | measured | must reach, on 4 cores |",
        "| --- | ---: | ---: |",
        *(f"| {what} | {found} | {wanted} |" for what, found, wanted in rows),
        "",
        f"| memory after the load, MiB | {' | '.join(f'{size:,}' for size in figures.memory)} |",
        f"| --- |{' ---: |' * len(figures.memory)}",
    ]
    lines += [
        f"| {room} | {' | '.join(f'{found[room]:.0f}' for found in figures.memory.values())} |"
        for room in figures.memory[most]
    ]
    return lines


# --- the parts ------------------------------------------------------------------------------------


def _token(node: Node, role: str) -> str:
    name = f"{role}-{uuid.uuid4().hex[:8]}"
    node.post("/v1/principals", {"name": name, "roles": [role]})
    return str(node.post("/v1/tokens", {"principal": name})["token"])


def _shuffled(size: int) -> list[int]:
    numbers = list(range(size))
    random.Random(size).shuffle(numbers)
    return numbers


def _ceiling(url: str, seconds: int) -> float:
    body = json.dumps({"plaintext": base64.b64encode(os.urandom(32)).decode()}).encode()
    return load(url, "", body, connections=_CONNECTIONS, seconds=seconds).rate


def _verify(node: Node, token: str, wanted: Iterable[tuple[int, float]], seconds: int) -> Result:
    return load_once(
        node.url, token, attempts(wanted), connections=_CONNECTIONS, seconds=seconds,
        wanted="true", unwanted="false",
    )  # fmt: skip


def _batches(node: Node, token: str, wanted: Iterable[tuple[int, float]], seconds: int) -> float:
    result = load_once(
        node.url, token, batches(wanted, _BATCH), connections=8, seconds=seconds,
        wanted="true", unwanted="false",
    )  # fmt: skip
    return result.rate * _BATCH


def _enrolments(node: Node, token: str, seconds: int) -> float:
    run = uuid.uuid4().hex[:8]
    requests = (
        ("/v1/otp", json.dumps({"user": f"{run}-{number}"})) for number in range(20_000 * seconds)
    )
    return load_once(
        node.url, token, requests, connections=_CONNECTIONS, seconds=seconds,
        wanted='"pending"', unwanted="problem",
    ).rate  # fmt: skip


def _imports(node: Node, token: str, seconds: int) -> float:
    run = uuid.uuid4().hex[:8]

    def requests() -> Iterator[tuple[str, str]]:
        for first in range(0, 20_000 * seconds, _IMPORT):
            items = [
                {"secret": base64.b64encode(os.urandom(20)).decode(), "user": f"{run}-{number}"}
                for number in range(first, first + _IMPORT)
            ]
            yield "/v1/otp/import", json.dumps({"items": items})

    result = load_once(
        node.url, token, requests(), connections=4, seconds=seconds,
        wanted='"created":true', unwanted='"error"',
    )  # fmt: skip
    return result.rate * _IMPORT


def _checks() -> float:
    """Windows of three time steps, compared."""
    secret = os.urandom(20)
    began = time.perf_counter()
    for step in range(_HMACS // 3):
        for moved in range(3):
            digest = hmac.digest(secret, (step + moved).to_bytes(8, "big"), "sha1")
            at = digest[-1] & 15
            value = int.from_bytes(digest[at : at + 4], "big") & 0x7FFFFFFF
            hmac.compare_digest(b"%06d" % (value % 1_000_000), b"123456")
    return _HMACS // 3 / (time.perf_counter() - began)


def _updates() -> float:
    """`UPDATE … WHERE id AND revision`, durable in groups, of rows as long as ours."""
    with tempfile.TemporaryDirectory() as directory:
        db = apsw.Connection(f"{directory}/bare.db")
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        db.execute(
            "CREATE TABLE rows (id BLOB PRIMARY KEY, revision INTEGER, body BLOB) WITHOUT ROWID"
        )
        ids = [os.urandom(16) for _ in range(_BARE_ROWS)]
        with db:
            db.executemany(
                "INSERT INTO rows VALUES (?, 1, ?)", ((one, os.urandom(200)) for one in sorted(ids))
            )
        random.shuffle(ids)
        began = time.perf_counter()
        for first in range(0, _BARE_GROUPS * _CONNECTIONS, _CONNECTIONS):
            with db:
                for one in ids[first : first + _CONNECTIONS]:
                    db.execute(
                        "UPDATE rows SET revision = 2, body = ? WHERE id = ? AND revision = 1",
                        (os.urandom(200), one),
                    )
        return _BARE_GROUPS * _CONNECTIONS / (time.perf_counter() - began)


def _middle(found: list[float]) -> float:
    return sorted(found)[len(found) // 2] if found else 0.0


def _median(found: list[Result]) -> Result:
    return sorted(found, key=lambda result: result.rate)[len(found) // 2]


def main() -> None:
    """Measure; print."""
    parser = argparse.ArgumentParser(prog="python -m bench.otp", description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 1_000_000])
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--gates", type=int, default=2)
    parser.add_argument("--custodians", type=int, default=1)
    options = parser.parse_args()
    figures = measured(
        options.sizes, seconds=options.seconds, rounds=options.rounds, gates=options.gates,
        custodians=options.custodians,
    )  # fmt: skip
    print("\n".join(table(figures)))


if __name__ == "__main__":
    main()
