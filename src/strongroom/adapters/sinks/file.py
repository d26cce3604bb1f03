"""A file that entries are appended to, a line each, on disk when `send` returns.

At its largest size it is moved to `NAME.1`, that one to `NAME.2` and so on, and a new one begun. A
line that a crash or a full disk cut short is taken away again: its entry comes once more, whole.
"""

import os
import stat
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from strongroom.adapters.files import sync_directory
from strongroom.ports.sinks import FileSettings, Parcel, SinkFailed

_FLAGS: Final = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
_LOOKED_AT_ONCE: Final = 64 * 1024


class FileSink:
    """See `ports/sinks.py`. The file is nobody else's to write to; mode 0600."""

    def __init__(self, settings: FileSettings, header: bytes = b"") -> None:
        self._path = Path(settings.path)
        self._bytes_max = settings.bytes_max
        self._keep = settings.keep
        self._header = header
        self._file = -1
        self._size = 0

    def send(self, parcels: Sequence[Parcel]) -> bool:
        """Append and flush to disk."""
        lines = b"".join(parcel.line for parcel in parcels)
        try:
            if self._file < 0:
                self._open()
            if self._size > len(self._header) and self._size + len(lines) > self._bytes_max:
                self._rotate()
            self._append(lines)
        except OSError as error:
            self.close()
            raise SinkFailed((error.strerror or type(error).__name__).lower()) from error
        return True

    def settle(self) -> None:
        """Nothing: what was sent is on disk."""

    def close(self) -> None:
        """Let go of the file."""
        file, self._file = self._file, -1
        if file >= 0:
            with suppress(OSError):
                os.close(file)

    def _open(self) -> None:
        self._file = os.open(self._path, _FLAGS, 0o600)
        found = os.fstat(self._file)
        if not stat.S_ISREG(found.st_mode):
            raise OSError(0, "it is not a regular file")
        self._size = _whole_lines(self._file, found.st_size)
        if self._size < found.st_size:
            os.ftruncate(self._file, self._size)
        if not self._size:
            sync_directory(self._path.parent)
            self._append(self._header)

    def _append(self, lines: bytes) -> None:
        rest = memoryview(lines)
        try:
            while rest:
                rest = rest[os.write(self._file, rest) :]
            os.fsync(self._file)
        except OSError:
            with suppress(OSError):
                os.ftruncate(self._file, self._size)
            raise
        self._size += len(lines)

    def _rotate(self) -> None:
        self.close()
        for number in range(self._keep - 1, 0, -1):
            with suppress(FileNotFoundError):
                self._numbered(number).replace(self._numbered(number + 1))
        self._path.replace(self._numbered(1))
        self._open()

    def _numbered(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}")


def _whole_lines(file: int, size: int) -> int:
    """How many bytes of the file are whole lines."""
    while size:
        first = max(0, size - _LOOKED_AT_ONCE)
        end = os.pread(file, size - first, first).rfind(b"\n")
        if end >= 0:
            return first + end + 1
        size = first
    return 0
