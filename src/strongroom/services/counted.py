"""The newest checkpoint that counts, for who hands out what it proves."""

import asyncio
from typing import Final

import msgspec

from strongroom.domain import limits
from strongroom.domain.errors import Unavailable
from strongroom.ports.ledger import Ledger
from strongroom.ports.provider import Provider
from strongroom.services.facts import Facts
from strongroom.services.log_keys import log_of, verifier_of
from strongroom.tlog.errors import TlogError
from strongroom.tlog.notes import Note

_LOOK_SECONDS: Final = 0.1
_LOOKS_MAX: Final = 30  # the notary signs once a second; who has waited for three comes again
_NONE_YET: Final = "no checkpoint that counts covers this yet; try again"


class Counted(msgspec.Struct, frozen=True):
    """A checkpoint that the log's keys have signed. `raw` is its note as it is kept."""

    size: int
    raw: bytes
    note: Note


class Checkpoints:
    """Reads checkpoints, and believes the log's keys, not the store.

    Those who wait for a new one look together: however many they are, the ledger is asked ten times
    a second.
    """

    def __init__(self, *, facts: Facts, ledger: Ledger, provider: Provider) -> None:
        self._facts = facts
        self._ledger = ledger
        self._provider = provider
        self._known: Counted | None = None
        self._looking: asyncio.Task[Counted | None] | None = None
        self._waiting = 0

    async def newest(self) -> Counted:
        """The newest that counts. Raises `Unavailable` while there is none, `TamperedRecord`."""
        found = await self._read(0)
        if found is None:
            raise Unavailable(_NONE_YET)
        return found

    async def covering(self, position: int) -> Counted:
        """One of a tree in which that entry is.

        Waits for it, for about three seconds; then, or when too many wait, raises `Unavailable`.
        """
        if self._known is not None and self._known.size > position:
            return self._known
        if self._waiting >= limits.RECEIPTS_WAITING_MAX:
            raise Unavailable(_NONE_YET)
        self._waiting += 1
        try:
            for after_seconds in (0, *[_LOOK_SECONDS] * _LOOKS_MAX):
                found = await self._look(after_seconds)
                if found is not None and found.size > position:
                    return found
        finally:
            self._waiting -= 1
        raise Unavailable(_NONE_YET)

    async def _look(self, after_seconds: float) -> Counted | None:
        if self._looking is None or self._looking.done():
            self._looking = asyncio.ensure_future(self._read(after_seconds))
        # Who hangs up does not end the look of the others.
        return await asyncio.shield(self._looking)

    async def _read(self, after_seconds: float) -> Counted | None:
        if after_seconds:
            await asyncio.sleep(after_seconds)
        kept = await self._ledger.checkpoints()
        if kept.counted and (self._known is None or kept.counted != self._known.raw):
            body = await log_of(self._ledger, self._facts.sealing)
            try:
                checkpoint, note = verifier_of(body, self._provider).trusted(kept.counted)
            except TlogError:
                # Not signed by these keys: of the log before a restore, or somebody's work. Either
                # way the notary's next one takes its place, and until then there is none.
                return self._known
            # Whoever looked at the same time may have been told of a newer one, and sooner.
            if self._known is None or checkpoint.size >= self._known.size:
                self._known = Counted(checkpoint.size, kept.counted, note)
        return self._known
