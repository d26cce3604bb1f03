"""Files that hold what must not be read or lost: made whole or not at all, for the owner's eyes."""

import os
import stat
from pathlib import Path

from strongroom.ports.seal import SealRefused


def write_private(path: Path, content: bytes) -> None:
    """Make the file, mode 0600, and return when it is on disk. Raises `FileExistsError`."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(descriptor)
    sync_directory(path.parent)


def sync_directory(path: Path) -> None:
    """Return when the directory's entries are on disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_private(path: Path, bytes_max: int) -> bytes:
    """The file's content. Raises `SealRefused`: missing, too long, or readable by others."""
    try:
        # Not blocking: whatever else than a file is there must not hold us up.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise SealRefused(f"{path} cannot be read: {error.strerror}") from error
    try:
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode):
            raise SealRefused(f"{path} is not a file")
        if mode & 0o077:
            raise SealRefused(
                f"{path} may be read by others (mode {mode & 0o777:03o});"
                " it must be for nobody else: chmod 600"
            )
        content = os.read(descriptor, bytes_max + 1)
    finally:
        os.close(descriptor)
    if len(content) > bytes_max:
        raise SealRefused(f"{path} is too long to be what it should be")
    return content
