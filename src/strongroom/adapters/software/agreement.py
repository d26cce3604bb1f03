"""Agreement: ECDH (SP 800-56A, 5.7.1.2) and X25519 (RFC 7748).

The raw secret is returned, as the clouds do: it is no key yet, whoever asked derives one from it.
"""

from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec, x25519

from strongroom.adapters.software.pairs import public_key
from strongroom.domain.algorithms import Algorithm
from strongroom.domain.errors import InvalidRequest
from strongroom.ports.provider import Agreement

_X25519_BYTES: Final = 32


class ECDHAgreement(Agreement):
    """ECDH: the x coordinate of the shared point, as long as the field."""

    def __init__(self, algorithm: Algorithm, key: ec.EllipticCurvePrivateKey) -> None:
        self._algorithm = algorithm
        self._key = key

    def agree(self, peer: bytes) -> bytes:
        """The secret. Raises `InvalidRequest` for a public key off the curve or of another one."""
        # The curve, and that the point is on it, is checked where the key is read (SP 800-56A,
        # 5.6.2.3.4); all of these curves have cofactor 1.
        other = public_key(self._algorithm, peer)
        if not isinstance(other, ec.EllipticCurvePublicKey):
            raise RuntimeError("a public key on a curve was read")  # noqa: TRY004 - ours, no caller's
        return self._key.exchange(ec.ECDH(), other)


class X25519Agreement(Agreement):
    """X25519."""

    def __init__(self, algorithm: Algorithm, key: x25519.X25519PrivateKey) -> None:
        self._algorithm = algorithm
        self._key = key

    def agree(self, peer: bytes) -> bytes:
        """The secret. Raises `InvalidRequest` for a point of small order: it would be zero."""
        if len(peer) == _X25519_BYTES:
            other = x25519.X25519PublicKey.from_public_bytes(peer)
        else:
            read = public_key(self._algorithm, peer)
            if not isinstance(read, x25519.X25519PublicKey):
                raise RuntimeError("a public key of X25519 was read")
            other = read
        try:
            return self._key.exchange(other)
        except ValueError:
            raise InvalidRequest("this public key has a small order", "$.public_key") from None
