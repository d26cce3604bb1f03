"""A dev directory as it was left long ago, for a node to find: what is due since need not be waited
for.
"""

import time

import apsw
import msgspec

from strongroom.domain.records import Kind
from strongroom.domain.things import Version
from strongroom.domain.times import DAY_US
from tests.support.desks import House


def abandoned(directory, *, days):
    """A deployment founded so many days ago, with tokens that last. `left` ends work with it."""
    directory.mkdir(mode=0o700)
    now_us = time.time_ns() // 1000 - days * DAY_US
    house = House(directory / "strongroom.db", now_us=now_us)
    house.store._db.execute("PRAGMA synchronous = OFF")  # a power cut is not the subject
    house.lasting()
    return house


def left(house, directory):
    """Put beside the store what `strongroom dev` leaves there, and let go of it."""
    house.store.close()
    files = {
        "ONLY-FOR-DEVELOPMENT-root-key": f"strongroom root key 1 {house.root.hex()}\n",
        "dev.env": (
            f"STRONGROOM_URL=\nSTRONGROOM_TOKEN={house.admin}\nSTRONGROOM_APP_TOKEN={house.app}\n"
        ),
    }
    for name, text in files.items():
        (directory / name).write_text(text)
        (directory / name).chmod(0o600)


def wrapped(path):
    """The material that the store has, base64 as it stands in the rows."""
    db = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        rows = db.execute(
            "SELECT CAST(body AS BLOB) FROM records WHERE live = 1 AND kind = ?", (Kind.VERSION,)
        )
        bodies = [msgspec.json.decode(body, type=Version) for (body,) in rows]
    finally:
        db.close()
    return {msgspec.to_builtins(body)["wrapped"].encode() for body in bodies if body.wrapped}


def files_have(path, marks):
    """Which of these are still in the store's files."""
    content = b"".join(
        file.read_bytes() for file in path.parent.glob(path.name + "*") if file.is_file()
    )
    return {mark for mark in marks if mark in content}
