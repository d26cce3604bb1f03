"""How records are read: as they are, whatever an edit may have left in them."""

from collections.abc import Sequence
from typing import Any, Final

from strongroom.domain.records import Kind, Record

# Each column only if it is of the type that we wrote, else NULL: see _record. Text comes as bytes,
# because an edit may have left something that is not UTF-8.
COLUMNS: Final = ", ".join(
    f"CASE typeof({column}) WHEN '{kind}' THEN "
    + (f"CAST({column} AS BLOB) END" if kind == "text" else f"{column} END")
    for column, kind in {
        "id": "blob",
        "namespace": "blob",
        "name": "text",
        "revision": "integer",
        "request": "text",
        "body": "text",
        "mac": "blob",
    }.items()
)


def record(kind: Kind, row: Sequence[Any]) -> Record:
    """A row as it is; without a MAC if a column is not of the type that we wrote."""
    record_id, namespace, name, revision, request, body, mac = row
    sound = None not in row and revision >= 0
    texts = []
    for value in (name, request):
        try:
            texts.append((value or b"").decode())
        except UnicodeDecodeError:
            texts.append("")
            sound = False
    return Record(
        kind,
        record_id or b"",
        namespace or b"",
        texts[0],
        revision if sound else 0,
        texts[1],
        body or b"",
        mac if sound else b"",
    )
