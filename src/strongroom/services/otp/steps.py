"""What Strongroom does to credentials by itself: each one move, with an entry of its own."""

from collections.abc import Callable

from strongroom.domain import limits
from strongroom.domain.errors import KeyNotUsable, Unavailable
from strongroom.domain.otp.credential import spell
from strongroom.ports.store import Commit, Conflict, Kept
from strongroom.services.entries import deed
from strongroom.services.facts import NamespaceFact
from strongroom.services.founding import own_request
from strongroom.services.otp.parts import Change, Parts
from strongroom.services.otp.rows import Held

STEWARD = "strongroom:steward"  # no principal can have this name

Act = Callable[[Held, str], Change | None]
"""Given a credential as it is now and the request's id: what becomes of it; None: nothing."""


async def step(  # noqa: PLR0913 - what a step depends on
    parts: Parts,
    namespace: NamespaceFact,
    action: str,
    credential_id: bytes,
    act: Act,
    *,
    epoch: int,
    facts: tuple[bytes, ...] = (),
) -> bool | None:
    """Whether the credential was changed, and is on record; None: a fact changed, so nothing was.

    Whoever moves it at the same time comes first: the decision is made again on what is there then.
    Raises `TamperedRecord`, `Unavailable`.
    """
    async with parts.turns.of([credential_id]):
        for _ in range(limits.OTP_TURNS_MAX):
            (row,) = await parts.ledger.credentials(namespace.id, [credential_id])
            if row is None:
                return False
            held = parts.rows.open(row, expected=(namespace.id, credential_id))
            now_us = parts.clock.now_us()
            request = own_request(parts.randomness, now_us)
            try:
                change = act(held, request)
            except KeyNotUsable:
                change = None
            if change is None:
                return False
            entry = deed(
                action, change.details, namespace=namespace.name, namespace_id=namespace.id,
                principal=STEWARD, request=request, now_us=now_us, about=f"otp/{spell(held.id)}",
                version=change.body.newest.generation if change.body.secrets else 0,
            )  # fmt: skip
            moves = (parts.rows.next(held, change.body, change.state),)
            outcome = await parts.ledger.commit(
                Commit(epoch, (namespace.fact, *facts), entry, erases=change.erases, moves=moves)
            )
            if isinstance(outcome, Kept):
                return True
            if not isinstance(outcome, Conflict):
                return None
    raise Unavailable("this credential is being changed too often")
