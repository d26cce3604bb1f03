"""A key's policy, in AWS's words: read, and written so that nobody locks themselves out."""

import hashlib

import msgspec

from strongroom.domain import asks, roles
from strongroom.domain.errors import InvalidRequest, NotAllowed, NotFound
from strongroom.domain.iam import asks as iam
from strongroom.domain.iam import document
from strongroom.domain.iam.actions import ACTIONS, PUT_POLICY
from strongroom.domain.iam.errors import MalformedPolicyError
from strongroom.domain.multi_region import spelt
from strongroom.services.authorize import Authorizer, Permit, Visit
from strongroom.services.books import Books, Details
from strongroom.services.facts import Facts, KeyFact
from strongroom.services.key_rights import KeyRights, Occasion
from strongroom.services.rows import key_row

_POINTER = "$.policy"


class KeyPolicies:
    """Reads and writes them."""

    def __init__(
        self, *, facts: Facts, authorizer: Authorizer, books: Books, key_rights: KeyRights
    ) -> None:
        self._facts = facts
        self._authorizer = authorizer
        self._books = books
        self._key_rights = key_rights

    async def read(self, visit: Visit, ask: asks.Nothing) -> iam.KeyPolicyView:
        """The policy; empty: the default."""
        del ask
        permit = await self._authorizer.permit_key(visit, visit.target, {})
        key = permit.known_key()
        await self._books.allowed(permit)
        if visit.terms.reading:
            return iam.KeyPolicyView("", "")  # that there is one is all that it shows
        return iam.KeyPolicyView(key.name, key.body.policy)

    async def write(self, visit: Visit, ask: iam.WriteKeyPolicy) -> iam.KeyPolicyView:
        """Another policy, in force when this returns."""
        permit = await self._permit(visit, ask)
        key = permit.known_key()
        await self.check(permit, key, ask.policy, bypass=ask.bypass_lockout_check)
        body = msgspec.structs.replace(key.body, policy=ask.policy)
        write = key_row(self._facts.sealing, key, body, visit.request)
        details: Details = {
            "policy": hashlib.sha256(ask.policy.encode()).hexdigest() if ask.policy else "default",
            "bypass": int(ask.bypass_lockout_check),
        }
        await self._books.allowed(permit, details, writes=(write,))
        return iam.KeyPolicyView(key.name, ask.policy)

    async def _permit(self, visit: Visit, ask: iam.WriteKeyPolicy) -> Permit:
        try:
            return await self._authorizer.permit_key(visit, visit.target, {})
        except NotAllowed:
            if ask.policy:
                raise
            # The way out for who was locked out: whoever writes the namespace's policies may take
            # a key's away.
            return await self._authorizer.permit_despite_policy(visit, visit.target)

    async def check(self, permit: Permit, key: KeyFact, policy: str, *, bypass: bool) -> None:
        """Whether `key` can have that policy. Raises `InvalidRequest`.

        It must be understood, name only who is there, and leave the caller the right to change it.
        """
        if not policy:
            return
        try:
            own = await self._key_rights.parsed(key, policy, [])
            visit = permit.visit
            occasion = Occasion(visit.operation.name, visit.time_us, visit.facts)
            own = await self._key_rights.looked_up(own, key, occasion)
            statements = document.read(
                policy, account=permit.namespace.account, key=spelt(key.cipher_id)
            )
        except MalformedPolicyError as error:
            raise InvalidRequest(str(error), _POINTER) from None
        except RuntimeError:
            raise InvalidRequest("the policy is nested too deeply", _POINTER) from None
        await self._known(key.namespace, statements)
        try:
            might = self._authorizer.supposed(permit, key, own, ACTIONS)
        except (ValueError, RuntimeError):  # RecursionError is one of the latter
            raise InvalidRequest("the policy is nested too deeply", _POINTER) from None
        if not (bypass or might[PUT_POLICY]):
            raise InvalidRequest(
                "The new key policy will not allow you to update the key policy in the future.",
                _POINTER,
            )

    async def _known(self, namespace: bytes, statements: tuple[document.Statement, ...]) -> None:
        named = [one.principals for one in statements]
        for role in {role for one in named for role in one.roles}:
            if role not in roles.ROLES:
                raise _nobody(f"role/{role}")
        for user in {user for one in named for user in one.users}:
            try:
                await self._facts.principal_named(namespace, user)
            except NotFound:
                raise _nobody(f"user/{user}") from None


def _nobody(name: str) -> InvalidRequest:
    return InvalidRequest(
        f"Policy contains a statement with one or more invalid principals: {name}", _POINTER
    )
