"""HMAC (FIPS 198-1)."""

import hmac
from typing import Final

from strongroom.domain.algorithms import Algorithm
from strongroom.domain.sensitive import Sensitive
from strongroom.ports.provider import MACMaker

HASHES: Final[dict[Algorithm, str]] = {
    Algorithm.HMAC_SHA1: "sha1",
    Algorithm.HMAC_SHA224: "sha224",
    Algorithm.HMAC_SHA256: "sha256",
    Algorithm.HMAC_SHA384: "sha384",
    Algorithm.HMAC_SHA512: "sha512",
}


class HMACMaker(MACMaker):
    """Tags are as long as the hash."""

    def __init__(self, algorithm: Algorithm, key: Sensitive) -> None:
        self._hash = HASHES[algorithm]
        self._key = key

    def mac(self, message: bytes) -> bytes:
        """The tag, whole."""
        return hmac.digest(self._key.reveal(), message, self._hash)

    def check_mac(self, message: bytes, tag: bytes) -> bool:
        """Whether the tag is the message's. Constant time; a truncated tag is a wrong one."""
        return hmac.compare_digest(self.mac(message), tag)
