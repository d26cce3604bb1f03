"""A request's body: whole, bounded, and JSON by its own account."""

from collections.abc import Iterable
from typing import Final

from strongroom.domain import limits
from strongroom.domain.errors import TooLarge
from strongroom.doors.asgi import Receive
from strongroom.doors.requests import too_large, whole
from strongroom.doors.rest.errors import UnsupportedMediaType

_JSON: Final = b"application/json"
_PARAMETERS: Final = (b"", b"charset=utf-8", b'charset="utf-8"')


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
                raise TooLarge(too_large())
        elif name == b"content-encoding":
            raise UnsupportedMediaType("bodies are sent as they are, without Content-Encoding")
    body = await whole(receive)
    if body and types != [_JSON] and not _is_json(types):
        raise UnsupportedMediaType("send one header Content-Type: application/json")
    return body


def _is_json(types: list[bytes]) -> bool:
    if len(types) != 1:
        return False
    essence, _, parameters = types[0].lower().partition(b";")
    return essence.strip() == _JSON and parameters.strip() in _PARAMETERS
