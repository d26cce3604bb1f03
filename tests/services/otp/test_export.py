"""Secrets go out sealed to one key, named on record, and not before."""

import hashlib

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from strongroom.adapters.direct_ledger import DirectLedger
from strongroom.domain.errors import Unavailable
from strongroom.domain.otp.credential import State, Type, parse
from tests.support import hpke
from tests.support.notaries import Signed
from tests.support.otp import SECRET, Bank, hotp

_AES_256 = 2


class Recipient:
    """Who has the private key."""

    def __init__(self):
        private = X25519PrivateKey.generate()
        self.raw = private.private_bytes_raw()
        self.public = private.public_key().public_bytes(
            Encoding.DER, PublicFormat.SubjectPublicKeyInfo
        )

    def opens(self, item):
        return hpke.unseal(hpke.X25519, _AES_256, self.raw, item.sealed, item.info)


@pytest.fixture
def recipient():
    return Recipient()


def exported(bank, recipient, **fields):
    return bank.desk.ask(bank.migrator, "otp.export", public_key=recipient.public, **fields)


def test_only_the_recipient_opens_what_is_exported(bank, recipient):
    name = bank.credential(serial="S-1")
    (item,) = exported(bank, recipient).items
    assert recipient.opens(item) == SECRET
    assert item.credential == bank.desk.ask(bank.migrator, "otp.read", name)
    with pytest.raises(InvalidTag):
        Recipient().opens(item)


def test_what_is_sealed_says_of_which_credential_and_generation_it_is(bank, recipient):
    names = sorted((bank.credential(), bank.credential()), key=parse)
    items = exported(bank, recipient).items
    assert [item.info for item in items] == [
        f"strongroom/otp-export/1/{name}/1".encode() for name in names
    ]
    with pytest.raises(InvalidTag):
        hpke.unseal(hpke.X25519, _AES_256, recipient.raw, items[0].sealed, items[1].info)


def test_it_is_on_record_which_went_out_and_to_which_key(bank, recipient):
    names = sorted((bank.credential() for _ in range(3)), key=parse)
    exported(bank, recipient)
    assert bank.last("otp.export") == {
        "count": 3, "recipient": hashlib.sha256(recipient.public).hexdigest(), "items": names,
    }  # fmt: skip


def test_nothing_goes_out_before_it_is_on_record(bank, recipient):
    class Broken(DirectLedger):
        async def commit(self, commit):
            raise Unavailable

    bank.credential()
    desk = bank.house.desk(ledger=Broken(bank.store))
    _, reply = desk.reply(bank.migrator, "otp.export", public_key=recipient.public)
    assert (reply.code, reply.answer) == ("unavailable", b"")


def test_a_page_at_a_time_all_that_a_filter_means(bank, recipient):
    names = {bank.credential(SECRET + bytes([n]), user="bob"): n for n in range(5)}
    bank.credential(user="carol")
    token, found = "", {}
    while not found or token:
        page = exported(bank, recipient, user="bob", limit=2, page_token=token)
        found |= {item.credential.id: recipient.opens(item) for item in page.items}
        token = page.next_page_token
    assert found == {name: SECRET + bytes([n]) for name, n in names.items()}


def test_what_was_destroyed_is_gone(bank, recipient):
    name = bank.credential()
    bank.desk.ask(bank.officer, "otp.destroy", name)
    assert exported(bank, recipient).items == []
    assert bank.last("otp.export")["count"] == 0


def test_what_was_revoked_stays_here(bank, recipient):
    bank.desk.ask(bank.officer, "otp.revoke", bank.credential())
    bank.credential(state=State.SUSPENDED)
    found = exported(bank, recipient).items
    assert [item.credential.state for item in found] == [State.SUSPENDED]
    assert bank.last("otp.export")["count"] == 1


def test_when_the_grace_is_over_the_old_one_does_not_go_out(bank, recipient):
    bank.credential(new=b"n" * 20, grace_us=bank.clock.now + 60_000_000)
    bank.pass_(60)  # and nobody has erased it yet
    (item,) = exported(bank, recipient).items
    assert recipient.opens(item) == b"n" * 20


def test_of_two_generations_the_one_in_use_goes_out(bank, recipient):
    bank.credential(new=b"n" * 20)
    bank.credential(b"p" * 20, state=State.PENDING, proved=False, user="bob")
    (item,) = exported(bank, recipient, state="active").items
    assert recipient.opens(item) == SECRET
    (item,) = exported(bank, recipient, state="pending").items
    assert recipient.opens(item) == b"p" * 20


def test_what_is_known_of_its_counter_and_clock_goes_with_it(bank, recipient):
    counter = bank.credential(type=Type.HOTP, moved=5)
    assert bank.verify(counter, hotp(SECRET, 7))
    bank.credential(drift=-3, user="bob")
    (item,) = exported(bank, recipient, type="hotp").items
    assert (item.counter, item.drift) == (8, 0)
    (item,) = exported(bank, recipient, type="totp").items
    assert (item.counter, item.drift) == (0, -3)


def test_what_went_out_works_where_it_is_brought(bank, recipient):
    name = bank.credential(type=Type.HOTP)
    assert bank.verify(name, hotp(SECRET, 3))
    (item,) = exported(bank, recipient).items
    foreign = bank.desk.ask(bank.admin, "namespace.create", name="other").token
    tokens = {}
    for role in ("otp-migrator", "otp-verifier"):
        bank.desk.ask(foreign, "principal.create", name=role, roles=[role])
        tokens[role] = bank.desk.ask(foreign, "token.create", principal=role).token
    view = item.credential
    moved = {
        "secret": recipient.opens(item), "type": view.type, "algorithm": view.algorithm,
        "digits": view.digits, "counter": item.counter, "user": "alice",
    }  # fmt: skip
    (made,) = bank.desk.ask(tokens["otp-migrator"], "otp.import", items=[moved]).items
    for value, valid in ((3, False), (4, True), (4, False)):
        answer = bank.desk.ask(
            tokens["otp-verifier"], "otp.verify", made.id, code=hotp(SECRET, value)
        )
        assert answer.valid is valid


def test_after_a_restore_a_counter_goes_out_as_it_may_be_used(tmp_path, recipient):
    signed = Signed(tmp_path / "house")
    try:
        signed.house.lasting()
        signed.use(2)
        signed.sign()
        bank = Bank.of(signed.house)
        bank.credential(type=Type.HOTP, moved=5)
        copy = signed.backup()
        signed.use(1)
        signed.sign()
        signed.restore(copy)
        signed.accept()
        bank.desk = signed.desk
        (item,) = exported(bank, recipient).items
        assert item.counter == 1_005
    finally:
        signed.close()


ZERO = bytes.fromhex("302a300506032b656e032100") + bytes(32)


@pytest.mark.parametrize(
    "fields",
    [
        {"public_key": b""},
        {"public_key": b"nonsense"},
        {"public_key": ZERO},  # of small order: what is sealed to it, anybody opens
        {"public_key": Recipient().public, "algorithm": "x25519-ml-kem-768"},
        {"public_key": Recipient().public, "algorithm": "rsa-2048"},
        {"public_key": Recipient().public, "limit": 0},
        {"public_key": Recipient().public, "page_token": "nonsense"},
        {},
    ],
)
def test_a_key_that_is_none_opens_nothing(bank, fields):
    bank.credential()
    assert bank.desk.refusal(bank.migrator, "otp.export", **fields) == "invalid-request"


def test_anothers_do_not_go_out(bank, recipient):
    bank.credential()
    foreign = bank.desk.ask(bank.admin, "namespace.create", name="other").token
    bank.desk.ask(foreign, "principal.create", name="migrator", roles=["otp-migrator"])
    migrator = bank.desk.ask(foreign, "token.create", principal="migrator").token
    answer = bank.desk.ask(migrator, "otp.export", public_key=recipient.public)
    assert answer.items == []


def test_no_secret_is_in_an_answer_or_an_entry(bank, recipient):
    secret = b"MARKER-secret-of-use"
    bank.credential(secret)
    _, reply = bank.desk.reply(bank.migrator, "otp.export", public_key=recipient.public)
    assert reply.answer
    assert b"MARKER" not in reply.answer
    assert "MARKER" not in repr(bank.entries())
