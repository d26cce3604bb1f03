"""A Strongroom to measure: started on a data directory, as a user would."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Final, Self

import httpx

_SETTLE_SECONDS: Final = 60.0
_QUIET_SECONDS: Final = 3.0  # longer than the longest key takes
_KEYS_AHEAD: Final = "strongroom_rsa_keys_waiting"


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_for(port: int, seconds: float = 30.0) -> None:
    """Return when somebody listens there."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.01)
    raise RuntimeError(f"nobody listens on port {port}")


class Node:
    """A running Strongroom in development mode."""

    def __init__(self, directory: Path, *, gates: int, custodians: int) -> None:
        self.directory = directory
        self._gates = gates
        self._custodians = custodians
        self.start_seconds = 0.0

    def __enter__(self) -> Self:
        port = free_port()
        began = time.perf_counter()
        self._process = subprocess.Popen(
            [
                sys.executable, "-m", "strongroom.cli", "dev",
                "--data", str(self.directory), "--listen", f"127.0.0.1:{port}",
                "--gates", str(self._gates), "--custodians", str(self._custodians),
            ],
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        if self._process.stdout is None:
            raise RuntimeError("no standard output")
        for line in self._process.stdout:
            if "ready at" in line:
                break
        else:
            raise RuntimeError("it did not start")
        self.start_seconds = time.perf_counter() - began
        lines = (self.directory / "dev.env").read_text().splitlines()
        environment = dict(line.split("=", 1) for line in lines)
        self.url = environment["STRONGROOM_URL"]
        self.token = environment["STRONGROOM_TOKEN"]
        self.access_key = environment.get("AWS_ACCESS_KEY_ID", "")
        self.secret_access_key = environment.get("AWS_SECRET_ACCESS_KEY", "")
        return self

    def __exit__(self, *_: object) -> None:
        self._process.send_signal(signal.SIGTERM)
        self._process.communicate()

    def post(self, path: str, body: dict[str, object]) -> dict[str, object]:
        """One request with a body."""
        return self.ask("POST", path, body)

    def ask(
        self, method: str, path: str, body: dict[str, object] | None = None
    ) -> dict[str, object]:
        """One request."""
        answer = httpx.request(
            method, self.url + path, json=body, timeout=60,
            headers={"Authorization": f"Bearer {self.token}"},
        )  # fmt: skip
        answer.raise_for_status()
        found: dict[str, object] = answer.json()
        return found

    def settle(self) -> None:
        """Return when the rooms have made the RSA keys that they make ahead.

        That begins some seconds after the start and takes a processor for seconds; what is measured
        at the same time is not what it would be an hour later.
        """
        headers = {"Authorization": f"Bearer {self.token}"}
        end = time.monotonic() + _SETTLE_SECONDS
        made, since = 0.0, time.monotonic()
        while time.monotonic() < end:
            text = httpx.get(self.url + "/metrics", headers=headers).raise_for_status().text
            lines = [line for line in text.splitlines() if line.startswith(_KEYS_AHEAD)]
            waiting = sum(float(line.rsplit(" ", 1)[1]) for line in lines)
            if waiting != made:
                made, since = waiting, time.monotonic()
            elif made and time.monotonic() > since + _QUIET_SECONDS:
                return
            time.sleep(0.2)
        raise RuntimeError("the rooms do not come to rest")

    def memory_mib(self) -> dict[str, float]:
        """Resident memory of each room."""
        return {name: _resident(pid) for name, pid in self._rooms().items()}

    def processor_seconds(self) -> dict[str, float]:
        """What each kind of room has used of processors so far."""
        used: dict[str, float] = {}
        for name, pid in self._rooms().items():
            room = name.partition("-")[0]
            used[room] = used.get(room, 0.0) + _used(pid)
        return used

    def _rooms(self) -> dict[str, int]:
        rooms = self.ask("GET", "/v1/status")["rooms"]
        return {room["name"]: room["pid"] for room in rooms}  # type: ignore[attr-defined]  # JSON


def _used(pid: int) -> float:
    """Of all threads, as the scheduler counts it: in user's and system's mode."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _resident(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("no memory")
