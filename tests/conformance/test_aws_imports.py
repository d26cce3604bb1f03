"""boto3: material from elsewhere comes in, waits, expires, goes and comes again, as with AWS."""

import datetime as dt
import hashlib
import hmac
import os
import time
import uuid

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mldsa, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from tests.support.aws import FOREVER, KWP, bring, external, parameters, refusal, wrapped

DIRECT = ("RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256")
ONE, TWO = bytes(range(32)), bytes(range(1, 33))


def described(kms, key):
    return kms.describe_key(KeyId=key)["KeyMetadata"]


def state(kms, key):
    return described(kms, key)["KeyState"]


def soon(**how):
    return dt.datetime.now(dt.UTC) + dt.timedelta(**how)


def der(private):
    return private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


def public_der(private):
    return private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


# --- coming in ------------------------------------------------------------------------------------


def test_a_key_waits_for_its_material_and_lives_when_it_comes(kms):
    found = external(kms)
    key, arn = found["KeyId"], found["Arn"]
    assert (found["KeyState"], found["Enabled"], found["Origin"]) == (
        "PendingImport", False, "EXTERNAL",
    )  # fmt: skip
    assert not {"ExpirationModel", "ValidTo", "CurrentKeyMaterialId"} & found.keys()
    said = ("KMSInvalidStateException", f"{arn} is pending import.")
    assert refusal(kms.encrypt, KeyId=key, Plaintext=b"x") == said
    for call in (kms.enable_key, kms.disable_key):
        assert refusal(call, KeyId=key) == said
    begun = parameters(kms, key)
    assert begun["KeyId"] == arn
    assert soon(hours=23) < begun["ParametersValidTo"] < soon(hours=25)
    taken = kms.import_key_material(
        KeyId=key, ImportToken=begun["ImportToken"],
        EncryptedKeyMaterial=wrapped(begun["PublicKey"], ONE), **FOREVER,
    )  # fmt: skip
    now = described(kms, key)
    assert taken["KeyId"] == arn
    assert taken["KeyMaterialId"] == now["CurrentKeyMaterialId"]
    assert (now["KeyState"], now["ExpirationModel"]) == ("Enabled", FOREVER["ExpirationModel"])
    assert "ValidTo" not in now
    sealed = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    opened = kms.decrypt(CiphertextBlob=sealed)
    assert (opened["Plaintext"], opened["KeyMaterialId"]) == (b"x", taken["KeyMaterialId"])


@pytest.mark.parametrize("algorithm", [*DIRECT, KWP, "RSA_AES_KEY_WRAP_SHA_1"])
def test_material_comes_by_every_wrapping(kms, algorithm):
    key = external(kms, "HMAC_256", "GENERATE_VERIFY_MAC")["KeyId"]
    taken = bring(kms, key, ONE, algorithm=algorithm)
    assert "KeyMaterialId" not in taken
    made = kms.generate_mac(KeyId=key, Message=b"x", MacAlgorithm="HMAC_SHA_256")
    assert made["Mac"] == hmac.digest(ONE, b"x", "sha256")


@pytest.mark.parametrize("size", ["RSA_3072", "RSA_4096"])
def test_wrapping_keys_are_of_the_size_that_was_asked_for(kms, size):
    key = external(kms)["KeyId"]
    begun = parameters(kms, key, size=size)
    assert len(wrapped(begun["PublicKey"], ONE, DIRECT[0])) * 8 == int(size[4:])
    bring(kms, key, ONE, size=size)


@pytest.mark.parametrize("spec", ["HMAC_224", "HMAC_384", "HMAC_512"])
def test_hmac_keys_of_every_size_come_in(kms, spec):
    key = external(kms, spec, "GENERATE_VERIFY_MAC")["KeyId"]
    material = bytes(range(int(spec[5:]) // 8))
    bring(kms, key, material, algorithm=DIRECT[1])
    made = kms.generate_mac(KeyId=key, Message=b"x", MacAlgorithm=spec.replace("_", "_SHA_"))
    assert made["Mac"] == hmac.digest(material, b"x", f"sha{spec[5:]}")


@pytest.mark.parametrize(
    ("spec", "usage", "make", "wrappings"),
    [
        ("RSA_2048", "SIGN_VERIFY", lambda: rsa.generate_private_key(65_537, 2_048), [KWP]),
        ("RSA_2048", "ENCRYPT_DECRYPT", lambda: rsa.generate_private_key(65_537, 2_048), [KWP]),
        ("ECC_NIST_P256", "SIGN_VERIFY", lambda: ec.generate_private_key(ec.SECP256R1()),
         [KWP, DIRECT[1]]),
        ("ECC_NIST_P384", "KEY_AGREEMENT", lambda: ec.generate_private_key(ec.SECP384R1()), [KWP]),
        ("ECC_NIST_P521", "SIGN_VERIFY", lambda: ec.generate_private_key(ec.SECP521R1()), [KWP]),
        ("ECC_SECG_P256K1", "SIGN_VERIFY", lambda: ec.generate_private_key(ec.SECP256K1()),
         [KWP, DIRECT[0]]),
        ("ECC_NIST_EDWARDS25519", "SIGN_VERIFY", ed25519.Ed25519PrivateKey.generate,
         [KWP, *DIRECT]),
        ("ML_DSA_44", "SIGN_VERIFY", mldsa.MLDSA44PrivateKey.generate, [KWP, DIRECT[1]]),
    ],
)  # fmt: skip
def test_key_pairs_come_in_with_their_public_halves(kms, spec, usage, make, wrappings):
    for algorithm in wrappings:
        private, key = make(), external(kms, spec, usage)["KeyId"]
        bring(kms, key, der(private), algorithm=algorithm)
        assert kms.get_public_key(KeyId=key)["PublicKey"] == public_der(private)
        # And what was there first is there for good.
        other = refusal(bring, kms=kms, key=key, material=der(make()))
        assert other[0] == "IncorrectKeyMaterialException"
        bring(kms, key, der(private))
        kms.delete_imported_key_material(KeyId=key)
        assert state(kms, key) == "PendingImport"
        bring(kms, key, der(private))
        assert state(kms, key) == "Enabled"


# --- what is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spec", "usage", "algorithm", "size"),
    [
        ("SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT", "RSAES_PKCS1_V1_5", "RSA_2048"),
        ("SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT", "SM2PKE", "SM2"),
        ("SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT", KWP, "SM2"),
        ("RSA_2048", "SIGN_VERIFY", DIRECT[1], "RSA_4096"),
        ("ECC_NIST_P521", "SIGN_VERIFY", DIRECT[0], "RSA_2048"),
    ],
)
def test_wrappings_that_are_not_served_or_do_not_fit(kms, spec, usage, algorithm, size):
    key = external(kms, spec, usage)["KeyId"]
    said = refusal(parameters, kms=kms, key=key, algorithm=algorithm, size=size)
    assert said[0] == "UnsupportedOperationException"


def test_a_key_that_is_made_here_takes_no_material(kms):
    found = kms.create_key()["KeyMetadata"]
    said = (
        "UnsupportedOperationException",
        f"{found['Arn']} origin is AWS_KMS which is not valid for this operation.",
    )
    key = found["KeyId"]
    assert refusal(parameters, kms=kms, key=key) == said
    assert refusal(kms.delete_imported_key_material, KeyId=key) == said
    how = {"ImportToken": b"x", "EncryptedKeyMaterial": b"x"}
    assert refusal(kms.import_key_material, KeyId=key, **how, **FOREVER) == said


def test_tokens_are_good_once_for_their_key(kms):
    key, other = external(kms)["KeyId"], external(kms)["KeyId"]
    begun = parameters(kms, key)
    token, blob = begun["ImportToken"], wrapped(begun["PublicKey"], ONE)

    def refused(key, token, blob):
        how = {"KeyId": key, "ImportToken": token, "EncryptedKeyMaterial": blob, **FOREVER}
        return refusal(kms.import_key_material, **how)[0]

    assert refused(other, token, blob) == "InvalidImportTokenException"
    headless = bytes(len(token) - 9) + b"\1" * 9  # the number of a wrapping, but no head
    for bent in (token[:-1], token + b"\0", b"\0" + token[1:], b"x", os.urandom(30), headless):
        assert refused(key, bent, blob) == "InvalidImportTokenException"
    unknown = token[:5] + bytes(16) + token[21:]
    assert refused(key, unknown, blob) == "InvalidImportTokenException"
    late = unknown[:-8] + bytes(8)
    assert refused(key, late, blob) == "ExpiredImportTokenException"
    for bent in (blob[:-1], blob[1:], bytes(len(blob)), b"x"):
        assert refused(key, token, bent) == "InvalidCiphertextException"
    for material in (ONE[:-1], ONE + b"\0", bytes(32)):
        wrong = wrapped(begun["PublicKey"], material)
        assert refused(key, token, wrong) == "IncorrectKeyMaterialException"
    how = {"KeyId": key, "ImportToken": token, "EncryptedKeyMaterial": blob}
    kms.import_key_material(**how, **FOREVER)  # nothing of that used it up
    assert refused(key, token, blob) == "InvalidImportTokenException"


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({}, "A validTo date must be set if the ExpirationModel is KEY_MATERIAL_EXPIRES"),
        ({"ExpirationModel": "KEY_MATERIAL_EXPIRES"},
         "A validTo date must be set if the ExpirationModel is KEY_MATERIAL_EXPIRES"),
        ({"ValidTo": dt.datetime(2030, 1, 1, tzinfo=dt.UTC), **FOREVER}, "must not be set"),
        ({"ValidTo": dt.datetime(2020, 1, 1, tzinfo=dt.UTC)}, ""),
        ({"ValidTo": dt.datetime(9998, 1, 1, tzinfo=dt.UTC)}, "365 days"),
        ({"ExpirationModel": "NEVER"}, "at 'expirationModel' failed to satisfy constraint"),
    ],
)  # fmt: skip
def test_when_material_expires_is_said_and_to_come(kms, how, message):
    key = external(kms)["KeyId"]
    begun = parameters(kms, key)
    how = how | {"EncryptedKeyMaterial": wrapped(begun["PublicKey"], ONE)}
    said = refusal(kms.import_key_material, KeyId=key, ImportToken=begun["ImportToken"], **how)
    assert said[0] == "ValidationException"
    assert message in said[1]


@pytest.mark.parametrize(
    "how",
    [{"ImportType": "NEW_KEY_MATERIAL"}, {"KeyMaterialId": "0" * 64},
     {"KeyMaterialDescription": "x"}],
)  # fmt: skip
def test_what_goes_with_symmetric_keys_only(kms, how):
    key = external(kms, "HMAC_256", "GENERATE_VERIFY_MAC")["KeyId"]
    said = refusal(bring, kms=kms, key=key, material=ONE, **how)
    assert said[0] == "UnsupportedOperationException"


def test_who_may_import_is_a_matter_of_rights(account, kms):
    key = external(kms)["KeyId"]
    user = account.principal(f"user-{uuid.uuid4().hex[:8]}", "key-user")
    assert refusal(parameters, kms=user, key=key)[0] == "AccessDeniedException"
    assert refusal(kms.get_parameters_for_import, KeyId="alias/x", WrappingAlgorithm=KWP,
                   WrappingKeySpec="RSA_2048")[0] == "NotFoundException"  # fmt: skip


# --- gone, and again ------------------------------------------------------------------------------


def test_material_that_expired_is_gone_and_comes_again(kms):
    key = external(kms)["KeyId"]
    end = soon(seconds=6)  # enough for what comes before it
    first = bring(kms, key, ONE, ValidTo=end)["KeyMaterialId"]
    sealed = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    now = described(kms, key)
    assert now["ExpirationModel"] == "KEY_MATERIAL_EXPIRES"
    assert abs(now["ValidTo"] - end) < dt.timedelta(milliseconds=2)
    while state(kms, key) == "Enabled":
        time.sleep(0.1)
    assert soon() >= end
    assert state(kms, key) == "PendingImport"
    assert refusal(kms.decrypt, CiphertextBlob=sealed) == (
        "KMSInvalidStateException", f"{now['Arn']} is pending import.",
    )  # fmt: skip
    assert refusal(bring, kms=kms, key=key, material=TWO)[0] == "IncorrectKeyMaterialException"
    assert bring(kms, key, ONE, KeyMaterialId=first)["KeyMaterialId"] == first
    assert kms.decrypt(CiphertextBlob=sealed)["Plaintext"] == b"x"
    assert "ValidTo" not in described(kms, key)


def test_a_key_is_used_again_when_all_of_its_materials_are_there(kms):
    found = external(kms)
    key, arn = found["KeyId"], found["Arn"]
    first = bring(kms, key, ONE, ValidTo=soon(seconds=3))["KeyMaterialId"]
    second = bring(kms, key, TWO, ImportType="NEW_KEY_MATERIAL")["KeyMaterialId"]
    kms.rotate_key_on_demand(KeyId=key)
    sealed = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=sealed)["KeyMaterialId"] == second
    while state(kms, key) == "Enabled":
        time.sleep(0.05)
    # The older one expired, and nobody erased it yet perhaps: what needs the other is refused, too.
    said = ("KMSInvalidStateException", f"{arn} is pending import.")
    other = kms.create_key()["KeyMetadata"]["KeyId"]
    assert refusal(kms.decrypt, CiphertextBlob=sealed) == said
    assert refusal(kms.encrypt, KeyId=key, Plaintext=b"x") == said
    assert refusal(kms.encrypt, KeyId=key, Plaintext=b"x", DryRun=True) == said
    moved = {"CiphertextBlob": sealed, "DestinationKeyId": other}
    assert refusal(kms.re_encrypt, **moved) == said
    assert refusal(kms.disable_key, KeyId=key) == said
    bring(kms, key, ONE, KeyMaterialId=first)
    assert kms.decrypt(CiphertextBlob=sealed)["Plaintext"] == b"x"
    for gone in (second, first):
        kms.delete_imported_key_material(KeyId=key, KeyMaterialId=gone)
    bring(kms, key, ONE)
    assert refusal(kms.decrypt, CiphertextBlob=sealed) == said
    bring(kms, key, TWO)
    assert kms.re_encrypt(**moved)["SourceKeyId"] == arn


def test_deleted_material_is_gone_at_once_and_comes_again(kms):
    found = external(kms)
    key, arn = found["KeyId"], found["Arn"]
    assert kms.delete_imported_key_material(KeyId=key)["KeyId"] == arn  # none yet
    first = bring(kms, key, ONE)["KeyMaterialId"]
    gone = kms.delete_imported_key_material(KeyId=key)
    assert (gone["KeyId"], gone["KeyMaterialId"]) == (arn, first)
    assert state(kms, key) == "PendingImport"
    kms.delete_imported_key_material(KeyId=key)
    bring(kms, key, ONE, ImportType="EXISTING_KEY_MATERIAL")
    assert state(kms, key) == "Enabled"
    # Also while it is there, so that it expires at another time.
    end = soon(days=3)
    assert bring(kms, key, ONE, ValidTo=end)["KeyMaterialId"] == first
    assert abs(described(kms, key)["ValidTo"] - end) < dt.timedelta(milliseconds=2)
    assert refusal(kms.delete_imported_key_material, KeyId=key, KeyMaterialId="0" * 64)[0] == (
        "NotFoundException"
    )


def test_the_state_of_a_deletion_stays_while_material_goes(kms):
    key = external(kms)["KeyId"]
    bring(kms, key, ONE)
    kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    kms.delete_imported_key_material(KeyId=key)
    assert state(kms, key) == "PendingDeletion"
    kms.cancel_key_deletion(KeyId=key)
    assert state(kms, key) == "PendingImport"


def test_a_key_waits_for_no_material_that_nobody_can_import_any_more(account, kms):
    key = external(kms)["KeyId"]
    first = bring(kms, key, ONE)["KeyMaterialId"]
    bring(kms, key, TWO, ImportType="NEW_KEY_MATERIAL")
    kms.rotate_key_on_demand(KeyId=key)
    kms.delete_imported_key_material(KeyId=key, KeyMaterialId=first)
    assert state(kms, key) == "PendingImport"
    path = f"/v1/keys/id:{uuid.UUID(key).hex}/mark-compromised"
    assert account.admin.ask("POST", path, {"key_version": 1}).status == 200
    assert state(kms, key) == "Enabled"
    kms.encrypt(KeyId=key, Plaintext=b"x")


def test_the_last_material_that_a_disabled_key_lacked_enables_it(kms):
    key = external(kms)["KeyId"]
    first = bring(kms, key, ONE)["KeyMaterialId"]
    second = bring(kms, key, TWO, ImportType="NEW_KEY_MATERIAL")["KeyMaterialId"]
    kms.rotate_key_on_demand(KeyId=key)
    kms.disable_key(KeyId=key)
    bring(kms, key, ONE)  # it is all there, and stays so
    assert state(kms, key) == "Disabled"
    for gone in (first, second):
        kms.delete_imported_key_material(KeyId=key, KeyMaterialId=gone)
    assert state(kms, key) == "PendingImport"
    bring(kms, key, TWO)
    assert state(kms, key) == "PendingImport"
    bring(kms, key, ONE, KeyMaterialId=first)
    assert state(kms, key) == "Enabled"
    kms.encrypt(KeyId=key, Plaintext=b"x")


def test_a_disabled_pair_is_enabled_by_its_material_and_by_nothing_else(kms):
    key = external(kms, "HMAC_256", "GENERATE_VERIFY_MAC")["KeyId"]
    bring(kms, key, ONE)
    kms.disable_key(KeyId=key)
    kms.delete_imported_key_material(KeyId=key)
    assert refusal(bring, kms=kms, key=key, material=TWO)[0] == "IncorrectKeyMaterialException"
    assert state(kms, key) == "PendingImport"
    bring(kms, key, ONE)
    assert state(kms, key) == "Enabled"


# --- rotation of what was imported ----------------------------------------------------------------


def test_new_material_waits_until_the_key_is_rotated(kms):
    found = external(kms)
    key, arn = found["KeyId"], found["Arn"]
    first = bring(kms, key, ONE, KeyMaterialDescription="of May")["KeyMaterialId"]
    none = f"No available key material pending rotation for the key: {arn}."
    assert refusal(kms.rotate_key_on_demand, KeyId=key) == ("KMSInvalidStateException", none)
    new = {"ImportType": "NEW_KEY_MATERIAL"}
    twice = refusal(bring, kms=kms, key=key, material=ONE, **new)
    assert twice[0] == "IncorrectKeyMaterialException"
    second = bring(kms, key, TWO, **new)["KeyMaterialId"]
    assert second != first
    assert described(kms, key)["CurrentKeyMaterialId"] == first
    code, message = refusal(bring, kms=kms, key=key, material=hashlib.sha256().digest(), **new)
    assert code == "KMSInvalidStateException"
    assert message.startswith("New key material (id: ")
    assert message.endswith(
        f") cannot be imported into KMS key {arn}, because another key material"
        f" (id: {second}) is pending rotation."
    )
    old = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    everything = {"KeyId": key, "IncludeKeyMaterial": "ALL_KEY_MATERIAL"}
    one, two = kms.list_key_rotations(**everything)["Rotations"]
    assert one == {
        "KeyId": key, "KeyMaterialId": first, "KeyMaterialDescription": "of May",
        "ImportState": "IMPORTED", "KeyMaterialState": "CURRENT", **FOREVER,
    }  # fmt: skip
    assert two == {
        "KeyId": key, "KeyMaterialId": second, "ImportState": "IMPORTED",
        "KeyMaterialState": "PENDING_ROTATION", **FOREVER,
    }  # fmt: skip
    assert kms.list_key_rotations(KeyId=key)["Rotations"] == []
    assert kms.rotate_key_on_demand(KeyId=key)["KeyId"] == arn
    assert described(kms, key)["CurrentKeyMaterialId"] == second
    opened = kms.decrypt(CiphertextBlob=old)
    assert (opened["Plaintext"], opened["KeyMaterialId"]) == (b"x", first)
    (two,) = kms.list_key_rotations(KeyId=key)["Rotations"]
    assert (two["KeyMaterialId"], two["KeyMaterialState"], two["RotationType"]) == (
        second, "CURRENT", "ON_DEMAND",
    )  # fmt: skip
    assert abs(two["RotationDate"] - soon()) < dt.timedelta(minutes=1)
    # Of two materials each is brought again under its own name, and the key needs both.
    kms.delete_imported_key_material(KeyId=key, KeyMaterialId=first)
    assert state(kms, key) == "PendingImport"
    one, _ = kms.list_key_rotations(**everything)["Rotations"]
    assert (one["KeyMaterialState"], one["ImportState"]) == ("NON_CURRENT", "PENDING_IMPORT")
    wrong = refusal(bring, kms=kms, key=key, material=ONE, KeyMaterialId=second)
    assert wrong[0] == "IncorrectKeyMaterialException"
    assert bring(kms, key, ONE)["KeyMaterialId"] == first
    assert state(kms, key) == "Enabled"
    one, _ = kms.list_key_rotations(**everything)["Rotations"]
    assert one["KeyMaterialDescription"] == "of May"


def test_what_waits_can_be_deleted_and_other_material_take_its_place(kms):
    key = external(kms)["KeyId"]
    bring(kms, key, ONE)
    new = {"ImportType": "NEW_KEY_MATERIAL"}
    second = bring(kms, key, TWO, **new)["KeyMaterialId"]
    kms.delete_imported_key_material(KeyId=key, KeyMaterialId=second)
    assert state(kms, key) == "Enabled"
    assert refusal(kms.rotate_key_on_demand, KeyId=key)[0] == "KMSInvalidStateException"
    both = {"KeyId": key, "IncludeKeyMaterial": "ALL_KEY_MATERIAL"}
    assert len(kms.list_key_rotations(**both)["Rotations"]) == 1
    assert refusal(bring, kms=kms, key=key, material=TWO)[0] == "IncorrectKeyMaterialException"
    third = bring(kms, key, TWO, **new)["KeyMaterialId"]
    kms.rotate_key_on_demand(KeyId=key)
    assert described(kms, key)["CurrentKeyMaterialId"] == third


@pytest.mark.parametrize(
    ("how", "code"),
    [({"ImportType": "EXISTING_KEY_MATERIAL"}, "IncorrectKeyMaterialException"),
     ({"KeyMaterialId": "0" * 64}, "ValidationException"),
     ({"ImportType": "EXISTING_KEY_MATERIAL", "KeyMaterialId": "0" * 64},
      "IncorrectKeyMaterialException")],
)  # fmt: skip
def test_there_is_nothing_to_bring_again_where_nothing_was(kms, how, code):
    key = external(kms)["KeyId"]
    assert refusal(bring, kms=kms, key=key, material=ONE, **how)[0] == code
