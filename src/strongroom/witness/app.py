"""HTTP: a question in, the answer out. Nothing is decided here."""

import asyncio
from collections.abc import Sequence
from typing import Final

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from strongroom.tlog import spelling
from strongroom.tlog.notes import Signer
from strongroom.witness import alarms
from strongroom.witness.exchange import QUESTION_BYTES_MAX
from strongroom.witness.refusals import CannotServe, Malformed, Refused
from strongroom.witness.service import Logs, Witness

_BODY_SECONDS_MAX: Final = 15


def application(witness: Witness, signers: Sequence[Signer], logs: Logs) -> Starlette:
    """`POST /add-checkpoint`, and `GET /status` for who wants to see what was signed last."""

    async def add_checkpoint(request: Request) -> Response:
        try:
            raw = await _body(request)
            # In a thread: it waits for the disk, and for its turn.
            signatures = await asyncio.to_thread(witness.answer, raw)
        except Refused as refused:
            # Not as `media_type`, to which Starlette would add a character set.
            return Response(refused.body, refused.status, {"content-type": refused.media_type})
        except (OSError, CannotServe) as error:
            alarms.alarm("nothing was signed: the state cannot be read or written", why=str(error))
            return Response(b"the witness cannot remember\n", 500)
        return Response(signatures, media_type="text/plain; charset=utf-8")

    async def status(_: Request) -> Response:
        def look() -> dict[str, object]:
            found = {origin: witness.last(origin) for origin in logs}
            return {
                "keys": [str(signer.vkey) for signer in signers],
                "logs": [
                    {
                        "origin": origin,
                        "size": last.size if last else 0,
                        "root": spelling.base64(last.root) if last else None,
                    }
                    for origin, last in found.items()
                ],
            }

        try:
            return JSONResponse(await asyncio.to_thread(look))
        except CannotServe as error:
            return JSONResponse({"error": str(error)}, 500)

    return Starlette(
        routes=[
            Route("/add-checkpoint", add_checkpoint, methods=["POST"]),
            Route("/status", status, methods=["GET"]),
        ]
    )


async def _body(request: Request) -> bytes:
    """The whole body, or `Malformed` as soon as it is too much, or takes too long."""
    parts, length = [], 0
    try:
        async with asyncio.timeout(_BODY_SECONDS_MAX):
            async for part in request.stream():
                parts.append(part)
                length += len(part)
                if length > QUESTION_BYTES_MAX:
                    raise Malformed(f"a question is longer than {QUESTION_BYTES_MAX} bytes")
    except TimeoutError:
        raise Malformed("the question did not come in time") from None
    except ClientDisconnect:
        raise Malformed("the question was not finished") from None
    return b"".join(parts)
