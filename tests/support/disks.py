"""A disk that fails when asked to: below SQLite, in its VFS.

SQLite reaches the disk through a VFS; ours counts the acts and fails one, or all from one on. A
fault comes before the act, after it ("reported as failed but done") or half way through a write.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum
from typing import Final, TypeVar

import apsw

VFS: Final = "strongroom-faults"
ERRORS: Final = {"full": apsw.FullError, "io": apsw.IOError}

T = TypeVar("T")


class When(Enum):
    """Where in the act the fault comes."""

    BEFORE = "before"
    HALF = "half"
    AFTER = "after"


class Disk:
    """What the shim asks before each act. Counts from 1."""

    def __init__(self) -> None:
        self.mend()

    def mend(self) -> None:
        """Work from now on."""
        self.count = 0
        self.nth = 0
        self.error: type[apsw.Error] = apsw.IOError
        self.when = When.BEFORE
        self.lasting = False
        self.reads = False

    def break_at(
        self,
        nth: int,
        error: type[apsw.Error],
        when: When,
        *,
        lasting: bool,
        reads: bool = False,
    ) -> None:
        """Fail at the nth act from now; if lasting, at every later one too.

        Acts are writes, flushes and cuts; reads too if so asked.
        """
        self.mend()
        self.nth, self.error, self.when, self.lasting = nth, error, when, lasting
        self.reads = reads

    @property
    def reached(self) -> bool:
        """Whether the fault has come."""
        return 0 < self.nth <= self.count

    def act(self, whole: Callable[[], T], half: Callable[[], object]) -> T:
        """Do it, or fail."""
        self.count += 1
        if not self.reached or (self.count > self.nth and not self.lasting):
            return whole()
        if self.when is When.AFTER:
            whole()
        elif self.when is When.HALF:
            half()
        raise self.error("the test's fault")


class FaultyFile(apsw.VFSFile):
    """A file on that disk."""

    def __init__(self, disk: Disk, name: str | apsw.URIFilename | None, flags: list[int]) -> None:
        super().__init__("", name, flags)
        self._disk = disk

    def xRead(self, amount: int, offset: int) -> bytes:  # noqa: N802 - SQLite's name
        """Read. Half a read is none: SQLite takes a short one for the end of the file."""
        above = super().xRead
        if not self._disk.reads:
            return above(amount, offset)
        return self._disk.act(lambda: above(amount, offset), lambda: None)

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802 - SQLite's name
        """Write."""
        above, half = super().xWrite, data[: len(data) // 2]
        self._disk.act(lambda: above(data, offset), lambda: above(half, offset))

    def xSync(self, flags: int) -> None:  # noqa: N802 - SQLite's name
        """Flush."""
        above = super().xSync
        self._disk.act(lambda: above(flags), lambda: None)

    def xTruncate(self, size: int) -> None:  # noqa: N802 - SQLite's name
        """Cut."""
        above = super().xTruncate
        self._disk.act(lambda: above(size), lambda: None)


class FaultyVFS(apsw.VFS):
    """SQLite's way to that disk."""

    def __init__(self, disk: Disk) -> None:
        super().__init__(VFS, "")
        self._disk = disk

    def xOpen(  # noqa: N802 - SQLite's name
        self, name: str | apsw.URIFilename | None, flags: list[int]
    ) -> FaultyFile:
        """Open a file."""
        return FaultyFile(self._disk, name, flags)


@contextmanager
def faulty_disk() -> Iterator[Disk]:
    """The disk behind the VFS named `VFS`. One at a time."""
    disk = Disk()
    vfs = FaultyVFS(disk)
    try:
        yield disk
    finally:
        vfs.unregister()
