"""The same done to many credentials: begun, watched, paused, ended."""

from strongroom.domain.asks import Nothing
from strongroom.domain.errors import Unavailable
from strongroom.domain.otp import asks
from strongroom.services.authorize import Visit
from strongroom.services.otp.parts import Parts


class Jobs:
    """See the head of this module."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def create(self, visit: Visit, ask: asks.CreateJob) -> asks.JobView:
        """Not built yet."""
        raise Unavailable

    async def list(self, visit: Visit, ask: asks.ListJobs) -> asks.JobPage:
        """Not built yet."""
        raise Unavailable

    async def read(self, visit: Visit, ask: Nothing) -> asks.JobView:
        """Not built yet."""
        raise Unavailable

    async def update(self, visit: Visit, ask: asks.UpdateJob) -> asks.JobView:
        """Not built yet."""
        raise Unavailable
