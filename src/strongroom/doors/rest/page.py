"""The readable page about this API: one HTML document without script or foreign assets."""

import base64
import hashlib
import json
from collections.abc import Iterator
from importlib import resources
from typing import Any, Final

import jinja2
import msgspec
from markupsafe import Markup

from strongroom.domain import asks, limits
from strongroom.domain.operations import OPERATIONS
from strongroom.domain.roles import ROLES
from strongroom.doors.rest import errors, openapi
from strongroom.doors.rest.examples import EXAMPLES
from strongroom.doors.rest.routes import ROUTES, Route

Json = dict[str, Any]

_TITLES: Final = {
    "key": "Keys", "grant": "Grants", "alias": "Aliases", "jwks": "Public keys as JWK sets",
    "random": "Random bytes", "principal": "Principals", "role": "Roles", "token": "Tokens",
    "identity": "Who am I", "namespace": "Namespaces", "policy": "Policies",
    "authorize": "Explain", "decision": "Decisions", "audit": "Audit log", "receipt": "Receipts",
    "alert": "Alerts", "otp": "One-time passwords",
    "status": "Status",
}  # fmt: skip


class Field(msgspec.Struct, frozen=True):
    """A line of a table of fields."""

    name: str
    kind: str
    needed: bool
    about: str


class Entry(msgspec.Struct, frozen=True):
    """A route as the page shows it."""

    route: Route
    anchor: str
    summary: str
    fields: list[Field]
    answers: list[tuple[str, list[Field]]]
    refusals: list[tuple[int, list[str]]]
    anonymous: bool
    roles: list[str]
    curl: str


def document(version: str) -> tuple[bytes, str]:
    """The page, and the Content-Security-Policy under which it shows: its own style alone."""
    style = _read("page.css")
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    template = environment.from_string(_read("page.html"))
    groups: dict[str, list[Entry]] = {}
    for route in ROUTES:
        groups.setdefault(_TITLES[route.operation.partition(".")[0]], []).append(_entry(route))
    codes = sorted((status, code, errors.TITLES[code]) for code, status in errors.STATUSES.items())
    html = template.render(
        # Ours, and in the hash below as it stands: escaping would change it.
        style=Markup(style),  # noqa: S704
        version=version,
        groups=groups,
        codes=codes,
        body_bytes_max=f"{limits.BODY_BYTES_MAX:,}",
    )
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'sha256-{digest}'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return html.encode(), policy


def _read(name: str) -> str:
    return resources.files("strongroom.doors.rest").joinpath("templates", name).read_text("utf-8")


def _entry(route: Route) -> Entry:
    operation = OPERATIONS[route.operation]
    return Entry(
        route=route,
        anchor=f"{route.method}-{route.path.strip('/').translate(str.maketrans('/', '-', '{}'))}",
        summary=operation.summary,
        fields=_fields(operation.ask),
        answers=[
            (route.media_type if answer in openapi.RAW else answer.__name__, _fields(answer))
            for answer in operation.answers
            if answer is not asks.Done
        ],
        refusals=[
            (status, [refusal.code for refusal in told])
            for status, told in openapi.refusals(route).items()
        ],
        anonymous=operation.anonymous,
        roles=[role.name for role in ROLES.values() if operation.name in role.actions],
        curl=_curl(route),
    )


def _fields(kind: type[msgspec.Struct]) -> list[Field]:
    return list(_rows(openapi.schema_of(kind), ""))


def _rows(schema: Json, prefix: str) -> Iterator[Field]:
    """A schema's fields, and below each the fields of what it holds, as `items[].plaintext`."""
    needed = set(schema.get("required", []))
    for name, inner in schema.get("properties", {}).items():
        yield Field(prefix + name, _kind(inner), name in needed, _about(inner))
        listed = inner.get("type") == "array"
        held = inner.get("items", {}) if listed else inner
        if "$ref" in held:
            step = f"{prefix}{name}[]." if listed else f"{prefix}{name}."
            yield from _rows(openapi.schema_named(_named(held)), step)


def _kind(schema: Json) -> str:
    """A schema in a word or two."""
    if "$ref" in schema:
        return "text" if "enum" in openapi.schema_named(_named(schema)) else "object"
    if schema.get("contentEncoding") == "base64":
        return "base64"
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    if schema.get("type") == "object":
        inner = schema.get("additionalProperties")
        return f"names to {_kind(inner)}" if isinstance(inner, dict) else "object"
    names = {"string": "text", "integer": "number", "boolean": "true or false"}
    return names.get(schema.get("type", ""), "value")


def _named(schema: Json) -> str:
    name: str = schema["$ref"].rpartition("/")[2]
    return name


def _about(schema: Json) -> str:
    """Description, limits, values and default of a schema, as a sentence."""
    parts = [schema["description"]] if "description" in schema else []
    if "$ref" in schema:
        values = openapi.schema_named(_named(schema)).get("enum", [])
        parts += [f"one of {', '.join(values)}"] if values else []
    elif "enum" in schema:
        parts.append(f"one of {', '.join(schema['enum'])}")
    items = schema.get("items")
    if isinstance(items, dict) and "enum" in items:
        parts.append(f"of {', '.join(items['enum'])}")
    if "maxLength" in schema and "description" not in schema:
        parts.append(f"at most {schema['maxLength']:,} characters")
    if "minimum" in schema:
        parts.append(f"{schema['minimum']:,} to {schema['maximum']:,}")
    if "maxItems" in schema:
        parts.append(f"at most {schema['maxItems']:,}")
    if "maxProperties" in schema:
        parts.append(f"at most {schema['maxProperties']:,} pairs")
    if schema.get("default") not in (None, "", [], {}):
        parts.append(f"{schema['default']} if not given")
    return "; ".join(parts)


def _curl(route: Route) -> str:
    example = EXAMPLES[route.method, route.path]
    words = ["curl -s"]
    if route.method not in {"GET", "POST"} or (route.method == "POST" and example.body is None):
        words.append(f"-X {route.method}")
    words.append(f'"$STRONGROOM_URL{example.address(route)}"')
    if not OPERATIONS[route.operation].anonymous:
        words.append('-H "Authorization: Bearer $STRONGROOM_TOKEN"')
    if example.body is not None:
        words.append("-H 'Content-Type: application/json'")
        words.append(f"-d '{json.dumps(example.body)}'")
    return " \\\n  ".join([f"{words[0]} {words[1]}", *words[2:]])
