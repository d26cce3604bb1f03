"""What an earlier checkpoint promised still holds: the log has only grown since.

1. It is a checkpoint of the same log.
2. The log is not smaller than it was: nothing was taken away at its end.
3. If it is as large as it was, it has the same root: nothing was exchanged.
4. If it is larger, a proof (RFC 9162, 2.1.4) leads from the old root to the new one: nothing
   before the new entries was changed, removed, added or put in another order.
"""

from strongroom.tlog import proofs, tiles
from strongroom.tlog.checkpoints import Checkpoint
from strongroom.tlog.errors import ProofError
from strongroom.verify.tree import Read, hashes_of
from strongroom.verify.verdicts import NotChecked, Wrong, entries


def check_growth(read: Read, old: Checkpoint, new: Checkpoint) -> None:
    """Return when `new` continues `old`. Both must have been signed. Raises `Wrong`.

    The hashes that the proof is made of need not be believed: with wrong ones there is no proof.
    """
    # 1. A log that goes on after a restore has another name, and says so in its entries.
    if old.origin != new.origin:
        raise NotChecked(f"the earlier checkpoint is of the log {old.origin}, not {new.origin}")
    # 2.
    if new.size < old.size:
        raise Wrong(
            f"the log was taken back: it had {entries(old.size)} at the earlier checkpoint,"
            f" and has {new.size}"
        )
    # 3.
    if new.size == old.size:
        if new.root != old.root:
            raise Wrong(
                f"the log shows two faces: both checkpoints are of {entries(old.size)},"
                " with different roots"
            )
        return
    # 4. Every log continues an empty one.
    if not old.size:
        return
    plan = proofs.plan_consistency(old.size, new.size)
    found = []
    for node in plan.nodes:
        tile = tiles.tile_of(node, new.size)
        found.append(tiles.node_from_tile(node, tile, b"".join(hashes_of(read, tile))))
    try:
        proofs.verify_consistency(
            plan.proof(found),
            old=old.size,
            new=new.size,
            old_root=old.root,
            new_root=new.root,
        )
    except ProofError as error:
        raise Wrong(
            f"the log of {entries(new.size)} does not continue the earlier checkpoint:"
            f" something among its first {entries(old.size)} is not as it was"
        ) from error
