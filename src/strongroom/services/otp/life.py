"""What becomes of a credential: suspended, resumed, unlocked, revoked, destroyed.

Each is one move of its row, and holds from that commit on in every process: nobody remembers rows.
"""

from collections.abc import Callable

import msgspec

from strongroom.domain.asks import Nothing
from strongroom.domain.errors import KeyNotUsable
from strongroom.domain.otp import asks
from strongroom.domain.otp.credential import Body, State
from strongroom.services.authorize import Visit
from strongroom.services.otp.parts import Change, Parts
from strongroom.services.otp.rows import Held
from strongroom.services.otp.views import shown

_SECOND_US = 1_000_000

Step = Callable[[Held, str, int], Change]
"""Given a credential, the request and the time: what becomes of it. Raises `KeyNotUsable`."""


def suspended(held: Held, request: str, now_us: int) -> Change:
    """Stopped until somebody resumes it. What is on its way to the user opens nothing meanwhile."""
    del request, now_us
    _require(held, State.PENDING, State.ACTIVE)
    return Change(held.body, State.SUSPENDED)


def resumed(held: Held, request: str, now_us: int) -> Change:
    """As it was before it was suspended."""
    del request, now_us
    _require(held, State.SUSPENDED)
    proved = any(secret.proved for secret in held.body.secrets)
    return Change(held.body, State.ACTIVE if proved else State.PENDING)


def unlocked(held: Held, request: str, now_us: int) -> Change:
    """Without its failures, its delay and its lock; in whatever state it is."""
    del request, now_us
    _require(held, State.PENDING, State.ACTIVE, State.SUSPENDED)
    body = msgspec.structs.replace(held.body, failures=0, delayed_us=0, locked=False)
    return Change(body, held.state)


def revoked(held: Held, request: str, now_us: int) -> Change:
    """Stopped for good."""
    _require(held, State.PENDING, State.ACTIVE, State.SUSPENDED)
    body = _ended(held.body, request, now_us)
    return Change(body, State.REVOKED, {"generations": len(body.secrets)}, erases=True)


def destroyed(held: Held, request: str, now_us: int) -> Change:
    """Without any secret, for good. Who it was of, what it was, and when it ended stay."""
    _require(held, State.PENDING, State.ACTIVE, State.SUSPENDED, State.REVOKED)
    body = msgspec.structs.replace(_ended(held.body, request, now_us), secrets=())
    details = {"generations": len(held.body.secrets)}
    return Change(body, State.DESTROYED, {**details}, erases=True)


def _ended(body: Body, request: str, now_us: int) -> Body:
    return msgspec.structs.replace(
        body, link=None, challenges=(), grace_us=0, rotates_s=0, ended_s=now_us // _SECOND_US,
        ended_by=request,
    )  # fmt: skip


def _require(held: Held, *states: State) -> None:
    if held.state not in states:
        wanted = " or ".join(states)
        raise KeyNotUsable(f"the credential is {held.state}; it would have to be {wanted}")


class CredentialLife:
    """See the head of this module."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def suspend(self, visit: Visit, ask: Nothing) -> asks.CredentialView:
        """Stop it until it is resumed."""
        del ask
        view, _ = await self._step(visit, suspended)
        return view

    async def resume(self, visit: Visit, ask: Nothing) -> asks.CredentialView:
        """Let it be used again."""
        del ask
        view, _ = await self._step(visit, resumed)
        return view

    async def unlock(self, visit: Visit, ask: Nothing) -> asks.CredentialView:
        """Forget its failures."""
        del ask
        view, _ = await self._step(visit, unlocked)
        return view

    async def revoke(self, visit: Visit, ask: Nothing) -> asks.Ended:
        """Stop it for good."""
        del ask
        view, position = await self._step(visit, revoked)
        return asks.Ended(credential=view, receipt=visit.request, position=position)

    async def destroy(self, visit: Visit, ask: Nothing) -> asks.Ended:
        """Erase its secrets."""
        del ask
        view, position = await self._step(visit, destroyed)
        return asks.Ended(credential=view, receipt=visit.request, position=position)

    async def _step(self, visit: Visit, step: Step) -> tuple[asks.CredentialView, int]:
        permit = self._parts.authorizer.permit_credential(visit, visit.target)
        profiles = await self._parts.facts.otp_profiles(permit.namespace.id)

        async def decide(held: Held) -> Change:
            return step(held, visit.request, visit.time_us)

        held, position = await self._parts.change(permit, visit.target, decide)
        return shown(held, profiles.named(held.body.profile), visit.time_us), position
