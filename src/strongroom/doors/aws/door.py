"""The door: a plain ASGI callable between AWS's JSON protocol and the custodians.

For each request, in this order:

1. The target names an operation.
2. The body is read, within its bound, and hashed; the signature's evidence is taken, not judged.
3. The body is held against the model; the operation is translated, asked of custodians, and
   translated back.
4. A request that fails before a custodian was asked still goes to one, with nothing in it: who
   proves no identity learns that alone, and it is on record.
"""

import time
from collections.abc import Callable
from typing import Any, Final

import msgspec

from strongroom.domain import asks, limits
from strongroom.domain.errors import TooLarge
from strongroom.domain.multi_region import dashed
from strongroom.doors.asgi import Receive, Scope, Send
from strongroom.doors.aws import canonical, evidence, grants, model, table, validation
from strongroom.doors.aws.errors import AWSError, serialization
from strongroom.doors.aws.errors import validation as refused
from strongroom.doors.aws.visitor import Desk, Visitor
from strongroom.doors.requests import ClientGoneError, new_request_id, source, whole
from strongroom.ports.custodian import Custodian

Observe = Callable[[str, str, float, str], None]
"""Is told operation, outcome, seconds and id of each request."""

_TARGET: Final = b"x-amz-target"
_MEDIA_TYPE: Final = b"application/x-amz-json-1.1"
_OPERATIONS: Final = {
    f"{model.TARGET_PREFIX}{name}".encode(): name for name in model.MODEL.operations
}
_LENGTH_DIGITS_MAX: Final = len(str(limits.AWS_BODY_BYTES_MAX))
_encode = msgspec.json.Encoder().encode


def is_for_us(scope: Scope) -> bool:
    """Whether a request is one of this protocol."""
    return (
        scope["type"] == "http"
        and scope["method"] == "POST"
        and scope["raw_path"] == b"/"
        and _TARGET in dict(scope["headers"])
    )


class AWSDoor:
    """Serves what `table.TABLE` has."""

    def __init__(
        self,
        custodian: Custodian,
        *,
        observe: Observe,
        log: Callable[[str], None],
        signature_seconds: int = limits.SIGNATURE_SECONDS,
    ) -> None:
        self._desk = Desk(custodian, signature_seconds)
        self._observe = observe
        self._log = log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        begun = time.perf_counter()
        request = new_request_id()
        operation, outcome, status, body = "none", "ok", 200, b""
        try:
            headers = canonical.gathered(scope["headers"])
            operation = _operation(headers)
            body = _answer(await self._serve(operation, request, scope, headers, receive))
        except ClientGoneError:
            outcome = "client-gone"
            return
        except AWSError as error:
            outcome, status, body = error.code, error.status, error.body
        except Exception:  # noqa: BLE001 - whatever it is, the caller gets a clean answer
            self._log(request)
            ours = AWSError("KMSInternalException", "Strongroom failed to answer.")
            outcome, status, body = ours.code, ours.status, ours.body
        finally:
            self._observe(f"aws:{operation}", outcome, time.perf_counter() - begun, request)
        said = [
            (b"x-amzn-requestid", dashed(request).encode()),
            (b"content-type", _MEDIA_TYPE),
            (b"content-length", b"%d" % len(body)),
            (b"cache-control", b"no-store"),
        ]
        if status != 200:  # noqa: PLR2004 - HTTP
            said.append((b"x-amzn-errortype", outcome.encode()))
        await send({"type": "http.response.start", "status": status, "headers": said})
        await send({"type": "http.response.body", "body": body})

    async def _serve(
        self,
        operation: str,
        request: str,
        scope: Scope,
        headers: canonical.Headers,
        receive: Receive,
    ) -> dict[str, Any] | None:
        body = await _read(headers, receive)
        query = scope["query_string"].decode("latin-1")
        signature = evidence.of("POST", "/", query, headers, body)
        visitor = await self._desk.visit(signature, source(scope), request)
        visitor.operation = operation
        try:
            return await _served(operation, visitor, body)
        except AWSError:
            if not visitor.proven:
                await visitor.ask("identity.read", asks.Nothing())
            raise


async def _served(operation: str, visitor: Visitor, body: bytes) -> dict[str, Any] | None:
    given = validation.read(operation, body)
    serve, note = table.TABLE[operation]
    if serve is None:
        raise AWSError("UnsupportedOperationException", f"{operation}: {note}.")
    _require_served(given)
    visitor.dry = given.get("DryRun", False)
    answer = await serve(visitor, given)
    if visitor.dry:
        raise RuntimeError(f"{operation} was asked for a dry run, and was done")
    return answer


def _require_served(given: dict[str, Any]) -> None:
    """Raises `AWSError` for members that change what an operation means, and are not served."""
    if "Recipient" in given:
        raise AWSError("UnsupportedOperationException", "Recipient: there are no enclaves here.")
    if given.get("DryRunModifiers") and not given.get("DryRun"):
        raise refused("DryRunModifiers go with DryRun only.")
    grants.require_tokens(given)


def _operation(headers: canonical.Headers) -> str:
    # What is there twice is joined, and no operation's name.
    operation = _OPERATIONS.get(headers.values.get(_TARGET, b""))
    if operation is None:
        raise AWSError("UnknownOperationException")
    return operation


async def _read(headers: canonical.Headers, receive: Receive) -> bytes:
    of = headers.values.get(b"content-type", b"")
    if of != _MEDIA_TYPE and (
        b"content-type" in headers.repeated or of.partition(b";")[0].strip().lower() != _MEDIA_TYPE
    ):
        raise serialization(f"Content-Type is {_MEDIA_TYPE.decode()}.")
    try:
        _require_short(headers)
        return await whole(receive, limits.AWS_BODY_BYTES_MAX)
    except TooLarge:
        said = f"A body has at most {limits.AWS_BODY_BYTES_MAX:,} bytes."
        raise AWSError("RequestEntityTooLargeException", said) from None


def _require_short(headers: canonical.Headers) -> None:
    """What is announced as too long is not read. Raises `TooLarge`."""
    length = headers.values.get(b"content-length", b"0")
    if len(length) > _LENGTH_DIGITS_MAX or int(length) > limits.AWS_BODY_BYTES_MAX:
        raise TooLarge


def _answer(answer: dict[str, Any] | None) -> bytes:
    return b"" if answer is None else _encode(answer)
