"""All the ways to say no.

CannotServe         the program ends: settings, files, the address
Refused             an answer to who asked, with the status of C2SP tlog-witness
├── Malformed       400
├── NotSigned       403
├── UnknownLog      404
├── Conflict        409, and the size that was signed last
└── NotConsistent   422
"""

from typing import ClassVar


class CannotServe(Exception):  # noqa: N818 - it says what is the case
    """The witness cannot do its work. The text says in one sentence why."""


class Refused(Exception):  # noqa: N818 - it says what is the case
    """The checkpoint is not signed. The text says in one sentence why."""

    status: ClassVar[int]
    media_type: ClassVar[str] = "text/plain; charset=utf-8"

    @property
    def body(self) -> bytes:
        """What who asked is told."""
        return f"{self}\n".encode()


class Malformed(Refused):
    """Not a question, or one that contradicts itself."""

    status = 400


class NotSigned(Refused):
    """No key that is known for this log has signed the checkpoint."""

    status = 403


class UnknownLog(Refused):
    """This witness knows no log of that origin."""

    status = 404


class Conflict(Refused):
    """What was signed last is not what the question builds on. The answer says what is."""

    status = 409
    media_type = "text/x.tlog.size"

    def __init__(self, sentence: str, *, size: int) -> None:
        super().__init__(sentence)
        self.size = size

    @property
    def body(self) -> bytes:
        """The size that was signed last."""
        return b"%d\n" % self.size


class NotConsistent(Refused):
    """The proof does not show that the checkpoint has everything of the one signed before."""

    status = 422
