"""What becomes of a credential: each step from each state, at once everywhere; the end for good."""

import json

import pytest

from strongroom.adapters.direct_ledger import DirectLedger
from strongroom.adapters.software import SoftwareProvider
from strongroom.domain.otp.credential import State, parse
from strongroom.domain.otp.profile import Lockout
from strongroom.domain.sensitive import Sensitive
from strongroom.tlog import keys, receipts, vkeys
from strongroom.tlog.merkle import leaf_hash
from strongroom.tlog.policies import Policy
from tests.support.otp import SECOND_US
from tests.support.signs_at_once import SignsAtOnce

# Each step, who takes it, and where it leads from each state; what is absent is refused.
STEPS = {
    "suspend": ("helpdesk", {"pending": "suspended", "active": "suspended"}),
    "resume": ("helpdesk", {"suspended": "active"}),
    "unlock": (
        "helpdesk",
        {"pending": "pending", "active": "active", "suspended": "suspended"},
    ),
    "revoke": (
        "officer",
        {"pending": "revoked", "active": "revoked", "suspended": "revoked"},
    ),
    "destroy": (
        "officer",
        {
            "pending": "destroyed", "active": "destroyed", "suspended": "destroyed",
            "revoked": "destroyed",
        },
    ),
}  # fmt: skip


@pytest.mark.parametrize("step", STEPS)
def test_each_step_leads_from_each_state_where_the_table_says(bank, step):
    who, leads = STEPS[step]
    for state in State:
        proved = state is not State.PENDING
        secrets = {"secrets": ()} if state is State.DESTROYED else {}
        name = bank.credential(proved=proved)
        bank.change(name, state=state, **secrets)
        before = bank.held(name)
        code = bank.desk.refusal(getattr(bank, who), f"otp.{step}", name)
        if state in leads:
            assert (code, bank.held(name).state) == ("", leads[state])
        else:
            assert (code, bank.held(name)) == ("key-not-usable", before)


def test_a_refusal_names_the_state(bank):
    name = bank.credential(state=State.SUSPENDED)
    _, reply = bank.desk.reply(bank.helpdesk, "otp.suspend", name)
    assert "suspended" in reply.detail
    (entry,) = (entry for entry in bank.entries("otp.suspend"))
    assert (entry["outcome"], entry["reason"]) == ("refused", "key-not-usable")


def test_what_was_never_proved_is_pending_again(bank):
    name, _ = bank.enrolled()
    assert bank.desk.ask(bank.helpdesk, "otp.suspend", name).state == "suspended"
    assert bank.desk.ask(bank.helpdesk, "otp.resume", name).state == "pending"


def test_a_step_holds_at_once_at_every_other_desk(bank):
    other = bank.house.desk()
    name = bank.credential()
    assert bank.verify(name, bank.code(), other)
    for step, works in (("suspend", False), ("resume", True), ("suspend", False)):
        bank.pass_(60)
        bank.desk.ask(bank.helpdesk, f"otp.{step}", name)
        assert bank.verify(name, bank.code(), other) is works
    bank.desk.ask(bank.officer, "otp.revoke", name)
    bank.pass_(60)
    assert not bank.verify(name, bank.code(), other)


def test_unlocking_forgets_failures_delay_and_lock(bank):
    bank.profile(lock_limit=2, lockout=Lockout.LOCK)
    name = bank.credential()
    for _ in range(3):
        bank.verify(name, "12345x")
    assert bank.why(name, bank.code()) == "locked"
    view = bank.desk.ask(bank.helpdesk, "otp.read", name)
    assert (view.locked, view.failures, view.reminders) == (True, 2, ["locked"])
    view = bank.desk.ask(bank.helpdesk, "otp.unlock", name)
    assert (view.locked, view.failures, view.delayed_until) == (False, 0, "")
    assert bank.verify(name, bank.code())


def test_neither_time_nor_resuming_unlocks(bank):
    bank.house.lasting()
    name = bank.credential(locked=True)
    bank.desk.ask(bank.helpdesk, "otp.suspend", name)
    bank.desk.ask(bank.helpdesk, "otp.resume", name)
    bank.pass_(90 * 86_400)
    assert bank.why(name, bank.code()) == "locked"


# --- the end --------------------------------------------------------------------------------------


def test_a_revoked_one_never_works_again(bank):
    name = bank.credential(new=b"n" * 20)
    ended = bank.desk.ask(bank.officer, "otp.revoke", name)
    view = ended.credential
    assert (view.state, view.ended, view.receipt) == (
        "revoked", "2026-09-21T14:13:20.000000Z", ended.receipt,
    )  # fmt: skip
    assert bank.last("otp.revoke") == {"generations": 2}
    for code in (bank.code(), bank.code(secret=b"n" * 20)):
        assert bank.why(name, code) == "revoked"
    for token, step in (
        (bank.helpdesk, "resume"), (bank.enroller, "rotate"), (bank.enroller, "link"),
        (bank.officer, "revoke"),
    ):  # fmt: skip
        assert bank.desk.refusal(token, f"otp.{step}", name) == "key-not-usable"


def test_a_destroyed_ones_secrets_are_in_no_file_any_more(bank):
    name = bank.credential(new=b"n" * 20)
    made = bank.desk.ask(bank.enroller, "otp.rotate", name, account="MARKER")
    body = bank.held(name).body
    gone = [secret.wrapped for secret in body.secrets] + [body.link.label, body.link.hash]
    assert all(part in bank.files() for part in gone)
    ended = bank.desk.ask(bank.officer, "otp.destroy", name)
    files = bank.files()
    assert not [part for part in gone if part in files]
    assert bank.desk.refusal("", "otp.fetch", token=made.link.token) == "gone"
    # The record of it stays.
    view = bank.desk.ask(bank.officer, "otp.read", name)
    assert view == ended.credential
    assert (view.state, view.generation, view.type, view.subject, view.receipt) == (
        "destroyed", 0, "totp", bank.held(name).user.hex(), ended.receipt,
    )  # fmt: skip
    assert bank.held(name).body.ended_s == bank.clock.now // SECOND_US
    assert bank.last("otp.destroy") == {"generations": 2}


def test_what_was_revoked_first_ends_when_it_is_destroyed(bank):
    name = bank.credential()
    revoked = bank.desk.ask(bank.officer, "otp.revoke", name)
    bank.pass_(60)
    destroyed = bank.desk.ask(bank.officer, "otp.destroy", name)
    assert destroyed.receipt != revoked.receipt
    assert destroyed.credential.ended > revoked.credential.ended


def test_the_receipt_of_a_destruction_proves_what_and_when(bank):
    name = bank.credential()
    ended = bank.desk.ask(bank.officer, "otp.destroy", name)
    notary = SignsAtOnce(bank.store, SoftwareProvider(Sensitive(bank.house.root)))
    notary.sign()
    raw = bank.desk.ask(bank.officer, "receipt.read", ended.receipt).content
    receipt = receipts.parse(raw)
    policy = Policy(tuple(keys.verifier(vkeys.parse(text)) for text in notary.vkeys))
    receipt.verify(leaf_hash(receipt.extra), policy)
    entry = json.loads(receipt.extra)
    assert (entry["action"], entry["object"], entry["outcome"], entry["principal"]) == (
        "otp.destroy", f"otp/{name}", "allowed", "officer",
    )  # fmt: skip
    page = bank.store.entries(ended.position, 1)
    assert page[0].body == receipt.extra


def test_one_that_is_destroyed_while_it_is_resumed_stays_destroyed(bank):
    class Between(DirectLedger):
        async def commit(self, commit):
            if commit.entry.action == "otp.resume" and bank.held(name).state is State.SUSPENDED:
                bank.change(name, state=State.DESTROYED, secrets=())
            return await super().commit(commit)

    name = bank.credential(state=State.SUSPENDED)
    desk = bank.house.desk(ledger=Between(bank.store))
    assert desk.refusal(bank.helpdesk, "otp.resume", name) == "key-not-usable"
    assert bank.held(name).state is State.DESTROYED


def test_an_attempt_meanwhile_does_not_keep_anybody_from_stopping_it(bank):
    """The row moves with every attempt: the step is taken on what is there then."""
    tries = []

    class Between(DirectLedger):
        async def commit(self, commit):
            if commit.entry.action == "otp.suspend" and len(tries) < 5:
                tries.append(bank.held(name).body.failures)
                bank.change(name, failures=len(tries))
            return await super().commit(commit)

    name = bank.credential()
    desk = bank.house.desk(ledger=Between(bank.store))
    assert desk.ask(bank.helpdesk, "otp.suspend", name).state == "suspended"
    assert (bank.held(name).body.failures, len(tries)) == (5, 5)


@pytest.mark.parametrize("target", ["otp-" + "a" * 26, "otp-" + "a" * 25 + "b", "demo", "-"])
def test_what_is_not_there_is_not_found(bank, target):
    for step, (who, _) in STEPS.items():
        assert bank.desk.refusal(getattr(bank, who), f"otp.{step}", target) == "not-found"


def test_nor_is_anothers(bank):
    foreign = bank.desk.ask(bank.admin, "namespace.create", name="other").token
    bank.desk.ask(foreign, "principal.create", name="officer", roles=["otp-officer"])
    officer = bank.desk.ask(foreign, "token.create", principal="officer").token
    name = bank.credential()
    for step in ("suspend", "revoke", "destroy", "read"):
        assert bank.desk.refusal(officer, f"otp.{step}", name) == "not-found"
    assert bank.held(name).revision == 1
    assert bank.store.credentials(bank.house.first, [parse(name)])[0] is not None
