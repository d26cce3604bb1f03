"""The life of a key and of a version: states, transitions, and what each state allows.

States are those of NIST SP 800-57 part 1 revision 5, section 7. Whatever is not in a table is
refused.
"""

from enum import StrEnum
from typing import Final

from strongroom.domain.errors import KeyNotUsable


class State(StrEnum):
    """Where a key or a version is in its life."""

    PRE_ACTIVATION = "pre-activation"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    DEACTIVATED = "deactivated"
    COMPROMISED = "compromised"
    DESTRUCTION_SCHEDULED = "destruction-scheduled"
    DESTROYED = "destroyed"


class Transition(StrEnum):
    """What can be asked of a key's state."""

    ENABLE = "enable"
    DISABLE = "disable"


class Use(StrEnum):
    """What material is used for: applying protection or processing what is protected already."""

    PROTECT = "protect"
    PROCESS = "process"
    ROTATE = "rotate"


# Every transition a key can make. A pair that is absent is refused.
_TRANSITIONS: Final = {
    (State.ACTIVE, Transition.DISABLE): State.SUSPENDED,
    (State.SUSPENDED, Transition.ENABLE): State.ACTIVE,
    # A script that stops a key in an emergency may run twice, and must not fail the second time.
    (State.SUSPENDED, Transition.DISABLE): State.SUSPENDED,
    (State.ACTIVE, Transition.ENABLE): State.ACTIVE,
}

# What each state allows. A state that is absent allows nothing.
_USES: Final = {
    State.ACTIVE: frozenset({Use.PROTECT, Use.PROCESS, Use.ROTATE}),
    State.DEACTIVATED: frozenset({Use.PROCESS}),
}


def after(state: State, transition: Transition) -> State:
    """The state that follows. Raises `KeyNotUsable` when the transition is not in the table."""
    try:
        return _TRANSITIONS[state, transition]
    except KeyError:
        raise KeyNotUsable(f"a key that is {state} cannot {transition}") from None


def allows(state: State, use: Use) -> bool:
    """Whether material in this state may be used so."""
    return use in _USES.get(state, ())
