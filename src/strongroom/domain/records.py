"""A record: how anything that Strongroom remembers is stored, and what seals it.

The ledger keeps records without understanding them. Each has a MAC over everything that it is and
where it stands, so that a row that was edited, or put in another row's place, is refused.
`docs/formats/record-1.md` is the page about it.
"""

from enum import StrEnum

import msgspec

from strongroom.domain.binding import bind


class Kind(StrEnum):
    """What a record is. The letter is stored, and is the first byte of a fact's name."""

    NAMESPACE = "n"
    KEY = "k"
    VERSION = "v"  # id: the key's id, then the version in four bytes
    PRINCIPAL = "p"
    TOKEN = "t"  # noqa: S105 - a kind of record
    ALIAS = "a"
    IMPORT_TICKET = "i"
    POLICIES = "o"  # id: the namespace's id; all policies of a namespace are one record
    LOG = "l"  # the keys that sign the audit log; one record, under an id of its own
    AUDIT_KEYS = "u"  # id: the namespace's id; what hides identifiers in its entries
    ALERT = "w"  # a finding of the watcher
    GRANT = "g"  # id: the key's id, then 16 bytes; without a name once it has ended
    OTP_PROFILES = "f"  # id: the namespace's id; its profiles of credentials, once one was written
    OTP_JOB = "j"  # the same done to many credentials; the id begins with the time


class Ref(msgspec.Struct, frozen=True, array_like=True):
    """Which record."""

    kind: Kind
    id: bytes

    @property
    def fact(self) -> bytes:
        """The name under which a change to this record is announced."""
        return self.kind.encode() + self.id


def aliases_fact(namespace: bytes) -> bytes:
    """The name under which a change to any alias of a namespace is announced."""
    return Ref(Kind.ALIAS, namespace).fact


def grants_fact(key: bytes) -> bytes:
    """The name under which a change to any grant of a key is announced."""
    return Ref(Kind.GRANT, key).fact


class Record(msgspec.Struct, frozen=True, array_like=True):
    """A stored row. `name` is unique among the records of its kind and namespace; empty: no name.

    `revision` counts from 1 and moves with each change. `request` is the request that last changed
    it, and so leads to the audit entry. `body` is JSON. `mac` is 32 bytes.
    """

    kind: Kind
    id: bytes
    namespace: bytes
    name: str
    revision: int
    request: str
    body: bytes
    mac: bytes = b""

    @property
    def ref(self) -> Ref:
        """Which record this is."""
        return Ref(self.kind, self.id)

    @property
    def fact(self) -> bytes:
        """The name under which a change to this record is announced."""
        return self.kind.encode() + self.id

    @property
    def facts(self) -> tuple[bytes, ...]:
        """All names under which a change to this record is announced.

        A change of an alias is one of all the aliases of its namespace, too: who looks for those of
        a key stands on there being no other. A change of a grant is one of all the grants of its
        key: who is refused for want of one stands on there being none.
        """
        if self.kind is Kind.ALIAS:
            return self.fact, aliases_fact(self.namespace)
        if self.kind is Kind.GRANT:
            return self.fact, grants_fact(self.id[:16])
        return (self.fact,)

    @property
    def mention(self) -> str:
        """How the entry of a change names what it left: kind, id, revision, half of the MAC."""
        return f"{self.kind}/{self.id.hex()}/{self.revision}/{self.mac[:16].hex()}"

    def authenticated(self, deployment: bytes) -> bytes:
        """What the MAC covers: everything, and the deployment that the row belongs to."""
        return bind(
            b"strongroom/record/1",
            deployment,
            self.kind.encode(),
            self.id,
            self.namespace,
            self.name.encode(),
            self.revision.to_bytes(8, "big"),
            self.request.encode(),
            self.body,
        )
