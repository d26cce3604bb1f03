"""`strongroom key ...`."""

import base64
import json

import pytest
from cryptography.hazmat.primitives import serialization

from tests.cli.conftest import on_a_terminal


def test_key_is_made_shown_and_listed(cli):
    made = cli.does("key", "create", "cards", "--label", "team=pay", "--description", "for cards")
    assert "cards" in made
    assert "team=pay" in made
    assert cli.does("key", "show", "cards") == made
    assert [line.split()[:3] for line in cli.does("key", "list").splitlines()] == [
        ["name", "state", "version"],
        ["cards", "active", "1"],
        ["demo", "active", "1"],
    ]


def test_json_is_the_servers_answer(cli):
    key = json.loads(cli.does("key", "show", "demo", "--output", "json"))
    assert key["name"] == "demo"
    (version,) = key["versions"]
    assert version["created"] == key["created"]
    assert (version["version"], version["state"], version["material"]) == (1, "active", True)
    assert json.loads(cli.does("--output", "json", "key", "show", "demo")) == key


def test_key_is_of_the_algorithm_and_for_the_purpose_asked_for(cli):
    made = json.loads(cli.does("key", "create", "k", "--algorithm", "ec-p256", "-o", "json"))
    assert (made["algorithm"], made["purpose"]) == ("ec-p256", "sign-verify")
    words = ["--algorithm", "ec-p256", "--purpose", "agree"]
    assert "purpose      agree" in cli.does("key", "create", "l", *words)


@pytest.mark.parametrize("algorithm", ["ec-p256", "ed25519", "ml-dsa-44"])
def test_public_key_is_one_key_in_every_form(cli, tmp_path, algorithm):
    cli.does("key", "create", "k", "--algorithm", algorithm)
    pem = cli.does("key", "public-key", "k")
    der = cli.process("key", "public-key", "k", "--format", "der").stdout
    opened = serialization.load_pem_public_key(pem.encode())
    assert opened == serialization.load_der_public_key(der)
    whole = json.loads(cli.does("key", "public-key", "k", "-o", "json"))
    assert whole["pem"] == pem
    assert base64.b64decode(whole["der"]) == der
    cli.does("key", "public-key", "k", "--out", str(tmp_path / "k.pem"))
    assert (tmp_path / "k.pem").read_text() == pem


def test_public_key_as_jwk(cli):
    cli.does("key", "create", "k", "--algorithm", "ed25519")
    jwk = json.loads(cli.does("key", "public-key", "k", "--format", "jwk"))
    assert (jwk["kty"], jwk["crv"]) == ("OKP", "Ed25519")
    raw = serialization.load_pem_public_key(cli.does("key", "public-key", "k").encode())
    assert base64.urlsafe_b64decode(jwk["x"] + "=") == raw.public_bytes_raw()


def test_key_whose_jwk_no_standard_has_is_said_to_have_none(cli):
    cli.does("key", "create", "k", "--algorithm", "ml-kem-768")
    whole = json.loads(cli.does("key", "public-key", "k", "-o", "json"))
    assert "jwk" not in whole
    result = cli("key", "public-key", "k", "--format", "jwk")
    assert (result.code, result.out) == (1, "")
    assert "no JWK for keys of ml-kem-768" in result.err


def test_public_key_of_an_old_version_stays(cli):
    cli.does("key", "create", "k", "--algorithm", "ed25519")
    first = cli.does("key", "public-key", "k")
    cli.does("key", "rotate", "k")
    assert cli.does("key", "public-key", "k") != first
    assert cli.does("key", "public-key", "k", "--key-version", "1") == first
    assert cli("key", "public-key", "k", "--key-version", "3").code == 5


def test_public_key_as_bytes_is_not_shown_on_a_terminal(cli):
    cli.does("key", "create", "k", "--algorithm", "ed25519")
    code, shown, err = on_a_terminal(["key", "public-key", "k", "--format", "der"])
    assert (code, shown) == (1, b"")
    assert b"could command your terminal" in err
    assert on_a_terminal(["key", "public-key", "k"])[0] == 0


def test_option_after_the_command_wins_over_one_before(cli):
    assert cli.does("--output", "json", "key", "list", "-o", "table").startswith("name")


def test_rotation_makes_a_version(cli):
    shown = cli.does("key", "rotate", "demo")
    assert [line.split()[0] for line in shown.splitlines()[-3:]] == ["version", "2", "1"]


def test_disabled_key_can_be_enabled_again(cli):
    assert "suspended" in cli.does("key", "disable", "demo")
    assert "active" in cli.does("key", "enable", "demo")


def test_update_replaces_labels_or_leaves_them(cli):
    cli.does("key", "create", "k", "--label", "a=1", "--label", "b=2")
    assert "a=1, b=2" in cli.does("key", "update", "k", "--description", "text")
    assert "labels        c=" in cli.does("key", "update", "k", "--label", "c=")
    assert "labels" not in cli.does("key", "update", "k", "--no-labels")
    assert "text" in cli.does("key", "show", "k")


def test_list_goes_on_page_by_page(cli):
    for number in range(4):
        cli.does("key", "create", f"k{number}")
    first = cli("key", "list", "--limit", "2")
    assert [line.split()[0] for line in first.out.splitlines()] == ["name", "demo", "k0"]
    token = first.err.split("--page-token ")[1].split()[0]
    rest = cli("key", "list", "--page-token", token)
    assert [line.split()[0] for line in rest.out.splitlines()] == ["name", "k1", "k2", "k3"]
    assert not rest.err
    assert len(json.loads(cli.does("key", "list", "--all", "-o", "json"))["keys"]) == 5


def test_json_of_a_page_says_where_the_next_begins(cli):
    cli.does("key", "create", "k")
    page = json.loads(cli.does("key", "list", "--limit", "1", "-o", "json"))
    assert page["next_page_token"] == "demo"
    page = json.loads(cli.does("key", "list", "--page-token", "demo", "-o", "json"))
    assert [key["name"] for key in page["keys"]] == ["k"]
    assert not page["next_page_token"]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["create", "demo"], 6, "The name is taken."),
        (["create", "UPPER"], 1, "$.name"),
        (["create", "k", "--algorithm", "rot13"], 1, "$.algorithm"),
        (["create", "k", "--label", "novalue"], 2, "--label takes NAME=VALUE"),
        (["create", "k", "--label", "=v"], 2, "--label takes NAME=VALUE"),
        (["create", "k", "--label", "a=1", "--label", "a=2"], 2, "was given twice"),
        (["create", "k", "--label", f"a={'x' * 257}"], 1, "$.labels"),
        (["create", "k", "--purpose", "sign-verify"], 1, "can be for: encrypt-decrypt"),
        (["create", "k", "--algorithm", "ed25519", "--purpose", "x"], 1, "$.purpose"),
        (["public-key", "demo"], 1, "has no public half"),
        (["public-key", "missing"], 5, "Not found: key.read-public-key missing"),
        (["public-key", "demo", "--format", "ssh"], 2, "--format"),
        (["public-key", "demo", "--key-version", "0"], 2, "--key-version"),
        (["create"], 2, "Missing argument 'NAME'"),
        (["show", "missing"], 5, "Not found: key.read missing"),
        (["show", "../v1/tokens"], 2, "Not a name"),
        (["show", "a" * 64], 2, "Not a name. A name is 1 to 63"),
        (["rotate", "missing"], 5, "Not found"),
        (["disable", "missing"], 5, "Not found"),
        (["update", "demo"], 2, "There is nothing to change."),
        (["update", "demo", "--label", "a=b", "--no-labels"], 2, "contradict each other"),
        (["list", "--limit", "0"], 2, "--limit"),
        (["list", "--limit", "1001"], 2, "--limit"),
        (["list", "--page-token", "x" * 513], 1, "page_token"),
        (["destroy", "demo"], 2, "No such command 'destroy'"),
        (["list", "--loud"], 2, "No such option: --loud"),
        (["list", "extra"], 2, "more arguments than this command takes"),
    ],
)
def test_refusal_says_what_and_has_its_code(cli, arguments, code, said):
    result = cli("key", *arguments)
    assert (result.code, result.out) == (code, "")
    assert said in result.err


def test_rotating_a_disabled_key_is_a_conflict(cli):
    cli.does("key", "disable", "demo")
    result = cli("key", "rotate", "demo")
    assert result.code == 6
    assert "The key is suspended" in result.err


def test_missing_right_is_refused_with_a_decision_to_look_up(cli):
    result = cli.app("key", "rotate", "demo")
    assert result.code == 4
    assert "Not allowed: key.rotate demo" in result.err
    decision = result.err.split("strongroom why ")[1].strip()
    assert "no policy permits key.rotate" in cli.does("why", decision)
    assert cli.app("why", decision).code == 4


def test_missing_key_and_missing_right_look_the_same(cli):
    here, nowhere = (cli.app("key", "rotate", name) for name in ("demo", "nowhere"))
    assert here.code == nowhere.code == 4
    assert here.err.splitlines()[0].replace("demo", "nowhere") == nowhere.err.splitlines()[0]
