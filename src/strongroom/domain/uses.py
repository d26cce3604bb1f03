"""Asks and answers of the operations that use material otherwise than by encrypt and decrypt."""

from enum import StrEnum
from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from strongroom.domain import limits
from strongroom.domain.algorithms import Algorithm, Scheme
from strongroom.domain.asks import Answer, Ask, Problem
from strongroom.domain.words import (
    Ciphertext,
    Context,
    Digest,
    KeyAddress,
    KeyBlob,
    Message,
    Signature,
    SignatureContext,
    Tag,
    VersionNumber,
)


class Encoding(StrEnum):
    """How an ECDSA signature is written: a DER sequence, or r and s side by side (P1363)."""

    DER = "der"
    P1363 = "p1363"


# --- sign and verify ------------------------------------------------------------------------------


class SignItem(Ask, kw_only=True):
    """One message, or its digest."""

    message: Message | UnsetType = UNSET
    digest: Digest | UnsetType = UNSET

    def __post_init__(self) -> None:
        """Refuse neither and both."""
        if (self.message is UNSET) is (self.digest is UNSET):
            raise ValueError("give either message or digest")


class Sign(Ask, kw_only=True):
    """One message or digest, or `items`. Everything else holds for all items."""

    message: Message | UnsetType = UNSET
    digest: Digest | UnsetType = UNSET
    scheme: Scheme | UnsetType = UNSET
    encoding: Encoding = Encoding.DER
    signature_context: SignatureContext = b""
    items: (
        Annotated[list[SignItem], Meta(min_length=1, max_length=limits.BATCH_ITEMS_MAX)] | UnsetType
    ) = UNSET

    def __post_init__(self) -> None:
        """Refuse none and several of the three."""
        if [self.message, self.digest, self.items].count(UNSET) != 2:  # noqa: PLR2004 - of three
            raise ValueError("give one of message, digest and items")


class Signed(Answer):
    """A signature, by which version and scheme."""

    signature: bytes
    key_version: int
    scheme: Scheme


class SignedItem(Answer, omit_defaults=True):
    """The outcome of one item: a signature, or an `error`."""

    signature: bytes | UnsetType = UNSET
    error: Problem | UnsetType = UNSET


class SignedBatch(Answer):
    """The outcomes, in the order of the items."""

    items: list[SignedItem]
    key_version: int
    scheme: Scheme


class VerifyItem(Ask, kw_only=True):
    """One signature, and the message or the digest that it is said to be of."""

    signature: Signature
    message: Message | UnsetType = UNSET
    digest: Digest | UnsetType = UNSET

    def __post_init__(self) -> None:
        """Refuse neither and both."""
        if (self.message is UNSET) is (self.digest is UNSET):
            raise ValueError("give either message or digest")


class Verify(Ask, kw_only=True):
    """A signature and what it is said to be of, or `items`. Everything else holds for all items.

    `key_version`: the current one if not given.
    """

    signature: Signature | UnsetType = UNSET
    message: Message | UnsetType = UNSET
    digest: Digest | UnsetType = UNSET
    scheme: Scheme | UnsetType = UNSET
    encoding: Encoding = Encoding.DER
    signature_context: SignatureContext = b""
    key_version: VersionNumber | UnsetType = UNSET
    items: (
        Annotated[list[VerifyItem], Meta(min_length=1, max_length=limits.BATCH_ITEMS_MAX)]
        | UnsetType
    ) = UNSET

    def __post_init__(self) -> None:
        """Refuse none and several of the three, and a signature without what it is of."""
        if [self.message, self.digest, self.items].count(UNSET) != 2 or (  # noqa: PLR2004 - of three
            (self.signature is UNSET) is (self.items is UNSET)
        ):
            raise ValueError("give signature and one of message and digest, or items; not both")


class Verified(Answer):
    """Whether it is right. A wrong signature is an answer, not a refusal."""

    valid: bool
    key_version: int


class VerifiedItem(Answer, omit_defaults=True):
    """The outcome of one item: whether it is right, or an `error`."""

    valid: bool | UnsetType = UNSET
    error: Problem | UnsetType = UNSET


class VerifiedBatch(Answer):
    """The outcomes, in the order of the items."""

    items: list[VerifiedItem]
    key_version: int


# --- MAC ------------------------------------------------------------------------------------------


class MACItem(Ask, kw_only=True):
    """One message."""

    message: Message


class MAC(Ask, kw_only=True):
    """A message, or `items`."""

    message: Message | UnsetType = UNSET
    items: (
        Annotated[list[MACItem], Meta(min_length=1, max_length=limits.BATCH_ITEMS_MAX)] | UnsetType
    ) = UNSET

    def __post_init__(self) -> None:
        """Refuse neither and both."""
        if (self.message is UNSET) is (self.items is UNSET):
            raise ValueError("give either message or items")


class MACMade(Answer):
    """Its tag."""

    tag: bytes
    key_version: int


class MACMadeItem(Answer, omit_defaults=True):
    """The outcome of one item: a tag, or an `error`."""

    tag: bytes | UnsetType = UNSET
    error: Problem | UnsetType = UNSET


class MACBatch(Answer):
    """The outcomes, in the order of the items."""

    items: list[MACMadeItem]
    key_version: int


class VerifyMACItem(Ask, kw_only=True):
    """One message and the tag said to be of it."""

    message: Message
    tag: Tag


class VerifyMAC(Ask, kw_only=True):
    """A message and the tag said to be of it, or `items`. One `key_version` holds for all items.

    It is the current one if not given.
    """

    message: Message | UnsetType = UNSET
    tag: Tag | UnsetType = UNSET
    key_version: VersionNumber | UnsetType = UNSET
    items: (
        Annotated[list[VerifyMACItem], Meta(min_length=1, max_length=limits.BATCH_ITEMS_MAX)]
        | UnsetType
    ) = UNSET

    def __post_init__(self) -> None:
        """Refuse neither and both, and half of the one."""
        if [self.message, self.tag, self.items].count(UNSET) != (
            2 if self.items is not UNSET else 1
        ):
            raise ValueError("give either message and tag, or items; not both")


# --- data keys ------------------------------------------------------------------------------------


class GenerateDataKey(Ask, kw_only=True):
    """A new key for the caller's own use, and its ciphertext to keep. Nobody here remembers it."""

    bytes: Annotated[int, Meta(ge=1, le=limits.DATA_KEY_BYTES_MAX)] = 32
    context: Context = {}  # noqa: RUF012 - msgspec copies it
    with_plaintext: bool = True


class DataKey(Answer, omit_defaults=True):
    """The ciphertext, which decrypt opens, and, if it was wanted, the plaintext."""

    ciphertext: bytes
    key_version: int
    plaintext: bytes | UnsetType = UNSET


class GenerateDataKeyPair(Ask, kw_only=True):
    """Likewise a key pair. RSA takes a moment."""

    algorithm: Algorithm
    context: Context = {}  # noqa: RUF012 - msgspec copies it
    with_plaintext: bool = True


class DataKeyPair(Answer, omit_defaults=True):
    """The public key (SPKI, DER), the private key's ciphertext, and, if wanted, itself (PKCS#8)."""

    public_key: bytes
    ciphertext: bytes
    key_version: int
    private_key: bytes | UnsetType = UNSET


class ReEncryptItem(Ask, kw_only=True):
    """One ciphertext of a batch. Without `new_context`, the context stays the same."""

    ciphertext: Ciphertext
    context: Context = {}  # noqa: RUF012 - as above
    new_context: Context | UnsetType = UNSET


class ReEncrypt(Ask, kw_only=True):
    """A ciphertext of any key that the caller may use so; it becomes one of the key addressed.

    Or `items`, of any such keys. A ciphertext of RSA does not say what it is of: it needs
    `source_key`, and `source_version` unless it is the current one. `scheme` and `source_scheme`
    are for RSA.
    """

    ciphertext: Ciphertext | UnsetType = UNSET
    context: Context = {}  # noqa: RUF012 - as above
    new_context: Context | UnsetType = UNSET
    scheme: Scheme | UnsetType = UNSET
    source_key: KeyAddress = ""
    source_scheme: Scheme | UnsetType = UNSET
    source_version: VersionNumber | UnsetType = UNSET
    items: (
        Annotated[list[ReEncryptItem], Meta(min_length=1, max_length=limits.BATCH_ITEMS_MAX)]
        | UnsetType
    ) = UNSET

    def __post_init__(self) -> None:
        """Refuse neither and both."""
        others = (self.new_context, self.scheme, self.source_scheme, self.source_version)
        if (self.ciphertext is UNSET) is (self.items is UNSET) or (
            self.items is not UNSET
            and (self.context or self.source_key or any(one is not UNSET for one in others))
        ):
            raise ValueError(
                "give either ciphertext and, if you like, what belongs to it, or items; not both"
            )


class ReEncrypted(Answer):
    """The new ciphertext. The plaintext has not left."""

    ciphertext: bytes
    key_version: int
    source_key: str
    source_version: int


class ReEncryptedItem(Answer, omit_defaults=True):
    """The outcome of one item: a result, or an `error`."""

    ciphertext: bytes | UnsetType = UNSET
    source_key: str | UnsetType = UNSET
    source_version: int | UnsetType = UNSET
    error: Problem | UnsetType = UNSET


class ReEncryptedBatch(Answer):
    """The outcomes, in the order of the items."""

    items: list[ReEncryptedItem]
    key_version: int


# --- agree, encapsulate, wrap ---------------------------------------------------------------------


class Agree(Ask, kw_only=True):
    """The other side's public key: SPKI in DER, or 32 raw bytes for X25519."""

    public_key: KeyBlob
    key_version: VersionNumber | UnsetType = UNSET


class SharedSecret(Answer):
    """The raw shared secret. Derive keys from it; do not use it as one."""

    shared_secret: bytes
    key_version: int


class Encapsulate(Ask, kw_only=True):
    """No fields but the scheme."""

    scheme: Scheme | UnsetType = UNSET


class Encapsulation(Answer):
    """What the key's owner gets, and the secret that only both then have."""

    ciphertext: bytes
    shared_secret: bytes
    key_version: int


class Decapsulate(Ask, kw_only=True):
    """What encapsulate returned, here or elsewhere."""

    ciphertext: KeyBlob
    scheme: Scheme | UnsetType = UNSET
    key_version: VersionNumber | UnsetType = UNSET


class WrapKey(Ask, kw_only=True):
    """The caller's own key material."""

    material: KeyBlob
    scheme: Scheme | UnsetType = UNSET


class Wrapped(Answer):
    """It, wrapped."""

    wrapped: bytes
    key_version: int
    scheme: Scheme


class UnwrapKey(Ask, kw_only=True):
    """What wrap returned, here or elsewhere."""

    wrapped: KeyBlob
    scheme: Scheme | UnsetType = UNSET
    key_version: VersionNumber | UnsetType = UNSET


class Unwrapped(Answer):
    """The material."""

    material: bytes
    key_version: int


# --- public keys, random bytes, the catalogue -----------------------------------------------------


class ReadPublicKey(Ask, kw_only=True):
    """`key_version`: the current one if not given."""

    key_version: VersionNumber | UnsetType = UNSET


class PublicKey(Answer, omit_defaults=True):
    """A public key in the three usual ways. Some algorithms have no JWK."""

    name: str
    key_version: int
    algorithm: Algorithm
    der: bytes
    pem: str
    jwk: dict[str, str] | UnsetType = UNSET


class GenerateRandom(Ask, kw_only=True):
    """How many."""

    bytes: Annotated[int, Meta(ge=1, le=limits.RANDOM_BYTES_MAX)] = 32


class Randomness(Answer):
    """Bytes from the kernel's generator."""

    random: bytes
