"""To go on from a database that is not the one that was signed last, when a person decides so.

Whoever restores a backup has lost what came after it, and knows that. What must not come back with
it is done here, while nothing runs:

1. The log gets its next generation: new keys under a new name. The keys of the former one are
   erased, so that it can never have two continuations.
2. What was destroyed since the backup is destroyed again: the anchor's list has it.
3. The log's record counts the restore. What must not be done twice across it compares itself with
   that count (counters of one-time passwords do).
4. Rows that are not those that the log names last are refused, unless they are accepted, too: then
   they are on record as they are.
5. The anchor begins anew with the new log's first checkpoint. The former one is kept beside it.

Each step is an entry. Until the anchor has begun anew, nothing serves: what ends in the middle is
done again.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from strongroom.domain.destructions import Destruction, destruction_of
from strongroom.domain.errors import TamperedRecord
from strongroom.domain.lifecycle import State
from strongroom.domain.records import Kind, Record, Ref
from strongroom.domain.things import (
    LOG_ID,
    AuditKeys,
    FormerLog,
    ImportTicket,
    Key,
    LogKeys,
    Namespace,
    Version,
    version_id,
)
from strongroom.ports.anchor import AnchorFiles
from strongroom.ports.provider import NamespaceHandle, Provider
from strongroom.ports.randomness import Randomness
from strongroom.ports.store import (
    Checkpoints,
    Commit,
    Entry,
    Kept,
    Store,
    StoreDamaged,
    StoredEvent,
    Write,
)
from strongroom.services.anchors import Anchored, AnchorRefused, Anchors, Head
from strongroom.services.audit_keys import AuditKeysFact, replaced_audit_keys
from strongroom.services.books import Details, change, creation
from strongroom.services.entries import decoded, deed, written
from strongroom.services.folding import Wrong, fold
from strongroom.services.founding import own_request
from strongroom.services.log_keys import (
    LogSigner,
    generated,
    log_record,
    open_log,
    origin_of,
    verifier_of,
)
from strongroom.services.related import part
from strongroom.services.sealing import Sealing, decoder
from strongroom.services.tenants import FIRST
from strongroom.tlog import checkpoints
from strongroom.tlog.checkpoints import Checkpoint
from strongroom.tlog.errors import TlogError
from strongroom.tlog.merkle import leaf_hash

RESTORER: Final = "strongroom:restore"  # no principal can have this name
_VERSIONS_AT_ONCE: Final = 200  # in one commit
_ENTRIES_AT_ONCE: Final = 500


class CannotAccept(Exception):  # noqa: N818 - it says what is the case
    """The restore cannot be accepted. The text is for people."""


class Restore(msgspec.Struct, frozen=True):
    """What is about to be accepted, for the person who decides.

    `former` is the checkpoint in the anchor, None if there is none that can be read. `lost` is how
    many signed entries are missing. `doubts` are sentences about an anchor that is not whole.
    """

    size: int
    former: Checkpoint | None
    lost: int
    destructions: int
    rows: list[Wrong]
    doubts: list[str]


class Accepted(msgspec.Struct, frozen=True):
    """What was done. The anchor's next content is for the caller to write, then `served`."""

    origin: str
    vkeys: tuple[str, ...]
    destroyed: int
    checkpoint: bytes
    destructions: bytes
    offset: int
    served: Checkpoints


class Restoring:
    """See the head of this module. For a store that nobody else uses."""

    def __init__(
        self, store: Store, provider: Provider, randomness: Randomness, files: AnchorFiles
    ) -> None:
        """Raises `TamperedRecord`, and `CannotAccept` when the store is not one of a deployment."""
        self._store = store
        self._provider = provider
        self._randomness = randomness
        self._sealing = Sealing(provider, store.deployment)
        self._anchors = Anchors(provider, store.deployment)
        namespace = store.find(Kind.NAMESPACE, b"", FIRST)
        if namespace is None:
            raise CannotAccept(f"the database has no namespace {FIRST!r}")
        self._first = namespace
        self._doubts: list[str] = []
        self._anchored, self._end, self._listed = self._read(files)
        self._destroyed = [one for one in self._listed if not self._has(one)]

    def look(self) -> Restore:
        """What would be accepted. Nothing is changed."""
        former = self._anchored.checkpoint if self._anchored else None
        size = self._store.tree.size
        return Restore(
            size=size,
            former=former,
            lost=max(0, former.size - size) if former else 0,
            destructions=len(self._destroyed),
            rows=self._rows(),
            doubts=self._doubts,
        )

    def accept(self, *, now_us: int, with_rows: bool) -> Accepted:
        """Do all but writing the anchor. Raises `CannotAccept`, `TamperedRecord`."""
        restore = self.look()
        if restore.rows and not with_rows:
            raise CannotAccept(
                f"{restore.rows[0]}; restore a whole database, or accept the rows, too"
            )
        handle = self._handle(self._first)
        record, body = self._log()
        log = self._next(body, handle, restore, now_us)  # 1, 3
        request = own_request(self._randomness, now_us)
        sealed = log_record(
            self._sealing, log, namespace=self._first.id, request=request,
            revision=1 if record is None else record.revision + 1,
        )  # fmt: skip
        details: Details = {
            "former_origin": restore.former.origin if restore.former else "",
            "former_root": restore.former.root.hex() if restore.former else "",
            "former_size": restore.former.size if restore.former else 0,
            "generation": log.generation,
            "restored_size": restore.size,
            "rows": len(restore.rows),
        }
        writes = [creation(sealed) if record is None else change(sealed)]
        writes += [self._as_it_is(wrong, request) for wrong in restore.rows]  # 4
        self._keep("log.accept-restore", "", details, writes, self._first, request, now_us)
        destroyed = self._destroy_again(now_us)  # 2
        return self._begin_anew(log, handle, len(destroyed), now_us)  # 5

    # --- reading ----------------------------------------------------------------------------------

    def _read(self, files: AnchorFiles) -> tuple[Anchored | None, Head, list[Destruction]]:
        """As much as can be believed: of an anchor that is not whole, what is whole of it."""
        anchored: Anchored | None = None
        head = Head()
        if files.checkpoint:
            try:
                anchored = self._anchors.opened(files.checkpoint)
                head = anchored.head
            except AnchorRefused as error:
                self._doubts.append(str(error))
        else:
            self._doubts.append("the anchor has no checkpoint")
        try:
            listed, end = self._anchors.destructions(files.destructions, head)
        except AnchorRefused as error:
            self._doubts.append(f"{error}: what is missing from it is not destroyed again")
            listed, end = self._anchors.destructions(files.destructions, Head())
        return anchored, end, listed

    def _has(self, destruction: Destruction) -> bool:
        """Whether the database has this very entry: then it also has what came of it."""
        try:
            (event,) = self._store.entries(destruction.position, 1)
        except (StoreDamaged, ValueError):
            return False
        return event.leaf_hash.hex() == destruction.leaf

    def _rows(self) -> list[Wrong]:
        try:
            return fold(self._store)
        except StoreDamaged as error:
            raise CannotAccept(f"the log is damaged: {error}; restore a whole database") from error

    def _log(self) -> tuple[Record | None, LogKeys | None]:
        (record,) = self._store.load([Ref(Kind.LOG, LOG_ID)])
        return record, None if record is None else open_log(self._sealing, record)

    def _handle(self, namespace: Record) -> NamespaceHandle:
        body = self._sealing.open(namespace, Namespace, expected=(Kind.NAMESPACE, namespace.id))
        return self._provider.open_namespace_key(
            body.wrapped_key, self._sealing.namespace_binding(namespace.id)
        )

    # --- the log's next generation ----------------------------------------------------------------

    def _next(
        self, body: LogKeys | None, handle: NamespaceHandle, restore: Restore, now_us: int
    ) -> LogKeys:
        origin = body.origin if body else origin_of(self._store.deployment)
        # Above the anchor's, too: a backup may be of before an earlier restore was accepted.
        reached = _generation(restore.former.origin, origin) if restore.former else 0
        generation = max(body.generation if body else 0, reached) + 1
        new = generated(
            handle, self._store.deployment, origin=origin, generation=generation, now_us=now_us
        )
        former: tuple[FormerLog, ...] = ()
        if body is not None:
            size, root = self._reached(body, restore)
            vkeys = verifier_of(body, self._provider).vkeys
            former = (*body.former, FormerLog(vkeys, size, root, restore.size))
        # As many restores as generations that came after the first, whichever of them this database
        # has heard of.
        return msgspec.structs.replace(
            new, restores=generation - 1, restored_us=now_us, former=former
        )

    def _reached(self, body: LogKeys, restore: Restore) -> tuple[int, bytes]:
        """How far that log is known to have come."""
        if restore.former is not None and restore.former.origin == body.name:
            return restore.former.size, restore.former.root
        stored = self._store.checkpoints()
        try:
            checkpoint = checkpoints.stated(stored.signed)
        except TlogError:
            return 0, b""
        return checkpoint.size, checkpoint.root

    def _begin_anew(
        self, log: LogKeys, handle: NamespaceHandle, destroyed: int, now_us: int
    ) -> Accepted:
        tree = self._store.tree
        note = LogSigner(log, handle, self._store.deployment).sign(tree.size, tree.root, now_us)
        # With those that an attempt which was cut short has done, or that a lost list had.
        lines, head = self._anchors.lines(self._unlisted(), self._end)
        raw = note.to_bytes()
        return Accepted(
            origin=log.name,
            vkeys=verifier_of(log, self._provider).vkeys,
            destroyed=destroyed,
            checkpoint=self._anchors.sealed(note, head),
            destructions=lines,
            offset=self._end.length,
            served=Checkpoints(tree.size, raw, tree.size, raw),
        )

    def _unlisted(self) -> list[Destruction]:
        """What this log has of destructions and the anchor's list has not."""
        listed = {(one.position, one.leaf) for one in self._listed}
        found: list[Destruction] = []
        first = 0
        while some := self._store.changes(first, _ENTRIES_AT_ONCE, erasing=True):
            for stored in some:
                one = _destruction(stored)
                if one is not None and (one.position, one.leaf) not in listed:
                    found.append(one)
            first = some[-1].position + 1
        return found

    # --- rows, as they are ------------------------------------------------------------------------

    def _as_it_is(self, wrong: Wrong, request: str) -> Write:
        """The row's next revision, with the same body: so the log names it again."""
        (record,) = self._store.load([wrong.ref])
        if record is None:
            raise CannotAccept(f"{wrong}; only a whole database that has it can be accepted")
        self._provider.check_mac(record.authenticated(self._store.deployment), record.mac)
        bare = msgspec.structs.replace(
            record, revision=max(record.revision, wrong.revision) + 1, request=request, mac=b""
        )
        mac = self._provider.mac(bare.authenticated(self._store.deployment))
        again = msgspec.structs.replace(bare, mac=mac)
        return Write(again, record.revision, _due_us(record))

    # --- destructions, again ----------------------------------------------------------------------

    def _destroy_again(self, now_us: int) -> list[Destruction]:
        """What the list says and this database has not done. Each is an entry, and erases."""
        done: list[Destruction] = []
        for destruction in self._destroyed:
            by_kind: dict[Kind, list[Ref]] = {}
            for ref in destruction.erased:
                by_kind.setdefault(ref.kind, []).append(ref)
            whole = destruction.action == "key.destroy"
            for ref in by_kind.get(Kind.IMPORT_TICKET, ()):
                done += self._forget_ticket(ref, now_us)
            for ref in by_kind.get(Kind.KEY, ()):  # with all its versions, in one entry
                done += self._destroy_key(ref, now_us)
            for ref in by_kind.get(Kind.VERSION, ()):
                done += self._erase_version(ref, now_us, whole=whole)
            for ref in by_kind.get(Kind.AUDIT_KEYS, ()):
                done += self._erase_details(ref, now_us)
        return done

    def _forget_ticket(self, ref: Ref, now_us: int) -> list[Destruction]:
        (record,) = self._store.load([ref])
        if record is None:
            return []
        body = self._sealing.open(record, ImportTicket, expected=(ref.kind, ref.id))
        if not body.wrapped:
            return []
        request = own_request(self._randomness, now_us)
        write = self._rewritten(record, msgspec.structs.replace(body, wrapped=b""), request)
        key = self._key(body.key)
        details: Details = {"ticket": ref.id.hex()}
        return self._keep_erased("key.expire-import", key, details, [write], request, now_us)

    def _erase_version(self, ref: Ref, now_us: int, *, whole: bool) -> list[Destruction]:
        """Erase a version's material; with `whole`, the version is destroyed."""
        (record,) = self._store.load([ref])
        if record is None:
            return []
        request = own_request(self._randomness, now_us)
        write = self._erasure(record, now_us, request, whole=whole)
        if write is None:
            return []
        action = "key.destroy" if whole else "key.expire-material"
        details: Details = {"key_version": int.from_bytes(ref.id[16:], "big")}
        key = self._key(ref.id[:16])
        return self._keep_erased(action, key, details, [write], request, now_us)

    def _destroy_key(self, ref: Ref, now_us: int) -> list[Destruction]:
        """All versions that this database has, and the key itself."""
        record = self._key(ref.id)
        if record is None:
            return []
        body = self._sealing.open(record, Key, expected=(ref.kind, ref.id))
        if body.state is State.DESTROYED:
            return []
        done: list[Destruction] = []
        numbers = range(1, body.last_version + 1)
        for first in range(0, max(len(numbers), 1), _VERSIONS_AT_ONCE):
            request = own_request(self._randomness, now_us)
            some = numbers[first : first + _VERSIONS_AT_ONCE]
            refs = [Ref(Kind.VERSION, version_id(ref.id, number)) for number in some]
            found = [one for one in self._store.load(refs) if one is not None]
            erasures = [self._erasure(one, now_us, request, whole=True) for one in found]
            writes = [write for write in erasures if write is not None]
            details: Details = {"versions": len(writes)}
            also: list[Entry] = []
            if first + _VERSIONS_AT_ONCE >= len(numbers):
                left, also = self._without(record, body, request, now_us)
                writes += left
            if writes:
                done += self._keep_erased(
                    "key.destroy", record, details, writes, request, now_us, also
                )
        return done

    def _without(
        self, record: Record, body: Key, request: str, now_us: int
    ) -> tuple[list[Write], list[Entry]]:
        """The rows of a key that is destroyed and of its relatives, as of any that is destroyed.

        A primary that waited for the last of its replicas would wait for ever otherwise.
        """
        destroyed = msgspec.structs.replace(body, state=State.DESTROYED, destroyed_us=now_us)
        if not body.multi_region:
            return [self._rewritten(record, destroyed, request)], []
        records = {record.id: record} | self._relatives(body.multi_region)
        bodies = {
            key_id: self._sealing.open(one, Key, expected=(Kind.KEY, key_id))
            for key_id, one in records.items()
        }
        parted = part(bodies | {record.id: destroyed}, body.multi_region, record.id)
        writes = [
            self._rewritten(records[key_id], changed, request)
            for key_id, changed in parted.bodies.items()
        ]
        if not parted.begun:
            return writes, []
        primary = records[parted.begun]
        there = self._namespace_of(primary)
        details = parted.details(bodies[parted.begun])
        entry = deed(
            "key.schedule-destruction", details, about=f"key/{primary.name}", principal=RESTORER,
            namespace=there.name, namespace_id=there.id, request=request, now_us=now_us,
        )  # fmt: skip
        return writes, [entry]

    def _relatives(self, first_id: bytes) -> dict[bytes, Record]:
        """The first of related keys and all that it knows, by id."""
        first = self._key(first_id)
        if first is None:
            raise TamperedRecord
        body = self._sealing.open(first, Key, expected=(Kind.KEY, first_id))
        found = {first_id: first}
        for key_id in body.related.values():
            one = self._key(key_id)
            if one is None:
                raise TamperedRecord
            found[key_id] = one
        return found

    def _erase_details(self, ref: Ref, now_us: int) -> list[Destruction]:
        """Both keys: which of them was erased, the list does not say."""
        record, namespace = self._store.load([ref, Ref(Kind.NAMESPACE, ref.id)])
        if record is None:
            return []
        if namespace is None or record.namespace != ref.id:
            raise TamperedRecord
        handle = self._handle(namespace)
        body = self._sealing.open(record, AuditKeys, expected=(ref.kind, ref.id))
        keys = AuditKeysFact(record, body, self._sealing, handle)
        request = own_request(self._randomness, now_us)
        again = replaced_audit_keys(self._sealing, handle, keys, request=request, identifiers=True)
        details: Details = {
            "details_generation": body.details_generation + 1,
            "identifiers_generation": body.identifiers_generation + 1,
        }
        return self._keep(
            "audit.erase-details", "", details, [change(again)], namespace, request, now_us
        )

    def _erasure(self, record: Record, now_us: int, request: str, *, whole: bool) -> Write | None:
        body = self._sealing.open(record, Version, expected=(Kind.VERSION, record.id))
        if whole and body.state is not State.DESTROYED:
            changed = msgspec.structs.replace(
                body, state=State.DESTROYED, wrapped=b"", fingerprint=b"", destroyed_us=now_us
            )
        elif not whole and body.wrapped:
            changed = msgspec.structs.replace(body, wrapped=b"", expires_us=0)
        else:
            return None
        return self._rewritten(record, changed, request)

    def _rewritten(self, record: Record, body: Key | Version | ImportTicket, request: str) -> Write:
        sealed = self._sealing.seal(
            record.kind, record.id, body, namespace=record.namespace, name=record.name,
            revision=record.revision + 1, request=request,
        )  # fmt: skip
        return Write(sealed, record.revision, body.due_us)

    def _key(self, key_id: bytes) -> Record | None:
        (record,) = self._store.load([Ref(Kind.KEY, key_id)])
        return record

    def _keep_erased(  # noqa: PLR0913 - what an entry is made of
        self,
        action: str,
        key: Record | None,
        details: Details,
        writes: Sequence[Write],
        request: str,
        now_us: int,
        also: Sequence[Entry] = (),
    ) -> list[Destruction]:
        if key is None:
            raise TamperedRecord  # a version or a ticket without its key
        namespace, about = self._namespace_of(key), f"key/{key.name}"
        return self._keep(action, about, details, writes, namespace, request, now_us, also)

    def _namespace_of(self, key: Record) -> Record:
        (namespace,) = self._store.load([Ref(Kind.NAMESPACE, key.namespace)])
        if namespace is None:
            raise TamperedRecord
        return namespace

    def _keep(  # noqa: PLR0913 - what an entry is made of
        self,
        action: str,
        about: str,
        details: Details,
        writes: Sequence[Write],
        namespace: Record,
        request: str,
        now_us: int,
        also: Sequence[Entry] = (),
    ) -> list[Destruction]:
        """Keep it, erase what it replaces, and say what line it is for the anchor's list."""
        kept = tuple(writes)
        entry = deed(
            action, details, about=about, principal=RESTORER, namespace=namespace.name,
            namespace_id=namespace.id, request=request, now_us=now_us, writes=kept,
        )  # fmt: skip
        commit = Commit(self._store.epoch, (), entry, kept, None, erases=True, also=tuple(also))
        (outcome,) = self._store.commit([commit])
        if not isinstance(outcome, Kept):
            raise CannotAccept("the database did not take the change: is it in use?")
        line = destruction_of(decoded(entry.body), outcome.position, leaf_hash(entry.body))
        return [] if line is None else [line]


def _destruction(stored: StoredEvent) -> Destruction | None:
    try:
        return destruction_of(written(stored), stored.position, stored.leaf_hash)
    except (TamperedRecord, ValueError):
        raise CannotAccept(
            f"entry {stored.position} was altered; restore a whole database"
        ) from None


def _generation(origin: str, base: str) -> int:
    """Which generation a log of that name is; 0: of another base."""
    if origin == base:
        return 1
    number = origin.removeprefix(base + "/")
    return int(number) if number.isascii() and number.isdecimal() else 0


def _due_us(record: Record) -> int:
    """When something is to be done about the record, as its body says."""
    bodies: dict[Kind, type[Key | Version | ImportTicket]] = {
        Kind.KEY: Key,
        Kind.VERSION: Version,
        Kind.IMPORT_TICKET: ImportTicket,
    }
    body = bodies.get(record.kind)
    return 0 if body is None else decoder(body).decode(record.body).due_us
