"""A secret is made, and handed over once.

Nobody is told a secret but whoever opens its link, or whose device it was sealed to. The link is
used up by the commit that says so, before anything is shown: of any number who open it at the same
time one is served, and after a failure perhaps none.
"""

import base64
import hmac
from collections.abc import Callable

import msgspec

from strongroom.domain import limits
from strongroom.domain.errors import (
    ChangedMeanwhile,
    Gone,
    InvalidRequest,
    KeyNotUsable,
    Unavailable,
)
from strongroom.domain.otp import asks, links, otpauth
from strongroom.domain.otp.asks import Delivery
from strongroom.domain.otp.credential import (
    ID_BYTES,
    SECRET_BYTES,
    Body,
    Secret,
    State,
    Type,
    spell,
)
from strongroom.domain.otp.profile import Profile
from strongroom.domain.times import rfc3339
from strongroom.services.authorize import Permit, Visit
from strongroom.services.books import Details
from strongroom.services.facts import NamespaceFact
from strongroom.services.otp import settings
from strongroom.services.otp.fence import fenced
from strongroom.services.otp.handover import Handed, Handover, label_of, shown
from strongroom.services.otp.parts import Change, Parts
from strongroom.services.otp.rotation import renewed, rotated, rotates_s
from strongroom.services.otp.rows import Held, pseudonym
from strongroom.services.otp.views import shown as view_of

_SECOND_US = 1_000_000
_LIVING = (State.PENDING, State.ACTIVE)

_Made = tuple[Body, Details, bool]
_Make = Callable[[Permit, Held, Profile], _Made]
"""What becomes of a credential, what is on record of that, and whether a secret is erased."""


class Enrolling:
    """See the head of this module."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._handover = Handover(parts)

    async def enrol(self, visit: Visit, ask: asks.Enrol) -> asks.Enrolled:
        """A new credential, pending until somebody shows a right code."""
        parts = self._parts
        credential_id = parts.randomness.bytes(ID_BYTES)
        permit = parts.authorizer.permit_credential(visit, spell(credential_id))
        profiles = await parts.facts.otp_profiles(permit.namespace.id)
        restores = await parts.facts.restores()
        visit.facts += (profiles.fact, restores.fact)
        profile = settings.profile_of(profiles, ask.profile)
        making = settings.making_of(profile, ask)
        bare = Body(
            type=making.type, hash=making.hash, digits=making.digits, period=making.period,
            created_s=visit.time_us // _SECOND_US, secrets=(),
            profile=settings.kept_name(ask.profile), suite=making.suite, serial=ask.serial,
            restores=restores.restores, rotates_s=rotates_s(profile, visit.time_us),
        )  # fmt: skip
        binding = parts.rows.binding(permit.namespace.id, credential_id, bare, 1)
        wrapped = permit.namespace.handle.generate_otp(SECRET_BYTES[bare.hash], binding)
        body = msgspec.structs.replace(bare, secrets=(Secret(1, wrapped),))
        handed = self._handover.newest(permit, credential_id, body, ask, profile)
        user = pseudonym(permit.namespace.handle, ask.user)
        move = parts.rows.new(
            credential_id, namespace=permit.namespace.id, user=user, state=State.PENDING,
            body=handed.body,
        )  # fmt: skip
        await parts.books.allowed(
            permit,
            {
                "type": body.type.value, "algorithm": body.hash.value, "profile": ask.profile,
                **handed.details,
            },
            version=1, moves=(move,),
        )  # fmt: skip
        held = Held(credential_id, permit.namespace.id, user, 1, State.PENDING, handed.body)
        return asks.Enrolled(
            credential=view_of(held, profile, visit.time_us), link=handed.link,
            sealed=handed.sealed,
        )  # fmt: skip

    async def rotate(self, visit: Visit, ask: asks.Handover) -> asks.Enrolled:
        """A new secret; the old one works until the new one does, or until its grace ends."""
        return await self._hand(visit, ask, self._rotated)

    async def link(self, visit: Visit, ask: asks.Handover) -> asks.Enrolled:
        """The newest secret, handed over; where it was handed over before, a new one."""
        if ask.delivery is Delivery.LATER:
            raise InvalidRequest('hand it over now: "link" or "sealed"', "$.delivery")
        return await self._hand(visit, ask, self._renewed)

    async def _hand(self, visit: Visit, ask: asks.Handover, make: _Make) -> asks.Enrolled:
        parts = self._parts
        permit = parts.authorizer.permit_credential(visit, visit.target)
        profiles = await parts.facts.otp_profiles(permit.namespace.id)
        visit.facts.append(profiles.fact)
        last: list[Handed] = []

        async def decide(held: Held) -> Change:
            if held.state not in _LIVING:
                raise KeyNotUsable(f"the credential is {held.state}")
            profile = profiles.named(held.body.profile)
            body, details, erases = make(permit, held, profile)
            handed = self._handover.newest(permit, held.id, body, ask, profile)
            last[:] = [handed]
            return Change(
                handed.body, held.state,
                {**details, **handed.details, "generation": body.newest.generation},
                erases or held.body.link is not None,
            )  # fmt: skip

        held, _ = await parts.change(permit, visit.target, decide)
        profile = profiles.named(held.body.profile)
        return asks.Enrolled(
            credential=view_of(held, profile, visit.time_us), link=last[0].link,
            sealed=last[0].sealed,
        )  # fmt: skip

    def _rotated(self, permit: Permit, held: Held, profile: Profile) -> _Made:
        if held.state is not State.ACTIVE:
            raise KeyNotUsable("the credential is pending: hand its first secret over again (link)")
        body = rotated(
            self._parts.rows, permit.namespace.handle, held.body, profile, permit.visit.time_us,
            namespace=held.namespace, credential_id=held.id,
        )  # fmt: skip
        details: Details = {"grace_ends": rfc3339(body.grace_us)} if body.grace_us else {}
        kept = {secret.generation for secret in body.secrets}
        erases = any(secret.generation not in kept for secret in held.body.secrets)
        return body, details, erases

    def _renewed(self, permit: Permit, held: Held, profile: Profile) -> _Made:
        del profile
        body = held.body
        if body.newest.proved:
            raise KeyNotUsable("the newest secret is in use; rotate the credential for a new one")
        if not body.newest.shown:
            return body, {"renewed": 0}, False
        secret = renewed(
            self._parts.rows, permit.namespace.handle, body, namespace=held.namespace,
            credential_id=held.id,
        )  # fmt: skip
        body = msgspec.structs.replace(
            body, secrets=(*body.secrets[:-1], secret), renewed_us=permit.visit.time_us
        )
        return body, {"renewed": 1}, True

    async def fetch(self, visit: Visit, ask: asks.FetchLink) -> asks.Provisioned:
        """The secret behind a link, this once. Raises `Gone` for whatever is wrong with it."""
        parts = self._parts
        named = links.parse(ask.token)
        if named is None:
            raise Gone
        async with parts.turns.of([named.credential]):
            for _ in range(limits.OTP_TURNS_MAX):
                try:
                    return await self._served(visit, ask.token, named)
                except ChangedMeanwhile:
                    continue
        raise Unavailable("this credential is being changed too often; try again")

    async def _served(self, visit: Visit, token: str, named: links.Named) -> asks.Provisioned:
        parts, name = self._parts, spell(named.credential)
        (row,) = await parts.ledger.credentials(named.namespace, [named.credential])
        if row is None:
            raise Gone
        namespace = await parts.facts.namespace(named.namespace)
        # Whatever becomes of it is on record where the credential is.
        visit.namespace, visit.object = namespace, f"otp/{name}"
        visit.facts.append(namespace.fact)
        held = parts.rows.open(row, expected=named)
        profiles, restores = (
            await parts.facts.otp_profiles(namespace.id),
            await parts.facts.restores(),
        )
        visit.facts += (profiles.fact, restores.fact)
        # A restored database may have a link again that was used up.
        body = fenced(held.body, profiles.named(held.body.profile), restores)
        link = body.link
        if (
            link is None
            or not hmac.compare_digest(link.hash, links.digest(token))
            or visit.time_us >= link.expires_us
            or held.state not in _LIVING
        ):
            raise Gone
        permit = parts.authorizer.permit_holder(visit, namespace, name)
        answer = self._provisioned(namespace, held, body, link.label)
        await parts.books.allowed(
            permit, {"generation": body.newest.generation}, version=body.newest.generation,
            moves=(parts.rows.next(held, shown(body)),), erases=True,
        )  # fmt: skip
        return answer

    def _provisioned(
        self, namespace: NamespaceFact, held: Held, body: Body, label: bytes
    ) -> asks.Provisioned:
        rows, secret = self._parts.rows, body.newest
        binding = rows.binding(held.namespace, held.id, body, secret.generation)
        material = namespace.handle.open_otp(body.hash, secret.wrapped, binding).reveal()
        account, issuer = label_of(
            namespace.handle.concealed(label, rows.label_binding(held.namespace, held.id))
        )
        account = account or spell(held.id)
        uri = ""
        if body.type is not Type.OCRA:
            uri = otpauth.spell(
                otpauth.Otpauth(
                    type=body.type, secret=material, hash=body.hash, digits=body.digits,
                    period=body.period, counter=secret.moved, account=account, issuer=issuer,
                )
            )  # fmt: skip
        return asks.Provisioned(
            uri=uri, key=base64.b32encode(material.reveal()).rstrip(b"=").decode(),
            type=body.type, algorithm=body.hash, digits=body.digits, period=body.period,
            suite=body.suite, counter=secret.moved, account=account, issuer=issuer,
            id=spell(held.id),
        )  # fmt: skip
