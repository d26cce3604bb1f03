"""The arithmetic of protected values: CBC with padding, key wrap, RSA, PBKDF2, MACs.

What fails, fails as `NotAuthenticError`: one message, so that padding, MAC and key are not told
apart by somebody who tries.
"""

import hashlib
import hmac
from typing import Final

from cryptography.hazmat.primitives import hashes, keywrap
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from strongroom.pskc.errors import NotAuthenticError

_BLOCK: Final = 16
_HASHES: Final[dict[str, type[hashes.HashAlgorithm]]] = {
    "sha1": hashes.SHA1,  # within OAEP: no collision helps there
    "sha256": hashes.SHA256,
    "sha512": hashes.SHA512,
}


def check_mac(key: bytes, digest: str, message: bytes, mac: bytes) -> None:
    """Return if it is the message's MAC. A shortened one is not."""
    if not hmac.compare_digest(hmac.digest(key, message, digest), mac):
        raise NotAuthenticError


def mac(key: bytes, digest: str, message: bytes) -> bytes:
    """The message's MAC, whole."""
    return hmac.digest(key, message, digest)


def open_cbc(key: bytes, sealed: bytes) -> bytes:
    """Initialisation vector · ciphertext, opened. Whether it was altered, only a MAC tells."""
    if len(sealed) < 2 * _BLOCK or len(sealed) % _BLOCK:
        raise NotAuthenticError
    decryptor = Cipher(algorithms.AES(key), modes.CBC(sealed[:_BLOCK])).decryptor()
    padded = decryptor.update(sealed[_BLOCK:]) + decryptor.finalize()
    # XML Encryption, 5.2: the last byte is the length; what is before it is arbitrary.
    filler = padded[-1]
    if not 1 <= filler <= _BLOCK:
        raise NotAuthenticError
    return padded[:-filler]


def seal_cbc(key: bytes, iv: bytes, plain: bytes) -> bytes:
    """Initialisation vector · ciphertext. `iv`: 16 bytes, random, never twice."""
    filler = _BLOCK - len(plain) % _BLOCK
    encryptor = Cipher(algorithms.AES(key), modes.CBC(iv)).encryptor()
    return iv + encryptor.update(plain + bytes([filler]) * filler) + encryptor.finalize()


def unwrap(key: bytes, wrapped: bytes, *, padded: bool) -> bytes:
    """RFC 3394, or RFC 5649: both know by themselves whether the bytes were altered."""
    work = keywrap.aes_key_unwrap_with_padding if padded else keywrap.aes_key_unwrap
    try:
        return work(key, wrapped)
    except (keywrap.InvalidUnwrap, ValueError):
        raise NotAuthenticError from None


def open_oaep(key: RSAPrivateKey, sealed: bytes, digest: str, mgf: str) -> bytes:
    """RSAES-OAEP without a label."""
    return _open_rsa(key, sealed, _oaep(digest, mgf))


def open_rsa_1_5(key: RSAPrivateKey, sealed: bytes) -> bytes:
    """RSAES-PKCS1-v1_5. What was altered opens as random bytes, and nothing tells."""
    return _open_rsa(key, sealed, padding.PKCS1v15())


def seal_oaep(key: RSAPublicKey, plain: bytes, digest: str) -> bytes:
    """RSAES-OAEP, MGF1 with the same hash, without a label."""
    return key.encrypt(plain, _oaep(digest, digest))


def pbkdf2(password: bytes, digest: str, salt: bytes, iterations: int, length: int) -> bytes:
    """PKCS #5 v2: `length` bytes. The caller has looked at the bounds."""
    return hashlib.pbkdf2_hmac(digest, password, salt, iterations, length)


def _open_rsa(key: RSAPrivateKey, sealed: bytes, how: padding.AsymmetricPadding) -> bytes:
    try:
        return key.decrypt(sealed, how)
    except ValueError:
        raise NotAuthenticError from None


def _oaep(digest: str, mgf: str) -> padding.OAEP:
    return padding.OAEP(padding.MGF1(_HASHES[mgf]()), _HASHES[digest](), label=None)
