"""What a key was used for: by whom, when, how often; and which versions nobody needs any more.

The counts come from the audit log (`ports/store.py`), so no use is missing and none is counted
twice. A use is an operation with material that was allowed.
"""

from collections import defaultdict
from datetime import UTC, datetime

from strongroom.domain import limits, transfers
from strongroom.domain.events import Event, Outcome, tally
from strongroom.domain.times import DAY_US, rfc3339, rfc3339_or_empty
from strongroom.ports.ledger import Ledger
from strongroom.ports.store import EventQuery, Usage
from strongroom.services.authorize import Authorizer, Permit, Visit
from strongroom.services.books import Books
from strongroom.services.entries import written


class Usages:
    """Answers "who still uses this?"."""

    def __init__(self, *, authorizer: Authorizer, books: Books, ledger: Ledger) -> None:
        self._authorizer = authorizer
        self._books = books
        self._ledger = ledger

    async def read(self, visit: Visit, ask: transfers.ReadUsage) -> transfers.UsageView:
        """Uses of each version in the last so many days (UTC), today included."""
        permit = await self._authorizer.permit_key(visit, visit.target, {})
        key = permit.known_key()
        since = visit.time_us // DAY_US - ask.days + 1
        rows = await self._ledger.usage(key.namespace, key.object, since, limits.USAGE_ROWS_MAX + 1)
        all_rows = len(rows) <= limits.USAGE_ROWS_MAX
        rows = rows[: limits.USAGE_ROWS_MAX]
        by_version: dict[int, list[Usage]] = defaultdict(list)
        for row in rows:
            by_version[row.version].append(row)
        numbers = sorted(
            by_version.keys() | set(range(key.body.min_version, key.body.current_version + 1)),
            reverse=True,
        )
        shown = numbers[: limits.PAGE_ITEMS_MAX]
        versions = [
            _version(number, by_version[number], key.body.current_version, complete=all_rows)
            for number in shown
        ]
        last = await self._last(permit, rows)
        await self._books.allowed(permit, {"days": ask.days})
        return transfers.UsageView(
            name=key.name,
            since=rfc3339(since * DAY_US),
            uses=sum(row.count for row in rows),
            last_used=_last(rows),
            versions=versions,
            complete=all_rows and len(shown) == len(numbers),
            last_action="" if last is None else last.action,
            last_request="" if last is None else last.request,
        )

    async def _last(self, permit: Permit, rows: list[Usage]) -> Event | None:
        """The entry of the last use. None if too much happened in the same microsecond."""
        key, last_us = permit.known_key(), max((row.last_us for row in rows), default=0)
        if not last_us:
            return None
        query = EventQuery(
            namespace=key.namespace, since_us=last_us, until_us=last_us, outcome=Outcome.ALLOWED,
            limit=limits.PAGE_ITEMS_MAX,
        )  # fmt: skip
        entries = [written(stored) for stored in (await self._ledger.events(query)).events]
        used = [
            entry for entry in entries if any(about == key.object for about, _, _ in tally(entry))
        ]
        return used[-1] if used else None


def _version(
    number: int, rows: list[Usage], current: int, *, complete: bool
) -> transfers.VersionUsage:
    by_caller: dict[str, list[Usage]] = defaultdict(list)
    for row in rows:
        by_caller[row.principal].append(row)
    callers = [
        transfers.CallerUsage(name, sum(row.count for row in theirs), _last(theirs))
        for name, theirs in sorted(by_caller.items())
    ]
    return transfers.VersionUsage(
        version=number,
        uses=sum(row.count for row in rows),
        last_used=_last(rows),
        # An answer that is cut off must not say that nobody was there.
        safe_to_retire=complete and not rows and number != current,
        callers=callers,
        by_day=[
            transfers.DayUsage(_day(row.day), row.principal, row.count)
            for row in sorted(rows, key=lambda row: (-row.day, row.principal))
        ],
    )


def _last(rows: list[Usage]) -> str:
    return rfc3339_or_empty(max((row.last_us for row in rows), default=0))


def _day(day: int) -> str:
    return datetime.fromtimestamp(day * DAY_US // 1_000_000, UTC).strftime("%Y-%m-%d")
