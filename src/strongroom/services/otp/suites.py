"""OCRA suites, parsed once each: a deployment has few."""

from functools import lru_cache

from strongroom.domain.otp.ocra import Suite, parse


@lru_cache(maxsize=256)
def parsed(text: str) -> Suite:
    """The suite that is spelt so. Raises `InvalidRequest` for any other text."""
    return parse(text)
