"""Checks one entry: a receipt (C2SP tlog-proof), with nobody's help.

1. The receipt is one, spelt in the one way there is, and holds the entry.
2. Its checkpoint is signed by the log, and by witnesses if they are asked for.
3. The entry's hash, with the hashes of the proof, leads to the root that is signed.
"""

from pathlib import Path

from strongroom.tlog import merkle, receipts
from strongroom.tlog.errors import TlogError
from strongroom.tlog.policies import Policy
from strongroom.verify import files
from strongroom.verify.trust import witnessed
from strongroom.verify.verdicts import NotChecked, Wrong, entries


def check(path: Path, policy: Policy) -> tuple[str, bytes]:
    """What the receipt proves, and the entry. Raises `Wrong` and `NotChecked`."""
    raw = files.read_own(path, receipts.RECEIPT_BYTES_MAX)
    try:
        receipt = receipts.parse(raw)  # 1
    except TlogError as error:
        raise Wrong(f"{path} is no receipt: {error}") from error
    entry = receipt.extra
    if entry is None:
        raise NotChecked(f"{path} does not hold the entry that it is a receipt for")
    # What a receipt carries along is signed by nobody. It counts because its hash is in the tree.
    try:
        checkpoint = receipt.verify(merkle.leaf_hash(entry), policy)  # 2 and 3
    except TlogError as error:
        raise Wrong(f"{path} proves nothing: {error}") from error
    sentence = (
        f"entry {receipt.index} is in the log {checkpoint.origin}, by its signed checkpoint of"
        f" {entries(checkpoint.size)}{witnessed(policy)}"
    )
    return sentence, entry
