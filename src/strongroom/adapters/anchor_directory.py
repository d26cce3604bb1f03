"""The anchor's directory: files of mode 0600, written as `ports/anchor.py` promises.

    checkpoint     replaced as a whole
    destructions   lines, only ever added to
    fenced         only there when a witness knows another log: one line that says so

For whoever owns it: the supervisor while a node runs, and the commands that run without one.
"""

import errno
import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import Final

from strongroom.adapters.files import sync_directory
from strongroom.ports.anchor import AnchorFiles
from strongroom.tlog import checkpoints, notes
from strongroom.tlog.checkpoints import Checkpoint
from strongroom.tlog.errors import TlogError

CHECKPOINT: Final = "checkpoint"
DESTRUCTIONS: Final = "destructions"
FENCED: Final = "fenced"
_NEW: Final = ".new"
_FENCED_BYTES_MAX: Final = 4_096
_DESTRUCTIONS_BYTES_MAX: Final = 1 << 30  # a million destructions of several versions each


class AnchorDirectory:
    """See the head of this module. Every method raises `OSError` when the disk fails."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._last: Checkpoint | None = None

    def make(self) -> None:
        """Make it, if it is missing: for its owner alone."""
        if not self.path.exists():
            self.path.mkdir(mode=0o700, parents=True)
            sync_directory(self.path.parent)

    def clear(self) -> None:
        """Remove the files: of a deployment that is gone. For trying things out alone."""
        for name in (CHECKPOINT, DESTRUCTIONS, FENCED):
            (self.path / name).unlink(missing_ok=True)

    def read(self) -> AnchorFiles:
        """What is there."""
        return AnchorFiles(
            self._content(CHECKPOINT, notes.NOTE_BYTES_MAX),
            self._content(DESTRUCTIONS, _DESTRUCTIONS_BYTES_MAX),
            self._content(FENCED, _FENCED_BYTES_MAX).decode(errors="replace").strip(),
        )

    def fence(self, detail: str) -> None:
        """Remember what a witness said, for every start from now on."""
        self._replace(FENCED, detail.encode()[: _FENCED_BYTES_MAX - 1] + b"\n")

    def keep(self, checkpoint: bytes, destructions: bytes, offset: int) -> None:
        """See the port. Raises `ValueError` for what the anchor must not go to."""
        if not checkpoint:  # lines alone, of a list that is long; the checkpoint comes after them
            self._add(destructions, offset)
            return
        given = _checkpoint(checkpoint)
        if self._last is None:
            present = self._content(CHECKPOINT, notes.NOTE_BYTES_MAX)
            self._last = _checkpoint(present) if present else None
        last = self._last
        if last is not None and (
            given.origin != last.origin
            or given.size < last.size
            or (given.size == last.size and given.root != last.root)
        ):
            raise ValueError("the anchor does not go back")
        self._write(checkpoint, destructions, offset)
        self._last = given

    def begin_anew(self, checkpoint: bytes, destructions: bytes, offset: int, former: str) -> None:
        """The same for the first checkpoint of a log's next generation.

        The one before is kept under the name `former`.
        """
        with suppress(FileNotFoundError, FileExistsError):  # of an attempt that was cut short
            os.link(self.path / CHECKPOINT, self.path / former)
        self._write(checkpoint, destructions, offset)
        # The new log is not the one that a witness knew something about.
        (self.path / FENCED).unlink(missing_ok=True)
        sync_directory(self.path)
        self._last = _checkpoint(checkpoint)

    def _write(self, checkpoint: bytes, destructions: bytes, offset: int) -> None:
        if destructions:
            self._add(destructions, offset)
        self._replace(CHECKPOINT, checkpoint)

    def _replace(self, name: str, content: bytes) -> None:
        new = self.path / (name + _NEW)
        descriptor = os.open(new, _FLAGS | os.O_TRUNC, 0o600)
        try:
            _written(descriptor, content, 0)
        finally:
            os.close(descriptor)
        new.replace(self.path / name)
        sync_directory(self.path)

    def _add(self, lines: bytes, offset: int) -> None:
        path = self.path / DESTRUCTIONS
        is_new = not path.exists()
        descriptor = os.open(path, _FLAGS, 0o600)
        try:
            if os.fstat(descriptor).st_size < offset:
                raise ValueError("the anchor's list of destructions is shorter than it was")
            _written(descriptor, lines, offset)
        finally:
            os.close(descriptor)
        if is_new:
            sync_directory(self.path)

    def _content(self, name: str, bytes_max: int) -> bytes:
        path = self.path / name
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        except FileNotFoundError:
            return b""
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise OSError(errno.EINVAL, "it is not a file", str(path))
            content = _read(descriptor, bytes_max + 1)
        finally:
            os.close(descriptor)
        if len(content) > bytes_max:
            raise OSError(errno.EFBIG, "it is too long to be what it should be", str(path))
        return content


_FLAGS: Final = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW


def _read(descriptor: int, bytes_max: int) -> bytes:
    """All of it, or so much that it is too long."""
    parts: list[bytes] = []
    while bytes_max and (part := os.read(descriptor, bytes_max)):
        parts.append(part)
        bytes_max -= len(part)
    return b"".join(parts)


def _written(descriptor: int, content: bytes, offset: int) -> None:
    """All of it from that place on, nothing behind it, and on disk."""
    done = 0
    while done < len(content):
        done += os.pwrite(descriptor, content[done:], offset + done)
    os.ftruncate(descriptor, offset + len(content))
    os.fsync(descriptor)


def _checkpoint(raw: bytes) -> Checkpoint:
    try:
        return checkpoints.stated(raw)
    except TlogError as error:
        raise ValueError("what the anchor keeps is not a checkpoint") from error
