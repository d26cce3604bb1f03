"""Credentials are described and listed."""

from strongroom.domain.asks import Nothing
from strongroom.domain.errors import Unavailable
from strongroom.domain.otp import asks
from strongroom.services.authorize import Visit
from strongroom.services.otp.parts import Parts


class Lists:
    """See the head of this module."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def read(self, visit: Visit, ask: Nothing) -> asks.CredentialView:
        """Not built yet."""
        raise Unavailable

    async def list(self, visit: Visit, ask: asks.ListCredentials) -> asks.CredentialPage:
        """Not built yet."""
        raise Unavailable
