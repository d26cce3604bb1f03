"""A job's next step: some credentials in the order of ids, each changed and on record for itself.

The job's record says how far it has come, and is written after each step. When a step is cut off,
what it did stays, and the next one passes over that: a credential in the wrong state, or with a new
secret already, is skipped. Who pauses or ends a job changes its record, on which each change of the
step stands; so not one more credential is changed from then on.
"""

import asyncio
from typing import Final

import msgspec

from strongroom.domain.errors import KeyNotUsable, TamperedRecord
from strongroom.domain.otp.asks import Delivery, JobAction, JobState
from strongroom.domain.otp.credential import CredentialRow, State
from strongroom.domain.otp.job import Job
from strongroom.domain.records import Kind, Record
from strongroom.domain.times import rfc3339
from strongroom.ports.store import Commit, Kept, Write
from strongroom.services.entries import deed
from strongroom.services.facts import NamespaceFact, ProfilesFact, RestoresFact
from strongroom.services.founding import own_request
from strongroom.services.otp import life
from strongroom.services.otp.fence import fenced
from strongroom.services.otp.parts import Change, Parts
from strongroom.services.otp.rotation import erases, rotated
from strongroom.services.otp.rows import Held
from strongroom.services.otp.selecting import matches
from strongroom.services.otp.steps import STEWARD, step

_SECOND_US = 1_000_000
_MOST: Final = 200  # credentials in a step
_STEPS_A_SECOND: Final = 4  # at most, of a job that has a pace: it is kept within small times, too
_LOOKED_AT_MOST: Final = 2_000  # to find them
_PAGE: Final = 200  # of them read together
_TOGETHER: Final = 20  # changed at the same time: they share the ledger's flushes
_USERS_MOST: Final = 5_000

_STEPS: Final[dict[JobAction, life.Step]] = {
    JobAction.SUSPEND: life.suspended,
    JobAction.RESUME: life.resumed,
    JobAction.REVOKE: life.revoked,
    JobAction.DESTROY: life.destroyed,
}


class _Standing(msgspec.Struct, frozen=True):
    """What a step stands on: the job, and the rest as of that epoch."""

    epoch: int
    record: Record
    job: Job
    namespace: NamespaceFact
    profiles: ProfilesFact
    restores: RestoresFact


class _Looked(msgspec.Struct):
    """How far a step has looked, and which credentials it found."""

    after: bytes
    looked_at: int = 0
    tampered: int = 0
    meant: list[bytes] = msgspec.field(default_factory=list)
    ended: bool = False


class JobSteps:
    """See the head of this module."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._next_us = 0  # when a job with a pace goes on, of those that were stepped lately

    def rest_seconds(self, most: float) -> float:
        """For how long there is nothing to do, as far as is known here."""
        if not self._next_us:
            return most
        rest_us = self._next_us - self._parts.clock.now_us()
        if rest_us <= 0:
            self._next_us = 0  # come since it was looked; once, as the job may have been stopped
        return min(most, max(0, rest_us) / _SECOND_US)

    async def step(self, record: Record) -> bool:
        """One step. Whether it was done: not, if the job was changed meanwhile."""
        parts, epoch = self._parts, self._parts.ledger.epoch
        job = parts.facts.sealing.open(record, Job, expected=(Kind.OTP_JOB, record.id))
        began_us = parts.clock.now_us()
        if not 0 < job.due_us <= began_us:
            return False
        namespace = await parts.facts.namespace(record.namespace)
        on = _Standing(
            epoch, record, job, namespace, await parts.facts.otp_profiles(namespace.id),
            await parts.facts.restores(),
        )  # fmt: skip
        looked = await self._look(on)
        changed = 0
        for first in range(0, len(looked.meant), _TOGETHER):
            some = looked.meant[first : first + _TOGETHER]
            results = await asyncio.gather(*(self._change(on, one) for one in some))
            if None in results:
                return False
            changed += results.count(True)
        return await self._keep(on, looked, changed, began_us)

    async def _look(self, on: _Standing) -> _Looked:
        pace = on.job.per_second
        most = min(_MOST, max(1, pace // _STEPS_A_SECOND)) if pace else _MOST
        looked = _Looked(on.job.after)
        while looked.looked_at < _LOOKED_AT_MOST and len(looked.meant) < most:
            rows = await self._rows(on, looked.after)
            for row in rows:
                if len(looked.meant) == most:
                    break
                looked.after = row.id
                looked.looked_at += 1
                try:
                    held = self._parts.rows.open(row, expected=(on.namespace.id, row.id))
                except TamperedRecord:
                    # An edited row is nobody's; fsck names it, and the rest must go on.
                    looked.tampered += 1
                    continue
                if self._means(on, held):
                    looked.meant.append(row.id)
            if len(rows) < _PAGE and (not rows or looked.after == rows[-1].id):
                looked.ended = True
                break
        return looked

    async def _rows(self, on: _Standing, after: bytes) -> list[CredentialRow]:
        ledger, namespace = self._parts.ledger, on.namespace.id
        if not on.job.subject:
            return await ledger.credential_page(namespace, after, _PAGE)
        rows = await ledger.credentials_of(namespace, on.job.subject, _USERS_MOST)
        return [row for row in rows if row.id > after][:_PAGE]

    def _means(self, on: _Standing, held: Held) -> bool:
        profile, now_us = on.profiles.named(held.body.profile), self._parts.clock.now_us()
        subject = on.job.subject
        return (not subject or held.user == subject) and matches(
            on.job.filter, held, profile, now_us, subject
        )

    async def _change(self, on: _Standing, credential_id: bytes) -> bool | None:
        """Whether it was changed; None: the job was, so that nothing is."""

        def act(found: Held, request: str) -> Change | None:
            if not self._means(on, found):
                return None  # not any more
            body = fenced(found.body, on.profiles.named(found.body.profile), on.restores)
            change = self._changed(on, msgspec.structs.replace(found, body=body), request)
            details = {**change.details, "job": on.record.id.hex()}
            return msgspec.structs.replace(change, details=details)

        try:
            return await step(
                self._parts, on.namespace, f"otp.{on.job.action}", credential_id, act,
                epoch=on.epoch, facts=(on.record.fact, on.profiles.fact, on.restores.fact),
            )  # fmt: skip
        except TamperedRecord:
            return False  # edited since it was looked at

    def _changed(self, on: _Standing, held: Held, request: str) -> Change:
        now_us = self._parts.clock.now_us()
        if on.job.action is not JobAction.ROTATE:
            return _STEPS[on.job.action](held, request, now_us)
        profile = on.profiles.named(held.body.profile)
        if held.state is not State.ACTIVE or _has_new(held, on.job.created_us):
            raise KeyNotUsable
        body = rotated(
            self._parts.rows, on.namespace.handle, held.body, profile, now_us,
            namespace=held.namespace, credential_id=held.id,
        )  # fmt: skip
        grace = {"grace_ends": rfc3339(body.grace_us)} if body.grace_us else {}
        return Change(
            body, held.state,
            {"generation": body.newest.generation, "delivery": Delivery.LATER.value, **grace},
            erases=erases(held.body, body),
        )  # fmt: skip

    async def _keep(self, on: _Standing, looked: _Looked, changed: int, began_us: int) -> bool:
        parts, job, now_us = self._parts, on.job, self._parts.clock.now_us()
        after = msgspec.structs.replace(
            job,
            after=looked.after,
            looked_at=job.looked_at + looked.looked_at,
            done=job.done + changed,
            skipped=job.skipped + len(looked.meant) - changed + looked.tampered,
            not_before_us=_again_us(job, len(looked.meant), began_us),
            state=JobState.DONE if looked.ended else job.state,
            ended_us=now_us if looked.ended else 0,
        )
        request = own_request(parts.randomness, now_us)
        sealed = parts.facts.sealing.seal(
            Kind.OTP_JOB, on.record.id, after, namespace=on.record.namespace, name=on.record.name,
            revision=on.record.revision + 1, request=request,
        )  # fmt: skip
        writes = (Write(sealed, on.record.revision, after.due_us),)
        entry = deed(
            "otp.finish-job" if looked.ended else "otp.advance-job",
            {"action": job.action.value, "job": on.record.id.hex(), "looked_at": after.looked_at,
             "done": after.done, "skipped": after.skipped},
            namespace=on.namespace.name, namespace_id=on.namespace.id, principal=STEWARD,
            request=request, now_us=now_us, writes=writes,
        )  # fmt: skip
        outcome = await parts.ledger.commit(
            Commit(on.epoch, (on.namespace.fact, on.record.fact), entry, writes)
        )
        if not isinstance(outcome, Kept):
            return False
        if after.due_us > now_us:
            waits = self._next_us > now_us
            self._next_us = min(self._next_us, after.due_us) if waits else after.due_us
        return True


def _again_us(job: Job, meant: int, began_us: int) -> int:
    """When the next step is due. A step that was a little late takes nothing from the pace."""
    if not job.per_second:
        return began_us
    late = 0 < began_us - job.not_before_us < _SECOND_US
    return (job.not_before_us if late else began_us) + meant * _SECOND_US // job.per_second


def _has_new(held: Held, since_us: int) -> bool:
    """Whether its newest secret is of this job already, or of somebody who came after it.

    One that was to follow before, and has not been proved, may be known to whom the job is against;
    so may one that was imported, whenever that was.
    """
    body = held.body
    # Known to the second: in doubt, it was there before.
    enrolled_since = not body.imported and body.created_s * _SECOND_US > since_us
    return body.renewed_us >= since_us or enrolled_since
