"""What becomes of a credential: suspended, resumed, unlocked, revoked, destroyed."""

from strongroom.domain.asks import Nothing
from strongroom.domain.errors import Unavailable
from strongroom.domain.otp import asks
from strongroom.services.authorize import Visit
from strongroom.services.otp.parts import Parts


class CredentialLife:
    """See the head of this module."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def suspend(self, visit: Visit, ask: Nothing) -> asks.CredentialView:
        """Not built yet."""
        raise Unavailable

    async def resume(self, visit: Visit, ask: Nothing) -> asks.CredentialView:
        """Not built yet."""
        raise Unavailable

    async def unlock(self, visit: Visit, ask: Nothing) -> asks.CredentialView:
        """Not built yet."""
        raise Unavailable

    async def revoke(self, visit: Visit, ask: Nothing) -> asks.Ended:
        """Not built yet."""
        raise Unavailable

    async def destroy(self, visit: Visit, ask: Nothing) -> asks.Ended:
        """Not built yet."""
        raise Unavailable
