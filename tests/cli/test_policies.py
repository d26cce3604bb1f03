"""`strongroom policy`, `explain`, `why`."""

import json
import re

import pytest

PERMIT = 'permit (principal == Principal::"app", action == Action::"key.rotate", resource);\n'


@pytest.fixture
def put(cli, tmp_path):
    def put(name, text, *options):
        file = tmp_path / "policy.cedar"
        file.write_text(text)
        return cli("policy", "put", name, "--in", str(file), *options)

    return put


def test_policy_holds_at_once_and_no_longer_when_it_is_deleted(cli, put):
    assert cli.app("key", "rotate", "demo").code == 4
    result = put("rotators", PERMIT)
    assert (result.code, result.out) == (0, "")
    assert "rotators is written (revision 2)" in result.err
    assert cli.app("key", "rotate", "demo").code == 0
    assert cli("policy", "delete", "rotators").code == 0
    assert cli.app("key", "rotate", "demo").code == 4


def test_shown_text_is_the_text_that_was_put(cli, put):
    put("rotators", PERMIT)
    assert cli.does("policy", "show", "rotators") == PERMIT
    assert json.loads(cli.does("policy", "show", "rotators", "-o", "json"))["text"] == PERMIT
    assert re.search(r"rotators +2 +permit", cli.does("policy", "list"))


def test_policy_comes_from_standard_input(cli):
    result = cli.process("policy", "put", "rotators", stdin=PERMIT.encode())
    assert result.returncode == 0
    assert cli.does("policy", "show", "rotators") == PERMIT


def test_schema_names_every_action(cli):
    assert 'action "key.encrypt"' in cli.does("policy", "schema")
    assert (
        'action "key.encrypt"' in json.loads(cli.does("policy", "schema", "-o", "json"))["schema"]
    )


def test_explain_says_what_decides_or_what_is_missing(cli, put):
    said = cli.does("explain", "app", "key.encrypt", "--key", "demo")
    assert re.search(r"answer +allowed", said)
    assert "role:key-user" in said
    said = cli.does("explain", "app", "key.rotate", "--key", "demo")
    assert re.search(r"answer +refused", said)
    assert "or a policy such as: permit" in said
    put("rotators", PERMIT)
    assert "policy:rotators" in cli.does("explain", "app", "key.rotate", "--key", "demo")


def test_explain_weighs_the_context(cli, put):
    put(
        "tenants",
        'forbid (principal, action == Action::"key.encrypt", resource) when '
        '{ context.encryption.hasTag("tenant") && context.encryption.getTag("tenant") == "b" };',
    )
    for tenant, answer in (("a", "allowed"), ("b", "refused")):
        asked = ["app", "key.encrypt", "--key", "demo", "--context", f"tenant={tenant}"]
        assert re.search(rf"answer +{answer}", cli.does("explain", *asked))


def test_why_says_what_was_missing(cli):
    err = cli.app("key", "rotate", "demo").err
    decision = err.split("strongroom why ")[1].strip()
    said = cli.does("why", decision)
    for fact in (r"outcome +refused", r"principal +app", r"action +key.rotate", "key/demo"):
        assert re.search(fact, said)
    assert json.loads(cli.does("why", decision, "-o", "json"))["id"] == decision


def test_missing_policy_that_why_suggests_is_enough(cli, put):
    decision = cli.app("key", "rotate", "demo").err.split("strongroom why ")[1].strip()
    missing = json.loads(cli.does("why", decision, "-o", "json"))["missing"]
    assert put("suggested", missing.split("such as: ")[1]).code == 0
    assert cli.app("key", "rotate", "demo").code == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "holds no policy"),
        ("permit (principal, action);", "$.text"),
        ('permit (principal, action == Action::"key.encrypto", resource);', "did you mean"),
        ("x" * 16_385, "$.text"),
    ],
)
def test_text_that_is_no_policy_is_refused(put, text, said):
    result = put("bad", text)
    assert (result.code, result.out) == (1, "")
    assert said in result.err


def test_text_that_no_policy_can_be_is_not_even_sent(cli, server, tmp_path):
    asked = len(server.asked)
    (tmp_path / "long").write_bytes(b"x" * (4 * 16_384 + 1))
    assert cli("policy", "put", "p", "--in", str(tmp_path / "long")).code == 1
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    assert cli("policy", "put", "p", "--in", str(tmp_path / "bytes")).code == 2
    assert len(server.asked) == asked


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["policy", "show", "missing"], 5),
        (["policy", "delete", "missing"], 5),
        (["policy", "put", "p", "--in", "no/such"], 2),
        (["explain", "nobody", "key.encrypt"], 5),
        (["explain", "app", "key.fly"], 1),
        (["explain", "app"], 2),
        (["why", "0" * 32], 5),
        (["why", "../keys/demo"], 2),
    ],
)
def test_refusal_has_its_code(cli, arguments, code):
    result = cli(*arguments)
    assert (result.code, result.out) == (code, "")
    assert result.err


def test_application_may_not_read_policies(cli):
    for arguments in (["policy", "list"], ["policy", "schema"], ["explain", "app", "key.encrypt"]):
        assert cli.app(*arguments).code == 4
