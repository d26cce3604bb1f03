"""A namespace's settings hold at once, through every gate and custodian."""

import base64

import pytest

from tests.support.nodes import Node

ROUNDS = 10
CONNECTIONS = 6
MESSAGE = {"message": base64.b64encode(b"m").decode()}
JWKS = "/v1/namespaces/default/jwks.json"


@pytest.fixture(scope="module")
def node(tmp_path_factory):
    with Node(tmp_path_factory.mktemp("node") / "data", gates=2, custodians=2) as node:
        yield node


@pytest.fixture(scope="module")
def admin(node):
    client = node.client()
    body = {"name": "wallet", "algorithm": "ec-secp256k1"}
    assert client.ask("POST", "/v1/keys", body).status == 201
    return client


def statuses(node, token, *request):
    """Of the same request over as many new connections: each may meet another gate."""
    found = []
    for _ in range(CONNECTIONS):
        client = node.client(token)
        found.append(client.ask(*request).status)
        client.close()
    return set(found)


@pytest.mark.parametrize(
    ("change", "back", "who", "request_", "refused"),
    [
        (
            {"profile": "approved"}, {"profile": "standard"}, "app",
            ("POST", "/v1/keys/wallet/sign", MESSAGE), 409,
        ),
        (
            {"publishes_keys": False}, {"publishes_keys": True}, "", ("GET", JWKS), 404,
        ),
    ],
)  # fmt: skip
def test_a_change_holds_when_it_is_answered(node, admin, change, back, who, request_, refused):
    token = node.app if who else ""
    for _ in range(ROUNDS):
        assert admin.ask("PATCH", "/v1/namespace", back).status == 200
        assert statuses(node, token, *request_) == {200}
        assert admin.ask("PATCH", "/v1/namespace", change).status == 200
        assert statuses(node, token, *request_) == {refused}


def test_settings_outlive_a_restart(node, admin):
    asked = {"profile": "legacy", "destruction_days_min": 30, "publishes_keys": True}
    changed = admin.ask("PATCH", "/v1/namespace", asked)
    assert (changed.status, changed.json | asked) == (200, changed.json)
    assert node.stop() == 0
    node.start()
    assert node.client().ask("GET", "/v1/namespace").json == changed.json
