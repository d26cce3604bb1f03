"""`python -m bench.aws`: how fast the AWS door is, beside the native one, in turns.

Each request is signed (Signature Version 4) shortly before its turn, as `boto3` signs; no two of a
turn are the same, unless the machine is faster than what was made ready. The native requests are
made ready in the same way. Beside the rates: what a request costs each kind of room.
"""

import argparse
import base64
import hashlib
import hmac
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import httpx
import msgspec

from bench.node import Node
from bench.population import populate
from bench.wrk import Result, load_ready
from strongroom.domain import sigv4
from strongroom.domain.sensitive import Sensitive
from strongroom.doors.aws import canonical

_CONNECTIONS: Final = 64
_READY: Final = 12_000  # requests for a second of load: more than two processors answer
_REGION: Final = "us-east-1"
_MEDIA_TYPE: Final = "application/x-amz-json-1.1"
_SIGNED: Final = ("content-type", "host", "x-amz-date", "x-amz-target")
_PAIR: Final = {"KeyId": "alias/bench", "KeyPairSpec": "RSA_2048"}
_ROOMS: Final = ("gate", "custodian", "ledger")
_PAIRS_AHEAD: Final = 2  # that wait in the pool of a custodian at rest


class Figures(msgspec.Struct):
    """What was measured: the middle round of each door, and what a request of it costs each room.

    `ratio` is the middle of the rounds': the AWS door's rate against that of the native one in the
    turn before, since a machine with other work to do is not the same for long. `ahead` and
    `sustained` are key pairs a second, while some wait in the pool and after that.
    """

    native: Result
    signed: Result
    cost_native: dict[str, float]
    cost_signed: dict[str, float]
    ratio: float
    ahead: float
    sustained: float


class Signer:
    """Signs requests to a node as AWS's clients do."""

    def __init__(self, node: Node) -> None:
        self._host = urlsplit(node.url).netloc
        self._access_key = node.access_key
        self._secret = Sensitive(node.secret_access_key.encode())
        self._keys: dict[str, bytes] = {}

    def headers(self, operation: str, body: bytes, *, now: float) -> dict[str, str]:
        """All headers but the body's length."""
        date = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
        headers = {
            "host": self._host,
            "content-type": _MEDIA_TYPE,
            "x-amz-date": date,
            "x-amz-target": f"TrentService.{operation}",
        }
        spelled = canonical.canonical_request(
            "POST", "/", "", canonical.Headers(_bytes(headers)), _SIGNED,
            hashlib.sha256(body).hexdigest(),
        )  # fmt: skip
        scope = f"{date[:8]}/{_REGION}/kms/{sigv4.TERMINATOR}"
        key = self._keys.get(date[:8])
        if key is None:
            key = sigv4.signing_key(self._secret, date[:8], _REGION, "kms")
            self._keys[date[:8]] = key
        text = f"{sigv4.ALGORITHM}\n{date}\n{scope}\n{canonical.digest(spelled)}"
        signature = hmac.digest(key, text.encode(), "sha256").hex()
        headers["authorization"] = (
            f"{sigv4.ALGORITHM} Credential={self._access_key}/{scope},"
            f" SignedHeaders={';'.join(_SIGNED)}, Signature={signature}"
        )
        return headers


def _bytes(headers: dict[str, str]) -> dict[bytes, bytes]:
    return {name.encode(): value.encode() for name, value in headers.items()}


def measured(  # noqa: PLR0913 - what a measurement depends on
    directory: Path, *, seconds: int, rounds: int, gates: int, custodians: int, hasty: bool = False
) -> Figures:
    """All of it, on a store that `populate` made.

    Hasty: the node does not come to rest first.
    """
    with Node(directory, gates=gates, custodians=custodians) as node:
        if not hasty:
            node.settle()
        signer = Signer(node)
        key_id = str(node.ask("GET", "/v1/keys/demo")["id"])
        node.ask("PUT", "/v1/aliases/bench", {"key": "demo"})
        turns: dict[str, Callable[[int], Iterator[bytes]]] = {
            "native": lambda count: _native(node, count),
            "signed": lambda count: _signed(signer, key_id, count),
        }
        for make in turns.values():  # what is read at first use is not measured
            load_ready(node.url, make(_READY // 10), connections=_CONNECTIONS, seconds=1)
        found: dict[str, list[tuple[Result, dict[str, float]]]] = {name: [] for name in turns}
        for _ in range(rounds):
            for name, make in turns.items():
                found[name].append(_turn(node, make(_READY * seconds), seconds))
        if not hasty:
            node.settle()
        ahead, sustained = _pairs(node, signer, seconds)
    middles = {
        name: sorted(rows, key=lambda row: row[0].rate)[len(rows) // 2]
        for name, rows in found.items()
    }
    (native, cost_native), (signed, cost_signed) = middles["native"], middles["signed"]
    ratios = sorted(
        one.rate / other.rate
        for (one, _), (other, _) in zip(found["signed"], found["native"], strict=True)
    )
    ratio = ratios[len(ratios) // 2]
    return Figures(native, signed, cost_native, cost_signed, ratio, ahead, sustained)


def table(figures: Figures) -> list[str]:
    """The figures, for people."""
    lines = [
        f"| encrypt 32 B, {_CONNECTIONS} connections | requests/s | p50 ms | p99 ms |"
        + "".join(f" {room}, µs |" for room in _ROOMS),
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name, result, cost in (
        ("native door", figures.native, figures.cost_native),
        ("AWS door", figures.signed, figures.cost_signed),
    ):
        rooms = " | ".join(f"{cost[room]:,.0f}" for room in _ROOMS)
        lines.append(
            f"| {name} | {result.rate:,.0f} | {result.p50 / 1000:.2f} |"
            f" {result.p99 / 1000:.2f} | {rooms} |"
        )
    return [
        *lines,
        "",
        "| figure | measured | must reach |",
        "| --- | ---: | ---: |",
        f"| AWS door against the native one | {figures.ratio:.2f} | 0.80 |",
        f"| GenerateDataKeyPair RSA_2048, from the pool | {figures.ahead:.1f}/s | 1/s |",
        f"| GenerateDataKeyPair RSA_2048, sustained | {figures.sustained:.1f}/s | 1/s |",
    ]


# --- the parts ------------------------------------------------------------------------------------


def _turn(node: Node, ready: Iterator[bytes], seconds: int) -> tuple[Result, dict[str, float]]:
    before = node.processor_seconds()
    result = load_ready(node.url, ready, connections=_CONNECTIONS, seconds=seconds)
    after = node.processor_seconds()
    return result, {
        room: (used - before[room]) / result.requests * 1e6 for room, used in after.items()
    }


def _native(node: Node, count: int) -> Iterator[bytes]:
    host = urlsplit(node.url).netloc
    for _ in range(count):
        headers = {
            "host": host,
            "content-type": "application/json",
            "authorization": f"Bearer {node.token}",
        }
        yield _whole("/v1/keys/demo/encrypt", headers, _json({"plaintext": _some()}))


def _signed(signer: Signer, key_id: str, count: int) -> Iterator[bytes]:
    now = time.time()
    for number in range(count):
        body = _json({"KeyId": _uuid(key_id), "Plaintext": _some()})
        # Seconds apart, as what many clients send: all within the window for as long as it takes.
        yield _whole("/", signer.headers("Encrypt", body, now=now - number % 60), body)


def _pairs(node: Node, signer: Signer, seconds: int) -> tuple[float, float]:
    body = _json(dict(_PAIR))
    with httpx.Client(base_url=node.url, timeout=60) as client:

        def make() -> None:
            headers = signer.headers("GenerateDataKeyPair", body, now=time.time())
            client.post("/", content=body, headers=headers).raise_for_status()

        began = time.perf_counter()
        for _ in range(_PAIRS_AHEAD):
            make()
        ahead = _PAIRS_AHEAD / (time.perf_counter() - began)
        began, made = time.perf_counter(), 0
        while time.perf_counter() - began < seconds:
            make()
            made += 1
        return ahead, made / (time.perf_counter() - began)


def _whole(path: str, headers: dict[str, str], body: bytes) -> bytes:
    lines = [f"POST {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, f"content-length: {len(body)}", "", ""]).encode() + body


def _some() -> str:
    return base64.b64encode(os.urandom(32)).decode()


def _uuid(key_id: str) -> str:
    parts = key_id[:8], key_id[8:12], key_id[12:16], key_id[16:20], key_id[20:]
    return "-".join(parts)


def _json(body: dict[str, str]) -> bytes:
    return msgspec.json.encode(body)


def main() -> None:
    """Measure; print."""
    parser = argparse.ArgumentParser(prog="python -m bench.aws", description=__doc__)
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--gates", type=int, default=2)
    parser.add_argument("--custodians", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        data = Path(directory, "data")
        populate(data, 10)
        figures = measured(
            data, seconds=options.seconds, rounds=options.rounds, gates=options.gates,
            custodians=options.custodians,
        )  # fmt: skip
    print("\n".join(table(figures)))


if __name__ == "__main__":
    main()
