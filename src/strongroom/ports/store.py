"""The store: where records and audit entries are kept, durably, in one order.

The promises:

1. `commit` takes a group. When it returns, every commit that it calls done is on disk and will
   survive a power cut; the others wrote nothing. Each commit is all or nothing: its writes and its
   entry.
2. A commit stands on facts. If one of them changed after the epoch at which the committer knew it,
   the outcome is `Stale` and nothing was written.
3. A write names the revision that it replaces (0: there must be none). A lost race or a taken name
   is `Conflict` and nothing was written.
4. Commits of one group are applied in their order, each seeing the ones before it.
5. Entries get consecutive positions from 0 without a gap, and RFC 6962 leaf hashes, in that order.
6. The epoch grows by one with each commit that writes records, and only then.
7. Uses are counted from the entries' tallies: each entry once, across every crash. Counting costs
   the log's reader nothing and a commit no write of its own: counts are kept some seconds later,
   a few at a time, beside other commits; after a crash what is missing is counted from the log.
8. A commit with a quota is kept only while the quota lasts; else it is `Exhausted` and nothing was
   written. The check and the entry are one step, so no two commits share the last use. Of uses that
   are only rehearsed, it is checked that the quota would have borne them; none is counted.
9. When a commit that `erases` is kept, no file of the store holds what its writes replaced, as far
   as files can promise that (`docs/design/LIMITATIONS.md`); if the disk does not let go of it at
   that moment, soon after.
10. Used by one thread, except `page`, `credential_page`, `events`, `hashes`, `entries` and
   `changes`, which read a consistent snapshot and may run in another. When the disk is full or
   broken, a method raises `StoreUnavailable` and what was acknowledged is still there; the next
   call tries again.
11. What the log has lost is never made up for: whoever asks for it is told `StoreDamaged`. What an
   edit has put in the place of an entry or a hash is handed over as it is, for only a proof or a
   comparison of the leaf hash can tell.
12. A move puts a credential's row in the place of the revision that it names, in the same step as
   the entry; a lost race is `Conflict`. A move is no change of a record: it moves no epoch, and no
   fact stands on it.
13. A commit with rates is kept only while each of them bears it; else it is `Exhausted` and nothing
   was written. The check and the entry are one step.
"""

from collections.abc import Sequence
from typing import Final, Protocol

import msgspec

from strongroom.domain.otp.credential import CredentialRow
from strongroom.domain.records import Kind, Record, Ref
from strongroom.tlog.merkle import Node


class StoreUnavailable(Exception):  # noqa: N818 - it says what is the case
    """The store cannot write or read now. Nothing of the call was kept."""


class StoreDamaged(StoreUnavailable):
    """A part of the log is gone, or is not of the type that was stored. The text says which."""


class StoreRefused(Exception):  # noqa: N818 - it says what is the case
    """The store cannot be opened: newer version, in use, or not ours. The text is for people."""


class Write(msgspec.Struct, frozen=True, array_like=True):
    """A record to keep in the place of revision `replaces`, or as a new one if that is 0.

    At `due_us` something is to be done about the record (0: never). It is only what `due` finds
    records by; what is to be done is in the record's sealed body.
    """

    record: Record
    replaces: int
    due_us: int = 0


class Tally(msgspec.Struct, frozen=True, array_like=True):
    """How often an entry says that a version of an object (such as `key/demo`) was used."""

    object: str
    version: int
    count: int


class Entry(msgspec.Struct, frozen=True, array_like=True):
    """An audit entry: its canonical bytes, and what it can be found by.

    `tally` is what `domain/events.py` reads out of the body (`tally`), so that it need not be
    read again here. `sealed` is kept beside the body and is no part of it: details that can be
    erased, encrypted.
    """

    time_us: int
    namespace: bytes
    principal: str
    object: str
    action: str
    outcome: str
    request: str
    body: bytes
    tally: tuple[Tally, ...] = ()
    sealed: bytes = b""


class Quota(msgspec.Struct, frozen=True, array_like=True):
    """What bounds the uses of an object in the entry's namespace. 0: no bound.

    `uses_max` bounds all uses of all its versions, ever. `rate_max` bounds its uses in any
    `rate_us` microseconds, of those that were kept with such a bound; a use may count for a little
    longer than that, and a clock that goes back frees none. A store that was opened anew, or has
    met thousands of other objects with a rate since, begins that window anew. `version` is the one
    whose count `Kept` tells. `rehearsed`: uses that the entry does not tell of.
    """

    object: str
    version: int
    uses_max: int = 0
    rate_max: int = 0
    rate_us: int = 0
    rehearsed: int = 0


class Move(msgspec.Struct, frozen=True, array_like=True):
    """A credential's row to keep in the place of revision `replaces`; 0: there must be none.

    `ANY_REVISION`: whatever there is, or nothing. Only for a decoy, which stands for no credential.
    """

    row: CredentialRow
    replaces: int


ANY_REVISION: Final = -1


class Rate(msgspec.Struct, frozen=True, array_like=True):
    """At most `most` in any `rate_us` microseconds, of which the commit takes `count`.

    They are counted by the entry's namespace and `object`; as for `Quota`, one may count a little
    longer, and a store that was opened anew begins anew.
    """

    object: str
    most: int
    rate_us: int
    count: int = 1


class Commit(msgspec.Struct, frozen=True, array_like=True):
    """One decision: the facts it stands on, the epoch at which they were known, what it writes.

    `also` are entries of it in the trails of other namespaces: kept with it, right behind its own.
    They name no records and tell of no uses.
    """

    epoch: int
    facts: tuple[bytes, ...]
    entry: Entry
    writes: tuple[Write, ...] = ()
    quota: Quota | None = None
    erases: bool = False
    moves: tuple[Move, ...] = ()
    rates: tuple[Rate, ...] = ()
    also: tuple[Entry, ...] = ()


class Kept(msgspec.Struct, frozen=True, array_like=True, tag="kept"):
    """Durable. The entry's place in the log; with a quota, how often its version was used."""

    position: int
    uses: int = 0


class Stale(msgspec.Struct, frozen=True, array_like=True, tag="stale"):
    """A fact changed. Nothing was written: read again and decide again."""


class Conflict(msgspec.Struct, frozen=True, array_like=True, tag="conflict"):
    """`name` is taken (true) or the revision moved (false). Nothing was written."""

    name: bool


class Exhausted(msgspec.Struct, frozen=True, array_like=True, tag="exhausted"):
    """A rate (`rate`), or the quota's uses, does not bear it. Nothing was written."""

    rate: bool


Outcome = Kept | Stale | Conflict | Exhausted


class Usage(msgspec.Struct, frozen=True, array_like=True):
    """How often a principal used a version on one day (since 1970, UTC), and when last."""

    version: int
    principal: str
    day: int
    count: int
    last_us: int


class EventQuery(msgspec.Struct, frozen=True, array_like=True):
    """Entries of a namespace from position `after + 1` on, oldest first. Empty text: any.

    With `newest`, the newest first, of those below `before` (0: of all).
    """

    namespace: bytes
    after: int = -1
    since_us: int = 0
    until_us: int = 0
    principal: str = ""
    object: str = ""
    action: str = ""
    outcome: str = ""
    request: str = ""
    limit: int = 100
    newest: bool = False
    before: int = 0


class StoredEvent(msgspec.Struct, frozen=True, array_like=True):
    """An entry with its place. `sealed` as of `Entry`."""

    position: int
    leaf_hash: bytes
    body: bytes
    sealed: bytes = b""


class EventPage(msgspec.Struct, frozen=True, array_like=True):
    """What was found; how far was looked; the log's size.

    A reader goes on after `scanned`, until that is the last position. With `newest` it goes on
    before `scanned`, until that is the first position that was asked for.
    """

    events: list[StoredEvent]
    scanned: int
    tree_size: int


class Tree(msgspec.Struct, frozen=True, array_like=True):
    """The log as of the last commit: its size, and its root hash (RFC 6962)."""

    size: int
    root: bytes


class Checkpoints(msgspec.Struct, frozen=True, array_like=True):
    """Signed notes (C2SP tlog-checkpoint) that were handed to the store; empty: none yet.

    `signed` is the newest that the log's keys signed. `counted` is the newest that counts: with as
    many witnesses' cosignatures as are asked for, which may be none. `size` and `counted_size` are
    the sizes in them.
    """

    size: int = 0
    signed: bytes = b""
    counted_size: int = 0
    counted: bytes = b""


class Cursor(msgspec.Struct, frozen=True, array_like=True):
    """How far a reader of the log has come: the next position; and what else it wants to keep."""

    name: str
    position: int
    state: bytes = b""


class Extent(msgspec.Struct, frozen=True, array_like=True):
    """Entries below `archived` are in files; those below `ready` can be put there now."""

    archived: int
    ready: int


class Store(Protocol):
    """See the promises at the head of this module."""

    @property
    def deployment(self) -> bytes:
        """16 random bytes, made when the store was initialised."""

    @property
    def epoch(self) -> int:
        """The number of commits that wrote records so far."""

    @property
    def tree(self) -> Tree:
        """The log's size and root."""

    def changed_since(self, epoch: int) -> Sequence[bytes] | None:
        """The facts that changed after that epoch; None, no longer known: all of them."""

    def load(self, refs: Sequence[Ref]) -> list[Record | None]:
        """The records, in the order asked, as of the present epoch."""

    def find(self, kind: Kind, namespace: bytes, name: str) -> Record | None:
        """The record with that name, as of the present epoch."""

    def family(self, kind: Kind, prefix: bytes, limit: int) -> list[Record]:
        """The records of a kind whose ids begin so, greatest id first, as of the present epoch."""

    def due(self, now_us: int, limit: int, skip: int = 0) -> list[Record]:
        """Records of any kind and namespace that are due, the longest due first, without `skip`."""

    def credentials(self, namespace: bytes, ids: Sequence[bytes]) -> list[CredentialRow | None]:
        """Rows of that namespace, in the order asked, decoys too."""

    def credentials_of(self, namespace: bytes, user: bytes, limit: int) -> list[CredentialRow]:
        """The rows of that user, in the order of their ids."""

    def credentials_due(self, now_us: int, limit: int, skip: int = 0) -> list[CredentialRow]:
        """Rows of any namespace that are due, the longest due first, without `skip`."""

    def credential_page(self, namespace: bytes, after: bytes, limit: int) -> list[CredentialRow]:
        """Rows of a namespace in the order of ids, after that id, without decoys.

        May run in another thread, like `page`.
        """

    def usage(self, namespace: bytes, object: str, since_day: int, limit: int) -> list[Usage]:  # noqa: A002 - as in an entry
        """Uses of an object from that day on, newest day first, including what is not kept yet."""

    def commit(self, group: Sequence[Commit]) -> list[Outcome]:
        """Keep the group. One outcome for each commit, in order."""

    def settle_counts(self) -> float | None:
        """When nothing is committed: do a little of what is put off, such as keeping counts.

        The seconds after which to call again, unless something is committed before; None: no need.
        """

    def page(self, kind: Kind, namespace: bytes, after: str, limit: int) -> list[Record]:
        """Records of a namespace in the order of names, after that name."""

    def events(self, query: EventQuery) -> EventPage:
        """Audit entries."""

    def hashes(self, nodes: Sequence[Node]) -> list[bytes]:
        """The hashes of perfect subtrees of the log. Raises `ValueError` for one beyond it.

        May run in another thread, like `events`. Raises `StoreDamaged`.
        """

    def entries(self, first: int, limit: int) -> list[StoredEvent]:
        """Entries of all namespaces from a position on; fewer than asked when they are long.

        None only at the log's end. May run in another thread, like `events`. Raises `StoreDamaged`.
        """

    def changes(self, first: int, limit: int, *, erasing: bool) -> list[StoredEvent]:
        """Entries that changed records, from a position on; without what is `sealed`.

        With `erasing`, those alone whose commits erased. Fewer than asked when they are long; none
        only when there are no more. May run in another thread, like `events`. Raises
        `StoreDamaged`.
        """

    def checkpoints(self) -> Checkpoints:
        """The newest checkpoints."""

    def keep_checkpoints(self, checkpoints: Checkpoints) -> None:
        """Keep each in the place of the one before, durably.

        An empty one, a smaller one than there is, or one beyond the log changes nothing.
        """

    def cursor(self, name: str) -> Cursor | None:
        """How far that reader has come."""

    def move_cursor(self, cursor: Cursor) -> None:
        """Remember how far a reader has come, durably."""

    def extent(self, before_us: int) -> Extent:
        """What is in the archive, and what of the time before could be put there.

        Only entries that a counted checkpoint covers move, in whole files. May run in another
        thread, like `events`.
        """

    def copy_out(self, end: int) -> int:
        """Put entries below a position into files, some at a time. How far they are there.

        They are on disk by then. Nothing is taken out of the store. May run in another thread, like
        `events`. Raises `StoreDamaged` for an entry that was altered, which is never archived.
        """

    def let_go(self, end: int) -> int:
        """Take out what `copy_out` has put into files, below a position. How far that is done.

        They are read as before, with their hashes compared: by `events`, `entries`, `changes` and
        `hashes`.
        """

    def probe(self) -> None:
        """Write something durable. Raises `StoreUnavailable` when that is not possible."""

    def close(self) -> None:
        """Let go of everything."""
