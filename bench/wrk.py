"""Load by wrk: closed loop, a number of connections, one kind of request."""

import json
import shutil
import subprocess
import tempfile
from pathlib import Path

import msgspec

_SCRIPT = """
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Authorization"] = os.getenv("BENCH_AUTHORIZATION")
local file = io.open(os.getenv("BENCH_BODY"), "rb")
wrk.body = file:read("*a")
file:close()
local spread = tonumber(os.getenv("BENCH_SPREAD"))
if spread > 0 then
  init = function(args)
    math.randomseed(os.time() + tonumber(tostring({}):match("0x(%x+)"), 16) % 1000003)
  end
  request = function()
    return wrk.format(nil, string.format(os.getenv("BENCH_PATH"), math.random(0, spread - 1)))
  end
end
done = function(summary, latency, requests)
  local failed = summary.errors.connect + summary.errors.read + summary.errors.write
    + summary.errors.status + summary.errors.timeout
  io.write(string.format(
    '\\nRESULT {"requests": %d, "microseconds": %d, "failed": %d, "p50": %d, "p99": %d,'
      .. ' "most": %d}\\n',
    summary.requests, summary.duration, failed,
    latency:percentile(50), latency:percentile(99), latency.max))
end
"""


class Result(msgspec.Struct):
    """What came of it. Latencies in microseconds."""

    requests: int
    microseconds: int
    failed: int
    p50: int
    p99: int
    most: int

    @property
    def rate(self) -> float:
        """Requests a second."""
        return self.requests / self.microseconds * 1e6


def load(  # noqa: PLR0913 - what a load is
    url: str, token: str, body: bytes, *, connections: int, seconds: int, spread: int = 0,
    path: str = "/v1/keys/bench-%07d/encrypt",
) -> Result:  # fmt: skip
    """Ask again and again with this body. Raises `RuntimeError` when a request failed.

    With a `spread`, each request is for one of that many keys of the population, at random: the
    number is put into the path.
    """
    program = shutil.which("wrk")
    if program is None:
        raise SystemExit("wrk is missing; install it with: apt-get install wrk")
    with tempfile.TemporaryDirectory() as directory:
        script, file = Path(directory, "script.lua"), Path(directory, "body")
        script.write_text(_SCRIPT)
        file.write_bytes(body)
        threads = 1 if connections == 1 else 2
        done = subprocess.run(
            [
                program, f"--threads={threads}", f"--connections={connections}",
                f"--duration={seconds}s", "--timeout=10s", f"--script={script}", url,
            ],
            env={
                "BENCH_AUTHORIZATION": f"Bearer {token}",
                "BENCH_BODY": str(file),
                "BENCH_SPREAD": str(spread),
                "BENCH_PATH": path,
            },
            capture_output=True, text=True, check=True,
        )  # fmt: skip
    line = next(line for line in done.stdout.splitlines() if line.startswith("RESULT "))
    result = msgspec.convert(json.loads(line.removeprefix("RESULT ")), Result)
    if result.failed or not result.requests:
        raise RuntimeError(f"{result.failed} of {result.requests} requests failed at {url}")
    return result
