"""`--print-curl` and `--print-policy`: what is printed does, and suffices."""

import base64
import json
import os
import shutil
import subprocess

import pytest

from strongroom.client import Client, ProblemError
from strongroom.client.wrapping import wrapped
from strongroom.domain.operations import OPERATIONS
from strongroom.domain.roles import EVERYBODYS_ACTIONS
from tests.cli.test_identities import new_token
from tests.support.alerts import raised
from tests.support.standin import StandIn

# A command line for each operation; what is in braces is filled in.
COMMANDS = {
    "key.create": ["key", "create", "new", "--label", 'who=it\'s $HOME "me" `id` \\ !'],
    "key.list": ["key", "list", "--limit", "1"],
    "key.read": ["key", "show", "demo"],
    "key.update": ["key", "update", "demo", "--description", "Zeile 1\nZeile 2 · ünïcödé"],
    "key.replicate": ["key", "replicate", "card", "us-east-1", "--token-from", "EUROPE"],
    "key.rotate": ["key", "rotate", "demo"],
    "key.enable": ["key", "enable", "off"],
    "key.disable": ["key", "disable", "demo"],
    "key.deactivate": ["key", "deactivate", "demo"],
    "key.mark-compromised": ["key", "mark-compromised", "demo", "--key-version", "1"],
    "key.schedule-destruction": ["key", "schedule-destruction", "demo", "--days", "9"],
    "key.cancel-destruction": ["key", "cancel-destruction", "off"],
    "key.import-parameters": [
        "key",
        "import-parameters",
        "brought",
        "--wrapping-key",
        "rsa-2048",
        "-o",
        "json",
    ],
    "key.import": [
        "key",
        "import",
        "brought",
        "--import-token",
        "{import}",
        "--material",
        "{material}",
    ],
    "key.delete-imported-material": ["key", "delete-material", "here"],
    "key.export": ["key", "export", "portable", "--to", "{public}"],
    "key.backup": ["key", "backup", "demo", "-o", "json"],
    "key.restore": ["key", "restore", "{backup}", "--name", "found"],
    "key.read-usage": ["key", "usage", "demo", "--days", "7"],
    "key.read-policy": ["key-policy", "show", "demo"],
    "key.write-policy": ["key-policy", "set", "demo"],
    "grant.create": ["grant", "create", "demo", "admin", "Decrypt", "Encrypt", "--context", "a=b"],
    "grant.list": ["grant", "list", "demo"],
    "grant.list-retirable": ["grant", "retirable", "admin"],
    "grant.retire": ["grant", "retire", "demo", "{grant}"],
    "grant.revoke": ["grant", "revoke", "demo", "{grant}"],
    "alias.write": ["alias", "set", "new", "demo"],
    "alias.list": ["alias", "list"],
    "alias.delete": ["alias", "delete", "current"],
    "jwks.read": ["jwks"],
    "jwks.read-published": ["jwks", "--namespace", "default"],
    "namespace.read": ["namespace", "show"],
    "namespace.update": ["namespace", "update", "--publish-keys"],
    "key.encrypt": ["encrypt", "demo", "--context", "a=b'c"],
    "key.decrypt": ["decrypt"],
    "key.sign": ["sign", "signer"],
    "key.verify": ["verify", "signer", "--signature", "{signature}"],
    "key.mac": ["mac", "maker"],
    "key.verify-mac": ["verify-mac", "maker", "--tag", "{tag}"],
    "key.generate-data-key": ["data-key", "demo", "--bytes", "16", "-o", "json"],
    "key.generate-data-key-pair": [
        "data-key-pair",
        "demo",
        "--algorithm",
        "ed25519",
        "-o",
        "json",
    ],
    "key.re-encrypt": ["re-encrypt", "demo", "--new-context", "a=b'c"],
    "key.agree": ["agree", "side", "-o", "json"],
    "key.encapsulate": ["encapsulate", "kem", "-o", "json"],
    "key.decapsulate": ["decapsulate", "kem", "-o", "json"],
    "key.wrap": ["wrap", "wrapper"],
    "key.unwrap": ["unwrap", "wrapper", "-o", "json"],
    "key.read-public-key": ["key", "public-key", "signer", "--key-version", "1"],
    "random.generate": ["random", "--bytes", "8", "-o", "json"],
    "principal.create": ["principal", "create", "eve", "--role", "auditor"],
    "principal.list": ["principal", "list"],
    "principal.read": ["principal", "show", "app"],
    "principal.update": ["principal", "update", "app", "--description", "x"],
    "role.list": ["role", "list"],
    "token.create": ["token", "create", "app"],
    "token.create-access-key": ["aws-key", "create", "app"],
    "token.list": ["token", "list"],
    "token.revoke": ["token", "revoke", "{token}"],
    "identity.read": ["whoami"],
    "namespace.create": ["namespace", "create", "branch"],
    "namespace.list": ["namespace", "list"],
    "policy.list": ["policy", "list"],
    "policy.read": ["policy", "show", "mine"],
    "policy.write": ["policy", "put", "new"],
    "policy.delete": ["policy", "delete", "mine"],
    "authorize.explain": ["explain", "app", "key.encrypt", "--key", "demo"],
    "decision.read": ["why", "{decision}"],
    "audit.read": ["audit", "list", "--since", "2026-01-01T00:00:00+01:00"],
    "audit.erase-details": ["audit", "erase-details", "--identifiers"],
    "audit.read-checkpoint": ["audit", "checkpoint"],
    "audit.read-tile": ["audit", "tile", "0/000.p/1", "--out", "{to}", "--force"],
    "audit.read-entries": ["audit", "tile", "entries/000.p/1", "--out", "{to}", "--force"],
    "audit.read-keys": ["audit", "key"],
    "receipt.read": ["audit", "receipt", "{decision}"],
    "alert.list": ["alerts", "list"],
    "alert.read": ["alerts", "show", "{alert}"],
    "alert.acknowledge": ["alerts", "acknowledge", "{alert}", "--note", 'it\'s "known"'],
    "status.read": ["status"],
}
HARMLESS = 'forbid (principal == Principal::"x", action, resource);'


# Those about one-time passwords are in test_otp_print.py, in a house of their own.
HERE = [name for name in OPERATIONS if not name.startswith("otp.")]


def test_every_operation_has_a_command():
    assert COMMANDS.keys() == set(HERE)


def _of_an_import(cli, folder, filled):
    cli.does("key", "create", "brought", "--origin", "imported")
    words = ["key", "import-parameters", "brought", "--wrapping-key", "rsa-2048", "-o", "json"]
    made = json.loads(cli.does(*words))
    sealed = wrapped(bytes(range(32)), base64.b64decode(made["public_key"]))
    (folder / "material").write_bytes(sealed)
    filled |= {"import": made["import_token"], "material": str(folder / "material")}


def _after_an_import(cli, folder, filled):
    del filled
    cli.does("key", "create", "here", "--origin", "imported")
    (folder / "own").write_bytes(bytes(range(32)))
    words = ["--from", str(folder / "own"), "--wrapping-key", "rsa-2048"]
    cli.does("key", "import", "here", *words)


def _of_an_export(cli, folder, filled):
    cli.does("key", "create", "portable", "--exportable")
    cli.does("key", "create", "mine", "--algorithm", "rsa-2048")
    filled["public"] = str(folder / "public")
    cli.does("key", "public-key", "mine", "--out", filled["public"])
    _may(cli, "key.export")


def _may(cli, action):
    text = f'permit (principal == Principal::"admin", action == Action::"{action}", resource);'
    cli.does("policy", "put", "exports", stdin=text.encode())


def _of_a_backup(cli, folder, filled):
    with (
        StandIn(folder / "elsewhere.db") as elsewhere,
        Client(elsewhere.url, elsewhere.admin) as there,
    ):
        there.create_key("lost")
        (folder / "backup").write_bytes(there.backup_key("lost").backup)
    filled["backup"] = str(folder / "backup")


def _of_a_grant(cli, folder, filled):
    del folder
    made = cli.does("grant", "create", "demo", "admin", "Decrypt", "-o", "json")
    filled["grant"] = json.loads(made)["id"]


def _of_a_replica(cli, folder, filled):
    words = ["namespace", "create", "europe", "--region", "eu-west-1", "-o", "json"]
    filled["setenv"]("EUROPE", json.loads(cli.does(*words))["token"])
    words = ["namespace", "create", "america", "--region", "us-east-1", "--account-of", "europe"]
    cli.does(*words)
    cli.does("key", "create", "card", "--multi-region", "--token-from", "EUROPE")


def _typed(*words):
    return lambda cli, folder, filled: cli.does(*words)


def _of_an_alert(cli, folder, filled):
    del folder
    filled["alert"] = raised(cli.server, cli.server)
    _may(cli, "alert.acknowledge")


# What must be there for an operation to succeed, beside what `prepared` makes for all.
FIRST = {
    "key.cancel-destruction": _typed("key", "schedule-destruction", "off"),
    "key.import-parameters": _typed("key", "create", "brought", "--origin", "imported"),
    "key.import": _of_an_import,
    "key.delete-imported-material": _after_an_import,
    "key.export": _of_an_export,
    "key.restore": _of_a_backup,
    "grant.retire": _of_a_grant,
    "grant.revoke": _of_a_grant,
    "key.replicate": _of_a_replica,
    "alias.delete": _typed("alias", "set", "current", "demo"),
    "jwks.read-published": _typed("namespace", "update", "--publish-keys"),
    "audit.erase-details": _typed("namespace", "update", "--private-sources"),
    "alert.read": _of_an_alert,
    "alert.acknowledge": _of_an_alert,
    "audit.read-entries": lambda cli, folder, filled: _may(cli, "audit.read-entries"),
}


def _made(admin, folder):
    """What is there for all operations: by operation its standard input, and names of files."""
    admin.create_key("off")
    admin.disable_key("off")
    admin.write_policy("mine", HARMLESS)
    for name, algorithm, purpose in (
        ("signer", "ec-p256", "sign-verify"), ("maker", "hmac-sha256", "mac"),
        ("side", "x25519", "agree"), ("kem", "ml-kem-768", "encapsulate"),
        ("wrapper", "aes-256-kw", "wrap"),
    ):  # fmt: skip
        admin.create_key(name, algorithm=algorithm, purpose=purpose)
    sealed = base64.b64encode(admin.encrypt("demo", b"hello").ciphertext)
    filled = {name: str(folder / name) for name in ("signature", "tag", "to")}
    (folder / "signature").write_bytes(base64.b64encode(admin.sign("signer", b"hello").signature))
    (folder / "tag").write_bytes(base64.b64encode(admin.mac("maker", b"hello").tag))
    stdin = {
        "key.encrypt": b"hello", "key.decrypt": sealed, "key.re-encrypt": sealed,
        "policy.write": HARMLESS.encode(),
        **dict.fromkeys(("key.sign", "key.verify", "key.mac", "key.verify-mac"), b"hello"),
        "key.agree": admin.read_public_key("side").pem.encode(),
        "key.decapsulate": base64.b64encode(admin.encapsulate("kem").ciphertext),
        "key.wrap": b"0123456789abcdef",
        "key.unwrap": base64.b64encode(admin.wrap("wrapper", b"0123456789abcdef").wrapped),
    }  # fmt: skip
    return stdin, filled


@pytest.fixture(scope="module")
def furnished(tmp_path_factory):
    """A house where every operation succeeds, once; it has ended. And what there is to read."""
    folder = tmp_path_factory.mktemp("furnished")
    with StandIn(folder / "store.db") as house:
        with Client(house.url, house.admin) as admin:
            stdin, filled = _made(admin, folder)
            filled["token"] = admin.create_token("app").id
        with Client(house.url, house.app) as app, pytest.raises(ProblemError) as refused:
            app.rotate_key("demo")
        filled["decision"] = refused.value.decision_id
    return house, stdin, filled


@pytest.fixture
def server(furnished, tmp_path):
    with StandIn(tmp_path / "store.db", like=furnished[0]) as standing:
        yield standing


@pytest.fixture
def prepared(cli, furnished, tmp_path, monkeypatch):
    """The command line of an operation and what it reads, in a house where it succeeds."""
    _, stdin, filled = furnished
    filled = dict(filled, setenv=monkeypatch.setenv)

    def line(operation):
        if operation in FIRST:
            FIRST[operation](cli, tmp_path, filled)
        words = [word.format_map(filled) if word.startswith("{") else word
                 for word in COMMANDS[operation]]  # fmt: skip
        return words, stdin.get(operation, b"")

    return line


@pytest.mark.parametrize(
    ("operation", "shell"),
    [*((name, "bash") for name in HERE), ("key.create", "sh"), ("key.update", "sh")],
)
def test_printed_curl_does_what_the_command_does(cli, server, prepared, operation, shell):
    words, stdin = prepared(operation)
    asked = len(server.asked)
    printed = cli(*words, "--print-curl", stdin=stdin)
    assert (printed.code, printed.err) == (0, "")
    assert len(server.asked) == asked  # nothing was sent
    ran = subprocess.run(
        [shutil.which(shell)],
        input=printed.out.encode(),
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 0, ran
    assert server.asked[asked:] == [operation]
    if operation == "key.decrypt":
        assert base64.b64decode(json.loads(ran.stdout)["plaintext"]) == b"hello"
    if operation == "key.create":
        assert json.loads(ran.stdout)["labels"] == {"who": 'it\'s $HOME "me" `id` \\ !'}
    if operation == "key.update":
        assert json.loads(ran.stdout)["description"] == "Zeile 1\nZeile 2 · ünïcödé"


def test_printed_curl_without_a_token_sends_nothing(cli, server):
    printed = cli.does("key", "list", "--print-curl")
    asked = len(server.asked)
    environment = {**os.environ}
    del environment["STRONGROOM_TOKEN"]
    ran = subprocess.run(
        [shutil.which("sh")],
        input=printed.encode(),
        env=environment,
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode != 0
    assert b"STRONGROOM_TOKEN" in ran.stderr
    assert len(server.asked) == asked


def test_printed_curl_fails_where_the_server_refuses(cli):
    printed = cli.does("key", "rotate", "demo", "--print-curl", "--token-from", "APP")
    ran = subprocess.run(
        [shutil.which("sh")], input=printed.encode(), capture_output=True, timeout=120, check=False
    )
    assert ran.returncode == 22  # curl's, for an HTTP error
    assert json.loads(ran.stdout)["code"] == "not-allowed"


def test_printed_curl_needs_no_token_to_be_printed(cli, monkeypatch):
    monkeypatch.delenv("STRONGROOM_TOKEN")
    assert "${STRONGROOM_TOKEN:?}" in cli.does("key", "list", "--print-curl")
    assert "${APP:?}" in cli.does("key", "list", "--print-curl", "--token-from", "APP")


# What needs no policy, or one in two namespaces, or whose policy cannot be known beforehand.
WITHOUT_POLICY = {*EVERYBODYS_ACTIONS, "jwks.read-published", "alias.delete", "key.replicate"}


@pytest.mark.parametrize("operation", [name for name in HERE if name not in WITHOUT_POLICY])
def test_printed_policy_suffices_and_nothing_less_does(cli, prepared, monkeypatch, operation):
    """A principal without roles can do it with that policy in force, and not without it."""
    words, stdin = prepared(operation)
    cli.does("principal", "create", "bare")
    monkeypatch.setenv("BARE", new_token(cli, "bare")["token"])
    bare = ["--token-from", "BARE"]
    refused = cli(*words, *bare, stdin=stdin)
    assert refused.code == 4, refused
    printed = cli.does(*words, "--print-policy", "--for", "bare")
    cli.does("policy", "put", "printed", stdin=printed.encode())
    done = cli(*words, *bare, stdin=stdin)
    assert done.code == 0, done


def test_printed_policy_allows_nothing_else(cli, monkeypatch):
    cli.does("key", "create", "other")
    cli.does("principal", "create", "bare")
    monkeypatch.setenv("BARE", new_token(cli, "bare")["token"])
    printed = cli.does("encrypt", "demo", "--print-policy", "--for", "bare")
    cli.does("policy", "put", "printed", stdin=printed.encode())
    sealed = cli.does("encrypt", "demo", "--token-from", "BARE", stdin=b"x")
    for arguments in (["encrypt", "other"], ["decrypt"], ["key", "show", "demo"], ["key", "list"]):
        refused = cli(*arguments, "--token-from", "BARE", stdin=sealed.encode())
        assert refused.code == 4, arguments


def test_policy_for_an_import_from_a_file_is_for_both_steps(cli, tmp_path, monkeypatch):
    cli.does("key", "create", "mine", "--origin", "imported")
    cli.does("principal", "create", "bare")
    monkeypatch.setenv("BARE", new_token(cli, "bare")["token"])
    (tmp_path / "own").write_bytes(bytes(range(32)))
    words = ["key", "import", "mine", "--from", str(tmp_path / "own"), "--wrapping-key", "rsa-2048"]
    assert cli(*words, "--token-from", "BARE").code == 4
    printed = cli.does(*words, "--print-policy", "--for", "bare")
    cli.does("policy", "put", "printed", stdin=printed.encode())
    assert cli(*words, "--token-from", "BARE").code == 0


@pytest.mark.parametrize(
    "words", [["key", "show", "alias:current"], ["encrypt", "alias:current"],
              ["alias", "delete", "current"]],
)  # fmt: skip
def test_policy_for_whatever_an_alias_names_is_not_printed(cli, words):
    cli.does("alias", "set", "current", "demo")
    result = cli(*words, "--print-policy", "--for", "app")
    assert (result.code, result.out) == (2, "")
    assert "strongroom alias list" in result.err


def test_published_keys_need_no_policy_and_no_token(cli):
    assert "No policy" in cli.does("jwks", "--namespace", "default", "--print-policy")
    assert "Authorization" not in cli.does("jwks", "--namespace", "default", "--print-curl")
    assert "Authorization" in cli.does("jwks", "--print-curl")


def test_policy_for_another_keys_ciphertext_says_that_more_is_needed(cli):
    printed = cli.does("re-encrypt", "demo", "--print-policy", "--for", "app")
    permit, remark = printed.splitlines()
    assert 'resource == Key::"demo"' in permit
    assert remark.startswith("// The key that the ciphertext is of")


def test_printed_policy_cannot_be_broken_out_of(cli):
    name = 'x"); permit (principal, action, resource); //'
    printed = cli.does("key", "list", "--print-policy", "--for", name)
    cli.does("policy", "put", "printed", stdin=printed.encode())
    assert cli.app("key", "list").code == 4


def test_policy_for_who_everybody_may_is_none(cli):
    printed = cli.does("whoami", "--print-policy")
    assert printed.startswith("// Everybody")
