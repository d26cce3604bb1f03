"""The software provider: material is made and used in this process's memory, with OpenSSL.

Two formats are built and opened here. Both take a fresh 32-byte random value, derive from it a key
that encrypts once, and so need no nonce: AES-256-GCM under a key that is never used again may have
nonce zero.

    wrap format 1        0x01 · erasure slot (4, zero) · random (32) · AES-256-GCM text and tag
    ciphertext format 1  domain/envelope.py

The derivation is KBKDF in counter mode with HMAC-SHA-256 (NIST SP 800-108r1, 4.1), 32-bit counter
and length: [i] || label || 0x00 || context || [L].
"""

import hmac
import os
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from strongroom.domain import envelope
from strongroom.domain.algorithms import ALGORITHMS, Algorithm
from strongroom.domain.binding import bind
from strongroom.domain.errors import InvalidCiphertext, TamperedRecord
from strongroom.domain.sensitive import Sensitive

_NONCE: Final = bytes(12)  # each derived key encrypts exactly one message
_WRAP_FORMAT: Final = b"\x01"
_NO_SLOT: Final = bytes(4)  # the erasure tree's leaf, once there is a tree
_WRAP_RANDOM_BYTES: Final = 32
_ROOT_BYTES: Final = 32

_MESSAGE_LABEL: Final = b"strongroom/ciphertext/1"
_WRAP_LABEL: Final = b"strongroom/wrap/1"
_MAC_LABEL: Final = b"strongroom/record-mac/1"
_ROOT_LABEL: Final = b"strongroom/root-wrap/1"


class SoftwareProvider:
    """The `Provider` port over a root key in memory."""

    def __init__(self, root: Sensitive) -> None:
        key = root.reveal()
        if len(key) != _ROOT_BYTES:
            raise ValueError("a root key has 32 bytes")
        self._wrapping_key = Sensitive(_derive(key, _ROOT_LABEL, b"")[0])
        self._mac_key = Sensitive(_derive(key, _MAC_LABEL, b"")[0])

    def generate_namespace_key(self, binding: bytes) -> bytes:
        """A new namespace key, wrapped with this binding."""
        return _wrap(self._wrapping_key, os.urandom(32), binding)

    def open_namespace_key(self, wrapped: bytes, binding: bytes) -> "SoftwareNamespace":
        """An opened namespace key. Raises `TamperedRecord` when it does not open."""
        return SoftwareNamespace(Sensitive(_unwrap(self._wrapping_key, wrapped, binding)))

    def mac(self, message: bytes) -> bytes:
        """HMAC-SHA-256 under a key of the root's own tree."""
        return hmac.digest(self._mac_key.reveal(), message, "sha256")

    def check_mac(self, message: bytes, mac: bytes) -> None:
        """Raises `TamperedRecord` when the MAC is not this message's. Constant time."""
        if not hmac.compare_digest(self.mac(message), mac):
            raise TamperedRecord


class SoftwareNamespace:
    """The `NamespaceHandle` port."""

    def __init__(self, key: Sensitive) -> None:
        self._key = key

    def generate(self, algorithm: Algorithm, binding: bytes) -> bytes:
        """New material, wrapped with this binding."""
        return _wrap(self._key, os.urandom(ALGORITHMS[algorithm].material_bytes), binding)

    def open(self, algorithm: Algorithm, wrapped: bytes, binding: bytes) -> "SoftwareMaterial":
        """Opened material. Raises `TamperedRecord` when it does not open with this binding."""
        material = _unwrap(self._key, wrapped, binding)
        if len(material) != ALGORITHMS[algorithm].material_bytes:
            raise TamperedRecord
        return SoftwareMaterial(Sensitive(material))


class SoftwareMaterial:
    """The `MaterialHandle` port for AES-256-GCM in ciphertext format 1."""

    def __init__(self, key: Sensitive) -> None:
        self._key = key

    def encrypt(
        self, key_id: bytes, version: int, plaintext: bytes, context: dict[str, str]
    ) -> bytes:
        """A ciphertext of format 1. Raises `InvalidRequest` for a context beyond its limits."""
        return self._encrypt_with(
            os.urandom(envelope.RANDOM_BYTES), key_id, version, plaintext, context
        )

    def _encrypt_with(
        self, random: bytes, key_id: bytes, version: int, plaintext: bytes, context: dict[str, str]
    ) -> bytes:
        # Apart from encrypt() so that test vectors can enter here, and a caller cannot.
        message_key, commitment = _derive(self._key.reveal(), _MESSAGE_LABEL, random)
        sealed = AESGCM(message_key).encrypt(
            _NONCE, plaintext, envelope.authenticated(key_id, version, context)
        )
        return envelope.join(envelope.header(key_id, version), random, commitment, sealed)

    def decrypt(self, blob: bytes, context: dict[str, str]) -> bytes:
        """The plaintext. Raises `InvalidCiphertext`, for whatever reason it does not open."""
        parts = envelope.split(blob)
        message_key, commitment = _derive(self._key.reveal(), _MESSAGE_LABEL, parts.random)
        # The commitment first: AES-GCM alone lets one ciphertext open under two keys.
        if not hmac.compare_digest(commitment, parts.commitment):
            raise InvalidCiphertext
        try:
            return AESGCM(message_key).decrypt(
                _NONCE, parts.sealed, envelope.authenticated(parts.key_id, parts.version, context)
            )
        except InvalidTag:
            raise InvalidCiphertext from None


def _derive(key: bytes, label: bytes, context: bytes) -> tuple[bytes, bytes]:
    """64 bytes of KBKDF output, as two halves."""
    fixed = label + b"\0" + context + b"\0\0\2\0"  # [L] is 512 bits
    return (
        hmac.digest(key, b"\0\0\0\1" + fixed, "sha256"),
        hmac.digest(key, b"\0\0\0\2" + fixed, "sha256"),
    )


def _wrap(key: Sensitive, material: bytes, binding: bytes) -> bytes:
    head = _WRAP_FORMAT + _NO_SLOT
    random = os.urandom(_WRAP_RANDOM_BYTES)
    once, _ = _derive(key.reveal(), _WRAP_LABEL, random)
    return head + random + AESGCM(once).encrypt(_NONCE, material, bind(head, binding))


def _unwrap(key: Sensitive, wrapped: bytes, binding: bytes) -> bytes:
    head, random, sealed = wrapped[:5], wrapped[5:37], wrapped[37:]
    if head != _WRAP_FORMAT + _NO_SLOT or len(sealed) < envelope.TAG_BYTES:
        raise TamperedRecord
    once, _ = _derive(key.reveal(), _WRAP_LABEL, random)
    try:
        return AESGCM(once).decrypt(_NONCE, sealed, bind(head, binding))
    except InvalidTag:
        raise TamperedRecord from None
