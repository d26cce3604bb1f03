"""`strongroom principal`, `token`, `role`, `namespace`, `whoami`."""

import json
import re

import pytest

from tests.cli.conftest import on_a_terminal

TOKEN = re.compile(r"srt_[a-z2-7]{72}")


def new_token(cli, principal, **options):
    return json.loads(cli.does("token", "create", principal, "-o", "json"))


def test_whoami_names_owner_and_roles_and_not_the_token(cli):
    said = cli.does("whoami")
    assert "admin" in said
    assert "administrator, key-user" in said
    assert not TOKEN.search(said)


def test_principal_is_made_changed_and_listed(cli):
    assert "auditor" in cli.does("principal", "create", "eve", "--role", "auditor")
    assert "disabled" in cli.does("principal", "update", "eve", "--disable")
    assert "enabled" in cli.does("principal", "update", "eve", "--enable", "--role", "operator")
    shown = cli.does("principal", "show", "eve")
    assert "operator" in shown
    assert "auditor" not in shown
    assert re.search(r"roles +none", cli.does("principal", "update", "eve", "--no-roles"))
    listed = json.loads(cli.does("principal", "list", "--all", "-o", "json"))
    assert [each["name"] for each in listed["principals"]] == ["admin", "app", "eve"]


def test_roles_are_listed_with_what_they_do(cli):
    assert "reads the audit log" in cli.does("role", "list")
    roles = json.loads(cli.does("role", "list", "-o", "json"))["roles"]
    assert all(role["policy"].startswith("@id(") for role in roles)


def test_token_is_shown_where_it_is_made_and_never_again(cli, monkeypatch):
    made = cli("token", "create", "app", "--days", "3", "--description", "ci")
    (token,) = TOKEN.findall(made.out)
    assert "nobody can show it again" in made.err
    assert not TOKEN.search(made.err)
    monkeypatch.setenv("NEW", token)
    seen = cli.does("whoami", "--token-from", "NEW")
    assert re.search(r"principal +app", seen)
    for shown in (cli.does("token", "list"), cli.does("token", "list", "-o", "json"), seen):
        assert not TOKEN.search(shown)


def test_token_can_be_copied_whole_from_a_narrow_terminal(cli):
    code, shown, _ = on_a_terminal(["token", "create", "app"], columns=40)
    assert code == 0
    assert TOKEN.search(shown.decode())


def test_revoked_token_opens_nothing(cli, monkeypatch):
    made = new_token(cli, "app")
    monkeypatch.setenv("NEW", made["token"])
    assert cli("whoami", "--token-from", "NEW").code == 0
    result = cli("token", "revoke", made["id"])
    assert (result.code, result.out) == (0, "")
    assert "is revoked" in result.err
    refused = cli("whoami", "--token-from", "NEW")
    assert refused.code == 3
    assert "does not accept the token from NEW" in refused.err
    assert made["token"] not in refused.err
    assert re.search(rf"{made['id']} +app +revoked", cli.does("token", "list"))


def test_disabled_principal_is_not_let_in(cli):
    cli.does("principal", "update", "app", "--disable")
    assert cli.app("whoami").code == 3


def test_namespace_is_made_with_an_administrator_of_its_own(cli, monkeypatch):
    made = cli("namespace", "create", "branch")
    monkeypatch.setenv("BRANCH", TOKEN.search(made.out)[0])
    assert re.search(r"namespace +branch", cli.does("whoami", "--token-from", "BRANCH"))
    assert "demo" not in cli.does("key", "list", "--token-from", "BRANCH")
    assert cli("key", "show", "demo", "--token-from", "BRANCH").code == 5
    assert "branch" in cli.does("namespace", "list")
    assert cli("namespace", "list", "--token-from", "BRANCH").code == 4


def test_a_namespace_stands_for_a_region_of_anothers_account(cli):
    cli.does("namespace", "create", "europe", "--region", "eu-west-1")
    cli.does("namespace", "create", "asia", "--region", "ap-south-1", "--account-of", "europe")
    rows = [line.split() for line in cli.does("namespace", "list").splitlines()]
    found = {row[0]: row[1:3] for row in rows}
    assert found["default"][1] == "every"
    assert (found["europe"][1], found["asia"][1]) == ("eu-west-1", "ap-south-1")
    assert found["europe"][0] == found["asia"][0] != found["default"][0]
    taken = cli("namespace", "create", "a", "--region", "ap-south-1", "--account-of", "asia")
    assert (taken.code, taken.out) == (6, "")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["principal", "create", "app"], 6, "The name is taken."),
        (["principal", "create", "p", "--role", "king"], 1, "There is no such role"),
        (
            ["principal", "create", "p", "--role", "auditor", "--role", "key-user"],
            1,
            "Duties are separate",
        ),
        (["principal", "update", "app"], 2, "There is nothing to change."),
        (["principal", "update", "app", "--disable", "--enable"], 2, "contradict each other"),
        (["principal", "update", "app", "--role", "auditor", "--no-roles"], 2, "contradict"),
        (["principal", "update", "nobody", "--disable"], 5, "Not found"),
        (["principal", "show", "nobody"], 5, "Not found"),
        (["token", "create", "nobody"], 5, "Not found"),
        (["token", "create", "app", "--days", "0"], 2, "--days"),
        (["token", "create", "app", "--days", "3651"], 2, "--days"),
        (["token", "revoke", "a" * 16], 5, "Not found"),
        (["token", "revoke", "a/b"], 2, "Not an id"),
        (["namespace", "create", "default"], 6, "The name is taken."),
        (["namespace", "create", "Über"], 1, "$.name"),
    ],
)
def test_refusal_says_what_and_has_its_code(cli, arguments, code, said):
    result = cli(*arguments)
    assert (result.code, result.out) == (code, "")
    assert said in result.err


def test_pointer_does_not_repeat_what_is_wrong(cli):
    err = cli("principal", "create", "p", "--role", "king").err
    assert err.lower().count("there is no such role") == 1
    assert "$.roles" in err


@pytest.mark.parametrize(
    "arguments",
    [
        ["whoami"],
        ["token", "list"],
        ["key", "show"],
        ["token", "revoke"],
        ["why"],
        ["encrypt"],
        ["--token-from"],
        ["whoami", "--url"],
        ["--token"],
        ["token"],
        ["audit", "list", "--page-token"],
        ["key", "create", "k", "--label"],
        ["whoami", "--profile"],
        ["whoami", "--output"],
    ],
)
def test_token_on_the_command_line_is_not_repeated(cli, arguments):
    token = new_token(cli, "app")["token"]
    result = cli(*arguments, token)
    assert result.code != 0
    assert token[4:] not in result.out + result.err
