"""The tree and its entries as files of at most 256 each (C2SP tlog-tiles).

    tile/0/x001/234                hashes of leaves 316,672 to 316,927
    tile/1/000.p/17                the first 17 hashes over 256 leaves each, as long as there are
                                   no more
    tile/entries/x001/234          the entries themselves, each after its length in two bytes

A file is never changed: a tile that grows has another path.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from strongroom.tlog import merkle, spelling
from strongroom.tlog.errors import TileError
from strongroom.tlog.merkle import HASH_BYTES, TILE_HEIGHT, Node

ENTRIES: Final = -1
"""The level of the files with entries: one below that of the leaves' hashes."""
WIDTH: Final = 1 << TILE_HEIGHT
LEVEL_MAX: Final = 7  # a tree has fewer than 2**63 leaves
ENTRY_BYTES_MAX: Final = 65_535
_LENGTH_BYTES: Final = 2
# The greatest tree's last file of entries has the number 2**55 - 1.
_PATH_CHARACTERS_MAX: Final = len("tile/entries/x036/x028/x797/x018/x963/967.p/255")


@dataclass(frozen=True, slots=True)
class Tile:
    """The first `width` hashes (or entries) of the n-th tile of a level.

    Raises `TileError` for one that no tree has.
    """

    level: int
    n: int
    width: int = WIDTH

    def __post_init__(self) -> None:
        if not (
            ENTRIES <= self.level <= LEVEL_MAX
            and self.n >= 0
            and 0 < self.width <= WIDTH
            and self.size <= spelling.SIZE_MAX
        ):
            raise TileError("no tree has such a tile")

    @property
    def path(self) -> str:
        """Where it is found, which `parse_path` reads."""
        level = "entries" if self.level == ENTRIES else self.level
        digits = str(self.n)
        digits = digits.zfill(-(-len(digits) // 3) * 3)
        *above, last = [digits[i : i + 3] for i in range(0, len(digits), 3)]
        partial = "" if self.width == WIDTH else f".p/{self.width}"
        return f"tile/{level}/{''.join(f'x{part}/' for part in above)}{last}{partial}"

    @property
    def size(self) -> int:
        """The smallest tree that has it."""
        return (self.n * WIDTH + self.width) << self._height

    @property
    def nodes(self) -> list[Node]:
        """The subtrees whose hashes it holds; of a file with entries, the leaves."""
        first = self.n * WIDTH
        return [Node(self._height, first + i) for i in range(self.width)]

    @property
    def _height(self) -> int:
        return max(self.level, 0) * TILE_HEIGHT


def parse_path(path: str) -> Tile:
    """The tile with that path. Raises `TileError`."""
    try:
        if len(path) > _PATH_CHARACTERS_MAX:
            raise ValueError
        whole, partial, width = path.partition(".p/")
        _, level, *parts = whole.split("/")
        digits = "".join(part.removeprefix("x") for part in parts)
        tile = Tile(
            ENTRIES if level == "entries" else spelling.number(level),
            int(digits),  # not so many that it takes long; the spelling is compared below
            spelling.number(width) if partial else WIDTH,
        )
    except ValueError:
        raise TileError("this is not a tile's path") from None
    if tile.path != path:
        raise TileError("this is not a tile's path")
    return tile


def tiles(level: int, size: int, *, after: int = 0) -> Iterator[Tile]:
    """The tiles of a level that the tree of `size` entries has and the one of `after` has not."""
    height = max(level, 0) * TILE_HEIGHT
    hashes = size >> height
    for n in range((after >> height) // WIDTH, -(-hashes // WIDTH)):
        tile = Tile(level, n, min(hashes - n * WIDTH, WIDTH))
        if tile.size > after:
            yield tile


def levels(size: int) -> range:
    """The levels of hashes that the tree of `size` entries has."""
    return range(-(-size.bit_length() // TILE_HEIGHT))


def tile_of(node: Node, size: int) -> Tile:
    """The tile of the tree of `size` entries that a perfect subtree's hash follows from.

    Raises `TileError` if the subtree is not in the tree.
    """
    level, above = divmod(node.height, TILE_HEIGHT)
    n = node.number >> (TILE_HEIGHT - above)
    if (node.number + 1) << node.height > size:
        raise TileError("the subtree is not in the tree")
    return Tile(level, n, min((size >> (level * TILE_HEIGHT)) - n * WIDTH, WIDTH))


def node_from_tile(node: Node, tile: Tile, raw: bytes) -> bytes:
    """The hash of a perfect subtree from the content of the tile that `tile_of` named.

    Raises `TileError` if the content is not of that tile's length.
    """
    hashes = split(tile, raw)
    width = 1 << (node.height % TILE_HEIGHT)
    first = node.number * width % WIDTH
    return merkle.root(hashes[first : first + width])


def split(tile: Tile, raw: bytes) -> list[bytes]:
    """The hashes in a tile's content. Raises `TileError` for another length."""
    if len(raw) != tile.width * HASH_BYTES:
        raise TileError(f"the content of {tile.path} is not of its length")
    return [raw[i : i + HASH_BYTES] for i in range(0, len(raw), HASH_BYTES)]


def bundle(entries: Sequence[bytes]) -> bytes:
    """The content of a file with these entries. Raises `TileError` for a longer entry."""
    if not all(len(entry) <= ENTRY_BYTES_MAX for entry in entries):
        raise TileError(f"an entry is longer than {ENTRY_BYTES_MAX} bytes")
    return b"".join([len(entry).to_bytes(_LENGTH_BYTES, "big") + entry for entry in entries])


def unbundle(raw: bytes, count: int) -> list[bytes]:
    """The `count` entries in a file's content. Raises `TileError` unless it has just those."""
    entries = []
    end = 0
    for _ in range(count):
        start = end + _LENGTH_BYTES
        end = start + int.from_bytes(raw[end:start], "big")
        entries.append(raw[start:end])
    # Past the end, slices are short and nothing more is read; so it is enough to look once.
    if end != len(raw):
        raise TileError(f"this is not a file of {count} entries")
    return entries
