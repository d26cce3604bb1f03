"""Verify, activate, resynchronise, challenge, compute: the use of a credential."""

from strongroom.domain.errors import Unavailable
from strongroom.domain.otp import asks
from strongroom.services.authorize import Visit
from strongroom.services.otp.parts import Parts


class Verifying:
    """See the head of this module."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def verify(self, visit: Visit, ask: asks.Verify) -> asks.Verdict | asks.Verdicts:
        """Not built yet."""
        raise Unavailable

    async def verify_user(self, visit: Visit, ask: asks.VerifyUser) -> asks.UserVerdict:
        """Not built yet."""
        raise Unavailable

    async def activate(self, visit: Visit, ask: asks.Attempt) -> asks.Activated:
        """Not built yet."""
        raise Unavailable

    async def resync(self, visit: Visit, ask: asks.Resync) -> asks.Resynced:
        """Not built yet."""
        raise Unavailable

    async def challenge(self, visit: Visit, ask: asks.AskChallenge) -> asks.ChallengeView:
        """Not built yet."""
        raise Unavailable

    async def compute(self, visit: Visit, ask: asks.Compute) -> asks.Computed:
        """Not built yet."""
        raise Unavailable
