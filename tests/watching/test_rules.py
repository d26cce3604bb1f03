"""The table of rules, what a configuration may change, and the page that shows it."""

import importlib.util
import string

import pytest

from strongroom.domain.findings import Severity
from strongroom.watching import RULES, RuleRefused, configured
from tests.support.tree import ROOT


def names(sentence):
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name}


def test_each_rule_is_under_its_name_with_an_end_of_its_episodes():
    for name, rule in RULES.items():
        assert rule.name == name
        assert "quiet_hours" in rule.thresholds


def test_each_threshold_is_within_its_bounds():
    for rule in RULES.values():
        for threshold in rule.thresholds.values():
            assert threshold.least <= threshold.value <= threshold.most


def test_each_sentence_says_where_its_threshold_is():
    for rule in RULES.values():
        said = names(rule.sentence) & (set(rule.thresholds) | {"limit", "bound"})
        assert said, rule.name


def test_a_threshold_a_severity_and_a_rule_can_be_changed():
    rules = configured({"bulk-decrypt": {"at_least": 5, "severity": "low", "on": False}})
    assert rules["bulk-decrypt"]["at_least"] == 5
    assert rules["bulk-decrypt"].severity is Severity.LOW
    assert not rules["bulk-decrypt"].on
    assert RULES["bulk-decrypt"].on
    assert rules["decrypt-rate"] == RULES["decrypt-rate"]


def test_without_changes_the_rules_are_the_table():
    assert configured({}) == RULES


@pytest.mark.parametrize(
    ("rule", "field", "value", "says"),
    [
        ("bulk", "at_least", 5, "the rules are clock-leap, "),
        ("bulk-decrypt", "atleast", 5, "it has on, severity, at_least, "),
        ("bulk-decrypt", "at_least", 0, "is 1 to 1000000000 items"),
        ("bulk-decrypt", "factor", 1_001, "is 2 to 1000 times"),
        ("bulk-decrypt", "at_least", "5", "is a number of items"),
        ("bulk-decrypt", "at_least", True, "is a number of items"),
        ("bulk-decrypt", "at_least", 5.0, "is a number of items"),
        ("bulk-decrypt", "on", 1, "is true or false"),
        ("bulk-decrypt", "severity", "urgent", "is one of low, medium, high"),
        ("bulk-decrypt", "severity", ["low"], "is one of low, medium, high"),
        ("bulk-decrypt", "sentence", "{0}", "has no 'sentence'"),
    ],
)
def test_what_no_rule_has_is_refused_by_name(rule, field, value, says):
    with pytest.raises(RuleRefused) as refused:
        configured({rule: {field: value}})
    assert rule in str(refused.value)
    assert says in str(refused.value)


def test_the_page_shows_the_table():
    path = ROOT / "tools" / "watching_reference.py"
    spec = importlib.util.spec_from_file_location("watching_reference", path)
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    assert tool.PAGE.read_text() == tool.render()
