"""Key pairs: made, checked, and as bytes: private PKCS#8, public SubjectPublicKeyInfo.

`docs/formats/material-1.md` is the page about it. Both are read strictly: what would be written in
another way is refused, so that a key has one spelling.
"""

from collections.abc import Callable
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import (
    ec,
    ed448,
    ed25519,
    mldsa,
    mlkem,
    rsa,
    x25519,
)
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
    load_der_public_key,
)

from strongroom.adapters.software.pool import EXPONENT, fresh
from strongroom.adapters.software.xwing import XWingPrivateKey, XWingPublicKey
from strongroom.domain.algorithms import ALGORITHMS, Algorithm
from strongroom.domain.errors import InvalidRequest

MLDSAPrivateKey = mldsa.MLDSA44PrivateKey | mldsa.MLDSA65PrivateKey | mldsa.MLDSA87PrivateKey
MLDSAPublicKey = mldsa.MLDSA44PublicKey | mldsa.MLDSA65PublicKey | mldsa.MLDSA87PublicKey
MLKEMPrivateKey = mlkem.MLKEM768PrivateKey | mlkem.MLKEM1024PrivateKey
MLKEMPublicKey = mlkem.MLKEM768PublicKey | mlkem.MLKEM1024PublicKey

PrivateKey = (
    rsa.RSAPrivateKey
    | ec.EllipticCurvePrivateKey
    | ed25519.Ed25519PrivateKey
    | ed448.Ed448PrivateKey
    | x25519.X25519PrivateKey
    | MLDSAPrivateKey
    | MLKEMPrivateKey
    | XWingPrivateKey
)
PublicKey = (
    rsa.RSAPublicKey
    | ec.EllipticCurvePublicKey
    | ed25519.Ed25519PublicKey
    | ed448.Ed448PublicKey
    | x25519.X25519PublicKey
    | MLDSAPublicKey
    | MLKEMPublicKey
    | XWingPublicKey
)

RSAKeys = Callable[[int], rsa.RSAPrivateKey]
"""Gives a key of that many bits which nobody else has: `pool.fresh`, or a pool's `take`."""

CURVES: Final[dict[Algorithm, ec.EllipticCurve]] = {
    Algorithm.EC_P256: ec.SECP256R1(),
    Algorithm.EC_P384: ec.SECP384R1(),
    Algorithm.EC_P521: ec.SECP521R1(),
    Algorithm.EC_SECP256K1: ec.SECP256K1(),
}
_OTHERS: Final[dict[Algorithm, tuple[type[PrivateKey], type[PublicKey]]]] = {
    Algorithm.ED25519: (ed25519.Ed25519PrivateKey, ed25519.Ed25519PublicKey),
    Algorithm.ED448: (ed448.Ed448PrivateKey, ed448.Ed448PublicKey),
    Algorithm.X25519: (x25519.X25519PrivateKey, x25519.X25519PublicKey),
    Algorithm.ML_DSA_44: (mldsa.MLDSA44PrivateKey, mldsa.MLDSA44PublicKey),
    Algorithm.ML_DSA_65: (mldsa.MLDSA65PrivateKey, mldsa.MLDSA65PublicKey),
    Algorithm.ML_DSA_87: (mldsa.MLDSA87PrivateKey, mldsa.MLDSA87PublicKey),
    Algorithm.ML_KEM_768: (mlkem.MLKEM768PrivateKey, mlkem.MLKEM768PublicKey),
    Algorithm.ML_KEM_1024: (mlkem.MLKEM1024PrivateKey, mlkem.MLKEM1024PublicKey),
    Algorithm.X25519_ML_KEM_768: (XWingPrivateKey, XWingPublicKey),
}
_RSA: Final = frozenset({Algorithm.RSA_2048, Algorithm.RSA_3072, Algorithm.RSA_4096})

_EXPONENT_BITS_MAX: Final = 256  # FIPS 186-5, A.1.1: 2^16 < e < 2^256
_CLOSE_BITS: Final = 100  # FIPS 186-5, A.1.3: |p - q| > 2^(n/2 - 100)


def generate(algorithm: Algorithm, rsa_keys: RSAKeys = fresh) -> PrivateKey:
    """A new private key. RSA takes up to seconds, unless `rsa_keys` has some that were made."""
    if algorithm in _RSA:
        return rsa_keys(ALGORITHMS[algorithm].bits)
    if algorithm in CURVES:
        return ec.generate_private_key(CURVES[algorithm])
    return _OTHERS[algorithm][0].generate()  # type: ignore[union-attr] # all of these have it


def private_der(key: PrivateKey) -> bytes:
    """PKCS#8; of ML-DSA and ML-KEM the seed, of the hybrid X-Wing's."""
    if isinstance(key, XWingPrivateKey):
        return key.der()
    return key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


def public_der(key: PublicKey) -> bytes:
    """SubjectPublicKeyInfo."""
    if isinstance(key, XWingPublicKey):
        return key.der()
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def opened(algorithm: Algorithm, der: bytes) -> PrivateKey:
    """A private key that `private_der` wrote. Raises `ValueError` for anything else.

    An RSA key is not validated again, which would take up to 250 ms: it was, before it was wrapped.
    """
    return _private(algorithm, der, validated=True)


def adopted(algorithm: Algorithm, der: bytes) -> PrivateKey:
    """A private key that was made elsewhere, validated.

    Raises `InvalidRequest` for another algorithm or size, and for a key that is not sound.
    """
    try:
        key = _private(algorithm, der, validated=False)
    except ValueError:
        raise InvalidRequest(f"this is no sound private key of {algorithm}, as PKCS#8") from None
    if isinstance(key, rsa.RSAPrivateKey):
        require_exponent(key.public_key())
        _require_distance(key)
    return key


def public_key(algorithm: Algorithm, der: bytes) -> PublicKey:
    """A public key, on its curve. Raises `InvalidRequest` for anything else."""
    try:
        key = XWingPublicKey.from_der(der) if _is_xwing(algorithm) else load_der_public_key(der)
        if not isinstance(key, PublicKey) or not _fits(algorithm, key) or public_der(key) != der:
            raise ValueError
    except (ValueError, UnsupportedAlgorithm):
        raise InvalidRequest(
            f"this is no public key of {algorithm}, as SubjectPublicKeyInfo", "$.public_key"
        ) from None
    return key


def check_public(algorithm: Algorithm, der: bytes) -> None:
    """Raises `InvalidRequest` when this is no sound public key of the algorithm."""
    key = public_key(algorithm, der)
    if isinstance(key, rsa.RSAPublicKey):
        require_exponent(key)


def require_exponent(key: rsa.RSAPublicKey, pointer: str = "") -> None:
    """Raises `InvalidRequest` for a public exponent that FIPS 186-5 does not have."""
    exponent = key.public_numbers().e
    fits = exponent >= EXPONENT and exponent.bit_length() <= _EXPONENT_BITS_MAX
    if not fits or exponent % 2 == 0:
        raise InvalidRequest(
            "an RSA key's public exponent is odd, from 65537 to 2^256 (FIPS 186-5)", pointer
        )


def _private(algorithm: Algorithm, der: bytes, *, validated: bool) -> PrivateKey:
    if _is_xwing(algorithm):
        return XWingPrivateKey.from_der(der)
    try:
        key = load_der_private_key(der, None, unsafe_skip_rsa_key_validation=validated)
    except (TypeError, UnsupportedAlgorithm):  # encrypted, or of a kind that the library lacks
        raise ValueError("this is no private key in the clear") from None
    if not isinstance(key, PrivateKey) or not _fits(algorithm, key):
        raise ValueError("this is a key of another algorithm")
    return key


def _fits(algorithm: Algorithm, key: PrivateKey | PublicKey) -> bool:
    if isinstance(key, rsa.RSAPrivateKey | rsa.RSAPublicKey):
        return algorithm in _RSA and key.key_size == ALGORITHMS[algorithm].bits
    if isinstance(key, ec.EllipticCurvePrivateKey | ec.EllipticCurvePublicKey):
        return algorithm in CURVES and key.curve.name == CURVES[algorithm].name
    return isinstance(key, _OTHERS.get(algorithm, ()))


def _is_xwing(algorithm: Algorithm) -> bool:
    return algorithm is Algorithm.X25519_ML_KEM_768


def _require_distance(key: rsa.RSAPrivateKey) -> None:
    # FIPS 186-5, A.1.3: primes that lie close together are found from the modulus (Fermat).
    numbers = key.private_numbers()
    if abs(numbers.p - numbers.q).bit_length() <= key.key_size // 2 - _CLOSE_BITS:
        raise InvalidRequest("the primes of this RSA key lie too close together (FIPS 186-5)")
