"""The conditions of policies: which keys and operators there are, and what they mean.

Source: IAM User Guide, "IAM JSON policy elements: Condition operators" and "Multivalued context
keys"; AWS KMS Developer Guide, "Condition keys for AWS KMS". What is not understood is refused when
the policy is written, never left out.

A request's values are in `context` (`domain/cedar_schema.py`): `one` and `lower` (as they are, and
in lower case) of keys with one value, `many` and `many_lower` of keys with several, `numbers`,
`times`, and `address`. For what Cedar has no expression for, it is told which of the policy's own
comparisons (`domain/iam/texts.py`) are `met`.
"""

import re
from typing import Final, NamedTuple

import msgspec

from strongroom.domain.cedar_schema import quoted
from strongroom.domain.iam.comparisons import (
    ARN_OPERATORS,
    EXPRESSIONS,
    FITTING,
    NEGATED,
    OPERATORS,
    PATTERN_OPERATORS,
    TEXT_OPERATORS,
    Kind,
    compared,
    listed,
    many,
)
from strongroom.domain.iam.errors import MalformedPolicyError
from strongroom.domain.iam.patterns import Pieces, Plain, Variable, Wild, arn_parts, pieces
from strongroom.domain.iam.texts import Comparison

CONDITIONS_MAX: Final = 50  # of a statement: Cedar's parser calls itself for each
_VALUES_MAX: Final = 50


class Condition(msgspec.Struct, frozen=True):
    """One operator on one key: the Cedar expression that it means, or a comparison of ours.

    `keys` are those that it looks at, by variables, too.
    """

    keys: tuple[str, ...]
    meaning: str | Comparison


class Place(NamedTuple):
    """Where a condition stands: the account of the key, and whether its texts have variables."""

    account: str
    variables: bool


SERVED: Final[dict[str, Kind]] = {
    "aws:CurrentTime": Kind.TIME,
    "aws:EpochTime": Kind.TIME,
    "aws:PrincipalAccount": Kind.TEXT,
    "aws:PrincipalArn": Kind.ARN,
    "aws:PrincipalIsAWSService": Kind.TEXT,
    "aws:PrincipalType": Kind.TEXT,
    "aws:RequestedRegion": Kind.TEXT,
    "aws:ResourceAccount": Kind.TEXT,
    "aws:SecureTransport": Kind.TEXT,
    "aws:SourceIp": Kind.ADDRESS,
    "aws:TagKeys": Kind.SEVERAL,
    "aws:userid": Kind.TEXT,
    "aws:username": Kind.TEXT,
    "aws:ViaAWSService": Kind.TEXT,
    "kms:BypassPolicyLockoutSafetyCheck": Kind.TEXT,
    "kms:CallerAccount": Kind.TEXT,
    "kms:CustomerMasterKeySpec": Kind.TEXT,
    "kms:CustomerMasterKeyUsage": Kind.TEXT,
    "kms:DataKeyPairSpec": Kind.TEXT,
    "kms:EncryptionAlgorithm": Kind.TEXT,
    "kms:EncryptionContextKeys": Kind.SEVERAL,
    "kms:ExpirationModel": Kind.TEXT,
    "kms:GrantConstraintType": Kind.TEXT,
    "kms:GranteePrincipal": Kind.ARN,
    "kms:GrantIsForAWSResource": Kind.TEXT,
    "kms:GrantOperations": Kind.SEVERAL,
    "kms:KeyAgreementAlgorithm": Kind.TEXT,
    "kms:KeyOrigin": Kind.TEXT,
    "kms:KeySpec": Kind.TEXT,
    "kms:KeyUsage": Kind.TEXT,
    "kms:MacAlgorithm": Kind.TEXT,
    "kms:MessageType": Kind.TEXT,
    "kms:MultiRegion": Kind.TEXT,
    "kms:MultiRegionKeyType": Kind.TEXT,
    "kms:PrimaryRegion": Kind.TEXT,
    "kms:ReEncryptOnSameKey": Kind.TEXT,
    "kms:ReplicaRegion": Kind.TEXT,
    "kms:RequestAlias": Kind.TEXT,
    "kms:ResourceAliases": Kind.SEVERAL,
    "kms:RetiringPrincipal": Kind.ARN,
    "kms:RotationPeriodInDays": Kind.NUMBER,
    "kms:ScheduleKeyDeletionPendingWindowInDays": Kind.NUMBER,
    "kms:SigningAlgorithm": Kind.TEXT,
    "kms:TrailingDaysWithoutKeyUsage": Kind.NUMBER,
    "kms:ValidTo": Kind.TIME,
    "kms:WrappingAlgorithm": Kind.TEXT,
    "kms:WrappingKeySpec": Kind.TEXT,
}
"""Condition keys that requests have values for."""
NEVER_THERE: Final[dict[str, Kind]] = {
    "aws:AssumedRoot": Kind.TEXT,
    "aws:CalledVia": Kind.SEVERAL,
    "aws:CalledViaFirst": Kind.TEXT,
    "aws:CalledViaLast": Kind.TEXT,
    "aws:Ec2InstanceSourcePrivateIPv4": Kind.ADDRESS,
    "aws:Ec2InstanceSourceVpc": Kind.TEXT,
    "aws:FederatedProvider": Kind.TEXT,
    "aws:MultiFactorAuthAge": Kind.NUMBER,
    "aws:MultiFactorAuthPresent": Kind.TEXT,
    "aws:PrincipalOrgID": Kind.TEXT,
    "aws:PrincipalOrgPaths": Kind.SEVERAL,
    "aws:PrincipalServiceName": Kind.TEXT,
    "aws:PrincipalServiceNamesList": Kind.SEVERAL,
    "aws:ResourceOrgID": Kind.TEXT,
    "aws:ResourceOrgPaths": Kind.SEVERAL,
    "aws:SourceAccount": Kind.TEXT,
    "aws:SourceArn": Kind.ARN,
    "aws:SourceIdentity": Kind.TEXT,
    "aws:SourceOrgID": Kind.TEXT,
    "aws:SourceOrgPaths": Kind.SEVERAL,
    "aws:SourceVpc": Kind.TEXT,
    "aws:SourceVpce": Kind.TEXT,
    "aws:TokenIssueTime": Kind.TIME,
    "aws:VpceAccount": Kind.TEXT,
    "aws:VpceOrgID": Kind.TEXT,
    "aws:VpceOrgPaths": Kind.SEVERAL,
    "aws:VpcSourceIp": Kind.ADDRESS,
    "kms:GrantConstraintSourceArn": Kind.ARN,
    "kms:GranteeServicePrincipal": Kind.TEXT,
    "kms:RetiringServicePrincipal": Kind.TEXT,
    "kms:ViaService": Kind.TEXT,
}
"""Those of services of AWS, its organisations, networks and sessions: no request here has them."""
FAMILIES: Final = (
    "aws:RequestTag/", "aws:ResourceTag/", "kms:EncryptionContext:",
    # Principals have no tags here, and no request has an attestation document.
    "aws:PrincipalTag/", "kms:RecipientAttestation:",
)  # fmt: skip
"""Keys whose names go on with another name."""

_KEYS: Final = {name.lower(): kind for name, kind in (SERVED | NEVER_THERE).items()}
_FAMILIES: Final = tuple(name.lower() for name in FAMILIES)

_OPERATOR: Final = re.compile(r"(?:(ForAnyValue|ForAllValues):)?([A-Za-z]+?)(IfExists)?")


class _Operator(NamedTuple):
    """An operator's parts. `base` without its negation."""

    qualifier: str
    base: str
    negated: bool
    if_exists: bool

    @property
    def absent_holds(self) -> bool:
        """Whether it holds for what is not there: where it is negated, and for all of nothing."""
        all_of_nothing = self.qualifier == "ForAllValues"
        return self.if_exists or all_of_nothing or (self.negated and not self.qualifier)


def condition(operator: str, key: str, values: list[str], place: Place) -> Condition:
    """What one condition means. Raises `MalformedPolicyError` for one that is not understood."""
    found = _OPERATOR.fullmatch(operator)
    base = found[2] if found else ""
    if found is None or base not in OPERATORS:
        raise MalformedPolicyError(f"there is no condition operator {operator[:64]}")
    kind, name = kind_of(key), key.lower()
    if len(values) > _VALUES_MAX:
        raise MalformedPolicyError(f"a condition has {_VALUES_MAX} values at most")
    if base == "Null":
        return Condition((name,), _null(name, kind, values, qualified=bool(found[1] or found[3])))
    if kind not in FITTING[base]:
        raise MalformedPolicyError(f"{base} does not go with {key[:64]}")
    if kind is Kind.SEVERAL and not found[1]:
        raise MalformedPolicyError(f"{name} has several values: say ForAnyValue: or ForAllValues:")
    how = _Operator(found[1] or "", NEGATED.get(base, base), base in NEGATED, bool(found[3]))
    if how.base in TEXT_OPERATORS:
        return _of_texts(how, name, kind, values, place)
    return Condition((name,), _one(how, name, kind, EXPRESSIONS[how.base](name, values)))


def kind_of(key: str) -> Kind:
    """How its values are compared. Raises `MalformedPolicyError` when there is no such key."""
    name = key.lower()
    kind = _KEYS.get(name)
    if kind is None and name.startswith(_FAMILIES) and name not in _FAMILIES:
        kind = Kind.TEXT
    if kind is None:
        raise MalformedPolicyError(f"there is no condition key {key[:64]} here")
    return kind


def variables_of(text: Pieces) -> list[str]:
    """The keys of its variables. Raises `MalformedPolicyError` for one that has no one value."""
    names = [piece.key for piece in text if isinstance(piece, Variable)]
    for name in names:
        if kind_of(name) is Kind.SEVERAL:
            raise MalformedPolicyError(f"{name[:64]} has several values, and is no variable")
    return names


def _of_texts(how: _Operator, name: str, kind: Kind, values: list[str], place: Place) -> Condition:
    wild = how.base in PATTERN_OPERATORS
    texts = [pieces(value, wild=wild, variables=place.variables) for value in values]
    keys = [name, *(variable for text in texts for variable in variables_of(text))]
    plain = _for_cedar(texts, kind)
    if how.base in ARN_OPERATORS:
        parted = [_ends_alike(text) for text in texts]  # or it is no ARN
        if kind is not Kind.ARN and not all(parted):
            plain = None
    if plain is None:
        ours = Comparison(
            name, how.base, tuple(texts),
            negated=how.negated, qualifier=how.qualifier, absent_holds=how.absent_holds,
        )  # fmt: skip
        return Condition(tuple(keys), ours)
    if kind is Kind.SEVERAL:
        return Condition(tuple(keys), _several(how, name, plain))
    met = compared(how.base, name, kind, plain, place.account)
    return Condition(tuple(keys), _one(how, name, kind, met))


def _for_cedar(texts: list[Pieces], kind: Kind) -> list[Plain] | None:
    """The texts, if Cedar can compare with them: its patterns have `*` alone, its sets none."""
    beyond = (Wild.MANY, Wild.ONE) if kind is Kind.SEVERAL else (Wild.ONE,)
    plain = []
    for text in texts:
        of = tuple(piece for piece in text if not isinstance(piece, Variable))
        if len(of) != len(text) or any(piece in beyond for piece in of):
            return None
        plain.append(of)
    return plain


def _ends_alike(arn: Pieces) -> bool:
    """Whether such an ARN differs from others in its last part alone: Cedar parts none."""
    first, *others, _ = arn_parts(arn)
    return first == ("arn",) and all(isinstance(piece, str) for part in others for piece in part)


def _several(how: _Operator, name: str, texts: list[Plain]) -> str:
    """On a key with several values, by equality."""
    held = f"context.{many(how.base)}.getTag({quoted(name)})"
    wanted = listed(how.base, texts)
    every = how.qualifier == "ForAllValues"
    met = f"{wanted}.{'containsAll' if every is not how.negated else 'containsAny'}({held})"
    return _where_there(how, _has(name, Kind.SEVERAL), f"!({met})" if how.negated else met)


def _one(how: _Operator, name: str, kind: Kind, met: str) -> str:
    """On a key with one value."""
    return _where_there(how, _has(name, kind), f"!({met})" if how.negated else met)


def _where_there(how: _Operator, has: str, met: str) -> str:
    return f"(!{has} || {met})" if how.absent_holds else f"({has} && {met})"


def _has(name: str, kind: Kind) -> str:
    if kind is Kind.ADDRESS:
        return "(context has address)" if name == "aws:sourceip" else "false"
    where = {
        Kind.SEVERAL: "many", Kind.NUMBER: "numbers", Kind.TIME: "times"
    }.get(kind, "one")  # fmt: skip
    return f"context.{where}.hasTag({quoted(name)})"


def _null(name: str, kind: Kind, values: list[str], *, qualified: bool) -> str:
    told = {value.lower() for value in values}
    if qualified or not told <= {"true", "false"}:
        raise MalformedPolicyError("Null is compared with true or false")
    has = _has(name, kind)
    met = " || ".join(f"!{has}" if value == "true" else has for value in sorted(told))
    return f"({met})"
