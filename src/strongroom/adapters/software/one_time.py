"""OTP secrets: HOTP (RFC 4226, 5.3), of which TOTP is the one by time, and OCRA (RFC 6287)."""

import hmac
from collections.abc import Sequence
from typing import Final

from strongroom.adapters.software.public import SoftwarePublicKeys
from strongroom.domain.algorithms import Algorithm
from strongroom.domain.errors import InvalidRequest
from strongroom.domain.keyed import KeyedHash
from strongroom.domain.otp.credential import Hash
from strongroom.domain.otp.ocra import OCRAInputs, Suite, data_input
from strongroom.domain.sensitive import Sensitive
from strongroom.ports.provider import OneTime

SECRET_BYTES_LEAST: Final = 16  # RFC 4226, 4, R6
SECRET_BYTES_MOST: Final = 128

_HASHES: Final = {Hash.SHA1: "sha1", Hash.SHA256: "sha256", Hash.SHA512: "sha512"}
_COUNTERS: Final = 2**64
_NUMBER_BYTES: Final = 8  # of a code as a number; 10 digits need 5


class SoftwareOneTime(OneTime):
    """See the port."""

    __slots__ = ("_hash", "_mac", "_public_keys", "_secret")

    def __init__(self, hash_: Hash, secret: Sensitive, public_keys: SoftwarePublicKeys) -> None:
        self._hash = hash_
        self._mac = KeyedHash(secret.reveal(), _HASHES[hash_])
        self._secret = secret
        self._public_keys = public_keys

    def matches(self, first: int, count: int, digits: int, code: str) -> int:
        """The smallest place of the code; -1: none."""
        modulus = 10**digits
        # As numbers of the same size; of what is no code, one that no code is.
        number = int(code) if _is_code(code, digits) else modulus
        wanted = number.to_bytes(_NUMBER_BYTES, "big")
        mac, equal = self._mac.digest, hmac.compare_digest
        at = -1
        for i in range(count - 1, -1, -1):
            value = first + i
            found = _truncated(mac((value % _COUNTERS).to_bytes(8, "big")), modulus)
            # Nothing is skipped, whatever matched: a window takes as long as it is.
            equals = equal(found.to_bytes(_NUMBER_BYTES, "big"), wanted)
            if equals and 0 <= value < _COUNTERS:
                at = i
        return at

    def code(self, value: int, digits: int) -> str:
        """HOTP(secret, value)."""
        return _spelt(self._mac.digest(value.to_bytes(8, "big")), digits)

    def ocra(self, suite: Suite, inputs: OCRAInputs) -> str:
        """The response. Raises `InvalidRequest` for inputs that the suite has not."""
        if suite.hash is not self._hash:
            raise RuntimeError("an OCRA secret is opened with its suite's hash")
        return _spelt(self._mac.digest(data_input(suite, inputs)), suite.digits)

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


def require_length(size: int) -> None:
    """Raises `InvalidRequest` for an OTP secret that is too short to be one, or endless."""
    if not SECRET_BYTES_LEAST <= size <= SECRET_BYTES_MOST:
        raise InvalidRequest(
            f"an OTP secret has {SECRET_BYTES_LEAST} to {SECRET_BYTES_MOST} bytes", "$.secret"
        )


def _spelt(digest: bytes, digits: int) -> str:
    return str(_truncated(digest, 10**digits)).zfill(digits)


def _truncated(digest: bytes, modulus: int) -> int:
    # RFC 4226, 5.3: the last byte says where four bytes are taken. Their top bit is dropped, so
    # that signed and unsigned readers agree.
    at = digest[-1] & 15
    return (int.from_bytes(digest[at : at + 4], "big") & 0x7FFFFFFF) % modulus


def _comparable(code: str, digits: int) -> bytes:
    """The code; what is none, as something that is as long and that no code is equal to."""
    return code.encode() if _is_code(code, digits) else b"x" * digits


def _is_code(code: str, digits: int) -> bool:
    return len(code) == digits and code.isascii() and code.isdigit()
