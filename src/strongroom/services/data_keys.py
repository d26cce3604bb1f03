"""Keys for the caller's own use: made here, kept there, as a ciphertext of a key of ours."""

from functools import partial
from typing import cast

from msgspec import UNSET

from strongroom.domain import envelope, uses
from strongroom.domain.algorithms import ALGORITHMS, DEFAULT, Kind, Purpose
from strongroom.domain.errors import InvalidCiphertext, InvalidRequest, NotFound
from strongroom.domain.lifecycle import Use
from strongroom.ports.provider import Cipher, Provider
from strongroom.ports.randomness import Randomness
from strongroom.services.authorize import Authorizer, Permit, Visit
from strongroom.services.books import Books, Details
from strongroom.services.crypt import digest
from strongroom.services.facts import VersionFact
from strongroom.services.keyring import Keyring
from strongroom.services.offload import computed


class DataKeys:
    """Data keys, key pairs, ciphertexts that change keys. The steps are those of `Crypt`."""

    def __init__(
        self,
        *,
        authorizer: Authorizer,
        keyring: Keyring,
        books: Books,
        provider: Provider,
        randomness: Randomness,
    ) -> None:
        self._authorizer = authorizer
        self._keyring = keyring
        self._books = books
        self._provider = provider
        self._randomness = randomness

    async def generate(self, visit: Visit, ask: uses.GenerateDataKey) -> uses.DataKey:
        """A new data key."""
        permit = await self._authorizer.permit_key(visit, visit.target, ask.context)  # 1
        version = await self._cipher_version(permit, Use.PROTECT)  # 2
        plaintext = self._randomness.bytes(ask.bytes)
        blob = _encrypt(permit, version, plaintext, ask.context)  # 3
        details: Details = {"bytes": ask.bytes, **digest([ask.context])}
        await self._books.allowed(permit, details, version=version.number)  # 4
        shown = plaintext if ask.with_plaintext else UNSET
        return uses.DataKey(ciphertext=blob, key_version=version.number, plaintext=shown)

    async def generate_pair(self, visit: Visit, ask: uses.GenerateDataKeyPair) -> uses.DataKeyPair:
        """A new key pair."""
        if ALGORITHMS[ask.algorithm].kind is not Kind.ASYMMETRIC:
            raise InvalidRequest(f"{ask.algorithm} has no key pairs", "$.algorithm")
        permit = await self._authorizer.permit_key(visit, visit.target, ask.context)  # 1
        version = await self._cipher_version(permit, Use.PROTECT)  # 2
        work = partial(self._provider.generate_pair, ask.algorithm)
        pair = await computed(ask.algorithm, work)
        blob = _encrypt(permit, version, pair.private.reveal(), ask.context)  # 3
        details: Details = {"algorithm": ask.algorithm, **digest([ask.context])}
        await self._books.allowed(permit, details, version=version.number)  # 4
        return uses.DataKeyPair(
            public_key=pair.public,
            ciphertext=blob,
            key_version=version.number,
            private_key=pair.private.reveal() if ask.with_plaintext else UNSET,
        )

    async def re_encrypt(self, visit: Visit, ask: uses.ReEncrypt) -> uses.ReEncrypted:
        """A ciphertext under another key or context. The right is needed for both keys."""
        try:
            parts = envelope.split(ask.ciphertext)
        except InvalidCiphertext:
            parts = None
        source = await self._authorizer.permit_key_of_blob(
            visit, bytes(16) if parts is None else parts.key_id, ask.context
        )  # 1
        new_context = ask.context if ask.new_context is UNSET else ask.new_context
        permit = await self._authorizer.permit_key(visit, visit.target, new_context)  # 1
        version = await self._cipher_version(permit, Use.PROTECT)  # 2
        try:
            if parts is None:
                raise NotFound
            old = await self._cipher_version(source, Use.PROCESS, parts.version)  # 2
        except NotFound:
            raise InvalidCiphertext from None
        plaintext = cast("Cipher", old.handle).decrypt(ask.ciphertext, ask.context)  # 3
        blob = _encrypt(permit, version, plaintext, new_context)  # 3
        name = source.known_key().name
        details: Details = {
            "source": name,
            "source_version": old.number,
            **digest([ask.context, new_context]),
        }
        await self._books.allowed(permit, details, version=version.number)  # 4
        return uses.ReEncrypted(blob, version.number, name, old.number)

    async def _cipher_version(
        self, permit: Permit, use: Use, number: int | None = None
    ) -> VersionFact:
        version = await self._keyring.usable(permit, use, number, purpose=Purpose.ENCRYPT_DECRYPT)
        if version.body.algorithm is not DEFAULT:
            raise InvalidRequest(
                f"the key is of {version.body.algorithm}; this needs one of {DEFAULT}"
            )
        return version


def _encrypt(
    permit: Permit, version: VersionFact, plaintext: bytes, context: dict[str, str]
) -> bytes:
    cipher = cast("Cipher", version.handle)
    return cipher.encrypt(permit.known_key().id, version.number, plaintext, context)
