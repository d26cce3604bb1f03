"""JWTs signed through a running node verify in another library, against the set it publishes."""

import base64
import json

import pytest
from joserfc import jws
from joserfc.errors import BadSignatureError, InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet

from strongroom.domain.algorithms import ALGORITHMS, Purpose
from tests.support.nodes import Node

JWKS = "/v1/namespaces/default/jwks.json"
# alg -> the key's algorithm and how it signs: RFC 7518, 3.1; RFC 8037; RFC 8812; RFC 9864.
ALGS = {
    "RS256": ("rsa-2048", {"scheme": "rsa-pkcs1-sha256"}),
    "RS384": ("rsa-2048", {"scheme": "rsa-pkcs1-sha384"}),
    "RS512": ("rsa-2048", {"scheme": "rsa-pkcs1-sha512"}),
    "PS256": ("rsa-2048", {"scheme": "rsa-pss-sha256"}),
    "PS384": ("rsa-2048", {"scheme": "rsa-pss-sha384"}),
    "PS512": ("rsa-2048", {"scheme": "rsa-pss-sha512"}),
    "ES256": ("ec-p256", {"encoding": "p1363"}),
    "ES384": ("ec-p384", {"encoding": "p1363"}),
    "ES512": ("ec-p521", {"encoding": "p1363"}),
    "ES256K": ("ec-secp256k1", {"encoding": "p1363"}),
    "EdDSA": ("ed25519", {}),
    "Ed25519": ("ed25519", {}),
    "Ed448": ("ed448", {}),
}
CLAIMS = {"iss": "https://bank.example", "sub": "4711", "aud": "ledger"}


@pytest.fixture(scope="module")
def node(tmp_path_factory):
    with Node(tmp_path_factory.mktemp("node") / "data", gates=2, custodians=2) as node:
        yield node


@pytest.fixture(scope="module")
def admin(node):
    client = node.client(timeout=60)
    for algorithm in {algorithm for algorithm, _ in ALGS.values()}:
        for name in (algorithm, f"other-{algorithm}"):
            body = {"name": name, "algorithm": algorithm, "purpose": "sign-verify"}
            assert client.ask("POST", "/v1/keys", body).status == 201
    assert client.ask("PATCH", "/v1/namespace", {"publishes_keys": True}).status == 200
    return client


@pytest.fixture
def app(node):
    return node.client(node.app)


def fetched(node):
    """As a verifier has it: without a token."""
    stranger = node.client("")
    answer = stranger.ask("GET", JWKS)
    stranger.close()  # another connection may meet another gate
    assert (answer.status, answer.headers["content-type"]) == (200, "application/jwk-set+json")
    return answer.json


def text(content):
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def signed(app, alg, *, name=None):
    """A JWT in its compact form (RFC 7515, 3.1)."""
    usual, how = ALGS[alg]
    name = name or usual
    version = app.ask("GET", f"/v1/keys/{name}").json["current_version"]
    header = {"alg": alg, "typ": "JWT", "kid": f"{name}/{version}"}
    parts = [text(json.dumps(part).encode()) for part in (header, CLAIMS)]
    message = base64.b64encode(".".join(parts).encode()).decode()
    answer = app.ask("POST", f"/v1/keys/{name}/sign", {"message": message} | how)
    assert (answer.status, answer.json["key_version"]) == (200, version)
    return ".".join([*parts, text(base64.b64decode(answer.json["signature"]))])


def verified(token, keys, alg):
    return json.loads(jws.deserialize_compact(token, keys, algorithms=[alg]).payload)


@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")  # many tokens say it all the same
@pytest.mark.parametrize("alg", ALGS)
def test_a_jwt_verifies_against_the_published_set_and_an_altered_one_does_not(
    node, admin, app, alg
):
    del admin
    keys = KeySet.import_key_set(fetched(node))
    token = signed(app, alg)
    assert verified(token, keys, alg) == CLAIMS
    head, body, signature = token.split(".")
    forged = text(json.dumps(CLAIMS | {"sub": "0815"}).encode())
    raw = base64.urlsafe_b64decode(signature + "==")
    flipped = [
        text(raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :])
        for place in (0, len(raw) // 2, len(raw) - 1)
    ]
    cut = [text(raw[:-1]), text(bytes(len(raw))), ""]
    for bad in (f"{head}.{forged}.{signature}", *(f"{head}.{body}.{one}" for one in flipped + cut)):
        with pytest.raises(JoseError):
            verified(bad, keys, alg)
    # Another key of the same kind under this one's name.
    name = ALGS[alg][0]
    (other,) = (jwk for jwk in fetched(node)["keys"] if jwk["kid"] == f"other-{name}/1")
    with pytest.raises(BadSignatureError):
        verified(token, KeySet.import_key_set({"keys": [other | {"kid": f"{name}/1"}]}), alg)


def test_the_set_has_every_signing_key_and_nothing_private(node, admin):
    del admin
    keys = fetched(node)["keys"]
    names = {name for name, _ in ALGS.values()}
    assert {jwk["kid"] for jwk in keys} >= {f"{one}/1" for n in names for one in (n, f"other-{n}")}
    for jwk in keys:
        assert jwk["use"] == "sig"
        assert jwk.keys() <= {"kty", "crv", "x", "y", "n", "e", "kid", "use", "alg"}


def test_after_a_rotation_old_and_new_tokens_verify_and_after_a_compromise_not(node, admin, app):
    name = "jwt-rotated"
    body = {"name": name, "algorithm": "ec-p256", "purpose": "sign-verify"}
    assert admin.ask("POST", "/v1/keys", body).status == 201
    old = signed(app, "ES256", name=name)
    assert admin.ask("POST", f"/v1/keys/{name}/rotate").status == 200
    new = signed(app, "ES256", name=name)
    keys = KeySet.import_key_set(fetched(node))
    assert verified(old, keys, "ES256") == verified(new, keys, "ES256") == CLAIMS
    said = admin.ask("POST", f"/v1/keys/{name}/mark-compromised", {"key_version": 1})
    assert said.status == 200, said
    keys = KeySet.import_key_set(fetched(node))
    assert verified(new, keys, "ES256") == CLAIMS
    with pytest.raises(InvalidKeyIdError):
        verified(old, keys, "ES256")


def test_a_change_is_seen_at_once_through_every_gate_and_custodian(node, admin):
    """Whoever asks after the answer to the change sees it, whichever rooms they come through."""
    name = "jwt-switched"
    body = {"name": name, "algorithm": "ed25519"}
    assert admin.ask("POST", "/v1/keys", body).status == 201
    for _ in range(10):
        for act, there in (("disable", False), ("enable", True)):
            assert admin.ask("POST", f"/v1/keys/{name}/{act}", {}).status == 200
            for _ in range(4):  # each time over a new connection
                assert (f"{name}/1" in {jwk["kid"] for jwk in fetched(node)["keys"]}) is there


def test_caches_may_keep_the_published_set_and_ask_whether_it_changed(node, admin):
    stranger = node.client("")
    first = stranger.ask("GET", JWKS)
    assert (first.status, first.headers["cache-control"]) == (200, "public, max-age=300")
    tag = first.headers["etag"]
    for asked in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        again = stranger.ask("GET", JWKS, headers={"If-None-Match": asked})
        assert (again.status, again.body, again.headers["etag"]) == (304, b"", tag)
        assert again.headers["cache-control"] == "public, max-age=300"
    for asked in ('"other"', tag.strip('"'), ""):
        assert stranger.ask("GET", JWKS, headers={"If-None-Match": asked}).status == 200
    body = {"name": "jwt-tag", "algorithm": "ed25519"}
    assert admin.ask("POST", "/v1/keys", body).status == 201
    changed = stranger.ask("GET", JWKS, headers={"If-None-Match": tag})
    assert (changed.status, changed.headers["etag"] != tag) == (200, True)
    refused = stranger.ask(
        "GET", "/v1/namespaces/nowhere/jwks.json", headers={"If-None-Match": "*"}
    )
    assert (refused.status, refused.headers["cache-control"]) == (404, "no-store")
    own = admin.ask("GET", "/v1/jwks", headers={"If-None-Match": "*"})
    assert (own.status, own.headers["cache-control"]) == (200, "no-store")
    assert own.json == changed.json


def test_a_token_that_comes_along_is_not_looked_at(node, admin):
    for token in ("nonsense", node.app, node.admin):
        answer = node.client(token).ask("GET", JWKS)
        assert answer.status == 200
        (event,) = admin.events(request=answer.request_id)
        assert "principal" not in event
        assert event["object"] == "namespace/default"


def test_all_algs_of_the_catalogue_are_tried_above():
    signing = {a for a, row in ALGORITHMS.items() if Purpose.SIGN_VERIFY in row.schemes}
    same_code = {"rsa-3072", "rsa-4096"}
    no_library = {"ml-dsa-44", "ml-dsa-65", "ml-dsa-87"}
    assert signing == {name for name, _ in ALGS.values()} | same_code | no_library
