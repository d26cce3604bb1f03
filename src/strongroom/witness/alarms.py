"""What the operator is told: one line of JSON on standard error for each event."""

import json
import logging
import os
import time
from contextlib import suppress
from typing import Final

_STANDARD_ERROR: Final = 2


def begin() -> None:
    """Word what libraries report as we do, and drop what is not an error.

    The HTTP server warns once for each request that is not HTTP: anybody could fill the disk.
    """
    logging.basicConfig(handlers=[_Libraries(logging.ERROR)], level=logging.ERROR, force=True)


def info(message: str, **fields: str | int) -> None:
    """Something worth knowing."""
    _write("info", message, fields)


def warning(message: str, **fields: str | int) -> None:
    """Something to look at."""
    _write("warning", message, fields)


def alarm(message: str, **fields: str | int) -> None:
    """A log shows two faces, or this witness cannot do its work: wake somebody."""
    _write("alarm", message, fields)


class _Libraries(logging.Handler):
    """Who reports, and the kind of the error. Not the text, which may quote what was sent."""

    def emit(self, record: logging.LogRecord) -> None:
        kind = record.exc_info[0] if record.exc_info else None
        error = kind.__name__ if kind else ""
        _write("warning", "a library failed", {"library": record.name, "error": error})


def _write(level: str, message: str, fields: dict[str, str | int]) -> None:
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    line = {"time": stamp, "level": level, "message": message, **fields}
    # A terminal that is gone or a full disk loses a line, never an answer.
    with suppress(OSError):
        os.write(_STANDARD_ERROR, json.dumps(line).encode() + b"\n")
