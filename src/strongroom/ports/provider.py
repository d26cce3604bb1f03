"""The provider: where key material is made and used. Nobody outside it sees material as bytes.

The promises: material leaves only wrapped; a handle is good until the process ends; wrapped
material opens only with the binding it was wrapped with, so that rows cannot be swapped; the
caller never chooses a nonce. Methods are synchronous. Those of RSA take milliseconds (making a key:
seconds) and are called from a thread; all are safe from several threads.

A handle has the methods of its key's purpose and no others: `handle_type` names its class. The
classes are abstract ones and not protocols: what a key may do is declared, never a matter of a
method's name, and `isinstance` costs a tenth of a microsecond on the path of every request.

An algorithm, purpose or scheme that the key does not have raises `InvalidRequest`.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import msgspec

from strongroom.domain.algorithms import Algorithm, Purpose, Scheme
from strongroom.domain.otp.credential import Hash
from strongroom.domain.otp.ocra import OCRAInputs, Suite
from strongroom.domain.sensitive import Sensitive
from strongroom.domain.transfers import Wrapping


class Generated(msgspec.Struct, frozen=True):
    """New material, wrapped; of a key pair also the public key (SubjectPublicKeyInfo, DER)."""

    wrapped: bytes
    public: bytes = b""


class Imported(msgspec.Struct, frozen=True):
    """Material from elsewhere. `fingerprint` is the same for the same material in that place.

    It is made with a key of the namespace, so that it tells nobody else what the material is.
    """

    wrapped: bytes
    public: bytes
    fingerprint: bytes


class Ticket(msgspec.Struct, frozen=True):
    """The private half of an RSA wrapping key: wrapped, with its binding."""

    algorithm: Algorithm
    wrapped: bytes
    binding: bytes


@dataclass(frozen=True)
class Pair:
    """A new key pair for somebody else's keeping: SubjectPublicKeyInfo and PKCS#8, DER."""

    public: bytes
    private: Sensitive


class Encapsulated(msgspec.Struct, frozen=True):
    """What goes to the other side, and the secret that both have then."""

    ciphertext: bytes
    shared_secret: bytes


class Cipher(ABC):
    """AES-256-GCM in ciphertext format 1."""

    @abstractmethod
    def encrypt(
        self, key_id: bytes, version: int, plaintext: bytes, context: dict[str, str]
    ) -> bytes:
        """A ciphertext of format 1. Raises `InvalidRequest` for a context beyond its limits."""

    @abstractmethod
    def decrypt(self, blob: bytes, context: dict[str, str]) -> bytes:
        """The plaintext. Raises `InvalidCiphertext`, for whatever reason it does not open."""


class RawCipher(ABC):
    """A cipher as the standards and the other clouds have it: nonce in front, tag behind."""

    @abstractmethod
    def encrypt_raw(self, plaintext: bytes, additional: bytes) -> bytes:
        """A nonce that is made here, at random · ciphertext · tag (if the algorithm has one).

        Raises `InvalidRequest` for additional data where the algorithm authenticates nothing.
        """

    @abstractmethod
    def decrypt_raw(self, blob: bytes, additional: bytes) -> bytes:
        """The plaintext. Raises `InvalidCiphertext`, for whatever reason it does not open."""


class Decrypter(ABC):
    """The private half of an encryption key pair."""

    @abstractmethod
    def decrypt_asymmetric(self, scheme: Scheme, ciphertext: bytes, label: bytes) -> bytes:
        """The plaintext. Raises `InvalidCiphertext`; takes as long whatever is wrong."""


class Signer(ABC):
    """The private half of a signing key pair. Verifying needs the public key only: `PublicKeys`."""

    @abstractmethod
    def sign(self, scheme: Scheme, message: bytes, *, digest: bool, context: bytes) -> bytes:
        """A signature; ECDSA as DER (`domain/signatures.py` knows the other form).

        `digest`: the message is its digest already, or mu for `ml-dsa-mu`, where it must be.
        `context` is for `ml-dsa` and `ed25519ph` only. Raises `InvalidRequest` for a digest of the
        wrong length, a digest or a context where the scheme has none, or a context of more than
        255 bytes.
        """


class MACMaker(ABC):
    """A MAC key."""

    @abstractmethod
    def mac(self, message: bytes) -> bytes:
        """The tag, whole."""

    @abstractmethod
    def check_mac(self, message: bytes, tag: bytes) -> bool:
        """Whether the tag is the message's. Constant time; a truncated tag is a wrong one."""


class Agreement(ABC):
    """The private half of an agreement key pair."""

    @abstractmethod
    def agree(self, peer: bytes) -> bytes:
        """The raw shared secret with this public key (SPKI DER, or raw for X25519).

        Raises `InvalidRequest` for a key that is not on the curve, not of it, or of small order.
        """


class Decapsulator(ABC):
    """The private half of a KEM or HPKE key pair.

    `decapsulate` is for the one, `open_sealed` for the other. An HPKE key shares no secrets with
    its user, those stay within HPKE; a KEM key opens nothing. Either raises `InvalidRequest` for
    what is the other's.
    """

    @abstractmethod
    def decapsulate(self, scheme: Scheme, ciphertext: bytes) -> bytes:
        """The shared secret. Raises `InvalidCiphertext` for a wrong length.

        ML-KEM rejects implicitly (FIPS 203, 6.3): an altered ciphertext gives another secret.
        """

    @abstractmethod
    def open_sealed(self, blob: bytes, info: bytes) -> bytes:
        """HPKE base mode: the plaintext of enc · ciphertext. Raises `InvalidCiphertext`."""


class Wrapper(ABC):
    """A key that wraps others."""

    @abstractmethod
    def wrap(self, scheme: Scheme, material: bytes) -> bytes:
        """The caller's material, wrapped. Raises `InvalidRequest` for a length that cannot be."""

    @abstractmethod
    def unwrap(self, scheme: Scheme, wrapped: bytes) -> bytes:
        """The material. Raises `InvalidCiphertext`, for whatever reason it does not open."""


MaterialHandle = (
    Cipher | RawCipher | Decrypter | Signer | MACMaker | Agreement | Decapsulator | Wrapper
)

_HANDLES: Final[dict[Purpose, type[MaterialHandle]]] = {
    Purpose.ENCRYPT_DECRYPT: RawCipher,
    Purpose.DECRYPT: Decrypter,
    Purpose.SIGN_VERIFY: Signer,
    Purpose.MAC: MACMaker,
    Purpose.AGREE: Agreement,
    Purpose.ENCAPSULATE: Decapsulator,
    Purpose.WRAP: Wrapper,
}


def handle_type(algorithm: Algorithm, purpose: Purpose) -> type[MaterialHandle]:
    """What `NamespaceHandle.open` returns for them."""
    return Cipher if algorithm is Algorithm.AES_256_GCM else _HANDLES[purpose]


class OneTime(ABC):
    """An OTP secret. Its codes are made and compared inside; a wrong one tells nobody anything."""

    @abstractmethod
    def matches(self, first: int, count: int, digits: int, code: str) -> int:
        """The smallest i < count with `code` = HOTP(secret, first + i); -1: none of them.

        All `count` values are made and compared, each in constant time, whatever matches. A code
        that is not exactly `digits` ASCII digits matches none, after the same work. Values that
        would be below 0 or above 2^64 - 1 match nothing.
        """

    @abstractmethod
    def code(self, value: int, digits: int) -> str:
        """HOTP(secret, value) (RFC 4226, 5.3)."""

    @abstractmethod
    def ocra(self, suite: Suite, inputs: OCRAInputs) -> str:
        """The response (RFC 6287). Raises `InvalidRequest` for inputs that the suite has not.

        The secret was opened with the suite's hash; another is a `RuntimeError`.
        """

    @abstractmethod
    def ocra_matches(self, suite: Suite, inputs: Sequence[OCRAInputs], response: str) -> int:
        """The smallest i whose inputs give `response`; -1: none. As `matches` does."""

    @abstractmethod
    def reveal(self) -> Sensitive:
        """The secret, to be handed out once: for an `otpauth` URI."""

    @abstractmethod
    def sealed_for(self, algorithm: Algorithm, public: bytes, info: bytes) -> bytes:
        """The secret sealed to a device's public key: HPKE base mode, enc · ciphertext.

        Raises `InvalidRequest` for a public key that is no sound one of the algorithm.
        """


class NamespaceHandle(Protocol):
    """An opened namespace key."""

    def generate(self, algorithm: Algorithm, binding: bytes) -> Generated:
        """New material, wrapped with this binding. RSA takes seconds."""

    def import_wrapped(
        self, algorithm: Algorithm, ticket: Ticket, wrapping: Wrapping, blob: bytes, binding: bytes
    ) -> Imported:
        """Material from elsewhere that was wrapped for the ticket's public half, with this binding.

        Symmetric keys as they are, private keys as PKCS#8 in DER (docs/formats/material-1.md).
        Raises `InvalidCiphertext` when it does not unwrap, for whatever reason; `InvalidRequest`:
        wrong size, another algorithm, a key that is not sound or weak. Nothing is kept then.
        """

    def fingerprint(
        self, algorithm: Algorithm, wrapped: bytes, binding: bytes, public: bytes
    ) -> bytes:
        """The fingerprint that `import_wrapped` would have given this material here.

        Raises `TamperedRecord` when it does not open. `public` is its public half, if it has one.
        """

    def export_wrapped(
        self, algorithm: Algorithm, wrapped: bytes, binding: bytes, public: bytes,
        wrapping: Wrapping,
    ) -> bytes:  # fmt: skip
        """Material in the form that `import_wrapped` takes, wrapped for this RSA public key.

        Raises `InvalidRequest` for a public key that is no sound one of 2048 bits or more, or
        material that does not fit the wrapping.
        """

    def generate_otp(self, length: int, binding: bytes) -> bytes:
        """A new OTP secret of so many bytes, 16 to 128, wrapped with this binding."""

    def import_otp(self, secret: Sensitive, binding: bytes) -> bytes:
        """An OTP secret from elsewhere, wrapped with this binding.

        Raises `InvalidRequest` for one of less than 16 or more than 128 bytes.
        """

    def open_otp(self, hash_: Hash, wrapped: bytes, binding: bytes) -> OneTime:
        """An opened OTP secret. Raises `TamperedRecord` when it does not open with this binding."""

    def decoy_otp(self, hash_: Hash) -> OneTime:
        """An OTP secret that nobody has, for as much work as a true one takes to open."""

    def pseudonym(self, purpose: str, text: bytes) -> bytes:
        """HMAC-SHA-256 under a key of the namespace for that purpose: 32 bytes."""

    def conceal(self, text: bytes, binding: bytes) -> bytes:
        """A few private bytes that are no key, wrapped with this binding."""

    def concealed(self, wrapped: bytes, binding: bytes) -> bytes:
        """They, opened. Raises `TamperedRecord` when they do not open with this binding."""

    def move(
        self, wrapped: bytes, binding: bytes, to: "NamespaceHandle", new_binding: bytes
    ) -> bytes:
        """Wrapped material, wrapped anew by another handle of this provider with another binding.

        Raises `TamperedRecord` when it does not open.
        """

    def open(
        self, algorithm: Algorithm, purpose: Purpose, wrapped: bytes, binding: bytes
    ) -> MaterialHandle:
        """Opened material. Raises `TamperedRecord` when it does not open with this binding."""


class PublicKeys(Protocol):
    """What can be done with public keys alone. `public` is SubjectPublicKeyInfo, DER."""

    def check(self, algorithm: Algorithm, public: bytes) -> None:
        """Raises `InvalidRequest` when this is no sound public key of the algorithm."""

    def verify(  # noqa: PLR0913 - what a signature depends on
        self, algorithm: Algorithm, scheme: Scheme, public: bytes, message: bytes,
        signature: bytes, *, digest: bool, context: bytes,
    ) -> bool:  # fmt: skip
        """Whether the signature is right. Raises `InvalidRequest` as `Signer.sign` does."""

    def encrypt_asymmetric(
        self, algorithm: Algorithm, scheme: Scheme, public: bytes, plaintext: bytes, label: bytes
    ) -> bytes:
        """What `Decrypter.decrypt_asymmetric` opens. Raises `InvalidRequest` when too long."""

    def encapsulate(self, algorithm: Algorithm, scheme: Scheme, public: bytes) -> Encapsulated:
        """A shared secret for the key's owner. Raises `InvalidRequest` for HPKE: `seal` instead."""

    def seal(self, algorithm: Algorithm, public: bytes, plaintext: bytes, info: bytes) -> bytes:
        """HPKE base mode: enc · ciphertext."""

    def pem(self, public: bytes) -> str:
        """The key between its two PEM lines (RFC 7468)."""

    def jwk(self, algorithm: Algorithm, public: bytes) -> dict[str, str] | None:
        """The members that make the key (RFC 7517). None where the standards agree on none."""


class Provider(Protocol):
    """The root of a node's keys."""

    def generate_namespace_key(self, binding: bytes) -> bytes:
        """A new namespace key, wrapped with this binding."""

    def open_namespace_key(self, wrapped: bytes, binding: bytes) -> NamespaceHandle:
        """An opened namespace key. Raises `TamperedRecord` when it does not open."""

    def backup_key(self) -> NamespaceHandle:
        """What backups are wrapped with: the same wherever the same root key is."""

    def generate_pair(self, algorithm: Algorithm) -> Pair:
        """A new key pair that is not kept. RSA takes seconds."""

    @property
    def public_keys(self) -> PublicKeys:
        """The public half's operations."""

    def mac(self, message: bytes) -> bytes:
        """A record's MAC: 32 bytes."""

    def check_mac(self, message: bytes, mac: bytes) -> None:
        """Raises `TamperedRecord` when the MAC is not this message's."""
