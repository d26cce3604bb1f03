"""Encrypt and decrypt with other algorithms than the default: as the standards have them."""

from functools import partial
from typing import TYPE_CHECKING, cast

from msgspec import UNSET

from strongroom.domain import asks
from strongroom.domain.algorithms import Purpose
from strongroom.domain.errors import InvalidRequest
from strongroom.domain.lifecycle import Use
from strongroom.services.allowances import Allowances
from strongroom.services.authorize import Keyring, Permit
from strongroom.services.books import Books, Details, StaleDecision
from strongroom.services.offload import computed
from strongroom.services.schemes import scheme_of

if TYPE_CHECKING:
    from strongroom.ports.provider import Decrypter, RawCipher


class RawCrypt:
    """Uses raw ciphers and RSA. The right was weighed before; the steps are those of `Crypt`."""

    def __init__(self, *, keyring: Keyring, books: Books, allowances: Allowances) -> None:
        self._allowances = allowances
        self._keyring = keyring
        self._books = books

    async def encrypt(self, permit: Permit, ask: asks.Encrypt) -> asks.Encrypted:
        """Nonce · ciphertext · tag. The nonce is made by the provider."""
        _no_context(permit, ask.context)
        version = await self._keyring.usable(
            permit, Use.PROTECT, purpose=Purpose.ENCRYPT_DECRYPT
        )  # 2
        cipher = cast("RawCipher", version.handle)
        plaintext = b"" if ask.plaintext is UNSET else ask.plaintext
        writes = self._allowances.take(permit, version)
        blob = cipher.encrypt_raw(plaintext, ask.additional)  # 3
        try:
            await self._books.allowed(permit, version=version.number, writes=writes)  # 4
        except StaleDecision:
            self._allowances.give_back(version, writes)
            raise
        self._allowances.reserved(version, writes)
        return asks.Encrypted(blob, version.number)

    async def decrypt(self, permit: Permit, ask: asks.Decrypt) -> asks.Decrypted:
        """The plaintext, by the version that the caller names: the ciphertext does not say."""
        _no_context(permit, ask.context)
        key = permit.known_key().body
        number = None if ask.key_version is UNSET else ask.key_version
        blob = b"" if ask.ciphertext is UNSET else ask.ciphertext
        details: Details = {}
        if key.purpose is Purpose.DECRYPT:
            version = await self._keyring.usable(permit, Use.PROCESS, number)  # 2
            scheme = scheme_of(permit, ask.scheme)
            decrypter = cast("Decrypter", version.handle)
            work = partial(decrypter.decrypt_asymmetric, scheme, blob, ask.additional)
            plaintext = await computed(key.algorithm, work)  # 3
            details = {"scheme": scheme}
        else:
            version = await self._keyring.usable(
                permit, Use.PROCESS, number, purpose=Purpose.ENCRYPT_DECRYPT
            )  # 2
            if ask.scheme is not UNSET:
                raise InvalidRequest(f"{key.algorithm} has no schemes to choose from", "$.scheme")
            plaintext = cast("RawCipher", version.handle).decrypt_raw(blob, ask.additional)  # 3
        await self._books.allowed(permit, details, version=version.number)  # 4
        return asks.Decrypted(plaintext, version.number)


def _no_context(permit: Permit, context: dict[str, str]) -> None:
    if context:
        raise InvalidRequest(
            f"a key of {permit.known_key().body.algorithm} takes `additional`, not a context",
            "$.context",
        )
