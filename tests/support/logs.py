"""A log in memory, as naive as RFC 6962's definition: what proofs and tiles are compared with."""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest

from strongroom.tlog.errors import TlogError
from strongroom.tlog.merkle import Node, leaf_hash
from strongroom.tlog.proofs import Plan, plan_consistency, plan_inclusion
from strongroom.tlog.tiles import ENTRIES, Tile, bundle


def naive_root(leaves: Sequence[bytes]) -> bytes:
    """MTH of RFC 6962, 2.1, word for word."""
    if not leaves:
        return hashlib.sha256().digest()
    if len(leaves) == 1:
        return leaves[0]
    k = 1 << (len(leaves) - 1).bit_length() - 1
    return hashlib.sha256(b"\1" + naive_root(leaves[:k]) + naive_root(leaves[k:])).digest()


class Log:
    """Entries, and every hash over them."""

    def __init__(self, entries: Sequence[bytes]) -> None:
        self.entries = list(entries)
        self.leaves = [leaf_hash(entry) for entry in entries]
        self._roots: dict[tuple[int, int], bytes] = {}

    def hash(self, node: Node) -> bytes:
        """The hash of a perfect subtree."""
        height, number = node
        if not height:
            return self.leaves[number]
        if node not in self._roots:
            sides = [self.hash(Node(height - 1, 2 * number + i)) for i in (0, 1)]
            self._roots[node] = hashlib.sha256(b"\1" + b"".join(sides)).digest()
        return self._roots[node]

    def root(self, size: int) -> bytes:
        """The root of the tree as it was with so many entries."""
        return naive_root(self.leaves[:size])

    def proof(self, plan: Plan) -> list[bytes]:
        """The planned proof."""
        return plan.proof([self.hash(node) for node in plan.nodes])

    def inclusion(self, index: int, size: int) -> list[bytes]:
        """That an entry is in the tree."""
        return self.proof(plan_inclusion(index, size))

    def consistency(self, old: int, new: int) -> list[bytes]:
        """That a tree continues another."""
        return self.proof(plan_consistency(old, new))

    def tile(self, tile: Tile) -> bytes:
        """The content of a tile."""
        if tile.level == ENTRIES:
            return bundle([self.entries[node.number] for node in tile.nodes])
        return b"".join(self.hash(node) for node in tile.nodes)


def numbered(size: int) -> Log:
    """So many different entries."""
    return Log([b"entry %d" % i for i in range(size)])


@contextmanager
def refused(error: type[TlogError], sentence: str) -> Iterator[None]:
    """What is done within is refused so, in just these words."""
    with pytest.raises(TlogError) as refusal:
        yield
    assert (type(refusal.value), str(refusal.value)) == (error, sentence)
