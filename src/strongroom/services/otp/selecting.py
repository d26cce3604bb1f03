"""Which credentials a filter means; and reading them, a page of ids at a time."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

from msgspec import UNSET

from strongroom.domain import limits
from strongroom.domain.errors import InvalidRequest
from strongroom.domain.otp.asks import Filter
from strongroom.domain.otp.credential import parse, spell
from strongroom.domain.otp.profile import DEFAULT, Profile
from strongroom.domain.times import microseconds
from strongroom.services.authorize import Permit
from strongroom.services.otp.parts import Parts
from strongroom.services.otp.rows import Held, pseudonym
from strongroom.services.otp.views import reminders

_SECOND_US = 1_000_000
_AT_ONCE: Final = 200  # rows read together
_BREATH: Final = 50  # rows opened before others have their turn


def matches(wanted: Filter, held: Held, profile: Profile, now_us: int, subject: bytes) -> bool:
    """Whether a filter means this credential. `subject`: the pseudonym of its user, if it has one.

    Of a user whose pseudonym is not given, nothing is meant.
    """
    body = held.body
    created_us = body.created_s * _SECOND_US
    before, after = microseconds(wanted.created_before), microseconds(wanted.created_after)
    return (
        (wanted.user is UNSET or held.user == subject)
        and (wanted.state is UNSET or held.state is wanted.state)
        and (wanted.type is UNSET or body.type is wanted.type)
        and (wanted.profile is UNSET or (body.profile or DEFAULT) == wanted.profile)
        and (wanted.serial is UNSET or body.serial == wanted.serial)
        and (wanted.locked is UNSET or body.locked is wanted.locked)
        and (wanted.imported is UNSET or body.imported is wanted.imported)
        and (not before or created_us < before)
        and (not after or created_us >= after)
        and (wanted.reminder is UNSET or wanted.reminder in reminders(held, profile, now_us))
    )


def after_of(page_token: str) -> bytes:
    """The id that a page begins after. Raises `InvalidRequest` for a token that is none of ours."""
    after = parse(page_token) if page_token else b""
    if after is None:
        raise InvalidRequest(
            "give the next_page_token of the page before, or nothing", "$.page_token"
        )
    return after


class Page:
    """What one page found, and where the next one goes on; empty: there is none."""

    def __init__(self) -> None:
        self.found: list[Held] = []
        self.next = ""


async def page(
    parts: Parts, permit: Permit, wanted: Filter, *, limit: int, page_token: str
) -> Page:
    """So many credentials that a filter means, after those of the page before.

    Looks at a bounded number of them: a page may be empty though another follows.
    """
    subject = b"" if wanted.user is UNSET else pseudonym(permit.namespace.handle, wanted.user)
    profiles = await parts.facts.otp_profiles(permit.namespace.id)
    found = Page()
    scanned = 0
    after = after_of(page_token)
    now_us = permit.visit.time_us
    async for held in _read(parts, permit, after, subject):
        if scanned >= limits.LIST_SCANNED_MAX or len(found.found) == limit:
            found.next = spell(after) if after else ""
            return found
        after, scanned = held.id, scanned + 1
        if matches(wanted, held, profiles.named(held.body.profile), now_us, subject):
            found.found.append(held)
        if not scanned % _BREATH:
            await asyncio.sleep(0)
    return found


async def _read(parts: Parts, permit: Permit, after: bytes, subject: bytes) -> AsyncIterator[Held]:
    namespace = permit.namespace.id
    if subject:
        # A user has a few; who has thousands of ended ones is shown the first of them.
        rows = await parts.ledger.credentials_of(namespace, subject, limits.LIST_SCANNED_MAX)
        for row in rows:
            if row.id > after:
                yield parts.rows.open(row, expected=(namespace, row.id))
        return
    while True:
        rows = await parts.ledger.credential_page(namespace, after, _AT_ONCE)
        for row in rows:
            yield parts.rows.open(row, expected=(namespace, row.id))
            after = row.id
        if len(rows) < _AT_ONCE:
            return
