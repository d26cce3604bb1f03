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

from strongroom.adapters.software import materials, transfer
from strongroom.adapters.software.derivation import RANDOM_BYTES, ZERO_NONCE, derive, first_half
from strongroom.adapters.software.one_time import SoftwareOneTime, require_length
from strongroom.adapters.software.pairs import RSAKeys
from strongroom.adapters.software.pool import fresh
from strongroom.adapters.software.public import SoftwarePublicKeys
from strongroom.adapters.software.rsa import RSAWrapper
from strongroom.domain import envelope
from strongroom.domain.algorithms import ALGORITHMS, Algorithm, Kind, Purpose
from strongroom.domain.binding import bind
from strongroom.domain.errors import InvalidRequest, TamperedRecord
from strongroom.domain.keyed import KeyedHash
from strongroom.domain.otp.credential import SECRET_BYTES, Hash
from strongroom.domain.sensitive import Sensitive
from strongroom.domain.transfers import Wrapping
from strongroom.ports.provider import (
    Generated,
    Imported,
    MaterialHandle,
    NamespaceHandle,
    Pair,
    Ticket,
)

_WRAP_FORMAT: Final = b"\x01"
_NO_SLOT: Final = bytes(4)  # the erasure tree's leaf, once there is a tree
_WRAP_HEAD: Final = _WRAP_FORMAT + _NO_SLOT
_BOUND_HEAD: Final = bind(_WRAP_HEAD)  # the first of the two parts that a wrapping is bound to
_KEY_BYTES: Final = 32

_WRAP_LABEL: Final = b"strongroom/wrap/1"
_MAC_LABEL: Final = b"strongroom/record-mac/1"
_ROOT_LABEL: Final = b"strongroom/root-wrap/1"
_BACKUP_LABEL: Final = b"strongroom/backup-wrap/1"
_PSEUDONYM_LABEL: Final = b"strongroom/pseudonym/1/"
_FINGERPRINT_LABEL: Final = b"strongroom/fingerprint/1"
# As long as a true one, so that it takes as long to authenticate; no true one begins like it.
_DECOY_BINDING: Final = b"decoy".ljust(152, b"\0")
_PUBLIC_KEYS: Final = SoftwarePublicKeys()


class SoftwareProvider:
    """The `Provider` port over a root key in memory. RSA keys come from `rsa_keys`."""

    def __init__(self, root: Sensitive, rsa_keys: RSAKeys = fresh) -> None:
        key = root.reveal()
        if len(key) != _KEY_BYTES:
            raise ValueError("a root key has 32 bytes")
        self._wrapping_key = KeyedHash(derive(key, _ROOT_LABEL, b"")[0], "sha256")
        self._mac_key = KeyedHash(derive(key, _MAC_LABEL, b"")[0], "sha256")
        self._backup_key = SoftwareNamespace(Sensitive(derive(key, _BACKUP_LABEL, b"")[0]))
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

    def backup_key(self) -> "SoftwareNamespace":
        """What backups are wrapped with: of the root key alone, whatever the deployment."""
        return self._backup_key

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
        return self._mac_key.digest(message)

    def check_mac(self, message: bytes, mac: bytes) -> None:
        """Raises `TamperedRecord` when the MAC is not this message's. Constant time."""
        if not hmac.compare_digest(self.mac(message), mac):
            raise TamperedRecord


class SoftwareNamespace:
    """The `NamespaceHandle` port."""

    def __init__(self, key: Sensitive, rsa_keys: RSAKeys = fresh) -> None:
        self._key = key
        self._wrapping_key = KeyedHash(key.reveal(), "sha256")
        self._rsa_keys = rsa_keys
        self._decoys: dict[Hash, bytes] = {}
        self._pseudonym_keys: dict[str, KeyedHash] = {}  # by purpose, of which there are a few

    def generate(self, algorithm: Algorithm, binding: bytes) -> Generated:
        """New material, wrapped with this binding."""
        return self._keep(materials.made(algorithm, self._rsa_keys), binding)

    def import_wrapped(
        self, algorithm: Algorithm, ticket: Ticket, wrapping: Wrapping, blob: bytes, binding: bytes
    ) -> Imported:
        """Material that was wrapped for the ticket's public half, checked; now with this binding.

        Raises `InvalidCiphertext`, `InvalidRequest`; `TamperedRecord` for a ticket that is none.
        """
        handle = self.open(ticket.algorithm, Purpose.WRAP, ticket.wrapped, ticket.binding)
        if not isinstance(handle, RSAWrapper):
            raise TamperedRecord
        material = transfer.unwrapped(handle, wrapping, blob)
        made = self._adopt(algorithm, material, binding)
        fingerprint = self._fingerprint(algorithm, made.public or material)
        return Imported(made.wrapped, made.public, fingerprint)

    def fingerprint(
        self, algorithm: Algorithm, wrapped: bytes, binding: bytes, public: bytes
    ) -> bytes:
        """The fingerprint of material that is here. Raises `TamperedRecord`."""
        material = _unwrap(self._wrapping_key, wrapped, binding)
        return self._fingerprint(algorithm, public or material)

    def export_wrapped(
        self, algorithm: Algorithm, wrapped: bytes, binding: bytes, public: bytes,
        wrapping: Wrapping,
    ) -> bytes:  # fmt: skip
        """Material for this RSA public key. Raises `InvalidRequest`, `TamperedRecord`."""
        transfer.require_fit(algorithm, wrapping)
        recipient = transfer.recipient(public)
        return transfer.wrapped(recipient, wrapping, _unwrap(self._wrapping_key, wrapped, binding))

    def generate_otp(self, length: int, binding: bytes) -> bytes:
        """A new OTP secret of so many bytes, wrapped. Raises `InvalidRequest` for a length."""
        require_length(length)
        return _wrap(self._wrapping_key, os.urandom(length), binding)

    def import_otp(self, secret: Sensitive, binding: bytes) -> bytes:
        """An OTP secret from elsewhere, wrapped. Raises `InvalidRequest` for a length."""
        material = secret.reveal()
        require_length(len(material))
        return _wrap(self._wrapping_key, material, binding)

    def open_otp(self, hash_: Hash, wrapped: bytes, binding: bytes) -> SoftwareOneTime:
        """An opened OTP secret. Raises `TamperedRecord`."""
        secret = Sensitive(_unwrap(self._wrapping_key, wrapped, binding))
        return SoftwareOneTime(hash_, secret, _PUBLIC_KEYS)

    def decoy_otp(self, hash_: Hash) -> SoftwareOneTime:
        """An OTP secret that nobody has. Opened like a true one, which takes as long."""
        wrapped = self._decoys.get(hash_)
        if wrapped is None:
            wrapped = self.generate_otp(SECRET_BYTES[hash_], _DECOY_BINDING)
            self._decoys[hash_] = wrapped
        return self.open_otp(hash_, wrapped, _DECOY_BINDING)

    def pseudonym(self, purpose: str, text: bytes) -> bytes:
        """HMAC-SHA-256 under a key of the namespace for that purpose."""
        key = self._pseudonym_keys.get(purpose)
        if key is None:
            label = _PSEUDONYM_LABEL + purpose.encode()
            key = KeyedHash(first_half(self._wrapping_key, label, b""), "sha256")
            self._pseudonym_keys[purpose] = key
        return key.digest(text)

    def conceal(self, text: bytes, binding: bytes) -> bytes:
        """Private bytes that are no key, wrapped."""
        return _wrap(self._wrapping_key, text, binding)

    def concealed(self, wrapped: bytes, binding: bytes) -> bytes:
        """They, opened. Raises `TamperedRecord`."""
        return _unwrap(self._wrapping_key, wrapped, binding)

    def move(
        self, wrapped: bytes, binding: bytes, to: NamespaceHandle, new_binding: bytes
    ) -> bytes:
        """Wrapped material, wrapped anew by another handle. Raises `TamperedRecord`."""
        if not isinstance(to, SoftwareNamespace):
            raise RuntimeError("material moves between handles of one provider")  # noqa: TRY004 - ours, no caller's
        material = _unwrap(self._wrapping_key, wrapped, binding)
        return to._keep((material, b""), new_binding).wrapped  # noqa: SLF001 - of the same class

    def _adopt(self, algorithm: Algorithm, material: bytes, binding: bytes) -> Generated:
        # Apart from import_wrapped() so that test vectors can enter here, and a caller cannot.
        return self._keep(materials.adopted(algorithm, material), binding)

    def _fingerprint(self, algorithm: Algorithm, what: bytes) -> bytes:
        # `what` of a pair is its public key: an RSA private key has more than one spelling.
        key = derive(self._key.reveal(), _FINGERPRINT_LABEL, b"")[0]
        return hmac.digest(key, bind(algorithm.encode(), what), "sha256")

    def open(
        self, algorithm: Algorithm, purpose: Purpose, wrapped: bytes, binding: bytes
    ) -> MaterialHandle:
        """Opened material. Raises `TamperedRecord` when it does not open with this binding."""
        material = _unwrap(self._wrapping_key, wrapped, binding)
        try:
            return materials.opened(algorithm, purpose, material)
        except ValueError:
            raise TamperedRecord from None

    def _keep(self, made: tuple[bytes, bytes], binding: bytes) -> Generated:
        material, public = made
        return Generated(_wrap(self._wrapping_key, material, binding), public)


def _wrap(key: KeyedHash, material: bytes, binding: bytes) -> bytes:
    random = os.urandom(RANDOM_BYTES)
    once = first_half(key, _WRAP_LABEL, random)
    sealed = AESGCM(once).encrypt(ZERO_NONCE, material, _BOUND_HEAD + bind(binding))
    return _WRAP_HEAD + random + sealed


def _unwrap(key: KeyedHash, wrapped: bytes, binding: bytes) -> bytes:
    head, random, sealed = wrapped[:5], wrapped[5:37], wrapped[37:]
    if head != _WRAP_HEAD or len(sealed) < envelope.TAG_BYTES:
        raise TamperedRecord
    once = first_half(key, _WRAP_LABEL, random)
    try:
        return AESGCM(once).decrypt(ZERO_NONCE, sealed, _BOUND_HEAD + bind(binding))
    except InvalidTag:
        raise TamperedRecord from None
