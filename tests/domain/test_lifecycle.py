"""Every state times every transition and every use, against a table of their own.

The expectation is drawn from NIST SP 800-57 part 1 revision 5, section 7, not from the program.
"""

import itertools

import pytest

from strongroom.domain.errors import KeyNotUsable
from strongroom.domain.lifecycle import State, Transition, Use, after, allows

# For each state: what follows on `enable` and on `disable` ("-": refused), what it is good for.
EXPECTED = """
    state                  enable   disable    uses
    pre-activation         -        -          -
    active                 active   suspended  protect,process,rotate
    suspended              active   suspended  -
    deactivated            -        -          process
    compromised            -        -          -
    destruction-scheduled  -        -          -
    destroyed              -        -          -
"""
ROWS = {
    row[0]: {"enable": row[1], "disable": row[2], "uses": row[3].split(",")}
    for row in (line.split() for line in EXPECTED.strip().splitlines()[1:])
}


def test_the_table_speaks_of_every_state():
    assert set(ROWS) == {state.value for state in State}


def test_the_table_speaks_of_every_transition_and_use():
    for row in ROWS.values():
        assert set(row) - {"uses"} == {transition.value for transition in Transition}
    assert {use for row in ROWS.values() for use in row["uses"]} - {"-"} == {u.value for u in Use}


@pytest.mark.parametrize(("state", "transition"), list(itertools.product(State, Transition)))
def test_a_state_goes_where_the_table_says_and_nowhere_else(state, transition):
    expected = ROWS[state][transition]
    if expected == "-":
        with pytest.raises(KeyNotUsable) as refusal:
            after(state, transition)
        assert str(state) in refusal.value.detail
    else:
        assert after(state, transition) == expected


@pytest.mark.parametrize(("state", "use"), list(itertools.product(State, Use)))
def test_material_is_used_where_the_table_says_and_nowhere_else(state, use):
    assert allows(state, use) is (use in ROWS[state]["uses"])


@pytest.mark.parametrize("state", [State.SUSPENDED, State.COMPROMISED, State.DESTROYED])
def test_a_state_that_must_not_be_used_allows_no_use_at_all(state):
    assert not any(allows(state, use) for use in Use)


def test_no_transition_leads_out_of_the_states_that_end_a_key():
    for state in (State.COMPROMISED, State.DESTRUCTION_SCHEDULED, State.DESTROYED):
        for transition in Transition:
            with pytest.raises(KeyNotUsable):
                after(state, transition)
