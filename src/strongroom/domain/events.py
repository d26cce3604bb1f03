"""An audit entry: who did what to which object, what was decided and why.

It is canonical JSON (fields sorted, no spaces, integers and text only) and a leaf of the log's
Merkle tree. Details are named by the operation table's allow-list; nothing else gets in.
"""

from enum import StrEnum
from typing import Final

import msgspec

from strongroom.domain import limits

# Actions whose entry is a use of key material. `operations.py` says the same; a test compares.
USES: Final = frozenset(
    {
        "key.agree", "key.decapsulate", "key.decrypt", "key.encapsulate", "key.encrypt",
        "key.generate-data-key", "key.generate-data-key-pair", "key.mac", "key.re-encrypt",
        "key.sign", "key.unwrap", "key.verify", "key.verify-mac", "key.wrap",
    }
)  # fmt: skip


FORMAT: Final = 2  # entries of format 1 do not name the records that they changed


class Outcome(StrEnum):
    """What became of the request."""

    ALLOWED = "allowed"
    REFUSED = "refused"


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One audit entry. Fields stand in alphabetical order: the order in the canonical form.

    `decision` is the id of the decision (the same as the request's), on a refusal that has one.
    `policies` are those that decided. `reason` is the refusal's code. `time` is RFC 3339, UTC.
    """

    action: str
    details: dict[str, str | int | list[str]] = {}
    format: int
    missing: str = ""  # on a denial: what would have allowed it
    namespace: str
    object: str = ""  # such as "key/demo"
    outcome: Outcome
    policies: list[str] = []
    principal: str = ""
    reason: str = ""
    records: list[str] = []  # what it changed: `Record.mention` of each
    request: str
    sealed: str = ""  # a commitment to details that can be erased
    source: str = ""
    time: str
    token: str = ""
    version: int = 0


_encoder = msgspec.json.Encoder(order="sorted")


def canonical(event: Event) -> bytes:
    """The entry as bytes: what is stored, hashed and proven.

    Raises `RuntimeError` above 65,535 bytes: every field is bounded, so that would be our mistake.
    """
    encoded = _encoder.encode(event)
    if len(encoded) > limits.ENTRY_BYTES_MAX:
        raise RuntimeError("an audit entry is longer than its format allows")
    return encoded


def tally(event: Event) -> list[tuple[str, int, int]]:
    """What the entry says of uses of key material: object, version and count of each.

    `docs/formats/event-1.md` has it in words.
    """
    if event.outcome is not Outcome.ALLOWED or event.action not in USES:
        return []
    details = event.details
    if not details:  # most uses of all: one, of one version
        return [(event.object, event.version, 1)] if event.version else []
    uses = details.get("uses", [])
    counted = [_use(text) for text in uses] if isinstance(uses, list) else []
    if counted and event.action != "key.re-encrypt":
        return counted
    count, failed = details.get("count", 1), details.get("failed", 0)
    if event.version and isinstance(count, int) and isinstance(failed, int):
        counted.append((event.object, event.version, count - failed))
    source, version = details.get("source"), details.get("source_version")
    if isinstance(source, str) and isinstance(version, int):
        counted.append((f"key/{source}", version, 1))
    return counted


def _use(text: str) -> tuple[str, int, int]:
    name, _, rest = text.rpartition("/")
    version, _, count = rest.partition(":")
    return f"key/{name}", int(version), int(count)
