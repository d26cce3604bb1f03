"""What falls due by itself: links that expire, graces that end, rotations by age, steps of jobs.

Nothing waits for it: a link that has expired opens nothing, and an old secret whose grace is over
is not accepted, from that microsecond on. What is done here is written down, and erases. All that
it needs to know is in the rows, so what was missed while nothing ran is done when it runs again.
"""

import asyncio
from typing import Final

import msgspec

from strongroom.domain.errors import Refusal, TamperedRecord
from strongroom.domain.otp.asks import Delivery
from strongroom.domain.otp.credential import CredentialRow, State
from strongroom.domain.otp.profile import Profile
from strongroom.domain.records import Kind, Record
from strongroom.domain.times import rfc3339
from strongroom.services.facts import NamespaceFact, RestoresFact, Watch
from strongroom.services.otp.fence import fenced
from strongroom.services.otp.job_steps import JobSteps
from strongroom.services.otp.parts import Change, Parts
from strongroom.services.otp.rotation import rotated
from strongroom.services.otp.rows import Held
from strongroom.services.otp.steps import Act, step

_SECOND_US = 1_000_000
_LOOKS_SECONDS: Final = 1.0
_AT_ONCE: Final = 100  # rows looked up together
_TOGETHER: Final = 20  # of them changed at the same time: they share the ledger's flushes


class Duties:
    """See the head of this module. One of a node's custodians does them."""

    def __init__(self, parts: Parts, meter: Watch) -> None:
        self._parts = parts
        self._meter = meter
        self._jobs = JobSteps(parts)
        # Rows that cannot be opened, by revision: looked at once, counted, and left alone.
        self._tampered: set[tuple[bytes, int]] = set()

    async def watch(self) -> None:
        """Work for ever."""
        while True:
            try:
                busy = await self.turn()
            except Refusal:
                busy = 0
            await asyncio.sleep(0 if busy else self._jobs.rest_seconds(_LOOKS_SECONDS))

    async def turn(self) -> int:
        """Do some of what is due. Returns how many things were done: with none, nothing is left.

        What goes wrong with one of them is raised when the others have been looked at.
        """
        failures: list[BaseException] = []
        done = await self._credentials(failures) + await self._steps(failures)
        if failures:
            raise failures[0]
        return done

    async def _credentials(self, failures: list[BaseException]) -> int:
        left = 0
        while True:
            rows = await self._parts.ledger.credentials_due(
                self._parts.clock.now_us(), _AT_ONCE, left
            )
            done = 0
            for first in range(0, len(rows), _TOGETHER):
                some = rows[first : first + _TOGETHER]
                results = await asyncio.gather(*map(self._is_done, some), return_exceptions=True)
                failures += [one for one in results if isinstance(one, BaseException)]
                done += results.count(True)
            # Then it is the jobs' turn. Of what cannot be done, none stands in the way of the rest.
            if done or len(rows) < _AT_ONCE:
                return done
            left += len(rows)

    async def _is_done(self, row: CredentialRow) -> bool:
        if (row.id, row.revision) in self._tampered:
            return False
        try:
            return await self._attend(row)
        except TamperedRecord:
            self._leave(row.id, row.revision)
            return False

    def _leave(self, record_id: bytes, revision: int) -> None:
        self._tampered.add((record_id, revision))
        self._meter.count("strongroom_steward_tampered")

    async def _attend(self, row: CredentialRow) -> bool:
        parts, epoch = self._parts, self._parts.ledger.epoch
        held = parts.rows.open(row, expected=(row.namespace, row.id))
        namespace = await parts.facts.namespace(held.namespace)
        profiles = await parts.facts.otp_profiles(namespace.id)
        restores = await parts.facts.restores()
        now_us = parts.clock.now_us()
        action = _due(held, now_us)
        if not action:
            return False
        acts: dict[str, Act] = {
            "otp.expire-link": lambda found, _: _without_link(found, now_us),
            "otp.end-grace": lambda found, _: _without_old(found, now_us),
            "otp.rotate": lambda found, _: _rotated(
                parts, namespace, found, profiles.named(found.body.profile), restores, now_us
            ),
        }
        kept = await step(
            parts, namespace, action, held.id, acts[action], epoch=epoch,
            facts=(profiles.fact, restores.fact),
        )  # fmt: skip
        return bool(kept)

    async def _steps(self, failures: list[BaseException]) -> int:
        done = left = 0
        while True:
            # Of other kinds, what is due is the steward's; it stays so for a moment, or for good.
            records = await self._parts.ledger.due(self._parts.clock.now_us(), _AT_ONCE, left)
            for record in records:
                if record.kind is not Kind.OTP_JOB:
                    continue
                try:
                    done += await self._is_stepped(record)
                except Refusal as refusal:
                    failures.append(refusal)
            if len(records) < _AT_ONCE:
                return done
            left += len(records)

    async def _is_stepped(self, record: Record) -> bool:
        if (record.id, record.revision) in self._tampered:
            return False
        try:
            return await self._jobs.step(record)
        except TamperedRecord:
            self._leave(record.id, record.revision)
            return False


def _due(held: Held, now_us: int) -> str:
    body = held.body
    if body.link is not None and now_us >= body.link.expires_us:
        return "otp.expire-link"
    if len(body.secrets) > 1:
        return "otp.end-grace" if now_us >= body.grace_us else ""
    if held.state is State.ACTIVE and 0 < body.rotates_s * _SECOND_US <= now_us:
        return "otp.rotate"
    return ""


def _without_link(held: Held, now_us: int) -> Change | None:
    if _due(held, now_us) != "otp.expire-link":
        return None
    return Change(msgspec.structs.replace(held.body, link=None), held.state, erases=True)


def _without_old(held: Held, now_us: int) -> Change | None:
    if _due(held, now_us) != "otp.end-grace":
        return None
    old = held.body.secrets[0].generation
    body = msgspec.structs.replace(held.body, secrets=held.body.secrets[-1:], grace_us=0)
    return Change(body, held.state, {"generation": old}, erases=True)


def _rotated(  # noqa: PLR0913 - what a rotation depends on
    parts: Parts,
    namespace: NamespaceFact,
    held: Held,
    profile: Profile,
    restores: RestoresFact,
    now_us: int,
) -> Change | None:
    if _due(held, now_us) != "otp.rotate" or not held.body.newest.proved:
        return None
    body = rotated(
        parts.rows, namespace.handle, fenced(held.body, profile, restores), profile, now_us,
        namespace=held.namespace, credential_id=held.id,
    )  # fmt: skip
    details: dict[str, str | int | list[str]] = {
        "generation": body.newest.generation, "grace_ends": rfc3339(body.grace_us),
        "delivery": Delivery.LATER.value,
    }  # fmt: skip
    return Change(body, held.state, details)
