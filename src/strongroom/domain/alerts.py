"""What is asked and answered about alerts: what the watcher found in the log of a namespace."""

from enum import StrEnum

from msgspec import UNSET, UnsetType

from strongroom.domain.asks import Answer, Ask, Page
from strongroom.domain.findings import Severity
from strongroom.domain.words import Description


class AlertState(StrEnum):
    """Whether somebody has looked at it."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"


class ListAlerts(Page, kw_only=True):
    """One page of alerts, the newest first, of those that match everything given.

    A page may hold fewer than its limit, or none, and still lead on.
    """

    state: AlertState | UnsetType = UNSET
    severity: Severity | UnsetType = UNSET


class AcknowledgeAlert(Ask, kw_only=True):
    """That somebody has looked at it, and what came of that."""

    note: Description = ""


class EvidenceView(Answer):
    """An entry of the log. For its proof, ask for the receipt of its request."""

    position: int
    request: str
    time: str


class AlertView(Answer):
    """An alert. Times are RFC 3339; `acknowledged` is empty until somebody did."""

    id: str
    rule: str
    severity: Severity
    subject: str
    sentence: str
    raised: str
    evidence: list[EvidenceView]
    acknowledged: str
    acknowledged_by: str
    note: str


class AlertPage(Answer):
    """One page."""

    alerts: list[AlertView]
    next_page_token: str
