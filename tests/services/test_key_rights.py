"""What is kept with a key binds whoever comes, by whichever operation, field or desk."""

import asyncio
import json

import pytest

from strongroom.adapters.direct_ledger import DirectLedger
from strongroom.domain import limits
from strongroom.domain.accounts import account_of
from strongroom.domain.records import Kind
from strongroom.services.facts import grant_name
from tests.support.desks import House, at_once

STATEMENT = {"Effect": "Allow", "Principal": "*", "Action": "kms:*", "Resource": "*"}


@pytest.fixture
def house(tmp_path):
    made = House(tmp_path / "store.db")
    yield made
    made.store.close()


@pytest.fixture
def desk(house):
    return house.desk()


@pytest.fixture
def bob(house, desk):
    """The token of one without any role."""
    return newcomer(house, desk, "bob")


def newcomer(house, desk, name):
    desk.ask(house.admin, "principal.create", name=name, roles=[])
    return desk.ask(house.admin, "token.create", principal=name).token


def user(house, name):
    return {"AWS": f"arn:aws:iam::{account_of(house.first)}:user/{name}"}


def write(house, desk, key, *statements):
    """A policy by which everybody may do everything, but for that."""
    text = json.dumps({"Version": "2012-10-17", "Statement": [*statements, STATEMENT]})
    desk.ask(house.admin, "key.write-policy", key, policy=text)


def deny(action, **condition):
    found = {key.replace("__", ":").replace("_", "/"): value for key, value in condition.items()}
    held = {"Condition": {"StringEquals": found}} if found else {}
    return STATEMENT | {"Effect": "Deny", "Action": action} | held


@pytest.mark.parametrize(
    ("operations", "operation", "fields"),
    [
        (["DescribeKey", "Encrypt"], "key.encrypt", {"plaintext": b"x"}),
        (["Encrypt"], "key.encrypt", {"plaintext": b"x"}),
        (["DescribeKey", "Encrypt"], "key.read", {}),
        (
            ["CreateGrant", "DescribeKey", "Encrypt"],
            "grant.create",
            {"grantee": "app", "operations": ["Encrypt"]},
        ),
    ],
)
def test_a_grant_that_ended_elsewhere_is_of_no_more_use(
    house, desk, bob, operations, operation, fields
):
    """By a custodian that has not heard of it, whichever part of the grant it rests on."""
    grant = desk.ask(house.admin, "grant.create", "demo", grantee="bob", operations=operations)
    other = house.desk()
    other.ask(bob, operation, "demo", **fields)
    desk.ask(house.admin, "grant.revoke", "demo", grant=grant.id)
    assert other.refusal(bob, operation, "demo", **fields) == "not-allowed"


@pytest.mark.parametrize("refused_before", [False, True])
def test_a_grant_that_was_made_elsewhere_is_of_use_at_once(house, desk, bob, refused_before):
    """By a custodian that knew the key's grants, and has not heard of a further one."""

    def refused(at, context):
        return at.refusal(bob, "key.encrypt", "demo", plaintext=b"x", context={"for": context})

    def grant(context):
        fields = {"grantee": "bob", "operations": ["Encrypt"], "context_equals": {"for": context}}
        return desk.ask(house.admin, "grant.create", "demo", **fields)

    grant("a")
    other = house.desk()
    assert not refused(other, "a")
    if refused_before:
        assert refused(other, "b") == "not-allowed"
    grant("b")
    assert not refused(other, "b")
    assert refused(other, "c") == "not-allowed"


class Slow(DirectLedger):
    """One whose answers take a while, so that others are asked meanwhile."""

    async def page(self, *asked):
        found = await super().page(*asked)
        await asyncio.sleep(0)
        return found

    async def commit(self, commit):
        await asyncio.sleep(0)
        return await super().commit(commit)


def by_eight(house, grants):
    """The codes of what eight custodians were asked at once to grant."""
    desks = [house.desk(ledger=Slow(house.store)) for _ in range(8)]

    async def story():
        asked = (
            desks[number % 8].replied(house.admin, "grant.create", "demo", **fields)
            for number, fields in enumerate(grants)
        )
        return [reply.code for _, reply in await asyncio.gather(*asked)]

    return at_once(story())


def grants_of(house, desk):
    return desk.ask(house.admin, "grant.list", "demo", grantee="bob", limit=1_000).grants


@pytest.mark.usefixtures("bob")
def test_a_principal_gets_as_many_grants_as_there_are_places_however_many_are_made_at_once(
    house, desk
):
    most = limits.GRANTS_PER_GRANTEE_MAX
    granted = {"grantee": "bob", "operations": ["Encrypt"]}
    for _ in range(most - 5):
        desk.ask(house.admin, "grant.create", "demo", **granted)
    codes = by_eight(house, [granted] * 16)
    assert sorted(codes) == [""] * 5 + ["invalid-request"] * 11
    found = grants_of(house, desk)
    assert len(found) == most
    # One that ends makes room for one.
    desk.ask(house.admin, "grant.revoke", "demo", grant=found[7].id)
    assert sorted(by_eight(house, [granted] * 8)) == [""] + ["invalid-request"] * 7
    assert len(grants_of(house, desk)) == most


@pytest.mark.usefixtures("bob")
def test_grants_of_one_name_made_at_once_are_one(house, desk):
    granted = {"grantee": "bob", "operations": ["Encrypt"]}
    assert by_eight(house, [{**granted, "name": f"n{n % 3}"} for n in range(24)]) == [""] * 24
    assert sorted(grant.name for grant in grants_of(house, desk)) == ["n0", "n1", "n2"]


@pytest.mark.usefixtures("bob")
def test_grants_of_before_there_were_places_count(house, desk, monkeypatch):
    most = limits.GRANTS_PER_GRANTEE_MAX
    granted = {"grantee": "bob", "operations": ["Encrypt"]}
    with monkeypatch.context() as before:
        before.setattr(
            "strongroom.services.grants.Grants._place",
            lambda self, key, body, there: grant_name(key.id, body.grantee) + f"{len(there):032x}",
        )
        for _ in range(40):
            desk.ask(house.admin, "grant.create", "demo", **granted)
    old = grants_of(house, desk)
    for _ in range(most - 43):
        desk.ask(house.admin, "grant.create", "demo", **granted)
    assert sorted(by_eight(house, [granted] * 8)) == [""] * 3 + ["invalid-request"] * 5
    for grant in old[:3]:
        desk.ask(house.admin, "grant.revoke", "demo", grant=grant.id)
    assert sorted(by_eight(house, [granted] * 8)) == [""] * 3 + ["invalid-request"] * 5
    records = house.store.page(Kind.GRANT, house.first, "", 1_000)
    assert len(grants_of(house, desk)) == len(records) == most


def test_labels_that_are_added_or_taken_off_are_what_conditions_look_at(house, desk):
    write(
        house, desk, "demo",
        deny("kms:TagResource", aws__RequestTag_team="secret"),
        {**deny("kms:*TagResource"), "Condition": {
            "ForAnyValue:StringEquals": {"aws:TagKeys": ["owner"]}
        }},
    )  # fmt: skip

    def refused(**fields):
        return desk.refusal(house.admin, "key.update", "demo", **fields)

    for field in ("labels", "add_labels"):
        assert refused(**{field: {"team": "secret"}}) == "not-allowed"
        assert refused(**{field: {"owner": "x"}}) == "not-allowed"
        assert not refused(**{field: {"team": "pay"}})
    assert refused(remove_labels=["owner"]) == "not-allowed"
    assert not refused(remove_labels=["team"])


def test_a_scheme_that_nobody_names_is_the_keys_default_for_conditions(house, desk):
    desk.ask(house.admin, "key.create", name="signer", algorithm="ec-p256")
    write(house, desk, "signer", deny("kms:Sign", kms__SigningAlgorithm="ECDSA_SHA_256"))
    for given in ({}, {"scheme": "ecdsa-sha256"}):
        assert desk.refusal(house.app, "key.sign", "signer", message=b"m", **given) == "not-allowed"


def test_that_no_caller_is_a_service_can_be_asked_for(house, desk):
    for name in ("aws__PrincipalIsAWSService", "aws__ViaAWSService"):
        write(house, desk, "demo", deny("kms:Encrypt", **{name: "false"}))
        assert desk.refusal(house.app, "key.encrypt", "demo", plaintext=b"x") == "not-allowed"


def test_the_right_to_use_a_compromised_key_is_the_keys_own_to_deny(house, desk):
    made = desk.ask(house.app, "key.encrypt", "demo", plaintext=b"x").ciphertext
    write(house, desk, "demo")
    desk.ask(house.admin, "key.mark-compromised", "demo")
    assert desk.ask(house.app, "key.decrypt", "demo", ciphertext=made).plaintext == b"x"
    write(house, desk, "demo", deny("kms:strongroom.key.use-compromised"))
    assert desk.refusal(house.app, "key.decrypt", "demo", ciphertext=made) == "not-allowed"


def test_an_alias_that_may_not_be_made_is_not_made_by_writing_it(house, desk):
    desk.ask(house.admin, "alias.write", "there", key="demo")
    write(house, desk, "demo", deny("kms:CreateAlias"))
    for name, given in (("a", {}), ("a", {"new": True}), ("there", {})):
        refused = desk.refusal(house.admin, "alias.write", name, key="demo", **given)
        assert refused == "not-allowed"
    assert not desk.refusal(house.admin, "alias.write", "there", key="demo", existing=True)


def test_a_keys_policy_alone_gives_no_alias(house, desk, bob):
    """An alias is the namespace's: who could take one could stand in another key's place."""
    desk.ask(house.admin, "alias.write", "there", key="demo")
    write(house, desk, "demo")  # everybody may do everything
    asks = (("alias.write", "new", {"key": "demo"}), ("alias.write", "there", {"key": "demo"}),
            ("alias.delete", "there", {}))  # fmt: skip

    def explained():
        ask = {"principal": "bob", "action": "alias.write", "key": "demo"}
        return desk.ask(house.admin, "authorize.explain", **ask)

    for operation, name, fields in asks:
        assert desk.refusal(bob, operation, name, **fields) == "not-allowed", operation
    assert not explained().allowed
    assert "alias.write" in explained().missing
    actions = 'Action::"alias.write", Action::"alias.delete"'
    text = f'permit (principal == Principal::"bob", action in [{actions}], resource);'
    desk.ask(house.admin, "policy.write", "aliases", text=text)
    assert explained().allowed
    write(house, desk, "demo", deny("kms:*Alias"))
    for operation, name, fields in asks:
        assert desk.refusal(bob, operation, name, **fields) == "not-allowed"
    write(house, desk, "demo")
    for operation, name, fields in asks:
        assert not desk.refusal(bob, operation, name, **fields)


@pytest.mark.parametrize("action", ["key.generate-data-key", "key.generate-data-key-pair"])
def test_what_is_explained_is_what_is_done(house, desk, bob, action):
    allowed = {**STATEMENT, "Principal": user(house, "bob"), "Action": "kms:GenerateDataKey*"}
    closed = {**STATEMENT, "Principal": user(house, "admin")}
    text = json.dumps({"Version": "2012-10-17", "Statement": [allowed, closed]})
    desk.ask(house.admin, "key.write-policy", "demo", policy=text)

    def explained(who):
        ask = {"principal": who, "action": action, "key": "demo"}
        return desk.ask(house.admin, "authorize.explain", **ask).allowed

    given = {"algorithm": "ed25519"} if action.endswith("pair") else {}
    assert explained("bob")
    assert not desk.refusal(bob, action, "demo", **given)
    assert not explained("app")
    assert desk.refusal(house.app, action, "demo", **given) == "not-allowed"


def test_a_key_whose_policy_was_another_accounts_is_closed_and_can_be_opened(house, desk, tmp_path):
    """A backup comes back in another deployment of the same root key."""
    write(house, desk, "demo", {**STATEMENT, "Principal": user(house, "admin")})
    blob = desk.ask(house.admin, "key.backup", "demo").backup
    there = House(tmp_path / "there.db", root=house.root, dev=False)
    other = there.desk()
    nobody = newcomer(there, other, "bob")
    other.ask(there.admin, "key.restore", backup=blob)
    assert other.refusal(there.admin, "key.read", "demo") == "not-allowed"
    assert other.refusal(nobody, "key.write-policy", "demo", policy="") == "not-allowed"
    other.ask(there.admin, "key.write-policy", "demo", policy="")
    assert not other.refusal(there.admin, "key.read", "demo")
    there.store.close()


# --- other accounts -------------------------------------------------------------------------------


@pytest.fixture
def abroad(house, desk):
    """The tokens of an administrator and of a bob in another namespace, and its account."""
    admin = desk.ask(house.admin, "namespace.create", name="abroad").token
    desk.ask(admin, "principal.create", name="bob", roles=["key-user"])
    token = desk.ask(admin, "token.create", principal="bob").token
    return admin, token, desk.ask(admin, "identity.read").account


def test_a_key_is_of_no_use_to_another_namespace_that_its_policy_names(house, desk, bob, abroad):
    """Nor to a namesake here of whom is named there."""
    admin, theirs, number = abroad
    key = desk.ask(house.admin, "key.read", "demo").id
    arns = [
        number,
        *(f"arn:aws:iam::{number}:{who}" for who in ("root", "user/bob", "role/key-user")),
    ]
    named = STATEMENT | {"Principal": {"AWS": arns}}
    mine = STATEMENT | {"Principal": user(house, "admin")}
    text = json.dumps({"Version": "2012-10-17", "Statement": [named, mine]})
    desk.ask(house.admin, "key.write-policy", "demo", policy=text)
    desk.ask(house.admin, "key.encrypt", "demo", plaintext=b"x")
    for token, expected in ((bob, "not-allowed"), (house.app, "not-allowed"),
                            (theirs, "not-found"), (admin, "not-allowed")):  # fmt: skip
        for name in ("demo", f"id:{key}"):
            assert desk.refusal(token, "key.encrypt", name, plaintext=b"x") == expected


def test_who_is_denied_to_all_but_another_account_is_denied_to_all(house, desk, abroad):
    *_, number = abroad
    other = {"AWS": [f"arn:aws:iam::{number}:user/app", number]}
    denied = {"Effect": "Deny", "NotPrincipal": other, "Action": "kms:Encrypt", "Resource": "*"}
    mine = STATEMENT | {"Principal": {"AWS": f"arn:aws:iam::{account_of(house.first)}:root"}}

    def refused(*statements):
        text = json.dumps({"Version": "2012-10-17", "Statement": [*statements]})
        return desk.refusal(house.admin, "key.write-policy", "demo", policy=text)

    assert refused(STATEMENT, denied) == "invalid-request"  # it names nobody of here
    assert refused(STATEMENT, mine, denied | {"Action": "kms:*"}) == "invalid-request"  # locked out
    assert not refused(STATEMENT, mine, denied)
    for token in (house.app, house.admin):
        assert desk.refusal(token, "key.encrypt", "demo", plaintext=b"x") == "not-allowed"
    assert not desk.refusal(house.admin, "key.read", "demo")


def test_no_grant_is_made_for_another_account(house, desk, abroad):
    *_, number = abroad
    for name in (number, f"arn:aws:iam::{number}:user/bob"):
        given = {"grantee": name, "operations": ["Encrypt"]}
        assert desk.refusal(house.admin, "grant.create", "demo", **given) == "invalid-request"
