"""Calls about the log as evidence: receipts, keys, checkpoints, tiles.

What is made of a receipt is in `proofs`.
"""

from strongroom.client.call import Call, getting, id_part
from strongroom.domain import evidence
from strongroom.tlog.tiles import ENTRIES, Tile


def read_receipt(request_id: str) -> Call[evidence.Receipt]:
    """The receipt of a request: of one's own, and for who may read the log, of any.

    Refused requests have receipts, too: their ids are in `ProblemError.request_id`.
    """
    path = f"/v1/audit/receipts/{id_part(request_id)}"
    return getting("receipt.read", path, evidence.Receipt, target=request_id)


def read_log_keys() -> Call[evidence.LogKeysView]:
    """The log's name, and the public keys that verify its checkpoints and receipts."""
    return getting("audit.read-keys", "/v1/audit/keys", evidence.LogKeysView)


def read_checkpoint() -> Call[evidence.Checkpoint]:
    """The log's newest signed checkpoint (C2SP tlog-checkpoint)."""
    return getting("audit.read-checkpoint", "/audit/checkpoint", evidence.Checkpoint)


def read_tile(tile: Tile) -> Call[evidence.Tile]:
    """Hashes of the log's tree, or entries (C2SP tlog-tiles)."""
    operation = "audit.read-entries" if tile.level == ENTRIES else "audit.read-tile"
    return getting(operation, f"/audit/{tile.path}", evidence.Tile)
