"""From a call to an HTTP request, from an HTTP response to an answer. The same for both clients."""

import ssl
from dataclasses import dataclass
from typing import Any, Final, Generic

import httpx
import msgspec

from strongroom.client.address import checked
from strongroom.client.call import AnswerT, Call
from strongroom.client.problems import (
    UNEXPECTED,
    InvalidArgumentError,
    ProblemError,
    UnreachableError,
)
from strongroom.domain import asks, evidence, limits

REQUEST_ID_HEADER: Final = "Strongroom-Request-Id"
# A little longer than a gate waits for a custodian, so that its 503 arrives before we hang up.
TIMEOUT_SECONDS: Final = limits.CALL_SECONDS_MAX + 5.0
_CONNECT_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class Reply(Generic[AnswerT]):
    """An answer and the id under which the audit log has the request."""

    answer: AnswerT
    request_id: str


def options(
    url: str, token: str, ca_file: str | None, timeout_seconds: float, *, unsafe_cleartext: bool
) -> dict[str, Any]:
    """What both kinds of httpx client are made with.

    Raises `InvalidArgumentError` for a URL or a CA file that cannot be used, and for a token that
    is no printable ASCII: it is never shown, not even in part.
    """
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise InvalidArgumentError("the token is empty or has characters that no token has")
    url = checked(url, unsafe_cleartext=unsafe_cleartext)
    return {
        "base_url": url,
        "headers": {"Authorization": f"Bearer {token}"},
        "timeout": httpx.Timeout(timeout_seconds, connect=_CONNECT_SECONDS),
        "verify": _trust(ca_file) if url.startswith("https:") else False,
        # A token must not travel through a proxy because a variable happens to be set, nor follow a
        # redirect to another server.
        "trust_env": False,
        "follow_redirects": False,
    }


def _trust(ca_file: str | None) -> ssl.SSLContext:
    # The system's certificates, or only the given ones: a CA that is named is the one meant.
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:  # ssl.SSLError is one
        # OpenSSL's own words ("[X509] PEM lib") say less.
        missing = isinstance(error, FileNotFoundError)
        reason = "there is none" if missing else "no certificate can be read from it"
        raise InvalidArgumentError(f"the CA file {ca_file} cannot be used: {reason}") from None


def arguments(call: Call[AnswerT]) -> dict[str, Any]:
    """The call as arguments of httpx's `request`."""
    headers = {"Accept": media_type(call)}
    if call.body is not None:
        headers["Content-Type"] = "application/json"
    return {
        "method": call.method,
        "url": call.address,
        "content": call.body,
        "headers": headers,
    }


def media_type(call: Call[AnswerT]) -> str:
    """What the answer to a call is sent as."""
    if issubclass(call.answer, evidence.Tile):
        return "application/octet-stream"
    return "text/plain" if issubclass(call.answer, evidence.Raw) else "application/json"


def reply(call: Call[AnswerT], response: httpx.Response) -> Reply[AnswerT]:
    """The answer. Raises `ProblemError` for a refusal and for what is no answer of Strongroom's."""
    request_id = response.headers.get(REQUEST_ID_HEADER, "")
    if not response.is_success:
        raise _problem(response, request_id)
    if call.answer is asks.Done:
        return Reply(call.answer(), request_id)
    if issubclass(call.answer, evidence.Raw):
        said = response.headers.get("Content-Type", "").partition(";")[0]
        if said != media_type(call):
            raise _unexpected(response, request_id)
        return Reply(call.answer(response.content), request_id)
    try:
        return Reply(msgspec.json.decode(response.content, type=call.answer), request_id)
    except msgspec.MsgspecError as error:
        raise _unexpected(response, request_id) from error


def unreachable(url: str, error: httpx.RequestError) -> UnreachableError:
    """The same in our words. Whether the request had left decides whether its outcome is known."""
    if isinstance(error, httpx.ConnectTimeout):
        return UnreachableError(url, f"no connection within {_CONNECT_SECONDS:g} s", sent=False)
    if isinstance(error, httpx.TimeoutException):
        return UnreachableError(url, "no answer in time", sent=True)
    if isinstance(error, httpx.ConnectError):
        return UnreachableError(url, _cause(error), sent=False)
    return UnreachableError(url, "the connection broke", sent=True)


def _unexpected(response: httpx.Response, request_id: str) -> ProblemError:
    return ProblemError(
        UNEXPECTED,
        response.status_code,
        "what answered is not Strongroom, or of a version that this client does not understand",
        request_id=request_id,
    )


class _ProblemDetails(msgspec.Struct):
    """RFC 9457, as much of it as is used."""

    detail: str = ""
    title: str = ""
    code: str = ""
    request_id: str = ""
    decision_id: str = ""
    errors: list[msgspec.Raw] = []


def _problem(response: httpx.Response, request_id: str) -> ProblemError:
    status = response.status_code
    try:
        details = msgspec.json.decode(response.content, type=_ProblemDetails)
    except msgspec.MsgspecError:
        details = _ProblemDetails()
    if not details.code:
        return ProblemError(
            UNEXPECTED,
            status,
            f"what answered (status {status}) does not speak like Strongroom",
            request_id=request_id,
        )
    return ProblemError(
        details.code,
        status,
        details.detail or details.title,
        request_id=details.request_id or request_id,
        decision_id=details.decision_id,
        errors=tuple(_pointed(raw) for raw in details.errors),
    )


def _pointed(raw: msgspec.Raw) -> str:
    """One of the `errors`: where, and what."""
    error = msgspec.json.decode(raw)
    if isinstance(error, dict):
        where, what = error.get("pointer", ""), error.get("detail", "")
        return f"{where}: {what}" if where else str(what)
    return str(error)


def _cause(error: BaseException) -> str:
    """The innermost reason, which is the one that a person can act upon."""
    while error.__cause__ is not None or error.__context__ is not None:
        error = error.__cause__ or error.__context__ or error
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted ({error.verify_message})"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror[:1].lower() + error.strerror[1:]
    return str(error) or type(error).__name__
