"""System calls of a running process, made to fail or to be its last."""

import os
import shutil
import subprocess
import tempfile
import threading
from pathlib import Path

import pytest

_ATTACH_SECONDS = 10
_DETACH_SECONDS = 1


class Injected:
    """Use as a context: within it, the nth call of that name gets that fault, in each thread.

    The fault is in strace's words: `error=ENOSPC`, `signal=SIGKILL`. Skips the test, and says so,
    where strace is missing or may not look into the process.
    """

    def __init__(self, pid, call, fault, nth):
        descriptor, name = tempfile.mkstemp(prefix="strace-")
        os.close(descriptor)
        self._out = Path(name)
        self._command = [
            "strace", "-f", "-p", str(pid), "-o", str(self._out),
            "-e", f"trace={call}", "-e", f"inject={call}:{fault}:when={nth}",
        ]  # fmt: skip

    def __enter__(self):
        if shutil.which("strace") is None:
            pytest.skip("MISSING: strace; tools/install-test-packages.sh installs it")
        self._strace = subprocess.Popen(self._command, stderr=subprocess.PIPE, text=True)
        clock = threading.Timer(_ATTACH_SECONDS, self._strace.kill)
        clock.start()
        said = self._strace.stderr.readline()
        clock.cancel()
        if "attached" not in said:
            self.__exit__()
            pytest.skip(f"strace may not look into the process (run as root): {said.strip()}")
        return self

    def __exit__(self, *_):
        self._strace.terminate()  # the process goes on
        try:
            self._strace.communicate(timeout=_DETACH_SECONDS)
        except subprocess.TimeoutExpired:
            # It waits for a thread of a process that it saw killed, and keeps it from being buried.
            self._strace.kill()
            self._strace.communicate()
        lines = self._out.read_text().splitlines()
        self.reached = any("INJECTED" in line or line.endswith("= ?") for line in lines)
        self._out.unlink()
