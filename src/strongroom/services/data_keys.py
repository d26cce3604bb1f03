"""Keys for the caller's own use: made here, kept there, as a ciphertext of a key of ours."""

from functools import partial

from msgspec import UNSET, UnsetType

from strongroom.domain import envelope, uses
from strongroom.domain.algorithms import ALGORITHMS, DEFAULT, Kind, Scheme
from strongroom.domain.asks import Problem
from strongroom.domain.errors import InvalidCiphertext, InvalidRequest, NotFound
from strongroom.domain.lifecycle import Use
from strongroom.ports.provider import Provider
from strongroom.ports.randomness import Randomness
from strongroom.services.authorize import Authorizer, Permit, Visit
from strongroom.services.batch import OneKey, Uses, counted, each
from strongroom.services.books import Books, Details
from strongroom.services.ciphers import cipher, cipher_version, encrypted
from strongroom.services.crypt import digest, nothing_raw
from strongroom.services.facts import VersionFact
from strongroom.services.keyring import Keyring
from strongroom.services.offload import made
from strongroom.services.profiles import on_profile
from strongroom.services.raw_crypt import RawCrypt, no_context


class DataKeys:
    """Data keys, key pairs, ciphertexts that change keys. The steps are those of `Crypt`."""

    def __init__(  # noqa: PLR0913 - what a service is made of
        self,
        *,
        authorizer: Authorizer,
        keyring: Keyring,
        books: Books,
        provider: Provider,
        randomness: Randomness,
        raw: RawCrypt,
    ) -> None:
        self._authorizer = authorizer
        self._keyring = keyring
        self._books = books
        self._provider = provider
        self._randomness = randomness
        self._raw = raw

    async def generate(self, visit: Visit, ask: uses.GenerateDataKey) -> uses.DataKey:
        """A new data key."""
        permit = await self._authorizer.permit_key(visit, visit.target, ask.context)  # 1
        version = await cipher_version(self._keyring, permit, Use.PROTECT)  # 2
        plaintext = self._randomness.bytes(ask.bytes)
        blob = encrypted(permit, version, plaintext, ask.context)  # 3
        details: Details = {"bytes": ask.bytes, **digest([ask.context])}
        await self._books.allowed(permit, details, version=version.number)  # 4
        shown = plaintext if ask.with_plaintext else UNSET
        return uses.DataKey(ciphertext=blob, key_version=version.number, plaintext=shown)

    async def generate_pair(self, visit: Visit, ask: uses.GenerateDataKeyPair) -> uses.DataKeyPair:
        """A new key pair."""
        if ALGORITHMS[ask.algorithm].kind is not Kind.ASYMMETRIC:
            raise InvalidRequest(f"{ask.algorithm} has no key pairs", "$.algorithm")
        permit = await self._authorizer.permit_key(visit, visit.target, ask.context)  # 1
        version = await cipher_version(self._keyring, permit, Use.PROTECT)  # 2
        on_profile(permit.namespace.body.profile, ask.algorithm, "$.algorithm")
        details: Details = {"algorithm": ask.algorithm, **digest([ask.context])}
        if visit.terms.dry:
            # It ends here. No pair is made, or taken from those that were, for nobody to get.
            await self._books.allowed(permit, details, version=version.number)
        work = partial(self._provider.generate_pair, ask.algorithm)
        pair = await made(ask.algorithm, work)
        blob = encrypted(permit, version, pair.private.reveal(), ask.context)  # 3
        await self._books.allowed(permit, details, version=version.number)  # 4
        return uses.DataKeyPair(
            public_key=pair.public,
            ciphertext=blob,
            key_version=version.number,
            private_key=pair.private.reveal() if ask.with_plaintext else UNSET,
        )

    async def re_encrypt(
        self, visit: Visit, ask: uses.ReEncrypt
    ) -> uses.ReEncrypted | uses.ReEncryptedBatch:
        """Ciphertexts under another key or context. The right is needed for both keys."""
        if ask.items is not UNSET:
            key = OneKey(self._authorizer, self._keyring, visit)
            return await self._re_encrypt_batch(visit, key, ask.items)
        blob = b"" if ask.ciphertext is UNSET else ask.ciphertext
        new_context = _new_context(ask)
        await self._authorizer.note_source(visit, ask.source_key, _key_of(blob))
        source = await self._source(visit, ask.source_key, blob, ask.context)  # 1
        await self._keyring.whole(source)  # before the other, so that it is known which one it is
        permit = await self._authorizer.permit_key(visit, visit.target, new_context)  # 1
        await self._keyring.usable(permit, Use.PROTECT)  # 2, before anything is opened
        plaintext, old_number, opened = await self._opened(source, blob, ask)  # 2, 3
        made, number, sealed = await self._sealed(permit, plaintext, new_context, ask.scheme)
        details: Details = {
            "source": source.known_key().name,
            "source_version": old_number,
            **opened,
            **sealed,
            **digest([ask.context, new_context]),
        }
        await self._books.allowed(permit, details, version=number)  # 4
        return uses.ReEncrypted(made, number, source.known_key().name, old_number)

    async def _source(
        self, visit: Visit, name: str, blob: bytes, context: dict[str, str]
    ) -> Permit:
        if name:
            return await self._authorizer.permit_key(visit, name, context, as_source=True)
        return await self._authorizer.permit_key_of_blob(
            visit, _key_of(blob), context, as_source=True
        )

    async def _opened(
        self, source: Permit, blob: bytes, ask: uses.ReEncrypt
    ) -> tuple[bytes, int, Details]:
        """The plaintext, by which version, and what the entry says of how."""
        if ask.source_key and source.known_key().body.algorithm is not DEFAULT:
            no_context(source, ask.context)
            number = None if ask.source_version is UNSET else ask.source_version
            plaintext, used, scheme = await self._raw.opened(
                source, blob, ask.source_scheme, number
            )
            return plaintext, used, {"source_scheme": scheme}
        nothing_raw(b"", ask.source_scheme, ask.source_version)
        if source.visit.terms.unseen:
            version = await cipher_version(self._keyring, source, Use.PROCESS)  # 2
            return b"", version.number, {}
        version = await self._source_version(source, blob)  # 2
        return cipher(version).decrypt(blob, ask.context), version.number, {}  # 3

    async def _source_version(self, source: Permit, blob: bytes) -> VersionFact:
        parts = envelope.split(blob)
        try:
            if parts.key_id != source.known_key().cipher_id:
                raise InvalidCiphertext
            return await cipher_version(self._keyring, source, Use.PROCESS, parts.version)
        except NotFound:
            raise InvalidCiphertext from None

    async def _sealed(
        self,
        permit: Permit,
        plaintext: bytes,
        context: dict[str, str],
        scheme: Scheme | UnsetType,
    ) -> tuple[bytes, int, Details]:
        """The new ciphertext, by which version, and what the entry says of how."""
        if permit.known_key().body.algorithm is DEFAULT:
            nothing_raw(b"", scheme)
            version = await cipher_version(self._keyring, permit, Use.PROTECT)  # 2
            return encrypted(permit, version, plaintext, context), version.number, {}  # 3
        no_context(permit, context)
        made, number, chosen = await self._raw.sealed(permit, plaintext, scheme)  # 2, 3
        return made, number, {"scheme": chosen}

    async def _re_encrypt_batch(
        self, visit: Visit, key: OneKey, items: list[uses.ReEncryptItem]
    ) -> uses.ReEncryptedBatch:
        used = Uses()

        async def one(item: uses.ReEncryptItem) -> uses.ReEncryptedItem:
            made = await self._re_encrypted(
                visit, key, item.ciphertext, item.context, _new_context(item)
            )
            used.add(made.source_key, made.source_version)
            return uses.ReEncryptedItem(
                ciphertext=made.ciphertext,
                source_key=made.source_key,
                source_version=made.source_version,
            )

        outcomes = await each(visit, items, one)
        permit, version = key.used
        visit.object = permit.known_key().object  # and not the source of an item that was refused
        contexts = [context for item in items for context in (item.context, _new_context(item))]
        details = counted(outcomes) | used.details() | digest(contexts)
        await self._books.allowed(permit, details, version=version.number)  # 4
        return uses.ReEncryptedBatch(
            [uses.ReEncryptedItem(error=one) if isinstance(one, Problem) else one
             for one in outcomes],
            version.number,
        )  # fmt: skip

    async def _re_encrypted(
        self, visit: Visit, key: OneKey, blob: bytes, old: dict[str, str], new: dict[str, str]
    ) -> uses.ReEncrypted:
        try:
            parts = envelope.split(blob)
        except InvalidCiphertext:
            parts = None
        source = await self._source(visit, "", blob, old)  # 1
        permit, version = await key.usable(new)  # 1, 2
        try:
            if parts is None:
                raise NotFound
            opening = await cipher_version(self._keyring, source, Use.PROCESS, parts.version)  # 2
        except NotFound:
            raise InvalidCiphertext from None
        plaintext = cipher(opening).decrypt(blob, old)  # 3
        return uses.ReEncrypted(
            encrypted(permit, version, plaintext, new),  # 3
            version.number,
            source.known_key().name,
            opening.number,
        )


def _new_context(ask: uses.ReEncrypt | uses.ReEncryptItem) -> dict[str, str]:
    return ask.context if ask.new_context is UNSET else ask.new_context


def _key_of(blob: bytes) -> bytes:
    """The id of the key that a ciphertext names."""
    try:
        return envelope.split(blob).key_id
    except InvalidCiphertext:
        return bytes(16)  # weighed like any other
