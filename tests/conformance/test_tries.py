"""AWS's SDK for Python: one call of ours for each of theirs, and what a dry run leaves behind."""

import uuid

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

SAID = "The request would have succeeded, but the DryRun option is set."
_TOO_LONG = (
    "Algorithm RSAES_OAEP_SHA_256 and key spec RSA_2048 cannot encrypt data larger than 190 bytes."
)
OAEP = {"EncryptionAlgorithm": "RSAES_OAEP_SHA_256"}


@pytest.fixture(scope="module")
def keys(kms):
    """The metadata of one key for each usage."""
    return {
        name: kms.create_key(**how)["KeyMetadata"]
        for name, how in {
            "plain": {}, "other": {},
            "rsa": {"KeySpec": "RSA_2048", "KeyUsage": "ENCRYPT_DECRYPT"},
            "signer": {"KeySpec": "ECC_NIST_P256", "KeyUsage": "SIGN_VERIFY"},
            "mac": {"KeySpec": "HMAC_256", "KeyUsage": "GENERATE_VERIFY_MAC"},
            "agree": {"KeySpec": "ECC_NIST_P256", "KeyUsage": "KEY_AGREEMENT"},
            "kem": {"KeySpec": "ML_KEM_768", "KeyUsage": "ENCAPSULATE_DECAPSULATE"},
        }.items()
    }  # fmt: skip


@pytest.fixture
def refused():
    """Run a call that is refused: its code, its message, and the id of the request."""
    from botocore.exceptions import ClientError

    def refused(call, **how):
        with pytest.raises(ClientError) as info:
            call(**how)
        answer = info.value.response
        request = uuid.UUID(answer["ResponseMetadata"]["RequestId"]).hex
        return answer["Error"]["Code"], answer["Error"].get("Message", ""), request

    return refused


def _members(kms, operation):
    shape = kms.meta.service_model.operation_model(operation).input_shape
    return {} if shape is None else shape.members


def good(kms, keys):
    """A call of each operation that has a dry run: what it is made with, and what is wrong."""
    plain, rsa, signer, mac, agree, kem = (
        keys[name]["KeyId"] for name in ("plain", "rsa", "signer", "mac", "agree", "kem")
    )
    blob = kms.encrypt(KeyId=plain, Plaintext=b"x")["CiphertextBlob"]
    sign = {"KeyId": signer, "Message": b"x", "SigningAlgorithm": "ECDSA_SHA_256"}
    code = {"KeyId": mac, "Message": b"x", "MacAlgorithm": "HMAC_SHA_256"}
    secret = {"KeyId": kem, "EncapsulationAlgorithm": "ML_KEM"}
    mine = ec.generate_private_key(ec.SECP256R1()).public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )  # fmt: skip
    sent = kms.encapsulate(**secret)["SharedSecretCiphertextBlob"]
    return [
        ("encrypt", {"KeyId": plain, "Plaintext": b"x"}),
        ("encrypt", {"KeyId": rsa, "Plaintext": b"x", **OAEP}),
        ("decrypt", {"CiphertextBlob": blob}),
        ("decrypt", {"CiphertextBlob": blob, "KeyId": plain}),
        ("re_encrypt", {"CiphertextBlob": blob, "DestinationKeyId": plain}),
        ("generate_data_key", {"KeyId": plain, "KeySpec": "AES_256"}),
        ("generate_data_key_without_plaintext", {"KeyId": plain, "KeySpec": "AES_256"}),
        ("generate_data_key_pair", {"KeyId": plain, "KeyPairSpec": "RSA_2048"}),
        ("generate_data_key_pair_without_plaintext",
         {"KeyId": plain, "KeyPairSpec": "ECC_NIST_P256"}),
        ("sign", sign), ("verify", sign | {"Signature": kms.sign(**sign)["Signature"]}),
        ("generate_mac", code), ("verify_mac", code | {"Mac": kms.generate_mac(**code)["Mac"]}),
        ("derive_shared_secret",
         {"KeyId": agree, "PublicKey": mine, "KeyAgreementAlgorithm": "ECDH"}),
        ("encapsulate", secret),
        ("decapsulate", secret | {"SharedSecretCiphertextBlob": sent}),
    ]  # fmt: skip


def test_each_use_is_one_entry_and_a_dry_run_says_that_it_was_one(account, kms, keys, refused):
    calls = good(kms, keys)
    api = kms.meta.method_to_api_mapping
    dry = {name for name in api.values() if "DryRun" in _members(kms, name)}
    assert {api[name] for name, _ in calls} == dry - {"CreateGrant", "RetireGrant", "RevokeGrant"}
    for operation, how in calls:
        answer = getattr(kms, operation)(**how)
        used = account.admin.events(request=uuid.UUID(answer["ResponseMetadata"]["RequestId"]).hex)
        assert [entry["outcome"] for entry in used] == ["allowed"], operation
        code, message, request = refused(getattr(kms, operation), DryRun=True, **how)
        assert (code, message) == ("DryRunOperationException", SAID), operation
        tried = account.admin.events(request=request)
        assert [(one["action"], one["outcome"], one["reason"]) for one in tried] == [
            (used[0]["action"], "refused", "dry-run")
        ]  # fmt: skip


def test_grants_are_made_and_ended_in_no_dry_run(account, kms, keys, refused):
    plain, number = keys["plain"]["KeyId"], keys["plain"]["AWSAccountId"]
    account.principal("grantee")
    how = {
        "KeyId": plain, "GranteePrincipal": f"arn:aws:iam::{number}:user/grantee",
        "Operations": ["Encrypt"],
    }  # fmt: skip
    would = ("DryRunOperationException", SAID)
    assert refused(kms.create_grant, DryRun=True, **how)[:2] == would
    assert kms.list_grants(KeyId=plain)["Grants"] == []
    made = kms.create_grant(**how)
    named = {"KeyId": plain, "GrantId": made["GrantId"]}
    assert refused(kms.revoke_grant, DryRun=True, **named)[:2] == would
    assert refused(kms.retire_grant, DryRun=True, GrantToken=made["GrantToken"])[:2] == would
    assert [one["GrantId"] for one in kms.list_grants(KeyId=plain)["Grants"]] == [made["GrantId"]]
    unknown = named | {"GrantId": made["GrantId"][::-1]}
    assert refused(kms.revoke_grant, DryRun=True, **unknown)[0] == "NotFoundException"
    kms.revoke_grant(**named)


def test_uses_are_counted_without_dry_runs(account, kms, keys, refused):
    name = keys["plain"]["KeyId"].replace("-", "")

    def uses():
        return account.admin.ask("GET", f"/v1/keys/id:{name}/usage").json["uses"]

    before = uses()
    for _ in range(3):
        refused(kms.encrypt, KeyId=keys["plain"]["KeyId"], Plaintext=b"x", DryRun=True)
    kms.encrypt(KeyId=keys["plain"]["KeyId"], Plaintext=b"x")
    assert uses() == before + 1


@pytest.mark.parametrize("dry", [False, True])
def test_what_is_wrong_fails_alike_with_and_without_a_dry_run(kms, keys, refused, dry):
    how = {"DryRun": dry}
    ids = {name: found["KeyId"] for name, found in keys.items()}
    sealed = kms.encrypt(KeyId=ids["plain"], Plaintext=b"x")["CiphertextBlob"]
    sign = {"KeyId": ids["signer"], "Message": b"x", "SigningAlgorithm": "ECDSA_SHA_256"}
    code = {"KeyId": ids["mac"], "Message": b"x", "MacAlgorithm": "HMAC_SHA_256"}
    tag = kms.generate_mac(**code)["Mac"]
    for call, wrong, said in (
        (kms.decrypt, {"CiphertextBlob": sealed[:-1]}, "InvalidCiphertextException"),
        (kms.decrypt, {"CiphertextBlob": b"junk", "KeyId": ids["plain"]},
         "InvalidCiphertextException"),
        (kms.decrypt, {"CiphertextBlob": sealed, "KeyId": ids["other"]}, "IncorrectKeyException"),
        (kms.decrypt, {"CiphertextBlob": sealed, "KeyId": ids["rsa"]}, "IncorrectKeyException"),
        (kms.decrypt, {"CiphertextBlob": sealed, "KeyId": ids["mac"]}, "IncorrectKeyException"),
        (kms.decrypt, {"CiphertextBlob": b"junk", "KeyId": ids["mac"]},
         "InvalidKeyUsageException"),
        (kms.decrypt, {"CiphertextBlob": sealed, "KeyId": ids["rsa"], **OAEP},
         "InvalidCiphertextException"),
        (kms.decrypt, {"CiphertextBlob": sealed, "KeyId": str(uuid.uuid4())}, "NotFoundException"),
        (kms.re_encrypt, {"CiphertextBlob": sealed, "SourceKeyId": ids["other"],
                          "DestinationKeyId": ids["plain"]}, "IncorrectKeyException"),
        (kms.re_encrypt, {"CiphertextBlob": sealed, "SourceKeyId": ids["rsa"],
                          "DestinationKeyId": ids["plain"]}, "IncorrectKeyException"),
        (kms.re_encrypt, {"CiphertextBlob": sealed, "SourceKeyId": ids["mac"],
                          "DestinationKeyId": ids["mac"]}, "IncorrectKeyException"),
        (kms.re_encrypt, {"CiphertextBlob": sealed, "DestinationKeyId": ids["signer"]},
         "InvalidKeyUsageException"),
        (kms.verify, sign | {"Signature": b"x" * 70}, "KMSInvalidSignatureException"),
        (kms.verify_mac, code | {"Mac": bytes(32)}, "KMSInvalidMacException"),
        (kms.verify_mac, code | {"Mac": tag + bytes(64)}, "KMSInvalidMacException"),
        (kms.generate_mac, code | {"MacAlgorithm": "HMAC_SHA_512"}, "InvalidKeyUsageException"),
    ):  # fmt: skip
        assert refused(call, **wrong, **how)[0] == said, wrong


def test_a_ciphertext_is_not_needed_where_it_is_ignored(kms, keys, refused):
    how = {"DryRun": True, "DryRunModifiers": ["IGNORE_CIPHERTEXT"]}
    plain, rsa, arn = keys["plain"]["KeyId"], keys["rsa"]["KeyId"], keys["signer"]["Arn"]
    would = ("DryRunOperationException", SAID)
    assert refused(kms.decrypt, KeyId=plain, **how)[:2] == would
    assert refused(kms.decrypt, KeyId=plain, CiphertextBlob=b"junk", **how)[:2] == would
    assert refused(kms.decrypt, KeyId=rsa, **OAEP, **how)[:2] == would
    assert refused(kms.re_encrypt, SourceKeyId=plain, DestinationKeyId=plain, **how)[:2] == would
    assert refused(kms.decrypt, **how)[0] == "ValidationException"
    assert refused(kms.re_encrypt, DestinationKeyId=plain, **how)[0] == "ValidationException"
    assert refused(kms.decrypt, KeyId=arn, **how)[:2] == (
        "InvalidKeyUsageException",
        f"{arn} key usage is SIGN_VERIFY which is not valid for Decrypt.",
    )
    for dry in ({}, {"DryRun": False}):
        real = {"DryRunModifiers": ["IGNORE_CIPHERTEXT"], "CiphertextBlob": b"x", **dry}
        code, message, _ = refused(kms.decrypt, KeyId=plain, **real)
        assert (code, message) == ("ValidationException", "DryRunModifiers go with DryRun only.")


def test_a_right_to_use_a_key_is_all_that_its_use_needs(account, kms, keys, refused):
    names = {
        name: account.admin.ask("GET", f"/v1/keys/id:{keys[name]['KeyId'].replace('-', '')}").json[
            "name"
        ]
        for name in ("rsa", "signer", "mac", "plain")
    }
    one = account.principal("user-only")
    text = "".join(
        f'permit (principal == Principal::"user-only", action in [{actions}], resource =='
        f' Key::"{names[name]}");\n'
        for name, actions in (
            ("rsa", 'Action::"key.encrypt"'), ("signer", 'Action::"key.sign"'),
            ("mac", 'Action::"key.mac"'),
        )
    )  # fmt: skip
    assert account.admin.ask("PUT", "/v1/policies/user-only", {"text": text}).status in (200, 201)
    for name in names:
        kms.create_alias(AliasName=f"alias/only-{name}", TargetKeyId=keys[name]["KeyId"])
    sealed = one.encrypt(KeyId="alias/only-rsa", Plaintext=b"x", **OAEP)
    assert sealed["KeyId"] == keys["rsa"]["Arn"]
    opened = kms.decrypt(KeyId="alias/only-rsa", CiphertextBlob=sealed["CiphertextBlob"], **OAEP)
    assert (opened["Plaintext"], opened["KeyId"]) == (b"x", keys["rsa"]["Arn"])
    sign = {"Message": b"x", "SigningAlgorithm": "ECDSA_SHA_256"}
    assert one.sign(KeyId="alias/only-signer", **sign)["KeyId"] == keys["signer"]["Arn"]
    mac = {"Message": b"x", "MacAlgorithm": "HMAC_SHA_256"}
    assert one.generate_mac(KeyId="alias/only-mac", **mac)["KeyId"] == keys["mac"]["Arn"]
    # What a key is, is told to who may use it, and to nobody else.
    assert refused(one.encrypt, KeyId="alias/only-rsa", Plaintext=b"x")[:2] == (
        "InvalidKeyUsageException",
        "Algorithm SYMMETRIC_DEFAULT is incompatible with key spec RSA_2048.",
    )
    code, message, _ = refused(one.encrypt, KeyId="alias/only-rsa", Plaintext=b"x" * 191, **OAEP)
    assert (code, message) == ("ValidationException", _TOO_LONG)
    assert refused(one.sign, KeyId="alias/only-rsa", **sign)[0] == "AccessDeniedException"
    assert refused(one.encrypt, KeyId="alias/only-plain", Plaintext=b"x")[0] == (
        "AccessDeniedException"
    )
    kms.disable_key(KeyId=keys["rsa"]["KeyId"])
    said = refused(one.encrypt, KeyId="alias/only-rsa", Plaintext=b"x", **OAEP)[:2]
    kms.enable_key(KeyId=keys["rsa"]["KeyId"])
    assert said == ("DisabledException", f"{keys['rsa']['Arn']} is disabled.")


def test_a_ciphertext_goes_from_rsa_and_to_rsa(kms, keys):
    plain, rsa = keys["plain"], keys["rsa"]
    old = kms.encrypt(KeyId=rsa["KeyId"], Plaintext=b"hello", **OAEP)["CiphertextBlob"]
    kms.create_alias(AliasName="alias/from", TargetKeyId=rsa["KeyId"])
    made = kms.re_encrypt(
        CiphertextBlob=old, SourceKeyId="alias/from", DestinationKeyId=plain["KeyId"],
        SourceEncryptionAlgorithm="RSAES_OAEP_SHA_256", DestinationEncryptionContext={"a": "1"},
    )  # fmt: skip
    assert (made["SourceKeyId"], made["KeyId"]) == (rsa["Arn"], plain["Arn"])
    assert "SourceKeyMaterialId" not in made
    assert made["DestinationKeyMaterialId"] == plain["CurrentKeyMaterialId"]
    back = kms.re_encrypt(
        CiphertextBlob=made["CiphertextBlob"], SourceEncryptionContext={"a": "1"},
        DestinationKeyId="alias/from", DestinationEncryptionAlgorithm="RSAES_OAEP_SHA_1",
    )  # fmt: skip
    assert back["SourceKeyMaterialId"] == plain["CurrentKeyMaterialId"]
    opened = kms.decrypt(
        KeyId=rsa["KeyId"], CiphertextBlob=back["CiphertextBlob"],
        EncryptionAlgorithm="RSAES_OAEP_SHA_1",
    )  # fmt: skip
    assert opened["Plaintext"] == b"hello"


def test_a_key_that_is_to_be_deleted_is_neither_labelled_nor_named(kms, refused):
    found = kms.create_key()["KeyMetadata"]
    name, said = found["KeyId"], f"{found['Arn']} is pending deletion."
    kms.schedule_key_deletion(KeyId=name, PendingWindowInDays=7)
    for call, how in (
        (kms.tag_resource, {"KeyId": name, "Tags": [{"TagKey": "a", "TagValue": "1"}]}),
        (kms.untag_resource, {"KeyId": name, "TagKeys": ["a"]}),
        (kms.update_key_description, {"KeyId": name, "Description": "d"}),
        (kms.create_alias, {"AliasName": "alias/late", "TargetKeyId": name}),
    ):
        assert refused(call, **how)[:2] == ("KMSInvalidStateException", said)


def test_a_key_has_at_most_fifty_tags_and_each_change_is_one_entry(account, kms, refused):
    name = kms.create_key()["KeyMetadata"]["KeyId"]
    tags = [{"TagKey": f"t{n}", "TagValue": "v"} for n in range(50)]
    answer = kms.tag_resource(KeyId=name, Tags=tags)["ResponseMetadata"]
    (entry,) = account.admin.events(request=uuid.UUID(answer["RequestId"]).hex)
    assert entry["action"] == "key.update"
    more = {"KeyId": name, "Tags": [{"TagKey": "more", "TagValue": ""}]}
    assert refused(kms.tag_resource, **more)[:2] == ("TagException", "Too many tags")
    kms.untag_resource(KeyId=name, TagKeys=["t0", "no-such", "x" * 128])
    kms.tag_resource(**more)
    assert len(kms.list_resource_tags(KeyId=name)["Tags"]) == 50
    kms.create_alias(AliasName="alias/tagged", TargetKeyId=name)
    for call in (kms.tag_resource, kms.list_resource_tags):
        how = {"Tags": tags} if call == kms.tag_resource else {}
        assert refused(call, KeyId="alias/tagged", **how)[0] == "NotFoundException"


def test_a_symmetric_key_has_no_public_half(kms, keys, refused):
    code, message, _ = refused(kms.get_public_key, KeyId=keys["plain"]["KeyId"])
    assert code == "UnsupportedOperationException"
    assert message.startswith(f"{keys['plain']['Arn']} key spec is SYMMETRIC_DEFAULT which is not")
    kms.disable_key(KeyId=keys["rsa"]["KeyId"])
    said = refused(kms.get_public_key, KeyId=keys["rsa"]["KeyId"])[:2]
    kms.enable_key(KeyId=keys["rsa"]["KeyId"])
    assert said == ("DisabledException", f"{keys['rsa']['Arn']} is disabled.")
