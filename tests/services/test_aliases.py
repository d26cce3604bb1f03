"""Aliases: other names for keys, which move in one step, for whoever has the right to both keys."""

import pytest

from strongroom.adapters.sqlite.store import SQLiteStore
from strongroom.domain.operations import OPERATIONS, Resource
from strongroom.domain.times import rfc3339
from tests.support.deeds import entries
from tests.support.desks import House

LONGEST = "a" + 61 * "-" + "z"


@pytest.fixture
def house(tmp_path):
    made = House(tmp_path / "store.db")
    made.store._db.execute("PRAGMA synchronous = OFF")  # a power cut is not the subject
    yield made
    made.store.close()


@pytest.fixture
def desk(house):
    made = house.desk()
    for name in ("one", "two"):
        made.ask(house.admin, "key.create", name=name)
    return made


def point(desk, house, key, name="current"):
    return desk.ask(house.admin, "alias.write", name, key=key)


def uses(desk, house, name="alias:current"):
    """The name of the key that an encryption used; or the refusal's code."""
    _, reply = desk.reply(house.app, "key.encrypt", name, plaintext=b"x")
    if reply.code:
        return reply.code
    blob = desk.ask(house.app, "key.encrypt", name, plaintext=b"x").ciphertext
    return entries(house, action="key.encrypt")[-1]["object"] if blob else ""


# --- moved ----------------------------------------------------------------------------------------


def test_an_alias_moves_at_once_for_who_knew_it_before(desk, house):
    warm = house.desk()
    view = point(desk, house, "one")
    assert (view.name, view.key, view.revision) == ("current", "one", 1)
    assert uses(warm, house) == "key/one"
    for number, key in enumerate(("two", "one", "one", "two"), 2):
        view = point(desk, house, key)
        assert (view.key, view.revision) == (key, number)
        assert uses(warm, house) == uses(desk, house) == f"key/{key}"
    house.store.close()
    house.store = SQLiteStore.open(house.path)
    assert uses(house.desk(), house) == "key/two"


def test_an_alias_says_when_it_was_pointed_at_its_key(desk, house):
    dates = []
    for key in ("one", "two"):
        house.clock.now += 1_000_000
        view = point(desk, house, key)
        (listed,) = desk.ask(house.admin, "alias.list").aliases
        assert (view.created, view.updated) == (listed.created, listed.updated)
        dates.append((view.created, view.updated))
    first, second = (rfc3339(house.clock.now + more) for more in (-1_000_000, 0))
    assert dates == [(first, first), (first, second)]
    desk.ask(house.admin, "alias.delete", "current")
    house.clock.now += 1_000_000
    view = point(desk, house, "one")
    assert view.created == view.updated == rfc3339(house.clock.now)


def test_no_request_finds_neither_key(desk, house):
    """Through two desks in turn, with a move before each: it is always one or the other."""
    desks = [desk, house.desk(), house.desk()]
    point(desk, house, "one")
    for number in range(60):
        key = ("one", "two")[number % 2]
        point(desks[number % 3], house, key)
        assert uses(desks[(number + 1) % 3], house) == f"key/{key}"


def test_what_was_encrypted_by_an_alias_opens_by_the_key_and_not_by_what_it_names_later(
    desk, house
):
    point(desk, house, "one")
    blob = desk.ask(house.app, "key.encrypt", "alias:current", plaintext=b"x").ciphertext
    assert desk.ask(house.app, "key.decrypt", "alias:current", ciphertext=blob).plaintext == b"x"
    point(desk, house, "two")
    assert desk.ask(house.app, "key.decrypt", ciphertext=blob).plaintext == b"x"
    assert desk.ask(house.app, "key.decrypt", "one", ciphertext=blob).plaintext == b"x"
    assert desk.refusal(house.app, "key.decrypt", "alias:current", ciphertext=blob) == (
        "invalid-ciphertext"
    )


def test_the_log_names_the_key_and_where_an_alias_was_before(desk, house):
    point(desk, house, "one")
    point(desk, house, "two")
    desk.ask(house.app, "key.encrypt", "alias:current", plaintext=b"x")
    desk.ask(house.admin, "alias.delete", "current")
    told = [
        (entry["action"], entry["object"], entry.get("details"))
        for entry in entries(house, outcome="allowed")[-4:]
    ]
    assert told == [
        ("alias.write", "key/one", {"alias": "current"}),
        ("alias.write", "key/two", {"alias": "current", "former": "one"}),
        ("key.encrypt", "key/two", None),
        ("alias.delete", "key/two", {"alias": "current"}),
    ]


# --- the right for both keys ----------------------------------------------------------------------


def mover(desk, house, *keys):
    """Somebody who may move aliases between those keys only."""
    desk.ask(house.admin, "principal.create", name="mover")
    for key in keys:
        desk.ask(
            house.admin, "policy.write", f"moves-{key}",
            text=f'permit (principal == Principal::"mover", action in [Action::"alias.write",'
            f' Action::"alias.delete"], resource == Key::"{key}");',
        )  # fmt: skip
    return desk.ask(house.admin, "token.create", principal="mover").token


def test_who_has_the_right_to_both_keys_moves_it(desk, house):
    token = mover(desk, house, "one", "two")
    for key in ("one", "two", "one"):
        assert desk.ask(token, "alias.write", "current", key=key).key == key
    assert not desk.refusal(token, "alias.delete", "current")


@pytest.mark.parametrize(("may", "from_", "to"), [("one", "one", "two"), ("two", "one", "two")])
def test_who_has_the_right_to_one_of_them_does_not(desk, house, may, from_, to):
    point(desk, house, from_)
    token = mover(desk, house, may)
    assert desk.refusal(token, "alias.write", "current", key=to) == "not-allowed"
    assert uses(house.desk(), house) == f"key/{from_}"
    # A new one needs the right to the one key that it is to name.
    assert desk.refusal(token, "alias.write", "fresh", key=may) == ""


def test_who_has_no_right_to_its_key_does_not_delete_it(desk, house):
    point(desk, house, "one")
    token = mover(desk, house, "two")
    assert desk.refusal(token, "alias.delete", "current") == "not-allowed"
    assert uses(desk, house) == "key/one"


def test_an_alias_gives_no_right(desk, house):
    """What may be done is weighed for the key that it names, and not for its name."""
    text = """
    permit (principal == Principal::"shop", action == Action::"key.encrypt",
            resource == Key::"one");
    permit (principal == Principal::"shop", action == Action::"key.encrypt",
            resource == Key::"current");
    """
    desk.ask(house.admin, "principal.create", name="shop")
    desk.ask(house.admin, "policy.write", "shop", text=text)
    token = desk.ask(house.admin, "token.create", principal="shop").token
    point(desk, house, "one")
    for _ in range(2):  # the second time it is known
        assert not desk.refusal(token, "key.encrypt", "alias:current", plaintext=b"x")
    point(desk, house, "two")
    for _ in range(2):
        code = desk.refusal(token, "key.encrypt", "alias:current", plaintext=b"x")
        assert code == "not-allowed"


# --- not there ------------------------------------------------------------------------------------


def test_an_alias_that_was_deleted_names_nothing_at_once(desk, house):
    warm = house.desk()
    point(desk, house, "one")
    assert uses(warm, house) == "key/one"
    desk.ask(house.admin, "alias.delete", "current")
    assert uses(warm, house) == uses(desk, house) == "not-found"
    assert desk.refusal(house.admin, "alias.delete", "current") == "not-found"
    assert desk.ask(house.admin, "alias.list").aliases == []
    assert uses(warm, house, "one") == "key/one"  # the key stays as it is


def test_an_alias_can_be_made_again_after_it_was_deleted(desk, house):
    warm = house.desk()
    point(desk, house, "one")
    for key in ("two", "one", "two"):
        desk.ask(house.admin, "alias.delete", "current")
        assert uses(warm, house) == "not-found"
        assert point(desk, house, key).key == key
        assert uses(warm, house) == f"key/{key}"
        assert [alias.key for alias in warm.ask(house.admin, "alias.list").aliases] == [key]


def test_who_moved_it_from_one_key_needs_no_right_to_it_after_it_was_deleted(desk, house):
    point(desk, house, "one")
    desk.ask(house.admin, "alias.delete", "current")
    token = mover(desk, house, "two")
    assert desk.refusal(token, "alias.write", "current", key="two") == ""


def test_an_alias_of_another_namespace_is_none(desk, house):
    other = desk.ask(house.admin, "namespace.create", name="other").token
    point(desk, house, "one")
    assert desk.refusal(other, "key.read", "alias:current") == "not-found"
    assert desk.refusal(other, "alias.delete", "current") == "not-found"
    assert desk.refusal(other, "alias.write", "current", key="one") == "not-found"
    desk.ask(other, "key.create", name="theirs")
    assert desk.ask(other, "alias.write", "current", key="theirs").revision == 1
    assert desk.ask(other, "key.read", "alias:current").name == "theirs"
    assert desk.ask(house.admin, "key.read", "alias:current").name == "one"


def test_there_is_no_alias_to_a_key_that_is_not_there(desk, house):
    assert desk.refusal(house.admin, "alias.write", "current", key="nothing") == "not-found"
    assert desk.ask(house.admin, "alias.list").aliases == []


def test_a_missing_alias_and_a_missing_right_look_alike(desk, house):
    """Who may do nothing learns nothing: neither whether the alias is there, nor its key."""
    point(desk, house, "one")
    desk.ask(house.admin, "principal.create", name="nobody")
    token = desk.ask(house.admin, "token.create", principal="nobody").token
    replies = [
        desk.reply(token, "key.encrypt", f"alias:{name}", plaintext=b"x")[1]
        for name in ("current", "nothing")
    ]
    assert {(reply.code, reply.detail) for reply in replies} == {("not-allowed", "Not allowed")}


# --- names ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a", "0", "a.b_c-d", LONGEST, "one", "alias"])
def test_whatever_can_be_a_keys_name_can_be_an_aliass(desk, house, name):
    """Also the name of a key: the prefix keeps the two apart."""
    assert point(desk, house, "two", name).name == name
    assert uses(desk, house, f"alias:{name}") == "key/two"
    assert uses(desk, house, "one") == "key/one"


@pytest.mark.parametrize(
    "name",
    ["", "A", "-a", "a-", LONGEST + "x", "a b", "a/b", "alias:a", "alias:alias:a", "\u00e4", "a\n"],
)
def test_whatever_cannot_is_refused(desk, house, name):
    assert desk.refusal(house.admin, "alias.write", name, key="one") == "invalid-request"
    assert desk.refusal(house.admin, "alias.delete", name) == "not-found"
    assert uses(desk, house, f"alias:{name}") == "not-found"
    assert desk.ask(house.admin, "alias.list").aliases == []


def test_an_alias_names_a_key_and_not_another_alias(desk, house):
    point(desk, house, "one")
    code = desk.refusal(house.admin, "alias.write", "second", key="alias:current")
    assert code == "invalid-request"
    assert desk.refusal(house.admin, "key.create", name="alias:current") == "invalid-request"


def test_a_page_of_aliases_leads_on_over_those_that_were_deleted(desk, house):
    names = [f"n{number:02}" for number in range(12)]
    for name in names:
        point(desk, house, "one", name)
    for name in names[::3]:
        desk.ask(house.admin, "alias.delete", name)
    found, token, pages = [], "", 0
    while pages == 0 or token:
        page = desk.ask(house.admin, "alias.list", limit=5, page_token=token)
        found += [alias.name for alias in page.aliases]
        token, pages = page.next_page_token, pages + 1
    assert found == [name for name in names if name not in names[::3]]
    assert pages == 3


# --- every operation that takes a key -------------------------------------------------------------

# What each is asked, of a key of what kind. "blob" and the like: what was made before, with it.
_SYMMETRIC = {"algorithm": "aes-256-gcm"}
_SIGNER, _MAKER = {"algorithm": "ed25519"}, {"algorithm": "hmac-sha256"}
_CAPSULE, _WRAPPER = {"algorithm": "ml-kem-768"}, {"algorithm": "aes-256-kw"}
_AGREEMENT = {"algorithm": "x25519", "purpose": "agree"}
_BROUGHT = {"origin": "imported"}
_PUBLIC = bytes.fromhex(
    "302a300506032b656e032100de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f"
)
ASKED = {
    "key.read": (_SYMMETRIC, {}), "key.update": (_SYMMETRIC, {"description": "x"}),
    "key.rotate": (_SYMMETRIC, {}), "key.enable": (_SYMMETRIC, {}),
    "key.disable": (_SYMMETRIC, {}), "key.deactivate": (_SYMMETRIC, {}),
    "key.mark-compromised": (_SYMMETRIC, {}), "key.schedule-destruction": (_SYMMETRIC, {}),
    "key.backup": (_SYMMETRIC, {}), "key.read-usage": (_SYMMETRIC, {}),
    "key.read-policy": (_SYMMETRIC, {}), "key.write-policy": (_SYMMETRIC, {"policy": ""}),
    "grant.create": (_SYMMETRIC, {"grantee": "app", "operations": ["Decrypt"]}),
    "grant.list": (_SYMMETRIC, {}),
    "key.import-parameters": (_BROUGHT, {"wrapping_key": "rsa-2048"}),
    "key.encrypt": (_SYMMETRIC, {"plaintext": b"x"}),
    "key.generate-data-key": (_SYMMETRIC, {}),
    "key.generate-data-key-pair": (_SYMMETRIC, {"algorithm": "ed25519"}),
    "key.sign": (_SIGNER, {"message": b"m"}),
    "key.verify": (_SIGNER, {"message": b"m", "signature": b"x"}),
    "key.read-public-key": (_SIGNER, {}),
    "key.mac": (_MAKER, {"message": b"m"}),
    "key.verify-mac": (_MAKER, {"message": b"m", "tag": bytes(32)}),
    "key.encapsulate": (_CAPSULE, {}), "key.wrap": (_WRAPPER, {"material": bytes(16)}),
    "key.agree": (_AGREEMENT, {"public_key": _PUBLIC}),
}  # fmt: skip
# Those whose asks need what is not at hand here: they are refused for that, and of the right key.
REFUSED = {
    "key.decrypt": (_SYMMETRIC, {"ciphertext": b"x"}, "invalid-ciphertext"),
    "key.re-encrypt": (_SYMMETRIC, {"ciphertext": b"x"}, "invalid-ciphertext"),
    "key.decapsulate": (_CAPSULE, {"ciphertext": b"x"}, "invalid-ciphertext"),
    "key.unwrap": (_WRAPPER, {"wrapped": b"x"}, "invalid-ciphertext"),
    "grant.retire": (_SYMMETRIC, {"grant": "0" * 64}, "not-found"),
    "grant.revoke": (_SYMMETRIC, {"grant": "0" * 64}, "not-found"),
    "key.cancel-destruction": (_SYMMETRIC, {}, "key-not-usable"),
    "key.replicate": (_SYMMETRIC, {"region": "eu-west-1"}, "key-not-usable"),
    "key.export": (_SYMMETRIC, {"public_key": _PUBLIC}, "not-allowed"),
    "key.import": (
        _BROUGHT, {"import_token": "0" * 32, "wrapped_material": b"x"}, "invalid-request",
    ),
    "key.delete-imported-material": (_BROUGHT, {}, "key-not-usable"),
}  # fmt: skip
# These name a new key, or their target is an alias already.
NAMELESS = {"key.create", "key.restore", "alias.write", "alias.delete"}


def test_every_operation_that_takes_a_key_is_tried():
    takes = {name for name, row in OPERATIONS.items() if row.resource is Resource.KEY}
    assert takes == ASKED.keys() | REFUSED.keys() | NAMELESS


@pytest.mark.parametrize("operation", [*ASKED, *REFUSED])
def test_an_alias_stands_wherever_a_key_does(desk, house, operation):
    made, fields, *code = (ASKED | REFUSED)[operation]
    desk.ask(house.admin, "key.create", name="thing", **made)
    point(desk, house, "thing", LONGEST)
    token = house.admin  # in development it may use keys, too
    _, reply = desk.reply(token, operation, f"alias:{LONGEST}", **fields)
    assert [reply.code] == (code or [""]), reply.detail
    entry = entries(house)[-1]
    assert (entry["action"], entry["object"]) == (operation, "key/thing")
    _, reply = desk.reply(token, operation, "alias:nothing", **fields)
    assert reply.code == ("not-allowed" if operation == "key.export" else "not-found")
