"""The Python client, synchronous and not, against a server."""

import asyncio
import hashlib
import pickle
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from cryptography.hazmat.primitives import serialization
from msgspec import UNSET

from strongroom.client import (
    AsyncClient,
    Client,
    ClientError,
    InvalidArgumentError,
    ProblemError,
    UnreachableError,
    alerts,
    asynchronous,
    calls,
    evidence,
    keys,
    otp,
    rights,
    synchronous,
    transfers,
    uses,
)
from strongroom.domain import asks, limits
from strongroom.domain.operations import OPERATIONS
from strongroom.domain.otp.asks import WriteProfile
from strongroom.domain.uses import MACItem, ReEncryptItem, SignItem, VerifyItem, VerifyMACItem
from strongroom.doors.rest.routes import ROUTES
from strongroom.tlog.tiles import ENTRIES, Tile
from tests.support.ports import free_port


@pytest.fixture
def admin(server):
    with Client(server.url, server.admin) as client:
        yield client


@pytest.fixture
def app(server):
    with Client(server.url, server.app) as client:
        yield client


def test_plaintext_comes_back_with_its_context(app):
    sealed = app.encrypt("demo", b"4111", {"order": "17"})
    assert sealed.key_version >= 1
    assert app.decrypt(sealed.ciphertext, {"order": "17"}).plaintext == b"4111"
    assert app.decrypt(sealed.ciphertext, {"order": "17"}, key="demo").plaintext == b"4111"


def test_context_of_another_shape_is_another_context(app):
    sealed = app.encrypt("demo", b"x", {"ab": "c"})
    with pytest.raises(ProblemError) as caught:
        app.decrypt(sealed.ciphertext, {"a": "bc"})
    assert caught.value.code == "invalid-ciphertext"


def test_batch_has_an_outcome_for_each_item(app):
    first = asks.EncryptItem(plaintext=b"a")
    second = asks.EncryptItem(plaintext=b"b", context={"c": "d"})
    sealed = app.encrypt_batch("demo", [first, second])
    opened = app.decrypt_batch(
        [asks.DecryptItem(ciphertext=each.ciphertext) for each in sealed.items]
    )
    assert opened.items[0].plaintext == b"a"
    assert opened.items[1].error.code == "invalid-ciphertext"


def test_client_knows_every_route(server):
    """Every call that can be built goes to a route, and every route has a call."""
    built = [
        keys.create_key("k"), keys.list_keys(), keys.read_key("k"), keys.update_key("k"),
        keys.replicate_key("k", region="r"),
        keys.rotate_key("k"), keys.enable_key("k"), keys.disable_key("k"),
        calls.encrypt("k", b""), calls.encrypt_batch("k", []), calls.decrypt(b""),
        calls.decrypt(b"", key="k"), calls.decrypt_batch([]), calls.create_principal("p"),
        calls.list_principals(), calls.read_principal("p"), calls.update_principal("p"),
        calls.list_roles(), calls.create_token("p"), calls.list_tokens(),
        calls.create_access_key("p"),
        calls.revoke_token("t"), calls.whoami(), calls.create_namespace("n"),
        calls.list_namespaces(), calls.list_policies(), calls.read_policy("p"),
        calls.write_policy("p", ""), calls.delete_policy("p"),
        calls.explain("p", "a"), calls.read_decision("d"), calls.read_audit(),
        calls.read_status(), uses.sign("k", b""), uses.sign_batch("k", []),
        uses.verify_batch("k", []), uses.mac_batch("k", []), uses.verify_mac_batch("k", []),
        uses.re_encrypt_batch("k", []),
        uses.verify("k", b"", signature=b""), uses.mac("k", b""),
        uses.verify_mac("k", b"", tag=b""), uses.generate_data_key("k"),
        uses.generate_data_key_pair("k", algorithm="ec-p256"), uses.re_encrypt("k", b""),
        uses.agree("k", b""), uses.encapsulate("k"), uses.decapsulate("k", b""),
        uses.wrap("k", b""), uses.unwrap("k", b""), uses.read_public_key("k"),
        uses.generate_random(), keys.deactivate_key("k"), keys.mark_key_compromised("k"),
        keys.schedule_key_destruction("k"), keys.cancel_key_destruction("k"),
        transfers.import_parameters("k"), transfers.import_material("k", b"", import_token=""),
        transfers.delete_imported_material("k"), transfers.export_material("k", b""),
        transfers.backup_key("k"), transfers.restore_key(b""), transfers.read_usage("k"),
        rights.read_key_policy("k"), rights.write_key_policy("k", ""),
        rights.create_grant("k", "p", []), rights.list_grants("k"),
        rights.list_retirable_grants("p"), rights.retire_grant("k", "g"),
        rights.revoke_grant("k", "g"),
        transfers.write_alias("a", "k"), transfers.list_aliases(), transfers.delete_alias("a"),
        transfers.read_jwks(), transfers.read_published_jwks("n"), calls.read_namespace(),
        calls.update_namespace(), calls.erase_details(), evidence.read_log_keys(),
        evidence.read_receipt("r"), evidence.read_checkpoint(), evidence.read_tile(Tile(0, 7)),
        evidence.read_tile(Tile(ENTRIES, 7, 3)), alerts.list_alerts(), alerts.read_alert("a"),
        alerts.acknowledge_alert("a"), otp.enrol("u"), otp.link("o"), otp.fetch("l"),
        otp.activate("o", ""), otp.verify("o", ""), otp.verify_many([]), otp.verify_user("u", ""),
        otp.challenge("o"), otp.resync("o", "", ""), otp.compute("o"), otp.list_credentials(),
        otp.read("o"), otp.rotate("o"), otp.suspend("o"), otp.resume("o"), otp.unlock("o"),
        otp.revoke("o"), otp.destroy("o"), otp.import_credentials([]),
        otp.export_credentials(b""), otp.list_profiles(), otp.write_profile("p", WriteProfile()),
        otp.delete_profile("p"), otp.create_job("suspend", all=True), otp.list_jobs(),
        otp.read_job("j"), otp.update_job("j"),
    ]  # fmt: skip
    named = {"/keys/k": "/keys/{name}", "/principals/p": "/principals/{name}",
             "/policies/p": "/policies/{name}", "/tokens/t": "/tokens/{id}",
             "/decisions/d": "/decisions/{id}", "/aliases/a": "/aliases/{name}",
             "/namespaces/n": "/namespaces/{name}", "/receipts/r": "/receipts/{id}",
             "/tile/0/007": "/tile/{tile}", "/entries/007.p/3": "/entries/{tile}",
             "/alerts/a": "/alerts/{id}", "/otp/o": "/otp/{id}", "/enrol/l": "/enrol/{token}",
             "/otp-profiles/p": "/otp-profiles/{name}",
             "/otp-jobs/j": "/otp-jobs/{id}"}  # fmt: skip

    def shape(path):
        for given, pattern in named.items():
            path = path.replace(given, pattern)
        return path

    asked = {(call.method, shape(call.path), call.operation) for call in built}
    assert asked == {(route.method, route.path, route.operation) for route in ROUTES}
    for call in built:
        assert call.answer in OPERATIONS[call.operation].answers


@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_both_clients_have_a_method_for_every_call(kind):
    builders = {
        name: value
        for module in (alerts, calls, evidence, keys, rights, transfers, uses)
        for name, value in vars(module).items()
        if getattr(value, "__module__", "") == module.__name__ and not name.startswith("_")
    }  # fmt: skip
    methods = {name for name in vars(kind) if not name.startswith("_")}
    assert methods == builders.keys() | {"send", "exchange", "with_receipt", "close"}
    for name, build in builders.items():
        assert getattr(kind, name).__doc__ == build.__doc__


@pytest.mark.parametrize("module", [synchronous, asynchronous])
def test_both_clients_have_a_method_for_every_call_about_one_time_passwords(module):
    builders = {
        name: value
        for name, value in vars(otp).items()
        if getattr(value, "__module__", "") == otp.__name__ and not name.startswith("_")
    }
    methods = {name for name in vars(module.OTP) if not name.startswith("_")}
    assert methods == builders.keys() | {"send"}
    for name, build in builders.items():
        assert getattr(module.OTP, name).__doc__ == build.__doc__


def made(admin, name, algorithm, purpose=None):
    """A key of that algorithm; the same one when it is there already."""
    if name not in {key.name for key in admin.list_keys().keys}:
        admin.create_key(name, algorithm=algorithm, purpose=purpose)
    return admin.read_key(name)


def test_signature_is_right_for_its_message_alone(admin):
    assert made(admin, "signer", "ec-p256").purpose == "sign-verify"
    signed = admin.sign("signer", b"pay 10")
    assert admin.verify("signer", b"pay 10", signature=signed.signature).valid
    assert not admin.verify("signer", b"pay 99", signature=signed.signature).valid
    digest = hashlib.sha256(b"pay 10").digest()
    assert admin.verify("signer", digest=digest, signature=signed.signature).valid
    pair = admin.sign("signer", digest=digest, encoding="p1363")
    assert len(pair.signature) == 64
    assert admin.verify("signer", b"pay 10", signature=pair.signature, encoding="p1363").valid
    assert not admin.verify("signer", b"pay 10", signature=pair.signature).valid


def test_signature_of_an_old_version_needs_its_number(admin):
    made(admin, "rotated", "ed25519")
    signed = admin.sign("rotated", b"x")
    assert signed.key_version == 1
    admin.rotate_key("rotated")
    assert not admin.verify("rotated", b"x", signature=signed.signature).valid
    assert admin.verify("rotated", b"x", signature=signed.signature, key_version=1).valid


def test_batch_of_signatures_has_an_outcome_for_each_item(admin):
    made(admin, "signer", "ec-p256")
    batch = admin.sign_batch("signer", [SignItem(message=b"a"), SignItem(digest=bytes(64))])
    assert admin.verify("signer", b"a", signature=batch.items[0].signature).valid
    assert batch.items[1].error.code == "invalid-request"


def test_batches_have_an_outcome_for_each_item(admin, app):
    made(admin, "signer", "ec-p256")
    made(admin, "mac", "hmac-sha256", "mac")
    signature = admin.sign("signer", b"a").signature
    verified = admin.verify_batch(
        "signer",
        [VerifyItem(message=b"a", signature=signature), VerifyItem(message=b"b", signature=b"")],
    )
    assert [item.valid for item in verified.items] == [True, False]
    tags = admin.mac_batch("mac", [MACItem(message=b"a"), MACItem(message=b"b")])
    checked = admin.verify_mac_batch(
        "mac", [VerifyMACItem(message=b"a", tag=item.tag) for item in tags.items], key_version=1
    )
    assert [item.valid for item in checked.items] == [True, False]
    old = app.encrypt("demo", b"text", {"a": "b"}).ciphertext
    items = [ReEncryptItem(ciphertext=old, context={"a": "b"}), ReEncryptItem(ciphertext=old)]
    new = app.re_encrypt_batch("demo", items)
    assert new.items[1].error.code == "invalid-ciphertext"
    assert app.decrypt(new.items[0].ciphertext, {"a": "b"}).plaintext == b"text"


def test_context_of_a_signature_is_part_of_it(admin):
    made(admin, "mldsa", "ml-dsa-44")
    signed = admin.sign("mldsa", b"x", signature_context=b"a")
    right = {"signature": signed.signature, "signature_context": b"a"}
    assert admin.verify("mldsa", b"x", **right).valid
    assert not admin.verify("mldsa", b"x", signature=signed.signature).valid


def test_tag_is_right_for_its_message_alone(admin):
    made(admin, "maker", "hmac-sha256")
    tag = admin.mac("maker", b"x").tag
    assert admin.verify_mac("maker", b"x", tag=tag).valid
    assert not admin.verify_mac("maker", b"y", tag=tag).valid
    assert not admin.verify_mac("maker", b"x", tag=tag[:16]).valid


def test_data_key_is_what_its_ciphertext_opens_to(admin):
    made_one = admin.generate_data_key("demo", {"file": "7"}, size_bytes=48)
    assert len(made_one.plaintext) == 48
    assert admin.decrypt(made_one.ciphertext, {"file": "7"}).plaintext == made_one.plaintext
    assert admin.generate_data_key("demo", with_plaintext=False).plaintext is UNSET


def test_data_key_pair_is_a_pair(admin):
    pair = admin.generate_data_key_pair("demo", algorithm="ed25519")
    private = serialization.load_der_private_key(pair.private_key, None)
    public = serialization.load_der_public_key(pair.public_key)
    assert private.public_key() == public
    assert admin.decrypt(pair.ciphertext).plaintext == pair.private_key
    kept = admin.generate_data_key_pair("demo", algorithm="ed25519", with_plaintext=False)
    assert kept.private_key is UNSET


def test_ciphertext_changes_its_key_and_its_context(admin):
    made(admin, "next", "aes-256-gcm")
    old = admin.encrypt("demo", b"x", {"a": "b"}).ciphertext
    same = admin.re_encrypt("next", old, {"a": "b"})
    assert same.source_key == "demo"
    assert admin.decrypt(same.ciphertext, {"a": "b"}, key="next").plaintext == b"x"
    bare = admin.re_encrypt("next", old, {"a": "b"}, new_context={})
    assert admin.decrypt(bare.ciphertext).plaintext == b"x"
    with pytest.raises(ProblemError) as caught:
        admin.re_encrypt("next", old, {"a": "c"})
    assert caught.value.code == "invalid-ciphertext"


def test_two_sides_agree(admin):
    made(admin, "alice", "x25519", "agree")
    made(admin, "bob", "x25519", "agree")
    secrets = {
        admin.agree(one, admin.read_public_key(other).der).shared_secret
        for one, other in (("alice", "bob"), ("bob", "alice"))
    }
    assert len(secrets) == 1
    with pytest.raises(ProblemError):
        admin.agree("alice", bytes(32))  # of small order


def test_encapsulated_secret_is_opened(admin):
    made(admin, "kem", "ml-kem-768")
    sent = admin.encapsulate("kem")
    assert admin.decapsulate("kem", sent.ciphertext).shared_secret == sent.shared_secret
    with pytest.raises(ProblemError) as caught:
        admin.decapsulate("kem", sent.ciphertext[:-1])
    assert caught.value.code == "invalid-ciphertext"


def test_wrapped_material_is_unwrapped(admin):
    made(admin, "wrapper", "aes-256-kw")
    wrapped = admin.wrap("wrapper", b"0123456789abcdef!")
    assert wrapped.scheme == "aes-kwp"
    assert admin.unwrap("wrapper", wrapped.wrapped).material == b"0123456789abcdef!"
    with pytest.raises(ProblemError) as caught:
        admin.unwrap("wrapper", wrapped.wrapped[:-8] + bytes(8))
    assert caught.value.code == "invalid-ciphertext"
    with pytest.raises(ProblemError) as caught:
        admin.wrap("wrapper", b"0123456789abcdef!", scheme="aes-kw")  # whole blocks only
    assert caught.value.code == "invalid-request"


def test_raw_ciphertext_needs_its_key_its_version_and_what_was_additional(admin):
    made(admin, "raw", "aes-256-gcm-raw")
    sealed = admin.encrypt("raw", b"x", additional=b"order 17")
    admin.rotate_key("raw")
    right = {"key": "raw", "key_version": sealed.key_version, "additional": b"order 17"}
    assert admin.decrypt(sealed.ciphertext, **right).plaintext == b"x"
    for wrong in ({"additional": b"order 18"}, {"key_version": None}, {"key": ""}):
        with pytest.raises(ProblemError):
            admin.decrypt(sealed.ciphertext, **{**right, **wrong})


def test_public_key_comes_in_three_forms(admin):
    made(admin, "signer", "ec-p256")
    public = admin.read_public_key("signer")
    assert serialization.load_pem_public_key(public.pem.encode()) == (
        serialization.load_der_public_key(public.der)
    )
    assert public.jwk["crv"] == "P-256"
    assert admin.read_public_key("signer", key_version=1) == public
    for name, version, code in (("signer", 7, "not-found"), ("demo", None, "invalid-request")):
        with pytest.raises(ProblemError) as caught:
            admin.read_public_key(name, key_version=version)
        assert caught.value.code == code


def test_random_bytes_are_as_many_as_asked_for(admin):
    assert len(admin.generate_random().random) == 32
    assert len(admin.generate_random(1).random) == 1
    for count in (0, limits.RANDOM_BYTES_MAX + 1):
        with pytest.raises(ProblemError) as caught:
            admin.generate_random(count)
        assert caught.value.errors[0].startswith("$.bytes")


@pytest.mark.parametrize(
    "asked",
    [
        lambda admin: admin.sign("demo", b"x"),
        lambda admin: admin.mac("signer", b"x"),
        lambda admin: admin.encrypt("signer", b"x"),
        lambda admin: admin.agree("signer", bytes(32)),
        lambda admin: admin.sign("signer"),
        lambda admin: admin.sign("signer", b"x", digest=bytes(32)),
        lambda admin: admin.sign("signer", digest=bytes(48)),
        lambda admin: admin.sign("signer", b"x", scheme="rsa-pss-sha256"),
        lambda admin: admin.sign("signer", b"x", scheme="of-the-future"),
        lambda admin: admin.sign("signer", b"x", encoding="jws"),
        lambda admin: admin.sign("signer", bytes(limits.MESSAGE_BYTES_MAX + 1)),
        lambda admin: admin.verify("signer", signature=b"x"),
        lambda admin: admin.generate_data_key("signer"),
        lambda admin: admin.generate_data_key("demo", size_bytes=0),
        lambda admin: admin.generate_data_key_pair("demo", algorithm="hmac-sha256"),
        lambda admin: admin.create_key("no", algorithm="ed25519", purpose="agree"),
        lambda admin: admin.create_key("no", algorithm="rot13"),
        lambda admin: admin.encrypt("demo", b"x", additional=b"y"),
    ],
)
def test_what_a_key_is_not_for_is_refused(admin, asked):
    made(admin, "signer", "ec-p256")
    with pytest.raises(ProblemError) as caught:
        asked(admin)
    assert caught.value.code in {"invalid-request", "too-large"}


def test_async_client_does_the_same(server):
    async def there_and_back():
        async with AsyncClient(server.url, server.app) as client:
            sealed = await asyncio.gather(*(client.encrypt("demo", b"%d" % n) for n in range(8)))
            opened = [await client.decrypt(each.ciphertext) for each in sealed]
            with pytest.raises(ProblemError) as caught:
                await client.rotate_key("demo")
            return [each.plaintext for each in opened], caught.value.code

    assert asyncio.run(there_and_back()) == ([b"%d" % n for n in range(8)], "not-allowed")


def test_client_can_be_shared_between_threads(app):
    def there_and_back(number):
        return app.decrypt(app.encrypt("demo", b"%d" % number).ciphertext).plaintext

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(there_and_back, range(40))) == [b"%d" % n for n in range(40)]


def test_refusal_carries_code_status_and_ids(app):
    with pytest.raises(ProblemError) as caught:
        app.rotate_key("demo")
    problem = caught.value
    assert (problem.code, problem.status) == ("not-allowed", 403)
    assert len(problem.request_id) == len(problem.decision_id) == 32


def test_refused_field_is_pointed_at(admin):
    with pytest.raises(ProblemError) as caught:
        admin.create_key("UPPER")
    assert caught.value.code == "invalid-request"
    assert caught.value.errors[0].startswith("$.name: ")


def test_reply_carries_the_id_under_which_the_log_has_it(admin):
    reply = admin.exchange(calls.whoami())
    (event,) = admin.read_audit(request=reply.request_id).events
    assert event.action == "identity.read"


def test_page_token_of_the_log_leads_on(admin):
    page = admin.read_audit(limit=2)
    after = admin.read_audit(limit=2, page_token=page.next_page_token)
    assert after.events[0].position == page.events[-1].position + 1


@pytest.mark.parametrize(
    "name", ["", "..", "a/b", "A", "a b", "a\n", "%2e%2e", "a?b", "ä", "a" * 64]
)
def test_what_is_no_name_is_in_no_path(name, server):
    for build in (
        keys.read_key, keys.rotate_key, calls.read_principal, calls.delete_policy, uses.sign,
        uses.encapsulate, uses.read_public_key, keys.disable_key, transfers.backup_key,
        transfers.delete_alias, transfers.read_published_jwks, rights.read_key_policy,
    ):  # fmt: skip
        with pytest.raises(InvalidArgumentError) as caught:
            build(name)
        assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize("build", [calls.revoke_token, calls.read_decision])
def test_what_is_no_id_is_in_no_path_and_is_not_repeated(build):
    for text in ("", "..", "a/b", "s3cret!", "x" * 129):
        with pytest.raises(InvalidArgumentError) as caught:
            build(text)
        assert not text or text not in str(caught.value)


def test_token_where_a_name_belongs_is_not_repeated():
    with pytest.raises(InvalidArgumentError) as caught:
        keys.read_key("srt_" + "a" * 72)
    assert "srt_" not in str(caught.value)


def test_text_that_is_no_unicode_is_refused_before_it_is_sent():
    for build in (
        lambda: keys.create_key("k", description="\ud800"),
        lambda: calls.read_audit(principal="\ud800"),
        lambda: calls.encrypt("k", b"", {"\ud800": ""}),
        lambda: uses.sign("k", b"", scheme="\ud800"),
    ):
        with pytest.raises(InvalidArgumentError):
            build()


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("kms.example", "not the URL"),
        ("ftp://kms.example", "not the URL"),
        ("https://u:hunter2@kms.example", "must not carry"),
        ("http://kms.example", "without TLS"),
        ("http://10.0.0.1:7600", "without TLS"),
        ("http://127.0.0.1.example", "without TLS"),
    ],
)
def test_token_goes_to_no_such_url(url, said):
    for kind in (Client, AsyncClient):
        with pytest.raises(InvalidArgumentError) as caught:
            kind(url, "srt_a")
        assert said in str(caught.value)
        assert "hunter2" not in str(caught.value)


def test_cleartext_elsewhere_has_to_be_said():
    Client("http://kms.example", "srt_a", unsafe_cleartext=True).close()


@pytest.mark.parametrize("token", ["", "a b", "a\r\nX: y", "ä", "\x00"])
def test_what_can_be_in_no_header_is_no_token(token):
    with pytest.raises(InvalidArgumentError) as caught:
        Client("http://127.0.0.1:1", token)
    assert not token or token not in str(caught.value)


def test_token_and_plaintext_are_in_no_repr(server):
    with Client(server.url, server.admin) as client:
        assert server.admin not in repr(client)
        assert server.admin not in repr(vars(client))
    assert "secret" not in repr(calls.encrypt("demo", b"secret"))
    assert "c2VjcmV0" not in repr(calls.encrypt("demo", b"secret"))
    assert "c2VjcmV0" not in repr(uses.wrap("demo", b"secret"))


def test_wrong_token_is_unauthenticated_and_not_in_the_message(server):
    with Client(server.url, "srt_" + "a" * 72) as client, pytest.raises(ProblemError) as caught:
        client.whoami()
    assert caught.value.code == "unauthenticated"
    assert "srt_" not in str(caught.value)


def test_server_that_is_not_there_got_nothing():
    port = free_port()
    with (
        Client(f"http://127.0.0.1:{port}", "srt_a") as client,
        pytest.raises(UnreachableError) as caught,
    ):
        client.rotate_key("demo")
    assert not caught.value.sent
    assert caught.value.reason == "connection refused"


def test_server_that_says_nothing_may_have_done_it():
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        Client(
            f"http://127.0.0.1:{silent.getsockname()[1]}", "srt_a", timeout_seconds=0.3
        ) as client,
        pytest.raises(UnreachableError) as caught,
    ):
        client.rotate_key("demo")
    assert caught.value.sent
    assert caught.value.reason == "no answer in time"


def test_server_that_hangs_up_may_have_done_it():
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def hang_up():
            line = listening.accept()[0]
            line.recv(65536)
            line.close()

        thread = threading.Thread(target=hang_up)
        thread.start()
        with (
            Client(f"http://127.0.0.1:{listening.getsockname()[1]}", "srt_a") as client,
            pytest.raises(UnreachableError) as caught,
        ):
            client.rotate_key("demo")
        thread.join()
    assert caught.value.sent


def test_answer_that_cannot_be_decoded_is_no_answer(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def garble():
            line = listening.accept()[0]
            line.recv(65536)
            line.sendall(
                b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 2\r\n\r\nxx"
            )
            line.close()

        thread = threading.Thread(target=garble)
        thread.start()
        with (
            Client(f"http://127.0.0.1:{listening.getsockname()[1]}", "srt_a") as client,
            pytest.raises(ClientError),
        ):
            client.whoami()
        thread.join()


def test_nothing_is_tried_again(server):
    """Who lost an answer must look first: two rotations are not one."""
    with Client(server.url, server.admin) as client:
        server.away = True
        before = len(server.asked)
        try:
            with pytest.raises(ProblemError) as caught:
                client.rotate_key("demo")
        finally:
            server.away = False
        assert caught.value.code == "unavailable"
        assert len(server.asked) == before + 1


def test_clients_are_not_pickled(server):
    with Client(server.url, server.admin) as client, pytest.raises((TypeError, AttributeError)):
        pickle.dumps(client)


def test_importing_the_package_loads_no_http_library():
    program = "import strongroom.client, sys; sys.exit('httpx' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", program], check=False, timeout=120)
    assert ran.returncode == 0


def test_package_has_nothing_else():
    import strongroom.client

    with pytest.raises(AttributeError):
        strongroom.client.Cleint  # noqa: B018 - a misspelling
