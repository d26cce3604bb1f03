"""A secret is made here, as strong as the profile asks, and told to nobody but its user."""

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from strongroom.adapters.direct_ledger import DirectLedger
from strongroom.domain.otp.credential import Hash, State, Type
from tests.support import hpke
from tests.support.otp import code_of, hotp, secret_of, totp

SUITE = "OCRA-1:HOTP-SHA256-8:QN08"


def refused(bank, **fields):
    """Why an enrolment is refused, and where."""
    _, reply = bank.desk.reply(bank.enroller, "otp.enrol", user="alice", **fields)
    assert reply.answer == b""
    return reply.code, reply.pointer


def test_from_enrolment_to_the_first_login(bank):
    made = bank.enrol(account="alice@example.org", issuer="Bank")
    name = made.credential.id
    assert (made.credential.state, made.credential.reminders) == ("pending", ["not-fetched"])
    secret = secret_of(bank.fetch(made.link.token))
    code = totp(secret, bank.clock.now)
    assert not bank.verify(name, code)
    assert bank.desk.ask(bank.enroller, "otp.activate", name, code=code).active
    bank.pass_(30)
    assert bank.verify(name, totp(secret, bank.clock.now))
    assert bank.held(name).state is State.ACTIVE


@pytest.mark.parametrize(("hash_", "size"), [("SHA1", 20), ("SHA256", 32), ("SHA512", 64)])
def test_a_secret_is_as_long_as_its_hash_and_no_two_are_alike(bank, hash_, size):
    secrets = {bank.enrolled(algorithm=hash_)[1] for _ in range(5)}
    assert [len(secret) for secret in secrets] == [size] * 5
    assert len({secret[:8] for secret in secrets}) == 5


@pytest.mark.parametrize(
    "fields",
    [
        {"type": "totp", "algorithm": "SHA256", "digits": 8, "period": 15},
        {"type": "hotp", "algorithm": "SHA512", "digits": 7},
        {"type": "ocra", "suite": SUITE},
    ],
)
def test_a_credential_is_of_the_kind_that_was_asked_for(bank, fields):
    view = bank.enrol(**fields).credential
    for field, value in fields.items():
        assert getattr(view, field) == value
    body = bank.held(view.id).body
    assert (body.type, body.hash, body.digits, body.period, body.suite) == (
        view.type, view.algorithm, view.digits, view.period, view.suite,
    )  # fmt: skip


def test_an_ocra_credential_is_what_its_suite_says(bank):
    name, secret = bank.enrolled(type="ocra", suite=SUITE)
    view = bank.desk.ask(bank.enroller, "otp.read", name)
    assert (view.algorithm, view.digits, view.period, len(secret)) == ("SHA256", 8, 0, 32)
    asked = bank.desk.ask(bank.enroller, "otp.challenge", name)
    question = bytes.fromhex(f"{int(asked.question):x}".ljust(256, "0"))
    code = code_of(secret, SUITE.encode() + b"\0" + question, 8, "sha256")
    fields = {"code": code, "challenge": asked.challenge}
    assert bank.desk.ask(bank.enroller, "otp.activate", name, **fields).active


def test_what_is_not_given_is_as_the_profile_says(bank):
    bank.profile("strict", type=Type.HOTP, hash=Hash.SHA512, digits=8, rotation_days=90)
    view = bank.enrol(profile="strict", serial="A-1").credential
    assert (view.type, view.algorithm, view.digits, view.period, view.profile, view.serial) == (
        "hotp", "SHA512", 8, 0, "strict", "A-1",
    )  # fmt: skip
    assert view.rotates == "2026-12-20T14:13:20.000000Z"  # ninety days from now
    usual = bank.enrol().credential
    assert (usual.type, usual.profile, usual.rotates) == ("totp", "default", "")


WEAKER = {
    "hash": ({"algorithm": "SHA1"}, "$.algorithm"),
    "digits": ({"digits": 7}, "$.digits"),
    "period": ({"period": 45}, "$.period"),
    "hash of the suite": ({"type": "ocra", "suite": "OCRA-1:HOTP-SHA1-8:QN08"}, "$.algorithm"),
    "digits of the suite": ({"type": "ocra", "suite": "OCRA-1:HOTP-SHA256-6:QN08"}, "$.digits"),
}


@pytest.mark.parametrize("what", WEAKER)
def test_weaker_than_the_profile_is_refused(bank, what):
    bank.profile(hash=Hash.SHA256, digits=8, period=30)
    fields, pointer = WEAKER[what]
    assert refused(bank, **fields) == ("invalid-request", pointer)


def test_stronger_is_not(bank):
    bank.profile(hash=Hash.SHA256, digits=7, period=60)
    for fields in ({"algorithm": "SHA512"}, {"digits": 8}, {"period": 15}):
        bank.enrol(**fields)


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"profile": "nonsense"}, "$.profile"),
        ({"type": "ocra"}, "$.suite"),
        ({"type": "ocra", "suite": "OCRA-1:HOTP-MD5-8:QN08"}, "$.suite"),
        ({"type": "ocra", "suite": SUITE, "digits": 8}, "$.digits"),
        ({"type": "ocra", "suite": SUITE, "period": 30}, "$.period"),
        ({"type": "ocra", "suite": SUITE, "algorithm": "SHA256"}, "$.algorithm"),
        ({"type": "hotp", "period": 30}, "$.period"),
        ({"suite": SUITE}, "$.suite"),
        ({"delivery": "sealed", "device_key": b"no key"}, "$.device_key"),
    ],
)
def test_what_makes_no_sense_is_refused_and_the_place_is_told(bank, fields, pointer):
    assert refused(bank, **fields) == ("invalid-request", pointer)
    assert bank.store.credential_page(bank.house.first, b"", 10) == []


@pytest.mark.parametrize(
    "fields",
    [
        {"user": ""},
        {"digits": 5},
        {"digits": 9},
        {"period": 14},
        {"period": 301},
        {"algorithm": "MD5"},
        {"type": "motp"},
        {"delivery": "sealed"},
        {"device_key": b"x"},
        {"account": "a:b"},
        {"issuer": "a\nb"},
        {"secret": b"x" * 20},  # nobody brings one but by importing
    ],
)
def test_what_is_malformed_is_refused(bank, fields):
    asked = {"user": "alice"} | fields
    assert bank.desk.refusal(bank.enroller, "otp.enrol", **asked) == "invalid-request"


def x25519():
    private = X25519PrivateKey.generate()
    public = private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hpke.X25519, private.private_bytes_raw(), public


def test_sealed_to_a_device_only_the_device_opens_it(bank):
    kem, private, public = x25519()
    made = bank.enrol(delivery="sealed", device_key=public)
    assert (made.link, made.credential.reminders) == (None, ["not-proved"])
    sealed = made.sealed
    assert sealed.info == f"strongroom/otp-device/1/{made.credential.id}/1".encode()
    secret = hpke.unseal(kem, 2, private, sealed.sealed, sealed.info)
    code = totp(secret, bank.clock.now)
    assert bank.desk.ask(bank.enroller, "otp.activate", made.credential.id, code=code).active


def test_a_key_of_another_algorithm_is_none(bank):
    _, _, public = x25519()
    fields = {"delivery": "sealed", "device_algorithm": "x25519-ml-kem-768"}
    assert refused(bank, device_key=public, **fields) == ("invalid-request", "$.device_key")
    pem = MLKEM768PrivateKey.generate().public_key().public_bytes_raw()
    assert refused(bank, device_key=pem, **fields) == ("invalid-request", "$.device_key")


def test_later_there_is_no_way_to_the_secret_yet(bank):
    made = bank.enrol(delivery="later")
    assert (made.link, made.sealed, made.credential.link_expires) == (None, None, "")
    link = bank.desk.ask(bank.enroller, "otp.link", made.credential.id).link
    assert len(secret_of(bank.fetch(link.token))) == 20
    assert bank.held(made.credential.id).body.newest.generation == 1


def test_who_the_user_is_stays_with_the_caller(bank):
    fields = {"account": "MARKER-account", "issuer": "MARKER-issuer"}
    made = bank.enrol("MARKER-user", **fields)
    again = bank.enrol("MARKER-user", **fields)
    assert made.credential.subject == again.credential.subject
    assert bank.enrol("MARKER-other").credential.subject != made.credential.subject
    assert b"MARKER" not in bank.files()
    assert "MARKER" not in repr(bank.entries())


def test_an_enrolment_is_on_record_without_secret_token_or_user(bank):
    made = bank.enrol()
    (entry,) = bank.entries("otp.enrol")
    assert (entry["object"], entry["principal"]) == (f"otp/{made.credential.id}", "enroller")
    assert entry["details"] == {
        "type": "totp", "algorithm": "SHA1", "profile": "default", "delivery": "link",
        "link_expires": made.link.expires,
    }  # fmt: skip
    assert made.link.token not in repr(bank.entries())
    assert made.link.token.encode() not in bank.files()
    secret = secret_of(bank.fetch(made.link.token))
    assert secret not in bank.files()


def test_a_profile_that_was_made_stricter_meanwhile_holds(bank):
    """Between the weighing of the ask and its commit."""
    changed = []

    class Between(DirectLedger):
        async def commit(self, commit):
            if commit.entry.action == "otp.enrol" and not changed:
                changed.append(True)
                bank.profile(digits=8)
            return await super().commit(commit)

    desk = bank.house.desk(ledger=Between(bank.store))
    assert desk.ask(bank.enroller, "otp.enrol", user="alice").credential.digits == 8


def test_an_enrolment_that_is_not_kept_is_none(bank):
    class Full(DirectLedger):
        async def commit(self, commit):
            commit = msgspec.structs.replace(commit, epoch=-1) if commit.moves else commit
            return await super().commit(commit)

    desk = bank.house.desk(ledger=Full(bank.store))
    _, reply = desk.reply(bank.enroller, "otp.enrol", user="alice")
    assert (reply.code, reply.answer) == ("unavailable", b"")
    assert bank.store.credential_page(bank.house.first, b"", 10) == []


def test_a_counter_begins_at_zero(bank):
    name, secret = bank.enrolled(type="hotp")
    assert bank.desk.ask(bank.enroller, "otp.activate", name, code=hotp(secret, 0)).active
