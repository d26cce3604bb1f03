"""What the conditions of a key's policy look at: who asks from where, about which key, for what."""

from collections.abc import Iterator
from typing import Final

from msgspec import UNSET, UnsetType

from strongroom.domain import asks, uses
from strongroom.domain.algorithms import DEFAULT, Scheme, scheme_for
from strongroom.domain.iam import asks as iam
from strongroom.domain.iam import specs
from strongroom.domain.things import Key, Origin
from strongroom.ports.policy_engine import Circumstances
from strongroom.services.facts import KeyFact, NamespaceFact, PrincipalFact

_NAMES: Final = {scheme: name for name, scheme in specs.SCHEMES.items()}
_ENCRYPTING: Final = (
    asks.Encrypt, asks.Decrypt, uses.GenerateDataKey, uses.GenerateDataKeyPair, uses.ReEncrypt
)  # fmt: skip


def user(namespace: NamespaceFact, name: str) -> str:
    """A principal as AWS names it."""
    return f"arn:aws:iam::{namespace.account}:user/{name}"


def circumstances(  # noqa: PLR0913 - what there is to look at
    namespace: NamespaceFact,
    principal: PrincipalFact,
    key: KeyFact,
    ask: asks.Ask | None,
    alias: str,
    context: dict[str, str],
    now_us: int,
    *,
    as_source: bool,
    region: str,
) -> Circumstances:
    """All of it. A context in which two names differ by case alone has neither of them."""
    now = now_us // 1_000_000
    account = namespace.account
    one = {
        "aws:principalarn": user(namespace, principal.name),
        "aws:principalaccount": account,
        "aws:principalisawsservice": "false",
        "aws:principaltype": "User",
        "aws:resourceaccount": account,
        "aws:userid": principal.id.hex(),
        "aws:username": principal.name,
        "aws:viaawsservice": "false",
        "kms:calleraccount": account,
        **_of_key(key.body),
        **dict(_of_ask(namespace, key.body, ask, as_source=as_source)),
    }
    if region:
        one["aws:requestedregion"] = region
    if alias:
        one["kms:requestalias"] = f"alias/{alias}"
    one |= {f"kms:encryptioncontext:{name.lower()}": text for name, text in context.items()}
    many = {"kms:encryptioncontextkeys": list(context)} if context else {}
    return Circumstances(
        one=one,
        many=many | _several(ask),
        numbers=dict(_numbers(ask)),
        times={"aws:currenttime": now, "aws:epochtime": now},
    )


def is_ambiguous(context: dict[str, str]) -> bool:
    """Whether two names of a context are one to AWS's conditions, which do not look at case."""
    return len({name.lower() for name in context}) != len(context)


def _of_key(body: Key) -> dict[str, str]:
    found = {
        "kms:keyorigin": "EXTERNAL" if body.origin is Origin.IMPORTED else "AWS_KMS",
        "kms:keyspec": specs.spec_of(body.algorithm),
        "kms:keyusage": specs.usage_of(body.purpose),
        "kms:multiregion": str(bool(body.multi_region)).lower(),
    }
    found |= {f"aws:resourcetag/{name.lower()}": text for name, text in body.labels.items()}
    return {name: text for name, text in found.items() if text}


def _of_ask(
    namespace: NamespaceFact, body: Key, ask: asks.Ask | None, *, as_source: bool
) -> Iterator[tuple[str, str]]:
    if isinstance(ask, _ENCRYPTING):
        yield from _encryption(body, ask, "source_scheme" if as_source else "scheme")
    if isinstance(ask, uses.Sign | uses.Verify):
        yield from _algorithm("kms:signingalgorithm", _scheme(body, ask.scheme))
    if isinstance(ask, uses.GenerateDataKeyPair):
        yield "kms:datakeypairspec", specs.spec_of(ask.algorithm)
    if isinstance(ask, asks.UpdateKey):
        yield from _of_change(ask)
    if isinstance(ask, asks.ReplicateKey):
        yield "kms:replicaregion", ask.region
    if isinstance(ask, iam.WriteKeyPolicy):
        yield "kms:bypasspolicylockoutsafetycheck", str(ask.bypass_lockout_check).lower()
    if isinstance(ask, iam.CreateGrant):
        yield from _of_grant(namespace, ask)


def _of_change(ask: asks.UpdateKey) -> Iterator[tuple[str, str]]:
    for name, text in _labels(ask).items():
        yield f"aws:requesttag/{name.lower()}", text
    if ask.primary_region is not UNSET:
        yield "kms:primaryregion", ask.primary_region


def _of_grant(namespace: NamespaceFact, ask: iam.CreateGrant) -> Iterator[tuple[str, str]]:
    yield "kms:granteeprincipal", user(namespace, ask.grantee)
    yield "kms:grantisforawsresource", "false"
    if ask.retiring is not UNSET:
        yield "kms:retiringprincipal", user(namespace, ask.retiring)
    if ask.context_equals or ask.context_subset:
        which = "Equals" if ask.context_equals else "Subset"
        yield "kms:grantconstrainttype", f"EncryptionContext{which}"


def _encryption(body: Key, ask: object, field: str) -> Iterator[tuple[str, str]]:
    if body.algorithm is DEFAULT:
        yield "kms:encryptionalgorithm", specs.SYMMETRIC
        return
    yield from _algorithm("kms:encryptionalgorithm", _scheme(body, getattr(ask, field, UNSET)))


def _scheme(body: Key, asked: Scheme | UnsetType) -> Scheme | None:
    """The one that is used, also where none is asked for: a denial of it is not to be evaded."""
    return scheme_for(body.algorithm, body.purpose, None) if asked is UNSET else asked


def _algorithm(key: str, scheme: Scheme | None) -> Iterator[tuple[str, str]]:
    if scheme in _NAMES:
        yield key, _NAMES[scheme]


def _labels(ask: asks.UpdateKey) -> dict[str, str]:
    """The labels that it gives."""
    given = {} if ask.labels is UNSET else ask.labels
    return given | ({} if ask.add_labels is UNSET else ask.add_labels)


def _several(ask: asks.Ask | None) -> dict[str, list[str]]:
    if isinstance(ask, iam.CreateGrant):
        return {"kms:grantoperations": list(ask.operations)}
    if isinstance(ask, asks.UpdateKey):
        removed = [] if ask.remove_labels is UNSET else ask.remove_labels
        names = [*_labels(ask), *removed]
        return {"aws:tagkeys": names} if names else {}
    return {}


def _numbers(ask: asks.Ask | None) -> Iterator[tuple[str, int]]:
    if isinstance(ask, asks.ScheduleDestruction) and isinstance(ask.days, int):
        yield "kms:schedulekeydeletionpendingwindowindays", ask.days
    if isinstance(ask, asks.UpdateKey) and isinstance(ask.rotation_days, int):
        yield "kms:rotationperiodindays", ask.rotation_days
