"""A key policy as AWS writes it, held against the rules: what is not understood is refused.

Source: IAM User Guide, "Grammar of the IAM JSON policy language" and "IAM JSON policy elements
reference"; AWS KMS Developer Guide, "Key policies in AWS KMS".
"""

import json
import re
from typing import Any, Final

import msgspec

from strongroom.domain import limits
from strongroom.domain.iam.actions import matching
from strongroom.domain.iam.conditions import (
    CONDITIONS_MAX,
    Condition,
    Place,
    condition,
    variables_of,
)
from strongroom.domain.iam.errors import MalformedPolicyError
from strongroom.domain.iam.patterns import Pieces, Variable, Wild, arn_parts, like, pieces, resolved
from strongroom.domain.iam.texts import Comparison

_VERSIONS: Final = ("2012-10-17", "2008-10-17")
_ELEMENTS: Final = frozenset(
    ["Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource",
     "NotResource", "Condition"]
)  # fmt: skip
_SID: Final = re.compile(r"[A-Za-z0-9 ]{0,128}")
_ARN: Final = re.compile(r"arn:aws:iam::([0-9]{12}):(root|(?:user|role)/([\w+=,.@/-]+))")
_ACCOUNT: Final = re.compile(r"([0-9]{12})")
_NOBODY_HERE: Final = frozenset(["Service", "Federated", "CanonicalUser"])
_STATEMENTS_MAX: Final = 100
_DEPTH_MAX: Final = 8


class Principals(msgspec.Struct, frozen=True):
    """Whom a statement is about: everybody, the account, users and roles by name.

    `others`: it names principals of other accounts, too. Nobody who comes to this key is one.
    """

    everybody: bool = False
    account: bool = False
    users: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    others: bool = False

    @property
    def of_here(self) -> bool:
        """Whether it names the account, or somebody in it."""
        return self.account or bool(self.users or self.roles)


class Statement(msgspec.Struct, frozen=True):
    """One statement. `actions` are all that its patterns mean; `but` is of NotPrincipal.

    Where variables of its resources decide whether it is about this key, that is a condition, too.
    """

    sid: str
    allow: bool
    principals: Principals
    but: bool
    actions: tuple[str, ...]
    applies: bool  # to this key
    conditions: tuple[Condition, ...]


def read(text: str, *, account: str, key: str) -> tuple[Statement, ...]:
    """The statements of a key's policy. `key` is its id as AWS spells it.

    Raises `MalformedPolicyError`.
    """
    if len(text.encode()) > limits.KEY_POLICY_BYTES_MAX:
        raise MalformedPolicyError(f"a key policy has {limits.KEY_POLICY_BYTES_MAX} bytes at most")
    document = _object(_parsed(text), "the policy")
    _known(document, frozenset(["Version", "Id", "Statement"]), "the policy")
    version = document.get("Version", _VERSIONS[1])
    if version not in _VERSIONS:
        raise MalformedPolicyError(f"Version is one of {', '.join(_VERSIONS)}")
    if not isinstance(document.get("Id", ""), str):
        raise MalformedPolicyError("Id is a string")
    given = document.get("Statement", [])
    statements = given if isinstance(given, list) else [given]
    if not 0 < len(statements) <= _STATEMENTS_MAX:
        raise MalformedPolicyError(f"a policy has 1 to {_STATEMENTS_MAX} statements")
    place = Place(account, variables=version == _VERSIONS[0])
    found = tuple(_statement(_object(one, "a statement"), place, key) for one in statements)
    _of_this_account([one.principals for one in found], account)
    _few_patterns(found)
    return found


def _of_this_account(principals: list[Principals], account: str) -> None:
    """A policy that was written for another account is not weighed in this one.

    One that was copied here, or came with a backup, would leave to everybody what it says of `*`,
    and to nobody what it says of those who were meant.
    """
    others = any(one.others for one in principals)
    if others and not any(one.of_here for one in principals):
        raise MalformedPolicyError(
            "Policy contains a statement with one or more invalid principals: all that it names are"
            f" of other accounts than this one, arn:aws:iam::{account}:root"
        )


def _few_patterns(statements: tuple[Statement, ...]) -> None:
    """Those that Cedar does not compare are compared in its custodian, between others' requests."""
    meanings = [condition.meaning for one in statements for condition in one.conditions]
    count = sum(len(one.wanted) for one in meanings if isinstance(one, Comparison))
    if count > limits.KEY_POLICY_PATTERNS_MAX:
        raise MalformedPolicyError(
            f"a policy has at most {limits.KEY_POLICY_PATTERNS_MAX} values with variables or ?, or"
            " with wildcards against keys with several values or within ARNs"
        )


def _statement(given: dict[str, Any], place: Place, key: str) -> Statement:
    sid = given.get("Sid", "")
    if not (isinstance(sid, str) and _SID.fullmatch(sid)):
        raise MalformedPolicyError("a Sid is made of letters, digits and spaces")
    where = f"statement {sid or '(without Sid)'}"
    _known(given, _ELEMENTS, where)
    if given.get("Effect") not in ("Allow", "Deny"):
        raise MalformedPolicyError(f"{where}: Effect is Allow or Deny")
    principals, but = _either(given, "Principal", where)
    actions, but_actions = _either(given, "Action", where)
    resources, but_resources = _either(given, "Resource", where)
    named = _principals(principals, place.account, where)
    # Nobody who comes is one of them: an Allow gives nobody anything, and a Deny of all but them is
    # one of all. The other two would open what was to be closed: mistakes, or of elsewhere.
    if named.others and (given["Effect"] == "Allow") is but:
        raise MalformedPolicyError(
            f"{where}: Policy contains a statement with one or more invalid principals: those of"
            f" other accounts than {place.account} can be in the Principal of an Allow, and in the"
            " NotPrincipal of a Deny"
        )
    applies, more = _about(_strings(resources, f"{where}: Resource"), place, key, but=but_resources)
    return Statement(
        sid=sid,
        allow=given["Effect"] == "Allow",
        principals=named,
        but=but,
        actions=_actions(_strings(actions, f"{where}: Action"), but=but_actions, where=where),
        applies=applies,
        conditions=(*_conditions(given.get("Condition", {}), where, place), *more),
    )


def _either(given: dict[str, Any], name: str, where: str) -> tuple[Any, bool]:
    """That element, or its negation, of which there is exactly one."""
    if (name in given) is (f"Not{name}" in given):
        raise MalformedPolicyError(f"{where}: give either {name} or Not{name}")
    return (given[name], False) if name in given else (given[f"Not{name}"], True)


# --- principals -----------------------------------------------------------------------------------


def _principals(given: object, account: str, where: str) -> Principals:
    if given == "*":
        return Principals(everybody=True)
    everybody = of_account = others = False
    users: list[str] = []
    roles: list[str] = []
    for kind, value in _object(given, f"{where}: Principal").items():
        names = _strings(value, f"{where}: Principal")
        if kind in _NOBODY_HERE:
            continue  # services of AWS and users of others: nobody here is one
        if kind != "AWS":
            raise MalformedPolicyError(f"{where}: Principal has no {kind[:64]}")
        for name in names:
            if name == "*":
                everybody = True
                continue
            if _is_of_another(name, account):
                others = True
                continue
            who, of = who_is(name, account)
            of_account = of_account or who == "root"
            (users if who == "user" else roles).extend([of] if of else [])
    return Principals(everybody, of_account, tuple(users), tuple(roles), others)


def _is_of_another(name: str, account: str) -> bool:
    found = _ARN.fullmatch(name) or _ACCOUNT.fullmatch(name)
    return found is not None and found[1] != account


def who_is(name: str, account: str) -> tuple[str, str]:
    """What an ARN, or the number of an account, names: `root`, or `user` or `role` and its name.

    Raises `MalformedPolicyError` for others than this account's.
    """
    if name == account:
        return "root", ""
    arn = _ARN.fullmatch(name)
    if arn is None or arn[1] != account:
        raise MalformedPolicyError(
            "Policy contains a statement with one or more invalid principals: they are"
            f" arn:aws:iam::{account}:root, :user/NAME and :role/NAME"
        )
    kind = arn[2].partition("/")[0]
    return kind, (arn[3] or "").rpartition("/")[2]


# --- actions, resources, conditions ---------------------------------------------------------------


def _actions(patterns: list[str], *, but: bool, where: str) -> tuple[str, ...]:
    for pattern in patterns:
        if pattern != "*" and not pattern.lower().startswith("kms:"):
            raise MalformedPolicyError(f"{where}: actions of a key policy begin with kms:")
    named = {action for pattern in patterns for action in matching(pattern)}
    found = set(matching("*")) - named if but else named
    return tuple(sorted(found))


def _about(
    patterns: list[str], place: Place, key: str, *, but: bool
) -> tuple[bool, tuple[Condition, ...]]:
    """Whether the statement is about this key, and on what condition if variables decide that."""
    name = f"key/{key}"
    keys: list[str] = []
    wanted: list[Pieces] = []
    for pattern in patterns:
        text = pieces(pattern, wild=True, variables=place.variables)
        variables = variables_of(text)
        head, last = _parted(text, pattern)
        if not _fits(head, ("arn", "aws", "kms", "*", place.account)):
            continue
        if variables:
            keys += variables
            wanted.append(last)
        elif _fits([last], (name,)):
            return not but, ()
    if not wanted:
        return but, ()
    ours = Comparison("", "StringLike", tuple(wanted), negated=but, text=name)
    return True, (Condition(tuple(keys), ours),)


def _parted(text: Pieces, pattern: str) -> tuple[list[Pieces], Pieces]:
    """The first five parts of an ARN, and the rest. What is none has nothing that fits."""
    if pattern == "*":
        return [(Wild.MANY,)] * 5, (Wild.MANY,)
    variables = any(isinstance(piece, Variable) for piece in text)
    try:
        *head, last = arn_parts(text)
    except MalformedPolicyError:
        if variables:
            raise
        return [], ()
    if any(isinstance(piece, Variable) for part in head for piece in part):
        raise MalformedPolicyError(
            f"{pattern[:64]} has a variable that is not in the last part of the ARN"
        )
    return head, last


def _fits(patterns: list[Pieces], texts: tuple[str, ...]) -> bool:
    """Whether each text is like its pattern; the Region may be any."""
    plain = [resolved(pattern, {}) for pattern in patterns]
    return len(plain) == len(texts) and all(
        text == "*" or (there is not None and like(there, text))
        for there, text in zip(plain, texts, strict=True)
    )


def _conditions(given: object, where: str, place: Place) -> tuple[Condition, ...]:
    found = []
    for operator, keys in _object(given, f"{where}: Condition").items():
        for name, values in _object(keys, f"{where}: {operator[:64]}").items():
            texts = _strings(values, f"{where}: {name[:64]}", scalars=True)
            found.append(condition(operator, name, texts, place))
    if len(found) > CONDITIONS_MAX:
        raise MalformedPolicyError(f"{where} has more than {CONDITIONS_MAX} conditions")
    return tuple(found)


# --- JSON -----------------------------------------------------------------------------------------


def _parsed(text: str) -> object:
    if _deep(text):
        raise MalformedPolicyError("the policy is nested too deeply")
    try:
        return json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
    except ValueError:
        raise MalformedPolicyError("the policy is no JSON, or names a member twice") from None


def _deep(text: str) -> bool:
    """Whether brackets go deeper than any policy's, counted without parsing."""
    deepest = depth = 0
    for one in re.sub(r'"(?:[^"\\]|\\.)*"', "", text):
        depth += (one in "[{") - (one in "]}")
        deepest = max(deepest, depth)
    return deepest > _DEPTH_MAX


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a member is there twice")
    return found


def _no_constant(name: str) -> object:
    raise ValueError(name)


def _object(value: object, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise MalformedPolicyError(f"{what} is an object")
    return value


def _known(given: dict[str, Any], names: frozenset[str], what: str) -> None:
    unknown = next((name for name in given if name not in names), None)
    if unknown is not None:
        raise MalformedPolicyError(f"{what} has no element {unknown[:64]}")


def _strings(value: object, what: str, *, scalars: bool = False) -> list[str]:
    values = value if isinstance(value, list) else [value]
    texts = [_scalar(one) if scalars else one for one in values]
    if not texts or not all(isinstance(one, str) and one for one in texts):
        raise MalformedPolicyError(f"{what} is a string, or a list of some")
    return [str(one) for one in texts]


def _scalar(value: object) -> object:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int) else value
