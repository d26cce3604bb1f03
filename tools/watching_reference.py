"""Writes the rules into docs/operate/suspicious-use.md: `python tools/watching_reference.py`.

A test compares the page with the table, so neither can change without the other.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from strongroom.watching.rules import RULES

PAGE: Final = Path(__file__).parent.parent / "docs" / "operate" / "suspicious-use.md"
_MARK: Final = "<!-- From here on written by tools/watching_reference.py; changes are lost. -->\n"


def render() -> str:
    """The page: what stands above the mark, and the rules."""
    head, mark, _ = PAGE.read_text().partition(_MARK)
    return head + mark + "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    for rule in RULES.values():
        yield from ("", f"### {rule.name}", "")
        yield from (f"{rule.watches} Severity: {rule.severity}.", "")
        yield from ("| threshold | default | from, to | meaning |", "| --- | --- | --- | --- |")
        for name, threshold in rule.thresholds.items():
            yield (
                f"| `{name}` | {threshold.value:,} {threshold.unit}"
                f" | {threshold.least:,}, {threshold.most:,} | {threshold.meaning} |"
            )


if __name__ == "__main__":
    PAGE.write_text(render())
