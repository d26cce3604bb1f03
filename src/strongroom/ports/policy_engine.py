"""The policy engine: weighs a request against a namespace's policies. Deny wins; silence is no."""

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Protocol

import msgspec

from strongroom.domain.operations import Resource


class Circumstances(msgspec.Struct, frozen=True):
    """What the conditions of a key's policy can look at, by condition key in lower case.

    `one` has the keys with one value, `many` those with several; `times` are seconds since 1970.
    `met` are the comparisons of the policy that hold, of those that it has no Cedar for; None: it
    has none.
    """

    one: Mapping[str, str]
    many: Mapping[str, Sequence[str]]
    numbers: Mapping[str, int]
    times: Mapping[str, int]
    met: Sequence[str] | None = None


class Question(msgspec.Struct, frozen=True):
    """Who wants to do what to which object. `labels` are the object's, if it is a key.

    `circumstances` are for the rights of a key alone (`PolicyEngine.parse_rights`).
    """

    principal: str
    roles: Sequence[str]
    action: str
    resource: Resource
    object: str
    namespace: str
    algorithm: str = ""
    labels: Mapping[str, str] = {}
    context: Mapping[str, str] = {}
    source: str = ""
    time_us: int = 0
    circumstances: Circumstances | None = None


class Holds(Enum):
    """What else a verdict holds for, as long as principal and policies stay as they are."""

    ONCE = "context, source or time had a part in it"
    FOR_THE_OBJECT = "the same action on the same object, as long as that stays as it is"
    FOR_THE_ACTION = "the same action on any object: no policy looks at the object"


class Verdict(msgspec.Struct, frozen=True):
    """The judgement. `policies` decided it."""

    allowed: bool
    policies: tuple[str, ...]
    holds: Holds


class PolicySet(Protocol):
    """A namespace's policies, parsed, together with the built-in roles."""

    def weigh(self, question: Question) -> Verdict:
        """The judgement. A policy that fails to evaluate counts as a denial, and is named."""

    def looks_at_objects(self, action: str) -> bool:
        """Whether the judgement about that action may be another one for another object."""

    def missing(self, question: Question) -> str:
        """One sentence for people: what would have allowed it, or which policy forbids it."""


class PolicyEngine(Protocol):
    """Makes policy sets."""

    def parse(self, texts: Mapping[str, str]) -> PolicySet:
        """Raises `RuntimeError`: stored texts were validated when they were written."""

    def parse_rights(self, texts: Mapping[str, str]) -> PolicySet:
        """What the policy of a key and its grants mean, without the roles.

        The actions in it are AWS's. Raises `RuntimeError` as above.
        """

    def validate(self, name: str, text: str) -> None:
        """Raises `InvalidRequest` that says what is wrong and where."""

    @property
    def schema(self) -> str:
        """The Cedar schema, generated from the operation table."""
