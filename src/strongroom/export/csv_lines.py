"""CSV as RFC 4180 has it, made so that no cell becomes a formula in a spreadsheet.

Every cell stands in quotes, with its quotes doubled. A cell that begins with what begins a formula
gets an apostrophe in front: then a spreadsheet takes it as text (OWASP, "CSV Injection"). So does a
cell that begins with an apostrophe. Taking one leading apostrophe away gives each cell back as it
was.
"""

from typing import Final

import msgspec

from strongroom.export.entry import Entry

# OWASP's list, with the full-width twins that spreadsheets in Chinese or Japanese read as the same;
# NUL, which ASVS 1.2.10 adds; and the apostrophe, so that the rule can be undone.
RISKY: Final = frozenset("=+-@\uff1d\uff0b\uff0d\uff20\t\r\n\0'")

COLUMNS: Final = (
    "position", "time", "namespace", "principal", "action", "object", "version", "outcome",
    "reason", "missing", "policies", "details", "source", "token", "request", "records", "sealed",
    "format", "leaf_hash",
)  # fmt: skip

_encoder = msgspec.json.Encoder(order="sorted")


def header() -> bytes:
    """The first line. New columns come last, if ever."""
    return _row(COLUMNS)


def line(entry: Entry) -> bytes:
    """One record, with its CRLF. Lists and details are JSON; what is empty is an empty cell."""
    event = entry.event
    return _row(
        (
            str(entry.position), event.time, event.namespace, event.principal, event.action,
            event.object, str(event.version) if event.version else "", event.outcome,
            event.reason, event.missing, _json(event.policies), _json(event.details),
            event.source, event.token, event.request, _json(event.records), event.sealed,
            str(event.format), entry.leaf_hash.hex(),
        )
    )  # fmt: skip


def _row(cells: tuple[str, ...]) -> bytes:
    return (",".join(map(_cell, cells)) + "\r\n").encode()


def _cell(text: str) -> str:
    harmless = f"'{text}" if text[:1] in RISKY else text
    return '"' + harmless.replace('"', '""') + '"'


def _json(value: list[str] | dict[str, str | int | list[str]]) -> str:
    return _encoder.encode(value).decode() if value else ""
