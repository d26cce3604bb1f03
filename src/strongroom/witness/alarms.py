"""What the operator is told: one line of JSON on standard error for each event."""

import json
import os
import time
from contextlib import suppress
from typing import Final

_STANDARD_ERROR: Final = 2


def info(message: str, **fields: str | int) -> None:
    """Something worth knowing."""
    _write("info", message, fields)


def warning(message: str, **fields: str | int) -> None:
    """Something to look at."""
    _write("warning", message, fields)


def alarm(message: str, **fields: str | int) -> None:
    """A log shows two faces, or this witness cannot do its work: wake somebody."""
    _write("alarm", message, fields)


def _write(level: str, message: str, fields: dict[str, str | int]) -> None:
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    line = {"time": stamp, "level": level, "message": message, **fields}
    # A terminal that is gone or a full disk loses a line, never an answer.
    with suppress(OSError):
        os.write(_STANDARD_ERROR, json.dumps(line).encode() + b"\n")
