"""Vendors' clients, each in an environment of its own, with versions and hashes that are locked.

tests/conformance/clients has, for each, NAME.lock (pip's) or NAME/package-lock.json (npm's);
`make lock` makes those of pip.
"""

import fcntl
import hashlib
import shutil
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

_ROOT = Path(__file__).parent.parent.parent
_LOCKS = _ROOT / "tests" / "conformance" / "clients"
_MINUTES = 5
# What could not be installed is not tried again for each test.
_FAILED: dict[str, str] = {}


def folder(name):
    """Where the packages of `name` are. Skips, loudly, where they cannot be installed."""
    if name not in _FAILED:
        place = _ROOT / ".venv" / "clients" / name
        place.parent.mkdir(parents=True, exist_ok=True)
        # Tests run in several processes, and one installs for all.
        with place.with_suffix(".busy").open("w") as busy:
            fcntl.flock(busy, fcntl.LOCK_EX)
            try:
                return _installed(name, place)
            except (OSError, RuntimeError, subprocess.TimeoutExpired) as error:
                _FAILED[name] = f"{error!r}"[-500:]
    loudly_skip(f"{name} CANNOT BE INSTALLED, SO ITS TESTS ARE SKIPPED", _FAILED[name])
    raise AssertionError  # not reached


def on_path(name):
    """The same, and this process imports them. What is in its own environment goes before."""
    found = str(folder(name))
    if found not in sys.path:
        sys.path.append(found)


def loudly_skip(what, why):
    """Skip, and say so at the end, where it is seen."""
    with warnings.catch_warnings():
        warnings.simplefilter("default")  # it fails nothing
        warnings.warn(UserWarning(what), stacklevel=2)
    pytest.skip(f"{what}: {why}")


def _installed(name, place):
    of_npm = _LOCKS / name / "package-lock.json"
    lock = of_npm if of_npm.exists() else _LOCKS / f"{name}.lock"
    stamp = place / "lock"
    wanted = hashlib.sha256(lock.read_bytes() + sys.version.encode()).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        return place
    # A half of an installation, or that of another lock.
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    if lock == of_npm:
        for file in of_npm.parent.glob("package*.json"):
            shutil.copy(file, place)
        _run(
            "npm", "ci", "--silent", "--ignore-scripts", "--no-audit", "--no-fund",
            "--fetch-retries", "1", cwd=place,
        )  # fmt: skip
    else:
        _run(
            sys.executable, "-I", "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
            "--no-input", "--no-compile", "--require-hashes", "--only-binary", ":all:",
            "--target", str(place), "--requirement", str(lock), cwd=place,
        )  # fmt: skip
    stamp.write_text(wanted)
    return place


def _run(*command, cwd):
    ended = subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, timeout=_MINUTES * 60, check=False
    )
    if ended.returncode != 0:
        raise RuntimeError(ended.stderr[-500:])
