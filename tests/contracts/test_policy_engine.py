"""The `PolicyEngine` port's promises, through Cedar."""

import pytest

from strongroom.adapters.cedar import CedarEngine
from strongroom.domain import limits
from strongroom.domain.cedar_schema import needed_policy
from strongroom.domain.errors import InvalidRequest
from strongroom.domain.operations import OPERATIONS, Resource
from strongroom.domain.roles import EVERYBODYS_ACTIONS, ROLES
from strongroom.ports.policy_engine import Holds, Question

ENGINE = CedarEngine()
ENCRYPTS = '(principal, action == Action::"key.encrypt", resource)'
FORBID = 'forbid (principal, action == Action::"key.encrypt", resource == Key::"demo");'
TENANT = """permit (principal, action == Action::"key.encrypt", resource)
when { context.encryption.hasTag("tenant") && context.encryption.getTag("tenant") == "a" };"""
TEAM = """permit (principal, action == Action::"key.encrypt", resource)
when { resource.hasTag("team") && resource.getTag("team") == "pay" };"""


def ask(policies=None, *, action="key.encrypt", **more):
    values = {
        "principal": "app", "roles": [], "action": action,
        "resource": OPERATIONS[action].resource, "object": "demo", "namespace": "default",
    }  # fmt: skip
    return ENGINE.parse(policies or {}).weigh(Question(**(values | more)))


def test_each_role_allows_what_its_row_says_and_nothing_else():
    policies = ENGINE.parse({})
    for role in ROLES.values():
        for action, operation in OPERATIONS.items():
            question = Question("p", [role.name], action, operation.resource, "x", "default")
            expected = action in role.actions or action in EVERYBODYS_ACTIONS
            assert policies.weigh(question).allowed is expected, (role.name, action)


def test_silence_is_no():
    assert not ask().allowed
    assert ask().policies == ()


def test_the_deciding_policy_is_named_by_where_it_comes_from():
    assert ask(roles=["key-user"]).policies == ("role:key-user",)
    two = needed_policy("key.read", "app", Resource.KEY, "demo")
    assert ask({"mine": two + TEAM}, labels={"team": "pay"}).policies == ("policy:mine#2",)


def test_a_policy_cannot_pass_itself_off_as_a_role():
    text = '@id("role:administrator") permit (principal, action, resource);'
    assert ask({"mine": text}).policies == ("policy:mine",)


def test_deny_wins():
    verdict = ask({"stop": FORBID}, roles=["key-user"])
    assert not verdict.allowed
    assert verdict.policies == ("policy:stop",)
    assert ask({"stop": FORBID}, roles=["key-user"], object="other").allowed


@pytest.mark.parametrize(
    ("context", "allowed"), [({"tenant": "a"}, True), ({"tenant": "b"}, False), ({}, False)]
)
def test_the_encryption_context_can_be_a_condition(context, allowed):
    verdict = ask({"tenant": TENANT}, context=context)
    assert (verdict.allowed, verdict.holds) == (allowed, Holds.ONCE)


def test_labels_can_be_a_condition_and_the_verdict_holds_for_that_object():
    assert ask({"team": TEAM}, labels={"team": "pay"}).allowed
    assert ask({"team": TEAM}, labels={"team": "pay"}).holds is Holds.FOR_THE_OBJECT
    assert not ask({"team": TEAM}, labels={"team": "x"}).allowed


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("permit (principal, action, resource);", Holds.FOR_THE_ACTION),
        ("permit (principal, action, resource is Key);", Holds.FOR_THE_ACTION),
        ('permit (principal, action, resource is Key in Namespace::"x");', Holds.FOR_THE_OBJECT),
        ('forbid (principal, action, resource in Namespace::"x");', Holds.FOR_THE_OBJECT),
        ('forbid (principal, action, resource == Key::"other");', Holds.FOR_THE_OBJECT),
        ('forbid (principal, action, resource) unless { resource in Namespace::"default" };',
         Holds.FOR_THE_OBJECT),
        ('forbid (principal, action, resource is Key) when { resource.algorithm == "x" };',
         Holds.FOR_THE_OBJECT),
        ('forbid (principal, action, resource) when { context.source == "::1" };', Holds.ONCE),
        ('forbid (principal, action, resource == Key::"a") when { context.source == "::1" };',
         Holds.ONCE),
        ('permit (principal in Role::"x", action, resource);', Holds.FOR_THE_ACTION),
    ],
)  # fmt: skip
def test_verdict_holds_for_what_the_policies_do_not_look_at(text, holds):
    assert ask({"mine": text}, roles=["key-user"]).holds is holds


@pytest.mark.parametrize(
    ("text", "looks"),
    [
        ("permit (principal, action, resource);", False),
        ('forbid (principal, action, resource) when { context.source == "::1" };', False),
        (
            'forbid (principal, action, resource == Key::"a") when { context.source == "::1" };',
            True,
        ),
        ('forbid (principal, action == Action::"key.read", resource == Key::"a");', False),
        (f'forbid {ENCRYPTS} when {{ resource.algorithm == "x" }};', True),
    ],
)
def test_which_actions_are_judged_by_their_object_is_known_beforehand(text, looks):
    found = CedarEngine().parse({"mine": text}).looks_at_objects("key.encrypt")
    assert found is looks


def test_a_context_condition_on_another_action_does_not_matter():
    assert ask({"tenant": TENANT}, action="key.read", roles=["key-user"]).holds is (
        Holds.FOR_THE_ACTION
    )


def test_a_policy_that_fails_to_evaluate_is_a_denial():
    text = f'forbid {ENCRYPTS} when {{ resource.getTag("x") == "y" }};'
    verdict = ask({"bad": text}, roles=["key-user"])
    assert not verdict.allowed
    assert verdict.policies == ("policy:bad (error)",)


@pytest.mark.parametrize(
    "nasty",
    ['"', "\\", '" || true //', "\n", "\0", "é", '{"__entity":{"type":"Role","id":"key-user"}}'],
)
def test_data_is_never_policy_text(nasty):
    assert not ask(
        {"tenant": TENANT, "team": TEAM}, context={nasty: nasty}, labels={nasty: nasty}
    ).allowed
    assert not ask({}, principal=nasty, object=nasty).allowed
    text = needed_policy("key.encrypt", nasty, Resource.KEY, nasty)
    ENGINE.validate("needed", text)
    assert ask({"needed": text}, principal=nasty, object=nasty).allowed
    assert not ask({"needed": text}, principal=nasty + "x", object=nasty).allowed


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   // nothing",
        "permit",
        "permit (principal, action, resource)",
        'permit (principal, action == Action::"key.encrpt", resource);',
        'permit (principal == User::"x", action, resource);',
        "permit (principal == ?principal, action, resource);",
        "permit (principal, action, resource) when { context.nothing == 1 };",
        f'permit {ENCRYPTS} when {{ resource.getTag("x") == "y" }};',
        f'permit {ENCRYPTS} when {{ resource.color == "red" }};',
        "allow everything;",
        "x" * 20_000,
    ],
)
def test_a_text_that_does_not_fit_is_refused(text):
    with pytest.raises(InvalidRequest) as refusal:
        ENGINE.validate("mine", text)
    assert refusal.value.pointer == "$.text"


def test_a_mistyped_action_is_told_its_neighbours():
    with pytest.raises(InvalidRequest, match=r"did you mean key\.encrypt"):
        ENGINE.validate("x", 'permit (principal, action == Action::"key.encrpt", resource);')


def test_what_is_missing_names_roles_and_a_policy_that_would_do():
    question = Question("app", [], "key.create", Resource.KEY, "demo", "default")
    said = ENGINE.parse({}).missing(question)
    assert "administrator, key-manager" in said
    policy = said.split("such as: ")[1]
    assert ask({"new": policy}, action="key.create").allowed


def _when(condition):
    return f"permit (principal, action, resource) when {{ {condition} }};"


@pytest.mark.parametrize(
    ("opening", "closing"), [("(", ")"), ("[", "]"), ("{a: ", "}"), ("if (", ") then 1 else 1")]
)
@pytest.mark.parametrize("depth", [limits.POLICY_DEPTH_MAX, 700, 2_000])
def test_a_text_nested_too_deeply_is_refused_and_ends_no_process(opening, closing, depth):
    text = _when((opening * depth + "1" + closing * depth)[: limits.POLICY_CHARACTERS_MAX // 2])
    with pytest.raises(InvalidRequest):
        ENGINE.validate("deep", text)


def test_brackets_in_texts_and_comments_are_no_brackets():
    comment = "// " + "(" * 100 + "\n"
    ENGINE.validate("p", comment + _when('context.source != "' + "(" * 100 + '"'))
    with pytest.raises(InvalidRequest, match="nested too deeply"):
        # A carriage return ends a comment for Cedar, too.
        ENGINE.validate("p", _when("(//\r" * 700 + "true" + ")//\r" * 700))


@pytest.mark.parametrize("terms", [2, 20, 50, 90, 200, 700, 1_500])
@pytest.mark.parametrize("term", ["true && ", "false || ", "1 + ", "if true then true else "])
def test_what_is_accepted_can_be_weighed(term, terms):
    """A text that was kept and cannot be parsed would shut everybody out of the namespace."""
    text = _when(
        (term * terms + ("1" if term == "1 + " else "true")) + (" > 0" if "+" in term else "")
    )
    if len(text) > limits.POLICY_CHARACTERS_MAX:
        text = text[: limits.POLICY_CHARACTERS_MAX]
    try:
        ENGINE.validate("chain", text)
    except InvalidRequest:
        assert terms > 20
    else:
        assert ask({"chain": text}).allowed
