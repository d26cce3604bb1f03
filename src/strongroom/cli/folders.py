"""The whole log in a folder: `checkpoint`, `tile/...` and `tile/entries/...` as C2SP has them.

In this order, so that whatever interrupts it, running it again goes on from there:

1. Fetch the newest checkpoint. It must be of the folder's log, and not of a shorter one.
2. Fetch every tile of its tree that is not there: a full one never changes.
3. Remove what only the former tree had: tiles that have grown.
4. Replace the checkpoint, last: until then the folder is what it was, with more in it.
"""

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from strongroom.cli import files, screen
from strongroom.cli.exits import Exit
from strongroom.cli.failures import CommandError, Failure, usage
from strongroom.cli.session import Session
from strongroom.client.problems import ProblemError, UnreachableError

if TYPE_CHECKING:
    from strongroom.tlog.checkpoints import Checkpoint
    from strongroom.tlog.tiles import Tile

_CHECKPOINT: Final = "checkpoint"
_MODE: Final = 0o600  # entries say who did what
_DRAFT: Final = re.compile(r"\..*\.[0-9a-f]{16}")  # what `files.write` may have left
_RETRY_SECONDS: Final = (1.0, 2.0, 4.0, 8.0)


def fill(at: Session, folder: Path) -> None:
    """Make the folder hold the whole log as of now."""
    from strongroom.client import evidence
    from strongroom.tlog import tiles
    from strongroom.tlog.tiles import ENTRIES

    at.needs("audit.read-checkpoint", before="audit.read-entries")
    raw = at.ask(evidence.read_checkpoint()).content  # 1
    newest = _stated(raw, "what the server answered")
    _compare(folder, newest)
    wanted = [
        tile
        for level in (ENTRIES, *tiles.levels(newest.size))
        for tile in tiles.tiles(level, newest.size)
    ]
    missing = [tile for tile in wanted if not (folder / tile.path).is_file()]
    with screen.progress(len(missing)) as advance:
        for tile in missing:  # 2
            _fetch(at, folder, tile)
            advance(1)
    _remove_grown(folder, {tile.path for tile in wanted})  # 3
    _write(folder / _CHECKPOINT, raw)  # 4
    screen.done(
        f"{folder} has all {newest.size:,} entries of {newest.origin};"
        f" {len(missing):,} of {len(wanted):,} files were fetched."
    )
    screen.note(f"To verify it: strongroom-verify folder {folder} --key KEY")


def _compare(folder: Path, newest: "Checkpoint") -> None:
    """Refuse to mix two logs in one folder, and say so when one has become shorter."""
    if folder.exists() and not folder.is_dir():
        raise usage(f"{folder} is not a folder.")
    try:
        former = _stated((folder / _CHECKPOINT).read_bytes(), f"{folder / _CHECKPOINT}")
    except FileNotFoundError:
        if folder.is_dir() and any(each.name != "tile" for each in folder.iterdir()):
            raise usage(f"{folder} holds something else than a log.") from None
        return
    except OSError as error:
        raise usage(f"{folder / _CHECKPOINT} cannot be read: {error.strerror}.") from None
    if former.origin != newest.origin:
        raise _refused(
            f"The folder is of the log {former.origin}, the server's is {newest.origin}.",
            "After a restore a log has another name. Export it to another folder.",
        )
    # What the log was is signed: a shorter or another one is not its continuation.
    if newest.size < former.size or (newest.size == former.size and newest.root != former.root):
        raise _refused(
            f"The server's log of {newest.size:,} entries is not a continuation of the"
            f" {former.size:,} that the folder has.",
            "Keep the folder: it is the evidence. Nothing in it was changed.",
        )


def _fetch(at: Session, folder: Path, tile: "Tile") -> None:
    from strongroom.client import proofs
    from strongroom.tlog import tiles
    from strongroom.tlog.errors import TileError

    raw = _patiently(at, tile)
    try:
        if tile.level == tiles.ENTRIES:
            tiles.unbundle(raw, tile.width)
        else:
            tiles.split(tile, raw)
    except TileError as error:
        raise proofs.unexpected(f"{tile.path}: {error}") from error
    _write(folder / tile.path, raw)


def _patiently(at: Session, tile: "Tile") -> bytes:
    """What the server has; a long export outlasts the restart of a room."""
    from strongroom.client import evidence, proofs

    call = evidence.read_tile(tile)
    for seconds in _RETRY_SECONDS:
        try:
            return at.ask(call).content
        except (ProblemError, UnreachableError) as error:
            if not proofs.is_not_yet(error):
                raise
        time.sleep(seconds)
    return at.ask(call).content


def _write(path: Path, raw: bytes) -> None:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise _refused(f"{path.parent} cannot be made: {error.strerror}.") from None
    files.write(str(path), raw, mode=_MODE, force=True)


def _remove_grown(folder: Path, wanted: set[str]) -> None:
    """Remove narrower tiles that are full now, and drafts. What else is there is not ours."""
    from strongroom.tlog import tiles
    from strongroom.tlog.errors import TileError

    for path in _files_below(folder / "tile"):
        name = path.relative_to(folder).as_posix()
        if name in wanted:
            continue
        try:
            ours = tiles.parse_path(name).width < tiles.WIDTH
        except TileError:
            ours = _DRAFT.fullmatch(path.name) is not None
        if ours:
            path.unlink(missing_ok=True)
            if path.parent.name.endswith(".p") and not any(path.parent.iterdir()):
                path.parent.rmdir()


def _files_below(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if not path.is_dir())


def _stated(raw: bytes, what: str) -> "Checkpoint":
    from strongroom.tlog import checkpoints
    from strongroom.tlog.errors import TlogError

    try:
        return checkpoints.stated(raw)
    except TlogError as error:
        raise _refused(f"{what} is no checkpoint: {error}.") from error


def _refused(what: str, advice: str = "") -> CommandError:
    return CommandError(Failure(Exit.REFUSED, what, advice))
