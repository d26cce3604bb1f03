"""boto3: what a custodian refuses is said in AWS's words, also where AWS has nothing like it.

Every client of these tests fails when it is told something in words of ours (`watched`).
"""

import datetime as dt
import os
import uuid

import pytest

from tests.conformance.test_aws_imports import ONE, TWO
from tests.conformance.test_boto3 import made
from tests.support.aws import bring, external, parameters, refusal, wrapped

NEW_YEAR = "01-01T00:00:00.000000Z"
USAGE = "ENCRYPT_DECRYPT"
NEW, AGAIN = {"ImportType": "NEW_KEY_MATERIAL"}, {"ImportType": "EXISTING_KEY_MATERIAL"}


def test_a_client_that_is_told_something_in_our_words_fails(account):
    client = account.client(account.key_of("admin"))
    told = {"Error": {"Message": "leave key_version out"}}
    with pytest.raises(AssertionError, match="key_version"):
        client.meta.events.emit(
            "after-call.kms.Encrypt", parsed=told, context={}, http_response=None
        )


@pytest.fixture
def native(account):
    """Ask for something of a key by the native door, where AWS has no words for it."""

    def asked(key, end="", method="POST", **body):
        path = f"/v1/keys/id:{key.replace('-', '')}{end}"
        answer = account.admin.ask(method, path, body)
        assert answer.status == 200, answer

    return asked


# --- grants ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("how", "more", "said"),
    [
        ({}, {"Operations": ["Sign"]},
         f"Sign does not go with a key of the KeySpec SYMMETRIC_DEFAULT and the KeyUsage {USAGE}."),
        ({"KeySpec": "RSA_2048", "KeyUsage": "ENCRYPT_DECRYPT"},
         {"Operations": ["Decrypt"], "Constraints": {"EncryptionContextSubset": {"a": "b"}}},
         "Constraints go with symmetric encryption keys (SYMMETRIC_DEFAULT) only."),
        ({}, {"Operations": ["Decrypt"], "Constraints": {
            "EncryptionContextSubset": {"a": "b"}, "EncryptionContextEquals": {"a": "b"}}},
         "Give either EncryptionContextSubset or EncryptionContextEquals, not both."),
    ],
)  # fmt: skip
def test_a_grant_that_does_not_go_with_its_key(kms, how, more, said):
    key = made(kms, **how)
    whom = f"arn:aws:iam::{key['AWSAccountId']}:user/admin"
    refused = refusal(kms.create_grant, KeyId=key["KeyId"], GranteePrincipal=whom, **more)
    assert refused == ("ValidationException", said)


# --- imports --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("material", "how", "said"),
    [
        (ONE, NEW,
         "This key material was imported before; to import it again, say EXISTING_KEY_MATERIAL."),
        (TWO, AGAIN,
         "No such key material was imported before; for new one, say NEW_KEY_MATERIAL."),
        (ONE[:16], NEW, "Key material of the key spec SYMMETRIC_DEFAULT has 32 bytes."),
        (bytes(32), NEW, "The key material is one byte, repeated; it must be random."),
    ],
    ids=["the same", "another", "of another size", "one byte"],
)  # fmt: skip
def test_material_that_is_not_taken(kms, material, how, said):
    key = external(kms)["KeyId"]
    bring(kms, key, ONE)
    refused = refusal(lambda: bring(kms, key, material, **how))
    assert refused == ("IncorrectKeyMaterialException", said)


def test_material_of_a_pair_that_is_none(kms):
    key = external(kms, "ECC_NIST_P256", "SIGN_VERIFY")["KeyId"]
    code, said = refusal(lambda: bring(kms, key, os.urandom(64)))
    assert code == "IncorrectKeyMaterialException"
    assert "a sound private key of the key spec ECC_NIST_P256, as PKCS #8 in DER." in said


def test_material_that_has_expired_before_it_comes(kms):
    key = external(kms)["KeyId"]
    begun = parameters(kms, key)
    refused = refusal(
        kms.import_key_material, KeyId=key, ImportToken=begun["ImportToken"],
        EncryptedKeyMaterial=wrapped(begun["PublicKey"], ONE),
        ValidTo=dt.datetime(2020, 1, 1, tzinfo=dt.UTC),
    )  # fmt: skip
    assert refused == ("ValidationException", "ValidTo must be in the future.")


# --- uses -----------------------------------------------------------------------------------------


def test_what_is_no_public_key(kms):
    key = made(kms, KeySpec="ECC_NIST_P256", KeyUsage="KEY_AGREEMENT")["KeyId"]
    code, said = refusal(
        kms.derive_shared_secret, KeyId=key, KeyAgreementAlgorithm="ECDH", PublicKey=b"none"
    )
    assert code == "ValidationException"
    assert "a public key of the key spec ECC_NIST_P256, as SubjectPublicKeyInfo in DER." in said


@pytest.mark.parametrize(
    ("control", "said"),
    [
        ({"required_context": ["tenant", "mac"]},
         "needs these keys in the EncryptionContext: tenant, mac."),
        ({"operations": ["key.decrypt"]}, "is not for Encrypt."),
        ({"not_after": "2020-01-01T00:00:00Z"}, f"is not to be used after 2020-{NEW_YEAR}."),
        ({"not_before": "2090-01-01T00:00:00Z"}, f"is not to be used before 2090-{NEW_YEAR}."),
    ],
    ids=["context", "operations", "after", "before"],
)  # fmt: skip
def test_bounds_that_a_key_has_natively(kms, native, control, said):
    key = made(kms)
    native(key["KeyId"], method="PATCH", control=control)
    code, message = refusal(kms.encrypt, KeyId=key["KeyId"], Plaintext=b"x")
    assert message == f"{key['Arn']} {said}"
    wanted = "ValidationException" if "required_context" in control else "KMSInvalidStateException"
    assert code == wanted


def test_uses_that_are_used_up(kms, native):
    key = made(kms)
    native(key["KeyId"], method="PATCH", control={"uses_max": 1})
    kms.encrypt(KeyId=key["KeyId"], Plaintext=b"x")
    refused = refusal(kms.encrypt, KeyId=key["KeyId"], Plaintext=b"x")
    said = f"{key['Arn']} has been used as often as it may be."
    assert refused == ("KMSInvalidStateException", said)


def test_material_that_is_retired(kms, native):
    key = made(kms)
    blob = kms.encrypt(KeyId=key["KeyId"], Plaintext=b"x")["CiphertextBlob"]
    kms.rotate_key_on_demand(KeyId=key["KeyId"])
    native(key["KeyId"], method="PATCH", min_version=2)
    refused = refusal(kms.decrypt, CiphertextBlob=blob)
    said = f"{key['Arn']} had this key material before, and it is not used any more."
    assert refused == ("KMSInvalidStateException", said)


@pytest.mark.parametrize("end", ["/deactivate", "/mark-compromised"])
def test_states_that_aws_does_not_have(kms, native, end):
    key = made(kms)
    native(key["KeyId"], end)
    said = ("KMSInvalidStateException", f"{key['Arn']} is disabled for good.")
    for call, how in ((kms.encrypt, {"Plaintext": b"x"}), (kms.enable_key, {})):
        assert refusal(call, KeyId=key["KeyId"], **how) == said


def test_a_key_that_is_protected_from_deletion(kms, native):
    key = made(kms)
    native(key["KeyId"], method="PATCH", deletion_protection=True)
    refused = refusal(kms.schedule_key_deletion, KeyId=key["KeyId"])
    said = f"{key['Arn']} is protected from deletion."
    assert refused == ("KMSInvalidStateException", said)


def test_nothing_is_done_to_a_key_that_aws_could_not_have(account, kms):
    """Who is refused its deletion has not begun it."""
    given = {"name": uuid.uuid4().hex, "algorithm": "chacha20-poly1305"}
    there = account.admin.ask("POST", "/v1/keys", given).json
    key = str(uuid.UUID(there["id"]))
    for call, how in (
        (kms.schedule_key_deletion, {}), (kms.disable_key, {}),
        (kms.update_key_description, {"Description": "another"}),
        (kms.tag_resource, {"Tags": [{"TagKey": "a", "TagValue": "b"}]}),
    ):  # fmt: skip
        code, said = refusal(call, KeyId=key, **how)
        assert code == "UnsupportedOperationException"
        assert said.endswith(f"{key} is of an algorithm that AWS KMS does not have.")
    assert account.admin.ask("GET", f"/v1/keys/id:{there['id']}").json == there


def test_a_region_that_is_none_of_the_account(kms):
    key = made(kms, MultiRegion=True)["KeyId"]
    refused = refusal(kms.replicate_key, KeyId=key, ReplicaRegion="eu-west-3")
    assert refused == ("UnsupportedOperationException", "eu-west-3 is no Region of this account.")
