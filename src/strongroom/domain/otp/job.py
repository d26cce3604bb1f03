"""A job: the same done to every credential that a filter finds. The body of its record."""

import msgspec

from strongroom.domain.otp.asks import Filter, JobAction, JobState


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """`after` is the last id that was looked at: it is kept in the steps' own commits.

    `subject` is the pseudonym of the filter's user, whose name is not kept. `not_before_us` is when
    the next step is due, by the job's pace.
    """

    action: JobAction
    filter: Filter
    state: JobState
    per_second: int
    description: str
    created_us: int
    created_by: str
    subject: bytes = b""
    after: bytes = b""
    looked_at: int = 0
    done: int = 0
    skipped: int = 0
    not_before_us: int = 0
    ended_us: int = 0

    @property
    def due_us(self) -> int:
        """When the next step is due; 0: never."""
        return max(self.not_before_us, 1) if self.state is JobState.RUNNING else 0
