"""All refusals, as one tree. A door maps the leaves to its protocol's words in one table.

    Refusal
    ├── InvalidRequest        the request is malformed; says what is wrong and what would be right
    ├── TooLarge              a limit was exceeded; names the limit
    ├── Unauthenticated       no identity was proven; the one dull message for every cause
    ├── NotAllowed            identity known, right missing; carries a decision id and nothing else
    ├── NotFound              no such thing, or none that this caller may know of
    ├── Gone                  a link that is used up, expired, or never was: one message for all
    ├── AlreadyExists         the name is taken
    ├── ChangedMeanwhile      somebody else's change came first; read again and decide again
    ├── KeyNotUsable          the key or version is in a state that forbids this use
    ├── RateLimited           the key's own limit of uses in a time was reached; try again later
    ├── InvalidCiphertext     the one dull message for every bad ciphertext
    ├── TamperedRecord        a stored row is not as it was written: nothing is done with it
    ├── Restored              the database is older than its log's last checkpoint, or not its own
    └── Unavailable           the ledger, the clock or a room does not answer; try again later

Messages name ids, states and limits. They never contain input bytes or anything secret.
"""

from typing import ClassVar


class Refusal(Exception):  # noqa: N818 - a refusal is an answer of ours, not a fault of the program
    """Strongroom says no. `code` is stable for ever; `detail` is for people and may change."""

    code: ClassVar[str] = "refused"
    title: ClassVar[str] = "Refused"

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail or self.title)
        self.detail = detail or self.title


class InvalidRequest(Refusal):
    """The request is malformed. `pointer` is where, as a path such as `$.labels`."""

    code = "invalid-request"
    title = "The request is not valid"

    def __init__(self, detail: str = "", pointer: str = "") -> None:
        super().__init__(detail)
        self.pointer = pointer


class TooLarge(Refusal):
    """A limit of `domain/limits.py` was exceeded."""

    code = "too-large"
    title = "The request is larger than the limit"


class Unauthenticated(Refusal):
    """No identity was proven. Deliberately one for an unknown, wrong, expired, revoked token."""

    code = "unauthenticated"
    title = "Valid credentials are needed"


class NotAllowed(Refusal):
    """The right is missing. Who may read decisions looks the reason up by the decision id."""

    code = "not-allowed"
    title = "Not allowed"


class NotFound(Refusal):
    """There is no such thing, or none that this caller may know of."""

    code = "not-found"
    title = "Not found"


class Gone(Refusal):
    """A link opens nothing. Deliberately one for used up, expired, unknown and malformed."""

    code = "gone"
    title = "This link is used up or expired; ask for a new one"


class AlreadyExists(Refusal):
    """The name is taken."""

    code = "already-exists"
    title = "The name is taken"


class ChangedMeanwhile(Refusal):
    """Somebody else's change came first."""

    code = "changed-meanwhile"
    title = "Somebody else changed this at the same time; read it again and decide again"


class KeyNotUsable(Refusal):
    """The key or version is in a state that forbids this use or this transition."""

    code = "key-not-usable"
    title = "The key is not in a state that allows this"


class RateLimited(Refusal):
    """The key is used as often as its rate limit allows."""

    code = "rate-limited"
    title = "The key is used as often as its rate limit allows; try again later"


class InvalidCiphertext(Refusal):
    """One message for truncated, altered, foreign, unknown: the difference helps an attacker."""

    code = "invalid-ciphertext"
    title = "The ciphertext or its context is not valid"


class TamperedRecord(Refusal):
    """A stored row fails its MAC or does not open: it is not used, and an operator must look."""

    code = "tampered-record"
    title = "A stored record failed its integrity check; the request was refused"


class Restored(Refusal):
    """The database is not the one whose log was signed last; the detail says what is different.

    Nothing is done until a person decides.
    """

    code = "restored"
    title = "The database is not the one that the log's last checkpoint is of; nothing is done"


class Unavailable(Refusal):
    """Nothing was decided, or nothing is known of the outcome. Safe to try again."""

    code = "unavailable"
    title = "Strongroom cannot answer now; try again"


REFUSALS: tuple[type[Refusal], ...] = (
    InvalidRequest,
    TooLarge,
    Unauthenticated,
    NotAllowed,
    NotFound,
    Gone,
    AlreadyExists,
    ChangedMeanwhile,
    KeyNotUsable,
    RateLimited,
    InvalidCiphertext,
    TamperedRecord,
    Restored,
    Unavailable,
)
