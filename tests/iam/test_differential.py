"""What our Cedar says of AWS's key policies and grants, against AWS's rules evaluated directly."""

import json
import random

import pytest

from strongroom.adapters.cedar import CedarEngine
from strongroom.domain.iam import cedar
from strongroom.domain.iam.actions import ACTIONS
from strongroom.domain.iam.asks import GRANT_OPERATIONS
from strongroom.domain.operations import Resource
from strongroom.ports.policy_engine import Circumstances, Holds, Question, Verdict
from strongroom.services.facts import Own
from strongroom.services.key_rights import KeyRights
from tests.iam.direct import ACCOUNT, ROOT, Request, decide

CASES = 20_000
MANY_CASES = 100_000
REQUESTS = 50  # of each policy
SEED = 20_261_127

USERS, ROLES = ("alice", "bob", "carol"), ("key-user", "auditor")
PATTERNS = (
    "kms:*", "*", "kms:Encrypt", "kms:decrypt", "kms:Enc*", "KMS:*crypt*", "kms:Generate*",
    "kms:ReEncrypt*", "kms:ReEncrypt????", "kms:CreateGrant", "kms:Describe*", "kms:Get*",
    "kms:PutKeyPolicy", "kms:strongroom.key.export",
)  # fmt: skip
ASKED = (
    "kms:Encrypt", "kms:Decrypt", "kms:GenerateDataKey", "kms:ReEncryptFrom", "kms:CreateGrant",
    "kms:DescribeKey", "kms:GetPublicKey", "kms:PutKeyPolicy", "kms:strongroom.key.export",
)  # fmt: skip
ONE = {
    "kms:EncryptionContext:tenant": ("a", "b", "A", "ab"),
    "kms:EncryptionContext:Purpose": ("cards", "x*y", ""),
    "kms:KeySpec": ("SYMMETRIC_DEFAULT", "RSA_2048"),
    "kms:EncryptionAlgorithm": ("SYMMETRIC_DEFAULT", "RSAES_OAEP_SHA_256"),
    "kms:ViaService": ("s3.eu-west-1.amazonaws.com",),
    "aws:username": USERS,
    "aws:ResourceTag/Team": ("pay", "risk"),
    "kms:GrantConstraintType": ("EncryptionContextEquals", "EncryptionContextSubset"),
}
SEVERAL = {
    "kms:EncryptionContextKeys": ("tenant", "Purpose", "other"),
    "kms:GrantOperations": ("Encrypt", "Decrypt", "CreateGrant", "DescribeKey"),
    "aws:TagKeys": ("Team", "Cost", "team"),
}
ARNS = ("aws:PrincipalArn", "kms:GranteePrincipal")
NUMBERS = {"kms:ScheduleKeyDeletionPendingWindowInDays": ("7", "10", "30")}
DATES = {"aws:CurrentTime": ("2026-01-01T00:00:00Z", "2026-11-27", "1800000000"),
         "aws:EpochTime": ("1764201600", "1700000000")}  # fmt: skip
NETWORKS = ("10.0.0.0/8", "10.1.2.3", "2001:db8::/32", "0.0.0.0/0")
PIECES = ("*", "a*", "*b", "*a*", "S*", "pay", "cards", "x*y")


def some(pick, pool, most=2):
    return pick.sample(list(pool), pick.randint(1, min(most, len(pool))))


def a_condition(pick):  # noqa: PLR0911 - one for each kind
    """An operator, a key and values that go together."""
    kind = pick.choice(("one", "one", "several", "several", "arn", "number", "date", "ip", "null"))
    if_exists = pick.choice(("", "", "", "IfExists"))
    no = pick.choice(("", "", "Not"))
    if kind == "one":
        key = pick.choice(list(ONE))
        how = pick.choice(("Equals", "EqualsIgnoreCase", "Like"))
        pool = [value for value in ONE[key] if value] + (list(PIECES) if how == "Like" else [])
        qualifier = pick.choice(("", "", "", "ForAnyValue:", "ForAllValues:"))
        return f"{qualifier}String{no}{how}{if_exists}", key, some(pick, pool)
    if kind == "several":
        key = pick.choice(list(SEVERAL))
        how = pick.choice(("Equals", "EqualsIgnoreCase", "Like"))
        pool = list(SEVERAL[key])
        if how == "Like" and key == "kms:GrantOperations":
            pool += ["*", "De*", "*rypt"]
        qualifier = pick.choice(("ForAnyValue:", "ForAllValues:"))
        return f"{qualifier}String{no}{how}{if_exists}", key, some(pick, pool)
    if kind == "arn":
        users = [f"arn:{pick.choice(('aws', '*'))}:iam::{ACCOUNT}:user/{one}"
                 for one in (*USERS, "*", "a*", "*o*")]  # fmt: skip
        how = pick.choice(("Equals", "Like"))
        users += ["arn:aws:iam::*:user/bob", "arn:aws:iam::999900001111:user/bob", "arn:*:*:*:*:*"]
        return f"Arn{no}{how}{if_exists}", pick.choice(ARNS), some(pick, users)
    if kind == "number":
        how = pick.choice(("Equals", "LessThan", "LessThanEquals", "GreaterThan",
                           "GreaterThanEquals"))  # fmt: skip
        key = pick.choice(list(NUMBERS))
        return (
            f"Numeric{no if how == 'Equals' else ''}{how}{if_exists}",
            key,
            some(pick, NUMBERS[key]),
        )
    if kind == "date":
        how = pick.choice(("Equals", "LessThan", "LessThanEquals", "GreaterThan",
                           "GreaterThanEquals"))  # fmt: skip
        key = pick.choice(list(DATES))
        return f"Date{no if how == 'Equals' else ''}{how}{if_exists}", key, some(pick, DATES[key])
    if kind == "ip":
        return f"{no}IpAddress{if_exists}", "aws:SourceIp", some(pick, NETWORKS)
    return "Null", pick.choice([*ONE, *SEVERAL]), some(pick, ("true", "false"), 1)


def a_principal(pick):
    if pick.random() < 0.1:
        return "*"
    if pick.random() < 0.1:
        return {"Service": "logs.amazonaws.com"}
    pool = [f"arn:aws:iam::{ACCOUNT}:user/{one}" for one in USERS]
    pool += [f"arn:aws:iam::{ACCOUNT}:role/{one}" for one in ROLES] + [ROOT, ROOT, ROOT]
    return {"AWS": some(pick, pool, 3)}


def a_statement(pick):
    statement = {
        "Effect": pick.choice(("Allow", "Allow", "Allow", "Deny")),
        pick.choice(("Principal", "Principal", "Principal", "NotPrincipal")): a_principal(pick),
        pick.choice(("Action", "Action", "Action", "NotAction")): some(pick, PATTERNS, 3),
        "Resource": "*",
    }
    conditions = {}
    for _ in range(pick.choice((0, 0, 1, 1, 2))):
        operator, key, values = a_condition(pick)
        conditions.setdefault(operator, {})[key] = values
    if conditions:
        statement["Condition"] = conditions
    return statement


def a_policy(pick):
    if pick.random() < 0.15:
        return None
    count = pick.randint(1, 4)
    return {"Version": "2012-10-17", "Statement": [a_statement(pick) for _ in range(count)]}


def a_context(pick):
    pool = {"tenant": ("a", "b", "A", "ab"), "Purpose": ("cards", "x*y"), "other": ("z",)}
    names = pick.sample(list(pool), pick.randint(0, 3))
    return {name: pick.choice(pool[name]) for name in names}


def a_grant(pick):
    operations = pick.sample(GRANT_OPERATIONS, pick.randint(1, 6))
    operations += some(pick, ("Encrypt", "Decrypt", "CreateGrant"))
    constraint = pick.choice(("", "equals", "subset"))
    grant = {"grantee": pick.choice(USERS), "operations": sorted(set(operations))}
    context = a_context(pick)
    return grant | ({constraint: context} if constraint and context else {})


def a_request(pick):
    """Of one person, for one action, with values for some of the condition keys."""
    user, action = pick.choice(USERS), pick.choice(ASKED)
    context, values = a_context(pick), {}
    for key, pool in ONE.items():
        if not key.startswith(("kms:EncryptionContext", "kms:Via")) and pick.random() < 0.5:
            values[key.lower()] = [pick.choice([one for one in pool if one])]
    values["aws:username"] = [user]
    values["aws:principalarn"] = [f"arn:aws:iam::{ACCOUNT}:user/{user}"]
    if pick.random() < 0.5:
        values["kms:granteeprincipal"] = [f"arn:aws:iam::{ACCOUNT}:user/{pick.choice(USERS)}"]
    values |= {f"kms:encryptioncontext:{name.lower()}": [one] for name, one in context.items()}
    if context:
        values["kms:encryptioncontextkeys"] = list(context)
    if pick.random() < 0.3:
        values["aws:tagkeys"] = some(pick, SEVERAL["aws:TagKeys"], 3)
    operations, constraint = [], ""
    if action == "kms:CreateGrant":
        operations = some(pick, SEVERAL["kms:GrantOperations"], 3)
        values["kms:grantoperations"] = operations
        values.pop("kms:grantconstrainttype", None)
        if context:
            constraint = f"EncryptionContext{pick.choice(('Equals', 'Subset'))}"
            values["kms:grantconstrainttype"] = [constraint]
    else:
        values.pop("kms:grantconstrainttype", None)
    if pick.random() < 0.5:
        values["kms:schedulekeydeletionpendingwindowindays"] = [pick.choice(("7", "9", "30"))]
    now = str(pick.choice((1_700_000_000, 1_764_201_600, 1_767_225_600, 1_800_000_000)))
    values["aws:currenttime"] = values["aws:epochtime"] = [now]
    values["aws:sourceip"] = [pick.choice(("10.1.2.3", "192.0.2.7", "2001:db8::1"))]
    return Request(
        user, some(pick, ROLES) if pick.random() < 0.5 else [], action, values,
        {key.lower() for key in SEVERAL}, context, operations, constraint,
    )  # fmt: skip


def ours(engine, policy, grants):
    """As the custodian parses them: the rights of each user, whose grants alone are looked at."""
    text = "" if policy is None else json.dumps(policy)
    rights = cedar.of_policy(text, account=ACCOUNT, key="ab" * 16)
    owns = {}
    for user in USERS:
        texts = dict(rights.direct)
        for number, grant in enumerate(grants):
            if grant["grantee"] == user:
                bounds = cedar.Constraints(
                    subset=grant.get("subset", {}), equals=grant.get("equals", {})
                )
                texts[f"grant:{number}"] = cedar.of_grant(user, grant["operations"], bounds)
        delegated = rights.delegated
        owns[user] = Own(
            engine.parse_rights(texts),
            None if delegated is None else engine.parse_rights(delegated),
            {},
        )
    return owns


def question(request):
    numbers = {"kms:schedulekeydeletionpendingwindowindays"}
    times = {"aws:currenttime", "aws:epochtime"}
    apart = {*numbers, *times, "aws:sourceip"}
    of = request.values
    return Question(
        principal=request.user, roles=request.roles, action=request.action, resource=Resource.KEY,
        object="k", namespace="n", context=request.context, source=of["aws:sourceip"][0],
        circumstances=Circumstances(
            one={key: of[key][0] for key in of if key not in request.several | apart},
            many={key: of[key] for key in of if key in request.several},
            numbers={key: int(of[key][0]) for key in of if key in numbers},
            times={key: int(of[key][0]) for key in of if key in times},
        ),
    )  # fmt: skip


NAMED = {
    "allow": Verdict(allowed=True, policies=("policy:p",), holds=Holds.ONCE),
    "deny": Verdict(allowed=False, policies=("policy:f",), holds=Holds.ONCE),
    "": Verdict(allowed=False, policies=(), holds=Holds.ONCE),
}


def cases(seed, count):
    """Policies, grants and requests, and what both say of them."""
    pick, engine = random.Random(seed), CedarEngine()  # noqa: S311 - the same at each run
    for _ in range(count // REQUESTS):
        policy, grants = a_policy(pick), [a_grant(pick) for _ in range(pick.choice((0, 0, 1, 2)))]
        owns = ours(engine, policy, grants)
        for _ in range(REQUESTS):
            request, named = a_request(pick), pick.choice(("allow", "allow", "", "deny"))
            says = KeyRights.judge(owns[request.user], question(request), NAMED[named])
            assert not any("(error)" in name for name in says.policies), (policy, request)
            yield policy, grants, request, named, says.allowed


def compared(seed, count):
    allowed = {True: 0, False: 0}
    for policy, grants, request, named, says in cases(seed, count):
        expected = decide(policy, grants, request, named)
        assert says is expected, (json.dumps(policy), grants, request, named)
        allowed[says] += 1
    # Both answers are common: a translation that always says no would not pass.
    assert min(allowed.values()) > count / 10


def test_no_disagreement_about_random_policies_grants_and_requests():
    compared(SEED, CASES)


@pytest.mark.soak
def test_no_disagreement_in_many_cases():
    compared(SEED + 1, MANY_CASES)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_the_patterns_of_actions_here_mean_some(pattern):
    """What is drawn from is not empty: the comparison is about something."""
    policy = {
        "Statement": {"Effect": "Allow", "Principal": "*", "Action": pattern, "Resource": "*"}
    }
    rights = cedar.of_policy(json.dumps(policy), account=ACCOUNT, key="ab")
    assert any(f'"{action}"' in rights.direct["key-policy:statement-1"] for action in ACTIONS)
