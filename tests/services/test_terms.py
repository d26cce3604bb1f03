"""What a door asks beside the operation: what it takes a key for, and that nothing be done."""

import os

import msgspec
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, x25519
from cryptography.hazmat.primitives.serialization import load_der_public_key
from msgspec import UNSET

from strongroom.adapters.software import SoftwareProvider
from strongroom.domain import asks, limits
from strongroom.domain.algorithms import Algorithm, Purpose
from strongroom.domain.calls import (
    ANSWER_DECODERS,
    DRY_RUN,
    PASSED,
    WRONG,
    Call,
    Expected,
    Terms,
    spell_terms,
)
from strongroom.domain.lifecycle import IMPORT_AGAIN, State
from strongroom.domain.operations import OPERATIONS
from strongroom.domain.readings import READINGS
from strongroom.services.views import HIDDEN
from tests.support.deeds import entries
from tests.support.desks import START_US, House, at_once

DRY = Terms(dry=True)
RSA = Expected(frozenset({Algorithm.RSA_2048}), frozenset({Purpose.DECRYPT}))
PLAIN = Expected(frozenset({Algorithm.AES_256_GCM}), frozenset({Purpose.ENCRYPT_DECRYPT}))


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    made = House(tmp_path_factory.mktemp("terms") / "store.db")
    made.store._db.execute("PRAGMA synchronous = OFF")  # a power cut is not the subject
    yield made
    made.store.close()


@pytest.fixture(scope="module")
def desk(house):
    made = house.desk()
    for name, algorithm, purpose in (
        ("rsa", "rsa-2048", "decrypt"), ("mac", "hmac-sha256", "mac"),
        ("signer", "ed25519", "sign-verify"), ("agree", "x25519", "agree"),
        ("kem", "ml-kem-768", "encapsulate"), ("raw", "aes-256-gcm-raw", "encrypt-decrypt"),
    ):  # fmt: skip
        made.ask(house.admin, "key.create", name=name, algorithm=algorithm, purpose=purpose)
    return made


@pytest.fixture
def told(house, desk):
    """The reply to a call with terms, and its entry."""

    def told(operation, target, terms, token=house.app, **fields):
        request = f"{START_US // 1000:012x}" + os.urandom(10).hex()
        ask = msgspec.msgpack.encode(fields)
        spelt = b"" if terms is None else spell_terms(terms)
        reply = at_once(
            desk.desk.answer(Call(operation, target, token, "127.0.0.1", request, ask, spelt))
        )
        (entry,) = entries(house, request=request)
        return reply, entry

    return told


def nobody(house, desk, name, text):
    """A token of a principal with no right but what the policy gives."""
    desk.ask(house.admin, "principal.create", name=name)
    desk.ask(house.admin, "policy.write", name, text=text)
    return desk.ask(house.admin, "token.create", principal=name).token


# --- what a key is taken for ----------------------------------------------------------------------


def test_a_key_that_is_not_what_was_expected_is_not_used(desk, house, told):
    reply, entry = told("key.encrypt", "rsa", Terms(key=PLAIN), plaintext=b"x")
    assert (reply.code, entry["outcome"], entry["reason"]) == (
        "invalid-request", "refused", "invalid-request",
    )  # fmt: skip
    assert (reply.key.algorithm, reply.key.purpose) == ("rsa-2048", "decrypt")
    assert not told("key.encrypt", "rsa", Terms(key=RSA), plaintext=b"x")[0].code
    desk.ask(house.admin, "key.create", name="stopped")
    desk.ask(house.admin, "key.disable", "stopped")
    stopped = msgspec.structs.replace(PLAIN, not_in=frozenset({State.SUSPENDED}))
    for terms, code in ((Terms(key=PLAIN), ""), (Terms(key=stopped), "key-not-usable")):
        reply, _ = told("key.update", "stopped", terms, token=house.admin, description="d")
        assert (reply.code, reply.key.state) == (code, State.SUSPENDED)


def test_only_who_had_a_permit_is_told_of_the_key(desk, house, told):
    desk.ask(house.admin, "alias.write", "named", key="rsa")
    token = nobody(
        house, desk, "encrypter",
        'permit (principal == Principal::"encrypter", action == Action::"key.encrypt", resource =='
        ' Key::"rsa");',
    )  # fmt: skip
    key_id = bytes.fromhex(desk.ask(house.admin, "key.read", "rsa").id)
    for target in ("rsa", "alias:named", f"id:{key_id.hex()}"):
        reply, _ = told("key.encrypt", target, Terms(), token=token, plaintext=b"x")
        assert (reply.code, reply.key.id, reply.key.current_version) == ("", key_id, 1)
        reply, _ = told("key.decrypt", target, Terms(), token=token, ciphertext=b"x")
        assert (reply.code, reply.key) == ("not-allowed", None)
    # Neither is told to who expects what the key is not, nor without terms.
    reply, _ = told("key.encrypt", "demo", Terms(key=RSA), token=token, plaintext=b"x")
    assert (reply.code, reply.key) == ("not-allowed", None)
    assert told("key.encrypt", "rsa", None, plaintext=b"x")[0].key is None


def test_terms_that_would_do_something_unseen_are_none():
    for how in ({"unseen": True}, {"labels_max": 65}, {"reading": "DescribeKey"}):
        with pytest.raises(ValueError, match="terms"):
            Terms(**how)


def test_a_reading_is_told_what_it_is_for_and_nothing_else():
    size, name = ("kms:wrappingkeyspec", "RSA_2048"), ("aws:username", "admin")
    assert Terms(reading="GetParametersForImport", told=(size,))
    for reading, told in (("", size), ("ListResourceTags", size), ("GetParametersForImport", name),
                          ("ImportKeyMaterial", ("kms:validto", "tomorrow"))):  # fmt: skip
        with pytest.raises(ValueError, match=r"told|time|text"):
            Terms(reading=reading, told=(told,))


@pytest.mark.parametrize(
    "spelt",
    [b"\0", b"\xc1", b"\x90\x90", b"\x94\xc0\xc0\xc2\xc3", b"\xff" * 40,
     msgspec.msgpack.encode([None, None, True, False, 0, 0, False, "DescribeKey"])],
)  # fmt: skip
def test_a_call_whose_terms_are_none_is_no_gates(desk, house, spelt):
    request = f"{START_US // 1000:012x}" + os.urandom(10).hex()
    ask = msgspec.msgpack.encode({"plaintext": b"x"})
    call = Call("key.encrypt", "demo", house.app, "127.0.0.1", request, ask, spelt)
    reply = at_once(desk.desk.answer(call))
    assert (reply.code, reply.key) == ("invalid-request", None)
    assert not entries(house, request=request)


# --- readings of a part ---------------------------------------------------------------------------

# What every permit for a key tells (`calls.About`), or what is the same for all keys.
TOLD = {
    "id", "algorithm", "purpose", "protection", "origin", "state", "current_version",
    "multi_region",
}  # fmt: skip
NATIVE = {name: one.native for name, one in READINGS.items()}


def reader(house, desk, name, *actions):
    listed = ", ".join(f'Action::"{action}"' for action in actions)
    text = f'permit (principal == Principal::"{name}", action in [{listed}], resource);'
    return nobody(house, desk, name, text)


def test_nothing_of_a_key_is_shown_that_no_reading_names():
    fields = set(asks.KeyView.__struct_fields__)
    assert fields == HIDDEN.keys() | TOLD
    assert not HIDDEN.keys() & TOLD
    for reading in READINGS.values():
        assert reading.shows <= HIDDEN.keys()
        assert reading.operation in ("key.read", "key.read-policy")


@pytest.mark.parametrize("name", sorted(READINGS))
def test_a_reading_is_weighed_and_on_record_by_what_it_is_for(desk, house, told, name):
    reading, who = READINGS[name], name.lower()
    token = reader(house, desk, who, reading.native)
    fields = {"labels": {"team": "pay"}, "description": "d"}
    desk.ask(house.admin, "key.create", name=f"of-{who}", **fields)
    reply, entry = told(reading.operation, f"of-{who}", Terms(reading=name), token=token)
    assert not reply.code
    assert (entry["action"], entry["outcome"]) == (reading.operation, "allowed")
    assert entry["details"] == {"right": f"kms:{name}"}
    shown = ANSWER_DECODERS[reading.operation][0].decode(reply.answer)
    if reading.operation == "key.read":
        blank = {field for field, value in HIDDEN.items() if getattr(shown, field) == value}
        assert blank >= HIDDEN.keys() - reading.shows
        assert shown.labels == (fields["labels"] if "labels" in reading.shows else {})
        assert (shown.versions is not UNSET) is ("versions" in reading.shows)
    else:
        assert (shown.key, shown.policy) == ("", "")
    # Who has another right, that to all the other readings even, has not this one.
    others = reader(house, desk, f"not-{who}", *sorted({*NATIVE.values()} - {reading.native}))
    for target in (f"of-{who}", "no-such"):
        reply, entry = told(reading.operation, target, Terms(reading=name), token=others)
        assert (reply.code, reply.key, entry["details"]) == (
            "not-allowed", None, {"right": f"kms:{name}"},
        )  # fmt: skip
        assert reading.native in entry["missing"]
    # And by this right nothing is read otherwise.
    if reading.native not in ("key.read", "key.read-policy"):
        for terms in (None, Terms(), Terms(reading="ListResourceTags")):
            assert told("key.read", f"of-{who}", terms, token=token)[0].code == "not-allowed"


def test_a_verdict_on_a_reading_is_not_taken_for_one_on_the_whole(desk, house, told):
    token = reader(house, desk, "importer", "key.import")
    for _ in range(2):
        for terms, code in ((Terms(reading="ImportKeyMaterial"), ""), (Terms(), "not-allowed")):
            assert told("key.read", "demo", terms, token=token)[0].code == code


@pytest.mark.parametrize("operation", sorted({*OPERATIONS} - {"key.read"}))
def test_no_other_operation_is_done_by_the_right_to_a_reading(desk, house, operation):
    """Its policy need not be looked at: no gate of ours says so."""
    request = f"{START_US // 1000:012x}" + os.urandom(10).hex()
    terms = spell_terms(Terms(reading="ImportKeyMaterial"))
    call = Call(operation, "demo", house.admin, "127.0.0.1", request, b"\x80", terms)
    reply = at_once(desk.desk.answer(call))
    assert (reply.code, reply.key) == ("invalid-request", None)
    assert not entries(house, request=request)


# --- whole keys -----------------------------------------------------------------------------------


def test_a_key_that_lacks_material_is_not_whole(desk, house, told):
    """And where that is not asked for, it moves all the same. A key of ours is never less."""
    desk.ask(house.admin, "key.create", name="brought", origin="imported")
    bring(house, desk, "brought")
    whole = Terms(whole=True)
    moves = ("key.disable", "key.enable")
    for target in ("brought", "demo"):
        for operation in moves:
            assert not told(operation, target, whole, token=house.admin)[0].code
    desk.ask(house.admin, "key.delete-imported-material", "brought")
    for operation in (*moves, "key.rotate"):
        reply, _ = told(operation, "brought", whole, token=house.admin)
        assert (reply.code, reply.detail.endswith(IMPORT_AGAIN)) == ("key-not-usable", True)
    for operation in moves:
        assert not told(operation, "brought", Terms(), token=house.admin)[0].code


@pytest.mark.parametrize("end", ["key.deactivate", "key.mark-compromised"])
def test_what_nobody_can_import_any_more_keeps_no_key_from_use(told, house, desk, end):
    key = end.replace(".", "-")
    desk.ask(house.admin, "key.create", name=key, origin="imported")
    for _ in range(2):
        bring(house, desk, key)
    desk.ask(house.admin, "key.delete-imported-material", key, key_version=1)
    whole = Terms(whole=True)
    assert told("key.encrypt", key, whole, plaintext=b"x")[0].code == "key-not-usable"
    desk.ask(house.admin, end, key, key_version=1)
    assert not told("key.encrypt", key, whole, plaintext=b"x")[0].code


def bring(house, desk, key):
    given = desk.ask(house.admin, "key.import-parameters", key, wrapping_key="rsa-2048")
    recipient = load_der_public_key(given.public_key)
    oaep = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)
    desk.ask(
        house.admin, "key.import", key, import_token=given.import_token,
        wrapped_material=recipient.encrypt(os.urandom(32), oaep), wrapping="rsa-oaep-sha256",
    )  # fmt: skip


# --- dry runs -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def asked(desk, house):
    """A good ask for each operation that uses a key."""
    sealed = desk.ask(house.app, "key.encrypt", "demo", plaintext=b"x").ciphertext
    mine = x25519.X25519PrivateKey.generate().public_key().public_bytes_raw()
    signature = desk.ask(house.app, "key.sign", "signer", message=b"x").signature
    tag = desk.ask(house.app, "key.mac", "mac", message=b"x").tag
    sent = desk.ask(house.app, "key.encapsulate", "kem").ciphertext
    return {
        "key.encrypt": ("demo", {"plaintext": b"x"}),
        "key.decrypt": ("demo", {"ciphertext": sealed}),
        "key.re-encrypt": ("demo", {"ciphertext": sealed}),
        "key.generate-data-key": ("demo", {}),
        "key.generate-data-key-pair": ("demo", {"algorithm": "rsa-2048"}),
        "key.sign": ("signer", {"message": b"x"}),
        "key.verify": ("signer", {"message": b"x", "signature": signature}),
        "key.mac": ("mac", {"message": b"x"}),
        "key.verify-mac": ("mac", {"message": b"x", "tag": tag}),
        "key.agree": ("agree", {"public_key": mine}),
        "key.encapsulate": ("kem", {}),
        "key.decapsulate": ("kem", {"ciphertext": sent}),
    }


def test_a_dry_run_leaves_nothing_but_that_it_was_tried(desk, house, told, asked, monkeypatch):
    def made(self, algorithm):
        raise AssertionError(f"a pair of {algorithm} was made for nobody")

    monkeypatch.setattr(SoftwareProvider, "generate_pair", made)
    for operation, (target, fields) in asked.items():
        before = desk.ask(house.admin, "key.read-usage", target)
        epoch = house.store.epoch
        reply, entry = told(operation, target, DRY, **fields)
        assert (reply.code, reply.detail, reply.answer) == (DRY_RUN, PASSED, b"")
        assert reply.key.id
        assert (entry["outcome"], entry["reason"], entry["action"], entry["object"]) == (
            "refused", "dry-run", operation, f"key/{target}",
        )  # fmt: skip
        assert "details" not in entry
        assert desk.ask(house.admin, "key.read-usage", target) == before
        assert house.store.epoch == epoch
    monkeypatch.undo()
    for operation, (target, fields) in asked.items():
        assert not told(operation, target, Terms(), **fields)[0].code


@pytest.mark.parametrize(
    ("operation", "wrong", "code"),
    [
        ("key.decrypt", {"ciphertext": b"x"}, "invalid-ciphertext"),
        ("key.decrypt", {"context": {"a": "b"}}, "invalid-ciphertext"),
        ("key.re-encrypt", {"ciphertext": b"x"}, "invalid-ciphertext"),
        ("key.agree", {"public_key": b"x" * 31}, "invalid-request"),
        ("key.decapsulate", {"ciphertext": b"x"}, "invalid-ciphertext"),
        ("key.verify", {"signature": b"x" * 64}, DRY_RUN),
        ("key.verify-mac", {"tag": b"x" * 32}, DRY_RUN),
    ],
)
def test_what_is_wrong_is_wrong_in_a_dry_run(told, asked, operation, wrong, code):
    target, fields = asked[operation]
    reply, entry = told(operation, target, DRY, **fields | wrong)
    assert (reply.code, entry["reason"]) == (code, code)
    if code == DRY_RUN:
        assert reply.detail == WRONG


def test_rights_and_states_hold_in_a_dry_run(desk, house, told):
    desk.ask(house.admin, "key.create", name="shut")
    token = nobody(house, desk, "stranger", "forbid (principal, action, resource) when { false };")
    assert told("key.encrypt", "shut", DRY, token=token, plaintext=b"x")[0].code == "not-allowed"
    desk.ask(house.admin, "key.disable", "shut")
    assert told("key.encrypt", "shut", DRY, plaintext=b"x")[0].code == "key-not-usable"
    assert told("key.encrypt", "nothing", DRY, plaintext=b"x")[0].code == "not-found"


@pytest.mark.parametrize(
    ("control", "code"),
    [({"uses_max": 2}, "key-not-usable"), ({"rate_uses": 2, "rate_seconds": 60}, "rate-limited")],
)
def test_a_bound_that_is_used_up_refuses_dry_runs_and_is_not_used_up_by_them(
    desk, house, told, control, code
):
    name = f"bound-{code}"
    desk.ask(house.admin, "key.create", name=name, control=control)
    for left in (2, 1):
        for _ in range(4):
            assert told("key.encrypt", name, DRY, plaintext=b"x")[0].code == DRY_RUN
        assert not told("key.encrypt", name, Terms(), plaintext=b"x")[0].code, left
    reply, entry = told("key.encrypt", name, DRY, plaintext=b"x")
    assert (reply.code, entry["reason"]) == (code, code)


def test_dry_runs_rotate_nothing_and_reserve_nothing(desk, house, told):
    desk.ask(house.admin, "key.create", name="often", rotation_uses=1_000)
    for _ in range(3):
        told("key.encrypt", "often", DRY, plaintext=b"x")
    assert desk.steward() == 0
    epoch = house.store.epoch
    told("key.encrypt", "raw", DRY, plaintext=b"x")
    assert house.store.epoch == epoch
    told("key.encrypt", "raw", None, plaintext=b"x")
    assert house.store.epoch == epoch + 1  # its nonces are counted: a block of them was reserved
    told("key.encrypt", "raw", DRY, plaintext=b"x")
    assert house.store.epoch == epoch + 1


def test_changes_are_tried_and_not_made(desk, house, told):
    desk.ask(house.admin, "key.create", name="still")
    for operation, fields in (
        ("key.update", {"description": "new"}), ("key.disable", {}), ("key.rotate", {}),
        ("key.schedule-destruction", {"days": 7}),
    ):  # fmt: skip
        before = desk.ask(house.admin, "key.read", "still")
        reply, entry = told(operation, "still", DRY, token=house.admin, **fields)
        assert (reply.code, entry["reason"]) == (DRY_RUN, "dry-run")
        assert desk.ask(house.admin, "key.read", "still") == before


def test_a_ciphertext_that_is_not_seen_is_not_needed(desk, house, told):
    unseen = Terms(dry=True, unseen=True)
    for target in ("demo", "rsa"):
        assert told("key.decrypt", target, unseen, ciphertext=b"")[0].code == DRY_RUN
    fields = {"ciphertext": b"", "source_key": "rsa"}
    assert told("key.re-encrypt", "demo", unseen, **fields)[0].code == DRY_RUN
    desk.ask(house.admin, "key.create", name="away")
    desk.ask(house.admin, "key.disable", "away")
    assert told("key.decrypt", "away", unseen, ciphertext=b"")[0].code == "key-not-usable"


# --- re-encryption by other algorithms ------------------------------------------------------------


def test_a_ciphertext_goes_from_rsa_and_to_rsa_and_needs_both_rights(desk, house, told):
    old = desk.ask(house.app, "key.encrypt", "rsa", plaintext=b"text", scheme="rsa-oaep-sha1")
    asked = {"ciphertext": old.ciphertext, "source_key": "rsa", "source_scheme": "rsa-oaep-sha1"}
    reply, entry = told(
        "key.re-encrypt", "demo", Terms(key=PLAIN, source=RSA), new_context={"a": "1"}, **asked
    )
    made = ANSWER_DECODERS["key.re-encrypt"][reply.variant].decode(reply.answer)
    assert (made.source_key, made.source_version) == ("rsa", 1)
    assert (reply.key.algorithm, reply.source.algorithm) == ("aes-256-gcm", "rsa-2048")
    assert entry["details"].items() >= {
        "source": "rsa", "source_version": 1, "source_scheme": "rsa-oaep-sha1",
    }.items()  # fmt: skip
    opened = desk.ask(house.app, "key.decrypt", ciphertext=made.ciphertext, context={"a": "1"})
    assert opened.plaintext == b"text"

    back = desk.ask(
        house.app, "key.re-encrypt", "rsa", ciphertext=made.ciphertext, context={"a": "1"},
        new_context={}, scheme="rsa-oaep-sha256",
    )  # fmt: skip
    assert desk.ask(
        house.app, "key.decrypt", "rsa", ciphertext=back.ciphertext, scheme="rsa-oaep-sha256"
    ).plaintext == b"text"  # fmt: skip

    for wrong, code in (
        ({"source_scheme": "rsa-oaep-sha256"}, "invalid-ciphertext"),
        ({"source_key": "demo", "source_scheme": "rsa-oaep-sha1"}, "invalid-request"),
        ({"source_key": "nothing"}, "not-found"), ({"source_version": 2}, "not-found"),
        ({"context": {"a": "1"}}, "invalid-request"), ({"scheme": "rsa-oaep-sha1"},
        "invalid-request"),
    ):  # fmt: skip
        assert desk.refusal(house.app, "key.re-encrypt", "demo", **asked | wrong) == code, wrong
    for key in ("demo", "rsa"):
        text = f'forbid (principal, action == Action::"key.re-encrypt", resource == Key::"{key}");'
        desk.ask(house.admin, "policy.write", "stop", text=text)
        assert desk.refusal(house.app, "key.re-encrypt", "demo", **asked) == "not-allowed"
        desk.ask(house.admin, "policy.delete", "stop")
    assert not desk.refusal(house.app, "key.re-encrypt", "demo", **asked)


def test_a_source_that_is_named_is_the_one_that_the_ciphertext_is_of(desk, house, told):
    desk.ask(house.admin, "key.create", name="other")
    blob = desk.ask(house.app, "key.encrypt", "demo", plaintext=b"x").ciphertext
    assert not told("key.re-encrypt", "demo", None, ciphertext=blob, source_key="demo")[0].code
    reply, _ = told("key.re-encrypt", "demo", Terms(), ciphertext=blob, source_key="other")
    assert (reply.code, reply.source.id) == (
        "invalid-ciphertext", bytes.fromhex(desk.ask(house.admin, "key.read", "other").id),
    )  # fmt: skip


# --- labels ---------------------------------------------------------------------------------------


def test_labels_are_added_and_taken_off_without_reading_the_others(desk, house, told):
    desk.ask(house.admin, "key.create", name="labelled", labels={"a": "1", "b": "2"})
    fields = {"add_labels": {"b": "3", "c": "4"}, "remove_labels": ["a", "no-such"]}
    view = desk.ask(house.admin, "key.update", "labelled", **fields)
    assert view.labels == {"b": "3", "c": "4"}
    both = {"labels": {}, "add_labels": {}}
    assert desk.refusal(house.admin, "key.update", "labelled", **both) == "invalid-request"
    for terms, added, code in (
        (Terms(labels_max=2), {"c": "5"}, ""), (Terms(labels_max=2), {"d": ""}, "too-large"),
        (Terms(), {f"n{n}": "" for n in range(62)}, ""), (Terms(), {"x": ""}, "too-large"),
    ):  # fmt: skip
        reply, _ = told("key.update", "labelled", terms, token=house.admin, add_labels=added)
        assert reply.code == code
    desk.ask(house.admin, "key.update", "labelled", labels={"a": "x" * 255})
    each = limits.LABELS_CHARACTERS_MAX // 60
    long = {f"n{n:0126}": "x" * min(255, each) for n in range(63)}
    code = desk.refusal(house.admin, "key.update", "labelled", add_labels=long)
    assert code == "invalid-request"


def test_a_key_is_rotated_by_hand_as_often_as_terms_allow(desk, house, told):
    desk.ask(house.admin, "key.create", name="turned")
    for terms, code in (
        (Terms(rotations_max=1), ""), (Terms(rotations_max=1), "too-large"), (Terms(), ""),
        (Terms(rotations_max=2), "too-large"), (Terms(rotations_max=3), ""),
    ):  # fmt: skip
        assert told("key.rotate", "turned", terms, token=house.admin)[0].code == code
    assert desk.ask(house.admin, "key.read", "turned").current_version == 4


def test_an_alias_moves_between_keys_that_are_alike_where_terms_say_so(desk, house, told):
    desk.ask(house.admin, "alias.write", "kind", key="signer")
    terms, fields = Terms(alike=True), {"token": house.admin, "key": "mac"}
    reply, _ = told("alias.write", "kind", terms, **fields)
    assert (reply.code, reply.pointer) == ("invalid-request", "$.key")
    assert (reply.key.purpose, reply.source.purpose) == ("mac", "sign-verify")
    assert not told("alias.write", "kind", Terms(), **fields)[0].code
    assert not told("alias.write", "kind", terms, **fields)[0].code
    desk.ask(house.admin, "alias.delete", "kind")
    assert not told("alias.write", "kind", terms, token=house.admin, key="rsa")[0].code


def test_an_alias_that_is_to_move_is_there_already(desk, house):
    fields = {"key": "demo", "existing": True}
    assert desk.refusal(house.admin, "alias.write", "moved", **fields) == "not-found"
    desk.ask(house.admin, "alias.write", "moved", key="demo")
    key_id = desk.ask(house.admin, "key.read", "rsa").id
    view = desk.ask(house.admin, "alias.write", "moved", key=f"id:{key_id}", existing=True)
    assert view.key == "rsa"
    desk.ask(house.admin, "alias.delete", "moved")
    assert desk.refusal(house.admin, "alias.write", "moved", **fields) == "not-found"
    both = {"key": "demo", "new": True, "existing": True}
    assert desk.refusal(house.admin, "alias.write", "moved", **both) == "invalid-request"
