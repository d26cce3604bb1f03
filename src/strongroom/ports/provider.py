"""The provider: where key material is made and used. Nobody outside it sees material as bytes.

The promises: material leaves only wrapped; a handle is good until the process ends; wrapped
material opens only with the binding it was wrapped with, so that rows cannot be swapped; the
caller never chooses a nonce. Methods are synchronous, below a millisecond, and used by one thread.
"""

from typing import Protocol

from strongroom.domain.algorithms import Algorithm


class NamespaceHandle(Protocol):
    """An opened namespace key."""

    def generate(self, algorithm: Algorithm, binding: bytes) -> bytes:
        """New material, wrapped with this binding."""

    def open(self, algorithm: Algorithm, wrapped: bytes, binding: bytes) -> "MaterialHandle":
        """Opened material. Raises `TamperedRecord` when it does not open with this binding."""


class MaterialHandle(Protocol):
    """Opened material of one version of a key."""

    def encrypt(
        self, key_id: bytes, version: int, plaintext: bytes, context: dict[str, str]
    ) -> bytes:
        """A ciphertext of format 1. Raises `InvalidRequest` for a context beyond its limits."""

    def decrypt(self, blob: bytes, context: dict[str, str]) -> bytes:
        """The plaintext. Raises `InvalidCiphertext`, for whatever reason it does not open."""


class Provider(Protocol):
    """The root of a node's keys."""

    def generate_namespace_key(self, binding: bytes) -> bytes:
        """A new namespace key, wrapped with this binding."""

    def open_namespace_key(self, wrapped: bytes, binding: bytes) -> NamespaceHandle:
        """An opened namespace key. Raises `TamperedRecord` when it does not open."""

    def mac(self, message: bytes) -> bytes:
        """A record's MAC: 32 bytes."""

    def check_mac(self, message: bytes, mac: bytes) -> None:
        """Raises `TamperedRecord` when the MAC is not this message's."""
