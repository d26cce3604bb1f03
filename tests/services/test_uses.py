"""Sign, MAC, data keys, re-encrypt, agree, encapsulate, wrap: at the desk, with every right."""

import hashlib
from functools import partial

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, x25519

from strongroom.domain.algorithms import ALGORITHMS, Purpose
from tests.support.desks import House, Refused


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    return House(tmp_path_factory.mktemp("uses") / "store.db")


@pytest.fixture
def desk(house):
    return house.desk()


_made = {}


def key_of(house, desk, algorithm, purpose):
    """A key of that kind, made once: RSA takes long."""
    name = f"{algorithm}-{purpose}"
    if name not in _made:
        desk.ask(house.admin, "key.create", name=name, algorithm=algorithm, purpose=purpose)
        _made[name] = True
    return name


SIGNS = [
    a for a, row in ALGORITHMS.items() if Purpose.SIGN_VERIFY in row.schemes and a != "rsa-4096"
]


@pytest.mark.parametrize("algorithm", SIGNS)
def test_signature_is_valid_and_an_altered_one_or_message_is_not(house, desk, algorithm):
    name = key_of(house, desk, algorithm, "sign-verify")
    for scheme in ALGORITHMS[algorithm].schemes[Purpose.SIGN_VERIFY]:
        content = {"message": b"a message"}
        if scheme == "ml-dsa-mu":
            content = {"digest": bytes(64)}
        made = desk.ask(house.app, "key.sign", name, scheme=scheme, **content)
        assert (made.scheme, made.key_version) == (scheme, 1)

        def valid(signature, asked=scheme, **content):
            return desk.ask(
                house.app, "key.verify", name, scheme=asked, signature=signature, **content
            ).valid

        assert valid(made.signature, **content)
        assert not valid(made.signature[:-1] + bytes([made.signature[-1] ^ 1]), **content)
        assert not valid(b"", **content)
        other = {field: value[:-1] + b"!" for field, value in content.items()}
        assert not valid(made.signature, **other)


def test_signature_is_one_that_others_verify(house, desk):
    name = key_of(house, desk, "ec-p256", "sign-verify")
    public = desk.ask(house.app, "key.read-public-key", name)
    signature = desk.ask(house.app, "key.sign", name, message=b"m").signature
    for loaded in (
        serialization.load_der_public_key(public.der),
        serialization.load_pem_public_key(public.pem.encode()),
    ):
        loaded.verify(signature, b"m", ec.ECDSA(hashes.SHA256()))
        with pytest.raises(InvalidSignature):
            loaded.verify(signature, b"n", ec.ECDSA(hashes.SHA256()))
    assert public.jwk["kty"] == "EC"


CONTEXT = {"signature_context": b"here"}


def test_digest_stands_for_the_message_and_its_length_is_checked(house, desk):
    name = key_of(house, desk, "ec-p256", "sign-verify")
    digest = hashlib.sha256(b"m").digest()
    signature = desk.ask(house.app, "key.sign", name, digest=digest).signature
    assert desk.ask(house.app, "key.verify", name, message=b"m", signature=signature).valid
    for wrong in (hashlib.sha384(b"m").digest(), hashlib.sha224(b"m").digest()):
        assert desk.refusal(house.app, "key.sign", name, digest=wrong) == "invalid-request"
    ed25519 = key_of(house, desk, "ed25519", "sign-verify")
    for fields in ({"digest": digest}, {"digest": bytes(64)}, {"message": b"m", **CONTEXT}):
        assert desk.refusal(house.app, "key.sign", ed25519, **fields) == "invalid-request"


def test_ed25519ph_signs_a_digest_beside_plain_ed25519(house, desk):
    name = key_of(house, desk, "ed25519", "sign-verify")
    ask = partial(desk.ask, house.app)
    digest = hashlib.sha512(b"m").digest()
    made = ask("key.sign", name, scheme="ed25519ph", digest=digest, **CONTEXT).signature
    verify = partial(ask, "key.verify", name, message=b"m")
    assert verify(signature=made, scheme="ed25519ph", **CONTEXT).valid
    assert not verify(signature=made, scheme="ed25519ph").valid
    assert not verify(signature=made).valid
    plain = ask("key.sign", name, message=b"m").signature
    assert not verify(signature=plain, scheme="ed25519ph").valid
    for wrong in (digest[:-1], hashlib.sha256(b"m").digest()):
        code = desk.refusal(house.app, "key.sign", name, scheme="ed25519ph", digest=wrong)
        assert code == "invalid-request"


def test_both_encodings_of_an_ecdsa_signature(house, desk):
    name = key_of(house, desk, "ec-p384", "sign-verify")
    raw = desk.ask(house.app, "key.sign", name, message=b"m", encoding="p1363").signature
    assert len(raw) == 96
    asked = {"message": b"m", "signature": raw}
    assert desk.ask(house.app, "key.verify", name, encoding="p1363", **asked).valid
    assert not desk.ask(house.app, "key.verify", name, encoding="der", **asked).valid
    short = {"message": b"m", "signature": raw[:-1]}
    assert not desk.ask(house.app, "key.verify", name, encoding="p1363", **short).valid
    rsa = key_of(house, desk, "rsa-2048", "sign-verify")
    code = desk.refusal(house.app, "key.sign", rsa, message=b"m", encoding="p1363")
    assert code == "invalid-request"


def test_batch_of_signatures_has_an_outcome_for_each(house, desk):
    name = key_of(house, desk, "ec-p256", "sign-verify")
    items = [{"message": b"a"}, {"digest": bytes(48)}, {"message": b"c"}]
    answer = desk.ask(house.app, "key.sign", name, items=items)
    codes = [getattr(item.error, "code", "") for item in answer.items]
    assert codes == ["", "invalid-request", ""]
    assert desk.refusal(house.app, "key.sign", name, items=[{"digest": bytes(48)}]) == (
        "invalid-request"
    )


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"message": b"m", "digest": bytes(32)},
        {"message": b"m", "scheme": "rsa-pss-sha256"},
        {"message": b"m", "scheme": "nonsense"},
        {"message": b"x" * 65_537},
        {"message": b"m", "signature_context": b"x"},
        {"message": b"m", "signature_context": b"x" * 256},
        {"items": []},
    ],
)
def test_what_cannot_be_signed_is_refused(house, desk, fields):
    name = key_of(house, desk, "ec-p256", "sign-verify")
    assert desk.refusal(house.app, "key.sign", name, **fields) in ("invalid-request", "too-large")


def test_context_of_an_ml_dsa_signature_is_part_of_it(house, desk):
    name = key_of(house, desk, "ml-dsa-65", "sign-verify")
    made = desk.ask(house.app, "key.sign", name, message=b"m", signature_context=b"here")
    asked = {"message": b"m", "signature": made.signature}
    assert desk.ask(house.app, "key.verify", name, signature_context=b"here", **asked).valid
    assert not desk.ask(house.app, "key.verify", name, signature_context=b"there", **asked).valid
    assert not desk.ask(house.app, "key.verify", name, **asked).valid


def test_mac_and_what_is_no_mac(house, desk):
    for algorithm in ("hmac-sha1", "hmac-sha224", "hmac-sha256", "hmac-sha384", "hmac-sha512"):
        name = key_of(house, desk, algorithm, "mac")
        tag = desk.ask(house.app, "key.mac", name, message=b"m").tag
        assert len(tag) * 8 == ALGORITHMS[algorithm].bits
        for message, given, valid in (
            (b"m", tag, True), (b"n", tag, False), (b"m", tag[:-1], False), (b"m", b"", False),
        ):  # fmt: skip
            answer = desk.ask(house.app, "key.verify-mac", name, message=message, tag=given)
            assert answer.valid is valid
    sides = [key_of(house, desk, f"hmac-sha{n}", "mac") for n in (256, 512)]
    tags = {desk.ask(house.app, "key.mac", side, message=b"m").tag for side in sides}
    assert len(tags) == 2


def test_data_key_opens_again(house, desk):
    made = desk.ask(house.app, "key.generate-data-key", "demo", bytes=64, context={"a": "b"})
    assert len(made.plaintext) == 64
    opened = desk.ask(house.app, "key.decrypt", ciphertext=made.ciphertext, context={"a": "b"})
    assert opened.plaintext == made.plaintext
    assert desk.refusal(house.app, "key.decrypt", ciphertext=made.ciphertext) == (
        "invalid-ciphertext"
    )
    bare = desk.ask(house.app, "key.generate-data-key", "demo", with_plaintext=False)
    assert not bare.plaintext
    for wrong in (0, 1_025, -1, "32"):
        assert desk.refusal(house.app, "key.generate-data-key", "demo", bytes=wrong)


@pytest.mark.parametrize("algorithm", ["ed25519", "x25519", "ec-p521", "ml-dsa-44", "ml-kem-768"])
def test_data_key_pair_opens_again_and_its_halves_belong_together(house, desk, algorithm):
    made = desk.ask(house.app, "key.generate-data-key-pair", "demo", algorithm=algorithm)
    opened = desk.ask(house.app, "key.decrypt", ciphertext=made.ciphertext)
    assert opened.plaintext == made.private_key
    if not algorithm.startswith("ml-"):
        private = serialization.load_der_private_key(made.private_key, None)
        public = private.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        assert public == made.public_key
    kept = desk.ask(
        house.app, "key.generate-data-key-pair", "demo", algorithm=algorithm, with_plaintext=False
    )
    assert not kept.private_key
    refused = desk.refusal(house.app, "key.generate-data-key-pair", "demo", algorithm="aes-256-gcm")
    assert refused == "invalid-request"


def test_re_encrypt_changes_key_and_context_and_needs_both_rights(house, desk):
    desk.ask(house.admin, "key.create", name="new-home")
    old = desk.ask(house.app, "key.encrypt", "demo", plaintext=b"text", context={"a": "1"})
    asked = {"ciphertext": old.ciphertext, "context": {"a": "1"}}
    made = desk.ask(house.app, "key.re-encrypt", "new-home", new_context={"b": "2"}, **asked)
    assert (made.source_key, made.source_version) == ("demo", 1)
    opened = desk.ask(
        house.app, "key.decrypt", "new-home", ciphertext=made.ciphertext, context={"b": "2"}
    )
    assert opened.plaintext == b"text"
    # The context goes along where no other is given.
    same = desk.ask(house.app, "key.re-encrypt", "new-home", **asked)
    assert desk.ask(
        house.app, "key.decrypt", ciphertext=same.ciphertext, context={"a": "1"}
    ).plaintext == b"text"  # fmt: skip
    wrong = {**asked, "context": {"a": "2"}}
    assert desk.refusal(house.app, "key.re-encrypt", "new-home", **wrong) == "invalid-ciphertext"
    for key in ("demo", "new-home"):
        text = f'forbid (principal, action == Action::"key.re-encrypt", resource == Key::"{key}");'
        desk.ask(house.admin, "policy.write", "stop", text=text)
        assert desk.refusal(house.app, "key.re-encrypt", "new-home", **asked) == "not-allowed"
        desk.ask(house.admin, "policy.delete", "stop")
    for key in ("demo", "new-home"):
        desk.ask(house.admin, "key.disable", key)
        assert desk.refusal(house.app, "key.re-encrypt", "new-home", **asked) == "key-not-usable"
        desk.ask(house.admin, "key.enable", key)
    signer = key_of(house, desk, "ed25519", "sign-verify")
    assert desk.refusal(house.app, "key.re-encrypt", signer, **asked) == "invalid-request"


def test_agreement_is_the_same_from_both_sides(house, desk):
    name = key_of(house, desk, "x25519", "agree")
    mine = x25519.X25519PrivateKey.generate()
    theirs = desk.ask(house.app, "key.read-public-key", name).der
    secret = desk.ask(
        house.app, "key.agree", name, public_key=mine.public_key().public_bytes_raw()
    ).shared_secret
    assert secret == mine.exchange(serialization.load_der_public_key(theirs))
    for wrong in (bytes(32), b"short", theirs[:-1]):  # of small order, and what is no key
        assert desk.refusal(house.app, "key.agree", name, public_key=wrong) == "invalid-request"
    curve = key_of(house, desk, "ec-p256", "agree")
    other = (
        ec.generate_private_key(ec.SECP384R1())
        .public_key()
        .public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    assert desk.refusal(house.app, "key.agree", curve, public_key=other) == "invalid-request"


@pytest.mark.parametrize("algorithm", ["ml-kem-768", "ml-kem-1024"])
def test_encapsulated_secret_comes_out_again(house, desk, algorithm):
    name = key_of(house, desk, algorithm, "encapsulate")
    made = desk.ask(house.app, "key.encapsulate", name)
    opened = desk.ask(house.app, "key.decapsulate", name, ciphertext=made.ciphertext)
    assert opened.shared_secret == made.shared_secret
    again = desk.ask(house.app, "key.encapsulate", name)
    assert again.shared_secret != made.shared_secret
    code = desk.refusal(house.app, "key.decapsulate", name, ciphertext=made.ciphertext[:-1])
    assert code == "invalid-ciphertext"


@pytest.mark.parametrize(
    ("algorithm", "scheme"),
    [("aes-128-kw", "aes-kw"), ("aes-256-kw", "aes-kwp"), ("rsa-2048", "rsa-oaep-sha256")],
)
def test_wrapped_material_comes_out_again(house, desk, algorithm, scheme):
    name = key_of(house, desk, algorithm, "wrap")
    material = bytes(range(32))
    made = desk.ask(house.app, "key.wrap", name, material=material, scheme=scheme)
    asked = {"wrapped": made.wrapped, "scheme": scheme}
    assert desk.ask(house.app, "key.unwrap", name, **asked).material == material
    for wrong in (made.wrapped[:-1], made.wrapped[:-1] + bytes([made.wrapped[-1] ^ 1]), b""):
        code = desk.refusal(house.app, "key.unwrap", name, wrapped=wrong, scheme=scheme)
        assert code == "invalid-ciphertext"


RAW = [
    a for a in ALGORITHMS if ALGORITHMS[a].purpose is Purpose.ENCRYPT_DECRYPT and a != "aes-256-gcm"
]


@pytest.mark.parametrize("algorithm", RAW)
def test_raw_ciphertext_opens_with_its_version_and_not_otherwise(house, desk, algorithm):
    name = key_of(house, desk, algorithm, "encrypt-decrypt")
    authenticated = "cbc" not in algorithm and "ctr" not in algorithm
    more = {"additional": b"beside"} if authenticated else {}
    made = desk.ask(house.app, "key.encrypt", name, plaintext=b"text", **more)
    again = desk.ask(house.app, "key.encrypt", name, plaintext=b"text", **more)
    assert made.ciphertext != again.ciphertext
    sealed = {"ciphertext": made.ciphertext, "key_version": made.key_version}
    assert desk.ask(house.app, "key.decrypt", name, **sealed, **more).plaintext == b"text"
    desk.ask(house.admin, "key.rotate", name)
    assert desk.ask(house.app, "key.decrypt", name, **sealed, **more).plaintext == b"text"
    if authenticated:
        assert desk.refusal(house.app, "key.decrypt", name, **sealed) == "invalid-ciphertext"
        newer = {**sealed, "key_version": made.key_version + 1}
        assert desk.refusal(house.app, "key.decrypt", name, **newer, **more) == (
            "invalid-ciphertext"
        )
    else:
        code = desk.refusal(house.app, "key.encrypt", name, plaintext=b"x", additional=b"beside")
        assert code == "invalid-request"
    assert desk.refusal(house.app, "key.decrypt", name, ciphertext=b"", **more) == (
        "invalid-ciphertext"
    )
    for wrong in ({"context": {"a": "b"}}, {"scheme": "rsa-oaep-sha256"}):
        assert desk.refusal(house.app, "key.decrypt", name, **sealed, **wrong) == "invalid-request"
    items = [{"plaintext": b"x"}]
    assert desk.refusal(house.app, "key.encrypt", name, items=items) == "invalid-request"


def test_rsa_decrypts_what_others_encrypt_to_its_public_key(house, desk):
    name = key_of(house, desk, "rsa-2048", "decrypt")
    public = serialization.load_der_public_key(desk.ask(house.app, "key.read-public-key", name).der)
    for digest, scheme in (
        (hashes.SHA256(), "rsa-oaep-sha256"),
        (hashes.SHA384(), "rsa-oaep-sha384"),
    ):
        sealed = public.encrypt(b"text", padding.OAEP(padding.MGF1(digest), digest, None))
        asked = {"ciphertext": sealed, "scheme": scheme}
        assert desk.ask(house.app, "key.decrypt", name, **asked).plaintext == b"text"
        asked["scheme"] = "rsa-oaep-sha512"
        assert desk.refusal(house.app, "key.decrypt", name, **asked) == "invalid-ciphertext"
    assert desk.refusal(house.app, "key.decrypt", name, ciphertext=b"x") == "invalid-ciphertext"
    asked = {"scheme": "rsa-oaep-sha384", "additional": b"label"}
    made = desk.ask(house.app, "key.encrypt", name, plaintext=b"x", **asked)
    opened = desk.ask(house.app, "key.decrypt", name, ciphertext=made.ciphertext, **asked)
    assert opened.plaintext == b"x"
    del asked["additional"]
    code = desk.refusal(house.app, "key.decrypt", name, ciphertext=made.ciphertext, **asked)
    assert code == "invalid-ciphertext"
    legacy = {"ciphertext": bytes(256), "scheme": "rsa1_5"}
    assert desk.refusal(house.app, "key.decrypt", name, **legacy) == "invalid-request"
    long = bytes(300)
    assert desk.refusal(house.app, "key.encrypt", name, plaintext=long) == "invalid-request"


@pytest.mark.parametrize("algorithm", ["x25519", "x25519-ml-kem-768"])
def test_hpke_opens_with_its_info_and_key_and_not_otherwise(house, desk, algorithm):
    name = key_of(house, desk, algorithm, "encapsulate")
    made = desk.ask(house.app, "key.encrypt", name, plaintext=b"text", additional=b"info")
    sealed = {"ciphertext": made.ciphertext}
    opened = desk.ask(house.app, "key.decrypt", name, **sealed, additional=b"info")
    assert opened.plaintext == b"text"
    assert desk.refusal(house.app, "key.decrypt", name, **sealed) == "invalid-ciphertext"
    cut = {"ciphertext": made.ciphertext[:-1], "additional": b"info"}
    assert desk.refusal(house.app, "key.decrypt", name, **cut) == "invalid-ciphertext"
    assert desk.refusal(house.app, "key.encapsulate", name) == "invalid-request"
    kem = key_of(house, desk, "ml-kem-768", "encapsulate")
    assert desk.refusal(house.app, "key.encrypt", kem, plaintext=b"x") == "invalid-request"


def test_default_keys_take_no_raw_fields(house, desk):
    sealed = desk.ask(house.app, "key.encrypt", "demo", plaintext=b"x").ciphertext
    for fields in ({"additional": b"x"}, {"key_version": 1}, {"scheme": "rsa-oaep-sha256"}):
        code = desk.refusal(house.app, "key.decrypt", ciphertext=sealed, **fields)
        assert code == "invalid-request"
    code = desk.refusal(house.app, "key.encrypt", "demo", plaintext=b"x", additional=b"x")
    assert code == "invalid-request"


USES = {
    "key.encrypt": ({"plaintext": b"x"}, {"encrypt-decrypt"}),
    "key.sign": ({"message": b"x"}, {"sign-verify"}),
    "key.verify": ({"message": b"x", "signature": b"x"}, {"sign-verify"}),
    "key.mac": ({"message": b"x"}, {"mac"}),
    "key.verify-mac": ({"message": b"x", "tag": b"x"}, {"mac"}),
    "key.generate-data-key": ({}, {"encrypt-decrypt"}),
    "key.agree": ({"public_key": bytes(range(32))}, {"agree"}),
    "key.encapsulate": ({}, {"encapsulate"}),
    "key.decapsulate": ({"ciphertext": bytes(1_088)}, {"encapsulate"}),
    "key.wrap": ({"material": bytes(range(32))}, {"wrap"}),
}
KINDS = (
    ("aes-256-gcm", "encrypt-decrypt"), ("ec-p256", "sign-verify"), ("hmac-sha256", "mac"),
    ("x25519", "agree"), ("ml-kem-768", "encapsulate"), ("aes-256-kw", "wrap"),
)  # fmt: skip


@pytest.mark.parametrize(("algorithm", "purpose"), KINDS)
@pytest.mark.parametrize("operation", USES)
def test_key_is_used_for_its_purpose_only_and_not_while_it_is_disabled(
    house, desk, operation, algorithm, purpose
):
    name = key_of(house, desk, algorithm, purpose)
    fields, purposes = USES[operation]
    code = desk.refusal(house.app, operation, name, **fields)
    assert code == ("" if purpose in purposes else "invalid-request")
    if purpose in purposes:
        desk.ask(house.admin, "key.disable", name)
        assert desk.refusal(house.app, operation, name, **fields) == "key-not-usable"
        desk.ask(house.admin, "key.enable", name)
    with pytest.raises(Refused, match="not-allowed"):
        house.desk().ask(_powerless(house, desk), operation, name, **fields)


def _powerless(house, desk):
    if "powerless" not in _made:
        desk.ask(house.admin, "principal.create", name="powerless")
        _made["powerless"] = desk.ask(house.admin, "token.create", principal="powerless").token
    return _made["powerless"]


@pytest.mark.parametrize(
    "fields",
    [
        {"algorithm": "aes-256-gcm", "purpose": "sign-verify"},
        {"algorithm": "ec-secp256k1", "purpose": "agree"},
        {"algorithm": "hmac-sha256", "purpose": "encrypt-decrypt"},
        {"algorithm": "des"},
        {"algorithm": "RSA-2048"},
    ],
)
def test_key_that_cannot_be_is_not_made(house, desk, fields):
    assert desk.refusal(house.admin, "key.create", name="never", **fields) == "invalid-request"
    assert desk.refusal(house.admin, "key.read", "never") == "not-found"


def test_public_key_of_a_secret_key_is_none_of_anybodys(house, desk):
    assert desk.refusal(house.app, "key.read-public-key", "demo") == "invalid-request"
    name = key_of(house, desk, "ed25519", "sign-verify")
    assert desk.refusal(house.app, "key.read-public-key", name, key_version=9) == "not-found"


def test_each_use_is_on_record_without_what_was_in_it(house, desk):
    name = key_of(house, desk, "ec-p256", "sign-verify")
    request, reply = desk.reply(house.app, "key.sign", name, message=b"m", scheme="ecdsa-sha256")
    assert not reply.code
    house.clock.now += 1
    events = desk.ask(house.admin, "audit.read", action="key.sign", limit=1_000).events
    (event,) = [each for each in events if each.request == request]
    assert event.details == {"scheme": "ecdsa-sha256"}
    assert (event.object, event.version, event.outcome) == (f"key/{name}", 1, "allowed")
