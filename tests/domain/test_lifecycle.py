"""Every state times every transition and every use, against a table of their own.

The expectation is drawn from NIST SP 800-57 part 1 revision 5, section 7, not from the program.
"""

import itertools

import msgspec
import pytest

from strongroom.domain.errors import KeyNotUsable
from strongroom.domain.lifecycle import Life, State, Transition, Use, after, allows, state_at, why

# For each state what follows on each transition, by the letter that the state has in front;
# "-": refused. Then what it is good for.
EXPECTED = """
    letter state                  enable disable deactivate mark schedule cancel   uses
    p      pre-activation         -      -       -          c    d        -        import,export,change
    a      active                 a      s       e          c    d        -        protect,process,rotate,import,export,change,replicate
    s      suspended              a      s       e          c    d        -        import,export,change
    e      deactivated            -      -       e          c    d        -        process,export,change
    c      compromised            -      -       -          c    d        -        process,change
    d      destruction-scheduled  -      -       -          -    -        s        change
    x      destroyed              -      -       -          -    -        -        -
"""  # noqa: E501 - a table
TRANSITIONS = {
    "enable": Transition.ENABLE,
    "disable": Transition.DISABLE,
    "deactivate": Transition.DEACTIVATE,
    "mark": Transition.MARK_COMPROMISED,
    "schedule": Transition.SCHEDULE_DESTRUCTION,
    "cancel": Transition.CANCEL_DESTRUCTION,
}
LINES = [line.split() for line in EXPECTED.strip().splitlines()]
ROWS = {line[1]: dict(zip(LINES[0], line, strict=True)) for line in LINES[1:]}
STATES = {row["letter"]: State(name) for name, row in ROWS.items()}
NOW, LATER = 1_000_000, 2_000_000


def life(state, **fields):
    if state is State.DESTRUCTION_SCHEDULED:
        fields.setdefault("destroys_us", LATER)
    return Life(state=state, **fields)


def test_the_table_speaks_of_every_state_transition_and_use():
    assert set(ROWS) == {state.value for state in State}
    assert set(TRANSITIONS.values()) == set(Transition)
    used = {use for row in ROWS.values() for use in row["uses"].split(",")} - {"-"}
    assert used == {use.value for use in Use}


@pytest.mark.parametrize(("state", "name"), list(itertools.product(State, TRANSITIONS)))
def test_a_state_goes_where_the_table_says_and_nowhere_else(state, name):
    expected = ROWS[state][name]
    if expected == "-":
        with pytest.raises(KeyNotUsable) as refusal:
            after(life(state), TRANSITIONS[name], NOW)
        assert why(life(state), NOW) in refusal.value.detail
    else:
        assert after(life(state), TRANSITIONS[name], NOW) is STATES[expected]


@pytest.mark.parametrize(("state", "use"), list(itertools.product(State, Use)))
def test_material_is_used_where_the_table_says_and_nowhere_else(state, use):
    assert allows(state, use) is (use in ROWS[state]["uses"].split(","))


def test_no_transition_leads_from_where_material_was_known_or_gone_back_into_use():
    """From compromised only to destruction, and from there only back to compromised."""
    for transition in Transition:
        for state in (State.COMPROMISED, State.DESTROYED):
            try:
                then = after(life(state), transition, NOW)
            except KeyNotUsable:
                continue
            assert then in (State.COMPROMISED, State.DESTRUCTION_SCHEDULED)


@pytest.mark.parametrize(
    ("before", "then"),
    [
        (State.PRE_ACTIVATION, State.PRE_ACTIVATION),
        (State.ACTIVE, State.SUSPENDED),
        (State.SUSPENDED, State.SUSPENDED),
        (State.DEACTIVATED, State.DEACTIVATED),
        (State.COMPROMISED, State.COMPROMISED),
    ],
)
def test_a_cancelled_destruction_undoes_nothing_that_came_before(before, then):
    scheduled = life(State.DESTRUCTION_SCHEDULED, before=before)
    assert after(scheduled, Transition.CANCEL_DESTRUCTION, NOW) is then


def test_cancelling_does_not_activate_what_was_to_become_active_meanwhile():
    scheduled = life(
        State.DESTRUCTION_SCHEDULED, before=State.PRE_ACTIVATION, activates_us=NOW,
    )  # fmt: skip
    assert after(scheduled, Transition.CANCEL_DESTRUCTION, NOW - 1) is State.PRE_ACTIVATION
    assert after(scheduled, Transition.CANCEL_DESTRUCTION, NOW) is State.SUSPENDED


def test_a_destruction_that_is_due_is_not_cancelled_any_more():
    scheduled = life(State.DESTRUCTION_SCHEDULED, before=State.ACTIVE)
    assert after(scheduled, Transition.CANCEL_DESTRUCTION, LATER - 1) is State.SUSPENDED
    with pytest.raises(KeyNotUsable):
        after(scheduled, Transition.CANCEL_DESTRUCTION, LATER)


def test_dates_hold_to_the_microsecond():
    waiting = life(State.PRE_ACTIVATION, activates_us=NOW, deactivates_us=LATER)
    assert state_at(waiting, NOW - 1) is State.PRE_ACTIVATION
    assert state_at(waiting, NOW) is State.ACTIVE
    assert state_at(waiting, LATER - 1) is State.ACTIVE
    assert state_at(waiting, LATER) is State.DEACTIVATED


def test_the_end_of_its_time_does_not_open_what_was_closed():
    for state in State:
        if state not in (State.PRE_ACTIVATION, State.ACTIVE):
            ended = life(state, activates_us=1, deactivates_us=NOW)
            assert state_at(ended, LATER) is state


def test_what_was_enabled_after_its_time_is_deactivated():
    stopped = life(State.SUSPENDED, deactivates_us=NOW)
    enabled = msgspec.structs.replace(stopped, state=after(stopped, Transition.ENABLE, LATER))
    assert state_at(enabled, LATER) is State.DEACTIVATED


@pytest.mark.parametrize("state", list(State))
def test_the_reason_names_the_state_or_the_date(state):
    dated = life(
        state, activates_us=LATER, destroys_us=LATER, destroyed_us=NOW, deactivates_us=3 * NOW
    )
    words = why(dated, NOW)
    assert str(state) in words or "1970-01-01T00:00:0" in words
