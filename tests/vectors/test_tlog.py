"""Proofs, notes, checkpoints, cosignatures, tiles and receipts of others, and broken ones."""

import base64
import hashlib
import json
from pathlib import Path

import pytest

from strongroom.tlog import checkpoints, keys, notes, receipts, tiles, vkeys
from strongroom.tlog.errors import NoteError, ProofError
from strongroom.tlog.merkle import leaf_hash, node_hash
from strongroom.tlog.policies import Policy
from strongroom.tlog.proofs import verify_consistency, verify_inclusion
from strongroom.tlog.tiles import ENTRIES, Tile
from tests.support.logs import Log

DATA = Path(__file__).parent / "data/tlog"
TREE = json.loads((DATA / "rfc6962-reference-tree.json").read_text())
INCLUSION = json.loads((DATA / "merkle-inclusion.json").read_text())["cases"]
CONSISTENCY = json.loads((DATA / "merkle-consistency.json").read_text())["cases"]
NOTES = json.loads((DATA / "signed-note.json").read_text())["cases"]
AUDIT = json.loads((DATA / "strongroom-audit-log.json").read_text())

LOG_KEY = keys.verifier(vkeys.parse(AUDIT["log_vkey"]))
WITNESS = keys.verifier(vkeys.parse(AUDIT["witness_vkey"]))
QUANTUM_SAFE = keys.verifier(vkeys.parse(AUDIT["mldsa44_vkey"]))


def upstream(case):
    return case["upstream"]


def described(case):
    return case["desc"]


def hashes(texts):
    return [base64.b64decode(text) for text in texts or []]


def proves(verify, case, **facts):
    proof = hashes(case["proof"])
    if case["wantErr"]:
        with pytest.raises(ProofError):
            verify(proof, **facts)
    else:
        verify(proof, **facts)


@pytest.fixture(scope="module")
def log():
    """The 70,000 entries that the checkpoints are about."""
    return Log([
        b'{"event":"key.use","kid":"k%d","seq":%d}' % (i % 7, i) for i in range(70_000)
    ])  # fmt: skip


def test_hashes_are_the_published_ones():
    _, empty, leaf, node = TREE["hash"]
    assert leaf_hash(b"").hex() == empty["hex"]
    assert leaf_hash(bytes.fromhex(leaf["entry_hex"])).hex() == leaf["hex"]
    assert (
        node_hash(bytes.fromhex(node["left_hex"]), bytes.fromhex(node["right_hex"])).hex()
        == node["hex"]
    )


def test_proofs_of_the_reference_tree_are_the_published_ones():
    reference = Log([bytes.fromhex(leaf) for leaf in TREE["leaves_hex"]])
    for case in TREE["inclusion"]:
        made = reference.inclusion(case["index"], case["size"])
        assert [step.hex() for step in made] == case["proof_hex"]
    for case in TREE["consistency"]:
        made = reference.consistency(case["size1"], case["size2"])
        assert [step.hex() for step in made] == case["proof_hex"]
    assert len(TREE["inclusion"]) == len(TREE["consistency"]) == 36


@pytest.mark.parametrize("case", INCLUSION, ids=upstream)
def test_inclusion(case):
    proves(
        verify_inclusion, case,
        index=case["leafIdx"], size=case["treeSize"],
        leaf=base64.b64decode(case["leafHash"]), root=base64.b64decode(case["root"]),
    )  # fmt: skip


@pytest.mark.parametrize("case", CONSISTENCY, ids=upstream)
def test_consistency(case):
    proves(
        verify_consistency, case,
        old=case["size1"], new=case["size2"],
        old_root=base64.b64decode(case["root1"]), new_root=base64.b64decode(case["root2"]),
    )  # fmt: skip


@pytest.mark.parametrize("case", NOTES, ids=described)
def test_notes(case):
    verifier = keys.verifier(vkeys.parse(case["vkey"]))
    raw = case["note"].encode()
    if case["valid"]:
        notes.check(notes.parse(raw), verifier)
    else:
        with pytest.raises(NoteError):
            notes.check(notes.parse(raw), verifier)


def test_the_checkpoint_of_the_go_checksum_database_is_read():
    checkpoint = checkpoints.parse(notes.parse(NOTES[2]["note"].encode()).text)
    assert (checkpoint.origin, checkpoint.size) == ("go.sum database tree", 35_225_469)


@pytest.mark.parametrize("case", AUDIT["checkpoints"], ids=lambda case: str(case["size"]))
def test_checkpoints_count_when_log_and_witness_signed_them(case, log):
    note = notes.parse(case["checkpoint"].encode())
    checkpoint = Policy((LOG_KEY,), (WITNESS,), 1).trusted(note)
    assert checkpoint.origin == AUDIT["origin"]
    assert checkpoint.size == case["size"]
    assert checkpoint.root.hex() == case["root_hex"] == log.root(case["size"]).hex()
    cosigned = note.signed_by(QUANTUM_SAFE)
    assert cosigned == (case["size"] in {8, 300})
    quantum_safe = Policy((LOG_KEY,), (WITNESS, QUANTUM_SAFE), 1 + cosigned)
    assert quantum_safe.trusted(note) == checkpoint


def test_the_same_seeds_give_the_same_keys_and_signatures():
    """Ed25519 is deterministic: what the other implementation signed is signed here again."""
    seed = bytes.fromhex(AUDIT["log_seed_hex"])
    signer = keys.NoteSigner(AUDIT["origin"], seed)
    witness = keys.Cosigner(
        "witness.example/w1",
        vkeys.Algorithm.ED25519_COSIGNATURE,
        bytes.fromhex(AUDIT["witness_seed_hex"]),
        lambda: AUDIT["cosignature_time"],
    )
    quantum_safe = keys.Cosigner(
        "witness.example/pq1",
        vkeys.Algorithm.ML_DSA_44_COSIGNATURE,
        bytes.fromhex(AUDIT["mldsa44_seed_hex"]),
        lambda: AUDIT["cosignature_time"],
    )
    assert str(signer.vkey) == AUDIT["log_vkey"]
    assert str(witness.vkey) == AUDIT["witness_vkey"]
    assert str(quantum_safe.vkey) == AUDIT["mldsa44_vkey"]
    note = notes.parse(AUDIT["checkpoints"][-1]["checkpoint"].encode())
    assert notes.sign(note.text, [signer, witness]) == note


@pytest.mark.parametrize(
    ("paths", "size"),
    [("tile_sha256_size_300", 300), ("tile_sha256_size_70000_partial_and_upper", 70_000)],
)
def test_tiles(paths, size, log):
    for path, digest in AUDIT[paths].items():
        tile = tiles.parse_path(path)
        assert tile.size <= size
        assert hashlib.sha256(log.tile(tile)).hexdigest() == digest


def test_a_tree_of_70000_has_the_tiles_that_the_specification_names():
    named = [tile.path for level in tiles.levels(70_000) for tile in tiles.tiles(level, 70_000)]
    assert len(named) == AUDIT["tile_count_size_70000"] == len(set(named))
    partial = [path for path in named if ".p/" in path]
    assert partial == ["tile/0/273.p/112", "tile/1/001.p/17", "tile/2/000.p/1"]


def test_entry_bundle(log):
    raw = bytes.fromhex(AUDIT["entry_bundle_first_3_hex"])
    assert log.entries[0].hex() == AUDIT["entry_0_hex"]
    assert log.leaves[0].hex() == AUDIT["leaf_hash_0_hex"]
    assert tiles.unbundle(raw, 3) == log.entries[:3]
    assert log.tile(Tile(ENTRIES, 0, 3)) == raw


@pytest.mark.parametrize("case", AUDIT["tlog_proofs"], ids=lambda case: str(case["index"]))
def test_receipts(case, log):
    receipt = receipts.parse(case["proof"].encode())
    policy = Policy((LOG_KEY,), (WITNESS,), 1)
    assert receipt.index == case["index"]
    assert receipt.verify(log.leaves[case["index"]], policy).size == case["size"]
    assert list(receipt.hashes) == log.inclusion(case["index"], case["size"])
    for other in {case["index"] - 1, case["index"] + 1}:
        with pytest.raises(ProofError):
            receipt.verify(log.leaves[other], policy)


@pytest.mark.parametrize(
    "case", AUDIT["witness_add_checkpoint_requests"], ids=lambda c: str(c["new"])
)
def test_requests_to_witnesses(case, log):
    head, raw = case["body"].encode().split(b"\n\n", 1)
    old, *proof = head.decode().split("\n")
    checkpoint = Policy((LOG_KEY,)).trusted(notes.parse(raw))
    assert (old, checkpoint.size) == (f"old {case['old']}", case["new"])
    verify_consistency(
        hashes(proof),
        old=case["old"], new=case["new"],
        old_root=log.root(case["old"]), new_root=checkpoint.root,
    )  # fmt: skip
