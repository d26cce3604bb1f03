"""Which door a request goes to: one port serves them all."""

from strongroom.doors.asgi import Receive, Scope, Send
from strongroom.doors.aws.door import AWSDoor, is_for_us
from strongroom.doors.rest.app import RestDoor


class Doors:
    """The native door, and those of others' protocols, which are known by how a request begins."""

    def __init__(self, native: RestDoor, aws: AWSDoor) -> None:
        self._native = native
        self._aws = aws

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        door = self._aws if is_for_us(scope) else self._native
        await door(scope, receive, send)
