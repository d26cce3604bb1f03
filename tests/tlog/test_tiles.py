"""Tiles: their paths, which a tree has, what is in them."""

import pytest

from strongroom.tlog import tiles
from strongroom.tlog.errors import TileError
from strongroom.tlog.merkle import Node
from strongroom.tlog.spelling import SIZE_MAX
from strongroom.tlog.tiles import ENTRIES, ENTRY_BYTES_MAX, Tile
from tests.support.logs import naive_root, numbered, refused

LOG = numbered(700)
NO_PATH = "this is not a tile's path"
NO_TILE = "no tree has such a tile"


@pytest.mark.parametrize(
    ("tile", "path"),
    [
        (Tile(0, 0), "tile/0/000"),
        (Tile(0, 0, 1), "tile/0/000.p/1"),
        (Tile(1, 999, 255), "tile/1/999.p/255"),
        (Tile(0, 1000), "tile/0/x001/000"),
        (Tile(0, 1_234_067), "tile/0/x001/x234/067"),
        (Tile(ENTRIES, 316), "tile/entries/316"),
        (Tile(ENTRIES, 1_234_067, 17), "tile/entries/x001/x234/067.p/17"),
        (Tile(7, 0, 127), "tile/7/000.p/127"),
        (Tile(0, 2**55 - 1, 255), "tile/0/x036/x028/x797/x018/x963/967.p/255"),
        (Tile(ENTRIES, 2**55 - 1, 255), "tile/entries/x036/x028/x797/x018/x963/967.p/255"),
    ],
)
def test_a_path_is_read_as_it_is_printed(tile, path):
    assert tile.path == path
    assert tiles.parse_path(path) == tile


@pytest.mark.parametrize(
    "path",
    [
        "",
        "tile",
        "tile/0",
        "tile/0/",
        "/tile/0/000",
        "tile/0/000/",
        "tile//000",
        "tile/00/000",
        "tile/-1/000",
        "tile/+1/000",
        "tile/Entries/000",
        "tile/data/000",
        "tile/0/0",
        "tile/0/0000",
        "tile/0/00000",
        "tile/0/x000/000",
        "tile/0/001/000",
        "tile/0/x001",
        "tile/0/xx01/000",
        "tile/0/X001/000",
        "tile/0/x1/000",
        "tile/0/x001/x000",
        "tile/0/-01",
        "tile/0/000.p",
        "tile/0/000.p/",
        "tile/0/000.p/01",
        "tile/0/000.p/256",
        "tile/0/000.p/0",
        "tile/0/000.p/1/",
        "tile/0/000.p/1.p/1",
        "tile/0/000\n",
        "tile/0/\u0661\u0661\u0661",
        "tile/8/000.p/1",
        "tile/7/000",
        "tile/63/000",
        "tile/9223372036854775807/000",
        "tile/0/" + "x000/" * 20 + "000",
        "tile/0/x036/x028/x797/x018/x963/968.p/1",
        "tiles/0/000",
        "tile/0/../000",
    ],
)
def test_what_is_no_path_is_refused(path):
    with pytest.raises(TileError):
        tiles.parse_path(path)


def test_what_is_wrong_is_said():
    for path in ("", "tile/0/0", "tile/x/000", "t" * 65, "tile/0/x001/x000"):
        with refused(TileError, NO_PATH):
            tiles.parse_path(path)
    for tile in [
        (-2, 0, 1), (8, 0, 1), (10**9, 0, 1), (0, -1, 1), (0, 0, 0), (0, 0, -1), (0, 0, 257),
        (0, 2**55, 1), (0, 2**55 - 1, 256), (7, 0, 128), (ENTRIES, 2**55 - 1, 256),
    ]:  # fmt: skip
        with refused(TileError, NO_TILE):
            Tile(*tile)


def test_the_smallest_tree_that_has_a_tile():
    assert Tile(0, 0, 1).size == Tile(ENTRIES, 0, 1).size == 1
    assert Tile(0, 2, 3).size == Tile(ENTRIES, 2, 3).size == 2 * 256 + 3
    assert Tile(1, 0, 2).size == 2 * 256
    assert Tile(2, 1, 1).size == 257 * 65536


def test_what_is_in_a_tile():
    assert Tile(0, 1, 2).nodes == Tile(ENTRIES, 1, 2).nodes == [Node(0, 256), Node(0, 257)]
    assert Tile(1, 0, 2).nodes == [Node(8, 0), Node(8, 1)]


def all_tiles(size, after=0):
    return [
        tile
        for level in (ENTRIES, *tiles.levels(size))
        for tile in tiles.tiles(level, size, after=after)
    ]


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 511, 512, 700, 65_535, 65_536, 65_537])
def test_a_tree_has_every_hash_in_one_tile(size):
    """tlog-tiles: floor(s / 256**l) hashes on level l, and no empty tile."""
    for level in range(4):
        found = [tile for tile in all_tiles(size) if tile.level == level]
        assert [tile.n for tile in found] == list(range(len(found)))
        assert sum(tile.width for tile in found) == size // 256**level
        assert all(tile.width == 256 for tile in found[:-1])
    entries = [tile for tile in all_tiles(size) if tile.level == ENTRIES]
    assert sum(tile.width for tile in entries) == size


def test_without_a_past_a_tree_has_all_its_tiles():
    assert list(tiles.tiles(0, 1)) == [Tile(0, 0, 1)]
    assert list(tiles.tiles(0, 257)) == [Tile(0, 0), Tile(0, 1, 1)]


def test_the_levels_of_a_tree():
    assert [len(tiles.levels(size)) for size in (0, 1, 255, 256, 65_535, 65_536)] == [
        0, 1, 1, 2, 2, 3,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("after", "size", "paths"),
    [
        (0, 1, ["tile/entries/000.p/1", "tile/0/000.p/1"]),
        (1, 1, []),
        (5, 7, ["tile/entries/000.p/7", "tile/0/000.p/7"]),
        (255, 256, ["tile/entries/000", "tile/0/000", "tile/1/000.p/1"]),
        (256, 257, ["tile/entries/001.p/1", "tile/0/001.p/1"]),
        (256, 256, []),
        (300, 513, [
            "tile/entries/001", "tile/entries/002.p/1", "tile/0/001", "tile/0/002.p/1",
            "tile/1/000.p/2",
        ]),
        (512, 515, ["tile/entries/002.p/3", "tile/0/002.p/3"]),
    ],
)  # fmt: skip
def test_a_growing_tree_has_new_tiles(after, size, paths):
    assert [tile.path for tile in all_tiles(size, after)] == paths


@pytest.mark.parametrize("size", [1, 2, 255, 256, 300, 512, 700])
def test_every_subtree_follows_from_the_tile_that_is_named(size):
    for height in range(10):
        for number in range(size >> height):
            node = Node(height, number)
            tile = tiles.tile_of(node, size)
            assert tile in all_tiles(size)
            assert tile.level == height // 8
            assert tiles.node_from_tile(node, tile, LOG.tile(tile)) == LOG.hash(node)


@pytest.mark.parametrize("node", [Node(0, 700), Node(8, 2), Node(1, 350), Node(10, 0)])
def test_a_subtree_that_is_not_in_the_tree_is_in_no_tile(node):
    with refused(TileError, "the subtree is not in the tree"):
        tiles.tile_of(node, 700)


def test_a_tile_of_another_length_is_refused():
    tile = Tile(0, 2, 188)
    raw = LOG.tile(tile)
    assert tiles.split(tile, raw) == LOG.leaves[512:]
    for wrong in (b"", raw[:-1], raw[:-32], raw + b"\0", raw + raw[:32]):
        with refused(TileError, "the content of tile/0/002.p/188 is not of its length"):
            tiles.split(tile, wrong)
        with refused(TileError, "the content of tile/0/002.p/188 is not of its length"):
            tiles.node_from_tile(Node(0, 512), tile, wrong)


def test_a_full_tile_is_a_subtree():
    tile = Tile(0, 1)
    found = tiles.node_from_tile(Node(7, 3), tile, LOG.tile(tile))
    assert found == naive_root(LOG.leaves[384:512])


@pytest.mark.parametrize(
    "entries", [[], [b""], [b"", b"", b""], [b"a" * 256, b"b"], [b"x" * ENTRY_BYTES_MAX]]
)
def test_a_bundle_is_read_as_it_is_made(entries):
    raw = tiles.bundle(entries)
    assert len(raw) == sum(2 + len(entry) for entry in entries)
    assert tiles.unbundle(raw, len(entries)) == entries


def test_a_bundle_has_lengths_in_front():
    assert tiles.bundle([b"ab", b"", b"c" * 258]) == b"\0\2ab\0\0\1\2" + b"c" * 258


def test_what_is_no_bundle_is_refused():
    raw = tiles.bundle([b"ab", b"c"])
    for wrong, count in [
        (raw, 1), (raw, 3), (raw[:-1], 2), (raw + b"\0", 2), (b"", 1), (b"\0", 1), (b"\0\1", 1),
        (b"\0\0\0", 2), (b"\xff\xff", 1), (b"x", 0), (b"\0\2a", 1), (b"", 10**6),
    ]:  # fmt: skip
        with refused(TileError, f"this is not a file of {count} entries"):
            tiles.unbundle(wrong, count)
    with refused(TileError, "an entry is longer than 65535 bytes"):
        tiles.bundle([b"", b"x" * (ENTRY_BYTES_MAX + 1)])


def test_the_last_entry_of_the_greatest_tree_has_a_tile():
    assert tiles.tile_of(Node(0, SIZE_MAX - 1), SIZE_MAX) == Tile(0, 2**55 - 1, 255)
    assert Tile(0, 2**55 - 1, 255).size == SIZE_MAX
