"""The audit trail, read: entries by what they are about, and single decisions by their id."""

from typing import Final

from msgspec import UNSET

from strongroom.domain import asks
from strongroom.domain.errors import InvalidRequest, NotFound, TamperedRecord
from strongroom.domain.events import Event, Outcome
from strongroom.domain.operations import DEEDS, OPERATIONS, Resource
from strongroom.domain.times import microseconds
from strongroom.ports.ledger import Ledger
from strongroom.ports.store import EventQuery, StoredEvent
from strongroom.services.audit_keys import SOURCE, Hidden
from strongroom.services.authorize import Authorizer, Visit
from strongroom.services.books import Books
from strongroom.services.entries import written
from strongroom.services.facts import Facts, NamespaceFact

_POSITION_DIGITS_MAX: Final = 18  # what is longer is no position, and slow to turn into a number


class History:
    """Reads the log of the caller's namespace."""

    def __init__(
        self, *, facts: Facts, authorizer: Authorizer, books: Books, ledger: Ledger
    ) -> None:
        self._facts = facts
        self._authorizer = authorizer
        self._books = books
        self._ledger = ledger

    async def events(self, visit: Visit, ask: asks.AuditQuery) -> asks.EventPage:
        """Entries by the conditions. Oldest first, the token always leads on: one can follow."""
        permit = self._authorizer.permit(visit, Resource.NAMESPACE)
        if ask.action and ask.action not in OPERATIONS and ask.action not in DEEDS:
            raise InvalidRequest("there is no such action", "$.action")
        if ask.outcome and ask.outcome not in set(Outcome):
            raise InvalidRequest("an outcome is allowed or refused", "$.outcome")
        newest = ask.order is asks.Order.NEWEST_FIRST
        position = _position(ask.page_token)
        if newest and ask.page_token and position <= 0:  # nothing is before the first entry
            await self._books.allowed(permit, {"count": 0})
            return asks.EventPage([], "0", (await self._ledger.growth()).size)
        query = EventQuery(
            namespace=permit.namespace.id,
            after=-1 if newest else position,
            newest=newest,
            before=position if newest and ask.page_token else 0,
            since_us=_time_us(ask.since, "$.since"),
            until_us=_time_us(ask.until, "$.until"),
            principal=ask.principal,
            object=f"key/{ask.key}" if ask.key else "",
            action=ask.action,
            outcome=ask.outcome,
            request="" if ask.request is UNSET else ask.request,
            limit=ask.limit,
        )
        page = await self._ledger.events(query)
        namespace = await self._facts.namespace(permit.namespace.id)  # as of after the entries
        views = [_view(event, namespace) for event in page.events]
        if ask.source:
            # Not by an index: a page of few finds, or none, leads on like any other.
            wanted = _spellings(ask.source, namespace)
            views = [view for view in views if view.source in wanted]
        await self._books.allowed(permit, {"count": len(views)})
        return asks.EventPage(views, str(page.scanned), page.tree_size)

    async def decision(self, visit: Visit, ask: asks.Nothing) -> asks.DecisionView:
        """The decision with that id: which rules were weighed, and what was missing."""
        del ask
        permit = self._authorizer.permit(visit, Resource.NAMESPACE)
        page = await self._ledger.events(
            EventQuery(namespace=permit.namespace.id, request=visit.target, limit=1)
        )
        if not page.events:
            raise NotFound
        event = _view(page.events[0], await self._facts.namespace(permit.namespace.id))
        await self._books.allowed(permit, {"decision": visit.target})
        return asks.DecisionView(
            id=event.request,
            time=event.time,
            principal=event.principal,
            action=event.action,
            object=event.object,
            outcome=event.outcome,
            reason=event.reason,
            policies=event.policies,
            missing=event.missing,
        )


def _view(stored: StoredEvent, namespace: NamespaceFact) -> asks.EventView:
    """The entry, with what is sealed beside it if that was not erased.

    Raises `TamperedRecord` where one of them is not as written, or not of the namespace.
    """
    event = written(stored)
    if event.namespace != namespace.name:
        raise TamperedRecord
    fields = {name: getattr(event, name) for name in Event.__struct_fields__ if name != "format"}
    opened: dict[str, str] | None = {}
    if event.sealed:
        if namespace.audit_keys is None:
            raise TamperedRecord  # erasing puts other keys in the place of those that there were
        hidden = Hidden(event.sealed, stored.sealed)
        opened = namespace.audit_keys.open(hidden, request=event.request)
    return asks.EventView(
        position=stored.position,
        leaf_hash=stored.leaf_hash.hex(),
        opened=opened or {},
        erased=opened is None,
        **fields,
    )


def _spellings(source: str, namespace: NamespaceFact) -> set[str]:
    """How entries may name that address: as it is, or by its token."""
    keys = namespace.audit_keys
    return {source} if keys is None else {source, keys.token(source, kind=SOURCE)}


def _position(token: str) -> int:
    if not token:
        return -1
    digits = token.isascii() and token.isdigit() and len(token) <= _POSITION_DIGITS_MAX
    if token == "-1" or digits:  # noqa: S105 - the token of an empty log
        return int(token)
    raise InvalidRequest("the page token is not one that was handed out here", "$.page_token")


def _time_us(text: str, pointer: str) -> int:
    try:
        return microseconds(text)
    except ValueError as error:
        raise InvalidRequest(str(error), pointer) from None
