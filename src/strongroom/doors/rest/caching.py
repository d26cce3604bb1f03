"""What caches are told of an answer, and what they ask again (RFC 9110, 8.8.3 and 13.1.2)."""

import hashlib
import re
from collections.abc import Iterable
from typing import Final

from strongroom.doors.rest.asgi import Headers
from strongroom.doors.rest.routes import Route

_TAGS: Final = re.compile(rb'(?:W/)?("[^"]*")')


def of(route: Route, content: bytes) -> Headers:
    """How long the answer may be kept, and its tag; nothing where it may not be kept."""
    if not route.fresh_seconds:
        return []
    tag = hashlib.sha256(content).hexdigest()[:32]
    return [
        (b"cache-control", b"public, max-age=%d" % route.fresh_seconds),
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
