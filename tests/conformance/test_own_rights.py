"""boto3: each operation on a key needs the right to its own action there, and no other.

Three principals share a policy on each key: one is allowed the operation's action alone, one
everything else, and one everything, with that action denied.
"""

import json
import uuid

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from strongroom.doors.aws.table import TABLE
from tests.conformance import test_aws_states as states
from tests.conformance.conftest import Regions
from tests.support.aws import refusal

ON_NO_KEY = {"CreateKey", "GenerateRandom", "ListAliases", "ListKeys", "ListRetirableGrants"}
OF_REGIONS = {"ReplicateKey", "UpdatePrimaryRegion"}
# What one operation needs of two keys.
SEVERAL = {
    "ReEncrypt": {"from": "ReEncryptFrom", "to": "ReEncryptTo"},
    "UpdateAlias": {"from": "UpdateAlias", "to": "UpdateAlias"},
}
CASES = sorted(
    {name for name, row in TABLE.items() if row.serve} - ON_NO_KEY - OF_REGIONS - SEVERAL.keys()
    | {f"{name}/{end}" for name, ends in SEVERAL.items() for end in ends}
)  # fmt: skip
NAMES_NO_KEY = {"CreateAlias", "Decrypt", "DeleteAlias"} | {
    f"{name}/{end}" for name, ends in SEVERAL.items() for end in ends
}
LOOKED_AT_FIRST = {
    "DeleteImportedKeyMaterial", "GetParametersForImport", "ImportKeyMaterial", "ListKeyRotations",
}  # fmt: skip
WHO = "identity.read"  # asked once for each access key
ONLY, ALL_BUT, DENIED = "only", "all-but", "denied"
DENIAL = "AccessDeniedException"
OTHERS = {
    "DeriveSharedSecret": ("ECC_NIST_P256", "KEY_AGREEMENT"),
    "Encapsulate": ("ML_KEM_768", "ENCAPSULATE_DECAPSULATE"),
    "Decapsulate": ("ML_KEM_768", "ENCAPSULATE_DECAPSULATE"),
}


def action_of(case):
    name, _, end = case.partition("/")
    return SEVERAL[name][end] if end else name


class Bench(states.Bench):
    """As in the test of states, and what is done to a key otherwise."""

    def key(self, operation, state="Enabled"):
        if operation in OTHERS:
            spec, usage = OTHERS[operation]
            return self._kms.create_key(KeySpec=spec, KeyUsage=usage)["KeyMetadata"]["KeyId"]
        return super().key(operation, state)

    def user(self, name):
        return f"arn:aws:iam::{self.number}:user/{name}"

    def share(self, key, action):
        """Nothing is left to the namespace: what somebody may do to the key, it says itself."""

        def said(who, how, *actions, effect="Allow"):
            return {"Effect": effect, "Principal": {"AWS": self.user(who)}, how: actions,
                    "Resource": "*"}  # fmt: skip

        action = f"kms:{action}"
        policy = {
            "Version": "2012-10-17",
            "Statement": [
                said("admin", "Action", "kms:*"), said(ONLY, "Action", action),
                said(ALL_BUT, "NotAction", action), said(DENIED, "Action", "kms:*"),
                said(DENIED, "Action", action, effect="Deny"),
            ],
        }  # fmt: skip
        self._kms.put_key_policy(KeyId=key, Policy=json.dumps(policy))

    def _PutKeyPolicy(self, operation, key):  # noqa: N802 - as the operation
        call, how = self._plain(operation, key)
        policy = self._kms.get_key_policy(KeyId=key)["Policy"]
        return call, how | {"Policy": policy, "BypassPolicyLockoutSafetyCheck": True}

    def _CancelKeyDeletion(self, operation, key):  # noqa: N802 - as the operation
        self._kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
        return self._plain(operation, key)

    def _grant(self, key):
        whom = self.user("admin")
        made = self._kms.create_grant(KeyId=key, GranteePrincipal=whom, Operations=["Encrypt"])
        return {"GrantId": made["GrantId"]}

    def _RevokeGrant(self, operation, key):  # noqa: N802 - as the operation
        call, how = self._plain(operation, key)
        return call, how | self._grant(key)

    def _RetireGrant(self, operation, key):  # noqa: N802 - as the operation
        call, how = self._RevokeGrant(operation, key)
        return call, how | {"KeyId": f"arn:aws:kms:eu-central-1:{self.number}:key/{key}"}

    def _DeriveSharedSecret(self, operation, key):  # noqa: N802 - as the operation
        call, how = self._plain(operation, key)
        public = ec.generate_private_key(ec.SECP256R1()).public_key()
        mine = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return call, how | {"KeyAgreementAlgorithm": "ECDH", "PublicKey": mine}

    def _Encapsulate(self, operation, key):  # noqa: N802 - as the operation
        call, how = self._plain(operation, key)
        return call, how | {"EncapsulationAlgorithm": "ML_KEM"}

    def _Decapsulate(self, operation, key):  # noqa: N802 - as the operation
        call, how = self._Encapsulate(operation, key)
        sent = self._kms.encapsulate(**how)["SharedSecretCiphertextBlob"]
        return call, how | {"SharedSecretCiphertextBlob": sent}


@pytest.fixture(scope="module")
def people(account):
    """Clients of those who have no role. Aliases are the namespace's: there, they may have them."""
    found = {name: account.principal(name) for name in (ONLY, ALL_BUT, DENIED)}
    actions = 'Action::"alias.write", Action::"alias.delete", Action::"alias.list"'
    for name in found:
        text = f'permit (principal == Principal::"{name}", action in [{actions}], resource);'
        assert account.admin.ask("PUT", f"/v1/policies/{name}", {"text": text}).status == 200
    return found


@pytest.fixture(scope="module")
def bench(account, kms, people):
    made = Bench(account, kms)
    made.share(made.other, "*")
    both = {"Effect": "Allow", "Action": ["kms:ReEncrypt*", "kms:UpdateAlias"], "Resource": "*",
            "Principal": {"AWS": [made.user(name) for name in people]}}  # fmt: skip
    mine = {"Effect": "Allow", "Action": "kms:*", "Resource": "*",
            "Principal": {"AWS": made.user("admin")}}  # fmt: skip
    policy = {"Version": "2012-10-17", "Statement": [mine, both]}
    kms.put_key_policy(KeyId=made.other, Policy=json.dumps(policy))
    return made


@pytest.mark.parametrize("case", CASES)
def test_an_operation_needs_its_own_action_and_no_other(account, people, bench, case):
    """It is one entry, or two where what is asked depends on the key: each says by which right."""
    key, action = bench.key(case), action_of(case)
    bench.share(key, action)
    call, how = bench.asked(case, key)
    for name in (ALL_BUT, DENIED):
        code, message = refusal(getattr(people[name], call.__name__), **how)
        assert code == DENIAL
        assert f"{bench.user(name)} is not authorized to perform: kms:{action}" in message
    answer = getattr(people[ONLY], call.__name__)(**how)
    request = uuid.UUID(answer["ResponseMetadata"]["RequestId"]).hex
    told = [one for one in account.admin.events(request=request) if one["action"] != WHO]
    assert len(told) == 1 + (action in LOOKED_AT_FIRST), told
    for entry in told:
        assert (entry["outcome"], entry["principal"]) == ("allowed", ONLY)
        read = entry["action"] in ("key.read", "key.read-policy")
        as_such = action in ("DescribeKey", "GetKeyPolicy")
        right = f"kms:{action}" if read and not as_such else None
        assert entry.get("details", {}).get("right") == right
    if action != "DescribeKey":
        assert refusal(people[ONLY].describe_key, KeyId=key)[0] == DENIAL


@pytest.mark.parametrize("case", [one for one in CASES if one not in NAMES_NO_KEY])
def test_who_may_do_nothing_is_told_nothing_of_a_keys_state_or_kind(kms, people, bench, case):
    """A key of another kind, and one that is not there, are refused with the same words."""
    call, how = bench.asked(case, bench.key(case))
    found = set()
    for key in (
        kms.create_key(KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["KeyId"],
        states.external(kms)["KeyId"], str(uuid.uuid4()),
    ):  # fmt: skip
        name = how["KeyId"].rpartition("/")[0]
        asked = how | {"KeyId": f"{name}/{key}" if name else key}
        code, message = refusal(getattr(people[ONLY], call.__name__), **asked)
        found.add((code, message.replace(key, "KEY")))
    assert [code for code, _ in found] == [DENIAL]


@pytest.mark.parametrize(
    ("action", "condition", "good", "bad"),
    [
        ("EnableKeyRotation", {"NumericLessThan": {"kms:RotationPeriodInDays": "100"}},
         {"RotationPeriodInDays": 90}, {"RotationPeriodInDays": 120}),
        ("ScheduleKeyDeletion",
         {"NumericGreaterThan": {"kms:ScheduleKeyDeletionPendingWindowInDays": "10"}},
         {"PendingWindowInDays": 20}, {"PendingWindowInDays": 7}),
    ],
)  # fmt: skip
def test_a_condition_on_what_is_asked_holds_and_is_met(
    kms, people, bench, action, condition, good, bad
):
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    statement = {"Effect": "Allow", "Principal": {"AWS": bench.user(ONLY)}, "Resource": "*",
                 "Action": f"kms:{action}", "Condition": condition}  # fmt: skip
    root = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{bench.number}:root"},
            "Action": "kms:*", "Resource": "*"}  # fmt: skip
    policy = {"Version": "2012-10-17", "Statement": [root, statement]}
    kms.put_key_policy(KeyId=key, Policy=json.dumps(policy))
    call = getattr(people[ONLY], bench.asked(action, key)[0].__name__)
    assert refusal(call, KeyId=key, **bad)[0] == DENIAL
    call(KeyId=key, **good)


# --- what is left to the namespace ----------------------------------------------------------------

NATIVE = {
    "EnableKeyRotation": "key.update", "DisableKeyRotation": "key.update",
    "TagResource": "key.update", "UpdateKeyDescription": "key.update",
    "RotateKeyOnDemand": "key.rotate", "EnableKey": "key.enable", "DisableKey": "key.disable",
    "GetKeyRotationStatus": "key.read", "ListKeyRotations": "key.read",
    "ListResourceTags": "key.read", "DescribeKey": "key.read",
    "ListKeyPolicies": "key.read-policy", "GetKeyPolicy": "key.read-policy",
    "GetKeyLastUsage": "key.read-usage", "GetParametersForImport": "key.import-parameters",
    "ImportKeyMaterial": "key.import",
    "DeleteImportedKeyMaterial": "key.delete-imported-material",
}  # fmt: skip


@pytest.fixture(scope="module")
def natives(account):
    """Two without a role for each native right: who has it alone, and who has it not."""
    found = {}
    for right in sorted(set(NATIVE.values())):
        name = right.replace(".", "-")
        found[right] = account.principal(name), account.principal(f"not-{name}")
        for who, effect in ((name, "permit"), (f"not-{name}", "forbid")):
            text = (
                f'{effect} (principal == Principal::"{who}", action == Action::"{right}", resource'
                ");"
            )
            if effect == "forbid":
                text += f'\npermit (principal == Principal::"{who}", action, resource);'
            answer = account.admin.ask("PUT", f"/v1/policies/{who}", {"text": text})
            assert answer.status == 200, answer
    return found


@pytest.mark.parametrize("operation", sorted(NATIVE))
@pytest.mark.parametrize("policy", ["", "root"])
def test_a_native_right_is_enough_where_a_key_leaves_it_to_the_namespace(
    kms, bench, natives, operation, policy
):
    able, unable = natives[NATIVE[operation]]
    key = bench.key(operation)
    if policy:  # as AWS spells what a key without one means, so that it is weighed
        default = kms.get_key_policy(KeyId=key)["Policy"]
        kms.put_key_policy(KeyId=key, Policy=default)
    call, how = bench.asked(operation, key)
    assert refusal(getattr(unable, call.__name__), **how)[0] == DENIAL
    getattr(able, call.__name__)(**how)


# --- grants ---------------------------------------------------------------------------------------


def test_a_grant_gives_nothing_beside_the_operations_that_it_names(kms, account, bench):
    """Least of all what DescribeKey was once enough for."""
    grantee = account.principal("describer")
    for operation in sorted(NATIVE):
        key = bench.key(operation)
        kms.create_grant(
            KeyId=key, GranteePrincipal=bench.user("describer"), Operations=["DescribeKey"]
        )
        call, how = bench.asked(operation, key)
        if operation == "DescribeKey":
            grantee.describe_key(**how)
        else:
            assert refusal(getattr(grantee, call.__name__), **how)[0] == DENIAL, operation


# --- aliases --------------------------------------------------------------------------------------


def test_the_aliases_of_a_key_are_listed_by_the_right_to_list_them(kms, people, bench):
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.create_alias(AliasName="alias/of-one", TargetKeyId=key)
    listed = people[ONLY].list_aliases(KeyId=key)["Aliases"]
    assert [one["AliasName"] for one in listed] == ["alias/of-one"]
    # Who may not read keys is not told whether there is one; who may, is.
    for none in (kms.create_key()["KeyMetadata"]["KeyId"], str(uuid.uuid4())):
        assert people[ONLY].list_aliases(KeyId=none)["Aliases"] == []
    assert refusal(kms.list_aliases, KeyId=none)[0] == "NotFoundException"


def test_a_keys_policy_alone_gives_no_alias(kms, account, bench):
    nobody = account.principal("no-alias")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.create_alias(AliasName="alias/keyless", TargetKeyId=key)
    whom = {"AWS": [bench.user("admin"), bench.user("no-alias")]}
    statement = {"Effect": "Allow", "Principal": whom, "Action": "kms:*", "Resource": "*"}
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    kms.put_key_policy(KeyId=key, Policy=json.dumps(policy))
    nobody.encrypt(KeyId=key, Plaintext=b"x")
    for call, how in (
        (nobody.create_alias, {"AliasName": "alias/mine", "TargetKeyId": key}),
        (nobody.update_alias, {"AliasName": "alias/keyless", "TargetKeyId": key}),
        (nobody.delete_alias, {"AliasName": "alias/keyless"}),
    ):
        assert refusal(call, **how)[0] == DENIAL


# --- Regions --------------------------------------------------------------------------------------

EU, US = "eu-west-1", "us-east-1"


@pytest.mark.parametrize("operation", sorted(OF_REGIONS))
def test_an_operation_of_regions_needs_its_own_action_of_the_key(boto3, node, operation):
    """What becomes of the key there is the other namespace's to allow."""
    end = operation.lower()[:9]
    regions = Regions(boto3, node, **{f"eu-{end}": EU, f"us-{end}": US})
    kms = regions.principal("op")
    there = 'action in [Action::"key.create", Action::"key.update", Action::"key.write-policy"]'
    people = {}
    for name in (ONLY, ALL_BUT, DENIED):
        people[name] = regions.principal(name, "operator")[EU]
        text = f'permit (principal == Principal::"{name}", {there}, resource);'
        answer = regions.admin(US).ask("PUT", f"/v1/policies/{name}", {"text": text})
        assert answer.status == 200, answer
    made = kms[EU].create_key(MultiRegion=True)["KeyMetadata"]
    key, account = made["KeyId"], made["AWSAccountId"]
    how = {"KeyId": key, "ReplicaRegion": US}
    if operation == "UpdatePrimaryRegion":
        kms[EU].replicate_key(**how)
        how = {"KeyId": key, "PrimaryRegion": US}

    def said(who, name, *actions, effect="Allow", **more):
        whom = {"AWS": f"arn:aws:iam::{account}:user/{who}"}
        return {"Effect": effect, "Principal": whom, name: actions, "Resource": "*", **more}

    action, which = f"kms:{operation}", list(how)[1].removesuffix("Region")
    bound = {"StringEquals": {f"kms:{which}Region": US}}
    policy = {"Version": "2012-10-17", "Statement": [
        said("op", "Action", "kms:*"), said(ONLY, "Action", action, Condition=bound),
        said(ALL_BUT, "NotAction", action), said(DENIED, "Action", "kms:*"),
        said(DENIED, "Action", action, effect="Deny"),
    ]}  # fmt: skip
    kms[EU].put_key_policy(KeyId=key, Policy=json.dumps(policy))
    call = kms[EU].meta.method_to_api_mapping
    name = next(name for name, api in call.items() if api == operation)
    for who in (ALL_BUT, DENIED):
        assert refusal(getattr(people[who], name), **how)[0] == DENIAL
    elsewhere = how | {list(how)[1]: "ap-south-1"}
    assert refusal(getattr(people[ONLY], name), **elsewhere)[0] == DENIAL
    getattr(people[ONLY], name)(**how)
    assert refusal(people[ONLY].describe_key, KeyId=key)[0] == DENIAL
