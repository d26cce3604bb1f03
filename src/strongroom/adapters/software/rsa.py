"""RSA (RFC 8017): PSS and PKCS#1 v1.5 signatures, OAEP and RSA1_5 encryption, OAEP wrapping."""

from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from strongroom.adapters.software.schemes import hash_in, hash_of, no_context, require
from strongroom.domain.algorithms import Algorithm, Purpose, Scheme
from strongroom.domain.errors import InvalidCiphertext, InvalidRequest
from strongroom.ports.provider import Decrypter, Signer, Wrapper

_OAEP: Final[dict[Scheme, hashes.HashAlgorithm]] = {
    Scheme.RSA_OAEP_SHA1: hashes.SHA1(),  # noqa: S303 - sound inside OAEP, and many know nothing else
    Scheme.RSA_OAEP_SHA256: hashes.SHA256(),
    Scheme.RSA_OAEP_SHA384: hashes.SHA384(),
    Scheme.RSA_OAEP_SHA512: hashes.SHA512(),
}
_PSS: Final = frozenset({Scheme.RSA_PSS_SHA256, Scheme.RSA_PSS_SHA384, Scheme.RSA_PSS_SHA512})


class RSASigner(Signer):
    """Signs with PSS, salt as long as the digest, or with PKCS#1 v1.5."""

    def __init__(self, algorithm: Algorithm, key: RSAPrivateKey) -> None:
        self._algorithm = algorithm
        self._key = key

    def sign(self, scheme: Scheme, message: bytes, *, digest: bool, context: bytes) -> bytes:
        """A signature as long as the modulus."""
        require(self._algorithm, Purpose.SIGN_VERIFY, scheme)
        no_context(context)
        algorithm = hash_of(scheme, message, digest=digest)
        return self._key.sign(message, _signature_padding(scheme), algorithm)


def verify(
    key: RSAPublicKey, scheme: Scheme, message: bytes, signature: bytes, *, digest: bool
) -> bool:
    """Whether the signature is right. A PSS salt of another length than the digest's is wrong."""
    algorithm = hash_of(scheme, message, digest=digest)
    try:
        key.verify(signature, message, _signature_padding(scheme), algorithm)
    except InvalidSignature:
        return False
    return True


class RSADecrypter(Decrypter):
    """Decrypts OAEP and RSA1_5.

    An RSA1_5 ciphertext with a bad padding is not refused: OpenSSL then answers with bytes that it
    derives from key and ciphertext, so that nobody learns of the padding (implicit rejection,
    against Bleichenbacher, 1998). Whoever uses it must check what came out.
    """

    def __init__(self, algorithm: Algorithm, key: RSAPrivateKey) -> None:
        self._algorithm = algorithm
        self._key = key

    def decrypt_asymmetric(self, scheme: Scheme, ciphertext: bytes, label: bytes) -> bytes:
        """The plaintext. Raises `InvalidCiphertext`."""
        require(self._algorithm, Purpose.DECRYPT, scheme)
        return _decrypt(self._key, _encryption_padding(scheme, label), ciphertext)


def encrypt(key: RSAPublicKey, scheme: Scheme, plaintext: bytes, label: bytes) -> bytes:
    """What `RSADecrypter` opens. Raises `InvalidRequest` for more than there is room for."""
    try:
        return key.encrypt(plaintext, _encryption_padding(scheme, label))
    except ValueError:
        raise InvalidRequest(f"that is too long for {scheme} with this key") from None


class RSAWrapper(Wrapper):
    """Wraps short keys with OAEP."""

    def __init__(self, algorithm: Algorithm, key: RSAPrivateKey) -> None:
        self._algorithm = algorithm
        self._key = key
        self._public = key.public_key()
        self.modulus_bytes = key.key_size // 8

    def wrap(self, scheme: Scheme, material: bytes) -> bytes:
        """The material under the public key. Raises `InvalidRequest` for none, and for too much."""
        require(self._algorithm, Purpose.WRAP, scheme)
        if not material:
            raise InvalidRequest("there is nothing to wrap")
        return encrypt(self._public, scheme, material, b"")

    def unwrap(self, scheme: Scheme, wrapped: bytes) -> bytes:
        """The material. Raises `InvalidCiphertext`."""
        require(self._algorithm, Purpose.WRAP, scheme)
        return _decrypt(self._key, _encryption_padding(scheme, b""), wrapped)


def _decrypt(key: RSAPrivateKey, scheme: padding.AsymmetricPadding, ciphertext: bytes) -> bytes:
    try:
        return key.decrypt(ciphertext, scheme)
    except ValueError:
        raise InvalidCiphertext from None


def _signature_padding(scheme: Scheme) -> padding.AsymmetricPadding:
    if scheme not in _PSS:
        return padding.PKCS1v15()
    # The same hash in MGF1, a salt as long as the digest: RFC 8017, 9.1, and what all clouds do.
    algorithm = hash_in(scheme)
    return padding.PSS(mgf=padding.MGF1(algorithm), salt_length=algorithm.digest_size)


def _encryption_padding(scheme: Scheme, label: bytes) -> padding.AsymmetricPadding:
    if scheme is Scheme.RSA_1_5:
        if label:
            raise InvalidRequest(f"{scheme} has no label")
        return padding.PKCS1v15()
    algorithm = _OAEP[scheme]
    return padding.OAEP(mgf=padding.MGF1(algorithm), algorithm=algorithm, label=label or None)
