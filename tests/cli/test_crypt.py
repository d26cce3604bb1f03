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
                timeout=30,
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
