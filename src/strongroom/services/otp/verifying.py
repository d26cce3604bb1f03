"""Verify, activate, resynchronise, challenge, compute: the use of a credential.

To who may only verify, everything that is not right is the same: a wrong code, a code that was
used, a credential that is suspended, locked or not there. Reasons are on record, and in the answer
for those with a right to them.
"""

from msgspec import UNSET

from strongroom.domain.errors import InvalidRequest, KeyNotUsable
from strongroom.domain.operations import Resource
from strongroom.domain.otp import asks
from strongroom.domain.otp.credential import State
from strongroom.services.authorize import Permit, Visit
from strongroom.services.books import Details
from strongroom.services.otp import batches, challenges, users
from strongroom.services.otp.attempts import Aim, Weighed
from strongroom.services.otp.ocra import digest_of
from strongroom.services.otp.parts import Parts
from strongroom.services.otp.rows import Held
from strongroom.services.otp.scales import Found, Scales, Settled, id_of
from strongroom.services.otp.verdicts import on_record, told


class Verifying:
    """See the head of this module."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def verify(self, visit: Visit, ask: asks.VerifyCode) -> asks.Verdict | asks.Verdicts:
        """Whether a code is right, which is used up then; or each of a batch."""
        if (ask.items is UNSET) is not bool(visit.target):
            raise InvalidRequest("a credential's own path takes a code, the common one takes items")
        authorizer = self._parts.authorizer
        if ask.items is not UNSET:
            permit = await authorizer.permit_credentials(visit, [item.id for item in ask.items])
            scales = await Scales.of(self._parts, permit)
            return await batches.verify(self._parts, permit, scales, ask.items)
        permit = authorizer.permit_credential(visit, visit.target)
        scales = await Scales.of(self._parts, permit)
        # The ask has one or the other.
        attempt = asks.Attempt(
            code="" if ask.code is UNSET else ask.code, challenge=ask.challenge,
            transaction=ask.transaction, session=ask.session, pin=ask.pin,
        )  # fmt: skip
        weighed = await self._attempt(permit, scales, attempt, Aim.VERIFY)
        return asks.Verdict(valid=weighed.right, reason=told(self._parts, permit, weighed))

    async def verify_user(self, visit: Visit, ask: asks.VerifyUser) -> asks.UserVerdict:
        """Whether a code is right for any active credential of a user."""
        permit = self._parts.authorizer.permit(visit, Resource.NAMESPACE)
        scales = await Scales.of(self._parts, permit)
        return await users.verify(self._parts, permit, scales, ask)

    async def activate(self, visit: Visit, ask: asks.Attempt) -> asks.Activated:
        """Take the first right code of a new secret: the credential is active from then on.

        Raises `KeyNotUsable` where no secret waits for its proof: this is no way to verify codes.
        """
        permit = self._parts.authorizer.permit_credential(visit, visit.target)
        scales = await Scales.of(self._parts, permit)
        weighed = await self._attempt(permit, scales, ask, Aim.ACTIVATE)
        return asks.Activated(active=weighed.right, reason=told(self._parts, permit, weighed))

    async def resync(self, visit: Visit, ask: asks.Resync) -> asks.Resynced:
        """Find a counter or a clock again by two codes in a row."""
        permit = self._parts.authorizer.permit_credential(visit, visit.target)
        scales = await Scales.of(self._parts, permit)

        async def decide(found: Found) -> tuple[Settled, Weighed]:
            ((credential_id, held),) = found.items()
            weighed = scales.resync(held, ask.first, ask.second)
            return _settled(scales, credential_id, held, weighed, {}), weighed

        weighed = await scales.settle([id_of(visit.target)], decide)
        return asks.Resynced(resynced=weighed.right, reason=told(self._parts, permit, weighed))

    async def challenge(self, visit: Visit, ask: asks.AskChallenge) -> asks.ChallengeView:
        """Ask a question that is answered once."""
        permit = self._parts.authorizer.permit_credential(visit, visit.target)
        scales = await Scales.of(self._parts, permit)
        return await challenges.ask(self._parts, permit, scales, ask)

    async def compute(self, visit: Visit, ask: asks.Compute) -> asks.Computed:
        """The code of now."""
        permit = self._parts.authorizer.permit_credential(visit, visit.target)
        scales = await Scales.of(self._parts, permit)
        return await challenges.compute(self._parts, permit, scales, ask)

    async def _attempt(
        self, permit: Permit, scales: Scales, attempt: asks.Attempt, aim: Aim
    ) -> Weighed:
        transaction = digest_of(permit.namespace.handle, attempt.transaction)
        details: Details = {"challenge": attempt.challenge} if attempt.challenge else {}

        async def decide(found: Found) -> tuple[Settled, Weighed]:
            ((credential_id, held),) = found.items()
            if aim is Aim.ACTIVATE:
                _waiting(held)
            weighed = scales.attempt(held, attempt, transaction=transaction, aim=aim)
            return _settled(scales, credential_id, held, weighed, details), weighed

        return await scales.settle([id_of(permit.visit.target)], decide)


def _settled(
    scales: Scales, credential_id: bytes, held: Held | None, weighed: Weighed, details: Details
) -> Settled:
    move = scales.move(credential_id, held, weighed)
    return Settled((move,), on_record(weighed) | details, weighed.erases)


def _waiting(held: Held | None) -> None:
    if held is not None and held.state is State.ACTIVE and held.body.newest.proved:
        raise KeyNotUsable("the credential is active, and no new secret waits for its proof")
