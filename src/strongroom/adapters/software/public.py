"""What anybody can do with a public key, and how it is written for others."""

import base64
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa, x25519

from strongroom.adapters.software import ecdsa, edwards, kem, mldsa
from strongroom.adapters.software import rsa as rsa_schemes
from strongroom.adapters.software.pairs import (
    MLDSAPublicKey,
    MLKEMPublicKey,
    PublicKey,
    check_public,
    public_key,
)
from strongroom.adapters.software.schemes import no_context, require
from strongroom.domain.algorithms import Algorithm, Purpose, Scheme
from strongroom.ports.provider import Encapsulated

_EC: Final = {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521"}
_ML_DSA: Final = {
    Algorithm.ML_DSA_44: "ML-DSA-44",
    Algorithm.ML_DSA_65: "ML-DSA-65",
    Algorithm.ML_DSA_87: "ML-DSA-87",
}
_PEM_LINE: Final = 64


class SoftwarePublicKeys:
    """The `PublicKeys` port."""

    def check(self, algorithm: Algorithm, public: bytes) -> None:
        """Raises `InvalidRequest` when this is no sound public key of the algorithm."""
        check_public(algorithm, public)

    def verify(  # noqa: PLR0913 - what a signature depends on
        self,
        algorithm: Algorithm,
        scheme: Scheme,
        public: bytes,
        message: bytes,
        signature: bytes,
        *,
        digest: bool,
        context: bytes,
    ) -> bool:
        """Whether the signature is right. Raises `InvalidRequest` as `Signer.sign` does."""
        require(algorithm, Purpose.SIGN_VERIFY, scheme)
        key = public_key(algorithm, public)
        if isinstance(key, MLDSAPublicKey):
            return mldsa.verify(key, scheme, message, signature, digest=digest, context=context)
        if isinstance(key, ed25519.Ed25519PublicKey | ed448.Ed448PublicKey):
            return edwards.verify(key, scheme, message, signature, digest=digest, context=context)
        no_context(context)
        if isinstance(key, rsa.RSAPublicKey):
            return rsa_schemes.verify(key, scheme, message, signature, digest=digest)
        if isinstance(key, ec.EllipticCurvePublicKey):
            return ecdsa.verify(key, scheme, message, signature, digest=digest)
        raise RuntimeError(f"no way to verify with {algorithm}")

    def encrypt_asymmetric(
        self, algorithm: Algorithm, scheme: Scheme, public: bytes, plaintext: bytes, label: bytes
    ) -> bytes:
        """What `Decrypter.decrypt_asymmetric` opens. Raises `InvalidRequest` when too long."""
        require(algorithm, Purpose.DECRYPT, scheme)
        key = public_key(algorithm, public)
        if not isinstance(key, rsa.RSAPublicKey):
            raise RuntimeError(f"no way to encrypt with {algorithm}")  # noqa: TRY004 - the catalogue's
        return rsa_schemes.encrypt(key, scheme, plaintext, label)

    def encapsulate(self, algorithm: Algorithm, scheme: Scheme, public: bytes) -> Encapsulated:
        """A shared secret for the key's owner. Raises `InvalidRequest` for HPKE."""
        require(algorithm, Purpose.ENCAPSULATE, scheme)
        key = public_key(algorithm, public)
        if not isinstance(key, MLKEMPublicKey):
            raise kem.no_encapsulation(algorithm)
        return kem.encapsulate(key)

    def seal(self, algorithm: Algorithm, public: bytes, plaintext: bytes, info: bytes) -> bytes:
        """HPKE base mode: enc · ciphertext. Raises `InvalidRequest` for a key that does no HPKE."""
        return kem.seal(public_key(algorithm, public), algorithm, plaintext, info)

    def pem(self, public: bytes) -> str:
        """The key between its two PEM lines (RFC 7468)."""
        text = base64.b64encode(public).decode()
        lines = [text[start : start + _PEM_LINE] for start in range(0, len(text), _PEM_LINE)]
        return "\n".join(["-----BEGIN PUBLIC KEY-----", *lines, "-----END PUBLIC KEY-----", ""])

    def jwk(self, algorithm: Algorithm, public: bytes) -> dict[str, str] | None:
        """The members that make the key (RFC 7517). None where the standards agree on none.

        RSA and the NIST curves: RFC 7518; secp256k1: RFC 8812; Ed25519, Ed448 and X25519: RFC 8037;
        ML-DSA: RFC 9964.
        """
        return _jwk(algorithm, public_key(algorithm, public))


def _jwk(algorithm: Algorithm, key: PublicKey) -> dict[str, str] | None:
    if isinstance(key, rsa.RSAPublicKey):
        numbers = key.public_numbers()
        return {"kty": "RSA", "n": _number(numbers.n), "e": _number(numbers.e)}
    if isinstance(key, ec.EllipticCurvePublicKey):
        # RFC 7518, 6.2.1.2: as long as the field, leading zeros and all.
        size = (key.key_size + 7) // 8
        point = key.public_numbers()
        curve = _EC.get(key.curve.name, key.curve.name)
        x, y = _number(point.x, size), _number(point.y, size)
        return {"kty": "EC", "crv": curve, "x": x, "y": y}
    if isinstance(key, ed25519.Ed25519PublicKey | ed448.Ed448PublicKey | x25519.X25519PublicKey):
        curve = algorithm.value.capitalize()
        return {"kty": "OKP", "crv": curve, "x": _text(key.public_bytes_raw())}
    if isinstance(key, MLDSAPublicKey):
        return {"kty": "AKP", "alg": _ML_DSA[algorithm], "pub": _text(key.public_bytes_raw())}
    return None


def _number(value: int, size: int | None = None) -> str:
    return _text(value.to_bytes(size or (value.bit_length() + 7) // 8, "big"))


def _text(value: bytes) -> str:
    """Base64url without padding (RFC 7515, 2)."""
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()
