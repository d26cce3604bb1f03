"""`strongroom agree`, `encapsulate`, `decapsulate`, `wrap` and `unwrap`."""

import base64
import json
import subprocess

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from strongroom.domain import limits

_SPKI = (serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
_DER = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


@pytest.fixture
def house(cli):
    for name, algorithm, purpose in (
        ("side", "ec-p256", "agree"), ("x", "x25519", "agree"), ("kem", "ml-kem-768", None),
        ("wrapper", "aes-256-kw", None),
    ):  # fmt: skip
        words = ["--purpose", purpose] if purpose else []
        cli.does("key", "create", name, "--algorithm", algorithm, *words)
    return cli


def test_both_sides_have_the_same_secret_whatever_the_form(house):
    ours = ec.generate_private_key(ec.SECP256R1())
    theirs = serialization.load_pem_public_key(house.does("key", "public-key", "side").encode())
    der = ours.public_key().public_bytes(*_DER)
    for given in (ours.public_key().public_bytes(*_SPKI), der, base64.encodebytes(der)):
        made = house.process("agree", "side", stdin=given)
        assert made.stdout == ours.exchange(ec.ECDH(), theirs)


def test_x25519_takes_32_bytes(house):
    ours = X25519PrivateKey.generate()
    theirs = serialization.load_pem_public_key(house.does("key", "public-key", "x").encode())
    raw = ours.public_key().public_bytes_raw()
    assert house.process("agree", "x", stdin=raw).stdout == ours.exchange(theirs)


def test_private_key_in_a_public_ones_place_is_not_sent(house, server):
    pem = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    asked = len(server.asked)
    result = house("agree", "side", stdin=pem)
    assert (result.code, result.out) == (2, "")
    assert "private key" in result.err
    assert len(server.asked) == asked


def test_encapsulated_secret_is_opened(house, tmp_path):
    sealed = tmp_path / "sealed"
    secret = house.process("encapsulate", "kem", "--ciphertext", sealed).stdout
    assert len(secret) == 32
    assert house.process("decapsulate", "kem", "--in", sealed).stdout == secret
    house.does("key", "rotate", "kem")
    assert house.process("decapsulate", "kem", "--in", sealed).stdout != secret
    old = house.process("decapsulate", "kem", "--in", sealed, "--key-version", "1")
    assert old.stdout == secret


def test_ciphertext_goes_on_while_the_secret_stays(house, tmp_path):
    sealed = house.process("encapsulate", "kem", "--raw", "--out", tmp_path / "secret").stdout
    assert len(sealed) == 1088  # FIPS 203, table 3
    opened = house.process("decapsulate", "kem", stdin=sealed).stdout
    assert opened == (tmp_path / "secret").read_bytes()


def test_wrapped_material_comes_back(house):
    wrapped = house.process("wrap", "wrapper", stdin=b"\xffkey material")
    assert house.process("unwrap", "wrapper", stdin=wrapped.stdout).stdout == b"\xffkey material"
    block = bytes(range(32))
    wrapped = house.process("wrap", "wrapper", "--scheme", "aes-kw", "--raw", stdin=block).stdout
    words = ["unwrap", "wrapper", "--scheme", "aes-kw"]
    assert house.process(*words, stdin=wrapped).stdout == block
    assert house.process("unwrap", "wrapper", stdin=wrapped).returncode == 8


def test_what_openssl_wraps_to_an_rsa_key_is_unwrapped(cli, tmp_path):
    cli.does("key", "create", "box", "--algorithm", "rsa-2048", "--purpose", "wrap")
    cli.does("key", "public-key", "box", "--out", str(tmp_path / "pem"))
    sealed = subprocess.run(
        ["openssl", "pkeyutl", "-encrypt", "-pubin", "-inkey", tmp_path / "pem", "-pkeyopt",
         "rsa_padding_mode:oaep", "-pkeyopt", "rsa_oaep_md:sha256"],
        input=bytes(32), capture_output=True, check=True, timeout=120,
    ).stdout  # fmt: skip
    assert cli.process("unwrap", "box", stdin=sealed).stdout == bytes(32)


def test_json_carries_the_answers(house, tmp_path):
    made = json.loads(house.does("encapsulate", "kem", "-o", "json"))
    assert made.keys() == {"ciphertext", "shared_secret", "key_version"}
    (tmp_path / "c").write_text(made["ciphertext"])
    opened = json.loads(house.does("decapsulate", "kem", "--in", str(tmp_path / "c"), "-o", "json"))
    assert opened == {"shared_secret": made["shared_secret"], "key_version": 1}
    wrapped = json.loads(house.does("wrap", "wrapper", "-o", "json", stdin=b"0123456789abcdef"))
    assert wrapped["scheme"] == "aes-kwp"


@pytest.mark.parametrize(
    ("arguments", "stdin", "code", "said"),
    [
        (["agree", "side"], b"", 1, "The input is empty."),
        (["agree", "side"], b"AAA", 1, "not a whole base64 text"),
        (["agree", "side"], b"AAAA", 1, "$.public_key"),
        (["agree", "side"], b"\0" * 8193, 1, "KEY_BLOB_BYTES_MAX"),
        (["agree", "side"], b"-----BEGIN CERTIFICATE-----\nAAAA\n", 2, "not of one public key"),
        (["agree", "x"], bytes(32), 1, "$.public_key"),  # of small order
        (["agree", "demo"], bytes(32), 1, "agree"),
        (["agree", "nowhere"], bytes(32), 5, "Not found"),
        (["encapsulate", "kem"], b"", 2, "Only one of the ciphertext and the shared secret"),
        (["encapsulate", "side", "-o", "json"], b"", 1, "encapsulate"),
        (["encapsulate", "kem", "--scheme", "hpke", "-o", "json"], b"", 1, "has: ml-kem"),
        (["decapsulate", "kem"], b"", 8, "empty"),
        (["decapsulate", "kem"], bytes(1087), 8, "not valid"),
        (["decapsulate", "kem"], b"\0" * 8193, 8, "KEY_BLOB_BYTES_MAX"),
        (["wrap", "wrapper"], b"\0" * 8193, 1, "KEY_BLOB_BYTES_MAX"),
        (["wrap", "wrapper", "--scheme", "aes-kw"], b"odd", 1, "aes-kw wraps no material"),
        (["wrap", "wrapper"], b"", 1, "aes-kwp wraps no material"),
        (["wrap", "demo"], b"0123456789abcdef", 1, "wrap"),
        (["unwrap", "wrapper"], b"", 8, "empty"),
        (["unwrap", "wrapper"], bytes(24), 8, "not valid"),
        (["unwrap", "wrapper", "--key-version", "9"], bytes(24), 5, "Not found"),
    ],
    ids=lambda value: ascii(value)[:40],  # some are long
)
def test_refusal_says_what_and_has_its_code(house, arguments, stdin, code, said):
    result = house(*arguments, stdin=stdin)
    assert (result.code, result.out) == (code, "")
    assert said in result.err


def test_public_key_of_another_curve_is_refused(house):
    public = ec.generate_private_key(ec.SECP384R1()).public_key().public_bytes(*_SPKI)
    assert house("agree", "side", stdin=public).code == 1
    doubled = ec.generate_private_key(ec.SECP256R1()).public_key().public_bytes(*_SPKI) * 2
    assert house("agree", "side", stdin=doubled).code == 2


def test_application_without_the_right_is_refused(house, monkeypatch):
    house.does("principal", "create", "bare")
    token = json.loads(house.does("token", "create", "bare", "-o", "json"))["token"]
    monkeypatch.setenv("BARE", token)
    for words in (["wrap", "wrapper"], ["unwrap", "wrapper"], ["agree", "x"], ["random"]):
        result = house(*words, "--token-from", "BARE", stdin=bytes(32))
        assert (result.code, result.out) == (4, ""), words


def test_limits_leave_room_for_the_largest(house):
    assert len(house.process("wrap", "wrapper", "--raw", stdin=bytes(limits.KEY_BLOB_BYTES_MAX - 16)
               ).stdout) == limits.KEY_BLOB_BYTES_MAX - 8  # fmt: skip
