"""`strongroom sign`, `verify`, `mac` and `verify-mac`."""

import base64
import hashlib
import json
import subprocess

import pytest

from strongroom.domain import limits
from tests.cli.conftest import on_a_terminal


@pytest.fixture
def signer(cli):
    cli.does("key", "create", "signer", "--algorithm", "ec-p256")
    return cli


@pytest.fixture
def maker(cli):
    cli.does("key", "create", "maker", "--algorithm", "hmac-sha256")
    return cli


@pytest.fixture
def signature(signer, tmp_path):
    path = tmp_path / "signature"
    signer.does("sign", "signer", "--out", str(path), stdin=b"pay 10")
    return str(path)


def test_valid_signature_ends_well(signer, signature):
    result = signer("verify", "signer", "--signature", signature, stdin=b"pay 10")
    assert (result.code, result.out) == (0, "")
    assert result.err == "Valid: the signature is of this message by version 1 of signer.\n"


def test_wrong_message_ends_with_a_code_of_its_own(signer, signature):
    result = signer("verify", "signer", "--signature", signature, stdin=b"pay 99")
    assert (result.code, result.out) == (9, "")
    assert result.err.startswith("Not valid: ")


def test_json_says_it_and_the_code_stays(signer, signature):
    words = ["verify", "signer", "--signature", signature, "-o", "json"]
    right = signer(*words, stdin=b"pay 10")
    assert (right.code, json.loads(right.out)) == (0, {"valid": True, "key_version": 1})
    wrong = signer(*words, stdin=b"pay 99")
    assert (wrong.code, json.loads(wrong.out)) == (9, {"valid": False, "key_version": 1})


def test_signature_is_read_from_a_pipe_where_the_message_is_a_file(signer, signature, tmp_path):
    (tmp_path / "m").write_bytes(b"pay 10")
    words = ["verify", "signer", "--in", str(tmp_path / "m"), "--signature", "-"]
    with open(signature, "rb") as file:
        text = file.read()
    assert signer(*words, stdin=text).code == 0
    assert signer(*words, stdin=base64.b64decode(text)).code == 0


def test_openssl_verifies_what_is_signed(signer, tmp_path):
    (tmp_path / "m").write_bytes(b"pay 10")
    signer.does("key", "public-key", "signer", "--out", str(tmp_path / "pem"))
    signer.does(
        "sign", "signer", "--in", str(tmp_path / "m"), "--raw", "--out", str(tmp_path / "sig")
    )
    checked = subprocess.run(
        ["openssl", "dgst", "-sha256", "-verify", "pem", "-signature", "sig", "m"],
        cwd=tmp_path, capture_output=True, check=False, timeout=120,
    )  # fmt: skip
    assert checked.stdout == b"Verified OK\n"


def test_digest_stands_for_its_message(signer, signature):
    digest = hashlib.sha256(b"pay 10").digest()
    words = ["verify", "signer", "--signature", signature]
    assert signer(*words, "--digest", stdin=digest).code == 0
    assert signer(*words, stdin=digest).code == 9
    made = signer.does("sign", "signer", "--digest", stdin=digest)
    assert base64.b64decode(made)[0] == 0x30


@pytest.mark.parametrize("ending", [b"", b"\n", b"  file\n"])
@pytest.mark.parametrize("name", ["sha256", "sha512"])
def test_hexadecimal_text_is_no_digest(signer, server, name, ending):
    """At 64 characters, `sha256sum`'s words are as long as a digest of SHA-512."""
    asked = len(server.asked)
    digest = hashlib.new(name, b"pay 10").hexdigest().encode()
    result = signer("sign", "signer", "--digest", stdin=digest + ending)
    assert (result.code, result.out) == (2, "")
    assert "hexadecimal" in result.err
    assert len(server.asked) == asked


def test_encoding_must_be_that_of_the_signature(signer, tmp_path):
    path = str(tmp_path / "p1363")
    signer.does("sign", "signer", "--encoding", "p1363", "--raw", "--out", path, stdin=b"x")
    with open(path, "rb") as file:
        assert len(file.read()) == 64
    words = ["verify", "signer", "--signature", path]
    assert signer(*words, "--encoding", "p1363", stdin=b"x").code == 0
    assert signer(*words, stdin=b"x").code == 9


def test_signature_before_a_rotation_needs_its_version(signer, signature):
    signer.does("key", "rotate", "signer")
    words = ["verify", "signer", "--signature", signature]
    stale = signer(*words, stdin=b"pay 10")
    assert stale.code == 9
    assert "--key-version N" in stale.err
    assert signer(*words, "--key-version", "1", stdin=b"pay 10").code == 0
    assert signer(*words, "--key-version", "3", stdin=b"pay 10").code == 5


def test_scheme_is_part_of_a_signature(cli, tmp_path):
    cli.does("key", "create", "rsa", "--algorithm", "rsa-2048")
    path = str(tmp_path / "sig")
    made = cli("sign", "rsa", "--scheme", "rsa-pkcs1-sha256", "--out", path, stdin=b"x")
    assert "(rsa-pkcs1-sha256 by version 1 of rsa)" in made.err
    words = ["verify", "rsa", "--signature", path]
    assert cli(*words, "--scheme", "rsa-pkcs1-sha256", stdin=b"x").code == 0
    assert cli(*words, stdin=b"x").code == 9  # PSS, if nothing else is said


def test_signature_context_is_part_of_a_signature(cli, tmp_path):
    cli.does("key", "create", "k", "--algorithm", "ml-dsa-44")
    path = str(tmp_path / "sig")
    cli.does("sign", "k", "--signature-context", "tür", "--out", path, stdin=b"x")
    words = ["verify", "k", "--signature", path]
    assert cli(*words, "--signature-context", "tür", stdin=b"x").code == 0
    assert cli(*words, stdin=b"x").code == 9


def test_a_digest_is_signed_with_ed25519ph(cli, tmp_path):
    cli.does("key", "create", "k", "--algorithm", "ed25519")
    path, digest = str(tmp_path / "sig"), hashlib.sha512(b"x").digest()
    words = ["sign", "k", "--digest", "--out", path]
    assert cli(*words, stdin=digest).code == 1  # plain, if nothing else is said
    cli.does(*words, "--scheme", "ed25519ph", "--signature-context", "here", stdin=digest)
    words = ["verify", "k", "--signature", path, "--signature-context", "here"]
    assert cli(*words, "--scheme", "ed25519ph", stdin=b"x").code == 0
    assert cli(*words, "--scheme", "ed25519ph", stdin=b"y").code == 9


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "The signature is empty."),
        (b"AAA", "not a whole base64 text"),
        (b"AAAA", "Not valid"),
        (bytes(64), "Not valid"),
        (b"\0" * (limits.SIGNATURE_BYTES_MAX + 1), "longer than any signature"),
        (b"A" * 100_000, "longer than any signature"),
    ],
    ids=lambda value: ascii(value)[:40],  # some are long
)
def test_what_is_no_signature_is_not_valid(signer, tmp_path, content, said):
    (tmp_path / "sig").write_bytes(content)
    result = signer("verify", "signer", "--signature", str(tmp_path / "sig"), stdin=b"x")
    assert (result.code, result.out) == (9, "")
    assert said in result.err


@pytest.mark.parametrize(
    ("arguments", "stdin", "code", "said"),
    [
        (["sign", "signer"], bytes(limits.MESSAGE_BYTES_MAX + 1), 1, "--digest"),
        (["sign", "signer", "--digest"], bytes(65), 1, "longer than any digest"),
        (["sign", "signer", "--digest"], bytes(48), 1, "A digest for this scheme has 32 bytes"),
        (["sign", "signer", "--digest"], b"", 1, "$.digest"),
        (["sign", "signer", "--scheme", "rsa-pss-sha256"], b"x", 1, "has: ecdsa-sha256"),
        (["sign", "signer", "--scheme", "md5"], b"x", 1, "$.scheme"),
        (["sign", "signer", "--encoding", "jws"], b"x", 1, "$.encoding"),
        (["sign", "signer", "--signature-context", "x"], b"x", 1, "context"),
        (["sign", "demo"], b"x", 1, "sign-verify"),
        (["sign", "nowhere"], b"x", 5, "Not found: key.sign nowhere"),
        (["sign", "signer", "--in", "no/such"], b"", 2, "There is no file"),
        (["sign", "signer", "--out", "no/such"], b"x", 2, "There is no directory"),
        (["verify", "signer"], b"x", 2, "Missing option '--signature'"),
        (["verify", "signer", "--signature", "no/such"], b"x", 2, "There is no file"),
        (["mac", "signer"], b"x", 1, "mac"),
        (["mac", "demo"], bytes(limits.MESSAGE_BYTES_MAX + 1), 1, "MESSAGE_BYTES_MAX"),
        (["verify-mac", "demo"], b"x", 2, "Missing option '--tag'"),
    ],
    ids=lambda value: ascii(value)[:40],  # some are long
)
def test_refusal_says_what_and_has_its_code(signer, arguments, stdin, code, said):
    result = signer(*arguments, stdin=stdin)
    assert (result.code, result.out) == (code, "")
    assert said in result.err


def test_disabled_key_signs_and_verifies_nothing(signer, signature):
    signer.does("key", "disable", "signer")
    assert signer("sign", "signer", stdin=b"pay 10").code == 6
    assert signer("verify", "signer", "--signature", signature, stdin=b"pay 10").code == 6


def test_existing_file_stays_and_no_key_is_used_for_nothing(signer, server, tmp_path):
    (tmp_path / "sig").write_bytes(b"precious")
    asked = len(server.asked)
    result = signer("sign", "signer", "--out", str(tmp_path / "sig"), stdin=b"x")
    assert result.code == 6
    assert (tmp_path / "sig").read_bytes() == b"precious"
    assert len(server.asked) == asked


def test_signature_as_bytes_is_not_shown_on_a_terminal(signer):
    code, shown, err = on_a_terminal(["sign", "signer", "--raw"], b"x")
    assert (code, shown) == (1, b"")
    assert b"could command your terminal" in err
    assert on_a_terminal(["sign", "signer"], b"x")[0] == 0


def test_tag_is_right_for_its_message_alone(maker, tmp_path):
    path = str(tmp_path / "tag")
    maker.does("mac", "maker", "--out", path, stdin=b"x")
    words = ["verify-mac", "maker", "--tag", path]
    assert maker(*words, stdin=b"x").code == 0
    assert maker(*words, stdin=b"y").code == 9
    maker.does("key", "rotate", "maker")
    assert maker(*words, stdin=b"x").code == 9
    assert maker(*words, "--key-version", "1", stdin=b"x").code == 0


@pytest.mark.parametrize("bytes_left", [0, 16, 31])
def test_shortened_tag_is_wrong(maker, tmp_path, bytes_left):
    tag = base64.b64decode(maker.does("mac", "maker", stdin=b"x"))
    (tmp_path / "tag").write_bytes(tag[:bytes_left])
    result = maker("verify-mac", "maker", "--tag", str(tmp_path / "tag"), stdin=b"x")
    assert result.code == 9
