"""Alerts: what the watcher found becomes a record and an entry; people read and acknowledge it.

The watcher's room speaks to strangers, so it is not believed. To raise a finding, in this order:

1. Nothing in it is out of bounds.
2. Each entry that it names is in the log, is of that namespace and of that request.
3. It is not there yet: a watcher that was stopped finds the same again.
4. The alert and its entry become durable together.
"""

import re
from typing import Final

import msgspec
from msgspec import UNSET

from strongroom.domain import alerts, limits
from strongroom.domain.alerts import AlertState
from strongroom.domain.errors import (
    ChangedMeanwhile,
    InvalidRequest,
    NotFound,
    TamperedRecord,
    Unavailable,
)
from strongroom.domain.findings import EVIDENCE_MAX, Finding
from strongroom.domain.operations import Resource
from strongroom.domain.records import Kind, Record, Ref
from strongroom.domain.things import Alert
from strongroom.domain.times import HOUR_US, rfc3339, rfc3339_or_empty
from strongroom.ports.clock import Clock
from strongroom.ports.ledger import Ledger
from strongroom.ports.randomness import Randomness
from strongroom.ports.store import Commit, Stale
from strongroom.services.authorize import Authorizer, Visit
from strongroom.services.books import Books, Details, change, creation
from strongroom.services.entries import deed, written
from strongroom.services.facts import Facts, NamespaceFact
from strongroom.services.founding import own_request

WATCHER: Final = "strongroom:watcher"  # no principal can have this name
_ID: Final = re.compile(r"[0-9a-f]{32}")
_RULE: Final = re.compile(r"[a-z][a-z-]{0,62}")
_POSITION_MAX: Final = 2**63 - 1


class Alerts:
    """See the head of this module."""

    def __init__(  # noqa: PLR0913 - what a service is made of
        self,
        *,
        facts: Facts,
        authorizer: Authorizer,
        books: Books,
        ledger: Ledger,
        clock: Clock,
        randomness: Randomness,
    ) -> None:
        self._facts = facts
        self._authorizer = authorizer
        self._books = books
        self._ledger = ledger
        self._clock = clock
        self._randomness = randomness
        self._hour = 0
        self._raised = 0

    # What the watcher asks for.

    async def raise_(self, finding: Finding) -> None:
        """Put a finding on record, once: durable when this returns.

        Raises `InvalidRequest` for what no watcher finds, and `Unavailable`: then it can be tried
        again, which makes no second alert.
        """
        _check(finding)  # 1.
        for _ in range(limits.STALE_RETRIES_MAX):
            epoch = self._ledger.epoch
            namespace = await self._namespace(finding.namespace)
            await self._check_evidence(finding, namespace)  # 2.
            (known,) = await self._ledger.load([Ref(Kind.ALERT, finding.id)])
            if known is not None:  # 3.
                return
            self._count()
            if await self._keep(finding, namespace, epoch):  # 4.
                return
        raise Unavailable("what this rests on is being changed too often")

    def _count(self) -> None:
        """Raises `Unavailable` when there were as many in this hour as no watcher finds."""
        hour = self._clock.now_us() // HOUR_US
        if hour != self._hour:
            self._hour, self._raised = hour, 0
        if self._raised >= limits.ALERTS_PER_HOUR_MAX:
            raise Unavailable("there are more findings than anybody can look at; later ones wait")
        self._raised += 1

    async def _namespace(self, name: str) -> NamespaceFact:
        record = await self._ledger.find(Kind.NAMESPACE, b"", name)
        if record is None:
            raise InvalidRequest("a finding is of a namespace that there is")
        namespace = await self._facts.namespace(record.id)
        if namespace.name != name:
            raise TamperedRecord
        return namespace

    async def _check_evidence(self, finding: Finding, namespace: NamespaceFact) -> None:
        for named in finding.evidence:
            stored = await self._ledger.entries(named.position, 1)
            if not stored or stored[0].position != named.position:
                raise InvalidRequest("a finding names entries that are in the log")
            event = written(stored[0])
            if (event.namespace, event.request, event.time) != (
                namespace.name, named.request, named.time
            ):  # fmt: skip
                raise InvalidRequest("a finding names entries of its namespace as they are")

    async def _keep(self, finding: Finding, namespace: NamespaceFact, epoch: int) -> bool:
        """Whether the alert is there now; if not, a fact changed."""
        now_us = self._clock.now_us()
        request = own_request(self._randomness, now_us)
        body = Alert(
            rule=finding.rule,
            severity=finding.severity,
            subject=finding.subject,
            sentence=finding.sentence,
            evidence=finding.evidence,
            raised_us=now_us,
        )
        record = self._facts.sealing.seal(
            Kind.ALERT, finding.id, body, namespace=namespace.id, name=_place(finding),
            request=request,
        )  # fmt: skip
        details: Details = {
            "alert": finding.id.hex(),
            "rule": finding.rule,
            "severity": finding.severity,
            "subject": finding.subject,
            "sentence": finding.sentence,
            "evidence": [f"{named.position}/{named.request}" for named in finding.evidence],
        }
        writes = (creation(record),)
        entry = deed(
            "alert.raise", details, about=f"namespace/{namespace.name}", principal=WATCHER,
            namespace=namespace.name, namespace_id=namespace.id, request=request, now_us=now_us,
            writes=writes,
        )  # fmt: skip
        outcome = await self._ledger.commit(Commit(epoch, (namespace.fact,), entry, writes))
        # A conflict is that it is there: another node's watcher reads the same log.
        return not isinstance(outcome, Stale)

    # What people ask for.

    async def list(self, visit: Visit, ask: alerts.ListAlerts) -> alerts.AlertPage:
        """A page of the namespace's alerts, the newest first."""
        permit = self._authorizer.permit(visit, Resource.NAMESPACE)
        found: list[alerts.AlertView] = []
        after, scanned = ask.page_token, 0
        leads_on = True
        while leads_on and len(found) < ask.limit and scanned < limits.LIST_SCANNED_MAX:
            wanted = ask.limit - len(found)
            records = await self._ledger.page(Kind.ALERT, permit.namespace.id, after, wanted + 1)
            leads_on = len(records) > wanted
            for record in records[:wanted]:
                after, scanned = record.name, scanned + 1
                body = self._open(record, record.id, permit.namespace)
                if _matches(body, ask):
                    found.append(_view(record.id, body))
        await self._books.allowed(permit, {"count": len(found)})
        return alerts.AlertPage(found, after if leads_on else "")

    async def read(self, visit: Visit, ask: object) -> alerts.AlertView:
        """An alert. Raises `NotFound` alike for none and for another namespace's."""
        del ask
        permit = self._authorizer.permit(visit, Resource.NAMESPACE)
        record = await self._record(visit.target, permit.namespace)
        body = self._open(record, record.id, permit.namespace)
        await self._books.allowed(permit, {"alert": visit.target})
        return _view(record.id, body)

    async def acknowledge(self, visit: Visit, ask: alerts.AcknowledgeAlert) -> alerts.AlertView:
        """Keep who looked at it, when, and what they noted. For good: there is no way back.

        Raises `NotFound`; `ChangedMeanwhile` when somebody did before; `InvalidRequest` when it is
        about the caller, who would be the judge of their own acts.
        """
        permit = self._authorizer.permit(visit, Resource.NAMESPACE)
        record = await self._record(visit.target, permit.namespace)
        body = self._open(record, record.id, permit.namespace)
        if body.acknowledged_us:
            raise ChangedMeanwhile(f"it was acknowledged already, by {body.acknowledged_by}")
        if body.subject == f"principal/{permit.principal.name}":
            raise InvalidRequest("an alert about yourself is somebody else's to acknowledge")
        acknowledged = msgspec.structs.replace(
            body,
            acknowledged_us=visit.time_us,
            acknowledged_by=permit.principal.name,
            note=ask.note,
        )
        changed = self._facts.sealing.seal(
            Kind.ALERT, record.id, acknowledged, namespace=record.namespace, name=record.name,
            revision=record.revision + 1, request=visit.request,
        )  # fmt: skip
        visit.facts.append(record.fact)
        await self._books.allowed(permit, {"alert": visit.target}, writes=(change(changed),))
        return _view(record.id, acknowledged)

    async def _record(self, text: str, namespace: NamespaceFact) -> Record:
        if not _ID.fullmatch(text):
            raise NotFound
        (record,) = await self._ledger.load([Ref(Kind.ALERT, bytes.fromhex(text))])
        if record is None or record.namespace != namespace.id:
            raise NotFound
        return record

    def _open(self, record: Record, alert_id: bytes, namespace: NamespaceFact) -> Alert:
        body = self._facts.sealing.open(record, Alert, expected=(Kind.ALERT, alert_id))
        if record.namespace != namespace.id:
            raise TamperedRecord
        return body


def _check(finding: Finding) -> None:
    """Raises `InvalidRequest` for what no watcher finds."""
    if not (
        _RULE.fullmatch(finding.rule)
        and 0 < len(finding.evidence) <= EVIDENCE_MAX
        and len(finding.subject) <= limits.LABEL_CHARACTERS_MAX
        and len(finding.sentence) <= limits.DESCRIPTION_CHARACTERS_MAX
        and finding.subject.isprintable()
        and finding.sentence.isprintable()
        and all(0 <= named.position <= _POSITION_MAX for named in finding.evidence)
    ):
        raise InvalidRequest("this is not what a watcher finds")


def _place(finding: Finding) -> str:
    """The record's name. Pages are in the order of names: the newest entry's alert comes first."""
    return f"{_POSITION_MAX - finding.evidence[-1].position:016x}{finding.id.hex()[:16]}"


def _matches(body: Alert, ask: alerts.ListAlerts) -> bool:
    state = AlertState.ACKNOWLEDGED if body.acknowledged_us else AlertState.OPEN
    return ask.state in {UNSET, state} and ask.severity in {UNSET, body.severity}


def _view(alert_id: bytes, body: Alert) -> alerts.AlertView:
    return alerts.AlertView(
        id=alert_id.hex(),
        rule=body.rule,
        severity=body.severity,
        subject=body.subject,
        sentence=body.sentence,
        raised=rfc3339(body.raised_us),
        evidence=[
            alerts.EvidenceView(named.position, named.request, named.time)
            for named in body.evidence
        ],
        acknowledged=rfc3339_or_empty(body.acknowledged_us),
        acknowledged_by=body.acknowledged_by,
        note=body.note,
    )
