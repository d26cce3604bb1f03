"""Sign and verify, MAC and verify."""

from functools import partial
from typing import cast

from msgspec import UNSET, UnsetType

from strongroom.domain import asks, uses
from strongroom.domain.algorithms import ALGORITHMS, Purpose
from strongroom.domain.errors import InvalidRequest, Refusal, TamperedRecord, Unavailable
from strongroom.domain.lifecycle import Use
from strongroom.domain.signatures import der_to_p1363, p1363_to_der
from strongroom.ports.provider import MACMaker, Provider, Signer
from strongroom.services.authorize import Authorizer, Permit, Visit
from strongroom.services.books import Books, Details
from strongroom.services.keyring import Keyring
from strongroom.services.offload import computed
from strongroom.services.schemes import scheme_of


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

        async def signature(message: bytes | UnsetType, digest: bytes | UnsetType) -> bytes:
            content, is_digest = _content(message, digest)
            work = partial(
                signer.sign, scheme, content, digest=is_digest, context=ask.signature_context
            )
            made = await computed(version.body.algorithm, work)
            return _encoded(permit, made, ask.encoding)

        if ask.items is UNSET:
            single = await signature(ask.message, ask.digest)  # 3
            await self._books.allowed(permit, details, version=version.number)  # 4
            return uses.Signed(single, version.number, scheme)
        outcomes: list[uses.SignedItem] = []
        last: Refusal = InvalidRequest("there are no items", "$.items")
        for item in ask.items:
            try:
                outcomes.append(
                    uses.SignedItem(signature=await signature(item.message, item.digest))  # 3
                )
            except Refusal as refusal:
                if isinstance(refusal, Unavailable | TamperedRecord):
                    raise
                outcomes.append(uses.SignedItem(error=asks.Problem(refusal.code, refusal.detail)))
                last = refusal
        failed = sum(outcome.error is not UNSET for outcome in outcomes)
        if failed == len(outcomes):
            raise last  # nothing was done: the call as a whole is refused
        details |= {"count": len(outcomes), "failed": failed}
        await self._books.allowed(permit, details, version=version.number)  # 4
        return uses.SignedBatch(outcomes, version.number, scheme)

    async def verify(self, visit: Visit, ask: uses.Verify) -> uses.Verified:
        """Whether the signature is right."""
        permit = await self._authorizer.permit_key(visit, visit.target, {})  # 1
        version = await self._keyring.usable(
            permit, Use.PROCESS, _number(ask.key_version), purpose=Purpose.SIGN_VERIFY
        )  # 2
        scheme = scheme_of(permit, ask.scheme)
        content, is_digest = _content(ask.message, ask.digest)
        signature = _decoded(permit, ask.signature, ask.encoding)
        valid = signature is not None and self._public_keys.verify(
            version.body.algorithm, scheme, version.body.public, content, signature,
            digest=is_digest, context=ask.signature_context,
        )  # 3 # fmt: skip
        details: Details = {"scheme": scheme, "valid": int(valid)}
        await self._books.allowed(permit, details, version=version.number)  # 4
        return uses.Verified(valid, version.number)

    async def mac(self, visit: Visit, ask: uses.MAC) -> uses.MACMade:
        """The message's tag."""
        permit = await self._authorizer.permit_key(visit, visit.target, {})  # 1
        version = await self._keyring.usable(permit, Use.PROTECT, purpose=Purpose.MAC)  # 2
        tag = cast("MACMaker", version.handle).mac(ask.message)  # 3
        await self._books.allowed(permit, version=version.number)  # 4
        return uses.MACMade(tag, version.number)

    async def verify_mac(self, visit: Visit, ask: uses.VerifyMAC) -> uses.Verified:
        """Whether the tag is the message's."""
        permit = await self._authorizer.permit_key(visit, visit.target, {})  # 1
        version = await self._keyring.usable(
            permit, Use.PROCESS, _number(ask.key_version), purpose=Purpose.MAC
        )  # 2
        valid = cast("MACMaker", version.handle).check_mac(ask.message, ask.tag)  # 3
        await self._books.allowed(permit, {"valid": int(valid)}, version=version.number)  # 4
        return uses.Verified(valid, version.number)


def _number(version: int | UnsetType) -> int | None:
    return None if version is UNSET else version


def _content(message: bytes | UnsetType, digest: bytes | UnsetType) -> tuple[bytes, bool]:
    if message is not UNSET:
        return message, False
    return (b"" if digest is UNSET else digest), True


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
