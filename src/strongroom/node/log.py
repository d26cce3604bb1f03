"""The logs of the rooms: one JSON object a line, on standard error, which the supervisor collects.

Fields are named by the program and hold ids, names and reasons; never input bytes, never anything
secret.
"""

import json
import sys
import time
import traceback

_room = {"name": "supervisor"}


def begin(name: str) -> None:
    """Say which room this process is."""
    _room["name"] = name


def info(message: str, **fields: str | float) -> None:
    """Something worth knowing."""
    _write("info", message, fields)


def warning(message: str, **fields: str | float) -> None:
    """Something to look at."""
    _write("warning", message, fields)


def failure(message: str, **fields: str | float) -> None:
    """The exception being handled: its type and place, not its text, which may quote input."""
    kind, _, trace = sys.exc_info()
    where = [f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}"
             for frame in traceback.extract_tb(trace)]  # fmt: skip
    fields["error"] = "" if kind is None else kind.__name__
    fields["where"] = " < ".join(reversed(where[-6:]))
    _write("error", message, fields)


def _write(level: str, message: str, fields: dict[str, str | float]) -> None:
    now = time.time()
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now % 1 * 1000):03d}Z"
    line = {"time": stamp, "level": level, "room": _room["name"], "message": message, **fields}
    sys.stderr.write(json.dumps(line) + "\n")
    sys.stderr.flush()
