"""A namespace's OTP profiles: listed, written, deleted."""

from strongroom.domain.asks import Done, Nothing
from strongroom.domain.errors import Unavailable
from strongroom.domain.otp import asks
from strongroom.services.authorize import Visit
from strongroom.services.otp.parts import Parts


class OTPProfiles:
    """See the head of this module."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def list(self, visit: Visit, ask: Nothing) -> asks.OTPProfileList:
        """Not built yet."""
        raise Unavailable

    async def write(self, visit: Visit, ask: asks.WriteProfile) -> asks.OTPProfileView:
        """Not built yet."""
        raise Unavailable

    async def delete(self, visit: Visit, ask: Nothing) -> Done:
        """Not built yet."""
        raise Unavailable
