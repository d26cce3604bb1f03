"""Vendors' clients, each in an environment of its own, with versions and hashes that are locked."""

import fcntl
import hashlib
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

_ROOT = Path(__file__).parent.parent.parent
_LOCKS = _ROOT / "tests" / "conformance" / "clients"
_MINUTES = 5


def folder(name):
    """Where the packages of `name`.lock are. Skips, loudly, where they cannot be installed."""
    place = _ROOT / ".venv" / "clients" / name
    place.parent.mkdir(parents=True, exist_ok=True)
    # Tests run in several processes, and one installs for all.
    with place.with_suffix(".busy").open("w") as busy:
        fcntl.flock(busy, fcntl.LOCK_EX)
        return _installed(name, place)


def _installed(name, place):
    lock = _LOCKS / f"{name}.lock"
    stamp = place / "lock"
    wanted = hashlib.sha256(lock.read_bytes() + sys.version.encode()).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        return place
    command = [
        sys.executable, "-I", "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
        "--no-input", "--require-hashes", "--only-binary", ":all:", "--upgrade",
        "--target", str(place), "--requirement", str(lock),
    ]  # fmt: skip
    ended = subprocess.run(
        command, capture_output=True, text=True, timeout=_MINUTES * 60, check=False
    )
    if ended.returncode != 0:
        loud = UserWarning(f"{name} CANNOT BE INSTALLED, SO ITS TESTS ARE SKIPPED")
        with warnings.catch_warnings():
            warnings.simplefilter("default")  # it is said at the end, and fails nothing
            warnings.warn(loud, stacklevel=2)
        pytest.skip(f"{name} cannot be installed: {ended.stderr[-500:]}")
    stamp.write_text(wanted)
    return place
