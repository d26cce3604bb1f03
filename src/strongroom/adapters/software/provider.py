"""The root of a node's keys, the namespace keys below it, and wrap format 1.

    wrap format 1   0x01 · erasure slot (4, zero) · random (32) · AES-256-GCM text and tag

`docs/formats/wrap-1.md` is the page about it.
"""

import hmac
import os
from typing import Final

# The library imports this when it is first needed, and a custodian opens no file by then.
import cryptography.hazmat.backends.openssl.backend  # noqa: F401
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from strongroom.adapters.software import materials
from strongroom.adapters.software.derivation import RANDOM_BYTES, ZERO_NONCE, derive
from strongroom.adapters.software.pairs import RSAKeys
from strongroom.adapters.software.pool import fresh
from strongroom.adapters.software.public import SoftwarePublicKeys
from strongroom.domain import envelope
from strongroom.domain.algorithms import ALGORITHMS, Algorithm, Kind, Purpose
from strongroom.domain.binding import bind
from strongroom.domain.errors import InvalidRequest, TamperedRecord
from strongroom.domain.sensitive import Sensitive
from strongroom.ports.provider import Generated, MaterialHandle, Pair

_WRAP_FORMAT: Final = b"\x01"
_NO_SLOT: Final = bytes(4)  # the erasure tree's leaf, once there is a tree
_KEY_BYTES: Final = 32

_WRAP_LABEL: Final = b"strongroom/wrap/1"
_MAC_LABEL: Final = b"strongroom/record-mac/1"
_ROOT_LABEL: Final = b"strongroom/root-wrap/1"


class SoftwareProvider:
    """The `Provider` port over a root key in memory. RSA keys come from `rsa_keys`."""

    def __init__(self, root: Sensitive, rsa_keys: RSAKeys = fresh) -> None:
        key = root.reveal()
        if len(key) != _KEY_BYTES:
            raise ValueError("a root key has 32 bytes")
        self._wrapping_key = Sensitive(derive(key, _ROOT_LABEL, b"")[0])
        self._mac_key = Sensitive(derive(key, _MAC_LABEL, b"")[0])
        self._public_keys = SoftwarePublicKeys()
        self._rsa_keys = rsa_keys

    def generate_namespace_key(self, binding: bytes) -> bytes:
        """A new namespace key, wrapped with this binding."""
        return _wrap(self._wrapping_key, os.urandom(_KEY_BYTES), binding)

    def open_namespace_key(self, wrapped: bytes, binding: bytes) -> "SoftwareNamespace":
        """An opened namespace key. Raises `TamperedRecord` when it does not open."""
        return SoftwareNamespace(
            Sensitive(_unwrap(self._wrapping_key, wrapped, binding)), self._rsa_keys
        )

    def generate_pair(self, algorithm: Algorithm) -> Pair:
        """A new key pair that is not kept. RSA takes seconds."""
        if ALGORITHMS[algorithm].kind is not Kind.ASYMMETRIC:
            raise InvalidRequest(f"{algorithm} has no key pairs", "$.algorithm")
        private, public = materials.made(algorithm, self._rsa_keys)
        return Pair(public, Sensitive(private))

    @property
    def public_keys(self) -> SoftwarePublicKeys:
        """The public half's operations."""
        return self._public_keys

    def mac(self, message: bytes) -> bytes:
        """HMAC-SHA-256 under a key of the root's own tree."""
        return hmac.digest(self._mac_key.reveal(), message, "sha256")

    def check_mac(self, message: bytes, mac: bytes) -> None:
        """Raises `TamperedRecord` when the MAC is not this message's. Constant time."""
        if not hmac.compare_digest(self.mac(message), mac):
            raise TamperedRecord


class SoftwareNamespace:
    """The `NamespaceHandle` port."""

    def __init__(self, key: Sensitive, rsa_keys: RSAKeys = fresh) -> None:
        self._key = key
        self._rsa_keys = rsa_keys

    def generate(self, algorithm: Algorithm, binding: bytes) -> Generated:
        """New material, wrapped with this binding."""
        return self._keep(materials.made(algorithm, self._rsa_keys), binding)

    def adopt(self, algorithm: Algorithm, material: bytes, binding: bytes) -> Generated:
        """Material that was made elsewhere, checked and wrapped with this binding."""
        return self._keep(materials.adopted(algorithm, material), binding)

    def open(
        self, algorithm: Algorithm, purpose: Purpose, wrapped: bytes, binding: bytes
    ) -> MaterialHandle:
        """Opened material. Raises `TamperedRecord` when it does not open with this binding."""
        material = _unwrap(self._key, wrapped, binding)
        try:
            return materials.opened(algorithm, purpose, material)
        except ValueError:
            raise TamperedRecord from None

    def _keep(self, made: tuple[bytes, bytes], binding: bytes) -> Generated:
        material, public = made
        return Generated(_wrap(self._key, material, binding), public)


def _wrap(key: Sensitive, material: bytes, binding: bytes) -> bytes:
    head = _WRAP_FORMAT + _NO_SLOT
    random = os.urandom(RANDOM_BYTES)
    once, _ = derive(key.reveal(), _WRAP_LABEL, random)
    return head + random + AESGCM(once).encrypt(ZERO_NONCE, material, bind(head, binding))


def _unwrap(key: Sensitive, wrapped: bytes, binding: bytes) -> bytes:
    head, random, sealed = wrapped[:5], wrapped[5:37], wrapped[37:]
    if head != _WRAP_FORMAT + _NO_SLOT or len(sealed) < envelope.TAG_BYTES:
        raise TamperedRecord
    once, _ = derive(key.reveal(), _WRAP_LABEL, random)
    try:
        return AESGCM(once).decrypt(ZERO_NONCE, sealed, bind(head, binding))
    except InvalidTag:
        raise TamperedRecord from None
