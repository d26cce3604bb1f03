"""Checks a log in a folder: `checkpoint`, the tiles `tile/...` and the entries `tile/entries/...`.

1. The checkpoint is signed by the log, and by witnesses if they are asked for.
2. The folder has no file that a log of that size has not.
3. Every tile and every entry is what the checkpoint signs (`tree`); none is missing or cut off.
4. The log continues the earlier checkpoint, if there is one (`growth`).
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from strongroom.tlog import merkle, notes, tiles
from strongroom.tlog.checkpoints import Checkpoint
from strongroom.tlog.errors import TileError
from strongroom.tlog.policies import Policy
from strongroom.tlog.tiles import WIDTH, Tile
from strongroom.verify import files
from strongroom.verify.growth import check_growth
from strongroom.verify.progress import Progress
from strongroom.verify.tree import Tree, bytes_max
from strongroom.verify.trust import trusted, witnessed
from strongroom.verify.verdicts import NotChecked, Wrong, entries

CHECKPOINT: Final = "checkpoint"


def check(folder: Path, policy: Policy, earlier: Checkpoint | None) -> str:
    """What holds of the log in the folder. Raises `Wrong` and `NotChecked`."""
    raw = files.read_own(folder / CHECKPOINT, notes.NOTE_BYTES_MAX)
    checkpoint = trusted(raw, policy, CHECKPOINT)  # 1
    _check_no_more(folder, checkpoint.size)  # 2

    def read(tile: Tile) -> bytes:
        return _read(folder, tile)

    with Progress(checkpoint.size) as progress:
        Tree(read, checkpoint).check_entries(progress)  # 3
    sentence = (
        f"all of the log {checkpoint.origin} is as its checkpoint of {entries(checkpoint.size)}"
        f" signs{witnessed(policy)}"
    )
    if earlier is None:
        return sentence
    check_growth(read, earlier, checkpoint)  # 4
    return f"{sentence}, and it continues the earlier checkpoint of {entries(earlier.size)}"


def _read(folder: Path, tile: Tile) -> bytes:
    path = tile.path
    try:
        return files.read(folder / path, bytes_max(tile))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise Wrong(f"{path} is missing") from error
    except ValueError as error:
        raise Wrong(f"{path} is {error}") from error
    except OSError as error:
        raise NotChecked(f"{path} cannot be read: {files.reason(error)}") from error


def _check_no_more(folder: Path, size: int) -> None:
    for path in _walk(folder, ""):
        if path != CHECKPOINT and not _belongs(path, size):
            raise Wrong(f"{path} does not belong to a log of {entries(size)}")


def _walk(folder: Path, above: str) -> Iterator[str]:
    """The path of everything that is not a folder. A link to a folder is none: it has no place."""
    try:
        found = sorted(os.scandir(folder), key=lambda each: each.name)
    except OSError as error:
        raise NotChecked(f"{folder} cannot be read: {files.reason(error)}") from error
    for each in found:
        if each.is_dir(follow_symlinks=False):
            yield from _walk(folder / each.name, f"{above}{each.name}/")
        else:
            yield above + each.name


def _belongs(path: str, size: int) -> bool:
    """Whether it is the path of a tile, or of a file of entries, of the log of that size."""
    try:
        tile = tiles.parse_path(path)
    except TileError:
        return False
    hashes = size >> (max(tile.level, 0) * merkle.TILE_HEIGHT)
    return tile.width == min(hashes - tile.n * WIDTH, WIDTH)
