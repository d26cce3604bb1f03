"""Bytes that must not be shown, compared, copied or stored by accident."""

from typing import NoReturn


class Sensitive:
    """Holds secret bytes. It has no useful repr, no equality, no hash, no pickle, no copy.

    It does not wipe memory: Python cannot (`docs/design/LIMITATIONS.md`).
    """

    __slots__ = ("_bytes",)

    def __init__(self, value: bytes) -> None:
        self._bytes = value

    def reveal(self) -> bytes:
        """The one way out. Call sites are listed in `tests/architecture`."""
        return self._bytes

    def __repr__(self) -> str:
        return "Sensitive(…)"

    def __format__(self, spec: str) -> str:
        return "Sensitive(…)"

    def __eq__(self, other: object) -> NoReturn:
        raise TypeError("sensitive bytes are not compared; use hmac.compare_digest where it is due")

    __hash__ = None  # type: ignore[assignment] # no hash: it must not become a dictionary key

    def __reduce__(self) -> NoReturn:
        raise TypeError("sensitive bytes are not pickled or copied")

    def __copy__(self) -> NoReturn:
        raise TypeError("sensitive bytes are not copied")

    def __deepcopy__(self, memo: object) -> NoReturn:
        raise TypeError("sensitive bytes are not copied")
