"""The same done to many credentials: begun, watched, paused, ended."""

from typing import Final

import msgspec
from msgspec import UNSET

from strongroom.domain.asks import Nothing
from strongroom.domain.errors import KeyNotUsable, NotFound, TamperedRecord
from strongroom.domain.operations import Resource
from strongroom.domain.otp import asks
from strongroom.domain.otp.asks import Filter, JobState
from strongroom.domain.otp.job import Job
from strongroom.domain.records import Kind, Record
from strongroom.domain.times import rfc3339, rfc3339_or_empty
from strongroom.ports.store import Write
from strongroom.services.authorize import Permit, Visit
from strongroom.services.otp.parts import Parts
from strongroom.services.otp.rows import pseudonym

_ID_RANDOM_BYTES: Final = 10  # after the time in milliseconds, in six
_IDS: Final = 2**128
_ENDED = (JobState.DONE, JobState.CANCELLED)


class Jobs:
    """See the head of this module. `job_steps.py` does their work."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def create(self, visit: Visit, ask: asks.CreateJob) -> asks.JobView:
        """A job, which begins within a second. Its filter's user is kept as a pseudonym."""
        permit = self._parts.authorizer.permit(visit, Resource.NAMESPACE)
        now_us = visit.time_us
        random = self._parts.randomness.bytes(_ID_RANDOM_BYTES)
        job_id = (now_us // 1000).to_bytes(6, "big") + random
        user = ask.filter.user
        subject = b"" if user is UNSET else pseudonym(permit.namespace.handle, user)
        job = Job(
            action=ask.action, filter=_without_user(ask.filter), state=JobState.RUNNING,
            per_second=ask.per_second, description=ask.description, created_us=now_us,
            created_by=permit.principal.name, subject=subject,
        )  # fmt: skip
        record = self._record(permit, job_id, job, 1)
        await self._parts.books.allowed(
            permit,
            {
                "job": job_id.hex(), "action": job.action.value, "filter": sorted(_given(ask)),
                "per_second": job.per_second,
            },
            writes=(Write(record, 0, job.due_us),),
        )  # fmt: skip
        return _view(record, job)

    async def list(self, visit: Visit, ask: asks.ListJobs) -> asks.JobPage:
        """A page of jobs, the oldest first."""
        permit = self._parts.authorizer.permit(visit, Resource.NAMESPACE)
        records = await self._parts.ledger.page(
            Kind.OTP_JOB, permit.namespace.id, ask.page_token, ask.limit + 1
        )
        views = [_view(record, self._opened(permit, record)) for record in records[: ask.limit]]
        await self._parts.books.allowed(permit, {"count": len(views)})
        more = len(records) > ask.limit
        return asks.JobPage(views, records[ask.limit - 1].name if more else "")

    async def read(self, visit: Visit, ask: Nothing) -> asks.JobView:
        """How far it has come."""
        del ask
        permit = self._parts.authorizer.permit(visit, Resource.NAMESPACE)
        record, job = await self._found(permit)
        await self._parts.books.allowed(permit, {"job": record.name})
        return _view(record, job)

    async def update(self, visit: Visit, ask: asks.UpdateJob) -> asks.JobView:
        """Paused, running, cancelled, or at another pace; from the next credential on."""
        permit = self._parts.authorizer.permit(visit, Resource.NAMESPACE)
        record, job = await self._found(permit)
        visit.facts.append(record.fact)
        if job.state in _ENDED:
            raise KeyNotUsable(f"the job is {job.state}; make another one")
        state = job.state if ask.state is UNSET else ask.state
        changed = msgspec.structs.replace(
            job, state=state, not_before_us=0,
            per_second=job.per_second if ask.per_second is UNSET else ask.per_second,
            ended_us=visit.time_us if state is JobState.CANCELLED else 0,
        )  # fmt: skip
        after = self._record(permit, record.id, changed, record.revision + 1)
        await self._parts.books.allowed(
            permit,
            {"job": record.name, "state": state.value, "per_second": changed.per_second},
            writes=(Write(after, record.revision, changed.due_us),),
        )
        return _view(after, changed)

    async def _found(self, permit: Permit) -> tuple[Record, Job]:
        record = await self._parts.ledger.find(
            Kind.OTP_JOB, permit.namespace.id, permit.visit.target
        )
        if record is None:
            raise NotFound
        return record, self._opened(permit, record)

    def _opened(self, permit: Permit, record: Record) -> Job:
        if record.namespace != permit.namespace.id:
            raise TamperedRecord
        return self._parts.facts.sealing.open(record, Job, expected=(Kind.OTP_JOB, record.id))

    def _record(self, permit: Permit, job_id: bytes, job: Job, revision: int) -> Record:
        return self._parts.facts.sealing.seal(
            Kind.OTP_JOB, job_id, job, namespace=permit.namespace.id, name=job_id.hex(),
            revision=revision, request=permit.visit.request,
        )  # fmt: skip


def _without_user(wanted: Filter) -> Filter:
    return msgspec.structs.replace(wanted, user=UNSET)


def _given(ask: asks.CreateJob) -> list[str]:
    given = msgspec.to_builtins(ask.filter)
    return [f"{name}={value}" for name, value in given.items() if name != "user"] + (
        ["user"] if "user" in given else []
    )


def _view(record: Record, job: Job) -> asks.JobView:
    progress = int.from_bytes(job.after, "big") * 100 // _IDS
    return asks.JobView(
        id=record.name,
        action=job.action,
        filter=job.filter,
        subject=job.subject.hex(),
        state=job.state,
        per_second=job.per_second,
        description=job.description,
        created=rfc3339(job.created_us),
        created_by=job.created_by,
        ended=rfc3339_or_empty(job.ended_us),
        progress=100 if job.state is JobState.DONE else progress,
        looked_at=job.looked_at,
        done=job.done,
        skipped=job.skipped,
        revision=record.revision,
    )
