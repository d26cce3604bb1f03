"""ECDSA (FIPS 186-5) over P-256, P-384, P-521 and secp256k1. Signatures are DER."""

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec

from strongroom.adapters.software.schemes import hash_of, no_context, require
from strongroom.domain.algorithms import Algorithm, Purpose, Scheme
from strongroom.ports.provider import Signer


class ECDSASigner(Signer):
    """Signs with a random number for each signature, from OpenSSL's generator."""

    def __init__(self, algorithm: Algorithm, key: ec.EllipticCurvePrivateKey) -> None:
        self._algorithm = algorithm
        self._key = key

    def sign(self, scheme: Scheme, message: bytes, *, digest: bool, context: bytes) -> bytes:
        """A signature in DER."""
        require(self._algorithm, Purpose.SIGN_VERIFY, scheme)
        no_context(context)
        return self._key.sign(message, ec.ECDSA(hash_of(scheme, message, digest=digest)))


def verify(
    key: ec.EllipticCurvePublicKey,
    scheme: Scheme,
    message: bytes,
    signature: bytes,
    *,
    digest: bool,
) -> bool:
    """Whether the signature is right."""
    try:
        key.verify(signature, message, ec.ECDSA(hash_of(scheme, message, digest=digest)))
    except InvalidSignature:
        return False
    return True
