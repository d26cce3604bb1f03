"""What caches are told of an answer, and what they ask again (RFC 9110, 8.8.3 and 13.1.2)."""

import hashlib
import re
from collections.abc import Iterable
from typing import Final

from strongroom.domain.operations import OPERATIONS
from strongroom.doors.asgi import Headers
from strongroom.doors.rest.routes import Route

_PARTIAL: Final = b".p/"
_TAGS: Final = re.compile(rb'(?:W/)?("[^"]*")')


def of(route: Route, path: bytes, content: bytes) -> Headers:
    """How long the answer may be kept, and its tag; nothing where it may not be kept."""
    # A tile that is not full is soon asked for by another path; nobody needs it again.
    if not route.fresh_seconds or _PARTIAL in path:
        return []
    # What needs a token is kept by nobody but whoever had one.
    whose = "public" if OPERATIONS[route.operation].anonymous else "private"
    ever = ", immutable" if route.is_of_tiles else ""
    tag = hashlib.sha256(content).hexdigest()[:32]
    return [
        (b"cache-control", f"{whose}, max-age={route.fresh_seconds}{ever}".encode()),
        (b"etag", b'"%s"' % tag.encode()),
    ]


def is_known(asked: Iterable[tuple[bytes, bytes]], headers: Headers) -> bool:
    """Whether whoever asks says that they have the answer that has these headers."""
    tag = dict(headers).get(b"etag")
    return tag is not None and any(
        value == b"*" or tag in _TAGS.findall(value)
        for name, value in asked
        if name == b"if-none-match"
    )
