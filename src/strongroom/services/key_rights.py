"""The rights that are kept with a key: its policy and its grants, weighed for one principal.

A key that has neither leaves all to the namespace's policies. One that has is decided like this:

1. What a statement of its policy denies, is denied; so is what a policy of the namespace forbids.
2. What a statement or a grant allows the principal, is allowed.
3. What the policy leaves to the account is for the namespace's policies to allow.
4. Else, no.

Of an alias, which is the namespace's, its policies must allow that besides, as AWS's IAM must.
"""

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from strongroom.domain import limits
from strongroom.domain.iam import cedar
from strongroom.domain.iam.actions import OF_ALIASES, PREFIX, asked
from strongroom.domain.iam.errors import MalformedPolicyError
from strongroom.domain.multi_region import spelt
from strongroom.domain.operations import Resource
from strongroom.domain.things import Grant
from strongroom.domain.times import DAY_US
from strongroom.ports.policy_engine import Holds, PolicyEngine, Question, Verdict
from strongroom.services.circumstances import (
    Attempt,
    circumstances,
    context_of,
    is_ambiguous,
    is_batch_of_ciphertexts,
    is_without_wrapping,
    message_types,
    shared_keys,
)
from strongroom.services.facts import Facts, Found, GrantFact, KeyFact, Own, PrincipalFact

_OWN_MAX: Final = 64  # principals whose rights on one key are kept parsed
_GRANT: Final = "grant:"

_ALIASES: Final = "kms:resourcealiases"
_IDLE: Final = "kms:trailingdayswithoutkeyusage"
_TYPE: Final = "kms:multiregionkeytype"
_LOOKED_UP: Final = frozenset([_ALIASES, _IDLE, _TYPE])
_OF_IDLE_KEYS: Final = ("key.disable", "key.schedule-destruction")


class Occasion(NamedTuple):
    """When what is looked up is asked about, and what the answer rests on from then on."""

    operation: str
    time_us: int
    stands_on: list[bytes]


class Weighed(NamedTuple):
    """The verdict, the facts of the grants that it rests on, and what was missing."""

    verdict: Verdict
    grants: list[bytes]
    missing: str = ""


class KeyRights:
    """Weighs keys' own rights."""

    def __init__(self, facts: Facts, engine: PolicyEngine) -> None:
        self._facts = facts
        self._engine = engine

    async def own(self, key: KeyFact, principal: PrincipalFact, occasion: Occasion) -> Own | None:
        """The key's own rights for that principal; None: it has none, for anybody."""
        if not (key.body.policy or key.body.granted):
            return None
        known = key.own.get(principal.id)
        if known is None:
            grants = await self._facts.grants(key, principal.id) if key.body.granted else []
            try:
                known = await self.parsed(key, key.body.policy, grants)
            except MalformedPolicyError:
                known = self._closed()
            if len(key.own) >= _OWN_MAX:
                key.own.clear()
            key.own[principal.id] = known
        return await self.looked_up(known, key, occasion)

    async def looked_up(self, own: Own, key: KeyFact, occasion: Occasion) -> Own:
        """The rights with what their conditions look at that is in no request and no key's row.

        Where none looks at such a thing, nothing is read.
        """
        wanted = own.looks_at & _LOOKED_UP
        if not wanted:
            return own
        aliases: tuple[str, ...] = ()
        if _ALIASES in wanted:
            aliases = await self._facts.aliases_of(key, occasion.stands_on)
        replica = None
        if _TYPE in wanted and key.body.multi_region:
            replica = await self._facts.is_replica(key, occasion.stands_on)
        idle_days = None
        if _IDLE in wanted and occasion.operation in _OF_IDLE_KEYS:
            idle_days = await self._idle_days(key, occasion.time_us)
        return own._replace(found=Found(aliases, idle_days, replica))

    async def _idle_days(self, key: KeyFact, now_us: int) -> int:
        """Whole days since it was last used, or since it is there; as far back as uses are known.

        Source: AWS KMS Developer Guide, "kms:TrailingDaysWithoutKeyUsage".
        """
        since_day = now_us // DAY_US - limits.USAGE_DAYS_MAX + 1
        used_us = await self._facts.last_used_us(key, since_day)
        known_us = max(key.body.created_us, since_day * DAY_US)
        return max(now_us - (used_us or known_us), 0) // DAY_US

    def _closed(self) -> Own:
        """For a key whose policy was another account's when it was brought here: all is denied.

        Whoever writes the namespace's policies can take it away, as after a lock-out.
        """
        forbidden = {"key-policy:of-another-account": "forbid (principal, action, resource);"}
        return Own(self._engine.parse_rights(forbidden), None, {})

    async def own_to_retire(
        self, key: KeyFact, principal: PrincipalFact, grant: str, occasion: Occasion
    ) -> Own:
        """Likewise, with what that grant says about who may end it."""
        grants = await self._facts.grants(key, principal.id)
        found = await self._facts.grant(bytes.fromhex(grant))
        texts = {}
        if found is not None and found.body.key == key.id and not found.body.ended_us:
            texts[f"{_GRANT}{grant}:retire"] = cedar.of_retiring(_retirers(found.body))
        try:
            own = await self.parsed(key, key.body.policy, grants, texts)
        except MalformedPolicyError:
            return self._closed()
        return await self.looked_up(own, key, occasion)

    async def parsed(
        self,
        key: KeyFact,
        policy: str,
        grants: list[GrantFact],
        more: dict[str, str] | None = None,
    ) -> Own:
        """What that policy and these grants mean. Raises `MalformedPolicyError`."""
        namespace = await self._facts.namespace(key.namespace)
        rights = cedar.of_policy(policy, account=namespace.account, key=spelt(key.cipher_id))
        named = {_GRANT + grant.id.hex(): grant for grant in grants}
        texts = rights.direct | {name: _text(grant.body) for name, grant in named.items()}
        texts |= more or {}
        delegated = rights.delegated
        return Own(
            self._engine.parse_rights(texts),
            None if delegated is None else self._engine.parse_rights(delegated),
            {name: grant.fact for name, grant in named.items()},
            rights.comparisons,
            rights.looks_at,
        )

    def weigh(self, own: Own, attempt: Attempt, named: Verdict) -> Weighed:
        """The judgement about all that is asked. `named` is that of the namespace's policies."""
        grants: list[bytes] = []
        policies: dict[str, None] = {}
        why_not = unclear(own, attempt)
        if why_not:
            return _no((), why_not)
        if attempt.operation in OF_ALIASES and not named.allowed:
            why = f"an alias is the namespace's, whose policies permit no {attempt.operation}"
            return _no(named.policies, why)
        for question in questions(own, attempt, _actions(attempt)):
            verdict = self.judge(own, question, named)
            if not verdict.allowed:
                return _no(verdict.policies, _why(verdict, question.action, attempt.principal.name))
            policies.update(dict.fromkeys(verdict.policies))
            # A grant can mean several policies: the engine names the further ones NAME#2 and so on.
            named_grants = dict.fromkeys(name.partition("#")[0] for name in verdict.policies)
            grants.extend(own.grants[name] for name in named_grants if name in own.grants)
        return Weighed(Verdict(allowed=True, policies=tuple(policies), holds=Holds.ONCE), grants)

    @staticmethod
    def judge(own: Own, question: Question, named: Verdict) -> Verdict:
        """The judgement about one of AWS's actions."""
        direct = own.direct.weigh(question)
        if direct.policies and not direct.allowed:  # 1
            return direct
        if named.policies and not named.allowed:
            return named
        if direct.allowed:  # 2
            return direct
        if named.allowed:  # 3
            if own.delegated is None:
                return named
            delegated = own.delegated.weigh(question)
            if delegated.allowed:
                policies = (*named.policies, *delegated.policies)
                return Verdict(
                    allowed=True, policies=tuple(dict.fromkeys(policies)), holds=Holds.ONCE
                )
        return Verdict(allowed=False, policies=(), holds=Holds.ONCE)  # 4


def _actions(attempt: Attempt) -> tuple[str, ...]:
    if attempt.reading:
        return (PREFIX + attempt.reading,)
    return asked(attempt.operation, attempt.ask, as_source=attempt.as_source)


def questions(own: Own, attempt: Attempt, actions: Iterable[str]) -> Iterator[Question]:
    """What the engine is asked about each of these actions of AWS's."""
    key, principal, namespace = attempt.key, attempt.principal, attempt.namespace
    said = circumstances(attempt, own)
    for action in actions:
        yield Question(
            principal=principal.name,
            roles=principal.body.roles,
            action=action,
            resource=Resource.KEY,
            object=key.name,
            namespace=namespace.name,
            algorithm=key.body.algorithm,
            labels=key.body.labels,
            context=context_of(attempt),
            source=attempt.source,
            time_us=attempt.time_us,
            circumstances=said,
        )


def unclear(own: Own, attempt: Attempt) -> str:
    """Why a condition of the key's policy has no one value to look at: then the answer is no."""
    if attempt.key.body.policy and is_ambiguous(context_of(attempt)):
        return "two names of the context differ by case alone"
    if "kms:messagetype" in own.looks_at and len(message_types(attempt.ask)) > 1:
        return "the key's policy looks at kms:MessageType: sign messages and digests apart"
    if "kms:reencryptonsamekey" in own.looks_at and is_batch_of_ciphertexts(attempt.ask):
        return "the key's policy looks at kms:ReEncryptOnSameKey: re-encrypt one at a time"
    if "kms:wrappingalgorithm" in own.looks_at and is_without_wrapping(attempt.ask):
        return "the key's policy looks at kms:WrappingAlgorithm: say which wrapping"
    for key in shared_keys(attempt):
        if key in own.looks_at:
            return f"the key's policy looks at {key}, which is of two labels"
    return ""


def _text(grant: Grant) -> str:
    constraints = cedar.Constraints(subset=grant.context_subset, equals=grant.context_equals)
    return cedar.of_grant(grant.grantee_name, list(grant.operations), constraints)


def _retirers(grant: Grant) -> list[str]:
    """Whom a grant lets end it."""
    by_grantee = [grant.grantee_name] if "RetireGrant" in grant.operations else []
    return [name for name in (grant.retiring, *by_grantee) if name]


def _no(policies: tuple[str, ...], missing: str) -> Weighed:
    return Weighed(Verdict(allowed=False, policies=policies, holds=Holds.ONCE), [], missing)


def _why(verdict: Verdict, action: str, name: str) -> str:
    if verdict.policies:
        return "forbidden by " + ", ".join(verdict.policies)
    return f"neither the key's policy nor a grant allows {action} to {name}"
