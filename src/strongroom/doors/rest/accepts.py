"""Whether an answer is to be a page for people (RFC 9110, 12.5.1)."""

from collections.abc import Iterable
from typing import Final

_PAGE: Final = b"text/html"
_DATA: Final = b"application/json"


def a_page(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Whether HTML is named, and JSON not preferred to it. Every browser names HTML.

    Who takes anything (`*/*`) is a program, and gets JSON.
    """
    weights: dict[bytes, float] = {}
    for name, value in headers:
        if name == b"accept":
            for part in value.lower().split(b","):
                kind, *parameters = part.split(b";")
                weights[kind.strip()] = _weight(parameters)
    return weights.get(_PAGE, 0.0) > 0 and weights[_PAGE] >= weights.get(_DATA, 0.0)


def _weight(parameters: list[bytes]) -> float:
    for parameter in parameters:
        name, _, value = parameter.strip().partition(b"=")
        if name == b"q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0
