"""Receipts: own requests for everybody, others' for who may read the log; and what they prove."""

import asyncio
import json

import msgspec
import pytest

from strongroom.adapters.direct_ledger import DirectLedger
from strongroom.adapters.software import SoftwareProvider
from strongroom.domain import limits
from strongroom.domain.sensitive import Sensitive
from strongroom.services import counted
from strongroom.tlog import keys, receipts, vkeys
from strongroom.tlog.errors import TlogError
from strongroom.tlog.merkle import leaf_hash
from strongroom.tlog.policies import Policy
from tests.support.desks import House, at_once
from tests.support.signs_at_once import SignsAtOnce


@pytest.fixture
def house(tmp_path):
    made = House(tmp_path / "store.db", dev=True)
    yield made
    made.store.close()


@pytest.fixture
def notary(house):
    return SignsAtOnce(house.store, SoftwareProvider(Sensitive(house.root)))


@pytest.fixture
def desk(house):
    return house.desk()


@pytest.fixture
def impatient(monkeypatch):
    """Nobody waits for a checkpoint that does not come."""
    monkeypatch.setattr(counted, "_LOOK_SECONDS", 0.001)
    monkeypatch.setattr(counted, "_LOOKS_MAX", 3)


def someone(house, desk, name, roles, admin=None):
    admin = admin or house.admin
    desk.ask(admin, "principal.create", name=name, roles=roles)
    return desk.ask(admin, "token.create", principal=name).token


def policy(notary):
    return Policy(tuple(keys.verifier(vkeys.parse(text)) for text in notary.vkeys))


def proven(notary, raw):
    """What a receipt proves: the entry. It is verified as an outsider does."""
    receipt = receipts.parse(raw)
    receipt.verify(leaf_hash(receipt.extra), policy(notary))
    return json.loads(receipt.extra)


def test_an_application_takes_the_receipt_of_its_own_request(house, desk, notary):
    request, _ = desk.reply(house.app, "key.encrypt", "demo", plaintext=b"x")
    notary.sign()
    entry = proven(notary, desk.ask(house.app, "receipt.read", request).content)
    assert (entry["request"], entry["action"], entry["principal"]) == (
        request,
        "key.encrypt",
        "app",
    )


def test_what_was_refused_has_a_receipt_too(house, desk, notary):
    request, reply = desk.reply(house.app, "key.disable", "demo")
    assert reply.code == "not-allowed"
    notary.sign()
    entry = proven(notary, desk.ask(house.app, "receipt.read", request).content)
    assert (entry["outcome"], entry["reason"]) == ("refused", "not-allowed")


def test_a_batch_has_one_receipt(house, desk, notary):
    items = [{"plaintext": b"x"}, {"plaintext": b"y"}]
    request, _ = desk.reply(house.app, "key.encrypt", "demo", items=items)
    notary.sign()
    entry = proven(notary, desk.ask(house.app, "receipt.read", request).content)
    assert entry["details"]["count"] == 2


def test_every_entry_of_a_log_is_proven_by_the_same_checkpoint(house, desk, notary):
    requests = [desk.reply(house.app, "identity.read")[0] for _ in range(300)]
    notary.sign()
    for request in (requests[0], requests[255], requests[-1]):
        assert proven(notary, desk.ask(house.app, "receipt.read", request).content)


def test_others_requests_are_for_who_may_read_the_log(house, desk, notary):
    request, _ = desk.reply(house.admin, "identity.read")
    notary.sign()
    auditor = someone(house, desk, "auditor", ["auditor"])
    assert proven(notary, desk.ask(auditor, "receipt.read", request).content)
    other = someone(house, desk, "other", ["key-user"])
    for caller in (house.app, other):
        assert desk.refusal(caller, "receipt.read", request) == "not-found"


def test_a_policy_may_grant_others_receipts_and_the_entry_names_it(house, desk, notary):
    request, _ = desk.reply(house.admin, "identity.read")
    notary.sign()
    text = 'permit (principal == Principal::"app", action == Action::"audit.read", resource);'
    desk.ask(house.admin, "policy.write", "mine", text=text)
    asked, _ = desk.reply(house.app, "receipt.read", request)
    (event,) = desk.ask(house.admin, "audit.read", request=asked).events
    assert event.policies == ["everybody", "policy:mine"]
    assert event.details == {"receipt": request, "position": 1}


def test_missing_foreign_and_others_look_the_same(house, desk, notary):
    foreign = desk.ask(house.admin, "namespace.create", name="other").token
    theirs, _ = desk.reply(foreign, "identity.read")
    others, _ = desk.reply(house.admin, "identity.read")
    nobodys, _ = desk.reply("srt_x", "identity.read")
    notary.sign()
    replies = []
    for request in (theirs, others, nobodys, "0" * 32, "f" * 32, "demo", ""):
        _, reply = desk.reply(house.app, "receipt.read", request)
        replies.append(msgspec.msgpack.encode(reply))
    assert len(set(replies)) == 1
    assert reply.code == "not-found"
    # And so it is for who may read the log of another namespace.
    assert desk.refusal(foreign, "receipt.read", others) == "not-found"


def test_what_an_auditor_lacked_is_on_record(house, desk, notary):
    others, _ = desk.reply(house.admin, "identity.read")
    notary.sign()
    asked, _ = desk.reply(house.app, "receipt.read", others)
    (event,) = desk.ask(house.admin, "audit.read", request=asked).events
    assert (event.outcome, event.reason) == ("refused", "not-found")
    assert "audit.read" in event.missing


def test_who_proved_nothing_gets_no_receipt_and_the_auditor_gets_theirs(house, desk, notary):
    nobodys, _ = desk.reply("srt_x", "key.encrypt", "demo", plaintext=b"x")
    notary.sign()
    assert desk.refusal("", "receipt.read", nobodys) == "unauthenticated"
    assert desk.refusal(house.app, "receipt.read", nobodys) == "not-found"
    auditor = someone(house, desk, "auditor", ["auditor"])
    entry = proven(notary, desk.ask(auditor, "receipt.read", nobodys).content)
    assert "principal" not in entry
    assert entry["reason"] == "unauthenticated"


def test_a_forbidding_policy_holds_for_receipts_too(house, desk, notary):
    request, _ = desk.reply(house.app, "identity.read")
    notary.sign()
    text = 'forbid (principal == Principal::"app", action == Action::"receipt.read", resource);'
    desk.ask(house.admin, "policy.write", "no", text=text)
    assert desk.refusal(house.app, "receipt.read", request) == "not-allowed"


def test_a_receipt_waits_for_its_checkpoint(house, desk, notary):
    async def both():
        request, _ = await desk.replied(house.app, "identity.read")
        (_, reply), _ = await asyncio.gather(
            desk.replied(house.app, "receipt.read", request), notary.work(0.3)
        )
        return reply

    assert at_once(both()).code == ""


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("counts", [False, None])
def test_without_a_checkpoint_that_counts_the_answer_is_to_come_again(house, desk, notary, counts):
    request, _ = desk.reply(house.app, "identity.read")
    if counts is not None:
        notary.sign(counts=counts)
    _, reply = desk.reply(house.app, "receipt.read", request)
    assert reply.code == "unavailable"
    assert "checkpoint" in reply.detail


@pytest.mark.usefixtures("impatient")
def test_an_older_checkpoint_does_not_cover_a_newer_entry(house, desk, notary):
    notary.sign()
    request, _ = desk.reply(house.app, "identity.read")
    assert desk.refusal(house.app, "receipt.read", request) == "unavailable"
    notary.sign()
    assert desk.refusal(house.app, "receipt.read", request) == ""


class Counting(DirectLedger):
    """Counts what it is asked."""

    looks = 0

    async def checkpoints(self):
        self.looks += 1
        return await super().checkpoints()


def test_those_who_wait_look_together(house, notary):
    ledger = Counting(house.store)
    desk = house.desk(ledger=ledger)

    async def all_of_them():
        request, _ = await desk.replied(house.app, "identity.read")
        asked = [desk.replied(house.app, "receipt.read", request) for _ in range(50)]
        *replies, _ = await asyncio.gather(*asked, notary.work(0.5))
        return [reply.code for _, reply in replies]

    assert at_once(all_of_them()) == [""] * 50
    assert ledger.looks < 12


def test_too_many_do_not_wait(house, desk, notary, monkeypatch):
    monkeypatch.setattr(limits, "RECEIPTS_WAITING_MAX", 2)

    async def all_of_them():
        request, _ = await desk.replied(house.app, "identity.read")
        asked = [desk.replied(house.app, "receipt.read", request) for _ in range(5)]
        *replies, _ = await asyncio.gather(*asked, notary.work(0.3))
        return sorted(reply.code for _, reply in replies)

    assert at_once(all_of_them()) == ["", "", "unavailable", "unavailable", "unavailable"]


def test_an_entry_that_was_edited_is_not_handed_out(house, desk, notary):
    request, _ = desk.reply(house.app, "key.encrypt", "demo", plaintext=b"x")
    notary.sign()
    assert desk.refusal(house.app, "receipt.read", request) == ""
    db = house.store._db
    db.execute(
        "UPDATE entries SET body = replace(body, 'key.encrypt', 'key.decrypt') WHERE request = ?",
        (request,),
    )
    assert desk.refusal(house.app, "receipt.read", request) == "tampered-record"
    (body,) = db.execute(
        "SELECT CAST(body AS BLOB) FROM entries WHERE request = ?", (request,)
    ).fetchone()
    db.execute("UPDATE entries SET leaf_hash = ? WHERE request = ?", (leaf_hash(body), request))
    # Together with its hash: it does not lead to what is signed.
    assert desk.refusal(house.app, "receipt.read", request) == "tampered-record"


def test_an_edited_column_gives_nobody_a_foreign_receipt(house, desk, notary):
    others, _ = desk.reply(house.admin, "identity.read")
    notary.sign()
    house.store._db.execute("UPDATE entries SET principal = 'app' WHERE request = ?", (others,))
    assert desk.refusal(house.app, "receipt.read", others) == "not-found"


@pytest.mark.usefixtures("impatient")
def test_a_checkpoint_of_other_keys_is_none(house, desk, notary, tmp_path):
    request, _ = desk.reply(house.app, "identity.read")
    note = notary.sign()
    other = House(tmp_path / "other.db")
    try:
        stranger = SignsAtOnce(other.store, SoftwareProvider(Sensitive(other.root)))
        forged = stranger.sign()
    finally:
        other.store.close()
    last = b"AAA=\n" if not note.endswith(b"AAA=\n") else b"AAE=\n"
    for wrong in (forged, note[:-5] + last, b"nonsense"):
        house.store._db.execute("UPDATE checkpoints SET note = ?", (wrong,))
        assert house.desk().refusal(house.app, "receipt.read", request) == "unavailable"


def test_the_keys_are_for_everybody_who_proved_an_identity(house, desk, notary):
    auditor = someone(house, desk, "nobody-much", [])
    for caller in (auditor, house.app, house.admin):
        view = desk.ask(caller, "audit.read-keys")
        assert view.keys == list(notary.vkeys)
        assert (view.origin, view.generation, view.former) == (notary.body().name, 1, [])
    assert desk.refusal("", "audit.read-keys") == "unauthenticated"


def test_a_receipt_is_none_under_other_keys(house, desk, notary, tmp_path):
    request, _ = desk.reply(house.app, "identity.read")
    notary.sign()
    receipt = receipts.parse(desk.ask(house.app, "receipt.read", request).content)
    other = House(tmp_path / "other.db")
    try:
        stranger = SignsAtOnce(other.store, SoftwareProvider(Sensitive(other.root)))
        with pytest.raises(TlogError):
            receipt.verify(leaf_hash(receipt.extra), policy(stranger))
    finally:
        other.store.close()
