"""AWS's SDK for Python, unchanged: what works with AWS KMS works here; what fails, fails alike."""

import datetime as dt
import hashlib
import uuid

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding

from tests.conformance.conftest import REGION

CONTEXT = {"tenant": "a", "purpose": "cards"}


def made(kms, **how):
    return kms.create_key(**how)["KeyMetadata"]


@pytest.fixture(scope="module")
def key(kms):
    return made(kms)["KeyId"]


@pytest.fixture
def refused():
    """Run a call that is refused: its code and message."""
    from botocore.exceptions import ClientError

    def refused(call, **how):
        with pytest.raises(ClientError) as info:
            call(**how)
        error = info.value.response["Error"]
        status = info.value.response["ResponseMetadata"]["HTTPStatusCode"]
        assert status == (500 if error["Code"] == "KMSInternalException" else 400)
        return error["Code"], error.get("Message", "")

    return refused


# --- keys -----------------------------------------------------------------------------------------


def test_a_new_key_is_described_as_aws_describes_one(kms):
    found = made(kms, Description="cards", Tags=[{"TagKey": "team", "TagValue": "payments"}])
    uuid.UUID(found["KeyId"])
    account = found["AWSAccountId"]
    assert len(account) == 12
    assert account.isdigit()
    assert found["Arn"] == f"arn:aws:kms:{REGION}:{account}:key/{found['KeyId']}"
    assert isinstance(found["CreationDate"], dt.datetime)
    assert len(found["CurrentKeyMaterialId"]) == 64
    assert found | {"CreationDate": 0, "CurrentKeyMaterialId": ""} == {
        "AWSAccountId": account, "KeyId": found["KeyId"], "Arn": found["Arn"], "CreationDate": 0,
        "Enabled": True, "Description": "cards", "KeyUsage": "ENCRYPT_DECRYPT",
        "KeyState": "Enabled", "Origin": "AWS_KMS", "KeyManager": "CUSTOMER",
        "CustomerMasterKeySpec": "SYMMETRIC_DEFAULT", "KeySpec": "SYMMETRIC_DEFAULT",
        "EncryptionAlgorithms": ["SYMMETRIC_DEFAULT"], "MultiRegion": False,
        "CurrentKeyMaterialId": "",
    }  # fmt: skip
    assert kms.describe_key(KeyId=found["Arn"])["KeyMetadata"] == found
    tags = kms.list_resource_tags(KeyId=found["KeyId"])
    assert tags["Tags"] == [{"TagKey": "team", "TagValue": "payments"}]


SPECS = {
    "RSA_2048": {"ENCRYPT_DECRYPT", "SIGN_VERIFY"},
    "ECC_NIST_P256": {"SIGN_VERIFY", "KEY_AGREEMENT"},
    "ECC_NIST_P384": {"SIGN_VERIFY", "KEY_AGREEMENT"}, "ECC_NIST_P521": {"SIGN_VERIFY"},
    "ECC_SECG_P256K1": {"SIGN_VERIFY"}, "ECC_NIST_EDWARDS25519": {"SIGN_VERIFY"},
    "HMAC_224": {"GENERATE_VERIFY_MAC"}, "HMAC_512": {"GENERATE_VERIFY_MAC"},
    "ML_DSA_44": {"SIGN_VERIFY"}, "ML_DSA_87": {"SIGN_VERIFY"},
    "ML_KEM_768": {"ENCAPSULATE_DECAPSULATE"},
}  # fmt: skip
_LISTS = {
    "ENCRYPT_DECRYPT": "EncryptionAlgorithms", "SIGN_VERIFY": "SigningAlgorithms",
    "GENERATE_VERIFY_MAC": "MacAlgorithms", "KEY_AGREEMENT": "KeyAgreementAlgorithms",
    "ENCAPSULATE_DECAPSULATE": "EncapsulationAlgorithms",
}  # fmt: skip


@pytest.mark.parametrize(
    ("spec", "usage"), [(spec, usage) for spec, usages in SPECS.items() for usage in sorted(usages)]
)
def test_each_spec_lists_the_algorithms_of_its_usage_and_no_others(kms, spec, usage):
    found = made(kms, KeySpec=spec, KeyUsage=usage)
    assert (found["KeySpec"], found["KeyUsage"]) == (spec, usage)
    assert [name for name in _LISTS.values() if name in found] == [_LISTS[usage]]
    assert found[_LISTS[usage]]
    assert "CurrentKeyMaterialId" not in found


@pytest.mark.parametrize(
    ("how", "code", "message"),
    [
        ({"KeySpec": "RSA_2048"}, "ValidationException", "You must specify a KeyUsage value"),
        ({"KeySpec": "HMAC_256", "KeyUsage": "SIGN_VERIFY"}, "ValidationException",
         "KeyUsage SIGN_VERIFY is not compatible with KeySpec HMAC_256"),
        ({"KeySpec": "HMAC_256", "CustomerMasterKeySpec": "RSA_2048"}, "ValidationException",
         "cannot both be given"),
        ({"KeySpec": "X"}, "ValidationException",
         "at 'keySpec' failed to satisfy constraint: Member must satisfy enum value set: ["),
        ({"KeySpec": "SM2", "KeyUsage": "SIGN_VERIFY"}, "UnsupportedOperationException", "SM2"),
        ({"Origin": "AWS_CLOUDHSM"}, "UnsupportedOperationException", "AWS_CLOUDHSM"),
        ({"Tags": [{"TagKey": "AWS:x", "TagValue": ""}]}, "TagException",
         "Tags beginning with aws: are reserved"),
        ({"Tags": [{"TagKey": "a", "TagValue": ""}] * 2}, "TagException", "Duplicate tag keys"),
        ({"Tags": [{"TagKey": f"t{n}", "TagValue": ""} for n in range(51)]}, "TagException",
         "Too many tags"),
    ],
)  # fmt: skip
def test_a_key_that_cannot_be_made_is_refused_in_awss_words(kms, refused, how, code, message):
    assert refused(kms.create_key, **how)[0] == code
    assert message in refused(kms.create_key, **how)[1]


def test_keys_are_listed_page_by_page(kms, refused):
    keys = {made(kms)["KeyId"] for _ in range(3)}
    found, marker = set(), {}
    while True:
        page = kms.list_keys(Limit=2, **marker)
        assert len(page["Keys"]) <= 2
        found |= {one["KeyId"] for one in page["Keys"]}
        assert ("NextMarker" in page) is page["Truncated"]
        if not page["Truncated"]:
            break
        marker = {"Marker": page["NextMarker"]}
    assert keys <= found
    pages = kms.get_paginator("list_keys").paginate(PaginationConfig={"PageSize": 2})
    assert {one["KeyId"] for page in pages for one in page["Keys"]} == found
    assert refused(kms.list_keys, Marker="bm9uZQ==")[0] == "InvalidMarkerException"
    assert refused(kms.list_keys, Limit=1001)[0] == "ValidationException"


def test_a_disabled_key_does_nothing_until_it_is_enabled(kms, refused):
    found = made(kms)
    name, arn = found["KeyId"], found["Arn"]
    sealed = kms.encrypt(KeyId=name, Plaintext=b"x")["CiphertextBlob"]
    kms.disable_key(KeyId=name)
    kms.disable_key(KeyId=name)
    assert kms.describe_key(KeyId=name)["KeyMetadata"]["KeyState"] == "Disabled"
    for call, how in (
        (kms.encrypt, {"KeyId": name, "Plaintext": b"x"}),
        (kms.decrypt, {"CiphertextBlob": sealed}),
        (kms.generate_data_key, {"KeyId": name, "KeySpec": "AES_256"}),
    ):
        assert refused(call, **how) == ("DisabledException", f"{arn} is disabled.")
    kms.enable_key(KeyId=name)
    assert kms.decrypt(CiphertextBlob=sealed)["Plaintext"] == b"x"


def test_a_deletion_is_scheduled_and_cancelled(kms, refused):
    found = made(kms)
    name, arn = found["KeyId"], found["Arn"]
    planned = kms.schedule_key_deletion(KeyId=name, PendingWindowInDays=7)
    assert (planned["KeyId"], planned["KeyState"], planned["PendingWindowInDays"]) == (
        arn, "PendingDeletion", 7,
    )  # fmt: skip
    metadata = kms.describe_key(KeyId=name)["KeyMetadata"]
    assert metadata["DeletionDate"] == planned["DeletionDate"]
    assert metadata["KeyState"] == "PendingDeletion"
    said = ("KMSInvalidStateException", f"{arn} is pending deletion.")
    assert refused(kms.encrypt, KeyId=name, Plaintext=b"x") == said
    assert refused(kms.schedule_key_deletion, KeyId=name) == said
    assert refused(kms.enable_key, KeyId=name) == said
    assert kms.cancel_key_deletion(KeyId=name)["KeyId"] == arn
    assert kms.describe_key(KeyId=name)["KeyMetadata"]["KeyState"] == "Disabled"
    assert refused(kms.cancel_key_deletion, KeyId=name)[0] == "KMSInvalidStateException"
    assert refused(kms.schedule_key_deletion, KeyId=name, PendingWindowInDays=6)[0] == (
        "ValidationException"
    )


def test_rotation_leaves_old_ciphertexts_readable_and_names_new_material(kms, refused):
    name = made(kms)["KeyId"]
    sealed = kms.encrypt(KeyId=name, Plaintext=b"old")["CiphertextBlob"]
    first = kms.describe_key(KeyId=name)["KeyMetadata"]["CurrentKeyMaterialId"]
    assert kms.get_key_rotation_status(KeyId=name)["KeyRotationEnabled"] is False
    kms.enable_key_rotation(KeyId=name, RotationPeriodInDays=90)
    status = kms.get_key_rotation_status(KeyId=name)
    assert (status["KeyRotationEnabled"], status["RotationPeriodInDays"]) == (True, 90)
    assert status["NextRotationDate"] > dt.datetime.now(dt.UTC)
    kms.disable_key_rotation(KeyId=name)
    assert "NextRotationDate" not in kms.get_key_rotation_status(KeyId=name)
    kms.rotate_key_on_demand(KeyId=name)
    second = kms.describe_key(KeyId=name)["KeyMetadata"]["CurrentKeyMaterialId"]
    assert second != first
    opened = kms.decrypt(CiphertextBlob=sealed)
    assert (opened["Plaintext"], opened["KeyMaterialId"]) == (b"old", first)
    assert kms.generate_data_key(KeyId=name, KeySpec="AES_128")["KeyMaterialId"] == second
    rotations = kms.list_key_rotations(KeyId=name)["Rotations"]
    assert [one["KeyMaterialId"] for one in rotations] == [second]
    signing = made(kms, KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyId"]
    assert refused(kms.enable_key_rotation, KeyId=signing)[0] == "UnsupportedOperationException"


def test_tags_come_and_go(kms):
    name = made(kms)["KeyId"]
    kms.tag_resource(KeyId=name, Tags=[{"TagKey": "a", "TagValue": "1"}])
    kms.tag_resource(KeyId=name, Tags=[{"TagKey": "b", "TagValue": "2"}])
    kms.untag_resource(KeyId=name, TagKeys=["a"])
    tags = kms.list_resource_tags(KeyId=name)
    assert tags["Tags"] == [{"TagKey": "b", "TagValue": "2"}]
    kms.update_key_description(KeyId=name, Description="new")
    assert kms.describe_key(KeyId=name)["KeyMetadata"]["Description"] == "new"


# --- names ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("alias", ["alias/cards", "alias/app/Prod_1", "alias/A-/x-"])
def test_an_alias_is_a_name_for_a_key_wherever_aws_takes_one(kms, refused, alias):
    one, two = made(kms), made(kms)
    kms.create_alias(AliasName=alias, TargetKeyId=one["KeyId"])
    arn = f"arn:aws:kms:{REGION}:{one['AWSAccountId']}:{alias}"
    for name in (alias, arn):
        assert kms.encrypt(KeyId=name, Plaintext=b"x")["KeyId"] == one["Arn"]
        assert kms.describe_key(KeyId=name)["KeyMetadata"]["Arn"] == one["Arn"]
    key_arn = f"arn:aws:kms:{REGION}:{one['AWSAccountId']}:key/{alias}"
    for call in (kms.disable_key, kms.schedule_key_deletion, kms.rotate_key_on_demand):
        for name in (alias, arn, key_arn):
            assert refused(call, KeyId=name)[0] == "NotFoundException"
    assert refused(kms.encrypt, KeyId=key_arn, Plaintext=b"x")[0] == "NotFoundException"
    said = refused(kms.create_alias, AliasName=alias, TargetKeyId=two["KeyId"])
    assert said == ("AlreadyExistsException", f"An alias with the name {arn} already exists")
    kms.update_alias(AliasName=alias, TargetKeyId=two["KeyId"])
    assert kms.encrypt(KeyId=alias, Plaintext=b"x")["KeyId"] == two["Arn"]
    (listed,) = kms.list_aliases(KeyId=two["KeyId"])["Aliases"]
    assert (listed["AliasName"], listed["AliasArn"], listed["TargetKeyId"]) == (
        alias, arn, two["KeyId"],
    )  # fmt: skip
    assert alias in {one["AliasName"] for one in kms.list_aliases()["Aliases"]}
    kms.delete_alias(AliasName=alias)
    gone = ("NotFoundException", f"Alias {arn} is not found.")
    assert refused(kms.delete_alias, AliasName=alias) == gone
    for name in (alias, arn):
        assert refused(kms.encrypt, KeyId=name, Plaintext=b"x") == gone
    assert refused(kms.update_alias, AliasName=alias, TargetKeyId=one["KeyId"]) == gone


def test_an_alias_says_when_it_was_pointed_at_its_key(kms):
    alias, one, two = "alias/dated", made(kms)["KeyId"], made(kms)["KeyId"]

    def dates():
        (listed,) = (one for one in kms.list_aliases()["Aliases"] if one["AliasName"] == alias)
        return listed["CreationDate"], listed["LastUpdatedDate"]

    kms.create_alias(AliasName=alias, TargetKeyId=one)
    created, updated = dates()
    assert created == updated
    kms.update_alias(AliasName=alias, TargetKeyId=two)
    assert dates()[0] == created
    assert dates()[1] > updated
    kms.delete_alias(AliasName=alias)
    kms.create_alias(AliasName=alias, TargetKeyId=two)  # another one, of that name
    assert dates()[0] == dates()[1] > created


ALIKE = (
    {}, {"KeySpec": "RSA_2048", "KeyUsage": "ENCRYPT_DECRYPT"},
    {"KeySpec": "RSA_2048", "KeyUsage": "SIGN_VERIFY"},
    {"KeySpec": "ECC_NIST_P256", "KeyUsage": "SIGN_VERIFY"},
    {"KeySpec": "ECC_NIST_P256", "KeyUsage": "KEY_AGREEMENT"},
    {"KeySpec": "HMAC_256", "KeyUsage": "GENERATE_VERIFY_MAC"},
    {"KeySpec": "HMAC_512", "KeyUsage": "GENERATE_VERIFY_MAC"},
)  # fmt: skip


def test_an_alias_moves_between_keys_of_one_type_and_usage(kms, refused):
    keys = [made(kms, **how) for how in ALIKE]
    same = {(2, 3), (3, 2), (5, 6), (6, 5)}
    for first, one in enumerate(keys):
        alias = f"alias/typed-{first}"
        kms.create_alias(AliasName=alias, TargetKeyId=one["KeyId"])
        for second, other in enumerate(keys):
            if first == second or (first, second) in same:
                kms.update_alias(AliasName=alias, TargetKeyId=other["KeyId"])
                kms.update_alias(AliasName=alias, TargetKeyId=one["KeyId"])
                continue
            code, message = refused(kms.update_alias, AliasName=alias, TargetKeyId=other["KeyId"])
            assert code == "ValidationException"
            assert f":{alias} cannot be updated: {one['Arn']} and {other['Arn']} must" in message
            (listed,) = kms.list_aliases(KeyId=one["KeyId"])["Aliases"]
            assert listed["AliasName"] == alias


@pytest.mark.parametrize(
    ("alias", "code"),
    [("cards", "ValidationException"), ("alias/aws/s3", "NotAuthorizedException"),
     ("alias/", "ValidationException"),
     ("alias/a b", "ValidationException"), ("alias/" + "A" * 251, "ValidationException")],
)  # fmt: skip
def test_names_that_no_alias_can_have_are_refused(kms, key, refused, alias, code):
    assert refused(kms.create_alias, AliasName=alias, TargetKeyId=key)[0] == code


def test_what_is_no_key_is_said_to_be_none(kms, key, refused):
    account = kms.describe_key(KeyId=key)["KeyMetadata"]["AWSAccountId"]
    missing = str(uuid.uuid4())
    arn = f"arn:aws:kms:{REGION}:{account}:key/{missing}"
    for name, said in (
        (missing, f"Key '{arn}' does not exist"),
        (arn, f"Key '{arn}' does not exist"),
        ("x", "Invalid keyId 'x'"),
        (f"arn:aws:kms:us-east-1:{account}:key/{key}", "Invalid arn us-east-1"),
    ):
        assert refused(kms.encrypt, KeyId=name, Plaintext=b"x") == ("NotFoundException", said)
    assert refused(kms.encrypt, KeyId="arn:x", Plaintext=b"x")[0] == "InvalidArnException"


def test_a_marker_is_good_for_its_own_list_alone(kms, refused):
    user = f"arn:aws:iam::{made(kms)['AWSAccountId']}:user/admin"
    keys = [made(kms, Tags=[{"TagKey": n, "TagValue": ""} for n in "abc"])["KeyId"] for _ in "xy"]
    for key in keys:
        for n in range(2):
            kms.create_alias(AliasName=f"alias/marked/{key}/{n}", TargetKeyId=key)
            kms.rotate_key_on_demand(KeyId=key)
            kms.create_grant(
                KeyId=key, GranteePrincipal=user, RetiringPrincipal=user, Operations=["Encrypt"]
            )
    one_key = {"KeyId": keys[0]}
    lists = {
        "list_keys": {}, "list_aliases": {}, "list_key_rotations": one_key,
        "list_grants": one_key, "list_resource_tags": one_key, "list_key_policies": one_key,
        "list_retirable_grants": {"RetiringPrincipal": user},
    }  # fmt: skip
    pages = {name: getattr(kms, name)(Limit=1, **how) for name, how in lists.items()}
    markers = {name: page["NextMarker"] for name, page in pages.items() if page["Truncated"]}
    assert lists.keys() - markers.keys() == {"list_key_policies"}
    for name, how in lists.items():
        for marker in (markers[other] for other in markers if other != name):
            code, _ = refused(getattr(kms, name), Marker=marker, **how)
            assert code == "InvalidMarkerException"
    said = refused(kms.list_grants, KeyId=keys[1], Marker=markers["list_grants"])
    assert said == ("InvalidMarkerException", "Could not deserialize marker")


def test_tags_are_listed_page_by_page(kms, refused):
    tags = [{"TagKey": f"k{n}", "TagValue": str(n)} for n in range(5)]
    key = made(kms, Tags=tags)["KeyId"]
    paginator = kms.get_paginator("list_resource_tags")
    pages = list(paginator.paginate(KeyId=key, PaginationConfig={"PageSize": 2}))
    assert [len(page["Tags"]) for page in pages] == [2, 2, 1]
    assert [tag for page in pages for tag in page["Tags"]] == tags
    assert refused(kms.list_resource_tags, KeyId=key, Limit=51)[0] == "ValidationException"


# --- encryption -----------------------------------------------------------------------------------


def test_a_ciphertext_opens_with_its_context_alone_in_any_order(kms, key, refused):
    sealed = kms.encrypt(KeyId=key, Plaintext=b"hello", EncryptionContext=CONTEXT)
    turned = dict(reversed(CONTEXT.items()))
    opened = kms.decrypt(CiphertextBlob=sealed["CiphertextBlob"], EncryptionContext=turned)
    assert opened["Plaintext"] == b"hello"
    assert opened["KeyId"] == sealed["KeyId"]
    assert opened["EncryptionAlgorithm"] == "SYMMETRIC_DEFAULT"
    blob = sealed["CiphertextBlob"]
    dull = ("InvalidCiphertextException", "")
    for other in ({}, CONTEXT | {"tenant": "b"}, {"tenanta": "", "purpose": "cards"}):
        assert refused(kms.decrypt, CiphertextBlob=blob, EncryptionContext=other) == dull
    for bad in (blob[:-1], blob + b"x", b"junk", bytes([blob[0] ^ 1]) + blob[1:]):
        assert refused(kms.decrypt, CiphertextBlob=bad, EncryptionContext=CONTEXT) == dull
    another = made(kms)["KeyId"]
    assert refused(
        kms.decrypt, CiphertextBlob=blob, EncryptionContext=CONTEXT, KeyId=another
    )[0] == "IncorrectKeyException"  # fmt: skip


@pytest.mark.parametrize("size", [0, 4097])
def test_what_is_too_short_or_too_long_is_refused_and_not_repeated(kms, key, refused, size):
    code, message = refused(kms.encrypt, KeyId=key, Plaintext=b"s" * size)
    assert code == "ValidationException"
    assert "Value at 'plaintext' failed to satisfy constraint: Member must have length" in message
    assert "sss" not in message


def test_a_context_of_too_many_pairs_is_said_to_be_one(kms, key, refused):
    said = ("ValidationException", "An encryption context has at most 64 pairs.")
    how = {"KeyId": key, "EncryptionContext": {str(n): "x" for n in range(65)}}
    assert refused(kms.encrypt, Plaintext=b"x", **how) == said
    assert refused(kms.generate_data_key, KeySpec="AES_256", **how) == said
    assert refused(kms.generate_data_key_pair, KeyPairSpec="ECC_NIST_P256", **how) == said


def test_the_longest_plaintext_goes_both_ways(kms, key):
    text = bytes(range(256)) * 16
    sealed = kms.encrypt(KeyId=key, Plaintext=text)["CiphertextBlob"]
    assert len(sealed) <= 6144
    assert kms.decrypt(CiphertextBlob=sealed, KeyId=key)["Plaintext"] == text


@pytest.mark.parametrize("algorithm", ["RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256"])
def test_what_was_encrypted_elsewhere_with_the_public_key_is_decrypted(kms, refused, algorithm):
    name = made(kms, KeySpec="RSA_2048", KeyUsage="ENCRYPT_DECRYPT")["KeyId"]
    found = kms.get_public_key(KeyId=name)
    assert found["EncryptionAlgorithms"] == ["RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256"]
    public = serialization.load_der_public_key(found["PublicKey"])
    digest = hashes.SHA1() if algorithm.endswith("_1") else hashes.SHA256()  # noqa: S303 - AWS has it
    oaep = padding.OAEP(padding.MGF1(digest), digest, None)
    for sealed in (
        public.encrypt(b"hello", oaep),
        kms.encrypt(KeyId=name, Plaintext=b"hello", EncryptionAlgorithm=algorithm)[
            "CiphertextBlob"
        ],
    ):
        opened = kms.decrypt(KeyId=name, CiphertextBlob=sealed, EncryptionAlgorithm=algorithm)
        assert opened["Plaintext"] == b"hello"
        assert "KeyMaterialId" not in opened
    assert refused(kms.encrypt, KeyId=name, Plaintext=b"x") == (
        "InvalidKeyUsageException",
        "Algorithm SYMMETRIC_DEFAULT is incompatible with key spec RSA_2048.",
    )


@pytest.mark.parametrize(
    ("how", "size"),
    [({"KeySpec": "AES_256"}, 32), ({"KeySpec": "AES_128"}, 16), ({"NumberOfBytes": 24}, 24),
     ({"NumberOfBytes": 1}, 1), ({"NumberOfBytes": 1024}, 1024)],
)  # fmt: skip
def test_a_data_key_has_the_size_that_was_asked_for(kms, key, how, size):
    one = kms.generate_data_key(KeyId=key, EncryptionContext=CONTEXT, **how)
    assert len(one["Plaintext"]) == size
    opened = kms.decrypt(CiphertextBlob=one["CiphertextBlob"], EncryptionContext=CONTEXT)
    assert opened["Plaintext"] == one["Plaintext"]
    assert opened["KeyMaterialId"] == one["KeyMaterialId"]
    two = kms.generate_data_key_without_plaintext(KeyId=key, **how)
    assert "Plaintext" not in two
    assert len(kms.decrypt(CiphertextBlob=two["CiphertextBlob"])["Plaintext"]) == size


@pytest.mark.parametrize("how", [{}, {"KeySpec": "AES_256", "NumberOfBytes": 32}])
def test_a_data_key_has_one_size(kms, key, refused, how):
    assert refused(kms.generate_data_key, KeyId=key, **how)[0] == "ValidationException"


@pytest.mark.parametrize("spec", ["RSA_2048", "ECC_NIST_P384", "ECC_NIST_EDWARDS25519"])
def test_a_key_pair_is_one(kms, key, spec):
    pair = kms.generate_data_key_pair(KeyId=key, KeyPairSpec=spec, EncryptionContext=CONTEXT)
    private = serialization.load_der_private_key(pair["PrivateKeyPlaintext"], None)
    public = private.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    assert public == pair["PublicKey"]
    opened = kms.decrypt(CiphertextBlob=pair["PrivateKeyCiphertextBlob"], EncryptionContext=CONTEXT)
    assert opened["Plaintext"] == pair["PrivateKeyPlaintext"]
    bare = kms.generate_data_key_pair_without_plaintext(KeyId=key, KeyPairSpec=spec)
    assert "PrivateKeyPlaintext" not in bare


def test_a_ciphertext_becomes_one_of_another_key(kms, key):
    other = made(kms)
    sealed = kms.encrypt(KeyId=key, Plaintext=b"hello", EncryptionContext=CONTEXT)
    again = kms.re_encrypt(
        CiphertextBlob=sealed["CiphertextBlob"], SourceEncryptionContext=CONTEXT,
        DestinationKeyId=other["KeyId"], DestinationEncryptionContext={"new": "1"},
    )  # fmt: skip
    assert (again["SourceKeyId"], again["KeyId"]) == (sealed["KeyId"], other["Arn"])
    opened = kms.decrypt(CiphertextBlob=again["CiphertextBlob"], EncryptionContext={"new": "1"})
    assert opened["Plaintext"] == b"hello"
    assert opened["KeyId"] == other["Arn"]


def test_of_two_keys_the_one_is_named_that_cannot_be_used(kms, refused):
    source, destination = made(kms)["Arn"], made(kms)["Arn"]
    blob = kms.encrypt(KeyId=source, Plaintext=b"x")["CiphertextBlob"]
    for disabled in (source, destination):
        kms.disable_key(KeyId=disabled)
        said = refused(kms.re_encrypt, CiphertextBlob=blob, DestinationKeyId=destination)
        assert said == ("DisabledException", f"{disabled} is disabled.")
        kms.enable_key(KeyId=disabled)


@pytest.mark.parametrize("how", [{}, {"KeySpec": "HMAC_256", "KeyUsage": "GENERATE_VERIFY_MAC"}])
def test_a_symmetric_key_has_no_public_half(kms, refused, how):
    found = made(kms, **how)
    assert refused(kms.get_public_key, KeyId=found["KeyId"]) == (
        "UnsupportedOperationException",
        f"{found['Arn']} key spec is {found['KeySpec']} which is not valid for this operation.",
    )


def test_random_bytes(kms, refused):
    assert len(kms.generate_random(NumberOfBytes=1024)["Plaintext"]) == 1024
    assert refused(kms.generate_random) == ("ValidationException", "NumberOfBytes is required.")
    assert refused(kms.generate_random, NumberOfBytes=1025)[0] == "ValidationException"


# --- signatures -----------------------------------------------------------------------------------

_RSA = [f"RSASSA_{kind}_SHA_{bits}" for kind in ("PSS", "PKCS1_V1_5") for bits in (256, 384, 512)]


@pytest.mark.parametrize(
    ("spec", "algorithms"),
    [("RSA_2048", _RSA), ("ECC_NIST_P256", ["ECDSA_SHA_256"]),
     ("ECC_NIST_P384", ["ECDSA_SHA_384"]), ("ECC_NIST_P521", ["ECDSA_SHA_512"]),
     ("ECC_SECG_P256K1", ["ECDSA_SHA_256"])],
)  # fmt: skip
def test_message_and_its_digest_have_the_same_signature(kms, refused, spec, algorithms):
    name = made(kms, KeySpec=spec, KeyUsage="SIGN_VERIFY")["KeyId"]
    for algorithm in algorithms:
        how = {"KeyId": name, "SigningAlgorithm": algorithm}
        digest = hashlib.new(f"sha{algorithm[-3:]}", b"hello").digest()
        by_message = kms.sign(Message=b"hello", **how)["Signature"]
        by_digest = kms.sign(Message=digest, MessageType="DIGEST", **how)["Signature"]
        for signature in (by_message, by_digest):
            assert kms.verify(Message=b"hello", Signature=signature, **how)["SignatureValid"]
            assert kms.verify(
                Message=digest, MessageType="DIGEST", Signature=signature, **how
            )["SignatureValid"]  # fmt: skip
        wrong = refused(kms.verify, Message=b"hallo", Signature=by_message, **how)
        assert wrong == ("KMSInvalidSignatureException", "")
        short = refused(kms.sign, Message=digest[:-1], MessageType="DIGEST", **how)
        said = f"Digest is invalid length for algorithm {algorithm}."
        assert short == ("ValidationException", said)
    other = "ECDSA_SHA_256" if spec == "RSA_2048" else _RSA[0]
    assert refused(kms.sign, KeyId=name, Message=b"x", SigningAlgorithm=other) == (
        "InvalidKeyUsageException", f"Algorithm {other} is incompatible with key spec {spec}.",
    )  # fmt: skip


def test_a_signature_holds_for_others_libraries(kms):
    name = made(kms, KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyId"]
    public = serialization.load_der_public_key(kms.get_public_key(KeyId=name)["PublicKey"])
    signature = kms.sign(KeyId=name, Message=b"hello", SigningAlgorithm="ECDSA_SHA_256")
    public.verify(signature["Signature"], b"hello", ec.ECDSA(hashes.SHA256()))


@pytest.mark.parametrize(
    ("spec", "how"),
    [("ECC_NIST_EDWARDS25519", {"SigningAlgorithm": "ED25519_SHA_512"}),
     ("ECC_NIST_EDWARDS25519", {"SigningAlgorithm": "ED25519_PH_SHA_512", "MessageType": "DIGEST",
                                "Message": hashlib.sha512(b"hello").digest()}),
     ("ML_DSA_65", {"SigningAlgorithm": "ML_DSA_SHAKE_256"}),
     ("ML_DSA_65", {"SigningAlgorithm": "ML_DSA_SHAKE_256", "MessageType": "EXTERNAL_MU",
                    "Message": b"m" * 64})],
)  # fmt: skip
def test_the_newer_schemes_sign_and_verify(kms, refused, spec, how):
    name = made(kms, KeySpec=spec, KeyUsage="SIGN_VERIFY")["KeyId"]
    how = {"KeyId": name, "Message": b"hello", **how}
    signature = kms.sign(**how)["Signature"]
    assert kms.verify(Signature=signature, **how)["SignatureValid"]
    bent = bytes([signature[0] ^ 1]) + signature[1:]
    assert refused(kms.verify, Signature=bent, **how)[0] == "KMSInvalidSignatureException"


@pytest.mark.parametrize(("spec", "size"), [("HMAC_224", 28), ("HMAC_256", 32), ("HMAC_512", 64)])
def test_a_mac_is_right_or_an_error(kms, refused, spec, size):
    name = made(kms, KeySpec=spec, KeyUsage="GENERATE_VERIFY_MAC")["KeyId"]
    how = {"KeyId": name, "Message": b"hello", "MacAlgorithm": spec.replace("_", "_SHA_")}
    tag = kms.generate_mac(**how)["Mac"]
    assert len(tag) == size
    assert kms.verify_mac(Mac=tag, **how)["MacValid"]
    dull = ("KMSInvalidMacException", "")
    for wrong in (tag[:-1], tag + b"x", tag + bytes(64), bytes(size)):
        assert refused(kms.verify_mac, Mac=wrong, **how) == dull
    assert refused(kms.generate_mac, **how | {"MacAlgorithm": "HMAC_SHA_384"}) == (
        "InvalidKeyUsageException", f"Algorithm HMAC_SHA_384 is incompatible with key spec {spec}.",
    )  # fmt: skip


def test_two_sides_agree_on_a_secret(kms):
    name = made(kms, KeySpec="ECC_NIST_P256", KeyUsage="KEY_AGREEMENT")["KeyId"]
    mine = ec.generate_private_key(ec.SECP256R1())
    theirs = serialization.load_der_public_key(kms.get_public_key(KeyId=name)["PublicKey"])
    derived = kms.derive_shared_secret(
        KeyId=name, KeyAgreementAlgorithm="ECDH",
        PublicKey=mine.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        ),
    )  # fmt: skip
    assert derived["SharedSecret"] == mine.exchange(ec.ECDH(), theirs)


def test_an_encapsulated_secret_comes_out_again(kms):
    name = made(kms, KeySpec="ML_KEM_768", KeyUsage="ENCAPSULATE_DECAPSULATE")["KeyId"]
    how = {"KeyId": name, "EncapsulationAlgorithm": "ML_KEM"}
    sent = kms.encapsulate(**how)
    blob = sent["SharedSecretCiphertextBlob"]
    got = kms.decapsulate(SharedSecretCiphertextBlob=blob, **how)
    assert got["SharedSecret"] == sent["SharedSecret"]


def test_a_key_for_one_thing_does_no_other(kms, key, refused):
    arn = kms.describe_key(KeyId=key)["KeyMetadata"]["Arn"]
    assert refused(kms.sign, KeyId=key, Message=b"x", SigningAlgorithm="ECDSA_SHA_256") == (
        "InvalidKeyUsageException",
        f"{arn} key usage is ENCRYPT_DECRYPT which is not valid for Sign.",
    )


# --- who may --------------------------------------------------------------------------------------


def test_who_has_no_right_is_told_which_one(account, kms, key, refused):
    watcher = account.principal("watcher", "auditor")
    arn = kms.describe_key(KeyId=key)["KeyMetadata"]["Arn"]
    number = arn.split(":")[4]
    code, message = refused(watcher.encrypt, KeyId=key, Plaintext=b"x")
    assert code == "AccessDeniedException"
    assert message.startswith(
        f"User: arn:aws:iam::{number}:user/watcher is not authorized to perform: kms:Encrypt on"
        f" resource: {arn} because"
    )


def test_a_wrong_secret_and_an_unknown_or_revoked_key_are_told_apart(account, key, refused):
    one = account.key_of("admin")
    wrong = account.client(one, secret="x" * 40)
    assert refused(wrong.generate_random, NumberOfBytes=1)[0] == "InvalidSignatureException"
    unknown = account.client({"access_key": "AKIAIOSFODNN7EXAMPLE", "secret_access_key": "x"})
    assert refused(unknown.generate_random, NumberOfBytes=1) == (
        "UnrecognizedClientException", "The security token included in the request is invalid.",
    )  # fmt: skip
    good = account.client(one)
    good.generate_random(NumberOfBytes=1)
    assert account.admin.ask("DELETE", f"/v1/tokens/{one['id']}").status == 204
    assert refused(good.generate_random, NumberOfBytes=1)[0] == "UnrecognizedClientException"


def test_session_tokens_of_others_open_nothing(account, refused):
    from_elsewhere = account.client(account.key_of("admin"), aws_session_token="t")
    assert refused(from_elsewhere.list_keys)[0] == "UnrecognizedClientException"


def session_of(account):
    answer = account.admin.ask(
        "POST", "/v1/access-keys", {"principal": "admin", "session": True, "hours": 1}
    )
    assert answer.status == 201, answer
    return answer.json


def test_a_session_works_with_its_token_alone(account, key, refused):
    made = session_of(account)
    inside = account.client(made, aws_session_token=made["session_token"])
    blob = inside.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    assert inside.decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"
    for more in ({}, {"aws_session_token": "srs_" + "a" * 52}, {"aws_session_token": "é"}):
        assert refused(account.client(made, **more).list_keys) == (
            "UnrecognizedClientException", "The security token included in the request is invalid.",
        )  # fmt: skip


@pytest.mark.parametrize("region", ["us-east-1", "ap-southeast-2"])
def test_keys_are_there_in_every_region_that_a_client_asks_for(account, key, region):
    there = account.client(account.key_of("admin"), region=region)
    assert there.describe_key(KeyId=key)["KeyMetadata"]["Arn"].split(":")[3] == region


def test_a_dry_run_says_that_it_would_have_worked(kms, key, refused):
    how = {"KeyId": key, "Plaintext": b"x", "DryRun": True}
    said = "The request would have succeeded, but the DryRun option is set."
    assert refused(kms.encrypt, **how) == ("DryRunOperationException", said)
    missing = {**how, "KeyId": str(uuid.uuid4())}
    assert refused(kms.encrypt, **missing)[0] == "NotFoundException"


def test_what_is_not_served_says_so(kms, refused):
    assert refused(kms.describe_custom_key_stores)[0] == "UnsupportedOperationException"
    assert refused(kms.connect_custom_key_store, CustomKeyStoreId="cks-1234567890")[0] == (
        "UnsupportedOperationException"
    )


def test_each_use_is_on_record_under_the_id_of_the_request(account, kms, key):
    answer = kms.encrypt(KeyId=key, Plaintext=b"x")["ResponseMetadata"]
    request = uuid.UUID(answer["RequestId"]).hex
    (entry,) = account.admin.events(request=request)
    assert (entry["action"], entry["principal"]) == ("key.encrypt", "admin")


@pytest.mark.parametrize("name", ["alias/" + "a" * 250, "alias/App/Prod/db-1_x"])
def test_aliases_are_as_long_and_of_the_characters_that_aws_has(kms, key, refused, name):
    kms.create_alias(AliasName=name, TargetKeyId=key)
    assert refused(kms.create_alias, AliasName=name, TargetKeyId=key)[0] == "AlreadyExistsException"
    blob = kms.encrypt(KeyId=name, Plaintext=b"x")["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=blob, KeyId=name)["Plaintext"] == b"x"
    assert name in [one["AliasName"] for one in kms.list_aliases(KeyId=key)["Aliases"]]
    kms.delete_alias(AliasName=name)
    assert name not in [one["AliasName"] for one in kms.list_aliases(KeyId=key)["Aliases"]]


def test_a_new_alias_has_no_colon(kms, key, refused):
    said = refused(kms.create_alias, AliasName="alias/app:prod", TargetKeyId=key)
    assert said == (
        "ValidationException", "alias/app:prod contains invalid characters for an alias",
    )  # fmt: skip


def test_tags_are_as_many_and_as_long_as_aws_has(kms, refused):
    tags = [{"TagKey": f"{n:03}" + "k" * 125, "TagValue": "v" * 256} for n in range(50)]
    name = made(kms, Tags=tags)["KeyId"]
    assert sorted(kms.list_resource_tags(KeyId=name)["Tags"], key=lambda tag: tag["TagKey"]) == tags
    more = [{"TagKey": "one-more", "TagValue": ""}]
    assert refused(kms.tag_resource, KeyId=name, Tags=more)[0] == "TagException"
