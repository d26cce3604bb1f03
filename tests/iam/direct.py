"""AWS's rules for key policies and grants, evaluated as they are written, without Cedar.

Written from the IAM User Guide ("Policy evaluation logic", "IAM JSON policy elements: Condition
operators", "Creating a condition with multiple keys or values", "IAM policy elements: Variables and
tags") for one thing alone: to be compared with the translation. It shares no code with it.
"""

import datetime as dt
import ipaddress
import re
from dataclasses import dataclass, field, replace

ACCOUNT = "111122223333"
ROOT = f"arn:aws:iam::{ACCOUNT}:root"
KEY = "0123-abcd"  # the key's id


@dataclass
class Request:
    """Who asks for what. `values` are those of the condition keys, each a list."""

    user: str
    roles: list[str]
    action: str
    values: dict[str, list[str]]
    several: set[str]  # the keys that can have more than one
    context: dict[str, str] = field(default_factory=dict)
    operations: list[str] = field(default_factory=list)  # of the grant that is asked for
    constraint: str = ""  # its kind
    variables: bool = True  # whether the policy's version has any


def decide(policy, grants, request, named):
    """Whether it is allowed. `named`: what the namespace's own policies say: allow, deny or ""."""
    statements = [] if policy is None else policy["Statement"]
    if policy is not None:
        request = replace(request, variables=policy.get("Version") == "2012-10-17")
    fitting = [one for one in statements if _fits(one, request)]
    if named == "deny" or any(
        one["Effect"] == "Deny" and _is_denied(one, request) for one in fitting
    ):
        return False
    allows = [one for one in fitting if one["Effect"] == "Allow"]
    if any(_is_named(one, request) for one in allows):
        return True
    if any(_grants(grant, request) for grant in grants):
        return True
    delegates = policy is None or any(ROOT in _aws(one.get("Principal")) for one in allows)
    return named == "allow" and delegates


def _fits(statement, request):
    actions = statement.get("Action", statement.get("NotAction"))
    met = any(_glob(one.lower(), request.action.lower()) for one in _list(actions))
    if met is ("NotAction" in statement):
        return False
    resources = statement.get("Resource", statement.get("NotResource"))
    about = any(_is_key(one, request) for one in _list(resources))
    if about is ("NotResource" in statement):
        return False
    return all(
        _holds(operator, key.lower(), _list(values), request)
        for operator, keys in statement.get("Condition", {}).items()
        for key, values in keys.items()
    )


def _is_key(pattern, request):
    """The Region in it is not looked at."""
    if pattern == "*":
        return True
    parts = _parted(pattern, request)
    return len(parts) == 6 and all(
        _like(part, has, request)
        for number, (part, has) in enumerate(
            zip(parts, ("arn", "aws", "kms", "", ACCOUNT, f"key/{KEY}"), strict=True)
        )
        if number != 3
    )


def _is_named(statement, request):
    if "NotPrincipal" in statement:
        return not _names(statement["NotPrincipal"], request)
    return _names(statement["Principal"], request)


def _is_denied(statement, request):
    if "NotPrincipal" in statement:
        return not _names(statement["NotPrincipal"], request)
    return ROOT in _aws(statement["Principal"]) or _names(statement["Principal"], request)


def _names(principal, request):
    """By name, or as everybody; who is in the account is not named by that."""
    who = {f"arn:aws:iam::{ACCOUNT}:user/{request.user}", "*"}
    who |= {f"arn:aws:iam::{ACCOUNT}:role/{role}" for role in request.roles}
    return principal == "*" or not who.isdisjoint(_aws(principal))


def _aws(principal):
    return _list(principal["AWS"]) if isinstance(principal, dict) and "AWS" in principal else []


def _grants(grant, request):  # noqa: PLR0911 - a rule for each
    operation = request.action.removeprefix("kms:")
    if grant["grantee"] != request.user or operation not in grant["operations"]:
        return False
    if operation == "RetireGrant":
        return False  # only its own end: that is asked for otherwise
    if operation in ("DescribeKey", "GetPublicKey"):
        return True
    equals, subset = grant.get("equals", {}), grant.get("subset", {})
    if operation == "CreateGrant":
        if not request.operations or not set(request.operations) <= set(grant["operations"]):
            return False
        if equals and request.constraint != "EncryptionContextEquals":
            return False
    if equals:
        return request.context == equals
    return all(request.context.get(name) == value for name, value in subset.items())


# --- conditions -----------------------------------------------------------------------------------


def _holds(operator, key, wanted, request):
    found = re.fullmatch(r"(?:(ForAnyValue|ForAllValues):)?(.*?)(IfExists)?", operator)
    qualifier, base, if_exists = found.groups()
    present = request.values.get(key, [])
    if base == "Null":
        return any((value.lower() == "true") is (not present) for value in wanted)
    if not present and if_exists:
        return True
    negated = "Not" in base
    test = _TESTS[base.replace("Not", "")]
    met = [any(test(has, value, request) for value in wanted) is not negated for has in present]
    if qualifier == "ForAllValues":
        return all(met)
    if qualifier == "ForAnyValue":
        return any(met)
    return met[0] if present else negated


def _when(text):
    if text.isdigit():
        return dt.datetime.fromtimestamp(int(text), dt.UTC)
    found = dt.datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=dt.UTC)


# --- texts, their wildcards and variables ---------------------------------------------------------


def _scanned(text, request):
    """Pairs: a piece of the text, and whether it stands for others. None: one is no value."""
    rest, found = text, []
    while rest:
        if request.variables and rest.startswith("${"):
            name, _, rest = rest[2:].partition("}")
            found.append((_variable(name, request), False))
        else:
            found.append((rest[0], rest[0] in "*?"))
            rest = rest[1:]
    return None if any(piece is None for piece, _ in found) else found


def _variable(name, request):
    if name in ("*", "?", "$"):
        return name
    key, _, default = name.partition(", ")
    values = request.values.get(key.lower()) or [None]
    if key.lower() == "aws:currenttime":
        values = [_when(values[0]).strftime("%Y-%m-%dT%H:%M:%SZ")]
    return values[0] or default[1:-1] or None


def _same(has, value, request, *, fold=str):
    """No pattern."""
    scanned = _scanned(value, request)
    return scanned is not None and fold("".join(piece for piece, _ in scanned)) == fold(has)


def _like(pattern, has, request):
    scanned = _scanned(pattern, request)
    if scanned is None:
        return False
    means = {"*": ".*", "?": "."}
    made = "".join(means[piece] if wild else re.escape(piece) for piece, wild in scanned)
    return re.fullmatch(made, has, re.DOTALL) is not None


def _parted(arn, request):
    colon = r":(?![^{]*\})" if request.variables else ":"  # none within a variable
    return re.split(colon, arn, maxsplit=5)


def _arn(has, pattern, request):
    parts, here = _parted(pattern, request), has.split(":", 5)
    if not re.fullmatch("arn(:[^:]*){4}:.*", has, re.DOTALL):
        return False  # no ARN is like another
    return len(parts) == len(here) and all(
        _like(part, text, request) for part, text in zip(parts, here, strict=True)
    )


def _glob(pattern, text):
    made = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.fullmatch(made, text, re.DOTALL) is not None


_TESTS = {
    "StringEquals": _same,
    "StringEqualsIgnoreCase": lambda has, value, at: _same(has, value, at, fold=str.lower),
    "StringLike": lambda has, pattern, at: _like(pattern, has, at),
    "ArnEquals": _arn,
    "ArnLike": _arn,
    "Bool": lambda has, value, _: has.lower() == value.lower(),
    "IpAddress": lambda has, network, _: (
        ipaddress.ip_address(has) in ipaddress.ip_network(network, strict=False)
    ),
    "NumericEquals": lambda has, value, _: int(has) == int(value),
    "NumericLessThan": lambda has, value, _: int(has) < int(value),
    "NumericLessThanEquals": lambda has, value, _: int(has) <= int(value),
    "NumericGreaterThan": lambda has, value, _: int(has) > int(value),
    "NumericGreaterThanEquals": lambda has, value, _: int(has) >= int(value),
    "DateEquals": lambda has, value, _: _when(has) == _when(value),
    "DateLessThan": lambda has, value, _: _when(has) < _when(value),
    "DateLessThanEquals": lambda has, value, _: _when(has) <= _when(value),
    "DateGreaterThan": lambda has, value, _: _when(has) > _when(value),
    "DateGreaterThanEquals": lambda has, value, _: _when(has) >= _when(value),
}


def _list(value):
    return value if isinstance(value, list) else [value]
