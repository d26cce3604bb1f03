"""The configuration file: every mistake is named, and nothing is guessed."""

import re
from dataclasses import dataclass

import pytest

from strongroom.config import SAMPLE, Address, ConfigRefused, address, load
from tests.support.certificates import write_certificate


@dataclass
class File:
    path: object

    def with_text(self, text):
        self.path.write_text(text)
        return load(self.path)


@pytest.fixture
def file(tmp_path):
    return File(tmp_path / "strongroom.toml")


_NEEDED = '[store]\npath = "s.db"\n[seal]\nkind = "passphrase"\nfile = "seal.json"\n'


def test_sample_loads_and_its_values_are_the_defaults(file):
    config = file.with_text(SAMPLE)
    default = file.with_text(_NEEDED)
    assert config.server == default.server
    assert config.rooms == default.rooms
    assert config.limits == default.limits
    assert config.log == default.log


def test_sample_with_every_setting_uncommented_names_settings_that_exist(file, tmp_path):
    text = "\n".join(
        line.removeprefix("# ") if re.match(r"# (\[[a-z[]|\w+ = )", line) else line
        for line in SAMPLE.splitlines()
    )
    (tmp_path / "tls").mkdir()
    for name in ("chain.pem", "key.pem"):
        (tmp_path / "tls" / name).write_text("")
    write_certificate(tmp_path)
    (tmp_path / "chain.pem").rename(tmp_path / "tls" / "witness-ca.pem")
    config = file.with_text(text)
    assert config.rooms.ledger_user == "strongroom-ledger"
    assert [each.url for each in config.audit.witnesses] == ["https://witness.example"]
    assert [each.path for each in config.sinks] == [str(tmp_path / "audit.jsonl")]
    assert config.watch == {"decrypt-rate": {"factor": 8}}
    assert config.seal.passphrase_file == "/run/credentials/strongroom.service/passphrase"


def test_paths_are_relative_to_the_file(file, tmp_path):
    config = file.with_text(_NEEDED)
    assert config.store.path == str(tmp_path / "s.db")
    assert config.seal.file == str(tmp_path / "seal.json")


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[store", "not TOML"),
        ('[seal]\nkind = "passphrase"\nfile = "x"\n', "store"),
        (_NEEDED + "[server]\nlisten_to = 'x'\n", "listen_to"),
        (_NEEDED + "[server]\nlisten = 7600\n", "server.listen"),
        (_NEEDED + "[rooms]\ngates = 0\n", "rooms.gates"),
        (_NEEDED + "[rooms]\ngates = 'two'\n", "rooms.gates"),
        (_NEEDED + "[servers]\n", "servers"),
        (_NEEDED.replace("passphrase", "hope"), "passphrase"),
        (_NEEDED + "[server]\ntls_key = 'key.pem'\n", "go together"),
        (_NEEDED + "[server]\ntls_key = 'k'\ntls_certificate = 'c'\n", "cannot be read"),
        (_NEEDED + "[server]\nlisten = '0.0.0.0:7600'\n", "unsafe_cleartext_beyond_loopback"),
        (_NEEDED + "[server]\nlisten = '[::]:7600'\n", "unsafe_cleartext_beyond_loopback"),
        (_NEEDED + "[server]\nlisten = 'kms.example:7600'\n", "127.0.0.1:7600"),
    ],
)
def test_mistake_is_refused_and_named(file, text, named):
    with pytest.raises(ConfigRefused) as refused:
        file.with_text(text)
    assert named in str(refused.value)
    assert "\n" not in str(refused.value).strip() or "TOML" in str(refused.value)


def test_beyond_loopback_without_tls_needs_the_setting_that_says_what_it_means(file):
    text = _NEEDED + (
        "[server]\nlisten = '0.0.0.0:7600'\nunsafe_cleartext_beyond_loopback = true\n"
    )
    assert file.with_text(text).server.listen == "0.0.0.0:7600"


def test_missing_file_is_refused(tmp_path):
    with pytest.raises(ConfigRefused, match="cannot be read"):
        load(tmp_path / "nothing.toml")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("127.0.0.1:7600", Address("127.0.0.1", 7600)),
        ("[::1]:0", Address("::1", 0)),
        ("localhost:80", Address("127.0.0.1", 80)),
    ],
)
def test_address_is_read(text, found):
    assert address(text) == found
    assert found.loopback


@pytest.mark.parametrize(
    "text", ["", ":", "7600", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:-1",
             "127.0.0.1:65536", "::1:7600", "[::1]", "example.org:1", "127.0.0.1:7600 ",
             "127.0.0.1:٣"],
)  # fmt: skip
def test_what_is_no_address_is_refused(text):
    with pytest.raises(ConfigRefused):
        address(text)
