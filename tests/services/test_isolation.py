"""Every operation, by every kind of identity, on own, foreign and missing objects.

The table is written by hand; a new operation without a row fails. Everything that is addressed is
in the namespace `default`, so that for callers from `other` the same object is a foreign one.
"""

from functools import cache

import apsw
import msgspec
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding

from strongroom.adapters.cedar import CedarEngine
from strongroom.adapters.software import SoftwareProvider
from strongroom.domain.calls import Reply
from strongroom.domain.errors import Gone
from strongroom.domain.operations import OPERATIONS
from strongroom.domain.sensitive import Sensitive
from tests.support.alerts import raised
from tests.support.desks import House
from tests.support.rows import INSERT, SELECT
from tests.support.signs_at_once import SignsAtOnce

# For each operation, what admin, app and auditor of the object's own namespace are told
#   about the object that is there / about one that is missing ("=": nothing is addressed),
# and what admin and app of another namespace are told about both alike. `yes` is an answer.
TABLE = """
    operation          there: admin app auditor    missing: admin app auditor      foreign: admin app
    key.create         taken not-allowed not-allowed  yes not-allowed not-allowed    yes not-allowed
    key.list           yes not-allowed yes            =   =   =                      yes not-allowed
    key.read           yes yes yes                    none none none                 none none
    key.update         yes not-allowed not-allowed    none not-allowed not-allowed   none not-allowed
    key.rotate         yes not-allowed not-allowed    none not-allowed not-allowed   none not-allowed
    key.enable         yes not-allowed not-allowed    none not-allowed not-allowed   none not-allowed
    key.disable        yes not-allowed not-allowed    none not-allowed not-allowed   none not-allowed
    key.deactivate     yes not-allowed not-allowed    none not-allowed not-allowed   none not-allowed
    key.mark-compromised     yes not-allowed not-allowed none not-allowed not-allowed none not-allowed
    key.schedule-destruction yes not-allowed not-allowed none not-allowed not-allowed none not-allowed
    key.cancel-destruction   yes not-allowed not-allowed none not-allowed not-allowed none not-allowed
    key.import-parameters    yes not-allowed not-allowed none not-allowed not-allowed none not-allowed
    key.import               yes not-allowed not-allowed none not-allowed not-allowed none not-allowed
    key.delete-imported-material yes not-allowed not-allowed none not-allowed not-allowed none not-allowed
    key.export         not-allowed not-allowed not-allowed not-allowed not-allowed not-allowed not-allowed not-allowed
    key.backup         yes not-allowed not-allowed    none not-allowed not-allowed   none not-allowed
    key.restore        taken not-allowed not-allowed  bad not-allowed not-allowed    bad not-allowed
    key.replicate      unusable not-allowed not-allowed none not-allowed not-allowed none not-allowed
    key.read-usage     yes not-allowed yes            none not-allowed none          none not-allowed
    key.read-policy    yes not-allowed yes            none not-allowed none          none not-allowed
    key.write-policy   yes not-allowed not-allowed    none not-allowed not-allowed   none not-allowed
    grant.create       yes not-allowed not-allowed    none not-allowed not-allowed   none not-allowed
    grant.list         yes not-allowed yes            none not-allowed none          none not-allowed
    grant.list-retirable     yes not-allowed yes      =   =   =                      yes not-allowed
    grant.retire       yes not-allowed not-allowed    none not-allowed not-allowed   none not-allowed
    grant.revoke       yes not-allowed not-allowed    none not-allowed not-allowed   none not-allowed
    alias.write        yes not-allowed not-allowed    none not-allowed not-allowed   none not-allowed
    alias.list         yes yes yes                    =   =   =                      yes yes
    alias.delete       yes not-allowed not-allowed    none not-allowed not-allowed   none not-allowed
    jwks.read          yes yes yes                    =   =   =                      yes yes
    jwks.read-published none none none                none none none                 none none
    key.encrypt        not-allowed yes not-allowed    not-allowed none not-allowed   not-allowed none
    key.decrypt        not-allowed yes not-allowed    not-allowed bad not-allowed    not-allowed bad
    key.sign           not-allowed yes not-allowed    not-allowed none not-allowed   not-allowed none
    key.verify         not-allowed yes not-allowed    not-allowed none not-allowed   not-allowed none
    key.mac            not-allowed yes not-allowed    not-allowed none not-allowed   not-allowed none
    key.verify-mac     not-allowed yes not-allowed    not-allowed none not-allowed   not-allowed none
    key.generate-data-key       not-allowed yes not-allowed not-allowed none not-allowed not-allowed none
    key.generate-data-key-pair  not-allowed yes not-allowed not-allowed none not-allowed not-allowed none
    key.re-encrypt     not-allowed yes not-allowed    not-allowed none not-allowed   not-allowed none
    key.agree          not-allowed yes not-allowed    not-allowed none not-allowed   not-allowed none
    key.encapsulate    not-allowed yes not-allowed    not-allowed none not-allowed   not-allowed none
    key.decapsulate    not-allowed yes not-allowed    not-allowed none not-allowed   not-allowed none
    key.wrap           not-allowed yes not-allowed    not-allowed none not-allowed   not-allowed none
    key.unwrap         not-allowed yes not-allowed    not-allowed none not-allowed   not-allowed none
    key.read-public-key yes yes yes                   none none none                 none none
    random.generate    not-allowed yes not-allowed    =   =   =                      not-allowed yes
    principal.create   taken not-allowed not-allowed  yes not-allowed not-allowed    yes not-allowed
    principal.list     yes not-allowed yes            =   =   =                      yes not-allowed
    principal.read     yes not-allowed yes            none not-allowed none          none not-allowed
    principal.update   yes not-allowed not-allowed    none not-allowed not-allowed   none not-allowed
    role.list          yes not-allowed yes            =   =   =                      yes not-allowed
    token.create       yes not-allowed not-allowed    none not-allowed not-allowed   none not-allowed
    token.create-access-key   yes not-allowed not-allowed    none not-allowed not-allowed   none not-allowed
    token.list         yes not-allowed yes            =   =   =                      yes not-allowed
    token.revoke       yes not-allowed not-allowed    none not-allowed not-allowed   none not-allowed
    identity.read      yes yes yes                    =   =   =                      yes yes
    namespace.create   taken not-allowed not-allowed  yes not-allowed not-allowed    not-allowed not-allowed
    namespace.list     yes not-allowed not-allowed    =   =   =                      not-allowed not-allowed
    namespace.read     yes not-allowed yes            =   =   =                      yes not-allowed
    namespace.update   yes not-allowed not-allowed    =   =   =                      yes not-allowed
    policy.list        yes not-allowed yes            =   =   =                      yes not-allowed
    policy.read        yes not-allowed yes            none not-allowed none          none not-allowed
    policy.write       yes not-allowed not-allowed    yes not-allowed not-allowed    yes not-allowed
    policy.delete      yes not-allowed not-allowed    none not-allowed not-allowed   none not-allowed
    authorize.explain  yes not-allowed yes            none not-allowed none          none not-allowed
    decision.read      yes not-allowed yes            none not-allowed none          none not-allowed
    audit.read         yes not-allowed yes            =   =   =                      yes not-allowed
    audit.erase-details yes not-allowed not-allowed   =   =   =                      yes not-allowed
    audit.read-checkpoint yes not-allowed yes         =   =   =                      yes not-allowed
    audit.read-tile    yes not-allowed yes            =   =   =                      yes not-allowed
    audit.read-entries not-allowed not-allowed yes    =   =   =                      not-allowed not-allowed
    audit.read-keys    yes yes yes                    =   =   =                      yes yes
    receipt.read       yes yes yes                    none none none                 none none
    alert.list         yes not-allowed yes            =   =   =                      yes not-allowed
    alert.read         yes not-allowed yes            none not-allowed none          none not-allowed
    alert.acknowledge  not-allowed not-allowed yes    not-allowed not-allowed none   not-allowed not-allowed
    otp.verify         not-allowed not-allowed not-allowed  not-allowed not-allowed not-allowed  not-allowed not-allowed
    otp.activate       not-allowed not-allowed not-allowed  not-allowed not-allowed not-allowed  not-allowed not-allowed
    otp.resync         not-allowed not-allowed not-allowed  not-allowed not-allowed not-allowed  not-allowed not-allowed
    otp.challenge      not-allowed not-allowed not-allowed  not-allowed not-allowed not-allowed  not-allowed not-allowed
    otp.compute        not-allowed not-allowed not-allowed  not-allowed not-allowed not-allowed  not-allowed not-allowed
    otp.rotate         not-allowed not-allowed not-allowed  not-allowed not-allowed not-allowed  not-allowed not-allowed
    otp.link           not-allowed not-allowed not-allowed  not-allowed not-allowed not-allowed  not-allowed not-allowed
    otp.suspend        not-allowed not-allowed not-allowed  not-allowed not-allowed not-allowed  not-allowed not-allowed
    otp.resume         not-allowed not-allowed not-allowed  not-allowed not-allowed not-allowed  not-allowed not-allowed
    otp.unlock         not-allowed not-allowed not-allowed  not-allowed not-allowed not-allowed  not-allowed not-allowed
    otp.revoke         not-allowed not-allowed not-allowed  not-allowed not-allowed not-allowed  not-allowed not-allowed
    otp.destroy        not-allowed not-allowed not-allowed  not-allowed not-allowed not-allowed  not-allowed not-allowed
    otp.update-job     not-allowed not-allowed not-allowed  not-allowed not-allowed not-allowed  not-allowed not-allowed
    otp.read           not-allowed not-allowed yes  not-allowed not-allowed none  not-allowed not-allowed
    otp.read-job       not-allowed not-allowed yes  not-allowed not-allowed none  not-allowed not-allowed
    otp.enrol          not-allowed not-allowed not-allowed  = = =  not-allowed not-allowed
    otp.verify-user    not-allowed not-allowed not-allowed  = = =  not-allowed not-allowed
    otp.import         not-allowed not-allowed not-allowed  = = =  not-allowed not-allowed
    otp.export         not-allowed not-allowed not-allowed  = = =  not-allowed not-allowed
    otp.create-job     not-allowed not-allowed not-allowed  = = =  not-allowed not-allowed
    otp.list           not-allowed not-allowed yes  = = =  not-allowed not-allowed
    otp.list-profiles  not-allowed not-allowed yes  = = =  not-allowed not-allowed
    otp.list-jobs      not-allowed not-allowed yes  = = =  not-allowed not-allowed
    otp.write-profile  not-allowed not-allowed not-allowed  not-allowed not-allowed not-allowed  not-allowed not-allowed
    otp.delete-profile not-allowed not-allowed not-allowed  not-allowed not-allowed not-allowed  not-allowed not-allowed
    otp.fetch          gone gone gone  gone gone gone  gone gone
    status.read        yes not-allowed yes            =   =   =                      yes not-allowed
"""  # noqa: E501 - a table
CODES = {
    "yes": "",
    "none": "not-found",
    "taken": "already-exists",
    "bad": "invalid-ciphertext",
    "gone": "gone",
    "unusable": "key-not-usable",
    "not-allowed": "not-allowed",
}
ROWS = {row[0]: row[1:] for row in (line.split() for line in TABLE.strip().splitlines()[1:])}
OWN = ("admin", "app", "auditor")
FOREIGN = ("foreign-admin", "foreign-app")
NOBODY = ("disabled", "revoked", "expired", "none", "nonsense")
MISSING_NAME = "nothing"
POLICY = 'permit (principal == Principal::"nobody", action == Action::"key.list", resource);'


_KEYS = (
    ("home-signer", "ed25519", "sign-verify"),
    ("home-mac", "hmac-sha256", "mac"),
    ("home-agreement", "x25519", "agree"),
    ("home-kem", "ml-kem-768", "encapsulate"),
    ("home-wrapper", "aes-256-kw", "wrap"),
)
# Bob's public key of RFC 7748, 6.1.
_X25519_KEY = bytes.fromhex("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f")


class Engine(CedarEngine):
    """Parses each set of texts once."""

    def parse(self, texts):
        return self._parse(tuple(sorted(texts.items())))

    @cache  # noqa: B019 - it lives as long as the test
    def _parse(self, texts):
        return super().parse(dict(texts))


def imports(desk, admin, name, material):
    """What brings this material in: asked for, and wrapped as the caller does."""
    asked = desk.ask(admin, "key.import-parameters", name, wrapping_key="rsa-2048")
    oaep = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)
    wrapped = serialization.load_der_public_key(asked.public_key).encrypt(material, oaep)
    return {
        "import_token": asked.import_token,
        "wrapped_material": wrapped,
        "wrapping": "rsa-oaep-sha256",
    }


class Town:
    """Two namespaces and all kinds of callers."""

    def __init__(self, path):
        self.house = House(path, dev=False)
        self.house.store._db.execute("PRAGMA synchronous = OFF")  # a power cut is not the subject
        # The store's own library: another one in the same process would undo its locks.
        self.db = apsw.Connection(str(path))
        self.engine = Engine()
        desk = self.house.desk(self.engine)
        admin = self.house.admin
        foreign = desk.ask(admin, "namespace.create", name="other").token
        for token in (admin, foreign):  # there is something to erase
            desk.ask(token, "namespace.update", private_sources=True)
        self.tokens = {"admin": admin, "foreign-admin": foreign, "none": "", "nonsense": "srt_x"}

        def token(manager, name, roles, **fields):
            desk.ask(manager, "principal.create", name=name, roles=roles)
            return desk.ask(manager, "token.create", principal=name, **fields).token

        self.tokens["app"] = token(admin, "app", ["key-user"])
        self.tokens["auditor"] = token(admin, "auditor", ["auditor"])
        self.tokens["foreign-app"] = token(foreign, "foreign-app", ["key-user"])
        self.tokens["disabled"] = token(admin, "ousted", ["administrator"])
        desk.ask(admin, "principal.update", "ousted", disabled=True)
        self.tokens["revoked"] = token(admin, "loser", ["administrator"])
        revoked = desk.ask(self.tokens["revoked"], "identity.read").token
        desk.ask(admin, "token.revoke", revoked)
        self.tokens["expired"] = token(admin, "tardy", ["administrator"], days=1)
        desk.ask(admin, "key.create", name="home-key", labels={"home-label": "home-value"})
        blob = desk.ask(self.tokens["app"], "key.encrypt", "home-key", plaintext=b"home").ciphertext
        for name, algorithm, purpose in _KEYS:
            desk.ask(admin, "key.create", name=name, algorithm=algorithm, purpose=purpose)
        app = self.tokens["app"]
        encapsulated = desk.ask(app, "key.encapsulate", "home-kem").ciphertext
        wrapped = desk.ask(app, "key.wrap", "home-wrapper", material=bytes(range(32))).wrapped
        no_key = blob[:1] + bytes(16) + blob[17:]
        desk.ask(admin, "policy.write", "home-policy", text=POLICY)
        backup = desk.ask(admin, "key.backup", "home-key").backup
        bent = backup[:-1] + bytes([backup[-1] ^ 1])
        for name in ("home-imported", "home-brought", "home-doomed", "home-granted"):
            origin = "imported" if name in ("home-imported", "home-brought") else "generated"
            desk.ask(admin, "key.create", name=name, origin=origin)
        desk.ask(
            admin,
            "key.import",
            "home-brought",
            **imports(desk, admin, "home-brought", bytes(range(1, 33))),
        )
        desk.ask(admin, "key.schedule-destruction", "home-doomed")
        desk.ask(admin, "alias.write", "home-alias", key="home-key")
        granted = {"grantee": "app", "operations": ["DescribeKey"]}
        grant = desk.ask(admin, "grant.create", "home-granted", **granted).id
        decision, _ = desk.reply(self.tokens["app"], "key.create", name="home-refused")
        alert = raised(self.house, desk, "home-rule")
        self.house.clock.now += 86_400_000_000  # `expired` is
        material = imports(desk, admin, "home-imported", bytes(range(32)))

        def named(there, **fields):
            return (there, fields), (MISSING_NAME, fields)

        def asked(field, there, **more):
            return ("", {field: there, **more}), ("", {field: MISSING_NAME, **more})

        # For each operation: how the object that is there is asked for, and how a missing one.
        self.asks = {
            "key.create": asked("name", "home-key"),
            "key.read": named("home-key"),
            "key.update": named("home-key", description="x"),
            "key.rotate": named("home-key"),
            "key.enable": named("home-key"),
            "key.disable": named("home-key"),
            "key.deactivate": named("home-key"),
            "key.mark-compromised": named("home-key"),
            "key.schedule-destruction": named("home-key"),
            "key.cancel-destruction": named("home-doomed"),
            "key.import-parameters": named("home-imported", wrapping_key="rsa-2048"),
            "key.import": named("home-imported", **material),
            "key.delete-imported-material": named("home-brought"),
            "key.export": named("home-brought", public_key=b"x"),
            "key.backup": named("home-key"),
            "key.restore": (("", {"backup": backup}), ("", {"backup": bent})),
            "key.replicate": named("home-key", region="eu-west-1"),
            "key.read-usage": named("home-key"),
            "key.read-policy": named("home-key"),
            "key.write-policy": named("home-key", policy=""),
            "grant.create": named("home-key", **granted),
            "grant.list": named("home-granted"),
            "grant.retire": named("home-granted", grant=grant),
            "grant.revoke": named("home-granted", grant=grant),
            "alias.write": (
                ("home-alias", {"key": "home-signer"}),
                ("home-alias", {"key": MISSING_NAME}),
            ),
            "alias.delete": named("home-alias"),
            "jwks.read-published": named("default"),
            "key.encrypt": named("home-key", plaintext=b"x"),
            "key.decrypt": (("", {"ciphertext": blob}), ("", {"ciphertext": no_key})),
            "key.sign": named("home-signer", message=b"x"),
            "key.verify": named("home-signer", message=b"x", signature=b"x" * 64),
            "key.mac": named("home-mac", message=b"x"),
            "key.verify-mac": named("home-mac", message=b"x", tag=b"x" * 32),
            "key.generate-data-key": named("home-key"),
            "key.generate-data-key-pair": named("home-key", algorithm="ed25519"),
            "key.re-encrypt": named("home-key", ciphertext=blob),
            "key.agree": named("home-agreement", public_key=_X25519_KEY),
            "key.encapsulate": named("home-kem"),
            "key.decapsulate": named("home-kem", ciphertext=encapsulated),
            "key.wrap": named("home-wrapper", material=bytes(range(32))),
            "key.unwrap": named("home-wrapper", wrapped=wrapped),
            "key.read-public-key": named("home-signer"),
            "principal.create": asked("name", "app"),
            "principal.read": named("app"),
            "principal.update": named("app", description="x"),
            "token.create": asked("principal", "app"),
            "token.create-access-key": asked("principal", "app"),
            "token.revoke": (
                (desk.ask(self.tokens["app"], "identity.read").token, {}),
                ("a" * 16, {}),
            ),
            "namespace.create": asked("name", "other"),
            "policy.read": named("home-policy"),
            "policy.write": named("home-policy", text=POLICY),
            "policy.delete": named("home-policy"),
            "authorize.explain": asked("principal", "app", action="key.encrypt", key="home-key"),
            "decision.read": ((decision, {}), ("f" * 32, {})),
            "alert.read": ((alert, {}), ("f" * 32, {})),
            "alert.acknowledge": ((alert, {"note": "x"}), ("f" * 32, {"note": "x"})),
            "receipt.read": ((decision, {}), ("f" * 32, {})),
        }
        self.asks |= self._credentials(desk, admin)
        # And where nothing is addressed, what must be asked all the same.
        self.fields = {
            "grant.list-retirable": {"retiring": "app"},
            "otp.enrol": {"user": "alice"},
            "otp.verify-user": {"user": "alice", "code": "123456"},
            "otp.import": {"items": [{"secret": bytes(20), "user": "alice"}]},
            "otp.export": {"public_key": _X25519_KEY},
            "otp.create-job": {"action": "suspend", "all": True},
            "audit.read-tile": {"level": 0, "n": 0, "width": 1},
            "audit.read-entries": {"n": 0, "width": 1},
        }
        SignsAtOnce(self.house.store, SoftwareProvider(Sensitive(self.house.root))).sign()
        self.rows = self.read()

    def _credentials(self, desk, admin):
        """A credential, a profile and a job, and how each is asked for.

        None of the callers here has a role for them: `tests/services/otp/test_foreign.py` is about
        those that have.
        """
        tokens = {}
        for role in ("otp-enroller", "otp-officer"):
            desk.ask(admin, "principal.create", name=role, roles=[role])
            tokens[role] = desk.ask(admin, "token.create", principal=role).token
        made = desk.ask(tokens["otp-enroller"], "otp.enrol", user="home-user")
        officer = tokens["otp-officer"]
        desk.ask(officer, "otp.write-profile", "home-profile")
        job = desk.ask(officer, "otp.create-job", action="suspend", filter={"user": "nobody"}).id

        def named(there, missing, **fields):
            return (there, fields), (missing, fields)

        name, nothing = made.credential.id, "otp-" + "a" * 26
        two = {"first": "123456", "second": "123457"}
        asks = {
            f"otp.{operation}": named(name, nothing)
            for operation in (
                "read", "challenge", "compute", "rotate", "link", "suspend", "resume", "unlock",
                "revoke", "destroy",
            )
        }  # fmt: skip
        return asks | {
            "otp.verify": named(name, nothing, code="123456"),
            "otp.activate": named(name, nothing, code="123456"),
            "otp.resync": named(name, nothing, **two),
            "otp.fetch": (("", {"token": made.link.token[:-1]}), ("", {"token": "nothing"})),
            "otp.read-job": named(job, "0" * 32),
            "otp.update-job": named(job, "0" * 32, per_second=1),
            "otp.write-profile": named("home-profile", MISSING_NAME),
            "otp.delete-profile": named("home-profile", MISSING_NAME),
        }

    def read(self):
        return self.db.execute(SELECT).fetchall()

    def reply(self, who, operation, ask):
        """The reply, and whatever the call changed undone."""
        target, fields = ask
        request, reply = self.house.desk(self.engine).reply(
            self.tokens[who], operation, target, **fields
        )
        if self.read() != self.rows:
            self.db.execute("BEGIN")
            self.db.execute("DELETE FROM records")
            self.db.executemany(INSERT, self.rows)
            self.db.execute("COMMIT")
        return request, reply

    def close(self):
        self.db.close()
        self.house.store.close()


@pytest.fixture(scope="module")
def town(tmp_path_factory):
    made = Town(tmp_path_factory.mktemp("town") / "store.db")
    yield made
    made.close()


def asks_of(town, operation):
    return town.asks.get(operation, (("", town.fields.get(operation, {})), None))


def bytes_of(request, reply):
    """All that went back to the caller, but for the id that is new with each request."""
    assert reply.decision in {"", request}
    return msgspec.msgpack.encode(msgspec.structs.replace(reply, decision=""))


def test_the_table_has_a_row_for_every_operation_and_none_besides():
    assert ROWS.keys() == OPERATIONS.keys()
    assert all(len(row) == 8 for row in ROWS.values())


def test_the_table_and_the_operations_agree_on_what_addresses_something(town):
    for operation, row in ROWS.items():
        assert (row[3:6] == ["=", "=", "="]) is (operation not in town.asks), operation


@pytest.mark.parametrize("operation", ROWS)
@pytest.mark.parametrize("who", OWN)
def test_in_its_own_namespace_an_identity_does_what_its_role_allows_and_no_more(
    town, operation, who
):
    there, missing = asks_of(town, operation)
    at = OWN.index(who)
    assert town.reply(who, operation, there)[1].code == CODES[ROWS[operation][at]]
    if missing is not None:
        assert town.reply(who, operation, missing)[1].code == CODES[ROWS[operation][3 + at]]


@pytest.mark.parametrize("operation", ROWS)
@pytest.mark.parametrize("who", FOREIGN)
def test_a_foreign_object_and_a_missing_one_look_the_same(town, operation, who):
    there, missing = asks_of(town, operation)
    expected = CODES[ROWS[operation][6 + FOREIGN.index(who)]]
    request, reply = town.reply(who, operation, there)
    assert reply.code == expected
    if missing is not None and expected:
        assert bytes_of(request, reply) == bytes_of(*town.reply(who, operation, missing))
    elif missing is not None:  # a name that is taken elsewhere is free here, like any other
        assert town.reply(who, operation, missing)[1].code == ""


@pytest.mark.parametrize("operation", ROWS)
@pytest.mark.parametrize("who", OWN)
def test_who_lacks_the_right_is_not_told_whether_the_object_is_there(town, operation, who):
    there, missing = asks_of(town, operation)
    if missing is None or ROWS[operation][OWN.index(who)] != "not-allowed":
        return
    one, other = town.reply(who, operation, there), town.reply(who, operation, missing)
    assert bytes_of(*one) == bytes_of(*other)


@pytest.mark.parametrize("operation", ROWS)
def test_who_proves_no_identity_is_told_the_same_about_everything(town, operation):
    refusal = Reply(code="unauthenticated", detail="Valid credentials are needed")
    if OPERATIONS[operation].anonymous:
        refusal = Reply(code="not-found", detail="Not found")
    if operation == "otp.fetch":
        refusal = Reply(code="gone", detail=Gone.title)
    told = {
        bytes_of(*town.reply(who, operation, ask))
        for who in NOBODY
        for ask in asks_of(town, operation)
        if ask is not None
    }
    assert told == {bytes_of("", refusal)}


@pytest.mark.parametrize(
    ("operation", "who"),
    [
        (operation, who)
        for operation, row in ROWS.items()
        for who, told in zip(FOREIGN, row[6:], strict=True)
        if told == "yes"
    ],
)
def test_an_answer_in_another_namespace_names_nothing_of_this_one(tmp_path, operation, who):
    """On a deployment of its own, so that the log holds no foreign question either."""
    town = Town(tmp_path / "store.db")
    try:
        answer = town.reply(who, operation, asks_of(town, operation)[0])[1].answer
    finally:
        town.close()
    names = [
        b"home-value",
        b"home-label",
        b"home-refused",
        b"ousted",
        b"loser",
        b"tardy",
    ]
    if operation not in {
        "key.create",
        "policy.write",
    }:  # which answer with the name they were given
        names += [b"home-key", b"home-policy"]
    assert not [name for name in names if name in answer]


@pytest.mark.parametrize("operation", sorted(set(ROWS) - {"namespace.create", "namespace.list"}))
@pytest.mark.parametrize("who", FOREIGN)
def test_a_foreign_call_changes_no_row_of_this_namespace(town, operation, who):
    target, fields = asks_of(town, operation)[0]
    own = [row for row in town.rows if town.house.first in (row[1], row[2])]
    assert len(own) > 10
    town.house.desk(town.engine).reply(town.tokens[who], operation, target, **fields)
    after = town.read()
    town.db.execute("DELETE FROM records")
    town.db.executemany(INSERT, town.rows)
    assert [row for row in after if town.house.first in (row[1], row[2])] == own
