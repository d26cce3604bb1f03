"""The write-ahead log: written back into the database beside the commits, or cut to nothing.

What is committed is on disk, in the log. Writing it back takes as long as some tens of commits when
rows at random places were changed, so another thread does that, on a connection of its own, while
commits go on. If it does not keep up, the committing thread writes back what is left.
"""

import threading
from contextlib import suppress
from typing import Final

import apsw

from strongroom.adapters.sqlite import schema

_PAGES: Final = 1_000  # so many more are worth writing back: SQLite's own number
_PAGES_MAX: Final = 8_000  # 32 MB; then no commit goes on before it is done


class Ahead:
    """Of one database, whose writer's connection it is told. `write_back` is for any thread."""

    def __init__(self, db: apsw.Connection, path: str, vfs: str | None) -> None:
        self._db = db
        self._path = path
        self._vfs = vfs
        self._side: apsw.Connection | None = None
        self._closed = False
        self._turn = threading.Lock()  # one writes back at a time; SQLite refuses a second one
        self._pages = 0
        self._back = 0
        db.set_wal_hook(self._grown)

    @property
    def waits(self) -> bool:
        """Whether there is enough to write back."""
        pages, back = self._pages, self._back
        return pages - (back if back <= pages else 0) >= _PAGES

    def write_back(self) -> None:
        """Write back what is in the log by now. Nothing is lost if that fails."""
        with self._turn, suppress(apsw.Error):
            if self._closed:
                return
            if self._side is None:
                self._side = schema.connect(self._path, self._vfs)
                self._side.execute("PRAGMA synchronous = FULL")
            _, self._back = self._side.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)

    def cut(self) -> bool:
        """Write all of it back and leave nothing in its file. Whether that was done."""
        with self._turn, suppress(apsw.Error):
            # Waits a moment for the reader, whose calls are short.
            self._db.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
            return True
        return False

    def close(self) -> None:
        """Let go of the file, before the writer does."""
        with self._turn:
            self._closed = True
            if self._side is not None:
                self._side.close()

    def _grown(self, db: apsw.Connection, name: str, pages: int) -> int:
        """A commit is done; the log has so many pages. It may have begun anew."""
        del name
        if pages < self._pages:
            self._back = 0
        self._pages = pages
        if pages >= _PAGES_MAX and self._turn.acquire(blocking=False):
            try:
                with suppress(apsw.Error):
                    _, self._back = db.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
            finally:
                self._turn.release()
        return apsw.SQLITE_OK
