"""Namespaces that stand for Regions of one account: who signs for which acts where, and as whom."""

import pytest

from strongroom.domain import sigv4
from strongroom.domain.records import Kind
from tests.services.test_access_keys import signed
from tests.services.test_private_sources import Between
from tests.support.desks import House
from tests.support.regions import AP, EU, US, entries, founded


@pytest.fixture
def house(tmp_path):
    return House(tmp_path / "store.db")


@pytest.fixture
def desk(house):
    return house.desk()


@pytest.fixture
def account(desk, house):
    return founded(desk, house.admin)


def principal(desk, token, name, *roles):
    desk.ask(token, "principal.create", name=name, roles=list(roles or ["key-user"]))


def access_key(desk, token, name="admin"):
    return desk.ask(token, "token.create-access-key", principal=name)


def who(desk, made, region):
    return desk.ask(signed(made, region=region), "identity.read")


def nobody(desk, made, region):
    """Whether that signature proves nothing, in the words for an access key that is not known."""
    _, reply = desk.reply(signed(made, region=region), "identity.read")
    return (reply.code, reply.detail) == ("unauthenticated", sigv4.UNKNOWN_KEY)


def test_one_account_has_one_number_and_each_region_its_namespace(desk, house, account):
    made = access_key(desk, account[US])
    found = [who(desk, made, region) for region in (EU, US, AP)]
    assert [one.namespace for one in found] == ["eu", "us", "ap"]
    assert len({one.account for one in found}) == 1
    page = desk.ask(house.admin, "namespace.list").namespaces
    numbers = {view.name: (view.account, view.region) for view in page}
    assert {numbers[name] for name in ("eu", "us", "ap")} == {
        (found[0].account, region) for region in (EU, US, AP)
    }
    assert numbers["default"][1] == ""
    assert numbers["default"][0] != found[0].account
    assert desk.ask(account[AP], "namespace.read").region == AP


def test_a_namespace_without_a_region_answers_in_all_of_them_as_itself(desk, house, account):
    made = access_key(desk, house.admin, "app")
    assert {who(desk, made, region).namespace for region in (EU, "mars-north-1")} == {"default"}


def test_there_is_no_way_into_a_region_for_which_nobody_stands(desk, account):
    made = access_key(desk, account[EU])
    assert nobody(desk, made, "eu-west-2")
    assert desk.refusal(signed(made, region=""), "identity.read") == "unauthenticated"


def test_another_accounts_region_is_never_entered(desk, house, account):
    other = desk.ask(house.admin, "namespace.create", name="other", region="sa-east-1").token
    assert nobody(desk, access_key(desk, other), EU)
    assert nobody(desk, access_key(desk, account[EU]), "sa-east-1")


def test_who_signs_for_another_region_has_the_rights_of_the_namesake_there(desk, account):
    principal(desk, account[EU], "app")
    made = access_key(desk, account[EU], "app")
    assert nobody(desk, made, US)
    principal(desk, account[US], "app", "auditor")
    assert who(desk, made, US).roles == ["auditor"]
    desk.ask(account[US], "key.create", name="theirs")
    assert (
        desk.refusal(signed(made, region=US), "key.encrypt", "theirs", plaintext=b"x")
        == "not-allowed"
    )
    desk.ask(account[US], "principal.update", "app", roles=["key-user"])
    assert desk.ask(signed(made, region=US), "key.encrypt", "theirs", plaintext=b"x").key_version
    desk.ask(account[EU], "key.create", name="ours")
    assert (
        desk.refusal(signed(made, region=US), "key.encrypt", "ours", plaintext=b"x") == "not-found"
    )


def test_who_is_disabled_there_or_here_is_nobody_there(desk, account):
    for region in (EU, US):
        principal(desk, account[region], "app")
    made = access_key(desk, account[EU], "app")
    assert who(desk, made, US).namespace == "us"
    desk.ask(account[US], "principal.update", "app", disabled=True)
    assert nobody(desk, made, US)
    assert who(desk, made, EU).namespace == "eu"
    desk.ask(account[US], "principal.update", "app", disabled=False)
    assert who(desk, made, US).namespace == "us"
    desk.ask(account[EU], "principal.update", "app", disabled=True)
    assert desk.refusal(signed(made, region=US), "identity.read") == "unauthenticated"
    assert desk.refusal(signed(made, region=EU), "identity.read") == "unauthenticated"


def test_a_revoked_access_key_opens_no_region(desk, account):
    made = access_key(desk, account[EU])
    assert who(desk, made, AP).namespace == "ap"
    desk.ask(account[EU], "token.revoke", made.id)
    assert desk.refusal(signed(made, region=AP), "identity.read") == "unauthenticated"


def test_the_entry_is_in_the_trail_of_the_namespace_acted_on(desk, house, account):
    made = access_key(desk, account[EU])
    who(desk, made, US)
    nobody(desk, made, "eu-west-2")
    *_, done, refused = entries(house)
    assert (done["namespace"], done["principal"], done["token"]) == ("us", "admin", made.id)
    assert (refused["namespace"], refused["outcome"]) == ("eu", "refused")
    assert "principal" not in refused


def test_no_two_stand_for_one_region_and_none_beside_one_that_stands_for_all(desk, house, account):
    def refused(**ask):
        return desk.refusal(house.admin, "namespace.create", **ask)

    assert refused(name="eu2", region=EU, account_of="ap") == "already-exists"
    assert refused(name="eu2", region=EU, account_of="default") == "invalid-request"
    assert refused(name="eu2", account_of="eu") == "invalid-request"
    assert refused(name="eu2", region="EU", account_of="eu") == "invalid-request"
    assert refused(name="eu2", region=EU, account_of="nobody") == "not-found"
    assert desk.refusal(account[EU], "namespace.create", name="eu2", region=EU) == "not-allowed"
    assert house.store.find(Kind.NAMESPACE, b"", "eu2") is None


def test_of_two_at_once_one_is_refused(house, account):
    """The second is founded between the look of the first and its commit."""
    ledger, other = Between(house.store), house.desk()
    ask = {"region": "eu-north-1", "account_of": "eu"}

    async def then():
        _, reply = await other.replied(house.admin, "namespace.create", name="b", **ask)
        assert not reply.code

    desk = house.desk(ledger=ledger)
    ledger.then = then
    assert desk.refusal(house.admin, "namespace.create", name="a", **ask) == "already-exists"
    assert house.store.find(Kind.NAMESPACE, b"", "a") is None
    assert house.store.find(Kind.NAMESPACE, b"", "b") is not None
