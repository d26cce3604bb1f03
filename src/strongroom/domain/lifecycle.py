"""The life of a key and of a version: states, transitions, and what each state allows.

States are those of NIST SP 800-57 part 1 revision 5, section 7, with one before the last: while
destruction is scheduled, nothing can be done but to think better of it. Whatever is not in a table
is refused. `docs/reference/states.md` is written from these tables.
"""

from enum import StrEnum
from typing import Final

import msgspec

from strongroom.domain.errors import KeyNotUsable
from strongroom.domain.times import rfc3339

IMPORT_AGAIN: Final = "import it again"  # of material that is gone and could come back
NOTHING_WAITS: Final = "the key's material is imported: import its next material"


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
    """What can be asked of a state."""

    ENABLE = "enable"
    DISABLE = "disable"
    DEACTIVATE = "deactivate"
    MARK_COMPROMISED = "mark-compromised"
    SCHEDULE_DESTRUCTION = "schedule-destruction"
    CANCEL_DESTRUCTION = "cancel-destruction"


class Use(StrEnum):
    """What is done with a key: each state allows some of it."""

    PROTECT = "protect"  # encrypt, sign, wrap: protection is applied
    PROCESS = "process"  # decrypt, verify, unwrap: what is protected already is processed
    ROTATE = "rotate"
    IMPORT = "import"
    EXPORT = "export"  # to a caller's public key, or into a backup
    REPLICATE = "replicate"  # to another Region, or become the primary there
    CHANGE = "change"  # labels, rules, limits


# Every transition that can be asked for. A pair that is absent is refused.
_TRANSITIONS: Final = {
    (State.ACTIVE, Transition.DISABLE): State.SUSPENDED,
    (State.SUSPENDED, Transition.ENABLE): State.ACTIVE,
    # A script that stops a key in an emergency may run twice, and must not fail the second time.
    (State.SUSPENDED, Transition.DISABLE): State.SUSPENDED,
    (State.ACTIVE, Transition.ENABLE): State.ACTIVE,
    (State.ACTIVE, Transition.DEACTIVATE): State.DEACTIVATED,
    (State.SUSPENDED, Transition.DEACTIVATE): State.DEACTIVATED,
    (State.DEACTIVATED, Transition.DEACTIVATE): State.DEACTIVATED,
    (State.PRE_ACTIVATION, Transition.MARK_COMPROMISED): State.COMPROMISED,
    (State.ACTIVE, Transition.MARK_COMPROMISED): State.COMPROMISED,
    (State.SUSPENDED, Transition.MARK_COMPROMISED): State.COMPROMISED,
    (State.DEACTIVATED, Transition.MARK_COMPROMISED): State.COMPROMISED,
    (State.COMPROMISED, Transition.MARK_COMPROMISED): State.COMPROMISED,
    (State.PRE_ACTIVATION, Transition.SCHEDULE_DESTRUCTION): State.DESTRUCTION_SCHEDULED,
    (State.ACTIVE, Transition.SCHEDULE_DESTRUCTION): State.DESTRUCTION_SCHEDULED,
    (State.SUSPENDED, Transition.SCHEDULE_DESTRUCTION): State.DESTRUCTION_SCHEDULED,
    (State.DEACTIVATED, Transition.SCHEDULE_DESTRUCTION): State.DESTRUCTION_SCHEDULED,
    (State.COMPROMISED, Transition.SCHEDULE_DESTRUCTION): State.DESTRUCTION_SCHEDULED,
    # Where to: see `_AFTER_CANCEL`.
    (State.DESTRUCTION_SCHEDULED, Transition.CANCEL_DESTRUCTION): State.SUSPENDED,
}

# A key that was about to be destroyed comes back stopped, so that somebody looks at it before it is
# used. Neither the end of its time nor a compromise is undone by the detour.
_AFTER_CANCEL: Final = {
    State.PRE_ACTIVATION: State.PRE_ACTIVATION,
    State.DEACTIVATED: State.DEACTIVATED,
    State.COMPROMISED: State.COMPROMISED,
}

# What each state allows. A state that is absent allows nothing.
_USES: Final = {
    State.PRE_ACTIVATION: frozenset({Use.IMPORT, Use.EXPORT, Use.CHANGE}),
    State.ACTIVE: frozenset(Use),
    State.SUSPENDED: frozenset({Use.IMPORT, Use.EXPORT, Use.CHANGE}),
    State.DEACTIVATED: frozenset({Use.PROCESS, Use.EXPORT, Use.CHANGE}),
    # To process with a compromised key needs a right of its own: `USE_COMPROMISED`.
    State.COMPROMISED: frozenset({Use.PROCESS, Use.CHANGE}),
    State.DESTRUCTION_SCHEDULED: frozenset({Use.CHANGE}),
}

USE_COMPROMISED: Final = "key.use-compromised"
"""The action that whoever processes with compromised material must be allowed besides."""


class Life(msgspec.Struct, frozen=True, kw_only=True):
    """What a key's and a version's bodies have in common. Times are microseconds; 0: never.

    `before` is the state that a scheduled destruction found. Without `destroys_us`, such a
    destruction waits for something else.
    """

    state: State
    activates_us: int = 0
    deactivates_us: int = 0
    destroys_us: int = 0
    destroyed_us: int = 0
    before: State | None = None


def state_at(life: Life, now_us: int) -> State:
    """The state now: dates hold to the microsecond, whether or not anybody wrote that down yet."""
    state = life.state
    if state is State.PRE_ACTIVATION and 0 < life.activates_us <= now_us:
        state = State.ACTIVE
    # What is suspended stays so: the end of its time must not open what somebody closed.
    if state is State.ACTIVE and 0 < life.deactivates_us <= now_us:
        state = State.DEACTIVATED
    return state


def after(life: Life, transition: Transition, now_us: int) -> State:
    """The state that follows. Raises `KeyNotUsable` when the transition is not in the table."""
    state = state_at(life, now_us)
    wanted = _TRANSITIONS.get((state, transition))
    late = transition is Transition.CANCEL_DESTRUCTION and 0 < life.destroys_us <= now_us
    if wanted is None or late:
        raise KeyNotUsable(f"what {why(life, now_us)} cannot {transition}")
    if transition is not Transition.CANCEL_DESTRUCTION:
        return wanted
    if life.before is State.PRE_ACTIVATION and 0 < life.activates_us <= now_us:
        return wanted  # its first day came meanwhile: cancelling must not be what makes it active
    return _AFTER_CANCEL.get(life.before or State.SUSPENDED, wanted)


def allows(state: State, use: Use) -> bool:
    """Whether material in this state may be used so."""
    return use in _USES.get(state, ())


def why(life: Life, now_us: int) -> str:
    """The state in words that follow "the key": why it refuses, and since or until when."""
    state = state_at(life, now_us)
    if state is State.PRE_ACTIVATION:
        if not life.activates_us:
            return "has no material yet: import it"
        return f"is not active before {rfc3339(life.activates_us)}"
    if state is State.DEACTIVATED and life.deactivates_us:
        return f"is deactivated since {rfc3339(life.deactivates_us)}"
    if state is State.DESTRUCTION_SCHEDULED:
        at = f"at {rfc3339(life.destroys_us)}" if life.destroys_us else "after its replicas"
        return f"is to be destroyed {at}"
    if state is State.DESTROYED:
        return f"was destroyed at {rfc3339(life.destroyed_us)}"
    return f"is {state}"


def due_us(life: Life) -> int:
    """When the state changes by itself the next time; 0: never."""
    if life.state is State.DESTRUCTION_SCHEDULED:
        return life.destroys_us
    if life.state is State.PRE_ACTIVATION and life.activates_us:
        return life.activates_us
    if life.state is State.ACTIVE:
        return life.deactivates_us
    return 0
