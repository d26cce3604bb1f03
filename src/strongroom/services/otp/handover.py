"""How a secret gets to its user: by a link that opens once, or sealed to their device."""

import msgspec

from strongroom.domain.algorithms import Algorithm
from strongroom.domain.errors import InvalidRequest
from strongroom.domain.otp import asks, links
from strongroom.domain.otp.asks import Delivery
from strongroom.domain.otp.credential import Body, Link, spell
from strongroom.domain.otp.profile import Profile
from strongroom.domain.times import rfc3339
from strongroom.services.authorize import Permit
from strongroom.services.books import Details
from strongroom.services.otp.parts import Parts

_SECOND_US = 1_000_000
_encode = msgspec.msgpack.Encoder().encode
_labels = msgspec.msgpack.Decoder(tuple[str, str])


class Handed(msgspec.Struct, frozen=True):
    """The credential with its newest secret on the way, and what the caller is given for that."""

    body: Body
    details: Details
    link: asks.LinkView | None = None
    sealed: asks.SealedSecret | None = None


class Handover:
    """Hands secrets over."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def newest(
        self, permit: Permit, credential_id: bytes, body: Body, ask: asks.Handover, profile: Profile
    ) -> Handed:
        """The newest secret, as the ask says. A link of before opens nothing any more."""
        if ask.delivery is Delivery.LINK:
            return self._link(permit, credential_id, body, ask, profile)
        details: Details = {"delivery": ask.delivery.value}
        if ask.delivery is Delivery.SEALED:
            sealed = self._sealed(permit, credential_id, body, ask)
            return Handed(shown(body), details, sealed=sealed)
        return Handed(msgspec.structs.replace(body, link=None), details)

    def _link(
        self, permit: Permit, credential_id: bytes, body: Body, ask: asks.Handover, profile: Profile
    ) -> Handed:
        namespace = permit.namespace
        secret = self._parts.randomness.bytes(links.SECRET_BYTES)
        token = links.spell(namespace.id, credential_id, secret)
        expires_us = permit.visit.time_us + profile.link_seconds * _SECOND_US
        binding = self._parts.rows.label_binding(namespace.id, credential_id)
        label = namespace.handle.conceal(_encode((ask.account, ask.issuer)), binding)
        link = Link(links.digest(token), expires_us, label)
        expires = rfc3339(expires_us)
        return Handed(
            msgspec.structs.replace(body, link=link),
            {"delivery": ask.delivery.value, "link_expires": expires},
            link=asks.LinkView(f"/enrol/{token}", token, expires),
        )

    def _sealed(
        self, permit: Permit, credential_id: bytes, body: Body, ask: asks.Handover
    ) -> asks.SealedSecret:
        secret = body.newest
        binding = self._parts.rows.binding(
            permit.namespace.id, credential_id, body, secret.generation
        )
        one_time = permit.namespace.handle.open_otp(body.hash, secret.wrapped, binding)
        info = f"strongroom/otp-device/1/{spell(credential_id)}/{secret.generation}".encode()
        algorithm = Algorithm(ask.device_algorithm.value)
        try:
            sealed = one_time.sealed_for(algorithm, ask.device_key, info)
        except InvalidRequest:
            raise InvalidRequest(
                f"this is no public key of {algorithm}, as SubjectPublicKeyInfo", "$.device_key"
            ) from None
        return asks.SealedSecret(ask.device_algorithm, sealed, info)


def shown(body: Body) -> Body:
    """The credential after its newest secret was handed out."""
    newest = msgspec.structs.replace(body.newest, shown=True)
    return msgspec.structs.replace(body, secrets=(*body.secrets[:-1], newest), link=None)


def label_of(raw: bytes) -> tuple[str, str]:
    """The account and the issuer in a link's label."""
    return _labels.decode(raw)
