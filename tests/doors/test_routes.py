"""Each route: its example is answered, and refused to nobody, to strangers and to the powerless."""

import base64
import os
from functools import cache
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from strongroom.domain import evidence
from strongroom.domain.operations import OPERATIONS
from strongroom.domain.roles import EVERYBODYS_ACTIONS
from strongroom.doors.rest import examples
from strongroom.doors.rest.examples import EXAMPLES
from strongroom.doors.rest.openapi import described
from strongroom.doors.rest.routes import ROUTES
from tests.doors.conftest import Entrance, problem_of
from tests.support.alerts import raised
from tests.support.desks import House
from tests.support.travel import travelling

EACH = pytest.mark.parametrize("route", ROUTES, ids=lambda r: f"{r.method} {r.path}")
KEYS = (
    ("signer", "ed25519", "sign-verify"),
    ("mac", "hmac-sha256", "mac"),
    ("agreement", "x25519", "agree"),
    ("kem", "ml-kem-768", "encapsulate"),
    ("wrapper", "aes-256-kw", "wrap"),
)
# Keys whose material travels.
OTHER_KEYS = (
    {"name": "brought", "origin": "imported"},
    {"name": "portable", "exportable": True},
)
# What the examples speak of and examples make, so that it is made by theirs.
BEFORE = (
    ("POST", "/v1/principals"), ("PUT", "/v1/policies/{name}"), ("PUT", "/v1/aliases/{name}"),
    ("PATCH", "/v1/namespace"),
)  # fmt: skip
# What must have been done for an example to succeed.
FIRST = {
    "key.enable": ("POST", "/v1/keys/demo/disable"),
    "key.cancel-destruction": ("POST", "/v1/keys/demo/schedule-destruction"),
}
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
    return furnished(tmp_path)


@pytest.fixture(scope="module")
def unmoved(tmp_path_factory):
    """Such a house for many tests: for requests that are refused, and so change nothing in it."""
    return furnished(tmp_path_factory.mktemp("unmoved"))


def furnished(folder):
    """A house with what the examples speak of."""
    entrance = Entrance(House(folder / "strongroom.db"))
    for method, path in BEFORE:
        route = next(r for r in ROUTES if (r.method, r.path) == (method, path))
        example = EXAMPLES[method, path]
        assert entrance.admin(method, example.address(route), json=example.body).is_success
    for name, algorithm, purpose in KEYS:
        body = {"name": name, "algorithm": algorithm, "purpose": purpose}
        assert entrance.admin("POST", "/v1/keys", json=body).is_success
    for body in OTHER_KEYS:
        assert entrance.admin("POST", "/v1/keys", json=body).is_success
    # Not even in dev mode does an administrator take keys out, read others' entries, or
    # acknowledge alerts.
    text = (
        'permit (principal == Principal::"admin",'
        ' action in [Action::"key.export", Action::"audit.read-entries",'
        ' Action::"alert.acknowledge"], resource);'
        'permit (principal == Principal::"admin", action in ['
        + ", ".join(f'Action::"{name}"' for name in OPERATIONS if name.startswith("otp."))
        + "], resource);"
    )
    assert entrance.admin("PUT", "/v1/policies/exports", json={"text": text}).is_success
    entrance.notary.sign()
    return entrance


@cache
def public_key():
    """An RSA public key of the caller's."""
    key = rsa.generate_private_key(65_537, 2_048).public_key()
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def import_of(entrance):
    """The fields of an import into `brought`: its token, and the material."""
    asked = {"wrapping_key": "rsa-2048"}
    made = entrance.admin("POST", "/v1/keys/brought/import-parameters", json=asked).json()
    sealed = travelling(base64.b64decode(made["public_key"]), bytes(range(32)))
    wrapped = base64.b64encode(sealed).decode()
    return {"import_token": made["import_token"], "wrapped_material": wrapped}


def backup_of(entrance):
    """A backup of a key that the house does not have, made under the same root key."""
    folder = Path(entrance.house.path).parent
    elsewhere = House(folder / f"{os.urandom(8).hex()}.db", root=entrance.house.root)
    desk = elsewhere.desk()
    desk.ask(elsewhere.admin, "key.create", name="lost")
    made = desk.ask(elsewhere.admin, "key.backup", "lost").backup
    elsewhere.store.close()
    return base64.b64encode(made).decode()


def _other(name):
    return lambda entrance, example: msgspec.structs.replace(example, target=name)


def _with(**fields):
    """The example with these fields in its body: values, or what makes them."""

    def filled(entrance, example):
        made = {
            name: value(entrance) if callable(value) else value for name, value in fields.items()
        }
        return msgspec.structs.replace(example, body={**example.body, **made})

    return filled


def _of_a_token(entrance, example):
    made = entrance.admin("POST", "/v1/tokens", json={"principal": "billing"}).json()
    return msgspec.structs.replace(example, target=made["id"])


def _of_a_decision(entrance, example):
    refused = entrance.send("GET", "/v1/audit/events", entrance.house.app)
    return msgspec.structs.replace(example, target=problem_of(refused)["decision_id"])


def _of_an_alert(entrance, example):
    return msgspec.structs.replace(example, target=raised(entrance.house, entrance.house.desk()))


def _of_a_receipt(entrance, example):
    made = entrance.admin("GET", "/v1/whoami").headers["strongroom-request-id"]
    entrance.notary.sign()
    return msgspec.structs.replace(example, target=made)


def _of_an_import(entrance, example):
    return _with(**import_of(entrance))(entrance, example)


def _after_an_import(entrance, example):
    if not entrance.admin("GET", "/v1/keys/brought").json()["versions"]:
        body = import_of(entrance)
        assert entrance.admin("POST", "/v1/keys/brought/import", json=body).is_success
    return example


def _of_a_credential(*steps, **item):
    """Of an imported one, after these steps; `item`: how it is not as usual."""
    imported = {"secret": "MTIzNDU2Nzg5MDEyMzQ1Njc4OTA=", "user": "customer-4711", **item}

    def filled(entrance, example):
        imported["serial"] = os.urandom(8).hex()  # the same again would be the one of before
        made = entrance.admin("POST", "/v1/otp/import", json={"items": [imported]}).json()
        (one,) = made["items"]
        for step in steps:
            assert entrance.admin("POST", f"/v1/otp/{one['id']}/{step}").is_success
        return msgspec.structs.replace(example, target=one["id"])

    return filled


_OCRA = {"type": "ocra", "suite": "OCRA-1:HOTP-SHA256-8:QN08"}


def _of_a_link(entrance, example):
    made = entrance.admin("POST", "/v1/otp", json={"user": "customer-4711"}).json()
    return msgspec.structs.replace(example, target=made["link"]["token"])


def _of_a_job(entrance, example):
    body = EXAMPLES["POST", "/v1/otp-jobs"].body
    made = entrance.admin("POST", "/v1/otp-jobs", json=body).json()
    return msgspec.structs.replace(example, target=made["id"])


def _of_a_profile(entrance, example):
    put = EXAMPLES["PUT", "/v1/otp-profiles/{name}"]
    assert entrance.admin("PUT", f"/v1/otp-profiles/{put.target}", json=put.body).is_success
    return example


# What cannot be known beforehand, or is there already, by operation.
FILLED = {
    "principal.create": _with(name="another"),
    "alias.write": _other("another"),
    "key.import": _of_an_import,
    "key.delete-imported-material": _after_an_import,
    "key.export": _with(public_key=lambda entrance: base64.b64encode(public_key()).decode()),
    "key.restore": _with(backup=backup_of),
    "token.revoke": _of_a_token,
    "decision.read": _of_a_decision,
    "receipt.read": _of_a_receipt,
    "alert.read": _of_an_alert,
    "alert.acknowledge": _of_an_alert,
    "otp.read": _of_a_credential(),
    "otp.verify": _of_a_credential(),
    "otp.activate": _of_a_credential(proved=False),
    "otp.resync": _of_a_credential(),
    "otp.challenge": _of_a_credential(**_OCRA),
    "otp.compute": _of_a_credential(),
    "otp.rotate": _of_a_credential(),
    "otp.link": _of_a_credential(proved=False),
    "otp.suspend": _of_a_credential(),
    "otp.resume": _of_a_credential("suspend"),
    "otp.unlock": _of_a_credential(),
    "otp.revoke": _of_a_credential(),
    "otp.destroy": _of_a_credential(),
    "otp.fetch": _of_a_link,
    "otp.read-job": _of_a_job,
    "otp.update-job": _of_a_job,
    "otp.delete-profile": _of_a_profile,
    "audit.read-tile": _other("0/000.p/3"),
    "audit.read-entries": _other("000.p/3"),
}


def request_of(route, entrance):
    """The example, with what cannot be known beforehand put in."""
    example = EXAMPLES[route.method, route.path]
    if route.operation in FILLED:
        return FILLED[route.operation](entrance, example)
    for field, shown in (example.body or {}).items():
        if isinstance(shown, str) and shown in MADE:
            path, body, made = MADE[shown]
            value = entrance.admin("POST", path, json=body).json()[made]
            example = msgspec.structs.replace(example, body={**example.body, field: value})
    return example


def send(entrance, route, token):
    example = request_of(route, entrance)
    return entrance.send(route.method, example.address(route), token, json=example.body)


@EACH
def test_example_is_answered_as_the_document_says(inhabited, route):
    if route.operation in FIRST:
        assert inhabited.admin(*FIRST[route.operation]).is_success
    token = inhabited.house.admin
    if route.operation == "key.replicate":
        token = _in_a_region(inhabited)
    response = send(inhabited, route, token)
    assert response.status_code == route.status, response.text
    assert len(response.headers["strongroom-request-id"]) == 32
    kept = f"public, max-age={route.fresh_seconds}"
    if not route.fresh_seconds or route.is_of_tiles:  # this one is not full
        kept = "no-store"
    assert response.headers["cache-control"] == kept
    if route.status == 204:
        assert response.content == b""
        return
    assert response.headers["content-type"] == route.media_type
    answers = OPERATIONS[route.operation].answers
    batch = "items" in (EXAMPLES[route.method, route.path].body or {})
    if not issubclass(answers[0], evidence.Raw):
        msgspec.json.decode(response.content, type=answers[-1 if batch else 0], strict=True)
    entries = inhabited.entries(request=response.headers["strongroom-request-id"])
    if token == inhabited.house.admin:
        assert [entry["outcome"] for entry in entries] == ["allowed"]


def _in_a_region(entrance):
    """The token of somebody with a multi-Region key, and somewhere to replicate it to."""
    here = {"name": "europe", "region": "eu-central-1"}
    token = entrance.admin("POST", "/v1/namespaces", json=here).json()["token"]
    there = {"name": "america", "region": "us-east-1", "account_of": "europe"}
    assert entrance.admin("POST", "/v1/namespaces", json=there).is_success
    key = {"name": "demo", "multi_region": True}
    assert entrance.send("POST", "/v1/keys", token, json=key).is_success
    return token


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


PROVEN = pytest.mark.parametrize(
    "route",
    [route for route in ROUTES if not OPERATIONS[route.operation].anonymous],
    ids=lambda r: f"{r.method} {r.path}",
)


@PROVEN
@pytest.mark.parametrize("token", ["", STRANGER, "other"])
def test_without_proof_nothing_is_answered_and_it_is_on_record(unmoved, route, token):
    response = send(unmoved, route, token)
    assert problem_of(response)["code"] == "unauthenticated"
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"
    (entry,) = unmoved.entries(request=response.headers["strongroom-request-id"])
    assert entry["reason"] == "unauthenticated"
    assert entry["opened"] == {"source": "192.0.2.7"}


@PROVEN
def test_without_a_right_there_is_a_decision_to_look_up(unmoved, route):
    unmoved.admin("POST", "/v1/principals", json={"name": "powerless"})
    made = unmoved.admin("POST", "/v1/tokens", json={"principal": "powerless"}).json()
    response = send(unmoved, route, made["token"])
    if route.operation == "receipt.read":  # of another's request: to them, there is none
        assert problem_of(response)["code"] == "not-found"
        return
    if route.operation in EVERYBODYS_ACTIONS:
        assert response.is_success
        return
    problem = problem_of(response)
    assert (response.status_code, problem["code"]) == (403, "not-allowed")
    assert problem["detail"] == "Not allowed"
    decision = unmoved.admin("GET", f"/v1/decisions/{problem['decision_id']}").json()
    assert decision["action"] == route.operation
    assert decision["missing"]


@pytest.mark.parametrize("token", ["", STRANGER, "admin"])
def test_what_needs_no_token_looks_at_none(inhabited, token):
    """Whatever comes as evidence, the custodian is not even told of it."""
    address = "/v1/namespaces/default/jwks.json"
    response = inhabited.send("GET", address, inhabited.house.admin if token == "admin" else token)
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/jwk-set+json"
    assert [key["kid"] for key in response.json()["keys"]] == ["signer/1"]
    call = inhabited.custodian.calls[-1]
    assert (call.operation, call.target, call.token) == ("jwks.read-published", "default", "")
    (entry,) = inhabited.entries(request=response.headers["strongroom-request-id"])
    assert ("principal" in entry, entry["outcome"]) == (False, "allowed")


@pytest.mark.parametrize("name", ["nowhere", "acme", "Default", "a" * 69])
def test_without_a_token_nothing_is_told_of_who_publishes_nothing(inhabited, name):
    assert inhabited.admin("POST", "/v1/namespaces", json={"name": "acme"}).is_success
    response = inhabited.send("GET", f"/v1/namespaces/{name}/jwks.json")
    problem = problem_of(response)
    assert (response.status_code, problem["code"], problem["detail"]) == (
        404, "not-found", "Not found",
    )  # fmt: skip


@pytest.mark.parametrize("query", ["limit=1", "colour=red", "="])
def test_without_a_token_a_malformed_request_is_told_so(inhabited, query):
    response = inhabited.send("GET", f"/v1/namespaces/default/jwks.json?{query}")
    assert problem_of(response)["code"] == "invalid-request"


def test_a_key_is_found_by_the_longest_alias(inhabited):
    name = "a" * 63
    assert inhabited.admin("PUT", f"/v1/aliases/{name}", json={"key": "demo"}).is_success
    assert inhabited.admin("GET", f"/v1/keys/alias:{name}").json()["name"] == "demo"
    for other in (f"alias%3A{name}", f"ALIAS:{name}", "alias:", "alias:alias:current", "alias:no"):
        problem = problem_of(inhabited.admin("GET", f"/v1/keys/{other}"))
        assert problem["code"] == ("no-such-path" if len(other) > 69 else "not-found"), other


def test_too_many_uses_are_told_when_to_come_again(inhabited):
    control = {"rate_uses": 1, "rate_seconds": 3600}
    assert inhabited.admin("PATCH", "/v1/keys/demo", json={"control": control}).is_success
    body = {"plaintext": "aGVsbG8="}
    assert inhabited.app("POST", "/v1/keys/demo/encrypt", json=body).status_code == 200
    response = inhabited.app("POST", "/v1/keys/demo/encrypt", json=body)
    assert (response.status_code, problem_of(response)["code"]) == (429, "rate-limited")
    assert response.headers["retry-after"] == "1"


@EACH
def test_a_field_or_parameter_that_does_not_belong_is_refused(unmoved, route):
    example = request_of(route, unmoved)
    if route.method == "GET":
        separator = "&" if example.query else "?"
        response = unmoved.admin("GET", f"{example.address(route)}{separator}colour=SECRET")
    else:
        body = {**(example.body or {}), "colour": "SECRET"}
        response = unmoved.admin(route.method, example.address(route), json=body)
    problem = problem_of(response)
    assert (response.status_code, problem["code"]) == (400, "invalid-request")
    assert "SECRET" not in response.text
    assert "colour" not in response.text
    assert problem["errors"] == [{"pointer": "$", "detail": problem["detail"]}]


@EACH
def test_another_method_is_told_which_ones_there_are(unmoved, route):
    address = EXAMPLES[route.method, route.path].address(route)
    allowed = {other.method for other in ROUTES if other.path == route.path}
    for method in {"GET", "PUT", "POST", "DELETE", "HEAD", "OPTIONS", "TRACE"} - allowed:
        response = unmoved.admin(method, address)
        assert response.status_code == 405, method
        assert response.headers["allow"] == ", ".join(sorted(allowed))


@EACH
def test_a_path_has_one_spelling(unmoved, route):
    example = EXAMPLES[route.method, route.path]
    path = example.address(route).partition("?")[0]
    first = path.split("/")[1]
    for other in (path + "/", "/" + path, path.replace(first, first + "/", 1), path.upper()):
        response = unmoved.admin(route.method, other, json=example.body)
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
