"""Rotation: by days, by uses, by hand; and what becomes of old versions."""

import asyncio

import pytest

from strongroom.adapters.sqlite.store import SQLiteStore
from strongroom.domain import limits
from strongroom.domain.times import DAY_US, rfc3339
from tests.support.deeds import deeds, entries
from tests.support.desks import START_US, House, at_once
from tests.support.travel import travelling


@pytest.fixture
def house(tmp_path):
    made = House(tmp_path / "store.db")
    made.store._db.execute("PRAGMA synchronous = OFF")  # a power cut is not the subject
    made.lasting()
    yield made
    made.store.close()


@pytest.fixture
def desk(house):
    return house.desk()


def made(desk, house, name="wheel", **fields):
    return desk.ask(house.admin, "key.create", name=name, **fields)


def shown(desk, house, name="wheel"):
    return desk.ask(house.admin, "key.read", name)


def encrypt(desk, house, count=1, name="wheel"):
    """So many uses. Returns the version of the last."""
    if count == 1:
        return desk.ask(house.app, "key.encrypt", name, plaintext=b"x").key_version
    items = [{"plaintext": b"x"}] * count
    return desk.ask(house.app, "key.encrypt", name, items=items).items[0].key_version


# --- by days --------------------------------------------------------------------------------------


def test_a_symmetric_key_rotates_every_ninety_days_and_a_pair_never(desk, house):
    view = made(desk, house)
    assert (view.rotation_days, view.rotates) == (90, rfc3339(START_US + 90 * DAY_US))
    view = made(desk, house, "signs", algorithm="ed25519")
    assert (view.rotation_days, view.rotates) == (0, "")


def test_a_rotation_comes_on_its_day_and_not_a_microsecond_early(desk, house):
    made(desk, house, rotation_days=10)
    for number in range(1, 5):
        due = START_US + number * 10 * DAY_US
        house.clock.now = due - 1
        assert desk.steward() == 0
        assert encrypt(desk, house) == number
        house.clock.now = due
        assert desk.steward() == 1
        view = shown(desk, house)
        assert (view.current_version, view.rotates) == (number + 1, rfc3339(due + 10 * DAY_US))
        assert encrypt(desk, house) == number + 1
    assert deeds(house, "wheel") == [("key.rotate", {})] * 4
    versions = [entry["version"] for entry in entries(house, action="key.rotate")]
    assert versions == [2, 3, 4, 5]


def test_years_without_a_server_are_caught_up_by_one_rotation(desk, house):
    made(desk, house, rotation_days=30)
    house.clock.now = START_US + 5 * 365 * DAY_US
    house.store.close()
    house.store = SQLiteStore.open(house.path)
    late = house.desk()
    assert late.steward() == 2  # the key demo, too
    assert late.steward() == 0
    view = shown(late, house)
    assert (view.current_version, view.rotates) == (2, rfc3339(house.clock.now + 30 * DAY_US))


def test_turning_it_on_and_off_moves_the_next_date(desk, house):
    made(desk, house, rotation_days=0)
    house.clock.now = on = START_US + DAY_US
    view = desk.ask(house.admin, "key.update", "wheel", rotation_days=5)
    assert view.rotates == rfc3339(on + 5 * DAY_US)
    view = desk.ask(house.admin, "key.update", "wheel", rotation_days=50)
    assert view.rotates == rfc3339(on + 50 * DAY_US)
    house.clock.now = on + 5 * DAY_US
    assert desk.steward() == 0
    view = desk.ask(house.admin, "key.update", "wheel", rotation_days=0)
    assert view.rotates == ""
    house.clock.now = on + 88 * DAY_US
    assert desk.steward() == 0
    assert shown(desk, house).current_version == 1


def test_what_has_nothing_to_do_with_rotation_does_not_move_the_date(desk, house):
    before = made(desk, house, rotation_days=5).rotates
    house.clock.now += DAY_US
    view = desk.ask(house.admin, "key.update", "wheel", labels={"a": "b"}, description="x")
    assert view.rotates == before
    desk.ask(house.admin, "key.disable", "wheel")
    assert desk.ask(house.admin, "key.enable", "wheel").rotates == before


def test_a_rotation_by_hand_moves_the_next_one(desk, house):
    made(desk, house, rotation_days=5)
    house.clock.now += 3 * DAY_US
    view = desk.ask(house.admin, "key.rotate", "wheel")
    assert (view.current_version, view.rotates) == (2, rfc3339(house.clock.now + 5 * DAY_US))
    house.clock.now = START_US + 5 * DAY_US
    assert desk.steward() == 0


def test_the_days_are_counted_from_a_keys_first_day(desk, house):
    first_us = START_US + 100 * DAY_US
    view = made(desk, house, activates=rfc3339(first_us), rotation_days=10)
    assert view.rotates == rfc3339(first_us + 10 * DAY_US)
    house.clock.now = first_us + 10 * DAY_US - 1
    assert desk.steward() == 2  # it is active; and demo rotates
    assert shown(desk, house).current_version == 1
    house.clock.now += 1
    assert desk.steward() == 1
    assert shown(desk, house).current_version == 2


@pytest.mark.parametrize("days", [1, 50, 3_000])
def test_the_next_rotation_moves_with_the_first_day(desk, house, days):
    made(desk, house, activates=rfc3339(START_US + 100 * DAY_US), rotation_days=10)
    first_us = START_US + days * DAY_US
    view = desk.ask(house.admin, "key.update", "wheel", activates=rfc3339(first_us))
    assert view.rotates == rfc3339(first_us + 10 * DAY_US)
    view = desk.ask(house.admin, "key.update", "wheel", activates="")  # from now on
    assert (view.state, view.rotates) == ("active", rfc3339(START_US + 10 * DAY_US))


@pytest.mark.parametrize(
    ("operation", "rotates"),
    [("key.disable", True), ("key.deactivate", False), ("key.mark-compromised", False),
     ("key.schedule-destruction", True)],
)  # fmt: skip
def test_only_an_active_key_rotates_by_itself(desk, house, operation, rotates):
    made(desk, house, rotation_days=5)
    view = desk.ask(house.admin, operation, "wheel")
    assert bool(view.rotates) is rotates  # whether it may come back to that
    house.clock.now += 6 * DAY_US
    assert desk.steward() == 0
    assert shown(desk, house).current_version == 1


def test_a_key_that_was_stopped_on_its_day_rotates_when_it_goes_on(desk, house):
    made(desk, house, rotation_days=5)
    desk.ask(house.admin, "key.disable", "wheel")
    house.clock.now += 50 * DAY_US
    assert desk.steward() == 0
    desk.ask(house.admin, "key.enable", "wheel")
    assert desk.steward() == 1
    view = shown(desk, house)
    assert (view.current_version, view.rotates) == (2, rfc3339(house.clock.now + 5 * DAY_US))


def test_a_key_that_ends_before_it_was_to_rotate_does_not(desk, house):
    made(desk, house, rotation_days=5, deactivates=rfc3339(START_US + 4 * DAY_US))
    house.clock.now += 6 * DAY_US  # both have passed, and nobody looked
    assert desk.steward() == 1
    assert deeds(house, "wheel") == [("key.deactivate", {})]
    view = shown(desk, house)
    assert (view.state, view.current_version, view.rotates) == ("deactivated", 1, "")


@pytest.mark.parametrize("rule", [{"rotation_days": 5}, {"rotation_uses": 100}])
def test_imported_keys_do_not_rotate_by_themselves(desk, house, rule):
    taken = {"name": "mine", "origin": "imported"}
    assert desk.refusal(house.admin, "key.create", **taken, **rule) == "invalid-request"
    view = made(desk, house, **taken)
    assert (view.rotation_days, view.rotates) == (0, "")
    assert desk.refusal(house.admin, "key.update", "mine", **rule) == "invalid-request"
    assert desk.refusal(house.admin, "key.rotate", "mine") == "key-not-usable"
    ticket = desk.ask(house.admin, "key.import-parameters", "mine", wrapping_key="rsa-2048")
    desk.ask(
        house.admin, "key.import", "mine", import_token=ticket.import_token,
        wrapped_material=travelling(ticket.public_key, bytes(range(32))),
    )  # fmt: skip
    assert desk.refusal(house.admin, "key.rotate", "mine") == "key-not-usable"
    assert desk.refusal(house.admin, "key.update", "mine", **rule) == "invalid-request"


@pytest.mark.parametrize("days", [-1, limits.ROTATION_DAYS_MAX + 1])
def test_days_out_of_bounds_are_refused(desk, house, days):
    assert desk.refusal(house.admin, "key.create", name="x", rotation_days=days) == (
        "invalid-request"
    )


def test_a_long_key_pair_rotates_without_holding_the_others_up(desk, house):
    """Making an RSA key takes a second or more; everybody else is answered meanwhile."""
    made(desk, house, "pair", algorithm="rsa-4096", rotation_days=1)
    house.clock.now += DAY_US

    async def all_at_once():
        rotating = asyncio.ensure_future(desk.turns())
        answered = 0
        while not rotating.done():
            _, reply = await desk.replied(house.app, "key.encrypt", "demo", plaintext=b"x")
            assert not reply.code
            answered += 1
            await asyncio.sleep(0)
        return await rotating, answered

    rotated, answered = at_once(all_at_once())
    assert rotated == 1
    assert answered > 3
    assert shown(desk, house, "pair").current_version == 2


def test_rotations_that_a_profile_forbids_hold_up_nothing_and_come_when_they_may(desk, house):
    many = 101  # more than the steward looks up together
    for number in range(many):
        made(desk, house, f"k{number}", algorithm="chacha20-poly1305", rotation_days=1)
    made(desk, house, rotation_days=2)
    desk.ask(house.admin, "namespace.update", profile="approved")
    house.clock.now += 2 * DAY_US
    assert desk.steward() == 1
    assert shown(desk, house).current_version == 2
    assert shown(desk, house, "k0").current_version == 1
    desk.ask(house.admin, "namespace.update", profile="standard")
    assert desk.steward() == many
    assert shown(desk, house, "k0").current_version == 2


# --- by uses --------------------------------------------------------------------------------------


def test_a_rotation_comes_with_the_use_that_fills_the_measure(desk, house):
    made(desk, house, rotation_uses=100)
    for number in (1, 2, 3):
        assert encrypt(desk, house, 99) == number
        assert desk.steward() == 0
        assert encrypt(desk, house) == number
        assert desk.steward() == 1
        assert shown(desk, house).current_version == number + 1
    assert deeds(house, "wheel") == [("key.rotate", {})] * 3


def test_every_kind_of_use_of_the_current_version_counts_and_those_of_older_ones_do_not(
    desk, house
):
    made(desk, house, rotation_uses=100)
    old = desk.ask(house.app, "key.encrypt", "wheel", plaintext=b"x").ciphertext
    desk.ask(house.admin, "key.rotate", "wheel")
    for _ in range(120):
        desk.ask(house.app, "key.decrypt", ciphertext=old)
    assert desk.steward() == 0
    assert encrypt(desk, house, 97) == 2
    new = desk.ask(house.app, "key.encrypt", "wheel", plaintext=b"x").ciphertext
    desk.ask(house.app, "key.decrypt", ciphertext=new)
    assert desk.steward() == 0
    desk.ask(house.app, "key.generate-data-key", "wheel")
    assert desk.steward() == 1
    assert shown(desk, house).current_version == 3


def test_refused_uses_fill_no_measure(desk, house):
    made(desk, house, rotation_uses=100)
    sealed = desk.ask(house.app, "key.encrypt", "wheel", plaintext=b"x", context={"a": "1"})
    encrypt(desk, house, 98)
    for _ in range(5):
        assert desk.refusal(house.app, "key.decrypt", ciphertext=sealed.ciphertext)
        assert desk.refusal(house.admin + "x", "key.encrypt", "wheel", plaintext=b"x")
    assert desk.steward() == 0
    encrypt(desk, house)
    assert desk.steward() == 1


def test_one_measure_is_one_rotation_whoever_filled_it(house):
    """Two custodians, each told of it several times, and late: what was committed meanwhile."""
    desks = [house.desk(), house.desk()]
    made(desks[0], house, rotation_uses=100)
    encrypt(desks[0], house, 100)
    for one in (*desks, *desks):
        assert encrypt(one, house, 150) == 1  # nobody has rotated it yet
    assert sum(one.steward() for one in desks) == 1
    assert encrypt(desks[1], house) == 2
    assert sum(one.steward() for one in desks) == 0
    assert shown(desks[0], house).current_version == 2


def test_two_stewards_that_are_told_at_once_rotate_once(house):
    desks = [house.desk(), house.desk()]
    made(desks[0], house, "pair", algorithm="rsa-2048", purpose="sign-verify", rotation_uses=100)
    for one in desks:
        items = [{"message": b"m"}] * 100
        one.ask(house.app, "key.sign", "pair", items=items)

    async def both():
        return await asyncio.gather(*(one.turns() for one in desks))

    assert sum(at_once(both())) == 1
    assert shown(desks[0], house, "pair").current_version == 2


def test_what_was_full_when_everything_ended_rotates_with_the_next_use(house, desk):
    made(desk, house, rotation_uses=100)
    encrypt(desk, house, 150)
    house.store.close()
    house.store = SQLiteStore.open(house.path)
    later = house.desk()
    assert later.steward() == 0
    assert encrypt(later, house) == 1
    assert later.steward() == 1
    assert encrypt(later, house) == 2


def test_a_key_that_was_stopped_meanwhile_is_not_rotated(desk, house):
    made(desk, house, rotation_uses=100)
    encrypt(desk, house, 100)
    desk.ask(house.admin, "key.disable", "wheel")
    assert desk.steward() == 0
    desk.ask(house.admin, "key.enable", "wheel")
    encrypt(desk, house)
    assert desk.steward() == 1


def test_a_rule_that_is_taken_away_or_given_later_holds_from_then_on(desk, house):
    other = house.desk()
    made(desk, house)
    encrypt(other, house, 150)
    assert other.steward() == 0
    desk.ask(house.admin, "key.update", "wheel", rotation_uses=160)
    encrypt(other, house, 9)
    assert other.steward() == 0
    encrypt(other, house)
    desk.ask(house.admin, "key.update", "wheel", rotation_uses=0)
    assert other.steward() == 0  # the rule was taken away before it was done
    encrypt(other, house, 500)
    assert other.steward() == 0
    desk.ask(house.admin, "key.update", "wheel", rotation_uses=100)
    assert other.steward() == 0
    encrypt(other, house)
    assert other.steward() == 1


@pytest.mark.parametrize("uses", [-1, 1, limits.ROTATION_USES_MIN - 1, limits.KEY_USES_MAX + 1])
def test_uses_out_of_bounds_are_refused(desk, house, uses):
    fields = {"rotation_uses": uses}
    assert desk.refusal(house.admin, "key.create", name="x", **fields) == "invalid-request"
    assert desk.refusal(house.admin, "key.update", "demo", **fields) == "invalid-request"


# --- old versions ---------------------------------------------------------------------------------


def turned(desk, house, times=2, **fields):
    """A ciphertext of each version."""
    made(desk, house, **fields)
    blobs = []
    for _ in range(times + 1):
        blobs.append(desk.ask(house.app, "key.encrypt", "wheel", plaintext=b"x").ciphertext)
        desk.ask(house.admin, "key.rotate", "wheel")
    return blobs


def test_old_versions_go_on_decrypting(desk, house):
    for blob in turned(desk, house):
        assert house.desk().ask(house.app, "key.decrypt", ciphertext=blob).plaintext == b"x"


def test_versions_below_the_oldest_that_is_allowed_are_refused(desk, house):
    warm = house.desk()
    blobs = turned(desk, house)
    for blob in blobs:
        warm.ask(house.app, "key.decrypt", ciphertext=blob)
    desk.ask(house.admin, "key.update", "wheel", min_version=3)
    for one in (warm, desk):
        for number, blob in enumerate(blobs[:2], 1):
            _, reply = one.reply(house.app, "key.decrypt", ciphertext=blob)
            assert reply.code == "key-not-usable"
            assert f"version {number} of the key is retired: its oldest is 3" in reply.detail
            assert one.refusal(house.app, "key.re-encrypt", "demo", ciphertext=blob) == (
                "key-not-usable"
            )
        items = one.ask(
            house.app, "key.decrypt", items=[{"ciphertext": blob} for blob in blobs]
        ).items
        assert [getattr(item.error, "code", "") for item in items] == [
            "key-not-usable", "key-not-usable", "",
        ]  # fmt: skip
        assert items[2].plaintext == b"x"
        assert encrypt(one, house) == 4
    desk.ask(house.admin, "key.update", "wheel", min_version=1)  # it was not destroyed
    assert warm.ask(house.app, "key.decrypt", ciphertext=blobs[0]).plaintext == b"x"


def _signed(desk, house):
    signature = desk.ask(house.app, "key.sign", "wheel", message=b"m").signature
    return "key.verify", {"message": b"m", "signature": signature, "key_version": 1}


def _tagged(desk, house):
    tag = desk.ask(house.app, "key.mac", "wheel", message=b"m").tag
    return "key.verify-mac", {"message": b"m", "tag": tag, "key_version": 1}


def _wrapped(desk, house):
    wrapped = desk.ask(house.app, "key.wrap", "wheel", material=bytes(16)).wrapped
    return "key.unwrap", {"wrapped": wrapped, "key_version": 1}


def _raw(desk, house):
    blob = desk.ask(house.app, "key.encrypt", "wheel", plaintext=b"x").ciphertext
    return "key.decrypt", {"ciphertext": blob, "key_version": 1}


def _capsule(desk, house):
    blob = desk.ask(house.app, "key.encapsulate", "wheel").ciphertext
    return "key.decapsulate", {"ciphertext": blob, "key_version": 1}


@pytest.mark.parametrize(
    ("algorithm", "make"),
    [("ed25519", _signed), ("hmac-sha256", _tagged), ("aes-256-kw", _wrapped),
     ("aes-256-gcm-raw", _raw), ("ml-kem-768", _capsule)],
)  # fmt: skip
def test_that_holds_for_every_algorithm(desk, house, algorithm, make):
    made(desk, house, algorithm=algorithm)
    operation, fields = make(desk, house)
    desk.ask(house.admin, "key.rotate", "wheel")
    assert not desk.refusal(house.app, operation, "wheel", **fields)
    desk.ask(house.admin, "key.update", "wheel", min_version=2)
    assert desk.refusal(house.app, operation, "wheel", **fields) == "key-not-usable"
    operation, fields = make(desk, house)
    assert not desk.refusal(house.app, operation, "wheel", **fields | {"key_version": 2})


@pytest.mark.parametrize("algorithm", ["ed25519", "hmac-sha256"])
def test_that_holds_for_batches_of_signatures_and_tags(desk, house, algorithm):
    made(desk, house, algorithm=algorithm)
    make = _signed if algorithm == "ed25519" else _tagged
    operation, fields = make(desk, house)
    item = {name: value for name, value in fields.items() if name != "key_version"}
    desk.ask(house.admin, "key.rotate", "wheel")
    asked = {"items": [item], "key_version": 1}
    assert desk.ask(house.app, operation, "wheel", **asked).items[0].valid
    desk.ask(house.admin, "key.update", "wheel", min_version=2)
    assert desk.refusal(house.app, operation, "wheel", **asked) == "key-not-usable"


@pytest.mark.parametrize("number", [0, 4, 2**31])
def test_the_oldest_that_is_allowed_is_not_above_the_current(desk, house, number):
    turned(desk, house, times=1)  # version 3 is current
    assert desk.refusal(house.admin, "key.update", "wheel", min_version=number) == (
        "invalid-request"
    )
    assert desk.ask(house.admin, "key.update", "wheel", min_version=3).min_version == 3


def test_a_key_without_material_has_no_oldest_version_to_raise(desk, house):
    made(desk, house, origin="imported")
    assert desk.refusal(house.admin, "key.update", "wheel", min_version=1) == "invalid-request"
