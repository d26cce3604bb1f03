"""The contract as data: operations, their inputs, and the bounds of every member.

`model.json` is AWS's own model of KMS (botocore, Apache-2.0) without its documentation, written by
`tools/aws_model.py`.
"""

import re
from functools import cache
from importlib import resources
from typing import Final

import msgspec

TARGET_PREFIX: Final = "TrentService."


class Shape(msgspec.Struct, frozen=True):
    """What a value is: its type, and the bounds of it."""

    type: str
    required: tuple[str, ...] = ()
    members: dict[str, str] = {}
    member: str = ""
    key: str = ""
    value: str = ""
    min: int | None = None
    max: int | None = None
    enum: tuple[str, ...] = ()
    pattern: str = ""


class Operation(msgspec.Struct, frozen=True):
    """An operation: the names of its shapes, and of the errors that it may answer with."""

    errors: tuple[str, ...] = ()
    input: str = ""
    output: str = ""


class Model(msgspec.Struct, frozen=True):
    """All of it."""

    errors: tuple[str, ...]
    operations: dict[str, Operation]
    shapes: dict[str, Shape]


def _load() -> Model:
    text = resources.files(__package__).joinpath("model.json").read_bytes()
    return msgspec.json.decode(text, type=Model)


MODEL: Final = _load()


@cache
def pattern(text: str) -> re.Pattern[str]:
    """A pattern of the model. It is Java's there, and of the whole text."""
    return re.compile(text, re.ASCII)
