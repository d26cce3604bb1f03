"""The OpenAPI 3.1 document, from the tables of routes, operations and refusals."""

from collections.abc import Iterable
from functools import cache
from typing import Any, Final

import msgspec

from strongroom.domain import asks, evidence, limits
from strongroom.domain.errors import (
    AlreadyExists,
    ChangedMeanwhile,
    Gone,
    InvalidCiphertext,
    InvalidRequest,
    KeyNotUsable,
    NotAllowed,
    NotFound,
    RateLimited,
    Refusal,
    TamperedRecord,
    TooLarge,
    Unauthenticated,
    Unavailable,
)
from strongroom.domain.events import Outcome
from strongroom.domain.lifecycle import Use
from strongroom.domain.operations import OPERATIONS, Operation
from strongroom.domain.otp import asks as otp
from strongroom.domain.roles import ROLES
from strongroom.domain.words import KEY_PATTERN, NAME_PATTERN
from strongroom.doors.rest import errors
from strongroom.doors.rest.app import REQUEST_ID
from strongroom.doors.rest.examples import EXAMPLES, Example
from strongroom.doors.rest.paths import TARGET_CHARACTERS_MAX
from strongroom.doors.rest.routes import HTML, OCTETS, ROUTES, TEXT, Route

Json = dict[str, Any]

_REFERENCE: Final = "#/components/schemas/"
_NO_CONTENT: Final = 204

_ABOUT: Final = f"""\
Keys that never leave, policies in Cedar, and a durable record of each use before its answer.

Bytes are base64 (RFC 4648, section 4). A field that does not belong, or is there twice, is refused.
Every refusal is a problem document (RFC 9457) whose `code` is stable; its `request_id` is in the
audit log. A path that is not here answers `no-such-path`, another method `method-not-allowed`.
A body has at most {limits.BODY_BYTES_MAX:,} bytes.
"""

# What every operation may answer beside its success; and what some may, by what they are.
_ALWAYS: Final[tuple[type[Refusal], ...]] = (
    InvalidRequest, Unauthenticated, NotAllowed, TamperedRecord, Unavailable, errors.InternalError,
)  # fmt: skip
_WITH_BODY: Final[tuple[type[Refusal], ...]] = (TooLarge, errors.UnsupportedMediaType)
_BY_USE: Final[dict[Use, tuple[type[Refusal], ...]]] = {
    Use.PROTECT: (KeyNotUsable, RateLimited),
    Use.PROCESS: (KeyNotUsable, RateLimited, InvalidCiphertext),
    Use.ROTATE: (ChangedMeanwhile, KeyNotUsable),
    Use.IMPORT: (ChangedMeanwhile, KeyNotUsable, InvalidCiphertext),
    Use.EXPORT: (KeyNotUsable,),
    Use.REPLICATE: (AlreadyExists, ChangedMeanwhile, KeyNotUsable),
    Use.CHANGE: (ChangedMeanwhile, KeyNotUsable),
}
_BY_OPERATION: Final[dict[str, tuple[type[Refusal], ...]]] = {
    "key.create": (AlreadyExists, ChangedMeanwhile),
    "key.restore": (AlreadyExists, ChangedMeanwhile, InvalidCiphertext),
    "key.export": (RateLimited,),
    "key.re-encrypt": (InvalidCiphertext,),
    "key.write-policy": (ChangedMeanwhile,),
    "grant.retire": (ChangedMeanwhile,),
    "grant.revoke": (ChangedMeanwhile,),
    "alias.write": (ChangedMeanwhile,),
    "alias.delete": (ChangedMeanwhile,),
    "principal.create": (AlreadyExists, ChangedMeanwhile),
    "principal.update": (ChangedMeanwhile,),
    "token.create": (NotFound, ChangedMeanwhile),
    "token.create-access-key": (NotFound, ChangedMeanwhile),
    "token.revoke": (ChangedMeanwhile,),
    "namespace.create": (NotFound, AlreadyExists, ChangedMeanwhile),
    "namespace.update": (ChangedMeanwhile,),
    "audit.erase-details": (ChangedMeanwhile,),
    "alert.acknowledge": (ChangedMeanwhile,),
    "otp.verify": (RateLimited,),
    "otp.verify-user": (RateLimited,),
    "otp.activate": (KeyNotUsable, RateLimited),
    "otp.resync": (RateLimited,),
    "otp.challenge": (KeyNotUsable,),
    "otp.compute": (KeyNotUsable,),
    "otp.rotate": (KeyNotUsable,),
    "otp.link": (KeyNotUsable,),
    "otp.fetch": (Gone, errors.TooEarly),
    "otp.suspend": (KeyNotUsable,),
    "otp.resume": (KeyNotUsable,),
    "otp.unlock": (KeyNotUsable,),
    "otp.revoke": (KeyNotUsable,),
    "otp.destroy": (KeyNotUsable,),
    "otp.write-profile": (ChangedMeanwhile,),
    "otp.delete-profile": (ChangedMeanwhile,),
    "otp.update-job": (ChangedMeanwhile, KeyNotUsable),
    "policy.write": (ChangedMeanwhile,),
    "policy.delete": (ChangedMeanwhile,),
    "authorize.explain": (NotFound,),
}

# What is no JSON, and what is in a path.
RAW: Final = frozenset({evidence.Checkpoint, evidence.Tile, evidence.Receipt})
_IN_PATH: Final = frozenset({evidence.ReadTile, evidence.ReadEntries, otp.FetchLink})
_RAW_SCHEMAS: Final[dict[str, Json]] = {TEXT: {"schema": {"type": "string"}}, OCTETS: {}}
_PAGE: Final[Json] = {HTML.partition(";")[0]: {"schema": {"type": "string"}}}  # for who asks for it
_TILE_PATTERN: Final = r"^(?:[0-7]/)?(?:x[0-9]{3}/)*[0-9]{3}(?:\.p/[0-9]{1,3})?$"

_PATTERNS: Final = {
    "name": NAME_PATTERN,
    "id": "^[0-9a-z-]+$",
    "tile": _TILE_PATTERN,
    "token": "^otl_[A-Za-z0-9_-]{86}$",
}

_BASE64: Final = "^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$"

# What services check beyond the types, for readers and generators of clients.
_REFINED: Final[dict[tuple[str, str], Json]] = {
    ("AuditQuery", "since"): {"format": "date-time"},
    ("AuditQuery", "until"): {"format": "date-time"},
    ("AuditQuery", "action"): {"enum": list(OPERATIONS)},
    ("AuditQuery", "outcome"): {"enum": [str(outcome) for outcome in Outcome]},
    ("AuditQuery", "page_token"): {"pattern": "^[0-9]{1,18}$"},
    ("Explain", "action"): {"enum": list(OPERATIONS)},
    ("CreatePrincipal", "roles"): {"items": {"enum": list(ROLES)}},
    ("UpdatePrincipal", "roles"): {"items": {"enum": list(ROLES)}},
}


def document(version: str) -> bytes:
    """The document, as JSON."""
    return msgspec.json.encode(described(version))


def described(version: str) -> Json:
    """The document, as a tree that the readable page is made from, too."""
    paths: dict[str, Json] = {}
    named: set[str] = set()
    for route in ROUTES:
        name = route.operation if route.operation not in named else f"{route.operation}.unnamed"
        named.add(name)
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, name)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Strongroom",
            "version": version,
            "description": _ABOUT,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{"token": []}],
        "tags": [{"name": name} for name in dict.fromkeys(map(_tag, ROUTES))] + [{"name": "node"}],
        "paths": {**paths, **_probes()},
        "components": {
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "An API token, srt_ and 72 characters.",
                }
            },
            "headers": {
                REQUEST_ID: {
                    "description": "The request's id, under which the audit log has it.",
                    "required": True,
                    "schema": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
                },
                "Retry-After": {
                    "description": "Seconds to wait before trying again.",
                    "schema": {"type": "integer", "minimum": 1},
                },
                "ETag": {
                    "description": "The answer's tag, for If-None-Match.",
                    "required": True,
                    "schema": {"type": "string"},
                },
                "Cache-Control": {
                    "description": "How long caches may keep the answer.",
                    "required": True,
                    "schema": {"type": "string"},
                },
                "WWW-Authenticate": {
                    "description": "How to prove an identity.",
                    "required": True,
                    "schema": {"const": "Bearer"},
                },
            },
            "schemas": _schemas(),
        },
    }


def refusals(route: Route) -> dict[int, list[type[Refusal]]]:
    """What a route may refuse with, by status."""
    always = _ALWAYS
    if OPERATIONS[route.operation].anonymous:
        always = tuple(one for one in always if one not in (Unauthenticated, NotAllowed))
    told = [*always, *_by_its_kind(OPERATIONS[route.operation])]
    if route.method != "GET":
        told += _WITH_BODY
    if "{" in route.path:
        told.append(NotFound)
    by_status: dict[int, list[type[Refusal]]] = {}
    for refusal in told:
        by_status.setdefault(errors.STATUSES[refusal.code], []).append(refusal)
    return dict(sorted(by_status.items()))


def _by_its_kind(operation: Operation) -> Iterable[type[Refusal]]:
    if operation.transition is not None:
        yield from (ChangedMeanwhile, KeyNotUsable)
    if operation.use is not None:
        yield from _BY_USE[operation.use]
    yield from _BY_OPERATION.get(operation.name, ())


def schema_of(kind: type[msgspec.Struct]) -> Json:
    """The schema of an ask or answer; empty for those without fields."""
    return schema_named(kind.__name__)


def schema_named(name: str) -> Json:
    """The schema of that name; empty if there is none."""
    return _schemas().get(name, {})


def _operation(route: Route, name: str) -> Json:
    operation = OPERATIONS[route.operation]
    described: Json = {
        "operationId": name,
        "summary": operation.summary,
        "tags": [_tag(route)],
        "x-cedar-action": operation.name,
        "parameters": [*_target(route), *_query(route, operation)],
        "responses": {
            str(route.status): _success(route, operation),
            **{str(status): _refused(route, told) for status, told in refusals(route).items()},
        },
    }
    if operation.anonymous:
        described["security"] = []
    if route.fresh_seconds:
        described["responses"]["304"] = {
            "description": "Not changed since the answer whose ETag If-None-Match has.",
            "headers": _headers(REQUEST_ID, "ETag", "Cache-Control"),
        }
    if route.method != "GET" and operation.ask is not asks.Nothing:
        example = EXAMPLES[route.method, route.path]
        described["requestBody"] = {
            # Without fields that must be there, none at all is the same as an empty one.
            "required": bool(schema_of(operation.ask).get("required")) or bool(example.items),
            "content": {"application/json": {"schema": _refer(operation.ask), **_shown(example)}},
        }
    return described


def _shown(example: Example) -> Json:
    if example.items is None:
        return {"example": example.body}
    return {
        "examples": {"one": {"value": example.body}, "batch": {"value": {"items": example.items}}}
    }


def _tag(route: Route) -> str:
    return route.operation.partition(".")[0]


def _target(route: Route) -> Iterable[Json]:
    if "{" not in route.path:
        return
    name = route.path.partition("{")[2].partition("}")[0]
    most = limits.OTP_LINK_CHARACTERS_MAX if route.is_of_links else limits.NAME_CHARACTERS_MAX
    schema: Json = {"type": "string", "minLength": 1, "maxLength": most}
    parameter: Json = {"name": name, "in": "path", "required": True, "schema": schema}
    if route.path.startswith("/v1/keys/"):
        schema["maxLength"] = TARGET_CHARACTERS_MAX
        schema["pattern"] = KEY_PATTERN
        parameter["description"] = "the key's name, or alias: and one of its aliases"
    else:
        schema["pattern"] = _PATTERNS[name]
        if route.is_of_tiles:
            parameter["description"] = (
                "as C2SP tlog-tiles spells it; its slashes are not percent-encoded"
            )
    _spell(schema)
    yield parameter


def _query(route: Route, operation: Operation) -> Iterable[Json]:
    if route.method != "GET" or operation.ask in _IN_PATH:
        return
    for name, schema in schema_of(operation.ask).get("properties", {}).items():
        bare = {key: value for key, value in schema.items() if key != "description"}
        parameter = {"name": name, "in": "query", "required": False, "schema": bare}
        if "description" in schema:
            parameter["description"] = schema["description"]
        yield parameter


def _success(route: Route, operation: Operation) -> Json:
    # A tile that is not full is not kept, so its answer has no tag.
    cached = ("ETag", "Cache-Control") if route.fresh_seconds and not route.is_of_tiles else ()
    response: Json = {"description": "Done.", "headers": _headers(REQUEST_ID, *cached)}
    if route.status != _NO_CONTENT:
        response["content"] = {route.media_type: _content(route, operation)}
    if route.is_of_links:
        response["content"] |= _PAGE
    return response


def _content(route: Route, operation: Operation) -> Json:
    if RAW.issuperset(operation.answers):
        return _RAW_SCHEMAS[route.media_type]
    schemas = [_refer(answer) for answer in operation.answers]
    return {"schema": schemas[0] if len(schemas) == 1 else {"oneOf": schemas}}


def _refused(route: Route, told: list[type[Refusal]]) -> Json:
    codes = [refusal.code for refusal in told]
    extra = []
    if Unauthenticated.code in codes:
        extra.append("WWW-Authenticate")
    if {RateLimited.code, Unavailable.code}.intersection(codes):
        extra.append("Retry-After")
    return {
        "description": "; ".join(f"`{refusal.code}`: {refusal.title}" for refusal in told),
        "headers": _headers(REQUEST_ID, *extra),
        "content": {
            errors.MEDIA_TYPE: {"schema": _refer(errors.ProblemDetails)},
            **(_PAGE if route.is_of_links else {}),
        },
    }


def _probes() -> dict[str, Json]:
    alive = {"type": "object", "properties": {"status": {"type": "string"}}, "required": ["status"]}
    content = {"application/json": {"schema": alive}}
    answered = {"headers": _headers(REQUEST_ID), "content": content}
    return {
        "/v1/health": {
            "get": {
                "operationId": "health",
                "summary": "Say whether this gate is alive",
                "tags": ["node"],
                "security": [],
                "responses": {"200": {"description": "It is.", **answered}},
            }
        },
        "/v1/ready": {
            "get": {
                "operationId": "ready",
                "summary": "Say whether the node is unsealed and its ledger can write",
                "tags": ["node"],
                "security": [],
                "responses": {
                    "200": {"description": "It is.", **answered},
                    "503": {
                        "description": "It is not, or not yet.",
                        **answered,
                        "headers": _headers(REQUEST_ID, "Retry-After"),
                    },
                },
            }
        },
    }


def _headers(*names: str) -> Json:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _refer(kind: type[msgspec.Struct]) -> Json:
    return {"$ref": _REFERENCE + kind.__name__}


@cache
def _schemas() -> dict[str, Json]:
    kinds: dict[type[msgspec.Struct], None] = {errors.ProblemDetails: None}
    for operation in OPERATIONS.values():
        kinds |= dict.fromkeys((operation.ask, *operation.answers))
    _, schemas = msgspec.json.schema_components(list(kinds), ref_template=_REFERENCE + "{name}")
    for unused in (asks.Nothing, asks.Done, *RAW, *_IN_PATH):
        del schemas[unused.__name__]
    return {name: _tidied(name, schema) for name, schema in schemas.items()}


def _tidied(name: str, schema: Json) -> Json:
    if name in {asks.Encrypt.__name__, asks.Decrypt.__name__}:
        one = "plaintext" if name == asks.Encrypt.__name__ else "ciphertext"
        schema["oneOf"] = [
            {"required": [one], "properties": {"items": False}},
            {"required": ["items"], "properties": {one: False, "context": {"maxProperties": 0}}},
        ]
    for field, refined in schema.get("properties", {}).items():
        _spell(refined)
        extra = _REFINED.get((name, field), {})
        if extra:
            refined.pop("default", None)
            refined.update(extra)
    return schema


def _spell(schema: Json) -> None:
    """Say in JSON Schema's words what msgspec says in Python's."""
    if schema.get("contentEncoding") == "base64":
        schema["pattern"] = _BASE64
    if "pattern" in schema:
        # In ECMA-262 `$` is the end and nothing else; Python's needs help.
        schema["pattern"] = schema["pattern"].removesuffix(r"(?!\n)")
    for inner in ("items", "additionalProperties"):
        if isinstance(schema.get(inner), dict):
            _spell(schema[inner])
