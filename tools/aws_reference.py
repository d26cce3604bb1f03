"""Writes the table of docs/compat/aws.md from the door's own: `python tools/aws_reference.py`.

A test compares the page with the program, so neither can change without the other.
"""

from pathlib import Path
from typing import Final

from strongroom.doors.aws.table import TABLE

PAGE: Final = Path(__file__).parent.parent / "docs" / "compat" / "aws.md"
_MARK: Final = "<!-- From here on written by tools/aws_reference.py; changes are lost. -->\n"


def written(page: str) -> str:
    """The page as it should be."""
    served = [name for name, row in TABLE.items() if row.serve is not None]
    lines = [
        f"{len(served)} of the model's {len(TABLE)} operations are served.",
        "The others answer `UnsupportedOperationException`.",
        "",
        "| operation | served | what differs, or why not |",
        "| --- | --- | --- |",
    ]
    lines += [
        f"| {name} | {'yes' if row.serve is not None else 'no'} | {row.note or 'nothing'} |"
        for name, row in TABLE.items()
    ]
    return page.partition(_MARK)[0] + _MARK + "\n" + "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text()))
