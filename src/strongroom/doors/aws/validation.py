"""A body against the model: every bound of every member, in AWS's sentences.

Two steps, as AWS has them. What is not of the member's type cannot even be read
(`SerializationException`). What can, is held to the bounds, and all that is out of them is said at
once (`ValidationException`). Members that the model does not know are passed over.
"""

import binascii
from collections.abc import Callable
from functools import cache
from typing import Any, Final

import msgspec

from strongroom.doors.aws.errors import serialization, validation
from strongroom.doors.aws.model import MODEL, Shape, pattern

_TOLD_MAX: Final = 20  # of what is wrong with one request
_SECRET: Final = frozenset({"blob"})

_decode = msgspec.json.Decoder().decode

Json = Any

Where = tuple[Any, ...]
"""The place of a value: that of what it is in, and its own name there. Spelled if need be alone."""

Complaints = list[str]
Reader = Callable[[Json, Where, Complaints], Any]
"""Reads a value of a shape. What is out of bounds is added to the complaints."""

_TOP: Final[Where] = ()


def read(operation: str, body: bytes) -> dict[str, Any]:
    """The members of an operation's input, blobs as bytes. Raises `AWSError`."""
    try:
        found = _decode(body or b"{}")
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise serialization("The body is not JSON.") from None
    name = MODEL.operations[operation].input
    if not name:
        return {}
    complaints: Complaints = []
    members: dict[str, Any] = _reader(name)(found, _TOP, complaints)
    if complaints:
        count = len(complaints)
        errors = "error" if count == 1 else "errors"
        raise validation(
            f"{count} validation {errors} detected: {'; '.join(complaints[:_TOLD_MAX])}"
        )
    return members


@cache
def _reader(name: str) -> Reader:
    """Of the shape of that name. Made once: the model does not change."""
    shape = MODEL.shapes[name]
    make = _MAKERS.get(shape.type)
    bare = _BARE[shape.type] if make is None else make(shape)
    bounded = shape.min is not None or shape.max is not None or shape.enum or shape.pattern
    if not bounded or shape.type in ("structure", "boolean", "timestamp"):
        return bare
    hold = _holder(shape)

    def held(found: Json, where: Where, complaints: Complaints) -> Any:  # noqa: ANN401 - whatever the shape says
        value = bare(found, where, complaints)
        hold(value, where, complaints)
        return value

    return held


def _holder(shape: Shape) -> Callable[[Any, Where, Complaints], None]:
    number = shape.type == "integer"
    of = "value" if number else "length"
    least, most = shape.min, shape.max
    known, rule = frozenset(shape.enum), pattern(shape.pattern) if shape.pattern else None

    def hold(value: Any, where: Where, complaints: Complaints) -> None:  # noqa: ANN401 - as above
        size = value if number else len(value)
        if least is not None and size < least:
            said = f"Member must have {of} greater than or equal to {least}"
            complaints.append(_said(shape, value, where, said))
        if most is not None and size > most:
            said = f"Member must have {of} less than or equal to {most}"
            complaints.append(_said(shape, value, where, said))
        if known and value not in known:
            said = f"Member must satisfy enum value set: [{', '.join(shape.enum)}]"
            complaints.append(_said(shape, value, where, said))
        if rule is not None and size and not rule.fullmatch(value):
            said = f"Member must satisfy regular expression pattern: {shape.pattern}"
            complaints.append(_said(shape, value, where, said))

    return hold


def _said(shape: Shape | None, value: Any, where: Where, rule: str) -> str:  # noqa: ANN401 - as above
    spelled = "null" if shape is None else _spelled(shape, value)
    of = f" {spelled}" if spelled else ""
    return f"Value{of} at '{_place(where)}' failed to satisfy constraint: {rule}"


def _spelled(shape: Shape, value: Any) -> str:  # noqa: ANN401 - as above
    """The value, as it is said; nothing of bytes, which may be secret."""
    if shape.type in _SECRET:
        return ""
    if shape.type in ("list", "map"):
        return "'[]'" if shape.type == "list" and not value else ""
    return f"'{value}'"


def _place(where: Where) -> str:
    parts: list[str] = []
    while where:
        where, name = where
        parts.append(str(name))
    return ".".join(reversed(parts))


def _lower(name: str) -> str:
    return name[:1].lower() + name[1:]


# --- the types ------------------------------------------------------------------------------------


def _structure(shape: Shape) -> Reader:
    members = {name: (_lower(name), kind) for name, kind in shape.members.items()}
    required = [name for name in members if name in shape.required]

    def read_it(found: Json, where: Where, complaints: Complaints) -> dict[str, Any]:
        if not isinstance(found, dict):
            raise serialization("An object was expected.")
        values: dict[str, Any] = {}
        for name, value in found.items():
            known = members.get(name)
            if known is not None and value is not None:
                values[name] = _reader(known[1])(value, (where, known[0]), complaints)
        for name in required:
            if name not in values:
                missing = where, members[name][0]
                complaints.append(_said(None, None, missing, "Member must not be null"))
        return values

    return read_it


def _list(shape: Shape) -> Reader:
    def read_it(found: Json, where: Where, complaints: Complaints) -> list[Any]:
        if not isinstance(found, list):
            raise serialization("A list was expected.")
        inner = _reader(shape.member)
        return [
            inner(one, ((where, number), "member"), complaints)
            for number, one in enumerate(found, 1)
        ]

    return read_it


def _map(shape: Shape) -> Reader:
    def read_it(found: Json, where: Where, complaints: Complaints) -> dict[str, Any]:
        if not isinstance(found, dict):
            raise serialization("An object was expected.")
        key, value = _reader(shape.key), _reader(shape.value)
        return {
            key(name, (where, "key"), complaints): value(one, ((where, name), "value"), complaints)
            for name, one in found.items()
        }

    return read_it


def _string(found: Json, where: Where, complaints: Complaints) -> str:
    del where, complaints
    if not isinstance(found, str):
        raise serialization("A text was expected.")
    return found


def _integer(found: Json, where: Where, complaints: Complaints) -> int:
    del where, complaints
    if isinstance(found, bool) or not isinstance(found, int) or not -(2**31) <= found < 2**31:
        raise serialization("A whole number was expected.")
    return found


def _boolean(found: Json, where: Where, complaints: Complaints) -> bool:
    del where, complaints
    if not isinstance(found, bool):
        raise serialization("true or false was expected.")
    return found


def _timestamp(found: Json, where: Where, complaints: Complaints) -> float:
    del where, complaints
    if isinstance(found, bool) or not isinstance(found, int | float):
        raise serialization("A time in seconds since 1970 was expected.")
    return float(found)


def _blob(found: Json, where: Where, complaints: Complaints) -> bytes:
    del where, complaints
    if not isinstance(found, str):
        raise serialization("Base64 was expected.")
    try:
        return binascii.a2b_base64(found, strict_mode=True)
    except ValueError:
        raise serialization("Base64 was expected.") from None


_BARE: Final[dict[str, Reader]] = {
    "string": _string, "integer": _integer, "boolean": _boolean, "timestamp": _timestamp,
    "blob": _blob,
}  # fmt: skip
_MAKERS: Final[dict[str, Callable[[Shape], Reader]]] = {
    "structure": _structure, "list": _list, "map": _map,
}  # fmt: skip
