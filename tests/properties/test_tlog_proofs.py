"""Every proof proves what it was made for, and nothing else, whatever is changed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.tlog.errors import ProofError
from strongroom.tlog.merkle import Frontier, Node, node_hash, root
from strongroom.tlog.proofs import (
    fold_root,
    plan_consistency,
    plan_inclusion,
    plan_root,
    verify_consistency,
    verify_inclusion,
)
from strongroom.tlog.spelling import SIZE_MAX
from tests.support.logs import numbered

LOG = numbered(600)
ROOTS = [LOG.root(size) for size in range(len(LOG.leaves) + 1)]
OTHER = b"\xff" * 32

sizes = st.integers(1, len(LOG.leaves))
great = st.one_of(st.integers(1, SIZE_MAX), st.integers(0, 62).map(lambda n: 1 << n))


def changed(draw, proof):
    """The proof with one thing about it changed."""
    place = draw(st.integers(0, len(proof) - 1)) if proof else 0
    kinds = ["added"] + (["bit", "dropped", "doubled", "short", "long"] if proof else [])
    if len(proof) > 1:
        kinds.append("swapped")
    kind = draw(st.sampled_from(kinds))
    one = proof[place : place + 1]
    if kind == "bit":
        bit = draw(st.integers(0, 255))
        one = [(int.from_bytes(one[0], "big") ^ 1 << bit).to_bytes(32, "big")]
    elif kind == "dropped":
        one = []
    elif kind == "doubled":
        one = one * 2
    elif kind == "short":
        one = [one[0][:-1]]
    elif kind == "long":
        one = [one[0] + b"\0"]
    elif kind == "added":
        place = draw(st.integers(0, len(proof)))
        return [*proof[:place], OTHER, *proof[place:]]
    else:
        other = (place + 1) % len(proof)
        swapped = proof.copy()
        swapped[place], swapped[other] = proof[other], proof[place]
        return swapped
    return [*proof[:place], *one, *proof[place + 1 :]]


def included(proof, index, size, leaf=None, root=None):
    try:
        verify_inclusion(
            proof, index=index, size=size,
            leaf=leaf or LOG.leaves[index], root=root or ROOTS[size],
        )  # fmt: skip
    except ProofError:
        return False
    return True


def continued(proof, old, new, old_root=None, new_root=None):
    try:
        verify_consistency(
            proof, old=old, new=new,
            old_root=old_root or ROOTS[old], new_root=new_root or ROOTS[new],
        )  # fmt: skip
    except ProofError:
        return False
    return True


@given(size=sizes, data=st.data())
def test_an_entry_is_proven_to_be_where_it_is_and_nothing_else_is(size, data):
    index = data.draw(st.integers(0, size - 1))
    proof = LOG.inclusion(index, size)
    assert included(proof, index, size)
    assert not included(changed(data.draw, proof), index, size)
    assert not included(proof, index, size, leaf=OTHER)
    assert not included(proof, index, size, root=OTHER)
    # Another place, with the entry's own hash: its place is part of what is proven.
    elsewhere = data.draw(st.integers(0, size + 2).filter(lambda i: i != index))
    assert not included(proof, elsewhere, size, leaf=LOG.leaves[index])
    larger = data.draw(sizes.filter(lambda s: s != size and index < s))
    assert not included(proof, index, larger)


@given(new=sizes, data=st.data())
def test_a_tree_is_proven_to_continue_its_past_and_nothing_else(new, data):
    old = data.draw(st.integers(1, new))
    proof = LOG.consistency(old, new)
    assert continued(proof, old, new)
    assert not continued(changed(data.draw, proof), old, new)
    assert not continued(proof, old, new, old_root=OTHER)
    assert not continued(proof, old, new, new_root=OTHER)
    if old != new:
        assert not continued(proof, new, old)
        other = data.draw(st.integers(1, new).filter(lambda s: s != old))
        assert not continued(proof, other, new)
        other = data.draw(sizes.filter(lambda s: s not in {new, old} and s >= old))
        assert not continued(proof, old, other)


@given(size=sizes, data=st.data())
def test_a_log_with_one_entry_replaced_does_not_continue_its_past(size, data):
    old = data.draw(st.integers(1, size))
    place = data.draw(st.integers(0, old - 1))
    forged = [*LOG.leaves[:place], OTHER, *LOG.leaves[place + 1 :]]
    assert not continued(LOG.consistency(old, size), old, size, new_root=root(forged[:size]))


@given(size=st.integers(0, len(LOG.leaves)))
def test_all_ways_to_a_root_agree(size):
    frontier = Frontier()
    for leaf in LOG.leaves[:size]:
        frontier.append(leaf)
    folded = fold_root([LOG.hash(node) for node in plan_root(size)])
    assert root(LOG.leaves[:size]) == folded == frontier.root() == ROOTS[size]


@given(size=great, data=st.data())
def test_plans_of_trees_that_nobody_can_hold_prove_too(size, data):
    """With any hashes: a proof's root is then whatever verifying it computes, from either side."""
    index = data.draw(st.integers(0, size - 1))
    plan = plan_inclusion(index, size)
    assert len(plan.groups) <= 63
    assert len(set(plan.nodes)) == len(plan.nodes)
    leaf = b"\1" * 32
    made = {node: node_hash(b"%d" % node.height, b"%d" % node.number) for node in plan.nodes}
    proof = plan.proof([made[node] for node in plan.nodes])
    # The same nodes and the leaf, put together as the whole tree is.
    whole = assembled({**made, Node(0, index): leaf}, size)
    verify_inclusion(proof, index=index, size=size, leaf=leaf, root=whole)
    with pytest.raises(ProofError):
        verify_inclusion(proof, index=index, size=size, leaf=OTHER, root=whole)


@given(new=great, data=st.data())
def test_consistency_plans_of_trees_that_nobody_can_hold_prove_too(new, data):
    old = data.draw(
        st.one_of(st.integers(1, new), st.integers(0, 62).map(lambda n: min(new, 1 << n)))
    )
    plan = plan_consistency(old, new)
    made = {node: node_hash(b"%d" % node.height, b"%d" % node.number) for node in plan.nodes}
    proof = plan.proof([made[node] for node in plan.nodes])
    if not old & (old - 1):  # a perfect tree's root is known to whoever verifies
        made[Node(old.bit_length() - 1, 0)] = OTHER
    if old == new:
        return
    facts = {"old_root": assembled(made, old), "new_root": assembled(made, new)}
    verify_consistency(proof, old=old, new=new, **facts)
    if proof:
        with pytest.raises(ProofError):
            verify_consistency(proof[:-1], old=old, new=new, **facts)


def assembled(hashes, size):
    """The root over a tree of which only these subtrees' hashes are known: RFC 6962's recursion."""

    def over(first, end):
        height = (end - first - 1).bit_length()
        known = hashes.get(Node(height, first >> height)) if end - first == 1 << height else None
        if known:
            return known
        half = first + (1 << height - 1)
        return node_hash(over(first, half), over(half, end))

    return over(0, size)
