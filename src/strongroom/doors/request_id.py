"""The id under which a request is on record."""

import os
import time


def new_request_id() -> str:
    """32 hexadecimal digits: 12 of the time in milliseconds, so that ids sort, and 20 at random."""
    return f"{time.time_ns() // 1_000_000:012x}{os.urandom(10).hex()}"
