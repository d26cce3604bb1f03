"""Imports and exports, over a real store: what comes in, what goes out, and what does not."""

import asyncio
import hashlib
import hmac
import os
from functools import cache

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from strongroom.domain.calls import Call, Terms, spell_terms
from strongroom.domain.records import Kind
from strongroom.domain.times import DAY_US, rfc3339
from strongroom.domain.transfers import Wrapping
from tests.services.test_private_sources import Between
from tests.support.deeds import entries
from tests.support.desks import START_US, House, at_once
from tests.support.travel import DIRECT, arrived, travelling

HOUR_US = 3_600_000_000
MATERIAL, OTHER, THIRD = (bytes(range(first, first + 32)) for first in range(3))


@pytest.fixture
def house(tmp_path):
    made = House(tmp_path / "store.db")
    yield made
    made.store.close()


@pytest.fixture
def desk(house):
    made = house.desk()
    made.ask(house.admin, "key.create", name="mine", origin="imported")
    return made


@cache
def elsewhere():
    """An RSA key of the caller's: private and public."""
    key = rsa.generate_private_key(65_537, 2_048)
    return (
        key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()),
        key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
    )


def ticket(desk, house, key="mine"):
    return desk.ask(house.admin, "key.import-parameters", key, wrapping_key="rsa-2048")


def given(parameters, material=MATERIAL, wrapping="rsa-aes-kwp-sha256", **fields):
    return {
        "import_token": parameters.import_token,
        "wrapped_material": travelling(parameters.public_key, material, Wrapping(wrapping)),
        "wrapping": wrapping,
        **fields,
    }


def bring(desk, house, key="mine", material=MATERIAL, **fields):
    return desk.ask(
        house.admin, "key.import", key, **given(ticket(desk, house, key), material, **fields)
    )


def refusal(desk, house, key="mine", **fields):
    """The refusal of an import, after which everything is as it was."""
    before = snapshot(house)
    _, reply = desk.reply(house.admin, "key.import", key, **fields)
    assert reply.code, "it was taken"
    assert snapshot(house) == before
    return reply


def snapshot(house):
    """Every record there is, but who asked last is in the log only."""
    return [
        house.store.family(kind, b"", 1_000)
        for kind in (Kind.KEY, Kind.VERSION, Kind.IMPORT_TICKET)
    ]


def seal(desk, house, key="mine", plaintext=b"4111"):
    return desk.ask(house.app, "key.encrypt", key, plaintext=plaintext).ciphertext


def open_(desk, house, ciphertext):
    return desk.ask(house.app, "key.decrypt", ciphertext=ciphertext).plaintext


# --- coming in ------------------------------------------------------------------------------------


def test_a_key_waits_for_its_material_and_lives_when_it_comes(desk, house):
    view = desk.ask(house.admin, "key.read", "mine")
    assert (view.state, view.origin, view.current_version) == ("pre-activation", "imported", 0)
    assert desk.refusal(house.app, "key.encrypt", "mine", plaintext=b"x") == "key-not-usable"
    view = bring(desk, house)
    assert (view.state, view.current_version) == ("active", 1)
    assert [(v.version, v.material, v.expires) for v in view.versions] == [(1, True, "")]
    read = desk.ask(house.admin, "key.read", "mine")
    assert view.imported_version == 1
    assert all(getattr(view, name) == getattr(read, name) for name in read.__struct_fields__)
    assert open_(desk, house, seal(desk, house)) == b"4111"


@pytest.mark.parametrize("wrapping", Wrapping)
def test_material_comes_by_every_wrapping(desk, house, wrapping):
    desk.ask(house.admin, "key.create", name="tags", algorithm="hmac-sha256", origin="imported")
    bring(desk, house, "tags", wrapping=wrapping)
    tag = desk.ask(house.app, "key.mac", "tags", message=b"x").tag
    assert tag == hmac.digest(MATERIAL, b"x", "sha256")


def test_a_key_pair_comes_with_its_public_half(desk, house):
    desk.ask(house.admin, "key.create", name="pair", algorithm="rsa-2048", origin="imported")
    private, public = elsewhere()
    bring(desk, house, "pair", private)
    assert desk.ask(house.admin, "key.read-public-key", "pair").der == public
    signed = desk.ask(house.app, "key.sign", "pair", message=b"x")
    fields = {"message": b"x", "signature": signed.signature, "scheme": signed.scheme}
    assert desk.ask(house.app, "key.verify", "pair", **fields).valid


def test_the_next_material_is_the_next_version_and_the_old_one_goes_on_decrypting(desk, house):
    bring(desk, house)
    old = seal(desk, house)
    view = bring(desk, house, material=OTHER)
    assert (view.current_version, [v.version for v in view.versions]) == (2, [2, 1])
    assert desk.ask(house.app, "key.encrypt", "mine", plaintext=b"x").key_version == 2
    assert open_(desk, house, old) == b"4111"


def test_a_key_that_is_to_be_active_later_waits_for_that_with_its_material(desk, house):
    later = house.clock.now + DAY_US
    desk.ask(house.admin, "key.create", name="later", origin="imported", activates=rfc3339(later))
    assert bring(desk, house, "later").state == "pre-activation"
    assert desk.refusal(house.app, "key.encrypt", "later", plaintext=b"x") == "key-not-usable"
    house.clock.now = later
    assert open_(desk, house, seal(desk, house, "later")) == b"4111"


def test_a_key_whose_time_came_before_its_material_says_that_it_has_none(desk, house):
    later = house.clock.now + DAY_US
    desk.ask(house.admin, "key.create", name="later", origin="imported", activates=rfc3339(later))
    house.clock.now = later
    for _ in range(2):  # before and after it was written down
        assert desk.refusal(house.app, "key.encrypt", "later", plaintext=b"x") == "key-not-usable"
        assert desk.refusal(house.admin, "key.delete-imported-material", "later") == (
            "key-not-usable"
        )
        desk.steward()
    assert bring(desk, house, "later").state == "active"
    assert open_(desk, house, seal(desk, house, "later")) == b"4111"


@pytest.mark.parametrize("size", ["rsa-2048", "rsa-3072", "rsa-4096"])
def test_the_wrapping_key_has_the_size_that_was_asked_for(desk, house, size):
    made = desk.ask(house.admin, "key.import-parameters", "mine", wrapping_key=size)
    assert made.wrapping_key == size
    assert len(travelling(made.public_key, b"x", DIRECT[0])) * 8 == int(size[4:])
    assert made.pem.startswith("-----BEGIN PUBLIC KEY-----")
    assert made.expires == rfc3339(house.clock.now + 24 * HOUR_US)
    desk.ask(house.admin, "key.import", "mine", **given(made))


def test_an_import_goes_on_after_a_restart(desk, house):
    parameters = ticket(desk, house)
    again = house.desk()
    view = again.ask(house.admin, "key.import", "mine", **given(parameters))
    assert view.current_version == 1


def test_an_import_is_on_record_without_anything_secret(desk, house):
    expires = rfc3339(house.clock.now + DAY_US)
    parameters = ticket(desk, house)
    fields = given(parameters, expires=expires)
    desk.ask(house.admin, "key.import", "mine", **fields)
    events = desk.ask(house.admin, "audit.read", key="mine", limit=100).events
    found = {event.action: event for event in events}
    token = parameters.import_token
    assert found["key.import-parameters"].details == {
        "ticket": token, "wrapping_key": "rsa-2048", "expires": parameters.expires,
    }  # fmt: skip
    assert found["key.import"].details == {
        "ticket": token, "wrapping": "rsa-aes-kwp-sha256", "expires": expires,
    }  # fmt: skip
    assert found["key.import"].version == 1


# --- the ticket -----------------------------------------------------------------------------------


def dull_token(reply):
    assert (reply.code, reply.pointer) == ("invalid-request", "$.import_token")
    assert reply.detail == "the import token is not valid for this key; get another"


def test_a_token_is_good_for_one_import(desk, house):
    parameters = ticket(desk, house)
    desk.ask(house.admin, "key.import", "mine", **given(parameters))
    dull_token(refusal(desk, house, **given(parameters, OTHER)))


def test_a_token_is_good_for_its_key_only_and_says_nothing_else(desk, house):
    desk.ask(house.admin, "key.create", name="other", origin="imported")
    parameters = ticket(desk, house, "other")
    dull_token(refusal(desk, house, **given(parameters)))
    dull_token(refusal(desk, house, **{**given(parameters), "import_token": "0" * 32}))
    desk.ask(house.admin, "key.import", "other", **given(parameters))


def test_a_token_of_another_namespace_is_none(desk, house):
    theirs = desk.ask(house.admin, "namespace.create", name="theirs").token
    desk.ask(theirs, "key.create", name="mine", origin="imported")
    parameters = desk.ask(theirs, "key.import-parameters", "mine", wrapping_key="rsa-2048")
    dull_token(refusal(desk, house, **given(parameters)))
    assert desk.ask(theirs, "key.import", "mine", **given(parameters)).current_version == 1


@pytest.mark.parametrize("steward", [False, True])
def test_a_token_is_good_for_a_day(desk, house, steward):
    late, just = ticket(desk, house), ticket(desk, house)
    house.clock.now += 24 * HOUR_US - 1
    desk.ask(house.admin, "key.import", "mine", **given(just))
    house.clock.now += 1
    if steward:
        assert desk.steward() == 1  # the other one's private half is erased
    dull_token(refusal(desk, house, **given(late, OTHER)))


def at_the_same_time(*calls):
    """Replies to imports that run at once: (desk, token of who asks, fields) of each."""
    made = [
        (desk, Call(
            "key.import", "mine", who, "127.0.0.1", f"{START_US // 1000:012x}{i:020x}",
            msgspec.msgpack.encode(fields),
        ))
        for i, (desk, who, fields) in enumerate(calls)
    ]  # fmt: skip

    async def all_of_them():
        return await asyncio.gather(*(one.desk.answer(call) for one, call in made))

    return at_once(all_of_them())


def test_of_twenty_imports_with_one_token_one_is_kept(desk, house):
    """Ten in each of two processes, all at once; each has other material."""
    parameters, desks = ticket(desk, house), (desk, house.desk())
    replies = at_the_same_time(
        *((desks[i % 2], house.admin, given(parameters, os.urandom(32))) for i in range(20))
    )
    assert sorted(reply.code for reply in replies) == [""] + ["invalid-request"] * 19
    for reply in replies:
        if reply.code:
            dull_token(reply)
    assert desk.ask(house.admin, "key.read", "mine").current_version == 1


def test_one_token_does_not_bring_two_versions_back_at_once(desk, house):
    """Their rows are apart, and the key's is not touched: only the ticket is the same."""
    bring(desk, house)
    bring(desk, house, material=OTHER)
    for number in (1, 2):
        desk.ask(house.admin, "key.delete-imported-material", "mine", key_version=number)
    parameters = ticket(desk, house)
    replies = at_the_same_time(
        (desk, house.admin, given(parameters, key_version=1)),
        (house.desk(), house.admin, given(parameters, OTHER, key_version=2)),
    )
    (refused,) = (reply for reply in replies if reply.code)
    dull_token(refused)


def test_one_version_is_not_brought_back_twice_at_once(desk, house):
    bring(desk, house)
    desk.ask(house.admin, "key.delete-imported-material", "mine")
    one, two = ticket(desk, house), ticket(desk, house)
    replies = at_the_same_time(
        (desk, house.admin, given(one, key_version=1)),
        (house.desk(), house.admin, given(two, key_version=1)),
    )
    (refused,) = (reply for reply in replies if reply.code)
    assert (refused.code, refused.pointer) == ("invalid-request", "$.key_version")


def test_two_tokens_bring_two_versions(desk, house):
    one, two = ticket(desk, house), ticket(desk, house)
    desk.ask(house.admin, "key.import", "mine", **given(one))
    view = desk.ask(house.admin, "key.import", "mine", **given(two, OTHER))
    assert view.current_version == 2


# --- what is refused on arrival -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("material", "reason"),
    [
        (bytes(32), "random"),
        (b"\x07" * 32, "random"),
        (MATERIAL[:-1], "32 bytes"),
        (MATERIAL + b"\0", "32 bytes"),
    ],
)
def test_weak_or_wrong_material_is_refused_with_a_reason_and_its_token_stays_good(
    desk, house, material, reason
):
    parameters = ticket(desk, house)
    reply = refusal(desk, house, **given(parameters, material))
    assert reply.code == "invalid-request"
    assert reason in reply.detail
    desk.ask(house.admin, "key.import", "mine", **given(parameters))


def test_a_weak_or_wrong_key_pair_is_refused(desk, house):
    for name, algorithm in (("pair", "rsa-2048"), ("larger", "rsa-3072"), ("curve", "ec-p256")):
        desk.ask(house.admin, "key.create", name=name, algorithm=algorithm, origin="imported")
    weak = rsa.generate_private_key(3, 2_048)
    der = weak.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    for name, material in (
        ("pair", der), ("larger", elsewhere()[0]), ("curve", elsewhere()[0]), ("pair", MATERIAL),
    ):  # fmt: skip
        reply = refusal(desk, house, name, **given(ticket(desk, house, name), material))
        assert reply.code == "invalid-request"


def test_what_does_not_unwrap_is_refused_in_one_way(desk, house):
    parameters, other = ticket(desk, house), ticket(desk, house)
    good, foreign = given(parameters), given(other)
    blob = good["wrapped_material"]
    details = set()
    for wrapped in (
        b"", blob[:-1], blob[:256], bytes(len(blob)), blob[:-1] + bytes([blob[-1] ^ 1]),
        foreign["wrapped_material"],
    ):  # fmt: skip
        reply = refusal(desk, house, **{**good, "wrapped_material": wrapped})
        details.add((reply.code, reply.detail, reply.pointer))
    reply = refusal(desk, house, **{**good, "wrapping": "rsa-aes-kwp-sha1"})
    details.add((reply.code, reply.detail, reply.pointer))
    assert len(details) == 1
    assert details.pop()[0] == "invalid-ciphertext"


@pytest.mark.parametrize("when", [0, -1, -DAY_US])
def test_an_expiry_that_has_passed_is_refused(desk, house, when):
    expires = rfc3339(house.clock.now + when)
    reply = refusal(desk, house, **given(ticket(desk, house), expires=expires))
    assert (reply.code, reply.pointer) == ("invalid-request", "$.expires")


def test_an_expiry_that_is_no_time_is_refused(desk, house):
    fields = given(ticket(desk, house), expires="tomorrow")
    assert refusal(desk, house, **fields).code == "invalid-request"


def test_a_key_that_is_made_here_takes_no_imports(desk, house):
    for operation, fields in (
        ("key.import-parameters", {}),
        ("key.import", given(ticket(desk, house))),
        ("key.delete-imported-material", {}),
    ):
        assert desk.refusal(house.admin, operation, "demo", **fields) == "invalid-request"


def test_who_has_not_the_right_neither_imports_nor_exports(desk, house):
    parameters = ticket(desk, house)
    for name in ("mine", "nowhere"):
        for operation, fields in (
            ("key.import-parameters", {}),
            ("key.import", given(parameters)),
            ("key.delete-imported-material", {}),
            ("key.export", {"public_key": elsewhere()[1]}),
        ):
            assert desk.refusal(house.app, operation, name, **fields) == "not-allowed"
    # An administrator may all but export: that is a role of its own.
    assert desk.refusal(house.admin, "key.import-parameters", "nowhere") == "not-found"
    fields = {"public_key": elsewhere()[1]}
    assert desk.refusal(house.admin, "key.export", "mine", **fields) == "not-allowed"


@pytest.mark.parametrize(
    ("operation", "fields"),
    [
        ("key.deactivate", {}),
        ("key.mark-compromised", {}),
        ("key.schedule-destruction", {"days": 7}),
    ],
)
def test_a_key_in_a_state_that_allows_no_import_takes_none(desk, house, operation, fields):
    bring(desk, house)
    parameters = ticket(desk, house)
    desk.ask(house.admin, operation, "mine", **fields)
    assert refusal(desk, house, **given(parameters, OTHER)).code == "key-not-usable"
    assert desk.refusal(house.admin, "key.import-parameters", "mine") == "key-not-usable"


def test_a_key_that_was_stopped_takes_material_and_stays_so(desk, house):
    bring(desk, house)
    desk.ask(house.admin, "key.disable", "mine")
    view = bring(desk, house, material=OTHER)
    assert (view.state, view.current_version) == ("suspended", 2)
    assert desk.refusal(house.app, "key.encrypt", "mine", plaintext=b"x") == "key-not-usable"


def imported_with(desk, house, parameters, material=MATERIAL, **fields):
    """The reply to an import by whoever asks that it enable."""
    fields = given(parameters, material, **fields)
    request = f"{START_US // 1000:012x}" + os.urandom(10).hex()
    call = Call(
        "key.import", "mine", house.admin, "127.0.0.1", request, msgspec.msgpack.encode(fields),
        spell_terms(Terms(enables=True)),
    )  # fmt: skip
    return at_once(desk.desk.answer(call))


def stopped(desk, house, *lacking):
    """A key of two versions that is stopped, and lacks the material of those."""
    bring(desk, house)
    bring(desk, house, material=OTHER)
    desk.ask(house.admin, "key.disable", "mine")
    for number in lacking:
        desk.ask(house.admin, "key.delete-imported-material", "mine", key_version=number)


def state(desk, house):
    return desk.ask(house.admin, "key.read", "mine").state


def test_where_it_is_asked_for_the_last_material_that_lacked_enables(desk, house):
    stopped(desk, house, 1, 2)
    again = {"again": True}
    imported_with(desk, house, ticket(desk, house), OTHER, **again)
    assert state(desk, house) == "suspended"
    imported_with(desk, house, ticket(desk, house), **again)
    assert state(desk, house) == "active"
    said = [entry["details"] for entry in entries(house, action="key.import")]
    assert [details.get("state") for details in said] == [None, None, None, "active"]


@pytest.mark.parametrize(
    ("lacking", "material", "fields"),
    [
        ((), MATERIAL, {"again": True}),  # all there
        ((1,), OTHER, {"again": True}),  # the other one, which is there
        ((), THIRD, {}),  # new
        ((1,), THIRD, {}),
        ((2,), THIRD, {"waits": True}),
    ],
)
def test_no_other_material_enables_what_was_stopped(desk, house, lacking, material, fields):
    stopped(desk, house, *lacking)
    assert not imported_with(desk, house, ticket(desk, house), material, **fields).code
    assert state(desk, house) == "suspended"


def test_the_first_material_of_a_key_that_was_stopped_before_enables_it(desk, house):
    later = house.clock.now + DAY_US
    desk.ask(house.admin, "key.update", "mine", activates=rfc3339(later))
    house.clock.now = later
    desk.ask(house.admin, "key.disable", "mine")
    assert not imported_with(desk, house, ticket(desk, house)).code
    assert state(desk, house) == "active"


def test_material_enables_no_key_whose_time_is_over(desk, house):
    stopped(desk, house, 2)
    desk.ask(house.admin, "key.update", "mine", deactivates=rfc3339(house.clock.now + DAY_US))
    house.clock.now += DAY_US
    assert not imported_with(desk, house, ticket(desk, house), OTHER, again=True).code
    assert state(desk, house) == "suspended"


def test_an_import_and_a_deletion_at_once_enable_nothing_that_lacks_material(desk, house):
    """The other one's material goes after the decision, and before it is kept."""
    stopped(desk, house, 2)
    ledger = Between(house.store)
    slow = house.desk(ledger=ledger)
    parameters = ticket(desk, house)

    async def then():
        ask = {"key_version": 1}
        _, reply = await desk.replied(house.admin, "key.delete-imported-material", "mine", **ask)
        assert not reply.code

    ledger.then = then
    assert not imported_with(slow, house, parameters, OTHER, again=True).code
    assert state(desk, house) == "suspended"


# --- what waits for a rotation --------------------------------------------------------------------


def numbers(view):
    return view.current_version, view.waiting_version, [(v.version, v.state) for v in view.versions]


def test_material_that_waits_is_not_used_until_the_key_is_rotated(desk, house):
    view = bring(desk, house, waits=True)
    assert numbers(view) == (1, 0, [(1, "active")])  # there is none to wait behind
    old = seal(desk, house)
    view = bring(desk, house, material=OTHER, waits=True, description="of May")
    assert numbers(view) == (1, 2, [(2, "pre-activation"), (1, "active")])
    assert view.versions[0].description == "of May"
    assert desk.ask(house.app, "key.encrypt", "mine", plaintext=b"x").key_version == 1
    house.clock.now += HOUR_US
    view = desk.ask(house.admin, "key.rotate", "mine")
    assert numbers(view) == (2, 0, [(2, "active"), (1, "active")])
    assert view.rotations_by_hand == 1
    assert (view.versions[0].rotated, view.versions[0].by_hand) == (
        rfc3339(house.clock.now), True,
    )  # fmt: skip
    assert desk.ask(house.app, "key.encrypt", "mine", plaintext=b"x").key_version == 2
    assert open_(desk, house, old) == b"4111"
    assert desk.refusal(house.admin, "key.rotate", "mine") == "key-not-usable"


def test_a_version_that_waits_does_nothing_that_it_is_named_for(desk, house, exporter):
    desk.ask(
        house.admin, "key.create", name="tags", algorithm="hmac-sha256", origin="imported",
        exportable=True,
    )  # fmt: skip
    bring(desk, house, "tags")
    bring(desk, house, "tags", OTHER, waits=True)
    tag = hmac.digest(OTHER, b"x", "sha256")
    fields = {"message": b"x", "tag": tag, "key_version": 2}
    assert desk.refusal(house.app, "key.verify-mac", "tags", **fields) == "key-not-usable"
    fields = {"public_key": elsewhere()[1], "key_version": 2}
    assert desk.refusal(exporter, "key.export", "tags", **fields) == "key-not-usable"
    for operation in ("key.enable", "key.disable", "key.deactivate"):
        assert desk.refusal(house.admin, operation, "tags", key_version=2) == "key-not-usable"


def test_one_version_waits_and_no_other_comes_before_it(desk, house):
    bring(desk, house)
    bring(desk, house, material=OTHER, waits=True)
    for fields in ({}, {"waits": True}):
        reply = refusal(desk, house, **given(ticket(desk, house), THIRD, **fields))
        assert reply.code == "key-not-usable"
    reply = refusal(desk, house, **given(ticket(desk, house), OTHER, waits=True, key_version=2))
    assert reply.code == "invalid-request"


@pytest.mark.parametrize("end", ["deleted", "expired", "compromised", "destroyed"])
def test_a_version_that_waits_in_vain_leaves_its_place_to_the_next(desk, house, end):
    bring(desk, house)
    soon = rfc3339(house.clock.now + HOUR_US)
    bring(desk, house, material=OTHER, waits=True, expires=soon if end == "expired" else "")
    if end == "expired":
        house.clock.now += HOUR_US
        desk.steward()
    elif end == "deleted":
        desk.ask(house.admin, "key.delete-imported-material", "mine", key_version=2)
    elif end == "compromised":
        desk.ask(house.admin, "key.mark-compromised", "mine", key_version=2)
    else:
        desk.ask(house.admin, "key.schedule-destruction", "mine", key_version=2, days=7)
        house.clock.now += 7 * DAY_US
        desk.steward()
    assert desk.refusal(house.admin, "key.rotate", "mine") == "key-not-usable"
    if end in ("deleted", "expired"):
        reply = refusal(desk, house, **given(ticket(desk, house), OTHER, key_version=2))
        assert reply.code == "key-not-usable"
    material = THIRD if end == "compromised" else OTHER
    view = bring(desk, house, material=material, waits=True)
    assert (view.current_version, view.waiting_version) == (1, 3)
    assert desk.ask(house.admin, "key.rotate", "mine").current_version == 3
    assert desk.ask(house.app, "key.encrypt", "mine", plaintext=b"x").key_version == 3


def test_two_rotations_make_one_version_current_once(desk, house):
    bring(desk, house)
    bring(desk, house, material=OTHER, waits=True)
    desk.ask(house.admin, "key.rotate", "mine")
    assert house.desk().refusal(house.admin, "key.rotate", "mine") == "key-not-usable"
    view = bring(desk, house, material=THIRD)
    assert (view.current_version, view.rotations_by_hand) == (3, 1)


def test_a_key_is_destroyed_with_the_version_that_waits(desk, house):
    bring(desk, house)
    bring(desk, house, material=OTHER, waits=True)
    desk.ask(house.admin, "key.schedule-destruction", "mine", days=7)
    house.clock.now += 7 * DAY_US
    desk.steward()
    assert wrapped(house) == ["", ""]


def test_the_same_material_comes_again_whichever_version_it_is_of(desk, house):
    bring(desk, house, description="first")
    bring(desk, house, material=OTHER)
    later = rfc3339(house.clock.now + DAY_US)
    view = bring(desk, house, again=True, expires=later)
    assert (view.imported_version, view.current_version) == (1, 2)
    assert [(v.expires, v.description) for v in view.versions] == [("", ""), (later, "first")]
    assert open_(desk, house, seal(desk, house)) == b"4111"
    view = bring(desk, house, again=True, key_version=1, description="again")
    assert (view.versions[1].expires, view.versions[1].description) == ("", "again")
    for number in (1, None):
        fields = {"again": True} if number is None else {"again": True, "key_version": number}
        reply = refusal(desk, house, **given(ticket(desk, house), THIRD, **fields))
        assert reply.code == "invalid-request"


@pytest.mark.parametrize("how", [{}, {"waits": True}])
def test_no_material_has_two_versions(desk, house, how):
    bring(desk, house)
    bring(desk, house, material=OTHER)
    reply = refusal(desk, house, **given(ticket(desk, house), **how))
    assert (reply.code, "version 1" in reply.detail) == ("invalid-request", True)


# --- gone, and again ------------------------------------------------------------------------------


def test_material_that_expires_is_gone_at_that_moment_and_the_same_comes_again(desk, house):
    at_us = house.clock.now + DAY_US
    view = bring(desk, house, expires=rfc3339(at_us))
    assert view.versions[0].expires == rfc3339(at_us)
    sealed = seal(desk, house)
    house.clock.now = at_us - 1
    assert desk.steward() == 0
    assert open_(desk, house, sealed) == b"4111"
    house.clock.now = at_us
    assert desk.refusal(house.app, "key.decrypt", ciphertext=sealed) == "key-not-usable"
    assert not desk.ask(house.admin, "key.read", "mine").versions[0].material
    view = bring(desk, house, key_version=1)  # before anybody erased the old
    assert (view.current_version, view.versions[0].material) == (1, True)
    assert view.versions[0].expires == ""
    assert open_(desk, house, sealed) == b"4111"


def test_the_same_material_comes_again_after_it_was_erased(desk, house):
    bring(desk, house, expires=rfc3339(house.clock.now + HOUR_US))
    sealed = seal(desk, house)
    house.clock.now += HOUR_US
    assert desk.steward() == 1
    assert not wrapped(house)[-1]
    later = rfc3339(house.clock.now + DAY_US)
    assert bring(desk, house, key_version=1, expires=later).versions[0].expires == later
    assert open_(desk, house, sealed) == b"4111"


def wrapped(house):
    """The wrapped material of the versions, by number; of each of the first namespace's keys."""
    records = house.store.family(Kind.VERSION, b"", 1_000)
    mine = house.store.find(Kind.KEY, house.first, "mine").id
    return [msgspec.json.decode(r.body)["wrapped"] for r in reversed(records) if r.id[:16] == mine]


def test_other_material_is_not_taken_in_its_place(desk, house):
    bring(desk, house)
    sealed = seal(desk, house)
    desk.ask(house.admin, "key.delete-imported-material", "mine")
    parameters = ticket(desk, house)
    reply = refusal(desk, house, **given(parameters, OTHER, key_version=1))
    assert (reply.code, reply.detail) == (
        "invalid-request", "this is other material than was imported first",
    )  # fmt: skip
    desk.ask(house.admin, "key.import", "mine", **given(parameters, key_version=1))
    assert open_(desk, house, sealed) == b"4111"


def test_a_version_that_has_its_material_takes_none(desk, house):
    bring(desk, house)
    reply = refusal(desk, house, **given(ticket(desk, house), key_version=1))
    assert (reply.code, reply.pointer) == ("invalid-request", "$.key_version")


def test_there_is_nothing_to_bring_again_where_nothing_was(desk, house):
    fields = given(ticket(desk, house), key_version=1)
    assert refusal(desk, house, **fields).code == "not-found"
    bring(desk, house)
    fields = given(ticket(desk, house), key_version=2)
    assert refusal(desk, house, **fields).code == "not-found"


def test_the_current_material_is_no_new_version(desk, house):
    """Whoever forgets key_version would find that nothing old decrypts."""
    bring(desk, house)
    desk.ask(house.admin, "key.delete-imported-material", "mine")
    reply = refusal(desk, house, **given(ticket(desk, house)))
    assert reply.code == "invalid-request"
    assert "key_version" in reply.detail


def test_deleted_material_is_gone_at_once_in_every_process(desk, house):
    other = house.desk()
    bring(desk, house, expires=rfc3339(house.clock.now + DAY_US))
    sealed = seal(other, house)
    view = desk.ask(house.admin, "key.delete-imported-material", "mine")
    assert (view.state, view.versions[0].material, view.versions[0].expires) == (
        "active", False, "",
    )  # fmt: skip
    assert other.refusal(house.app, "key.decrypt", ciphertext=sealed) == "key-not-usable"
    assert other.refusal(house.app, "key.encrypt", "mine", plaintext=b"x") == "key-not-usable"
    assert wrapped(house) == [""]
    # Again is no mistake.
    assert desk.ask(house.admin, "key.delete-imported-material", "mine") == view


def test_deleted_material_is_in_no_file_of_the_store(desk, house):
    bring(desk, house)
    (text,) = wrapped(house)
    assert text.encode() in files(house)
    desk.ask(house.admin, "key.delete-imported-material", "mine")
    assert text.encode() not in files(house)


def test_a_wrapping_key_that_was_used_is_in_no_file_of_the_store(desk, house):
    parameters = ticket(desk, house)
    (record,) = house.store.family(Kind.IMPORT_TICKET, b"", 10)
    text = msgspec.json.decode(record.body)["wrapped"].encode()
    assert text in files(house)
    desk.ask(house.admin, "key.import", "mine", **given(parameters))
    assert text not in files(house)


def files(house):
    names = [house.path, house.path + "-wal"]
    contents = b""
    for name in names:
        if os.path.exists(name):
            with open(name, "rb") as file:
                contents += file.read()
    return contents


def test_material_of_one_version_is_deleted_alone(desk, house):
    bring(desk, house)
    old = seal(desk, house)
    bring(desk, house, material=OTHER)
    desk.ask(house.admin, "key.delete-imported-material", "mine", key_version=1)
    assert desk.refusal(house.app, "key.decrypt", ciphertext=old) == "key-not-usable"
    assert open_(desk, house, seal(desk, house)) == b"4111"
    fields = {"key_version": 3}
    assert desk.refusal(house.admin, "key.delete-imported-material", "mine", **fields) == (
        "not-found"
    )


def test_deletion_protection_holds_for_material_too(desk, house):
    bring(desk, house)
    desk.ask(house.admin, "key.update", "mine", deletion_protection=True)
    assert desk.refusal(house.admin, "key.delete-imported-material", "mine") == "key-not-usable"
    assert open_(desk, house, seal(desk, house)) == b"4111"


def test_a_destroyed_version_takes_nothing_again(desk, house):
    bring(desk, house)
    bring(desk, house, material=OTHER)
    desk.ask(house.admin, "key.schedule-destruction", "mine", key_version=1, days=7)
    house.clock.now += 7 * DAY_US
    desk.steward()
    assert wrapped(house)[0] == ""
    fields = given(ticket(desk, house), key_version=1)
    assert refusal(desk, house, **fields).code == "key-not-usable"


# --- going out ------------------------------------------------------------------------------------


@pytest.fixture
def exporter(desk, house):
    desk.ask(house.admin, "principal.create", name="courier", roles=["key-exporter"])
    return desk.ask(house.admin, "token.create", principal="courier").token


@pytest.mark.parametrize("wrapping", Wrapping)
def test_an_exportable_key_goes_out_for_the_callers_public_key(desk, house, exporter, wrapping):
    desk.ask(house.admin, "key.create", name="out", algorithm="hmac-sha256", exportable=True)
    private, public = elsewhere()
    made = desk.ask(exporter, "key.export", "out", public_key=public, wrapping=wrapping)
    assert (made.wrapping, made.algorithm, made.key_version) == (wrapping, "hmac-sha256", 1)
    material = arrived(private, made.wrapped_material, wrapping)
    tag = desk.ask(house.app, "key.mac", "out", message=b"x").tag
    assert tag == hmac.digest(material, b"x", "sha256")


def test_an_export_is_on_record_with_its_recipient(desk, house, exporter):
    desk.ask(house.admin, "key.create", name="out", exportable=True)
    _, public = elsewhere()
    desk.ask(exporter, "key.export", "out", public_key=public)
    (event,) = desk.ask(house.admin, "audit.read", action="key.export").events
    assert (event.principal, event.version) == ("courier", 1)
    assert event.details == {
        "wrapping": "rsa-aes-kwp-sha256", "recipient": hashlib.sha256(public).hexdigest(),
    }  # fmt: skip


def test_what_is_exported_can_be_imported_elsewhere(desk, house, exporter):
    desk.ask(house.admin, "key.create", name="out", algorithm="ec-p256", exportable=True)
    desk.ask(house.admin, "key.create", name="in", algorithm="ec-p256", origin="imported")
    parameters = ticket(desk, house, "in")
    made = desk.ask(exporter, "key.export", "out", public_key=parameters.public_key)
    desk.ask(
        house.admin, "key.import", "in", import_token=parameters.import_token,
        wrapped_material=made.wrapped_material,
    )  # fmt: skip
    one, other = (desk.ask(house.admin, "key.read-public-key", key).der for key in ("out", "in"))
    assert one == other


def test_an_old_version_can_be_exported_until_it_is_retired(desk, house, exporter):
    desk.ask(house.admin, "key.create", name="out", exportable=True)
    desk.ask(house.admin, "key.rotate", "out")
    fields = {"public_key": elsewhere()[1], "key_version": 1}
    assert desk.ask(exporter, "key.export", "out", **fields).key_version == 1
    desk.ask(house.admin, "key.update", "out", min_version=2)
    assert desk.refusal(exporter, "key.export", "out", **fields) == "key-not-usable"
    fields["key_version"] = 3
    assert desk.refusal(exporter, "key.export", "out", **fields) == "not-found"


def test_a_key_that_was_not_made_for_it_does_not_go_out(desk, house, exporter):
    fields = {"public_key": elsewhere()[1]}
    assert desk.refusal(exporter, "key.export", "demo", **fields) == "key-not-usable"
    assert desk.refusal(exporter, "key.export", "nowhere", **fields) == "not-found"


def test_a_key_is_made_exportable_or_never_is(desk, house):
    _, reply = desk.reply(house.admin, "key.update", "demo", exportable=True)
    assert reply.code == "invalid-request"


@pytest.mark.parametrize(
    ("operation", "fields", "code"),
    [
        ("key.disable", {}, ""),
        ("key.deactivate", {}, ""),
        ("key.mark-compromised", {}, "key-not-usable"),
        ("key.schedule-destruction", {"days": 7}, "key-not-usable"),
    ],
)
def test_a_key_goes_out_in_the_states_that_allow_it(desk, house, exporter, operation, fields, code):
    desk.ask(house.admin, "key.create", name="out", exportable=True)
    desk.ask(house.admin, operation, "out", **fields)
    assert desk.refusal(exporter, "key.export", "out", public_key=elsewhere()[1]) == code


def test_where_there_is_no_material_there_is_nothing_to_export(desk, house, exporter):
    desk.ask(house.admin, "key.create", name="out", origin="imported", exportable=True)
    fields = {"public_key": elsewhere()[1]}
    assert desk.refusal(exporter, "key.export", "out", **fields) == "key-not-usable"
    bring(desk, house, "out", expires=rfc3339(house.clock.now + HOUR_US))
    assert desk.refusal(exporter, "key.export", "out", **fields) == ""
    house.clock.now += HOUR_US
    assert desk.refusal(exporter, "key.export", "out", **fields) == "key-not-usable"
    desk.steward()
    assert desk.refusal(exporter, "key.export", "out", **fields) == "key-not-usable"


def test_a_public_key_that_is_none_or_too_small_is_refused(desk, house, exporter):
    desk.ask(house.admin, "key.create", name="out", exportable=True)
    small = rsa.generate_private_key(65_537, 1_024).public_key()  # noqa: S505 - to be refused
    der = small.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    for public in (b"", b"x", der, elsewhere()[0]):
        _, reply = desk.reply(exporter, "key.export", "out", public_key=public)
        assert (reply.code, reply.pointer) == ("invalid-request", "$.public_key")
