"""OTP secrets: HOTP (RFC 4226, 5.3), of which TOTP is the one by time, and OCRA (RFC 6287)."""

import hmac
from collections.abc import Sequence
from typing import Final

from strongroom.adapters.software.public import SoftwarePublicKeys
from strongroom.domain.algorithms import Algorithm
from strongroom.domain.errors import InvalidRequest
from strongroom.domain.otp.credential import Hash
from strongroom.domain.otp.ocra import OCRAInputs, Suite, data_input
from strongroom.domain.sensitive import Sensitive
from strongroom.ports.provider import OneTime

_HASHES: Final = {Hash.SHA1: "sha1", Hash.SHA256: "sha256", Hash.SHA512: "sha512"}
_COUNTERS: Final = 2**64


class SoftwareOneTime(OneTime):
    """See the port."""

    __slots__ = ("_hash", "_public_keys", "_secret")

    def __init__(self, hash_: Hash, secret: Sensitive, public_keys: SoftwarePublicKeys) -> None:
        self._hash = _HASHES[hash_]
        self._secret = secret
        self._public_keys = public_keys

    def matches(self, first: int, count: int, digits: int, code: str) -> int:
        """The smallest place of the code; -1: none."""
        secret, name, wanted = self._secret.reveal(), self._hash, _comparable(code, digits)
        modulus, equal = 10**digits, hmac.compare_digest
        at = -1
        for i in range(count - 1, -1, -1):
            value = first + i
            message = (value % _COUNTERS).to_bytes(8, "big")
            found = b"%0*d" % (digits, _truncated(hmac.digest(secret, message, name), modulus))
            # Nothing is skipped, whatever matched: a window takes as long as it is.
            if equal(found, wanted) and 0 <= value < _COUNTERS:
                at = i
        return at

    def code(self, value: int, digits: int) -> str:
        """HOTP(secret, value)."""
        digest = hmac.digest(self._secret.reveal(), value.to_bytes(8, "big"), self._hash)
        return str(_truncated(digest, 10**digits)).zfill(digits)

    def ocra(self, suite: Suite, inputs: OCRAInputs) -> str:
        """The response. Raises `InvalidRequest` for inputs that the suite has not."""
        digest = hmac.digest(self._secret.reveal(), data_input(suite, inputs), self._hash)
        return str(_truncated(digest, 10**suite.digits)).zfill(suite.digits)

    def ocra_matches(self, suite: Suite, inputs: Sequence[OCRAInputs], response: str) -> int:
        """The smallest place of the response; -1: none."""
        wanted = _comparable(response, suite.digits)
        at = -1
        for i in range(len(inputs) - 1, -1, -1):
            if hmac.compare_digest(self.ocra(suite, inputs[i]).encode(), wanted):
                at = i
        return at

    def reveal(self) -> Sensitive:
        """The secret, to be handed out once."""
        return self._secret

    def sealed_for(self, algorithm: Algorithm, public: bytes, info: bytes) -> bytes:
        """The secret, sealed to a device's public key. Raises `InvalidRequest`."""
        self._public_keys.check(algorithm, public)
        return self._public_keys.seal(algorithm, public, self._secret.reveal(), info)


def require_length(secret: Sensitive) -> None:
    """Raises `InvalidRequest` for an OTP secret that is too short to be one, or endless."""
    if not _LEAST <= len(secret.reveal()) <= _MOST:
        raise InvalidRequest(f"an OTP secret has {_LEAST} to {_MOST} bytes", "$.secret")


_LEAST: Final = 16  # RFC 4226, 4, R6
_MOST: Final = 128


def _truncated(digest: bytes, modulus: int) -> int:
    at = digest[-1] & 15
    return (int.from_bytes(digest[at : at + 4], "big") & 0x7FFFFFFF) % modulus


def _comparable(code: str, digits: int) -> bytes:
    """The code; what is none, as something that is as long and that no code is equal to."""
    if len(code) == digits and code.isascii() and code.isdigit():
        return code.encode()
    return b"x" * digits
