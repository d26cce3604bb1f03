"""Every state of a key and of a version, every operation on keys, at the desk.

What is expected stands here and was written down by hand, from NIST SP 800-57 part 1 revision 5,
section 7: it is not read from the program's own tables. States are written into the store with a
right MAC by the test, so that each is reached whether or not a call leads to it.
"""

import itertools
import shutil

import msgspec
import pytest

from strongroom.adapters.cedar import CedarEngine
from strongroom.adapters.software import SoftwareProvider
from strongroom.adapters.sqlite.store import SQLiteStore
from strongroom.domain.lifecycle import State
from strongroom.domain.operations import OPERATIONS, Resource
from strongroom.domain.records import Kind, Ref
from strongroom.domain.sensitive import Sensitive
from strongroom.domain.things import Key, Version, version_id
from strongroom.domain.times import DAY_US, rfc3339
from strongroom.ports.store import Commit, Entry, Kept, Write
from strongroom.services.sealing import Sealing
from tests.support.desks import START_US, House
from tests.support.travel import travelling

DUE_US = START_US + 7 * DAY_US

# For each state of a key, whose versions are active: yes, no, or `right`: with key.use-compromised.
# `key.re-encrypt/of` is the key that the ciphertext is of; without `of`, the one that it comes to.
OF_KEY = """
    operation                    pre  active suspended deactivated compromised scheduled destroyed
    key.encrypt                  no   yes    no        no          no          no        no
    key.sign                     no   yes    no        no          no          no        no
    key.mac                      no   yes    no        no          no          no        no
    key.generate-data-key        no   yes    no        no          no          no        no
    key.generate-data-key-pair   no   yes    no        no          no          no        no
    key.re-encrypt               no   yes    no        no          no          no        no
    key.encapsulate              no   yes    no        no          no          no        no
    key.wrap                     no   yes    no        no          no          no        no
    key.re-encrypt/of            no   yes    no        yes         right       no        no
    key.decrypt                  no   yes    no        yes         right       no        no
    key.verify                   no   yes    no        yes         right       no        no
    key.verify-mac               no   yes    no        yes         right       no        no
    key.agree                    no   yes    no        yes         right       no        no
    key.decapsulate              no   yes    no        yes         right       no        no
    key.unwrap                   no   yes    no        yes         right       no        no
    key.rotate                   no   yes    no        no          no          no        no
    key.update                   yes  yes    yes       yes         yes         yes       no
    key.import-parameters        yes  yes    yes       no          no          no        no
    key.import                   yes  yes    yes       no          no          no        no
    key.delete-imported-material yes  yes    yes       yes         yes         yes       no
    key.export                   yes  yes    yes       yes         no          no        no
    key.backup                   yes  yes    yes       yes         no          no        no
    key.enable                   no   yes    yes       no          no          no        no
    key.disable                  no   yes    yes       no          no          no        no
    key.deactivate               no   yes    yes       yes         no          no        no
    key.mark-compromised         yes  yes    yes       yes         yes         no        no
    key.schedule-destruction     yes  yes    yes       yes         yes         no        no
    key.cancel-destruction       no   no     no        no          no          yes       no
    key.read                     yes  yes    yes       yes         yes         yes       yes
    key.read-usage               yes  yes    yes       yes         yes         yes       yes
    key.read-public-key          yes  yes    yes       yes         yes         yes       yes
    alias.write                  yes  yes    yes       yes         yes         yes       yes
    alias.delete                 yes  yes    yes       yes         yes         yes       yes
    key.read-policy              yes  yes    yes       yes         yes         yes       yes
    key.write-policy             yes  yes    yes       yes         yes         yes       yes
    grant.list                   yes  yes    yes       yes         yes         yes       yes
    grant.retire                 yes  yes    yes       yes         yes         yes       yes
    grant.revoke                 yes  yes    yes       yes         yes         yes       yes
    grant.create                 no   yes    no        no          no          no        no
"""

# The state of the current version, and the key is active. What the key's own state decides is not
# refused: one rotates away from a version that is known to others.
OF_VERSION = """
    operation                    pre  active suspended deactivated compromised scheduled destroyed
    key.encrypt                  no   yes    no        no          no          no        no
    key.sign                     no   yes    no        no          no          no        no
    key.mac                      no   yes    no        no          no          no        no
    key.generate-data-key        no   yes    no        no          no          no        no
    key.generate-data-key-pair   no   yes    no        no          no          no        no
    key.re-encrypt               no   yes    no        no          no          no        no
    key.encapsulate              no   yes    no        no          no          no        no
    key.wrap                     no   yes    no        no          no          no        no
    key.re-encrypt/of            no   yes    no        yes         right       no        no
    key.decrypt                  no   yes    no        yes         right       no        no
    key.verify                   no   yes    no        yes         right       no        no
    key.verify-mac               no   yes    no        yes         right       no        no
    key.agree                    no   yes    no        yes         right       no        no
    key.decapsulate              no   yes    no        yes         right       no        no
    key.unwrap                   no   yes    no        yes         right       no        no
    key.rotate                   yes  yes    yes       yes         yes         yes       yes
    key.update                   yes  yes    yes       yes         yes         yes       yes
    key.import-parameters        yes  yes    yes       yes         yes         yes       yes
    key.import                   yes  yes    yes       yes         yes         yes       yes
    key.delete-imported-material yes  yes    yes       yes         yes         yes       no
    key.export                   yes  yes    yes       yes         no          no        no
    key.enable                   no   yes    yes       no          no          no        no
    key.disable                  no   yes    yes       no          no          no        no
    key.deactivate               no   yes    yes       yes         no          no        no
    key.mark-compromised         yes  yes    yes       yes         yes         no        no
    key.schedule-destruction     yes  yes    yes       yes         yes         no        no
    key.cancel-destruction       no   no     no        no          no          yes       no
    key.backup                   yes  yes    yes       yes         yes         yes       yes
    key.read                     yes  yes    yes       yes         yes         yes       yes
    key.read-usage               yes  yes    yes       yes         yes         yes       yes
    key.read-public-key          yes  yes    yes       yes         yes         yes       yes
    alias.write                  yes  yes    yes       yes         yes         yes       yes
    alias.delete                 yes  yes    yes       yes         yes         yes       yes
    key.read-policy              yes  yes    yes       yes         yes         yes       yes
    key.write-policy             yes  yes    yes       yes         yes         yes       yes
    grant.list                   yes  yes    yes       yes         yes         yes       yes
    grant.retire                 yes  yes    yes       yes         yes         yes       yes
    grant.revoke                 yes  yes    yes       yes         yes         yes       yes
    grant.create                 yes  yes    yes       yes         yes         yes       yes
"""

STATES = {
    "pre": State.PRE_ACTIVATION,
    "active": State.ACTIVE,
    "suspended": State.SUSPENDED,
    "deactivated": State.DEACTIVATED,
    "compromised": State.COMPROMISED,
    "scheduled": State.DESTRUCTION_SCHEDULED,
    "destroyed": State.DESTROYED,
}
# These make a key or speak of no key, so no key's state is on their way. What is replicated is a
# multi-Region key (test_multi_region.py).
STATELESS = {"key.create", "key.restore", "key.replicate"}


def _rows(table):
    head, *lines = (line.split() for line in table.strip().splitlines())
    return [
        (line[0], STATES[state], expected)
        for line in lines
        for state, expected in zip(head[1:], line[1:], strict=True)
    ]


CASES = [
    (part, *row) for part, table in (("key", OF_KEY), ("version", OF_VERSION))
    for row in _rows(table)
]  # fmt: skip

# What each operation is asked of.
KEYS = {
    "aes": {"exportable": True},
    "signer": {"algorithm": "ed25519"},
    "maker": {"algorithm": "hmac-sha256"},
    "agreement": {"algorithm": "x25519", "purpose": "agree"},
    "capsule": {"algorithm": "ml-kem-768", "purpose": "encapsulate"},
    "wrapper": {"algorithm": "aes-256-kw"},
    "brought": {"origin": "imported"},
}
TARGETS = {
    "key.sign": "signer", "key.verify": "signer", "key.read-public-key": "signer",
    "key.mac": "maker", "key.verify-mac": "maker", "key.agree": "agreement",
    "key.encapsulate": "capsule", "key.decapsulate": "capsule",
    "key.wrap": "wrapper", "key.unwrap": "wrapper", "key.import-parameters": "brought",
    "key.import": "brought", "key.delete-imported-material": "brought",
    "key.re-encrypt/of": "source", "alias.write": "another-name", "alias.delete": "other-name",
}  # fmt: skip
# Bob's public key of RFC 7748, 6.1.
_X25519_KEY = bytes.fromhex("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f")
_SPKI = bytes.fromhex("302a300506032b656e032100")
# What it is asked with, unless that was made by another operation before.
FIELDS = {
    "key.encrypt": {"plaintext": b"x"},
    "key.sign": {"message": b"m"},
    "key.mac": {"message": b"m"},
    "key.generate-data-key-pair": {"algorithm": "ed25519"},
    "key.agree": {"public_key": _SPKI + _X25519_KEY},
    "key.wrap": {"material": bytes(16)},
    "key.update": {"description": "another"},
    "key.import-parameters": {"wrapping_key": "rsa-2048"},
    "alias.write": {"key": "aes"},
    "key.write-policy": {"policy": ""},
    "grant.create": {"grantee": "user", "operations": ["DescribeKey"]},
}
_MATERIAL = bytes(range(32))


class Town(House):
    """A deployment with a key for each operation, and callers with every role."""

    def __init__(self, path):
        super().__init__(path, dev=False)
        self.engine = CedarEngine()
        desk = self.desk(self.engine)
        for name, role in (
            ("user", "key-user"), ("recoverer", "key-recoverer"), ("exporter", "key-exporter"),
        ):  # fmt: skip
            desk.ask(self.admin, "principal.create", name=name, roles=[role])
        self.user, self.recoverer, self.exporter = (
            desk.ask(self.admin, "token.create", principal=name).token
            for name in ("user", "recoverer", "exporter")
        )
        # Beside its role, to agree: no role has that together with the right.
        desk.ask(self.admin, "policy.write", "agrees", text=_AGREES)
        self.ids = {
            name: bytes.fromhex(desk.ask(self.admin, "key.create", name=name, **fields).id)
            for name, fields in KEYS.items()
        }
        self._bring(desk, _MATERIAL)
        desk.ask(self.admin, "alias.write", "other-name", key="aes")
        grant = desk.ask(self.admin, "grant.create", "aes", **FIELDS["grant.create"]).id
        self.made = {
            "grant.retire": {"grant": grant},
            "grant.revoke": {"grant": grant},
            "key.decrypt": {
                "ciphertext": desk.ask(self.user, "key.encrypt", "aes", plaintext=b"x").ciphertext
            },
            "key.verify": {
                "message": b"m",
                "signature": desk.ask(self.user, "key.sign", "signer", message=b"m").signature,
            },
            "key.verify-mac": {
                "message": b"m", "tag": desk.ask(self.user, "key.mac", "maker", message=b"m").tag,
            },
            "key.decapsulate": {
                "ciphertext": desk.ask(self.user, "key.encapsulate", "capsule").ciphertext
            },
            "key.unwrap": {
                "wrapped": desk.ask(self.user, "key.wrap", "wrapper", material=bytes(16)).wrapped
            },
        }  # fmt: skip
        desk.ask(self.admin, "key.create", name="source")
        source = desk.ask(self.user, "key.encrypt", "source", plaintext=b"x").ciphertext
        self.made |= {
            "key.re-encrypt": {"ciphertext": source},
            "key.import": self._wrapped(desk, bytes(reversed(_MATERIAL))),
        }
        self.public = desk.ask(
            self.admin, "key.import-parameters", "brought", wrapping_key="rsa-2048"
        ).public_key
        self.store.close()

    def _wrapped(self, desk, material):
        ticket = desk.ask(self.admin, "key.import-parameters", "brought", wrapping_key="rsa-2048")
        return {
            "import_token": ticket.import_token,
            "wrapped_material": travelling(ticket.public_key, material),
        }

    def _bring(self, desk, material):
        desk.ask(self.admin, "key.import", "brought", **self._wrapped(desk, material))

    def call(self, operation, part):
        """Token, operation, target and fields of what is asked: it is good where state lets it."""
        fields = FIELDS.get(operation) or self.made.get(operation, {})
        target = TARGETS.get(operation, "aes")
        if operation == "key.re-encrypt/of":
            return self.user, "key.re-encrypt", target, self.made["key.decrypt"]
        if operation == "key.export":
            return self.exporter, operation, target, {"public_key": self.public}
        if part == "version" and operation in _OF_VERSIONS:
            fields = {"key_version": 1}
        managed = operation in _MANAGED or OPERATIONS[operation].use is None
        return self.admin if managed else self.user, operation, target, fields


_AGREES = """
permit (principal == Principal::"recoverer", action == Action::"key.agree", resource);
"""
_MANAGED = {
    "key.rotate", "key.update", "key.import-parameters", "key.import",
    "key.delete-imported-material", "key.backup", "grant.create",
}  # fmt: skip
_OF_VERSIONS = {
    "key.enable", "key.disable", "key.deactivate", "key.mark-compromised",
    "key.schedule-destruction", "key.cancel-destruction", "key.delete-imported-material",
}  # fmt: skip


@pytest.fixture(scope="module")
def founded(tmp_path_factory):
    return Town(tmp_path_factory.mktemp("town") / "store.db")


@pytest.fixture
def town(founded, tmp_path):
    path = tmp_path / "store.db"
    shutil.copy(founded.path, path)
    store = SQLiteStore.open(str(path))
    store._db.execute("PRAGMA synchronous = OFF")  # a power cut is not the subject
    founded.clock.now = START_US
    yield founded.at(store)
    store.close()


def put(town, name, part, **fields):
    """Have the store say so of that key, or of its current version."""
    kind, body, record_id = Kind.KEY, Key, town.ids[name]
    if part == "version":
        kind, body, record_id = Kind.VERSION, Version, version_id(record_id, 1)
    sealing = Sealing(SoftwareProvider(Sensitive(town.root)), town.store.deployment)
    (record,) = town.store.load([Ref(kind, record_id)])
    opened = sealing.open(record, body, expected=(kind, record_id))
    changed = sealing.seal(
        kind, record_id, msgspec.structs.replace(opened, **fields), namespace=record.namespace,
        name=record.name, revision=record.revision + 1, request=record.request,
    )  # fmt: skip
    entry = Entry(0, b"", "", "", "", "", "", b"{}")
    (outcome,) = town.store.commit([
        Commit(town.store.epoch, (), entry, (Write(changed, record.revision),))
    ])  # fmt: skip
    assert isinstance(outcome, Kept)


def in_state(town, name, part, state):
    """The material stays where it is: it is the state alone that refuses."""
    fields = {"state": state}
    if state is State.DESTRUCTION_SCHEDULED:
        fields |= {"before": State.ACTIVE, "destroys_us": DUE_US}
    if state is State.DESTROYED:
        fields["destroyed_us"] = START_US
    put(town, name, part, **fields)


def subject(operation):
    """The key whose state is on the way of that operation."""
    name = TARGETS.get(operation, "aes")
    return name if name in KEYS else "aes"


def test_the_tables_speak_of_every_operation_on_keys_and_of_every_state():
    asked = {
        name for name, operation in OPERATIONS.items()
        if operation.resource is Resource.KEY and name not in STATELESS
    }  # fmt: skip
    for table in (OF_KEY, OF_VERSION):
        assert {operation for operation, _, _ in _rows(table)} == asked | {"key.re-encrypt/of"}
    assert set(STATES.values()) == set(State)


@pytest.mark.parametrize(("part", "operation", "state", "expected"), CASES)
def test_the_state_of_key_and_version_is_on_the_way_of_every_operation(
    town, part, operation, state, expected
):
    token, asked, target, fields = town.call(operation, part)
    warm = town.desk(town.engine)
    # It knows the key and the version as they were before.
    for use in _WARMING:
        warm.ask(town.user, *town.call(use, part)[1:3], **town.call(use, part)[3])
    in_state(town, subject(operation), part, state)
    before = town.store.epoch
    for desk in (warm, town.desk(town.engine)):
        if expected == "yes":
            break
        _, reply = desk.reply(token, asked, target, **fields)
        assert reply.code == ("not-allowed" if expected == "right" else "key-not-usable")
        assert town.store.epoch == before
    if expected == "right" and asked != "key.re-encrypt":  # no role protects and has the right
        warm.ask(town.recoverer, asked, target, **fields)
    if expected == "yes":
        warm.ask(token, asked, target, **fields)


_WARMING = (
    "key.encrypt", "key.sign", "key.mac", "key.agree", "key.encapsulate", "key.wrap",
)  # fmt: skip


# --- compromised: a right of its own --------------------------------------------------------------

PROCESSING = ("key.decrypt", "key.verify", "key.verify-mac", "key.agree", "key.decapsulate",
              "key.unwrap", "key.re-encrypt/of")  # fmt: skip


@pytest.mark.parametrize(
    ("part", "operation"), list(itertools.product(("key", "version"), PROCESSING))
)
def test_who_has_not_the_right_is_refused_and_the_log_names_what_was_missing(town, part, operation):
    token, asked, target, fields = town.call(operation, part)
    in_state(town, subject(operation), part, State.COMPROMISED)
    desk = town.desk(town.engine)
    request, reply = desk.reply(token, asked, target, **fields)
    assert (reply.code, reply.detail, reply.decision) == ("not-allowed", "Not allowed", request)
    decision = desk.ask(town.admin, "decision.read", request)
    assert "key.use-compromised" in decision.missing
    assert "key-recoverer" in decision.missing
    assert decision.outcome == "refused"


def test_a_recoverer_uses_nothing_for_new_protection(town):
    in_state(town, "aes", "key", State.COMPROMISED)
    desk = town.desk(town.engine)
    assert desk.refusal(town.recoverer, "key.encrypt", "aes", plaintext=b"x") == "not-allowed"


def test_in_a_batch_each_item_needs_the_right(town):
    """One key is compromised, the other is not: who has no right to the first gets the second."""
    desk = town.desk(town.engine)
    in_state(town, "aes", "key", State.COMPROMISED)
    items = [town.made["key.decrypt"], town.made["key.re-encrypt"]]
    opened = desk.ask(town.user, "key.decrypt", items=items).items
    assert opened[0].error.code == "not-allowed"
    assert opened[1].plaintext == b"x"
    opened = desk.ask(town.recoverer, "key.decrypt", items=items).items
    assert [item.plaintext for item in opened] == [b"x", b"x"]


def test_the_right_alone_does_not_decrypt(town):
    """It is weighed beside the right to decrypt, not instead of it."""
    desk = town.desk(town.engine)
    text = 'permit (principal, action == Action::"key.use-compromised", resource);'
    desk.ask(town.admin, "policy.write", "all-may", text=text)
    in_state(town, "aes", "key", State.COMPROMISED)
    assert desk.refusal(town.exporter, "key.decrypt", **town.made["key.decrypt"]) == "not-allowed"
    assert desk.ask(town.user, "key.decrypt", **town.made["key.decrypt"]).plaintext == b"x"
    # The entry names what gave the one right and what gave the other.
    (used,) = desk.ask(town.admin, "audit.read", action="key.decrypt", outcome="allowed",
                       limit=1_000).events[-1:]  # fmt: skip
    assert used.policies == ["role:key-user", "policy:all-may"]
    desk.ask(town.admin, "policy.delete", "all-may")
    assert desk.refusal(town.user, "key.decrypt", **town.made["key.decrypt"]) == "not-allowed"


# --- dates ----------------------------------------------------------------------------------------


def test_a_key_is_active_from_its_first_day_on_to_the_microsecond(town):
    desk, later = town.desk(town.engine), town.desk(town.engine)
    at_us = START_US + DAY_US + 1
    view = desk.ask(town.admin, "key.create", name="young", activates=rfc3339(at_us))
    assert (view.state, view.activates) == ("pre-activation", rfc3339(at_us))
    town.clock.now = at_us - 1
    for one in (desk, later):
        _, reply = one.reply(town.user, "key.encrypt", "young", plaintext=b"x")
        assert reply.code == "key-not-usable"
        assert f"is not active before {rfc3339(at_us)}" in reply.detail
    town.clock.now = at_us
    for one in (desk, later):
        blob = one.ask(town.user, "key.encrypt", "young", plaintext=b"x").ciphertext
        assert one.ask(town.user, "key.decrypt", ciphertext=blob).plaintext == b"x"
    assert desk.ask(town.admin, "key.read", "young").state == "active"


def test_a_key_ends_on_its_last_day_to_the_microsecond(town):
    desk, later = town.desk(town.engine), town.desk(town.engine)
    at_us = START_US + DAY_US
    desk.ask(town.admin, "key.create", name="old", deactivates=rfc3339(at_us))
    town.clock.now = at_us - 1
    blob = desk.ask(town.user, "key.encrypt", "old", plaintext=b"x").ciphertext
    later.ask(town.user, "key.decrypt", ciphertext=blob)
    town.clock.now = at_us
    for one in (desk, later):
        for operation, token in (("key.encrypt", town.user), ("key.rotate", town.admin)):
            fields = {"plaintext": b"x"} if operation == "key.encrypt" else {}
            _, reply = one.reply(token, operation, "old", **fields)
            assert reply.code == "key-not-usable"
            assert f"is deactivated since {rfc3339(at_us)}" in reply.detail
        assert one.ask(town.user, "key.decrypt", ciphertext=blob).plaintext == b"x"
        assert one.ask(town.admin, "key.read", "old").state == "deactivated"
    assert desk.refusal(town.admin, "key.enable", "old") == "key-not-usable"


@pytest.mark.parametrize("part", ["key", "version"])
def test_a_destruction_is_cancelled_until_it_is_due_and_not_from_then_on(town, part):
    desk = town.desk(town.engine)
    fields = {} if part == "key" else {"key_version": 1}
    desk.ask(town.admin, "key.schedule-destruction", "aes", days=7, **fields)
    town.clock.now = DUE_US - 1
    desk.ask(town.admin, "key.cancel-destruction", "aes", **fields)
    desk.ask(town.admin, "key.schedule-destruction", "aes", days=7, **fields)
    town.clock.now += 7 * DAY_US
    for _ in range(2):
        assert desk.refusal(town.admin, "key.cancel-destruction", "aes", **fields) == (
            "key-not-usable"
        )
        town.clock.now += DAY_US
    assert desk.refusal(town.user, "key.decrypt", **town.made["key.decrypt"]) == "key-not-usable"


def test_what_was_suspended_is_not_opened_by_the_end_of_its_time(town):
    desk = town.desk(town.engine)
    at_us = START_US + DAY_US
    desk.ask(town.admin, "key.create", name="stopped", deactivates=rfc3339(at_us))
    blob = desk.ask(town.user, "key.encrypt", "stopped", plaintext=b"x").ciphertext
    desk.ask(town.admin, "key.disable", "stopped")
    town.clock.now = at_us
    assert desk.refusal(town.user, "key.decrypt", ciphertext=blob) == "key-not-usable"
    desk.ask(town.admin, "key.enable", "stopped")  # its time is over, so it only decrypts
    assert desk.refusal(town.user, "key.encrypt", "stopped", plaintext=b"x") == "key-not-usable"
    assert desk.ask(town.user, "key.decrypt", ciphertext=blob).plaintext == b"x"


# --- a key and its versions -----------------------------------------------------------------------


def test_rotation_leads_away_from_a_version_that_is_compromised(town):
    desk = town.desk(town.engine)
    desk.ask(town.admin, "key.mark-compromised", "aes", key_version=1)
    assert desk.refusal(town.user, "key.encrypt", "aes", plaintext=b"x") == "key-not-usable"
    assert desk.ask(town.admin, "key.rotate", "aes").current_version == 2
    made = desk.ask(town.user, "key.encrypt", "aes", plaintext=b"new")
    assert made.key_version == 2
    assert desk.ask(town.user, "key.decrypt", ciphertext=made.ciphertext).plaintext == b"new"
    assert desk.refusal(town.user, "key.decrypt", **town.made["key.decrypt"]) == "not-allowed"
    assert desk.ask(town.recoverer, "key.decrypt", **town.made["key.decrypt"]).plaintext == b"x"


@pytest.mark.parametrize(
    ("key", "version"),
    [
        (key, version) for key, version in itertools.product(State, State)
        if State.ACTIVE not in (key, version)
    ],
)  # fmt: skip
def test_both_must_allow_it(town, key, version):
    """Neither is active: nothing protects; only where each processes, it is processed."""
    in_state(town, "aes", "key", key)
    in_state(town, "aes", "version", version)
    desk = town.desk(town.engine)
    assert desk.refusal(town.user, "key.encrypt", "aes", plaintext=b"x") == "key-not-usable"
    processes = {State.DEACTIVATED, State.COMPROMISED}
    code = desk.refusal(town.user, "key.decrypt", **town.made["key.decrypt"])
    recovered = desk.refusal(town.recoverer, "key.decrypt", **town.made["key.decrypt"])
    if not {key, version} <= processes:
        assert {code, recovered} <= {"key-not-usable", "not-allowed"}
        assert recovered == "key-not-usable"
    else:
        assert code == ("not-allowed" if State.COMPROMISED in (key, version) else "")
        assert recovered == ""


def test_a_version_that_there_is_not_has_no_state(town):
    desk = town.desk(town.engine)
    for operation in sorted(_OF_VERSIONS - {"key.delete-imported-material"}):
        assert desk.refusal(town.admin, operation, "aes", key_version=2) == "not-found"
