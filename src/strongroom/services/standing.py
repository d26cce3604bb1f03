"""Whether this database is the one whose log was signed last: looked at before a node begins.

A database that was put back from a backup is sound in itself: every MAC fits, the log's tree, too.
Only what is kept elsewhere tells that something is missing. So, in this order:

1. The anchor's files are as they were written, by this deployment.
2. The checkpoint in them is of this database's log, signed by its keys.
3. The database has all entries of that checkpoint, and they are those that were signed.
4. So it is with the newest checkpoint that the database itself has.
5. The rows are those that the log names last (`services/folding.py`).

What is found is said in one sentence. Nothing is changed here.
"""

from typing import Final

from strongroom.domain.errors import TamperedRecord
from strongroom.domain.records import Kind, Ref
from strongroom.domain.things import LOG_ID, LogKeys
from strongroom.ports.anchor import AnchorFiles
from strongroom.ports.provider import Provider
from strongroom.ports.store import Store, StoreDamaged
from strongroom.services.anchors import Anchored, AnchorRefused, Anchors
from strongroom.services.folding import fold
from strongroom.services.log_keys import open_log, verifier_of
from strongroom.services.sealing import Sealing
from strongroom.tlog import checkpoints, proofs
from strongroom.tlog.errors import TlogError

_WAY_ON: Final = (
    "; `strongroom accept-restore`, while nothing runs, goes on from this database all the same"
)


class NotTheLast(Exception):  # noqa: N818 - it says what is the case
    """The database is not the one that was signed last. The text says what is the case."""


def standing(store: Store, provider: Provider, files: AnchorFiles) -> str:
    """What is wrong and what to do, in a sentence; empty: nothing. Raises `StoreUnavailable`."""
    try:
        _look(store, provider, files)
    except NotTheLast as found:
        return f"{found}{_WAY_ON}"
    except StoreDamaged as error:
        return f"the log is damaged: {error}; restore a whole database"
    return ""


def log_record_of(store: Store, sealing: Sealing) -> LogKeys | None:
    """The log's keys; None before there were any. Raises `TamperedRecord`."""
    (record,) = store.load([Ref(Kind.LOG, LOG_ID)])
    return None if record is None else open_log(sealing, record)


def _look(store: Store, provider: Provider, files: AnchorFiles) -> None:
    try:
        body = log_record_of(store, Sealing(provider, store.deployment))
    except TamperedRecord:
        raise NotTheLast("the record of the log's keys was altered") from None
    if not files.checkpoint:
        _never_signed(store)
        _require_rows(store)
        return
    anchored = _anchored(store, provider, files)  # 1
    if body is None:
        raise NotTheLast(
            "the database is of before its log was signed, but the anchor has a checkpoint of"
            f" {anchored.checkpoint.size:,} entries"
        )
    _require_log(anchored, body, provider)  # 2
    _require_tree(store, anchored.checkpoint.size, anchored.checkpoint.root)  # 3
    try:
        served, _ = verifier_of(body, provider).trusted(store.checkpoints().signed)
    except TlogError:
        pass  # none yet, or of the log before a restore was accepted
    else:
        _require_tree(store, served.size, served.root)  # 4
    _require_rows(store)  # 5


def _require_rows(store: Store) -> None:
    wrong = fold(store)
    if wrong:
        raise NotTheLast(
            f"{wrong[0]}" + (f", and {len(wrong) - 1:,} more rows" if len(wrong) > 1 else "")
        )


def _never_signed(store: Store) -> None:
    """Without an anchor, there must not have been a checkpoint: the file would have been lost."""
    signed = store.checkpoints().size
    if signed:
        raise NotTheLast(
            f"the anchor has no checkpoint, though {signed:,} entries were signed; put the file"
            " back if you have it"
        )


def _anchored(store: Store, provider: Provider, files: AnchorFiles) -> Anchored:
    anchors = Anchors(provider, store.deployment)
    try:
        anchored = anchors.opened(files.checkpoint)
        anchors.destructions(files.destructions, anchored.head)
    except AnchorRefused as error:
        raise NotTheLast(f"{error}; put the file back if you have it") from error
    return anchored


def _require_log(anchored: Anchored, body: LogKeys, provider: Provider) -> None:
    origin = anchored.checkpoint.origin
    if origin != body.name:
        raise NotTheLast(
            f"the database is of the log {body.name}, the anchor's checkpoint of {origin}: the"
            " database is of before a restore that was accepted"
        )
    try:
        verifier_of(body, provider).trusted(anchored.note.to_bytes())
    except TlogError as error:
        raise NotTheLast(f"the anchor's checkpoint is not this log's: {error}") from error


def _require_tree(store: Store, size: int, root: bytes) -> None:
    present = store.tree.size
    if present < size:
        raise NotTheLast(
            f"the database has {present:,} audit entries, but {size:,} were signed: it is an older"
            f" copy, and the last {size - present:,} are missing"
        )
    if proofs.fold_root(store.hashes(proofs.plan_root(size))) != root:
        raise NotTheLast(
            f"the database's first {size:,} audit entries are not those that were signed"
        )


def size_of(raw: bytes) -> int:
    """The size in a checkpoint's file, whoever wrote it; 0 if there is none to be read."""
    try:
        return checkpoints.stated(raw).size
    except TlogError:
        return 0
