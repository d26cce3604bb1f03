"""Reading files of which nothing is known, and keeping one so that it is whole or not there."""

import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path

from strongroom.verify.verdicts import NotChecked


def read(path: Path, bytes_max: int) -> bytes:
    """The content of a plain file. Raises `OSError`, and `ValueError` if it is longer or no file.

    What is there may be a pipe or a device, put there to hold us up or to fill the memory: it is
    opened without waiting, looked at, and read only as far as it can be of use.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise ValueError("not a plain file")
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            content = file.read(bytes_max + 1)
    finally:
        os.close(descriptor)
    if len(content) > bytes_max:
        raise ValueError(f"longer than {bytes_max} bytes")
    return content


def read_own(path: Path, bytes_max: int) -> bytes:
    """A file that the auditor named. Raises `NotChecked`."""
    try:
        return read(path, bytes_max)
    except OSError as error:
        raise NotChecked(f"{path} cannot be read: {reason(error)}") from error
    except ValueError as error:
        raise NotChecked(f"{path} cannot be used: it is {error}") from error


def replace(path: Path, content: bytes) -> None:
    """Return when the file, with this content, is on disk. Raises `NotChecked`.

    After a crash there is the old file or the new one, never a part.
    """
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(descriptor)
            draft.replace(path)
        finally:
            with suppress(OSError):
                draft.unlink(missing_ok=True)
        directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
    except OSError as error:
        raise NotChecked(f"{path} cannot be written: {reason(error)}") from error


def reason(error: OSError) -> str:
    """What the system says, without the path."""
    return error.strerror or type(error).__name__
