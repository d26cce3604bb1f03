"""What every door does with a request: gives it an id, says where it comes from, reads its body."""

import os
import time

from strongroom.domain import limits
from strongroom.domain.errors import TooLarge
from strongroom.doors.asgi import Receive, Scope


class ClientGoneError(Exception):
    """The client hung up before the request was whole: there is nobody to answer."""


def new_request_id() -> str:
    """32 hexadecimal digits: 12 of the time in milliseconds, so that ids sort, and 20 at random."""
    return f"{time.time_ns() // 1_000_000:012x}{os.urandom(10).hex()}"


def source(scope: Scope) -> str:
    """The peer's address. No header is believed about it: anybody can write one."""
    client = scope.get("client")
    return str(client[0]) if client else ""


async def whole(receive: Receive, most: int = limits.BODY_BYTES_MAX) -> bytes:
    """The body, held up to the limit. Raises `TooLarge` and `ClientGoneError`."""
    message = await receive()
    if message["type"] == "http.disconnect":
        raise ClientGoneError
    first: bytes = message.get("body", b"")
    if not message.get("more_body", False):
        return first if len(first) <= most else _refuse(most)
    parts = [first]
    length = len(first)
    while message.get("more_body", False):
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGoneError
        part: bytes = message.get("body", b"")
        length += len(part)
        if length > most:
            _refuse(most)
        parts.append(part)
    return b"".join(parts)


def too_large(most: int = limits.BODY_BYTES_MAX) -> str:
    """What is said of a longer body."""
    return f"a body has at most {most:,} bytes"


def _refuse(most: int) -> bytes:
    raise TooLarge(too_large(most))
