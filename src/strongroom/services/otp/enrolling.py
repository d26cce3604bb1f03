"""A secret is made and handed over, once."""

from strongroom.domain.errors import Unavailable
from strongroom.domain.otp import asks
from strongroom.services.authorize import Visit
from strongroom.services.otp.parts import Parts


class Enrolling:
    """See the head of this module."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def enrol(self, visit: Visit, ask: asks.Enrol) -> asks.Enrolled:
        """Not built yet."""
        raise Unavailable

    async def rotate(self, visit: Visit, ask: asks.Handover) -> asks.Enrolled:
        """Not built yet."""
        raise Unavailable

    async def link(self, visit: Visit, ask: asks.Handover) -> asks.Enrolled:
        """Not built yet."""
        raise Unavailable

    async def fetch(self, visit: Visit, ask: asks.FetchLink) -> asks.Provisioned:
        """Not built yet."""
        raise Unavailable
