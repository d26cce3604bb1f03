"""Key policies of the kinds that AWS's guides give, as boto3 writes them: each says what it says.

Written by us in the shapes of the AWS KMS Developer Guide ("Key policies in AWS KMS", "Condition
keys", "Allowing users in other accounts to use a KMS key", "ABAC for AWS KMS"), the guides of the
services that use keys, and the IAM User Guide. Each is put on a key of its own; then one request is
allowed, and one denied.
"""

import json
from dataclasses import dataclass, field

import pytest

from tests.conformance.test_boto3 import made
from tests.support.aws import refusal

DENIED = "AccessDeniedException"
MALFORMED = "MalformedPolicyDocumentException"
OTHER = "444455556666"  # an account that is none here
USE = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"]
ADMINISTER = ["kms:Create*", "kms:Describe*", "kms:Enable*", "kms:List*", "kms:Put*", "kms:Update*",
              "kms:Revoke*", "kms:Disable*", "kms:Get*", "kms:Delete*", "kms:TagResource",
              "kms:UntagResource", "kms:ScheduleKeyDeletion", "kms:CancelKeyDeletion",
              "kms:RotateKeyOnDemand"]  # fmt: skip
LOGS = "arn:aws:logs:eu-central-1:ACCOUNT:"


def iam(name):
    return f"arn:aws:iam::ACCOUNT:{name}"


ROOT, BOB, CAROL = iam("root"), iam("user/bob"), iam("user/carol")
TO_BOB = {"AWS": BOB}


def said(principal, action, *, effect="Allow", whom="Principal", **condition):
    found = {"Effect": effect, whom: principal, "Action": action, "Resource": "*"}
    return found | ({"Condition": condition} if condition else {})


ALL = said({"AWS": ROOT}, "kms:*")


def deny(action, *, principal="*", whom="Principal", **condition):
    return said(principal, action, effect="Deny", whom=whom, **condition)


def service(name, **condition):
    return said({"Service": f"{name}.amazonaws.com"}, ["kms:GenerateDataKey*", "kms:Decrypt"],
                **condition)  # fmt: skip


@dataclass
class Ask:
    who: str
    operation: str = "encrypt"
    how: dict = field(default_factory=dict)


def encrypt(who, context=None, **how):
    return Ask(who, how={"EncryptionContext": context} | how if context else how)


def decrypt(who, context=None):
    return Ask(who, "decrypt", {"EncryptionContext": context} if context else {})


def ask(who, operation, **how):
    return Ask(who, operation, how)


# A policy, what is allowed by it, and what is denied.
POLICIES = {
    "default": ([ALL], encrypt("admin"), encrypt("bob")),
    "administrators use nothing": (
        [ALL, said(TO_BOB, ADMINISTER)],
        ask("bob", "update_key_description", Description="x"),
        encrypt("bob"),
    ),
    "users administer nothing": (
        [ALL, said({"AWS": [BOB, CAROL]}, USE)],
        ask("carol", "generate_data_key", KeySpec="AES_256"),
        ask("carol", "disable_key"),
    ),
    "a role": (
        [said({"AWS": iam("user/admin")}, "kms:*"), said({"AWS": iam("role/key-user")}, USE)],
        encrypt("worker"),
        encrypt("bob"),
    ),
    "grants for resources of AWS": (
        [ALL, said(TO_BOB, USE), said(
            TO_BOB, ["kms:CreateGrant", "kms:ListGrants", "kms:RevokeGrant"],
            Bool={"kms:GrantIsForAWSResource": "true"},
        )],
        encrypt("bob"),
        ask("bob", "create_grant", GranteePrincipal=CAROL, Operations=["Encrypt"]),
    ),
    "grants of some operations": (
        [ALL, said(TO_BOB, "kms:CreateGrant", **{
            "ForAllValues:StringEquals": {"kms:GrantOperations": ["Encrypt", "DescribeKey"]},
            "StringEquals": {"kms:GranteePrincipal": CAROL},
        })],
        ask("bob", "create_grant", GranteePrincipal=CAROL, Operations=["Encrypt"]),
        ask("bob", "create_grant", GranteePrincipal=CAROL, Operations=["Decrypt"]),
    ),
    "CloudWatch Logs": (
        [ALL, service(
            "logs.eu-central-1", ArnLike={"kms:EncryptionContext:aws:logs:arn": f"{LOGS}*"}
        )],
        encrypt("admin", {"aws:logs:arn": f"{LOGS}log-group:a"}),
        encrypt("bob", {"aws:logs:arn": f"{LOGS}log-group:a"}),
    ),
    "logs of one group": (
        [ALL, said(TO_BOB, "kms:Encrypt*", ArnEquals={
            "kms:EncryptionContext:aws:logs:arn": f"{LOGS}log-group:a"
        })],
        encrypt("bob", {"aws:logs:arn": f"{LOGS}log-group:a"}),
        encrypt("bob", {"aws:logs:arn": f"{LOGS}log-group:b"}),
    ),
    "logs of one account": (
        [ALL, said(TO_BOB, "kms:Encrypt*", ArnLike={
            "kms:EncryptionContext:aws:logs:arn": "arn:aws:logs:*:ACCOUNT:*"
        })],
        encrypt("bob", {"aws:logs:arn": "arn:aws:logs:us-east-1:ACCOUNT:log-group:a"}),
        encrypt("bob", {"aws:logs:arn": f"arn:aws:logs:us-east-1:{OTHER}:ACCOUNT:x"}),
    ),
    "what is no ARN is not like one": (
        [ALL, said(TO_BOB, "kms:Encrypt*"), deny("kms:Encrypt", ArnNotLike={
            "kms:EncryptionContext:aws:logs:arn": "arn:aws:logs:*:*:*"
        })],
        encrypt("bob", {"aws:logs:arn": f"{LOGS}log-group:a"}),
        encrypt("bob", {"aws:logs:arn": "logs"}),
    ),
    "CloudTrail": (
        [ALL, service(
            "cloudtrail",
            StringEquals={"aws:SourceArn": "arn:aws:cloudtrail:eu-central-1:ACCOUNT:trail/t"},
            StringLike={"kms:EncryptionContext:aws:cloudtrail:arn":
                        "arn:aws:cloudtrail:*:ACCOUNT:trail/*"},
        ), said({"Service": "cloudtrail.amazonaws.com"}, "kms:DescribeKey")],
        encrypt("admin"),
        ask("bob", "describe_key"),
    ),
    "who reads CloudTrail's logs": (
        [ALL, said(TO_BOB, ["kms:Decrypt", "kms:ReEncryptFrom"],
                   StringEquals={"kms:CallerAccount": "ACCOUNT"},
                   Null={"kms:EncryptionContext:aws:cloudtrail:arn": "false"})],
        decrypt("bob", {"aws:cloudtrail:arn": "arn:aws:cloudtrail:eu-central-1:ACCOUNT:trail/t"}),
        decrypt("bob", {"other": "x"}),
    ),
    "S3": (
        [ALL, said({"AWS": "*"}, USE, StringEquals={
            "kms:ViaService": "s3.eu-central-1.amazonaws.com", "kms:CallerAccount": "ACCOUNT"
        })],
        encrypt("admin"),
        encrypt("bob"),
    ),
    "a bucket": (
        [ALL, said(TO_BOB, USE,
                   ArnLike={"kms:EncryptionContext:aws:s3:arn": "arn:aws:s3:::mine*"})],
        encrypt("bob", {"aws:s3:arn": "arn:aws:s3:::mine/a"}),
        encrypt("bob", {"aws:s3:arn": "arn:aws:s3:::yours/mine"}),
    ),
    "not by way of a service": (
        [ALL, said(TO_BOB, USE), deny("kms:Decrypt", StringNotEquals={
            "kms:ViaService": ["ec2.eu-central-1.amazonaws.com", "rds.eu-central-1.amazonaws.com"]
        })],
        encrypt("bob"),
        decrypt("bob"),
    ),
    "SNS and SQS": (
        [ALL, service("sns", StringEquals={"aws:SourceAccount": "ACCOUNT"},
                      ArnLike={"aws:SourceArn": "arn:aws:sns:eu-central-1:ACCOUNT:*"}),
         service("sqs", ArnEquals={"aws:SourceArn": "arn:aws:sqs:eu-central-1:ACCOUNT:queue"})],
        encrypt("admin"),
        encrypt("bob"),
    ),
    "Secrets Manager": (
        [ALL, said({"AWS": ["*"]}, USE, StringEquals={
            "kms:ViaService": "secretsmanager.eu-central-1.amazonaws.com",
            "kms:CallerAccount": "ACCOUNT",
        }), said(TO_BOB, "kms:Decrypt", StringLike={
            "kms:EncryptionContext:SecretARN": "arn:aws:secretsmanager:*:ACCOUNT:secret:shop-*"
        })],
        decrypt("bob", {"SecretARN": "arn:aws:secretsmanager:eu-central-1:ACCOUNT:secret:shop-a"}),
        decrypt("bob", {"SecretARN": "arn:aws:secretsmanager:eu-central-1:ACCOUNT:secret:a"}),
    ),
    "MFA": (
        [ALL, said(TO_BOB, "kms:DescribeKey"),
         said(TO_BOB, "kms:ScheduleKeyDeletion", Bool={"aws:MultiFactorAuthPresent": "true"},
              NumericLessThan={"aws:MultiFactorAuthAge": "300"})],
        ask("bob", "describe_key"),
        ask("bob", "schedule_key_deletion"),
    ),
    "no deletion without MFA": (
        [ALL, deny("kms:ScheduleKeyDeletion",
                   BoolIfExists={"aws:MultiFactorAuthPresent": "false"})],
        encrypt("admin"),
        ask("admin", "schedule_key_deletion"),
    ),
    "an organisation": (
        [ALL, said("*", USE, StringEquals={"aws:PrincipalOrgID": "o-abcdefghij"})],
        encrypt("admin"),
        encrypt("bob"),
    ),
    "units of an organisation": (
        [ALL, said({"AWS": "*"}, USE, **{
            "ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": "o-abcdefghij/r-ab12/ou-*"}
        })],
        encrypt("admin"),
        encrypt("bob"),
    ),
    "an endpoint of a network": (
        [ALL, deny(["kms:Encrypt", "kms:Decrypt"],
                   StringNotEquals={"aws:sourceVpce": "vpce-0123456789abcdef0"})],
        ask("admin", "describe_key"),
        encrypt("admin"),
    ),
    "a network's perimeter": (
        [ALL, said(TO_BOB, USE), deny(
            "kms:Decrypt", NotIpAddressIfExists={"aws:SourceIp": ["192.0.2.0/24", "127.0.0.0/8"]},
            StringNotEqualsIfExists={"aws:SourceVpc": "vpc-0123456789abcdef0"},
            BoolIfExists={"aws:PrincipalIsAWSService": "false", "aws:ViaAWSService": "false"},
        ), deny("kms:Encrypt", NotIpAddress={"aws:VpcSourceIp": "10.0.0.0/8"})],
        decrypt("bob"),
        encrypt("bob"),
    ),
    "by the key's tags": (
        [ALL, said(TO_BOB, USE, StringEquals={"aws:ResourceTag/Environment": "Test"}),
         deny("kms:Decrypt", StringEquals={"aws:ResourceTag/Environment": ["Test", "Stage"]})],
        encrypt("bob"),
        decrypt("bob"),
    ),
    "by the caller's tags": (
        [ALL, said(TO_BOB, "kms:Decrypt",
                   StringEquals={"aws:PrincipalTag/team": "${aws:ResourceTag/team}"})],
        decrypt("admin"),
        decrypt("bob"),
    ),
    "by the tags of a request": (
        [ALL, said(TO_BOB, "kms:TagResource", StringEquals={"aws:RequestTag/team": "pay"},
                   **{"ForAllValues:StringEquals": {"aws:TagKeys": ["team", "cost"]}})],
        ask("bob", "tag_resource", Tags=[{"TagKey": "team", "TagValue": "pay"}]),
        ask("bob", "tag_resource", Tags=[{"TagKey": "team", "TagValue": "risk"}]),
    ),
    "by the alias of a request": (
        [ALL, said(TO_BOB, "kms:Encrypt", StringEquals={"kms:RequestAlias": "alias/ALIAS"})],
        encrypt("bob", KeyId="alias/ALIAS"),
        encrypt("bob"),
    ),
    "by the aliases of the key": (
        [ALL, said(TO_BOB, USE, **{
            "ForAnyValue:StringLike": {"kms:ResourceAliases": ["alias/of-*", "alias/x"]}
        }), deny("kms:Decrypt", **{
            "ForAnyValue:StringEquals": {"kms:ResourceAliases": "alias/ALIAS"}
        })],
        encrypt("bob"),
        decrypt("bob"),
    ),
    "by a context": (
        [ALL, said(TO_BOB, USE, StringEquals={
            "kms:EncryptionContext:AppName": "ExampleApp",
            "kms:EncryptionContext:FilePath": "/var/opt/secrets/",
        }, **{"ForAllValues:StringEquals": {
            "kms:EncryptionContextKeys": ["AppName", "FilePath"]
        }})],
        encrypt("bob", {"AppName": "ExampleApp", "FilePath": "/var/opt/secrets/"}),
        encrypt("bob", {"AppName": "ExampleApp"}),
    ),
    "another account": (
        [ALL, said({"AWS": [f"arn:aws:iam::{OTHER}:root", f"arn:aws:iam::{OTHER}:role/Example"]},
                   USE)],
        encrypt("admin"),
        encrypt("bob"),
    ),
    "another account, by its number, and a user": (
        [ALL, said({"AWS": [OTHER, BOB]}, USE)],
        encrypt("bob"),
        encrypt("carol"),
    ),
    "another account's namesakes": (
        [ALL, said({"AWS": f"arn:aws:iam::{OTHER}:user/bob"}, USE), said({"AWS": CAROL}, USE)],
        encrypt("carol"),
        encrypt("bob"),
    ),
    "a denial to all but some": (
        [ALL, said(TO_BOB, USE), deny(
            "kms:Encrypt", whom="NotPrincipal",
            principal={"AWS": [ROOT, iam("user/admin"), f"arn:aws:iam::{OTHER}:user/bob"]},
        )],
        encrypt("admin"),
        encrypt("bob"),
    ),
    "a denial to all but another account": (
        [ALL, said(TO_BOB, USE), deny(
            "kms:Encrypt", whom="NotPrincipal", principal={"AWS": f"arn:aws:iam::{OTHER}:root"}
        )],
        decrypt("bob"),
        encrypt("admin"),
    ),
    "a denial to others than named": (
        [ALL, said(TO_BOB, USE), deny("kms:Encrypt", ArnNotLike={
            "aws:PrincipalArn": ["arn:aws:iam::*:user/admin", "arn:aws:iam::ACCOUNT:role/*"]
        })],
        encrypt("admin"),
        encrypt("bob"),
    ),
    "not without TLS": (  # this server has no certificate
        [ALL, said(TO_BOB, USE), deny("kms:Encrypt", Bool={"aws:SecureTransport": "false"})],
        decrypt("bob"),
        encrypt("bob"),
    ),
    "with TLS": (
        [ALL, said(TO_BOB, "kms:DescribeKey"),
         said(TO_BOB, USE, Bool={"aws:SecureTransport": "true"})],
        ask("bob", "describe_key"),
        encrypt("bob"),
    ),
    "time": (
        [ALL, said(TO_BOB, "kms:Encrypt",
                   DateGreaterThan={"aws:CurrentTime": "2020-01-01T00:00:00Z"}),
         said(TO_BOB, "kms:Decrypt", DateLessThan={"aws:CurrentTime": "2020-01-01T00:00:00Z"})],
        encrypt("bob"),
        decrypt("bob"),
    ),
    "a long window before deletion": (
        [ALL, deny("kms:ScheduleKeyDeletion",
                   NumericLessThan={"kms:ScheduleKeyDeletionPendingWindowInDays": "20"})],
        ask("admin", "schedule_key_deletion", PendingWindowInDays=20),
        ask("admin", "schedule_key_deletion", PendingWindowInDays=10),
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def people(account, kms):
    return {
        "admin": kms, "bob": account.principal("bob"), "carol": account.principal("carol"),
        "worker": account.principal("worker", "key-user"),
    }  # fmt: skip


@pytest.fixture(scope="module")
def number(kms):
    return made(kms)["AWSAccountId"]


def written(statements, number, alias=""):
    text = json.dumps({"Version": "2012-10-17", "Statement": statements})
    return text.replace("ACCOUNT", number).replace("ALIAS", alias)


def asked(kms, people, key, ask, number, alias):
    """A call, and what it is given."""
    how = json.loads(json.dumps(ask.how).replace("ACCOUNT", number).replace("ALIAS", alias))
    if ask.operation == "encrypt":
        how = {"Plaintext": b"x"} | how
    if ask.operation == "decrypt":
        how["CiphertextBlob"] = kms.encrypt(KeyId=key, Plaintext=b"x", **how)["CiphertextBlob"]
    return getattr(people[ask.who], ask.operation), {"KeyId": key} | how


@pytest.mark.parametrize("name", POLICIES)
def test_a_policy_of_a_kind_that_aws_shows_does_what_it_says(kms, people, number, name):
    statements, allowed, denied = POLICIES[name]
    tags = [{"TagKey": "Environment", "TagValue": "Test"}, {"TagKey": "team", "TagValue": "pay"}]
    key = kms.create_key(Tags=tags)["KeyMetadata"]["KeyId"]
    alias = "of-" + name.replace(" ", "-").replace("'", "").replace(",", "")
    kms.create_alias(AliasName=f"alias/{alias}", TargetKeyId=key)
    both = [asked(kms, people, key, one, number, alias) for one in (denied, allowed)]
    kms.put_key_policy(KeyId=key, Policy=written(statements, number, alias))
    (call, how), (allowed_call, allowed_how) = both
    assert refusal(call, **how)[0] == DENIED
    allowed_call(**allowed_how)


@pytest.mark.parametrize(
    ("statements", "why"),
    [
        ([said({"AWS": f"arn:aws:iam::{OTHER}:root"}, "kms:*"), said("*", "kms:*")],
         "all that it names are of other accounts than this one, arn:aws:iam::ACCOUNT:root"),
        ([ALL, deny("kms:*", principal={"AWS": f"arn:aws:iam::{OTHER}:root"})],
         "can be in the Principal of an Allow, and in the NotPrincipal of a Deny"),
        ([ALL, said({"AWS": f"arn:aws:iam::{OTHER}:root"}, "kms:*", whom="NotPrincipal")],
         "can be in the Principal of an Allow, and in the NotPrincipal of a Deny"),
        ([ALL, said({"AWS": "arn:aws:sts::ACCOUNT:assumed-role/r/session"}, USE)],
         "invalid principals: they are arn:aws:iam::ACCOUNT:root, :user/NAME and :role/NAME"),
        ([ALL, said({"AWS": "AIDACKCEVSQ6C2EXAMPLE"}, USE)], "invalid principals"),
        ([ALL, said({"AWS": iam("role/aws-service-role/autoscaling.amazonaws.com/Scaling")}, USE)],
         "invalid principals: role/Scaling"),
        ([ALL, said({"AWS": iam("user/nobody")}, USE)], "invalid principals: user/nobody"),
        ([ALL, deny("kms:*", StringNotLike={"aws:UserAgent": "*"})],
         "there is no condition key aws:UserAgent here"),
        ([ALL, said(TO_BOB, "kms:Encrypt", ArnLike={"kms:EncryptionContext:a": "*"})],
         "is no ARN"),
        ([ALL, deny("kms:*", Bool={"aws:SecureTransport": "false"})],
         "will not allow you to update the key policy in the future"),
        ([ALL, said(TO_BOB, "s3:GetObject")], "actions of a key policy begin with kms:"),
        ([said(TO_BOB, "kms:*")], "will not allow you to update the key policy in the future"),
        ([ALL, deny("kms:*", principal={"AWS": f"arn:aws:iam::{OTHER}:root"}, whom="NotPrincipal")],
         "will not allow you to update the key policy in the future"),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else "",
)  # fmt: skip
def test_a_policy_that_would_not_do_what_it_says_is_refused_and_says_why(
    kms, people, number, statements, why
):
    assert people
    key = made(kms)["KeyId"]
    code, message = refusal(kms.put_key_policy, KeyId=key, Policy=written(statements, number))
    assert code == MALFORMED
    assert why.replace("ACCOUNT", number) in message
