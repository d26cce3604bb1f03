"""Conditions of key policies, as boto3 writes them and meets them."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.conformance.test_boto3 import made
from tests.conformance.test_boto3 import refused as refused  # noqa: PLC0414 - a fixture
from tests.conformance.test_rights import DENIED, policy, statement
from tests.conformance.test_rights import bob as bob  # noqa: PLC0414 - a fixture
from tests.conformance.test_rights import carol as carol  # noqa: PLC0414 - a fixture


@pytest.fixture
def key(kms):
    return made(kms)


def put(kms, key, *statements):
    text = policy(statement(key, "root", "kms:*"), *statements)
    kms.put_key_policy(KeyId=key["KeyId"], Policy=text)


def test_a_key_is_open_while_it_has_an_alias_of_the_team(kms, bob, key, refused):
    team = {"kms:ResourceAliases": "alias/team-*"}
    allowed = statement(key, "bob", "kms:Encrypt", **{"ForAnyValue:StringLike": team})
    other = made(kms)
    for one in (key, other):
        put(kms, one, allowed)

    def opens(one):
        """Several times, so that every custodian is asked."""
        for _ in range(8):
            bob.encrypt(KeyId=one["KeyId"], Plaintext=b"x")

    def shut(one):
        for _ in range(8):
            assert refused(bob.encrypt, KeyId=one["KeyId"], Plaintext=b"x")[0] == DENIED

    shut(key)
    kms.create_alias(AliasName="alias/other", TargetKeyId=key["KeyId"])
    shut(key)
    kms.create_alias(AliasName="alias/team-Pay/1", TargetKeyId=key["KeyId"])
    opens(key)
    shut(other)
    kms.update_alias(AliasName="alias/team-Pay/1", TargetKeyId=other["KeyId"])
    shut(key)
    opens(other)
    kms.delete_alias(AliasName="alias/team-Pay/1")
    shut(other)
    kms.create_alias(AliasName="alias/team-Pay/1", TargetKeyId=key["KeyId"])
    opens(key)


def test_everybody_has_the_context_of_their_name(kms, bob, carol, key, refused):
    own = {"kms:EncryptionContext:user": "${aws:username}"}
    put(kms, key, *(
        statement(key, who, "kms:Encrypt", "kms:Decrypt", StringEquals=own)
        for who in ("bob", "carol")
    ))  # fmt: skip
    name = key["KeyId"]
    mine, theirs = {"user": "bob"}, {"user": "carol"}
    blob = bob.encrypt(KeyId=name, Plaintext=b"x", EncryptionContext=mine)["CiphertextBlob"]
    assert bob.decrypt(CiphertextBlob=blob, EncryptionContext=mine)["Plaintext"] == b"x"
    assert refused(carol.decrypt, CiphertextBlob=blob, EncryptionContext=mine)[0] == DENIED
    for context in (theirs, {}, {"user": "${aws:username}"}, {"user": "*"}):
        told = refused(bob.encrypt, KeyId=name, Plaintext=b"x", EncryptionContext=context)
        assert told[0] == DENIED
    carol.encrypt(KeyId=name, Plaintext=b"x", EncryptionContext=theirs)


def test_a_tag_that_is_not_there_is_like_nothing_unless_there_is_a_default(kms, bob, key, refused):
    name, wanted = key["KeyId"], "kms:EncryptionContext:team"
    for default, before in (("", False), (", 'pay'", True)):
        variable = f"${{aws:ResourceTag/team{default}}}"
        put(kms, key, statement(key, "bob", "kms:Encrypt", StringLike={wanted: f"{variable}-?"}))
        context = {"team": "pay-1"}
        if before:
            bob.encrypt(KeyId=name, Plaintext=b"x", EncryptionContext=context)
        else:
            told = refused(bob.encrypt, KeyId=name, Plaintext=b"x", EncryptionContext=context)
            assert told[0] == DENIED
        kms.tag_resource(KeyId=name, Tags=[{"TagKey": "team", "TagValue": "risk"}])
        bob.encrypt(KeyId=name, Plaintext=b"x", EncryptionContext={"team": "risk-1"})
        for text in ("risk-", "risk-12", "pay-1"):
            told = refused(
                bob.encrypt, KeyId=name, Plaintext=b"x", EncryptionContext={"team": text}
            )
            assert told[0] == DENIED
        kms.untag_resource(KeyId=name, TagKeys=["team"])


def test_a_variable_that_is_none_is_refused_and_changes_nothing(kms, key, refused):
    before = kms.get_key_policy(KeyId=key["KeyId"])["Policy"]
    for variable in ("${aws:username", "${aws:nobody}", "${aws:TagKeys}", "${}"):
        text = policy(
            statement(key, "root", "kms:*"),
            statement(key, "root", "kms:*", StringEquals={"aws:username": variable}),
        )
        code, said = refused(kms.put_key_policy, KeyId=key["KeyId"], Policy=text)
        assert code == "MalformedPolicyDocumentException"
        assert said
    assert kms.get_key_policy(KeyId=key["KeyId"])["Policy"] == before


def test_the_type_of_a_message_is_what_the_request_says(kms, bob, refused):
    for spec, algorithm in (("ECC_NIST_P256", "ECDSA_SHA_256"),
                            ("ECC_NIST_EDWARDS25519", "ED25519_PH_SHA_512")):  # fmt: skip
        key = made(kms, KeySpec=spec, KeyUsage="SIGN_VERIFY")
        digest = bytes(32 if algorithm.startswith("ECDSA") else 64)
        how = {"KeyId": key["KeyId"], "SigningAlgorithm": algorithm}
        for kind, opens in (("DIGEST", True), ("RAW", False)):
            wanted = {"kms:MessageType": kind}
            put(kms, key, statement(key, "bob", "kms:Sign", StringEquals=wanted))
            if opens:
                bob.sign(Message=digest, MessageType="DIGEST", **how)
            else:
                told = refused(bob.sign, Message=digest, MessageType="DIGEST", **how)
                assert told[0] == DENIED


def test_parameters_for_an_import_are_for_the_wrapping_that_is_allowed(kms, bob, refused):
    key = made(kms, Origin="EXTERNAL")
    wanted = {"kms:WrappingAlgorithm": "RSAES_OAEP_SHA_?56", "kms:WrappingKeySpec": "RSA_2048"}
    put(
        kms, key,
        statement(key, "bob", "kms:GetParametersForImport", StringLike=wanted),
        statement(key, "bob", "kms:DescribeKey"),
    )  # fmt: skip
    how = {"KeyId": key["KeyId"], "WrappingKeySpec": "RSA_2048"}
    bob.get_parameters_for_import(WrappingAlgorithm="RSAES_OAEP_SHA_256", **how)
    told = refused(bob.get_parameters_for_import, WrappingAlgorithm="RSAES_OAEP_SHA_1", **how)
    assert told[0] == DENIED
    how["WrappingKeySpec"] = "RSA_3072"
    told = refused(bob.get_parameters_for_import, WrappingAlgorithm="RSAES_OAEP_SHA_256", **how)
    assert told[0] == DENIED


def test_material_is_imported_for_as_long_as_is_allowed(kms, bob, refused):
    key = made(kms, Origin="EXTERNAL")
    token = kms.get_parameters_for_import(
        KeyId=key["KeyId"], WrappingAlgorithm="RSAES_OAEP_SHA_256", WrappingKeySpec="RSA_2048"
    )["ImportToken"]
    now = datetime.now(UTC)
    soon = (now + timedelta(days=5)).strftime("%Y-%m-%dT%H:%M:%SZ")
    put(kms, key, statement(
        key, "bob", "kms:ImportKeyMaterial",
        DateLessThan={"kms:ValidTo": soon},
        StringEquals={"kms:ExpirationModel": "KEY_MATERIAL_EXPIRES"},
    ))  # fmt: skip
    how = {"KeyId": key["KeyId"], "ImportToken": token, "EncryptedKeyMaterial": bytes(256)}
    told = refused(bob.import_key_material, ValidTo=now + timedelta(days=4), **how)
    assert told[0] != DENIED  # it comes as far as the material, which is none
    for more in ({"ValidTo": now + timedelta(days=6)},
                 {"ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE"}):  # fmt: skip
        assert refused(bob.import_key_material, **more, **how)[0] == DENIED


def test_re_encryption_is_allowed_within_the_key_alone(kms, bob, key, refused):
    within = {"kms:ReEncryptOnSameKey": "true"}
    other = made(kms)
    for one in (key, other):
        put(kms, one, statement(one, "bob", "kms:ReEncrypt*", Bool=within))
    blob = kms.encrypt(KeyId=key["KeyId"], Plaintext=b"x")["CiphertextBlob"]
    done = bob.re_encrypt(CiphertextBlob=blob, DestinationKeyId=key["Arn"])
    assert done["SourceKeyId"] == done["KeyId"] == key["Arn"]
    told = refused(bob.re_encrypt, CiphertextBlob=blob, DestinationKeyId=other["KeyId"])
    assert told[0] == DENIED
