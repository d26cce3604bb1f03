"""What is remembered: the bodies of records. All are JSON; bytes are base64 in them."""

from enum import StrEnum

import msgspec

from strongroom.domain.algorithms import Algorithm, Purpose
from strongroom.domain.lifecycle import State


class Protection(StrEnum):
    """Where material is used."""

    SOFTWARE = "software"


class Origin(StrEnum):
    """Where material came from."""

    GENERATED = "generated"


class Namespace(msgspec.Struct, frozen=True):
    """A tenant. `wrapped_key` is the namespace key, wrapped by the root key."""

    wrapped_key: bytes
    created_us: int


class Key(msgspec.Struct, frozen=True):
    """A key. Its material is in its versions."""

    algorithm: Algorithm
    protection: Protection
    origin: Origin
    state: State
    current_version: int
    labels: dict[str, str]
    description: str
    created_us: int
    purpose: Purpose = Purpose.ENCRYPT_DECRYPT  # rows of before there were others do not say it


class Version(msgspec.Struct, frozen=True):
    """A version of a key. `wrapped` is its material, wrapped by the namespace key.

    `public` is the public key of a pair: SubjectPublicKeyInfo, DER. `uses_reserved` counts messages
    where the algorithm bounds them, in blocks (`services/allowances.py`).
    """

    algorithm: Algorithm
    state: State
    wrapped: bytes
    created_us: int
    public: bytes = b""
    uses_reserved: int = 0


class Principal(msgspec.Struct, frozen=True):
    """An identity."""

    roles: list[str]
    description: str
    disabled: bool
    created_us: int


class Token(msgspec.Struct, frozen=True):
    """An API token. Only the SHA-256 of the token is kept."""

    principal: bytes
    principal_name: str
    hash: bytes
    description: str
    revoked: bool
    created_us: int
    expires_us: int


class Policies(msgspec.Struct, frozen=True):
    """All policies of a namespace: one record, so that none can be taken out unnoticed."""

    texts: dict[str, str]
    revisions: dict[str, int]


def version_id(key_id: bytes, version: int) -> bytes:
    """The id of a version's record."""
    return key_id + version.to_bytes(4, "big")
