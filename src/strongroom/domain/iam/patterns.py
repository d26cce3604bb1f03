"""Texts of policies as AWS writes them: `*` is anything, `?` one character, `${...}` a value.

Source: IAM User Guide, "IAM policy elements: Variables and tags" and "IAM JSON policy elements:
Condition operators".
"""

import re
from collections.abc import Mapping
from enum import Enum
from typing import Final, TypeVar

import msgspec

from strongroom.domain.iam.errors import MalformedPolicyError


class Wild(Enum):
    """What stands for others."""

    MANY = "*"
    ONE = "?"


class Variable(msgspec.Struct, frozen=True):
    """The value that a condition key has in a request, or else the default."""

    key: str  # in lower case
    default: str = ""


Piece = str | Wild | Variable
Pieces = tuple[Piece, ...]
Plain = tuple[str | Wild, ...]
"""Pieces in which every variable has its value."""

_Kind = TypeVar("_Kind", str | Wild, Piece)
ARN_PARTS: Final = 6

_SPECIAL: Final = re.compile(r"\$\{(?P<within>[^{}]*)\}|(?P<broken>\$\{)|(?P<wild>[*?])")
_WILD: Final = re.compile(r"(?P<wild>[*?])")
# A default in which something special stands is refused: AWS does not say what it means there.
_VARIABLE: Final = re.compile(r"([^\s,'$*?]+)(?:, '([^'$*?]+)')?")


def pieces(text: str, *, wild: bool, variables: bool) -> Pieces:
    """What a text of a policy is made of.

    `wild`: its `*` and `?` stand for others. `variables`: it is of a version that has them; in
    earlier ones they are text like any other. Raises `MalformedPolicyError`.
    """
    found: list[Piece] = []
    end = 0
    for match in (_SPECIAL if variables else _WILD).finditer(text):
        piece = _special(match.groupdict(), text)
        if isinstance(piece, Wild) and not wild:
            continue  # a character like any other
        found += [text[end : match.start()], piece]
        end = match.end()
    return tuple(piece for piece in (*found, text[end:]) if piece != "")


def _special(match: dict[str, str | None], text: str) -> Piece:
    wild, within = match["wild"], match.get("within")
    if wild is not None:
        return Wild(wild)
    if within in ("*", "?", "$"):
        return within
    variable = _VARIABLE.fullmatch(within or "")
    if variable is None:
        raise MalformedPolicyError(
            f"{text[:64]} has a variable that is not ${{KEY}} or ${{KEY, 'default'}}"
        )
    return Variable(variable[1].lower(), variable[2] or "")


def resolved(text: Pieces, values: Mapping[str, str]) -> Plain | None:
    """The text with these values in place of its variables; whatever is in them is no pattern.

    None where one has no value, or an empty one: nothing is equal to that, or like it.
    """
    found: list[str | Wild] = []
    for piece in text:
        if isinstance(piece, Variable):
            value = values.get(piece.key) or piece.default
            if not value:
                return None
            found.append(value)
        else:
            found.append(piece)
    return tuple(found)


def written(text: Plain) -> str:
    """A text in which nothing stands for others."""
    return "".join(piece for piece in text if isinstance(piece, str))


def fits(pattern: str, text: str) -> bool:
    """Whether the whole text is one that a pattern without variables means."""
    return like(_plain(pattern), text)


def _plain(pattern: str) -> Plain:
    found = pieces(pattern, wild=True, variables=False)
    return tuple(piece for piece in found if not isinstance(piece, Variable))


def like(pattern: Plain, text: str) -> bool:
    """Whether the whole text is one that the pattern means.

    All the places in the pattern that the text up to here can have led to are followed at once, as
    the bits of one number: in one step for each character of the text, however many stars there
    are. Trying each star in all its places would take as many steps as somebody likes.
    """
    length = sum(len(piece) if isinstance(piece, str) else piece is Wild.ONE for piece in pattern)
    if length > len(text):
        return False
    taking: dict[str, int] = {}  # which places take that character and lead to the next one
    anything = staying = 0  # which take any; which take any and lead nowhere else
    place = 1
    for piece in pattern:
        if piece is Wild.MANY:
            staying |= place
        elif piece is Wild.ONE:
            anything |= place
            place <<= 1
        else:
            for character in piece:
                taking[character] = taking.get(character, 0) | place
                place <<= 1
    at = 1
    for character in text:
        at = (at & (taking.get(character, 0) | anything)) << 1 | at & staying
    return bool(at & place)


def arn_parts(arn: tuple[_Kind, ...]) -> list[tuple[_Kind, ...]]:
    """The six parts of an ARN; colons that come out of variables do not part it.

    Raises `MalformedPolicyError` when there are fewer.
    """
    parts: list[list[_Kind]] = [[]]
    for piece in arn:
        if not isinstance(piece, str):
            parts[-1].append(piece)
            continue
        first, *others = piece.split(":", ARN_PARTS - len(parts))
        parts[-1].append(first)
        parts += [[text] for text in others]
    if len(parts) != ARN_PARTS:
        shown = "".join(piece if isinstance(piece, str) else "*" for piece in arn)
        raise MalformedPolicyError(f"{shown[:64]} is no ARN")
    return [tuple(piece for piece in part if piece != "") for part in parts]
