"""The table of formats. To add one: one file here, one row."""

from collections.abc import Callable
from typing import Final, NamedTuple

from strongroom.export import cef, cloudtrail, csv_lines, json_lines, ocsf
from strongroom.export.entry import Entry


class Format(NamedTuple):
    """A format. `header` stands once before the first line. `line` never raises for an `Entry`."""

    line: Callable[[Entry], bytes]
    media_type: str
    suffix: str
    summary: str
    header: bytes = b""


FORMATS: Final[dict[str, Format]] = {
    "jsonl": Format(
        json_lines.line, "application/jsonl", ".jsonl",
        "JSON Lines: each entry as it was hashed, so that it can be checked",
    ),
    "csv": Format(
        csv_lines.line, "text/csv; charset=utf-8; header=present", ".csv",
        "CSV (RFC 4180) that a spreadsheet opens without running anything",
        csv_lines.header(),
    ),
    "cloudtrail": Format(
        cloudtrail.line, "application/jsonl", ".jsonl",
        "Records in the shape of AWS CloudTrail's",
    ),
    "ocsf": Format(
        ocsf.line, "application/jsonl", ".jsonl",
        f"OCSF {ocsf.SCHEMA_VERSION}, class 6003 (API Activity)",
    ),
    "cef": Format(
        cef.line, "text/plain; charset=utf-8", ".cef",
        "ArcSight CEF:0",
    ),
}  # fmt: skip
