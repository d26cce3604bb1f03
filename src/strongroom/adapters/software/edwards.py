"""Ed25519 and Ed448 (RFC 8032), over messages. Deterministic: no random number can go wrong.

Ed25519ph is not here: the library has no primitive for it (`docs/design/LIMITATIONS.md`).
"""

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PrivateKey, Ed448PublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from strongroom.adapters.software.schemes import no_context, no_digest, require
from strongroom.domain.algorithms import Algorithm, Purpose, Scheme
from strongroom.ports.provider import Signer


class EdwardsSigner(Signer):
    """Signs messages."""

    def __init__(self, algorithm: Algorithm, key: Ed25519PrivateKey | Ed448PrivateKey) -> None:
        self._algorithm = algorithm
        self._key = key

    def sign(self, scheme: Scheme, message: bytes, *, digest: bool, context: bytes) -> bytes:
        """A signature of 64 (Ed25519) or 114 bytes (Ed448)."""
        require(self._algorithm, Purpose.SIGN_VERIFY, scheme)
        no_digest(scheme, digest=digest)
        no_context(context)
        return self._key.sign(message)


def verify(key: Ed25519PublicKey | Ed448PublicKey, message: bytes, signature: bytes) -> bool:
    """Whether the signature is right."""
    try:
        key.verify(signature, message)
    except InvalidSignature:
        return False
    return True
