"""Ed25519 and Ed448 (RFC 8032), over messages, and Ed25519ph, over a message or its SHA-512.

Deterministic: no random number can go wrong.
"""

import hashlib

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PrivateKey, Ed448PublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from strongroom.adapters.software import ed25519ph
from strongroom.adapters.software.schemes import (
    no_context,
    no_digest,
    require,
    require_length,
    short_context,
)
from strongroom.domain.algorithms import SCHEMES, Algorithm, Purpose, Scheme
from strongroom.ports.provider import Signer


class EdwardsSigner(Signer):
    """Signs messages; by Ed25519ph digests as well."""

    def __init__(self, algorithm: Algorithm, key: Ed25519PrivateKey | Ed448PrivateKey) -> None:
        self._algorithm = algorithm
        self._key = key

    def sign(self, scheme: Scheme, message: bytes, *, digest: bool, context: bytes) -> bytes:
        """A signature of 64 (Ed25519, Ed25519ph) or 114 bytes (Ed448)."""
        require(self._algorithm, Purpose.SIGN_VERIFY, scheme)
        if scheme is Scheme.ED25519PH:
            hashed = _prehashed(message, digest=digest, context=context)
            # Reckoned from the private key, never given: see there.
            public = self._key.public_key().public_bytes_raw()
            return ed25519ph.sign(self._key.private_bytes_raw(), public, hashed, context)
        no_digest(scheme, digest=digest)
        no_context(context)
        return self._key.sign(message)


def verify(  # noqa: PLR0913 - what a signature depends on
    key: Ed25519PublicKey | Ed448PublicKey,
    scheme: Scheme,
    message: bytes,
    signature: bytes,
    *,
    digest: bool,
    context: bytes,
) -> bool:
    """Whether the signature is right."""
    if scheme is Scheme.ED25519PH:
        hashed = _prehashed(message, digest=digest, context=context)
        return ed25519ph.verify(key.public_bytes_raw(), hashed, signature, context)
    no_digest(scheme, digest=digest)
    no_context(context)
    try:
        key.verify(signature, message)
    except InvalidSignature:
        return False
    return True


def _prehashed(message: bytes, *, digest: bool, context: bytes) -> bytes:
    """SHA-512 of the message, or the digest as it was given. Raises `InvalidRequest`."""
    short_context(context)
    if not digest:
        return hashlib.sha512(message).digest()
    require_length(message, SCHEMES[Scheme.ED25519PH].digest_bytes)
    return message
