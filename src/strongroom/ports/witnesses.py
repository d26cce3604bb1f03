"""A witness: somebody else's program that cosigns checkpoints that continue what it saw before.

C2SP tlog-witness. What it answers is believed in one direction only: a cosignature counts when it
verifies; what it says of its own state may stop us, and lets nothing through.
"""

from collections.abc import Sequence
from typing import Protocol

import msgspec


class WitnessFailed(Exception):  # noqa: N818 - it says what is the case
    """It did not answer, or not what a witness answers. One line for people."""


class Cosigned(msgspec.Struct, frozen=True):
    """It signed. `signatures` are lines of a signed note, of whichever keys."""

    signatures: str


class Knows(msgspec.Struct, frozen=True):
    """The tree that it signed last has another size, or another root at the same size (409)."""

    size: int


class Inconsistent(msgspec.Struct, frozen=True):
    """The proof does not lead from what it signed last to this checkpoint (422)."""


Answer = Cosigned | Knows | Inconsistent


class Witness(Protocol):
    """One witness. Used by one thread; blocks, for a bounded time."""

    def ask(self, old: int, proof: Sequence[bytes], checkpoint: bytes) -> Answer:
        """Ask for a cosignature of a signed checkpoint that continues the tree of size `old`.

        Raises `WitnessFailed`.
        """

    def close(self) -> None:
        """Let go of everything. Never raises."""


class WitnessSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the configuration says of a witness: its submission prefix and its key (a vkey)."""

    url: str
    key: str
    tls_ca: str = ""
