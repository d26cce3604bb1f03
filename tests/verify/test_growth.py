"""Any two states of one log fit; any two states of different logs do not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.tlog.checkpoints import Checkpoint
from strongroom.verify.growth import check_growth
from strongroom.verify.progress import Progress
from strongroom.verify.tree import Tree
from strongroom.verify.verdicts import NotChecked, Wrong
from tests.support.logs import Log, numbered

LOG = numbered(1200)
sizes = st.integers(0, 1200)


def state(size, log=LOG, origin="log"):
    return Checkpoint(origin, size, log.root(size))


@given(sizes, sizes)
def test_a_log_continues_each_of_its_states(one, other):
    old, new = sorted((one, other))
    check_growth(LOG.tile, state(old), state(new))
    if old < new:
        with pytest.raises(Wrong, match="taken back"):
            check_growth(LOG.tile, state(new), state(old))


@given(st.integers(1, 1200), sizes, st.data())
def test_no_log_continues_another_past(old, more, data):
    at = data.draw(st.integers(0, old - 1))
    past = Log([*LOG.entries[:at], b"otherwise", *LOG.entries[at + 1 : old]])
    with pytest.raises(Wrong):
        check_growth(LOG.tile, state(old, past), state(min(1200, old + more)))


def test_another_log_is_not_compared():
    with pytest.raises(NotChecked, match="of the log other"):
        check_growth(LOG.tile, state(1, origin="other"), state(2))


@given(sizes, sizes)
def test_entries_from_any_index_on_are_checked(size, first):
    read = []

    def tile(which):
        read.append(which)
        return LOG.tile(which)

    Tree(tile, state(size)).check_entries(Progress(size), first=first)
    files = [which.n for which in read if which.level < 0]
    assert files == list(range(min(first, size) // 256, -(-size // 256))) or first >= size


@given(st.integers(1, 1200), st.data())
def test_an_entry_that_differs_is_named_wherever_it_is(size, data):
    at = data.draw(st.integers(0, size - 1))
    other = Log([*LOG.entries[:at], b"otherwise", *LOG.entries[at + 1 :]])

    def tile(which):
        return (other if which.level < 0 else LOG).tile(which)

    with pytest.raises(Wrong, match=f"^entry {at}, in tile/entries/"):
        Tree(tile, state(size)).check_entries(Progress(size))
