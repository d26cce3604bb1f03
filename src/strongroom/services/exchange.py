"""Agree, encapsulate, wrap: keys that come about between two sides."""

from functools import partial
from typing import cast

from msgspec import UNSET, UnsetType

from strongroom.domain import uses
from strongroom.domain.algorithms import Purpose
from strongroom.domain.lifecycle import Use
from strongroom.ports.provider import Agreement, Decapsulator, Provider, Wrapper
from strongroom.services.authorize import Authorizer, Permit, Visit
from strongroom.services.books import Books
from strongroom.services.facts import VersionFact
from strongroom.services.keyring import Keyring
from strongroom.services.offload import computed
from strongroom.services.schemes import scheme_of


class Exchange:
    """Uses keys for agreement, encapsulation and wrapping. The steps are those of `Crypt`."""

    def __init__(
        self, *, authorizer: Authorizer, keyring: Keyring, books: Books, provider: Provider
    ) -> None:
        self._authorizer = authorizer
        self._keyring = keyring
        self._books = books
        self._public_keys = provider.public_keys

    async def agree(self, visit: Visit, ask: uses.Agree) -> uses.SharedSecret:
        """The secret shared with the owner of that public key."""
        permit, version = await self._open(
            visit, Use.PROCESS, Purpose.AGREE, ask.key_version
        )  # 1, 2
        secret = cast("Agreement", version.handle).agree(ask.public_key)  # 3
        await self._books.allowed(permit, version=version.number)  # 4
        return uses.SharedSecret(secret, version.number)

    async def encapsulate(self, visit: Visit, ask: uses.Encapsulate) -> uses.Encapsulation:
        """A secret for whoever may decapsulate with this key."""
        permit, version = await self._open(visit, Use.PROTECT, Purpose.ENCAPSULATE)  # 1, 2
        scheme = scheme_of(permit, ask.scheme)
        body = version.body
        made = self._public_keys.encapsulate(body.algorithm, scheme, body.public)  # 3
        await self._books.allowed(permit, {"scheme": scheme}, version=version.number)  # 4
        return uses.Encapsulation(made.ciphertext, made.shared_secret, version.number)

    async def decapsulate(self, visit: Visit, ask: uses.Decapsulate) -> uses.SharedSecret:
        """The encapsulated secret."""
        permit, version = await self._open(
            visit, Use.PROCESS, Purpose.ENCAPSULATE, ask.key_version
        )  # 1, 2
        scheme = scheme_of(permit, ask.scheme)
        secret = cast("Decapsulator", version.handle).decapsulate(scheme, ask.ciphertext)  # 3
        await self._books.allowed(permit, {"scheme": scheme}, version=version.number)  # 4
        return uses.SharedSecret(secret, version.number)

    async def wrap(self, visit: Visit, ask: uses.WrapKey) -> uses.Wrapped:
        """The caller's material, wrapped."""
        permit, version = await self._open(visit, Use.PROTECT, Purpose.WRAP)  # 1, 2
        scheme = scheme_of(permit, ask.scheme)
        wrapped = cast("Wrapper", version.handle).wrap(scheme, ask.material)  # 3
        await self._books.allowed(permit, {"scheme": scheme}, version=version.number)  # 4
        return uses.Wrapped(wrapped, version.number, scheme)

    async def unwrap(self, visit: Visit, ask: uses.UnwrapKey) -> uses.Unwrapped:
        """The material that was wrapped."""
        permit, version = await self._open(
            visit, Use.PROCESS, Purpose.WRAP, ask.key_version
        )  # 1, 2
        scheme = scheme_of(permit, ask.scheme)
        work = partial(cast("Wrapper", version.handle).unwrap, scheme, ask.wrapped)
        material = await computed(version.body.algorithm, work)  # 3
        await self._books.allowed(permit, {"scheme": scheme}, version=version.number)  # 4
        return uses.Unwrapped(material, version.number)

    async def _open(
        self, visit: Visit, use: Use, purpose: Purpose, number: int | UnsetType = UNSET
    ) -> tuple[Permit, VersionFact]:
        permit = await self._authorizer.permit_key(visit, visit.target, {})
        version = await self._keyring.usable(
            permit, use, None if number is UNSET else number, purpose=purpose
        )
        return permit, version
