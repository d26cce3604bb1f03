"""A body against the model: every bound of every member, in AWS's sentences.

Two steps, as AWS has them. What is not of the member's type cannot even be read
(`SerializationException`). What can, is held to the bounds, and all that is out of them is said at
once (`ValidationException`). Members that the model does not know are passed over.
"""

import base64
import binascii
from typing import Any, Final

import msgspec

from strongroom.doors.aws.errors import serialization, validation
from strongroom.doors.aws.model import MODEL, Shape, pattern

_TOLD_MAX: Final = 20  # of what is wrong with one request
_SECRET: Final = frozenset({"blob"})

_decode = msgspec.json.Decoder().decode

Json = Any


def read(operation: str, body: bytes) -> dict[str, Any]:
    """The members of an operation's input, blobs as bytes. Raises `AWSError`."""
    try:
        found = _decode(body or b"{}")
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise serialization("The body is not JSON.") from None
    name = MODEL.operations[operation].input
    if not name:
        return {}
    complaints: list[str] = []
    members = _structure(MODEL.shapes[name], found, "", complaints)
    if complaints:
        count = len(complaints)
        errors = "error" if count == 1 else "errors"
        raise validation(
            f"{count} validation {errors} detected: {'; '.join(complaints[:_TOLD_MAX])}"
        )
    return members


def _structure(shape: Shape, found: Json, where: str, complaints: list[str]) -> dict[str, Any]:
    if not isinstance(found, dict):
        raise serialization("An object was expected.")
    read: dict[str, Any] = {}
    for name, kind in shape.members.items():
        place = f"{where}.{_lower(name)}" if where else _lower(name)
        value = found.get(name)
        if value is not None:
            read[name] = _value(MODEL.shapes[kind], value, place, complaints)
        elif name in shape.required:
            complaints.append(_said("null", place, "Member must not be null"))
    return read


def _value(shape: Shape, found: Json, where: str, complaints: list[str]) -> Any:  # noqa: ANN401 - whatever the shape says
    read = _READERS[shape.type](shape, found, where, complaints)
    if shape.type not in ("structure", "boolean", "timestamp"):
        _hold(shape, read, where, complaints)
    return read


def _hold(shape: Shape, read: Any, where: str, complaints: list[str]) -> None:  # noqa: ANN401 - as above
    of, size = ("value", read) if shape.type == "integer" else ("length", len(read))
    said = _spelled(shape, read)
    if shape.min is not None and size < shape.min:
        complaints.append(
            _said(said, where, f"Member must have {of} greater than or equal to {shape.min}")
        )
    if shape.max is not None and size > shape.max:
        complaints.append(
            _said(said, where, f"Member must have {of} less than or equal to {shape.max}")
        )
    if shape.enum and read not in shape.enum:
        known = ", ".join(shape.enum)
        complaints.append(_said(said, where, f"Member must satisfy enum value set: [{known}]"))
    if shape.pattern and size and not pattern(shape.pattern).fullmatch(read):
        rule = f"Member must satisfy regular expression pattern: {shape.pattern}"
        complaints.append(_said(said, where, rule))


def _said(value: str, where: str, rule: str) -> str:
    of = f" {value}" if value else ""
    return f"Value{of} at '{where}' failed to satisfy constraint: {rule}"


def _spelled(shape: Shape, read: Any) -> str:  # noqa: ANN401 - as above
    """The value, as it is said; nothing of bytes, which may be secret."""
    if shape.type in _SECRET:
        return ""
    if shape.type in ("list", "map"):
        return "'[]'" if shape.type == "list" and not read else ""
    return f"'{read}'"


def _lower(name: str) -> str:
    return name[:1].lower() + name[1:]


# --- the types ------------------------------------------------------------------------------------


def _string(shape: Shape, found: Json, where: str, complaints: list[str]) -> str:
    del shape, where, complaints
    if not isinstance(found, str):
        raise serialization("A text was expected.")
    return found


def _integer(shape: Shape, found: Json, where: str, complaints: list[str]) -> int:
    del shape, where, complaints
    if isinstance(found, bool) or not isinstance(found, int) or not -(2**31) <= found < 2**31:
        raise serialization("A whole number was expected.")
    return found


def _boolean(shape: Shape, found: Json, where: str, complaints: list[str]) -> bool:
    del shape, where, complaints
    if not isinstance(found, bool):
        raise serialization("true or false was expected.")
    return found


def _timestamp(shape: Shape, found: Json, where: str, complaints: list[str]) -> float:
    del shape, where, complaints
    if isinstance(found, bool) or not isinstance(found, int | float):
        raise serialization("A time in seconds since 1970 was expected.")
    return float(found)


def _blob(shape: Shape, found: Json, where: str, complaints: list[str]) -> bytes:
    del shape, where, complaints
    if not isinstance(found, str):
        raise serialization("Base64 was expected.")
    try:
        return base64.b64decode(found, validate=True)
    except (binascii.Error, ValueError):
        raise serialization("Base64 was expected.") from None


def _list(shape: Shape, found: Json, where: str, complaints: list[str]) -> list[Any]:
    if not isinstance(found, list):
        raise serialization("A list was expected.")
    inner = MODEL.shapes[shape.member]
    return [
        _value(inner, one, f"{where}.{number}.member", complaints)
        for number, one in enumerate(found, 1)
    ]


def _map(shape: Shape, found: Json, where: str, complaints: list[str]) -> dict[str, Any]:
    if not isinstance(found, dict):
        raise serialization("An object was expected.")
    key, value = MODEL.shapes[shape.key], MODEL.shapes[shape.value]
    return {
        _value(key, name, f"{where}.key", complaints): _value(
            value, one, f"{where}.{name}.value", complaints
        )
        for name, one in found.items()
    }


_READERS: Final = {
    "structure": _structure, "list": _list, "map": _map, "string": _string, "integer": _integer,
    "boolean": _boolean, "timestamp": _timestamp, "blob": _blob,
}  # fmt: skip
