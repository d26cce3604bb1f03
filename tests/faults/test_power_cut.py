"""The power goes at any moment; what was acknowledged is there, whole, and it goes on.

A desk lives on a disk whose flushes count. At moments chosen by chance the power is cut: the files
are made as the disk could have them then, opened, and looked at. The last such cut is where the
next life begins, so that a cut during recovery from a cut is tried, too.
"""

import os
import random
import shutil
import time
from pathlib import Path

import pytest

from strongroom.adapters.sqlite.store import SQLiteStore
from strongroom.domain.errors import TamperedRecord
from strongroom.ports.store import StoreRefused, StoreUnavailable
from tests.support import SOAK_SECONDS
from tests.support.desks import House
from tests.support.power import VFS, Power
from tests.support.replay import Replay

_MOMENTS_OF_ACTS = 0.25  # the part of the acts at which the power is cut


@pytest.fixture(scope="module")
def pristine(memory_path):
    house = House(memory_path / "pristine.db")
    house.store.close()
    return house


class Cut:
    """A moment: what the files could be, and what had been promised by then."""

    def __init__(self, files, promised, tree):
        self.files = files
        self.promised = promised
        self.tree = tree

    def lay(self, folder):
        """Make the files; the store's path."""
        for path, content in self.files.items():
            target = folder / Path(path).name
            target.unlink(missing_ok=True)
            if content is not None:
                target.write_bytes(content)
        (folder / "store.db-shm").unlink(missing_ok=True)  # memory, not disk
        return folder / "store.db"

    def check(self, house, folder):
        """Open what is left. What was promised is in it, in its place."""
        store = SQLiteStore.open(str(self.lay(folder)))
        try:
            found = Replay(store, house.root)
            assert self.promised <= found.requests("allowed")
            assert found.root_at(self.tree.size) == self.tree.root
            store.probe()
        finally:
            store.close()
        return found


def live(house, path, chance, *, steps, synchronous=None):
    """A life that ends in order, and the cuts that could have ended it."""
    cuts = []
    with Power() as power:
        house = house.at(SQLiteStore.open(str(path), vfs=VFS))
        if synchronous is not None:
            house.store._db.pragma("synchronous", synchronous)
        # Often enough for the log to be written back and begun again within a life.
        house.store._db.wal_autocheckpoint(chance.choice([1, 4, 20]))
        begin = Replay(house.store, house.root)
        # Whatever can be read after a start had reached the disk.
        promised, tree = begin.requests("allowed"), house.store.tree

        def cut():
            if chance.random() < _MOMENTS_OF_ACTS:
                cuts.append(Cut(power.cut(chance), set(promised), tree))

        power.acted = cut
        desk, names = house.desk(), sorted(begin.keys)
        for step in range(steps):
            name = chance.choice(names)
            operation, target, fields = chance.choice([
                ("key.create", "", {"name": f"k{len(begin.events)}-{step}"}),
                ("key.rotate", name, {}),
                ("key.disable", name, {}),
                ("key.enable", name, {}),
                ("key.update", name, {"labels": {"step": str(step)}}),
                ("key.encrypt", name, {"plaintext": b"x" * chance.choice([10, 10_000])}),
                ("key.encrypt", "demo", {"items": [{"plaintext": b"x"}] * 50}),
            ])  # fmt: skip
            request, reply = desk.reply(house.admin, operation, target, **fields)
            assert reply.code in {"", "key-not-usable"}
            if not reply.code:
                promised.add(request)
                if operation == "key.create":
                    names.append(fields["name"])
            tree = house.store.tree
        cuts.append(Cut(power.cut(chance), set(promised), tree))
        house.store.close()
        cuts.append(Cut(power.cut(chance), set(promised), tree))
    assert power.acts > steps
    return cuts


def lives(house, folder, seed, *, count, steps):
    """One life after the other, each beginning where the power went in the one before."""
    chance = random.Random(seed)  # noqa: S311 - to be repeatable
    (folder / "left").mkdir(parents=True)
    (folder / "live").mkdir()
    path = folder / "live" / "store.db"
    path.write_bytes(Path(house.path).read_bytes())
    looked = 0
    for _ in range(count):
        cuts = live(house, path, chance, steps=steps)
        for cut in cuts:
            cut.check(house, folder / "left")
        looked += len(cuts)
        chance.choice(cuts).lay(folder / "live")
    return looked


@pytest.mark.parametrize("seed", range(3))
def test_power_cut_keeps_every_acknowledged_entry_and_the_tree(memory_path, pristine, seed):
    assert lives(pristine, memory_path / f"s{seed}", seed, count=6, steps=25) > 200


@pytest.mark.soak
def test_power_cut_keeps_every_acknowledged_entry_and_the_tree_many_times(memory_path, pristine):
    """New moments each time; a failure names its seed."""
    end, looked = time.monotonic() + SOAK_SECONDS, 0
    while time.monotonic() < end:
        seed = int.from_bytes(os.urandom(4), "big")
        folder = memory_path / f"many-{seed}"
        try:
            looked += lives(pristine, folder, seed, count=8, steps=25)
        except (AssertionError, StoreRefused, StoreUnavailable, TamperedRecord) as error:
            raise AssertionError(f"with the seed {seed}") from error
        shutil.rmtree(folder)
    assert looked > 1_000


@pytest.mark.parametrize("synchronous", ["NORMAL", "OFF"])
def test_without_full_flushes_a_power_cut_loses_what_was_acknowledged(
    memory_path, pristine, synchronous
):
    """Shows that the cuts above would find a loss."""
    folder = memory_path / synchronous
    folder.mkdir()
    path = folder / "store.db"
    path.write_bytes(Path(pristine.path).read_bytes())
    chance = random.Random(7)  # noqa: S311 - to be repeatable
    lost = 0
    (folder / "left").mkdir()
    for cut in live(pristine, path, chance, steps=25, synchronous=synchronous):
        try:
            cut.check(pristine, folder / "left")
        except (AssertionError, StoreRefused, StoreUnavailable, TamperedRecord):
            lost += 1
    assert lost > 0
