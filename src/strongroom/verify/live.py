"""Checks a running server's log against an earlier checkpoint.

    1. The checkpoint that it shows is signed by the log, and by witnesses if they are asked for.
    2. It continues the earlier checkpoint (`growth`).
    3. If that is asked for, the entries since then are what it signs (`tree`).

The new checkpoint is then the earlier one of the next time.
"""

from functools import lru_cache
from pathlib import Path
from typing import Final

from strongroom.tlog import notes
from strongroom.tlog.checkpoints import Checkpoint
from strongroom.tlog.policies import Policy
from strongroom.tlog.tiles import ENTRIES, WIDTH, Tile
from strongroom.verify import files, web
from strongroom.verify.growth import check_growth
from strongroom.verify.progress import Progress
from strongroom.verify.tree import Read, Tree, bytes_max
from strongroom.verify.trust import trusted, witnessed
from strongroom.verify.verdicts import NotChecked, Wrong, entries

_PREFIX: Final = "/audit/"
# The right edge is needed several times. Eight levels have fewer tiles.
_TILES_KEPT: Final = 64


def check(
    server: web.Server,
    policy: Policy,
    earlier: Checkpoint | None,
    *,
    each: bool,
    keeper: "Keeper",
) -> str:
    """What holds of the server's log. Raises `Wrong` and `NotChecked`."""
    try:
        raw = server.get(_PREFIX + "checkpoint", notes.NOTE_BYTES_MAX)
    except web.Missing as error:
        raise NotChecked(f"{server.url} has no audit log at {_PREFIX}checkpoint") from error
    checkpoint = trusted(raw, policy, "the server's checkpoint")  # 1
    read = _reading(server)
    try:
        if earlier is not None:
            check_growth(read, earlier, checkpoint)  # 2
        if each:
            _check_new(read, earlier.size if earlier else 0, checkpoint)  # 3
    except Wrong:
        keeper.denounce(raw)
        raise
    keeper.keep(raw)
    return _sentence(checkpoint, earlier, each=each) + witnessed(policy)


class Keeper:
    """Keeps the new checkpoint in a file, if there is to be one.

    Raises `NotChecked`, before anything is asked, for a file that is there and is not `earlier`,
    the one that is compared with: another one may be the only witness of something.
    """

    def __init__(self, path: Path | None, earlier: Path | None) -> None:
        if path and path.exists() and (not earlier or path.resolve() != earlier.resolve()):
            raise NotChecked(
                f"{path} exists, and would be replaced without having been compared with"
            )
        self._path = path

    def keep(self, raw: bytes) -> None:
        """All was well with this checkpoint."""
        if self._path:
            files.replace(self._path, raw)

    def denounce(self, raw: bytes) -> None:
        """This one is signed and does not fit: with the earlier one it is the proof. Keep both."""
        if self._path:
            files.replace(self._path.with_name(self._path.name + ".refused"), raw)


def _check_new(read: Read, first: int, checkpoint: Checkpoint) -> None:
    if first >= checkpoint.size:
        return
    with Progress(checkpoint.size - first // WIDTH * WIDTH) as progress:
        Tree(read, checkpoint).check_entries(progress, first=first)


def _reading(server: web.Server) -> Read:
    def ask(tile: Tile) -> bytes:
        try:
            return server.get(_PREFIX + tile.path, bytes_max(tile))
        except web.Missing:
            return whole(tile)

    def whole(tile: Tile) -> bytes:
        # C2SP tlog-tiles: a log may give up a partial tile when the full one is there.
        full = Tile(tile.level, tile.n)
        try:
            if tile == full:
                raise web.Missing
            raw = server.get(_PREFIX + full.path, bytes_max(full))
        except web.Missing:
            raise Wrong(f"the server does not have {tile.path}, which its log needs") from None
        return _first_entries(raw, tile.width) if tile.level == ENTRIES else raw[: bytes_max(tile)]

    hashes = lru_cache(_TILES_KEPT)(ask)
    return lambda tile: ask(tile) if tile.level == ENTRIES else hashes(tile)


def _first_entries(raw: bytes, count: int) -> bytes:
    """The beginning of a file with entries. Whatever it is, it is still to be checked."""
    end = 0
    for _ in range(count):
        end += 2 + int.from_bytes(raw[end : end + 2], "big")
    return raw[:end]


def _sentence(new: Checkpoint, old: Checkpoint | None, *, each: bool) -> str:
    log = f"the log {new.origin} has {entries(new.size)}"
    if old is None:
        checked = ", all of which are as its checkpoint signs" if each else ""
        return f"{log}{checked}; there is no earlier checkpoint to compare it with"
    checked = f", whose {new.size - old.size} new ones are as it signs" if each else ""
    return f"{log}{checked}, and continues the earlier checkpoint of {old.size}"
