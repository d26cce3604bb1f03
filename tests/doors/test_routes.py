"""Each route: its example is answered, and refused to nobody, to strangers and to the powerless."""

import msgspec
import pytest

from strongroom.domain.operations import OPERATIONS
from strongroom.doors.rest import examples
from strongroom.doors.rest.examples import EXAMPLES
from strongroom.doors.rest.openapi import described
from strongroom.doors.rest.routes import ROUTES
from tests.doors.conftest import Entrance, problem_of
from tests.support.desks import House

EACH = pytest.mark.parametrize("route", ROUTES, ids=lambda r: f"{r.method} {r.path}")
KEYS = (
    ("signer", "ed25519", "sign-verify"),
    ("mac", "hmac-sha256", "mac"),
    ("agreement", "x25519", "agree"),
    ("kem", "ml-kem-768", "encapsulate"),
    ("wrapper", "aes-256-kw", "wrap"),
)
# What an example shows in the place of something made before: the request that makes it, the field.
MADE = {
    examples.SIGNATURE: ("/v1/keys/signer/sign", {"message": "aGVsbG8="}, "signature"),
    examples.TAG: ("/v1/keys/mac/mac", {"message": "aGVsbG8="}, "tag"),
    examples.ENCAPSULATED: ("/v1/keys/kem/encapsulate", {}, "ciphertext"),
    examples.WRAPPED: ("/v1/keys/wrapper/wrap", {"material": examples.X25519_KEY}, "wrapped"),
    examples.CIPHERTEXT: (
        "/v1/keys/demo/encrypt", {"plaintext": "aGVsbG8=", "context": {"tenant": "acme"}},
        "ciphertext",
    ),
}  # fmt: skip
STRANGER = "srt_" + "a" * 72


@pytest.fixture
def inhabited(tmp_path):
    """A house in which what the examples speak of exists, but for what they make."""
    entrance = Entrance(House(tmp_path / "strongroom.db"))
    for method, path in (("POST", "/v1/principals"), ("PUT", "/v1/policies/{name}")):
        route = next(r for r in ROUTES if (r.method, r.path) == (method, path))
        example = EXAMPLES[method, path]
        assert entrance.admin(method, example.address(route), json=example.body).is_success
    for name, algorithm, purpose in KEYS:
        body = {"name": name, "algorithm": algorithm, "purpose": purpose}
        assert entrance.admin("POST", "/v1/keys", json=body).is_success
    return entrance


def request_of(route, entrance):
    """The example, with what cannot be known beforehand put in."""
    example = EXAMPLES[route.method, route.path]
    if route.operation == "principal.create":
        example = msgspec.structs.replace(example, body={**example.body, "name": "another"})
    for field, shown in (example.body or {}).items():
        if isinstance(shown, str) and shown in MADE:
            path, body, made = MADE[shown]
            value = entrance.admin("POST", path, json=body).json()[made]
            example = msgspec.structs.replace(example, body={**example.body, field: value})
    if example.target == examples.TOKEN_ID:
        made = entrance.admin("POST", "/v1/tokens", json={"principal": "billing"}).json()
        example = msgspec.structs.replace(example, target=made["id"])
    if example.target == examples.DECISION_ID:
        refused = entrance.send("GET", "/v1/audit/events", entrance.house.app)
        example = msgspec.structs.replace(example, target=problem_of(refused)["decision_id"])
    return example


def send(entrance, route, token):
    example = request_of(route, entrance)
    return entrance.send(route.method, example.address(route), token, json=example.body)


@EACH
def test_example_is_answered_as_the_document_says(inhabited, route):
    if route.operation == "key.enable":
        assert inhabited.admin("POST", "/v1/keys/demo/disable").is_success
    response = send(inhabited, route, inhabited.house.admin)
    assert response.status_code == route.status, response.text
    assert len(response.headers["strongroom-request-id"]) == 32
    assert response.headers["cache-control"] == "no-store"
    if route.status == 204:
        assert response.content == b""
        return
    answers = OPERATIONS[route.operation].answers
    msgspec.json.decode(response.content, type=answers[0], strict=True)
    entries = inhabited.entries(request=response.headers["strongroom-request-id"])
    assert [entry["outcome"] for entry in entries] == ["allowed"]


@pytest.mark.parametrize(
    "route",
    [route for route in ROUTES if EXAMPLES[route.method, route.path].items],
    ids=lambda r: r.path,
)
def test_example_of_a_batch_is_answered_as_the_document_says(inhabited, route):
    example = EXAMPLES[route.method, route.path]
    items = []
    for shown in example.items:
        item = dict(shown)
        for field, value in shown.items():
            if isinstance(value, str) and value in MADE:
                path, body, made = MADE[value]
                item[field] = inhabited.admin("POST", path, json=body).json()[made]
        items.append(item)
    response = inhabited.admin("POST", example.address(route), json={"items": items})
    assert response.status_code == route.status, response.text
    (answer,) = OPERATIONS[route.operation].answers[1:]
    outcomes = msgspec.json.decode(response.content, type=answer, strict=True).items
    assert [outcome.error for outcome in outcomes] == [msgspec.UNSET] * len(items)
    content = described("1")["paths"][route.path]["post"]["requestBody"]["content"]
    shown = content["application/json"]["examples"]["batch"]["value"]
    assert shown == {"items": example.items}


@EACH
@pytest.mark.parametrize("token", ["", STRANGER, "other"])
def test_without_proof_nothing_is_answered_and_it_is_on_record(inhabited, route, token):
    response = send(inhabited, route, token)
    assert problem_of(response)["code"] == "unauthenticated"
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"
    (entry,) = inhabited.entries(request=response.headers["strongroom-request-id"])
    assert entry["reason"] == "unauthenticated"
    assert entry["source"] == "192.0.2.7"


@EACH
def test_without_a_right_there_is_a_decision_to_look_up(inhabited, route):
    inhabited.admin("POST", "/v1/principals", json={"name": "powerless"})
    made = inhabited.admin("POST", "/v1/tokens", json={"principal": "powerless"}).json()
    response = send(inhabited, route, made["token"])
    if route.operation == "identity.read":
        assert response.json()["principal"] == "powerless"
        return
    problem = problem_of(response)
    assert (response.status_code, problem["code"]) == (403, "not-allowed")
    assert problem["detail"] == "Not allowed"
    decision = inhabited.admin("GET", f"/v1/decisions/{problem['decision_id']}").json()
    assert decision["action"] == route.operation
    assert decision["missing"]


@EACH
def test_a_field_or_parameter_that_does_not_belong_is_refused(inhabited, route):
    example = request_of(route, inhabited)
    if route.method == "GET":
        separator = "&" if example.query else "?"
        response = inhabited.admin("GET", f"{example.address(route)}{separator}colour=SECRET")
    else:
        body = {**(example.body or {}), "colour": "SECRET"}
        response = inhabited.admin(route.method, example.address(route), json=body)
    problem = problem_of(response)
    assert (response.status_code, problem["code"]) == (400, "invalid-request")
    assert "SECRET" not in response.text
    assert "colour" not in response.text
    assert problem["errors"] == [{"pointer": "$", "detail": problem["detail"]}]


@EACH
def test_another_method_is_told_which_ones_there_are(inhabited, route):
    address = EXAMPLES[route.method, route.path].address(route)
    allowed = {other.method for other in ROUTES if other.path == route.path}
    for method in {"GET", "PUT", "POST", "DELETE", "HEAD", "OPTIONS", "TRACE"} - allowed:
        response = inhabited.admin(method, address)
        assert response.status_code == 405, method
        assert response.headers["allow"] == ", ".join(sorted(allowed))


@EACH
def test_a_path_has_one_spelling(inhabited, route):
    example = EXAMPLES[route.method, route.path]
    path = example.address(route).partition("?")[0]
    for other in (path + "/", "/" + path, path.replace("/v1/", "/v1//"), path.upper()):
        response = inhabited.admin(route.method, other, json=example.body)
        assert problem_of(response)["code"] in {"no-such-path", "method-not-allowed"}, other


def test_every_operation_has_a_route_and_every_route_an_operation():
    assert {route.operation for route in ROUTES} == set(OPERATIONS)


def test_every_route_has_an_example_and_no_other_has():
    assert {(route.method, route.path) for route in ROUTES} == set(EXAMPLES)


def test_no_route_is_there_twice():
    assert len({(route.method, route.path) for route in ROUTES}) == len(ROUTES)


def test_document_has_every_route_and_no_other():
    paths = described("1")["paths"]
    there = {(method.upper(), path) for path, methods in paths.items() for method in methods}
    own = {("GET", "/v1/health"), ("GET", "/v1/ready")}
    assert there == {(route.method, route.path) for route in ROUTES} | own
