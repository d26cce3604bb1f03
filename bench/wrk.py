"""Load by wrk: closed loop, a number of connections, one kind of request."""

import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterable
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

# Each line is a path, a tab and a body, and asked for once: thread by thread every so manieth.
_LINES_SCRIPT = """
local threads = {}
function setup(thread)
  thread:set("number", #threads)
  table.insert(threads, thread)
end
function init(args)
  lines, taken, wrong, finished = {}, 0, 0, false
  local count, seen = tonumber(os.getenv("BENCH_THREADS")), 0
  for line in io.lines(os.getenv("BENCH_LINES")) do
    if seen % count == number then
      local path, body = line:match("^(.-)\\t(.*)$")
      table.insert(lines, {path, body})
    end
    seen = seen + 1
  end
  headers = {
    ["Content-Type"] = "application/json", ["Authorization"] = os.getenv("BENCH_AUTHORIZATION"),
  }
  wanted, unwanted = os.getenv("BENCH_WANTED"), os.getenv("BENCH_UNWANTED")
end
function request()
  taken = taken + 1
  local line = lines[taken]
  if line == nil then
    finished = true
    wrk.thread:stop()
    return wrk.format("GET", "/v1/health")
  end
  return wrk.format("POST", line[1], headers, line[2])
end
function response(status, head, body)
  if finished then
    return
  end
  if body:find(wanted, 1, true) == nil or body:find(unwanted, 1, true) ~= nil then
    wrong = wrong + 1
  end
end
done = function(summary, latency, requests)
  local failed = summary.errors.connect + summary.errors.read + summary.errors.write
    + summary.errors.status + summary.errors.timeout
  for _, thread in ipairs(threads) do
    failed = failed + thread:get("wrong")
  end
  io.write(string.format(
    '\\nRESULT {"requests": %d, "microseconds": %d, "failed": %d, "p50": %d, "p99": %d,'
      .. ' "most": %d}\\n',
    summary.requests, summary.duration, failed,
    latency:percentile(50), latency:percentile(99), latency.max))
end
"""

# Whole requests, made before: each thread takes its part of them, and begins anew when they end.
# Nothing is put together or looked at while the load runs.
_READY_SCRIPT = """
local threads = {}
function setup(thread)
  thread:set("number", #threads)
  table.insert(threads, thread)
end
function init(args)
  ready, taken = {}, 0
  local count, seen = tonumber(os.getenv("BENCH_THREADS")), 0
  local file = io.open(os.getenv("BENCH_REQUESTS"), "rb")
  while true do
    local length = file:read("*n")
    if length == nil then
      break
    end
    file:read(1)
    local text = file:read(length)
    if seen % count == number then
      table.insert(ready, text)
    end
    seen = seen + 1
  end
  file:close()
end
function request()
  taken = taken % #ready + 1
  return ready[taken]
end
""" + _SCRIPT[_SCRIPT.index("done = ") :]


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
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory, "body")
        file.write_bytes(body)
        settings = {"BENCH_BODY": str(file), "BENCH_SPREAD": str(spread), "BENCH_PATH": path}
        return _run(_SCRIPT, url, token, settings, connections=connections, seconds=seconds)


def load_once(  # noqa: PLR0913 - what a load is
    url: str, token: str, requests: Iterable[tuple[str, str]], *, connections: int, seconds: int,
    wanted: str, unwanted: str,
) -> Result:  # fmt: skip
    """Ask each of these (path, body) once, until the time is over.

    Raises `RuntimeError` when one failed, when an answer is without the text `wanted` or has the
    text `unwanted`. When there are too few, it ends with the last one.
    """
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory, "lines")
        with file.open("w") as out:
            out.writelines(f"{path}\t{body}\n" for path, body in requests)
        settings = {
            "BENCH_LINES": str(file), "BENCH_WANTED": wanted, "BENCH_UNWANTED": unwanted,
            "BENCH_THREADS": str(_threads(connections)),
        }  # fmt: skip
        return _run(_LINES_SCRIPT, url, token, settings, connections=connections, seconds=seconds)


def load_ready(url: str, requests: Iterable[bytes], *, connections: int, seconds: int) -> Result:
    """Send these, whole requests as they go over the line, again and again until the time is over.

    Raises `RuntimeError` when one failed.
    """
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory, "requests")
        with file.open("wb") as out:
            out.writelines(b"%d\n%b" % (len(one), one) for one in requests)
        settings = {"BENCH_REQUESTS": str(file), "BENCH_THREADS": str(_threads(connections))}
        return _run(_READY_SCRIPT, url, "", settings, connections=connections, seconds=seconds)


def _threads(connections: int) -> int:
    return 1 if connections == 1 else 2


def _run(  # noqa: PLR0913 - what a load is
    script: str, url: str, token: str, settings: dict[str, str], *, connections: int, seconds: int
) -> Result:
    program = shutil.which("wrk")
    if program is None:
        raise SystemExit("wrk is missing; install it with: apt-get install wrk")
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory, "script.lua")
        file.write_text(script)
        done = subprocess.run(
            [
                program, f"--threads={_threads(connections)}", f"--connections={connections}",
                f"--duration={seconds}s", "--timeout=10s", f"--script={file}", url,
            ],
            env={"BENCH_AUTHORIZATION": f"Bearer {token}", **settings},
            capture_output=True, text=True, check=True,
        )  # fmt: skip
    line = next(line for line in done.stdout.splitlines() if line.startswith("RESULT "))
    result = msgspec.convert(json.loads(line.removeprefix("RESULT ")), Result)
    if result.failed or not result.requests:
        raise RuntimeError(f"{result.failed} of {result.requests} requests failed at {url}")
    return result
