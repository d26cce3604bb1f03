"""Credentials' rows: found, and moved by a conditional statement.

A row stays where it is and as long as it is, so that whatever it says can be overwritten there; see
`0004_credentials.sql`. Nearly every move is one statement, which changes one page.
"""

from collections.abc import Sequence
from typing import Any, Final

import apsw

from strongroom.domain.otp.credential import DECOY, CredentialRow
from strongroom.ports.store import ANY_REVISION, Move

_STEP: Final = 32  # small rooms are multiples of it, so that an old place fits many
_SMALL: Final = 512  # nearly all rows have no more
_LARGE_STEP: Final = 128
_SPARE: Final = 24  # what a body grows by in its first weeks: times and counters that were 0
_ROOM_MIN: Final = 192  # whatever else a row has, its body is long enough for a header of one size
_ROOM_MAX: Final = 32_767
_END: Final = b"\x80"  # of the body; zeros follow

# As they are, whatever an edit may have left: what is of another type than was written is NULL, and
# a row with a NULL gets no MAC. Text comes as bytes, because it need not be UTF-8.
COLUMNS: Final = ", ".join(
    f"CASE typeof({column}) WHEN '{kind}' THEN "
    + (f"CAST({column} AS BLOB) END" if kind == "text" else f"{column} END")
    for column, kind in {
        "id": "blob", "namespace": "blob", "user": "blob", "revision": "integer", "state": "text",
        "due_us": "integer", "body": "blob", "mac": "blob",
    }.items()
)  # fmt: skip
_ALL: Final = f"SELECT {COLUMNS} FROM credentials"  # noqa: S608 - columns of ours
_ONE: Final = f"{_ALL} WHERE namespace = ? AND id = ? AND live = 1"
_OF_USER: Final = (
    f"{_ALL} WHERE user = ? AND length(user) > 0 AND live = 1 AND namespace = ? ORDER BY id LIMIT ?"
)
_DUE: Final = (
    f"{_ALL} WHERE due_us > 0 AND due_us <= ? AND live = 1 ORDER BY due_us, slot LIMIT ? OFFSET ?"
)
_PAGE: Final = (
    f"{_ALL} WHERE namespace = ? AND id > ? AND live = 1"
    f" AND CAST(state AS BLOB) <> CAST('{DECOY}' AS BLOB) ORDER BY id LIMIT ?"
)

_BODY: Final = "body = CAST(? || zeroblob(room - ?) AS BLOB)"
_HERE: Final = "WHERE namespace = ? AND id = ? AND live = 1 AND (revision = ? OR ? = -1)"
_FITS: Final = "AND room BETWEEN ? AND ?"
# SQLite writes an index anew for a column that is named, though it stays as it is.
_MOVE: Final = (
    f"UPDATE credentials SET revision = ?, state = ?, mac = ?, {_BODY}"  # noqa: S608 - columns of ours
    f" {_HERE} {_FITS} AND user = ? AND due_us = ?"
)
_MOVE_ALL: Final = (
    f"UPDATE credentials SET revision = ?, state = ?, mac = ?, {_BODY}, user = ?, due_us = ?"  # noqa: S608 - columns of ours
    f" {_HERE} {_FITS}"
)
_BLANK: Final = (
    "UPDATE credentials SET live = 0, body = zeroblob(length(CAST(body AS BLOB)))"  # noqa: S608 - columns of ours
    f" {_HERE}"
)
_REUSE: Final = (
    "UPDATE OR IGNORE credentials SET namespace = ?, id = ?, user = ?, revision = ?, state = ?,"
    " due_us = ?, mac = ?, body = ?, live = 1"
    " WHERE slot = (SELECT slot FROM credentials WHERE live = 0 AND room = ? LIMIT 1)"
)
_APPEND: Final = (
    "INSERT OR IGNORE INTO credentials"
    " (namespace, id, user, revision, state, due_us, mac, body, room)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
)


def load(db: apsw.Connection, namespace: bytes, ids: Sequence[bytes]) -> list[CredentialRow | None]:
    """The rows, in the order asked."""
    found = []
    for credential_id in ids:
        row = db.execute(_ONE, (namespace, credential_id)).fetchone()
        found.append(None if row is None else credential(row))
    return found


def of_user(db: apsw.Connection, namespace: bytes, user: bytes, limit: int) -> list[CredentialRow]:
    """A user's rows, in the order of their ids."""
    return [credential(row) for row in db.execute(_OF_USER, (user, namespace, max(limit, 0)))]


def due(db: apsw.Connection, now_us: int, limit: int, skip: int) -> list[CredentialRow]:
    """Rows of any namespace that are due, the longest due first."""
    return [credential(row) for row in db.execute(_DUE, (now_us, max(limit, 0), max(skip, 0)))]


def page(db: apsw.Connection, namespace: bytes, after: bytes, limit: int) -> list[CredentialRow]:
    """A namespace's rows in the order of ids, without decoys."""
    return [credential(row) for row in db.execute(_PAGE, (namespace, after, max(limit, 0)))]


def move(db: apsw.Connection, wanted: Move, *, erases: bool) -> bool:
    """Whether the row was put in the place of the revision that the move names.

    False: nothing was changed. One that erases does not stay where there is more room than it
    needs, as what came and went with it, such as a link, would be paid for ever after.
    """
    row, replaces = wanted.row, wanted.replaces
    taken = _taken(row)
    room = _room(taken + _SPARE)
    if replaces:
        said = row.revision, row.state, row.mac, row.body + _END, taken
        here = row.namespace, row.id, replaces, replaces
        fits = taken, room if erases else _ROOM_MAX
        others = row.user, row.due_us
        db.execute(_MOVE, said + here + fits + others)
        if db.changes():
            return True
        db.execute(_MOVE_ALL, said + others + here + fits)
        if db.changes():
            return True
        db.execute(_BLANK, here)
        if not db.changes() and replaces != ANY_REVISION:
            return False
    return _place(db, row, room, row.body + _END + bytes(room - taken))


def _place(db: apsw.Connection, row: CredentialRow, room: int, body: bytes) -> bool:
    """Whether there was no such row, and this one has a place now."""
    values = (
        row.namespace, row.id, row.user, row.revision, row.state, row.due_us, row.mac, body, room,
    )  # fmt: skip
    for statement in (_REUSE, _APPEND):
        db.execute(statement, values)
        if db.changes():
            return True
    return False


def _room(least: int) -> int:
    step = _STEP if least <= _SMALL else _LARGE_STEP
    return max(_ROOM_MIN, -(-least // step) * step)


def _taken(row: CredentialRow) -> int:
    """The bytes of its columns that are not always as long; of the body with its end."""
    return (
        len(row.namespace) + len(row.id) + len(row.user) + len(row.state) + len(row.mac)
        + len(row.body) + len(_END) + _bytes(row.revision) + _bytes(row.due_us)
    )  # fmt: skip


def _bytes(number: int) -> int:
    """What SQLite needs for it (File Format, 2.1: serial types)."""
    if number in {0, 1}:
        return 0
    length = number.bit_length() // 8 + 1
    return length if length <= 4 else 6 if length <= 6 else 8  # noqa: PLR2004 - there is no 5, no 7


def credential(row: Sequence[Any]) -> CredentialRow:
    """A row as it is; without a MAC if a column is not as we write it."""
    credential_id, namespace, user, revision, state, due_us, filled, mac = row
    body = (filled or b"").rstrip(b"\0")
    sound = None not in row and revision >= 0 and due_us >= 0 and body.endswith(_END)
    try:
        text = (state or b"").decode()
    except UnicodeDecodeError:
        text, sound = "", False
    return CredentialRow(
        credential_id or b"", namespace or b"", user or b"", revision if sound else 0, text,
        due_us if sound else 0, body.removesuffix(_END), mac if sound else b"",
    )  # fmt: skip
