"""What a gate answers by itself, beside its doors: is it alive, is it ready, the rooms' numbers."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from strongroom.domain import limits
from strongroom.domain.calls import Call, Reply
from strongroom.doors.requests import source
from strongroom.doors.rest import auth, errors
from strongroom.doors.rest.app import REQUEST_ID
from strongroom.node import wire
from strongroom.node.control import Report
from strongroom.node.exposition import CONTENT_TYPE, exposition
from strongroom.ports.custodian import Custodian

_READY_SECONDS: Final = 0.25  # the answer to "ready?" is this old at most

_NO_FIELDS: Final = b"\x80"  # an empty map in msgpack
_NUMBERS: Final = "status.read"  # the right that the numbers need, unless they are open

Answer = Callable[[Request], Awaitable[Response]]


class Pages:
    """The pages of one gate."""

    def __init__(
        self,
        custodian: Custodian,
        *,
        reports: Callable[[], Awaitable[list[Report]]],
        metrics_open: bool,
    ) -> None:
        self._custodian = custodian
        self._reports = reports
        self._metrics_open = metrics_open
        self._asked = 0.0
        self._reply: asyncio.Future[Reply] | None = None

    def by_path(self) -> dict[str, ASGIApp]:
        """Each page's path and what answers there."""
        return {
            "/v1/health": _page(self._health),
            "/v1/ready": _page(self._ready),
            "/metrics": _page(self._metrics),
        }

    async def _health(self, request: Request) -> Response:
        del request
        return JSONResponse({"status": "alive"})

    async def _ready(self, request: Request) -> Response:
        del request
        reply = await self._probe()
        if not reply.code:
            return JSONResponse({"status": "ready"})
        return JSONResponse(
            {"status": "not ready", "detail": reply.detail},
            status_code=503,
            headers={"Retry-After": str(limits.RETRY_AFTER_SECONDS)},
        )

    async def _probe(self) -> Reply:
        """Unsealed, and the ledger can write. However many ask, one question is under way."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        if self._reply is None or (self._reply.done() and now - self._asked > _READY_SECONDS):
            self._asked = now
            call = Call(wire.READY, "", "", "", "", b"")
            self._reply = asyncio.ensure_future(self._custodian.ask(call))
        # A client that hangs up must not take the question away from the others.
        return await asyncio.shield(self._reply)

    async def _metrics(self, request: Request) -> Response:
        if not self._metrics_open:
            # On record like any other reading of the node's state.
            token, number = auth.evidence(request.headers.raw), request.scope[REQUEST_ID]
            peer = source(request.scope)
            reply = await self._custodian.ask(
                Call(_NUMBERS, "", token, peer, number, _NO_FIELDS if token else b"")
            )
            if reply.code:
                status, headers, body = errors.problem(
                    reply.code, reply.detail, number, decision=reply.decision
                )
                names = {name.decode(): value.decode() for name, value in headers}
                return Response(body, status, names)
        return PlainTextResponse(
            exposition(await self._reports()), headers={"Content-Type": CONTENT_TYPE}
        )


def _page(answer: Answer) -> ASGIApp:
    async def respond(scope: Scope, receive: Receive, send: Send) -> None:
        response = await answer(Request(scope, receive))
        await response(scope, receive, send)

    return respond
