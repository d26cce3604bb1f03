"""What every service of credentials is made of, and how it finds and changes one."""

from collections.abc import Awaitable, Callable

import msgspec

from strongroom.domain import limits
from strongroom.domain.errors import ChangedMeanwhile, NotFound, Unavailable
from strongroom.domain.otp.credential import Body, State, parse
from strongroom.ports.clock import Clock
from strongroom.ports.ledger import Ledger
from strongroom.ports.provider import NamespaceHandle, Provider
from strongroom.ports.randomness import Randomness
from strongroom.services.authorize import Authorizer, Permit
from strongroom.services.books import Books, Details
from strongroom.services.facts import Facts
from strongroom.services.otp.fence import fenced
from strongroom.services.otp.rows import Held, Rows
from strongroom.services.otp.turns import Turns


class Change(msgspec.Struct, frozen=True):
    """What becomes of a credential, and what its entry says of that."""

    body: Body
    state: State
    details: Details = {}
    erases: bool = False


Decide = Callable[[Held], Awaitable[Change]]
"""Given a credential as it is now, what is to become of it; or it raises a refusal."""


class Parts(msgspec.Struct, frozen=True):
    """Handed to each service of this package."""

    facts: Facts
    authorizer: Authorizer
    books: Books
    ledger: Ledger
    clock: Clock
    randomness: Randomness
    provider: Provider
    rows: Rows
    turns: Turns

    async def find(self, permit: Permit, name: str) -> Held:
        """The credential of that id in the caller's namespace. Raises `NotFound`."""
        credential_id = parse(name)
        held = None if credential_id is None else await self.seek(permit, credential_id)
        if held is None:
            raise NotFound
        return held

    async def seek(self, permit: Permit, credential_id: bytes) -> Held | None:
        """The credential of that id, if it is one of the caller's namespace."""
        (row,) = await self.ledger.credentials(permit.namespace.id, [credential_id])
        if row is None:
            return None
        return self.rows.open(row, expected=(permit.namespace.id, credential_id))

    async def change(self, permit: Permit, name: str, decide: Decide) -> tuple[Held, int]:
        """Change a credential: durable and on record when this returns it as it is now.

        Also the entry's place in the log. Attempts move the row, too: the decision is made again on
        what is there then; after a restore, of which nothing may come back, on what is left of it.
        Raises what `decide` raises, `NotFound`, `Unavailable`.
        """
        credential_id = parse(name)
        if credential_id is None:
            raise NotFound
        profiles = await self.facts.otp_profiles(permit.namespace.id)
        restores = await self.facts.restores()
        permit.visit.facts += (profiles.fact, restores.fact)
        async with self.turns.of([credential_id]):
            for _ in range(limits.OTP_TURNS_MAX):
                held = await self.seek(permit, credential_id)
                if held is None:
                    raise NotFound
                body = fenced(held.body, profiles.named(held.body.profile), restores)
                held = msgspec.structs.replace(held, body=body)
                change = await decide(held)
                move = self.rows.next(held, change.body, change.state)
                try:
                    position = await self.books.allowed(
                        permit, change.details, version=change.body.newest.generation
                        if change.body.secrets else 0,
                        moves=(move,), erases=change.erases,
                    )  # fmt: skip
                except ChangedMeanwhile:
                    continue
                now = Held(
                    held.id, held.namespace, held.user, held.revision + 1, change.state, change.body
                )
                return now, position
        raise Unavailable("this credential is being changed too often; try again")

    def handle(self, permit: Permit) -> NamespaceHandle:
        """The namespace's key."""
        return permit.namespace.handle
