"""How often a version may still encrypt, where an algorithm bounds that.

With random 96-bit nonces, NIST SP 800-38D (8.3) bounds AES-GCM to 2^32 messages for a key; we stop
at 2^31. The count is kept in the version's record, in blocks: a custodian reserves the next block
in the same commit as the first use out of it, and counts within it by itself. What it had left when
it ended is lost, so the count can be too high and never too low.
"""

from typing import Final

import msgspec

from strongroom.domain import limits
from strongroom.domain.algorithms import Algorithm
from strongroom.domain.errors import KeyNotUsable
from strongroom.ports.store import Write
from strongroom.services.authorize import Permit
from strongroom.services.facts import Facts, VersionFact
from strongroom.services.rows import version_row

# Whatever has nonces of 96 bits that must not meet.
COUNTED: Final = frozenset(
    {Algorithm.AES_128_GCM_RAW, Algorithm.AES_256_GCM_RAW, Algorithm.CHACHA20_POLY1305}
)
_BLOCK: Final = 65_536


class Allowances:
    """What this custodian has reserved and not used."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._left: dict[bytes, int] = {}

    def take(self, permit: Permit, version: VersionFact) -> tuple[Write, ...]:
        """One use: what must be written with it, if anything.

        Raises `KeyNotUsable` when the version has been used as often as it may.
        """
        if version.body.algorithm not in COUNTED:
            return ()
        left = self._left.get(version.fact, 0)
        if left:
            self._left[version.fact] = left - 1
            return ()
        reserved = version.body.uses_reserved
        if reserved >= limits.GCM_MESSAGES_MAX:
            raise KeyNotUsable(
                f"version {version.number} has encrypted {limits.GCM_MESSAGES_MAX:,} messages,"
                " the most that its algorithm bears; rotate the key"
            )
        block = min(_BLOCK, limits.GCM_MESSAGES_MAX - reserved)
        body = msgspec.structs.replace(version.body, uses_reserved=reserved + block)
        key, request = permit.known_key(), permit.visit.request
        return (version_row(self._facts.sealing, key, version, body, request),)

    def give_back(self, version: VersionFact, writes: tuple[Write, ...]) -> None:
        """The use did not happen: nothing was kept and nothing released."""
        if version.body.algorithm in COUNTED and not writes:
            self._left[version.fact] = self._left.get(version.fact, 0) + 1

    def reserved(self, version: VersionFact, writes: tuple[Write, ...]) -> None:
        """The reservation is durable: what is left of the block is ours."""
        if not writes:
            return
        if len(self._left) >= limits.CACHED_KEYS_MAX:
            self._left.clear()
        block = min(_BLOCK, limits.GCM_MESSAGES_MAX - version.body.uses_reserved)
        self._left[version.fact] = self._left.get(version.fact, 0) + block - 1
