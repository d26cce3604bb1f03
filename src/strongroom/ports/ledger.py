"""The ledger as a custodian sees it: the store behind a wire, in one order with its changes.

The promises: when `commit` returns a position, the entry and the writes are on disk. Before any
method's result is handed over, the facts that had changed by then were announced to the listener,
so a record read here is current as of the epoch last announced. `page`, `events`, `hashes` and
`entries` are of a snapshot and are not cached. Every method raises `Unavailable` when the ledger
does not answer or its disk is full; then nothing is known of a commit's outcome.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

from strongroom.domain.otp.credential import CredentialRow
from strongroom.domain.records import Kind, Record, Ref
from strongroom.ports.store import (
    Checkpoints,
    Commit,
    Cursor,
    EventPage,
    EventQuery,
    Extent,
    Outcome,
    StoredEvent,
    Tree,
    Usage,
)
from strongroom.tlog.merkle import Node

Changed = Callable[[Sequence[bytes] | None], None]
"""Called with the facts that changed; None: everything may have."""


class Ledger(Protocol):
    """See the promises at the head of this module."""

    @property
    def epoch(self) -> int:
        """The epoch last announced."""

    @property
    def deployment(self) -> bytes:
        """The store's id."""

    def listen(self, changed: Changed) -> None:
        """Announce changes to this listener from now on."""

    async def load(self, refs: Sequence[Ref]) -> list[Record | None]:
        """The records, in the order asked."""

    async def find(self, kind: Kind, namespace: bytes, name: str) -> Record | None:
        """The record with that name."""

    async def family(self, kind: Kind, prefix: bytes, limit: int) -> list[Record]:
        """The records whose ids begin so, greatest first."""

    async def due(self, now_us: int, limit: int, skip: int = 0) -> list[Record]:
        """Records that are due, the longest due first, without the first `skip`."""

    async def credentials(
        self, namespace: bytes, ids: Sequence[bytes]
    ) -> list[CredentialRow | None]:
        """Rows of that namespace, in the order asked."""

    async def credentials_of(
        self, namespace: bytes, user: bytes, limit: int
    ) -> list[CredentialRow]:
        """The rows of that user, in the order of their ids."""

    async def credentials_due(self, now_us: int, limit: int, skip: int = 0) -> list[CredentialRow]:
        """Rows that are due, the longest due first, without the first `skip`."""

    async def credential_page(
        self, namespace: bytes, after: bytes, limit: int
    ) -> list[CredentialRow]:
        """Rows of a namespace in the order of ids, after that id, of a snapshot."""

    async def usage(self, namespace: bytes, object: str, since_day: int, limit: int) -> list[Usage]:  # noqa: A002 - as in an entry
        """Uses of an object from that day on, newest day first."""

    async def commit(self, commit: Commit) -> Outcome:
        """Keep one decision, durably."""

    async def page(self, kind: Kind, namespace: bytes, after: str, limit: int) -> list[Record]:
        """Records in the order of names."""

    async def events(self, query: EventQuery) -> EventPage:
        """Audit entries."""

    async def hashes(self, nodes: Sequence[Node]) -> list[bytes]:
        """The hashes of perfect subtrees of the log; empty when one is beyond it."""

    async def entries(self, first: int, limit: int) -> list[StoredEvent]:
        """Entries of all namespaces from a position on; fewer than asked when they are long."""

    async def changes(self, first: int, limit: int, *, erasing: bool) -> list[StoredEvent]:
        """Entries that changed records, from a position on; with `erasing`, those that erased."""

    async def checkpoints(self) -> Checkpoints:
        """The newest checkpoints."""

    async def keep_checkpoints(self, checkpoints: Checkpoints) -> None:
        """Keep newer ones, durably."""

    async def cursor(self, name: str) -> Cursor | None:
        """How far that reader of the log has come."""

    async def move_cursor(self, cursor: Cursor) -> None:
        """Remember how far a reader has come, durably."""

    async def extent(self, before_us: int) -> Extent:
        """What is in the archive, and what of the time before could be put there."""

    async def copy_out(self, end: int) -> int:
        """Put entries below a position into files, some at a time. How far they are there."""

    async def let_go(self, end: int) -> int:
        """Take out of the database what is in files, below a position. How far that is done."""

    async def growth(self) -> Tree:
        """The log's size and root, without writing anything."""

    async def tree(self) -> Tree:
        """The log's size and root, after something durable was written: it shows that it can be."""
