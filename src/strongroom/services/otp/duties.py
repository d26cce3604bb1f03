"""What falls due by itself: links that expire, graces that end, rotations by age, steps of jobs."""

from strongroom.services.otp.parts import Parts


class Duties:
    """See the head of this module. One of a node's custodians does them."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def watch(self) -> None:
        """Work for ever."""
        raise NotImplementedError

    async def turn(self) -> int:
        """Do what is due. Returns how many things were done: with none, there is nothing left."""
        return 0
