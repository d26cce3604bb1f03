"""Policies: read, write, delete; ask what they would decide; look up what they decided."""

import hashlib

from msgspec import UNSET

from strongroom.domain import asks, limits
from strongroom.domain.errors import InvalidRequest, NotFound
from strongroom.domain.operations import OPERATIONS, Resource
from strongroom.domain.records import Kind
from strongroom.domain.things import Policies
from strongroom.domain.words import is_name
from strongroom.ports.policy_engine import PolicyEngine, Question
from strongroom.services.authorize import Authorizer, Permit, Visit
from strongroom.services.books import Books, Details, change
from strongroom.services.circumstances import Attempt
from strongroom.services.facts import Facts, PoliciesFact
from strongroom.services.key_rights import KeyRights, Occasion


class Rules:
    """The namespace's policies."""

    def __init__(
        self,
        *,
        facts: Facts,
        authorizer: Authorizer,
        books: Books,
        engine: PolicyEngine,
        key_rights: KeyRights,
    ) -> None:
        self._facts = facts
        self._authorizer = authorizer
        self._books = books
        self._engine = engine
        self._key_rights = key_rights

    async def list(self, visit: Visit, ask: asks.Nothing) -> asks.PolicyList:
        """All of them, and the schema they are written in."""
        del ask
        permit = self._authorizer.permit(visit, Resource.NAMESPACE)
        body = _policies(visit).body
        views = [
            asks.PolicyView(name, text, body.revisions[name])
            for name, text in sorted(body.texts.items())
        ]
        await self._books.allowed(permit, {"count": len(views)})
        return asks.PolicyList(views, self._engine.schema)

    async def read(self, visit: Visit, ask: asks.Nothing) -> asks.PolicyView:
        """One policy."""
        del ask
        permit = self._authorizer.permit(visit, Resource.POLICY, visit.target)
        body = _policies(visit).body
        if visit.target not in body.texts:
            raise NotFound
        await self._books.allowed(permit)
        return asks.PolicyView(visit.target, body.texts[visit.target], body.revisions[visit.target])

    async def write(self, visit: Visit, ask: asks.WritePolicy) -> asks.PolicyView:
        """A new or another text. Holds at once and everywhere."""
        permit = self._authorizer.permit(visit, Resource.POLICY, visit.target)
        if not is_name(visit.target):  # the one name that comes as a target and is new
            raise InvalidRequest(
                "a policy's name is 1 to 63 of a-z, 0-9, '.', '_', '-';"
                " a letter or digit at both ends"
            )
        self._engine.validate(visit.target, ask.text)
        body = _policies(visit).body
        if visit.target not in body.texts and len(body.texts) >= limits.POLICIES_MAX:
            raise InvalidRequest(f"a namespace has at most {limits.POLICIES_MAX} policies")
        revision = _policies(visit).revision + 1
        changed = Policies(
            {**body.texts, visit.target: ask.text}, {**body.revisions, visit.target: revision}
        )
        digest = hashlib.sha256(ask.text.encode()).hexdigest()
        await self._keep(permit, changed, {"digest": digest})
        return asks.PolicyView(visit.target, ask.text, revision)

    async def delete(self, visit: Visit, ask: asks.Nothing) -> asks.Done:
        """Take a policy away."""
        del ask
        permit = self._authorizer.permit(visit, Resource.POLICY, visit.target)
        body = _policies(visit).body
        if visit.target not in body.texts:
            raise NotFound
        texts, revisions = dict(body.texts), dict(body.revisions)
        del texts[visit.target], revisions[visit.target]
        await self._keep(permit, Policies(texts, revisions), {})
        return asks.Done()

    async def _keep(self, permit: Permit, body: Policies, details: Details) -> None:
        fact = _policies(permit.visit)
        record = self._facts.sealing.seal(
            Kind.POLICIES,
            permit.namespace.id,
            body,
            namespace=permit.namespace.id,
            revision=fact.revision + 1,
            request=permit.visit.request,
        )
        await self._books.allowed(permit, details, writes=(change(record),))

    async def explain(self, visit: Visit, ask: asks.Explain) -> asks.Explanation:
        """What the policies would decide of a principal, an action and, if given, a key."""
        permit = self._authorizer.permit(visit, Resource.NAMESPACE)
        operation = OPERATIONS.get(ask.action)
        if operation is None:
            raise InvalidRequest("there is no such action; the schema lists them", "$.action")
        fact = await self._facts.principal_named(permit.namespace.id, ask.principal)
        key, name = None, "" if ask.key is UNSET else ask.key
        about_all = operation.resource is Resource.NAMESPACE
        if ask.key is not UNSET:
            try:
                key = await self._facts.key_named(permit.namespace.id, ask.key)
            except NotFound:
                key = None  # weighed like at the real call: as a key without labels
        question = Question(
            principal=fact.name,
            roles=fact.body.roles,
            action=ask.action,
            resource=operation.resource,
            object=permit.namespace.name if about_all else name,
            namespace=permit.namespace.name,
            algorithm="" if key is None else key.body.algorithm,
            labels={} if key is None else key.body.labels,
            context=ask.context,
            time_us=visit.time_us,
        )
        policies = _policies(visit).policies
        verdict = policies.weigh(question)
        missing = "" if verdict.allowed else policies.missing(question)
        occasion = Occasion(ask.action, visit.time_us, visit.facts)
        own = None if key is None else await self._key_rights.own(key, fact, occasion)
        if key is not None and own is not None and not about_all:
            attempt = Attempt(
                permit.namespace, fact, key, ask.action, None, "", ask.context, "", visit.time_us,
                tls=self._authorizer.tls,
            )  # fmt: skip
            verdict, _, missing = self._key_rights.weigh(own, attempt, verdict)
        await self._books.allowed(
            permit,
            {
                "principal": ask.principal, "asked": ask.action, "key": name,
                "allowed": int(verdict.allowed),
            },
        )  # fmt: skip
        return asks.Explanation(
            verdict.allowed,
            list(verdict.policies),
            missing,
        )


def _policies(visit: Visit) -> PoliciesFact:
    if visit.policies is None:
        raise RuntimeError("a visitor without policies")
    return visit.policies
