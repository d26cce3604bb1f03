"""A link opens once, for one; whatever else is shown of a link is refused, all in one word."""

import asyncio
import base64

import msgspec
import pytest

from strongroom.adapters.direct_ledger import DirectLedger
from strongroom.adapters.sqlite.store import SQLiteStore
from strongroom.domain.calls import ANSWER_DECODERS
from strongroom.domain.errors import Unavailable
from strongroom.domain.otp import links, otpauth
from strongroom.domain.otp.credential import State, parse
from strongroom.ports.store import Move
from tests.support.desks import START_US, at_once
from tests.support.notaries import Signed
from tests.support.otp import SECRET, Bank, secret_of, totp


def fetch(bank, token, desk=None, evidence=""):
    """The reply to who shows that token; nothing of it names a request."""
    return (desk or bank.desk).reply(evidence, "otp.fetch", token=token)[1]


def linked(bank, name, **fields):
    """A new link's token."""
    return bank.desk.ask(bank.enroller, "otp.link", name, **fields).link.token


# --- what it shows --------------------------------------------------------------------------------


def test_a_link_shows_what_an_authenticator_takes(bank):
    made = bank.enrol(account="alice@example.org", issuer="My Bank")
    found = bank.fetch(made.link.token)
    uri = otpauth.parse(found.uri)
    assert (uri.account, uri.issuer) == ("alice@example.org", "My Bank")
    assert (uri.type, uri.hash, uri.digits, uri.period) == ("totp", "SHA1", 6, 30)
    assert uri.secret.reveal() == secret_of(found)
    assert (found.id, found.counter) == (made.credential.id, 0)
    assert made.link.path == f"/enrol/{made.link.token}"


def test_an_account_without_a_name_is_called_as_the_credential(bank):
    made = bank.enrol()
    found = bank.fetch(made.link.token)
    assert (found.account, found.issuer) == (made.credential.id, "")
    assert otpauth.parse(found.uri).account == made.credential.id


def test_of_ocra_there_is_no_uri(bank):
    found = bank.fetch(bank.enrol(type="ocra", suite="OCRA-1:HOTP-SHA1-6:QN08").link.token)
    assert (found.uri, found.suite) == ("", "OCRA-1:HOTP-SHA1-6:QN08")
    assert len(secret_of(found)) == 20


def test_handing_it_out_is_on_record_without_anything_secret(bank):
    made = bank.enrol()
    found = bank.fetch(made.link.token)
    (entry,) = bank.entries("otp.fetch")
    assert entry["object"] == f"otp/{made.credential.id}"
    assert not {"principal", "token"} & entry.keys()
    assert (entry["details"], entry["version"]) == ({"generation": 1}, 1)
    for secret in (made.link.token, made.link.token[-20:], found.key):
        assert secret not in repr(bank.entries())


# --- once -----------------------------------------------------------------------------------------


def test_it_opens_once(bank):
    made = bank.enrol()
    assert fetch(bank, made.link.token).code == ""
    assert [fetch(bank, made.link.token).code for _ in range(3)] == ["gone"] * 3
    body = bank.held(made.credential.id).body
    assert (body.link, body.newest.shown) == (None, True)


class Slow(DirectLedger):
    """A ledger that lets others in between, as one behind a wire does."""

    async def credentials(self, namespace, ids):
        rows = await super().credentials(namespace, ids)
        await asyncio.sleep(0)
        return rows

    async def commit(self, commit):
        await asyncio.sleep(0)
        return await super().commit(commit)


def test_of_a_thousand_who_open_it_at_once_one_is_served(bank):
    made = bank.enrol()
    desks = [bank.house.desk(ledger=Slow(bank.store)) for _ in range(4)]

    async def all_of_them():
        return await asyncio.gather(
            *(
                desks[number % 4].replied("", "otp.fetch", token=made.link.token)
                for number in range(1_000)
            )
        )

    replies = [reply for _, reply in at_once(all_of_them())]
    served = [reply for reply in replies if not reply.code]
    assert len(served) == 1
    assert {reply.code for reply in replies} <= {"", "gone", "unavailable"}
    decode = ANSWER_DECODERS["otp.fetch"][0].decode
    assert len(secret_of(decode(served[0].answer))) == 20
    outcomes = [entry["outcome"] for entry in bank.entries("otp.fetch")]
    assert outcomes.count("allowed") == 1


def test_after_a_crash_between_the_commit_and_the_answer_it_is_used_up(bank):
    """Nobody was served, perhaps; but nobody is served twice."""

    class Crashing(DirectLedger):
        async def commit(self, commit):
            await super().commit(commit)
            raise Unavailable

    made = bank.enrol()
    desk = bank.house.desk(ledger=Crashing(bank.store))
    assert fetch(bank, made.link.token, desk).code == "unavailable"
    bank.store.close()
    bank.house.store = SQLiteStore.open(bank.house.path)
    bank.desk = bank.house.desk()
    assert fetch(bank, made.link.token).code == "gone"


def test_what_is_not_kept_is_not_shown(bank):
    class Broken(DirectLedger):
        async def commit(self, commit):
            raise Unavailable

    made = bank.enrol()
    reply = fetch(bank, made.link.token, bank.house.desk(ledger=Broken(bank.store)))
    assert (reply.code, reply.answer) == ("unavailable", b"")
    assert fetch(bank, made.link.token).code == ""


def test_one_that_is_suspended_meanwhile_shows_nothing(bank):
    class Between(DirectLedger):
        async def commit(self, commit):
            if commit.entry.action == "otp.fetch" and bank.held(name).state is State.PENDING:
                bank.change(name, state=State.SUSPENDED)
            return await super().commit(commit)

    made = bank.enrol()
    name = made.credential.id
    assert fetch(bank, made.link.token, bank.house.desk(ledger=Between(bank.store))).code == "gone"


# --- whatever else --------------------------------------------------------------------------------


def altered(token):
    """A token of the right form that differs in its secret."""
    named = links.parse(token)
    return links.spell(named.namespace, named.credential, b"x" * links.SECRET_BYTES)


def test_all_that_is_no_open_link_is_refused_alike(bank):
    used, stopped, late, replaced, revoked, good = (bank.enrol() for _ in range(6))
    fetch(bank, used.link.token)
    bank.desk.ask(bank.helpdesk, "otp.suspend", stopped.credential.id)
    bank.desk.ask(bank.officer, "otp.revoke", revoked.credential.id)
    linked(bank, replaced.credential.id)
    named = links.parse(good.link.token)
    tokens = {
        "empty": "",
        "nonsense": "nonsense",
        "no link": "srt_" + good.link.token[4:],
        "too short": good.link.token[:-1],
        "another letter": good.link.token[:-1] + ("A" if good.link.token[-1] != "A" else "E"),
        "padded": good.link.token + "=",
        "full width": "\uff4f" + good.link.token[1:],
        "wrong secret": altered(good.link.token),
        "no such credential": links.spell(named.namespace, b"x" * 16, b"x" * 32),
        "no such namespace": links.spell(b"x" * 16, named.credential, b"x" * 32),
        "used": used.link.token,
        "suspended": stopped.link.token,
        "revoked": revoked.link.token,
        "replaced": replaced.link.token,
    }
    replies = {what: fetch(bank, token) for what, token in tokens.items()}
    bank.pass_(15 * 60)
    replies["expired"] = fetch(bank, late.link.token)
    assert {msgspec.msgpack.encode(reply) for reply in replies.values()} == {
        msgspec.msgpack.encode(replies["nonsense"])
    }
    assert replies["nonsense"].code == "gone"
    # Each refusal is on record; what was shown is not.
    refusals = [entry for entry in bank.entries("otp.fetch") if entry["outcome"] == "refused"]
    assert [entry["reason"] for entry in refusals] == ["gone"] * len(tokens | {"expired": ""})
    assert not any(token and token in repr(refusals) for token in tokens.values())


def test_a_wrong_one_uses_the_right_one_not_up(bank):
    made = bank.enrol()
    for _ in range(20):
        assert fetch(bank, altered(made.link.token)).code == "gone"
    assert fetch(bank, made.link.token).code == ""


def test_it_is_open_for_as_long_as_the_profile_says(bank):
    bank.profile(link_seconds=60)
    early, late = bank.enrol(), bank.enrol()
    assert early.link.expires == early.credential.link_expires
    bank.clock.now += 60_000_000 - 1
    assert fetch(bank, early.link.token).code == ""
    bank.clock.now += 1
    assert fetch(bank, late.link.token).code == "gone"
    bank.clock.now = START_US - 10**9  # a clock that went back opens it again, for it was not used
    assert fetch(bank, early.link.token).code == "gone"


def test_a_suspended_ones_link_opens_again_when_it_is_resumed(bank):
    made = bank.enrol()
    bank.desk.ask(bank.helpdesk, "otp.suspend", made.credential.id)
    assert fetch(bank, made.link.token).code == "gone"
    bank.desk.ask(bank.helpdesk, "otp.resume", made.credential.id)
    assert fetch(bank, made.link.token).code == ""


def test_a_link_needs_nothing_but_itself_and_nothing_else_opens_it(bank):
    made = bank.enrol()
    for evidence in (bank.officer, bank.admin):
        assert fetch(bank, altered(made.link.token), evidence=evidence).code == "gone"
    assert fetch(bank, made.link.token, evidence="nonsense").code == ""


def test_an_edited_row_shows_nothing(bank):
    made = bank.enrol()
    (row,) = bank.store.credentials(bank.house.first, [parse(made.credential.id)])
    bank.keep(Move(msgspec.structs.replace(row, mac=bytes(16)), row.revision))
    assert fetch(bank, made.link.token).code == "tampered-record"


def test_anothers_link_in_a_row_does_not_open_it(bank):
    """Somebody who could even make MACs: the token names the credential that it opens."""
    mine, theirs = bank.enrol(), bank.enrol()
    bank.change(theirs.credential.id, link=bank.held(mine.credential.id).body.link)
    named, other = links.parse(mine.link.token), links.parse(theirs.link.token)
    raw = base64.urlsafe_b64decode(mine.link.token[4:] + "==")
    forged = links.spell(named.namespace, other.credential, raw[32:])
    assert fetch(bank, forged).code == "gone"


def test_after_a_restore_no_link_of_before_opens(tmp_path):
    signed = Signed(tmp_path / "house")
    try:
        signed.house.lasting()
        signed.use(2)
        signed.sign()
        bank = Bank.of(signed.house)
        made, used = bank.enrol(), bank.enrol()
        copy = signed.backup()
        assert fetch(bank, used.link.token).code == ""
        signed.use(1)
        signed.sign()
        signed.restore(copy)
        signed.accept()
        bank.desk = signed.desk
        assert fetch(bank, used.link.token).code == "gone"
        assert fetch(bank, made.link.token).code == "gone"
        assert fetch(bank, linked(bank, made.credential.id)).code == ""
    finally:
        signed.close()


# --- a new link -----------------------------------------------------------------------------------


def test_a_secret_that_nobody_saw_gets_a_new_link_and_the_old_one_is_void(bank):
    made = bank.enrol()
    token = linked(bank, made.credential.id, account="alice")
    assert bank.last("otp.link")["renewed"] == 0
    assert fetch(bank, made.link.token).code == "gone"
    found = bank.fetch(token)
    assert found.account == "alice"
    assert bank.held(made.credential.id).body.newest.generation == 1


def test_one_that_somebody_saw_gives_way_to_a_new_one(bank):
    name, first = bank.enrolled()
    second = secret_of(bank.fetch(linked(bank, name)))
    assert bank.last("otp.link")["renewed"] == 1
    assert first != second
    held = bank.held(name)
    assert [secret.generation for secret in held.body.secrets] == [2]
    old, new = (totp(secret, bank.clock.now) for secret in (first, second))
    assert not bank.desk.ask(bank.enroller, "otp.activate", name, code=old).active
    assert bank.desk.ask(bank.enroller, "otp.activate", name, code=new).active


def test_one_that_is_in_use_gets_no_link(bank):
    name = bank.credential()
    assert bank.desk.refusal(bank.enroller, "otp.link", name) == "key-not-usable"
    assert bank.held(name).revision == 1


@pytest.mark.parametrize("state", [State.SUSPENDED, State.REVOKED, State.DESTROYED])
def test_nor_does_one_that_is_stopped(bank, state):
    name = bank.credential(state=state, proved=False)
    assert bank.desk.refusal(bank.enroller, "otp.link", name) == "key-not-usable"


def test_a_link_is_asked_for_now(bank):
    name = bank.enrol(delivery="later").credential.id
    refusal = bank.desk.refusal(bank.enroller, "otp.link", name, delivery="later")
    assert refusal == "invalid-request"


def test_of_what_is_not_there_or_is_anothers_there_is_none(bank):
    foreign = bank.desk.ask(bank.admin, "namespace.create", name="other").token
    bank.desk.ask(foreign, "principal.create", name="enroller", roles=["otp-enroller"])
    enroller = bank.desk.ask(foreign, "token.create", principal="enroller").token
    name = bank.enrol().credential.id
    for token, target in ((enroller, name), (bank.enroller, "otp-" + "a" * 26)):
        for operation in ("otp.link", "otp.rotate", "otp.read"):
            assert bank.desk.refusal(token, operation, target) == "not-found"


def test_an_open_link_of_a_secret_that_is_known_stays_what_it_was(bank):
    """Reading a credential, or a wrong code for it, leaves its link as it is."""
    made = bank.enrol()
    bank.desk.ask(bank.helpdesk, "otp.read", made.credential.id)
    bank.verify(made.credential.id, totp(SECRET, bank.clock.now))
    assert fetch(bank, made.link.token).code == ""
