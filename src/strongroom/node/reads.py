"""What the ledger's store answers to each read that comes over the wire."""

from strongroom.node import wire
from strongroom.ports.store import Store


def of_records(store: Store, read: wire.OfRecords) -> object:
    """Records and counts, as of the present epoch: in turn."""
    match read:
        case wire.Load(refs):
            return store.load(refs)
        case wire.Find(kind, namespace, name):
            return store.find(kind, namespace, name)
        case wire.Family(kind, prefix, limit):
            return store.family(kind, prefix, limit)
        case wire.Due(now_us, limit, skip):
            return store.due(now_us, limit, skip)
        case wire.ReadUsage(namespace, name, since_day, limit):
            return store.usage(namespace, name, since_day, limit)
        case _:
            return _of_credentials(store, read)


def _of_credentials(
    store: Store, read: wire.Credentials | wire.CredentialsOf | wire.CredentialsDue
) -> object:
    match read:
        case wire.Credentials(namespace, ids):
            return store.credentials(namespace, ids)
        case wire.CredentialsOf(namespace, user, limit):
            return store.credentials_of(namespace, user, limit)
        case wire.CredentialsDue(now_us, limit, skip):
            return store.credentials_due(now_us, limit, skip)


def of_the_log(store: Store, read: wire.OfTheLog) -> object:
    """The log's growth and marks, and marks to keep: in turn."""
    match read:
        case wire.ReadGrowth():
            return store.tree
        case wire.ReadCheckpoints():
            return store.checkpoints()
        case wire.ReadCursor(name):
            return store.cursor(name)
        case wire.KeepCheckpoints(checkpoints):
            store.keep_checkpoints(checkpoints)
        case wire.MoveCursor(cursor):
            store.move_cursor(cursor)
    return None


def of_a_snapshot(store: Store, read: wire.OutOfTurn) -> object:
    """Lists, searches, entries, hashes and files: in another thread than the others."""
    match read:
        case wire.ReadExtent(before_us):
            return store.extent(before_us)
        case wire.CopyOut(end):
            return store.copy_out(end)
        case wire.CredentialPage(namespace, after, limit):
            return store.credential_page(namespace, after, limit)
        case _:
            return _found(store, read)


def _found(
    store: Store,
    read: wire.ReadPage | wire.ReadEvents | wire.ReadEntries | wire.ReadChanges | wire.ReadHashes,
) -> object:
    match read:
        case wire.ReadPage(kind, namespace, after, limit):
            return store.page(kind, namespace, after, limit)
        case wire.ReadEvents(query):
            return store.events(query)
        case wire.ReadEntries(first, limit):
            return store.entries(first, limit)
        case wire.ReadChanges(first, limit, erasing):
            return store.changes(first, limit, erasing=erasing)
        case wire.ReadHashes(nodes):
            try:
                return store.hashes(nodes)
            except ValueError:  # beyond the log
                return []
