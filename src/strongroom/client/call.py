"""A call as a value, and how one is made.

A call can be sent (`Client.send`), or shown (`strongroom ... --print-curl`). Building one checks
only what would change which address is called; everything else is the server's to refuse.
"""

import re
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar
from urllib.parse import quote, urlencode

import msgspec

from strongroom.client.problems import InvalidArgumentError
from strongroom.domain import asks, limits
from strongroom.domain.words import KEY_PATTERN, NAME_PATTERN

AnswerT = TypeVar("AnswerT", bound=asks.Answer)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(Generic[AnswerT]):
    """One request, unsent. `target` is the name or id in the path, if any.

    Left out of `repr` are the body, which may be a plaintext, and the path: a link's has its token.
    """

    operation: str
    method: str
    path: str = field(repr=False)
    answer: type[AnswerT]
    target: str = ""
    query: str = ""
    body: bytes | None = field(default=None, repr=False)

    @property
    def address(self) -> str:
        """Path and query."""
        return f"{self.path}?{self.query}" if self.query else self.path


_NAME: Final = re.compile(NAME_PATTERN)
_KEY: Final = re.compile(KEY_PATTERN)
_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,128}")
_NOT_TEXT: Final = "a name, value or text is not valid Unicode"


def name_part(name: str) -> str:
    """A name as a part of a path. Raises `InvalidArgumentError` for what is no name.

    Not left to the server: `..` in a path is another address, and never arrives as it was written.
    """
    if _NAME.fullmatch(name) is None:
        # What is longer than a name may be a token in the wrong place, and is not repeated.
        told = f": {name!r}" if len(name) <= limits.NAME_CHARACTERS_MAX else ""
        raise InvalidArgumentError(
            f"not a name{told}. A name is 1 to {limits.NAME_CHARACTERS_MAX} of a-z, 0-9,"
            " '.', '_', '-', with a letter or digit at both ends"
        )
    return quote(name, safe="")


def key_part(key: str) -> str:
    """A key's name, or `alias:NAME`, as a part of a path. Raises `InvalidArgumentError`."""
    # A colon stands for itself in a path (RFC 3986, 3.3), and the server decodes nothing.
    return key if _KEY.fullmatch(key) is not None else name_part(key)


def id_part(text: str) -> str:
    """An id as a part of a path. Raises `InvalidArgumentError`, which does not repeat it."""
    if _ID.fullmatch(text) is None:
        raise InvalidArgumentError("not an id: an id is letters and digits")
    return text


def query_text(**pairs: str) -> str:
    """The pairs that have a value, as a query. Raises `InvalidArgumentError` for no Unicode."""
    try:
        return urlencode({name: value for name, value in pairs.items() if value}, quote_via=quote)
    except UnicodeEncodeError:
        raise InvalidArgumentError(_NOT_TEXT) from None


def given(**fields: object) -> dict[str, object]:
    """The fields that have a value: what is not given, the server knows the default of.

    A plain dictionary and not an ask: an algorithm or a scheme that a newer server knows is not
    this program's to refuse.
    """
    return {name: value for name, value in fields.items() if value is not None}


def getting(
    operation: str, path: str, answer: type[AnswerT], *, target: str = "", query: str = ""
) -> Call[AnswerT]:
    """A call that changes nothing and has no body."""
    return Call(
        operation=operation, method="GET", path=path, answer=answer, target=target, query=query
    )


def paging(  # noqa: PLR0913 - the parts of a call
    operation: str,
    path: str,
    answer: type[AnswerT],
    limit: int,
    page_token: str,
    *,
    target: str = "",
    **filters: str,
) -> Call[AnswerT]:
    """A call for one page of a list, of all or of what the filters that have a value leave."""
    shown = "" if limit == limits.PAGE_ITEMS_DEFAULT else str(limit)
    query = query_text(**filters, limit=shown, page_token=page_token)
    return getting(operation, path, answer, target=target, query=query)


def posting(
    operation: str, path: str, answer: type[AnswerT], ask: object = None, *, target: str = ""
) -> Call[AnswerT]:
    """A call with a body, or without."""
    return sending("POST", operation, path, answer, ask, target=target)


def sending(  # noqa: PLR0913 - the parts of a call
    method: str,
    operation: str,
    path: str,
    answer: type[AnswerT],
    ask: object = None,
    *,
    target: str = "",
) -> Call[AnswerT]:
    """A call of any method. Raises `InvalidArgumentError` for a text that is no Unicode."""
    try:
        body = None if ask is None else msgspec.json.encode(ask)
    except UnicodeEncodeError:
        # A lone surrogate, as Python makes of command-line bytes that are not UTF-8.
        raise InvalidArgumentError(_NOT_TEXT) from None
    return Call(
        operation=operation, method=method, path=path, answer=answer, target=target, body=body
    )
