"""The anchor: where the last checkpoint is kept, outside the database, out of the ledger's reach.

The promises: when `keep` returns, both files are on disk, the list of destructions before the
checkpoint that covers it; whatever ends in the middle leaves the former checkpoint or the new one,
whole. It never goes back: a checkpoint of another log, a smaller one, or another one of the same
size is refused. Otherwise nothing is known here of what is kept.
"""

from typing import Protocol

import msgspec


class AnchorFiles(msgspec.Struct, frozen=True, array_like=True):
    """The content of both files; `checkpoint` empty: there is none yet.

    `fenced`: what a witness said, by which this is not the log that it signed. It holds across
    starts, until a restore is accepted.
    """

    checkpoint: bytes = b""
    destructions: bytes = b""
    fenced: str = ""


class Anchor(Protocol):
    """See the promises at the head of this module."""

    async def keep(self, checkpoint: bytes, destructions: bytes, offset: int) -> None:
        """Put the checkpoint in the former's place, after writing these lines at that place.

        What the list has behind them is cut off. Raises `Unavailable`: nothing is known then.
        """
