"""What the conditions of a key's policy look at: who asks from where, about which key, for what."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

import msgspec
from msgspec import UNSET, UnsetType

from strongroom.domain import asks, transfers, uses
from strongroom.domain.algorithms import DEFAULT, Scheme, scheme_for
from strongroom.domain.iam import asks as iam
from strongroom.domain.iam import specs, texts
from strongroom.domain.readings import VALID_TO
from strongroom.domain.things import Key, Origin
from strongroom.domain.times import microseconds, rfc3339
from strongroom.ports.policy_engine import Circumstances
from strongroom.services.facts import Found, KeyFact, NamespaceFact, Own, PrincipalFact

_NAMES: Final = {scheme: name for name, scheme in specs.SCHEMES.items()} | {
    Scheme.ML_DSA_MU: "ML_DSA_SHAKE_256"
}
_ENCRYPTING: Final = (
    asks.Encrypt, asks.Decrypt, uses.GenerateDataKey, uses.GenerateDataKeyPair, uses.ReEncrypt
)  # fmt: skip


def user(namespace: NamespaceFact, name: str) -> str:
    """A principal as AWS names it."""
    return f"arn:aws:iam::{namespace.account}:user/{name}"


class Attempt(NamedTuple):
    """Who asks for what on which key; `as_source`: on the one that re-encryption takes from."""

    namespace: NamespaceFact
    principal: PrincipalFact
    key: KeyFact
    operation: str
    ask: asks.Ask | None
    alias: str  # by which the key was asked for, if it was
    context: dict[str, str]
    source: str
    time_us: int
    as_source: bool = False
    region: str = ""  # that a request was signed for
    reading: str = ""  # AWS's action, where a reading is weighed by one of its own
    told: Mapping[str, str] = MappingProxyType({})  # of what the reading is for, by condition key
    same_key: bool | None = None  # re-encryption: whether it comes from the key that it goes to
    tls: bool = False  # whether all comes by TLS


def circumstances(attempt: Attempt, own: Own) -> Circumstances:
    """All of it, and which of the policy's own comparisons it meets.

    A context in which two names differ by case alone has neither of them.
    """
    now = attempt.time_us // 1_000_000
    context = context_of(attempt)
    one = dict(_texts(attempt, own.found))
    one |= {name: text for name, text in attempt.told.items() if name != VALID_TO}
    one |= {f"kms:encryptioncontext:{name.lower()}": text for name, text in context.items()}
    many = dict(_several(attempt.ask))
    if context:
        many["kms:encryptioncontextkeys"] = list(context)
    if own.found.aliases:
        many["kms:resourcealiases"] = [f"alias/{alias}" for alias in own.found.aliases]
    numbers = dict(_numbers(attempt, own.found))
    times = {"aws:currenttime": now, "aws:epochtime": now, **dict(_times(attempt))}
    said = Circumstances(one=one, many=many, numbers=numbers, times=times)
    return compared(said, own, attempt.source) if own.comparisons else said


def compared(said: Circumstances, own: Own, source: str) -> Circumstances:
    """The same, with the names of the comparisons that are met. Variables are written as texts."""
    written = {name: str(number) for name, number in said.numbers.items()}
    written |= {name: f"{rfc3339(at * 1_000_000)[:19]}Z" for name, at in said.times.items()}
    written |= {"aws:epochtime": str(said.times["aws:epochtime"]), "aws:sourceip": source}
    values = texts.Values(one=written | dict(said.one), many=said.many)
    return msgspec.structs.replace(said, met=texts.met(own.comparisons, values))


def context_of(attempt: Attempt) -> dict[str, str]:
    """The encryption context; of a grant that is to be, what it asks of one."""
    if isinstance(attempt.ask, iam.CreateGrant):
        return attempt.ask.context_equals or attempt.ask.context_subset
    return attempt.context


def _texts(attempt: Attempt, found: Found) -> Iterator[tuple[str, str]]:
    namespace, principal = attempt.namespace, attempt.principal
    yield "aws:principalarn", user(namespace, principal.name)
    yield "aws:principalisawsservice", "false"
    yield "aws:principaltype", "User"
    yield "aws:securetransport", str(attempt.tls).lower()
    yield "aws:userid", principal.id.hex()
    yield "aws:username", principal.name
    yield "aws:viaawsservice", "false"
    for name in ("aws:principalaccount", "aws:resourceaccount", "kms:calleraccount"):
        yield name, namespace.account
    region = attempt.region or namespace.body.region
    if region:
        yield "aws:requestedregion", region
    if attempt.alias:
        yield "kms:requestalias", f"alias/{attempt.alias}"
    if found.replica is not None:
        yield "kms:multiregionkeytype", "REPLICA" if found.replica else "PRIMARY"
    if attempt.same_key is not None:
        yield "kms:reencryptonsamekey", str(attempt.same_key).lower()
    yield from _of_key(attempt.key.body).items()
    yield from _of_ask(namespace, attempt.key.body, attempt.ask, as_source=attempt.as_source)


def is_ambiguous(names: Collection[str]) -> bool:
    """Whether two names of a context are one to AWS's conditions, which do not look at case."""
    return len({name.lower() for name in names}) != len(names)


def shared_keys(attempt: Attempt) -> Iterator[str]:
    """The condition keys that two tags, of the key or of the request, have in common.

    Or would have: who may tag a key must not close it to everybody by a tag.
    """
    tags = [("aws:resourcetag/", attempt.key.body.labels)]
    if isinstance(attempt.ask, asks.UpdateKey):
        tags.append(("aws:requesttag/", _labels(attempt.ask)))
        tags.append(("aws:resourcetag/", _then(attempt.key.body.labels, attempt.ask)))
    for prefix, labels in tags:
        if is_ambiguous(labels):
            counts = Counter(prefix + name.lower() for name in labels)
            yield from (key for key, count in counts.items() if count > 1)


def _of_key(body: Key) -> dict[str, str]:
    found = {
        "kms:keyorigin": "EXTERNAL" if body.origin is Origin.IMPORTED else "AWS_KMS",
        "kms:keyspec": specs.spec_of(body.algorithm),
        "kms:keyusage": specs.usage_of(body.purpose),
        "kms:multiregion": str(bool(body.multi_region)).lower(),
    }
    # Two keys have former names, too.
    found["kms:customermasterkeyspec"] = found["kms:keyspec"]
    found["kms:customermasterkeyusage"] = found["kms:keyusage"]
    found |= {f"aws:resourcetag/{name.lower()}": text for name, text in body.labels.items()}
    return {name: text for name, text in found.items() if text}


def _of_ask(
    namespace: NamespaceFact, body: Key, ask: asks.Ask | None, *, as_source: bool
) -> Iterator[tuple[str, str]]:
    yield from _of_use(body, ask, as_source=as_source)
    if isinstance(ask, asks.UpdateKey):
        yield from _of_change(ask)
    if isinstance(ask, asks.ReplicateKey):
        yield "kms:replicaregion", ask.region
    if isinstance(ask, iam.WriteKeyPolicy):
        yield "kms:bypasspolicylockoutsafetycheck", str(ask.bypass_lockout_check).lower()
    if isinstance(ask, iam.CreateGrant):
        yield from _of_grant(namespace, ask)
    if isinstance(ask, transfers.ImportParameters):
        yield from _of_parameters(ask)
    if isinstance(ask, transfers.ImportMaterial):
        expires = "KEY_MATERIAL_EXPIRES" if ask.expires else "KEY_MATERIAL_DOES_NOT_EXPIRE"
        yield "kms:expirationmodel", expires


def _of_use(body: Key, ask: asks.Ask | None, *, as_source: bool) -> Iterator[tuple[str, str]]:
    if isinstance(ask, _ENCRYPTING):
        yield from _encryption(body, ask, "source_scheme" if as_source else "scheme")
    if isinstance(ask, uses.Sign | uses.Verify):
        yield from _algorithm("kms:signingalgorithm", _scheme(body, ask.scheme))
        kinds = message_types(ask)
        if len(kinds) == 1:
            yield "kms:messagetype", kinds.pop()
    if isinstance(ask, uses.MAC | uses.VerifyMAC):
        for name in specs.algorithms_of(body.algorithm, specs.MAC):
            yield "kms:macalgorithm", name
    if isinstance(ask, uses.Agree):
        yield "kms:keyagreementalgorithm", "ECDH"
    if isinstance(ask, uses.GenerateDataKeyPair):
        yield "kms:datakeypairspec", specs.spec_of(ask.algorithm)


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


def _then(labels: dict[str, str], ask: asks.UpdateKey) -> dict[str, str]:
    """The labels of a key that had these, when that is done."""
    if ask.labels is not UNSET:
        return ask.labels
    removed = () if ask.remove_labels is UNSET else ask.remove_labels
    return {name: text for name, text in labels.items() if name not in removed} | _labels(ask)


def _several(ask: asks.Ask | None) -> dict[str, list[str]]:
    if isinstance(ask, iam.CreateGrant):
        return {"kms:grantoperations": list(ask.operations)}
    if isinstance(ask, asks.UpdateKey):
        removed = [] if ask.remove_labels is UNSET else ask.remove_labels
        names = [*_labels(ask), *removed]
        return {"aws:tagkeys": names} if names else {}
    return {}


def _numbers(attempt: Attempt, found: Found) -> Iterator[tuple[str, int]]:
    ask = attempt.ask
    if isinstance(ask, asks.ScheduleDestruction) and isinstance(ask.days, int):
        yield "kms:schedulekeydeletionpendingwindowindays", ask.days
    if isinstance(ask, asks.UpdateKey) and isinstance(ask.rotation_days, int):
        yield "kms:rotationperiodindays", ask.rotation_days
    if found.idle_days is not None:
        yield "kms:trailingdayswithoutkeyusage", found.idle_days


def _times(attempt: Attempt) -> Iterator[tuple[str, int]]:
    ask, expires = attempt.ask, attempt.told.get(VALID_TO, "")
    if isinstance(ask, transfers.ImportMaterial):
        expires = ask.expires
    if expires:
        yield VALID_TO, microseconds(expires) // 1_000_000


def message_types(ask: asks.Ask | None) -> set[str]:
    """What is signed or verified, in AWS's words: messages, digests, or both in one batch."""
    if not isinstance(ask, uses.Sign | uses.Verify):
        return set()
    if ask.scheme is Scheme.ED25519PH:
        return {"DIGEST"}  # whatever it is of: AWS takes nothing else there
    items = [ask] if ask.items is UNSET else ask.items
    digest = "EXTERNAL_MU" if ask.scheme is Scheme.ML_DSA_MU else "DIGEST"
    return {digest if item.message is UNSET else "RAW" for item in items}


def _of_parameters(ask: transfers.ImportParameters) -> Iterator[tuple[str, str]]:
    yield "kms:wrappingkeyspec", specs.WRAPPING_KEYS[ask.wrapping_key]
    if ask.wrapping is not UNSET:
        yield "kms:wrappingalgorithm", specs.WRAPPINGS[ask.wrapping]


def is_batch_of_ciphertexts(ask: asks.Ask | None) -> bool:
    """Whether these can be of several keys."""
    return isinstance(ask, uses.ReEncrypt) and ask.items is not UNSET


def is_without_wrapping(ask: asks.Ask | None) -> bool:
    """Whether a wrapping key is asked for, and not said for which wrapping."""
    return isinstance(ask, transfers.ImportParameters) and ask.wrapping is UNSET
