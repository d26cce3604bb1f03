"""Logs as an auditor gets them: signed, in a folder, with every tile."""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

from strongroom.tlog import merkle, notes, tiles, vkeys
from strongroom.tlog.checkpoints import Checkpoint
from strongroom.tlog.keys import Cosigner, NoteSigner
from strongroom.tlog.tiles import ENTRIES, WIDTH, Tile

ORIGIN = "kms.example/audit/1"
WITNESS = "witness.example/w1"
TIME = 1_790_000_000


def seed(word):
    return hashlib.sha256(f"strongroom test vector seed {word}".encode()).digest()


def log_signer(word="log", origin=ORIGIN):
    return NoteSigner(origin, seed(word))


def cosigner(word="witness", name=WITNESS, algorithm=vkeys.Algorithm.ED25519_COSIGNATURE):
    return Cosigner(name, algorithm, seed(word), lambda: TIME)


def vkey(signer):
    return str(signer.vkey)


def vector_entry(i):
    event = {"event": "key.use", "kid": f"k{i % 7}", "seq": i}
    return json.dumps(event, sort_keys=True, separators=(",", ":")).encode()


def signed(checkpoint, *signers):
    return notes.sign(checkpoint.text, signers or (log_signer(),)).to_bytes()


def write_folder(folder: Path, entries: Iterable[bytes], *signers) -> Checkpoint:
    """The log of these entries, as it is exported, with a checkpoint. Quick for millions."""
    levels: list[list[bytes]] = [[]]
    counts: list[int] = [0]
    bundle: list[bytes] = []

    def put(level, raw):
        tile = Tile(level, counts[max(level, 0)], len(bundle if level < 0 else levels[level]))
        path = folder / tile.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(raw)

    def add(level, hash_):
        if level == len(levels):
            levels.append([])
            counts.append(0)
        levels[level].append(hash_)
        if len(levels[level]) == WIDTH:
            if level == 0:
                put(ENTRIES, tiles.bundle(bundle))
                bundle.clear()
            put(level, b"".join(levels[level]))
            root = merkle.root(levels[level])
            counts[level] += 1
            levels[level] = []
            add(level + 1, root)

    frontier = merkle.Frontier()
    for entry in entries:
        leaf = merkle.leaf_hash(entry)
        frontier.append(leaf)
        bundle.append(entry)
        add(0, leaf)
    if bundle:
        put(ENTRIES, tiles.bundle(bundle))
    for level, hashes in enumerate(levels):
        if hashes:
            put(level, b"".join(hashes))
    folder.mkdir(parents=True, exist_ok=True)
    checkpoint = Checkpoint(ORIGIN, frontier.size, frontier.root())
    (folder / "checkpoint").write_bytes(signed(checkpoint, *signers))
    return checkpoint
