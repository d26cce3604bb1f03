"""One-time passwords by the Python client, each duty done by who has it."""

import asyncio
import time
from types import SimpleNamespace

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from strongroom.client import AsyncClient, Client, InvalidArgumentError, ProblemError, otp
from strongroom.domain.otp import otpauth
from strongroom.domain.otp.asks import AttemptItem, Filter, ImportItem, WriteProfile
from tests.support.hpke import X25519, unseal
from tests.support.otp import STEP_US, hotp, totp, wrong

DUTIES = ("enroller", "verifier", "helpdesk", "officer", "migrator")
SECRET = b"12345678901234567890"
AES_256_GCM = 2  # RFC 9180, 7.3


@pytest.fixture(scope="module")
def bank(server):
    """A client for each duty; `tokens` has their tokens."""
    with Client(server.url, server.admin) as admin:
        for duty in DUTIES:
            admin.create_principal(duty, roles=[f"otp-{duty}"])
        tokens = {duty: admin.create_token(duty).token for duty in DUTIES}
    clients = {duty: Client(server.url, token) for duty, token in tokens.items()}
    yield SimpleNamespace(**clients, tokens=tokens)
    for client in clients.values():
        client.close()


def now_us():
    return time.time_ns() // 1000


def imported(bank, **fields):
    """The id of a credential of a known secret: HOTP, so that no code depends on the time."""
    item = ImportItem(**{"secret": SECRET, "user": "alice", "type": "hotp", **fields})
    (made,) = bank.migrator.otp.import_credentials([item]).items
    assert made.error is None
    return made.id


def code(counter):
    return hotp(SECRET, counter)


def unsealed(private, sealed, info):
    """What was sealed to a key pair of X25519."""
    return unseal(X25519, AES_256_GCM, private.private_bytes_raw(), sealed, info)


def test_a_credential_from_its_enrolment_to_its_end(bank):
    enrolled = bank.enroller.otp.enrol("bob", account="bob@example.com", issuer="Example Bank")
    name = enrolled.credential.id
    assert not bank.verifier.otp.verify(name, "000000")
    told = bank.enroller.otp.fetch(enrolled.link.token)
    assert (told.id, told.account, told.issuer) == (name, "bob@example.com", "Example Bank")
    secret = otpauth.parse(told.uri).secret.reveal()
    now = now_us()
    # A step may end while this runs: these are within the window then, too.
    first, second = totp(secret, now), totp(secret, now + STEP_US)
    others = [totp(secret, now + steps * STEP_US) for steps in (-1, 2)]
    assert not bank.enroller.otp.activate(name, wrong(first, second, *others))
    assert bank.enroller.otp.activate(name, first)
    assert bank.verifier.otp.verify(name, second)
    assert not bank.verifier.otp.verify(name, second)
    rotated = bank.enroller.otp.rotate(name, issuer="Example Bank")
    assert (rotated.credential.generation, rotated.credential.rotating) == (2, True)
    assert bank.helpdesk.otp.suspend(name).state == "suspended"
    assert bank.helpdesk.otp.resume(name).state == "active"
    assert bank.helpdesk.otp.unlock(name).failures == 0
    assert bank.officer.otp.revoke(name).credential.state == "revoked"
    ended = bank.officer.otp.destroy(name)
    assert ended.credential.state == "destroyed"
    assert bank.officer.read_receipt(ended.receipt).content.startswith(b"c2sp.org/tlog-proof@v1")


def test_a_link_that_is_lost_is_replaced(bank):
    made = bank.enroller.otp.enrol("carol", delivery="later")
    assert made.link is None
    first = bank.enroller.otp.link(made.credential.id, account="carol").link
    second = bank.enroller.otp.link(made.credential.id, account="carol").link
    with pytest.raises(ProblemError, match="used up or expired") as caught:
        bank.enroller.otp.fetch(first.token)
    assert caught.value.code == "gone"
    assert bank.enroller.otp.fetch(second.token).account == "carol"
    with pytest.raises(ProblemError):
        bank.enroller.otp.fetch(second.token)


def test_a_secret_is_sealed_to_a_device(bank):
    private = X25519PrivateKey.generate()
    public = private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    made = bank.enroller.otp.enrol("dave", delivery="sealed", device_key=public)
    sealed = made.sealed
    secret = unsealed(private, sealed.sealed, sealed.info)
    now = now_us()
    assert bank.enroller.otp.activate(made.credential.id, totp(secret, now))


def test_codes_of_many_are_verified_at_once(bank):
    first, second = imported(bank, serial="m1"), imported(bank, serial="m2")
    items = [
        AttemptItem(id=first, code=code(0)), AttemptItem(id=second, code=wrong(code(0))),
        AttemptItem(id=first, code=code(0)),
    ]  # fmt: skip
    found = bank.verifier.otp.verify_many(items).items
    assert [(each.id, bool(each)) for each in found] == [
        (first, True), (second, False), (first, False),
    ]  # fmt: skip


def test_a_code_of_any_credential_of_a_user(bank):
    name = imported(bank, user="erin", serial="e1")
    assert not bank.verifier.otp.verify_user("erin", wrong(*map(code, range(20))))
    found = bank.verifier.otp.verify_user("erin", code(1))
    assert (found.valid, found.id) == (True, name)
    assert not bank.verifier.otp.verify_user("nobody", code(2))


def test_a_device_is_found_again(bank):
    name = imported(bank, serial="r1")
    assert not bank.helpdesk.otp.resync(name, code(60), code(62))
    assert bank.helpdesk.otp.resync(name, code(60), code(61))
    assert bank.verifier.otp.verify(name, code(62))


def test_a_challenge_is_asked(bank):
    name = imported(bank, serial="o1", type="ocra", suite="OCRA-1:HOTP-SHA1-6:QN08")
    asked = bank.verifier.otp.challenge(name, transaction={"amount": "1"})
    answer = {"challenge": asked.challenge, "transaction": {"amount": "2"}}
    assert asked.suite == "OCRA-1:HOTP-SHA1-6:QN08"
    assert not bank.verifier.otp.verify(name, "000000", **answer)


def test_a_code_is_shown_to_nobody_without_a_policy(bank):
    name = imported(bank, serial="c1")
    with pytest.raises(ProblemError) as caught:
        bank.verifier.otp.compute(name)
    assert caught.value.code == "not-allowed"


def test_credentials_are_listed_by_what_they_are(bank):
    name = imported(bank, user="frank", serial="f1")
    (found,) = bank.helpdesk.otp.list_credentials(user="frank").items
    assert found == bank.helpdesk.otp.read(name)
    listed = bank.helpdesk.otp.list_credentials
    assert [each.id for each in listed(serial="f1", imported=True).items] == [name]
    assert listed(serial="f1", imported=False).items == []
    assert listed(user="frank", locked=True).items == []
    assert listed(user="frank", created_before="2020-01-01T00:00:00Z").items == []
    page = listed(limit=1)
    assert (len(page.items), bool(page.next_page_token)) == (1, True)


def test_secrets_are_taken_out_sealed(bank):
    name = imported(bank, user="grace", serial="g1", counter=7)
    private = X25519PrivateKey.generate()
    public = private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    page = bank.migrator.otp.export_credentials(public, matching=Filter(user="grace"))
    (taken,) = page.items
    assert (taken.credential.id, taken.counter) == (name, 7)
    assert unsealed(private, taken.sealed, taken.info) == SECRET


def test_the_same_imported_again_is_there(bank):
    item = ImportItem(secret=SECRET, user="heidi", type="hotp", serial="h1")
    first = bank.migrator.otp.import_credentials([item]).items
    again = bank.migrator.otp.import_credentials([item]).items
    assert [first[0].created, again[0].created] == [True, False]
    assert first[0].id == again[0].id


def test_a_profile_is_written_and_deleted(bank):
    made = bank.officer.otp.write_profile("cards", WriteProfile(digits=8, lockout="lock"))
    assert (made.digits, made.lockout, made.revision) == (8, "lock", 1)
    assert [each.name for each in bank.officer.otp.list_profiles().items] == ["cards", "default"]
    bank.officer.otp.delete_profile("cards")
    assert [each.name for each in bank.officer.otp.list_profiles().items] == ["default"]


def test_a_job_is_paused_and_cancelled(bank):
    made = bank.officer.otp.create_job("suspend", Filter(serial="x"), description="a drill")
    assert (made.action, made.state) == ("suspend", "running")
    paused = bank.officer.otp.update_job(made.id, state="paused", per_second=5)
    assert (paused.state, paused.per_second) == ("paused", 5)
    assert bank.officer.otp.update_job(made.id, state="cancelled").state == "cancelled"
    assert bank.officer.otp.read_job(made.id).state == "cancelled"
    assert made.id in {each.id for each in bank.officer.otp.list_jobs().items}
    with pytest.raises(ProblemError, match="give a filter"):
        bank.officer.otp.create_job("suspend")


def test_it_is_the_same_without_waiting(server, bank):
    name = imported(bank, user="ivan", serial="i1")

    async def asked():
        async with AsyncClient(server.url, bank.tokens["verifier"]) as client:
            return [bool(await client.otp.verify(name, code(0))) for _ in range(2)]

    assert asyncio.run(asked()) == [True, False]


def test_what_can_be_no_id_is_not_sent(bank):
    for name in ("", "../keys", "otp-a/verify", "otp-é"):
        with pytest.raises(InvalidArgumentError, match="not an id"):
            bank.verifier.otp.verify(name, "123456")


def test_neither_a_code_nor_a_links_token_is_shown_in_a_call():
    assert "492039" not in repr(otp.verify("otp-a", "492039"))
    assert "otl_" not in repr(otp.fetch("otl_secret"))
