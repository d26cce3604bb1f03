"""The seals: open with what made them, and with nothing else."""

import json
import os

import pytest

from strongroom.adapters.seals.key_file import KeyFile
from strongroom.adapters.seals.passphrase import PassphraseSeal
from strongroom.adapters.system import SystemRandomness
from strongroom.domain.sensitive import Sensitive
from strongroom.ports.seal import SealRefused

_PASSPHRASE = Sensitive("correct horse battery staple é".encode())


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    path = tmp_path_factory.mktemp("seal") / "seal.json"
    seal = PassphraseSeal.make(path, _PASSPHRASE, SystemRandomness())
    return path, seal.open().reveal()


def _altered(made, tmp_path, **fields):
    path = tmp_path / "seal.json"
    content = json.loads(made[0].read_text())
    content.update(fields)
    path.touch(mode=0o600)
    path.write_text(json.dumps(content))
    return PassphraseSeal(path, _PASSPHRASE)


def test_passphrase_opens_its_seal(made):
    path, root = made
    assert len(root) == 32
    assert PassphraseSeal(path, _PASSPHRASE).open().reveal() == root


def test_same_letters_composed_otherwise_open_it(made):
    path, root = made
    decomposed = Sensitive("correct horse battery staple e\u0301".encode())
    assert PassphraseSeal(path, decomposed).open().reveal() == root


def test_file_is_private_and_holds_neither_secret(made):
    path, root = made
    assert path.stat().st_mode & 0o777 == 0o600
    content = path.read_bytes()
    assert root not in content
    assert root.hex().encode() not in content
    assert b"horse" not in content


@pytest.mark.parametrize("other", [b"", b"correct horse battery staple", b"x" * 2000, b"\xff" * 20])
def test_other_passphrase_does_not_open_it(made, other):
    with pytest.raises(SealRefused) as refused:
        PassphraseSeal(made[0], Sensitive(other)).open()
    assert "horse" not in str(refused.value)


@pytest.mark.parametrize(
    "fields",
    [
        {"passes": 4},
        {"lanes": 3},
        {"memory_kib": 128 * 1024},
        {"salt": "AAAAAAAAAAAAAAAAAAAAAA=="},
        {"nonce": "AAAAAAAAAAAAAAAA"},
        {"wrapped": "AAAA"},
        {"passes": 1},
        {"memory_kib": 8},
        {"memory_kib": 2**31},
        {"passes": 10**6},
        {"format": "strongroom passphrase seal 2"},
        {"more": 1},
    ],
)
def test_altered_seal_is_refused(made, tmp_path, fields):
    with pytest.raises(SealRefused):
        _altered(made, tmp_path, **fields).open()


@pytest.mark.parametrize("short", [b"", b"fourteen chars"])
def test_short_passphrase_makes_no_seal(tmp_path, short):
    with pytest.raises(SealRefused, match="15 characters"):
        PassphraseSeal.make(tmp_path / "seal.json", Sensitive(short), SystemRandomness())
    assert not (tmp_path / "seal.json").exists()


def test_existing_seal_is_not_overwritten(made):
    before = made[0].read_bytes()
    with pytest.raises(SealRefused, match="exists already"):
        PassphraseSeal.make(made[0], _PASSPHRASE, SystemRandomness())
    assert made[0].read_bytes() == before


def test_key_file_gives_back_its_key(tmp_path):
    path = tmp_path / "key"
    first = KeyFile.make(path, SystemRandomness()).open().reveal()
    assert len(first) == 32
    assert KeyFile(path).open().reveal() == first
    assert path.stat().st_mode & 0o777 == 0o600


def test_key_file_that_others_may_read_is_refused(tmp_path):
    path = tmp_path / "key"
    KeyFile.make(path, SystemRandomness())
    path.chmod(0o640)
    with pytest.raises(SealRefused, match="chmod 600"):
        KeyFile(path).open()


@pytest.mark.parametrize(
    "content", [b"", b"strongroom root key 1 00\n", b"strongroom root key 2 " + b"0" * 64 + b"\n",
                b"strongroom root key 1 " + b"0" * 64, b"x" * 1000],
)  # fmt: skip
def test_what_is_no_key_file_is_refused(tmp_path, content):
    path = tmp_path / "key"
    path.touch(mode=0o600)
    path.write_bytes(content)
    with pytest.raises(SealRefused):
        KeyFile(path).open()


def test_missing_file_directory_and_pipe_are_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe", 0o600)
    (tmp_path / "directory").mkdir()
    for name in ("missing", "directory", "pipe"):
        with pytest.raises(SealRefused):
            KeyFile(tmp_path / name).open()
