"""Entries in files, in the places where C2SP tlog-tiles has them: 256 to a file.

    tile/entries/x001/234     the entries, each after its length
    tile/0/x001/234           their hashes

What is in a file was on disk before the database let go of it, is never changed, and is believed
only as far as the hashes that the database has kept.
"""

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from strongroom.adapters.files import sync_directory
from strongroom.ports.store import StoreDamaged, StoreUnavailable
from strongroom.tlog import tiles
from strongroom.tlog.errors import TileError
from strongroom.tlog.merkle import leaf_hash
from strongroom.tlog.tiles import WIDTH, Tile

_BYTES_MAX: Final = WIDTH * (2 + tiles.ENTRY_BYTES_MAX)
_REMEMBERED: Final = 4  # files; whoever reads on is in the same one mostly


class Archive:
    """A directory of such files. One thread writes and reads it."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._known: dict[int, list[bytes]] = {}

    def keep(self, number: int, entries: Sequence[bytes]) -> None:
        """Return when the files with these 256 entries are on disk.

        Raises `StoreUnavailable` when that is not possible, or others are there already.
        """
        hashes = b"".join([leaf_hash(entry) for entry in entries])
        try:
            self._write(Tile(tiles.ENTRIES, number), tiles.bundle(entries))
            self._write(Tile(0, number), hashes)
        except (OSError, TileError) as error:
            raise StoreUnavailable(f"the archive cannot be written: {error}") from error

    def entry(self, position: int, leaf: bytes) -> bytes:
        """The entry at that position, which has that hash. Raises `StoreDamaged`."""
        number, at = divmod(position, WIDTH)
        entries = self._known.get(number)
        if entries is None:
            entries = self._read(number)
            if len(self._known) >= _REMEMBERED:
                del self._known[next(iter(self._known))]
            self._known[number] = entries
        if leaf_hash(entries[at]) != leaf:
            raise StoreDamaged(f"entry {position} in the archive is not what was put there")
        return entries[at]

    def _read(self, number: int) -> list[bytes]:
        path = self._directory / Tile(tiles.ENTRIES, number).path
        try:
            # Not blocking: whatever else than a file is there must not hold us up.
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
            with os.fdopen(descriptor, "rb") as file:
                return tiles.unbundle(file.read(_BYTES_MAX + 1), WIDTH)
        except OSError as error:
            raise StoreDamaged(f"{path} cannot be read: {error.strerror}") from error
        except TileError as error:
            raise StoreDamaged(f"{path} is not what was put there") from error

    def _write(self, tile: Tile, content: bytes) -> None:
        path = self._directory / tile.path
        with suppress(FileNotFoundError):
            if path.read_bytes() != content:
                raise FileExistsError(f"{path} holds something else")
            # Perhaps of one who ended before it was on disk.
            _sync(path)
            sync_directory(path.parent)
            return
        self._make(path.parent)
        half = path.with_name(f"{path.name}.new")
        half.unlink(missing_ok=True)
        descriptor = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(descriptor)
        half.replace(path)
        sync_directory(path.parent)

    def _make(self, directory: Path) -> None:
        """The directory and those above it, durably."""
        if directory.is_dir():
            return
        self._make(directory.parent)
        directory.mkdir(mode=0o700)
        sync_directory(directory.parent)


def archive_beside(path: str) -> Path:
    """Where old entries of that database are. It may be a link to a directory on another disk."""
    return Path(path).parent / "archive"


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
