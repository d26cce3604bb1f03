"""Which hashes prove that an entry is in a tree, or that a tree continues another; and whether.

Making a proof has two steps, so that whoever keeps the hashes can read them all at once: a plan
names perfect subtrees, whose hashes are stored or follow from stored ones; with their hashes, it
gives the proof. Verifying follows RFC 9162, section 2.1, word for word.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from strongroom.tlog.errors import ProofError
from strongroom.tlog.merkle import EMPTY_ROOT, HASH_BYTES, Node, node_hash
from strongroom.tlog.spelling import SIZE_MAX

__all__ = [
    "Node",
    "Plan",
    "fold_root",
    "plan_consistency",
    "plan_inclusion",
    "plan_root",
    "verify_consistency",
    "verify_inclusion",
]


@dataclass(frozen=True, slots=True)
class Plan:
    """The perfect subtrees that a proof is made of: `groups` says how many make each hash of it."""

    nodes: tuple[Node, ...]
    groups: tuple[int, ...]

    def proof(self, hashes: Sequence[bytes]) -> list[bytes]:
        """The proof. `hashes` are those of `nodes`, in their order."""
        if len(hashes) != len(self.nodes):
            raise RuntimeError("a proof is made of as many hashes as its plan names")
        left = iter(hashes)
        return [fold_root([next(left) for _ in range(group)]) for group in self.groups]


def plan_inclusion(index: int, size: int) -> Plan:
    """What proves that the entry at `index` is in the tree of `size` entries.

    Raises `ProofError` if there is none.
    """
    _in_range(index, size)
    return _plan(_siblings(Node(0, index), size))


def plan_consistency(old: int, new: int) -> Plan:
    """What proves that the tree of `new` entries continues the tree of `old`.

    Raises `ProofError` if `old` is greater, or 0: an empty tree is continued by every tree, and no
    proof is needed or known.
    """
    _continuing(old, new)
    if old == new:
        return Plan((), ())
    # The old tree's last perfect subtree, which is also in the new tree. Where it is the whole old
    # tree, whoever verifies has its hash already.
    height = _trailing_zeros(old)
    last = Node(height, (old >> height) - 1)
    known: list[tuple[Node, ...]] = [] if not last.number else [(last,)]
    return _plan(known + _siblings(last, new))


def plan_root(size: int) -> tuple[Node, ...]:
    """The perfect subtrees that make up the tree of `size` entries, largest first."""
    return _perfect(0, size)


def fold_root(hashes: Sequence[bytes]) -> bytes:
    """The root over the hashes of perfect subtrees, largest first, as `plan_root` names them."""
    if not hashes:
        return EMPTY_ROOT
    *larger, root = hashes
    for subtree in reversed(larger):
        root = node_hash(subtree, root)
    return root


def verify_inclusion(
    proof: Sequence[bytes], *, index: int, size: int, leaf: bytes, root: bytes
) -> None:
    """Raise `ProofError` unless the entry with hash `leaf` is at `index` of the tree.

    RFC 9162, 2.1.3.2, with its steps' numbers.
    """
    _hashes(*proof, leaf)
    _in_range(index, size)  # 1
    fn, sn = index, size - 1  # 2
    computed = leaf  # 3
    for step in proof:  # 4
        if not sn:
            raise ProofError("the proof of inclusion is too long")
        if fn & 1 or fn == sn:
            computed = node_hash(step, computed)
            # Levels where the path is the last subtree of an odd number have no sibling.
            up = _trailing_zeros(fn)
            fn, sn = fn >> up, sn >> up
        else:
            computed = node_hash(computed, step)
        fn, sn = fn >> 1, sn >> 1
    if sn or computed != root:  # 5
        raise ProofError(f"entry {index} is not in the tree of {size} entries with that root")


def verify_consistency(
    proof: Sequence[bytes], *, old: int, new: int, old_root: bytes, new_root: bytes
) -> None:
    """Raise `ProofError` unless the tree of `new` entries continues the tree of `old`.

    An empty `old` tree is refused: there is no proof about it, and none is needed.
    RFC 9162, 2.1.4.2, with its steps' numbers.
    """
    _hashes(*proof)
    _continuing(old, new)
    wrong = ProofError(f"the tree of {new} entries does not continue the tree of {old}")
    if old == new:
        if proof or old_root != new_root:
            raise wrong
        return
    if not proof:  # 1
        raise wrong
    # 2: the old tree is a perfect subtree of the new one, and its root begins the path.
    first, *steps = proof if old & (old - 1) else (old_root, *proof)
    up = _trailing_zeros(old)
    fn, sn = (old - 1) >> up, (new - 1) >> up  # 3, 4: while the lowest bit of fn is set
    old_computed = new_computed = first  # 5
    for step in steps:  # 6
        if not sn:
            raise wrong
        if fn & 1 or fn == sn:
            old_computed = node_hash(step, old_computed)
            new_computed = node_hash(step, new_computed)
            up = _trailing_zeros(fn)
            fn, sn = fn >> up, sn >> up
        else:
            new_computed = node_hash(new_computed, step)
        fn, sn = fn >> 1, sn >> 1
    if sn or old_computed != old_root or new_computed != new_root:  # 7
        raise wrong


def _plan(groups: Sequence[tuple[Node, ...]]) -> Plan:
    return Plan(tuple(node for group in groups for node in group), tuple(map(len, groups)))


def _siblings(node: Node, size: int) -> list[tuple[Node, ...]]:
    """What lies beside the path from a perfect subtree up to the root, as perfect subtrees."""
    height, number = node
    last = (size - 1) >> height
    siblings: list[tuple[Node, ...]] = []
    while last:
        if number & 1:
            siblings.append((Node(height, number - 1),))
        elif number < last:
            # The right edge of the tree is the one place where a sibling is not perfect.
            end = min((number + 2) << height, size)
            siblings.append(_perfect((number + 1) << height, end))
        height, number, last = height + 1, number >> 1, last >> 1
    return siblings


def _perfect(first: int, end: int) -> tuple[Node, ...]:
    """The perfect subtrees over the leaves from `first` to before `end`, largest first.

    `first` is a multiple of the largest one's leaves.
    """
    nodes = []
    while first < end:
        height = (end - first).bit_length() - 1
        nodes.append(Node(height, first >> height))
        first += 1 << height
    return tuple(nodes)


def _trailing_zeros(value: int) -> int:
    """How often the value, which is not 0, can be halved."""
    return (value ^ (value - 1)).bit_length() - 1


def _in_range(index: int, size: int) -> None:
    if not 0 <= index < size <= SIZE_MAX:
        raise ProofError(f"there is no entry {index} in a tree of {size} entries")


def _continuing(old: int, new: int) -> None:
    if not 0 < old <= new <= SIZE_MAX:
        raise ProofError(f"no proof leads from a tree of {old} entries to one of {new}")


def _hashes(*values: bytes) -> None:
    # Longer ones could be an entry in disguise: two hashes are a node's whole content.
    if not all(len(value) == HASH_BYTES for value in values):
        raise ProofError("a hash in the proof is not 32 bytes long")
