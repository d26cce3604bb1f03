"""What a node's notary does once a second, done when a test says so: sign the log as it is."""

import asyncio
import time

from msgspec import structs

from strongroom.domain.records import Kind, Ref
from strongroom.domain.things import LOG_ID, Namespace
from strongroom.ports.store import Checkpoints
from strongroom.services.log_keys import LogSigner, open_log, verifier_of
from strongroom.services.sealing import Sealing


class SignsAtOnce:
    """Signs the log of a store with its own keys."""

    def __init__(self, store, provider):
        self._store, self._provider = store, provider
        self._sealing = Sealing(provider, store.deployment)

    def body(self):
        (record,) = self._store.load([Ref(Kind.LOG, LOG_ID)])
        return open_log(self._sealing, record)

    @property
    def vkeys(self):
        return verifier_of(self.body(), self._provider).vkeys

    def note(self):
        """The checkpoint of the log as it is."""
        first = self._store.find(Kind.NAMESPACE, b"", "default")
        namespace = self._sealing.open(first, Namespace, expected=(Kind.NAMESPACE, first.id))
        handle = self._provider.open_namespace_key(
            namespace.wrapped_key, self._sealing.namespace_binding(first.id)
        )
        signer = LogSigner(self.body(), handle, self._store.deployment)
        tree = self._store.tree
        return tree.size, signer.sign(tree.size, tree.root, time.time_ns() // 1000).to_bytes()

    def sign(self, *, counts=True):
        """Sign, and have the store serve it; without `counts`, as one that has no witnesses yet."""
        size, note = self.note()
        kept = Checkpoints(size, note, size, note)
        if not counts:
            kept = structs.replace(kept, counted_size=0, counted=b"")
        self._store.keep_checkpoints(kept)
        return note

    async def work(self, seconds):
        """Sign after so many seconds."""
        await asyncio.sleep(seconds)
        self.sign()
