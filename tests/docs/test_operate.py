"""The pages for operators agree with the program: settings, numbers, refusals, rights, limits."""

import ast
import importlib.util
import json
import re

import msgspec
import pytest

from strongroom.adapters.cedar import CedarEngine
from strongroom.cli.exits import OF_CODE, Exit
from strongroom.config import SAMPLE, Config
from strongroom.domain.errors import REFUSALS, InvalidRequest
from strongroom.domain.operations import OPERATIONS
from strongroom.doors.rest.errors import OWN, STATUSES
from strongroom.node.metrics import HELP
from strongroom.ports.policy_engine import Question
from strongroom.ports.sinks import Common, FileSettings, SyslogSettings, WebhookSettings
from strongroom.ports.witnesses import WitnessSettings
from tests.support.terminal import Terminal, Tour, blocks
from tests.support.tree import ROOT, modules, parsed

OPERATE = ROOT / "docs" / "operate"


def page(name):
    return (OPERATE / f"{name}.md").read_text()


def rows(text):
    """The tables' rows, as lists of cells."""
    found = re.findall(r"^\| (.*) \|$", text, re.MULTILINE)
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", row)] for row in found]


@pytest.fixture(scope="module")
def node(tmp_path_factory):
    with Tour(tmp_path_factory.mktemp("node") / "strongroom-dev") as running:
        yield running


@pytest.mark.parametrize(
    "name",
    [
        "auditing",
        "configuration",
        "monitoring",
        "namespaces",
        "otp",
        "otp-migration",
        "policies",
        "privacy",
        "roles",
        "rotation",
        "sinks",
        "suspicious-use",
    ],
)
def test_what_a_page_shows_is_what_the_program_says(name, node, tmp_path):
    with Terminal(tmp_path) as terminal:
        terminal.type(f"set -a; . {node.directory}/dev.env; set +a")
        # A page's files are there before its first command: some are shown only later.
        terminal.write_files(page(name))
        terminal.type("strongroom principal create shop; strongroom key create orders")
        terminal.play(page(name))


# --- configuration --------------------------------------------------------------------------------


def sections():
    """The tables that have settings of their own, by their names in the file."""
    for field in msgspec.structs.fields(Config):
        if isinstance(field.type, type) and issubclass(field.type, msgspec.Struct):
            yield field.name, field.type
    yield "audit.witnesses", WitnessSettings


def defaults(section):
    """setting -> its default as a page writes it"""
    return {
        field.encode_name: "needed"
        if field.default is msgspec.NODEFAULT and field.default_factory is msgspec.NODEFAULT
        else f"`{json.dumps(() if field.default is msgspec.NODEFAULT else field.default)}`"
        for field in msgspec.structs.fields(section)
    }


def test_page_has_every_setting_with_its_default():
    expected = {}
    for name, section in sections():
        for field, default in defaults(section).items():
            expected[f"{name}.{field}"] = default
    found = {}
    for part in re.split(r"^## ", page("configuration"), flags=re.MULTILINE):
        section = re.match(r"`\[+([\w.]+)\]+`", part)
        for row in rows(part) if section else []:
            if row[0].startswith("`"):
                found[f"{section[1]}.{row[0].strip('`')}"] = row[1]
    assert found == expected


def test_sample_has_every_setting():
    for name, section in sections():
        for field in defaults(section):
            setting = rf"(# )?({field} = |\[\[{name}\.{field}\]\])"
            assert re.search(rf"^{setting}", SAMPLE, re.MULTILINE), field
    for field in msgspec.structs.fields(Config):
        assert re.search(rf"^(# )?\[+{field.name}\b", SAMPLE, re.MULTILINE), field.name


def test_page_has_every_setting_of_every_kind_of_sink():
    found = {}
    for part in re.split(r"^## ", page("sinks"), flags=re.MULTILINE):
        for row in rows(part):
            if re.fullmatch(r"`[a-z_]+`", row[0]) and len(row) == 3:
                found.setdefault(part.splitlines()[0], {})[row[0].strip("`")] = row[1]
    common = {**defaults(Common), "kind": "needed"}
    assert found["Settings of every sink"] == common
    for heading, kind in {
        "Syslog": SyslogSettings, "Webhook": WebhookSettings, "File": FileSettings,
    }.items():  # fmt: skip
        of_kind = defaults(kind)
        assert found[heading] == {name: of_kind[name] for name in of_kind.keys() - common.keys()}


# --- monitoring -----------------------------------------------------------------------------------


def metrics():
    """name on the page -> type, labels"""
    return {
        row[0].strip("`"): (row[1], tuple(re.findall(r"`(\w+)`", row[2])))
        for row in rows(page("monitoring"))
        if row[0].startswith("`strongroom_")
    }


def test_page_has_every_metric_with_its_labels():
    found = {
        name.removesuffix("_total") if kind == "counter" else name: labels
        for name, (kind, labels) in metrics().items()
    }
    assert found == {name: labels for name, (_, labels) in HELP.items()}


def test_types_of_metrics_are_those_that_the_node_shows(node):
    node.client().encrypt("demo", b"counted")
    text = node.client().ask("GET", "/metrics").body.decode()
    shown = dict(re.findall(r"^# TYPE (\w+) (\w+)$", text, re.MULTILINE))
    assert len(shown) > 10
    assert {name: metrics()[name][0] for name in shown} == shown


def test_alerts_are_about_metrics_and_outcomes_that_there_are():
    (rules,) = [
        content for language, _, content in blocks(page("monitoring")) if language == "yaml"
    ]
    used = set(re.findall(r"strongroom_\w+", rules))
    assert len(used) > 4
    assert {name.removesuffix("_bucket") for name in used} <= metrics().keys()
    assert set(re.findall(r'outcome="([^"]+)"', rules)) <= STATUSES.keys()


def test_page_has_every_message_of_the_log():
    said = {
        (node.func.attr, node.args[0].value)
        for module in modules()
        for node in ast.walk(parsed(module))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "log"
        and node.args
        and isinstance(node.args[0], ast.Constant)
    }
    levels = {"info": "info", "warning": "warning", "failure": "error"}
    said = {(message, levels[level]) for level, message in said if level in levels}
    assert len(said) > 10
    table = {
        message: row[1]
        for row in rows(page("monitoring").split("## Logs")[1])
        for message in re.findall(r"`([^`]+)`", row[0])
    }
    assert table.keys() == {message for message, _ in said}
    for message, level in said:
        assert level in table[message], message


# --- refusals -------------------------------------------------------------------------------------


def test_page_has_every_refusal_with_its_status_and_exit_code():
    found = {
        row[0].strip("`"): (int(row[1]), int(row[2]))
        for row in rows(page("troubleshooting"))
        if re.fullmatch(r"\d{3}", row[1])
    }
    assert found == {
        refusal.code: (STATUSES[refusal.code], OF_CODE.get(refusal.code, Exit.REFUSED).value)
        for refusal in (*REFUSALS, *OWN)
    }


def test_messages_that_the_page_explains_are_the_programs():
    """Each text, between its dots, is in the source as it stands there, but for line breaks."""
    source = re.sub(r'"\s*f?"', "", "".join(module.read_text() for module in modules()))
    messages = [
        row[0].strip("`")
        for row in rows(page("troubleshooting").split("## It does not start")[1])
        if row[0].startswith("`")
    ]
    assert len(messages) > 8
    for message in messages:
        for part in message.split("…"):
            assert part.strip() in source, part


# --- policies -------------------------------------------------------------------------------------


def examples():
    return {
        name.removesuffix(".cedar"): content
        for language, name, content in blocks(page("policies"))
        if language == "cedar"
    }


def weighed(name, principal, action, object_, **more):
    question = Question(
        principal=principal, roles=(), action=action, namespace="default", object=object_,
        resource=OPERATIONS[action].resource, **more,
    )  # fmt: skip
    return CedarEngine().parse({name: examples()[name]}).weigh(question).allowed


@pytest.mark.parametrize("name", sorted(examples().keys() - {"misspelt"}))
def test_examples_are_policies(name):
    CedarEngine().validate(name, examples()[name])


def test_the_example_that_is_to_be_refused_is():
    with pytest.raises(InvalidRequest, match=r"key\.encrypt"):
        CedarEngine().validate("misspelt", examples()["misspelt"])


PAYMENTS, OTHERS = {"labels": {"team": "payments"}}, {"labels": {"team": "sales"}}
MORNING, MIDNIGHT = 1_798_787_400_000_000, 1_798_761_600_000_000  # 2027-01-01, 07:10 and 00:00
LATER = 1_830_323_400_000_000  # 2028-01-01, 07:10


@pytest.mark.parametrize(
    ("name", "principal", "action", "object_", "more", "allowed"),
    [
        ("shop-one-key", "shop", "key.decrypt", "orders", {}, True),
        ("shop-one-key", "shop", "key.decrypt", "cards", {}, False),
        ("shop-one-key", "shop", "key.rotate", "orders", {}, False),
        ("shop-one-key", "web", "key.decrypt", "orders", {}, False),
        ("write-only", "web", "key.encrypt", "cards", {}, True),
        ("write-only", "web", "key.decrypt", "cards", {}, False),
        ("write-only", "billing", "key.decrypt", "cards", {}, True),
        ("write-only", "billing", "key.encrypt", "cards", {}, False),
        ("by-label", "payments-app", "key.encrypt", "any", PAYMENTS, True),
        ("by-label", "payments-app", "key.encrypt", "any", OTHERS, False),
        ("by-label", "payments-app", "key.encrypt", "any", {}, False),
        ("team-lead", "payments-lead", "key.create", "new", PAYMENTS, True),
        ("team-lead", "payments-lead", "key.create", "new", OTHERS, False),
        ("team-lead", "payments-lead", "key.update", "new", PAYMENTS, False),
        ("by-context", "tenant-a", "key.decrypt", "documents", {"context": {"tenant": "a"}}, True),
        ("by-context", "tenant-a", "key.decrypt", "documents", {"context": {"tenant": "b"}}, False),
        ("by-context", "tenant-a", "key.decrypt", "documents", {}, False),
        ("by-time", "migration", "key.decrypt", "orders", {"time_us": MORNING}, True),
        ("by-time", "migration", "key.decrypt", "orders", {"time_us": MIDNIGHT}, False),
        ("by-time", "migration", "key.decrypt", "orders", {"time_us": LATER}, False),
        ("help-desk", "help-desk", "decision.read", "default", {}, True),
        ("help-desk", "help-desk", "audit.read", "default", {}, False),
    ],
)
def test_examples_allow_what_the_page_says_and_no_more(
    name, principal, action, object_, more, allowed
):
    assert weighed(name, principal, action, object_, **more) is allowed


@pytest.mark.parametrize(
    ("name", "principal", "more", "allowed"),
    [
        ("forbid", "archivist", {}, True),
        ("forbid", "web", {}, False),
        ("by-address", "shop", {"source": "10.1.2.77"}, True),
        ("by-address", "shop", {"source": "10.1.20.7"}, False),
        ("by-address", "web", {"source": "10.1.20.7"}, True),
    ],
)
def test_examples_that_forbid_take_away_what_a_role_gives(name, principal, more, allowed):
    question = Question(
        principal=principal, roles=("key-user",), action="key.decrypt", namespace="default",
        object="archive", resource=OPERATIONS["key.decrypt"].resource, **more,
    )  # fmt: skip
    policies = CedarEngine().parse({name: examples()[name]})
    assert policies.weigh(question).allowed is allowed


def test_a_namespace_can_be_shut_for_everybody_as_the_page_warns():
    text = "forbid (principal, action, resource);"
    CedarEngine().validate("shut", text)
    question = Question(
        principal="admin", roles=("administrator",), action="policy.delete", namespace="default",
        object="shut", resource=OPERATIONS["policy.delete"].resource,
    )  # fmt: skip
    assert not CedarEngine().parse({"shut": text}).weigh(question).allowed


# --- one-time passwords ---------------------------------------------------------------------------


def test_what_is_said_to_show_that_a_rule_is_met_is_a_test():
    table = rows(page("otp").split("## Rules, and where they are met")[1])[2:]
    assert len(table) > 8
    for rule, _, shown_by in table:
        tests = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", shown_by)
        assert tests, rule
        for file, test in tests:
            assert re.search(rf"^def {test}\(", (ROOT / file).read_text(), re.MULTILINE), test


# --- generated pages ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["roles", "limits", "states"])
def test_page_is_what_its_program_writes(name):
    path = ROOT / "tools" / f"{name}_reference.py"
    spec = importlib.util.spec_from_file_location(path.stem, path)
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    assert tool.PAGE.read_text() == tool.render(), f"run: python tools/{path.name}"


def test_page_has_every_limit():
    source = (ROOT / "src" / "strongroom" / "domain" / "limits.py").read_text()
    named = re.findall(r"^([A-Z_]+): Final", source, re.MULTILINE)
    assert len(named) > 30
    assert [row[0].strip("`") for row in rows(page("limits")) if row[0].startswith("`")] == named
