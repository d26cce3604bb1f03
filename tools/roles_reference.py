"""Writes docs/operate/roles.md's lists from domain/roles.py: `python tools/roles_reference.py`.

A test compares the page with the table, so neither can change without the other.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from strongroom.domain.operations import OPERATIONS
from strongroom.domain.roles import CONFLICTS, EVERYBODY, EVERYBODYS_ACTIONS, ROLES

PAGE: Final = Path(__file__).parent.parent / "docs" / "operate" / "roles.md"
_MARK: Final = "<!-- From here on written by tools/roles_reference.py; changes are lost. -->\n"


_EVERYBODY: Final = (
    "With a role or without, everybody may ask who they are, and take receipts of their own"
    " requests and the keys that verify these:"
)


def render() -> str:
    """The page: what stands above the mark, and the lists."""
    head, mark, _ = PAGE.read_text().partition(_MARK)
    return head + mark + "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield from ("", "## The roles", "", "| role | what it does |", "| --- | --- |")
    for role in ROLES.values():
        yield f"| `{role.name}` | {role.summary} |"
    yield from ("", "## Who may do what", "")
    yield f"| action | | {' | '.join(ROLES)} |"
    yield f"| --- | --- |{' --- |' * len(ROLES)}"
    for action, operation in OPERATIONS.items():
        everybody = action in EVERYBODYS_ACTIONS
        marks = ("yes" if everybody or action in role.actions else "" for role in ROLES.values())
        yield f"| `{action}` | {operation.summary} | {' | '.join(marks)} |"
    yield from ("", _EVERYBODY, "", "```cedar")
    yield from (EVERYBODY, "```", "")
    yield from ("## Not together", "", "No principal is given both of these:", "")
    for one, other in CONFLICTS:
        yield f"- `{one}` and `{other}`"
    yield from ("", "## As Cedar", "", "This is what is weighed. A role cannot be edited.")
    for role in ROLES.values():
        yield from ("", "```cedar", role.policy, "```")


if __name__ == "__main__":
    PAGE.write_text(render())
