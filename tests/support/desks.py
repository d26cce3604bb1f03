"""A desk over a real SQLite store, without rooms; several desks over one, like processes."""

import asyncio
import atexit
import copy
import os

import msgspec

from strongroom.adapters.cedar import CedarEngine
from strongroom.adapters.direct_ledger import DirectLedger
from strongroom.adapters.software import SoftwareProvider
from strongroom.adapters.sqlite.store import SQLiteStore
from strongroom.adapters.system import SystemRandomness
from strongroom.domain.calls import ANSWER_DECODERS, Call
from strongroom.domain.records import Kind
from strongroom.domain.sensitive import Sensitive
from strongroom.node.metrics import Meter
from strongroom.services.custodian import assemble
from strongroom.services.founding import found

START_US = 1_790_000_000_000_000


class Clock:
    """A clock that can be moved."""

    def __init__(self, now_us=START_US):
        self.now = now_us

    def now_us(self):
        return self.now


class Refused(AssertionError):  # noqa: N818 - it says what is the case
    """A refusal where an answer was expected."""

    def __init__(self, reply):
        super().__init__(f"{reply.code}: {reply.detail}")
        self.code = reply.code
        self.reply = reply


class House:
    """A founded deployment."""

    def __init__(self, path, *, dev=True, root=None, now_us=START_US):
        self.path = str(path)
        self.root = root or os.urandom(32)
        self.clock = Clock(now_us)
        self.store = SQLiteStore.create(self.path, os.urandom(16))
        self.tokens = found(
            self.store,
            SoftwareProvider(Sensitive(self.root)),
            SystemRandomness(),
            now_us=self.clock.now,
            dev=dev,
        )
        self.first = self.store.find(Kind.NAMESPACE, b"", "default").id
        self.admin = self.tokens.administrator
        self.app = self.tokens.application

    def at(self, store):
        """The same deployment in another store: a copy of its file."""
        twin = copy.copy(self)
        twin.store = store
        return twin

    def lasting(self):
        """Have tokens that outlast years of a moved clock."""
        desk = self.desk()
        self.admin, self.app = (
            desk.ask(self.admin, "token.create", principal=name, days=3_650).token
            for name in ("admin", "app")
        )

    def desk(self, engine=None, ledger=None, **settings):
        staff = assemble(
            ledger=ledger or DirectLedger(self.store),
            provider=SoftwareProvider(Sensitive(self.root)),
            engine=engine or CedarEngine(),
            clock=self.clock,
            randomness=SystemRandomness(),
            watch=Meter(),
            first_namespace=self.first,
            seal="test",
            **settings,
        )
        return Client(staff.desk, staff.steward, staff.alerts, staff.duties)


class Client:
    """Asks a desk."""

    def __init__(self, desk, steward=None, alerts=None, duties=None):
        self.desk = desk
        self._steward = steward
        self.alerts = alerts
        self.duties = duties

    def steward(self):
        """Have the steward do all that is due. Returns how many things it did."""
        return at_once(self.turns())

    async def turns(self):
        """The same, for stewards at work at once."""
        done = 0
        while did := await self._steward.turn() + await self._steward.rotate_overused():
            done += did
        return done

    def attend(self):
        """Have all done that is due about credentials. Returns how many things it were."""
        done = 0
        while did := at_once(self.duties.turn()):
            done += did
        return done

    def reply(self, token, operation, target="", /, **fields):
        return at_once(self.replied(token, operation, target, **fields))

    async def replied(self, token, operation, target="", /, **fields):
        """The request's id and the reply, for those who ask several at once."""
        request = f"{START_US // 1000:012x}" + os.urandom(10).hex()
        call = Call(operation, target, token, "127.0.0.1", request, msgspec.msgpack.encode(fields))
        return request, await self.desk.answer(call)

    def ask(self, token, operation, target="", /, **fields):
        _, reply = self.reply(token, operation, target, **fields)
        if reply.code:
            raise Refused(reply)
        return ANSWER_DECODERS[operation][reply.variant].decode(reply.answer)

    def refusal(self, token, operation, target="", /, **fields):
        _, reply = self.reply(token, operation, target, **fields)
        return reply.code


_runner = asyncio.Runner()  # one for all: a loop for each call costs more than the call
atexit.register(_runner.close)


def at_once(work):
    """What the coroutine returns."""
    return _runner.run(work)
