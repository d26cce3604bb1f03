"""Somebody alters a log: every byte, every entry, every hash, every two neighbours, every file."""

from collections.abc import Callable, Iterator
from pathlib import Path

from strongroom.tlog import merkle, tiles
from strongroom.tlog.checkpoints import Checkpoint
from strongroom.tlog.tiles import ENTRIES, Tile
from strongroom.verify.progress import Progress
from strongroom.verify.tree import Tree, check_file
from strongroom.verify.verdicts import Wrong

Files = dict[str, bytes]


def read(folder: Path) -> Files:
    """All files of an exported log but its checkpoint."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in (folder / "tile").rglob("*")
        if path.is_file()
    }


def alterations(path: str, whole: bytes) -> Iterator[tuple[str, bytes]]:
    """What can be done to a file: its name, and the content then."""
    for at in range(len(whole)):
        yield f"byte {at}", whole[:at] + bytes([whole[at] ^ 1 << at % 8]) + whole[at + 1 :]
    pieces = list(_pieces(path, whole))
    for i, (start, end) in enumerate(pieces):
        yield f"without {i}", whole[:start] + whole[end:]
        if i:
            before = pieces[i - 1][0]
            swapped = whole[start:end] + whole[before:start]
            yield f"{i} before {i - 1}", whole[:before] + swapped + whole[end:]
    yield "nothing", b""


def _pieces(path: str, whole: bytes) -> Iterator[tuple[int, int]]:
    start = 0
    while start < len(whole):
        length = merkle.HASH_BYTES
        if "entries" in path:
            length = 2 + int.from_bytes(whole[start : start + 2], "big")
        yield start, start + length
        start += length


def campaign(files: Files, checkpoint: Checkpoint) -> tuple[int, list[str]]:
    """How often a file was altered, and what the auditor's program did not notice of it.

    Each file is given to the step of the program that looks at it, with what that step has to
    compare it with: the hashes that the file above has of it.
    """
    tried, missed = 0, []
    for path, whole in files.items():
        check = _check(files, checkpoint, tiles.parse_path(path))
        assert _noticed(check, whole) is None, path
        for what, content in alterations(path, whole):
            tried += 1
            if _noticed(check, content) is None:
                missed.append(f"{path}: {what}")
    return tried, missed


def whole_program(files: Files, checkpoint: Checkpoint, path: str, content: bytes) -> Wrong | None:
    """What the program says of all the files, with one of them altered."""
    altered = {**files, path: content}

    def check(_: bytes) -> None:
        with Progress(checkpoint.size) as progress:
            Tree(lambda tile: altered[tile.path], checkpoint).check_entries(progress)

    return _noticed(check, content)


def _check(files: Files, checkpoint: Checkpoint, tile: Tile) -> Callable[[bytes], None]:
    if tile.level == ENTRIES:
        hashes = tiles.split(Tile(0, tile.n, tile.width), files[Tile(0, tile.n, tile.width).path])
        return lambda content: check_file(tile, content, hashes)
    if tile.width == tiles.WIDTH:
        node = merkle.Node((tile.level + 1) * merkle.TILE_HEIGHT, tile.n)
        above = tiles.tile_of(node, checkpoint.size)
        expected = tiles.node_from_tile(node, above, files[above.path])

        def full(content: bytes) -> None:
            if merkle.root(_split(tile, content)) != expected:
                raise Wrong("a full tile is another")

        return full

    def edge(content: bytes) -> None:
        tree = Tree(lambda one: content if one == tile else files[one.path], checkpoint)
        tree._edge()

    return edge


def _split(tile: Tile, content: bytes) -> list[bytes]:
    try:
        return tiles.split(tile, content)
    except tiles.TileError as error:
        raise Wrong(str(error)) from error


def _noticed(check: Callable[[bytes], None], content: bytes) -> Wrong | None:
    try:
        check(content)
    except Wrong as wrong:
        return wrong
    return None
