"""`strongroom encrypt` and `strongroom decrypt`: files, pipes, limits, terminals."""

import base64
import json
import os
import stat
import subprocess
import sys

import pytest

from strongroom.domain import limits
from tests.cli.conftest import SOURCE, on_a_terminal

EVERY_BYTE = bytes(range(256)) * 4


def test_pipe_carries_every_byte_there_and_back(cli):
    sealed = cli.process("encrypt", "demo", stdin=EVERY_BYTE)
    assert (sealed.returncode, sealed.stderr) == (0, b"")
    assert sealed.stdout.endswith(b"\n")
    assert base64.b64decode(sealed.stdout, validate=False)[:1] == b"\x01"
    opened = cli.process("decrypt", stdin=sealed.stdout)
    assert (opened.returncode, opened.stdout, opened.stderr) == (0, EVERY_BYTE, b"")


def test_raw_ciphertext_is_bytes_that_decrypt_takes_as_they_are(cli):
    sealed = cli.process("encrypt", "demo", "--raw", stdin=EVERY_BYTE).stdout
    assert sealed[0] == 1
    assert cli.process("decrypt", "--key", "demo", stdin=sealed).stdout == EVERY_BYTE


def test_empty_plaintext_is_one(cli):
    sealed = cli.process("encrypt", "demo").stdout
    opened = cli.process("decrypt", stdin=sealed)
    assert (opened.returncode, opened.stdout) == (0, b"")


def test_ciphertext_wrapped_by_an_editor_still_opens(cli):
    sealed = cli.process("encrypt", "demo", stdin=b"hello").stdout
    wrapped = b"\r\n".join(sealed[i : i + 40] for i in range(0, len(sealed), 40))
    assert cli.process("decrypt", stdin=wrapped).stdout == b"hello"


def test_files_in_and_out(cli, tmp_path):
    plain, sealed, opened = (tmp_path / name for name in ("plain", "sealed", "opened"))
    plain.write_bytes(EVERY_BYTE)
    result = cli("encrypt", "demo", "--in", str(plain), "--out", str(sealed))
    assert (result.code, result.out) == (0, "")
    assert "Encrypted with version 1 of demo" in result.err
    assert cli("decrypt", "--in", str(sealed), "--out", str(opened)).code == 0
    assert opened.read_bytes() == EVERY_BYTE


def test_plaintext_file_is_for_its_owner_alone(cli, tmp_path):
    (tmp_path / "plain").write_bytes(b"secret")
    before = os.umask(0)
    try:
        cli.does("encrypt", "demo", "--in", str(tmp_path / "plain"), "--out", str(tmp_path / "c"))
        cli.does("decrypt", "--in", str(tmp_path / "c"), "--out", str(tmp_path / "p"))
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "p").stat().st_mode) == 0o600


def test_json_carries_the_answer(cli):
    sealed = json.loads(cli.process("encrypt", "demo", "-o", "json", stdin=b"hello").stdout)
    assert sealed["key_version"] == 1
    opened = cli.process("decrypt", "-o", "json", stdin=sealed["ciphertext"].encode()).stdout
    assert json.loads(opened) == {"plaintext": "aGVsbG8=", "key_version": 1}


def test_context_must_be_the_same(cli):
    given = ["--context", "order=17", "--context", "shop=a=b"]
    sealed = cli.does("encrypt", "demo", *given, stdin=b"hello").encode()
    assert cli.does("decrypt", *given[2:], *given[:2], stdin=sealed) == "hello"
    for other in ([], given[:2], ["--context", "order=18", *given[2:]]):
        result = cli("decrypt", *other, stdin=sealed)
        assert (result.code, result.out) == (8, "")
        assert "another --context" in result.err


def test_old_versions_decrypt_after_rotation(cli):
    sealed = cli.process("encrypt", "demo", stdin=b"old").stdout
    cli.does("key", "rotate", "demo")
    assert cli.process("decrypt", stdin=sealed).stdout == b"old"


def test_the_largest_plaintext_passes_and_one_byte_more_is_refused_unsent(cli, server):
    most = bytes(limits.PLAINTEXT_BYTES_MAX)
    sealed = cli.process("encrypt", "demo", stdin=most)
    assert cli.process("decrypt", stdin=sealed.stdout).stdout == most
    asked = len(server.asked)
    result = cli.process("encrypt", "demo", stdin=most + b"\0")
    assert (result.returncode, result.stdout) == (1, b"")
    assert b"longer than 65,536 bytes (64 KiB)" in result.stderr
    assert len(server.asked) == asked


def test_endless_input_is_refused_without_reading_on(cli):
    with open("/dev/zero", "rb") as zero:
        for arguments in (["encrypt", "demo"], ["decrypt"]):
            result = subprocess.run(
                [sys.executable, "-m", "strongroom.cli", *arguments],
                stdin=zero,
                env={**os.environ, "PYTHONPATH": str(SOURCE)},
                capture_output=True,
                timeout=120,
                check=False,
            )
            assert result.returncode in (1, 8)
            assert b"longer than" in result.stderr


@pytest.mark.parametrize(
    ("stdin", "said"),
    [
        (b"", "empty"),
        (b" \n", "empty"),
        (b"AAA", "not a whole base64 text"),
        (b"hello, world", "not valid"),
        (b"AAAA", "not valid"),
        (b"\x01" + bytes(200), "not valid"),
        (b"A" * 200_000, "longer than any ciphertext"),
    ],
)
def test_what_is_no_ciphertext_is_refused(cli, stdin, said):
    result = cli("decrypt", stdin=stdin)
    assert (result.code, result.out) == (8, "")
    assert said in result.err


def test_altered_ciphertext_is_refused(cli):
    sealed = bytearray(cli.process("encrypt", "demo", "--raw", stdin=b"hello").stdout)
    sealed[-1] ^= 1
    assert cli.process("decrypt", stdin=bytes(sealed)).returncode == 8


def test_ciphertext_of_another_key_is_refused_when_the_key_is_named(cli):
    cli.does("key", "create", "other")
    sealed = cli.process("encrypt", "other", stdin=b"hello").stdout
    assert cli.process("decrypt", "--key", "demo", stdin=sealed).returncode == 8


def test_disabled_key_is_a_conflict(cli):
    sealed = cli.process("encrypt", "demo", stdin=b"hello").stdout
    cli.does("key", "disable", "demo")
    assert cli.process("encrypt", "demo", stdin=b"hello").returncode == 6
    assert cli.process("decrypt", stdin=sealed).returncode == 6


def test_missing_key_is_not_found(cli):
    assert cli.process("encrypt", "nowhere", stdin=b"hello").returncode == 5


def test_existing_file_stays_unless_forced(cli, tmp_path, server):
    plain, out = tmp_path / "plain", tmp_path / "out"
    plain.write_bytes(b"x")
    out.write_bytes(b"precious")
    asked = len(server.asked)
    result = cli("encrypt", "demo", "--in", str(plain), "--out", str(out))
    assert result.code == 6
    assert "exists; it was not touched" in result.err
    assert out.read_bytes() == b"precious"
    assert len(server.asked) == asked  # no key was used for nothing
    assert cli("encrypt", "demo", "--in", str(plain), "--out", str(out), "--force").code == 0
    assert out.read_bytes() != b"precious"


def test_link_is_replaced_not_followed(cli, tmp_path):
    plain, victim, link = tmp_path / "plain", tmp_path / "victim", tmp_path / "link"
    plain.write_bytes(b"x")
    victim.write_bytes(b"precious")
    link.symlink_to(victim)
    result = cli("encrypt", "demo", "--in", str(plain), "--out", str(link), "--force")
    assert result.code == 2
    assert victim.read_bytes() == b"precious"


def test_no_draft_is_left_behind(cli, tmp_path):
    (tmp_path / "plain").write_bytes(b"x")
    folder = tmp_path / "out"
    folder.mkdir()
    cli.does("encrypt", "demo", "--in", str(tmp_path / "plain"), "--out", str(folder / "c"))
    assert [each.name for each in folder.iterdir()] == ["c"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["encrypt", "demo", "--in", "no/such"], "There is no file no/such."),
        (["encrypt", "demo", "--in", "/"], "cannot be read: Is a directory"),
        (["encrypt", "demo", "--in", "/dev/null", "--out", "no/such"], "There is no directory no."),
        (["decrypt", "--in", "no/such"], "There is no file no/such."),
        (["encrypt", "demo", "--context", "x", "--in", "/dev/null"], "takes NAME=VALUE"),
        (["encrypt", "demo", "4111 1111 1111 1111"], "more arguments than"),
    ],
)
def test_misuse_is_said_before_anything_is_sent(cli, server, arguments, said):
    asked = len(server.asked)
    result = cli(*arguments)
    assert (result.code, result.out) == (2, "")
    assert said in result.err
    assert "4111" not in result.err
    assert len(server.asked) == asked


def test_text_is_shown_on_a_terminal_with_a_line_end(cli):
    sealed = cli.process("encrypt", "demo", stdin="grüß dich".encode()).stdout
    assert on_a_terminal(["decrypt"], sealed)[:2] == (0, "grüß dich\r\n".encode())


@pytest.mark.parametrize("plaintext", [b"\x1b]0;owned\x07", b"\xff\xfe", "\u202eevil".encode()])
def test_bytes_that_command_a_terminal_are_not_shown_on_one(cli, plaintext):
    sealed = cli.process("encrypt", "demo", stdin=plaintext).stdout
    code, shown, err = on_a_terminal(["decrypt"], sealed)
    assert (code, shown) == (1, b"")
    assert b"could command your terminal" in err


def test_raw_ciphertext_is_not_shown_on_a_terminal(cli):
    code, shown, err = on_a_terminal(["encrypt", "demo", "--raw"], b"x")
    assert (code, shown) == (1, b"")
    assert b"could command your terminal" in err
    assert on_a_terminal(["encrypt", "demo", "--raw", "--print-curl"], b"x")[0] == 0


def test_raw_cipher_takes_additional_data_in_a_contexts_place(cli, tmp_path):
    cli.does("key", "create", "raw", "--algorithm", "aes-256-gcm-raw")
    beside, other = tmp_path / "beside", tmp_path / "other"
    beside.write_bytes(b"order 17")
    other.write_bytes(b"order 18")
    sealed = cli.process("encrypt", "raw", "--additional", beside, stdin=EVERY_BYTE).stdout
    opened = cli.process("decrypt", "--key", "raw", "--additional", beside, stdin=sealed)
    assert opened.stdout == EVERY_BYTE
    for wrong in (["--additional", other], []):
        assert cli.process("decrypt", "--key", "raw", *wrong, stdin=sealed).returncode == 8
    assert cli("decrypt", stdin=sealed).code == 8  # it names no key
    refused = cli("encrypt", "raw", "--context", "a=b", stdin=b"x")
    assert refused.code == 1
    assert "takes `additional`, not a context" in refused.err


def test_raw_ciphertext_of_an_old_version_needs_its_number(cli):
    cli.does("key", "create", "raw", "--algorithm", "chacha20-poly1305")
    sealed = cli.process("encrypt", "raw", "--raw", stdin=b"old").stdout
    cli.does("key", "rotate", "raw")
    assert cli.process("decrypt", "--key", "raw", stdin=sealed).returncode == 8
    opened = cli.process("decrypt", "--key", "raw", "--key-version", "1", stdin=sealed)
    assert opened.stdout == b"old"


def test_what_openssl_encrypts_to_an_rsa_key_is_decrypted(cli, tmp_path):
    words = ["--algorithm", "rsa-2048", "--purpose", "decrypt"]
    cli.does("key", "create", "box", *words)
    cli.does("key", "public-key", "box", "--out", str(tmp_path / "box.pem"))
    sealed = subprocess.run(
        ["openssl", "pkeyutl", "-encrypt", "-pubin", "-inkey", str(tmp_path / "box.pem"),
         "-pkeyopt", "rsa_padding_mode:oaep", "-pkeyopt", "rsa_oaep_md:sha512"],
        input=b"secret", capture_output=True, check=True, timeout=120,
    ).stdout  # fmt: skip
    opened = cli.process("decrypt", "--key", "box", "--scheme", "rsa-oaep-sha512", stdin=sealed)
    assert opened.stdout == b"secret"
    assert cli.process("decrypt", "--key", "box", stdin=sealed).returncode == 8  # another scheme
    sealed = cli.process("encrypt", "box", "--scheme", "rsa-oaep-sha1", stdin=b"secret").stdout
    opened = cli.process("decrypt", "--key", "box", "--scheme", "rsa-oaep-sha1", stdin=sealed)
    assert opened.stdout == b"secret"
    refused = cli("encrypt", "box", "--scheme", "rsa-pss-sha256", stdin=b"x")
    assert (refused.code, refused.out) == (1, "")


def test_what_is_sealed_with_hpke_opens_with_its_info(cli, tmp_path):
    cli.does("key", "create", "box", "--algorithm", "x25519", "--purpose", "encapsulate")
    (tmp_path / "info").write_bytes(b"order 17")
    info = ["--additional", tmp_path / "info"]
    sealed = cli.process("encrypt", "box", *info, stdin=EVERY_BYTE).stdout
    assert cli.process("decrypt", "--key", "box", *info, stdin=sealed).stdout == EVERY_BYTE
    assert cli.process("decrypt", "--key", "box", stdin=sealed).returncode == 8
    assert cli("encapsulate", "box", "-o", "json").code == 1  # HPKE keeps its secrets


@pytest.mark.parametrize(
    "arguments", [["--additional", "/dev/null"], ["--scheme", "x"], ["--key-version", "1"]]
)
def test_what_is_of_a_raw_ciphertext_needs_the_keys_name(cli, server, arguments):
    asked = len(server.asked)
    result = cli("decrypt", *arguments, stdin=b"AAAA")
    assert (result.code, result.out) == (2, "")
    assert "need --key" in result.err
    assert len(server.asked) == asked


def test_two_inputs_cannot_be_one_standard_input(cli, server):
    asked = len(server.asked)
    for arguments in (
        ["encrypt", "demo", "--additional", "-"],
        ["decrypt", "--key", "demo", "--additional", "-"],
        ["verify", "demo", "--signature", "-"],
        ["verify-mac", "demo", "--tag", "-"],
    ):
        result = cli(*arguments, stdin=b"x")
        assert (result.code, result.out) == (2, "")
        assert "cannot both be standard input" in result.err
    assert len(server.asked) == asked


def test_too_much_beside_is_refused_unsent(cli, server, tmp_path):
    (tmp_path / "beside").write_bytes(bytes(limits.ADDITIONAL_BYTES_MAX + 1))
    asked = len(server.asked)
    result = cli("encrypt", "demo", "--additional", str(tmp_path / "beside"), stdin=b"x")
    assert result.code == 1
    assert "ADDITIONAL_BYTES_MAX" in result.err
    assert len(server.asked) == asked


def test_ciphertext_moves_to_another_key_and_context(cli):
    cli.does("key", "create", "next")
    old = cli.does("encrypt", "demo", "--context", "a=b", stdin=b"hello").encode()
    same = cli.does("re-encrypt", "next", "--context", "a=b", stdin=old).encode()
    assert cli.does("decrypt", "--key", "next", "--context", "a=b", stdin=same) == "hello"
    other = cli.does(
        "re-encrypt", "next", "--context", "a=b", "--new-context", "c=d", stdin=old
    ).encode()
    assert cli.does("decrypt", "--context", "c=d", stdin=other) == "hello"
    bare = cli.does("re-encrypt", "next", "--context", "a=b", "--no-new-context", stdin=old)
    assert cli.does("decrypt", stdin=bare.encode()) == "hello"


def test_re_encryption_says_from_where_to_where(cli, tmp_path):
    cli.does("key", "create", "next")
    old = cli.does("encrypt", "demo", stdin=b"hello").encode()
    cli.does("key", "rotate", "next")
    result = cli("re-encrypt", "next", "--out", str(tmp_path / "c"), stdin=old)
    assert "(version 1 of demo to version 2 of next)" in result.err
    answer = json.loads(cli.does("re-encrypt", "next", "-o", "json", stdin=old))
    assert (answer["source_key"], answer["source_version"]) == ("demo", 1)


def test_what_cannot_be_re_encrypted(cli):
    cli.does("key", "create", "raw", "--algorithm", "aes-256-gcm-raw")
    old = cli.does("encrypt", "demo", "--context", "a=b", stdin=b"hello").encode()
    for arguments, stdin, code in (
        (["demo"], old, 8),
        (["demo"], b"", 8),
        (["demo"], b"AAAA", 8),
        (["nowhere", "--context", "a=b"], old, 5),
        (["raw", "--context", "a=b"], old, 1),
        (["demo", "--no-new-context", "--new-context", "a=b"], old, 2),
    ):
        result = cli("re-encrypt", *arguments, stdin=stdin)
        assert (result.code, result.out) == (code, ""), arguments


def test_moving_a_ciphertext_needs_the_right_for_both_keys(cli, monkeypatch):
    cli.does("key", "create", "next")
    cli.does("principal", "create", "bare")
    made = json.loads(cli.does("token", "create", "bare", "-o", "json"))
    monkeypatch.setenv("BARE", made["token"])
    policy = cli.does("re-encrypt", "next", "--print-policy", "--for", "bare")
    cli.does("policy", "put", "one", stdin=policy.encode())
    old = cli.does("encrypt", "demo", stdin=b"hello").encode()
    assert cli("re-encrypt", "next", "--token-from", "BARE", stdin=old).code == 4
    policy = cli.does("re-encrypt", "demo", "--print-policy", "--for", "bare")
    cli.does("policy", "put", "two", stdin=policy.encode())
    assert cli("re-encrypt", "next", "--token-from", "BARE", stdin=old).code == 0
