"""A Strongroom without rooms, over HTTP: the real door, desk and store in this process."""

import asyncio
import shutil
import socket
import threading

import uvicorn

from strongroom.adapters.cedar import CedarEngine
from strongroom.adapters.direct_ledger import DirectLedger
from strongroom.adapters.software import SoftwareProvider
from strongroom.adapters.sqlite.store import SQLiteStore
from strongroom.adapters.system import SystemClock, SystemRandomness
from strongroom.domain.calls import Reply
from strongroom.domain.errors import Unavailable
from strongroom.domain.records import Kind
from strongroom.domain.sensitive import Sensitive
from strongroom.doors.rest.app import RestDoor
from strongroom.node.metrics import Meter
from strongroom.services.custodian import assemble
from strongroom.services.founding import found
from tests.support.signs_at_once import SignsAtOnce

# Before these, the log is signed: a node's notary does it once a second.
_ABOUT_A_SIGNED_LOG = {
    "audit.read-checkpoint", "audit.read-tile", "audit.read-entries", "receipt.read",
}  # fmt: skip


class StandIn:
    """A founded dev deployment at `url`, with `admin` and `app` tokens. Use as a context.

    With a certificate and its key, both as files, it speaks TLS. `like` another one that has ended:
    a copy of it.
    """

    def __init__(self, path, *, certificate=None, key=None, like=None):
        root = Sensitive(bytes(range(32)))
        self.path = path
        if like is None:
            self._store = SQLiteStore.create(str(path), bytes(16))
            tokens = found(
                self._store,
                SoftwareProvider(root),
                SystemRandomness(),
                now_us=SystemClock().now_us(),
                dev=True,
            )
            self.admin, self.app = tokens.administrator, tokens.application
        else:
            shutil.copy(like.path, path)
            self._store = SQLiteStore.open(str(path))
            self.admin, self.app = like.admin, like.app
        self._store._db.execute("PRAGMA synchronous = OFF")  # a power cut is not the subject
        staff = assemble(
            ledger=DirectLedger(self._store),
            provider=SoftwareProvider(root),
            engine=CedarEngine(),
            clock=SystemClock(),
            randomness=SystemRandomness(),
            watch=Meter(),
            first_namespace=self._store.find(Kind.NAMESPACE, b"", "default").id,
            seal="test",
        )
        self._desk = staff.desk
        self.store, self.alerts, self.duties = self._store, staff.alerts, staff.duties
        self._notary = SignsAtOnce(self._store, SoftwareProvider(root))
        self.vkeys = self._notary.vkeys
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self.url = f"http{'s' if certificate else ''}://127.0.0.1:{self.port}"
        door = RestDoor(self, observe=lambda *_: None, pages={}, enrich=self._enrich)
        self._server = uvicorn.Server(
            uvicorn.Config(
                door,
                lifespan="off",
                log_config=None,
                ws="none",
                interface="asgi3",
                ssl_certfile=certificate,
                ssl_keyfile=key,
            )
        )
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._server.serve(sockets=[self._listening])), daemon=True
        )
        self.rooms = []  # what the gate would add to the status
        self.asked = []  # the operations so far
        self.away = False  # whether to answer like a gate without custodians

    async def ask(self, call):
        """The `Custodian` port."""
        self.asked.append(call.operation)
        if self.away:
            return Reply(code=Unavailable.code, detail="no custodian can take this now")
        if call.operation in _ABOUT_A_SIGNED_LOG:
            self._notary.sign()
        return await self._desk.answer(call)

    async def _enrich(self, status):
        status.rooms = self.rooms
        return status

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._server.should_exit = True
        self._thread.join(10)
        self._listening.close()
        self._store.close()
