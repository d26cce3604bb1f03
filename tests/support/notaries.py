"""A notary over a house's store, an anchor that can be bent, and what an outsider makes of both."""

import shutil
from base64 import b64encode
from pathlib import Path

import apsw

from strongroom.adapters.anchor_directory import AnchorDirectory
from strongroom.adapters.cedar import CedarEngine
from strongroom.adapters.direct_ledger import DirectLedger
from strongroom.adapters.software import SoftwareProvider
from strongroom.adapters.sqlite.store import SQLiteStore
from strongroom.adapters.system import SystemRandomness
from strongroom.domain.errors import Unavailable
from strongroom.domain.records import Kind, Ref
from strongroom.domain.sensitive import Sensitive
from strongroom.domain.things import LOG_ID
from strongroom.domain.times import DAY_US
from strongroom.node.metrics import Meter
from strongroom.services.anchors import Anchors
from strongroom.services.facts import Facts
from strongroom.services.log_keys import open_log, verifier_of
from strongroom.services.notary import Notary
from strongroom.services.restoring import Restoring
from strongroom.services.sealing import Sealing
from strongroom.services.standing import standing
from strongroom.tlog import keys, notes, vkeys
from strongroom.tlog.merkle import Frontier, leaf_hash
from tests.support.desks import House, at_once


class BentAnchor:
    """The `Anchor` port over a directory. `fail`: "before", "after" (done, and said to be not)."""

    def __init__(self, directory):
        self.directory = directory
        self.kept = []  # the checkpoints' notes, in order
        self.fail = ""

    async def keep(self, checkpoint, destructions, offset):
        if self.fail == "before":
            raise Unavailable
        try:
            self.directory.keep(checkpoint, destructions, offset)
        except (OSError, ValueError) as error:
            raise Unavailable(str(error)) from error
        self.kept.append(checkpoint)
        if self.fail == "after":
            raise Unavailable


class Signed:
    """A house whose log is signed."""

    def __init__(self, folder, **options):
        folder.mkdir(exist_ok=True)
        self.folder = folder
        self.house = House(folder / "store.db", **options)
        self.directory = AnchorDirectory(folder / "anchor")
        self.directory.make()
        self.anchor = BentAnchor(self.directory)
        self.desk = self.house.desk()
        self.notary = None
        self._closed = None

    @property
    def store(self):
        return self.house.store

    @property
    def provider(self):
        return SoftwareProvider(Sensitive(self.house.root))

    @property
    def files(self):
        """The anchor's, as they are on disk."""
        return AnchorDirectory(self.directory.path).read()

    def log_keys(self):
        (record,) = self.store.load([Ref(Kind.LOG, LOG_ID)])
        return open_log(Sealing(self.provider, self.store.deployment), record)

    def vkeys(self):
        return verifier_of(self.log_keys(), self.provider).vkeys

    def appoint(self, *, ledger=None, anchor=None, witnessed=False, files=None):
        """Another notary, that begins from what is in the anchor."""
        ledger = ledger or DirectLedger(self.store)
        facts = Facts(ledger, self.provider, CedarEngine(), Meter())
        self.notary = Notary(
            facts=facts, ledger=ledger, anchor=anchor or self.anchor, provider=self.provider,
            clock=self.house.clock, first_namespace=self.house.first, witnessed=witnessed,
        )  # fmt: skip
        at_once(self.notary.take_over((files or self.files).checkpoint))
        return self.notary

    def sign(self):
        """One turn."""
        if self.notary is None:
            self.appoint()
        return at_once(self.notary.turn())

    def use(self, times=1):
        for _ in range(times):
            self.desk.ask(self.house.app, "key.encrypt", "demo", plaintext=b"x")

    def destroy(self, key="demo", desk=None):
        """The key's whole way to the end."""
        desk = desk or self.desk
        desk.ask(self.house.admin, "key.schedule-destruction", key, days=7)
        self.house.clock.now += 8 * DAY_US
        assert desk.steward() > 0

    def standing(self, files=None):
        """What is wrong with the database, in a sentence."""
        return standing(self.store, self.provider, files or self.files)

    def destructions(self):
        """What the anchor's list says."""
        anchors = Anchors(self.provider, self.store.deployment)
        files = self.files
        return anchors.destructions(files.destructions, anchors.opened(files.checkpoint).head)[0]

    def close(self):
        """Let go of the database."""
        if self._closed is self.store:
            return
        self._closed = self.store  # closed: another one comes in its place, or none
        self.store.close()

    # --- copies of the database -------------------------------------------------------------------

    def backup(self):
        """A copy of the database, as a careful operator makes one."""
        copy = self.folder / "backup.db"
        copy.unlink(missing_ok=True)
        target, source = apsw.Connection(str(copy)), apsw.Connection(self.house.path)
        with target.backup("main", source, "main") as work:
            work.step()
        target.close()
        source.close()
        return copy

    def restore(self, copy):
        """Put it in the database's place, which is closed before."""
        self.close()
        for suffix in ("-wal", "-shm"):
            Path(self.house.path + suffix).unlink(missing_ok=True)
        shutil.copy(copy, self.house.path)
        self.reopen()

    def reopen(self):
        """As after a start: nothing is remembered."""
        self.close()
        self.house.store = SQLiteStore.open(self.house.path)
        self.desk = self.house.desk()
        self.notary = None

    def accept(self, *, with_rows=False):
        """What `strongroom accept-restore` does; what was done."""
        work = Restoring(self.store, self.provider, SystemRandomness(), self.files)
        accepted = work.accept(now_us=self.house.clock.now, with_rows=with_rows)
        self.directory.begin_anew(
            accepted.checkpoint, accepted.destructions, accepted.offset, "former"
        )
        self.store.keep_checkpoints(accepted.served)
        self.reopen()
        return accepted


class Auditor:
    """Believes nothing but keys: every checkpoint it is shown must continue the ones before."""

    def __init__(self, texts):
        self._verifiers = [keys.verifier(vkeys.parse(text)) for text in texts]
        self.seen = []

    def show(self, raw):
        """A note. Returns its checkpoint."""
        note = notes.parse(raw)
        for verifier in self._verifiers:
            notes.check(note, verifier)
        origin, size, root, *_ = note.text.split("\n")
        assert origin == self._verifiers[0].vkey.name
        self.seen.append((int(size), root))
        return int(size), root

    def require_one_log(self, bodies):
        """All that was shown is of one log, and its entries are these."""
        frontier, roots = Frontier(), {}
        for body in bodies:
            frontier.append(leaf_hash(body))
            roots[frontier.size] = frontier.root()
        sizes = [size for size, _ in self.seen]
        assert sizes == sorted(sizes)

        for size, root in self.seen:
            assert root == b64encode(roots[size]).decode(), size


def bodies(store):
    """All entries, in order."""
    found = []
    while part := store.entries(len(found), 1_000):
        found += [event.body for event in part]
    return found
