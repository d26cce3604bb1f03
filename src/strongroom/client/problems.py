"""What a client can be told instead of an answer.

The tree:

    ClientError
    ├── ProblemError            the server answered, and refused (RFC 9457 problem details)
    ├── UnreachableError        there was no answer, or none that could be understood
    ├── InvalidArgumentError    what was given can be in no request; nothing was sent
    └── NoReceiptError          there was an answer, and no receipt of it (in `proofs`)
"""

from typing import Final

UNEXPECTED: Final = "unexpected-answer"


class ClientError(Exception):
    """The call did not succeed."""


class ProblemError(ClientError):
    """The server's refusal. `code` is stable for ever; `detail` is for people.

    `decision_id` is there when a right was missing: who may read decisions asks with it what was
    missing. `errors` says where in the request what was wrong. `code` is `unexpected-answer` when
    what answered does not speak like Strongroom (a proxy, say).
    """

    def __init__(  # noqa: PLR0913 - the fields of problem details
        self,
        code: str,
        status: int,
        detail: str,
        *,
        request_id: str = "",
        decision_id: str = "",
        errors: tuple[str, ...] = (),
    ) -> None:
        super().__init__(f"{detail} ({code}, {status})")
        self.code = code
        self.status = status
        self.detail = detail
        self.request_id = request_id
        self.decision_id = decision_id
        self.errors = errors


class UnreachableError(ClientError):
    """No answer came. Whether the server did what was asked is unknown, unless `sent` is False."""

    def __init__(self, url: str, reason: str, *, sent: bool) -> None:
        super().__init__(f"{url} does not answer: {reason}")
        self.url = url
        self.reason = reason
        self.sent = sent


class InvalidArgumentError(ClientError, ValueError):
    """A name, id, URL, token or text that can be in no request. The message repeats no secret."""
