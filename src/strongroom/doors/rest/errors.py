"""Refusals in HTTP's words: one status for each code, and RFC 9457 problem details as the body."""

from typing import Final

import msgspec

from strongroom.domain import limits
from strongroom.domain.errors import (
    REFUSALS,
    AlreadyExists,
    ChangedMeanwhile,
    Gone,
    InvalidCiphertext,
    InvalidRequest,
    KeyNotUsable,
    NotAllowed,
    NotFound,
    RateLimited,
    Refusal,
    Restored,
    TamperedRecord,
    TooLarge,
    Unauthenticated,
    Unavailable,
)
from strongroom.doors.asgi import Headers


class NoSuchPath(Refusal):
    """Nothing is served there, whoever asks."""

    code = "no-such-path"
    title = "There is nothing at this path"


class MethodNotAllowed(Refusal):
    """The path is served, by other methods: those in `allow`."""

    code = "method-not-allowed"
    title = "This path does not answer to this method"

    def __init__(self, allow: str) -> None:
        super().__init__(f"here the method is one of: {allow}")
        self.allow = allow


class UnsupportedMediaType(Refusal):
    """The body is not said to be plain JSON."""

    code = "unsupported-media-type"
    title = "The body must be JSON"


class TooEarly(Refusal):
    """A program looks ahead: what opens once is not opened for it (RFC 8470, 5.2)."""

    code = "too-early"
    title = "This link opens once, and is not opened for a preview; open it yourself"


class InternalError(Refusal):
    """A mistake of ours. The log has it, under the request's id; the caller learns no more."""

    code = "internal-error"
    title = "Strongroom failed to answer; its log says why"


OWN: Final[tuple[type[Refusal], ...]] = (
    NoSuchPath,
    MethodNotAllowed,
    UnsupportedMediaType,
    TooEarly,
    InternalError,
)
"""The refusals that are HTTP's business alone."""

# Every leaf of the tree, and nothing else; a test compares.
STATUSES: Final[dict[str, int]] = {
    InvalidRequest.code: 400,
    TooLarge.code: 413,
    Unauthenticated.code: 401,
    NotAllowed.code: 403,
    NotFound.code: 404,
    Gone.code: 410,
    AlreadyExists.code: 409,
    ChangedMeanwhile.code: 409,
    KeyNotUsable.code: 409,
    RateLimited.code: 429,
    InvalidCiphertext.code: 400,
    # Not the caller's fault and not to be repaired by trying: the node refuses to serve this.
    TamperedRecord.code: 503,
    Restored.code: 503,
    Unavailable.code: 503,
    NoSuchPath.code: 404,
    MethodNotAllowed.code: 405,
    UnsupportedMediaType.code: 415,
    TooEarly.code: 425,
    InternalError.code: 500,
}

TITLES: Final[dict[str, str]] = {refusal.code: refusal.title for refusal in (*REFUSALS, *OWN)}

MEDIA_TYPE: Final = "application/problem+json"

_LATER: Final = (b"retry-after", b"%d" % limits.RETRY_AFTER_SECONDS)
# What a client must be told beside the body, by code.
_EXTRA: Final[dict[str, Headers]] = {
    Unauthenticated.code: [(b"www-authenticate", b"Bearer")],
    RateLimited.code: [_LATER],
    Unavailable.code: [_LATER],
}


class Pointed(msgspec.Struct):
    """What is wrong at one place of the request; `pointer` is a path such as `$.labels`."""

    pointer: str
    detail: str


class ProblemDetails(msgspec.Struct, omit_defaults=True):
    """RFC 9457 problem details, and our members. `code` is stable for ever."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    request_id: str
    decision_id: str = ""
    errors: list[Pointed] = []


_encode = msgspec.json.Encoder().encode


def problem(
    code: str, detail: str, request: str, *, pointer: str = "", decision: str = ""
) -> tuple[int, Headers, bytes]:
    """Status, headers and body for a refusal's code.

    A code that is not in the table is a room of another version speaking: it becomes 500, unseen.
    """
    if code not in STATUSES:
        code, detail, pointer, decision = InternalError.code, InternalError.title, "", ""
    status = STATUSES[code]
    body = ProblemDetails(
        type=f"urn:strongroom:problem:{code}",
        title=TITLES[code],
        status=status,
        detail=detail or TITLES[code],
        code=code,
        request_id=request,
        decision_id=decision,
        errors=[Pointed(pointer, detail)] if pointer else [],
    )
    return status, [(b"content-type", MEDIA_TYPE.encode()), *_EXTRA.get(code, [])], _encode(body)


def of_refusal(refusal: Refusal, request: str) -> tuple[int, Headers, bytes]:
    """The same for a refusal that was raised in the door."""
    pointer = refusal.pointer if isinstance(refusal, InvalidRequest) else ""
    status, headers, body = problem(refusal.code, refusal.detail, request, pointer=pointer)
    if isinstance(refusal, MethodNotAllowed):
        headers.append((b"allow", refusal.allow.encode()))
    return status, headers, body
