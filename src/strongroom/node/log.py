"""The logs of the rooms: one JSON object a line, on standard error, which the supervisor collects.

Fields are named by the program and hold ids, names and reasons; never input bytes, never anything
secret.
"""

import json
import logging
import os
import sys
import time
import traceback
from collections.abc import Mapping
from contextlib import suppress
from types import TracebackType
from typing import Final

_STANDARD_ERROR: Final = 2
_room = {"name": "supervisor"}


class _Libraries(logging.Handler):
    """What libraries log as an error: who, and what kind, in our form. Never its text."""

    def emit(self, record: logging.LogRecord) -> None:
        kind, _, trace = record.exc_info or (None, None, None)
        _write("error", "a library failed", {"library": record.name, **_place(kind, trace)})


def begin(name: str) -> None:
    """Say which room this process is. What libraries have to say below an error is dropped.

    The HTTP server warns once for each request that is not HTTP: anybody could fill the disk.
    """
    _room["name"] = name
    logging.basicConfig(handlers=[_Libraries(logging.ERROR)], level=logging.ERROR, force=True)


def info(message: str, **fields: str | float) -> None:
    """Something worth knowing."""
    _write("info", message, fields)


def warning(message: str, **fields: str | float) -> None:
    """Something to look at."""
    _write("warning", message, fields)


def failure(message: str, **fields: str | float) -> None:
    """The exception being handled: its type and place, not its text, which may quote input."""
    kind, _, trace = sys.exc_info()
    _write("error", message, {**fields, **_place(kind, trace)})


def _place(kind: type[BaseException] | None, trace: TracebackType | None) -> dict[str, str]:
    where = [f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}"
             for frame in traceback.extract_tb(trace)]  # fmt: skip
    return {
        "error": "" if kind is None else kind.__name__,
        "where": " < ".join(reversed(where[-6:])),
    }


def _write(level: str, message: str, fields: Mapping[str, str | float]) -> None:
    now = time.time()
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now % 1 * 1000):03d}Z"
    line = {"time": stamp, "level": level, "room": _room["name"], "message": message, **fields}
    # The disk that is full may be the log's, too. Then lines are lost, not answers: what must not
    # be lost is in the audit trail. Unbuffered, so that nothing is left over to fail later.
    with suppress(OSError):
        os.write(_STANDARD_ERROR, json.dumps(line).encode() + b"\n")
