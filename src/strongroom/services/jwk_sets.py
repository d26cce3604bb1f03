"""The JWK set of a namespace: the public keys by which signatures of its keys are verified.

In it is what `key.verify` would verify with now, for whoever holds the right: a version whose own
state and whose key's state allow that, without a right of its own. So nothing suspended, marked
compromised, retired or about to be destroyed is in it, and nothing that the profile forbids. That a
key's control leaves `key.verify` out does not matter: it says what is done here.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Final

import msgspec

from strongroom.domain import limits
from strongroom.domain.algorithms import Purpose
from strongroom.domain.errors import TamperedRecord
from strongroom.domain.jwk import ALG
from strongroom.domain.lifecycle import State, state_at
from strongroom.domain.records import Kind, Record
from strongroom.domain.things import Key, Version
from strongroom.ports.ledger import Ledger
from strongroom.ports.provider import PublicKeys
from strongroom.services.facts import NamespaceFact
from strongroom.services.profiles import algorithm_forbidden
from strongroom.services.sealing import Sealing

JWK = dict[str, str | list[str]]

_LISTED: Final = frozenset({State.ACTIVE, State.DEACTIVATED})
_SCANNED_AT_ONCE: Final = 100  # opening so many does not hold up whoever else is served here
_NEVER_US: Final = 2**63 - 1


class JWKSet(msgspec.Struct, frozen=True):
    """A namespace's set. `facts` are the records that are in it; it holds until `until_us`."""

    revision: int
    keys: tuple[JWK, ...]
    facts: tuple[bytes, ...]
    until_us: int


class _Signer(msgspec.Struct, frozen=True):
    """A key that signs."""

    record: Record
    body: Key


class _Listed(msgspec.Struct, frozen=True):
    """A version that signatures are verified with. `rank` counts the key's newer ones."""

    rank: int
    name: str
    number: int
    version: Version
    facts: tuple[bytes, bytes]


class JWKSets:
    """Makes the sets, and keeps them until a key changes: anybody may ask for a published one.

    A change that comes while a set is handed out is the ledger's to find: whoever hands it out
    stands on its `facts`.
    """

    def __init__(self, *, sealing: Sealing, ledger: Ledger, public_keys: PublicKeys) -> None:
        self._sealing = sealing
        self._ledger = ledger
        self._public_keys = public_keys
        self._known: dict[bytes, JWKSet] = {}
        self._changes = 0
        self._making = asyncio.Lock()
        ledger.listen(self._forget)

    async def kept(self, namespace: NamespaceFact, now_us: int) -> JWKSet:
        """The namespace's set, as of what was last read through the ledger's `find` or `load`.

        Whoever asks has read something just before: so changes that are durable are announced.
        """
        known = self._still(namespace, now_us)
        if known is not None:
            return known
        async with self._making:  # one makes it for all who wait
            known = self._still(namespace, now_us)
            if known is not None:
                return known
            changes = self._changes
            made = await self.made(namespace, now_us)
            if changes == self._changes:
                if len(self._known) >= limits.CACHED_JWK_SETS_MAX:
                    self._known.pop(next(iter(self._known)))
                self._known[namespace.id] = made
            return made

    async def made(self, namespace: NamespaceFact, now_us: int) -> JWKSet:
        """The namespace's set as it is now."""
        until_us, signers = _NEVER_US, []
        async for signer in self._signers(namespace):
            until_us = min([until_us, *_to_come(_times(signer.body), now_us)])
            if _key_verifies(signer.body, now_us):
                signers.append(signer)
        signers.sort(key=lambda signer: signer.body.created_us, reverse=True)
        listed: list[_Listed] = []
        for signer in signers[: limits.JWK_SET_KEYS_MAX]:
            rank = 0
            for record, version in await self._versions(signer):
                until_us = min([until_us, *_to_come(_version_times(version), now_us)])
                number = int.from_bytes(record.id[-4:], "big")
                if not _version_verifies(signer.body, number, version, now_us):
                    continue
                facts = signer.record.fact, record.fact
                listed.append(_Listed(rank, signer.record.name, number, version, facts))
                rank += 1
        # No key's old versions crowd out the newest version of another.
        listed.sort(key=lambda one: (one.rank, -one.version.created_us))
        del listed[limits.JWK_SET_KEYS_MAX :]
        jwks = (self._jwk(one.name, one.number, one.version) for one in listed)
        return JWKSet(
            namespace.revision,
            tuple(jwk for jwk in jwks if jwk is not None),
            tuple(dict.fromkeys(fact for one in listed for fact in one.facts)),
            until_us,
        )

    def _forget(self, changed: Sequence[bytes] | None) -> None:
        keys = (Kind.KEY, Kind.VERSION)
        if changed is None or any(chr(fact[0]) in keys for fact in changed):
            self._changes += 1
            self._known.clear()

    def _still(self, namespace: NamespaceFact, now_us: int) -> JWKSet | None:
        known = self._known.get(namespace.id)
        if known is None or known.revision != namespace.revision or known.until_us <= now_us:
            return None
        return known

    async def _signers(self, namespace: NamespaceFact) -> AsyncIterator[_Signer]:
        after, scanned = "", 0
        while scanned < limits.LIST_SCANNED_MAX:
            records = await self._ledger.page(Kind.KEY, namespace.id, after, _SCANNED_AT_ONCE)
            for record in records:
                if record.namespace != namespace.id:
                    raise RuntimeError("the store answered with another namespace's record")
                body = self._sealing.open(record, Key, expected=(Kind.KEY, record.id))
                forbidden = algorithm_forbidden(namespace.body.profile, body.algorithm)
                if body.purpose is Purpose.SIGN_VERIFY and not forbidden:
                    yield _Signer(record, body)
            if len(records) < _SCANNED_AT_ONCE:
                return
            after, scanned = records[-1].name, scanned + len(records)

    async def _versions(self, signer: _Signer) -> list[tuple[Record, Version]]:
        key_id = signer.record.id
        records = await self._ledger.family(Kind.VERSION, key_id, limits.JWK_SET_KEYS_MAX)
        if any(record.id[: len(key_id)] != key_id for record in records):
            raise TamperedRecord  # a sound row, but another key's: it is not this one's to publish
        return [
            (record, self._sealing.open(record, Version, expected=(Kind.VERSION, record.id)))
            for record in records
        ]

    def _jwk(self, name: str, number: int, version: Version) -> JWK | None:
        jwk = self._public_keys.jwk(version.algorithm, version.public)
        if jwk is None:
            return None
        alg = ALG.get(version.algorithm)
        return {
            **jwk,
            "kid": f"{name}/{number}",
            "use": "sig",
            **({} if alg is None else {"alg": alg}),
        }


def _key_verifies(key: Key, now_us: int) -> bool:
    control = key.control
    return (
        state_at(key, now_us) in _LISTED
        and control.not_before_us <= now_us
        and not 0 < control.not_after_us <= now_us
    )


def _version_verifies(key: Key, number: int, version: Version, now_us: int) -> bool:
    return (
        number >= key.min_version
        and state_at(version, now_us) in _LISTED
        and bool(version.wrapped)
        and not 0 < version.expires_us <= now_us
    )


def _times(key: Key) -> tuple[int, ...]:
    """When the key comes into the set or leaves it by itself."""
    return key.activates_us, key.control.not_before_us, key.control.not_after_us


def _version_times(version: Version) -> tuple[int, ...]:
    return version.activates_us, version.expires_us


def _to_come(times: tuple[int, ...], now_us: int) -> Iterator[int]:
    return (time for time in times if time > now_us)
