"""CEF: a reader that knows the rules of escaping gets every field back."""

import re

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.export import cef
from tests.support.entries import entries, simple

HEAD = ["version", "vendor", "product", "device version", "class", "name", "severity"]


def parsed(line):
    """Head and extension, by the rules of the format's description."""
    text = line.decode()
    assert text.endswith("\n")
    assert "\n" not in text[:-1]
    assert "\r" not in text
    *head, extension = re.split(r"(?<!\\)(?:\\\\)*\|", text[:-1], maxsplit=len(HEAD))
    marks = list(re.finditer(r"(?:^| )([A-Za-z0-9]+)=", extension))
    ends = [mark.start() for mark in marks[1:]] + [len(extension)]
    fields = {}
    for mark, end in zip(marks, ends, strict=True):
        assert mark[1] not in fields
        fields[mark[1]] = unescaped(extension[mark.end() : end])
    return dict(zip(HEAD, head, strict=True)), fields


def unescaped(text):
    known = {"\\": "\\", "=": "=", "n": "\n", "r": "\r"}
    return re.sub(r"\\(.)", lambda found: known[found[1]], text)


@given(entries)
def test_every_field_comes_back_as_it_was(entry):
    event = entry.event
    _, fields = parsed(cef.line(entry))
    said = {
        "externalId": event.request, "act": event.action, "reason": event.reason,
        "msg": event.missing, "suser": event.principal, "cs1": event.namespace,
        "cs2": event.object, "cs3": " ".join(event.policies), "cs6": event.token,
        "strongroomRecords": " ".join(event.records), "strongroomSealed": event.sealed,
    }  # fmt: skip
    assert {key: fields.get(key, "") for key in said} == said
    assert msgspec.json.decode(fields.get("cs4", "{}")) == event.details
    assert fields["cs5"] == entry.leaf_hash.hex()
    assert fields["cn1"] == str(entry.position)
    shown = [fields.get(key, "") for key in ("src", "c6a2", "strongroomSource")]
    assert "".join(shown) == event.source


@given(entries)
def test_every_custom_field_has_a_label_and_no_label_stands_alone(entry):
    _, fields = parsed(cef.line(entry))
    custom = {key for key in fields if re.fullmatch(r"(cs|cn|c6a)[0-9]", key)}
    assert {f"{key}Label" for key in custom} == {key for key in fields if key.endswith("Label")}


@given(st.text(st.sampled_from("\\|\r\n a"), max_size=8))
def test_an_action_stays_one_field_of_the_head(action):
    line = cef.line(simple(action=action)).decode()
    fields = re.findall(r"((?:[^|\\]|\\.)*)\|", line, re.DOTALL)[: len(HEAD)]
    shown = re.sub(r"\\(.)", r"\1", fields[4])
    assert shown == action.replace("\r", " ").replace("\n", " ")
    assert fields[6] in {"1", "5"}


def test_a_pipe_is_escaped_in_the_head_and_an_equals_sign_is_not():
    assert cef.line(simple(action="a|b=c\\d")).startswith(
        rb"CEF:0|Strongroom|Strongroom|2|a\|b=c\\d|a\|b=c\\d allowed|5|rt="
    )


def test_an_equals_sign_is_escaped_in_a_value_and_a_pipe_is_not():
    assert rb" msg=a|b\=c\\d\ne " in cef.line(simple(missing="a|b=c\\d\ne"))


def test_a_value_cannot_bring_a_field_of_its_own():
    _, fields = parsed(cef.line(simple(missing="no outcome=success suser=admin", principal="eve")))
    assert fields["suser"] == "eve"
    assert fields["msg"] == "no outcome=success suser=admin"


@pytest.mark.parametrize(
    ("source", "key"),
    [
        ("192.0.2.7", "src"),
        ("2001:db8::7", "c6a2"),
        ("fe80::1%eth0", "c6a2"),
        ("hmac:" + "0f" * 16, "strongroomSource"),
    ],
)
def test_an_address_stands_where_its_kind_belongs(source, key):
    _, fields = parsed(cef.line(simple(source=source)))
    assert {name for name in ("src", "c6a2", "strongroomSource") if name in fields} == {key}
    assert fields[key] == source


def test_time_is_in_milliseconds():
    assert parsed(cef.line(simple()))[1]["rt"] == "1769860800123"


def test_a_refusal_is_a_failure():
    head, fields = parsed(cef.line(simple(outcome="refused", reason="not-allowed")))
    assert (head["severity"], fields["outcome"], fields["reason"]) == (
        "5", "failure", "not-allowed",
    )  # fmt: skip
