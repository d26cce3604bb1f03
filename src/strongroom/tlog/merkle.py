"""The Merkle tree of RFC 6962 (section 2.1), growing at its right edge.

Leaves and inner nodes are hashed with different first bytes, so that no inner node can be passed
off as an entry.
"""

import hashlib
from collections.abc import Sequence
from typing import Final, NamedTuple

HASH_BYTES: Final = 32
TILE_HEIGHT: Final = 8  # C2SP tlog-tiles: a full tile has 256 hashes
_SIZE_BYTES: Final = 8
EMPTY_ROOT: Final = hashlib.sha256().digest()


def leaf_hash(entry: bytes) -> bytes:
    """The hash of an entry."""
    return hashlib.sha256(b"\0" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of two subtrees."""
    return hashlib.sha256(b"\1" + left + right).digest()


def root(leaves: Sequence[bytes]) -> bytes:
    """The root hash of the tree with these leaf hashes."""
    sha256 = hashlib.sha256  # looked up once: the next line is run for millions
    level = list(leaves)
    while len(level) > 1:
        # RFC 6962 splits at the largest power of two: the last of an odd number waits.
        waiting = level[-1:] if len(level) & 1 else []
        pairs = zip(level[::2], level[1::2], strict=False)
        level = [sha256(b"\1" + left + right).digest() for left, right in pairs]
        level += waiting
    return level[0] if level else EMPTY_ROOT


class Node(NamedTuple):
    """A perfect subtree: the `number`-th one of 2**height leaves."""

    height: int
    number: int


class Frontier:
    """A tree's size and the roots of its perfect subtrees, largest first: what growing takes.

    `full` collects the roots of subtrees of 256, 256**2, ... leaves that were completed, until
    somebody takes them out.
    """

    __slots__ = ("_peaks", "full", "size")

    def __init__(self) -> None:
        self.size = 0
        self._peaks: list[bytes] = []
        self.full: list[tuple[Node, bytes]] = []

    def append(self, leaf: bytes) -> None:
        """Add an entry's leaf hash."""
        size = self.size
        height = 0
        # Each trailing one bit of the size is a perfect subtree that the new leaf completes.
        while size & 1:
            leaf = node_hash(self._peaks.pop(), leaf)
            size >>= 1
            height += 1
            if not height % TILE_HEIGHT:
                self.full.append((Node(height, size), leaf))
        self._peaks.append(leaf)
        self.size += 1

    def extend(self, leaves: Sequence[bytes]) -> None:
        """Add several, in their order: what `append` of each would do, in less time."""
        peaks, row = self._peaks, list(leaves)
        start, height = self.size, 0  # the row is of that height; its first has that number
        right: list[bytes] = []  # what becomes a peak, smallest first
        while row:
            if height and not height % TILE_HEIGHT:
                self.full += [(Node(height, start + at), root) for at, root in enumerate(row)]
            if start & 1:
                row.insert(0, peaks.pop())
            if len(row) & 1:
                right.append(row.pop())
            row = [node_hash(row[at], row[at + 1]) for at in range(0, len(row), 2)]
            start >>= 1
            height += 1
        peaks += reversed(right)
        self.size += len(leaves)

    def root(self) -> bytes:
        """The root hash of the tree as it is."""
        if not self._peaks:
            return EMPTY_ROOT
        root = self._peaks[-1]
        for peak in reversed(self._peaks[:-1]):
            root = node_hash(peak, root)
        return root

    def copy(self) -> "Frontier":
        """The same tree, growing apart from this one."""
        twin = Frontier()
        twin.size = self.size
        twin._peaks = self._peaks.copy()
        return twin

    def to_bytes(self) -> bytes:
        """Size in eight bytes, big-endian, then the subtree roots."""
        return self.size.to_bytes(_SIZE_BYTES, "big") + b"".join(self._peaks)

    @classmethod
    def from_bytes(cls, stored: bytes) -> "Frontier":
        """What `to_bytes` gave. Raises `ValueError` for anything else."""
        size = int.from_bytes(stored[:_SIZE_BYTES], "big")
        hashes = stored[_SIZE_BYTES:]
        if len(stored) < _SIZE_BYTES or len(hashes) != size.bit_count() * HASH_BYTES:
            raise ValueError("not a stored frontier")
        frontier = cls()
        frontier.size = size
        frontier._peaks = [hashes[i : i + HASH_BYTES] for i in range(0, len(hashes), HASH_BYTES)]
        return frontier
