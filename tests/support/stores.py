"""Entries for a store, and what is left of a store that was killed."""

import shutil
from pathlib import Path

from strongroom.adapters.sqlite.store import SQLiteStore
from strongroom.ports.store import Entry
from tests.support.uses import NAMESPACE, REQUEST


def entry(number=0, **changes):
    values = {
        "time_us": 1_700_000_000_000_000 + number,
        "namespace": NAMESPACE,
        "principal": "app",
        "object": "key/demo",
        "action": "key.encrypt",
        "outcome": "allowed",
        "request": REQUEST,
        "body": b'{"number":%d}' % number,
    }
    return Entry(**(values | changes))


def copied(store, tmp_path):
    """What a process that was killed now would leave to its successor."""
    killed = tmp_path / "killed.db"
    for suffix in ("", "-wal"):
        shutil.copy(f"{store._path}{suffix}", f"{killed}{suffix}")
    Path(f"{killed}-shm").unlink(missing_ok=True)
    return SQLiteStore.open(str(killed))
