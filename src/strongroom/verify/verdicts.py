"""How a check ends: with a sentence of what holds, or with one of these two.

`Wrong` is a finding: what was to be proven is not true. `NotChecked` is none: the answer is not
known. An auditor must never take the one for the other, so they have different exit codes.
"""

from typing import Final

FINE: Final = 0
WRONG: Final = 1
NOT_CHECKED: Final = 2


class Wrong(Exception):  # noqa: N818 - it says what is the case
    """The log, or the evidence of it, is wrong. The text says in one sentence what, and where."""


class NotChecked(Exception):  # noqa: N818 - it says what is the case
    """The check could not be made: a file, an argument, a server. Nothing is said of the log."""


def entries(number: int) -> str:
    """So many entries, as a sentence has it."""
    return "1 entry" if number == 1 else f"{number} entries"
