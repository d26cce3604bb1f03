"""What the conditions of a key's policy look at, by every desk, from the moment that it is so."""

import json

import pytest

from strongroom.adapters.direct_ledger import DirectLedger
from strongroom.domain.records import Kind
from strongroom.domain.times import DAY_US
from tests.services.test_multi_region import World
from tests.support.desks import House
from tests.support.regions import EU, US, founded

ALL = {"Effect": "Allow", "Principal": "*", "Action": "kms:*", "Resource": "*"}
NOT_ALLOWED = "not-allowed"


class CountingLedger(DirectLedger):
    """Counts how often aliases were listed."""

    def __init__(self, store):
        super().__init__(store)
        self.lists = 0

    async def page(self, kind, namespace, after, limit):
        self.lists += kind is Kind.ALIAS
        return await super().page(kind, namespace, after, limit)


@pytest.fixture
def house(tmp_path):
    made = House(tmp_path / "store.db")
    made.store._db.execute("PRAGMA synchronous = OFF")  # a power cut is not the subject
    yield made
    made.store.close()


@pytest.fixture
def desk(house):
    return house.desk()


def write(house, desk, key, *statements, **more):
    """A policy by which everybody may do everything, but for that."""
    text = json.dumps({"Version": "2012-10-17", "Statement": [*statements, ALL], **more})
    desk.ask(house.admin, "key.write-policy", key, policy=text)


def deny(action, operator, key, value):
    return ALL | {"Effect": "Deny", "Action": action, "Condition": {operator: {key: value}}}


def point(house, desk, key, name="secret-a", **more):
    return desk.ask(house.admin, "alias.write", name, key=key, **more)


# --- kms:ResourceAliases --------------------------------------------------------------------------


@pytest.fixture
def guarded(house, desk):
    """A key that nobody encrypts with while an alias of it is called secret-something."""
    write(
        house, desk, "demo",
        deny("kms:Encrypt", "ForAnyValue:StringLike", "kms:ResourceAliases", "alias/secret-*"),
    )  # fmt: skip
    desk.ask(house.admin, "key.create", name="other")
    return "demo"


def test_an_alias_that_was_made_moved_or_deleted_elsewhere_is_so_here_at_once(house, desk, guarded):
    """By a custodian that knew the aliases, and has not heard of any change."""
    warm = house.desk()

    def refused(at):
        return at.refusal(house.app, "key.encrypt", guarded, plaintext=b"x")

    assert not refused(warm)
    for key, expected in (("demo", NOT_ALLOWED), ("other", ""), ("demo", NOT_ALLOWED)):
        point(house, desk, key)
        assert refused(warm) == refused(desk) == expected
    point(house, desk, "demo", "secret-b")
    desk.ask(house.admin, "alias.delete", "secret-a")
    assert refused(warm) == refused(desk) == NOT_ALLOWED
    desk.ask(house.admin, "alias.delete", "secret-b")
    assert not refused(warm)
    assert not refused(desk)
    point(house, warm, "demo", "plain")
    assert not refused(desk)


def test_what_an_alias_allows_is_allowed_elsewhere_at_once_too(house, desk):
    admin = ALL | {"Principal": "*", "NotAction": "kms:Encrypt"}
    del admin["Action"]
    open_ = ALL | {"Action": "kms:Encrypt", "Condition": {
        "ForAnyValue:StringLike": {"kms:ResourceAliases": "alias/team-?"}
    }}  # fmt: skip
    text = json.dumps({"Version": "2012-10-17", "Statement": [admin, open_]})
    desk.ask(house.admin, "key.write-policy", "demo", policy=text)
    desk.ask(house.admin, "key.create", name="other")
    warm = house.desk()
    assert warm.refusal(house.app, "key.encrypt", "demo", plaintext=b"x") == NOT_ALLOWED
    for name, expected in (("team-", NOT_ALLOWED), ("team-aa", NOT_ALLOWED), ("team-a", "")):
        if name != "team-":
            point(house, desk, "demo", name)
        assert warm.refusal(house.app, "key.encrypt", "demo", plaintext=b"x") == expected
    point(house, desk, "other", "team-a")
    assert warm.refusal(house.app, "key.encrypt", "demo", plaintext=b"x") == NOT_ALLOWED


def test_aliases_are_as_they_are_spelt_and_of_each_key_its_own(house, desk, guarded):
    point(house, desk, guarded, "aws-1", spelt="secret-/X_1")
    assert desk.refusal(house.app, "key.encrypt", guarded, plaintext=b"x") == NOT_ALLOWED
    write(house, desk, "other", deny("kms:Encrypt", "Null", "kms:ResourceAliases", "false"))
    assert not desk.refusal(house.app, "key.encrypt", "other", plaintext=b"x")


def test_more_aliases_than_a_page_has_are_all_looked_at(house, desk, guarded, monkeypatch):
    monkeypatch.setattr("strongroom.domain.limits.PAGE_ITEMS_MAX", 3)
    for number in range(7):
        point(house, desk, "other", f"a{number}")
    point(house, desk, guarded, "secret-z")
    cold = house.desk()
    assert cold.refusal(house.app, "key.encrypt", guarded, plaintext=b"x") == NOT_ALLOWED


def test_aliases_are_read_where_a_policy_looks_at_them_and_once(house, desk, guarded):
    ledger = CountingLedger(house.store)
    counting = house.desk(ledger=ledger)
    write(house, counting, "other", deny("kms:Sign", "StringLike", "aws:username", "x?"))
    for _ in range(3):
        assert not counting.refusal(house.app, "key.encrypt", "other", plaintext=b"x")
    assert ledger.lists == 0
    for _ in range(3):
        assert not counting.refusal(house.app, "key.encrypt", guarded, plaintext=b"x")
    assert ledger.lists == 1


# --- how it comes ---------------------------------------------------------------------------------


def test_what_comes_without_tls_can_be_denied(house, desk):
    """Where nobody says that it comes by TLS, it does not."""
    write(house, desk, "demo", deny("kms:Encrypt", "Bool", "aws:SecureTransport", "false"))
    for tls, expected in ((True, ""), (False, NOT_ALLOWED)):
        at = house.desk(tls=tls)
        assert at.refusal(house.app, "key.encrypt", "demo", plaintext=b"x") == expected
        asked = {"principal": "app", "action": "key.encrypt", "key": "demo"}
        assert at.ask(house.admin, "authorize.explain", **asked).allowed is tls
    assert desk.refusal(house.app, "key.encrypt", "demo", plaintext=b"x") == NOT_ALLOWED


# --- what is asked for ----------------------------------------------------------------------------


def test_messages_and_digests_are_told_apart_and_not_signed_in_one_batch(house, desk):
    desk.ask(house.admin, "key.create", name="signer", algorithm="ec-p256")
    write(house, desk, "signer", deny("kms:Sign", "StringEquals", "kms:MessageType", "RAW"))

    def refused(**fields):
        return desk.refusal(house.app, "key.sign", "signer", **fields)

    message, of_digest = {"message": b"m"}, {"digest": bytes(32)}
    assert refused(**message) == refused(items=[message, message]) == NOT_ALLOWED
    assert not refused(**of_digest)
    assert not refused(items=[of_digest])
    assert refused(items=[of_digest, message]) == NOT_ALLOWED


def test_an_external_mu_has_its_type_and_the_algorithm(house, desk):
    desk.ask(house.admin, "key.create", name="signer", algorithm="ml-dsa-44")
    mu = {"digest": bytes(64), "scheme": "ml-dsa-mu"}
    for key, value in (("MessageType", "EXTERNAL_MU"), ("SigningAlgorithm", "ML_DSA_SHAKE_256")):
        write(house, desk, "signer", deny("kms:Sign", "StringEquals", f"kms:{key}", value))
        assert desk.refusal(house.app, "key.sign", "signer", **mu) == NOT_ALLOWED
    write(house, desk, "signer", deny("kms:Sign", "StringEquals", "kms:MessageType", "DIGEST"))
    assert not desk.refusal(house.app, "key.sign", "signer", **mu)


@pytest.mark.parametrize(
    ("algorithm", "purpose", "operation", "fields", "condition"),
    [
        ("hmac-sha256", {}, "key.mac", {"message": b"m"}, ("kms:MacAlgorithm", "HMAC_SHA_256")),
        ("ec-p256", {"purpose": "agree"}, "key.agree", {"public_key": b"x"},
         ("kms:KeyAgreementAlgorithm", "ECDH")),
        ("hmac-sha256", {}, "key.mac", {"message": b"m"},
         ("kms:CustomerMasterKeySpec", "HMAC_256")),
        ("hmac-sha256", {}, "key.mac", {"message": b"m"},
         ("kms:CustomerMasterKeyUsage", "GENERATE_VERIFY_MAC")),
    ],
)  # fmt: skip
def test_what_a_key_is_used_for(house, desk, algorithm, purpose, operation, fields, condition):
    desk.ask(house.admin, "key.create", name="k", algorithm=algorithm, **purpose)
    used = ["kms:GenerateMac", "kms:DeriveSharedSecret"]
    write(house, desk, "k", deny(used, "StringEquals", *condition))
    assert desk.refusal(house.app, operation, "k", **fields) == NOT_ALLOWED
    write(house, desk, "k", deny(used, "StringEquals", condition[0], "another"))
    assert desk.refusal(house.app, operation, "k", **fields) != NOT_ALLOWED


@pytest.mark.parametrize("action", ["kms:ReEncryptFrom", "kms:ReEncryptTo"])
def test_re_encryption_within_a_key_is_told_from_that_between_keys(house, desk, action):
    desk.ask(house.admin, "key.create", name="other")
    point(house, desk, "demo", "same")
    blob = desk.ask(house.app, "key.encrypt", "demo", plaintext=b"x").ciphertext
    for key in ("demo", "other"):
        write(house, desk, key, deny(action, "Bool", "kms:ReEncryptOnSameKey", "false"))

    def refused(target, **more):
        return desk.refusal(house.admin, "key.re-encrypt", target, **more)

    assert not refused("demo", ciphertext=blob)
    assert not refused("alias:same", ciphertext=blob, source_key="demo")
    assert refused("other", ciphertext=blob) == NOT_ALLOWED
    assert refused("demo", items=[{"ciphertext": blob}]) == NOT_ALLOWED  # of what keys, who knows


def test_an_import_is_for_the_wrapping_that_was_asked_for(house, desk):
    desk.ask(house.admin, "key.create", name="mine", origin="imported")
    write(
        house, desk, "mine",
        deny("kms:GetParametersForImport", "StringLike", "kms:WrappingAlgorithm", "*SHA_1"),
        deny("kms:*", "StringEquals", "kms:WrappingKeySpec", "RSA_3072"),
    )  # fmt: skip

    def refused(**fields):
        return desk.refusal(house.admin, "key.import-parameters", "mine", **fields)

    assert refused(wrapping_key="rsa-2048") == NOT_ALLOWED  # for any: for that one, too
    assert refused(wrapping_key="rsa-2048", wrapping="rsa-oaep-sha1") == NOT_ALLOWED
    assert refused(wrapping_key="rsa-3072", wrapping="rsa-oaep-sha256") == NOT_ALLOWED
    found = desk.ask(
        house.admin, "key.import-parameters", "mine",
        wrapping_key="rsa-2048", wrapping="rsa-oaep-sha256",
    )  # fmt: skip
    given = {"import_token": found.import_token, "wrapped_material": bytes(256)}
    _, other = desk.reply(house.admin, "key.import", "mine", wrapping="rsa-oaep-sha1", **given)
    _, same = desk.reply(house.admin, "key.import", "mine", wrapping="rsa-oaep-sha256", **given)
    assert "token" in other.detail
    assert "token" not in same.detail


def test_until_when_material_is_imported(house, desk):
    desk.ask(house.admin, "key.create", name="mine", origin="imported")
    token = desk.ask(
        house.admin, "key.import-parameters", "mine", wrapping_key="rsa-2048"
    ).import_token

    def refused(expires, *conditions):
        write(house, desk, "mine", *(deny("kms:ImportKeyMaterial", *one) for one in conditions))
        given = {"import_token": token, "wrapped_material": bytes(256), "expires": expires}
        return desk.refusal(house.admin, "key.import", "mine", **given)

    late = ("DateGreaterThan", "kms:ValidTo", "2030-01-01")
    ever = ("StringEquals", "kms:ExpirationModel", "KEY_MATERIAL_DOES_NOT_EXPIRE")
    assert refused("2031-01-01T00:00:00Z", late) == NOT_ALLOWED
    assert refused("2029-01-01T00:00:00Z", late, ever) != NOT_ALLOWED
    assert refused("", late) != NOT_ALLOWED
    assert refused("", ever) == NOT_ALLOWED


def test_a_key_that_was_used_lately_is_neither_disabled_nor_destroyed(house, desk):
    house.lasting()
    write(
        house, desk, "demo",
        deny(["kms:DisableKey", "kms:ScheduleKeyDeletion"], "NumericLessThan",
             "kms:TrailingDaysWithoutKeyUsage", "30"),
    )  # fmt: skip

    def refused():
        found = {desk.refusal(house.admin, name, "demo") for name in ("key.disable",)}
        given = {"days": 7}
        found.add(desk.refusal(house.admin, "key.schedule-destruction", "demo", **given))
        desk.refusal(house.admin, "key.cancel-destruction", "demo")
        desk.refusal(house.admin, "key.enable", "demo")
        assert len(found) == 1
        return found.pop()

    assert refused() == NOT_ALLOWED  # it has just been made
    house.clock.now += 29 * DAY_US
    assert refused() == NOT_ALLOWED
    house.clock.now += DAY_US
    desk.ask(house.app, "key.encrypt", "demo", plaintext=b"x")
    assert refused() == NOT_ALLOWED
    house.clock.now += 30 * DAY_US - 1
    assert refused() == NOT_ALLOWED
    house.clock.now += 1
    assert not refused()
    house.clock.now += 800 * DAY_US
    assert not refused()


def test_a_replica_and_a_primary_are_told_apart(house, desk):
    world = World(house, desk, founded(desk, house.admin))
    text = json.dumps({"Version": "2012-10-17", "Statement": [
        ALL, deny("kms:Encrypt", "StringEquals", "kms:MultiRegionKeyType", "REPLICA")
    ]})  # fmt: skip
    world.key(US, policy=text)
    world.ask(US, "key.write-policy", "card", policy=text)

    def refused(region):
        return world.refusal(region, "key.encrypt", "card", plaintext=b"x")

    assert (refused(EU), refused(US)) == ("", NOT_ALLOWED)
    world.ask(EU, "key.update", "card", primary_region=US)
    assert (refused(EU), refused(US)) == (NOT_ALLOWED, "")


# --- labels ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "allowed",
    [{"StringEquals": {"aws:ResourceTag/team": "pay"}},
     {"StringEquals": {"kms:EncryptionContext:team": "${aws:ResourceTag/TEAM}"}},
     {"Null": {"aws:resourcetag/Team": "false"}}],
    ids=["condition", "variable", "null"],
)  # fmt: skip
def test_labels_that_are_one_condition_key_are_a_denial_where_a_policy_looks_at_it(
    house, desk, allowed
):
    """AWS says that it is one of them, and not which: neither order of writing them opens a key."""
    desk.ask(house.admin, "key.update", "demo", labels={"team": "pay", "cost": "1", "Cost": "2"})
    open_ = ALL | {"Action": "kms:Encrypt", "Condition": allowed}
    rest = {key: value for key, value in ALL.items() if key != "Action"}
    text = json.dumps({"Version": "2012-10-17", "Statement": [
        rest | {"NotAction": "kms:Encrypt"}, open_
    ]})  # fmt: skip
    desk.ask(house.admin, "key.write-policy", "demo", policy=text)

    def refused():
        given = {"plaintext": b"x", "context": {"team": "pay"}}
        return desk.refusal(house.app, "key.encrypt", "demo", **given)

    assert not refused()
    # Nobody closes the key by a tag, or by a policy that does not say so.
    for labels in ({"add_labels": {"Team": "risk"}}, {"labels": {"Team": "risk", "team": "pay"}}):
        assert desk.refusal(house.admin, "key.update", "demo", **labels) == NOT_ALLOWED
    assert not desk.refusal(house.admin, "key.update", "demo", labels={"Team": "pay"})
    desk.ask(house.admin, "key.update", "demo", add_labels={"team": "pay"}, remove_labels=["Team"])
    assert not refused()
    desk.ask(house.admin, "key.write-policy", "demo", policy="")
    desk.ask(house.admin, "key.update", "demo", add_labels={"Team": "risk"})
    given = {"policy": text}
    assert desk.refusal(house.admin, "key.write-policy", "demo", **given) == "invalid-request"
    desk.ask(house.admin, "key.write-policy", "demo", **given, bypass_lockout_check=True)
    assert refused() == NOT_ALLOWED
    # Whoever writes the namespace's policies can help, as out of any lock-out.
    desk.ask(house.admin, "key.write-policy", "demo", policy="")
    desk.ask(house.admin, "key.update", "demo", remove_labels=["Team"])
    desk.ask(house.admin, "key.write-policy", "demo", policy=text)
    assert not refused()


def test_labels_that_are_one_condition_key_are_not_given_where_a_policy_looks_at_it(house, desk):
    write(house, desk, "demo",
          deny("kms:TagResource", "StringEquals", "aws:RequestTag/team", "pay"))  # fmt: skip
    for labels, expected in (
        ({"team": "risk", "Team": "pay"}, NOT_ALLOWED),
        ({"Team": "pay", "team": "risk"}, NOT_ALLOWED),
        ({"team": "risk", "cost": "1", "Cost": "2"}, ""),
    ):  # fmt: skip
        assert desk.refusal(house.admin, "key.update", "demo", add_labels=labels) == expected


# --- variables ------------------------------------------------------------------------------------


def test_everybody_has_their_own_context_and_no_wildcard_opens_others(house, desk):
    allowed = ALL | {"Action": "kms:Encrypt", "Condition": {
        "StringLike": {"kms:EncryptionContext:path": "home/${aws:username}/*"},
        "StringEquals": {"kms:EncryptionContext:label": "${aws:ResourceTag/team}"},
    }}  # fmt: skip
    rest = {key: value for key, value in ALL.items() if key != "Action"}
    text = json.dumps({"Version": "2012-10-17", "Statement": [
        rest | {"NotAction": "kms:Encrypt"}, allowed
    ]})  # fmt: skip
    desk.ask(house.admin, "key.write-policy", "demo", policy=text)

    def refused(path, label):
        context = {"path": path, "label": label}
        return desk.refusal(house.app, "key.encrypt", "demo", plaintext=b"x", context=context)

    assert refused("home/app/x", "pay") == NOT_ALLOWED  # the key has no label yet
    assert refused("home/app/x", "") == NOT_ALLOWED
    desk.ask(house.admin, "key.update", "demo", labels={"team": "*"})
    assert refused("home/app/x", "pay") == NOT_ALLOWED
    assert not refused("home/app/x", "*")
    assert refused("home/admin/x", "*") == NOT_ALLOWED
    assert refused("home/*/x", "*") == NOT_ALLOWED
