"""The evidence of identity that an HTTP request carries, as it came. The custodian judges it."""

from collections.abc import Iterable
from typing import Final

_SCHEME: Final = b"bearer "


def evidence(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """The token of the one `Authorization: Bearer` header; "" if it is missing, other, or repeated.

    Repeated, because two parsers in a row may each take another one of two (request smuggling).
    """
    token = b""
    seen = False
    for name, value in headers:
        if name == b"authorization":
            if seen:
                return ""
            seen = True
            if value[: len(_SCHEME)].lower() == _SCHEME:  # RFC 9110, 11.1: in any case
                token = value[len(_SCHEME) :]
    # Bytes that no token has stay bytes that no token has.
    return token.decode("latin-1")
