"""The native REST door: a plain ASGI callable between HTTP and the custodians.

For each request, in this order:

1. Path and method name an operation, or nothing is there.
2. The evidence of identity is taken, not judged. Without any, the body is not even read, unless
   the operation asks for none: then none is passed on.
3. Body or parameters become the operation's ask.
4. The custodian is asked, and the answer or refusal becomes HTTP.

A request that fails in step 3 still goes to the custodian, with nothing in it: so it is refused on
record, and who proves no identity learns that alone.
"""

import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from strongroom.domain import asks
from strongroom.domain.calls import Call, Reply
from strongroom.domain.errors import InvalidRequest, Refusal
from strongroom.domain.operations import OPERATIONS
from strongroom.domain.otp.asks import Provisioned
from strongroom.doors.asgi import Application, Headers, Message, Receive, Scope, Send
from strongroom.doors.requests import ClientGoneError, new_request_id, source
from strongroom.doors.rest import auth, body, caching, errors, paths, provisioning, wire
from strongroom.doors.rest.routes import Route
from strongroom.ports.custodian import Custodian

Observe = Callable[[str, str, float, str], None]
"""Is told operation, outcome ("ok" or the refusal's code), seconds and id of each request."""

Enrich = Callable[[asks.StatusView], Awaitable[asks.StatusView]]
Log = Callable[[str], None]
"""Is called with the request's id while the exception is being handled."""

REQUEST_ID: Final = "Strongroom-Request-Id"
UNMATCHED: Final = "none"
PAGE: Final = "page"

_NO_CONTENT: Final = 204
_NOT_MODIFIED: Final = 304
_ERRORS_FROM: Final = 400
# Answers hold keys' data: no cache keeps them unless `caching` says so, no browser guesses at them.
_ALWAYS: Final = [(b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff")]

Response = tuple[int, Headers, bytes]


class RestDoor:
    """Serves `ROUTES`, and `pages` (other callables at exact paths, to GET)."""

    def __init__(
        self,
        custodian: Custodian,
        *,
        observe: Observe,
        pages: Mapping[str, Application],
        enrich: Enrich | None = None,
        log: Log | None = None,
    ) -> None:
        self._custodian = custodian
        self._observe = observe
        self._pages = dict(pages)
        self._enrich = enrich
        self._log = log or _log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            raise RuntimeError("this door speaks HTTP only")
        begun = time.perf_counter()
        request = new_request_id()
        path = scope["raw_path"].decode("latin-1")
        operation, outcome = UNMATCHED, "ok"
        try:
            page = self._pages.get(path)
            if page is not None:
                operation = PAGE
                outcome = await _show(page, request, scope, receive, send)
                return
            route, target = paths.find(scope["method"], path)  # 1
            operation = route.operation
            outcome, response = await self._serve(route, target, request, scope, receive)
        except ClientGoneError:
            outcome = "client-gone"
            return
        except Refusal as refusal:
            outcome, response = refusal.code, errors.of_refusal(refusal, request)
        except Exception:  # noqa: BLE001 - whatever it is, the caller gets a clean answer
            self._log(request)
            outcome = errors.InternalError.code
            response = errors.of_refusal(errors.InternalError(), request)
        finally:
            self._observe(operation, outcome, time.perf_counter() - begun, request)
        response = provisioning.for_people(path, scope["headers"], outcome, response)
        await _send(response, request, send)

    async def _serve(
        self, route: Route, target: str, request: str, scope: Scope, receive: Receive
    ) -> tuple[str, Response]:
        if route.is_of_links:
            provisioning.require_now(scope["headers"], target)
        anonymous = OPERATIONS[route.operation].anonymous
        token = "" if anonymous else auth.evidence(scope["headers"])  # 2
        ask, complaint = b"", None
        if token or anonymous:
            try:
                ask = await _ask(route, target, scope, receive)  # 3
            except Refusal as refusal:
                complaint = refusal
        target = "" if route.is_of_tiles or route.is_of_links else target
        call = Call(route.operation, target, token, source(scope), request, ask)
        reply = await self._custodian.ask(call)  # 4
        if not reply.code:
            return "ok", await self._answer(route, reply, scope)
        if complaint is not None and reply.code == InvalidRequest.code:
            return complaint.code, errors.of_refusal(complaint, request)
        return reply.code, errors.problem(
            reply.code, reply.detail, request, pointer=reply.pointer, decision=reply.decision
        )

    async def _answer(self, route: Route, reply: Reply, scope: Scope) -> Response:
        if route.status == _NO_CONTENT:
            return _NO_CONTENT, [], b""
        answer = wire.answer(route.operation, reply)
        if isinstance(answer, Provisioned):
            return provisioning.shown(scope["headers"], answer)
        if self._enrich is not None and isinstance(answer, asks.StatusView):
            answer = await self._enrich(answer)
        content = wire.encode(answer)
        headers = caching.of(route, scope["raw_path"], content)
        if caching.is_known(scope["headers"], headers):
            return _NOT_MODIFIED, headers, b""
        return route.status, [(b"content-type", route.media_type.encode()), *headers], content


async def _ask(route: Route, target: str, scope: Scope, receive: Receive) -> bytes:
    content = await body.read(scope["headers"], receive)
    query = scope["query_string"]
    if route.method == "GET":
        wire.nothing_in_body(content)
        if route.is_of_tiles:
            return wire.ask_of_tile(target, query)
        if route.is_of_links:
            return wire.ask_of_link(target, query)
        return wire.ask_of_query(route.operation, query)
    wire.nothing_in_query(query)
    return wire.ask_of_body(route.operation, content)


async def _send(response: Response, request: str, send: Send) -> None:
    status, headers, content = response
    said = dict(headers)
    fixed = [(REQUEST_ID.lower().encode(), request.encode())]
    fixed += [(name, value) for name, value in _ALWAYS if name not in said]
    if status not in (_NO_CONTENT, _NOT_MODIFIED):
        fixed.append((b"content-length", b"%d" % len(content)))
    await send({"type": "http.response.start", "status": status, "headers": headers + fixed})
    await send({"type": "http.response.body", "body": content})


async def _show(page: Application, request: str, scope: Scope, receive: Receive, send: Send) -> str:
    """Let a page answer, with the headers that each answer has."""
    if scope["method"] not in ("GET", "HEAD"):
        raise errors.MethodNotAllowed("GET, HEAD")
    outcome = "ok"
    scope[REQUEST_ID] = request  # a page that asks a custodian asks under this id

    async def send_with_headers(message: Message) -> None:
        nonlocal outcome
        if message["type"] == "http.response.start":
            if message["status"] >= _ERRORS_FROM:
                outcome = "refused"
            ours = [(REQUEST_ID.lower().encode(), request.encode()), *_ALWAYS]
            names = {name for name, _ in ours}
            theirs = [(name, value) for name, value in message["headers"] if name not in names]
            message = {**message, "headers": theirs + ours}
        await send(message)

    await page(scope, receive, send_with_headers)
    return outcome


def _log(request: str) -> None:
    logging.getLogger(__name__).error("request %s failed", request)
