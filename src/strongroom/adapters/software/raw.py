"""Raw ciphers: nonce · ciphertext · tag, as the standards and the other clouds have it.

Nonces are random. 96 bits of them allow 2^32 messages for a key (SP 800-38D, 8.3); whoever counts
the uses stops well before. GCM-SIV withstands a repeated nonce, XAES has 192 bits.

CBC and CTR authenticate nothing. Whoever can ask for decryptions of altered CBC ciphertexts and see
which are refused can read them (Vaudenay, 2002): integrity is the caller's, and is checked first.
"""

import os
from typing import Final, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import cmac, padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, AESGCMSIV, ChaCha20Poly1305

from strongroom.domain.algorithms import Algorithm
from strongroom.domain.errors import InvalidCiphertext, InvalidRequest
from strongroom.ports.provider import RawCipher

_NONCE_BYTES: Final = 12
_XAES_NONCE_BYTES: Final = 24
_TAG_BYTES: Final = 16
_BLOCK_BYTES: Final = 16


def raw_cipher(algorithm: Algorithm, key: bytes) -> RawCipher:
    """The algorithm's cipher over this key."""
    match algorithm:
        case Algorithm.AES_128_GCM_RAW | Algorithm.AES_256_GCM_RAW:
            return Authenticated(AESGCM(key), _NONCE_BYTES)
        case Algorithm.AES_256_GCM_SIV:
            return Authenticated(AESGCMSIV(key), _NONCE_BYTES)
        case Algorithm.CHACHA20_POLY1305:
            return Authenticated(ChaCha20Poly1305(key), _NONCE_BYTES)
        case Algorithm.XAES_256_GCM:
            return Authenticated(XAES(key), _XAES_NONCE_BYTES)
        case Algorithm.AES_128_CBC_RAW | Algorithm.AES_256_CBC_RAW:
            return CBC(key)
        case Algorithm.AES_128_CTR_RAW | Algorithm.AES_256_CTR_RAW:
            return CTR(key)
        case _:
            raise RuntimeError(f"{algorithm} is no raw cipher")


class AEAD(Protocol):
    """What the library's authenticated ciphers have in common."""

    def encrypt(self, nonce: bytes, data: bytes, associated_data: bytes | None, /) -> bytes:
        """Ciphertext and tag."""

    def decrypt(self, nonce: bytes, data: bytes, associated_data: bytes | None, /) -> bytes:
        """The plaintext. Raises `InvalidTag`."""


class Authenticated(RawCipher):
    """An authenticated cipher with a random nonce in front."""

    def __init__(self, aead: AEAD, nonce_bytes: int) -> None:
        self._aead = aead
        self._nonce_bytes = nonce_bytes

    def encrypt_raw(self, plaintext: bytes, additional: bytes) -> bytes:
        """Nonce · ciphertext · tag."""
        return self._encrypt_with(os.urandom(self._nonce_bytes), plaintext, additional)

    def _encrypt_with(self, nonce: bytes, plaintext: bytes, additional: bytes) -> bytes:
        # Apart from encrypt_raw() so that test vectors can enter here, and a caller cannot.
        return nonce + self._aead.encrypt(nonce, plaintext, additional)

    def decrypt_raw(self, blob: bytes, additional: bytes) -> bytes:
        """The plaintext. Raises `InvalidCiphertext`, for whatever reason it does not open."""
        nonce, sealed = blob[: self._nonce_bytes], blob[self._nonce_bytes :]
        if len(sealed) < _TAG_BYTES:
            raise InvalidCiphertext
        try:
            return self._aead.decrypt(nonce, sealed, additional)
        except InvalidTag:
            raise InvalidCiphertext from None


class XAES:
    """XAES-256-GCM (c2sp.org/XAES-256-GCM): AES-256-GCM under a key from half of a long nonce.

    The derivation is KBKDF in counter mode with AES-CMAC (SP 800-108r1, 4.1), one block a half.
    """

    def __init__(self, key: bytes) -> None:
        self._cmac = cmac.CMAC(algorithms.AES(key))

    def encrypt(self, nonce: bytes, data: bytes, associated_data: bytes | None) -> bytes:
        """Ciphertext and tag."""
        return self._inner(nonce).encrypt(nonce[12:], data, associated_data)

    def decrypt(self, nonce: bytes, data: bytes, associated_data: bytes | None) -> bytes:
        """The plaintext. Raises `InvalidTag`."""
        return self._inner(nonce).decrypt(nonce[12:], data, associated_data)

    def _inner(self, nonce: bytes) -> AESGCM:
        halves = []
        for counter in (b"\0\1", b"\0\2"):
            half = self._cmac.copy()
            half.update(counter + b"X\0" + nonce[:12])
            halves.append(half.finalize())
        return AESGCM(b"".join(halves))


class CBC(RawCipher):
    """AES-CBC with PKCS#7 padding and a random initialisation vector in front."""

    def __init__(self, key: bytes) -> None:
        self._aes = algorithms.AES(key)

    def encrypt_raw(self, plaintext: bytes, additional: bytes) -> bytes:
        """Initialisation vector · ciphertext."""
        _refuse(additional)
        return self._encrypt_with(os.urandom(_BLOCK_BYTES), plaintext)

    def _encrypt_with(self, vector: bytes, plaintext: bytes) -> bytes:
        padder = padding.PKCS7(_BLOCK_BYTES * 8).padder()
        padded = padder.update(plaintext) + padder.finalize()
        context = Cipher(self._aes, modes.CBC(vector)).encryptor()
        return vector + context.update(padded) + context.finalize()

    def decrypt_raw(self, blob: bytes, additional: bytes) -> bytes:
        """The plaintext. Raises `InvalidCiphertext`, for whatever reason it does not open."""
        _refuse(additional)
        if len(blob) < 2 * _BLOCK_BYTES or len(blob) % _BLOCK_BYTES:
            raise InvalidCiphertext
        context = Cipher(self._aes, modes.CBC(blob[:_BLOCK_BYTES])).decryptor()
        padded = context.update(blob[_BLOCK_BYTES:]) + context.finalize()
        unpadder = padding.PKCS7(_BLOCK_BYTES * 8).unpadder()
        try:
            return unpadder.update(padded) + unpadder.finalize()
        except ValueError:
            raise InvalidCiphertext from None


class CTR(RawCipher):
    """AES-CTR with a random initial counter block in front."""

    def __init__(self, key: bytes) -> None:
        self._aes = algorithms.AES(key)

    def encrypt_raw(self, plaintext: bytes, additional: bytes) -> bytes:
        """Initial counter block · ciphertext."""
        _refuse(additional)
        return self._encrypt_with(os.urandom(_BLOCK_BYTES), plaintext)

    def _encrypt_with(self, counter: bytes, plaintext: bytes) -> bytes:
        context = Cipher(self._aes, modes.CTR(counter)).encryptor()
        return counter + context.update(plaintext) + context.finalize()

    def decrypt_raw(self, blob: bytes, additional: bytes) -> bytes:
        """The plaintext. Raises `InvalidCiphertext` for what is shorter than a counter block."""
        _refuse(additional)
        if len(blob) < _BLOCK_BYTES:
            raise InvalidCiphertext
        context = Cipher(self._aes, modes.CTR(blob[:_BLOCK_BYTES])).decryptor()
        return context.update(blob[_BLOCK_BYTES:]) + context.finalize()


def _refuse(additional: bytes) -> None:
    if additional:
        raise InvalidRequest("this algorithm authenticates nothing: leave additional data out")
