"""`strongroom data-key`, `data-key-pair` and `random`: what goes where, and what never does."""

import base64
import json
import os
import stat
import subprocess

import pytest
from cryptography.hazmat.primitives import serialization

from tests.cli.conftest import on_a_terminal


def test_key_to_a_pipe_and_ciphertext_to_a_file(cli, tmp_path):
    sealed = tmp_path / "sealed"
    made = cli.process("data-key", "demo", "--bytes", "48", "--ciphertext", sealed)
    assert (made.returncode, len(made.stdout)) == (0, 48)
    assert made.stderr.endswith(b"sealed (by version 1 of demo).\n")
    assert cli.process("decrypt", "--in", sealed).stdout == made.stdout


def test_key_to_a_file_of_its_owner_and_ciphertext_to_a_pipe(cli, tmp_path):
    before = os.umask(0)
    try:
        made = cli.process("data-key", "demo", "--context", "a=b", "--out", tmp_path / "key")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600
    opened = cli.process("decrypt", "--context", "a=b", stdin=made.stdout)
    assert opened.stdout == (tmp_path / "key").read_bytes()


def test_key_for_later_is_its_ciphertext_alone(cli):
    sealed = cli.does("data-key", "demo", "--no-plaintext", "--bytes", "16")
    assert len(cli.process("decrypt", stdin=sealed.encode()).stdout) == 16
    answer = json.loads(cli.does("data-key", "demo", "--no-plaintext", "-o", "json"))
    assert answer.keys() == {"ciphertext", "key_version"}


def test_json_has_what_goes_to_no_file(cli, tmp_path):
    whole = json.loads(cli.does("data-key", "demo", "-o", "json"))
    assert whole.keys() == {"ciphertext", "key_version", "plaintext"}
    words = ["data-key", "demo", "-o", "json", "--out", str(tmp_path / "key")]
    rest = json.loads(cli.does(*words))
    assert rest.keys() == {"ciphertext", "key_version"}
    opened = cli.process("decrypt", stdin=rest["ciphertext"].encode()).stdout
    assert opened == (tmp_path / "key").read_bytes()


@pytest.mark.parametrize("form", ["pem", "der"])
def test_pair_fits_together(cli, tmp_path, form):
    private, public, sealed = (tmp_path / name for name in ("private", "public", "sealed"))
    cli.does(
        "data-key-pair", "demo", "--algorithm", "ec-p256", "--format", form,
        "--out", str(private), "--public", str(public), "--ciphertext", str(sealed),
    )  # fmt: skip
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    derived = subprocess.run(
        ["openssl", "pkey", "-inform", form, "-in", private, "-pubout", "-outform", form],
        capture_output=True, check=True, timeout=120,
    ).stdout  # fmt: skip
    assert derived == public.read_bytes()
    opened = serialization.load_der_private_key(
        cli.process("decrypt", "--in", sealed).stdout, password=None
    )
    content = private.read_bytes()
    load = {"pem": serialization.load_pem_private_key, "der": serialization.load_der_private_key}
    assert load[form](content, None).private_numbers() == opened.private_numbers()


def test_pair_for_later_has_no_private_key(cli):
    words = ["data-key-pair", "demo", "--algorithm", "ed25519", "--no-plaintext", "-o", "json"]
    assert json.loads(cli.does(*words)).keys() == {"ciphertext", "key_version", "public_key"}


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["data-key", "demo"], 2, "Only one of the ciphertext and the data key"),
        (["data-key", "demo", "--out", "-"], 2, "Only one of the ciphertext and the data key"),
        (["data-key", "demo", "--out", "k", "--ciphertext", "./k"], 2, "go to one file"),
        (["data-key", "demo", "--no-plaintext", "--out", "k"], 2, "contradict each other"),
        (["data-key", "demo", "--bytes", "0"], 2, "--bytes"),
        (["data-key", "demo", "--bytes", "1025"], 2, "--bytes"),
        (["data-key", "nowhere", "--no-plaintext"], 5, "Not found"),
        (["data-key", "signer", "--no-plaintext"], 1, "encrypt-decrypt"),
        (["data-key", "demo", "--context", "x", "--no-plaintext"], 2, "takes NAME=VALUE"),
        (["data-key-pair", "demo"], 2, "Missing option '--algorithm'"),
        (["data-key-pair", "demo", "--algorithm", "ed25519", "--no-plaintext"], 2, "Only one of"),
        (["data-key-pair", "demo", "--algorithm", "x", "-o", "json"], 1, "$.algorithm"),
        (["data-key-pair", "demo", "--algorithm", "aes-256-gcm", "-o", "json"], 1, "no key pairs"),
        (["random", "--bytes", "0"], 2, "--bytes"),
        (["random", "--bytes", "1025"], 2, "--bytes"),
        (["random", "--out", "no/such"], 2, "There is no directory"),
    ],
)
def test_refusal_says_what_and_has_its_code(cli, tmp_path, monkeypatch, arguments, code, said):
    cli.does("key", "create", "signer", "--algorithm", "ed25519")
    monkeypatch.chdir(tmp_path)
    result = cli(*arguments)
    assert (result.code, result.out) == (code, "")
    assert said in result.err
    assert not (tmp_path / "k").exists()


def test_existing_file_stays_and_nothing_is_made_for_nothing(cli, server, tmp_path):
    (tmp_path / "key").write_bytes(b"precious")
    asked = len(server.asked)
    words = ["data-key", "demo", "--out", str(tmp_path / "key")]
    assert cli(*words).code == 6
    assert (tmp_path / "key").read_bytes() == b"precious"
    assert len(server.asked) == asked
    assert cli(*words, "--force").code == 0


SECRETS = {
    "data-key": ["data-key", "demo", "--ciphertext", "sealed"],
    "data-key-pair": [
        "data-key-pair", "demo", "--algorithm", "ed25519", "--ciphertext", "sealed", "--public",
        "public",
    ],
    "encapsulate": ["encapsulate", "kem", "--ciphertext", "sealed"],
    "decapsulate": ["decapsulate", "kem"],
    "agree": ["agree", "side"],
    "unwrap": ["unwrap", "wrapper"],
}  # fmt: skip


@pytest.mark.parametrize("output", ["table", "json"])
@pytest.mark.parametrize("name", SECRETS)
def test_secret_is_not_shown_on_a_terminal_and_not_even_made(
    cli, server, tmp_path, monkeypatch, name, output
):
    monkeypatch.chdir(tmp_path)
    asked = len(server.asked)
    code, shown, err = on_a_terminal([*SECRETS[name], "-o", output], b"AAAA")
    assert (code, shown) == (1, b"")
    assert b"is secret; it is not shown on a terminal" in err
    assert len(server.asked) == asked
    assert not (tmp_path / "sealed").exists()


def test_terminal_gets_a_secret_when_it_is_said(cli, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cli.does("key", "create", "wrapper", "--algorithm", "aes-256-kw")
    wrapped = cli.does("wrap", "wrapper", stdin=b"key material").encode()
    assert on_a_terminal(["unwrap", "wrapper", "--out", "-"], wrapped)[:2] == (0, b"key material")
    words = ["data-key", "demo", "--ciphertext", "sealed", "--out", "-", "-o", "json"]
    code, shown, _ = on_a_terminal(words)
    assert code == 0
    assert b'"plaintext"' in shown


def test_curl_is_printed_on_a_terminal_for_a_secret_too(cli):
    code, shown, _ = on_a_terminal(["data-key", "demo", "--print-curl"])
    assert code == 0
    assert b"generate-data-key" in shown


def test_random_bytes_are_bytes_for_a_pipe_and_text_for_a_terminal(cli, tmp_path):
    piped = [cli.process("random", "--bytes", "24").stdout for _ in range(2)]
    assert [len(each) for each in piped] == [24, 24]
    assert piped[0] != piped[1]
    code, shown, _ = on_a_terminal(["random"])
    assert code == 0
    assert len(base64.b64decode(shown.strip(), validate=True)) == 32
    cli.does("random", "--out", str(tmp_path / "r"))
    assert stat.S_IMODE((tmp_path / "r").stat().st_mode) == 0o600
    assert len((tmp_path / "r").read_bytes()) == 32
    assert len(base64.b64decode(json.loads(cli.does("random", "-o", "json"))["random"])) == 32
