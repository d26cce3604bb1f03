"""What is asked and answered about the log as evidence: checkpoints, tiles, receipts, its keys.

The formats are C2SP's (tlog-checkpoint, tlog-tiles, tlog-proof); `tlog/` reads and writes them.
"""

from typing import Annotated

from msgspec import Meta

from strongroom.domain.asks import Answer, Ask


class Raw(Answer):
    """An answer in a format of its own: its bytes are sent as they are."""

    content: bytes


class Checkpoint(Raw):
    """A signed note: the log's name, its size and its root."""


class Tile(Raw):
    """Hashes of the log's tree, or entries."""


class Receipt(Raw):
    """The proof that an entry is in the log, with the entry."""


# What is in bounds may still be beyond every tree; `tlog/tiles.py` says.
TileNumber = Annotated[int, Meta(ge=0, le=2**55)]
TileWidth = Annotated[int, Meta(ge=1, le=256)]


class ReadTile(Ask, kw_only=True):
    """The first `width` hashes of the n-th tile of a level."""

    level: Annotated[int, Meta(ge=0, le=7)]
    n: TileNumber
    width: TileWidth


class ReadEntries(Ask, kw_only=True):
    """The first `width` entries of the n-th 256."""

    n: TileNumber
    width: TileWidth


class FormerLogView(Answer):
    """What the log was before its database was restored: from `restored_size` on, it is gone.

    `root` is in hexadecimal.
    """

    keys: list[str]
    size: int
    root: str
    restored_size: int


class LogKeysView(Answer):
    """The log's name, and its public keys as verifier keys (C2SP signed-note)."""

    origin: str
    generation: int
    keys: list[str]
    former: list[FormerLogView]
