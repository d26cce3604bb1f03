"""`strongroom key import`, `export`, `backup`, `restore`: material and keys that travel."""

import base64
import json
import os
import stat
import subprocess

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
    load_pem_public_key,
)

from tests.support.standin import StandIn
from tests.support.travel import arrived, travelling

MATERIAL = bytes(range(32))
SMALL = ["--wrapping-key", "rsa-2048"]
EXPORT = 'permit (principal == Principal::"admin", action == Action::"key.export", resource);'


@pytest.fixture
def own(tmp_path):
    """A file with a key of the caller's."""
    path = tmp_path / "own.key"
    path.write_bytes(MATERIAL)
    return str(path)


@pytest.fixture
def house(cli):
    cli.does("policy", "put", "exports", stdin=EXPORT.encode())
    cli.does("key", "create", "mine", "--origin", "imported", "--exportable")
    cli.does("key", "create", "portable", "--exportable")
    return cli


@pytest.fixture
def recipient(tmp_path):
    """An RSA key pair of the caller's: the private key (DER), and a file with the public one."""
    key = rsa.generate_private_key(65_537, 2_048)
    path = tmp_path / "recipient.pem"
    path.write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()), str(path)


def imported(house, own, *words, key="mine"):
    return house("key", "import", key, "--from", own, *SMALL, *words)


# --- in -------------------------------------------------------------------------------------------


def test_imported_key_is_brought_to_each_region(cli, own, monkeypatch, tmp_path):
    of = []
    for name, region in (("EU", "eu-west-1"), ("US", "us-east-1")):
        words = ["namespace", "create", name.lower(), "--region", region, *of, "-o", "json"]
        monkeypatch.setenv(name, json.loads(cli.does(*words))["token"])
        of = ["--account-of", "eu"]
    europe, states = (["--token-from", name] for name in ("EU", "US"))
    cli.does("key", "create", "mine", "--origin", "imported", "--multi-region", *europe)
    bring = ["key", "import", "mine", *SMALL, "--from"]
    cli.does(*bring, own, *europe)
    made = cli("key", "replicate", "mine", "us-east-1", *europe)
    assert "There: strongroom key import mine --from FILE --key-version 1" in made.err
    refused = cli(*bring, own, *states)
    assert "bring what the primary has, naming its version as key_version" in refused.err
    cli.does(*bring, own, "--key-version", "1", *states)
    new = tmp_path / "new"
    new.write_bytes(bytes(range(1, 33)))
    refused = cli(*bring, str(new), *europe)
    assert "say that it waits" in refused.err
    shown = cli.does(*bring, str(new), "--waits", *europe)
    assert "waiting version   2, to be imported in us-east-1 first" in shown
    refused = cli("key", "rotate", "mine", *europe)
    assert "not in every Region yet: import it in us-east-1, too" in refused.err
    cli.does(*bring, str(new), "--key-version", "2", *states)
    rotated = json.loads(cli.does("key", "rotate", "mine", *europe, "-o", "json"))
    assert rotated["current_version"] == 2


def test_new_imported_key_says_what_it_waits_for(cli):
    result = cli("key", "create", "k", "--origin", "imported")
    assert "version      none yet" in result.out
    assert "strongroom key import k --from FILE" in result.err
    assert cli("encrypt", "k", stdin=b"x").code == 6


def test_own_key_is_brought_in_by_one_command(house, own):
    result = imported(house, own)
    assert (result.code, result.err) == (0, "")
    assert "state        active" in result.out
    sealed = house.does("encrypt", "mine", stdin=b"x").encode()
    assert house.does("decrypt", stdin=sealed) == "x"
    assert base64.b64encode(MATERIAL).decode() not in result.out


@pytest.mark.parametrize(
    "how", ["rsa-aes-kwp-sha256", "rsa-aes-kwp-sha1", "rsa-oaep-sha256", "rsa-oaep-sha1"]
)
def test_own_key_is_wrapped_in_each_way(house, own, recipient, tmp_path, how):
    assert imported(house, own, "--wrapping", how).code == 0
    private, public = recipient
    words = ["--to", public, "--wrapping", how, "--raw", "--out", str(tmp_path / "out")]
    assert how in house("key", "export", "mine", *words).err
    assert arrived(private, (tmp_path / "out").read_bytes(), how) == MATERIAL


@pytest.mark.parametrize("form", [Encoding.PEM, Encoding.DER])
def test_private_key_is_brought_in(house, tmp_path, form):
    key = ec.generate_private_key(ec.SECP256R1())
    path = tmp_path / "private"
    path.write_bytes(key.private_bytes(form, PrivateFormat.PKCS8, NoEncryption()))
    house.does("key", "create", "signer", "--algorithm", "ec-p256", "--origin", "imported")
    assert imported(house, str(path), key="signer").code == 0
    public = load_pem_public_key(house.does("key", "public-key", "signer").encode())
    assert public == key.public_key()


def test_key_that_openssl_made_signs_as_openssl_expects(house, tmp_path):
    pem, public, signature = tmp_path / "pem", tmp_path / "public", tmp_path / "signature"
    words = ["openssl", "genpkey", "-algorithm", "ed25519", "-out", pem]
    subprocess.run(words, check=True, timeout=120)
    subprocess.run(
        ["openssl", "pkey", "-in", pem, "-pubout", "-out", public], check=True, timeout=120
    )
    house.does("key", "create", "signer", "--algorithm", "ed25519", "--origin", "imported")
    assert imported(house, str(pem), key="signer").code == 0
    message = tmp_path / "message"
    message.write_bytes(b"pay 10")
    house.does("sign", "signer", "--in", str(message), "--raw", "--out", str(signature))
    words = ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", public, "-rawin", "-in", message,
             "-sigfile", signature]  # fmt: skip
    assert subprocess.run(words, check=False, timeout=120, capture_output=True).returncode == 0


def test_material_is_wrapped_elsewhere_and_handed_in(house, tmp_path):
    pem, sealed = tmp_path / "wrapping.pem", tmp_path / "sealed"
    made = house("key", "import-parameters", "mine", *SMALL, "--out", str(pem))
    facts = dict(line.split("   ", 1) for line in made.out.splitlines())
    token = facts["import token"].strip()
    assert f"--import-token {token} --material FILE" in made.err
    public = load_pem_public_key(pem.read_bytes())
    der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    sealed.write_bytes(base64.encodebytes(travelling(der, MATERIAL)))
    words = ["key", "import", "mine", "--import-token", token, "--material", str(sealed)]
    assert "state        active" in house.does(*words)
    again = house(*words)
    assert again.code == 1
    assert "import token is not valid" in again.err


def test_parameters_as_json_are_whole(house, tmp_path):
    whole = json.loads(house.does("key", "import-parameters", "mine", *SMALL, "-o", "json"))
    assert whole.keys() == {"import_token", "public_key", "pem", "wrapping_key", "expires"}
    out = str(tmp_path / "pem")
    words = ["key", "import-parameters", "mine", *SMALL, "-o", "json", "--out", out]
    assert "public_key" not in json.loads(house.does(*words))
    assert load_pem_public_key((tmp_path / "pem").read_bytes()).key_size == 2048


def test_material_ends_and_the_same_comes_back(house, own, tmp_path):
    shown = imported(house, own, "--expires", "+90d").out
    assert "expires " in shown.splitlines()[-1]
    shown = house.does("key", "delete-material", "mine")
    assert shown.splitlines()[-1].split()[-1] == "gone"
    assert house("encrypt", "mine", stdin=b"x").code == 6
    (tmp_path / "other").write_bytes(MATERIAL[::-1])
    other = imported(house, str(tmp_path / "other"), "--key-version", "1")
    assert (other.code, "other material" in other.err) == (1, True)
    assert imported(house, own, "--key-version", "1").code == 0
    house.does("encrypt", "mine", stdin=b"x")


# --- out ------------------------------------------------------------------------------------------


def test_exported_key_is_for_its_recipient_alone(house, own, recipient, tmp_path):
    assert imported(house, own).code == 0
    private, public = recipient
    printed = house.does("key", "export", "mine", "--to", public)
    assert arrived(private, base64.b64decode(printed)) == MATERIAL
    house.does("key", "create", "pair", "--algorithm", "ed25519", "--exportable")
    words = ["key", "export", "pair", "--to", public, "--raw", "--out", str(tmp_path / "pair")]
    house.does(*words)
    pair = load_der_private_key(arrived(private, (tmp_path / "pair").read_bytes()), None)
    known = load_pem_public_key(house.does("key", "public-key", "pair").encode())
    assert pair.public_key() == known
    assert house(*words).code == 6  # the file is there


def test_backup_is_its_owners_and_opens_elsewhere(house, tmp_path, monkeypatch):
    house.does("key", "create", "saved", "--label", "a=b")
    sealed = house.does("encrypt", "saved", stdin=b"x")
    path = tmp_path / "saved.backup"
    made = house("key", "backup", "saved", "--out", str(path))
    assert (made.out, made.err) == ("", f"The backup is in {path} (1 version of saved).\n")
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert path.read_bytes()[:4] == b"SRBK"
    here = house("key", "restore", str(path))
    assert here.code == 6
    assert "here already" in here.err
    with StandIn(tmp_path / "other.db") as other:
        monkeypatch.setenv("OTHER", other.admin)
        there = ["--url", other.url, "--token-from", "OTHER"]
        shown = house.does("key", "restore", str(path), "--name", "found", *there)
        assert shown.splitlines()[0].split() == ["name", "found"]
        assert "a=b" in shown
        assert house.does("decrypt", *there, stdin=sealed.encode()) == "x"


# --- refusals -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "content", "code", "said"),
    [
        ([], b"", 1, "The material is empty. Nothing was sent."),
        ([], bytes(range(33)), 1, "aes-256-gcm"),
        ([], b"\0" * 16_385, 1, "IMPORT_BYTES_MAX"),
        (["--wrapping", "rot13"], MATERIAL, 2, "--wrapping is one of: rsa-aes-kwp-sha256"),
        (["--wrapping", "rsa-oaep-sha256"], bytes(300), 2, "too long for rsa-oaep-sha256"),
        (["--expires", "yesterday"], MATERIAL, 2, "--expires takes a time"),
        (["--expires", "2026-01-01T00:00:00Z"], MATERIAL, 1, "$.expires"),
        (["--key-version", "0"], MATERIAL, 2, "--key-version"),
        (["--key-version", "5"], MATERIAL, 5, "Not found: key.import mine"),
        (["--material", "x"], MATERIAL, 2, "--from and --material contradict each other"),
        (["--import-token", "x"], MATERIAL, 2, "--from and --import-token contradict"),
        (["--print-curl"], MATERIAL, 2, "two requests"),
        ([], b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", 2, "one private key"),
    ],
    ids=lambda value: ascii(value)[:40],
)
def test_refused_import_says_what_and_shows_nothing(house, tmp_path, words, content, code, said):
    path = tmp_path / "content"
    path.write_bytes(content)
    result = imported(house, str(path), *words)
    assert (result.code, result.out) == (code, "")
    assert said in result.err
    assert "version      none yet" in house.does("key", "show", "mine")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["import", "mine"], 2, "Give --from FILE, or --import-token ID and --material FILE."),
        (["import", "mine", "--import-token", "0" * 32], 2, "Give --from FILE"),
        (["import", "mine", "--from", "/nowhere/key"], 2, "There is no file /nowhere/key."),
        (["import", "demo", "--from", "{own}", *SMALL], 1, "only a key of origin imported"),
        (["import", "nowhere", "--from", "{own}"], 5, "Not found: key.import-parameters nowhere"),
        (["import", "mine", "--from", "{own}", "--wrapping-key", "rsa-1024"], 1, "$.wrapping_key"),
        (["import", "mine", "--import-token", "0" * 32, "--material", "{own}"], 1, "import token"),
        (["import", "mine", "--import-token", "x", "--material", "{own}"], 1, "$.import_token"),
        (["import-parameters", "mine"], 2, "--out FILE, or take both as --output json"),
        (["import-parameters", "mine", "--out", "{own}"], 6, "exists; it was not touched"),
        (["import-parameters", "demo", "-o", "json"], 1, "origin imported"),
        (["export", "mine"], 2, "Missing option '--to'"),
        (["export", "demo", "--to", "{public}"], 6, "not made exportable"),
        (["export", "mine", "--to", "{public}"], 6, "has no material yet"),
        (["export", "portable", "--to", "{own}"], 1, "$.public_key"),
        (["delete-material", "mine"], 6, "has no material yet"),
        (["delete-material", "demo"], 1, "origin imported"),
        (["backup", "nowhere", "--out", "{free}"], 5, "Not found: key.backup nowhere"),
        (["backup", "demo", "--out", "{own}"], 6, "exists; it was not touched"),
        (["restore", "{own}"], 8, "not valid"),
        (["restore", "/nowhere/backup"], 2, "There is no file"),
        (["restore"], 2, "Missing argument 'FILE'"),
    ],
    ids=lambda value: ascii(value)[:60],
)
def test_refusal_says_what_and_has_its_code(house, own, recipient, tmp_path, arguments, code, said):
    places = {"own": own, "public": recipient[1], "free": str(tmp_path / "free")}
    result = house("key", *(word.format_map(places) for word in arguments))
    assert (result.code, result.out) == (code, "")
    assert said in result.err
    assert not (tmp_path / "free").exists()


def test_api_token_in_an_import_tokens_place_is_not_repeated(house, server, own):
    asked = len(server.asked)
    words = ["--import-token", server.admin, "--material", own]
    result = house("key", "import", "mine", *words)
    assert (result.code, len(server.asked)) == (2, asked)
    assert "not the token" in result.err


def test_private_key_under_a_passphrase_is_not_sent(house, server, tmp_path):
    key = ec.generate_private_key(ec.SECP256R1())
    path = tmp_path / "locked"
    path.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"hunter2"))
    )
    asked = len(server.asked)
    result = imported(house, str(path))
    assert (result.code, result.out, len(server.asked)) == (2, "", asked)
    assert "openssl pkcs8 -topk8 -nocrypt" in result.err


def test_private_key_in_a_recipients_place_is_not_sent(house, server, tmp_path):
    pem = rsa.generate_private_key(65_537, 2_048).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    (tmp_path / "private").write_bytes(pem)
    asked = len(server.asked)
    result = house("key", "export", "mine", "--to", str(tmp_path / "private"))
    assert (result.code, len(server.asked)) == (2, asked)
    assert "Nothing was sent" in result.err


def test_application_moves_nothing(house, own, recipient, tmp_path):
    for words in (["import", "mine", "--from", own], ["backup", "demo"],
                  ["import-parameters", "mine", "-o", "json"], ["delete-material", "mine"],
                  ["export", "mine", "--to", recipient[1]]):  # fmt: skip
        assert house.app("key", *words).code == 4, words
