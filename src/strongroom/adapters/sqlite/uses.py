"""Counts of uses: a table, and in memory what is not in it yet.

Counts come after COMMIT, at no write of their own. Every few seconds what has gathered is put
aside, with the log's size at that moment (`through`); then each group's transaction takes some of
its rows along, and the last of them moves meta's `counted` there. So after a crash an entry is
counted already if it lies below `counted`, or below `through` of the row that it counts in; the
others are counted from the log.
"""

import time
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, Final

import apsw
import msgspec

from strongroom.domain import events
from strongroom.domain.times import DAY_US
from strongroom.ports.store import Entry, Tally, Usage

INTERVAL_SECONDS: Final = 5.0
_ROWS_MAX: Final = 10_000  # in memory, before they are put aside earlier than that
_STEP_ROWS: Final = 100  # that a group takes along: a fraction of a millisecond
_STEP_PART: Final = 100  # or this part of all, if that is more: memory stays bounded in any case
_READ_ROWS: Final = 5_000  # of the log, at a time
_TOTALS_MAX: Final = 10_000  # objects with a quota that are remembered
_SANE_MAX: Final = 2**31  # no entry of ours has a larger count or version

_ADD: Final = (
    "INSERT INTO usage VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
    " ON CONFLICT DO UPDATE SET count = count + excluded.count,"
    " last_us = max(last_us, excluded.last_us), through = excluded.through"
)
_ROW: Final = (
    " FROM usage WHERE namespace = ? AND object = ? AND day = ? AND version = ? AND principal = ?"
)

Thing = tuple[bytes, str]  # namespace, object
_Row = tuple[int, int, str]  # day, version, principal
_Use = list[int]  # count, last_us
_Gathered = dict[Thing, dict[_Row, _Use]]

_decode = msgspec.json.Decoder(events.Event).decode


class Total:
    """How often an object was used, ever: all of it, and each version."""

    __slots__ = ("all", "versions")

    def __init__(self) -> None:
        self.all = 0
        self.versions: dict[int, int] = {}

    def add(self, version: int, count: int) -> None:
        """So many more."""
        self.all += count
        self.versions[version] = self.versions.get(version, 0) + count


class Uses:
    """Used by the writer's thread, in its transactions: `step`, COMMIT, `keep`."""

    def __init__(self, db: apsw.Connection, size: int) -> None:
        self.interval_seconds = INTERVAL_SECONDS
        self._db = db
        self.rebuild(size)

    def rebuild(self, size: int) -> None:
        """Forget, and count from the file: a log of that size. Raises `ValueError` if damaged."""
        self._counted = self._read_counted()
        if not 0 <= self._counted <= size:
            raise ValueError("its counts are of another log")
        self._size = self._counted  # how far the log is counted, here or there
        self._through = 0
        self._gathering: _Gathered = {}
        self._met: dict[tuple[bytes, str, int, int, str], _Use] = {}  # the same, in one step
        self._leaving: _Gathered = {}  # what was put aside, as far as it is not in the table
        self._rows = 0  # in both
        self._step: list[tuple[Thing, _Row, _Use]] | None = None
        self._totals: dict[Thing, Total] = {}
        self._asided = time.monotonic()
        self._count_from_log(size)

    # --- in a transaction, and after it -----------------------------------------------------------

    def step(self, *, all_rows: bool = False) -> None:
        """Take some rows along, if it is time to. In a transaction; then `keep` or `rebuild`."""
        if not self.under_way and (all_rows or self.wait_seconds() == 0):
            self._put_aside()
        self._step = None
        if not self.under_way:
            return
        most = self._rows if all_rows else max(_STEP_ROWS, self._rows // _STEP_PART)
        self._step = step = list(islice(_flat(self._leaving), most))
        self._db.executemany(
            _ADD,
            [
                (*thing, *row, count, last_us, self._through)
                for thing, row, (count, last_us) in step
            ],
        )
        if len(step) == sum(map(len, self._leaving.values())):
            self._db.execute("INSERT OR REPLACE INTO meta VALUES ('counted', ?)", (self._through,))

    def keep(self, entries: Sequence[Entry], size: int) -> None:
        """The transaction was kept, and the log has that size by these entries (and others)."""
        if self._step is not None:
            for thing, row, _ in self._step:
                rows = self._leaving[thing]
                del rows[row]
                if not rows:
                    del self._leaving[thing]
            self._rows -= len(self._step)
            self._step = None
            if not self._leaving:
                self._counted = self._through
        self._gather(entries)
        self._size = size

    def was_kept(self) -> bool:
        """Whether the last transaction's step is in the file, though it was not told so."""
        if self._step is None:
            return False
        if not self._step:
            return self._read_counted() == self._through
        thing, row, _ = self._step[0]
        found = self._db.execute(f"SELECT through{_ROW}", (*thing, *row)).fetchone()
        return found is not None and found[0] == self._through

    @property
    def under_way(self) -> bool:
        """Whether something was put aside that is not in the table."""
        return self._through > self._counted

    def wait_seconds(self) -> float | None:
        """When the next step is to be taken; None: nothing to count."""
        if self.under_way:
            return 0
        if self._size == self._counted:
            return None
        if self._rows >= _ROWS_MAX:
            return 0
        return max(self._asided + self.interval_seconds - time.monotonic(), 0)

    # --- questions --------------------------------------------------------------------------------

    @property
    def waiting(self) -> int:
        """Rows that are not in the table yet."""
        return self._rows

    def total(self, thing: Thing) -> Total:
        """The object's total, kept in step with what is kept from now on."""
        total = self._totals.pop(thing, None)
        if total is None:
            total = Total()
            # Not SUM, which fails on what only an edit can have made too large.
            for version, count in self._db.execute(
                "SELECT version, CAST(total(count) AS INTEGER) FROM usage"
                " WHERE namespace = ? AND object = ? GROUP BY version",
                thing,
            ):
                total.add(version, count)
            for part in (self._gathering, self._leaving):
                for (_, version, _), (count, _) in part.get(thing, {}).items():
                    total.add(version, count)
            if len(self._totals) >= _TOTALS_MAX:
                del self._totals[next(iter(self._totals))]
        self._totals[thing] = total  # the last in the order: the most recently wanted
        return total

    def usage(self, thing: Thing, since_day: int, limit: int) -> list[Usage]:
        """Uses from that day on, newest day first."""
        rows: dict[_Row, _Use] = {}
        for day, version, principal, count, last_us in self._db.execute(
            "SELECT day, version, CAST(principal AS BLOB), count, last_us FROM usage"
            " WHERE namespace = ? AND object = ? AND day >= ?"
            " ORDER BY day DESC, version DESC, principal DESC LIMIT ?",
            (*thing, since_day, max(limit, 0)),
        ):
            rows[day, version, principal.decode(errors="replace")] = [count, last_us]
        # A row that lies beyond the limit in the table lies beyond it together with these, too.
        for part in (self._leaving, self._gathering):
            for row, use in part.get(thing, {}).items():
                if row[0] >= since_day:
                    rows[row] = _sum(rows.get(row, [0, use[1]]), use)
        newest = sorted(rows.items(), reverse=True)[: max(limit, 0)]
        return [
            Usage(version, principal, day, count, last_us)
            for (day, version, principal), (count, last_us) in newest
        ]

    # --- how --------------------------------------------------------------------------------------

    def _gather(self, entries: Sequence[Entry]) -> None:
        # Once for every use of a key there is: spelled out.
        met, totals = self._met, self._totals
        for entry in entries:
            namespace, time_us = entry.namespace, entry.time_us
            day, principal = time_us // DAY_US, entry.principal
            for tally in entry.tally:
                count, version, name = tally.count, tally.version, tally.object
                if not 0 < count <= _SANE_MAX or not 0 <= version <= _SANE_MAX:
                    continue
                use = met.get((namespace, name, day, version, principal))
                if use is None:
                    use = met[namespace, name, day, version, principal] = [0, time_us]
                    rows = self._gathering.setdefault((namespace, name), {})
                    rows[day, version, principal] = use
                    self._rows += 1
                use[0] += count
                if use[1] < time_us:  # noqa: PLR1730 - max() would be a call for each entry
                    use[1] = time_us
                if totals and (total := totals.get((namespace, name))) is not None:
                    total.add(version, count)

    def _put_aside(self) -> None:
        self._leaving, self._gathering, self._met = self._gathering, {}, {}
        self._through = self._size
        self._asided = time.monotonic()

    def _read_counted(self) -> int:
        row = self._db.execute(
            "SELECT iif(typeof(value) = 'integer', value, NULL) FROM meta WHERE name = 'counted'"
        ).fetchone()
        if row is None or row[0] is None:
            raise ValueError("its counts are not what was stored")
        return int(row[0])

    def _count_from_log(self, size: int) -> None:
        """Count what the table lacks. An entry that cannot be read counts for nothing."""
        through: dict[tuple[bytes, str, int, int, str], int] = {}
        while self._size < size:
            end = min(self._size + _READ_ROWS, size)
            rows: list[Any] = self._db.execute(
                "SELECT position, time_us, namespace, CAST(principal AS BLOB), CAST(body AS BLOB)"
                " FROM entries WHERE position >= ? AND position < ? AND typeof(time_us) = 'integer'"
                " AND typeof(namespace) = 'blob' ORDER BY position",
                (self._size, end),
            ).fetchall()
            for position, time_us, namespace, principal, body in rows:
                who, tallies = _told(principal, body)
                lacking = []
                for tally in tallies:
                    key = (namespace, tally.object, time_us // DAY_US, tally.version, who)
                    if key not in through:
                        found = self._db.execute(f"SELECT through{_ROW}", key).fetchone()
                        through[key] = 0 if found is None else found[0]
                    if position >= through[key]:
                        lacking.append(tally)
                entry = Entry(time_us, namespace, who, "", "", "", "", body, tuple(lacking))
                self._gather((entry,))
            self._size = end
            if self._rows >= _ROWS_MAX:
                # A long log, and nobody waits: all at once.
                with self._db:
                    self.step(all_rows=True)
                self.keep((), end)
                through.clear()


def _flat(gathered: _Gathered) -> Iterator[tuple[Thing, _Row, _Use]]:
    for thing, rows in gathered.items():
        for row, use in rows.items():
            yield thing, row, use


def _sum(one: _Use, other: _Use) -> _Use:
    return [one[0] + other[0], max(one[1], other[1])]


def sane(tally: Tally) -> bool:
    """Whether an entry of ours can say so."""
    return 0 < tally.count <= _SANE_MAX and 0 <= tally.version <= _SANE_MAX


def _told(principal: bytes, body: bytes) -> tuple[str, list[Tally]]:
    """Who used what, as a row of the log says."""
    try:
        who = principal.decode()
        tallies = [Tally(*use) for use in events.tally(_decode(body))]
    except (ValueError, msgspec.MsgspecError, RecursionError):
        return "", []
    return who, [tally for tally in tallies if sane(tally)]
