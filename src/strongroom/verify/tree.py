"""From the signed root down to every single entry.

A log is laid out in *tiles* of up to 256 hashes (C2SP tlog-tiles). Tiles of level 0 hold the hashes
of entries; a hash in a tile of level 1 stands for a whole tile of level 0; and so on. At the right
edge, each level may have a tile that is not full yet. What is checked, and in which order:

    1. The tiles of the right edge, taken together, hash to the root that is signed.
    2. Each full tile hashes to what the tile above says of it, which was checked before it.
    3. Each entry hashes to what its tile of level 0 says of it, which was checked before it.

Nothing is believed before something that was checked vouches for it. So the first thing that does
not agree is the one that is wrong.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Final

from strongroom.tlog import merkle, proofs, tiles
from strongroom.tlog.checkpoints import Checkpoint
from strongroom.tlog.errors import TileError
from strongroom.tlog.tiles import ENTRIES, WIDTH, Tile
from strongroom.verify.progress import Progress
from strongroom.verify.verdicts import NotChecked, Wrong, entries

_LENGTH_BYTES: Final = 2

# Where tiles, and the files of entries, are read: a folder or a server. Nothing that it gives is
# believed. It raises `Wrong` for what the log should have and has not.
Read = Callable[[Tile], bytes]


def bytes_max(tile: Tile) -> int:
    """How long a tile, or a file of entries, can be."""
    if tile.level == ENTRIES:
        return tile.width * (_LENGTH_BYTES + tiles.ENTRY_BYTES_MAX)
    return tile.width * merkle.HASH_BYTES


def hashes_of(read: Read, tile: Tile) -> list[bytes]:
    """The hashes in a tile. Raises `Wrong` if there are more or fewer than it must have."""
    raw = read(tile)
    try:
        return tiles.split(tile, raw)
    except TileError as error:
        raise Wrong(f"{tile.path} is {len(raw)} bytes long, not {bytes_max(tile)}") from error


class Tree:
    """The log as a checkpoint states it, whose signatures were checked. Raises `Wrong`."""

    def __init__(self, read: Read, checkpoint: Checkpoint) -> None:
        self._read = read
        self._root = checkpoint.root
        self._size = checkpoint.size

    def check_entries(self, progress: Progress, *, first: int = 0) -> None:
        """Return when every entry from that of index `first` on is the one that was logged."""
        edge = self._edge()  # 1
        for tile in reversed(edge):  # the highest level has the oldest entries
            self._check_below(tile, edge[tile], first, progress)  # 2 and 3

    def _edge(self) -> dict[Tile, list[bytes]]:
        """The tiles that are not full, lowest level first, after they were checked."""
        edge = {}
        for level in tiles.levels(self._size):
            n, width = divmod(self._size >> (level * merkle.TILE_HEIGHT), WIDTH)
            if width:
                tile = Tile(level, n, width)
                edge[tile] = hashes_of(self._read, tile)
        peaks = []
        for node in proofs.plan_root(self._size):
            tile = tiles.tile_of(node, self._size)
            peaks.append(tiles.node_from_tile(node, tile, b"".join(edge[tile])))
        if proofs.fold_root(peaks) != self._root:
            raise self._wrong_edge(edge)
        return edge

    def _check_below(self, tile: Tile, hashes: list[bytes], first: int, progress: Progress) -> None:
        """What the hashes of this tile stand for. They themselves were checked."""
        if tile.level == 0:
            file = _below(tile, 0)
            check_file(file, self._read(file), hashes)  # 3
            progress.advance(len(hashes))
            return
        for slot, expected in enumerate(hashes):
            lower = _below(tile, slot)
            if lower.size <= first:
                continue
            lower_hashes = hashes_of(self._read, lower)
            if merkle.root(lower_hashes) != expected:  # 2
                raise self._wrong_tile(lower, lower_hashes)
            self._check_below(lower, lower_hashes, first, progress)

    # Naming what is wrong. From here on nothing is checked any more, only looked for.

    def _wrong_edge(self, edge: dict[Tile, list[bytes]]) -> Wrong:
        for tile, hashes in edge.items():
            if self._odd(tile, hashes) is not None:
                return self._wrong_tile(tile, hashes)
        return Wrong(
            f"the tiles ({', '.join(tile.path for tile in edge)}) do not have the root hash that"
            f" is signed for {entries(self._size)}, although they agree with what is below them:"
            " this is another log"
        )

    def _wrong_tile(self, tile: Tile, hashes: list[bytes]) -> Wrong:
        slot = self._odd(tile, hashes)
        if slot is None:
            return Wrong(
                f"{tile.path}, with {_span(tile)}, is not what the tile above says, although it"
                " agrees with what is below it: both were exchanged"
            )
        below = f"entry {tile.n * WIDTH + slot}" if tile.level == 0 else _below(tile, slot).path
        return Wrong(f"{tile.path} was changed: it has a wrong hash for {below}")

    def _odd(self, tile: Tile, hashes: list[bytes]) -> int | None:
        """The first hash of a tile that is not that of what is below it."""
        for slot, found in enumerate(self._hashes_below(tile)):
            if found is not None and found != hashes[slot]:
                return slot
        return None

    def _hashes_below(self, tile: Tile) -> list[bytes | None]:
        found: list[bytes | None] = [None] * tile.width
        with suppress(Wrong, NotChecked, TileError):
            if tile.level == 0:
                raw = self._read(_below(tile, 0))
                return [merkle.leaf_hash(entry) for entry in tiles.unbundle(raw, tile.width)]
            for slot in range(tile.width):
                found[slot] = merkle.root(hashes_of(self._read, _below(tile, slot)))
        return found


def check_file(file: Tile, raw: bytes, hashes: list[bytes]) -> None:
    """Return when a file of entries has exactly those with these hashes. Raises `Wrong`.

    Not `tiles.unbundle` and then compare: of a file with a wrong length in it, that could only say
    that something is wrong, and not from which entry on.
    """
    index = file.n * WIDTH
    end = 0
    for expected in hashes:
        start = end + _LENGTH_BYTES
        end = start + int.from_bytes(raw[end:start], "big")
        if merkle.leaf_hash(raw[start:end]) != expected:
            if end > len(raw):
                raise Wrong(f"{file.path} ends within entry {index}, or that has a wrong length")
            raise Wrong(f"entry {index}, in {file.path}, is not the one that was logged")
        index += 1
    if end > len(raw):  # an empty entry whose length is missing hashes as it should
        raise Wrong(f"{file.path} ends within entry {index - 1}")
    if end != len(raw):
        raise Wrong(f"{file.path} goes on after entry {index - 1}, which is its last")


def _below(tile: Tile, slot: int) -> Tile:
    """What a hash of a tile stands for: the full tile below it, or the file with its entries."""
    if tile.level == 0:
        return Tile(ENTRIES, tile.n, tile.width)
    return Tile(tile.level - 1, tile.n * WIDTH + slot)


def _span(tile: Tile) -> str:
    leaves = 1 << (max(tile.level, 0) * merkle.TILE_HEIGHT)
    first = tile.n * WIDTH * leaves
    return f"entries {first} to {first + tile.width * leaves - 1}"
