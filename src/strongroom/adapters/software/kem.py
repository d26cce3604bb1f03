"""Secrets for a public key's owner: ML-KEM (FIPS 203), and HPKE (RFC 9180) in base mode.

HPKE is HKDF-SHA256 and AES-256-GCM over X25519 or over X-Wing (X25519 with ML-KEM-768), one message
for one encapsulation: enc · ciphertext. The library offers sealing and opening; the secret between
them stays there, so that these keys encapsulate nothing for their user.
"""

from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from strongroom.adapters.software.pairs import MLKEMPrivateKey, MLKEMPublicKey
from strongroom.adapters.software.schemes import require
from strongroom.adapters.software.xwing import XWingPrivateKey, XWingPublicKey
from strongroom.domain.algorithms import Algorithm, Purpose, Scheme
from strongroom.domain.errors import InvalidCiphertext, InvalidRequest
from strongroom.ports.provider import Decapsulator, Encapsulated

_X25519: Final = hpke.Suite(hpke.KEM.X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)
_XWING: Final = hpke.Suite(hpke.KEM.MLKEM768_X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)


class MLKEMDecapsulator(Decapsulator):
    """ML-KEM."""

    def __init__(self, algorithm: Algorithm, key: MLKEMPrivateKey) -> None:
        self._algorithm = algorithm
        self._key = key

    def decapsulate(self, scheme: Scheme, ciphertext: bytes) -> bytes:
        """The secret. Raises `InvalidCiphertext` for a wrong length, and for no other reason."""
        require(self._algorithm, Purpose.ENCAPSULATE, scheme)
        try:
            return self._key.decapsulate(ciphertext)
        except ValueError:
            raise InvalidCiphertext from None

    def open_sealed(self, blob: bytes, info: bytes) -> bytes:  # noqa: ARG002 - the port's
        """Refused."""
        raise _no_sealing(self._algorithm)


def encapsulate(key: MLKEMPublicKey) -> Encapsulated:
    """A new secret."""
    secret, ciphertext = key.encapsulate()
    return Encapsulated(ciphertext, secret)


class HPKEOpener(Decapsulator):
    """HPKE in base mode."""

    def __init__(self, algorithm: Algorithm, key: X25519PrivateKey | XWingPrivateKey) -> None:
        self._algorithm = algorithm
        self._key = key

    def decapsulate(self, scheme: Scheme, ciphertext: bytes) -> bytes:  # noqa: ARG002 - the port's
        """Refused."""
        raise no_encapsulation(self._algorithm)

    def open_sealed(self, blob: bytes, info: bytes) -> bytes:
        """The plaintext. Raises `InvalidCiphertext`."""
        try:
            if isinstance(self._key, XWingPrivateKey):
                return _XWING.decrypt(blob, self._key.key, info)
            return _X25519.decrypt(blob, self._key, info)
        except (InvalidTag, ValueError):
            raise InvalidCiphertext from None


def seal(key: object, algorithm: Algorithm, plaintext: bytes, info: bytes) -> bytes:
    """HPKE in base mode: enc · ciphertext. Raises `InvalidRequest` for a key that is not for it."""
    try:
        if isinstance(key, XWingPublicKey):
            return _XWING.encrypt(plaintext, key.key, info)
        if isinstance(key, X25519PublicKey):
            return _X25519.encrypt(plaintext, key, info)
    except ValueError:
        raise InvalidRequest("this public key has a small order", "$.public_key") from None
    raise _no_sealing(algorithm)


def no_encapsulation(algorithm: Algorithm) -> InvalidRequest:
    """The refusal of an HPKE key to share secrets."""
    return InvalidRequest(f"{algorithm} does HPKE: seal and open, no bare encapsulation")


def _no_sealing(algorithm: Algorithm) -> InvalidRequest:
    return InvalidRequest(f"{algorithm} does no HPKE")
