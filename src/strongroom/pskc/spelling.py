"""Texts as XML has them, so that a reader gets the same texts back."""

import re
from typing import Final

from strongroom.pskc import limits
from strongroom.pskc.errors import UnwritableError

# XML 1.0, 2.2, without line ends and tabs: a reader would get spaces for those in an attribute.
_TEXT: Final = re.compile(r"[\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]*")
_ESCAPES: Final = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"})


def text(value: str) -> str:
    """For an element or an attribute in double quotes. Raises `UnwritableError`."""
    if len(value) > limits.TEXT_CHARACTERS_MAX:
        raise UnwritableError(f"a text is above {limits.TEXT_CHARACTERS_MAX:,} characters")
    if not _TEXT.fullmatch(value) or value != value.strip(" "):
        raise UnwritableError("a text has characters, or spaces around it, that XML does not keep")
    return value.translate(_ESCAPES)


def element(name: str, value: str) -> str:
    """An element of that text; nothing for an empty one."""
    return f"<{name}>{text(value)}</{name}>" if value else ""


def attributes(**values: str | int | None) -> str:
    """Attributes, each after a space; those that are empty or None are left out."""
    return "".join(
        f' {name}="{text(str(value))}"'
        for name, value in values.items()
        if value is not None and value != ""
    )
