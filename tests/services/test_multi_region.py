"""Multi-Region keys: related keys in an account's namespaces, with one id and one material."""

import pytest

from strongroom.domain import envelope
from strongroom.domain.multi_region import is_shared
from strongroom.domain.records import Kind
from strongroom.domain.times import DAY_US
from strongroom.services.folding import fold
from tests.services.test_private_sources import Between
from tests.support.desks import House
from tests.support.regions import AP, EU, US, entries, founded

DAYS = 7


class World:
    """Somebody who may do everything in three Regions of an account."""

    def __init__(self, house, desk, tokens):
        self.house, self.desk, self.tokens = house, desk, {}
        for region, admin in tokens.items():
            desk.ask(admin, "principal.create", name="op", roles=[])
            text = 'permit (principal == Principal::"op", action, resource);'
            desk.ask(admin, "policy.write", "op", text=text)
            self.tokens[region] = desk.ask(admin, "token.create", principal="op", days=3_650).token

    def ask(self, at, /, *what, **fields):
        return self.desk.ask(self.tokens[at], *what, **fields)

    def refusal(self, at, /, *what, **fields):
        return self.desk.refusal(self.tokens[at], *what, **fields)

    def key(self, *regions, name="card", **fields):
        made = self.ask(EU, "key.create", name=name, multi_region=True, **fields)
        for region in regions:
            self.ask(EU, "key.replicate", name, region=region)
        return made

    def encrypt(self, region, name="card"):
        return self.ask(region, "key.encrypt", name, plaintext=b"x").ciphertext

    def opens(self, region, blob):
        """What comes of decrypting there: a text, or a refusal's code."""
        _, reply = self.desk.reply(self.tokens[region], "key.decrypt", ciphertext=blob)
        return reply.code or "x"

    def read(self, region, name="card"):
        return self.ask(region, "key.read", name)

    def later(self, days):
        self.house.clock.now += days * DAY_US
        while self.desk.steward():
            pass


@pytest.fixture
def house(tmp_path):
    return House(tmp_path / "store.db")


@pytest.fixture
def desk(house):
    return house.desk()


@pytest.fixture
def account(desk, house):
    return founded(desk, house.admin)


@pytest.fixture
def world(house, desk, account):
    return World(house, desk, account)


def test_an_ordinary_key_says_nothing_of_regions(world):
    made = world.ask(EU, "key.create", name="plain")
    assert not is_shared(bytes.fromhex(made.id))
    assert world.refusal(EU, "key.replicate", "plain", region=US) == "key-not-usable"
    assert world.refusal(EU, "key.update", "plain", primary_region=US) == "key-not-usable"


def test_related_keys_open_each_others_ciphertexts(world):
    made = world.key(US, AP)
    assert is_shared(bytes.fromhex(made.id))
    assert made.multi_region == made.id
    replica = world.read(US)
    assert (replica.id != made.id, replica.multi_region) == (True, made.id)
    assert not is_shared(bytes.fromhex(replica.id))
    for here in (EU, US, AP):
        blob = world.encrypt(here)
        assert envelope.split(blob).key_id.hex() == made.id
        assert {world.opens(there, blob) for there in (EU, US, AP)} == {"x"}
    found = {region: world.read(region).related for region in (EU, US, AP)}
    assert [one.is_primary for one in found.values()] == [True, False, False]
    assert {(one.primary, tuple(one.replicas)) for one in found.values()} == {(EU, (AP, US))}


def test_a_key_is_found_by_the_common_id_in_its_own_namespace_alone(world, house, desk):
    made = world.key(US)
    name = f"id:{made.id}"
    assert [world.read(region, name).id for region in (EU, US)] == [
        made.id, world.read(US).id,
    ]  # fmt: skip
    assert world.refusal(AP, "key.read", name) == "not-found"
    blob = world.encrypt(EU)
    assert world.opens(AP, blob) == "invalid-ciphertext"
    stranger = desk.ask(house.admin, "namespace.create", name="other", region=US).token
    for token in (stranger, house.admin):
        assert desk.refusal(token, "key.read", name) == "not-found"
        desk.ask(token, "policy.write", "all", text="permit (principal, action, resource);")
        assert desk.refusal(token, "key.decrypt", ciphertext=blob) == "invalid-ciphertext"


def test_a_rotation_reaches_every_region_in_the_same_commit(world, house):
    world.key(US, AP)
    old = world.encrypt(US)
    world.ask(US, "key.disable", "card")
    before = house.store.epoch
    world.ask(EU, "key.rotate", "card")
    assert house.store.epoch == before + 1
    world.ask(US, "key.enable", "card")
    for here in (EU, US, AP):
        assert world.read(here).current_version == 2
        blob = world.encrypt(here)
        assert envelope.split(blob).version == 2
        assert {world.opens(there, one) for there in (EU, US, AP) for one in (old, blob)} == {"x"}
    found = [(entry["namespace"], entry["version"], entry["principal"]) for entry in entries(house)
             if entry["action"] == "key.rotate"]  # fmt: skip
    steward = "strongroom:steward"
    assert sorted(found) == [("ap", 2, steward), ("eu", 2, "op"), ("us", 2, steward)]


def test_a_replica_rotates_with_its_primary_only(world):
    world.key(US)
    assert world.refusal(US, "key.rotate", "card") == "key-not-usable"
    assert world.refusal(US, "key.update", "card", rotation_days=30) == "key-not-usable"
    assert world.refusal(US, "key.update", "card", rotation_uses=1_000) == "key-not-usable"
    world.ask(US, "key.update", "card", labels={"a": "b"})
    world.ask(EU, "key.update", "card", rotation_days=30)
    assert world.read(US).rotation_days == 30
    assert world.read(US).rotates == world.read(EU).rotates
    world.later(31)
    assert [world.read(region).current_version for region in (EU, US)] == [2, 2]
    assert world.opens(US, world.encrypt(EU)) == "x"


def test_state_labels_and_description_are_each_keys_own(world):
    world.key(labels={"a": "eu"})
    ask = {"region": US, "labels": {"a": "us"}, "description": "there"}
    made = world.ask(EU, "key.replicate", "card", **ask)
    assert (made.labels, made.description, made.state) == ({"a": "us"}, "there", "active")
    blob = world.encrypt(EU)
    world.ask(US, "key.disable", "card")
    assert (world.opens(US, blob), world.opens(EU, blob)) == ("key-not-usable", "x")
    world.ask(US, "key.update", "card", description="else")
    assert (world.read(EU).labels, world.read(EU).description) == ({"a": "eu"}, "")


def test_replicas_are_made_once_of_an_active_primary_and_where_a_namespace_is(world):
    world.key(US)
    again = [world.refusal(EU, "key.replicate", "card", region=region) for region in (EU, US)]
    assert again == ["already-exists"] * 2
    assert world.refusal(EU, "key.replicate", "card", region="sa-east-1") == "invalid-request"
    assert world.refusal(US, "key.replicate", "card", region=AP) == "key-not-usable"
    world.ask(AP, "key.create", name="card")
    assert world.refusal(EU, "key.replicate", "card", region=AP) == "already-exists"
    world.ask(EU, "key.disable", "card")
    refused = world.refusal(EU, "key.replicate", "card", region=AP, name="other")
    assert refused == "key-not-usable"


@pytest.mark.parametrize(
    ("operation", "good"),
    [("key.enable", True), ("key.disable", False), ("key.deactivate", False),
     ("key.mark-compromised", False), ("key.schedule-destruction", False)],
)  # fmt: skip
def test_only_what_is_active_is_replicated_or_made_the_primary(world, operation, good):
    world.key(US)
    world.ask(EU, operation, "card")
    expected = "" if good else "key-not-usable"
    assert world.refusal(EU, "key.replicate", "card", region=AP) == expected
    assert world.refusal(EU, "key.update", "card", primary_region=US) == expected


def test_who_replicates_needs_the_right_here_and_its_namesake_the_right_there(world, account):
    world.key()
    desk_ = world.desk
    desk_.ask(account[EU], "principal.create", name="app", roles=["key-manager"])
    token = desk_.ask(account[EU], "token.create", principal="app").token

    def refused():
        return desk_.refusal(token, "key.replicate", "card", region=US)

    assert refused() == "not-allowed"
    desk_.ask(account[US], "principal.create", name="app", roles=["key-user"])
    assert refused() == "not-allowed"
    last = entries(world.house)[-1]
    assert (last["namespace"], last["action"], last["outcome"]) == (
        "eu", "key.replicate", "refused",
    )  # fmt: skip
    assert "key.create" in last["missing"]
    desk_.ask(account[US], "principal.update", "app", roles=["key-manager"], disabled=True)
    assert refused() == "not-allowed"
    desk_.ask(account[US], "principal.update", "app", disabled=False)
    desk_.ask(account[EU], "principal.update", "app", roles=["key-user"])
    assert refused() == "not-allowed"
    desk_.ask(account[EU], "principal.update", "app", roles=["key-manager"])
    assert refused() == ""


def test_a_replica_has_an_entry_in_both_trails(world, house):
    made = world.key(US)
    here, there = entries(house)[-2:]
    assert (here["namespace"], here["action"], here["object"]) == (
        "eu", "key.replicate", "key/card",
    )  # fmt: skip
    assert here["details"] == {"region": US, "replica": "card"}
    assert (there["namespace"], there["action"], there["object"]) == (
        "us",
        "key.create",
        "key/card",
    )
    assert there["details"]["multi_region"] == made.id
    assert here["request"] == there["request"]
    replica = house.store.find(Kind.KEY, house.store.find(Kind.NAMESPACE, b"", "us").id, "card")
    assert replica.request == here["request"]
    assert replica.mention in here["records"]


def test_of_two_replications_at_once_one_is_refused(world, house):
    world.key()
    ledger = Between(house.store)

    async def then():
        _, reply = await world.desk.replied(
            world.tokens[EU], "key.replicate", "card", region=US, name="first"
        )
        assert not reply.code

    slow = house.desk(ledger=ledger)
    ledger.then = then
    ask = {"region": US, "name": "second"}
    assert slow.refusal(world.tokens[EU], "key.replicate", "card", **ask) == "already-exists"
    assert world.refusal(US, "key.read", "second") == "not-found"


def test_a_rotation_that_a_replication_overtakes_reaches_the_new_replica(world, house):
    world.key()
    ledger = Between(house.store)

    async def then():
        _, reply = await world.desk.replied(world.tokens[EU], "key.replicate", "card", region=US)
        assert not reply.code

    slow = house.desk(ledger=ledger)
    ledger.then = then
    slow.ask(world.tokens[EU], "key.rotate", "card")
    assert world.read(US).current_version == 2
    assert world.opens(US, world.encrypt(EU)) == "x"


def test_the_primary_moves_and_with_it_the_rotation(world):
    world.key(US, AP, rotation_days=30)
    world.ask(EU, "key.update", "card", primary_region=US)
    assert [world.read(region).related.is_primary for region in (EU, US, AP)] == [
        False, True, False,
    ]  # fmt: skip
    assert world.refusal(EU, "key.rotate", "card") == "key-not-usable"
    assert world.refusal(EU, "key.update", "card", primary_region=AP) == "key-not-usable"
    world.later(31)
    assert [world.read(region).current_version for region in (EU, US, AP)] == [2, 2, 2]
    assert world.opens(EU, world.encrypt(AP)) == "x"
    assert world.refusal(US, "key.update", "card", primary_region="sa-east-1") == "invalid-request"
    world.ask(EU, "key.disable", "card")
    assert world.refusal(US, "key.update", "card", primary_region=EU) == "key-not-usable"
    both = {"primary_region": AP, "description": "x"}
    assert world.refusal(US, "key.update", "card", **both) == "invalid-request"


def test_a_primary_is_destroyed_after_its_replicas(world, house):
    world.key(US, AP)
    waiting = world.ask(EU, "key.schedule-destruction", "card", days=DAYS)
    assert (waiting.state, waiting.destroys, waiting.related.waits_days) == (
        "destruction-scheduled", "", DAYS,
    )  # fmt: skip
    world.ask(US, "key.schedule-destruction", "card", days=10)
    world.later(11)
    assert world.read(US).state == "destroyed"
    world.later(30)
    assert (world.read(EU).state, world.read(EU).destroys) == ("destruction-scheduled", "")
    world.ask(AP, "key.schedule-destruction", "card", days=DAYS)
    world.later(DAYS)
    assert world.read(AP).state == "destroyed"
    assert (world.read(EU).related.waits_days, bool(world.read(EU).destroys)) == (0, True)
    last = [entry for entry in entries(house) if entry["action"] == "key.schedule-destruction"][-1]
    assert (last["namespace"], last["details"]["days"]) == ("eu", DAYS)
    world.later(DAYS - 1)
    assert world.read(EU).state == "destruction-scheduled"
    world.later(1)
    assert world.read(EU).state == "destroyed"


def test_a_primary_that_waits_is_kept_when_somebody_thinks_better_of_it(world):
    world.key(US)
    blob = world.encrypt(EU)
    world.ask(EU, "key.schedule-destruction", "card", days=DAYS)
    assert world.opens(EU, blob) == "key-not-usable"
    assert world.opens(US, blob) == "x"
    assert world.ask(EU, "key.cancel-destruction", "card").related.waits_days == 0
    world.ask(EU, "key.enable", "card")
    world.ask(US, "key.schedule-destruction", "card", days=DAYS)
    world.later(DAYS)
    assert world.read(EU).state == "active"
    assert world.opens(EU, blob) == "x"


def test_a_region_can_have_a_replica_again_after_the_first_was_destroyed(world):
    """Also the Region in which the key was made, once the primary is elsewhere."""
    made = world.key(US)
    blob = world.encrypt(EU)
    world.ask(EU, "key.update", "card", primary_region=US)
    world.ask(EU, "key.schedule-destruction", "card", days=DAYS)
    world.later(DAYS)
    assert world.read(EU).state == "destroyed"
    assert world.read(US).related.replicas == []
    world.ask(US, "key.replicate", "card", region=EU, name="again")
    assert world.opens(EU, blob) == "x"
    assert world.read(EU, f"id:{made.id}").name == "again"
    world.ask(US, "key.rotate", "card")
    assert world.opens(EU, world.encrypt(US)) == "x"
    world.ask(US, "key.update", "card", primary_region=EU)
    world.ask(EU, "key.rotate", "again")
    assert world.opens(US, world.encrypt(EU, "again")) == "x"


def test_material_that_must_be_in_one_place_is_in_one_region(world):
    how = {"multi_region": True, "algorithm": "aes-256-gcm-raw"}
    assert world.refusal(EU, "key.create", name="x", **how) == "invalid-request"


@pytest.mark.parametrize("algorithm", ["rsa-2048", "ed25519", "hmac-sha256", "ml-dsa-44"])
def test_keys_that_sign_are_in_several_regions_too(world, algorithm):
    purpose = "mac" if algorithm.startswith("hmac") else "sign-verify"
    world.key(US, algorithm=algorithm, purpose=purpose)
    if purpose == "mac":
        tag = world.ask(EU, "key.mac", "card", message=b"x").tag
        assert world.ask(US, "key.verify-mac", "card", message=b"x", tag=tag).valid
    else:
        signature = world.ask(EU, "key.sign", "card", message=b"x").signature
        ask = {"message": b"x", "signature": signature}
        assert world.ask(US, "key.verify", "card", **ask).valid


def test_a_key_without_regions_may_be_a_multi_region_key_that_is_nowhere_else(house, desk):
    made = desk.ask(house.admin, "key.create", name="alone", multi_region=True)
    assert (made.related.primary, made.related.replicas) == ("", [])
    assert desk.ask(house.admin, "key.rotate", "alone").current_version == 2
    assert desk.refusal(house.admin, "key.replicate", "alone", region=US) == "invalid-request"
    desk.ask(house.admin, "key.schedule-destruction", "alone", days=DAYS)
    house.clock.now += DAYS * DAY_US
    desk.steward()
    assert desk.ask(house.admin, "key.read", "alone").state == "destroyed"


@pytest.mark.parametrize("of", [EU, US], ids=["primary", "replica"])
def test_a_backup_of_any_of_them_comes_back_as_a_primary_without_replicas(world, tmp_path, of):
    made = world.key(US)
    world.ask(EU, "key.rotate", "card")
    blob = world.encrypt(AP if of == AP else EU)
    backup = world.ask(of, "key.backup", "card").backup
    assert world.refusal(of, "key.restore", backup=backup, name="back") == "already-exists"

    other = House(tmp_path / "other.db", root=world.house.root)
    at = other.desk()
    name = {EU: "eu", US: "us"}[of]
    token = at.ask(other.admin, "namespace.create", name=name, region=of).token
    text = "permit (principal, action, resource);"
    at.ask(token, "policy.write", "all", text=text)
    back = at.ask(token, "key.restore", backup=backup)
    assert (back.id, back.multi_region, back.related.primary) == (made.id, made.id, of)
    assert back.related.replicas == []
    assert at.ask(token, "key.decrypt", ciphertext=blob).plaintext == b"x"
    assert at.ask(token, "key.rotate", "card").current_version == 3


def test_the_log_names_every_row_as_it_is(world, house):
    world.key(US, AP, rotation_days=30)
    world.ask(EU, "key.update", "card", primary_region=US)
    world.ask(EU, "key.schedule-destruction", "card", days=DAYS)
    world.later(40)
    assert fold(house.store) == []
