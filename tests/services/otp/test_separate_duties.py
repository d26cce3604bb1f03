"""Duties are separate: none can do another's part, hold both, or see what is not theirs to see.

The table is written by hand; a new operation without a row fails.
"""

import base64
import itertools

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from strongroom.domain.operations import OPERATIONS, READ_REASONS
from strongroom.domain.otp.credential import State
from strongroom.domain.roles import ROLES
from tests.services.test_markers import spellings
from tests.support.otp import Bank

DUTIES = ("enroller", "verifier", "helpdesk", "officer", "migrator")

# Who may do what. Whoever is not named, may not.
MAY = {
    "otp.enrol": "enroller",
    "otp.link": "enroller",
    "otp.activate": "enroller",
    "otp.rotate": "enroller",
    "otp.verify": "verifier",
    "otp.verify-user": "verifier",
    "otp.challenge": "enroller verifier",
    "otp.compute": "",  # only by a policy that somebody writes
    "otp.read": "enroller helpdesk officer migrator auditor",
    "otp.list": "enroller helpdesk officer migrator auditor",
    "otp.suspend": "helpdesk officer",
    "otp.resume": "helpdesk officer",
    "otp.unlock": "helpdesk",
    "otp.resync": "helpdesk",
    "otp.revoke": "officer",
    "otp.destroy": "officer",
    "otp.import": "migrator",
    "otp.export": "migrator",
    "otp.list-profiles": "enroller officer migrator auditor",
    "otp.write-profile": "officer",
    "otp.delete-profile": "officer",
    "otp.create-job": "officer",
    "otp.list-jobs": "officer auditor",
    "otp.read-job": "officer auditor",
    "otp.update-job": "officer",
}
OTHERS = ("administrator", "key-manager", "key-user", "auditor", "operator")

PUBLIC = (
    X25519PrivateKey.generate()
    .public_key()
    .public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
)
ASKS = {
    "otp.enrol": {"user": "alice", "delivery": "sealed", "device_key": PUBLIC},
    "otp.verify": {"code": "123456"},
    "otp.verify-user": {"user": "alice", "code": "123456"},
    "otp.activate": {"code": "123456"},
    "otp.resync": {"first": "123456", "second": "123457"},
    "otp.import": {"items": [{"secret": b"i" * 20, "user": "alice"}]},
    "otp.export": {"public_key": PUBLIC, "limit": 3},
    "otp.list": {"limit": 3},
    "otp.create-job": {"action": "suspend", "filter": {"user": "nobody"}},
    "otp.update-job": {"per_second": 1},
}
NOT_OF_A_CREDENTIAL = {
    "otp.enrol", "otp.list", "otp.verify-user", "otp.import", "otp.export", "otp.list-profiles",
    "otp.create-job", "otp.list-jobs",
}  # fmt: skip
TARGETS = {"otp.write-profile": "p", "otp.delete-profile": "p", "otp.read-job": "0" * 32,
           "otp.update-job": "0" * 32}  # fmt: skip


@pytest.fixture(scope="module")
def town(tmp_path_factory):
    bank = Bank(tmp_path_factory.mktemp("duties") / "store.db")
    bank.tokens = {duty: getattr(bank, duty) for duty in DUTIES}
    bank.tokens |= {role: bank.person(f"a-{role}", role) for role in OTHERS}
    yield bank
    bank.store.close()


def ask(bank, who, operation, name):
    """What who is told: the reply to the operation, on that credential where there is one."""
    target = TARGETS.get(operation, "" if operation in NOT_OF_A_CREDENTIAL else name)
    fields = ASKS.get(operation, {})
    return bank.desk.reply(bank.tokens[who], operation, target, **fields)[1]


def test_the_table_is_of_all_operations_but_what_a_link_is_for():
    of_otp = {name for name in OPERATIONS if name.startswith("otp.")}
    assert of_otp - MAY.keys() == {"otp.fetch"}
    assert MAY.keys() <= of_otp


@pytest.mark.parametrize("who", [*DUTIES, *OTHERS])
def test_each_does_its_own_part_and_nothing_of_the_others(town, who):
    wrong = []
    for operation, may in MAY.items():
        name = town.credential()
        held = town.held(name)
        reply = ask(town, who, operation, name)
        if (reply.code != "not-allowed") is not (who in may.split()):
            wrong.append((operation, reply.code))
        if who not in may.split() and (town.held(name) != held or reply.answer):
            wrong.append((operation, "but done"))
    assert wrong == []


def test_nobody_may_who_proves_nothing(town):
    town.tokens["nobody"] = ""
    name = town.credential()
    codes = {ask(town, "nobody", operation, name).code for operation in MAY}
    assert codes == {"unauthenticated"}


def test_no_role_shows_codes_or_tells_reasons():
    for role in ROLES.values():
        assert not {"otp.compute", READ_REASONS, "otp.fetch"} & set(role.actions), role.name


@pytest.mark.parametrize("pair", list(itertools.combinations(DUTIES, 2)))
def test_no_two_duties_are_held_by_one(town, pair):
    roles = [f"otp-{duty}" for duty in pair]
    new = {"name": "-".join(pair), "roles": roles}
    assert town.desk.refusal(town.admin, "principal.create", **new) == "invalid-request"
    first, second = pair
    update = {"roles": [f"otp-{first}", f"otp-{second}"]}
    assert town.desk.refusal(town.admin, "principal.update", first, **update) == "invalid-request"


@pytest.mark.parametrize("duty", DUTIES)
@pytest.mark.parametrize("other", ["administrator", "auditor", "policy-writer"])
def test_nor_with_what_would_undo_the_separation(town, duty, other):
    """Who gives roles, writes policies or audits, does none of it."""
    new = {"name": f"{other}-{duty}", "roles": [other, f"otp-{duty}"]}
    assert town.desk.refusal(town.admin, "principal.create", **new) == "invalid-request"


def test_to_show_codes_is_a_right_that_somebody_must_give(bank):
    name = bank.credential()
    bank.tokens = {"verifier": bank.verifier}
    assert ask(bank, "verifier", "otp.compute", name).code == "not-allowed"
    text = 'permit (principal == Principal::"verifier", action == Action::"otp.compute", resource);'
    bank.desk.ask(bank.admin, "policy.write", "compute", text=text)
    assert bank.desk.ask(bank.verifier, "otp.compute", name).code == bank.code()
    (entry,) = (entry for entry in bank.entries("otp.compute") if entry["outcome"] == "allowed")
    assert entry["policies"] == ["policy:compute"]


def test_nothing_but_a_link_ever_carries_a_secret(bank):
    """Everything is asked by everybody about a credential whose secret would be recognised."""
    secret, new = b"MARKER-secret-of-old", b"MARKER-secret-of-new"
    bank.house.store._db.execute("PRAGMA synchronous = OFF")  # a power cut is not the subject
    bank.tokens = {duty: getattr(bank, duty) for duty in DUTIES}
    bank.tokens["auditor"] = bank.person("an-auditor", "auditor")
    forms = [*spellings(secret).values(), *spellings(new).values()]
    forms += [base64.b32encode(one) for one in (secret, new)]
    said = []
    for operation in MAY:
        names = [bank.credential(secret, new=new, state=state) for state in State]
        for who, name in itertools.product(bank.tokens, names):
            said.append(ask(bank, who, operation, name))
    assert len([reply for reply in said if reply.answer]) > 100
    for reply in said:
        written = msgspec.msgpack.encode(reply)
        assert not [form for form in forms if form in written]
    # That it would be found: who opens a link is shown it.
    name = bank.credential(secret, state=State.PENDING, proved=False)
    unseen = msgspec.structs.replace(bank.held(name).body.newest, shown=False)
    bank.change(name, secrets=(unseen,))
    token = bank.desk.ask(bank.enroller, "otp.link", name).link.token
    written = msgspec.msgpack.encode(bank.desk.reply("", "otp.fetch", token=token)[1])
    assert [form for form in forms if form in written] == [base64.b32encode(secret)]


def test_the_helpdesk_and_the_verifier_are_told_nothing_that_opens_a_link(bank):
    made = bank.enrol()
    for who in (bank.helpdesk, bank.officer):
        view = bank.desk.ask(who, "otp.read", made.credential.id)
        assert made.link.token not in repr(view)
        assert view.link_expires == made.link.expires
