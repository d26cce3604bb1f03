"""A seed: the keys of a file are there before the server is ready, the same each time."""

import json
import os
import re
import subprocess
import sys

import pytest

from strongroom.seeds import SAMPLE, SeedRefused, load
from tests.support import clients
from tests.support.nodes import ENVIRONMENT, Node
from tests.support.terminal import blocks
from tests.support.tree import ROOT

PAGE = (ROOT / "docs" / "compat" / "seed.md").read_text()
CARDS = "1234abcd-12ab-34cd-56ef-1234567890ab"
KEYS = {"keys": [{"id": CARDS, "name": "cards"}]}


def block(language):
    (found,) = [content for one, _, content in blocks(PAGE) if one == language]
    return found


@pytest.fixture(scope="module")
def seed(tmp_path_factory):
    file = tmp_path_factory.mktemp("seed") / "seed.toml"
    file.write_text(block("toml"))
    return file


@pytest.fixture(scope="module")
def folder(seed):
    return seed.parent / "data"


@pytest.fixture(scope="module")
def seeded(seed, folder):
    with Node(folder, arguments=["--seed", str(seed)]) as running:
        yield running


def run(node, program):
    lines = (node.directory / "dev.env").read_text().splitlines()
    return subprocess.run(
        [sys.executable, "-c", program],
        env={
            "PATH": os.environ["PATH"], "PYTHONPATH": str(clients.folder("boto3")),
            "HOME": str(node.directory), **dict(line.split("=", 1) for line in lines),
        },
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def test_the_program_of_the_page_finds_the_keys_of_the_page(boto3, seeded):
    del boto3
    ended = run(seeded, block("python"))
    assert (ended.returncode, ended.stdout.splitlines()) == (0, [
        "b'4111-1111'",
        "arn:aws:kms:eu-central-1:293621053354:key/5678abcd-12ab-34cd-56ef-1234567890ab",
        "disabled",
    ]), ended.stderr  # fmt: skip


def test_keys_are_made_by_the_administrator_and_on_record(seeded):
    client = seeded.client()
    entries = client.events(key="cards")
    assert {entry["principal"] for entry in entries} == {"admin"}
    made = [entry["action"] for entry in entries if entry["outcome"] == "allowed"]
    assert made[:3] == ["key.create", "key.import-parameters", "key.import"]


def test_ciphertexts_are_opened_by_another_server_of_the_same_seed(seeded, seed, tmp_path):
    sealed = seeded.client().encrypt("cards", b"4111").json["ciphertext"]
    with Node(tmp_path / "other", arguments=["--seed", str(seed)]) as other:
        opened = other.client().decrypt(sealed)
        assert opened.status == 200


def test_starting_again_changes_what_the_file_changed_and_nothing_else(tmp_path):
    file, data = tmp_path / "seed.json", tmp_path / "data"
    first = {
        "id": CARDS,
        "aliases": ["alias/a"],
        "tags": {"team": "a"},
        "material": "hex:" + "5a01" * 16,
    }
    file.write_text(json.dumps({"keys": [first]}))

    def key(node):
        return node.client().ask("GET", f"/v1/keys/seed-{CARDS}").json

    with Node(data, arguments=["--seed", str(file)]) as node:
        before = key(node)
        assert before["labels"] == {"team": "a"}
    with Node(data, arguments=["--seed", str(file)]) as node:
        assert key(node) == before
    second = {**first, "aliases": ["alias/b"], "tags": {}, "enabled": False, "description": "d"}
    file.write_text(json.dumps({"keys": [second]}))
    with Node(data, arguments=["--seed", str(file)]) as node:
        after = key(node)
        assert (after["labels"], after["description"], after["state"]) == ({}, "d", "suspended")
        assert after["current_version"] == 1
        assert node.client().ask("GET", "/v1/keys/alias:b").json["id"] == before["id"]
    file.write_text(json.dumps({"keys": [{"id": CARDS, "spec": "HMAC_256"}]}))
    ended = subprocess.run(
        [sys.executable, "-m", "strongroom.cli", "dev", "--data", str(data), "--seed", str(file),
         "--listen", "127.0.0.1:0"],
        env=ENVIRONMENT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert ended.returncode != 0
    assert f"keys[1] (seed-{CARDS}) is there already as another" in ended.stderr
    assert "ready at" not in ended.stdout


# --- files that cannot be used --------------------------------------------------------------------


def test_the_sample_is_a_seed(tmp_path):
    file = tmp_path / "seed.toml"
    file.write_text(SAMPLE)
    first, second = load(file)
    assert (first.name, first.aliases, len(first.material.reveal())) == ("cards", ("cards",), 32)
    assert (second.name, second.algorithm, second.material) == (
        "seed-5678abcd-12ab-34cd-56ef-1234567890ab", "ec-p256", None,
    )  # fmt: skip
    assert "0001" not in repr(first)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"id": "1234"}, r"keys\[1\]\.id is a UUID"),
        ({"id": CARDS.upper()}, r"keys\[1\]\.id is a UUID"),
        ({"id": 7}, r"keys\[1\]\.id: Expected `str`, got `int`"),
        ({"ID": CARDS}, r"keys\[1\]: Object contains unknown field `ID`"),
        ({"name": "Cards"}, r"keys\[1\]\.name is 1 to 63"),
        ({"aliases": ["cards"]}, r"keys\[1\]\.aliases\[1\] is alias/NAME"),
        ({"aliases": ["alias/a", "alias/aws/s3"]}, r"keys\[1\]\.aliases\[2\] is alias/NAME"),
        ({"aliases": ["alias/a", "alias/a"]}, r"keys\[1\]: there are two of the alias a"),
        ({"aliases": "alias/a"}, r"keys\[1\]\.aliases: Expected `array`"),
        ({"spec": "AES_256"}, r"keys\[1\]\.spec is one of: SYMMETRIC_DEFAULT, "),
        ({"spec": "RSA_2048"}, r"keys\[1\]\.usage is needed for RSA_2048: ENCRYPT_DECRYPT, SIGN"),
        ({"spec": "RSA_2048", "usage": "KEY_AGREEMENT"}, r"keys\[1\]\.usage is one of: ENCRYPT"),
        ({"algorithm": "aes"}, r"keys\[1\]\.algorithm is one of: aes-256-gcm, "),
        ({"algorithm": "ec-p256", "purpose": "mac"}, r"keys\[1\]\.purpose is one of: sign-verify"),
        ({"algorithm": "ec-p256", "spec": "RSA_2048"}, r"keys\[1\] has spec and usage, or"),
        ({"tags": {"a": 1}}, r"keys\[1\]\.tags\[\.\.\.\]: Expected `str`"),
        ({"material": "5a5a5a5a"}, r'keys\[1\]\.material is "base64:'),
        ({"material": "hex:5a5a5a5"}, r"keys\[1\]\.material cannot be read as hex$"),
        ({"material": "base64:5a5a5a5"}, r"keys\[1\]\.material cannot be read as base64$"),
        ({"enabled": "yes"}, r"keys\[1\]\.enabled: Expected `bool`"),
    ],
)  # fmt: skip
def test_a_file_with_a_mistake_is_refused_and_the_place_is_said(tmp_path, change, said):
    file = tmp_path / "seed.json"
    file.write_text(json.dumps({"keys": [{**KEYS["keys"][0], **change}]}))
    with pytest.raises(SeedRefused) as info:
        load(file)
    assert re.match(re.escape(f"{file}: ") + said, str(info.value)), info.value
    assert "5a5a" not in str(info.value)


@pytest.mark.parametrize("same", ["id", "name"])
def test_no_two_keys_are_one(tmp_path, same):
    file = tmp_path / "seed.json"
    other = {"id": "5678abcd-12ab-34cd-56ef-1234567890ab", "name": "other"}
    file.write_text(json.dumps({"keys": [KEYS["keys"][0], {**other, same: KEYS["keys"][0][same]}]}))
    with pytest.raises(SeedRefused, match=rf"keys\[2\]: there are two of the {same}"):
        load(file)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("seed.toml", b"[[keys]]\nid = \n", r"it is not TOML: .*line 2"),
        ("seed.toml", b"\xff", "it is not UTF-8"),
        ("seed.json", b"{", "it is not JSON"),
        ("seed.toml", b"", "the file: Object missing required field `keys`"),
        ("seed.json", b"[]", "the file: Expected `object`, got `array`"),
    ],
)
def test_what_is_no_such_file_is_refused(tmp_path, name, content, said):
    file = tmp_path / name
    file.write_bytes(content)
    with pytest.raises(SeedRefused, match=said):
        load(file)
    with pytest.raises(SeedRefused, match="cannot be read"):
        load(tmp_path / "none.toml")


def test_nothing_is_begun_for_a_file_that_cannot_be_used(tmp_path):
    file = tmp_path / "seed.toml"
    file.write_text("[[keys]]\nid = 1\n")
    ended = subprocess.run(
        [sys.executable, "-m", "strongroom.cli", "dev", "--data", str(tmp_path / "data"),
         "--seed", str(file)],
        env=ENVIRONMENT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert ended.returncode == 2
    assert "keys[1].id: Expected `str`, got `int`." in ended.stderr
    assert not (tmp_path / "data").exists()
