"""The Merkle tree against the Certificate Transparency reference tree."""

import json
from pathlib import Path

import pytest

from strongroom.tlog.merkle import Frontier, leaf_hash

TREE = json.loads((Path(__file__).parent / "data/tlog/rfc6962-reference-tree.json").read_text())
LEAVES = [bytes.fromhex(leaf) for leaf in TREE["leaves_hex"]]


def test_roots_of_every_size_are_the_published_ones():
    frontier = Frontier()
    roots = [frontier.root().hex()]
    for leaf in LEAVES:
        frontier.append(leaf_hash(leaf))
        roots.append(frontier.root().hex())
    assert roots == TREE["roots_hex_by_size"]


def test_a_stored_frontier_grows_as_if_it_had_not_been_stored():
    frontier = Frontier()
    for leaf in LEAVES:
        frontier = Frontier.from_bytes(frontier.to_bytes())
        frontier.append(leaf_hash(leaf))
    assert frontier.root().hex() == TREE["roots_hex_by_size"][-1]


@pytest.mark.parametrize(
    "stored", [b"", b"\0" * 7, b"\0" * 9, b"\0" * 7 + b"\1", b"\0" * 7 + b"\3" + b"x" * 32]
)
def test_what_is_no_frontier_is_refused(stored):
    with pytest.raises(ValueError, match="frontier"):
        Frontier.from_bytes(stored)
