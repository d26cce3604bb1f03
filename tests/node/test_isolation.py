"""Namespaces and rights over HTTP: every route x every identity x own, foreign, missing objects.

For each route there is a row that says how its object is made. A route without a row fails the
test. What is expected follows from three questions alone: is the identity proven, has it the right,
is the object its own. And a foreign object is answered byte for byte as one that does not exist.
"""

import base64
import json
import os
import time
import uuid

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from strongroom.domain.operations import OPERATIONS
from strongroom.domain.roles import EVERYBODYS_ACTIONS, ROLES
from strongroom.doors.rest.routes import ROUTES
from tests.support.nodes import Node

_X25519_KEY = "3p7bfXt9wbTTW2HC7OQ1Nz+DQ8hbeGdNrfx+FG+IK08="
_X25519_SPKI = base64.b64encode(
    bytes.fromhex("302a300506032b656e032100") + base64.b64decode(_X25519_KEY)
).decode()
_NO_CREDENTIAL = "otp-" + "a" * 26
_RSA_KEY = base64.b64encode(
    rsa.generate_private_key(65537, 2048)
    .public_key()
    .public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
).decode()
_SECRET = base64.b64encode(b"for nobody else").decode()


class Named(str):
    """A name, and the fields of a body that belong to it."""

    __slots__ = ("fields",)


class World:
    """Two namespaces of one deployment, with the same kinds of things in both."""

    def __init__(self, node):
        self.admin = node.client()
        made = self.admin.ask("POST", "/v1/namespaces", {"name": "elsewhere"}).json
        self.foreign_admin = node.client(made["token"])
        for admin in (self.admin, self.foreign_admin):  # there is something to erase
            assert admin.ask("PATCH", "/v1/namespace", {"private_sources": True}).status == 200
        self.foreign_user = self._principal(self.foreign_admin, ["key-user"])[1]
        # Who makes credentials and their like: no administrator does.
        self.duties = {
            (admin, role): self._principal(admin, [role])[1]
            for admin in (self.admin, self.foreign_admin)
            for role in ("otp-migrator", "otp-officer")
        }
        self.identities = {
            "nobody": ("", None),
            "garbage": ("srt_" + "a" * 72, None),
            "not a token": ("hello", None),
            "foreign administrator": (made["token"], "elsewhere:administrator"),
            "foreign key-user": (self.foreign_user, "elsewhere:key-user"),
        }
        for role in ROLES:
            self.identities[role] = (self._principal(self.admin, [role])[1], role)
        self.identities["no role"] = (self._principal(self.admin, [])[1], "")
        name, token = self._principal(self.admin, ["administrator"])
        assert self.admin.ask("PATCH", f"/v1/principals/{name}", {"disabled": True}).status == 200
        self.identities["disabled"] = (token, None)
        name, token = self._principal(self.admin, ["administrator"])
        mine = [each for each in self._tokens() if each["principal"] == name]
        assert self.admin.ask("DELETE", f"/v1/tokens/{mine[0]['id']}").status == 204
        self.identities["revoked"] = (token, None)

    def _principal(self, admin, roles):
        name = _new()
        made = admin.ask("POST", "/v1/principals", {"name": name, "roles": roles})
        assert made.status == 201, made
        return name, admin.ask("POST", "/v1/tokens", {"principal": name}).json["token"]

    def _tokens(self):
        found, token = [], ""
        while True:
            page = self.admin.ask("GET", f"/v1/tokens?page_token={token}").json
            found += page["tokens"]
            token = page["next_page_token"]
            if not token:
                return found

    # Each makes a fresh object in the namespace of that administrator, and returns what addresses
    # it.

    def key(self, admin):
        name = _new()
        assert admin.ask("POST", "/v1/keys", {"name": name}).status == 201
        return name

    def _of(self, admin, algorithm, purpose):
        name = _new()
        body = {"name": name, "algorithm": algorithm, "purpose": purpose}
        assert admin.ask("POST", "/v1/keys", body).status == 201
        return name

    def signer(self, admin):
        return self._of(admin, "ed25519", "sign-verify")

    def mac(self, admin):
        return self._of(admin, "hmac-sha256", "mac")

    def agreement(self, admin):
        return self._of(admin, "x25519", "agree")

    def kem(self, admin):
        return self._of(admin, "ml-kem-768", "encapsulate")

    def wrapper(self, admin):
        return self._of(admin, "aes-256-kw", "wrap")

    def doomed_key(self, admin):
        name = self.key(admin)
        assert admin.ask("POST", f"/v1/keys/{name}/schedule-destruction").status == 200
        return name

    def imported_key(self, admin):
        name = _new()
        assert admin.ask("POST", "/v1/keys", {"name": name, "origin": "imported"}).status == 201
        return name

    def exportable_key(self, admin):
        name = _new()
        assert admin.ask("POST", "/v1/keys", {"name": name, "exportable": True}).status == 201
        return name

    def ticket(self, admin):
        """The name of a key that waits for its material, and what brings it."""
        name = Named(self.imported_key(admin))
        asked = admin.ask(
            "POST", f"/v1/keys/{name}/import-parameters", {"wrapping_key": "rsa-2048"}
        ).json
        public = serialization.load_der_public_key(base64.b64decode(asked["public_key"]))
        oaep = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)
        name.fields = {
            "import_token": asked["import_token"],
            "wrapped_material": base64.b64encode(public.encrypt(os.urandom(32), oaep)).decode(),
            "wrapping": "rsa-oaep-sha256",
        }
        return name

    def brought_key(self, admin):
        name = self.ticket(admin)
        assert admin.ask("POST", f"/v1/keys/{name}/import", name.fields).status == 200
        return name

    def granted_key(self, admin):
        """A key with a grant for its principal; `fields` names it."""
        name = Named(self.key(admin))
        asked = {"grantee": self.principal(admin), "operations": ["DescribeKey"]}
        made = admin.ask("POST", f"/v1/keys/{name}/grants", asked)
        name.fields = {"grant": made.json["id"]}
        return name

    def alias(self, admin):
        name = _new()
        assert admin.ask("PUT", f"/v1/aliases/{name}", {"key": self.key(admin)}).status == 200
        return name

    def disabled_key(self, admin):
        name = self.key(admin)
        assert admin.ask("POST", f"/v1/keys/{name}/disable").status == 200
        return name

    def principal(self, admin):
        name = _new()
        assert admin.ask("POST", "/v1/principals", {"name": name}).status == 201
        return name

    def token(self, admin):
        made = admin.ask("POST", "/v1/tokens", {"principal": self.principal(admin)})
        return made.json["id"]

    def policy(self, admin):
        name = _new()
        text = 'forbid (principal == Principal::"nobody-at-all", action, resource);'
        assert admin.ask("PUT", f"/v1/policies/{name}", {"text": text}).status == 200
        return name

    def decision(self, admin):
        _, token = self._principal(admin, [])
        refused = admin.ask("GET", "/v1/keys", token=token)
        assert refused.status == 403
        return refused.json["decision_id"]

    def alert(self, admin):
        """One that is there: who stops one key after the other is seen by the watcher."""
        for number in range(100):
            found = admin.ask("GET", "/v1/alerts").json["alerts"]
            if found:
                return found[0]["id"]
            if number < 4:
                self.disabled_key(admin)
            time.sleep(0.1)
        raise AssertionError("the watcher saw nothing")

    def request(self, admin):
        return admin.ask("GET", "/v1/whoami").request_id

    def credential(self, admin, **item):
        """An active credential, or as the item says."""
        user = {"secret": base64.b64encode(os.urandom(20)).decode(), "user": _new()}
        made = admin.ask(
            "POST", "/v1/otp/import", {"items": [user | item]},
            token=self.duties[admin, "otp-migrator"],
        )  # fmt: skip
        return made.json["items"][0]["id"]

    def pending_credential(self, admin):
        return self.credential(admin, proved=False)

    def asked_credential(self, admin):
        return self.credential(admin, type="ocra", suite="OCRA-1:HOTP-SHA1-6:QN08")

    def suspended_credential(self, admin):
        name = self.credential(admin)
        self._as_officer(admin, "POST", f"/v1/otp/{name}/suspend")
        return name

    def profile(self, admin):
        name = _new()
        self._as_officer(admin, "PUT", f"/v1/otp-profiles/{name}", {})
        return name

    def job(self, admin):
        """One that waits: it was paused before it was done, or it is another."""
        body = {"action": "suspend", "filter": {"serial": "none has it"}}
        while True:
            made = self._as_officer(admin, "POST", "/v1/otp-jobs", body).json["id"]
            answer = admin.ask(
                "PATCH", f"/v1/otp-jobs/{made}", {"state": "paused"},
                token=self.duties[admin, "otp-officer"],
            )  # fmt: skip
            if answer.status == 200:
                return made

    def _as_officer(self, admin, method, path, body=None):
        answer = admin.ask(method, path, body, token=self.duties[admin, "otp-officer"])
        assert answer.status in (200, 201), answer
        return answer

    def ciphertext(self, admin):
        name = self.key(admin)
        token = self.identities["key-user"][0] if admin is self.admin else self.foreign_user
        sealed = admin.ask("POST", f"/v1/keys/{name}/encrypt", {"plaintext": _SECRET}, token=token)
        return sealed.json["ciphertext"]


def _new():
    return "n" + uuid.uuid4().hex[:20]


def _text():
    return {"text": 'forbid (principal == Principal::"nobody-at-all", action, resource);'}


# (method, path) -> (what makes the object or None, the body for a given object, status if it is
# missing).
def _of_a_grant(made):
    return getattr(made, "fields", {"grant": "0" * 64})


_ROWS = {
    ("POST", "/v1/keys"): (None, lambda _: {"name": _new()}, None),
    ("GET", "/v1/keys"): (None, None, None),
    ("GET", "/v1/keys/{name}"): (World.key, None, 404),
    ("PATCH", "/v1/keys/{name}"): (World.key, lambda _: {"description": "x"}, 404),
    ("POST", "/v1/keys/{name}/encrypt"): (World.key, lambda _: {"plaintext": _SECRET}, 404),
    ("POST", "/v1/keys/{name}/decrypt"): (None, lambda _: {"ciphertext": "AAAA"}, None),
    ("POST", "/v1/decrypt"): (World.ciphertext, lambda blob: {"ciphertext": blob}, 400),
    ("POST", "/v1/keys/{name}/sign"): (World.signer, lambda _: {"message": _SECRET}, 404),
    ("POST", "/v1/keys/{name}/verify"): (
        World.signer, lambda _: {"message": _SECRET, "signature": _SECRET}, 404,
    ),
    ("POST", "/v1/keys/{name}/mac"): (World.mac, lambda _: {"message": _SECRET}, 404),
    ("POST", "/v1/keys/{name}/verify-mac"): (
        World.mac, lambda _: {"message": _SECRET, "tag": _SECRET}, 404,
    ),
    ("POST", "/v1/keys/{name}/generate-data-key"): (World.key, None, 404),
    ("POST", "/v1/keys/{name}/generate-data-key-pair"): (
        World.key, lambda _: {"algorithm": "ed25519"}, 404,
    ),
    ("POST", "/v1/keys/{name}/re-encrypt"): (World.key, lambda _: {"ciphertext": "AAAA"}, 404),
    ("POST", "/v1/keys/{name}/agree"): (
        World.agreement, lambda _: {"public_key": _X25519_KEY}, 404,
    ),
    ("POST", "/v1/keys/{name}/encapsulate"): (World.kem, None, 404),
    ("POST", "/v1/keys/{name}/decapsulate"): (
        World.kem, lambda _: {"ciphertext": base64.b64encode(bytes(1088)).decode()}, 404,
    ),
    ("POST", "/v1/keys/{name}/wrap"): (World.wrapper, lambda _: {"material": _X25519_KEY}, 404),
    ("POST", "/v1/keys/{name}/unwrap"): (World.wrapper, lambda _: {"wrapped": "AAAA"}, 404),
    ("GET", "/v1/keys/{name}/public-key"): (World.signer, None, 404),
    ("POST", "/v1/random"): (None, None, None),
    ("POST", "/v1/keys/{name}/rotate"): (World.key, None, 404),
    ("POST", "/v1/keys/{name}/enable"): (World.disabled_key, None, 404),
    ("POST", "/v1/keys/{name}/disable"): (World.key, None, 404),
    ("POST", "/v1/keys/{name}/deactivate"): (World.key, None, 404),
    ("POST", "/v1/keys/{name}/mark-compromised"): (World.key, None, 404),
    ("POST", "/v1/keys/{name}/schedule-destruction"): (World.key, None, 404),
    ("POST", "/v1/keys/{name}/cancel-destruction"): (World.doomed_key, None, 404),
    ("POST", "/v1/keys/{name}/import-parameters"): (
        World.imported_key, lambda _: {"wrapping_key": "rsa-2048"}, 404,
    ),
    ("POST", "/v1/keys/{name}/import"): (World.ticket, lambda made: made.fields, 404),
    ("POST", "/v1/keys/{name}/delete-imported-material"): (World.brought_key, None, 404),
    ("POST", "/v1/keys/{name}/export"): (
        World.exportable_key, lambda _: {"public_key": _RSA_KEY}, 404,
    ),
    ("POST", "/v1/keys/{name}/backup"): (World.key, None, 404),
    ("POST", "/v1/restore"): (None, lambda _: {"backup": "AAAA"}, None),
    ("POST", "/v1/keys/{name}/replicate"): (World.key, lambda _: {"region": "eu-west-1"}, 404),
    ("GET", "/v1/keys/{name}/usage"): (World.key, None, 404),
    ("GET", "/v1/keys/{name}/policy"): (World.key, None, 404),
    ("PUT", "/v1/keys/{name}/policy"): (World.key, lambda _: {"policy": ""}, 404),
    ("POST", "/v1/keys/{name}/grants"): (
        World.key, lambda _: {"grantee": "admin", "operations": ["DescribeKey"]}, 404,
    ),
    ("GET", "/v1/keys/{name}/grants"): (World.key, None, 404),
    ("GET", "/v1/grants"): (None, None, None),
    ("POST", "/v1/keys/{name}/retire-grant"): (World.granted_key, _of_a_grant, 404),
    ("POST", "/v1/keys/{name}/revoke-grant"): (World.granted_key, _of_a_grant, 404),
    ("PUT", "/v1/aliases/{name}"): (World.key, lambda name: {"key": name}, 404),
    ("GET", "/v1/aliases"): (None, None, None),
    ("DELETE", "/v1/aliases/{name}"): (World.alias, None, 404),
    ("GET", "/v1/jwks"): (None, None, None),
    ("GET", "/v1/namespaces/{name}/jwks.json"): (None, None, 404),
    ("GET", "/v1/namespace"): (None, None, None),
    ("PATCH", "/v1/namespace"): (None, lambda _: {"destruction_days_min": 7}, None),
    ("POST", "/v1/principals"): (None, lambda _: {"name": _new()}, None),
    ("GET", "/v1/principals"): (None, None, None),
    ("GET", "/v1/principals/{name}"): (World.principal, None, 404),
    ("PATCH", "/v1/principals/{name}"): (World.principal, lambda _: {"roles": []}, 404),
    ("GET", "/v1/roles"): (None, None, None),
    ("POST", "/v1/tokens"): (World.principal, lambda name: {"principal": name}, 404),
    ("POST", "/v1/access-keys"): (World.principal, lambda name: {"principal": name}, 404),
    ("GET", "/v1/tokens"): (None, None, None),
    ("DELETE", "/v1/tokens/{id}"): (World.token, None, 404),
    ("GET", "/v1/whoami"): (None, None, None),
    ("POST", "/v1/namespaces"): (None, lambda _: {"name": _new()}, None),
    ("GET", "/v1/namespaces"): (None, None, None),
    ("GET", "/v1/policies"): (None, None, None),
    ("GET", "/v1/policies/{name}"): (World.policy, None, 404),
    # Writing a policy makes it: a name that only another namespace uses is a free one.
    ("PUT", "/v1/policies/{name}"): (World.policy, lambda _: _text(), 200),
    ("DELETE", "/v1/policies/{name}"): (World.policy, None, 404),
    ("POST", "/v1/authorize/explain"): (
        World.principal, lambda name: {"principal": name, "action": "key.list"}, 404,
    ),
    ("GET", "/v1/decisions/{id}"): (World.decision, None, 404),
    ("GET", "/v1/audit/events"): (None, None, None),
    ("POST", "/v1/audit/erase-details"): (None, lambda _: {"identifiers": False}, None),
    ("GET", "/v1/audit/keys"): (None, None, None),
    ("GET", "/v1/audit/receipts/{id}"): (World.request, None, 404),
    ("GET", "/audit/checkpoint"): (None, None, None),
    ("GET", "/audit/tile/{tile}"): (None, None, None),
    ("GET", "/audit/tile/entries/{tile}"): (None, None, None),
    ("GET", "/v1/alerts"): (None, None, None),
    ("GET", "/v1/alerts/{id}"): (World.alert, None, 404),
    ("POST", "/v1/alerts/{id}/acknowledge"): (World.alert, lambda _: {"note": "seen"}, 404),
    ("POST", "/v1/otp"): (None, lambda _: {"user": _new()}, None),
    ("GET", "/v1/otp"): (None, None, None),
    ("POST", "/v1/otp/verify"): (
        None, lambda _: {"items": [{"id": _NO_CREDENTIAL, "code": "123456"}]}, None,
    ),
    ("POST", "/v1/otp/verify-user"): (None, lambda _: {"user": "a", "code": "123456"}, None),
    ("POST", "/v1/otp/import"): (
        None, lambda _: {"items": [{"secret": "A" * 32, "user": _new()}]}, None,
    ),
    ("POST", "/v1/otp/export"): (None, lambda _: {"public_key": _X25519_SPKI}, None),
    ("GET", "/v1/otp/{id}"): (World.credential, None, 404),
    ("DELETE", "/v1/otp/{id}"): (World.credential, None, 404),
    # Who verifies is told no of what is not there, as of a wrong code.
    ("POST", "/v1/otp/{id}/verify"): (World.credential, lambda _: {"code": "123456"}, 200),
    ("POST", "/v1/otp/{id}/activate"): (
        World.pending_credential, lambda _: {"code": "123456"}, 200,
    ),
    ("POST", "/v1/otp/{id}/resync"): (
        World.credential, lambda _: {"first": "123456", "second": "234567"}, 200,
    ),
    ("POST", "/v1/otp/{id}/challenge"): (World.asked_credential, None, 200),
    ("POST", "/v1/otp/{id}/compute"): (World.credential, None, 404),
    ("POST", "/v1/otp/{id}/rotate"): (World.credential, None, 404),
    ("POST", "/v1/otp/{id}/link"): (World.pending_credential, None, 404),
    ("POST", "/v1/otp/{id}/suspend"): (World.credential, None, 404),
    ("POST", "/v1/otp/{id}/resume"): (World.suspended_credential, None, 404),
    ("POST", "/v1/otp/{id}/unlock"): (World.credential, None, 404),
    ("POST", "/v1/otp/{id}/revoke"): (World.credential, None, 404),
    ("GET", "/enrol/{token}"): (None, None, 410),
    ("GET", "/v1/otp-profiles"): (None, None, None),
    # As a policy: a name that only another namespace uses is a free one.
    ("PUT", "/v1/otp-profiles/{name}"): (World.profile, lambda _: {}, 200),
    ("DELETE", "/v1/otp-profiles/{name}"): (World.profile, None, 404),
    ("POST", "/v1/otp-jobs"): (
        None, lambda _: {"action": "suspend", "filter": {"serial": "none has it"}}, None,
    ),
    ("GET", "/v1/otp-jobs"): (None, None, None),
    ("GET", "/v1/otp-jobs/{id}"): (World.job, None, 404),
    ("PATCH", "/v1/otp-jobs/{id}"): (World.job, lambda _: {"per_second": 5}, 404),
    ("GET", "/v1/status"): (None, None, None),
}  # fmt: skip


def _no_ticket():
    name = Named(_new())
    name.fields = {"import_token": "0" * 32, "wrapped_material": "AAAA"}
    return name


_MISSING = {
    World.credential: lambda: _NO_CREDENTIAL,
    World.pending_credential: lambda: _NO_CREDENTIAL,
    World.asked_credential: lambda: _NO_CREDENTIAL,
    World.suspended_credential: lambda: _NO_CREDENTIAL,
    World.job: lambda: "0" * 32,
    World.ticket: _no_ticket,
    World.token: lambda: "0" * 32,
    World.decision: lambda: "0" * 32,
    World.request: lambda: "0" * 32,
    World.alert: lambda: "0" * 32,
    World.ciphertext: lambda: base64.b64encode(b"\x01" + bytes(150)).decode(),
}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    with Node(tmp_path_factory.mktemp("node") / "data", custodians=2) as node:
        yield World(node)


def test_every_route_has_a_row():
    assert {(route.method, route.path) for route in ROUTES} == set(_ROWS)


def _ask(world, route, target, body, token):
    path = route.path.replace("{name}", target or "demo").replace("{id}", target or "0" * 32)
    path = path.replace("/v1/grants", "/v1/grants?retiring=demo")
    path = path.replace("{tile}", "000.p/1" if "entries" in path else "0/000.p/1")
    return world.admin.ask(route.method, path, None if body is None else body(target), token=token)


def _may(route, role):
    """Whether that role of the first namespace grants the route's operation there."""
    return route.operation in EVERYBODYS_ACTIONS or (
        bool(role) and route.operation in ROLES[role].actions
    )


def _plain(answer):
    """The answer without what differs from request to request."""
    found = json.loads(answer.body)
    for name in ("request_id", "decision_id"):
        found.pop(name, None)
    return answer.status, found


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_route(world, route):
    make, body, missing_status = _ROWS[route.method, route.path]
    anonymous = OPERATIONS[route.operation].anonymous
    for name, (token, role) in world.identities.items():
        # `ask` without a token sends none at all.
        sent = token or ""
        if anonymous:  # whoever asks: that namespace does not publish any keys
            assert _ask(world, route, "", body, sent).status == missing_status, name
            continue
        if make is None:
            answer = _ask(world, route, "", body, sent)
            assert answer.status == _expected(route, role, route.status), (name, answer)
            continue
        foreign_caller = role is not None and role.startswith("elsewhere:")
        own_admin = world.foreign_admin if foreign_caller else world.admin
        other_admin = world.admin if foreign_caller else world.foreign_admin
        own = _ask(world, route, make(world, own_admin), body, sent)
        foreign = _ask(world, route, make(world, other_admin), body, sent)
        absent = _ask(world, route, _MISSING.get(make, _new)(), body, sent)
        assert own.status == _expected(route, role, route.status), (name, own)
        assert foreign.status == _expected(route, role, missing_status), (name, foreign)
        if foreign.status != 200:
            assert _plain(foreign) == _plain(absent), name


# What the row sends is no ciphertext; the key is no multi-Region key.
_REFUSED = {"key.re-encrypt": 400, "key.unwrap": 400, "key.restore": 400, "key.replicate": 409}


def _expected(route, role, granted):
    if role is None:
        return 401
    home, _, kind = role.rpartition(":")
    from_the_first = ("namespace.create", "namespace.list", "audit.read-entries")
    if not _may(route, kind) or (home and route.operation in from_the_first):
        return 403
    if route.operation == "receipt.read" and not (kind and "audit.read" in ROLES[kind].actions):
        return 404  # it is of an administrator's request
    if granted == route.status and route.operation in _REFUSED:
        return _REFUSED[route.operation]
    if route.path == "/v1/keys/{name}/decrypt":
        # The rows ask for `demo`, which is not elsewhere, with what is no ciphertext.
        return 404 if home else 400
    return granted


@pytest.mark.parametrize(
    ("path", "field", "name", "make"),
    [
        ("/v1/keys?limit=1000", "keys", "name", World.key),
        ("/v1/principals?limit=1000", "principals", "name", World.principal),
        ("/v1/tokens?limit=1000", "tokens", "id", World.token),
        ("/v1/policies", "policies", "name", World.policy),
        ("/v1/aliases?limit=1000", "aliases", "name", World.alias),
    ],
)
def test_list_holds_what_is_of_the_own_namespace_only(world, path, field, name, make):
    mine, theirs = make(world, world.admin), make(world, world.foreign_admin)
    here = {each[name] for each in world.admin.ask("GET", path).json[field]}
    there = {each[name] for each in world.foreign_admin.ask("GET", path).json[field]}
    assert mine in here
    assert mine not in there
    assert theirs in there
    assert theirs not in here


def test_audit_log_of_a_namespace_shows_its_own_entries_only(world):
    for admin, other in ((world.admin, "elsewhere"), (world.foreign_admin, "default")):
        shown = admin.ask("GET", "/v1/audit/events?limit=1000").json["events"]
        assert shown
        assert other not in {event["namespace"] for event in shown}
