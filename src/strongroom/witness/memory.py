"""What was signed last, for each log: one file each, on disk before anybody hears of it.

The file is the log's own checkpoint as it came, so whoever looks after the witness can read it, and
it says itself whether it is whole: the log's signature is in it.
"""

import fcntl
import hashlib
import os
from pathlib import Path
from typing import Final

from strongroom.tlog.notes import NOTE_BYTES_MAX
from strongroom.witness.refusals import CannotServe

_BEGUN: Final = "begun"  # made by `init` alone: an empty folder is a memory that was lost
_NOTE: Final = ".checkpoint"
_DRAFT: Final = ".draft"
_DIRECTORY: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


def begin(directory: Path) -> None:
    """Make the memory of a new witness, which has signed nothing. Raises `OSError`."""
    directory.mkdir(mode=0o700)
    (directory / _BEGUN).touch(mode=0o600)


class Memory:
    """A directory that one process uses. Raises `CannotServe` when another does, or it is missing.

    It is not made here, and not begun anew in an empty folder: a witness whose memory was lost
    would sign whatever it is shown first.
    """

    def __init__(self, directory: Path) -> None:
        try:
            self._directory = os.open(directory, _DIRECTORY)
        except OSError as error:
            raise _lost(directory, error) from error
        try:
            os.stat(_BEGUN, dir_fd=self._directory)
        except OSError as error:
            os.close(self._directory)
            raise _lost(directory / _BEGUN, error) from error
        try:
            fcntl.flock(self._directory, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._directory)
            raise CannotServe(f"another witness uses the state directory {directory}") from error

    def close(self) -> None:
        """Let another process use the directory."""
        os.close(self._directory)

    def recall(self, origin: str) -> bytes | None:
        """The last checkpoint that was kept of this log, or None if none ever was."""
        try:
            descriptor = os.open(
                _name(origin) + _NOTE, os.O_RDONLY | os.O_CLOEXEC, dir_fd=self._directory
            )
        except FileNotFoundError:
            return None
        with os.fdopen(descriptor, "rb") as file:
            return file.read(NOTE_BYTES_MAX + 1)

    def keep(self, origin: str, note: bytes) -> None:
        """Return when the checkpoint is on disk in place of the one before. Raises `OSError`.

        After a crash there is the old one or the new one. If it fails, it may be either: the caller
        signs nothing, and asks again before it goes on.
        """
        draft, name = _name(origin) + _DRAFT, _name(origin) + _NOTE
        descriptor = os.open(
            draft,
            os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW,
            0o600,
            dir_fd=self._directory,
        )
        with os.fdopen(descriptor, "wb") as file:
            file.write(note)
            file.flush()
            os.fsync(descriptor)
        os.replace(draft, name, src_dir_fd=self._directory, dst_dir_fd=self._directory)
        os.fsync(self._directory)


def _lost(path: Path, error: OSError) -> CannotServe:
    return CannotServe(
        f"the state {path} cannot be used ({error.strerror});"
        " `strongroom-witness init` makes one, and a witness never goes on without its own"
    )


def _name(origin: str) -> str:
    # An origin has slashes, and may have more than a file's name can hold.
    return hashlib.sha256(origin.encode()).hexdigest()
