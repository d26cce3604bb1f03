"""What is the same for every batch: an outcome for each item, and what the one entry says of them.

One bad item does not spoil the others. Where all are bad, nothing was done for anybody, and the
call as a whole is refused. What is wrong with more than an item (a row that was tampered with, a
ledger that does not answer) refuses the whole call, too.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Final, TypeVar

from strongroom.domain import limits
from strongroom.domain.asks import Problem
from strongroom.domain.errors import (
    InvalidRequest,
    Refusal,
    TamperedRecord,
    TooLarge,
    Unavailable,
)
from strongroom.domain.lifecycle import Use
from strongroom.services.authorize import Authorizer, Permit, Visit
from strongroom.services.books import Details
from strongroom.services.ciphers import cipher_version
from strongroom.services.keyring import Keyring

if TYPE_CHECKING:
    from strongroom.ports.policy_engine import Verdict
    from strongroom.services.facts import VersionFact

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")

# A thousand verifications with P-384 take most of a second; nobody else's call waits for them.
_TURN_SECONDS: Final = 0.001


async def each(
    visit: Visit, items: Sequence[_Item], work: Callable[[_Item], Awaitable[_Result]]
) -> list[_Result | Problem]:
    """The outcomes, in the order of the items. Raises the last refusal when there is nothing else.

    Afterwards the visit's verdict is of what was done, and not of what was weighed last. The event
    loop is others' every millisecond: facts may change meanwhile, and the ledger finds that.
    """
    outcomes: list[_Result | Problem] = []
    last: Refusal = InvalidRequest("there are no items", "$.items")
    verdict: Verdict | None = None
    good = False
    loop = asyncio.get_running_loop()
    turn_ends = loop.time() + _TURN_SECONDS
    for item in items:
        try:
            outcomes.append(await work(item))
            verdict, good = visit.verdict, True
        except (Unavailable, TamperedRecord):
            raise  # nothing is known of any item, or an operator must see it on record
        except Refusal as refusal:
            outcomes.append(Problem(refusal.code, refusal.detail))
            last = refusal
        if loop.time() >= turn_ends:
            await asyncio.sleep(0)
            turn_ends = loop.time() + _TURN_SECONDS
    if not good:
        raise last
    visit.verdict, visit.missing = verdict, ""
    return outcomes


def counted(outcomes: Sequence[object]) -> Details:
    """What an entry says of a batch's size."""
    failed = sum(isinstance(outcome, Problem) for outcome in outcomes)
    return {"count": len(outcomes), "failed": failed}


class Uses:
    """Which versions of which keys the items of a batch used, and how often each."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, int]] = Counter()

    def add(self, name: str, version: int) -> None:
        """One use more."""
        self._counts[name, version] += 1

    @property
    def names(self) -> set[str]:
        """The keys."""
        return {name for name, _ in self._counts}

    def details(self) -> Details:
        """`NAME/VERSION:COUNT` for each version, sorted as texts.

        Raises `TooLarge` for more than fit in an entry, before anything is released.
        """
        if len(self._counts) > limits.BATCH_VERSIONS_MAX:
            raise TooLarge(
                f"the items are of {len(self._counts)} versions of keys; a batch may use"
                f" {limits.BATCH_VERSIONS_MAX} (BATCH_VERSIONS_MAX)"
            )
        return {
            "uses": sorted(
                f"{name}/{version}:{count}" for (name, version), count in self._counts.items()
            )
        }


class OneKey:
    """The call's key, of the default algorithm, and its current version; each item has a context.

    Of an item, a decision can rest on the context only: the same one again is not weighed again.
    """

    def __init__(self, authorizer: Authorizer, keyring: Keyring, visit: Visit) -> None:
        self._authorizer = authorizer
        self._keyring = keyring
        self._visit = visit
        self._context: dict[str, str] = {}
        self._verdict: Verdict | None = None
        self._known: tuple[Permit, VersionFact] | None = None

    async def usable(self, context: dict[str, str]) -> "tuple[Permit, VersionFact]":
        """A permit for this context (1), and the version to protect with (2)."""
        if self._known is None or context != self._context:
            permit = await self._authorizer.permit_key(
                self._visit, self._visit.target, context
            )  # 1
            version = await cipher_version(self._keyring, permit, Use.PROTECT)  # 2
            self._known = permit, version
            self._context, self._verdict = context, self._visit.verdict
        self._visit.verdict = self._verdict
        return self._known

    @property
    def used(self) -> "tuple[Permit, VersionFact]":
        """What items were done with. For after `each`, which raises when there were none."""
        if self._known is None:
            raise RuntimeError("a batch in which nothing was weighed")
        return self._known
