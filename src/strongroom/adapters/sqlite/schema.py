"""The file itself: how it is made, recognised, brought to the newest schema, and connected to."""

import os
from importlib.resources import files
from pathlib import Path
from typing import Final

import apsw

from strongroom.adapters.files import sync_directory
from strongroom.adapters.sqlite import tree
from strongroom.ports.store import StoreDamaged, StoreRefused
from strongroom.tlog.merkle import Frontier

APPLICATION_ID: Final = 0x5374726D  # "Strm"
# Each brings the schema before it to its own. Read now: later a room may not read the program.
_STEPS: Final = tuple(
    files(__package__).joinpath(name).read_text()
    for name in ("0001_initial.sql", "0002_life.sql", "0003_log.sql", "0004_credentials.sql")
)
SCHEMA: Final = len(_STEPS)
_SUBTREES_SINCE: Final = 3
_BUSY_MS: Final = 2_000


def create(path: str, deployment: bytes) -> apsw.Connection:
    """A new, empty store. Raises `StoreRefused` when there is a file already."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except FileExistsError as error:
        raise StoreRefused(f"{path} exists already") from error
    except OSError as error:
        raise StoreRefused(f"{path} cannot be made: {error.strerror}") from error
    try:
        db = connect(path, None)
        _durably(db)
        with db:
            db.execute(_STEPS[0])
            db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            db.executemany(
                "INSERT INTO meta VALUES (?, ?)",
                [("deployment", deployment), ("epoch", 0), ("frontier", Frontier().to_bytes())],
            )
            _bring_up(db, 1)
        sync_directory(Path(path).parent)
    except (apsw.Error, OSError) as error:
        Path(path).unlink()  # ours, and half made
        raise StoreRefused(f"{path} cannot be made: {error}") from error
    return db


def open_newest(path: str, vfs: str | None) -> apsw.Connection:
    """An existing store, at the newest schema. Raises `StoreRefused`: foreign, newer, damaged.

    It is brought up in one transaction: whatever happens, the file is of one schema or the other.
    """
    try:
        db = connect(path, vfs)
        # Looked at before anything is changed: it may be somebody else's database.
        application = db.pragma("application_id")
        schema = db.pragma("user_version")
    except apsw.Error as error:
        raise StoreRefused(f"{path} is not a Strongroom store: {error}") from error
    if application != APPLICATION_ID:
        raise StoreRefused(f"{path} is not a Strongroom store")
    if not 1 <= schema <= SCHEMA:
        age = "a newer" if schema > SCHEMA else "an older"
        raise StoreRefused(
            f"{path} is of {age} Strongroom (schema {schema}; this one knows {SCHEMA})"
        )
    try:
        _durably(db)
        if schema < SCHEMA:
            with db:
                _bring_up(db, schema)
    except (apsw.Error, StoreDamaged) as error:
        raise StoreRefused(f"{path} is damaged, or cannot be written: {error}") from error
    return db


def connect(path: str, vfs: str | None, *, read_only: bool = False) -> apsw.Connection:
    """A connection that waits a moment for the other one."""
    flags = apsw.SQLITE_OPEN_READONLY if read_only else apsw.SQLITE_OPEN_READWRITE
    db = apsw.Connection(path, flags=flags, vfs=vfs)
    db.set_busy_timeout(_BUSY_MS)
    return db


def _durably(db: apsw.Connection) -> None:
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    # What is replaced is overwritten, and no page of it gets into a temporary file.
    db.execute("PRAGMA secure_delete = ON")
    db.execute("PRAGMA temp_store = MEMORY")


def _bring_up(db: apsw.Connection, schema: int) -> None:
    for step in _STEPS[schema:]:
        db.execute(step)
    if schema < _SUBTREES_SINCE:
        tree.rebuild(db)
    db.execute(f"PRAGMA user_version = {SCHEMA}")
