"""Key policies that are not understood are refused when they are written, and say why."""

import json
import re
import time
from pathlib import Path

import msgspec
import pytest

from strongroom.adapters.cedar import CedarEngine
from strongroom.domain import asks, transfers, uses
from strongroom.domain.iam import cedar
from strongroom.domain.iam.actions import ACTIONS, asked
from strongroom.domain.iam.conditions import FAMILIES, NEVER_THERE, SERVED, kind_of
from strongroom.domain.iam.document import read
from strongroom.domain.iam.errors import MalformedPolicyError
from strongroom.domain.iam.patterns import arn_parts, fits, like, pieces, resolved
from strongroom.domain.iam.texts import Values, met
from strongroom.domain.limits import KEY_POLICY_BYTES_MAX
from strongroom.domain.operations import OPERATIONS, Resource
from strongroom.ports.policy_engine import Circumstances, Question

ROOT = Path(__file__).parents[2]
ACCOUNT, KEY = "111122223333", "ab" * 16
USER = f"arn:aws:iam::{ACCOUNT}:user/alice"
OTHER = "arn:aws:iam::999900001111:root"
GOOD = {"Effect": "Allow", "Principal": {"AWS": USER}, "Action": "kms:Encrypt", "Resource": "*"}
DENIED = GOOD | {"Effect": "Deny"}

OF_AWS = """
aws:RequestTag/x aws:ResourceTag/x aws:TagKeys kms:BypassPolicyLockoutSafetyCheck
kms:CallerAccount kms:CustomerMasterKeySpec kms:CustomerMasterKeyUsage kms:DataKeyPairSpec
kms:EncryptionAlgorithm kms:EncryptionContext:x kms:EncryptionContextKeys kms:ExpirationModel
kms:GrantConstraintSourceArn kms:GrantConstraintType kms:GrantIsForAWSResource
kms:GrantOperations kms:GranteePrincipal kms:GranteeServicePrincipal kms:KeyAgreementAlgorithm
kms:KeyOrigin kms:KeySpec kms:KeyUsage kms:MacAlgorithm kms:MessageType kms:MultiRegion
kms:MultiRegionKeyType kms:PrimaryRegion kms:ReEncryptOnSameKey
kms:RecipientAttestation:ImageSha384 kms:RecipientAttestation:PCR0
kms:RecipientAttestation:NitroTPMPCR7 kms:ReplicaRegion kms:RequestAlias kms:ResourceAliases
kms:RetiringPrincipal kms:RetiringServicePrincipal kms:RotationPeriodInDays
kms:ScheduleKeyDeletionPendingWindowInDays kms:SigningAlgorithm kms:TrailingDaysWithoutKeyUsage
kms:ValidTo kms:ViaService kms:WrappingAlgorithm kms:WrappingKeySpec
"""

# Where it is the ask that says which.
ASKS = {
    "key.generate-data-key": uses.GenerateDataKey(),
    "key.generate-data-key-pair": uses.GenerateDataKeyPair(algorithm="ed25519"),
    "key.update": asks.UpdateKey(),
    "alias.write": transfers.WriteAlias(key="k"),
}


def text(*statements, **more):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)} | more)


def when(operator, key, value):
    return GOOD | {"Condition": {operator: {key: value}}}


def without(name):
    return {key: value for key, value in GOOD.items() if key != name}


@pytest.mark.parametrize(
    ("policy", "why"),
    [
        ("", "no JSON"),
        ("[]", "an object"),
        ("null", "an object"),
        ("{", "no JSON"),
        ('{"Statement": [NaN]}', "no JSON"),
        ("[" * 100_000, "32768 bytes"),
        ("[" * 1_000, "too deeply"),
        ('{"Version": "2012-10-17"}', "1 to 100 statements"),
        (text(), "1 to 100"),
        (text(*[GOOD] * 101), "1 to 100"),
        ('{"Statement": [], "Statement": []}', "twice"),
        (text(GOOD, Version="2020-01-01"), "Version"),
        (text(GOOD, Id=7), "Id"),
        (text(GOOD, Comment="x"), "Comment"),
        (text(GOOD | {"Comment": "x"}), "Comment"),
        (text(GOOD | {"Effect": "allow"}), "Effect"),
        (text(without("Effect")), "Effect"),
        (text(without("Principal")), "Principal"),
        (text(without("Action")), "Action"),
        (text(without("Resource")), "Resource"),
        (text(GOOD | {"NotAction": "kms:*"}), "Action"),
        (text(GOOD | {"Sid": "a-b"}), "Sid"),
        (text(GOOD | {"Action": "s3:GetObject"}), "kms:"),
        (text(GOOD | {"Action": []}), "Action"),
        (text(GOOD | {"Action": 7}), "Action"),
        (text(GOOD | {"Resource": ""}), "Resource"),
        (text(GOOD | {"Principal": "alice"}), "an object"),
        (text(GOOD | {"Principal": {"AWS": "alice"}}), "invalid principals"),
        (
            text(GOOD | {"Principal": {"AWS": "arn:aws:iam::999900001111:root"}}),
            "all that it names are of other accounts",
        ),
        (text(GOOD | {"Principal": {"AWS": OTHER[13:-5]}}), "all that it names are of other"),
        (
            text(GOOD | {"Principal": "*"}, GOOD | {"Principal": {"AWS": OTHER}}),
            "all that it names",
        ),
        (text(GOOD, DENIED | {"Principal": {"AWS": [USER, OTHER]}}), "NotPrincipal of a Deny"),
        (
            text(GOOD, without("Principal") | {"NotPrincipal": {"AWS": OTHER}}),
            "Principal of an Allow",
        ),
        (text(GOOD | {"Principal": {"AWS": [USER, f"{OTHER}/x"]}}), "invalid principals"),
        (text(GOOD | {"Principal": {"AWS": [USER, "9999"]}}), "invalid principals"),
        (text(GOOD | {"Principal": {"Other": USER}}), "Other"),
        (
            text(GOOD | {"Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:group/x"}}),
            "invalid principals",
        ),
        (text(GOOD | {"Condition": []}), "an object"),
        (text(when("StringIs", "aws:username", "x")), "no condition operator"),
        (text(when("StringEquals", "kms:Nothing", "x")), "no condition key"),
        (text(when("StringEquals", "kms:EncryptionContext:", "x")), "no condition key"),
        (text(when("StringEquals", "kms:EncryptionContextKeys", "x")), "ForAnyValue"),
        (text(when("StringEquals", "aws:username", "${aws:Nothing}")), "no condition key"),
        (text(when("StringEquals", "aws:username", "${aws:TagKeys}")), "has several values"),
        (text(when("StringEquals", "aws:username", "${aws:userid")), "a variable that is not"),
        (text(when("StringEquals", "aws:username", "${}")), "a variable that is not"),
        (text(when("StringEquals", "aws:username", "${${aws:userid}}")), "a variable that is not"),
        (text(when("StringLike", "aws:username", "${aws:userid,'x'}")), "a variable that is not"),
        (text(when("StringLike", "aws:username", "${aws:userid, 'x*'}")), "a variable that is not"),
        (text(when("StringLike", "aws:username", "${aws:userid, ''}")), "a variable that is not"),
        (text(when("NumericEquals", "kms:RotationPeriodInDays", "${aws:userid}")), "whole number"),
        (text(when("Bool", "kms:MultiRegion", "${aws:userid}")), "true or false"),
        (text(when("Null", "kms:MultiRegion", "${aws:userid}")), "true or false"),
        (text(when("DateEquals", "aws:CurrentTime", "${aws:EpochTime}")), "no date"),
        (text(when("IpAddress", "aws:SourceIp", "${aws:SourceIp}")), "no network"),
        (text(when("ArnLike", "aws:PrincipalArn", "${aws:PrincipalArn}")), "no ARN"),
        (text(GOOD | {"Resource": "${aws:userid}"}), "no ARN"),
        (text(GOOD | {"Resource": "arn:aws:kms:*:${aws:PrincipalAccount}:key/*"}), "last part"),
        (
            text(GOOD | {"Principal": {"AWS": USER.replace("alice", "${aws:username}")}}),
            "principals",
        ),
        (text(when("NumericEquals", "aws:username", "1")), "does not go with"),
        (text(when("NumericEquals", "kms:RotationPeriodInDays", "1.5")), "whole number"),
        (text(when("DateEquals", "aws:CurrentTime", "yesterday")), "no date"),
        (text(when("IpAddress", "aws:SourceIp", "300.0.0.1")), "no network"),
        (text(when("Bool", "kms:MultiRegion", "maybe")), "true or false"),
        (text(when("Null", "kms:MultiRegion", "maybe")), "true or false"),
        (text(when("ArnLike", "aws:PrincipalArn", "alice")), "no ARN"),
        (text(when("ArnLike", "kms:EncryptionContext:x", "*")), "no ARN"),
        (text(when("ArnLike", "kms:ResourceAliases", USER)), "ForAnyValue"),
        (text(when("ArnLike", "kms:RotationPeriodInDays", USER)), "does not go with"),
        (text(when("ArnEquals", "aws:CurrentTime", USER)), "does not go with"),
        (text(when("StringEquals", "aws:username", ["x"] * 51)), "50 values"),
        (text(when("StringEquals", "aws:username", [])), "a string"),
        (text(when("StringEquals", "aws:username", {"a": 1})), "a string"),
        (text(when("BinaryEquals", "aws:username", "eA==")), "no condition operator"),
    ],
    ids=lambda value: value[:40],
)
def test_what_is_not_understood_is_refused(policy, why):
    with pytest.raises(MalformedPolicyError, match=why):
        read(policy, account=ACCOUNT, key=KEY)


def test_variables_are_text_in_the_older_version_and_nothing_special():
    value = "${aws:Nothing} ${ ${*}"
    for version in ({"Version": "2008-10-17"}, {}):
        policy = {"Statement": [when("StringEquals", "aws:username", value)], **version}
        rights = cedar.of_policy(json.dumps(policy), account=ACCOUNT, key=KEY)
        assert not rights.comparisons
        assert value in rights.direct["key-policy:statement-1"]


def test_a_star_that_is_escaped_is_one_for_cedar_too():
    policy = text(when("StringLike", "aws:username", "${*}*"))
    rights = cedar.of_policy(policy, account=ACCOUNT, key=KEY)
    assert not rights.comparisons
    assert r'like "\**"' in rights.direct["key-policy:statement-1"]


def test_only_what_cedar_has_no_expression_for_is_compared_by_ours():
    def comparisons(operator, key, value):
        policy = text(when(operator, key, value))
        return len(cedar.of_policy(policy, account=ACCOUNT, key=KEY).comparisons)

    assert not comparisons("StringLike", "aws:username", "a*")
    assert not comparisons("ForAnyValue:StringLike", "kms:ResourceAliases", "alias/a")
    assert not comparisons("ArnLike", "aws:PrincipalArn", f"{USER}*")
    assert not comparisons("ArnLike", "aws:PrincipalArn", "arn:aws:iam::*:user/a*")
    assert not comparisons("ArnLike", "kms:EncryptionContext:x", "arn:aws:logs:eu:1:*")
    assert not comparisons("ForAnyValue:ArnLike", "kms:ResourceAliases", "arn:aws:logs:eu:1:x")
    assert comparisons("ArnLike", "kms:EncryptionContext:x", "arn:aws:logs:*:1:x")
    assert comparisons("ArnLike", "kms:EncryptionContext:x", "*:aws:logs:eu:1:x")
    assert comparisons("ArnLike", "kms:EncryptionContext:x", "urn:aws:logs:eu:1:x")
    assert comparisons("ForAnyValue:ArnLike", "kms:ResourceAliases", "arn:aws:logs:eu:1:*")
    assert comparisons("StringLike", "aws:username", "a?")
    assert comparisons("StringEquals", "aws:username", "${aws:userid}")
    assert comparisons("ForAnyValue:StringLike", "kms:ResourceAliases", "alias/*")


def test_who_is_of_another_account_is_nobody_who_comes():
    """A statement for others alone is none; one that denies all but them denies everybody."""

    def direct(**principal):
        policy = text(GOOD | {"Effect": "Allow", "Principal": {"AWS": USER}, "Sid": "own"},
                      without("Principal") | {"Sid": "other"} | principal)  # fmt: skip
        return cedar.of_policy(policy, account=ACCOUNT, key=KEY).direct

    other = {"AWS": [OTHER, OTHER.replace("root", "user/alice"), "999900001111"]}
    assert list(direct(Principal=other)) == ["key-policy:own"]
    both = direct(Principal={"AWS": [*other["AWS"], USER]})
    assert both["key-policy:other"] == both["key-policy:own"]
    found = direct(Effect="Deny", NotPrincipal=other)["key-policy:other"]
    assert "when { (!(false)) }" in found


def test_keys_of_networks_of_aws_are_compared_as_what_is_not_there():
    for key in ("aws:VpcSourceIp", "aws:Ec2InstanceSourcePrivateIPv4"):
        for operator, holds in (("IpAddress", False), ("NotIpAddress", True),
                                ("IpAddressIfExists", True)):  # fmt: skip
            policy = text(when(operator, key, "10.0.0.0/8"))
            found = cedar.of_policy(policy, account=ACCOUNT, key=KEY).direct
            question = Question(
                principal="alice", roles=[], action="kms:Encrypt", resource=Resource.KEY,
                object="k", namespace="n", source="10.0.0.1",
                circumstances=Circumstances(one={}, many={}, numbers={}, times={}),
            )  # fmt: skip
            assert CedarEngine().parse_rights(found).weigh(question).allowed is holds


def test_comparisons_that_nobody_made_are_a_denial():
    """Whoever weighs such rights without them is told so, and nothing is allowed."""
    rights = cedar.of_policy(text(GOOD, when("Null", "aws:username", "false"), GOOD | {
        "Effect": "Deny", "Condition": {"StringLike": {"aws:username": "?"}}
    }), account=ACCOUNT, key=KEY)  # fmt: skip
    question = Question(
        principal="alice", roles=[], action="kms:Encrypt", resource=Resource.KEY, object="k",
        namespace="n", circumstances=Circumstances(one={}, many={}, numbers={}, times={}),
    )  # fmt: skip
    verdict = CedarEngine().parse_rights(rights.direct).weigh(question)
    assert not verdict.allowed
    assert verdict.policies == ("key-policy:statement-3 (error)",)
    said = msgspec.structs.replace(question.circumstances, met=[])
    question = msgspec.structs.replace(question, circumstances=said)
    assert CedarEngine().parse_rights(rights.direct).weigh(question).allowed


def test_every_key_of_awss_list_is_known():
    """Service Authorization Reference, "Condition keys for AWS Key Management Service"."""
    for name in OF_AWS.split():
        kind_of(name)


def test_the_page_about_aws_names_the_keys_that_are_served_and_no_others():
    page = (ROOT / "docs/compat/aws.md").read_text()
    section = page.partition("### Condition keys")[2].partition("\n#")[0]
    rows = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    named = [name for row in rows for name in re.findall(r"`([^`]+?)(?:\.\.\.)?`", row)]
    assert sorted(named) == sorted([*SERVED, *NEVER_THERE, *FAMILIES])


def test_a_policy_of_the_greatest_length_is_understood_and_weighed():
    many = [GOOD | {"Principal": {"AWS": [USER] * 40}} for _ in range(15)]
    many.append(GOOD | {"Condition": {
        "StringLike": {f"kms:EncryptionContext:k{n}": ["*a*b*"] * 9 for n in range(50)}
    }})  # fmt: skip
    policy = text(*many)
    assert len(policy) < KEY_POLICY_BYTES_MAX
    rights = cedar.of_policy(policy, account=ACCOUNT, key=KEY)
    CedarEngine().parse_rights(rights.direct)._slice("kms:Encrypt")


def test_no_statement_takes_the_place_of_another_whatever_their_sids():
    """One called "2" is the first of two here; the second has no name."""
    denied = GOOD | {"Sid": "2", "Effect": "Deny"}
    direct = cedar.of_policy(text(denied, GOOD), account=ACCOUNT, key=KEY).direct
    assert sorted(one.split()[0] for one in direct.values()) == ["forbid", "permit"]


def test_statements_of_one_sid_hold_all_of_them():
    """As AWS has it: their names are for readers."""
    called = {"Sid": "statement"}
    root = {"Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}}
    policy = text(GOOD | called, GOOD | called | {"Effect": "Deny"}, GOOD, GOOD | called | root)
    rights = cedar.of_policy(policy, account=ACCOUNT, key=KEY)
    kinds = [one.split()[0] for one in rights.direct.values()]
    assert sorted(kinds) == ["forbid", "permit", "permit"]
    assert len(rights.delegated) == 1


@pytest.mark.parametrize(
    ("pattern", "fitting"),
    [("", [""]), ("*", ["", "a", "abc"]), ("a*c", ["abc"]), ("?", ["a"]), ("*b*", ["abc"]),
     ("a?c", ["abc"]), ("**a**", ["a", "abc"]), ("*?*?*?*", ["abc"]), ("a", ["a"]), ("*d", [])],
)  # fmt: skip
def test_patterns_fit_as_aws_says(pattern, fitting):
    assert [one for one in ("", "a", "abc") if fits(pattern, one)] == fitting


def test_the_value_of_a_variable_is_never_a_pattern():
    text_of = pieces("${aws:username}-?", wild=True, variables=True)
    for value, fitting in (("a", ["a-b"]), ("*", ["*-b"]), ("a?", ["a?-b"]), ("${*}", ["${*}-b"])):
        found = resolved(text_of, {"aws:username": value})
        texts = ["a-b", "*-b", "a?-b", "${*}-b", "ab-b"]
        assert [one for one in texts if like(found, one)] == fitting
    assert resolved(text_of, {"aws:username": ""}) is None
    assert resolved(text_of, {}) is None


def test_colons_in_a_value_part_no_arn():
    """A name that looks like the end of one ARN and the beginning of another is one part."""
    wanted = pieces("arn:aws:iam::*:user/${aws:PrincipalTag/n}", wild=True, variables=True)
    parts = arn_parts(wanted)
    assert len(parts) == 6
    assert resolved(parts[5], {"aws:principaltag/n": "x:y"}) == ("user/", "x:y")


def test_the_hardest_policy_is_weighed_in_bounded_time():
    """As many patterns as one may have, on as long a context as there is."""
    hard = when("StringLike", "kms:EncryptionContext:b", ["*?${kms:EncryptionContext:a}?*"] * 50)
    rights = cedar.of_policy(text(*[hard] * 4), account=ACCOUNT, key=KEY)
    one = {"kms:encryptioncontext:a": "a" * 3_900 + "b", "kms:encryptioncontext:b": "a" * 4_000}
    began = time.process_time()
    assert not met(rights.comparisons, Values(one=one, many={}))
    assert time.process_time() - began < 5  # a second, in fact
    with pytest.raises(MalformedPolicyError, match="at most 200 values"):
        read(text(*[hard] * 5), account=ACCOUNT, key=KEY)


def test_a_pattern_of_many_stars_takes_no_longer_than_its_length():
    """An expression that tries each star in all its places would not be done this year."""
    assert not fits("*?" * 40 + "!", "a" * 200)
    assert fits("*a" * 40 + "*", "a" * 200)


def test_every_operation_on_a_key_is_an_action_that_policies_know():
    """So that `kms:*` means all of them, and a list of actions closes the others."""
    made_there = {"key.create", "key.restore"}  # of no key that there is
    for operation in OPERATIONS.values():
        if operation.resource is Resource.KEY and operation.name not in made_there:
            for as_source in (False, True):
                names = asked(operation.name, ASKS.get(operation.name), as_source=as_source)
                assert set(names) <= set(ACTIONS), operation.name


def test_what_an_update_of_a_key_changes_is_what_it_asks_for():
    def of(**changes):
        return asked("key.update", asks.UpdateKey(**changes), as_source=False)

    assert of(description="x") == ("kms:UpdateKeyDescription",)
    assert of(labels={}) == ("kms:TagResource", "kms:UntagResource")
    assert of(rotation_days=90) == ("kms:EnableKeyRotation",)
    assert of(rotation_days=0) == ("kms:DisableKeyRotation",)
    assert of(min_version=2) == of() == ("kms:strongroom.key.update",)
    assert len(of(description="x", labels={}, min_version=2)) == 4


@pytest.mark.parametrize(
    ("resource", "applies"),
    [("*", True), (f"arn:aws:kms:*:{ACCOUNT}:key/{KEY}", True),
     (f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/{KEY}", True),
     (f"arn:aws:kms:*:*:key/{KEY[:4]}*", True),
     (f"arn:aws:kms:*:{ACCOUNT}:key/other", False), ("arn:aws:s3:::bucket", False)],
)  # fmt: skip
def test_a_resource_is_this_key_or_the_statement_is_about_none(resource, applies):
    (statement,) = read(text(GOOD | {"Resource": resource}), account=ACCOUNT, key=KEY)
    assert statement.applies is applies
