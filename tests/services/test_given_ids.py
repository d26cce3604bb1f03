"""Who makes a key may say which id it has, in development mode and nowhere else."""

import pytest

from tests.support.desks import House

ID = "1234abcd12ab34cd56ef1234567890ab"


@pytest.fixture
def house(tmp_path):
    return House(tmp_path / "store.db")


def test_elsewhere_a_key_is_given_its_id(house):
    desk = house.desk()
    assert desk.refusal(house.admin, "key.create", name="k", id=ID) == "invalid-request"
    assert desk.refusal(house.admin, "key.read", "k") == "not-found"


def test_in_development_mode_it_has_the_id_that_was_said(house):
    desk = house.desk(ids_given=True)
    made = desk.ask(house.admin, "key.create", name="k", id=ID)
    assert made.id == ID
    assert (
        desk.ask(house.app, "key.encrypt", f"id:{ID}", plaintext=b"x").ciphertext[1:17].hex() == ID
    )
    assert desk.ask(house.admin, "key.create", name="l").id != ID


def test_no_two_keys_have_one_id_in_whatever_namespace(house):
    desk = house.desk(ids_given=True)
    desk.ask(house.admin, "key.create", name="k", id=ID)
    other = desk.ask(house.admin, "namespace.create", name="other").token
    for who in (house.admin, other):
        assert desk.refusal(who, "key.create", name="another", id=ID) == "already-exists"
        assert desk.refusal(who, "key.read", "another") == "not-found"


@pytest.mark.parametrize("text", ["1234", ID.upper(), ID + "\n", ID + "00", "g" * 32])
def test_what_is_no_id_is_refused(house, text):
    desk = house.desk(ids_given=True)
    assert desk.refusal(house.admin, "key.create", name="k", id=text) == "invalid-request"
