"""What a gate answers by itself, beside its doors: is it alive, is it ready, the rooms' numbers."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from strongroom.domain import limits
from strongroom.domain.calls import Call, Reply
from strongroom.node import wire
from strongroom.node.control import Report
from strongroom.node.exposition import CONTENT_TYPE, exposition
from strongroom.ports.custodian import Custodian

_READY_SECONDS: Final = 0.25  # the answer to "ready?" is this old at most

Answer = Callable[[Request], Awaitable[Response]]
Authorize = Callable[[Request], Awaitable[Response | None]]
"""None: go on. A response: the refusal."""


class Pages:
    """The pages of one gate. `authorize` is asked before the numbers are shown; None: they are open."""

    def __init__(
        self,
        custodian: Custodian,
        reports: Callable[[], Awaitable[list[Report]]],
        authorize: Authorize | None,
    ) -> None:
        self._custodian = custodian
        self._reports = reports
        self._authorize = authorize
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
        """Unsealed, and the ledger can write. However many ask, one question at a time is under way."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        if self._reply is None or (self._reply.done() and now - self._asked > _READY_SECONDS):
            self._asked = now
            call = Call(wire.READY, "", "", "", "", b"")
            self._reply = asyncio.ensure_future(self._custodian.ask(call))
        # A client that hangs up must not take the question away from the others.
        return await asyncio.shield(self._reply)

    async def _metrics(self, request: Request) -> Response:
        if self._authorize is not None:
            refusal = await self._authorize(request)
            if refusal is not None:
                return refusal
        return PlainTextResponse(
            exposition(await self._reports()), headers={"Content-Type": CONTENT_TYPE}
        )


def _page(answer: Answer) -> ASGIApp:
    async def page(scope: Scope, receive: Receive, send: Send) -> None:
        response = await answer(Request(scope, receive))
        response.headers["Cache-Control"] = "no-store"
        response.headers["X-Content-Type-Options"] = "nosniff"
        await response(scope, receive, send)

    return page
