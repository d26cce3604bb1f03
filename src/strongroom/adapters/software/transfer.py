"""How material travels: under an RSA key, by way of a one-time AES key or directly.

    rsa-aes-kwp-…   RSA-OAEP(one-time AES key) · AES-KWP(material), PKCS#11's CKM_RSA_AES_KEY_WRAP
    rsa-oaep-…      RSA-OAEP(material)

OAEP has the same hash in MGF1, and no label. Our one-time keys have 32 bytes; theirs may have 16 or
24.
"""

import math
import os
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key

from strongroom.adapters.software import pairs, rsa
from strongroom.adapters.software.wrapping import AESWrapper
from strongroom.domain.algorithms import ALGORITHMS, Algorithm, Kind, Scheme
from strongroom.domain.errors import InvalidRequest
from strongroom.domain.sensitive import Sensitive
from strongroom.domain.transfers import Wrapping

_OAEP: Final = {
    Wrapping.RSA_AES_KWP_SHA256: Scheme.RSA_OAEP_SHA256,
    Wrapping.RSA_AES_KWP_SHA1: Scheme.RSA_OAEP_SHA1,
    Wrapping.RSA_OAEP_SHA256: Scheme.RSA_OAEP_SHA256,
    Wrapping.RSA_OAEP_SHA1: Scheme.RSA_OAEP_SHA1,
}
_DIRECT: Final = frozenset({Wrapping.RSA_OAEP_SHA256, Wrapping.RSA_OAEP_SHA1})

_ONE_TIME_BYTES: Final = 32

_RECIPIENT_BITS: Final = (2_048, 8_192)  # SP 800-131A; more than 8,192 nobody's HSM has
# SP 800-56B, 6.4.2.2: a modulus has no factor below 752.
_SMALL_FACTORS: Final = math.prod(
    n for n in range(2, 752) if all(n % divisor for divisor in range(2, math.isqrt(n) + 1))
)


def require_fit(algorithm: Algorithm, wrapping: Wrapping) -> None:
    """Raises `InvalidRequest` when material of the algorithm does not go out so.

    A small private key would fit; that a larger one does not would be found out in production. What
    others send so, fits.
    """
    if wrapping in _DIRECT and ALGORITHMS[algorithm].kind is Kind.ASYMMETRIC:
        raise InvalidRequest(
            f"{wrapping} is for symmetric keys; a private key goes by rsa-aes-kwp", "$.wrapping"
        )


def unwrapped(key: rsa.RSAWrapper, wrapping: Wrapping, blob: bytes) -> bytes:
    """The material. Raises `InvalidCiphertext`, for whatever reason it does not open."""
    if wrapping in _DIRECT:
        return key.unwrap(_OAEP[wrapping], blob)
    head, sealed = blob[: key.modulus_bytes], blob[key.modulus_bytes :]
    once = key.unwrap(_OAEP[wrapping], head)
    # The wrapper looks at its algorithm only to find its schemes. It refuses what is no AES key.
    return AESWrapper(Algorithm.AES_256_KW, Sensitive(once)).unwrap(Scheme.AES_KWP, sealed)


def wrapped(recipient: RSAPublicKey, wrapping: Wrapping, material: bytes) -> bytes:
    """The material for this recipient. Raises `InvalidRequest` when it does not fit."""
    if wrapping in _DIRECT:
        return rsa.encrypt(recipient, _OAEP[wrapping], material, b"")
    once = os.urandom(_ONE_TIME_BYTES)
    sealed = AESWrapper(Algorithm.AES_256_KW, Sensitive(once)).wrap(Scheme.AES_KWP, material)
    return rsa.encrypt(recipient, _OAEP[wrapping], once, b"") + sealed


def recipient(der: bytes) -> RSAPublicKey:
    """A public key that material may be wrapped for. Raises `InvalidRequest` for any other.

    It is checked as far as that goes without the private half (SP 800-56B, 6.4.2.2): size,
    exponent, no small factor, no square. Whether it is the right one is the caller's to know.
    """
    try:
        key = load_der_public_key(der)
        if not isinstance(key, RSAPublicKey) or pairs.public_der(key) != der:
            raise ValueError
    except (ValueError, UnsupportedAlgorithm):
        raise _refused("this is no RSA public key, as SubjectPublicKeyInfo") from None
    least, most = _RECIPIENT_BITS
    if not least <= key.key_size <= most:
        raise _refused(f"the recipient's RSA key has {least:,} to {most:,} bits")
    pairs.require_exponent(key, "$.public_key")
    modulus = key.public_numbers().n
    if math.gcd(modulus, _SMALL_FACTORS) != 1 or math.isqrt(modulus) ** 2 == modulus:
        raise _refused("this RSA key is not sound: its modulus can be factored")
    return key


def _refused(detail: str) -> InvalidRequest:
    return InvalidRequest(detail, "$.public_key")
