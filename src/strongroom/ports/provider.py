"""The provider: where key material is made and used. Nobody outside it sees material as bytes.

The promises: material leaves only wrapped; a handle is good until the process ends; wrapped
material opens only with the binding it was wrapped with, so that rows cannot be swapped; the
caller never chooses a nonce. Methods are synchronous. Those of `slow` algorithms (RSA) take
milliseconds and are called from a thread; all are safe from several threads.

A handle has the methods of its key's purpose and no others: `open` returns the type that
`HANDLES` names for it.
"""

from typing import Final, Protocol, runtime_checkable

import msgspec

from strongroom.domain.algorithms import Algorithm, Purpose, Scheme


class Generated(msgspec.Struct, frozen=True):
    """New material, wrapped; of a key pair also the public key (SubjectPublicKeyInfo, DER)."""

    wrapped: bytes
    public: bytes = b""


class Encapsulated(msgspec.Struct, frozen=True):
    """What goes to the other side, and the secret that both have then."""

    ciphertext: bytes
    shared_secret: bytes


@runtime_checkable
class Cipher(Protocol):
    """AES-256-GCM in ciphertext format 1."""

    def encrypt(
        self, key_id: bytes, version: int, plaintext: bytes, context: dict[str, str]
    ) -> bytes:
        """A ciphertext of format 1. Raises `InvalidRequest` for a context beyond its limits."""

    def decrypt(self, blob: bytes, context: dict[str, str]) -> bytes:
        """The plaintext. Raises `InvalidCiphertext`, for whatever reason it does not open."""


@runtime_checkable
class RawCipher(Protocol):
    """A cipher as the standards and the other clouds have it: nonce in front, tag behind."""

    def encrypt_raw(self, plaintext: bytes, additional: bytes) -> bytes:
        """nonce · ciphertext · tag (if the algorithm has one). The nonce is made here, at random.

        Raises `InvalidRequest` for additional data where the algorithm authenticates nothing.
        """

    def decrypt_raw(self, blob: bytes, additional: bytes) -> bytes:
        """The plaintext. Raises `InvalidCiphertext`, for whatever reason it does not open."""


@runtime_checkable
class Decrypter(Protocol):
    """The private half of an encryption key pair."""

    def decrypt_asymmetric(self, scheme: Scheme, ciphertext: bytes, label: bytes) -> bytes:
        """The plaintext. Raises `InvalidCiphertext`; takes as long whatever is wrong."""


@runtime_checkable
class Signer(Protocol):
    """The private half of a signing key pair. Verifying needs the public key only: `verify` below."""

    def sign(self, scheme: Scheme, message: bytes, *, digest: bool, context: bytes) -> bytes:
        """A signature, ECDSA as DER. `digest`: the message is its digest (or mu) already.

        `context` is for ML-DSA. Raises `InvalidRequest`: wrong length of a digest, a context or a digest
        where the scheme has none.
        """


@runtime_checkable
class MACMaker(Protocol):
    """A MAC key."""

    def mac(self, message: bytes) -> bytes:
        """The tag, whole."""

    def check_mac(self, message: bytes, tag: bytes) -> bool:
        """Whether the tag is the message's. Constant time; a truncated tag is a wrong one."""


@runtime_checkable
class Agreement(Protocol):
    """The private half of an agreement key pair."""

    def agree(self, peer: bytes) -> bytes:
        """The raw shared secret with this public key (SPKI DER, or raw for X25519).

        Raises `InvalidRequest` for a key that is not on the curve, not of it, or of small order.
        """


@runtime_checkable
class Decapsulator(Protocol):
    """The private half of a KEM or HPKE key pair."""

    def decapsulate(self, scheme: Scheme, ciphertext: bytes) -> bytes:
        """The shared secret. Raises `InvalidCiphertext` for a wrong length, or where it can be told."""

    def open_sealed(self, blob: bytes, info: bytes, additional: bytes) -> bytes:
        """HPKE base mode: the plaintext of enc · ciphertext. Raises `InvalidCiphertext`."""


@runtime_checkable
class Wrapper(Protocol):
    """A key that wraps others."""

    def wrap(self, scheme: Scheme, material: bytes) -> bytes:
        """The caller's material, wrapped. Raises `InvalidRequest` for a length that cannot be."""

    def unwrap(self, scheme: Scheme, wrapped: bytes) -> bytes:
        """The material. Raises `InvalidCiphertext`, for whatever reason it does not open."""


MaterialHandle = (
    Cipher | RawCipher | Decrypter | Signer | MACMaker | Agreement | Decapsulator | Wrapper
)

HANDLES: Final[dict[Purpose, type]] = {
    Purpose.DECRYPT: Decrypter,
    Purpose.SIGN_VERIFY: Signer,
    Purpose.MAC: MACMaker,
    Purpose.AGREE: Agreement,
    Purpose.ENCAPSULATE: Decapsulator,
    Purpose.WRAP: Wrapper,
}
"""By purpose; `encrypt-decrypt` is a `Cipher` for the default algorithm, else a `RawCipher`."""


class NamespaceHandle(Protocol):
    """An opened namespace key."""

    def generate(self, algorithm: Algorithm, binding: bytes) -> Generated:
        """New material, wrapped with this binding. RSA takes seconds."""

    def open(
        self, algorithm: Algorithm, purpose: Purpose, wrapped: bytes, binding: bytes
    ) -> MaterialHandle:
        """Opened material. Raises `TamperedRecord` when it does not open with this binding."""


class PublicKeys(Protocol):
    """What can be done with public keys alone. `public` is SubjectPublicKeyInfo, DER."""

    def verify(
        self, algorithm: Algorithm, scheme: Scheme, public: bytes, message: bytes,
        signature: bytes, *, digest: bool, context: bytes,
    ) -> bool:  # fmt: skip
        """Whether the signature is right. Raises `InvalidRequest` as `Signer.sign` does."""

    def encapsulate(self, algorithm: Algorithm, scheme: Scheme, public: bytes) -> Encapsulated:
        """A shared secret for the key's owner."""

    def seal(
        self, algorithm: Algorithm, public: bytes, plaintext: bytes, info: bytes, additional: bytes
    ) -> bytes:
        """HPKE base mode: enc · ciphertext."""


class Provider(Protocol):
    """The root of a node's keys."""

    def generate_namespace_key(self, binding: bytes) -> bytes:
        """A new namespace key, wrapped with this binding."""

    def open_namespace_key(self, wrapped: bytes, binding: bytes) -> NamespaceHandle:
        """An opened namespace key. Raises `TamperedRecord` when it does not open."""

    @property
    def public_keys(self) -> PublicKeys:
        """The public half's operations."""

    def mac(self, message: bytes) -> bytes:
        """A record's MAC: 32 bytes."""

    def check_mac(self, message: bytes, mac: bytes) -> None:
        """Raises `TamperedRecord` when the MAC is not this message's."""
