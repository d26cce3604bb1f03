"""What is wrong with a request and what would be right, in words that never repeat the request.

msgspec says it well, but in three places it quotes what came: an unknown field's name, an enum's
wrong value, undecodable text. Those are said anew from the operation's own types.
"""

import re
from typing import Final

import msgspec
from msgspec import inspect

from strongroom.domain.errors import InvalidRequest, Refusal, TooLarge

# The last " - at " is msgspec's own: a name that was sent may hold another one.
_PLACED: Final = re.compile(r"(?P<what>.*?)(?: - at (?P<key>`key` in )?`(?P<where>[^`]*)`)?")
_STEP: Final = re.compile(r"\.(?P<field>\w+)|\[(?P<index>\d+|\.\.\.)\]")
_AT_MOST: Final = re.compile(r"Expected `(?P<type>bytes|array)` of length <= (?P<most>\d+)")


def complaint(error: Exception, ask: type[msgspec.Struct]) -> Refusal:
    """The refusal for what msgspec, or the decoding of text, said of a request of that type."""
    if isinstance(error, UnicodeDecodeError):
        return InvalidRequest("the text is not valid UTF-8", "$")
    if not isinstance(error, msgspec.ValidationError):
        # Syntax: these messages hold a byte's position and nothing of the body.
        return InvalidRequest(str(error), "$")
    match = _PLACED.fullmatch(str(error).replace("\n", " "))
    if match is None:
        raise RuntimeError("msgspec words its errors otherwise than this module knows")
    what = match["what"]
    pointer, kind, description = _found(match["where"] or "", ask)
    large = _AT_MOST.fullmatch(what)
    if large is not None:
        unit = "bytes" if large["type"] == "bytes" else "items"
        return TooLarge(f"{pointer} has at most {int(large['most']):,} {unit}")
    said = _said(what, kind, description)
    return InvalidRequest(f"a name in it: {said}" if match["key"] else said, pointer)


def _said(what: str, kind: inspect.Type, description: str) -> str:
    if what.startswith("Object contains unknown field"):
        return f"a field that does not belong here; {_fields(kind)}"
    if what.startswith("Invalid enum value"):
        return f"must be one of: {', '.join(one.value for one in getattr(kind, 'cls', ()))}"
    if what.startswith("Invalid base64"):
        return "must be base64 (RFC 4648, section 4), with padding"
    if "matching regex" in what and description:
        return f"must be {description}"
    return what.replace("`", "")


def _fields(kind: inspect.Type) -> str:
    names = [one.encode_name for one in kind.fields] if isinstance(kind, inspect.StructType) else []
    return f"the fields are: {', '.join(names)}" if names else "there are no fields"


def _found(where: str, ask: type[msgspec.Struct]) -> tuple[str, inspect.Type, str]:
    """The pointer as far as it leads through the types, the type there, and its description.

    Only steps that the types know are taken over: the rest of a pointer may be something sent.
    """
    pointer, (kind, description) = "$", _bare(inspect.type_info(ask))
    for step in _STEP.finditer(where):
        inner: inspect.Type | None = None
        if isinstance(kind, inspect.StructType) and step["field"]:
            inner = next(
                (one.type for one in kind.fields if one.encode_name == step["field"]), None
            )
        elif isinstance(kind, inspect.ListType) and step["index"]:
            inner = kind.item_type
        elif isinstance(kind, inspect.DictType) and step["index"] == "...":
            inner = kind.value_type
        if inner is None:
            break
        pointer += step[0]
        kind, description = _bare(inner)
    return pointer, kind, description


def _bare(kind: inspect.Type) -> tuple[inspect.Type, str]:
    if isinstance(kind, inspect.Metadata):
        return kind.type, (kind.extra_json_schema or {}).get("description", "")
    return kind, ""
