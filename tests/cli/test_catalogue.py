"""`strongroom algorithms`: the domain's table, without a server."""

import json

import pytest

from strongroom.cli.run import run
from strongroom.domain.algorithms import ALGORITHMS, Purpose


@pytest.fixture
def algorithms(nobody, capsys):
    def ask(*words):
        assert run(["algorithms", *words]) == 0
        return capsys.readouterr().out

    return ask


def test_table_has_a_row_for_each_algorithm_and_purpose(algorithms):
    rows = [tuple(line.split()[:2]) for line in algorithms().splitlines()[1:]]
    assert rows == [(name, of) for name, facts in ALGORITHMS.items() for of in facts.schemes]


@pytest.mark.parametrize("purpose", Purpose)
def test_purpose_narrows_it(algorithms, purpose):
    rows = [line.split()[:2] for line in algorithms("--purpose", purpose).splitlines()[1:]]
    names = [name for name, facts in ALGORITHMS.items() if purpose in facts.schemes]
    assert rows == [[name, purpose] for name in names]
    answer = json.loads(algorithms("--purpose", purpose, "-o", "json"))
    assert [each["name"] for each in answer["algorithms"]] == names


def test_legacy_padding_is_marked(algorithms):
    assert "rsa1_5 (legacy)" in algorithms("--purpose", "decrypt")


def test_json_says_all_that_is_known(algorithms):
    found = {each["name"]: each for each in json.loads(algorithms("-o", "json"))["algorithms"]}
    assert found.keys() == set(ALGORITHMS)
    assert found["aes-256-gcm"] == {
        "name": "aes-256-gcm", "kind": "symmetric", "bits": 256, "standing": "approved",
        "standard": ALGORITHMS["aes-256-gcm"].standard,
        "summary": ALGORITHMS["aes-256-gcm"].summary, "rotation_days": 90,
        "providers": ["software"], "purposes": {"encrypt-decrypt": []},
    }  # fmt: skip
    first = found["rsa-2048"]["purposes"]["sign-verify"][0]
    assert (first["name"], first["digest_bytes"]) == ("rsa-pss-sha256", 32)


def test_output_may_stand_before_the_command(nobody, capsys):
    assert run(["--output", "json", "algorithms"]) == 0
    json.loads(capsys.readouterr().out)


def test_purpose_that_there_is_not_is_refused(nobody, capsys):
    assert run(["algorithms", "--purpose", "signing"]) == 2
    out, err = capsys.readouterr()
    assert not out
    assert "--purpose is one of: encrypt-decrypt, decrypt, sign-verify" in err
