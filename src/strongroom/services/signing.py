"""Sign and verify, MAC and verify."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeVar, cast

from msgspec import UNSET, UnsetType

from strongroom.domain import asks, uses
from strongroom.domain.algorithms import ALGORITHMS, Purpose
from strongroom.domain.errors import InvalidRequest
from strongroom.domain.lifecycle import Use
from strongroom.domain.signatures import der_to_p1363, p1363_to_der
from strongroom.ports.provider import MACMaker, Provider, Signer
from strongroom.services.authorize import Authorizer, Permit, Visit
from strongroom.services.batch import counted, each
from strongroom.services.books import Books, Details, Rehearsed
from strongroom.services.keyring import Keyring
from strongroom.services.offload import computed
from strongroom.services.schemes import scheme_of

_Ask = TypeVar("_Ask")
_Item = TypeVar("_Item")


class Signing:
    """Uses signing and MAC keys.

    The steps, in this order, each numbered below:

    1. The right is weighed: a permit, or no more happens.
    2. The state is checked at the moment of use, and that the key is for this: key and version.
    3. The result is computed, and held back.
    4. The entry is durable. Only then the result is released.
    """

    def __init__(
        self, *, authorizer: Authorizer, keyring: Keyring, books: Books, provider: Provider
    ) -> None:
        self._authorizer = authorizer
        self._keyring = keyring
        self._books = books
        self._public_keys = provider.public_keys

    async def sign(self, visit: Visit, ask: uses.Sign) -> uses.Signed | uses.SignedBatch:
        """A signature; or one for each item."""
        permit = await self._authorizer.permit_key(visit, visit.target, {})  # 1
        version = await self._keyring.usable(permit, Use.PROTECT, purpose=Purpose.SIGN_VERIFY)  # 2
        scheme = scheme_of(permit, ask.scheme)
        details: Details = {"scheme": scheme}
        signer = cast("Signer", version.handle)

        async def signature(item: uses.Sign | uses.SignItem) -> bytes:
            content, is_digest = _content(item)
            work = partial(
                signer.sign, scheme, content, digest=is_digest, context=ask.signature_context
            )
            made = await computed(version.body.algorithm, work)  # 3
            return _encoded(permit, made, ask.encoding)

        if ask.items is UNSET:
            single = await signature(ask)
            await self._books.allowed(permit, details, version=version.number)  # 4
            return uses.Signed(single, version.number, scheme)
        outcomes = await each(visit, ask.items, signature)
        await self._books.allowed(permit, details | counted(outcomes), version=version.number)  # 4
        return uses.SignedBatch(
            [uses.SignedItem(error=one) if isinstance(one, asks.Problem)
             else uses.SignedItem(signature=one) for one in outcomes],
            version.number,
            scheme,
        )  # fmt: skip

    async def verify(self, visit: Visit, ask: uses.Verify) -> uses.Verified | uses.VerifiedBatch:
        """Whether the signature is right; or each item's."""
        permit = await self._authorizer.permit_key(visit, visit.target, {})  # 1
        version = await self._keyring.usable(
            permit, Use.PROCESS, _number(ask.key_version), purpose=Purpose.SIGN_VERIFY
        )  # 2
        scheme = scheme_of(permit, ask.scheme)

        async def valid(item: uses.Verify | uses.VerifyItem) -> bool:
            content, is_digest = _content(item)
            given = b"" if item.signature is UNSET else item.signature
            signature = _decoded(permit, given, ask.encoding)
            return signature is not None and self._public_keys.verify(
                version.body.algorithm, scheme, version.body.public, content, signature,
                digest=is_digest, context=ask.signature_context,
            )  # 3 # fmt: skip

        items = None if ask.items is UNSET else ask.items
        return await self._judged(permit, version.number, {"scheme": scheme}, ask, items, valid)

    async def mac(self, visit: Visit, ask: uses.MAC) -> uses.MACMade | uses.MACBatch:
        """The message's tag; or each item's."""
        permit = await self._authorizer.permit_key(visit, visit.target, {})  # 1
        version = await self._keyring.usable(permit, Use.PROTECT, purpose=Purpose.MAC)  # 2
        maker = cast("MACMaker", version.handle)

        async def tag(item: uses.MAC | uses.MACItem) -> bytes:
            return maker.mac(b"" if item.message is UNSET else item.message)  # 3

        if ask.items is UNSET:
            single = await tag(ask)
            await self._books.allowed(permit, version=version.number)  # 4
            return uses.MACMade(single, version.number)
        outcomes = await each(visit, ask.items, tag)
        await self._books.allowed(permit, counted(outcomes), version=version.number)  # 4
        return uses.MACBatch(
            [uses.MACMadeItem(error=one) if isinstance(one, asks.Problem)
             else uses.MACMadeItem(tag=one) for one in outcomes],
            version.number,
        )  # fmt: skip

    async def verify_mac(
        self, visit: Visit, ask: uses.VerifyMAC
    ) -> uses.Verified | uses.VerifiedBatch:
        """Whether the tag is the message's; or each item's."""
        permit = await self._authorizer.permit_key(visit, visit.target, {})  # 1
        version = await self._keyring.usable(
            permit, Use.PROCESS, _number(ask.key_version), purpose=Purpose.MAC
        )  # 2
        maker = cast("MACMaker", version.handle)

        async def valid(item: uses.VerifyMAC | uses.VerifyMACItem) -> bool:
            message = b"" if item.message is UNSET else item.message
            return maker.check_mac(message, b"" if item.tag is UNSET else item.tag)  # 3

        items = None if ask.items is UNSET else ask.items
        return await self._judged(permit, version.number, {}, ask, items, valid)

    async def _judged(  # noqa: PLR0913 - what the two ways to verify have in common
        self,
        permit: Permit,
        number: int,
        details: Details,
        ask: _Ask,
        items: list[_Item] | None,
        valid: Callable[[_Ask | _Item], Awaitable[bool]],
    ) -> uses.Verified | uses.VerifiedBatch:
        """The answer about one, or about each item; an entry says of how many it was yes."""
        if items is None:
            single = await valid(ask)
            details |= {"valid": int(single)}
            try:
                await self._books.allowed(permit, details, version=number)  # 4
            except Rehearsed:
                raise Rehearsed(wrong=not single) from None
            return uses.Verified(single, number)
        outcomes = await each(permit.visit, items, valid)
        details |= counted(outcomes) | {"valid": sum(one is True for one in outcomes)}
        await self._books.allowed(permit, details, version=number)  # 4
        return uses.VerifiedBatch(
            [uses.VerifiedItem(error=one) if isinstance(one, asks.Problem)
             else uses.VerifiedItem(valid=one) for one in outcomes],
            number,
        )  # fmt: skip


def _number(version: int | UnsetType) -> int | None:
    return None if version is UNSET else version


def _content(
    item: uses.Sign | uses.SignItem | uses.Verify | uses.VerifyItem,
) -> tuple[bytes, bool]:
    """Message or digest, and whether it is the digest."""
    if item.message is not UNSET:
        return item.message, False
    return (b"" if item.digest is UNSET else item.digest), True


def _encoded(permit: Permit, signature: bytes, encoding: uses.Encoding) -> bytes:
    if encoding is uses.Encoding.DER:
        return signature
    return der_to_p1363(signature, _coordinate_bytes(permit))


def _decoded(permit: Permit, signature: bytes, encoding: uses.Encoding) -> bytes | None:
    """As DER; None for what is no signature in that encoding, which is a wrong one."""
    if encoding is uses.Encoding.DER:
        return signature
    try:
        return p1363_to_der(signature, _coordinate_bytes(permit))
    except ValueError:
        return None


def _coordinate_bytes(permit: Permit) -> int:
    key = permit.known_key().body
    if not key.algorithm.startswith("ec-"):
        raise InvalidRequest(
            f"signatures of {key.algorithm} have one encoding; leave it out", "$.encoding"
        )
    return (ALGORITHMS[key.algorithm].bits + 7) // 8
