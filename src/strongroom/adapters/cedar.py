"""The `PolicyEngine` port over Cedar: formally specified, deny wins, silence is no, it says why.

Policies are parsed once and sliced by action. Names, labels and contexts enter as JSON data, never
as policy text. Every policy is renamed to where it comes from, so that no text can pass itself off
as a role.
"""

import difflib
import ipaddress
import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final

import cedarpy

from strongroom.domain import cedar_schema, limits, roles
from strongroom.domain.errors import InvalidRequest
from strongroom.domain.operations import OPERATIONS, RIGHTS
from strongroom.ports.policy_engine import Circumstances, Holds, Question, Verdict

_SCHEMA_TEXT: Final = cedar_schema.schema()
_SCHEMA: Final = cedarpy.Schema.from_str(_SCHEMA_TEXT)
_TOO_DEEP: Final = (
    "the policy is nested too deeply, or one condition has too many terms; make several policies"
)
# Strings and comments, in which brackets are no brackets, come first. As in Cedar's own lexer.
_TOKENS: Final = re.compile(r'"(?:[^"\\]|\\.)*"?|//[^\n\r]*|[(\[{]|[)\]}]|\bif\b|;', re.DOTALL)
_CONTEXT_UID: Final = {"type": "Encryption", "id": "context"}
_CIRCUMSTANCES: Final = ("one", "lower", "many", "many_lower", "numbers", "times")

Policy = dict[str, Any]  # one policy in Cedar's JSON form


class CedarEngine:
    """Makes policy sets, and says what is wrong with a text."""

    @property
    def schema(self) -> str:
        """The Cedar schema, generated from the operation table."""
        return _SCHEMA_TEXT

    def parse(self, texts: Mapping[str, str]) -> "CedarPolicies":
        """The namespace's policies and the built-in roles. Raises `RuntimeError` for a bad text."""
        return CedarPolicies(_ROLES | _named({f"policy:{name}": texts[name] for name in texts}))

    def parse_rights(self, texts: Mapping[str, str]) -> "CedarPolicies":
        """What the policy of a key and its grants mean. Raises `RuntimeError` for a bad text."""
        return CedarPolicies(_named(texts))

    def validate(self, name: str, text: str) -> None:
        """Raises `InvalidRequest` that says what is wrong with the text."""
        if len(text) > limits.POLICY_CHARACTERS_MAX:
            raise InvalidRequest(
                f"a policy text has at most {limits.POLICY_CHARACTERS_MAX} characters", "$.text"
            )
        # Before anything else: Cedar's parser calls itself for each bracket, and a deep text would
        # end the process, which no exception handler hears of.
        if _depth(text) > limits.POLICY_DEPTH_MAX:
            raise InvalidRequest(_TOO_DEEP, "$.text")
        result = cedarpy.validate_policies(text, _SCHEMA)
        if not result.validation_passed:
            raise InvalidRequest(_said([str(error) for error in result.errors]), "$.text")
        try:
            parsed = json.loads(cedarpy.policies_to_json_str(text))
        except ValueError as error:
            raise InvalidRequest(
                f"the policy does not parse: {_said([str(error)])}", "$.text"
            ) from error
        except RecursionError:
            raise InvalidRequest(_TOO_DEEP, "$.text") from None
        if parsed["templates"]:
            raise InvalidRequest(
                "templates (?principal, ?resource) are not supported; name them in the policy",
                "$.text",
            )
        if not parsed["staticPolicies"]:
            raise InvalidRequest("the text holds no policy; begin with permit or forbid", "$.text")
        # What is kept must be usable: a text that can be validated and not be weighed would shut
        # everybody out of the namespace, those who could take it back included.
        try:
            self.parse({name: text}).slice_all()
        except (ValueError, RuntimeError):  # RecursionError is one of the latter
            raise InvalidRequest(_TOO_DEEP, "$.text") from None


class CedarPolicies:
    """A namespace's policies, sliced by action: each slice when it is first needed.

    All of them at once would hold up everybody for milliseconds whenever a policy changes.
    """

    def __init__(self, named: "Mapping[str, _Statement]") -> None:
        self._named = named
        self._slices: dict[str, _Slice] = {}

    def slice_all(self) -> None:
        """Raises `ValueError` when a policy cannot be weighed."""
        for action in (*OPERATIONS, *RIGHTS):
            self._slice(action)

    def weigh(self, question: Question) -> Verdict:
        """The judgement. A policy that fails to evaluate counts as a denial, and is named."""
        rules = self._slice(question.action)
        result = cedarpy.is_authorized(_request(question), rules.policies, _entities(question))
        if result.diagnostics.errors:
            return Verdict(
                allowed=False, policies=_failed(result.diagnostics.errors), holds=Holds.ONCE
            )
        return Verdict(
            allowed=result.allowed,
            policies=tuple(sorted(result.diagnostics.reasons)),
            holds=rules.holds,
        )

    def looks_at_objects(self, action: str) -> bool:
        """Whether the judgement about that action may be another one for another object."""
        return self._slice(action).looks_at_objects

    def missing(self, question: Question) -> str:
        """One sentence: which policy forbids it, or what would allow it."""
        verdict = self.weigh(question)
        if verdict.policies:
            return "forbidden by " + ", ".join(verdict.policies)
        fitting = [role.name for role in roles.ROLES.values() if question.action in role.actions]
        policy = cedar_schema.needed_policy(
            question.action, question.principal, question.resource, question.object
        )
        return (
            f"no policy permits {question.action}; roles that would: "
            f"{', '.join(fitting) or 'none'}; or a policy such as: {policy}"
        )

    def _slice(self, action: str) -> "_Slice":
        found = self._slices.get(action)
        if found is None:
            applying = {n: s for n, s in self._named.items() if s.applies(action)}
            found = self._slices[action] = _Slice(applying)
        return found


def _named(texts: Mapping[str, str]) -> "dict[str, _Statement]":
    named = {}
    try:
        for name, text in texts.items():
            for number, statement in enumerate(_statements(text), 1):
                named[name if number == 1 else f"{name}#{number}"] = statement
    except ValueError as error:
        raise RuntimeError("a stored policy does not parse") from error
    return named


class _Statement:
    """One policy, as far as slices need it. As text: a parsed one is many times as large."""

    __slots__ = ("_actions", "holds", "looks_at_objects", "text")

    def __init__(self, policy: Policy) -> None:
        self.text = json.dumps(policy)
        scope = policy["action"]
        self._actions: frozenset[str] | None = None  # all of them
        if scope["op"] != "All":
            named = scope["entities"] if "entities" in scope else [scope["entity"]]
            self._actions = frozenset(uid["id"] for uid in named)
        self.looks_at_objects = _is_about_an_object(policy)
        self.holds = Holds.FOR_THE_ACTION
        if _mentions("context", policy):
            self.holds = Holds.ONCE
        elif self.looks_at_objects:
            self.holds = Holds.FOR_THE_OBJECT

    def applies(self, action: str) -> bool:
        return self._actions is None or action in self._actions


class _Slice:
    """The policies that can apply to one action."""

    def __init__(self, named: Mapping[str, _Statement]) -> None:
        policies = ",".join(f"{json.dumps(name)}:{one.text}" for name, one in named.items())
        self.policies = cedarpy.PolicySet.from_json_str(
            f'{{"templates":{{}},"staticPolicies":{{{policies}}},"templateLinks":[]}}'
        )
        self.looks_at_objects = any(one.looks_at_objects for one in named.values())
        kinds = {one.holds for one in named.values()}
        # The shortest that any of them needs.
        self.holds = next(
            (one for one in (Holds.ONCE, Holds.FOR_THE_OBJECT) if one in kinds),
            Holds.FOR_THE_ACTION,
        )


def _depth(text: str) -> int:
    """How deep the text is nested at most, or deeper: an `if` counts up to its policy's end."""
    deepest = brackets = ifs = 0
    for piece in _TOKENS.findall(text):
        if piece in ("(", "[", "{"):
            brackets += 1
        elif piece in (")", "]", "}"):
            brackets = max(brackets - 1, 0)
        elif piece == "if":
            ifs += 1
        elif piece == ";":
            ifs = 0
        deepest = max(deepest, brackets + ifs)
    return deepest


# When one policy of many changes, the others are as they were. As many as one namespace can have.
@lru_cache(maxsize=limits.POLICIES_MAX)
def _statements(text: str) -> list[_Statement]:
    parsed: dict[str, Policy] = json.loads(cedarpy.policies_to_json_str(text))["staticPolicies"]
    # Cedar numbers them policy0, policy1, …; as text, policy10 would come before policy2.
    return [_Statement(parsed[f"policy{number}"]) for number in range(len(parsed))]


def _is_about_an_object(policy: Policy) -> bool:
    # Any other scope than all objects, or all of a type, names one or what holds it.
    scope = policy["resource"]
    every = scope["op"] == "All" or (scope["op"] == "is" and "in" not in scope)
    return not every or _mentions("resource", policy["conditions"])


def _mentions(variable: str, node: object) -> bool:
    if isinstance(node, dict):
        if node.get("Var") == variable:
            return True
        return any(_mentions(variable, part) for part in node.values())
    return isinstance(node, list) and any(_mentions(variable, part) for part in node)


def _request(question: Question) -> dict[str, Any]:
    now = datetime.fromtimestamp(question.time_us // 1_000_000, UTC)
    context: dict[str, Any] = {
        "encryption": {"__entity": _CONTEXT_UID},
        "source": question.source,
        "now": {"__extn": {"fn": "datetime", "arg": now.strftime("%Y-%m-%dT%H:%M:%SZ")}},
    }
    if question.circumstances is not None:
        context |= {name: {"__entity": _circumstances(name)} for name in _CIRCUMSTANCES}
        if question.circumstances.met is not None:
            context["met"] = list(question.circumstances.met)
        if _is_address(question.source):
            context["address"] = {"__extn": {"fn": "ip", "arg": question.source}}
    return {
        "principal": {"type": "Principal", "id": question.principal},
        "action": {"type": "Action", "id": question.action},
        "resource": {"type": question.resource.value, "id": question.object},
        "context": context,
    }


def _circumstances(name: str) -> dict[str, str]:
    return {"type": "Circumstances", "id": name}


def _is_address(source: str) -> bool:
    try:
        ipaddress.ip_address(source)
    except ValueError:
        return False
    return "%" not in source  # Cedar's addresses have no zone


def _entities(question: Question) -> str:
    return json.dumps(list(_entity_list(question)))


def _entity_list(question: Question) -> Iterator[dict[str, Any]]:
    namespace = {"type": "Namespace", "id": question.namespace}
    principal = {"type": "Principal", "id": question.principal}
    held = [{"type": "Role", "id": role} for role in question.roles]
    yield {"uid": principal, "attrs": {}, "parents": [*held, namespace]}
    resource = {"type": question.resource.value, "id": question.object}
    if question.resource == "Key":
        yield {
            "uid": resource,
            "attrs": {"algorithm": question.algorithm},
            "parents": [namespace],
            "tags": dict(question.labels),
        }
    elif resource not in (principal, namespace):
        yield {"uid": resource, "attrs": {}, "parents": [namespace]}
    yield {"uid": _CONTEXT_UID, "attrs": {}, "parents": [], "tags": dict(question.context)}
    if question.circumstances is not None:
        for name, tags in _tags(question.circumstances):
            yield {"uid": _circumstances(name), "attrs": {}, "parents": [], "tags": tags}


def _tags(said: Circumstances) -> Iterator[tuple[str, dict[str, Any]]]:
    yield "one", dict(said.one)
    yield "lower", {name: text.lower() for name, text in said.one.items()}
    yield "many", {name: list(texts) for name, texts in said.many.items()}
    yield (
        "many_lower",
        {name: [text.lower() for text in texts] for name, texts in said.many.items()},
    )
    yield "numbers", dict(said.numbers)
    yield "times", dict(said.times)


def _failed(errors: list[str]) -> tuple[str, ...]:
    names = (re.search(r"policy `([^`]+)`", error) for error in errors)
    return tuple(sorted({f"{found[1] if found else 'policy'} (error)" for found in names}))


def _said(errors: list[str]) -> str:
    told = "; ".join(dict.fromkeys(errors))[: limits.DESCRIPTION_CHARACTERS_MAX]
    unknown = re.search(r'unrecognized action `Action::"([^"`]*)"`', told)
    near = difflib.get_close_matches(unknown[1], (*OPERATIONS, *RIGHTS), n=3) if unknown else []
    return told + (f"; did you mean {' or '.join(near)}?" if near else "")


# Built in: the same for every namespace.
_ROLES: Final = {
    "everybody": _statements(roles.EVERYBODY)[0],
    **{f"role:{role.name}": _statements(role.policy)[0] for role in roles.ROLES.values()},
}
