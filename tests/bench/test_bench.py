"""The benchmarks run and print every figure that they promise. Not how good the figures are."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    if shutil.which("wrk") is None:
        pytest.skip("wrk is missing: apt-get install wrk")
    output = tmp_path_factory.mktemp("bench") / "benchmarks.md"
    subprocess.run(
        [sys.executable, "-m", "bench", "--hasty", "--seconds", "1", "--rounds", "1",
         "--keys", "2000", "--requests", "2000", "--entries", "40000", "--credentials", "2000",
         "--output", output],
        cwd=ROOT, check=True, capture_output=True, timeout=300,
    )  # fmt: skip
    return output.read_text()


def test_every_table_is_there(page):
    assert re.findall(r"^## (.*)$", page, re.MULTILINE) == [
        "Speed", "The AWS door", "Algorithms", "The ledger's store", "The audit log",
        "RSA at the same time", "Growth", "Keys in use", "Memory over time", "One-time passwords",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "row",
    [
        *(f"{what} | {connections}" for connections in (1, 64, 256)
          for what in ("ceiling, encrypt 32 B", "encrypt 32 B", "decrypt 32 B", "encrypt 4096 B",
                       "decrypt 4096 B")),
        "encrypt, batch of 100 x 32 B | 64",
        "encrypt 32 B, 64 connections, against the ceiling",
        "one connection, p50",
        "batch of 100 x 32 B",
        "encrypt 4 KiB against 32 B",
        "native door",
        "AWS door",
        "AWS door against the native one",
        "GenerateDataKeyPair RSA_2048, from the pool",
        "GenerateDataKeyPair RSA_2048, sustained",
        "encrypts/s, hot",
        "encrypts/s, all",
        "start until ready, s",
        "nothing else",
        "8 connections sign",
        "2 connections make key pairs",
        "both",
        "20",
        "200",
        "2,000",
        "of no use",
        "of a use",
        "TOTP verify, 2,000 credentials, 64 connections",
        "batches of 100",
        "verify, against 1,000 credentials",
        "enrolments, each with a link",
        "seeds imported, 1,000 in a request",
        "bare HMAC-SHA-1 checks of TOTP, one process",
        "bare conditional updates in SQLite, groups of 64",
        "search",
        "search, newest first",
        "an entry with its proof",
        "memory of ledger after the load, MiB",
    ],
)  # fmt: skip
def test_every_figure_is_a_number_above_zero(page, row):
    (line,) = [line for line in page.splitlines() if line.startswith(f"| {row} |")]
    first = line.removeprefix(f"| {row} |").split("|")[0]
    number = re.match(r" *([0-9][0-9,.]*)", first)
    assert number is not None, line
    assert float(number[1].replace(",", "")) > 0


def test_page_names_the_machine_and_the_command(page):
    assert "processor:" in page
    assert "cores" in page
    assert "`make bench`" in page


def test_a_load_that_is_refused_is_not_a_figure(tmp_path):
    """A benchmark of error pages would look splendid."""
    from bench.node import Node
    from bench.wrk import load

    if shutil.which("wrk") is None:
        pytest.skip("wrk is missing: apt-get install wrk")
    with (
        Node(tmp_path / "data", gates=1, custodians=1) as node,
        pytest.raises(RuntimeError, match="failed"),
    ):
        load(
            node.url + "/v1/keys/demo/encrypt", "no token", b'{"plaintext":"AAAA"}',
            connections=1, seconds=1,
        )  # fmt: skip
