"""The growing tree. Its roots against others' are in tests/vectors and tests/properties."""

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
