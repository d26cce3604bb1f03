"""The log and the records tell the same story, or one of them is wrong.

The keys are worked out from the audit entries alone and compared with the records, the tree from
the entries' bytes and compared with the stored one. Whatever was half done differs in one of them.
"""

import json
from typing import NamedTuple

from strongroom.adapters.software import SoftwareProvider
from strongroom.domain.lifecycle import State
from strongroom.domain.records import Kind
from strongroom.domain.sensitive import Sensitive
from strongroom.domain.things import Key, Version, version_id
from strongroom.ports.store import EventQuery
from strongroom.services.sealing import Sealing
from strongroom.tlog.merkle import Frontier, leaf_hash

_MANY = 1_000
_WRITING = {
    "create", "update", "write", "delete", "revoke", "rotate", "enable", "disable", "raise",
}  # fmt: skip


class Told(NamedTuple):
    """What is known of a key."""

    state: State
    version: int
    revision: int


class Replay:
    """A store of one namespace, seen to be sound. Fails if it is not."""

    def __init__(self, store, root):
        self._store = store
        self._sealing = Sealing(SoftwareProvider(Sensitive(root)), store.deployment)
        namespace = store.find(Kind.NAMESPACE, b"", "default")
        assert namespace is not None
        self._namespace = namespace.id
        self.events = self._read_log()
        self.keys = self._tell()
        assert self.keys == self._look()
        changing = [event for event in self.events if "records" in event]
        assert store.epoch == len(changing)
        for event in changing:
            assert event["outcome"] == "allowed"
            assert event["action"].rpartition(".")[2] in _WRITING

    def requests(self, outcome):
        """What was allowed, or refused: the request ids."""
        return {event["request"] for event in self.events if event["outcome"] == outcome}

    def root_at(self, size):
        """The tree's root when it had that size."""
        frontier = Frontier()
        for leaf in self._leaves[:size]:
            frontier.append(leaf)
        return frontier.root()

    def _read_log(self):
        frontier, events, after = Frontier(), [], -1
        self._leaves = []
        while True:
            page = self._store.events(EventQuery(self._namespace, after=after, limit=_MANY))
            for stored in page.events:
                assert stored.position == frontier.size
                assert stored.leaf_hash == leaf_hash(stored.body)
                frontier.append(stored.leaf_hash)
                self._leaves.append(stored.leaf_hash)
                events.append(json.loads(stored.body))
            after = page.scanned
            if after + 1 >= page.tree_size:
                break
        tree = self._store.tree
        assert (tree.size, tree.root) == (frontier.size, frontier.root())
        assert page.tree_size == frontier.size
        return events

    def _tell(self):
        """The keys, from the entries."""
        keys = {"demo": Told(State.ACTIVE, 1, 1)}  # is founded together with its namespace
        for event in self.events:
            kind, _, name = event.get("object", "").partition("/")
            if event["outcome"] != "allowed" or kind != "key":
                continue
            was = keys.get(name)
            match event["action"]:
                case "key.create":
                    assert was is None
                    keys[name] = Told(State.ACTIVE, 1, 1)
                case "key.rotate":
                    assert event["version"] == was.version + 1
                    keys[name] = Told(was.state, was.version + 1, was.revision + 1)
                case "key.disable" | "key.enable":
                    keys[name] = Told(event["details"]["state"], was.version, was.revision + 1)
                case "key.update":
                    keys[name] = Told(was.state, was.version, was.revision + 1)
        return keys

    def _look(self):
        """The keys, from the records."""
        keys, after = {}, ""
        while page := self._store.page(Kind.KEY, self._namespace, after, _MANY):
            for record in page:
                body = self._sealing.open(record, Key, expected=(Kind.KEY, record.id))
                numbers = range(body.current_version, 0, -1)
                versions = self._store.family(Kind.VERSION, record.id, _MANY)
                assert [v.id for v in versions] == [version_id(record.id, n) for n in numbers]
                for version in versions:
                    self._sealing.open(version, Version, expected=(Kind.VERSION, version.id))
                keys[record.name] = Told(body.state, body.current_version, record.revision)
            after = page[-1].name
        return keys
