"""A database as it lies there: every row, for whoever compares it with what it should be.

Nothing is repaired, hidden or believed on the way: a column may hold anything. All rows are of one
snapshot. Raises `StoreUnavailable` when the file cannot be read any further.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

from strongroom.domain.otp.credential import CredentialRow
from strongroom.domain.records import Record
from strongroom.ports.store import Checkpoints


class EntryRow(NamedTuple):
    """A row of `entries`: see `ports/store.py`. Any column may be of any type.

    `about` is the object. `body` is bytes if it was a text.
    """

    position: object
    time_us: object
    namespace: object
    principal: object
    about: object
    action: object
    outcome: object
    request: object
    leaf_hash: object
    body: object


class RecordRow(NamedTuple):
    """A row of `records`, whatever an edit has left in it.

    `record` has no MAC where a column is of another type than was written. None: it is of no
    kind of ours.
    """

    slot: int
    live: object
    kind: object
    due_us: object
    record: Record | None


class CredentialPlace(NamedTuple):
    """A row of `credentials`: one in force (`live` 1), or the place of one that was.

    `row` has no MAC where a column is not as we write it. `blank`: nothing is in its body.
    """

    slot: int
    live: object
    row: CredentialRow
    blank: bool


class UsageRow(NamedTuple):
    """A row of `usage`: `uses` of the object `about`. Any column may be of any type."""

    namespace: object
    about: object
    day: object
    version: object
    principal: object
    uses: object
    last_us: object
    through: object


class Inspection(Protocol):
    """See the head of this module."""

    @property
    def deployment(self) -> bytes:
        """The database's id."""

    @property
    def size(self) -> int:
        """How many rows of entries there are."""

    @property
    def places(self) -> int:
        """How many rows of credentials there are."""

    def meta(self, name: str) -> object:
        """A value of `meta`; None: there is none."""

    def damage(self) -> Sequence[str]:
        """What the database itself finds wrong with its file."""

    def entries(self) -> Iterator[EntryRow]:
        """All entries, in the order of their positions."""

    def records(self) -> Iterator[RecordRow]:
        """All records, also those that were replaced."""

    def credentials(self) -> Iterator[CredentialPlace]:
        """All credentials, and places where one was."""

    def usage(self) -> Iterator[UsageRow]:
        """All counts of uses."""

    def subtrees(self) -> Iterator[tuple[object, object, object]]:
        """Height, number and root of each stored subtree."""

    def changes(self) -> Iterator[tuple[object, object]]:
        """Position and whether it erased, of each entry that is listed as a change."""

    def sealed(self) -> Iterator[object]:
        """The positions of entries that have sealed details."""

    def misled(self) -> Iterator[str]:
        """The parts of the index by which entries are found that are not what the entries say."""

    def checkpoints(self) -> Checkpoints:
        """The newest checkpoints."""
