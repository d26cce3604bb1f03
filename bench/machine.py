"""The machine that the figures are of."""

import os
import platform
from pathlib import Path

import apsw
import cryptography


def description() -> list[str]:
    """One fact a line."""
    model = next(
        (
            line.split(":", 1)[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    memory = int(Path("/proc/meminfo").read_text().split()[1]) / 1024**2
    return [
        f"processor: {model}, {os.cpu_count()} cores; the load generator runs on the same cores",
        f"memory: {memory:.0f} GiB",
        (
            f"system: Linux {platform.release()}, Python {platform.python_version()},"
            f" cryptography {cryptography.__version__}, SQLite {apsw.sqlite_lib_version()}"
        ),
    ]
