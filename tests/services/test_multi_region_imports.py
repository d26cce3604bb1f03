"""Imported multi-Region keys: what each Region has of the material, and when it is current."""

import hmac

import msgspec
import pytest
from msgspec import UNSET

from strongroom.domain.destructions import destruction_of
from strongroom.domain.events import Event
from strongroom.domain.records import Kind, Ref
from strongroom.domain.things import Version, version_id
from strongroom.domain.times import DAY_US, rfc3339
from strongroom.domain.transfers import Wrapping
from strongroom.services.folding import fold
from tests.services.test_multi_region import DAYS, World
from tests.services.test_private_sources import Between
from tests.support.desks import House
from tests.support.regions import AP, EU, US, entries, founded
from tests.support.travel import travelling

ONE, TWO, THREE = (bytes(range(first, first + 32)) for first in range(3))
STEWARD = "strongroom:steward"


class Imports(World):
    """One who has the material, too."""

    def given(self, at, material, name="card", **fields):
        begun = self.ask(at, "key.import-parameters", name, wrapping_key="rsa-2048")
        sealed = travelling(begun.public_key, material, Wrapping.RSA_OAEP_SHA256)
        how = {"wrapped_material": sealed, "wrapping": "rsa-oaep-sha256"}
        return {"import_token": begun.import_token, **how, **fields}

    def bring(self, at, material=ONE, name="card", **fields):
        return self.ask(at, "key.import", name, **self.given(at, material, name, **fields))

    def unwanted(self, at, material=ONE, **fields):
        """The refusal of an import."""
        _, reply = self.desk.reply(
            self.tokens[at], "key.import", "card", **self.given(at, material, **fields)
        )
        assert reply.code
        return reply

    def imported(self, *regions, **fields):
        """A key with its first material in the primary, and in those other Regions."""
        made = self.key(origin="imported", **fields)
        self.bring(EU)
        for region in regions:
            self.ask(EU, "key.replicate", "card", region=region)
            self.bring(region, again=True)
        return made

    def stopped_short(self, region, change, /, *what, **fields):
        """What becomes of a slow desk's ask, before whose commit something else happens."""
        ledger = Between(self.house.store)
        slow = self.house.desk(ledger=ledger)

        async def then():
            where, operation, ask = change
            _, reply = await self.desk.replied(self.tokens[where], operation, "card", **ask)
            assert not reply.code, reply

        ledger.then = then
        return slow.refusal(self.tokens[region], *what, **fields)

    def standing(self, *regions):
        """For each Region: the current version, that which waits, and which have material."""
        return [
            (view.current_version, view.waiting_version,
             sorted(one.version for one in view.versions if one.material))
            for view in map(self.read, regions)
        ]  # fmt: skip


@pytest.fixture
def house(tmp_path):
    made = House(tmp_path / "store.db")
    yield made
    assert fold(made.store) == []  # the log names every row as it is
    made.store.close()


@pytest.fixture
def world(house):
    desk = house.desk()
    return Imports(house, desk, founded(desk, house.admin))


# --- replicas, and the material that they have ----------------------------------------------------


def test_a_replica_begins_without_material_and_takes_the_same_and_no_other(world, house):
    made = world.key(origin="imported")
    assert (made.state, made.current_version, made.related.is_primary) == (
        "pre-activation", 0, True,
    )  # fmt: skip
    assert world.refusal(EU, "key.replicate", "card", region=US) == "key-not-usable"
    world.bring(EU, description="of May")
    blob = world.encrypt(EU)
    replica = world.ask(EU, "key.replicate", "card", region=US)
    assert (replica.multi_region, replica.current_version) == (made.id, 1)
    assert [(one.material, one.description) for one in replica.versions] == [(False, "")]
    assert world.opens(US, blob) == "key-not-usable"
    assert world.refusal(US, "key.encrypt", "card", plaintext=b"x") == "key-not-usable"
    for fields in ({"key_version": 1}, {"again": True}):
        assert world.unwanted(US, TWO, **fields).code == "invalid-request"
    view = world.bring(US, key_version=1)
    assert (view.imported_version, view.versions[0].material) == (1, True)
    assert (world.opens(US, blob), world.opens(EU, world.encrypt(US))) == ("x", "x")


def test_no_material_is_in_a_replicas_rows_before_it_is_imported(world, house):
    world.imported()
    world.bring(EU, TWO, waits=True)
    world.ask(EU, "key.replicate", "card", region=US)
    replica = bytes.fromhex(world.read(US).id)
    for number in (1, 2):
        (record,) = house.store.load([Ref(Kind.VERSION, version_id(replica, number))])
        body = msgspec.json.decode(record.body, type=Version)
        assert (body.wrapped, len(body.fingerprint)) == (b"", 32)


def test_material_and_its_end_are_each_regions_own(world, house):
    world.imported(US, AP)
    blob = world.encrypt(EU)
    later = rfc3339(house.clock.now + DAY_US)
    world.bring(US, again=True, expires=later)
    world.ask(EU, "key.delete-imported-material", "card")
    assert [world.opens(region, blob) for region in (EU, US, AP)] == ["key-not-usable", "x", "x"]
    world.bring(EU, again=True)
    world.later(1)
    assert [world.opens(region, blob) for region in (EU, US, AP)] == ["x", "key-not-usable", "x"]
    assert world.standing(EU, US, AP) == [(1, 0, [1]), (1, 0, []), (1, 0, [1])]
    world.bring(US, key_version=1)
    assert world.opens(US, blob) == "x"


def test_a_key_for_macs_is_imported_into_each_region(world):
    world.imported(US, algorithm="hmac-sha256", purpose="mac")
    for region in (EU, US):
        tag = world.ask(region, "key.mac", "card", message=b"x").tag
        assert tag == hmac.digest(ONE, b"x", "sha256")


def test_a_replica_has_every_version_and_needs_each_of_them(world):
    world.imported()
    world.bring(EU, TWO)
    world.bring(EU, THREE)
    world.ask(EU, "key.delete-imported-material", "card", key_version=2)
    assert world.refusal(EU, "key.replicate", "card", region=US) == "key-not-usable"
    world.bring(EU, TWO, key_version=2)
    world.ask(EU, "key.replicate", "card", region=US)
    for material, number in ((THREE, 3), (ONE, 1), (TWO, 2)):
        assert world.bring(US, material, again=True).imported_version == number
    assert world.opens(US, world.encrypt(EU)) == "x"


def test_a_version_that_was_destroyed_or_given_up_goes_along_without_material(world):
    world.imported()
    world.bring(EU, TWO, waits=True)
    world.ask(EU, "key.delete-imported-material", "card", key_version=2)
    world.bring(EU, THREE)
    world.ask(EU, "key.schedule-destruction", "card", key_version=1, days=DAYS)
    world.later(DAYS)
    world.ask(EU, "key.replicate", "card", region=US)
    assert world.standing(EU, US) == [(3, 0, [3]), (3, 0, [])]
    assert world.unwanted(US, TWO, key_version=2).code == "key-not-usable"
    assert world.unwanted(US, ONE, key_version=1).code == "key-not-usable"
    world.bring(US, THREE, again=True)
    assert world.opens(US, world.encrypt(EU)) == "x"


# --- new material ---------------------------------------------------------------------------------


def test_new_material_comes_to_the_primary_and_waits_for_every_region(world, house):
    world.imported(US, AP)
    old = world.encrypt(EU)
    for fields in ({}, {"waits": True}):
        assert world.unwanted(US, TWO, **fields).code == "key-not-usable"
    assert world.unwanted(EU, TWO).pointer == "$.waits"
    given = world.given(EU, TWO, waits=True)
    before = house.store.epoch
    view = world.ask(EU, "key.import", "card", **given)
    assert house.store.epoch == before + 1
    assert (view.waiting_version, view.awaited_in) == (2, [AP, US])
    assert world.standing(EU, US, AP) == [(1, 2, [1, 2]), (1, 2, [1]), (1, 2, [1])]
    _, reply = world.desk.reply(world.tokens[EU], "key.rotate", "card")
    assert (reply.code, reply.detail.endswith(f"import it in {AP}, {US}, too")) == (
        "key-not-usable", True,
    )  # fmt: skip
    assert world.unwanted(US, THREE, again=True).code == "invalid-request"
    assert world.bring(US, TWO, key_version=2).awaited_in == [AP]
    assert world.refusal(EU, "key.rotate", "card") == "key-not-usable"
    assert world.bring(AP, TWO, again=True).awaited_in == []
    assert world.refusal(US, "key.rotate", "card") == "key-not-usable"
    before = house.store.epoch
    view = world.ask(EU, "key.rotate", "card")
    assert house.store.epoch == before + 1
    assert (view.current_version, view.rotations_by_hand) == (2, 1)
    everywhere = world.standing(EU, US, AP)
    assert everywhere == [(2, 0, [1, 2])] * 3
    blob = world.encrypt(AP)
    for region in (EU, US, AP):
        assert (world.opens(region, old), world.opens(region, blob)) == ("x", "x")
        assert [one.state for one in world.read(region).versions] == ["active", "active"]


def test_what_waits_and_its_rotation_are_on_record_in_each_trail(world, house):
    world.imported(US)
    first = len(entries(house))
    world.bring(EU, TWO, waits=True)
    world.bring(US, TWO, again=True)
    world.ask(EU, "key.rotate", "card")
    found = [
        (entry["namespace"], entry["action"], entry["principal"], entry.get("version", 0))
        for entry in entries(house)[first:]
        if entry["action"] not in ("key.import-parameters", "key.read")
    ]
    assert found == [
        ("eu", "key.import", "op", 2), ("us", "key.update", STEWARD, 2),
        ("us", "key.import", "op", 2),
        ("eu", "key.rotate", "op", 2), ("us", "key.rotate", STEWARD, 2),
    ]  # fmt: skip


@pytest.mark.parametrize("end", ["deleted", "expired"])
def test_what_the_primary_has_no_more_is_given_up_everywhere(world, house, end):
    world.imported(US, AP)
    expires = rfc3339(house.clock.now + DAY_US) if end == "expired" else ""
    world.bring(EU, TWO, waits=True, expires=expires)
    world.bring(US, TWO, again=True)
    if end == "expired":
        house.clock.now += DAY_US
        assert world.unwanted(AP, TWO, key_version=2).code == "key-not-usable"
        world.later(0)
    else:
        world.ask(EU, "key.delete-imported-material", "card", key_version=2)
    assert world.standing(EU, US, AP) == [(1, 2, [1])] * 3
    action = {"deleted": "key.delete-imported-material", "expired": "key.expire-material"}[end]
    here, there = (entry for entry in entries(house) if entry["action"] == action)
    assert (here["namespace"], there["namespace"]) == ("eu", "us")
    assert here["details"] == there["details"] == {"key_version": 2}
    # By that, a restored database has them erased again.
    erased = destruction_of(msgspec.convert(here, Event), 0, b"").erased
    assert {ref.id[:16].hex() for ref in erased} == {world.read(region).id for region in (EU, US)}
    assert world.read(US).awaited_in is UNSET
    for region in (US, AP):
        assert world.unwanted(region, TWO, key_version=2).code == "key-not-usable"
        assert world.unwanted(region, TWO, again=True).code == "invalid-request"
    assert world.refusal(EU, "key.rotate", "card") == "key-not-usable"
    # The same may come as new, under another number.
    assert world.bring(EU, TWO, waits=True).waiting_version == 3
    for region in (US, AP):
        assert world.bring(region, TWO, again=True).imported_version == 3
    assert world.ask(EU, "key.rotate", "card").current_version == 3
    assert world.opens(US, world.encrypt(AP)) == "x"


def test_what_waits_is_erased_everywhere_when_the_primarys_is_destroyed(world, house):
    world.imported(US, AP)
    world.bring(EU, TWO, waits=True)
    world.bring(US, TWO, again=True)
    world.ask(EU, "key.schedule-destruction", "card", key_version=2, days=DAYS)
    world.later(DAYS)
    assert world.standing(EU, US, AP) == [(1, 2, [1])] * 3
    (here,) = (entry for entry in entries(house) if entry["action"] == "key.destroy")
    erased = destruction_of(msgspec.convert(here, Event), 0, b"").erased
    assert {ref.id[:16].hex() for ref in erased} == {world.read(region).id for region in (EU, US)}
    (there,) = (
        entry for entry in entries(house) if entry["action"] == "key.delete-imported-material"
    )
    assert (there["namespace"], there["principal"]) == ("us", STEWARD)
    assert world.bring(EU, TWO, waits=True).waiting_version == 3


def test_what_a_replica_deletes_of_what_waits_can_come_again(world):
    world.imported(US)
    world.bring(EU, TWO, waits=True)
    world.bring(US, TWO, again=True)
    world.ask(US, "key.delete-imported-material", "card", key_version=2)
    assert world.standing(EU, US) == [(1, 2, [1, 2]), (1, 2, [1])]
    assert world.refusal(EU, "key.rotate", "card") == "key-not-usable"
    world.bring(US, TWO, key_version=2)
    assert world.ask(EU, "key.rotate", "card").current_version == 2


def test_material_of_a_replica_that_has_expired_holds_up_a_rotation_at_that_moment(world, house):
    world.imported(US)
    world.bring(EU, TWO, waits=True)
    world.bring(US, TWO, again=True, expires=rfc3339(house.clock.now + DAY_US))
    house.clock.now += DAY_US
    assert world.read(EU).awaited_in == [US]
    assert world.refusal(EU, "key.rotate", "card") == "key-not-usable"


@pytest.mark.parametrize(
    ("operation", "held_up"),
    [("key.disable", True), ("key.deactivate", False), ("key.mark-compromised", False),
     ("key.schedule-destruction", False)],
)  # fmt: skip
def test_a_rotation_waits_for_every_replica_that_takes_imports(world, operation, held_up):
    world.imported(US)
    world.bring(EU, TWO, waits=True)
    world.ask(US, operation, "card")
    assert world.read(EU).awaited_in == ([US] if held_up else [])
    assert world.refusal(EU, "key.rotate", "card") == ("key-not-usable" if held_up else "")
    if operation == "key.schedule-destruction":
        world.ask(US, "key.cancel-destruction", "card")
        world.ask(US, "key.enable", "card")
        assert world.opens(US, world.encrypt(EU)) == "key-not-usable"
        world.bring(US, TWO, again=True)
        assert world.opens(US, world.encrypt(EU)) == "x"


def test_what_a_replica_was_to_destroy_when_it_became_current_can_be_kept(world):
    world.imported(US)
    world.bring(EU, TWO, waits=True)
    world.bring(US, TWO, again=True)
    world.ask(US, "key.schedule-destruction", "card", key_version=2)
    world.ask(US, "key.schedule-destruction", "card")
    world.ask(EU, "key.rotate", "card")
    for version in ({}, {"key_version": 2}):
        world.ask(US, "key.cancel-destruction", "card", **version)
        world.ask(US, "key.enable", "card", **version)
    assert world.opens(US, world.encrypt(EU)) == "x"


@pytest.mark.parametrize("end", ["key.deactivate", "key.mark-compromised"])
def test_what_nobody_can_import_again_does_not_hold_up_a_replication(world, end):
    world.imported()
    world.bring(EU, TWO)
    world.ask(EU, "key.delete-imported-material", "card", key_version=1)
    world.ask(EU, end, "card", key_version=1)
    world.ask(EU, "key.replicate", "card", region=US)
    assert world.unwanted(US, ONE, key_version=1).code == "key-not-usable"
    world.bring(US, TWO, again=True)
    assert world.opens(US, world.encrypt(EU)) == "x"


def test_a_replica_that_comes_while_something_waits_is_waited_for(world):
    world.imported()
    world.bring(EU, TWO, waits=True)
    assert world.read(EU).awaited_in == []
    world.ask(EU, "key.replicate", "card", region=US)
    assert world.read(US).awaited_in == [US]
    assert world.refusal(EU, "key.rotate", "card") == "key-not-usable"
    world.bring(US, ONE, again=True)
    world.bring(US, TWO, again=True)
    world.ask(EU, "key.rotate", "card")
    assert world.opens(US, world.encrypt(EU)) == "x"


def test_a_replica_that_is_destroyed_is_waited_for_no_more(world):
    world.imported(US, AP)
    world.bring(EU, TWO, waits=True)
    world.bring(AP, TWO, again=True)
    world.ask(US, "key.schedule-destruction", "card", days=DAYS)
    world.later(DAYS)
    assert world.read(US).state == "destroyed"
    assert world.ask(EU, "key.rotate", "card").current_version == 2
    assert world.opens(AP, world.encrypt(EU)) == "x"


# --- the primary moves, ends, and is backed up ----------------------------------------------------


def test_the_primary_moves_where_its_waiting_material_is_and_rotates_there(world):
    world.imported(US, AP)
    world.bring(EU, TWO, waits=True)
    assert world.refusal(EU, "key.update", "card", primary_region=US) == "key-not-usable"
    world.bring(US, TWO, again=True)
    world.ask(EU, "key.update", "card", primary_region=US)
    assert world.unwanted(EU, THREE, waits=True).code == "key-not-usable"
    assert world.read(EU).awaited_in == [AP]
    world.bring(AP, TWO, again=True)
    assert world.refusal(EU, "key.rotate", "card") == "key-not-usable"
    assert world.ask(US, "key.rotate", "card").current_version == 2
    world.bring(US, THREE, waits=True)
    assert world.standing(EU, US, AP) == [(2, 3, [1, 2]), (2, 3, [1, 2, 3]), (2, 3, [1, 2])]
    assert world.opens(AP, world.encrypt(EU)) == "x"


@pytest.mark.parametrize("end", ["compromised", "about to be destroyed", "expired"])
def test_what_the_primary_gave_up_does_not_wait_again_where_it_moves(world, house, end):
    world.imported(US)
    expires = rfc3339(house.clock.now + DAY_US) if end == "expired" else ""
    world.bring(EU, TWO, waits=True, expires=expires)
    world.bring(US, TWO, again=True)
    if end == "expired":
        house.clock.now += DAY_US  # and the steward has not looked yet
    else:
        operation = "mark-compromised" if end == "compromised" else "schedule-destruction"
        world.ask(EU, f"key.{operation}", "card", key_version=2)
    assert world.refusal(EU, "key.update", "card", primary_region=US) == "key-not-usable"
    assert world.read(EU).related.is_primary
    world.ask(US, "key.delete-imported-material", "card", key_version=2)
    world.ask(EU, "key.update", "card", primary_region=US)
    assert world.refusal(US, "key.rotate", "card") == "key-not-usable"
    assert world.unwanted(US, TWO, key_version=2).code == "key-not-usable"
    assert world.bring(US, THREE, waits=True).waiting_version == 3


def test_a_primary_is_destroyed_after_its_replicas_with_what_waits(world, house):
    world.imported(US)
    world.bring(EU, TWO, waits=True)
    for region in (EU, US):
        world.ask(region, "key.schedule-destruction", "card", days=DAYS)
    world.later(DAYS)
    world.later(DAYS)
    assert [world.read(region).state for region in (EU, US)] == ["destroyed"] * 2
    assert world.standing(EU, US) == [(1, 2, []), (1, 2, [])]


def test_a_backup_of_a_replica_that_has_its_material_comes_back(world, tmp_path):
    made = world.imported(US)
    blob = world.encrypt(EU)
    backup = world.ask(US, "key.backup", "card").backup
    other = House(tmp_path / "other.db", root=world.house.root)
    at = other.desk()
    token = at.ask(other.admin, "namespace.create", name="us", region=US).token
    at.ask(token, "policy.write", "all", text="permit (principal, action, resource);")
    back = at.ask(token, "key.restore", backup=backup)
    assert (back.id, back.related.is_primary, back.related.replicas) == (made.id, True, [])
    assert at.ask(token, "key.decrypt", ciphertext=blob).plaintext == b"x"
    other.store.close()


def test_who_imports_into_a_replica_needs_the_right_there(world):
    world.imported()
    world.ask(EU, "key.replicate", "card", region=US)
    given = world.given(US, ONE, again=True)
    assert world.desk.refusal(world.tokens[EU], "key.import", "card", **given) == "invalid-request"
    policy = 'forbid (principal == Principal::"op", action == Action::"key.import", resource);'
    world.ask(US, "policy.write", "none", text=policy)
    assert world.refusal(US, "key.import", "card", **given) == "not-allowed"


# --- two at once ----------------------------------------------------------------------------------


def test_new_material_that_a_replication_overtakes_waits_in_the_new_replica_too(world):
    world.imported()
    given = world.given(EU, TWO, waits=True)
    change = EU, "key.replicate", {"region": US}
    assert not world.stopped_short(EU, change, "key.import", "card", **given)
    assert world.standing(EU, US) == [(1, 2, [1, 2]), (1, 2, [])]
    assert world.read(EU).awaited_in == [US]


def test_material_that_would_be_current_at_once_is_refused_if_a_replication_overtakes_it(world):
    world.imported()
    given = world.given(EU, TWO)
    change = EU, "key.replicate", {"region": US}
    refused = world.stopped_short(EU, change, "key.import", "card", **given)
    assert refused == "invalid-request"
    assert world.standing(EU, US) == [(1, 0, [1]), (1, 0, [])]


def test_a_replication_that_new_material_overtakes_has_it_waiting(world):
    world.imported()
    change = EU, "key.import", world.given(EU, TWO, waits=True)
    assert not world.stopped_short(EU, change, "key.replicate", "card", region=US)
    assert world.standing(EU, US) == [(1, 2, [1, 2]), (1, 2, [])]


@pytest.mark.parametrize("where", [EU, US])
def test_a_rotation_is_refused_if_a_deletion_of_what_waits_overtakes_it(world, where):
    world.imported(US)
    world.bring(EU, TWO, waits=True)
    world.bring(US, TWO, again=True)
    change = where, "key.delete-imported-material", {"key_version": 2}
    assert world.stopped_short(EU, change, "key.rotate", "card") == "key-not-usable"
    assert [current for current, _, _ in world.standing(EU, US)] == [1, 1]


def test_a_rotation_finds_the_last_import_that_overtakes_it(world):
    world.imported(US)
    world.bring(EU, TWO, waits=True)
    change = US, "key.import", world.given(US, TWO, again=True)
    assert not world.stopped_short(EU, change, "key.rotate", "card")
    assert world.standing(EU, US) == [(2, 0, [1, 2])] * 2


def test_an_import_into_a_replica_is_refused_if_the_primary_gives_up_meanwhile(world):
    world.imported(US)
    world.bring(EU, TWO, waits=True)
    given = world.given(US, TWO, key_version=2)
    change = EU, "key.delete-imported-material", {"key_version": 2}
    assert world.stopped_short(US, change, "key.import", "card", **given) == "key-not-usable"
    assert world.standing(EU, US) == [(1, 2, [1])] * 2


def test_a_deletion_erases_what_an_import_that_overtakes_it_brought(world):
    world.imported(US)
    world.bring(EU, TWO, waits=True)
    change = US, "key.import", world.given(US, TWO, key_version=2)
    ask = {"key_version": 2}
    assert not world.stopped_short(EU, change, "key.delete-imported-material", "card", **ask)
    assert world.standing(EU, US) == [(1, 2, [1])] * 2


def test_new_material_is_refused_where_the_primary_has_moved_meanwhile(world):
    world.imported(US)
    given = world.given(EU, TWO, waits=True)
    change = EU, "key.update", {"primary_region": US}
    assert world.stopped_short(EU, change, "key.import", "card", **given) == "key-not-usable"
    assert world.standing(EU, US) == [(1, 0, [1])] * 2
