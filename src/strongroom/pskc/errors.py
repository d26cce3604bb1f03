"""What can be wrong with a PSKC file, as one tree.

    PSKCError
    ├── MalformedError      not XML, not PSKC, or above a limit
    ├── UnsupportedError    something that PSKC allows and this reader refuses
    ├── LockedError         a key, a password or a private key is missing, or is of another kind
    ├── UnprotectedError    what has to be authenticated is not
    ├── NotAuthenticError   the one message for a wrong key, a wrong password and an altered file
    └── UnwritableError     a key that cannot be written so that it is read the same again

Messages name elements, limits and lines of the file. They never contain what stands in the file:
it may be a secret, or an escape sequence for the terminal of whoever reads the message.
"""


class PSKCError(Exception):
    """A PSKC file is refused as a whole. What came of it before must not be used."""


class MalformedError(PSKCError):
    """It is not XML, or not PSKC, or above a limit of `limits.py`."""


class UnsupportedError(PSKCError):
    """It uses something that is refused here, such as Triple DES or a signature."""


class LockedError(PSKCError):
    """What would open it was not given, or is of another kind."""


class UnprotectedError(PSKCError):
    """A secret is without its MAC, or in the open though a key was given for it."""


class NotAuthenticError(PSKCError):
    """Deliberately one for a wrong key, a wrong password, a wrong MAC and wrong padding."""

    def __init__(self, line: int = 0) -> None:
        where = f"line {line:,}: " if line else ""
        super().__init__(f"{where}the key or password is not right, or the file was altered")


class UnwritableError(PSKCError):
    """A text that XML cannot hold, or a key that is out of bounds."""
