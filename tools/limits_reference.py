"""Writes docs/operate/limits.md's lists from domain/limits.py: `python tools/limits_reference.py`.

A test compares the page with the file, so neither can change without the other.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from strongroom.domain import limits

_ROOT: Final = Path(__file__).parent.parent
PAGE: Final = _ROOT / "docs" / "operate" / "limits.md"
_SOURCE: Final = _ROOT / "src" / "strongroom" / "domain" / "limits.py"
_MARK: Final = "<!-- From here on written by tools/limits_reference.py; changes are lost. -->\n"
_KIB: Final = 1024


def render() -> str:
    """The page: what stands above the mark, and the lists."""
    head, mark, _ = PAGE.read_text().partition(_MARK)
    return head + mark + "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    """A heading for each comment that has its line to itself, a row for each limit."""
    text = _SOURCE.read_text()
    source = text.splitlines()
    headings = {n: line[2:] for n, line in enumerate(source, 1) if line.startswith("# ")}
    said: set[int] = set()
    for node in ast.parse(text).body:
        if not isinstance(node, ast.AnnAssign) or not isinstance(node.target, ast.Name):
            continue
        above = max((n for n in headings if n < node.lineno), default=0)
        if above not in said:
            said.add(above)
            yield from ("", f"## {headings[above].rstrip('.')}", "")
            yield from ("| limit | value | reason |", "| --- | --- | --- |")
        reason = re.search(r"  # (.*)$", "\n".join(source[node.lineno - 1 : node.end_lineno]))
        value = getattr(limits, node.target.id)
        shown = _shown(node.target.id, value)
        yield f"| `{node.target.id}` | {shown} | {reason[1] if reason else ''} |"


def _shown(name: str, value: int) -> str:
    """With its unit, which is in the name."""
    if "BYTES" in name:
        for unit, size in (("MiB", _KIB * _KIB), ("KiB", _KIB)):
            if value % size == 0:
                return f"{value // size:,} {unit}"
        return f"{value:,} bytes"
    for unit in ("SECONDS", "CHARACTERS", "DAYS"):
        if unit in name:
            return f"{value:,} {unit.lower().removesuffix('s') if value == 1 else unit.lower()}"
    return f"{value:,}"


if __name__ == "__main__":
    PAGE.write_text(render())
