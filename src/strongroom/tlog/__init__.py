"""The transparency log: a Merkle tree, proofs about it, and signed statements of its size and root.

Stands alone: the standard library is enough, but for `keys`, which signs and verifies. Nothing
here reads, writes, waits or knows the time; whoever has the hashes brings them.

    merkle         hashes, and a tree that grows at its right edge (RFC 6962)
    proofs         which hashes prove what, and whether they do (RFC 9162)
    vkeys          public keys as text
    notes          text with signatures (C2SP signed-note)
    checkpoints    a note's text that states a tree's size and root (C2SP tlog-checkpoint)
    cosignatures   what is signed by who vouches for a checkpoint (C2SP tlog-cosignature)
    policies       which checkpoints count
    tiles          the tree and its entries as files (C2SP tlog-tiles)
    receipts       the proof that an entry is in the log, for keeping (C2SP tlog-proof)
    keys           the arithmetic of signatures
"""
