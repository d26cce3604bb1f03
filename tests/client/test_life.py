"""A key's life by the Python client, and keys that come from elsewhere and go there."""

import asyncio
import os

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from strongroom.client import AsyncClient, Client, InvalidArgumentError, ProblemError, wrapping
from strongroom.domain.asks import UseControl
from strongroom.domain.transfers import Wrapping
from tests.support.standin import StandIn
from tests.support.travel import arrived

MATERIAL = bytes(range(32))
EXPORT = 'permit (principal == Principal::"admin", action == Action::"key.export", resource);'


@pytest.fixture
def admin(server):
    with Client(server.url, server.admin) as client:
        client.write_policy("exports", EXPORT)
        yield client


@pytest.fixture
def app(server):
    with Client(server.url, server.app) as client:
        yield client


@pytest.fixture(scope="module")
def mine():
    """An RSA key pair of the caller's, both as DER."""
    key = rsa.generate_private_key(65_537, 2_048)
    return (
        key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()),
        key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
    )


def refused(asked):
    with pytest.raises(ProblemError) as caught:
        asked()
    return caught.value.code


# --- life -----------------------------------------------------------------------------------------


def test_key_has_the_life_that_was_asked_for(admin, app):
    made = admin.create_key(
        "planned",
        activates="2090-01-01T00:00:00Z",
        deactivates="2091-01-01T00:00:00+01:00",
        rotation_days=7,
        rotation_uses=1_000,
        deletion_protection=True,
        control=UseControl(operations=["key.encrypt"], rate_uses=5, rate_seconds=60),
    )
    assert made.state == "pre-activation"
    assert made.activates == "2090-01-01T00:00:00.000000Z"
    assert made.deactivates == "2090-12-31T23:00:00.000000Z"
    assert made.rotates == "2090-01-08T00:00:00.000000Z"
    assert (made.rotation_days, made.rotation_uses, made.deletion_protection) == (7, 1_000, True)
    assert (made.control.operations, made.control.rate_uses) == (["key.encrypt"], 5)
    assert refused(lambda: app.encrypt("planned", b"x")) == "key-not-usable"
    assert refused(lambda: admin.schedule_key_destruction("planned")) == "key-not-usable"


def test_update_changes_what_is_given_and_nothing_else(admin, app):
    admin.create_key("changing", labels={"a": "b"}, deactivates="2090-01-01T00:00:00Z")
    admin.rotate_key("changing")
    changed = admin.update_key("changing", min_version=2, rotation_days=0, deactivates="")
    assert (changed.labels, changed.min_version) == ({"a": "b"}, 2)
    assert (changed.rotation_days, changed.rotates, changed.deactivates) == (0, "", "")
    bounded = admin.update_key("changing", control=UseControl(required_context=["order"]))
    assert bounded.control.required_context == ["order"]
    assert refused(lambda: app.encrypt("changing", b"x")) == "invalid-request"
    free = admin.update_key("changing", control=UseControl())
    assert free.control.required_context == []
    assert app.encrypt("changing", b"x").key_version == 2


def test_list_has_the_keys_that_match_everything(admin):
    admin.create_key("pay-1", labels={"team": "pay"}, algorithm="ed25519")
    admin.create_key("pay-2", labels={"team": "pay=two & more"}, description="Über alles")
    admin.disable_key("pay-2")

    def found(**conditions):
        return [key.name for key in admin.list_keys(**conditions).keys]

    assert found(label="team") == ["pay-1", "pay-2"]
    assert found(label="team=pay") == ["pay-1"]
    assert found(label="team=pay=two & more") == ["pay-2"]
    assert found(label="team", state="suspended") == ["pay-2"]
    assert found(label="team", algorithm="ed25519") == ["pay-1"]
    assert found(label="team", purpose="sign-verify") == ["pay-1"]
    assert found(search="über") == ["pay-2"]
    assert found(label="team", limit=1) == ["pay-1"]
    assert found(search="nothing has this") == []
    assert refused(lambda: admin.list_keys(state="asleep")) == "invalid-request"


def test_each_step_leads_where_the_table_says(admin):
    admin.create_key("stepping")
    assert admin.disable_key("stepping").state == "suspended"
    assert admin.enable_key("stepping").state == "active"
    going = admin.schedule_key_destruction("stepping", days=7)
    assert (going.state, going.destroys > going.created) == ("destruction-scheduled", True)
    assert admin.cancel_key_destruction("stepping").state == "suspended"
    assert admin.enable_key("stepping").state == "active"
    assert admin.deactivate_key("stepping").state == "deactivated"
    assert refused(lambda: admin.enable_key("stepping")) == "key-not-usable"
    assert refused(lambda: admin.cancel_key_destruction("stepping")) == "key-not-usable"
    assert admin.mark_key_compromised("stepping").state == "compromised"


def test_step_of_a_version_is_of_that_version_alone(admin, app):
    admin.create_key("versioned")
    old = app.encrypt("versioned", b"x").ciphertext
    admin.rotate_key("versioned")
    shown = admin.disable_key("versioned", key_version=1)
    assert (shown.state, [one.state for one in shown.versions]) == (
        "active",
        ["active", "suspended"],
    )
    assert refused(lambda: app.decrypt(old)) == "key-not-usable"
    assert app.encrypt("versioned", b"x").key_version == 2
    admin.enable_key("versioned", key_version=1)
    assert app.decrypt(old).plaintext == b"x"
    admin.schedule_key_destruction("versioned", key_version=1)
    assert refused(lambda: app.decrypt(old)) == "key-not-usable"
    admin.cancel_key_destruction("versioned", key_version=1)
    assert refused(lambda: admin.deactivate_key("versioned", key_version=9)) == "not-found"


def test_rate_is_kept(admin, app):
    admin.create_key("slow", control=UseControl(rate_uses=1, rate_seconds=3600))
    app.encrypt("slow", b"x")
    with pytest.raises(ProblemError) as caught:
        app.encrypt("slow", b"x")
    assert (caught.value.code, caught.value.status) == ("rate-limited", 429)


def test_usage_tells_who_used_what(admin, app):
    admin.create_key("used")
    app.encrypt("used", b"x")
    admin.rotate_key("used")
    usage = admin.read_usage("used", days=2)
    assert [(one.version, one.uses, one.safe_to_retire) for one in usage.versions] == [
        (2, 0, False), (1, 1, False),
    ]  # fmt: skip
    (caller,) = usage.versions[1].callers
    assert (caller.principal, caller.uses) == ("app", 1)
    assert refused(lambda: admin.read_usage("used", days=0)) == "invalid-request"


# --- other names ----------------------------------------------------------------------------------


def test_alias_stands_where_a_key_does(admin, app):
    admin.create_key("first")
    admin.create_key("second")
    admin.write_alias("current", "first")
    sealed = app.encrypt("alias:current", b"x", {"a": "b"}).ciphertext
    assert admin.write_alias("current", "second").key == "second"
    assert admin.read_key("alias:current").name == "second"
    assert app.decrypt(sealed, {"a": "b"}, key="first").plaintext == b"x"
    assert refused(lambda: app.decrypt(sealed, {"a": "b"}, key="alias:current")) != ""
    assert [(one.name, one.key) for one in admin.list_aliases().aliases] == [("current", "second")]
    admin.delete_alias("current")
    assert admin.list_aliases().aliases == []
    assert refused(lambda: admin.read_key("alias:current")) == "not-found"
    assert refused(lambda: admin.delete_alias("current")) == "not-found"


@pytest.mark.parametrize("name", ["alias:", "alias:A", "alias:a/b", "alias:..", "ALIAS:a", "a:b",
                                  "alias:alias:a", "alias:a\n", "alias%3Aa"])  # fmt: skip
def test_what_is_no_alias_is_in_no_path(admin, server, name):
    asked = len(server.asked)
    with pytest.raises(InvalidArgumentError):
        admin.read_key(name)
    with pytest.raises(InvalidArgumentError):
        admin.write_alias("alias:current", "demo")
    assert len(server.asked) == asked


def test_public_keys_are_published_when_the_namespace_says_so(admin, app):
    admin.create_key("letters", algorithm="ed25519")
    assert "letters/1" in {key["kid"] for key in admin.read_jwks().keys}
    assert refused(lambda: app.read_published_jwks("default")) == "not-found"
    assert admin.update_namespace(publishes_keys=True).publishes_keys
    assert "letters/1" in {key["kid"] for key in app.read_published_jwks("default").keys}
    admin.update_namespace(publishes_keys=False)
    assert refused(lambda: app.read_published_jwks("default")) == "not-found"


def test_namespace_keeps_what_is_not_given(admin):
    changed = admin.update_namespace(destruction_days_min=10)
    assert changed == admin.read_namespace()
    assert (changed.profile, changed.destruction_days_min) == ("standard", 10)
    admin.create_key("kept")
    assert refused(lambda: admin.schedule_key_destruction("kept", days=9)) == "invalid-request"
    assert admin.update_namespace(profile="approved").destruction_days_min == 10
    approved = refused(lambda: admin.create_key("x", algorithm="chacha20-poly1305"))
    assert approved == "invalid-request"
    admin.update_namespace(profile="standard", destruction_days_min=7)
    assert refused(lambda: admin.update_namespace(profile="lax")) == "invalid-request"


# --- material -------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", Wrapping)
def test_own_material_comes_in_and_goes_out(admin, app, mine, how):
    name = f"own-{how}"
    waiting = admin.create_key(name, origin="imported", exportable=True)
    assert (waiting.current_version, waiting.state) == (0, "pre-activation")
    parameters = admin.import_parameters(name, wrapping_key="rsa-2048")
    sealed = wrapping.wrapped(MATERIAL, parameters.public_key, how)
    token = parameters.import_token
    made = admin.import_material(name, sealed, import_token=token, wrapping=how)
    assert (made.current_version, made.state) == (1, "active")
    assert app.decrypt(app.encrypt(name, b"x").ciphertext).plaintext == b"x"
    again = refused(lambda: admin.import_material(name, sealed, import_token=token, wrapping=how))
    assert again == "invalid-request"
    out = admin.export_material(name, mine[1], wrapping=how)
    assert arrived(mine[0], out.wrapped_material, how) == MATERIAL
    gone = admin.delete_imported_material(name)
    assert not gone.versions[0].material
    assert refused(lambda: app.encrypt(name, b"x")) == "key-not-usable"


def test_private_key_comes_in_as_pem(admin, app):
    private = ed25519.Ed25519PrivateKey.generate()
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    admin.create_key("signer", algorithm="ed25519", origin="imported")
    parameters = admin.import_parameters("signer", wrapping_key="rsa-2048")
    sealed = wrapping.wrapped(wrapping.material_in(pem), parameters.public_key)
    admin.import_material("signer", sealed, import_token=parameters.import_token)
    private.public_key().verify(app.sign("signer", b"x").signature, b"x")


def test_material_of_another_kind_is_refused_and_the_token_stays_good(admin):
    admin.create_key("strict", origin="imported")
    parameters = admin.import_parameters("strict", wrapping_key="rsa-2048")
    token = parameters.import_token
    for wrong in (bytes(range(16)), bytes(range(33))):
        sealed = wrapping.wrapped(wrong, parameters.public_key)
        problem = refused(lambda: admin.import_material("strict", sealed, import_token=token))  # noqa: B023 - called at once
        assert problem == "invalid-request"
    sealed = wrapping.wrapped(MATERIAL, parameters.public_key)
    assert admin.import_material("strict", sealed, import_token=token).current_version == 1


def test_what_was_not_made_for_it_goes_nowhere(admin, mine):
    assert refused(lambda: admin.export_material("demo", mine[1])) == "key-not-usable"
    assert refused(lambda: admin.import_parameters("demo")) == "invalid-request"
    assert refused(lambda: admin.delete_imported_material("demo")) == "invalid-request"


def test_backup_opens_where_the_key_is_not(admin, server, tmp_path):
    admin.create_key("saved", algorithm="ed25519")
    signature = admin.sign("saved", b"x").signature
    made = admin.backup_key("saved")
    assert made.versions == 1
    assert refused(lambda: admin.restore_key(made.backup)) == "already-exists"
    assert refused(lambda: admin.restore_key(made.backup[:-1])) == "invalid-ciphertext"
    with StandIn(tmp_path / "other.db") as other, Client(other.url, other.admin) as there:
        assert there.restore_key(made.backup, name="found").name == "found"
        assert there.verify("found", b"x", signature=signature).valid


def test_async_client_does_the_same(server):
    async def there_and_back():
        async with AsyncClient(server.url, server.admin) as client:
            await client.create_key("async", origin="imported")
            parameters = await client.import_parameters("async", wrapping_key="rsa-2048")
            sealed = wrapping.wrapped(MATERIAL, parameters.public_key)
            token = parameters.import_token
            made = await client.import_material("async", sealed, import_token=token)
            return made.state, (await client.deactivate_key("async")).state

    assert asyncio.run(there_and_back()) == ("active", "deactivated")


# --- wrapping, on this side -----------------------------------------------------------------------


def test_what_is_no_pem_is_material_as_it_is():
    for content in (MATERIAL, b"0123456789abcdef\n", b""):
        assert wrapping.material_in(content) == content


@pytest.mark.parametrize("form", [PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL])
def test_private_key_of_either_pem_becomes_one_der(form):
    key = ec.generate_private_key(ec.SECP256R1())
    der = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    assert wrapping.material_in(key.private_bytes(Encoding.PEM, form, NoEncryption())) == der


def test_private_key_under_a_passphrase_is_refused_in_words():
    key = ec.generate_private_key(ec.SECP256R1())
    for form in (PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL):
        locked = key.private_bytes(Encoding.PEM, form, BestAvailableEncryption(b"hunter2"))
        with pytest.raises(InvalidArgumentError, match="passphrase"):
            wrapping.material_in(locked)


def test_pem_of_something_else_is_refused_and_not_repeated():
    public = ec.generate_private_key(ec.SECP256R1()).public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    for content in (pem, b"-----BEGIN PRIVATE KEY-----\nSECRET\n-----END PRIVATE KEY-----\n"):
        with pytest.raises(InvalidArgumentError) as caught:
            wrapping.material_in(content)
        assert "SECRET" not in str(caught.value)
        assert caught.value.__suppress_context__


def test_what_cannot_be_wrapped_is_refused(mine):
    other = ec.generate_private_key(ec.SECP256R1()).public_key()
    der = other.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    for public in (der, b"", mine[0], mine[1][:-1]):
        with pytest.raises(InvalidArgumentError, match="RSA public key"):
            wrapping.wrapped(MATERIAL, public)
    with pytest.raises(InvalidArgumentError, match="no material"):
        wrapping.wrapped(b"", mine[1])
    for how, room in ((Wrapping.RSA_OAEP_SHA256, 190), (Wrapping.RSA_OAEP_SHA1, 214)):
        wrapping.wrapped(bytes(room), mine[1], how)
        with pytest.raises(InvalidArgumentError, match="too long"):
            wrapping.wrapped(bytes(room + 1), mine[1], how)


@pytest.mark.parametrize("how", Wrapping)
def test_wrapped_material_is_another_each_time_and_opens(mine, how):
    first, second = (wrapping.wrapped(MATERIAL, mine[1], how) for _ in range(2))
    assert first != second
    assert arrived(mine[0], first, how) == arrived(mine[0], second, how) == MATERIAL
    odd = os.urandom(41)
    assert arrived(mine[0], wrapping.wrapped(odd, mine[1], how), how) == odd
