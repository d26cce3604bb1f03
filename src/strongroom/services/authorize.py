"""May they? The only place where a `Permit` is made."""

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final, Literal, TypeVar

import msgspec

from strongroom.domain import limits
from strongroom.domain.algorithms import Algorithm
from strongroom.domain.calls import Expected, Terms
from strongroom.domain.errors import (
    InvalidRequest,
    KeyNotUsable,
    NotAllowed,
    NotFound,
    TamperedRecord,
)
from strongroom.domain.lifecycle import state_at, why
from strongroom.domain.operations import Operation, Resource
from strongroom.domain.otp.credential import ID_PREFIX
from strongroom.domain.readings import READINGS
from strongroom.domain.records import grants_fact
from strongroom.domain.words import ALIAS_PREFIX
from strongroom.domain.words import ID_PREFIX as KEY_ID_PREFIX
from strongroom.ports.policy_engine import Holds, Question, Verdict
from strongroom.ports.store import Quota
from strongroom.services.circumstances import Attempt
from strongroom.services.facts import (
    Decision,
    Facts,
    KeyFact,
    NamespaceFact,
    Own,
    PoliciesFact,
    PrincipalFact,
    TokenFact,
)
from strongroom.services.key_rights import KeyRights, Occasion, Weighed, questions, unclear

if TYPE_CHECKING:
    from strongroom.domain.asks import Ask

_Fact = TypeVar("_Fact")

_ID_CHARACTERS: Final = len(ID_PREFIX) + 26  # of a credential
_NO_ID: Final = "-"
_WEIGHED_AT_A_TIME: Final = 5  # questions to the engine: some milliseconds
_NO_TERMS: Final = Terms()


class Bounds(msgspec.Struct, frozen=True):
    """What bounds the uses of the key of a visit, for the ledger to watch over."""

    key: bytes
    quota: Quota
    rotation_uses: int


class Visit:
    """One attempt at one call: who came from where to do what, and the facts it came to stand on.

    `epoch` is the ledger's when the attempt began. Facts read later may be newer, never older, so
    the ledger finds every change that this attempt could have missed. `key`, and `source_key` of a
    re-encryption, are those that there was a permit for; `same_key`: whether these are one.
    `region` is the one that a signature is for; empty: there is none.
    """

    __slots__ = (
        "alias", "ask", "bounds", "epoch", "facts", "key", "missing", "namespace", "object",
        "operation", "policies", "principal", "region", "request", "same_key", "source",
        "source_key", "target", "terms", "time_us", "token", "verdict",
    )  # fmt: skip

    def __init__(  # noqa: PLR0913 - the parts of a call
        self,
        operation: Operation,
        *,
        target: str,
        source: str,
        request: str,
        epoch: int,
        time_us: int,
        terms: Terms | None = None,
    ) -> None:
        self.operation = operation
        self.target = target
        self.source = source
        self.request = request
        self.epoch = epoch
        self.time_us = time_us
        self.alias = ""  # as it is spelt, if the key was asked for by one
        self.ask: Ask | None = None  # once it is decoded
        self.terms = _NO_TERMS if terms is None else terms
        self.key: KeyFact | None = None
        self.source_key: KeyFact | None = None
        self.facts: list[bytes] = []
        self.object = ""
        self.missing = ""
        self.region = ""
        self.same_key: bool | None = None
        self.verdict: Verdict | None = None
        self.bounds: Bounds | None = None
        self.namespace: NamespaceFact | None = None
        self.policies: PoliciesFact | None = None
        self.principal: PrincipalFact | None = None
        self.token: TokenFact | None = None

    @property
    def action(self) -> str:
        """What the namespace's policies are asked about: the operation, but for some readings."""
        reading = self.terms.reading
        return READINGS[reading].native if reading else self.operation.name


class Permit:
    """The proof that a principal may do an operation to an object now. Made by `Authorizer` only.

    For anonymous operations, that anybody may: there is no `principal` then.

    Made, too, for what does not exist, so that a missing key and a missing right cannot be told
    apart by someone who has no right to know; `known_key` then says that there is none.
    """

    __slots__ = ("context", "key", "own", "visit")

    def __init__(
        self,
        seal: object,
        visit: Visit,
        key: KeyFact | None,
        context: dict[str, str] | None = None,
        own: Own | None = None,
    ) -> None:
        if seal is not _SEAL:
            raise RuntimeError("only services/authorize.py makes a permit")
        self.visit = visit
        self.key = key
        self.context = context
        self.own = own  # the rights kept with the key; None: it has none

    @property
    def namespace(self) -> NamespaceFact:
        """The caller's namespace: the only one that the permit is good for."""
        if self.visit.namespace is None:
            raise RuntimeError("a permit without a namespace")
        return self.visit.namespace

    @property
    def principal(self) -> PrincipalFact:
        """Who was permitted."""
        if self.visit.principal is None:
            raise RuntimeError("a permit without a principal")
        return self.visit.principal

    def known_key(self) -> KeyFact:
        """The key that the permit is about. Raises `NotFound` when there is none."""
        if self.key is None:
            raise NotFound
        return self.key


_SEAL = object()


class Authorizer:
    """Weighs what a visitor may do, who has been authenticated by then (`authenticate.py`)."""

    def __init__(
        self,
        facts: Facts,
        key_rights: KeyRights,
        *,
        tls: bool = False,
    ) -> None:
        self._facts = facts
        self._key_rights = key_rights
        self.tls = tls

    async def permit_key(
        self, visit: Visit, name: str, context: dict[str, str], *, as_source: bool = False
    ) -> Permit:
        """For an operation on the key of that name, or alias, in the visitor's namespace.

        `as_source`: it is the one that a ciphertext is of, which becomes another's.
        """
        key, name = await self._named_key(visit, name)
        own = None if key is None else await self._own(visit, key)
        return self._permit_key(visit, key, name, context, own, as_source=as_source)

    async def note_source(self, visit: Visit, name: str, key_id: bytes) -> None:
        """Note whether the key of that name, or else of that id, is the one that is addressed.

        Conditions of both look at that, so it must be known before the first of them is weighed.
        Nobody is told.
        """
        told = visit.object, visit.alias
        target, _ = await self._named_key(visit, visit.target)
        if name:
            source, _ = await self._named_key(visit, name)
        else:
            source = await self._facts.key_in(_known(visit.namespace), key_id, visit.facts)
        visit.object, visit.alias = told
        visit.same_key = source is not None and target is not None and source.id == target.id

    async def permit_despite_policy(self, visit: Visit, name: str) -> Permit:
        """For what a key's own policy denies, by whoever writes the namespace's policies, too."""
        key, name = await self._named_key(visit, name)
        permit = self._permit_key(visit, key, name, {}, None)
        return self.also_here(permit, Resource.POLICY, "policy.write")

    async def permit_retiring(self, visit: Visit, name: str, grant: str) -> Permit:
        """For ending that grant of a key, which says itself who may."""
        key, name = await self._named_key(visit, name)
        own = None
        if key is not None:
            own = await self._key_rights.own_to_retire(
                key, _known(visit.principal), grant, _occasion(visit)
            )
        return self._permit_key(visit, key, name, {}, own)

    async def _own(self, visit: Visit, key: KeyFact) -> Own | None:
        return await self._key_rights.own(key, _known(visit.principal), _occasion(visit))

    async def _named_key(self, visit: Visit, name: str) -> tuple[KeyFact | None, str]:
        """The key that is called so, if there is one, and its name."""
        namespace = _known(visit.namespace)
        visit.object = f"key/{name}"
        try:
            if name.startswith(ALIAS_PREFIX):
                key = await self._aliased(visit, namespace, name.removeprefix(ALIAS_PREFIX))
                name = key.name
                visit.object = key.object
            elif name.startswith(KEY_ID_PREFIX):
                key = await self._identified(visit, namespace, name.removeprefix(KEY_ID_PREFIX))
                name = key.name
                visit.object = key.object
            else:
                key = await self._facts.key_named(namespace.id, name)
        except NotFound:
            key = None
        return key, name

    async def _identified(self, visit: Visit, namespace: NamespaceFact, key_id: str) -> KeyFact:
        key = await self._facts.key_in(namespace, bytes.fromhex(key_id), visit.facts)
        if key is None:
            raise NotFound
        return key

    async def _aliased(self, visit: Visit, namespace: NamespaceFact, name: str) -> KeyFact:
        alias = await self._facts.alias_named(namespace.id, name)
        visit.facts.append(alias.fact)
        visit.alias = alias.body.spelt or alias.name
        key = await self._facts.key(alias.body.key)
        if key is None or key.namespace != namespace.id:
            raise TamperedRecord
        return key

    def permit_new_key(
        self,
        visit: Visit,
        name: str,
        algorithm: Algorithm,
        labels: dict[str, str],
        *,
        with_policy: bool = False,
    ) -> Permit:
        """For making a key: weighed as the key that it will be, so that policies on labels hold.

        `with_policy`: it has a policy of its own from the beginning, which takes a right more.
        """
        visit.object = f"key/{name}"
        for action in ("", "key.write-policy") if with_policy else ("",):
            question = self.question(
                visit, Resource.KEY, name, algorithm=algorithm, labels=labels, action=action
            )
            self._judge(visit, self._weigh(visit, question))
        return Permit(_SEAL, visit, None)

    async def permit_key_of_blob(
        self, visit: Visit, key_id: bytes, context: dict[str, str], *, as_source: bool = False
    ) -> Permit:
        """For an operation on the key that a ciphertext names.

        A key of another namespace is no key. It is weighed as a key without name and labels.
        """
        namespace = _known(visit.namespace)
        key = await self._facts.key_in(namespace, key_id, visit.facts)
        name = "" if key is None else key.name
        visit.object = f"key/{name}"
        own = None if key is None else await self._own(visit, key)
        return self._permit_key(visit, key, name, context, own, as_source=as_source)

    async def elsewhere(self, visit: Visit, operation: Operation, region: str) -> Visit | None:
        """The same visitor's attempt at an operation in another Region of the account.

        None: no namespace stands for it. Raises `NotAllowed` when the visitor has no namesake
        there, or one that is disabled. Both visits stand on the same facts.
        """
        there = await self._facts.region(_known(visit.namespace), region, visit.facts)
        if there is None:
            return None
        namesake = await self._facts.namesake(there.id, _known(visit.principal).name)
        if namesake is not None:
            visit.facts.append(namesake.fact)
        if namesake is None or namesake.body.disabled:
            visit.missing = f"there is no such principal in {there.name}, or it is disabled"
            raise NotAllowed
        other = Visit(
            operation, target="", source=visit.source, request=visit.request, epoch=visit.epoch,
            time_us=visit.time_us, terms=visit.terms,
        )  # fmt: skip
        other.facts, other.ask = visit.facts, visit.ask
        other.namespace, other.principal, other.token = there, namesake, visit.token
        other.policies = await self._facts.policies(there.id)
        visit.facts.append(other.policies.fact)
        return other

    def _permit_key(  # noqa: PLR0913 - what there is to weigh
        self,
        visit: Visit,
        key: KeyFact | None,
        name: str,
        context: dict[str, str],
        own: Own | None,
        *,
        as_source: bool = False,
    ) -> Permit:
        if key is not None:
            visit.facts.append(key.fact)
        verdict = self._reuse(visit, key)
        if verdict is None:
            question = self.question(
                visit,
                Resource.KEY,
                name,
                algorithm="" if key is None else key.body.algorithm,
                labels=None if key is None else key.body.labels,
                context=context,
            )
            verdict = self._weigh(visit, question)
            self._keep(visit, key, verdict)
        if key is not None and own is not None:
            verdict = self._weigh_own(visit, key, own, context, verdict, as_source=as_source)
        self._judge(visit, verdict)
        # Only now, for who has no right is told nothing of the key.
        if as_source:
            visit.source_key, expected = key, visit.terms.source
        else:
            visit.key, expected = key, visit.terms.key
        if expected is not None and key is not None:
            _require(key, expected, visit.time_us)
        return Permit(_SEAL, visit, key, context, own)

    def _weigh_own(  # noqa: PLR0913 - as above
        self,
        visit: Visit,
        key: KeyFact,
        own: Own,
        context: dict[str, str],
        named: Verdict,
        *,
        as_source: bool,
    ) -> Verdict:
        """The judgement, with the rights that are kept with the key."""
        attempt = self._attempt(visit, key, context, as_source=as_source)
        weighed = self._key_rights.weigh(own, attempt, named)
        visit.facts += _rests_on(weighed, key)
        visit.missing = weighed.missing[: limits.DESCRIPTION_CHARACTERS_MAX]
        return weighed.verdict

    def supposed(
        self, permit: Permit, key: KeyFact, own: Own, actions: Iterable[str]
    ) -> dict[str, bool]:
        """Which of these the caller might do to the key, if these were its own rights."""
        visit = permit.visit
        question = self.question(
            visit, Resource.KEY, key.name, action="key.write-policy",
            algorithm=key.body.algorithm, labels=key.body.labels,
        )  # fmt: skip
        named = _known(visit.policies).policies.weigh(question)
        attempt = self._attempt(visit, key, {}, as_source=False)
        if unclear(own, attempt):
            return dict.fromkeys(actions, False)
        return {
            question.action: self._key_rights.judge(own, question, named).allowed
            for question in questions(own, attempt, actions)
        }

    def _attempt(
        self, visit: Visit, key: KeyFact, context: dict[str, str], *, as_source: bool
    ) -> Attempt:
        return Attempt(
            _known(visit.namespace), _known(visit.principal), key, visit.operation.name, visit.ask,
            visit.alias, context, visit.source, visit.time_us, as_source,
            visit.region, visit.terms.reading, dict(visit.terms.told), visit.same_key,
            self.tls,
        )  # fmt: skip

    def also_here(self, permit: Permit, resource: Resource, action: str, name: str = "") -> Permit:
        """The permit, if there is that right besides. Raises `NotAllowed`."""
        visit = permit.visit
        before = _known(visit.verdict)
        verdict = self._weigh(visit, self.question(visit, resource, name, action=action))
        self._judge(visit, verdict)
        visit.verdict = _both(before, verdict)
        return permit

    def also(self, permit: Permit, action: str) -> None:
        """A further right on the permit's key. Raises `NotAllowed` without it."""
        visit, key = permit.visit, permit.known_key()
        question = self.question(
            visit, Resource.KEY, key.name, action=action, algorithm=key.body.algorithm,
            labels=key.body.labels, context=permit.context,
        )  # fmt: skip
        before, verdict = _known(visit.verdict), self._weigh(visit, question)
        if permit.own is not None:
            attempt = self._attempt(visit, key, permit.context or {}, as_source=False)
            attempt = attempt._replace(operation=action, ask=None, reading="", told={})
            weighed = self._key_rights.weigh(permit.own, attempt, verdict)
            visit.facts += _rests_on(weighed, key)
            if verdict.allowed or weighed.verdict.policies:
                visit.missing = weighed.missing  # else, what would do is in the namespace
            verdict = weighed.verdict
        self._judge(visit, verdict)
        visit.verdict = _both(before, verdict)

    def may_also(self, permit: Permit, action: str) -> bool:
        """Whether there is a further right on the permit's namespace: with it, more is answered.

        What it rests on is in the entry then; else what was missing is.
        """
        visit, name = permit.visit, permit.namespace.name
        before = _known(visit.verdict)
        verdict = self._weigh(visit, self.question(visit, Resource.NAMESPACE, name, action=action))
        if verdict.allowed:
            visit.verdict = _both(before, verdict)
        return verdict.allowed

    def permit(self, visit: Visit, resource: Resource, name: str = "") -> Permit:
        """For an operation on anything else, by its name; of namespaces, there is only the own."""
        if resource is Resource.NAMESPACE:
            name = _known(visit.namespace).name
        visit.object = f"{resource.lower()}/{name}"
        self._judge(visit, self._weigh(visit, self.question(visit, resource, name)))
        return Permit(_SEAL, visit, None)

    def permit_credential(self, visit: Visit, name: str) -> Permit:
        """For an operation on the credential of that id.

        Whether there is one plays no part: who may verify is answered the same for what is not
        there. Decided anew only where a policy looks at the credential or at the circumstances.
        What is no id is on record as such: it may be a code that somebody put in the wrong place.
        """
        if name and not (name.startswith(ID_PREFIX) and len(name) == _ID_CHARACTERS):
            name = _NO_ID
        visit.object = f"otp/{name}"
        verdict = self._reuse(visit, None)
        if verdict is None:
            verdict = self._weigh(visit, self.question(visit, Resource.CREDENTIAL, name))
            self._keep(visit, None, verdict)
        self._judge(visit, verdict)
        return Permit(_SEAL, visit, None)

    async def permit_credentials(self, visit: Visit, names: Iterable[str]) -> Permit:
        """For an operation on all credentials that a batch names: on each of them, or on none.

        Where a policy looks at the credential, each is asked about: what is forbidden for one is
        not to be had in a batch.
        """
        permit = self.permit_credential(visit, "")
        if not _known(visit.policies).policies.looks_at_objects(visit.operation.name):
            return permit
        common, verdict = visit.object, _known(visit.verdict)
        policies = dict.fromkeys(verdict.policies)
        for number, name in enumerate(dict.fromkeys(names)):
            if number % _WEIGHED_AT_A_TIME == _WEIGHED_AT_A_TIME - 1:
                await asyncio.sleep(0)  # others' calls go on
            visit.object = f"otp/{name}"  # on record, if this is the one that it fails for
            verdict = self._weigh(visit, self.question(visit, Resource.CREDENTIAL, name))
            self._judge(visit, verdict)
            policies.update(dict.fromkeys(verdict.policies))
        visit.object = common
        visit.verdict = msgspec.structs.replace(verdict, policies=tuple(policies))
        return permit

    def permit_holder(self, visit: Visit, namespace: NamespaceFact, name: str) -> Permit:
        """For who shows the one-time token of the credential's link: nothing else is asked of them.

        The service has compared the token by then.
        """
        if not visit.operation.anonymous:
            raise RuntimeError("a link opens what is for anybody who has it, and nothing else")
        visit.namespace = namespace
        visit.facts.append(namespace.fact)
        visit.object = f"otp/{name}"
        return Permit(_SEAL, visit, None)

    def may(self, permit: Permit, action: str) -> bool:
        """Whether the caller has a further right in the namespace. Nothing of it is in the entry.

        Weighed once for as long as principal and policies stay as they are, where the policies
        allow that; a refusal, too.
        """
        visit = permit.visit
        principal, policies = permit.principal, _known(visit.policies)
        name = principal.id, principal.revision, policies.revision, action
        verdict = policies.decisions.get(name)
        if verdict is None:
            question = self.question(
                visit, Resource.NAMESPACE, permit.namespace.name, action=action
            )
            verdict = policies.policies.weigh(question)
            if verdict.holds is not Holds.ONCE:
                if len(policies.decisions) >= limits.CACHED_PRINCIPALS_MAX:
                    policies.decisions.clear()
                policies.decisions[name] = verdict
        return verdict.allowed

    def permit_anybody(self, visit: Visit, namespace: NamespaceFact) -> Permit:
        """For reading what that namespace publishes, without proof of anything.

        Raises `NotFound` where it publishes nothing: to strangers there is no such namespace.
        """
        visit.namespace = namespace
        visit.facts.append(namespace.fact)
        if not (visit.operation.anonymous and namespace.body.publishes_keys):
            raise NotFound
        return Permit(_SEAL, visit, None)

    def question(  # noqa: PLR0913 - what a question is made of
        self,
        visit: Visit,
        resource: Resource,
        name: str,
        *,
        algorithm: Algorithm | Literal[""] = "",
        labels: dict[str, str] | None = None,
        context: dict[str, str] | None = None,
        action: str = "",
    ) -> Question:
        """What the engine is asked about this visit."""
        principal = _known(visit.principal)
        return Question(
            principal=principal.name,
            roles=principal.body.roles,
            action=action or visit.action,
            resource=resource,
            object=name,
            namespace=_known(visit.namespace).name,
            algorithm=algorithm,
            labels=labels or {},
            context=context or {},
            source=visit.source,
            time_us=visit.time_us,
        )

    def _weigh(self, visit: Visit, question: Question) -> Verdict:
        policies = _known(visit.policies).policies
        verdict = policies.weigh(question)
        if not verdict.allowed:
            visit.missing = policies.missing(question)[: limits.DESCRIPTION_CHARACTERS_MAX]
        return verdict

    def _judge(self, visit: Visit, verdict: Verdict) -> None:
        visit.verdict = verdict
        if not verdict.allowed:
            raise NotAllowed

    def _reuse(self, visit: Visit, key: KeyFact | None) -> Verdict | None:
        name = _decision(visit)
        known = _known(visit.policies).decisions.get(name)
        return known if known is not None or key is None else key.decisions.get(name)

    def _keep(self, visit: Visit, key: KeyFact | None, verdict: Verdict) -> None:
        # A refusal is weighed anew each time: what is missing belongs in its entry.
        if not verdict.allowed:
            return
        if verdict.holds is Holds.FOR_THE_ACTION:
            decisions, most = _known(visit.policies).decisions, limits.CACHED_PRINCIPALS_MAX
        elif verdict.holds is Holds.FOR_THE_OBJECT and key is not None:
            decisions, most = key.decisions, limits.CACHED_DECISIONS_PER_KEY_MAX
        else:
            return
        if len(decisions) >= most:
            decisions.clear()
        decisions[_decision(visit)] = verdict


def _require(key: KeyFact, expected: Expected, now_us: int) -> None:
    body = key.body
    if body.algorithm not in expected.algorithms or body.purpose not in expected.purposes:
        raise InvalidRequest(
            f"the key is for {body.purpose} ({body.algorithm}), which is not what was expected"
        )
    if body.origin not in expected.origins:
        raise InvalidRequest(f"the key is {body.origin}, which is not what was expected")
    if state_at(body, now_us) in expected.not_in:
        raise KeyNotUsable(f"the key {why(body, now_us)}; its state does not allow this")


def _rests_on(weighed: Weighed, key: KeyFact) -> list[bytes]:
    """The grants that allow it; that there is no other, where none does."""
    return weighed.grants if weighed.verdict.allowed else [grants_fact(key.id)]


def _both(before: Verdict, verdict: Verdict) -> Verdict:
    """The later verdict, resting on what the earlier one rests on, too."""
    policies = tuple(dict.fromkeys((*before.policies, *verdict.policies)))
    return msgspec.structs.replace(verdict, policies=policies)


def _decision(visit: Visit) -> Decision:
    principal = _known(visit.principal)
    return principal.id, principal.revision, _known(visit.policies).revision, visit.action


def _occasion(visit: Visit) -> Occasion:
    return Occasion(visit.operation.name, visit.time_us, visit.facts)


def _known(fact: _Fact | None) -> _Fact:
    if fact is None:
        raise RuntimeError("a visitor is authorized before being authenticated")
    return fact
