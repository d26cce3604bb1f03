"""Dates that a caller gives for something to come."""

from strongroom.domain.errors import InvalidRequest
from strongroom.domain.times import microseconds


def to_come(text: str, now_us: int, pointer: str) -> int:
    """The time in microseconds; 0 for an empty text. Raises `InvalidRequest` when it has passed."""
    at_us = microseconds(text)
    if at_us and at_us <= now_us:
        raise InvalidRequest("this time has passed; give one to come", pointer)
    return at_us
