"""Key policies and grants as the Cedar policies that they mean.

Two sets come of a key's policy. `direct`: who may and who must not, whatever else is written.
`delegated`: what the key leaves to the namespace's own policies ("arn:aws:iam::ACCOUNT:root").
A key without a policy leaves all of it to them.
"""

from typing import Final

import msgspec

from strongroom.domain.cedar_schema import quoted
from strongroom.domain.iam import document
from strongroom.domain.iam.actions import PREFIX
from strongroom.domain.iam.comparisons import joined
from strongroom.domain.iam.conditions import Condition
from strongroom.domain.iam.document import Principals, Statement
from strongroom.domain.iam.texts import Comparison

_OF_NOBODY: Final = "false"
_OF_ALL: Final = "true"
_CONSTRAINED: Final = frozenset(
    ["CreateGrant", "Decrypt", "Encrypt", "GenerateDataKey", "GenerateDataKeyPair",
     "GenerateDataKeyPairWithoutPlaintext", "GenerateDataKeyWithoutPlaintext", "ReEncryptFrom",
     "ReEncryptTo"]
)  # fmt: skip


class Rights(msgspec.Struct, frozen=True):
    """Cedar texts by name. `delegated` None: all is left to the namespace's policies.

    `comparisons` are those that we make: Cedar is told the names of those that are met. `looks_at`
    are the condition keys that a decision can depend on.
    """

    direct: dict[str, str]
    delegated: dict[str, str] | None
    comparisons: dict[str, Comparison] = {}
    looks_at: frozenset[str] = frozenset()


class Constraints(msgspec.Struct, frozen=True, omit_defaults=True):
    """What an encryption context must have (`subset`), or be (`equals`), for a grant to count."""

    subset: dict[str, str] = {}
    equals: dict[str, str] = {}


def of_policy(text: str, *, account: str, key: str) -> Rights:
    """What a key's policy means; an empty one: nothing, and all is delegated.

    Raises `MalformedPolicyError`.
    """
    if not text:
        return Rights({}, None)
    direct: dict[str, str] = {}
    delegated: dict[str, str] = {}
    comparisons: dict[str, Comparison] = {}
    looks_at: set[str] = set()
    for number, statement in enumerate(document.read(text, account=account, key=key), 1):
        if not (statement.applies and statement.actions):
            continue
        # With a character that no Sid has: a Sid can be a number, and none takes another's place.
        # AWS takes statements of one Sid, too.
        name = f"key-policy:{statement.sid or f'statement-{number}'}"
        if name in direct or name in delegated:
            name += f"-{number}"
        whom = _whom(statement)
        conditions = [_condition(one, comparisons) for one in statement.conditions]
        looks_at.update(key for one in statement.conditions for key in one.keys)
        if whom != _OF_NOBODY:
            direct[name] = _policy(statement, whom, conditions)
        if statement.allow and statement.principals.account and not statement.but:
            delegated[name] = _policy(statement, _OF_ALL, conditions)
    return Rights(direct, delegated, comparisons, frozenset(looks_at))


def _condition(one: Condition, comparisons: dict[str, Comparison]) -> str:
    """The Cedar of a condition; of one that we compare ourselves, whether it is met."""
    if isinstance(one.meaning, str):
        return one.meaning
    name = str(len(comparisons))
    comparisons[name] = one.meaning
    return f"context.met.contains({quoted(name)})"


def of_grant(grantee: str, operations: list[str], constraints: Constraints) -> str:
    """What a grant means."""
    # Whom it lets end itself is asked about that grant alone (`of_retiring`).
    plain = [one for one in operations if one not in _CONSTRAINED and one != "RetireGrant"]
    bound = [one for one in operations if one in _CONSTRAINED and one != "CreateGrant"]
    texts = [_permit(grantee, plain, []), _permit(grantee, bound, _context(constraints))]
    if "CreateGrant" in operations:
        within = (
            f"context.many.hasTag({quoted('kms:grantoperations')}) && {_listed(operations)}"
            f".containsAll(context.many.getTag({quoted('kms:grantoperations')}))"
        )
        strict = []
        if constraints.equals:
            key = quoted("kms:grantconstrainttype")
            strict = [
                f"context.one.hasTag({key})",
                f'context.one.getTag({key}) == "EncryptionContextEquals"',
            ]
        texts.append(_permit(grantee, ["CreateGrant"], [within, *strict, *_context(constraints)]))
    return "\n".join(text for text in texts if text)


def of_retiring(names: list[str]) -> str:
    """What a grant says about who may end it."""
    return "\n".join(_permit(name, ["RetireGrant"], []) for name in dict.fromkeys(names))


def _permit(grantee: str, operations: list[str], conditions: list[str]) -> str:
    if not operations:
        return ""
    when = f" when {{ {joined('&&', conditions)} }}" if conditions else ""
    scope = (
        f"principal == Principal::{quoted(grantee)}, action in [{_actions(operations)}], resource"
    )
    return f"permit ({scope}){when};"


def _actions(operations: list[str]) -> str:
    return ", ".join(f"Action::{quoted(PREFIX + one)}" for one in operations)


def _context(constraints: Constraints) -> list[str]:
    wanted = constraints.equals or constraints.subset
    found = [
        f"context.encryption.hasTag({quoted(name)})"
        f" && context.encryption.getTag({quoted(name)}) == {quoted(value)}"
        for name, value in wanted.items()
    ]
    if constraints.equals:
        names = quoted("kms:encryptioncontextkeys")
        found.append(f"context.many.getTag({names}) == {_listed(list(wanted))}")
    return found


def _listed(texts: list[str]) -> str:
    return "[" + ", ".join(quoted(text) for text in texts) + "]"


def _policy(statement: Statement, whom: str, conditions: list[str]) -> str:
    effect = "permit" if statement.allow else "forbid"
    actions = ", ".join(f"Action::{quoted(action)}" for action in statement.actions)
    if whom != _OF_ALL:
        conditions = [whom, *conditions]
    when = f" when {{ {joined('&&', conditions)} }}" if conditions else ""
    return f"{effect} (principal, action in [{actions}], resource){when};"


def _whom(statement: Statement) -> str:
    """Whether the caller is one that the statement is about.

    The account stands for everybody where something is denied; where something is allowed it only
    leaves it to the namespace's policies. Nobody is it: who is exempted is so by name.
    """
    principals = statement.principals
    if statement.but:
        return _OF_NOBODY if principals.everybody else f"!({_named(principals)})"
    if principals.everybody or (principals.account and not statement.allow):
        return _OF_ALL
    return _named(principals)


def _named(principals: Principals) -> str:
    met = []
    if principals.users:
        users = ", ".join(f"Principal::{quoted(name)}" for name in principals.users)
        met.append(f"[{users}].contains(principal)")
    if principals.roles:
        roles = ", ".join(f"Role::{quoted(name)}" for name in principals.roles)
        met.append(f"principal in [{roles}]")
    return f"({' || '.join(met)})" if met else _OF_NOBODY
