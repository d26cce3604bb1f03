"""One meaning, one sequence of bytes: how several values become the bytes that are authenticated.

Lengths come before the parts. Without them ("ab", "c") and ("a", "bc") would be the same bytes.
"""

from collections.abc import Mapping
from typing import Final

from strongroom.domain import limits
from strongroom.domain.errors import InvalidRequest


def bind(*parts: bytes) -> bytes:
    """Join the parts, each behind its length in four bytes, big-endian."""
    return b"".join(
        [
            (_SHORT[size] if (size := len(part)) < _FEW else size.to_bytes(4, "big")) + part
            for part in parts
        ]
    )


# Nearly all parts are short, and this is done several times for each request.
_FEW: Final = 256
_SHORT: Final = tuple([size.to_bytes(4, "big") for size in range(_FEW)])


def bind_context(context: Mapping[str, str]) -> bytes:
    """The bytes of an encryption context: the number of pairs, then the pairs sorted by key.

    Order as given does not matter, lengths do. Raises `InvalidRequest` above 64 pairs or 8 KiB.
    """
    if not context:
        return b"\0\0\0\0"
    if len(context) > limits.CONTEXT_PAIRS_MAX:
        raise InvalidRequest(f"a context has at most {limits.CONTEXT_PAIRS_MAX} pairs", "$.context")
    try:
        pairs = sorted((key.encode(), value.encode()) for key, value in context.items())
    except UnicodeEncodeError:
        raise InvalidRequest(
            "a context is text in Unicode without lone surrogates", "$.context"
        ) from None
    if sum(len(key) + len(value) for key, value in pairs) > limits.CONTEXT_BYTES_MAX:
        raise InvalidRequest(
            f"a context has at most {limits.CONTEXT_BYTES_MAX} bytes in keys and values",
            "$.context",
        )
    flat = [part for pair in pairs for part in pair]
    return len(pairs).to_bytes(4, "big") + bind(*flat)
