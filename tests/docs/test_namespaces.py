"""The page about namespaces: its program makes a token that a verifier takes; its tables agree."""

import json
import os
import re
import subprocess
import sys

import pytest
from joserfc import jws
from joserfc.jwk import KeySet

from strongroom.domain.algorithms import SCHEMES
from strongroom.domain.asks import UpdateNamespace
from strongroom.domain.jwk import ALG
from strongroom.domain.things import Profile
from strongroom.doors.rest.routes import ROUTES
from tests.support.nodes import ENVIRONMENT, Node
from tests.support.terminal import blocks
from tests.support.tree import ROOT

PAGE = (ROOT / "docs" / "operate" / "namespaces.md").read_text()


@pytest.fixture(scope="module")
def node(tmp_path_factory):
    with Node(tmp_path_factory.mktemp("node") / "data") as node:
        yield node


def test_the_program_makes_a_token_that_verifies_against_the_published_set(node, tmp_path):
    admin = node.client()
    for method, path, body in (
        ("POST", "/v1/keys", {"name": "tokens", "algorithm": "ec-p256"}),
        ("POST", "/v1/keys/tokens/rotate", None),
        ("PATCH", "/v1/namespace", {"publishes_keys": True}),
    ):
        assert admin.ask(method, path, body).status in (200, 201)
    (program,) = (block for _, name, block in blocks(PAGE) if name == "jwt_token.py")
    (tmp_path / "jwt_token.py").write_text(program)
    said = subprocess.run(
        [sys.executable, tmp_path / "jwt_token.py"], capture_output=True, text=True, check=True,
        env={**os.environ, **ENVIRONMENT, "STRONGROOM_URL": node.url,
             "STRONGROOM_APP_TOKEN": node.app},
    )  # fmt: skip
    (address,) = (block for _, _, block in blocks(PAGE) if block.startswith("GET "))
    path = address.removeprefix("GET ").strip().replace("NAME", "default")
    keys = KeySet.import_key_set(node.client("").ask("GET", path).json)
    token = jws.deserialize_compact(said.stdout.strip(), keys, algorithms=["ES256"])
    assert json.loads(token.payload) == {"sub": "4711"}
    assert token.headers()["kid"] == "tokens/2"


def test_the_page_has_every_setting_profile_and_alg():
    rows = re.findall(r"^\| (.*?) \|", PAGE, re.MULTILINE)
    assert {f"`{name}`" for name in UpdateNamespace.__struct_fields__} <= set(rows)
    assert {f"`{profile}`" for profile in Profile} <= set(rows)
    for alg in ALG.values():
        assert PAGE.count(f"`{alg}`") == 2, alg


def test_the_page_names_what_is_legacy_and_how_long_a_set_is_kept():
    legacy = [scheme for scheme, row in SCHEMES.items() if row.standing == "legacy"]
    assert all(f"`{scheme}`" in PAGE for scheme in legacy)
    (route,) = (route for route in ROUTES if route.operation == "jwks.read-published")
    assert f"max-age={route.fresh_seconds}" in " ".join(PAGE.split())
    assert "for five minutes" in PAGE
    assert route.fresh_seconds == 5 * 60
