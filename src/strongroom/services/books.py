"""The books: how a decision becomes an audit entry and durable, together with what it changes."""

from collections.abc import Callable

import msgspec

from strongroom.domain.calls import DRY_RUN
from strongroom.domain.errors import (
    AlreadyExists,
    ChangedMeanwhile,
    KeyNotUsable,
    RateLimited,
    TamperedRecord,
)
from strongroom.domain.events import FORMAT, Event, Outcome, canonical, tally
from strongroom.domain.iam.actions import PREFIX
from strongroom.domain.records import Record
from strongroom.domain.times import rfc3339
from strongroom.ports.ledger import Ledger
from strongroom.ports.randomness import Randomness
from strongroom.ports.store import Commit, Entry, Exhausted, Kept, Move, Rate, Stale, Tally, Write
from strongroom.services.audit_keys import SALT_BYTES, SOURCE, AuditKeysFact
from strongroom.services.authorize import Bounds, Permit, Visit
from strongroom.services.facts import Facts, NamespaceFact

Details = dict[str, str | int | list[str]]

Overused = Callable[[bytes, int], None]
"""Is told a key's id and its version that was used as often as the key's rotation rule says."""

_USED_UP = "the key has been used as often as it may"
_TOO_FAST = "more codes are tried than this caller, or this source, may try; try again later"


class StaleDecision(Exception):  # noqa: N818 - it says what is the case
    """A fact changed while we decided. Nothing was written; the desk decides again."""


class Rehearsed(Exception):  # noqa: N818 - it says what is the case
    """All would have been done, but this was a dry run: that is on record, and nothing else is.

    `wrong`: what was to be verified is not right.
    """

    def __init__(self, *, wrong: bool = False) -> None:
        super().__init__()
        self.wrong = wrong


class Books:
    """Writes decisions down. No result leaves before these methods return."""

    def __init__(  # noqa: PLR0913 - what the books are made of
        self,
        *,
        ledger: Ledger,
        facts: Facts,
        randomness: Randomness,
        root_namespace: bytes,
        root_name: str,
        overused: Overused,
    ) -> None:
        self._ledger = ledger
        self._facts = facts
        self._randomness = randomness
        self._root_namespace = root_namespace
        self._root_name = root_name
        self._overused = overused

    async def allowed(  # noqa: PLR0913 - what an entry and its commit are made of
        self,
        permit: Permit,
        details: Details | None = None,
        *,
        version: int = 0,
        writes: tuple[Write, ...] = (),
        erases: bool = False,
        hidden_by: AuditKeysFact | None = None,
        moves: tuple[Move, ...] = (),
        rates: tuple[Rate, ...] = (),
        also: tuple[Entry, ...] = (),
    ) -> int:
        """Keep what was permitted and done. Durable when this returns the entry's place in the log.

        Raises `StaleDecision`, `AlreadyExists`, `ChangedMeanwhile`, `KeyNotUsable` or `RateLimited`
        (the key's own bounds, or `rates`) or `Unavailable`; then nothing may be released, and (but
        for `Unavailable`, of which nothing is known) nothing was written. With `erases`, what the
        writes and moves replace is gone from the store's files, too. `hidden_by`: the audit keys
        that hold from this entry on, if not the namespace's. `also`: entries of it in other trails.

        A dry run ends here: with `Rehearsed`, when it is on record that it was one, or with what
        its key's own bounds, or a fact that has changed, would have raised. What `writes`, `moves`
        and `rates` would have met is not known.
        """
        namespace = permit.namespace
        if permit.visit.terms.dry:
            await self._rehearse(permit, details or {}, version)
            raise Rehearsed
        entry = self._entry(
            permit.visit, Outcome.ALLOWED, details or {}, namespace, permit.visit.source,
            hidden_by or namespace.hidden_by, version=version, writes=writes,
        )  # fmt: skip
        return await self._commit(
            permit.visit, entry, writes, erases=erases, bounded=True, moves=moves, rates=rates,
            also=also,
        )  # fmt: skip

    def also(self, permit: Permit, details: Details, *, version: int = 0) -> Entry:
        """The entry of a part that was permitted in another namespace, for `allowed` to keep."""
        there = permit.namespace
        return self._entry(
            permit.visit, Outcome.ALLOWED, details, there, permit.visit.source, there.hidden_by,
            version=version,
        )  # fmt: skip

    async def _rehearse(self, permit: Permit, details: Details, version: int) -> None:
        visit, namespace = permit.visit, permit.namespace
        source, hidden_by = visit.source, namespace.hidden_by
        done = self._entry(
            visit, Outcome.ALLOWED, details, namespace, source, hidden_by, version=version
        )
        tried = self._entry(
            visit, Outcome.REFUSED, {}, namespace, source, hidden_by, reason=DRY_RUN
        )
        bounds = visit.bounds
        if bounds is not None:
            taken = sum(one.count for one in done.tally if one.object == bounds.quota.object)
            quota = msgspec.structs.replace(bounds.quota, rehearsed=taken)
            # However often it was used: what was only tried makes no key rotate.
            visit.bounds = Bounds(bounds.key, quota, rotation_uses=0)
        await self._commit(visit, tried, (), bounded=True)

    async def refused(self, visit: Visit, reason: str) -> None:
        """Keep that it was refused, and why."""
        # A visitor who proved nothing is on record where the token says, or in the first namespace.
        namespace, source = visit.namespace, visit.source
        if namespace is None:
            try:
                namespace = await self._facts.namespace(self._root_namespace)
                visit.facts.append(namespace.fact)
            except TamperedRecord:
                # Nobody can tell whether addresses are private there: the entry has none.
                source = ""
        hidden_by = None if namespace is None else namespace.hidden_by
        entry = self._entry(visit, Outcome.REFUSED, {}, namespace, source, hidden_by, reason=reason)
        await self._commit(visit, entry, ())

    def _entry(  # noqa: PLR0913 - what an entry is made of
        self,
        visit: Visit,
        outcome: Outcome,
        details: Details,
        namespace: NamespaceFact | None,
        source: str,
        hidden_by: AuditKeysFact | None,
        *,
        version: int = 0,
        reason: str = "",
        writes: tuple[Write, ...] = (),
    ) -> Entry:
        if visit.terms.reading:
            details = {**details, "right": PREFIX + visit.terms.reading}
        if not visit.operation.details.issuperset(details):
            raise RuntimeError(f"{visit.operation.name} puts more in its entry than its row allows")
        commitment, blob = "", b""
        if hidden_by is not None and source:
            visit.facts.append(hidden_by.fact)  # keys that were erased meanwhile hide nothing more
            commitment, blob = hidden_by.seal(
                {"source": source},
                request=visit.request,
                salt=self._randomness.bytes(SALT_BYTES),
            )
            source = hidden_by.token(source, kind=SOURCE)
        principal = "" if visit.principal is None else visit.principal.name
        event = Event(
            action=visit.operation.name,
            details=details,
            format=FORMAT,
            missing=visit.missing,
            namespace=self._root_name if namespace is None else namespace.name,
            object=visit.object,
            outcome=outcome,
            policies=[] if visit.verdict is None else list(visit.verdict.policies),
            principal=principal,
            reason=reason,
            request=visit.request,
            sealed=commitment,
            source=source,
            time=rfc3339(visit.time_us),
            token="" if visit.token is None else visit.token.text_id,
            version=version,
        )
        namespace_id = self._root_namespace if namespace is None else namespace.id
        return entry_of(event, namespace_id, visit.time_us, writes, blob)

    async def _commit(  # noqa: PLR0913 - what a commit is made of
        self,
        visit: Visit,
        entry: Entry,
        writes: tuple[Write, ...],
        *,
        erases: bool = False,
        bounded: bool = False,
        moves: tuple[Move, ...] = (),
        rates: tuple[Rate, ...] = (),
        also: tuple[Entry, ...] = (),
    ) -> int:
        facts = tuple(dict.fromkeys(visit.facts))  # a batch names its key once for each item
        bounds = visit.bounds if bounded else None
        quota = None if bounds is None else bounds.quota
        outcome = await self._ledger.commit(
            Commit(visit.epoch, facts, entry, writes, quota, erases, moves, rates, also)
        )
        if isinstance(outcome, Kept):
            if bounds is not None and bounds.rotation_uses and outcome.uses >= bounds.rotation_uses:
                self._overused(bounds.key, bounds.quota.version)
            return outcome.position
        if isinstance(outcome, Stale):
            raise StaleDecision
        if isinstance(outcome, Exhausted):
            if rates:
                raise RateLimited(_TOO_FAST)
            raise RateLimited if outcome.rate else KeyNotUsable(_USED_UP)
        raise AlreadyExists if outcome.name else ChangedMeanwhile


def entry_of(
    event: Event,
    namespace_id: bytes,
    time_us: int,
    writes: tuple[Write, ...] = (),
    sealed: bytes = b"",
) -> Entry:
    """The event's canonical bytes, and what it is found by: the same values that are in them.

    It names what `writes` leave behind, so that who has the log can tell which rows are current.
    `sealed` is kept beside it.
    """
    if writes:
        mentions = [write.record.mention for write in writes]
        event = msgspec.structs.replace(event, records=mentions)
    return Entry(
        time_us, namespace_id, event.principal, event.object, event.action, event.outcome,
        event.request, canonical(event), tuple([Tally(*use) for use in tally(event)]), sealed,
    )  # fmt: skip


def creation(record: Record) -> Write:
    """The write that keeps a new record."""
    return Write(record, 0)


def change(record: Record) -> Write:
    """The write that keeps a record's next revision."""
    return Write(record, record.revision - 1)
