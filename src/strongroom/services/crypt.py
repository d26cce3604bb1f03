"""Encrypt and decrypt: the reason for everything else."""

import hashlib

from msgspec import UNSET

from strongroom.domain import asks, envelope
from strongroom.domain.algorithms import DEFAULT
from strongroom.domain.binding import bind, bind_context
from strongroom.domain.errors import InvalidCiphertext, InvalidRequest, NotFound
from strongroom.domain.lifecycle import Use
from strongroom.services.authorize import Authorizer, Permit, Visit
from strongroom.services.batch import OneKey, Uses, counted, each
from strongroom.services.books import Books, Details
from strongroom.services.ciphers import cipher, encrypted
from strongroom.services.keyring import Keyring
from strongroom.services.raw_crypt import RawCrypt


class Crypt:
    """Uses keys.

    The steps, in this order, each numbered below:

    1. The right is weighed: a permit, or no more happens.
    2. The state is checked at the moment of use: key and version.
    3. The result is computed, and held back.
    4. The entry is durable. Only then the result is released.
    """

    def __init__(
        self,
        *,
        authorizer: Authorizer,
        keyring: Keyring,
        books: Books,
        raw: RawCrypt,
    ) -> None:
        self._authorizer = authorizer
        self._keyring = keyring
        self._books = books
        self._raw = raw

    async def encrypt(
        self, visit: Visit, ask: asks.Encrypt
    ) -> asks.Encrypted | asks.EncryptedBatch:
        """A ciphertext of format 1 under the key's current version; or one for each item."""
        if ask.items is not UNSET:
            return await self._encrypt_batch(visit, ask.items)
        permit = await self._authorizer.permit_key(visit, visit.target, ask.context)  # 1
        key = permit.known_key()
        if key.body.algorithm is not DEFAULT:
            return await self._raw.encrypt(permit, ask)
        nothing_raw(ask.additional, ask.scheme)
        version = await self._keyring.usable(permit, Use.PROTECT)  # 2
        plaintext = b"" if ask.plaintext is UNSET else ask.plaintext
        blob = encrypted(permit, version, plaintext, ask.context)  # 3
        await self._books.allowed(permit, digest([ask.context]), version=version.number)  # 4
        return asks.Encrypted(blob, version.number)

    async def _encrypt_batch(
        self, visit: Visit, items: list[asks.EncryptItem]
    ) -> asks.EncryptedBatch:
        key = OneKey(self._authorizer, self._keyring, visit)

        async def one(item: asks.EncryptItem) -> asks.EncryptedItem:
            permit, version = await key.usable(item.context)  # 1, 2
            blob = encrypted(permit, version, item.plaintext, item.context)  # 3
            return asks.EncryptedItem(ciphertext=blob, key_version=version.number)

        outcomes = await each(visit, items, one)
        permit, version = key.used
        details = counted(outcomes) | digest([item.context for item in items])
        await self._books.allowed(permit, details, version=version.number)  # 4
        return asks.EncryptedBatch(
            [asks.EncryptedItem(error=one) if isinstance(one, asks.Problem) else one
             for one in outcomes]
        )  # fmt: skip

    async def decrypt(
        self, visit: Visit, ask: asks.Decrypt
    ) -> asks.Decrypted | asks.DecryptedBatch:
        """The plaintext; or one for each item. The ciphertext says which key and version."""
        if ask.items is not UNSET:
            return await self._decrypt_batch(visit, ask.items)
        blob = b"" if ask.ciphertext is UNSET else ask.ciphertext
        named: Permit | None = None
        if visit.target:
            named = await self._authorizer.permit_key(visit, visit.target, ask.context)  # 1
            if named.known_key().body.algorithm is not DEFAULT:
                return await self._raw.decrypt(named, ask)
        nothing_raw(ask.additional, ask.scheme, ask.key_version)
        permit, plaintext, number = await self._open(visit, blob, ask.context, named)
        await self._books.allowed(permit, digest([ask.context]), version=number)  # 4
        return asks.Decrypted(plaintext, number)

    async def _open(
        self, visit: Visit, blob: bytes, context: dict[str, str], named: Permit | None = None
    ) -> tuple[Permit, bytes, int]:
        try:
            parts = envelope.split(blob)
        except InvalidCiphertext:
            parts = None
        if visit.target:
            permit = named or await self._authorizer.permit_key(visit, visit.target, context)  # 1
            key = permit.known_key()
            if visit.terms.unseen:
                version = await self._keyring.usable(permit, Use.PROCESS)  # 2
                return permit, b"", version.number
        else:
            # What is no ciphertext, or names no key of ours, is weighed like any other, so that the
            # answer tells nobody without the right whether a key exists.
            key_id = bytes(16) if parts is None else parts.key_id
            permit = await self._authorizer.permit_key_of_blob(visit, key_id, context)  # 1
            try:
                key = permit.known_key()
            except NotFound:
                raise InvalidCiphertext from None
        if parts is None or parts.key_id != key.cipher_id:
            raise InvalidCiphertext
        try:
            version = await self._keyring.usable(permit, Use.PROCESS, parts.version)  # 2
        except NotFound:
            raise InvalidCiphertext from None
        return permit, cipher(version).decrypt(blob, context), version.number  # 3

    async def _decrypt_batch(
        self, visit: Visit, items: list[asks.DecryptItem]
    ) -> asks.DecryptedBatch:
        used = Uses()
        permits: list[Permit] = []

        async def one(item: asks.DecryptItem) -> asks.DecryptedItem:
            permit, plaintext, number = await self._open(visit, item.ciphertext, item.context)
            used.add(permit.known_key().name, number)
            permits[:] = [permit]
            return asks.DecryptedItem(plaintext=plaintext, key_version=number)

        outcomes = await each(visit, items, one)
        if not visit.target:
            names = used.names
            visit.object = "key/" + (names.pop() if len(names) == 1 else "")
        contexts = [item.context for item in items]
        details = counted(outcomes) | used.details() | digest(contexts)
        await self._books.allowed(permits[0], details)  # 4
        return asks.DecryptedBatch(
            [asks.DecryptedItem(error=one) if isinstance(one, asks.Problem) else one
             for one in outcomes]
        )  # fmt: skip


def nothing_raw(additional: bytes, *others: object) -> None:
    """Raises `InvalidRequest` for what a key of the default algorithm does not take."""
    if additional or any(other is not UNSET for other in others):
        raise InvalidRequest(
            f"a key of {DEFAULT} takes a context; additional, scheme and key_version are for others"
        )


def digest(contexts: list[dict[str, str]]) -> Details:
    """What an entry says of the contexts: a digest, so that it can be checked and not read."""
    if not any(contexts):
        return {}
    return {"contexts": hashlib.sha256(bind(*map(bind_context, contexts))).hexdigest()}
