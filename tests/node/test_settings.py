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


def test_addresses_are_private_and_erased_everywhere_when_that_is_answered(node, admin):
    """Of each request since, whichever custodian had it, the entry says so; over a whole wire."""

    def readings():
        assert statuses(node, node.app, "GET", "/v1/keys/demo") == {200}
        assert statuses(node, "", "GET", "/v1/keys/demo") == {401}
        page = admin.ask("GET", f"/v1/audit/events?action=key.read&limit=1000&page_token={seen}")
        assert len(page.json["events"]) == 2 * CONNECTIONS
        return page.json["events"]

    for _ in range(ROUNDS):
        assert admin.ask("PATCH", "/v1/namespace", {"private_sources": False}).status == 200
        seen = admin.ask("GET", "/v1/status").json["tree_size"] - 1
        assert {event["source"] for event in readings()} == {"127.0.0.1"}
        assert admin.ask("PATCH", "/v1/namespace", {"private_sources": True}).status == 200
        seen = admin.ask("GET", "/v1/status").json["tree_size"] - 1
        events = readings()
        assert {event["source"][:5] for event in events} == {"hmac:"}
        assert {event["opened"]["source"] for event in events} == {"127.0.0.1"}
        erased = admin.ask("POST", "/v1/audit/erase-details", {"identifiers": True})
        assert erased.status == 200
        before = admin.ask("GET", f"/v1/audit/events?action=key.read&page_token={seen}").json
        assert all(event["erased"] for event in before["events"])
        seen = admin.ask("GET", "/v1/status").json["tree_size"] - 1
        assert {event["sealed"].partition(":")[0] for event in readings()} == {
            str(erased.json["details_generation"])
        }
    assert admin.ask("PATCH", "/v1/namespace", {"private_sources": False}).status == 200


def test_settings_outlive_a_restart(node, admin):
    asked = {
        "profile": "legacy", "destruction_days_min": 30, "publishes_keys": True,
        "private_sources": True,
    }  # fmt: skip
    changed = admin.ask("PATCH", "/v1/namespace", asked)
    assert (changed.status, changed.json | asked) == (200, changed.json)
    assert node.stop() == 0
    node.start()
    assert node.client().ask("GET", "/v1/namespace").json == changed.json
