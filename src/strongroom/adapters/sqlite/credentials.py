"""Credentials' rows: found, and moved by one conditional statement each."""

from collections.abc import Sequence
from typing import Any, Final

import apsw

from strongroom.domain.otp.credential import DECOY, CredentialRow
from strongroom.ports.store import ANY_REVISION, Move

# As they are, whatever an edit may have left: what is of another type than was written is NULL, and
# a row with a NULL gets no MAC. Text comes as bytes, because it need not be UTF-8.
_COLUMNS: Final = ", ".join(
    f"CASE typeof({column}) WHEN '{kind}' THEN "
    + (f"CAST({column} AS BLOB) END" if kind == "text" else f"{column} END")
    for column, kind in {
        "id": "blob", "namespace": "blob", "user": "blob", "revision": "integer", "state": "text",
        "due_us": "integer", "body": "blob", "mac": "blob",
    }.items()
)  # fmt: skip
ALL: Final = f"SELECT {_COLUMNS} FROM credentials"  # noqa: S608 - columns of ours
_ONE: Final = f"{ALL} WHERE namespace = ? AND id = ?"
_OF_USER: Final = f"{ALL} WHERE user = ? AND length(user) > 0 AND namespace = ? ORDER BY id LIMIT ?"
_DUE: Final = (
    f"{ALL} WHERE due_us > 0 AND due_us <= ? ORDER BY due_us, namespace, id LIMIT ? OFFSET ?"
)
_PAGE: Final = (
    f"{ALL} WHERE namespace = ? AND id > ? AND CAST(state AS BLOB) <> CAST('{DECOY}' AS BLOB)"
    " ORDER BY id LIMIT ?"
)
_MOVE: Final = (
    "UPDATE credentials SET user = ?, revision = ?, state = ?, due_us = ?, body = ?, mac = ?"
    " WHERE namespace = ? AND id = ? AND revision = ?"
)
_NEW: Final = "INSERT OR IGNORE INTO credentials VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
_ANY: Final = "INSERT OR REPLACE INTO credentials VALUES (?, ?, ?, ?, ?, ?, ?, ?)"


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


def move(db: apsw.Connection, wanted: Move) -> bool:
    """Whether the row was put in the place of the revision that the move names."""
    row = wanted.row
    if wanted.replaces > 0:
        db.execute(
            _MOVE,
            (row.user, row.revision, row.state, row.due_us, row.body, row.mac, row.namespace,
             row.id, wanted.replaces),
        )  # fmt: skip
    else:
        db.execute(
            _ANY if wanted.replaces == ANY_REVISION else _NEW,
            (row.namespace, row.id, row.user, row.revision, row.state, row.due_us, row.body,
             row.mac),
        )  # fmt: skip
    return db.changes() == 1


def credential(row: Sequence[Any]) -> CredentialRow:
    """A row as it is; without a MAC if a column is not of the type that we wrote."""
    credential_id, namespace, user, revision, state, due_us, body, mac = row
    sound = None not in row and revision >= 0 and due_us >= 0
    try:
        text = (state or b"").decode()
    except UnicodeDecodeError:
        text, sound = "", False
    return CredentialRow(
        credential_id or b"", namespace or b"", user or b"", revision if sound else 0, text,
        due_us if sound else 0, body or b"", mac if sound else b"",
    )  # fmt: skip
