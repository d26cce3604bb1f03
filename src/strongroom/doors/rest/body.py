"""A request's body: whole, bounded, and JSON by its own account."""

from collections.abc import Iterable
from typing import Final

from strongroom.domain import limits
from strongroom.domain.errors import TooLarge
from strongroom.doors.asgi import Receive
from strongroom.doors.rest.errors import UnsupportedMediaType

_TOO_LARGE: Final = f"a body has at most {limits.BODY_BYTES_MAX:,} bytes"
_JSON: Final = b"application/json"
_PARAMETERS: Final = (b"", b"charset=utf-8", b'charset="utf-8"')


class ClientGoneError(Exception):
    """The client hung up before the request was whole: there is nobody to answer."""


async def read(headers: Iterable[tuple[bytes, bytes]], receive: Receive) -> bytes:
    """The body. Raises `TooLarge`, `UnsupportedMediaType` and `ClientGoneError`.

    What is announced as too long is not read; what is not announced is held up to the limit.
    """
    types = []
    for name, value in headers:
        if name == b"content-type":
            types.append(value)
        elif name == b"content-length":
            if len(value) > len(str(limits.BODY_BYTES_MAX)) or int(value) > limits.BODY_BYTES_MAX:
                raise TooLarge(_TOO_LARGE)
        elif name == b"content-encoding":
            raise UnsupportedMediaType("bodies are sent as they are, without Content-Encoding")
    body = await _whole(receive)
    if body and types != [_JSON] and not _is_json(types):
        raise UnsupportedMediaType("send one header Content-Type: application/json")
    return body


async def _whole(receive: Receive) -> bytes:
    message = await receive()
    if message["type"] == "http.disconnect":
        raise ClientGoneError
    first: bytes = message.get("body", b"")
    if not message.get("more_body", False):
        return first if len(first) <= limits.BODY_BYTES_MAX else _refuse()
    parts = [first]
    length = len(first)
    while message.get("more_body", False):
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGoneError
        part: bytes = message.get("body", b"")
        length += len(part)
        if length > limits.BODY_BYTES_MAX:
            _refuse()
        parts.append(part)
    return b"".join(parts)


def _refuse() -> bytes:
    raise TooLarge(_TOO_LARGE)


def _is_json(types: list[bytes]) -> bool:
    if len(types) != 1:
        return False
    essence, _, parameters = types[0].lower().partition(b";")
    return essence.strip() == _JSON and parameters.strip() in _PARAMETERS
