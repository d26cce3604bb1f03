"""The algorithms a key can have, as data. Documentation and OpenAPI are read from this table."""

from enum import StrEnum
from typing import Final

import msgspec


class Purpose(StrEnum):
    """What a key is for. A key has one purpose (NIST SP 800-57 part 1, 5.2)."""

    ENCRYPT_DECRYPT = "encrypt-decrypt"


class Algorithm(StrEnum):
    """The name by which a key asks for its algorithm."""

    AES_256_GCM = "aes-256-gcm"


class Facts(msgspec.Struct, frozen=True):
    """What is known of an algorithm."""

    purpose: Purpose
    material_bytes: int
    standard: str
    summary: str


ALGORITHMS: Final[dict[Algorithm, Facts]] = {
    Algorithm.AES_256_GCM: Facts(
        purpose=Purpose.ENCRYPT_DECRYPT,
        material_bytes=32,
        standard="NIST SP 800-38D, SP 800-108r1",
        summary="ciphertext format 1: a key per message, committed; no limit on messages",
    ),
}

DEFAULT: Final = Algorithm.AES_256_GCM
