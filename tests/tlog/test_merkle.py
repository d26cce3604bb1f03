"""The growing tree. Its roots against others' are in tests/vectors and tests/properties."""

import pytest

from strongroom.tlog.merkle import Frontier, Node
from tests.support.logs import numbered

LOG = numbered(600)


def grown(size):
    frontier = Frontier()
    for leaf in LOG.leaves[:size]:
        frontier.append(leaf)
    return frontier


def test_a_copy_grows_apart():
    frontier = grown(5)
    twin = frontier.copy()
    twin.append(LOG.leaves[5])
    assert (frontier.size, frontier.root()) == (5, LOG.root(5))
    assert (twin.size, twin.root()) == (6, LOG.root(6))


def test_full_subtrees_are_collected_when_they_are_complete():
    assert grown(255).full == []
    assert grown(600).full == [(Node(8, n), LOG.hash(Node(8, n))) for n in (0, 1)]


def test_a_subtree_of_65536_entries_is_collected_after_the_last_of_256():
    frontier = Frontier()
    for _ in range(65_536):
        frontier.append(b"\0" * 32)
    assert [node for node, _ in frontier.full[-2:]] == [Node(8, 255), Node(16, 0)]
    assert frontier.full[-1][1] == frontier.root()
    assert len(frontier.full) == 257


def state(frontier):
    """All that there is to know of it; of `full`, in whatever order."""
    return frontier.to_bytes(), sorted(frontier.full)


@pytest.mark.parametrize("size", [0, 1, 2, 3, 7, 8, 255, 256, 257, 511])
@pytest.mark.parametrize("more", [0, 1, 2, 3, 8, 255, 256, 257, 512, 800])
def test_many_leaves_at_once_are_as_one_after_the_other(size, more):
    leaves = [bytes([i % 251]) * 32 for i in range(size + more)]
    slow, quick = Frontier(), Frontier()
    for leaf in leaves:
        slow.append(leaf)
    quick.extend(leaves[:size])
    quick.extend(leaves[size:])
    assert state(quick) == state(slow)
    assert leaves[0:1] == [b"\0" * 32][: size + more]  # what was given is not taken apart


def test_a_subtree_of_65536_entries_is_collected_when_many_come_at_once():
    frontier = Frontier()
    frontier.extend([b"\0" * 32] * 65_536)
    assert [node for node, _ in frontier.full if node.height == 16] == [Node(16, 0)]
    assert len(frontier.full) == 257


def test_a_stored_frontier_is_its_size_and_its_peaks():
    raw = grown(5).to_bytes()
    assert raw == b"\0" * 7 + b"\5" + LOG.hash(Node(2, 0)) + LOG.leaves[4]
    again = Frontier.from_bytes(raw)
    assert (again.size, again.root(), again.full) == (5, LOG.root(5), [])
    for wrong in (raw[:-1], raw + b"\0", raw[:7], b"", b"\0" * 8 + raw[8:]):
        with pytest.raises(ValueError, match=r"^not a stored frontier$"):
            Frontier.from_bytes(wrong)
