"""Writes the samples of docs/reference/audit-formats.md: `python tools/export_reference.py`.

A test compares the page with the program, so neither can change without the other.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from strongroom.domain.events import FORMAT, Event, Outcome, canonical
from strongroom.export.acts import ACTS, Weight
from strongroom.export.cef import SEVERITIES
from strongroom.export.entry import Entry
from strongroom.export.formats import FORMATS
from strongroom.export.ocsf import SEVERITIES as OCSF_SEVERITIES

_ROOT: Final = Path(__file__).parent.parent
PAGE: Final = _ROOT / "docs" / "reference" / "audit-formats.md"
_MARK: Final = "<!-- From here on written by tools/export_reference.py; changes are lost. -->\n"

_ALLOWED: Final = Event(
    action="key.encrypt",
    format=FORMAT,
    namespace="default",
    object="key/payments",
    outcome=Outcome.ALLOWED,
    policies=["policy:billing-encrypts"],
    principal="billing",
    request="5d1c6ee2a0b94a0c8c5c1f9c1e3b7a42",
    source="192.0.2.17",
    time="2026-01-31T12:00:00.123456Z",
    token="ge3dmnrsgfrtq",  # noqa: S106 - a token's id
    version=3,
)
_REFUSED: Final = Event(
    action="key.schedule-destruction",
    format=FORMAT,
    missing="no policy gives billing the right key.schedule-destruction on key/payments",
    namespace="default",
    object="key/payments",
    outcome=Outcome.REFUSED,
    principal="billing",
    reason="not-allowed",
    request="0b1e0d6a4a5c4f7e9f0c2d4e6a8b0c1d",
    source="2001:db8::17",
    time="2026-01-31T12:00:01.000000Z",
    token="ge3dmnrsgfrtq",  # noqa: S106 - a token's id
)


def samples() -> list[Entry]:
    """One entry of what was done, one of what was refused."""
    return [_entry(41, _ALLOWED), _entry(42, _REFUSED)]


def render() -> str:
    """The page: what stands above the mark, the weights, and the samples."""
    head, mark, _ = PAGE.read_text().partition(_MARK)
    return head + mark + "\n".join(_lines()) + "\n"


def _entry(position: int, event: Event) -> Entry:
    body = canonical(event)
    return Entry.read(position, hashlib.sha256(b"\0" + body).digest(), body)


def _lines() -> Iterator[str]:
    yield from ("", "## How much an entry matters", "")
    yield from ("| weight | CEF | OCSF | when allowed |", "| --- | --- | --- | --- |")
    for weight in Weight:
        actions = [f"`{name}`" for name, act in sorted(ACTS.items()) if act.weight is weight]
        shown = ", ".join(actions) if weight > Weight.INFORMATIONAL else "all others"
        yield (
            f"| {weight.name.lower()} | {SEVERITIES[weight]} | {OCSF_SEVERITIES[weight][0]} |"
            f" {shown or 'none'} |"
        )
    for name, format_ in FORMATS.items():
        yield from ("", f"## Sample: {name}", "", f"{format_.summary}.", "", "```text")
        raw = format_.header + b"".join(format_.line(entry) for entry in samples())
        yield from raw.decode().split("\n")[:-1] if name != "csv" else raw.decode().splitlines()
        yield "```"


if __name__ == "__main__":
    PAGE.write_text(render())
