"""Recognisable secrets go in by every way there is; what is kept or shown is searched for them.

Searched: the data directory, standard output and error, the metrics, the audit entries, every
answer that should not hold them, and the rooms' arguments and environments; raw, in hexadecimal,
and in base64 at all three alignments.
"""

import base64
import json
from pathlib import Path

import pytest

from strongroom.adapters.seals.key_file import FILE_NAME, KeyFile
from strongroom.adapters.software import SoftwareProvider
from strongroom.adapters.sqlite.store import SQLiteStore
from strongroom.domain.records import Kind
from strongroom.domain.things import Namespace
from strongroom.services.sealing import Sealing
from tests.support.nodes import Node

_PLAINTEXTS = [b"MARKER-plaintext-of-a-card-4111111111111111", b"MARKER-in-a-batch-0123456789"]
_STRAYS = {
    "unknown field": "MARKER-value-of-an-unknown-field",
    "wrong type": "MARKER-value-of-a-wrong-type",
    "broken JSON": "MARKER-inside-of-broken-json",
    "duplicate": "MARKER-under-a-duplicate-name",
    "bad base64": "MARKER*not*base64*at*all",
    "field name": "MARKER-as-the-name-of-a-field",
    "path": "MARKER-in-the-path",
    "query": "MARKER-in-the-query",
    "scheme": "MARKER-under-another-scheme",
    "context": "MARKER-value-in-a-context",
}


def _forms(secret):
    """The ways in which the bytes may appear."""
    yield secret
    yield secret.hex().encode()
    yield secret.hex().upper().encode()
    for skip in range(3):
        # The first and last characters depend on the neighbours: what lies between is the secret
        # alone.
        text = base64.b64encode(b"\0" * skip + secret)
        yield text[4 if skip else 0 : -4]
    yield base64.urlsafe_b64encode(secret)[:-4]


def _holds(haystack, secret):
    return any(form in haystack for form in _forms(secret))


@pytest.fixture(scope="module")
def evidence(tmp_path_factory):
    """What is kept and shown after everything has been tried, and the secrets to look for."""
    secrets, shown = {}, {}
    with Node(tmp_path_factory.mktemp("node") / "data", gates=2, custodians=2) as node:
        secrets["administrator's token"] = node.admin.encode()
        secrets["application's token"] = node.app.encode()
        shown["answers"] = b"".join(_drive(node, secrets))
        client = node.client()
        shown["metrics"] = client.ask("GET", "/metrics").body
        shown["audit entries"] = json.dumps(client.events()).encode()
        for room in client.rooms().values():
            if room["name"] != "supervisor":
                process = Path(f"/proc/{room['pid']}")
                shown[f"arguments of {room['name']}"] = (process / "cmdline").read_bytes()
                shown[f"environment of {room['name']}"] = (process / "environ").read_bytes()
    shown["standard output"] = node.output
    shown["standard error"] = node.log.read_bytes()
    for path in node.directory.rglob("*"):
        if path.is_file() and path.name not in (FILE_NAME, "dev.env"):
            shown[f"file {path.name}"] = path.read_bytes()
    secrets |= _keys(node)
    return secrets, shown


def _drive(node, secrets):
    """Every way in. Yields the bodies of answers that must not repeat what came in."""
    client = node.client()
    app = node.client(node.app)
    sealed = []
    for plaintext in _PLAINTEXTS:
        secrets[f"plaintext {plaintext[:12]!r}"] = plaintext
        answer = app.encrypt("demo", plaintext, {"purpose": _STRAYS["context"]})
        sealed.append(answer.json["ciphertext"])
        yield answer.body
    items = [{"plaintext": base64.b64encode(each).decode()} for each in _PLAINTEXTS]
    yield app.ask("POST", "/v1/keys/demo/encrypt", {"items": items}).body
    context = {"purpose": _STRAYS["context"]}
    assert app.decrypt(sealed[0], context).status == 200
    yield app.decrypt(sealed[0]).body
    yield app.decrypt(sealed[0], {"purpose": "other"}).body
    yield app.decrypt(sealed[0][:-8] + "AAAAAAA=", context).body
    made = client.ask("POST", "/v1/tokens", {"principal": "app"}).json
    secrets["token made and revoked"] = made["token"].encode()
    assert app.encrypt("demo", b"x", token=made["token"]).status == 200
    assert client.ask("DELETE", f"/v1/tokens/{made['id']}").status == 204
    yield app.encrypt("demo", b"x", token=made["token"]).body
    namespace = client.ask("POST", "/v1/namespaces", {"name": "other"}).json
    secrets["token of another namespace"] = namespace["token"].encode()
    wrong = node.admin[:-1] + ("a" if node.admin[-1] != "a" else "b")
    yield client.ask("GET", "/v1/whoami", token=wrong).body
    client.ask("POST", "/v1/keys/demo/rotate")
    client.ask("POST", "/v1/keys/demo/disable")
    yield app.encrypt("demo", _PLAINTEXTS[0]).body
    client.ask("POST", "/v1/keys/demo/enable")
    secrets |= {f"stray: {name}": text.encode() for name, text in _STRAYS.items()}
    stray = _STRAYS
    for body in (
        {"plaintext": "AAAA", "oops": stray["unknown field"]},
        {"plaintext": {"deep": stray["wrong type"]}},
        f'{{"plaintext": "{stray["broken JSON"]}'.encode(),
        f'{{"plaintext": "AAAA", "plaintext": "{stray["duplicate"]}"}}'.encode(),
        f'{{"context": {{"{stray["duplicate"]}": "a", "{stray["duplicate"]}": "b"}}}}'.encode(),
        {"plaintext": stray["bad base64"]},
        {stray["field name"]: "x"},
        {"items": [{"plaintext": stray["bad base64"]}]},
        {"plaintext": "AAAA", "context": {"a": [stray["wrong type"]]}},
    ):
        answer = app.ask("POST", "/v1/keys/demo/encrypt", body)
        assert answer.status == 400, answer
        yield answer.body
    yield app.ask("POST", f"/v1/keys/{stray['path']}/encrypt", {"plaintext": "AAAA"}).body
    yield client.ask("GET", f"/v1/keys/{stray['path']}").body
    yield client.ask("GET", f"/{stray['path']}").body
    yield client.ask("GET", f"/v1/keys?{stray['query']}={stray['query']}").body
    yield client.ask("GET", f"/v1/keys?limit={stray['query']}").body
    yield client.ask("GET", f"/v1/audit/events?since={stray['query']}").body
    for scheme in ("Basic", "Token", "AWS4-HMAC-SHA256", "Bearer x"):
        headers = {"Authorization": f"{scheme} {stray['scheme']}"}
        answer = client.ask("GET", "/v1/keys", token="", headers=headers)
        assert answer.status == 401
        yield answer.body


def _keys(node):
    """The root key and the namespace's key, opened as a custodian opens them."""
    root = KeyFile(node.directory / FILE_NAME).open()
    store = SQLiteStore.open(str(node.store))
    try:
        provider = SoftwareProvider(root)
        sealing = Sealing(provider, store.deployment)
        record = store.find(Kind.NAMESPACE, b"", "default")
        body = sealing.open(record, Namespace, expected=(Kind.NAMESPACE, record.id))
        handle = provider.open_namespace_key(body.wrapped_key, sealing.namespace_binding(record.id))
        return {"root key": root.reveal(), "namespace key": handle._key.reveal()}
    finally:
        store.close()


def test_search_finds_what_is_there():
    """The search itself: it must see a secret in each form, at each alignment."""
    secret = b"MARKER-of-the-search"
    for prefix in (b"", b"x", b"xy", b"xyz"):
        assert _holds(b"--" + base64.b64encode(prefix + secret + b"tail") + b"--", secret)
    assert _holds(b"--" + secret + b"--", secret)
    assert _holds(b"--" + secret.hex().encode() + b"--", secret)
    assert not _holds(b"--" + base64.b64encode(b"something else entirely"), secret)


def test_everything_was_looked_at(evidence):
    secrets, shown = evidence
    assert {"file strongroom.db", "metrics", "audit entries", "standard error"} <= set(shown)
    assert len(shown["audit entries"]) > 10_000
    assert {"root key", "namespace key", "application's token"} <= set(secrets)


def test_no_secret_is_kept_or_shown(evidence):
    secrets, shown = evidence
    leaks = [
        (name, place)
        for place, content in shown.items()
        for name, secret in secrets.items()
        if _holds(content, secret)
    ]
    assert not leaks
