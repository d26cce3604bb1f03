"""The `Inspection` port over a SQLite file that nobody else uses. Reads, and changes nothing."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import apsw

from strongroom.adapters.sqlite import credentials, index, marks, reading, schema
from strongroom.adapters.sqlite.archive import Archive, archive_beside
from strongroom.adapters.sqlite.columns import SPAN
from strongroom.domain.records import Kind
from strongroom.ports.inspection import CredentialPlace, EntryRow, RecordRow, UsageRow
from strongroom.ports.store import Checkpoints, StoreDamaged, StoreRefused, StoreUnavailable

_ENTRIES = (
    "SELECT position, time_us, namespace, principal, object, action, outcome, request, leaf_hash,"
    " CASE typeof(body) WHEN 'text' THEN CAST(body AS BLOB) END, body IS NULL"
    " FROM log ORDER BY position"
)
_RECORDS = f"SELECT slot, live, kind, due_us, {reading.COLUMNS} FROM records ORDER BY slot"  # noqa: S608 - columns of ours
_CREDENTIALS = (
    "SELECT slot, live, CAST(body AS BLOB) = zeroblob(length(CAST(body AS BLOB))),"  # noqa: S608 - columns of ours
    f" {credentials.COLUMNS} FROM credentials ORDER BY slot"
)
_USAGE = "SELECT namespace, object, day, version, principal, count, last_us, through FROM usage"


class SQLiteInspection:
    """See the port. Raises `StoreRefused` when it is not a database of this release's schema."""

    def __init__(self, path: str) -> None:
        if not Path(path).exists():
            raise StoreRefused(f"{path} does not exist")
        try:
            self._db = schema.connect(path, None, read_only=True)
            application = self._db.pragma("application_id")
            found = self._db.pragma("user_version")
        except apsw.Error as error:
            raise StoreRefused(f"{path} is not a Strongroom store: {error}") from error
        if application != schema.APPLICATION_ID:
            raise StoreRefused(f"{path} is not a Strongroom store")
        if found != schema.SCHEMA:
            raise StoreRefused(
                f"{path} is of another release (schema {found}; this one knows {schema.SCHEMA});"
                " start that release, or this one once, and try again"
            )
        self._archive = Archive(archive_beside(path))
        self._db.execute("BEGIN")  # one snapshot for all that follows
        deployment = self.meta("deployment")
        if not isinstance(deployment, bytes):
            raise StoreRefused(f"{path} has no deployment: it is damaged")
        self.deployment = deployment

    @property
    def size(self) -> int:
        """How many rows of entries there are."""
        return self._count("log")

    @property
    def places(self) -> int:
        """How many rows of credentials there are."""
        return self._count("credentials")

    def _count(self, table: str) -> int:
        (count,) = next(iter(self._rows(f"SELECT count(*) FROM {table}")))  # noqa: S608 - ours
        return int(str(count))

    def meta(self, name: str) -> object:
        """A value of `meta`."""
        row = next(iter(self._rows("SELECT value FROM meta WHERE name = ?", (name,))), None)
        return None if row is None else row[0]

    def damage(self) -> Sequence[str]:
        """What SQLite's own check says."""
        return [str(text) for (text,) in self._rows("PRAGMA integrity_check") if text != "ok"]

    def entries(self) -> Iterator[EntryRow]:
        """All entries."""
        for *row, archived in self._rows(_ENTRIES):
            if archived:
                row[-1] = self._archived(row[0], row[-2])
            yield EntryRow._make(row)

    def _archived(self, position: object, leaf: object) -> bytes | None:
        """What is in the entry's file, if that is what was put there."""
        if not isinstance(position, int) or not isinstance(leaf, bytes):
            return None
        try:
            return self._archive.entry(position, leaf)
        except StoreDamaged:
            return None

    def records(self) -> Iterator[RecordRow]:
        """All records."""
        for slot, live, kind, due_us, *columns in self._rows(_RECORDS):
            known = kind if isinstance(kind, str) and kind in _KINDS else ""
            record = reading.record(Kind(known), columns) if known else None
            yield RecordRow(int(str(slot)), live, kind, due_us, record)

    def credentials(self) -> Iterator[CredentialPlace]:
        """All credentials, and places where one was."""
        for slot, live, blank, *columns in self._rows(_CREDENTIALS):
            row = credentials.credential(columns)
            yield CredentialPlace(int(str(slot)), live, row, blank == 1)

    def usage(self) -> Iterator[UsageRow]:
        """All counts."""
        return map(UsageRow._make, self._rows(_USAGE))

    def subtrees(self) -> Iterator[tuple[object, object, object]]:
        """All stored subtrees."""
        for row in self._rows("SELECT height, number, root FROM subtrees"):
            yield row[0], row[1], row[2]

    def changes(self) -> Iterator[tuple[object, object]]:
        """All listed changes."""
        for row in self._rows("SELECT position, erases FROM changes"):
            yield row[0], row[1]

    def sealed(self) -> Iterator[object]:
        """All positions with sealed details."""
        for (position,) in self._rows("SELECT position FROM sealed"):
            yield position

    def misled(self) -> Iterator[str]:
        """Parts of the index of `columns`."""
        size = self.size
        spans = self.meta("indexed")
        if isinstance(spans, int) and spans * SPAN > size:
            yield f"beyond {size // SPAN}"
            return
        try:
            for span, field in index.differing(self._db):
                yield f"{span}/{field.name.lower()}"
        except apsw.Error as error:
            raise StoreUnavailable(f"{type(error).__name__}: {error}") from error

    def checkpoints(self) -> Checkpoints:
        """The newest."""
        try:
            return marks.checkpoints(self._db)
        except apsw.Error as error:
            raise StoreUnavailable(f"{type(error).__name__}: {error}") from error

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    def _rows(self, query: str, values: tuple[str, ...] = ()) -> Iterator[tuple[object, ...]]:
        try:
            with closing(self._db.cursor()) as cursor:
                yield from cursor.execute(query, values)
        except apsw.Error as error:
            raise StoreUnavailable(f"{type(error).__name__}: {error}") from error
        except UnicodeDecodeError as error:  # no release of ours wrote that
            table = query.rpartition(" FROM ")[2].split(" ")[0].replace("log", "entries")
            raise StoreUnavailable(f"the table {table} was edited: a text is no text") from error


_KINDS = frozenset(kind.value for kind in Kind)
