"""Key policies and grants, as boto3 writes them: what they allow and deny, from the answer on."""

import json

import pytest

from tests.conformance.test_boto3 import made
from tests.conformance.test_boto3 import refused as refused  # noqa: PLC0414 - a fixture

CONTEXT = {"tenant": "a"}
DENIED = "AccessDeniedException"


@pytest.fixture(scope="module")
def bob(account):
    return account.principal("bob")


@pytest.fixture(scope="module")
def carol(account):
    return account.principal("carol")


@pytest.fixture
def key(kms):
    return made(kms)


def user(key, name):
    return f"arn:aws:iam::{key['AWSAccountId']}:user/{name}"


def statement(key, who, *actions, effect="Allow", **condition):
    root = f"arn:aws:iam::{key['AWSAccountId']}:root"
    found = {
        "Effect": effect, "Principal": {"AWS": root if who == "root" else user(key, who)},
        "Action": list(actions), "Resource": "*",
    }  # fmt: skip
    return found | ({"Condition": condition} if condition else {})


def policy(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def grant(kms, key, *operations, to="bob", **more):
    return kms.create_grant(
        KeyId=key["KeyId"], GranteePrincipal=user(key, to), Operations=list(operations), **more
    )


# --- policies -------------------------------------------------------------------------------------


def test_a_key_has_the_default_policy(kms, key):
    found = kms.get_key_policy(KeyId=key["KeyId"])
    root = f"arn:aws:iam::{key['AWSAccountId']}:root"
    assert found["PolicyName"] == "default"
    assert json.loads(found["Policy"]) == {
        "Version": "2012-10-17", "Id": "key-default-1",
        "Statement": [{"Sid": "Enable IAM User Permissions", "Effect": "Allow",
                       "Principal": {"AWS": root}, "Action": "kms:*", "Resource": "*"}],
    }  # fmt: skip
    assert kms.list_key_policies(KeyId=key["Arn"])["PolicyNames"] == ["default"]


def test_a_statement_allows_at_once_what_no_policy_of_the_namespace_does(kms, bob, key, refused):
    name = key["KeyId"]
    assert refused(bob.encrypt, KeyId=name, Plaintext=b"x")[0] == DENIED
    text = policy(statement(key, "root", "kms:*"), statement(key, "bob", "kms:Enc*"))
    kms.put_key_policy(KeyId=name, Policy=text)
    blob = bob.encrypt(KeyId=name, Plaintext=b"x")["CiphertextBlob"]
    assert refused(bob.decrypt, CiphertextBlob=blob)[0] == DENIED
    assert kms.get_key_policy(KeyId=name)["Policy"] == text
    kms.put_key_policy(KeyId=name, Policy=policy(statement(key, "root", "kms:*")))
    assert refused(bob.encrypt, KeyId=name, Plaintext=b"x")[0] == DENIED


def test_a_denial_wins_over_whatever_allows(kms, key, refused):
    name = key["KeyId"]
    kms.put_key_policy(KeyId=name, Policy=policy(
        statement(key, "root", "kms:*"),
        statement(key, "admin", "kms:Decrypt", effect="Deny",
                  StringNotEquals={"kms:EncryptionContext:tenant": "a"}),
    ))  # fmt: skip
    for context, allowed in ((CONTEXT, True), ({"tenant": "b"}, False), ({}, False)):
        blob = kms.encrypt(KeyId=name, Plaintext=b"x", EncryptionContext=context)["CiphertextBlob"]
        if allowed:
            assert kms.decrypt(CiphertextBlob=blob, EncryptionContext=context)["Plaintext"] == b"x"
        else:
            assert refused(kms.decrypt, CiphertextBlob=blob, EncryptionContext=context)[0] == DENIED


def test_without_the_account_in_it_a_policy_leaves_nothing_to_others(
    kms, account, bob, key, refused
):
    name = key["KeyId"]
    with_me = statement(key, "admin", "kms:PutKeyPolicy", "kms:GetKeyPolicy")
    kms.put_key_policy(KeyId=name, Policy=policy(with_me, statement(key, "bob", "kms:Encrypt")))
    assert refused(kms.encrypt, KeyId=name, Plaintext=b"x")[0] == DENIED
    assert refused(kms.describe_key, KeyId=name)[0] == DENIED
    bob.encrypt(KeyId=name, Plaintext=b"x")
    # It holds for the other door, too.
    native = account.admin.ask("POST", f"/v1/keys/id:{name.replace('-', '')}/backup")
    assert native.status == 403
    kms.put_key_policy(KeyId=name, Policy=policy(statement(key, "root", "kms:*")))
    kms.describe_key(KeyId=name)


def test_who_would_lock_themselves_out_is_told_so_unless_they_insist(kms, account, key, refused):
    name, text = key["KeyId"], policy(statement(key, "bob", "kms:*"))
    code, said = refused(kms.put_key_policy, KeyId=name, Policy=text)
    assert code == "MalformedPolicyDocumentException"
    assert said == "The new key policy will not allow you to update the key policy in the future."
    assert refused(kms.create_key, Policy=text)[0] == "MalformedPolicyDocumentException"
    kms.put_key_policy(KeyId=name, Policy=text, BypassPolicyLockoutSafetyCheck=True)
    again = policy(statement(key, "root", "kms:*"))
    assert refused(kms.put_key_policy, KeyId=name, Policy=again)[0] == DENIED
    # The way out: who writes the namespace's policies may take a key's away.
    path = f"/v1/keys/id:{name.replace('-', '')}/policy"
    assert account.admin.ask("PUT", path, {"policy": ""}).status == 200
    kms.describe_key(KeyId=name)


def test_a_key_is_made_with_its_policy(kms, bob, key):
    text = policy(statement(key, "root", "kms:*"), statement(key, "bob", "kms:GenerateDataKey"))
    name = made(kms, Policy=text)["KeyId"]
    assert len(bob.generate_data_key(KeyId=name, KeySpec="AES_128")["Plaintext"]) == 16
    assert kms.get_key_policy(KeyId=name)["Policy"] == text


@pytest.mark.parametrize(
    ("text", "code"),
    [("{", "MalformedPolicyDocumentException"), ("{}", "MalformedPolicyDocumentException"),
     ('{"Statement": 7}', "MalformedPolicyDocumentException"),
     ("x" * 32_769, "LimitExceededException"), ("", "ParamValidationError")],
)  # fmt: skip
def test_what_is_no_policy_changes_nothing(kms, key, refused, text, code):
    from botocore.exceptions import ParamValidationError

    if code == "ParamValidationError":
        with pytest.raises(ParamValidationError):
            kms.put_key_policy(KeyId=key["KeyId"], Policy=text)
        return
    assert refused(kms.put_key_policy, KeyId=key["KeyId"], Policy=text)[0] == code


def test_principals_of_a_policy_must_be_there(kms, key, refused):
    for who in ("nobody", "root/x"):
        text = policy(statement(key, "root", "kms:*"), statement(key, who, "kms:Encrypt"))
        code, said = refused(kms.put_key_policy, KeyId=key["KeyId"], Policy=text)
        assert code == "MalformedPolicyDocumentException"
        assert "invalid principals" in said


def test_policies_are_not_for_aliases_and_there_is_one(kms, key, refused):
    kms.create_alias(AliasName="alias/of-policies", TargetKeyId=key["KeyId"])
    assert refused(kms.get_key_policy, KeyId="alias/of-policies")[0] == "NotFoundException"
    assert refused(kms.get_key_policy, KeyId=key["KeyId"], PolicyName="x")[0] == "NotFoundException"


# --- grants ---------------------------------------------------------------------------------------


def test_a_grant_holds_from_the_answer_on_and_ends_with_the_next(kms, bob, key, refused):
    name = key["KeyId"]
    given = grant(kms, key, "Encrypt", "Decrypt")
    token = [given["GrantToken"]]
    blob = bob.encrypt(KeyId=name, Plaintext=b"x", GrantTokens=token)["CiphertextBlob"]
    assert bob.decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"
    assert refused(bob.generate_data_key, KeyId=name, KeySpec="AES_256")[0] == DENIED
    kms.revoke_grant(KeyId=name, GrantId=given["GrantId"])
    assert refused(bob.decrypt, CiphertextBlob=blob)[0] == DENIED
    assert refused(kms.revoke_grant, KeyId=name, GrantId=given["GrantId"])[0] == "NotFoundException"


@pytest.mark.parametrize(
    ("constraints", "good", "bad"),
    [
        ({"EncryptionContextSubset": CONTEXT}, ({"tenant": "a"}, {"tenant": "a", "b": "c"}),
         ({}, {"tenant": "b"}, {"Tenant": "a"})),
        ({"EncryptionContextEquals": CONTEXT}, ({"tenant": "a"},),
         ({}, {"tenant": "a", "b": "c"}, {"tenant": "A"})),
    ],
)  # fmt: skip
def test_constraints_bind_the_context(kms, bob, key, refused, constraints, good, bad):
    grant(kms, key, "Encrypt", Constraints=constraints)
    for context in good:
        bob.encrypt(KeyId=key["KeyId"], Plaintext=b"x", EncryptionContext=context)
    for context in bad:
        told = refused(bob.encrypt, KeyId=key["KeyId"], Plaintext=b"x", EncryptionContext=context)
        assert told[0] == DENIED


def test_a_grantee_passes_on_no_more_than_it_has(kms, bob, carol, key, refused):
    name, bound = key["KeyId"], {"EncryptionContextSubset": CONTEXT}
    grant(kms, key, "Encrypt", "CreateGrant", Constraints=bound)
    for operations, constraints in (
        (["Encrypt"], {}), (["Encrypt", "Decrypt"], bound),
        (["Encrypt"], {"EncryptionContextSubset": {"tenant": "b"}}),
    ):  # fmt: skip
        assert refused(
            bob.create_grant, KeyId=name, GranteePrincipal=user(key, "carol"),
            Operations=operations, Constraints=constraints,
        )[0] == DENIED  # fmt: skip
    grant(bob, key, "Encrypt", to="carol", Constraints={"EncryptionContextEquals": CONTEXT})
    carol.encrypt(KeyId=name, Plaintext=b"x", EncryptionContext=CONTEXT)
    assert refused(carol.encrypt, KeyId=name, Plaintext=b"x")[0] == DENIED


def test_the_same_grant_of_one_name_is_made_once(kms, key):
    first, again = (grant(kms, key, "Encrypt", Name="once") for _ in range(2))
    assert first["GrantId"] == again["GrantId"]
    assert first["GrantToken"] != again["GrantToken"]
    assert grant(kms, key, "Decrypt", Name="once")["GrantId"] != first["GrantId"]
    assert len({grant(kms, key, "Encrypt")["GrantId"] for _ in range(2)}) == 2


def test_grants_are_retired_by_whom_they_name_and_nobody_else(kms, bob, carol, key, refused):
    name = key["KeyId"]
    given = grant(kms, key, "Encrypt", RetiringPrincipal=user(key, "carol"))
    token, grant_id = given["GrantToken"], given["GrantId"]
    assert refused(bob.retire_grant, GrantToken=token)[0] == DENIED
    assert refused(bob.retire_grant, KeyId=key["Arn"], GrantId=grant_id)[0] == DENIED
    other = grant(kms, key, "Encrypt", "RetireGrant")
    assert refused(carol.retire_grant, GrantToken=other["GrantToken"])[0] == DENIED
    bob.encrypt(KeyId=name, Plaintext=b"x")
    carol.retire_grant(GrantToken=token)
    bob.retire_grant(KeyId=key["Arn"], GrantId=other["GrantId"])
    assert refused(bob.encrypt, KeyId=name, Plaintext=b"x")[0] == DENIED


def test_grants_are_listed_in_pages_by_key_by_grantee_and_by_who_may_retire_them(kms, key):
    ids = [
        grant(kms, key, "Encrypt", RetiringPrincipal=user(key, "carol"))["GrantId"]
        for _ in range(3)
    ] + [grant(kms, key, "Decrypt", to="carol")["GrantId"]]
    pages = kms.get_paginator("list_grants").paginate(
        KeyId=key["KeyId"], PaginationConfig={"PageSize": 2}
    )
    found = [one for page in pages for one in page["Grants"]]
    assert {one["GrantId"] for one in found} == set(ids)
    assert len(found) == 4
    of_carol = kms.list_grants(KeyId=key["KeyId"], GranteePrincipal=user(key, "carol"))["Grants"]
    (one,) = of_carol
    assert one.pop("CreationDate")
    assert one == {
        "KeyId": key["Arn"], "GrantId": ids[3], "GranteePrincipal": user(key, "carol"),
        "IssuingAccount": f"arn:aws:iam::{key['AWSAccountId']}:root", "Operations": ["Decrypt"],
    }  # fmt: skip
    one = kms.list_grants(KeyId=key["KeyId"], GrantId=ids[0])["Grants"]
    assert [each["GrantId"] for each in one] == ids[:1]
    pages = kms.get_paginator("list_retirable_grants").paginate(
        RetiringPrincipal=user(key, "carol"), PaginationConfig={"PageSize": 2}
    )
    mine = {one["GrantId"] for page in pages for one in page["Grants"]}
    assert set(ids[:3]) <= mine
    assert ids[3] not in mine


@pytest.mark.parametrize(
    ("how", "code"),
    [
        ({"Operations": ["Sign"]}, "ValidationException"),
        ({"Operations": ["Nothing"]}, "ValidationException"),
        ({"GranteePrincipal": "bob"}, "InvalidArnException"),
        ({"GranteePrincipal": "arn:aws:iam::111122223333:user/bob"}, "InvalidArnException"),
        ({"GranteePrincipal": "{account}:user/nobody"}, "InvalidArnException"),
        ({"RetiringPrincipal": "{account}:role/key-user"}, "InvalidArnException"),
        ({"Constraints": {"EncryptionContextEquals": CONTEXT, "EncryptionContextSubset": CONTEXT}},
         "ValidationException"),
        ({"Constraints": {"SourceArn": "arn:aws:logs:x:111122223333:y"}},
         "UnsupportedOperationException"),
        ({"GrantTokens": ["bm9uZQ=="]}, "InvalidGrantTokenException"),
    ],
)  # fmt: skip
def test_what_is_no_grant_is_refused_and_none_is_made(kms, key, refused, how, code):
    asked = {"GranteePrincipal": user(key, "bob"), "Operations": ["Encrypt"]} | how
    asked = {
        name: one.replace("{account}", f"arn:aws:iam::{key['AWSAccountId']}")
        if isinstance(one, str) else one for name, one in asked.items()
    }  # fmt: skip
    assert refused(kms.create_grant, KeyId=key["KeyId"], **asked)[0] == code
    assert kms.list_grants(KeyId=key["KeyId"])["Grants"] == []


def test_ids_and_tokens_that_are_none_have_errors_of_their_own(kms, key, refused):
    name = key["KeyId"]
    assert refused(kms.retire_grant, GrantToken="x")[0] == "InvalidGrantTokenException"
    assert refused(kms.revoke_grant, KeyId=name, GrantId="x")[0] == "InvalidGrantIdException"
    assert refused(kms.revoke_grant, KeyId=name, GrantId="0" * 64)[0] == "NotFoundException"
    assert refused(kms.retire_grant)[0] == "ValidationException"
    assert refused(kms.list_grants, KeyId=name, Marker="x")[0] == "InvalidMarkerException"


def test_a_disabled_key_takes_no_grants_and_keeps_those_it_has(kms, bob, key, refused):
    name = key["KeyId"]
    grant(kms, key, "Encrypt")
    kms.disable_key(KeyId=name)
    assert refused(
        kms.create_grant, KeyId=name, GranteePrincipal=user(key, "bob"), Operations=["Decrypt"]
    )[0] == "DisabledException"  # fmt: skip
    assert len(kms.list_grants(KeyId=name)["Grants"]) == 1
    kms.enable_key(KeyId=name)
    bob.encrypt(KeyId=name, Plaintext=b"x")


def test_a_denied_algorithm_is_not_had_by_leaving_it_to_the_default(kms, account, refused):
    """The native API chooses one where none is asked for: it is weighed all the same."""
    key = made(kms, KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")
    kms.put_key_policy(KeyId=key["KeyId"], Policy=policy(
        statement(key, "root", "kms:*"),
        statement(key, "admin", "kms:Sign", effect="Deny",
                  StringEquals={"kms:SigningAlgorithm": "ECDSA_SHA_256"}),
    ))  # fmt: skip
    asked = {"KeyId": key["KeyId"], "Message": b"x", "SigningAlgorithm": "ECDSA_SHA_256"}
    assert refused(kms.sign, **asked)[0] == DENIED
    path = f"/v1/keys/id:{key['KeyId'].replace('-', '')}/sign"
    assert account.admin.ask("POST", path, {"message": "eA=="}).status == 403


def test_tags_that_are_given_and_taken_are_conditions(kms, key, refused):
    kms.put_key_policy(KeyId=key["KeyId"], Policy=policy(
        statement(key, "root", "kms:*"),
        statement(key, "admin", "kms:TagResource", effect="Deny",
                  StringEquals={"aws:RequestTag/Team": "pay"}),
        statement(key, "admin", "kms:UntagResource", effect="Deny",
                  **{"ForAnyValue:StringEquals": {"aws:TagKeys": ["Team"]}}),
    ))  # fmt: skip
    tag = {"KeyId": key["KeyId"], "Tags": [{"TagKey": "Team", "TagValue": "pay"}]}
    assert refused(kms.tag_resource, **tag)[0] == DENIED
    kms.tag_resource(KeyId=key["KeyId"], Tags=[{"TagKey": "Team", "TagValue": "risk"}])
    assert refused(kms.untag_resource, KeyId=key["KeyId"], TagKeys=["Team"])[0] == DENIED


def test_the_region_that_a_request_is_signed_for_is_a_condition(kms, account, key, refused):
    kms.put_key_policy(KeyId=key["KeyId"], Policy=policy(
        statement(key, "root", "kms:*"),
        statement(key, "admin", "kms:Encrypt", effect="Deny",
                  StringEquals={"aws:RequestedRegion": "us-east-1"}),
    ))  # fmt: skip
    kms.encrypt(KeyId=key["KeyId"], Plaintext=b"x")
    there = account.client(account.key_of("admin"), region="us-east-1")
    assert refused(there.encrypt, KeyId=key["KeyId"], Plaintext=b"x")[0] == DENIED
