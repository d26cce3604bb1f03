"""Entries of what no request asked for, and entries as they are read back."""

from typing import Final

import msgspec

from strongroom.domain.errors import TamperedRecord
from strongroom.domain.events import FORMAT, Event, Outcome
from strongroom.domain.operations import DEEDS, OPERATIONS
from strongroom.domain.times import rfc3339
from strongroom.ports.store import Entry, StoredEvent, Write
from strongroom.services.books import Details, entry_of
from strongroom.tlog.merkle import leaf_hash

STEWARD: Final = "strongroom:steward"  # no principal can have this name
_decoder: Final = msgspec.json.Decoder(Event)


def deed(  # noqa: PLR0913 - what an entry is made of
    action: str,
    details: Details,
    *,
    namespace: str,
    namespace_id: bytes,
    principal: str,
    request: str,
    now_us: int,
    about: str = "",
    version: int = 0,
    writes: tuple[Write, ...] = (),
) -> Entry:
    """The entry of something that Strongroom itself does, or whoever runs it without a server.

    `about` is the entry's object.
    """
    allowed = DEEDS[action] if action in DEEDS else OPERATIONS[action].details
    if not allowed.issuperset(details):
        raise RuntimeError(f"{action} puts more in its entry than its row allows")
    event = Event(
        action=action,
        details=details,
        format=FORMAT,
        namespace=namespace,
        object=about,
        outcome=Outcome.ALLOWED,
        principal=principal,
        request=request,
        time=rfc3339(now_us),
        version=version,
    )
    return entry_of(event, namespace_id, now_us, writes)


def decoded(body: bytes) -> Event:
    """What an entry's bytes say. Raises `TamperedRecord` for bytes that are no entry."""
    try:
        return _decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise TamperedRecord from None


def written(stored: StoredEvent) -> Event:
    """What a stored entry says, if it is as it was written: by its leaf hash, which proofs are of.

    Raises `TamperedRecord` for any other. Whoever edits an entry together with its hash is found by
    the log's checkpoints, not here.
    """
    event = decoded(stored.body)
    if leaf_hash(stored.body) != stored.leaf_hash:
        raise TamperedRecord
    return event
