"""boto3 with the Regions of an account: three namespaces, one of another account beside them."""

import json
import re
import uuid
from typing import NamedTuple

import pytest

from tests.conformance.conftest import Regions

EU, US, AP = "eu-west-1", "us-east-1", "ap-south-1"


@pytest.fixture(scope="module")
def regions(boto3, node):
    return Regions(boto3, node, eu=EU, us=US, ap=AP)


@pytest.fixture(scope="module")
def kms(regions):
    """The clients of one who may do all there is, by Region."""
    return regions.principal("op")


@pytest.fixture(scope="module")
def others(boto3, node):
    """Those of another account, in one of the Regions."""
    other = Regions(boto3, node, other=EU)
    return other.principal("op", regions=(EU,))


class Refused(NamedTuple):
    code: str
    message: str


def refused(call, **how):
    """What a call is refused with."""
    from botocore.exceptions import ClientError

    with pytest.raises(ClientError) as info:
        call(**how)
    assert info.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    error = info.value.response["Error"]
    return Refused(error["Code"], error.get("Message", ""))


def made(kms, **how):
    return kms.create_key(**how)["KeyMetadata"]


# --- Regions --------------------------------------------------------------------------------------


def test_a_key_is_in_one_region_and_its_arn_says_in_which(kms):
    key = made(kms[US])
    account = key["AWSAccountId"]
    assert key["Arn"] == f"arn:aws:kms:{US}:{account}:key/{key['KeyId']}"
    assert key["KeyId"] in {each["KeyId"] for each in kms[US].list_keys()["Keys"]}
    blob = kms[US].encrypt(KeyId=key["Arn"], Plaintext=b"x")["CiphertextBlob"]
    for region in (EU, AP):
        there = kms[region]
        assert made(there)["AWSAccountId"] == account
        assert key["KeyId"] not in {each["KeyId"] for each in there.list_keys()["Keys"]}
        arn = f"arn:aws:kms:{region}:{account}:key/{key['KeyId']}"
        for name in (key["KeyId"], arn):
            found = refused(there.describe_key, KeyId=name)
            assert found == ("NotFoundException", f"Key '{arn}' does not exist")
        found = refused(there.describe_key, KeyId=key["Arn"])
        assert found == ("NotFoundException", f"Invalid arn {US}")
        assert refused(there.decrypt, CiphertextBlob=blob).code == "InvalidCiphertextException"


def test_an_alias_is_in_one_region(kms):
    key = made(kms[EU])["KeyId"]
    kms[EU].create_alias(AliasName="alias/here", TargetKeyId=key)
    assert refused(kms[US].describe_key, KeyId="alias/here").code == "NotFoundException"
    kms[US].create_alias(AliasName="alias/here", TargetKeyId=made(kms[US])["KeyId"])
    assert kms[EU].describe_key(KeyId="alias/here")["KeyMetadata"]["KeyId"] == key


def test_who_is_not_there_or_disabled_there_is_nobody_there(regions):
    app = regions.principal("app", regions=(EU, US))
    said = "The security token included in the request is invalid."
    unknown = ("UnrecognizedClientException", said)
    app[EU].list_keys()
    app[US].list_keys()
    assert refused(app[AP].list_keys) == unknown
    body = {"disabled": True}
    assert regions.admin(US).ask("PATCH", "/v1/principals/app", body).status == 200
    assert refused(app[US].list_keys) == unknown
    app[EU].list_keys()
    assert regions.admin(US).ask("PATCH", "/v1/principals/app", {"disabled": False}).status == 200
    app[US].list_keys()


def test_no_client_comes_to_a_region_of_another_account(kms, others, regions, boto3):
    key = made(others[EU])
    account = regions.accounts[EU]
    assert key["AWSAccountId"] != made(kms[EU])["AWSAccountId"]
    assert refused(kms[EU].describe_key, KeyId=key["KeyId"]).code == "NotFoundException"
    assert refused(kms[EU].describe_key, KeyId=key["Arn"]).code == "NotFoundException"
    nowhere = account.client(account.key_of("op"), region="sa-east-1")
    assert refused(nowhere.list_keys).code == "UnrecognizedClientException"


# --- multi-Region keys ----------------------------------------------------------------------------


def shared(kms, *regions, **how):
    """A multi-Region key with its primary in the EU and replicas there: its id, and its ARNs."""
    key = made(kms[EU], MultiRegion=True, **how)
    for region in regions:
        kms[EU].replicate_key(KeyId=key["KeyId"], ReplicaRegion=region)
    arns = {region: key["Arn"].replace(f":{EU}:", f":{region}:") for region in (EU, *regions)}
    return key["KeyId"], arns


def described(kms, key):
    return kms.describe_key(KeyId=key)["KeyMetadata"]


def test_a_multi_region_key_says_which_keys_are_related(kms):
    key = made(kms[EU], MultiRegion=True, Description="cards")
    assert re.fullmatch("mrk-[0-9a-f]{32}", key["KeyId"])
    assert key["Arn"].endswith(f":key/{key['KeyId']}")
    primary = {"Arn": key["Arn"], "Region": EU}
    assert (key["MultiRegion"], key["MultiRegionConfiguration"]) == (
        True, {"MultiRegionKeyType": "PRIMARY", "PrimaryKey": primary, "ReplicaKeys": []},
    )  # fmt: skip
    tags = [{"TagKey": "team", "TagValue": "pay"}]
    answer = kms[EU].replicate_key(
        KeyId=key["Arn"], ReplicaRegion=US, Description="there", Tags=tags
    )
    replica = answer["ReplicaKeyMetadata"]
    assert answer["ReplicaTags"] == tags
    assert '"Version"' in answer["ReplicaPolicy"]
    arn = key["Arn"].replace(EU, US)
    assert (replica["KeyId"], replica["Arn"], replica["Description"], replica["KeyState"]) == (
        key["KeyId"], arn, "there", "Enabled",
    )  # fmt: skip
    assert replica["MultiRegionConfiguration"] == {
        "MultiRegionKeyType": "REPLICA", "PrimaryKey": primary,
        "ReplicaKeys": [{"Arn": arn, "Region": US}],
    }  # fmt: skip
    assert replica["CurrentKeyMaterialId"] == key["CurrentKeyMaterialId"]
    assert described(kms[US], key["KeyId"]) == replica
    config = described(kms[EU], key["KeyId"])["MultiRegionConfiguration"]
    assert config == replica["MultiRegionConfiguration"] | {"MultiRegionKeyType": "PRIMARY"}
    assert kms[US].list_resource_tags(KeyId=key["KeyId"])["Tags"] == tags
    listed = {"KeyId": key["KeyId"], "KeyArn": arn}
    assert listed in kms[US].list_keys()["Keys"]
    assert "ReplicaTags" not in kms[EU].replicate_key(KeyId=key["KeyId"], ReplicaRegion=AP)


def test_what_one_encrypts_every_related_one_decrypts(kms, others):
    key, arns = shared(kms, US, AP)
    context = {"tenant": "a"}
    for here in arns:
        sealed = kms[here].encrypt(KeyId=key, Plaintext=b"x", EncryptionContext=context)
        data = kms[here].generate_data_key(
            KeyId=arns[here], KeySpec="AES_256", EncryptionContext=context
        )
        assert (sealed["KeyId"], data["KeyId"]) == (arns[here], arns[here])
        for there in arns:
            for blob, plain in (
                (sealed["CiphertextBlob"], b"x"), (data["CiphertextBlob"], data["Plaintext"]),
            ):  # fmt: skip
                for name in ({}, {"KeyId": key}, {"KeyId": arns[there]}):
                    found = kms[there].decrypt(
                        CiphertextBlob=blob, EncryptionContext=context, **name
                    )
                    assert (found["Plaintext"], found["KeyId"]) == (plain, arns[there])
                    assert found["KeyMaterialId"] == data["KeyMaterialId"]
    stranger = {"CiphertextBlob": sealed["CiphertextBlob"], "EncryptionContext": context}
    assert refused(others[EU].decrypt, **stranger).code == "InvalidCiphertextException"
    assert refused(others[EU].describe_key, KeyId=key).code == "NotFoundException"
    again = kms[AP].re_encrypt(
        CiphertextBlob=sealed["CiphertextBlob"], SourceEncryptionContext=context,
        DestinationKeyId=key,
    )  # fmt: skip
    assert (again["SourceKeyId"], again["KeyId"]) == (arns[AP], arns[AP])
    assert kms[EU].decrypt(CiphertextBlob=again["CiphertextBlob"])["Plaintext"] == b"x"


@pytest.mark.parametrize(
    ("spec", "usage", "algorithm"),
    [("ECC_NIST_P256", "SIGN_VERIFY", "ECDSA_SHA_256"),
     ("RSA_2048", "ENCRYPT_DECRYPT", "RSAES_OAEP_SHA_256"),
     ("HMAC_256", "GENERATE_VERIFY_MAC", "HMAC_SHA_256")],
)  # fmt: skip
def test_pairs_and_mac_keys_are_multi_region_too(kms, spec, usage, algorithm):
    key, arns = shared(kms, US, KeySpec=spec, KeyUsage=usage)
    here, there = kms[EU], kms[US]
    if usage == "SIGN_VERIFY":
        ask = {"KeyId": key, "Message": b"x", "SigningAlgorithm": algorithm}
        found = there.verify(**ask, Signature=here.sign(**ask)["Signature"])
        assert found["SignatureValid"]
    elif usage == "ENCRYPT_DECRYPT":
        ask = {"KeyId": key, "EncryptionAlgorithm": algorithm}
        blob = here.encrypt(**ask, Plaintext=b"x")["CiphertextBlob"]
        found = there.decrypt(**ask, CiphertextBlob=blob)
        assert found["Plaintext"] == b"x"
    else:
        ask = {"KeyId": key, "Message": b"x", "MacAlgorithm": algorithm}
        found = there.verify_mac(**ask, Mac=here.generate_mac(**ask)["Mac"])
        assert found["MacValid"]
    assert found["KeyId"] == arns[US]


def test_a_rotation_is_seen_everywhere_at_once(kms):
    key, _ = shared(kms, US)
    old = kms[US].encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    kms[EU].enable_key_rotation(KeyId=key, RotationPeriodInDays=100)
    status = kms[US].get_key_rotation_status(KeyId=key)
    assert (status["KeyRotationEnabled"], status["RotationPeriodInDays"]) == (True, 100)
    kms[EU].rotate_key_on_demand(KeyId=key)
    current = [described(kms[region], key)["CurrentKeyMaterialId"] for region in (EU, US)]
    assert current[0] == current[1]
    new = kms[EU].encrypt(KeyId=key, Plaintext=b"y")["CiphertextBlob"]
    assert kms[US].decrypt(CiphertextBlob=new)["Plaintext"] == b"y"
    for region in (EU, US):
        assert kms[region].decrypt(CiphertextBlob=old)["Plaintext"] == b"x"


def test_a_replica_is_no_primary(kms):
    key, arns = shared(kms, US)
    said = ("UnsupportedOperationException", f"{arns[US]} is not a multi-region primary key.")
    for call, how in (
        (kms[US].replicate_key, {"ReplicaRegion": AP}),
        (kms[US].update_primary_region, {"PrimaryRegion": AP}),
        (kms[US].enable_key_rotation, {}),
        (kms[US].disable_key_rotation, {}),
        (kms[US].rotate_key_on_demand, {}),
    ):
        assert refused(call, KeyId=key, **how) == said
    plain = made(kms[EU])
    said = (said[0], f"{plain['Arn']} is not a multi-region primary key.")
    assert refused(kms[EU].replicate_key, KeyId=plain["KeyId"], ReplicaRegion=US) == said


def test_what_is_refused_of_replicas(kms):
    key, arns = shared(kms, US)
    replicate = kms[EU].replicate_key
    for region in (EU, US):
        found = refused(replicate, KeyId=key, ReplicaRegion=region)
        assert found.code == "AlreadyExistsException"
    assert refused(replicate, KeyId=key, ReplicaRegion="sa-east-1").code == (
        "UnsupportedOperationException"
    )
    ask = {"KeyId": key, "ReplicaRegion": AP}
    assert refused(replicate, **ask, Policy="{}").code == "MalformedPolicyDocumentException"
    tags = [{"TagKey": "aws:x", "TagValue": "y"}]
    assert refused(replicate, **ask, Tags=tags).code == "TagException"
    assert refused(kms[AP].describe_key, KeyId=key).code == "NotFoundException"
    kms[EU].disable_key(KeyId=key)
    assert refused(replicate, **ask) == ("DisabledException", f"{arns[EU]} is disabled.")


def test_each_kind_of_id_has_one_spelling(kms):
    key, _ = shared(kms)
    digits = key.removeprefix("mrk-")
    plain = made(kms[EU])["KeyId"]
    for name in (str(uuid.UUID(digits)), "mrk-" + plain.replace("-", ""), f"mrk-{'0' * 32}"):
        found = refused(kms[EU].describe_key, KeyId=name)
        assert found.code == "NotFoundException"
    found = refused(kms[EU].describe_key, KeyId=key.upper())
    assert found == ("NotFoundException", f"Invalid keyId '{key.upper()}'")


def test_states_aliases_and_descriptions_are_each_keys_own(kms):
    key, arns = shared(kms, US)
    blob = kms[EU].encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    kms[US].create_alias(AliasName="alias/replica", TargetKeyId=key)
    assert kms[US].encrypt(KeyId="alias/replica", Plaintext=b"y")["KeyId"] == arns[US]
    aliases = kms[US].list_aliases(KeyId=key)["Aliases"]
    assert [(one["AliasName"], one["TargetKeyId"]) for one in aliases] == [("alias/replica", key)]
    assert refused(kms[EU].describe_key, KeyId="alias/replica").code == "NotFoundException"
    kms[US].update_key_description(KeyId=key, Description="there")
    kms[US].disable_key(KeyId=key)
    assert refused(kms[US].decrypt, CiphertextBlob=blob) == (
        "DisabledException", f"{arns[US]} is disabled.",
    )  # fmt: skip
    assert kms[EU].decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"
    assert described(kms[EU], key)["Description"] == ""


def test_the_primary_moves_to_another_region(kms):
    key, arns = shared(kms, US, AP)
    kms[EU].update_primary_region(KeyId=arns[EU], PrimaryRegion=US)
    config = described(kms[AP], key)["MultiRegionConfiguration"]
    assert config["PrimaryKey"] == {"Arn": arns[US], "Region": US}
    assert {one["Region"] for one in config["ReplicaKeys"]} == {EU, AP}
    kms[US].rotate_key_on_demand(KeyId=key)
    blob = kms[AP].encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    assert kms[EU].decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"
    assert refused(kms[EU].update_primary_region, KeyId=key, PrimaryRegion=AP).code == (
        "UnsupportedOperationException"
    )
    assert refused(kms[US].update_primary_region, KeyId=key, PrimaryRegion="sa-east-1").code == (
        "NotFoundException"
    )


def test_a_primary_with_replicas_waits_for_them(kms):
    key, arns = shared(kms, US)
    answer = kms[EU].schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    assert (answer["KeyId"], answer["KeyState"], answer["PendingWindowInDays"]) == (
        arns[EU], "PendingReplicaDeletion", 7,
    )  # fmt: skip
    assert "DeletionDate" not in answer
    found = described(kms[EU], key)
    assert (found["KeyState"], found["PendingDeletionWindowInDays"], found["Enabled"]) == (
        "PendingReplicaDeletion", 7, False,
    )  # fmt: skip
    assert refused(kms[EU].encrypt, KeyId=key, Plaintext=b"x").code == "KMSInvalidStateException"
    kms[US].encrypt(KeyId=key, Plaintext=b"x")
    assert kms[EU].cancel_key_deletion(KeyId=key)["KeyId"] == arns[EU]
    assert described(kms[EU], key)["KeyState"] == "Disabled"
    replica = kms[US].schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    assert (replica["KeyState"], "DeletionDate" in replica) == ("PendingDeletion", True)
    kms[US].cancel_key_deletion(KeyId=key)


def test_who_replicates_needs_a_right_in_both_regions(regions, kms):
    key, _ = shared(kms)
    manager = regions.principal("manager", "key-manager", regions=(EU, US))
    ask = {"KeyId": key, "ReplicaRegion": AP}
    assert refused(manager[EU].replicate_key, **ask).code == "AccessDeniedException"
    body = {"name": "manager", "roles": ["key-user"]}
    assert regions.admin(AP).ask("POST", "/v1/principals", body).status == 201
    assert refused(manager[EU].replicate_key, **ask).code == "AccessDeniedException"
    manager[EU].replicate_key(KeyId=key, ReplicaRegion=US)
    assert refused(manager[EU].update_primary_region, KeyId=key, PrimaryRegion=AP).code == (
        "AccessDeniedException"
    )


def test_a_client_of_one_region_sees_a_replicas_key_policy(kms):
    key, arns = shared(kms)
    account = arns[EU].split(":")[4]
    statement = {
        "Sid": "all", "Effect": "Allow", "Action": "kms:*", "Resource": "*",
        "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
    }  # fmt: skip
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    answer = kms[EU].replicate_key(KeyId=key, ReplicaRegion=US, Policy=policy)
    assert answer["ReplicaPolicy"] == policy
    assert kms[US].get_key_policy(KeyId=key)["Policy"] == policy
    assert kms[EU].get_key_policy(KeyId=key)["Policy"] != policy
    arn = arns[EU].replace(EU, US)
    only = statement | {"Resource": arn}
    kms[US].put_key_policy(KeyId=key, Policy=json.dumps({"Statement": [only]}))
    assert kms[US].encrypt(KeyId=key, Plaintext=b"x")["KeyId"] == arn
