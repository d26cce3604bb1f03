"""The exit codes, as one table, and which refusal ends in which.

`strongroom --help` and `docs/reference/cli.md` are made of it.
"""

from enum import IntEnum
from typing import Final


class Exit(IntEnum):
    """How a command ended. Scripts rely on these: a number never changes its meaning."""

    DONE = 0
    REFUSED = 1
    USAGE = 2
    UNAUTHENTICATED = 3
    NOT_ALLOWED = 4
    NOT_FOUND = 5
    CONFLICT = 6
    UNAVAILABLE = 7
    INVALID_CIPHERTEXT = 8
    NOT_VALID = 9
    PARTLY = 10
    INTERRUPTED = 130
    BROKEN_PIPE = 141


MEANING: Final[dict[Exit, tuple[str, str]]] = {
    Exit.DONE: ("done", "What was asked has been done."),
    Exit.REFUSED: (
        "refused",
        "Refused for a reason that has no code of its own; the message says it.",
    ),
    Exit.USAGE: (
        "usage",
        "The command line, a variable, a file or a profile is not right. Nothing was sent.",
    ),
    Exit.UNAUTHENTICATED: (
        "unauthenticated",
        "There is no token, or the server does not accept it.",
    ),
    Exit.NOT_ALLOWED: (
        "not allowed",
        "The principal has no right to this. `strongroom why` says more.",
    ),
    Exit.NOT_FOUND: (
        "not found",
        "There is no such thing, or none that the caller may know of.",
    ),
    Exit.CONFLICT: (
        "conflict",
        "The name is taken, a change came first, the key's state forbids it, or the file exists.",
    ),
    Exit.UNAVAILABLE: (
        "unavailable",
        "No connection, no answer now, or a rate is used up. Trying again later may help.",
    ),
    Exit.INVALID_CIPHERTEXT: (
        "invalid ciphertext",
        "The ciphertext is altered, cut short, or not of this key and context.",
    ),
    Exit.NOT_VALID: (
        "not valid",
        "`verify`, `verify-mac` and codes: the signature, MAC or code is not right.",
    ),
    Exit.PARTLY: (
        "partly",
        "`rewrap` and `otp import`: some records failed and were left as they were.",
    ),
    Exit.INTERRUPTED: ("interrupted", "Ctrl-C. What was under way may have been done."),
    Exit.BROKEN_PIPE: ("broken pipe", "What read our output went away (`strongroom ... | head`)."),
}

# A refusal's code to the exit code. What is absent ends in REFUSED.
OF_CODE: Final[dict[str, Exit]] = {
    "unauthenticated": Exit.UNAUTHENTICATED,
    "not-allowed": Exit.NOT_ALLOWED,
    "not-found": Exit.NOT_FOUND,
    "already-exists": Exit.CONFLICT,
    "changed-meanwhile": Exit.CONFLICT,
    "key-not-usable": Exit.CONFLICT,
    "rate-limited": Exit.UNAVAILABLE,
    "unavailable": Exit.UNAVAILABLE,
    "invalid-ciphertext": Exit.INVALID_CIPHERTEXT,
}

SUMMARY: Final = "Exit codes: " + " · ".join(
    f"{code.value} {name}" for code, (name, _) in MEANING.items()
)
