"""JSON and query strings to asks, answers to JSON. Between the rooms both travel as msgpack.

Strict: a field that does not belong, a field twice, a value out of bounds are refused, and so is
any second spelling of the same parameter. Bytes are base64.
"""

import json
from typing import Any, Final
from urllib.parse import unquote

import msgspec
from msgspec import UNSET

from strongroom.domain import asks, evidence
from strongroom.domain.calls import ANSWER_DECODERS, Reply
from strongroom.domain.errors import InvalidRequest, Refusal
from strongroom.domain.operations import OPERATIONS
from strongroom.domain.otp import asks as otp
from strongroom.doors.rest.complaints import complaint
from strongroom.tlog import tiles

_DECODERS: Final = {
    name: msgspec.json.Decoder(operation.ask) for name, operation in OPERATIONS.items()
}
_DIGITS: Final = "must be a whole number in digits, without zeros in front"
_pack = msgspec.msgpack.Encoder().encode
_encode = msgspec.json.Encoder().encode


def ask_of_body(operation: str, body: bytes) -> bytes:
    """The ask in a JSON body, as msgpack; an empty body is one without fields.

    Raises `InvalidRequest` or `TooLarge`.
    """
    body = body or b"{}"
    try:
        ask = _DECODERS[operation].decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise complaint(error, OPERATIONS[operation].ask) from None
    # A colon that is outside of texts belongs to a name. Where there are no more colons than
    # different names, no name is there twice; otherwise a slower parser looks.
    if body.count(b":") > _names_at_least(ask):
        _refuse_repeated(body.decode())
    return _pack(ask)


def _names_at_least(ask: asks.Ask) -> int:
    """How many names an ask surely had in it: what equals its default may not have been there."""
    if isinstance(ask, otp.VerifyCode):
        if ask.items is UNSET:
            return 1 + _pairs(ask.transaction)
        return 1 + sum(2 + _pairs(item.transaction) for item in ask.items)  # id and code of each
    if not isinstance(ask, (asks.Encrypt, asks.Decrypt)):
        return 0
    if ask.items is UNSET:
        return 1 + _pairs(ask.context)
    return 1 + len(ask.items) + sum(_pairs(item.context) for item in ask.items)


def _pairs(context: dict[str, str]) -> int:
    return 1 + len(context) if context else 0


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    named = dict(pairs)
    if len(named) != len(pairs):
        raise InvalidRequest("a name is there twice in one object; each may be there once", "$")
    return named


# It has been decoded by its types when this looks, so it is sound and not deep.
_refuse_repeated: Final = json.JSONDecoder(object_pairs_hook=_once_each, strict=False).decode


def ask_of_query(operation: str, query: bytes) -> bytes:
    """The ask in a query string, as msgpack. Raises `InvalidRequest`."""
    kind = OPERATIONS[operation].ask
    given = _parameters(query) if query else {}
    try:
        ask = msgspec.convert(given, kind, strict=False)
    except msgspec.MsgspecError as error:
        raise _parameter_complaint(error, kind) from None
    for name, text in given.items():
        # A number has one spelling: neither 010 nor 1e1 is 10.
        value = getattr(ask, name)
        if isinstance(value, bool):
            if text not in ("true", "false"):
                raise InvalidRequest("must be true or false", f"$.{name}")
        elif str(value) != text:
            raise InvalidRequest(_DIGITS, f"$.{name}")
    return _pack(ask)


def ask_of_tile(path: str, query: bytes) -> bytes:
    """The ask in a tile's path, as msgpack. Raises `InvalidRequest`, `TileError` for no path."""
    if query:
        raise InvalidRequest("a tile's address takes no parameters", "$")
    tile = tiles.parse_path(path)
    if tile.level == tiles.ENTRIES:
        return _pack(evidence.ReadEntries(n=tile.n, width=tile.width))
    return _pack(evidence.ReadTile(level=tile.level, n=tile.n, width=tile.width))


def ask_of_link(token: str, query: bytes) -> bytes:
    """The ask in a link's path, as msgpack. Raises `InvalidRequest`."""
    if query:
        raise InvalidRequest("a link takes no parameters", "$")
    return _pack(otp.FetchLink(token=token))


def _parameters(query: bytes) -> dict[str, str]:
    """Name and value of each parameter. A plus is a plus: `since` may have one in its zone."""
    given: dict[str, str] = {}
    try:
        for part in query.decode("ascii").split("&"):
            name, equals, value = part.partition("=")
            name = unquote(name, errors="strict")
            if not name or not equals:
                raise InvalidRequest("a parameter is written name=value, with & between two")
            if name in given:
                raise InvalidRequest("a parameter is there twice; each may be there once")
            given[name] = unquote(value, errors="strict")
    except UnicodeDecodeError:
        raise InvalidRequest("parameters are percent-encoded UTF-8") from None
    return given


def _parameter_complaint(error: Exception, kind: type[asks.Ask]) -> Refusal:
    refusal = complaint(error, kind)
    if refusal.detail == "Expected int, got str":  # everything in an address is text
        refusal.detail = _DIGITS
    refusal.detail = refusal.detail.replace("field", "parameter")
    return refusal


def nothing_in_query(query: bytes) -> None:
    """Raises `InvalidRequest` for parameters where the body says everything."""
    if query:
        raise InvalidRequest("this request takes no parameters in its address; use the body")


def nothing_in_body(body: bytes) -> None:
    """Raises `InvalidRequest` for a body where the parameters say everything."""
    if body:
        raise InvalidRequest("this request takes no body; use parameters in its address")


def answer(operation: str, reply: Reply) -> asks.Answer:
    """The answer in a reply."""
    decoded: asks.Answer = ANSWER_DECODERS[operation][reply.variant].decode(reply.answer)
    return decoded


def encode(what: asks.Answer) -> bytes:
    """An answer as JSON, or as the bytes that it is."""
    return what.content if isinstance(what, evidence.Raw) else _encode(what)
