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
from strongroom.domain.otp.profile import Profile
from strongroom.domain.records import Kind, Record
from strongroom.domain.times import rfc3339
from strongroom.ports.store import Commit, Kept, Write
from strongroom.services.entries import deed
from strongroom.services.facts import NamespaceFact, ProfilesFact, RestoresFact
from strongroom.services.founding import own_request
from strongroom.services.otp import life
from strongroom.services.otp.fence import fenced
from strongroom.services.otp.parts import Change, Parts
from strongroom.services.otp.rotation import rotated
from strongroom.services.otp.rows import Held
from strongroom.services.otp.selecting import matches
from strongroom.services.otp.steps import STEWARD, step

_SECOND_US = 1_000_000
_MOST: Final = 200  # credentials in a step
_TOGETHER: Final = 20  # of them changed at the same time: they share the ledger's flushes
_USERS_MOST: Final = 5_000

_STEPS: Final[dict[JobAction, life.Step]] = {
    JobAction.SUSPEND: life.suspended,
    JobAction.RESUME: life.resumed,
    JobAction.REVOKE: life.revoked,
    JobAction.DESTROY: life.destroyed,
}


class JobSteps:
    """See the head of this module."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def step(self, record: Record) -> bool:
        """One step. Whether it was done: not, if the job was changed meanwhile."""
        parts, epoch = self._parts, self._parts.ledger.epoch
        job = parts.facts.sealing.open(record, Job, expected=(Kind.OTP_JOB, record.id))
        began_us = parts.clock.now_us()
        if not 0 < job.due_us <= began_us:
            return False
        namespace = await parts.facts.namespace(record.namespace)
        profiles = await parts.facts.otp_profiles(namespace.id)
        restores = await parts.facts.restores()
        rows = await self._rows(job, namespace.id)
        changed = skipped = 0
        for first in range(0, len(rows), _TOGETHER):
            results = await asyncio.gather(
                *(
                    self._one(job, record, namespace, profiles, restores, row, epoch)
                    for row in rows[first : first + _TOGETHER]
                )
            )
            if None in results:
                return False
            changed += results.count(True)
            skipped += results.count(False)
        return await self._keep(record, job, namespace, rows, epoch, began_us, changed, skipped)

    async def _rows(self, job: Job, namespace: bytes) -> list[CredentialRow]:
        most = min(_MOST, job.per_second) if job.per_second else _MOST
        if not job.subject:
            return await self._parts.ledger.credential_page(namespace, job.after, most)
        rows = await self._parts.ledger.credentials_of(namespace, job.subject, _USERS_MOST)
        return [row for row in rows if row.id > job.after][:most]

    async def _one(  # noqa: PLR0913 - what a step depends on
        self,
        job: Job,
        record: Record,
        namespace: NamespaceFact,
        profiles: ProfilesFact,
        restores: RestoresFact,
        row: CredentialRow,
        epoch: int,
    ) -> bool | str | None:
        parts = self._parts
        try:
            held = parts.rows.open(row, expected=(namespace.id, row.id))
        except TamperedRecord:
            return False  # an edited row is nobody's; fsck names it, and the rest must go on
        if not self._means(job, held, profiles):
            return "other"

        def act(found: Held, request: str) -> Change | None:
            if not self._means(job, found, profiles):
                return None
            profile = profiles.named(found.body.profile)
            body = fenced(found.body, profile, restores)
            found = msgspec.structs.replace(found, body=body)
            change = self._changed(job, namespace, found, profile, request)
            return msgspec.structs.replace(
                change, details={**change.details, "job": record.id.hex()}
            )

        return await step(
            parts, namespace, f"otp.{job.action}", row.id, act, epoch=epoch,
            facts=(record.fact, profiles.fact, restores.fact),
        )  # fmt: skip

    def _means(self, job: Job, held: Held, profiles: ProfilesFact) -> bool:
        profile, now_us = profiles.named(held.body.profile), self._parts.clock.now_us()
        return (not job.subject or held.user == job.subject) and matches(
            job.filter, held, profile, now_us, job.subject
        )

    def _changed(
        self, job: Job, namespace: NamespaceFact, held: Held, profile: Profile, request: str
    ) -> Change:
        now_us = self._parts.clock.now_us()
        if job.action is not JobAction.ROTATE:
            change = _STEPS[job.action](held, request, now_us)
            allowed = {"generations"} if job.action is JobAction.DESTROY else set()
            kept = {name: value for name, value in change.details.items() if name in allowed}
            return msgspec.structs.replace(change, details=kept)
        # Whoever has a secret that nobody has proved to have yet has a new one already.
        if held.state is not State.ACTIVE or not held.body.newest.proved:
            raise KeyNotUsable
        body = rotated(
            self._parts.rows, namespace.handle, held.body, profile, now_us,
            namespace=held.namespace, credential_id=held.id,
        )  # fmt: skip
        return Change(
            body, held.state,
            {"generation": body.newest.generation, "grace_ends": rfc3339(body.grace_us),
             "delivery": Delivery.LATER.value},
        )  # fmt: skip

    async def _keep(  # noqa: PLR0913 - what a step came to
        self,
        record: Record,
        job: Job,
        namespace: NamespaceFact,
        rows: list[CredentialRow],
        epoch: int,
        began_us: int,
        changed: int,
        skipped: int,
    ) -> bool:
        parts, now_us = self._parts, self._parts.clock.now_us()
        pause_us = len(rows) * _SECOND_US // job.per_second if job.per_second else 0
        after = msgspec.structs.replace(
            job, after=rows[-1].id if rows else job.after, looked_at=job.looked_at + len(rows),
            done=job.done + changed, skipped=job.skipped + skipped,
            not_before_us=began_us + pause_us,
            state=job.state if rows else JobState.DONE, ended_us=0 if rows else now_us,
        )  # fmt: skip
        request = own_request(parts.randomness, now_us)
        sealed = parts.facts.sealing.seal(
            Kind.OTP_JOB, record.id, after, namespace=record.namespace, name=record.name,
            revision=record.revision + 1, request=request,
        )  # fmt: skip
        writes = (Write(sealed, record.revision, after.due_us),)
        entry = deed(
            "otp.advance-job" if rows else "otp.finish-job",
            {"action": job.action.value, "job": record.id.hex(), "looked_at": after.looked_at,
             "done": after.done, "skipped": after.skipped},
            namespace=namespace.name, namespace_id=namespace.id, principal=STEWARD,
            request=request, now_us=now_us, writes=writes,
        )  # fmt: skip
        outcome = await parts.ledger.commit(
            Commit(epoch, (namespace.fact, record.fact), entry, writes)
        )
        return isinstance(outcome, Kept)
