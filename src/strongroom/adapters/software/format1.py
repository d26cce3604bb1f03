"""Ciphertext format 1: a key of its own for every message, and a commitment to it.

The bytes are laid out in `domain/envelope.py`; here they are computed.
"""

import hmac
import os
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from strongroom.adapters.software.derivation import ZERO_NONCE, halves
from strongroom.domain import envelope
from strongroom.domain.errors import InvalidCiphertext
from strongroom.domain.keyed import KeyedHash
from strongroom.domain.sensitive import Sensitive
from strongroom.ports.provider import Cipher

_LABEL: Final = b"strongroom/ciphertext/1"


class FormatOneCipher(Cipher):
    """The `Cipher` port: AES-256-GCM in ciphertext format 1."""

    def __init__(self, key: Sensitive) -> None:
        self._key = KeyedHash(key.reveal(), "sha256")

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
        message_key, commitment = halves(self._key, _LABEL, random)
        sealed = AESGCM(message_key).encrypt(
            ZERO_NONCE, plaintext, envelope.authenticated(key_id, version, context)
        )
        return envelope.join(envelope.header(key_id, version), random, commitment, sealed)

    def decrypt(self, blob: bytes, context: dict[str, str]) -> bytes:
        """The plaintext. Raises `InvalidCiphertext`, for whatever reason it does not open."""
        parts = envelope.split(blob)
        message_key, commitment = halves(self._key, _LABEL, parts.random)
        # The commitment first: AES-GCM alone lets one ciphertext open under two keys.
        if not hmac.compare_digest(commitment, parts.commitment):
            raise InvalidCiphertext
        try:
            return AESGCM(message_key).decrypt(
                ZERO_NONCE,
                parts.sealed,
                envelope.authenticated(parts.key_id, parts.version, context),
            )
        except InvalidTag:
            raise InvalidCiphertext from None
