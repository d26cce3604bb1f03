"""Why a code was not right: the reason classes of audit entries, and of answers to a few."""

from enum import StrEnum


class Reason(StrEnum):
    """A class of reasons. The word is stored in entries; none of them says anything of the code."""

    UNKNOWN = "unknown"  # no such credential, or none of this namespace
    NO_CREDENTIAL = "no-credential"  # the user has no active one
    WRONG_CODE = "wrong-code"
    REPLAYED = "replayed"  # it was right once: what it stands at is used up
    CHALLENGE = "challenge"  # none is open, it has expired, or it is for another transaction
    PENDING = "pending"
    SUSPENDED = "suspended"
    REVOKED = "revoked"
    DESTROYED = "destroyed"
    LOCKED = "locked"
    DELAYED = "delayed"
    RATE = "rate"  # more attempts than the credential's profile allows
