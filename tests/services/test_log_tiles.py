"""Checkpoints and tiles: who may read which, and that they are the log's."""

import pytest

from strongroom.adapters.software import SoftwareProvider
from strongroom.domain.sensitive import Sensitive
from strongroom.tlog import checkpoints, merkle, notes, tiles
from strongroom.tlog.tiles import ENTRIES, Tile
from tests.services.test_receipts import policy, someone
from tests.support.desks import House
from tests.support.logs import Log
from tests.support.signs_at_once import SignsAtOnce


class Town:
    """Two namespaces, an auditor in each, and a log of some hundred entries that is signed."""

    def __init__(self, path):
        self.house = House(path)
        self.desk = desk = self.house.desk()
        self.notary = SignsAtOnce(self.house.store, SoftwareProvider(Sensitive(self.house.root)))
        self.foreign = desk.ask(self.house.admin, "namespace.create", name="other").token
        self.auditor = someone(self.house, desk, "auditor", ["auditor"])
        self.foreign_auditor = someone(self.house, desk, "auditor", ["auditor"], self.foreign)
        for _ in range(300):
            desk.ask(self.foreign, "identity.read")
        self.note = self.notary.sign()
        rows = self.house.store._db.execute(
            "SELECT CAST(body AS BLOB) FROM entries ORDER BY position"
        )
        self.log = Log([body for (body,) in rows])
        self.size = len(self.log.entries)

    def tile(self, tile, token=None):
        """The reply to who asks for it."""
        asked = {"n": tile.n, "width": tile.width}
        if tile.level == ENTRIES:
            return self.desk.ask(token or self.auditor, "audit.read-entries", **asked).content
        return self.desk.ask(
            token or self.auditor, "audit.read-tile", level=tile.level, **asked
        ).content


@pytest.fixture(scope="module")
def town(tmp_path_factory):
    made = Town(tmp_path_factory.mktemp("town") / "store.db")
    yield made
    made.house.store.close()


def test_the_checkpoint_is_what_the_notary_signed(town):
    for token in (town.auditor, town.foreign_auditor, town.house.admin):
        assert town.desk.ask(token, "audit.read-checkpoint").content == town.note
    checkpoint = policy(town.notary).trusted(notes.parse(town.note))
    assert (checkpoint.size, checkpoint.root) == (town.size, town.log.root(town.size))


@pytest.mark.parametrize("level", [ENTRIES, 0, 1])
def test_every_tile_of_the_checkpoints_tree_is_there(town, level):
    for tile in tiles.tiles(level, town.size):
        assert town.tile(tile) == town.log.tile(tile)


def test_tiles_lead_to_the_root_that_is_signed(town):
    frontier = merkle.Frontier()
    for tile in tiles.tiles(0, town.size):
        for leaf in tiles.split(tile, town.tile(tile)):
            frontier.append(leaf)
    signed = checkpoints.parse(notes.parse(town.note).text)
    assert frontier.root() == signed.root


@pytest.mark.parametrize("width", [1, 7, 255])
def test_a_tile_has_each_width_that_it_had_once(town, width):
    for level in (ENTRIES, 0):
        tile = Tile(level, 0, width)
        assert town.tile(tile) == town.log.tile(tile)


def test_what_is_beyond_the_checkpoint_is_not_there(town):
    """Also when the log has grown: nothing is handed out that is not signed."""
    width = town.size % 256
    assert town.house.store.tree.size > town.size
    for operation, level in (("audit.read-tile", {"level": 0}), ("audit.read-entries", {})):
        for n, wide in ((1, width + 1), (1, 256), (2, 1), (2**40, 256)):
            assert town.desk.refusal(
                town.auditor, operation, n=n, width=wide, **level
            ) == "not-found", (n, wide)  # fmt: skip
    for level, n, wide in ((1, 0, 2), (1, 1, 1), (2, 0, 1), (7, 0, 1)):
        refused = town.desk.refusal(town.auditor, "audit.read-tile", level=level, n=n, width=wide)
        assert refused == "not-found"


@pytest.mark.parametrize(
    "asked",
    [
        {"level": 0, "n": 0, "width": 0},
        {"level": 0, "n": 0, "width": 257},
        {"level": 0, "n": -1, "width": 1},
        {"level": -1, "n": 0, "width": 1},
        {"level": 8, "n": 0, "width": 1},
        {"level": 7, "n": 2**50, "width": 1},
        {"level": 0, "n": 2**55, "width": 256},
        {"level": 0, "n": 2**63, "width": 1},
        {"level": 0, "n": 0},
        {},
    ],
)
def test_what_no_tree_has_is_refused(town, asked):
    assert town.desk.refusal(town.auditor, "audit.read-tile", **asked) == "invalid-request"


def test_entries_of_all_namespaces_are_for_auditors_of_the_first_alone(town):
    tile = Tile(ENTRIES, 0)
    assert b'"namespace":"other"' in town.tile(tile)
    assert b'"namespace":"default"' in town.tile(tile)
    refused = {
        town.desk.refusal(token, "audit.read-entries", n=0, width=256)
        for token in (town.foreign_auditor, town.foreign, town.house.admin, town.house.app)
    }
    assert refused == {"not-allowed"}
    request, _ = town.desk.reply(town.foreign_auditor, "audit.read-entries", n=0, width=256)
    (event,) = town.desk.ask(town.foreign, "audit.read", request=request).events
    assert "from the namespace default only" in event.missing


def test_no_policy_of_another_namespace_opens_the_entries(town):
    text = "permit (principal, action, resource);"
    town.desk.ask(town.foreign, "policy.write", "all", text=text)
    for token in (town.foreign, town.foreign_auditor):
        asked = town.desk.refusal(token, "audit.read-entries", n=0, width=1)
        assert asked == "not-allowed"


def test_who_is_no_auditor_reads_no_hash(town):
    for operation, asked in (
        ("audit.read-checkpoint", {}),
        ("audit.read-tile", {"level": 0, "n": 0, "width": 1}),
    ):
        assert town.desk.refusal(town.house.app, operation, **asked) == "not-allowed"
        assert town.desk.refusal("", operation, **asked) == "unauthenticated"


def test_each_reading_is_on_record(town):
    request, _ = town.desk.reply(town.auditor, "audit.read-tile", level=0, n=1, width=7)
    (event,) = town.desk.ask(town.auditor, "audit.read", request=request).events
    assert (event.principal, event.details) == ("auditor", {"tile": "tile/0/001.p/7"})
    request, _ = town.desk.reply(town.auditor, "audit.read-entries", n=0, width=256)
    (event,) = town.desk.ask(town.auditor, "audit.read", request=request).events
    assert event.details == {"tile": "tile/entries/000"}
    request, _ = town.desk.reply(town.auditor, "audit.read-checkpoint")
    (event,) = town.desk.ask(town.auditor, "audit.read", request=request).events
    assert event.details == {"size": town.size}


def test_long_entries_come_in_one_file(tmp_path, monkeypatch):
    """The store hands over a few megabytes at a time; a file may hold more."""
    from strongroom.adapters.sqlite import tree

    monkeypatch.setattr(tree, "_BYTES_MAX", 2_000)
    town = Town(tmp_path / "store.db")
    try:
        tile = Tile(ENTRIES, 0)
        assert town.tile(tile) == town.log.tile(tile)
    finally:
        town.house.store.close()


def test_an_edited_entry_is_handed_out_as_it_is_for_the_verifier_to_find(tmp_path):
    town = Town(tmp_path / "store.db")
    try:
        town.house.store._db.execute("UPDATE entries SET body = '{}' WHERE position = 3")
        entries = tiles.unbundle(town.tile(Tile(ENTRIES, 0)), 256)
        assert entries[3] == b"{}"
        assert merkle.leaf_hash(b"{}") != town.log.leaves[3]
        town.house.store._db.execute("DELETE FROM entries WHERE position = 5")
        refused = town.desk.refusal(town.auditor, "audit.read-entries", n=0, width=256)
        assert refused in {"tampered-record", "unavailable"}
    finally:
        town.house.store.close()


def test_before_the_first_checkpoint_there_is_nothing_to_read_yet(tmp_path):
    house = House(tmp_path / "store.db")
    desk = house.desk()
    try:
        for operation, asked in (
            ("audit.read-checkpoint", {}),
            ("audit.read-tile", {"level": 0, "n": 0, "width": 1}),
        ):
            assert desk.refusal(house.admin, operation, **asked) == "unavailable"
    finally:
        house.store.close()
