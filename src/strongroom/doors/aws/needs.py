"""What AWS's operations take keys for: what a custodian is asked to hold them to."""

from functools import cache
from typing import Any, Final, NamedTuple

from strongroom.domain import limits
from strongroom.domain.calls import Expected, Terms
from strongroom.domain.iam import specs
from strongroom.domain.lifecycle import State
from strongroom.domain.things import Origin
from strongroom.doors.aws.errors import validation

_USAGES: Final = {
    (usage, algorithm)
    for spec in specs.SPECS.values()
    for usage, algorithms in spec.usages.items()
    for algorithm in algorithms
}
_EXPECTED: Final = {
    (usage, algorithm): Expected(
        frozenset(
            spec.algorithm for spec in specs.SPECS.values()
            if algorithm in spec.usages.get(usage, ())
        ),
        frozenset(purpose for purpose, named in specs.USAGES.items() if named == usage),
    )
    for usage, algorithm in _USAGES
}  # fmt: skip
_NONE: Final = Expected(frozenset(), frozenset())  # no key: of what no key here has
_KNOWN: Final = (
    frozenset(spec.algorithm for spec in specs.SPECS.values()), frozenset(specs.USAGES),
)  # fmt: skip
_GONE: Final = frozenset({State.DESTRUCTION_SCHEDULED, State.DESTROYED})

PUBLISHED: Final = Expected(*_KNOWN, not_in=_GONE | {State.SUSPENDED, State.PRE_ACTIVATION})
"""Keys whose public half is read."""

CHANGED: Final = Expected(*_KNOWN, not_in=_GONE)
"""Keys that are described, labelled and given aliases."""

READABLE: Final = Expected(*_KNOWN, not_in=frozenset({State.DESTROYED}))
"""Keys that there are for AWS."""

_SYMMETRIC: Final = frozenset({specs.SPECS[specs.SYMMETRIC].algorithm})

ROTATED: Final = Expected(
    _SYMMETRIC, _KNOWN[1],
    not_in=frozenset(State) - {State.ACTIVE}, origins=frozenset({Origin.GENERATED}),
)  # fmt: skip
"""Keys that rotate by themselves, or might."""

ROTATED_ON_DEMAND: Final = Expected(_SYMMETRIC, _KNOWN[1])
"""Keys that are rotated when somebody says so."""


class Need(NamedTuple):
    """What a key is used for: AWS's words for it."""

    usage: str
    algorithm: str

    @property
    def expected(self) -> Expected:
        """The keys that can be used so."""
        return _EXPECTED.get(self, _NONE)

    def terms(self, *, dry: bool) -> Terms:
        """Those of such a use."""
        return _terms(self, dry)


@cache
def _terms(need: Need, dry: bool) -> Terms:  # noqa: FBT001 - a table
    return Terms(key=need.expected, dry=dry, whole=True)


def context_of(given: dict[str, Any], member: str, need: Need) -> dict[str, str]:
    """The encryption context. Raises `AWSError` where none is taken, or for too many pairs."""
    context: dict[str, str] = given.get(member, {})
    if context and need.algorithm != specs.SYMMETRIC:
        raise validation(f"An encryption context does not go with {need.algorithm}.")
    if len(context) > limits.CONTEXT_PAIRS_MAX:
        most = limits.CONTEXT_PAIRS_MAX
        raise validation(f"An encryption context has at most {most} pairs.")
    return context
