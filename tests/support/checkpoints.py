"""A running node's log as an auditor beside it sees it: every checkpoint that comes by."""

import sqlite3
import threading
import time

from tests.support.notaries import Auditor

POLL_SECONDS = 0.03


class Watched:
    """Use as a context: within it, every checkpoint that the node serves is looked at."""

    def __init__(self, node):
        self._node = node
        self._end = threading.Event()
        self.times = []  # (when it was seen first, its size)
        self.notes = []
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._end.set()
        self._thread.join()

    def _watch(self):
        last = None
        while not self._end.is_set():
            note = newest(self._node.store)
            if note and note != last:
                last = note
                self.times.append((time.monotonic(), int(note.split(b"\n")[1])))
                self.notes.append(note)
            time.sleep(POLL_SECONDS)

    def covered(self, position):
        """When that entry was first seen to be in a checkpoint."""
        return next((at for at, size in self.times if size > position), None)

    def require_one_log(self, vkeys):
        """Every one of them is signed, and of the one log that is in the database now."""
        auditor = Auditor(vkeys)
        for note in self.notes:
            auditor.show(note)
        auditor.require_one_log(entry_bodies(self._node.store))
        return auditor


def newest(path):
    """The checkpoint that the database has; empty: none."""
    rows = asked(path, "SELECT note FROM checkpoints WHERE name = 'signed'")
    return rows[0][0] if rows else b""


def entry_bodies(path):
    """All entries' bodies, in order, without a gap."""
    rows = asked(path, "SELECT position, CAST(body AS BLOB) FROM entries ORDER BY position")
    assert [position for position, _ in rows] == list(range(len(rows)))
    return [body for _, body in rows]


def positions(path):
    """Request -> its entry's position."""
    return dict(asked(path, "SELECT request, position FROM entries"))


def asked(path, query):
    """Rows. By another process's library: this one has no connection that could lose its locks."""
    db = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)
    try:
        return db.execute(query).fetchall()
    finally:
        db.close()
