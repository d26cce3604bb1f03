"""What elements and attributes say, as numbers, bytes and texts. Raises `MalformedError`."""

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Final

from strongroom.pskc import limits
from strongroom.pskc.elements import Element
from strongroom.pskc.errors import MalformedError

_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,19}")
_SPACES: Final = re.compile(r"[ \t\r\n]+")
_TRUTHS: Final = {"true": True, "1": True, "false": False, "0": False}
LONG: Final = (-(2**63), 2**63 - 1)


def malformed(element: Element, what: str) -> MalformedError:
    """The error, with the line."""
    return MalformedError(f"line {element.line:,}: {what}")


def parts(element: Element, known: Mapping[str, int]) -> dict[str, list[Element]]:
    """The children by name. `known`: how many of each there may be; what is absent is refused."""
    found: dict[str, list[Element]] = {}
    for child in element.children:
        name = child.name
        if name not in known:
            raise malformed(child, f"{element.local} has an element that is not known there")
        if name not in found:
            found[name] = [child]
        elif len(found[name]) < known[name]:
            found[name].append(child)
        else:
            raise malformed(child, f"{element.local} has {child.local} too often")
    if element.pieces and element.text:
        raise malformed(element, f"{element.local} has text between its elements")
    return found


def one(found: Mapping[str, list[Element]], name: str) -> Element | None:
    """The only one of that name, if there is one."""
    there = found.get(name)
    return there[0] if there else None


def text(element: Element | None) -> str:
    """Its text; empty for none."""
    if element is None:
        return ""
    if element.children:
        raise malformed(element, f"{element.local} has text, and no elements")
    found = element.text
    if len(found) > limits.TEXT_CHARACTERS_MAX:
        raise malformed(
            element, f"{element.local} is above {limits.TEXT_CHARACTERS_MAX:,} characters"
        )
    return found


def attribute(element: Element, name: str) -> str:
    """Its text; empty for none."""
    found = element.attributes.get(name, "")
    if len(found) > limits.TEXT_CHARACTERS_MAX:
        raise malformed(element, f"{name} is above {limits.TEXT_CHARACTERS_MAX:,} characters")
    return found


def number(element: Element, found: str, *, least: int = LONG[0], most: int = LONG[1]) -> int:
    """The number that such a text says."""
    value = int(found) if _NUMBER.fullmatch(found) else None
    if value is None or not least <= value <= most:
        raise malformed(element, f"a number in {element.local} is not one, or is out of bounds")
    return value


def truth(element: Element, found: str) -> bool:
    """A boolean; false for an empty text."""
    if found and found not in _TRUTHS:
        raise malformed(element, f"{element.local} has a value that is neither true nor false")
    return _TRUTHS.get(found, False)


def binary(element: Element, bytes_max: int) -> bytes:
    """Bytes as base64, with white space anywhere. One value has one spelling."""
    if element.children:
        raise malformed(element, f"{element.local} has text, and no elements")
    bare = _SPACES.sub("", element.text)
    if len(bare) > (bytes_max + 2) // 3 * 4:
        raise malformed(element, f"{element.local} is above {bytes_max:,} bytes")
    try:
        value = base64.b64decode(bare.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        raise malformed(element, f"{element.local} is not base64") from None
    # Bits left over that are not zero would be a second spelling of the same bytes.
    if base64.b64encode(value).decode() != bare:
        raise malformed(element, f"{element.local} is not base64 as it should be")
    if len(value) > bytes_max:
        raise malformed(element, f"{element.local} is above {bytes_max:,} bytes")
    return value
