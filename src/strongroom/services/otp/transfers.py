"""Secrets come in from elsewhere, and go out sealed."""

from strongroom.domain.errors import Unavailable
from strongroom.domain.otp import asks
from strongroom.services.authorize import Visit
from strongroom.services.otp.parts import Parts


class CredentialTransfers:
    """See the head of this module."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def import_credentials(
        self, visit: Visit, ask: asks.ImportCredentials
    ) -> asks.ImportedCredentials:
        """Not built yet."""
        raise Unavailable

    async def export(self, visit: Visit, ask: asks.ExportCredentials) -> asks.ExportedCredentials:
        """Not built yet."""
        raise Unavailable
