"""The pages about the log's formats are true, and enough to write a reader: here is one.

Nothing of `tlog/` is in the reader: standard library, and Ed25519 of `cryptography`.
"""

import base64
import hashlib
import re

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from strongroom.tlog import keys, notes, receipts, tiles, vkeys
from strongroom.tlog.checkpoints import Checkpoint
from strongroom.tlog.merkle import leaf_hash
from strongroom.tlog.notes import Note
from strongroom.tlog.policies import Policy
from strongroom.tlog.tiles import ENTRIES, Tile
from strongroom.tlog.vkeys import Algorithm
from tests.support.logs import Log
from tests.support.terminal import blocks
from tests.support.tree import ROOT

ORIGIN = "strongroom/0123456789abcdef"
HASH = hashlib.sha256


def shown(page, name):
    """A block of a page."""
    found = {
        named: content for _, named, content in blocks((ROOT / "docs/formats" / page).read_text())
    }
    return found[name]


def seed(of):
    """The examples' keys: anybody can have them."""
    return HASH(b"strongroom format example " + of).digest()


LOG = keys.NoteSigner(ORIGIN, seed(b"log"))
QUANTUM_SAFE = keys.Cosigner(
    ORIGIN, Algorithm.ML_DSA_44_COSIGNATURE, seed(b"ml-dsa"), lambda: 1_790_000_000
)
WITNESS = keys.Cosigner(
    "witness.example", Algorithm.ED25519_COSIGNATURE, seed(b"witness"), lambda: 1_790_000_001
)
ENTRIES_OF_LOG = [
    (
        '{"action":"key.encrypt","format":2,"namespace":"default","object":"key/demo",'
        f'"outcome":"allowed","principal":"app","request":"{i:032x}",'
        f'"time":"2026-09-21T14:13:2{i}.000000Z","version":1}}'
    ).encode()
    for i in range(5)
]
TREE = Log(ENTRIES_OF_LOG)


TEXT = Checkpoint(ORIGIN, 5, TREE.root(5)).text


def whole(example):
    """The example with the long signature in full again."""
    long = str(notes.signature(TEXT, QUANTUM_SAFE))
    elided = next(line for line in example.split("\n") if line.endswith("\u2026"))
    # Its key and time; the signature itself has chance in it, and is another each time.
    assert long.startswith(elided[: len(f"- {ORIGIN} CfJRNgAAAABqsTuA")])
    return example.replace(elided + "\n", long).encode()


# The reader. ``docs/formats/checkpoint-1.md``:


def opened(note, key):
    """The three lines of a note that this Ed25519 key signed or cosigned."""
    name, key_id, public = key.split("+", 2)
    kind, public = base64.b64decode(public)[0], base64.b64decode(public)[1:]
    hashed = name.encode() + b"\n" + bytes([kind]) + public
    assert HASH(hashed).digest()[:4].hex() == key_id
    text, _, signatures = note.decode().rpartition("\n\n")
    text += "\n"
    for line in signatures.split("\n")[:-1]:
        dash, signer, signed = line.split(" ")
        blob = base64.b64decode(signed)
        if (dash, signer, blob[:4].hex()) != ("\u2014", name, key_id):
            continue
        blob = blob[4:]
        message = text.encode()
        if kind == 4:
            time, blob = int.from_bytes(blob[:8], "big"), blob[8:]
            message = f"cosignature/v1\ntime {time}\n{text}".encode()
        Ed25519PublicKey.from_public_bytes(public).verify(blob, message)
        origin, size, root = text.split("\n")[:3]
        return origin, int(size), base64.b64decode(root)
    raise ValueError("no signature of that key")


# ``docs/formats/receipt-1.md``:


def proven(receipt, key):
    """The entry that a receipt proves."""
    head, _, note = receipt.partition(b"\n\n")
    first, extra, index, *proof = head.decode().split("\n")
    assert first == "c2sp.org/tlog-proof@v1"
    entry = base64.b64decode(extra.removeprefix("extra "))
    fn = int(index.removeprefix("index "))
    _, size, root = opened(note, key)
    assert fn < size
    sn, r = size - 1, HASH(b"\0" + entry).digest()
    for p in map(base64.b64decode, proof):
        assert sn
        if fn % 2 or fn == sn:
            r = HASH(b"\1" + p + r).digest()
            while fn and not fn % 2:
                fn, sn = fn // 2, sn // 2
        else:
            r = HASH(b"\1" + r + p).digest()
        fn, sn = fn // 2, sn // 2
    assert (sn, r) == (0, root)
    return entry


def test_the_examples_are_what_we_write():
    texts = shown("checkpoint-1.md", "keys").split()
    assert texts == [str(LOG.vkey), str(WITNESS.vkey)]
    policy = Policy(
        (keys.verifier(LOG.vkey), keys.verifier(QUANTUM_SAFE.vkey)),
        (keys.verifier(vkeys.parse(texts[1])),),
        1,
    )
    raw = whole(shown("checkpoint-1.md", "checkpoint"))
    note = notes.parse(raw)
    checkpoint = Checkpoint(ORIGIN, 5, TREE.root(5))
    assert policy.trusted(note) == checkpoint
    assert [s.name for s in note.signatures] == [ORIGIN, ORIGIN, "witness.example"]
    assert notes.sign(checkpoint.text, [LOG, WITNESS]) == Note(note.text, note.signatures[::2])
    receipt = receipts.parse(whole(shown("receipt-1.md", "receipt")))
    assert receipt.extra == ENTRIES_OF_LOG[3]
    assert list(receipt.hashes) == TREE.inclusion(3, 5)
    assert receipt.verify(leaf_hash(receipt.extra), policy) == checkpoint


def test_the_reader_opens_the_examples_and_refuses_changed_ones():
    log, witness = shown("checkpoint-1.md", "keys").split()
    note = whole(shown("checkpoint-1.md", "checkpoint"))
    expected = (ORIGIN, 5, TREE.root(5))
    assert opened(note, log) == opened(note, witness) == expected
    for key in (log, witness):
        with pytest.raises(InvalidSignature):
            opened(note.replace(b"\n5\n", b"\n6\n"), key)
    receipt = whole(shown("receipt-1.md", "receipt"))
    assert proven(receipt, log) == ENTRIES_OF_LOG[3]
    with pytest.raises(AssertionError):
        proven(receipt.replace(b"index 3", b"index 2"), log)


def test_the_long_signature_is_as_long_as_the_page_says():
    line = str(notes.signature(TEXT, QUANTUM_SAFE))
    said = re.search(
        r"has ([\d,]+) characters", (ROOT / "docs/formats/checkpoint-1.md").read_text()
    )
    assert f"{len(line.split()[2]):,}" == said[1]


def test_the_tiles_are_those_that_the_page_names():
    named = []
    for line in shown("tiles-1.md", "paths").splitlines():
        first, _, last = line.partition(" to ")
        end = tiles.parse_path(last or first)
        named += [
            Tile(end.level, n, end.width) for n in range(tiles.parse_path(first).n, end.n + 1)
        ]
    assert named == [t for level in tiles.levels(70_000) for t in tiles.tiles(level, 70_000)]
    page = (ROOT / "docs/formats/tiles-1.md").read_text()
    entry = shown("tiles-1.md", "entry").strip().encode()
    assert entry == ENTRIES_OF_LOG[0]
    raw = TREE.tile(Tile(ENTRIES, 0, 5))
    assert f"begins with `{raw[:2].hex()}`" in page
    assert raw[2 : 2 + int.from_bytes(raw[:2], "big")] == entry
    leaf = HASH(b"\0" + entry)
    assert f"`{leaf.hexdigest()}`" in page
    assert tiles.parse_path("tile/entries/x001/x234/067").n == 1_234_067
