"""The documents: whole, sound, and true."""

import asyncio
import base64
import hashlib
import html
import json
import re
import shlex

import jsonschema_rs
import pytest

from strongroom.domain.lifecycle import Use
from strongroom.domain.operations import OPERATIONS
from strongroom.doors.rest import openapi, page
from strongroom.doors.rest.documents import OPENAPI_PATH, PAGE_PATH, documents
from strongroom.doors.rest.examples import EXAMPLES
from strongroom.doors.rest.routes import ROUTES


@pytest.fixture(scope="module")
def described():
    return json.loads(openapi.document("1.2.3"))


@pytest.fixture(scope="module")
def shown():
    return page.document("1.2.3")


def _references(tree):
    if isinstance(tree, dict):
        if "$ref" in tree:
            yield tree["$ref"]
        for value in tree.values():
            yield from _references(value)
    elif isinstance(tree, list):
        for value in tree:
            yield from _references(value)


def _validator(described, schema):
    return jsonschema_rs.Draft202012Validator({**schema, "components": described["components"]})


def test_every_reference_leads_somewhere_and_no_schema_is_idle(described):
    references = set(_references(described))
    for reference in references:
        place = described
        for step in reference.removeprefix("#/").split("/"):
            place = place[step]
    schemas = {f"#/components/schemas/{name}" for name in described["components"]["schemas"]}
    queries = {
        "ListAlerts", "ListKeys", "Page", "ListAliases", "AuditQuery", "ReadPublicKey", "ReadUsage",
        "ListCredentials", "ListJobs", "ReadKey", "ListGrants",
        "ListRetirableGrants",
    }  # fmt: skip # said as parameters, one by one
    assert {one.rpartition("/")[2] for one in schemas - references} == queries


def test_every_schema_is_one_of_json_schema(described):
    for schema in described["components"]["schemas"].values():
        jsonschema_rs.meta.validate(
            {**schema, "$schema": "https://json-schema.org/draft/2020-12/schema"}
        )


def test_operation_ids_are_unique(described):
    ids = [one["operationId"] for path in described["paths"].values() for one in path.values()]
    assert len(ids) == len(set(ids)) == len(ROUTES) + 2


@pytest.mark.parametrize("route", ROUTES, ids=lambda r: f"{r.method} {r.path}")
def test_each_route_says_how_it_refuses(described, route):
    responses = described["paths"][route.path][route.method.lower()]["responses"]
    needed = {str(route.status), "400", "500", "503"}
    if not OPERATIONS[route.operation].anonymous:
        needed |= {"401", "403"}
    if route.method != "GET":
        needed |= {"413", "415"}
    if "{" in route.path:
        needed |= {"404"}
    assert needed <= set(responses)
    for response in responses.values():
        assert "Strongroom-Request-Id" in response["headers"]


@pytest.mark.parametrize("route", ROUTES, ids=lambda r: f"{r.method} {r.path}")
def test_each_example_is_valid_by_the_document(described, route):
    example = EXAMPLES[route.method, route.path]
    operation = described["paths"][route.path][route.method.lower()]
    if "requestBody" not in operation:
        assert example.body is None
        return
    body = dict(example.body)
    for field in ("ciphertext", "backup", "public_key", "wrapped_material"):
        if field in body:
            body[field] = "AAAA"
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    validator = _validator(described, schema)
    validator.validate(body)
    assert not validator.is_valid({**body, "colour": "red"})


@pytest.mark.parametrize(
    ("kind", "body", "valid"),
    [
        ("Encrypt", {"plaintext": "AAAA"}, True),
        ("Encrypt", {"items": [{"plaintext": "AAAA"}]}, True),
        ("Encrypt", {}, False),
        ("Encrypt", {"plaintext": "AAAA", "items": [{"plaintext": "AAAA"}]}, False),
        ("Encrypt", {"plaintext": "AAA"}, False),
        ("Encrypt", {"items": []}, False),
        ("Decrypt", {"ciphertext": "AA=="}, True),
        ("Decrypt", {"context": {"a": "b"}}, False),
        ("CreateKey", {"name": "demo"}, True),
        ("CreateKey", {"name": "Demo"}, False),
        ("CreateKey", {"name": "demo\n"}, False),
        ("CreatePrincipal", {"name": "a", "roles": ["king"]}, False),
    ],
)
def test_the_document_knows_what_the_door_knows(described, kind, body, valid):
    validator = _validator(described, {"$ref": f"#/components/schemas/{kind}"})
    assert validator.is_valid(body) is valid


def test_the_probes_need_no_token(described):
    for path in ("/v1/health", "/v1/ready"):
        assert described["paths"][path]["get"]["security"] == []
    assert described["security"] == [{"token": []}]


def test_what_everybody_may_read_needs_no_token_and_nothing_else(described):
    free = {
        path
        for path, methods in described["paths"].items()
        for operation in methods.values()
        if operation.get("security") == []
    }
    assert free == {"/v1/health", "/v1/ready", "/v1/namespaces/{name}/jwks.json", "/enrol/{token}"}
    assert "401" not in described["paths"]["/v1/namespaces/{name}/jwks.json"]["get"]["responses"]


def test_a_key_can_be_addressed_by_an_alias(described):
    for path, methods in described["paths"].items():
        for operation in methods.values():
            schemas = [
                one["schema"] for one in operation.get("parameters", []) if one["in"] == "path"
            ]
            for schema in schemas:
                if "tlog-tiles" in json.dumps(operation) or path.startswith("/enrol/"):
                    continue
                found = re.search(schema["pattern"], "alias:current") is not None
                assert found is path.startswith("/v1/keys/"), path
                assert schema["maxLength"] == (69 if found else 63)


def test_too_many_uses_are_in_the_document_of_every_use(described):
    for route in ROUTES:
        use = OPERATIONS[route.operation].use
        operation = described["paths"][route.path][route.method.lower()]
        if use in {Use.PROTECT, Use.PROCESS}:
            assert "Retry-After" in operation["responses"]["429"]["headers"]
            assert "409" in operation["responses"]


def test_the_page_shows_each_operation_with_its_curl(shown):
    text = html.unescape(shown[0].decode())
    for route in ROUTES:
        example = EXAMPLES[route.method, route.path]
        assert route.path in text
        if not OPERATIONS[route.operation].anonymous:
            assert f'Action::"{route.operation}"' in text
        assert f"$STRONGROOM_URL{example.address(route)}" in text


def test_the_page_shows_what_lists_hold(shown):
    for field in ("items[].plaintext", "items[].error.code", "keys[].versions[].state"):
        assert f"<code>{field}</code>" in shown[0].decode()


def test_the_curls_on_the_page_are_sound_shell(shown):
    commands = re.findall(r"<pre><code>(curl.*?)</code></pre>", shown[0].decode(), re.DOTALL)
    assert len(commands) == len(ROUTES)
    for command, route in zip(commands, sorted(ROUTES, key=_order()), strict=True):
        words = shlex.split(html.unescape(command))
        example = EXAMPLES[route.method, route.path]
        assert f"$STRONGROOM_URL{example.address(route)}" in words
        free = OPERATIONS[route.operation].anonymous
        assert ("Authorization: Bearer $STRONGROOM_TOKEN" in words) is not free
        if example.body is not None:
            assert json.loads(words[words.index("-d") + 1]) == example.body


def _order():
    groups = list(dict.fromkeys(route.operation.partition(".")[0] for route in ROUTES))
    return lambda route: groups.index(route.operation.partition(".")[0])


def test_the_page_takes_nothing_from_elsewhere(shown):
    text, policy = shown[0].decode(), shown[1]
    for word in (
        "<script",
        "<img",
        "<link",
        "<iframe",
        "url(",
        "@import",
        "http://",
        "https://",
        " style=",
        "onload",
    ):
        assert word not in text, word
    style = re.search(r"<style>(.*?)</style>", text, re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy


def test_the_links_on_the_page_lead_somewhere(shown):
    text = shown[0].decode()
    anchors = re.findall(r' id="([^"]+)"', text)
    assert len(anchors) == len(set(anchors))
    links = set(re.findall(r'href="#([^"]+)"', text))
    assert links <= set(anchors)


def test_a_version_cannot_break_out_of_the_page():
    assert b"<b>" not in page.document("<b>")[0]


@pytest.mark.parametrize(
    ("path", "kind"), [(OPENAPI_PATH, "application/json"), (PAGE_PATH, "text/html")]
)
def test_the_documents_are_served_to_everybody(entrance, path, kind):
    entrance.pages.update(documents("1.2.3"))
    entrance.rebuilt()
    response = entrance.send("GET", path)
    assert response.status_code == 200
    assert response.headers["content-type"].startswith(kind)
    assert b"1.2.3" in response.content
    assert entrance.custodian.calls == []


def test_the_page_comes_with_its_policy():
    sent = []

    async def send(message):
        sent.append(message)

    asyncio.run(documents("1")[PAGE_PATH]({}, None, send))
    assert dict(sent[0]["headers"])[b"content-security-policy"] == page.document("1")[1].encode()
