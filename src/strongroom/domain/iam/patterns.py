"""Patterns as AWS writes them: `*` is anything, `?` one character."""

import re


def fits(pattern: str, text: str) -> bool:
    """Whether the whole text is one that the pattern means."""
    made = "".join(".*" if one == "*" else "." if one == "?" else re.escape(one) for one in pattern)
    return re.fullmatch(made, text, re.DOTALL) is not None
