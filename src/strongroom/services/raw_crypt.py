"""Encrypt and decrypt with other algorithms than the default: as the standards have them."""

from functools import partial
from typing import TYPE_CHECKING, cast

from msgspec import UNSET, UnsetType

from strongroom.domain import asks
from strongroom.domain.algorithms import ALGORITHMS, Purpose, Scheme
from strongroom.domain.errors import InvalidRequest, KeyNotUsable, RateLimited
from strongroom.domain.lifecycle import Use
from strongroom.ports.provider import Provider
from strongroom.services.allowances import Allowances
from strongroom.services.authorize import Permit
from strongroom.services.books import Books, Details, Rehearsed, StaleDecision
from strongroom.services.keyring import Keyring
from strongroom.services.offload import computed
from strongroom.services.schemes import scheme_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from strongroom.ports.provider import Decapsulator, Decrypter, RawCipher


class RawCrypt:
    """Uses raw ciphers and RSA. The right was weighed before; the steps are those of `Crypt`.

    `sealed` and `opened` are for who does the last of them, the entry, by themselves.
    """

    def __init__(
        self, *, keyring: Keyring, books: Books, allowances: Allowances, provider: Provider
    ) -> None:
        self._allowances = allowances
        self._keyring = keyring
        self._books = books
        self._public_keys = provider.public_keys

    async def encrypt(self, permit: Permit, ask: asks.Encrypt) -> asks.Encrypted:
        """By a cipher: nonce · ciphertext · tag. By a public key: OAEP or HPKE base mode."""
        no_context(permit, ask.context)
        key = permit.known_key().body
        plaintext = b"" if ask.plaintext is UNSET else ask.plaintext
        if key.purpose is Purpose.ENCRYPT_DECRYPT:
            return await self._encrypt_by_cipher(permit, plaintext, ask)
        blob, number, scheme = await self.sealed(permit, plaintext, ask.scheme, ask.additional)
        await self._books.allowed(permit, {"scheme": scheme}, version=number)  # 4
        return asks.Encrypted(blob, number)

    async def sealed(
        self,
        permit: Permit,
        plaintext: bytes,
        asked: Scheme | UnsetType,
        additional: bytes = b"",
    ) -> tuple[bytes, int, Scheme]:
        """A ciphertext by a public key, its version, and the scheme."""
        version = await self._keyring.usable(permit, Use.PROTECT)  # 2
        algorithm, public = version.body.algorithm, version.body.public
        scheme = _scheme(permit, asked)
        if scheme is Scheme.HPKE:
            blob = self._public_keys.seal(algorithm, public, plaintext, additional)  # 3
        else:
            blob = self._public_keys.encrypt_asymmetric(
                algorithm, scheme, public, plaintext, additional
            )  # 3
        return blob, version.number, scheme

    async def _encrypt_by_cipher(
        self, permit: Permit, plaintext: bytes, ask: asks.Encrypt
    ) -> asks.Encrypted:
        _no_scheme(permit, ask.scheme)
        version = await self._keyring.usable(permit, Use.PROTECT)  # 2
        writes = self._allowances.take(permit, version)
        blob = cast("RawCipher", version.handle).encrypt_raw(plaintext, ask.additional)  # 3
        try:
            await self._books.allowed(permit, version=version.number, writes=writes)  # 4
        except (Rehearsed, StaleDecision, KeyNotUsable, RateLimited):
            self._allowances.give_back(version, writes)
            raise
        self._allowances.reserved(version, writes)
        return asks.Encrypted(blob, version.number)

    async def decrypt(self, permit: Permit, ask: asks.Decrypt) -> asks.Decrypted:
        """The plaintext, by the version that the caller names: the ciphertext does not say."""
        no_context(permit, ask.context)
        number = None if ask.key_version is UNSET else ask.key_version
        blob = b"" if ask.ciphertext is UNSET else ask.ciphertext
        details: Details = {}
        if permit.known_key().body.purpose is Purpose.ENCRYPT_DECRYPT:
            _no_scheme(permit, ask.scheme)
            version = await self._keyring.usable(permit, Use.PROCESS, number)  # 2
            number = version.number
            plaintext = cast("RawCipher", version.handle).decrypt_raw(blob, ask.additional)  # 3
        else:
            plaintext, number, scheme = await self.opened(
                permit, blob, ask.scheme, number, ask.additional
            )
            details = {"scheme": scheme}
        await self._books.allowed(permit, details, version=number)  # 4
        return asks.Decrypted(plaintext, number)

    async def opened(
        self,
        permit: Permit,
        blob: bytes,
        asked: Scheme | UnsetType,
        number: int | None,
        additional: bytes = b"",
    ) -> tuple[bytes, int, Scheme]:
        """What was encrypted by a public key, the key's version, and the scheme.

        Nothing is opened of what is not seen (`Terms.unseen`): the plaintext is empty then.
        """
        version = await self._keyring.usable(permit, Use.PROCESS, number)  # 2
        scheme = _scheme(permit, asked)
        if permit.visit.terms.unseen:
            return b"", version.number, scheme
        work: Callable[[], bytes]
        if scheme is Scheme.HPKE:
            opener = cast("Decapsulator", version.handle)
            work = partial(opener.open_sealed, blob, additional)
        else:
            decrypter = cast("Decrypter", version.handle)
            work = partial(decrypter.decrypt_asymmetric, scheme, blob, additional)
        plaintext = await computed(version.body.algorithm, work)  # 3
        return plaintext, version.number, scheme


def _scheme(permit: Permit, asked: Scheme | UnsetType) -> Scheme:
    """The scheme, if the key is one that encrypts or decrypts."""
    key = permit.known_key().body
    schemes = ALGORITHMS[key.algorithm].schemes[key.purpose]
    if key.purpose is not Purpose.DECRYPT and Scheme.HPKE not in schemes:
        raise InvalidRequest(
            f"the key is for {key.purpose} ({key.algorithm}); this needs one for encrypt-decrypt"
        )
    return scheme_of(permit, asked)


def _no_scheme(permit: Permit, asked: Scheme | UnsetType) -> None:
    if asked is not UNSET:
        raise InvalidRequest(
            f"{permit.known_key().body.algorithm} has no schemes to choose from", "$.scheme"
        )


def no_context(permit: Permit, context: dict[str, str]) -> None:
    """Raises `InvalidRequest` for a context, which only keys of the default algorithm take."""
    if context:
        raise InvalidRequest(
            f"a key of {permit.known_key().body.algorithm} takes `additional`, not a context",
            "$.context",
        )
