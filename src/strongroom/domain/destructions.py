"""Destructions: which entries say that material was erased, and how that is remembered elsewhere.

A backup of the database brings erased material back. So the entries of destructions are also kept
beside the last checkpoint, outside the database, and done again when a restore is accepted.
"""

from typing import Final

import msgspec

from strongroom.domain.binding import bind
from strongroom.domain.events import Event
from strongroom.domain.records import Kind, Ref

# Of the records that an entry with this action names, the material of these kinds was erased.
# Every commit that erases is of one of these actions; a test compares.
ERASED: Final[dict[str, frozenset[Kind]]] = {
    "key.destroy": frozenset({Kind.KEY, Kind.VERSION}),
    "key.delete-imported-material": frozenset({Kind.VERSION}),
    "key.expire-material": frozenset({Kind.VERSION}),
    "key.expire-import": frozenset({Kind.IMPORT_TICKET}),
    "key.import": frozenset({Kind.IMPORT_TICKET}),
    "audit.erase-details": frozenset({Kind.AUDIT_KEYS}),
}

CHAIN_BEGINNING: Final = bytes(32)
_KEY_BYTES: Final = 16  # of a version's id, the first


class Destruction(msgspec.Struct, frozen=True):
    """One line of the file. Fields stand in alphabetical order, as they are written.

    `leaf` is the entry's leaf hash: tells whether a database has this very entry. `mac` is over the
    line without it, and over the line before: none can be altered or taken out.
    """

    action: str
    leaf: str
    object: str
    position: int
    records: list[str]
    mac: str = ""

    def authenticated(self, deployment: bytes, before: bytes) -> bytes:
        """What the MAC covers. `before` is the MAC of the line before."""
        bare = msgspec.structs.replace(self, mac="")
        return bind(b"strongroom/destruction/1", deployment, before, _encode(bare))

    def line(self) -> bytes:
        """As it is written."""
        return _encode(self) + b"\n"

    @property
    def erased(self) -> list[Ref]:
        """The records whose material is gone.

        Relatives of a key stand beside it, for their rows change with its end: whose versions are
        named is the one. Of several keys without any version it is not known which one it was, and
        the one has no material left.
        """
        kinds = ERASED.get(self.action, frozenset())
        refs = [
            Ref(Kind(kind), bytes.fromhex(text)) for kind, text in map(_kind_and_id, self.records)
        ]
        keys = {ref.id for ref in refs if ref.kind is Kind.KEY}
        if len(keys) > 1:
            keys &= {ref.id[:_KEY_BYTES] for ref in refs if ref.kind is Kind.VERSION}
        return [
            ref
            for ref in refs
            if ref.kind in kinds and (ref.kind is not Kind.KEY or ref.id in keys)
        ]


def destruction_of(event: Event, position: int, leaf: bytes) -> Destruction | None:
    """What the entry says was destroyed, if it says so. It has no MAC yet."""
    if event.action not in ERASED or not event.records:
        return None
    found = Destruction(event.action, leaf.hex(), event.object, position, event.records)
    return found if found.erased else None


def parse(line: bytes) -> Destruction:
    """The line, without its end, that `line` wrote. Raises `ValueError`."""
    try:
        found = _decoder.decode(line)
        _ = found.erased  # ids and kinds can be read
    except msgspec.MsgspecError as error:
        raise ValueError("not a line of a destruction") from error
    if found.line() != line + b"\n":
        raise ValueError("not a line of a destruction")
    return found


def _kind_and_id(mention: str) -> tuple[str, str]:
    kind, record_id, _, _ = mention.split("/")
    return kind, record_id


_encode = msgspec.json.Encoder().encode
_decoder = msgspec.json.Decoder(Destruction)
