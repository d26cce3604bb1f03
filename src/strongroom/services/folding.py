"""The rows that the log names last, compared with those that there are.

A MAC says that a row is genuine, not that it is the newest: an older row, put back, has its MAC,
too. But every change is an entry, and the entry names what it left behind: kind, id, revision and
half of the MAC. Of two entries that name one record, the later one counts.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec

from strongroom.domain import limits
from strongroom.domain.records import Kind, Record, Ref
from strongroom.ports.store import Store, StoreDamaged, StoredEvent
from strongroom.tlog.merkle import leaf_hash

_AT_ONCE = 1_000


class Named(NamedTuple):
    """What the log says of a record: its newest revision, half of its MAC, the entry's place."""

    revision: int
    mac: str
    position: int


class Newest(dict[Ref, Named]):
    """What the log names last of each record."""


class Wrong(msgspec.Struct, frozen=True):
    """A row that is not the one that the log names."""

    ref: Ref
    name: str
    revision: int  # the log's
    position: int
    what: str

    def __str__(self) -> str:
        """For people."""
        shown = f"{WORDS[self.ref.kind]} {self.name or self.ref.id.hex()}"
        return f"the row of {shown} {self.what}, says audit entry {self.position:,}"


WORDS = {
    Kind.NAMESPACE: "the namespace",
    Kind.KEY: "the key",
    Kind.VERSION: "the key version",
    Kind.PRINCIPAL: "the principal",
    Kind.TOKEN: "the token",
    Kind.ALIAS: "the alias",
    Kind.GRANT: "the grant",
    Kind.IMPORT_TICKET: "the import ticket",
    Kind.POLICIES: "the policies of the namespace",
    Kind.LOG: "the log's keys",
    Kind.AUDIT_KEYS: "the audit keys of the namespace",
    Kind.ALERT: "the alert",
    Kind.OTP_PROFILES: "the OTP profiles of the namespace",
    Kind.OTP_JOB: "the OTP job",
}


def fold(store: Store) -> list[Wrong]:
    """The rows that are not those that the log names last.

    Nothing is looked at when there are more changes than can be read at a start
    (`limits.START_CHECK_CHANGES_MAX`): `strongroom fsck` always does. Raises `StoreDamaged` for an
    entry that was altered.
    """
    newest = Newest()
    for number, event in enumerate(_changes(store)):
        if number == limits.START_CHECK_CHANGES_MAX:
            return []
        if leaf_hash(event.body) != event.leaf_hash:
            raise StoreDamaged(f"entry {event.position} was altered")
        remember(newest, mentions(event.body), event.position)
    return compared(store, newest)


def mentions(body: bytes) -> list[str]:
    """What an entry says that it changed. Raises `StoreDamaged` if that cannot be read."""
    try:
        return _mentioning.decode(body).records
    except msgspec.MsgspecError:
        raise StoreDamaged("an entry cannot be read") from None


def remember(newest: Newest, texts: Sequence[str], position: int) -> None:
    """Take in what an entry names. Later entries come later."""
    for text in texts:
        try:
            kind, record_id, revision, mac = text.split("/")
            newest[Ref(Kind(kind), bytes.fromhex(record_id))] = Named(int(revision), mac, position)
        except ValueError:
            raise StoreDamaged(f"entry {position} names something that is no record") from None


def compared(store: Store, newest: Newest) -> list[Wrong]:
    """The records whose rows are not as the log names them."""
    wrong: list[Wrong] = []
    refs = list(newest)
    for first in range(0, len(refs), _AT_ONCE):
        some = refs[first : first + _AT_ONCE]
        for ref, record in zip(some, store.load(some), strict=True):
            what = difference(newest[ref], record)
            if what:
                name = "" if record is None else record.name
                named = newest[ref]
                wrong.append(Wrong(ref, name, named.revision, named.position, what))
    return wrong


def difference(named: Named, record: Record | None) -> str:
    """What is wrong with the row; empty: nothing."""
    if record is None:
        return "is gone"
    if record.revision < named.revision:
        return f"is an older one (revision {record.revision} instead of {named.revision})"
    if (record.revision, record.mac[:16].hex()) != (named.revision, named.mac):
        return f"is another one (revision {record.revision})"
    return ""


def _changes(store: Store) -> Iterator[StoredEvent]:
    first = 0
    while events := store.changes(first, _AT_ONCE, erasing=False):
        yield from events
        first = events[-1].position + 1


class _Mentioning(msgspec.Struct):
    records: list[str] = []


_mentioning = msgspec.json.Decoder(_Mentioning)
