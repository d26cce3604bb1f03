"""boto3 plays Terraform: what its AWS provider asks for each resource, and what it waits for.

Terraform itself cannot be had here. The calls, their order, and the errors that are waited for or
passed over are those of hashicorp/terraform-provider-aws, internal/service/kms.
"""

import datetime as dt
import json

import pytest

from tests.conformance.conftest import REGION, Regions
from tests.support.aws import bring, refusal

EU, US = "eu-west-1", "us-east-1"
GONE = ("PendingDeletion", "PendingReplicaDeletion")
NOWHERE = "134f2428-cec1-4b25-a1ae-9048164dba47"
WHAT = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"]
SPECS = {
    "SYMMETRIC_DEFAULT": "ENCRYPT_DECRYPT", "RSA_2048": "ENCRYPT_DECRYPT",
    "ECC_NIST_P384": "SIGN_VERIFY", "ML_DSA_44": "SIGN_VERIFY", "HMAC_256": "GENERATE_VERIFY_MAC",
}  # fmt: skip
OAEP = {"algorithm": "RSAES_OAEP_SHA_256", "size": "RSA_2048"}


@pytest.fixture(scope="module")
def root(kms):
    account = kms.create_key()["KeyMetadata"]["AWSAccountId"]
    return f"arn:aws:iam::{account}:root"


@pytest.fixture(scope="module")
def user(account, root):
    account.newcomer("terraformed", "key-user")
    return root.replace("root", "user/terraformed")


def policy(*statements):
    return json.dumps({"Version": "2012-10-17", "Id": "terraform", "Statement": list(statements)})


def statement(**more):
    return {
        "Sid": "Enable IAM User Permissions", "Effect": "Allow", "Principal": {"AWS": "*"},
        "Action": "kms:*", "Resource": "*", **more,
    }  # fmt: skip


def made(kms, **how):
    return kms.create_key(BypassPolicyLockoutSafetyCheck=False, **how)["KeyMetadata"]


def read(kms, key):
    """What is read of each key after each change, and on every plan."""
    found = kms.describe_key(KeyId=key)["KeyMetadata"]
    text = kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"]
    found["policy"] = json.loads(text)
    if found["Origin"] == "AWS_KMS":
        found["rotation"] = kms.get_key_rotation_status(KeyId=key)
    pages = kms.get_paginator("list_resource_tags").paginate(KeyId=key)
    found["tags"] = {tag["TagKey"]: tag["TagValue"] for page in pages for tag in page["Tags"]}
    return found


def tags(**labels):
    return [{"TagKey": name, "TagValue": value} for name, value in labels.items()]


def destroyed(kms, key, **how):
    """Asked for once, and waited for: until it is not there, or is to be deleted.

    Who asks for it again is told so in words that Terraform looks for.
    """
    kms.schedule_key_deletion(KeyId=key, **how)
    again = refusal(kms.schedule_key_deletion, KeyId=key, **how)
    assert again[0] == "KMSInvalidStateException"
    assert "is pending deletion" in again[1]
    return kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] in GONE


# --- aws_kms_key, aws_kms_key_policy --------------------------------------------------------------


@pytest.mark.parametrize("spec", SPECS)
def test_a_key_of_any_spec_is_made_read_changed_and_destroyed(kms, root, spec):
    whole = policy(statement(Principal={"AWS": root}))
    key = made(
        kms, KeySpec=spec, KeyUsage=SPECS[spec], Description="one", MultiRegion=False,
        Policy=whole, Tags=tags(a="1", b="2"),
    )["KeyId"]  # fmt: skip
    found = read(kms, key)
    assert (found["KeySpec"], found["KeyUsage"], found["Description"], found["Enabled"]) == (
        spec, SPECS[spec], "one", True,
    )  # fmt: skip
    assert (found["policy"], found["tags"]) == (json.loads(whole), {"a": "1", "b": "2"})
    assert found["rotation"]["KeyRotationEnabled"] is False
    kms.update_key_description(KeyId=key, Description="")
    open_to_all = policy(statement())
    kms.put_key_policy(
        KeyId=key, PolicyName="default", Policy=open_to_all, BypassPolicyLockoutSafetyCheck=False
    )
    kms.untag_resource(KeyId=key, TagKeys=["a"])
    kms.tag_resource(KeyId=key, Tags=tags(b="3"))
    kms.disable_key(KeyId=key)
    found = read(kms, key)
    assert (found["Description"], found["Enabled"], found["tags"]) == ("", False, {"b": "3"})
    assert found["policy"] == json.loads(open_to_all)
    kms.enable_key(KeyId=key)
    assert read(kms, key)["Enabled"] is True
    assert destroyed(kms, key, PendingWindowInDays=7)


def test_rotation_goes_on_and_off_and_waits_for_an_enabled_key(kms):
    key = made(kms, KeySpec="SYMMETRIC_DEFAULT", KeyUsage="ENCRYPT_DECRYPT")["KeyId"]
    kms.enable_key_rotation(KeyId=key)
    status = read(kms, key)["rotation"]
    assert (status["KeyRotationEnabled"], status["RotationPeriodInDays"]) == (True, 365)
    kms.enable_key_rotation(KeyId=key, RotationPeriodInDays=90)
    assert read(kms, key)["rotation"]["RotationPeriodInDays"] == 90
    kms.disable_key_rotation(KeyId=key)
    kms.disable_key(KeyId=key)
    status = read(kms, key)["rotation"]
    assert status["KeyRotationEnabled"] is False
    assert "RotationPeriodInDays" not in status
    # These are tried again until the key is enabled; what never can be is said at once.
    for call in (kms.enable_key_rotation, kms.disable_key_rotation):
        assert refusal(call, KeyId=key)[0] == "DisabledException"
    signs = made(kms, KeySpec="ECC_NIST_P384", KeyUsage="SIGN_VERIFY")["KeyId"]
    assert refusal(kms.enable_key_rotation, KeyId=signs)[0] == "UnsupportedOperationException"


def test_a_key_that_is_not_there_is_not_found_by_any_call(kms):
    for call in (
        kms.describe_key, kms.get_key_rotation_status, kms.list_resource_tags,
        kms.schedule_key_deletion, kms.enable_key, kms.disable_key, kms.enable_key_rotation,
        kms.list_grants, kms.list_aliases,
    ):  # fmt: skip
        assert refusal(call, KeyId=NOWHERE)[0] == "NotFoundException"
    named = {"KeyId": NOWHERE, "PolicyName": "default"}
    assert refusal(kms.get_key_policy, **named)[0] == "NotFoundException"
    assert refusal(kms.put_key_policy, Policy="{}", **named)[0] == "NotFoundException"
    assert refusal(kms.tag_resource, KeyId=NOWHERE, Tags=tags(a="1"))[0] == "NotFoundException"


def test_policies_as_they_are_written_for_terraform_are_taken_and_read_as_written(kms, root, user):
    account = root.split(":")[4]
    key = made(kms, Policy=policy(statement()))["KeyId"]
    for statements in (
        [statement(), statement(Principal={"AWS": user}, Action=WHAT)],
        [
            statement(),
            statement(
                Principal={"AWS": root}, Action=WHAT,
                Condition={"Bool": {"kms:GrantIsForAWSResource": True}},
            ),
        ],
        [statement(Principal={"AWS": account})],
        [statement(Principal={"AWS": [root, user]}, Resource=["*"])],
        [statement(), statement(Principal={"Service": "logs.eu-central-1.amazonaws.com"})],
    ):  # fmt: skip
        written = policy(*statements)
        kms.put_key_policy(KeyId=key, PolicyName="default", Policy=written)
        assert read(kms, key)["policy"] == json.loads(written)
    # Who is not there yet may come: this is tried again.
    late = policy(statement(), statement(Principal={"AWS": f"{user}-later"}))
    for call, named in (
        (kms.put_key_policy, {"KeyId": key, "PolicyName": "default"}), (kms.create_key, {}),
    ):  # fmt: skip
        assert refusal(call, Policy=late, **named)[0] == "MalformedPolicyDocumentException"
    # Without aws_kms_key_policy, the key has the policy that keys have without one.
    usual = "\n" + json.dumps(json.loads(policy(statement(Principal={"AWS": root}))), indent="\t")
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=usual)
    assert read(kms, key)["policy"] == json.loads(usual)


# --- aws_kms_external_key -------------------------------------------------------------------------


def test_an_external_key_waits_for_material_has_it_until_a_day_and_gets_another_day(kms):
    key = made(kms, Origin="EXTERNAL", KeyUsage="ENCRYPT_DECRYPT", Tags=tags(a="1"))["KeyId"]
    found = read(kms, key)
    assert (found["KeyState"], found["KeyManager"], found["Enabled"]) == (
        "PendingImport", "CUSTOMER", False,
    )  # fmt: skip
    assert not {"ExpirationModel", "ValidTo"} & found.keys()
    code, said = refusal(kms.disable_key, KeyId=key)
    assert (code, said) == ("KMSInvalidStateException", f"{found['Arn']} is pending import.")
    day = dt.datetime.now(dt.UTC).replace(microsecond=0) + dt.timedelta(days=3)
    for end in (day, day + dt.timedelta(days=1)):
        bring(kms, key, bytes(range(32)), ValidTo=end, **OAEP)
        found = read(kms, key)
        assert (found["KeyState"], found["ExpirationModel"], found["ValidTo"]) == (
            "Enabled", "KEY_MATERIAL_EXPIRES", end,
        )  # fmt: skip
    bring(kms, key, bytes(range(32)), **OAEP)
    found = read(kms, key)
    assert found["ExpirationModel"] == "KEY_MATERIAL_DOES_NOT_EXPIRE"
    assert "ValidTo" not in found
    kms.disable_key(KeyId=key)
    kms.update_key_description(KeyId=key, Description="stopped")
    assert (read(kms, key)["Description"], read(kms, key)["KeyState"]) == ("stopped", "Disabled")
    assert destroyed(kms, key, PendingWindowInDays=30)
    assert destroyed(kms, made(kms, Origin="EXTERNAL")["KeyId"])


# --- aws_kms_replica_key --------------------------------------------------------------------------


def test_a_replica_is_made_from_the_primarys_region_and_read_in_its_own(boto3, node):
    clients = Regions(boto3, node, eu=EU, us=US).principal("op")
    primary = made(clients[EU], MultiRegion=True, Tags=tags(of="primary"))
    key, config = primary["KeyId"], primary["MultiRegionConfiguration"]
    assert config["MultiRegionKeyType"] == "PRIMARY"
    root = f"arn:aws:iam::{primary['AWSAccountId']}:root"
    whole = policy(statement(Principal={"AWS": root}))
    replica = clients[EU].replicate_key(
        KeyId=primary["Arn"], ReplicaRegion=US, Description="there", Policy=whole,
        BypassPolicyLockoutSafetyCheck=False, Tags=tags(of="replica"),
    )["ReplicaKeyMetadata"]  # fmt: skip
    # It may be Creating for a while; here it never is.
    assert (replica["KeyId"], replica["KeyState"]) == (key, "Enabled")
    clients[EU].enable_key_rotation(KeyId=key)
    clients[US].disable_key(KeyId=key)
    found = read(clients[US], key)
    assert (found["Enabled"], found["tags"], found["policy"]) == (
        False, {"of": "replica"}, json.loads(whole),
    )  # fmt: skip
    assert found["rotation"]["KeyRotationEnabled"] is True
    config = found["MultiRegionConfiguration"]
    assert (config["MultiRegionKeyType"], config["PrimaryKey"]["Arn"]) == (
        "REPLICA", primary["Arn"],
    )  # fmt: skip
    assert read(clients[EU], key)["Enabled"] is True
    # Whichever goes first, nothing waits for the other.
    assert destroyed(clients[EU], key, PendingWindowInDays=7)
    assert destroyed(clients[US], key, PendingWindowInDays=7)


# --- aws_kms_replica_external_key -----------------------------------------------------------------


def test_an_external_replica_waits_for_its_own_import_of_the_same_material(boto3, node):
    clients = Regions(boto3, node, outer=EU, inner=US).principal("op")
    primary = made(clients[EU], MultiRegion=True, Origin="EXTERNAL")
    key, material = primary["KeyId"], bytes(range(32))
    bring(clients[EU], key, material, **OAEP)
    clients[EU].replicate_key(
        KeyId=primary["Arn"], ReplicaRegion=US, Description="there",
        BypassPolicyLockoutSafetyCheck=False, Tags=tags(of="replica"),
    )  # fmt: skip
    assert read(clients[US], key)["KeyState"] == "PendingImport"
    end = dt.datetime.now(dt.UTC).replace(microsecond=0) + dt.timedelta(days=3)
    bring(clients[US], key, material, ValidTo=end, **OAEP)
    found = read(clients[US], key)
    assert (found["KeyState"], found["ValidTo"], found["tags"]) == (
        "Enabled", end, {"of": "replica"},
    )  # fmt: skip
    clients[US].disable_key(KeyId=key)
    assert [read(clients[region], key)["Enabled"] for region in (EU, US)] == [True, False]
    assert destroyed(clients[US], key, PendingWindowInDays=7)
    assert destroyed(clients[EU], key, PendingWindowInDays=7)


# --- aws_kms_alias --------------------------------------------------------------------------------


def called(kms, name):
    """The alias among all; the key's ARN is made of the alias's."""
    pages = kms.get_paginator("list_aliases").paginate()
    for alias in (alias for page in pages for alias in page["Aliases"]):
        if alias["AliasName"] == name:
            arn, id_ = alias["AliasArn"], alias["TargetKeyId"]
            assert kms.describe_key(KeyId=arn)["KeyMetadata"]["Arn"] == arn.replace(
                name, f"key/{id_}"
            )
            return id_
    return None


def test_an_alias_is_made_found_moved_and_destroyed(kms):
    one, two = made(kms), made(kms)
    name = "alias/terraform-20260102030405000000000001"
    unknown = refusal(kms.create_alias, AliasName=name, TargetKeyId=NOWHERE)
    assert unknown[0] == "NotFoundException"
    kms.create_alias(AliasName=name, TargetKeyId=one["Arn"])
    assert called(kms, name) == one["KeyId"]
    kms.update_alias(AliasName=name, TargetKeyId=two["KeyId"])
    assert called(kms, name) == two["KeyId"]
    kms.delete_alias(AliasName=name)
    assert called(kms, name) is None
    assert refusal(kms.delete_alias, AliasName=name)[0] == "NotFoundException"


# --- aws_kms_grant --------------------------------------------------------------------------------


def granted(kms, key, grant):
    pages = kms.get_paginator("list_grants").paginate(KeyId=key, PaginationConfig={"PageSize": 100})
    return next((one for page in pages for one in page["Grants"] if one["GrantId"] == grant), None)


@pytest.mark.parametrize("name", ["KeyId", "Arn"])
@pytest.mark.parametrize(
    "constraints",
    [{}, {"EncryptionContextEquals": {"a": "1", "b": "2"}}, {"EncryptionContextSubset": {"a": ""}}],
)
def test_a_grant_is_read_as_it_was_made_and_ends_in_either_way(kms, user, name, constraints):
    key = made(kms)[name]
    for end in (kms.revoke_grant, kms.retire_grant):
        how = {"Constraints": constraints} if constraints else {}
        grant = kms.create_grant(
            KeyId=key, GranteePrincipal=user, RetiringPrincipal=user, Name="mine",
            Operations=["Encrypt", "Decrypt", "GenerateDataKey"], **how,
        )  # fmt: skip
        assert grant["GrantToken"]
        found = granted(kms, key, grant["GrantId"])
        assert (found["GranteePrincipal"], found["RetiringPrincipal"], found["Name"]) == (
            user, user, "mine",
        )  # fmt: skip
        assert set(found["Operations"]) == {"Encrypt", "Decrypt", "GenerateDataKey"}
        assert found.get("Constraints", {}) == constraints
        ids = {"KeyId": key, "GrantId": grant["GrantId"]}
        end(**ids)
        assert granted(kms, key, grant["GrantId"]) is None
        assert refusal(end, **ids)[0] == "NotFoundException"
    # Who is not there yet may come: this is tried again.
    assert refusal(
        kms.create_grant, KeyId=key, GranteePrincipal=f"{user}-later", Operations=["Decrypt"]
    )[0] == "InvalidArnException"  # fmt: skip


# --- what is only read ----------------------------------------------------------------------------


def test_what_is_only_read_is_there_by_id_arn_and_alias(kms):
    key = made(kms, Description="to read")
    signs = made(kms, KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")
    kms.create_alias(AliasName="alias/to-read", TargetKeyId=key["KeyId"])
    arn = f"arn:aws:kms:{REGION}:{key['AWSAccountId']}:alias/to-read"
    context = {"EncryptionContext": {"foo": "bar"}}
    for name in (key["KeyId"], key["Arn"], "alias/to-read", arn):
        assert kms.describe_key(KeyId=name, GrantTokens=[])["KeyMetadata"] == key
        sealed = kms.encrypt(KeyId=name, Plaintext=b"secret", **context)["CiphertextBlob"]
        assert kms.decrypt(CiphertextBlob=sealed, **context)["Plaintext"] == b"secret"
    public = kms.get_public_key(KeyId=signs["Arn"])
    assert (public["KeySpec"], public["SigningAlgorithms"]) == ("ECC_NIST_P256", ["ECDSA_SHA_256"])
    assert kms.get_key_last_usage(KeyId=key["KeyId"])["KeyLastUsage"]["Operation"] == "Decrypt"
    pages = kms.get_paginator("list_keys").paginate(PaginationConfig={"PageSize": 5})
    assert key["KeyId"] in {one["KeyId"] for page in pages for one in page["Keys"]}
