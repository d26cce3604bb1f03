"""The `Ledger` port over a store in the same process: for tests, and for work without rooms."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from strongroom.domain.errors import Unavailable
from strongroom.domain.otp.credential import CredentialRow
from strongroom.domain.records import Kind, Record, Ref
from strongroom.ports.ledger import Changed
from strongroom.ports.store import (
    Checkpoints,
    Commit,
    Cursor,
    EventPage,
    EventQuery,
    Extent,
    Outcome,
    Store,
    StoredEvent,
    StoreUnavailable,
    Tree,
    Usage,
)
from strongroom.tlog.merkle import Node


class DirectLedger:
    """Announces changes before it answers, as the port promises."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._listeners: list[Changed] = []
        self.epoch = store.epoch
        self.deployment = store.deployment

    def listen(self, changed: Changed) -> None:
        """Announce changes to this listener from now on."""
        self._listeners.append(changed)

    def _announce(self) -> None:
        changed = self._store.changed_since(self.epoch)
        self.epoch = self._store.epoch
        if changed is None or changed:
            for listener in self._listeners:
                listener(changed)

    async def load(self, refs: Sequence[Ref]) -> list[Record | None]:
        """The records, in the order asked."""
        with _translated():
            self._announce()
            return self._store.load(refs)

    async def find(self, kind: Kind, namespace: bytes, name: str) -> Record | None:
        """The record with that name."""
        with _translated():
            self._announce()
            return self._store.find(kind, namespace, name)

    async def family(self, kind: Kind, prefix: bytes, limit: int) -> list[Record]:
        """The records whose ids begin so."""
        with _translated():
            self._announce()
            return self._store.family(kind, prefix, limit)

    async def due(self, now_us: int, limit: int, skip: int = 0) -> list[Record]:
        """Records that are due."""
        with _translated():
            self._announce()
            return self._store.due(now_us, limit, skip)

    async def credentials(
        self, namespace: bytes, ids: Sequence[bytes]
    ) -> list[CredentialRow | None]:
        """Rows of credentials, in the order asked."""
        with _translated():
            return self._store.credentials(namespace, ids)

    async def credentials_of(
        self, namespace: bytes, user: bytes, limit: int
    ) -> list[CredentialRow]:
        """The rows of that user."""
        with _translated():
            return self._store.credentials_of(namespace, user, limit)

    async def credentials_due(self, now_us: int, limit: int, skip: int = 0) -> list[CredentialRow]:
        """Rows that are due."""
        with _translated():
            return self._store.credentials_due(now_us, limit, skip)

    async def credential_page(
        self, namespace: bytes, after: bytes, limit: int
    ) -> list[CredentialRow]:
        """Rows in the order of ids."""
        with _translated():
            return self._store.credential_page(namespace, after, limit)

    async def usage(self, namespace: bytes, object: str, since_day: int, limit: int) -> list[Usage]:  # noqa: A002 - as in an entry
        """Uses of an object."""
        with _translated():
            self._announce()
            return self._store.usage(namespace, object, since_day, limit)

    async def commit(self, commit: Commit) -> Outcome:
        """Keep one decision."""
        with _translated():
            (outcome,) = self._store.commit([commit])
        self._announce()
        return outcome

    async def page(self, kind: Kind, namespace: bytes, after: str, limit: int) -> list[Record]:
        """Records in the order of names."""
        with _translated():
            return self._store.page(kind, namespace, after, limit)

    async def events(self, query: EventQuery) -> EventPage:
        """Audit entries."""
        with _translated():
            return self._store.events(query)

    async def hashes(self, nodes: Sequence[Node]) -> list[bytes]:
        """The hashes of subtrees of the log."""
        with _translated():
            try:
                return self._store.hashes(nodes)
            except ValueError:
                return []

    async def entries(self, first: int, limit: int) -> list[StoredEvent]:
        """Entries of all namespaces, in order."""
        with _translated():
            return self._store.entries(first, limit)

    async def changes(self, first: int, limit: int, *, erasing: bool) -> list[StoredEvent]:
        """Entries that changed records, in order."""
        with _translated():
            return self._store.changes(first, limit, erasing=erasing)

    async def checkpoints(self) -> Checkpoints:
        """The newest checkpoints."""
        with _translated():
            return self._store.checkpoints()

    async def keep_checkpoints(self, checkpoints: Checkpoints) -> None:
        """Keep those that are newer."""
        with _translated():
            self._store.keep_checkpoints(checkpoints)

    async def cursor(self, name: str) -> Cursor | None:
        """How far that reader has come."""
        with _translated():
            return self._store.cursor(name)

    async def move_cursor(self, cursor: Cursor) -> None:
        """Remember it."""
        with _translated():
            self._store.move_cursor(cursor)

    async def extent(self, before_us: int) -> Extent:
        """What is in the archive, and what could be put there."""
        with _translated():
            return self._store.extent(before_us)

    async def copy_out(self, end: int) -> int:
        """Put entries into files."""
        with _translated():
            return self._store.copy_out(end)

    async def let_go(self, end: int) -> int:
        """Take out what is in files."""
        with _translated():
            return self._store.let_go(end)

    async def growth(self) -> Tree:
        """The log's size and root."""
        return self._store.tree

    async def tree(self) -> Tree:
        """The log's size and root."""
        with _translated():
            self._store.probe()
        return self._store.tree


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except StoreUnavailable:
        raise Unavailable from None
