"""How fast `strongroom-verify` reads an exported log."""

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final, NamedTuple

from bench.log import body
from strongroom.tlog import keys, merkle, notes, tiles
from strongroom.tlog.checkpoints import Checkpoint
from strongroom.tlog.tiles import ENTRIES, Tile

ENTRIES_MAX: Final = 1_000_000


class Verified(NamedTuple):
    """A folder of so many entries, and how long the program took."""

    entries: int
    entry_bytes: float
    seconds: float


def verified(entries: int) -> Verified:
    """Write a folder as `strongroom audit export --folder` does, and have it verified."""
    signer = keys.NoteSigner("bench.example/log", bytes(32))
    with tempfile.TemporaryDirectory() as directory:
        folder = Path(directory, "log")
        size = _write(folder, entries, signer)
        command = [sys.executable, "-m", "strongroom.verify", "folder", str(folder)]
        began = time.perf_counter()
        subprocess.run(
            [*command, "--key", str(signer.vkey)], check=True, capture_output=True, timeout=600
        )
        return Verified(entries, size / entries, time.perf_counter() - began)


def _write(folder: Path, entries: int, signer: keys.NoteSigner) -> int:
    size, row = 0, []
    for tile in tiles.tiles(ENTRIES, entries):
        bodies = [body(node.number) for node in tile.nodes]
        size += sum(map(len, bodies))
        _keep(folder, tile, tiles.bundle(bodies))
        row += [merkle.leaf_hash(entry) for entry in bodies]
    frontier = merkle.Frontier()
    frontier.extend(row)
    for level in tiles.levels(entries):
        above = []
        for tile in tiles.tiles(level, entries):
            hashes = row[tile.n * tiles.WIDTH : tile.n * tiles.WIDTH + tile.width]
            _keep(folder, tile, b"".join(hashes))
            above.append(merkle.root(hashes))
        row = above
    text = Checkpoint(signer.vkey.name, entries, frontier.root()).text
    (folder / "checkpoint").write_bytes(notes.sign(text, [signer]).to_bytes())
    return size


def _keep(folder: Path, tile: Tile, content: bytes) -> None:
    path = folder / tile.path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
