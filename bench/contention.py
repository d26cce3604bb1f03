"""`python -m bench.contention`: encrypts, alone and while others work with RSA-4096.

The two take turns in one run. What is compared is how long an encrypt takes; how much RSA gets done
meanwhile is said beside it, because a server that did none would do well here.
"""

import base64
import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import msgspec

from bench.node import Node
from bench.population import populate
from bench.wrk import Result, load

_CONNECTIONS: Final = 4
_SIGNERS: Final = 8
_MAKERS: Final = 2
_KEY: Final = {"name": "rsa", "algorithm": "rsa-4096", "purpose": "sign-verify"}
_PAIR: Final = {"algorithm": "rsa-4096", "with_plaintext": False}
_SECONDS: Final = 4
_ROUNDS: Final = 3


class Row(msgspec.Struct):
    """How encrypts fared. Rates in operations a second."""

    what: str
    encrypts: float
    p50_ms: float
    p99_ms: float
    signs: float = 0.0
    pairs: float = 0.0


def rows(node: Node, seconds: int, rounds: int) -> Iterator[Row]:
    """Encrypts alone, and each kind of load beside them; of each the median round."""
    node.post("/v1/keys", dict(_KEY))
    contention = Contention(node, seconds)
    kinds = {
        "nothing else": (0, 0),
        f"{_SIGNERS} connections sign": (_SIGNERS, 0),
        f"{_MAKERS} connections make key pairs": (0, _MAKERS),
        "both": (_SIGNERS, _MAKERS),
    }
    found: dict[str, list[Row]] = {what: [] for what in kinds}
    for _ in range(rounds):
        for what, (signers, makers) in kinds.items():
            found[what].append(contention.measure(what, signers, makers))
    for measured in found.values():
        middle = statistics.median_low(row.p99_ms for row in measured)
        yield next(row for row in measured if row.p99_ms == middle)


def table(measured: Iterator[Row]) -> Iterator[str]:
    """As Markdown."""
    yield "| at the same time | encrypts/s | p50 ms | p99 ms | RSA-4096 signs/s | key pairs/s |"
    yield "| --- | ---: | ---: | ---: | ---: | ---: |"
    for row in measured:
        yield (
            f"| {row.what} | {row.encrypts:,.0f} | {row.p50_ms:.2f} | {row.p99_ms:.1f} |"
            f" {row.signs:,.0f} | {row.pairs:.1f} |"
        )


class Contention:
    """One kind of load beside encrypts."""

    def __init__(self, node: Node, seconds: int) -> None:
        self._node = node
        self._seconds = seconds
        self._plain = _json({"plaintext": base64.b64encode(os.urandom(32)).decode()})
        self._digest = _json(
            {"digest": base64.b64encode(os.urandom(32)).decode(), "scheme": "rsa-pss-sha256"}
        )

    def measure(self, what: str, signers: int, makers: int) -> Row:
        """Encrypts with a few connections: what waits is the server, not its clients."""
        with ThreadPoolExecutor(2 + makers) as at_once:
            signs = signers and at_once.submit(self._load, "rsa/sign", self._digest, signers)
            pairs = [at_once.submit(self._make_pairs) for _ in range(makers)]
            done = self._load("demo/encrypt", self._plain, _CONNECTIONS)
            return Row(
                what, done.rate, done.p50 / 1000, done.p99 / 1000,
                signs.result().rate if signs else 0.0, sum(each.result() for each in pairs),
            )  # fmt: skip

    def _load(self, what: str, body: bytes, connections: int) -> Result:
        return load(
            f"{self._node.url}/v1/keys/{what}", self._node.token, body,
            connections=connections, seconds=self._seconds,
        )  # fmt: skip

    def _make_pairs(self) -> float:
        """The rate. Not by wrk, which does not wait for the last answer: some take seconds."""
        began, made = time.perf_counter(), 0
        while time.perf_counter() - began < self._seconds:
            self._node.post("/v1/keys/demo/generate-data-key-pair", dict(_PAIR))
            made += 1
        return made / (time.perf_counter() - began)


def _json(body: dict[str, object]) -> bytes:
    return msgspec.json.encode(body)


def main() -> None:
    """Run and print."""
    with tempfile.TemporaryDirectory() as directory:
        data = Path(directory, "data")
        populate(data, 10)
        with Node(data, gates=2, custodians=1) as node:
            for line in table(rows(node, _SECONDS, _ROUNDS)):
                print(line, flush=True)


if __name__ == "__main__":
    main()
