"""ML-DSA (FIPS 204), hedged: of a message with a context, or of mu, which the caller computed.

Mu is 64 bytes of SHAKE256 over the public key's hash, the context and the message (algorithm 7,
line 6). With it a message of any size is signed, and none of it is sent.
"""

from cryptography.exceptions import InvalidSignature

from strongroom.adapters.software.pairs import MLDSAPrivateKey, MLDSAPublicKey
from strongroom.adapters.software.schemes import (
    no_context,
    no_digest,
    require,
    require_length,
    short_context,
)
from strongroom.domain.algorithms import SCHEMES, Algorithm, Purpose, Scheme
from strongroom.domain.errors import InvalidRequest
from strongroom.ports.provider import Signer


class MLDSASigner(Signer):
    """Signs messages and mus."""

    def __init__(self, algorithm: Algorithm, key: MLDSAPrivateKey) -> None:
        self._algorithm = algorithm
        self._key = key

    def sign(self, scheme: Scheme, message: bytes, *, digest: bool, context: bytes) -> bytes:
        """A signature of 2,420, 3,309 or 4,627 bytes."""
        require(self._algorithm, Purpose.SIGN_VERIFY, scheme)
        _check(scheme, message, digest=digest, context=context)
        if scheme is Scheme.ML_DSA_MU:
            return self._key.sign_mu(message)
        return self._key.sign(message, context)


def verify(  # noqa: PLR0913 - what a signature depends on
    key: MLDSAPublicKey,
    scheme: Scheme,
    message: bytes,
    signature: bytes,
    *,
    digest: bool,
    context: bytes,
) -> bool:
    """Whether the signature is right."""
    _check(scheme, message, digest=digest, context=context)
    try:
        if scheme is Scheme.ML_DSA_MU:
            key.verify_mu(signature, message)
        else:
            key.verify(signature, message, context)
    except InvalidSignature:
        return False
    return True


def _check(scheme: Scheme, message: bytes, *, digest: bool, context: bytes) -> None:
    if scheme is Scheme.ML_DSA_MU:
        if not digest:
            raise InvalidRequest(f"{scheme} signs mu, never a message itself", "$.digest")
        require_length(message, SCHEMES[scheme].digest_bytes)
        no_context(context)  # it is in mu already
        return
    no_digest(scheme, digest=digest)
    short_context(context)
