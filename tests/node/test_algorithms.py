"""Every algorithm for every purpose, made and used in a custodian that opens no file any more.

A library that imports a part of itself only when it is needed fails here, and nowhere else.
"""

import base64

import pytest

from strongroom.domain.algorithms import ALGORITHMS, Purpose
from tests.support.nodes import Node

_B64 = base64.b64encode(bytes(range(32))).decode()
_X25519_KEY = "3p7bfXt9wbTTW2HC7OQ1Nz+DQ8hbeGdNrfx+FG+IK08="
_ROWS = [
    (algorithm, purpose)
    for algorithm, facts in ALGORITHMS.items()
    for purpose in facts.schemes
    if algorithm != "rsa-4096"  # the same code as the smaller ones, and slow to make
]


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    with Node(tmp_path_factory.mktemp("node") / "data") as node:
        yield node.client(timeout=60)


@pytest.mark.parametrize(("algorithm", "purpose"), _ROWS)
def test_key_is_made_used_rotated_and_used_again(client, algorithm, purpose):
    name = f"{algorithm}-{purpose}"
    made = client.ask(
        "POST", "/v1/keys", {"name": name, "algorithm": algorithm, "purpose": purpose}
    )
    assert made.status == 201, made
    assert (made.json["algorithm"], made.json["purpose"]) == (algorithm, purpose)
    for _ in range(2):
        _use(client, name, algorithm, purpose)
        assert client.ask("POST", f"/v1/keys/{name}/rotate").status == 200


def _post(client, name, operation, body, expected=200):
    answer = client.ask("POST", f"/v1/keys/{name}/{operation}", body)
    assert answer.status == expected, answer
    return answer.json


def _use(client, name, algorithm, purpose):  # noqa: C901, PLR0912 - one branch a purpose
    schemes = ALGORITHMS[algorithm].schemes[purpose] or ({},)
    schemes = [{"scheme": scheme} if scheme else {} for scheme in schemes]
    if purpose is Purpose.ENCRYPT_DECRYPT:
        sealed = _post(client, name, "encrypt", {"plaintext": _B64})["ciphertext"]
        assert _post(client, name, "decrypt", {"ciphertext": sealed})["plaintext"] == _B64
    elif purpose is Purpose.SIGN_VERIFY:
        for scheme in schemes:
            content = {"message": _B64}
            if scheme["scheme"] == "ml-dsa-mu":
                content = {"digest": base64.b64encode(bytes(64)).decode()}
            signature = _post(client, name, "sign", content | scheme)["signature"]
            asked = content | scheme | {"signature": signature}
            assert _post(client, name, "verify", asked)["valid"]
    elif purpose is Purpose.MAC:
        tag = _post(client, name, "mac", {"message": _B64})["tag"]
        assert _post(client, name, "verify-mac", {"message": _B64, "tag": tag})["valid"]
    elif purpose is Purpose.AGREE:
        own = client.ask("GET", f"/v1/keys/{name}/public-key").json["der"]
        assert _post(client, name, "agree", {"public_key": own})["shared_secret"]
    elif purpose is Purpose.WRAP:
        for scheme in schemes:
            wrapped = _post(client, name, "wrap", {"material": _X25519_KEY} | scheme)["wrapped"]
            opened = _post(client, name, "unwrap", {"wrapped": wrapped} | scheme)
            assert opened["material"] == _X25519_KEY
    elif purpose is Purpose.ENCAPSULATE:
        if "hpke" in ALGORITHMS[algorithm].schemes[purpose]:
            sealed = _post(client, name, "encrypt", {"plaintext": _B64})["ciphertext"]
            assert _post(client, name, "decrypt", {"ciphertext": sealed})["plaintext"] == _B64
            return
        made = client.ask("POST", f"/v1/keys/{name}/encapsulate", {})
        opened = _post(client, name, "decapsulate", {"ciphertext": made.json["ciphertext"]})
        assert opened["shared_secret"] == made.json["shared_secret"]
    else:
        for scheme in schemes:
            if scheme["scheme"] == "rsa1_5":
                continue  # opened for who has it; not made here
            sealed = _post(client, name, "encrypt", {"plaintext": _B64} | scheme)["ciphertext"]
            opened = _post(client, name, "decrypt", {"ciphertext": sealed} | scheme)
            assert opened["plaintext"] == _B64


def test_pairs_random_bytes_and_public_keys(client):
    for algorithm, facts in ALGORITHMS.items():
        if facts.kind == "asymmetric" and not algorithm.startswith("rsa"):
            body = {"algorithm": algorithm}
            assert _post(client, "demo", "generate-data-key-pair", body)["private_key"]
    assert len(base64.b64decode(client.ask("POST", "/v1/random", {"bytes": 9}).json["random"])) == 9
