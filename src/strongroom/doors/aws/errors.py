"""Refusals in AWS's words: a code that clients match on, a message, a status.

The model gives no status: errors of the caller's are 400, ours 500 (what AWS answers).
"""

from typing import Final

import msgspec

from strongroom.domain.errors import (
    AlreadyExists,
    ChangedMeanwhile,
    Gone,
    InvalidCiphertext,
    InvalidRequest,
    KeyNotUsable,
    NotAllowed,
    NotFound,
    RateLimited,
    Restored,
    TamperedRecord,
    TooLarge,
    Unauthenticated,
    Unavailable,
)

_OURS: Final = frozenset(
    {"DependencyTimeoutException", "KMSInternalException", "KeyUnavailableException"}
)
_THEIRS: Final = 400

# What a custodian's refusal is called where nothing more is known of it.
NAMES: Final[dict[str, str]] = {
    InvalidRequest.code: "ValidationException",
    TooLarge.code: "ValidationException",
    Unauthenticated.code: "UnrecognizedClientException",
    NotAllowed.code: "AccessDeniedException",
    NotFound.code: "NotFoundException",
    Gone.code: "NotFoundException",
    AlreadyExists.code: "AlreadyExistsException",
    ChangedMeanwhile.code: "ConflictException",
    KeyNotUsable.code: "KMSInvalidStateException",
    RateLimited.code: "ThrottlingException",
    InvalidCiphertext.code: "InvalidCiphertextException",
    TamperedRecord.code: "KMSInternalException",
    Restored.code: "KMSInternalException",
    Unavailable.code: "KMSInternalException",
}
STATUSES: Final = {code: 500 if name in _OURS else _THEIRS for code, name in NAMES.items()}


class AWSError(Exception):
    """AWS would say no. Some codes have no message at all (`InvalidCiphertextException`)."""

    def __init__(self, code: str, message: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.message = message

    @property
    def status(self) -> int:
        """The HTTP status."""
        return 500 if self.code in _OURS else _THEIRS

    @property
    def body(self) -> bytes:
        """As JSON 1.1 has it."""
        said = {"__type": self.code}
        if self.message:
            said["message"] = self.message
        return msgspec.json.encode(said)


def serialization(message: str = "") -> AWSError:
    """The body is not what the operation's shape says."""
    return AWSError("SerializationException", message)


def validation(message: str) -> AWSError:
    """A value is out of its bounds, or does not go with another."""
    return AWSError("ValidationException", message)


def not_found(what: str) -> AWSError:
    """No such key or alias, or none that the caller may know of."""
    return AWSError("NotFoundException", what)
