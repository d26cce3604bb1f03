"""The edges of what can be proven. What lies between them is in tests/properties."""

import pytest

from strongroom.tlog.errors import ProofError
from strongroom.tlog.merkle import EMPTY_ROOT, Node, root
from strongroom.tlog.proofs import (
    Plan,
    fold_root,
    plan_consistency,
    plan_inclusion,
    plan_root,
    verify_consistency,
    verify_inclusion,
)
from strongroom.tlog.spelling import SIZE_MAX
from tests.support.logs import numbered, refused

LOG = numbered(8)


@pytest.mark.parametrize(
    ("index", "size"), [(0, 0), (1, 1), (-1, 1), (5, 3), (0, SIZE_MAX + 1), (SIZE_MAX, SIZE_MAX)]
)
def test_there_is_no_proof_of_an_entry_that_is_not_there(index, size):
    with refused(ProofError, f"there is no entry {index} in a tree of {size} entries"):
        plan_inclusion(index, size)
    with refused(ProofError, f"there is no entry {index} in a tree of {size} entries"):
        verify_inclusion([], index=index, size=size, leaf=LOG.leaves[0], root=LOG.leaves[0])


@pytest.mark.parametrize(("old", "new"), [(0, 0), (0, 4), (5, 4), (-1, 4), (1, SIZE_MAX + 1)])
def test_no_proof_leads_from_nothing_or_backwards(old, new):
    sentence = f"no proof leads from a tree of {old} entries to one of {new}"
    with refused(ProofError, sentence):
        plan_consistency(old, new)
    with refused(ProofError, sentence):
        verify_consistency([], old=old, new=new, old_root=EMPTY_ROOT, new_root=EMPTY_ROOT)


def test_the_greatest_tree_has_proofs():
    assert len(plan_inclusion(SIZE_MAX - 1, SIZE_MAX).groups) == 62
    assert len(plan_inclusion(0, SIZE_MAX).groups) == 63
    assert len(plan_consistency(SIZE_MAX - 1, SIZE_MAX).groups) == 63
    assert plan_consistency(SIZE_MAX, SIZE_MAX) == Plan((), ())


def test_a_tree_continues_itself_without_a_proof():
    verify_consistency([], old=5, new=5, old_root=LOG.root(5), new_root=LOG.root(5))
    with pytest.raises(ProofError):
        verify_consistency([], old=5, new=5, old_root=LOG.root(5), new_root=LOG.root(4))
    with pytest.raises(ProofError):
        verify_consistency(
            [LOG.leaves[0]], old=5, new=5, old_root=LOG.root(5), new_root=LOG.root(5)
        )


def test_a_sibling_that_is_not_perfect_is_made_of_perfect_ones():
    """RFC 6962, 2.1.3, has the tree of seven: the last hash of 0's proof is over 4, 5 and 6."""
    plan = plan_inclusion(0, 7)
    assert plan == Plan((Node(0, 1), Node(1, 1), Node(1, 2), Node(0, 6)), (1, 1, 2))
    assert plan.proof([LOG.hash(node) for node in plan.nodes]) == [
        LOG.leaves[1], LOG.hash(Node(1, 1)), root(LOG.leaves[4:7]),
    ]  # fmt: skip


@pytest.mark.parametrize("count", [0, 3, 5])
def test_a_plan_takes_as_many_hashes_as_it_named(count):
    with pytest.raises(
        RuntimeError, match=r"^a proof is made of as many hashes as its plan names$"
    ):
        plan_inclusion(0, 7).proof(LOG.leaves[:count])


def test_perfect_subtrees_of_a_tree():
    assert plan_root(0) == ()
    assert fold_root([]) == EMPTY_ROOT == root([])
    assert plan_root(7) == (Node(2, 0), Node(1, 2), Node(0, 6))
    assert plan_root(8) == (Node(3, 0),)


def test_what_is_wrong_is_said_in_one_sentence():
    proof, leaf = LOG.inclusion(2, 7), LOG.leaves[2]
    cases = [
        (proof, LOG.root(6), "entry 2 is not in the tree of 7 entries with that root"),
        (proof[:-1], LOG.root(7), "entry 2 is not in the tree of 7 entries with that root"),
        ([*proof, leaf], LOG.root(7), "the proof of inclusion is too long"),
        ([*proof[:-1], b"short"], LOG.root(7), "a hash in the proof is not 32 bytes long"),
    ]
    for wrong, end, sentence in cases:
        with refused(ProofError, sentence):
            verify_inclusion(wrong, index=2, size=7, leaf=leaf, root=end)
    with refused(ProofError, "a hash in the proof is not 32 bytes long"):
        verify_inclusion(proof, index=2, size=7, leaf=b"an entry", root=LOG.root(7))


@pytest.mark.parametrize("old", [3, 4])
@pytest.mark.parametrize("change", [lambda p: [], lambda p: p[:-1], lambda p: [*p, b"x" * 32]])
def test_a_proof_of_another_length_leads_nowhere(old, change):
    proof = LOG.consistency(old, 7)
    with refused(ProofError, f"the tree of 7 entries does not continue the tree of {old}"):
        verify_consistency(
            change(proof), old=old, new=7, old_root=LOG.root(old), new_root=LOG.root(7)
        )


def test_a_proof_of_short_hashes_is_none():
    with refused(ProofError, "a hash in the proof is not 32 bytes long"):
        verify_consistency([b"short"], old=3, new=7, old_root=LOG.root(3), new_root=LOG.root(7))


def test_an_old_tree_that_is_a_forgery_is_noticed_though_the_new_root_fits():
    """Both roots are computed from the same path: neither alone is enough."""
    proof = LOG.consistency(3, 7)
    with pytest.raises(ProofError, match="does not continue"):
        verify_consistency(proof, old=3, new=7, old_root=LOG.root(2), new_root=LOG.root(7))
    with pytest.raises(ProofError, match="does not continue"):
        verify_consistency(proof, old=3, new=7, old_root=LOG.root(3), new_root=LOG.root(6))
