"""Every refusal is on record: one entry, with the request's id, the code, and who asked."""

import os

import msgspec
import pytest

from strongroom.adapters.cedar import CedarEngine
from strongroom.adapters.direct_ledger import DirectLedger
from strongroom.adapters.software import SoftwareProvider
from strongroom.adapters.system import SystemRandomness
from strongroom.domain.calls import Call
from strongroom.domain.errors import REFUSALS, Refusal, Restored, TooLarge, Unavailable
from strongroom.domain.sensitive import Sensitive
from strongroom.node.metrics import Meter
from strongroom.ports.store import Conflict, Exhausted, Stale
from strongroom.services.custodian import assemble
from tests.support.desks import START_US, Client, House, at_once


class Ledger(DirectLedger):
    """A ledger that answers the next commits with what a test wants."""

    def __init__(self, store):
        super().__init__(store)
        self.answers = []

    async def commit(self, commit):
        answer = self.answers.pop(0) if self.answers else None
        if isinstance(answer, Refusal):
            raise answer
        return answer or await super().commit(commit)


@pytest.fixture
def house(tmp_path):
    made = House(tmp_path / "store.db")
    yield made
    made.store.close()


@pytest.fixture
def ledger(house):
    return Ledger(house.store)


@pytest.fixture
def desk(house, ledger):
    staff = assemble(
        ledger=ledger,
        provider=SoftwareProvider(Sensitive(house.root)),
        engine=CedarEngine(),
        clock=house.clock,
        randomness=SystemRandomness(),
        watch=Meter(),
        first_namespace=house.first,
        seal="test",
    )
    return Client(staff.desk, staff.steward, staff.alerts)


def touch(house):
    house.store._db.execute("UPDATE records SET mac = zeroblob(32) WHERE name = 'demo'")


# How each refusal comes about: who asks, for what; and what happens before.
CAUSES = {
    "invalid-request": ("app", "key.encrypt", "demo", {"plaintext": 7}, None),
    "unauthenticated": ("", "key.encrypt", "demo", {"plaintext": b""}, None),
    "not-allowed": ("app", "key.disable", "demo", {}, None),
    "not-found": ("admin", "key.read", "nothing", {}, None),
    "gone": ("", "otp.fetch", "", {"token": "nonsense"}, None),
    "already-exists": ("admin", "key.create", "", {"name": "demo"}, None),
    "key-not-usable": (
        "app",
        "key.encrypt",
        "demo",
        {"plaintext": b""},
        lambda house, desk, ledger: desk.ask(house.admin, "key.disable", "demo"),
    ),
    "rate-limited": (
        "app",
        "key.encrypt",
        "demo",
        {"plaintext": b""},
        lambda house, desk, ledger: ledger.answers.append(Exhausted(rate=True)),
    ),
    "invalid-ciphertext": ("app", "key.decrypt", "demo", {"ciphertext": b""}, None),
    "tampered-record": (
        "app",
        "key.encrypt",
        "demo",
        {"plaintext": b""},
        lambda house, desk, ledger: touch(house),
    ),
    "changed-meanwhile": (
        "admin",
        "key.rotate",
        "demo",
        {},
        lambda house, desk, ledger: ledger.answers.append(Conflict(name=False)),
    ),
}
# These have no entry, and why.
UNRECORDED = {
    Restored.code: "nothing may be written to a database that is not the last one",
    TooLarge.code: "the gate refuses it before it has read, so before anybody is asked",
    Unavailable.code: "what keeps the records is what does not answer; nothing was decided",
}


def test_every_refusal_of_the_tree_is_caused_here_or_has_a_reason_not_to_be():
    assert CAUSES.keys() | UNRECORDED.keys() == {refusal.code for refusal in REFUSALS}


@pytest.mark.parametrize("code", CAUSES)
def test_a_refusal_leaves_exactly_one_entry_that_says_who_what_and_why(house, desk, ledger, code):
    who, operation, target, fields, before = CAUSES[code]
    if before is not None:
        before(house, desk, ledger)
    size = house.store.tree.size
    token = {"app": house.app, "admin": house.admin, "": ""}[who]
    request, reply = desk.reply(token, operation, target, **fields)
    assert (reply.code, reply.answer) == (code, b"")
    assert house.store.tree.size == size + 1
    (entry,) = desk.ask(house.admin, "audit.read", request=request).events
    assert entry.position == size
    assert (entry.outcome, entry.reason, entry.action) == ("refused", code, operation)
    assert entry.principal == who
    if target:
        assert entry.object == f"key/{target}"


def test_only_a_missing_right_has_a_decision_to_be_looked_up(house, desk, ledger):
    for code, (who, operation, target, fields, _) in CAUSES.items():
        token = {"app": house.app, "admin": house.admin, "": ""}[who]
        request, reply = desk.reply(token, operation, target, **fields)
        assert reply.decision == (request if reply.code == "not-allowed" else ""), code


@pytest.mark.parametrize(
    ("operation", "target", "fields"),
    [
        ("key.encrypt", "demo", {"plaintext": b"x"}),
        ("key.rotate", "demo", {}),
        ("key.disable", "demo", {}),
        ("token.create", "", {"principal": "app"}),
    ],
)
def test_nothing_is_released_or_changed_when_the_ledger_does_not_acknowledge(
    house, desk, ledger, operation, target, fields
):
    token = house.app if operation == "key.encrypt" else house.admin
    desk.ask(token, "identity.read")
    size, epoch = house.store.tree.size, house.store.epoch
    ledger.answers.append(Unavailable())
    _, reply = desk.reply(token, operation, target, **fields)
    assert (reply.code, reply.answer) == ("unavailable", b"")
    assert (house.store.tree.size, house.store.epoch) == (size, epoch)


@pytest.mark.parametrize("code", sorted(CAUSES.keys() - {"changed-meanwhile"}))
def test_a_refusal_that_cannot_be_recorded_is_no_refusal_but_unavailable(house, desk, ledger, code):
    """Else an attacker who stops the ledger could go on guessing off the record."""
    who, operation, target, fields, before = CAUSES[code]
    if before is not None:
        before(house, desk, ledger)
    token = {"app": house.app, "admin": house.admin, "": ""}[who]
    ledger.answers += [Unavailable(), Unavailable()]
    assert desk.refusal(token, operation, target, **fields) == "unavailable"


def test_a_decision_that_is_stale_again_and_again_is_given_up_and_nothing_released(
    house, desk, ledger
):
    ledger.answers += [Stale()] * 1_000
    _, reply = desk.reply(house.app, "key.encrypt", "demo", plaintext=b"x")
    assert (reply.code, reply.answer) == ("unavailable", b"")
    assert 900 < len(ledger.answers) < 1_000
    ledger.answers.clear()


def test_an_operation_that_is_none_is_refused(house, desk):
    assert desk.refusal(house.admin, "key.export", "demo") == "invalid-request"


@pytest.mark.parametrize("ask", [b"", b"\xc1", b"\x81", b"\x80", b"[" * 5_000, b"\x91" * 5_000])
def test_an_ask_that_is_no_msgpack_is_refused_and_on_record(house, desk, ask):
    request = f"{START_US // 1000:012x}" + os.urandom(10).hex()
    call = Call("key.encrypt", "demo", house.app, "127.0.0.1", request, ask)
    assert at_once(desk.desk.answer(call)).code == "invalid-request"
    (entry,) = desk.ask(house.admin, "audit.read", request=request).events
    assert (entry.outcome, entry.reason) == ("refused", "invalid-request")


@pytest.mark.parametrize("field", ["labels", "description", "name"])
def test_a_text_that_is_no_text_is_refused_and_on_record(house, desk, field):
    body = msgspec.msgpack.encode({"name": "x"} | {field: "\N{GREEK SMALL LETTER ALPHA}"})
    bad = body.replace("\N{GREEK SMALL LETTER ALPHA}".encode(), b"\xff\xff")
    request = f"{START_US // 1000:012x}" + os.urandom(10).hex()
    call = Call("key.create", "", house.admin, "", request, bad)
    assert at_once(desk.desk.answer(call)).code == "invalid-request"
    assert desk.ask(house.admin, "audit.read", request=request).events


@pytest.mark.parametrize("target", ["x" * 70_000, "a\nb", "A", "é", "\0", "../x", "demo "])
@pytest.mark.parametrize("operation", ["key.read", "key.encrypt", "principal.read", "token.revoke"])
def test_a_target_that_no_gate_would_send_is_refused_and_on_record(house, desk, operation, target):
    """A gate that was broken into sends what it likes."""
    fields = {"plaintext": b""} if operation == "key.encrypt" else {}
    size = house.store.tree.size
    for token in (house.admin, ""):
        code = desk.refusal(token, operation, target, **fields)
        assert code in {"not-found", "invalid-request", "unauthenticated"}
    assert house.store.tree.size == size + 2


@pytest.mark.parametrize(
    ("request_id", "source"),
    [("", ""), ("f" * 31, ""), ("F" * 32, ""), ("f" * 32 + "\n", ""), ("f" * 32, "x" * 70_000)],
)
def test_a_call_that_no_gate_would_make_is_refused_before_anything_is_done(
    house, desk, request_id, source
):
    ask = msgspec.msgpack.encode({"plaintext": b"x"})
    call = Call("key.encrypt", "demo", house.app, source, request_id, ask)
    reply = at_once(desk.desk.answer(call))
    assert (reply.code, reply.answer) == ("invalid-request", b"")
