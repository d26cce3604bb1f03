"""Randomness for ids and tokens. Keys and nonces are made inside the provider, not here."""

from typing import Protocol


class Randomness(Protocol):
    """The operating system's generator."""

    def bytes(self, count: int) -> bytes:
        """That many unpredictable bytes."""
