"""What our Cedar says of AWS's key policies and grants, against AWS's rules evaluated directly."""

import json
import random
from collections import defaultdict

import pytest

from strongroom.adapters.cedar import CedarEngine
from strongroom.domain.iam import cedar, conditions, patterns, texts
from strongroom.domain.iam.actions import ACTIONS
from strongroom.domain.iam.asks import GRANT_OPERATIONS
from strongroom.domain.operations import Resource
from strongroom.ports.policy_engine import Circumstances, Holds, Question, Verdict
from strongroom.services.circumstances import compared as with_met
from strongroom.services.facts import Own
from strongroom.services.key_rights import KeyRights
from tests.iam.direct import ACCOUNT, KEY, ROOT, Request, decide

CASES = 20_000
MANY_CASES = 100_000
REQUESTS = 50  # of each policy
SEED = 20_261_127

# Of other accounts, who never come.
OTHERS = ("arn:aws:iam::999900001111:root", "arn:aws:iam::999900001111:user/alice", "999900001111")
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
TEXTS_LIKE_ARNS = (
    "arn:aws:logs:eu:1:group:a", "arn:aws:logs:eu:x:1:group:a", "urn:aws:logs:eu:1:group:a",
    "arn:aws:logs:us:1:*", "arn:aws:logs",
)  # fmt: skip
LIKE_ARNS = (
    "arn:aws:logs:*:1:group:?", "*:aws:logs:eu:1:*", "*:*:*:*:*:*", "arn:aws:logs:eu:1:*",
    "arn:aws:logs:eu:1:group:a", "urn:aws:logs:eu:1:group:a", "arn:aws:logs:us:1:${*}",
    "arn:*:1:group:*:*:*", "arn:aws:logs:?u:1:group:${aws:username, 'a'}",
    "arn:aws:logs:${kms:EncryptionContext:tenant, 'eu'}:1:*",
)  # fmt: skip
ONE = {
    "kms:EncryptionContext:tenant": ("a", "b", "A", "ab", "alice"),
    "kms:EncryptionContext:Purpose": ("cards", "x*y", "", "*", "a?"),
    "kms:EncryptionContext:aws:logs:arn": TEXTS_LIKE_ARNS,
    "kms:KeySpec": ("SYMMETRIC_DEFAULT", "RSA_2048"),
    "kms:EncryptionAlgorithm": ("SYMMETRIC_DEFAULT", "RSAES_OAEP_SHA_256"),
    "kms:ViaService": ("s3.eu-west-1.amazonaws.com",),
    "aws:username": USERS,
    "aws:ResourceTag/Team": ("pay", "risk", "", "*", "a", "bob"),
    "aws:ResourceTag/Name": TEXTS_LIKE_ARNS,
    "kms:MessageType": ("RAW", "DIGEST"),
    "kms:MultiRegionKeyType": ("PRIMARY", "REPLICA"),
    "kms:RecipientAttestation:PCR0": ("ab",),
    "kms:GrantConstraintType": ("EncryptionContextEquals", "EncryptionContextSubset"),
}
SEVERAL = {
    "kms:EncryptionContextKeys": ("tenant", "Purpose", "other"),
    "kms:GrantOperations": ("Encrypt", "Decrypt", "CreateGrant", "DescribeKey"),
    "aws:TagKeys": ("Team", "Cost", "team"),
    "kms:ResourceAliases": (
        "alias/a",
        "alias/ab",
        "alias/team-pay",
        "alias/team-*",
        "alias/alice",
        *TEXTS_LIKE_ARNS[:2],
    ),
}
TRUTHS = ("kms:ReEncryptOnSameKey", "kms:MultiRegion")
NOT_OF_REQUESTS = ("kms:EncryptionContext", "kms:Via", "kms:Recipient")
ARNS = ("aws:PrincipalArn", "kms:GranteePrincipal")
NUMBERS = {"kms:ScheduleKeyDeletionPendingWindowInDays": ("7", "10", "30"),
           "kms:TrailingDaysWithoutKeyUsage": ("0", "7", "400")}  # fmt: skip
DATES = {"aws:CurrentTime": ("2026-01-01T00:00:00Z", "2026-11-27", "1800000000"),
         "aws:EpochTime": ("1764201600", "1700000000"),
         "kms:ValidTo": ("2026-11-27", "1800000000")}  # fmt: skip
NETWORKS = ("10.0.0.0/8", "10.1.2.3", "2001:db8::/32", "0.0.0.0/0")
PIECES = ("*", "a*", "*b", "*a*", "S*", "pay", "cards", "x*y", "?", "??", "a?", "?*", "*?b", "x?y",
          "????s")  # fmt: skip
VARIABLES = (
    "${aws:username}", "${AWS:UserName}", "${kms:EncryptionContext:tenant}",
    "${kms:EncryptionContext:Purpose}", "${aws:ResourceTag/Team}", "${aws:PrincipalTag/Team}",
    "${aws:PrincipalTag/Team, 'a'}", "${kms:EncryptionContext:Purpose, 'cards'}", "${*}", "${?}",
    "${$}", "${kms:TrailingDaysWithoutKeyUsage, 'a'}",
)  # fmt: skip
OF_OTHERS = (("Allow", "Principal"), ("Deny", "NotPrincipal"))  # where they may be named
RESOURCES = (
    "*", f"arn:aws:kms:*:{ACCOUNT}:key/{KEY}", f"arn:aws:kms:eu-west-1:*:key/{KEY[:3]}?*",
    f"arn:aws:kms:*:{ACCOUNT}:key/other", "arn:aws:s3:::*",
    f"arn:aws:kms:*:{ACCOUNT}:key/${{kms:EncryptionContext:id}}",
    f"arn:aws:kms:*:{ACCOUNT}:key/${{kms:EncryptionContext:id, '{KEY}'}}",
    f"arn:aws:kms:*:{ACCOUNT}:key/${{kms:EncryptionContext:id}}*",
)  # fmt: skip


def some(pick, pool, most=2):
    return pick.sample(list(pool), pick.randint(1, min(most, len(pool))))


def varied(pick, values):
    """Some of them with variables, in their places or beside them."""
    return [
        pick.choice(("{0}", "{0}*", "*{0}", "?{0}", "{0}{1}", "{1}{0}")).format(
            pick.choice(VARIABLES), value
        )
        if pick.random() < 0.25
        else value
        for value in values
    ]


def a_condition(pick):  # noqa: PLR0911 - one for each kind
    """An operator, a key and values that go together."""
    kind = pick.choice(
        ("one", "one", "one", "several", "several", "several", "arn", "as-arn", "as-arn", "number",
         "date", "ip", "null", "bool")
    )  # fmt: skip
    if_exists = pick.choice(("", "", "", "IfExists"))
    no = pick.choice(("", "", "Not"))
    if kind == "one":
        key = pick.choice(list(ONE))
        how = pick.choice(("Equals", "EqualsIgnoreCase", "Like"))
        pool = [value for value in ONE[key] if value] + (list(PIECES) if how == "Like" else [])
        qualifier = pick.choice(("", "", "", "ForAnyValue:", "ForAllValues:"))
        values = varied(pick, some(pick, pool))
        return f"{qualifier}String{no}{how}{if_exists}", key, values
    if kind == "bool":
        return f"Bool{if_exists}", pick.choice(TRUTHS), some(pick, ("true", "false"))
    if kind == "several":
        key = pick.choice(list(SEVERAL))
        how = pick.choice(("Equals", "EqualsIgnoreCase", "Like"))
        pool = list(SEVERAL[key])
        if how == "Like":
            pool += ["*", "De*", "*rypt", "*team*", "alias/*", "alias/team-?*", "Te??", "?*", "*t*"]
        pool += ["alias/${aws:username}", "alias/${kms:EncryptionContext:tenant}"]
        qualifier = pick.choice(("ForAnyValue:", "ForAllValues:"))
        values = varied(pick, some(pick, pool))
        return f"{qualifier}String{no}{how}{if_exists}", key, values
    if kind == "arn":
        users = [f"arn:{pick.choice(('aws', '*'))}:iam::{ACCOUNT}:user/{one}"
                 for one in (*USERS, "*", "a*", "*o*", "?o?", "a????", "${aws:username}",
                             "${kms:EncryptionContext:tenant}", "${aws:PrincipalTag/x, 'bob'}",
                             "*${kms:EncryptionContext:Purpose}")]  # fmt: skip
        how = pick.choice(("Equals", "Like"))
        users += [
            "arn:aws:iam::*:user/bob",
            "arn:aws:iam::${aws:PrincipalAccount}:user/bob",
            "arn:aws:iam::111122??3333:user/*",
            "arn:aws:iam::999900001111:user/bob",
            "arn:*:*:*:*:*",
        ]
        return f"Arn{no}{how}{if_exists}", pick.choice(ARNS), some(pick, users)
    if kind == "as-arn":
        key = pick.choice(
            ("kms:EncryptionContext:aws:logs:arn", "aws:ResourceTag/Name", "kms:ResourceAliases")
        )
        qualifiers = ("ForAnyValue:", "ForAllValues:") + (() if key in SEVERAL else ("", "", ""))
        how = pick.choice(("Equals", "Like"))
        return f"{pick.choice(qualifiers)}Arn{no}{how}{if_exists}", key, some(pick, LIKE_ARNS)
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
    return "Null", pick.choice([*ONE, *SEVERAL, *DATES]), some(pick, ("true", "false"), 1)


def a_principal(pick):
    if pick.random() < 0.1:
        return "*"
    if pick.random() < 0.1:
        return {"Service": "logs.amazonaws.com"}
    pool = [f"arn:aws:iam::{ACCOUNT}:user/{one}" for one in USERS]
    pool += [f"arn:aws:iam::{ACCOUNT}:role/{one}" for one in ROLES] + [ROOT, ROOT, ROOT]
    return {"AWS": some(pick, pool, 3)}


def a_statement(pick):
    effect = pick.choice(("Allow", "Allow", "Allow", "Deny"))
    whom = pick.choice(("Principal", "Principal", "Principal", "NotPrincipal"))
    principal = a_principal(pick)
    if "AWS" in principal and (effect, whom) in OF_OTHERS and pick.random() < 0.3:
        principal["AWS"] += some(pick, OTHERS)
    statement = {
        "Effect": effect,
        whom: principal,
        pick.choice(("Action", "Action", "Action", "NotAction")): some(pick, PATTERNS, 3),
    }
    if pick.random() < 0.8:
        statement["Resource"] = "*"
    else:
        statement[pick.choice(("Resource", "NotResource"))] = some(pick, RESOURCES)
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
    version = pick.choice(("2012-10-17", "2012-10-17", "2012-10-17", "2012-10-17", "2008-10-17"))
    policy = {"Version": version, "Statement": [a_statement(pick) for _ in range(count)]}
    if version != "2012-10-17" and pick.random() < 0.5:
        del policy["Version"]
    return policy


def a_context(pick):
    pool = {"tenant": ("a", "b", "A", "ab", *USERS, "*"), "Purpose": ("cards", "x*y", "*", "??"),
            "other": ("z",), "aws:logs:arn": TEXTS_LIKE_ARNS,
            "id": (KEY, KEY[:3], "*", "")}  # fmt: skip
    names = pick.sample(list(pool), pick.randint(0, 5))
    return {name: pick.choice(pool[name]) for name in names}


def a_grant(pick):
    operations = pick.sample(GRANT_OPERATIONS, pick.randint(1, 6))
    operations += some(pick, ("Encrypt", "Decrypt", "CreateGrant"))
    constraint = pick.choice(("", "equals", "subset"))
    grant = {"grantee": pick.choice(USERS), "operations": sorted(set(operations))}
    context = a_context(pick)
    return grant | ({constraint: context} if constraint and context else {})


def _several(pick):
    """Values of keys that have several, and of those that are true or false."""
    found = {}
    for key in ("aws:TagKeys", "kms:ResourceAliases"):
        if pick.random() < 0.4:
            found[key.lower()] = some(pick, SEVERAL[key], 3)
    for key in TRUTHS:
        if pick.random() < 0.5:
            found[key.lower()] = [pick.choice(("true", "false"))]
    return found


def a_request(pick):
    """Of one person, for one action, with values for some of the condition keys."""
    user, action = pick.choice(USERS), pick.choice(ASKED)
    context, values = a_context(pick), {}
    for key, pool in ONE.items():
        if not key.startswith(NOT_OF_REQUESTS) and pick.random() < 0.5:
            values[key.lower()] = [pick.choice(pool)]
    values |= _several(pick)
    values["aws:username"] = [user]
    values["aws:principalarn"] = [f"arn:aws:iam::{ACCOUNT}:user/{user}"]
    if pick.random() < 0.5:
        values["kms:granteeprincipal"] = [f"arn:aws:iam::{ACCOUNT}:user/{pick.choice(USERS)}"]
    values |= {f"kms:encryptioncontext:{name.lower()}": [one] for name, one in context.items()}
    if context:
        values["kms:encryptioncontextkeys"] = list(context)
    values["aws:principalaccount"] = [ACCOUNT]
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
        values["kms:trailingdayswithoutkeyusage"] = [pick.choice(("0", "7", "8"))]
        values["kms:validto"] = [pick.choice(("1764201600", "1800000000"))]
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
    rights = cedar.of_policy(text, account=ACCOUNT, key=KEY)
    owns = {}
    for user in USERS:
        written = dict(rights.direct)
        for number, grant in enumerate(grants):
            if grant["grantee"] == user:
                bounds = cedar.Constraints(
                    subset=grant.get("subset", {}), equals=grant.get("equals", {})
                )
                written[f"grant:{number}"] = cedar.of_grant(user, grant["operations"], bounds)
        delegated = rights.delegated
        owns[user] = Own(
            engine.parse_rights(written),
            None if delegated is None else engine.parse_rights(delegated),
            {},
            rights.comparisons,
        )
    return owns


def question(own, request):
    numbers = {key.lower() for key in NUMBERS}
    times = {key.lower() for key in DATES}
    apart = {*numbers, *times, "aws:sourceip"}
    of = request.values
    said = Circumstances(
        one={key: of[key][0] for key in of if key not in request.several | apart},
        many={key: of[key] for key in of if key in request.several},
        numbers={key: int(of[key][0]) for key in of if key in numbers},
        times={key: int(of[key][0]) for key in of if key in times},
    )
    if own.comparisons:
        said = with_met(said, own, of["aws:sourceip"][0])
    return Question(
        principal=request.user, roles=request.roles, action=request.action, resource=Resource.KEY,
        object="k", namespace="n", context=request.context, source=of["aws:sourceip"][0],
        circumstances=said,
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
            own = owns[request.user]
            says = KeyRights.judge(own, question(own, request), NAMED[named])
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


def as_patterns(text, values):
    """A mistake: what comes out of a variable is a pattern, too."""
    found = patterns.resolved(text, values)
    written = None if found is None else "".join(getattr(one, "value", one) for one in found)
    return None if written is None else patterns.pieces(written, wild=True, variables=False)


def as_nothing(text, values):
    """A mistake: a variable without a value is an empty text."""
    return patterns.resolved(text, defaultdict(str, values)) or tuple(
        one for one in text if not isinstance(one, patterns.Variable)
    )


def without_default(text, values):
    """A mistake: a default counts only where it stands alone."""
    return patterns.resolved(text, values) if len(text) > 1 else ()


def some_characters(pattern, text):
    """A mistake: `?` is any number of characters."""
    many = tuple(patterns.Wild.MANY if one is patterns.Wild.ONE else one for one in pattern)
    return patterns.like(many, text)


def six_parts(text, value, variables):
    """A mistake: whatever has six parts is an ARN."""
    return ARN_LIKE(text, "arn" + value[value.find(":") :], variables)


def unparted(text, value, variables):
    """A mistake: a wildcard stands for colons, too."""
    found = patterns.resolved(text, variables)
    return value.startswith("arn:") and found is not None and patterns.like(found, value)


def test_a_mistake_about_which_arns_cedar_compares_is_found(monkeypatch):
    monkeypatch.setattr(conditions, "_ends_alike", lambda _: True)
    with pytest.raises(AssertionError):
        compared(SEED, CASES)


ARN_LIKE = texts._TESTS["ArnLike"]
ARN_OPERATORS = ("ArnLike", "ArnEquals")


@pytest.mark.parametrize("mistake", [six_parts, unparted])
def test_a_mistake_about_arns_is_found(monkeypatch, mistake):
    tests = texts._TESTS | dict.fromkeys(ARN_OPERATORS, mistake)
    monkeypatch.setattr(texts, "_TESTS", tests)
    with pytest.raises(AssertionError):
        compared(SEED, CASES)


@pytest.mark.parametrize(
    ("name", "mistake"),
    [("resolved", as_patterns), ("resolved", as_nothing), ("resolved", without_default),
     ("like", some_characters)],
    ids=lambda value: getattr(value, "__name__", ""),
)  # fmt: skip
def test_a_mistake_is_found(monkeypatch, name, mistake):
    """The comparison is able to disagree, also where it is about few requests."""
    monkeypatch.setattr(texts, name, mistake)
    with pytest.raises(AssertionError):
        compared(SEED, CASES)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_the_patterns_of_actions_here_mean_some(pattern):
    """What is drawn from is not empty: the comparison is about something."""
    policy = {
        "Statement": {"Effect": "Allow", "Principal": "*", "Action": pattern, "Resource": "*"}
    }
    rights = cedar.of_policy(json.dumps(policy), account=ACCOUNT, key="ab")
    assert any(f'"{action}"' in rights.direct["key-policy:statement-1"] for action in ACTIONS)
