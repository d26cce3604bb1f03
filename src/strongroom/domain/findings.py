"""A finding: what the watcher saw in the audit log that somebody should look at.

It names its evidence: entries by their positions and requests, so that whoever doubts it can fetch
a receipt for each. Nothing is in it that is not in those entries.
"""

import hashlib
from enum import StrEnum
from typing import Final

import msgspec

ID_BYTES: Final = 16
EVIDENCE_MAX: Final = 16  # entries that one finding names: enough to see what happened


class Severity(StrEnum):
    """How soon somebody should look: within days, within the day, now."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class Evidence(msgspec.Struct, frozen=True, array_like=True):
    """An entry: its position in the log, the request that it is about, and when."""

    position: int
    request: str
    time: str


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What was found. `subject` is who or what it is about, such as `principal/anna`.

    `evidence` has at least one entry and at most `EVIDENCE_MAX`, the oldest first. `sentence` says
    what was seen, in numbers, and the threshold.
    """

    rule: str
    severity: Severity
    namespace: str
    subject: str
    sentence: str
    evidence: list[Evidence]

    @property
    def id(self) -> bytes:
        """The same for the same finding, however often the log is read. 16 bytes."""
        # JSON of a list: no two findings share these bytes. The last entry made it a finding; which
        # others are named beside it may differ after a restart.
        named = [self.rule, self.namespace, self.subject, self.evidence[-1].position]
        digest = hashlib.sha256(b"strongroom/finding/1\n" + msgspec.json.encode(named))
        return digest.digest()[:ID_BYTES]

    @property
    def first(self) -> str:
        """When the oldest entry of the evidence was written."""
        return self.evidence[0].time

    @property
    def last(self) -> str:
        """When the entry was written that made it a finding."""
        return self.evidence[-1].time
