"""The two documents about this API, as pages for the door: one for programs, one for people."""

from typing import Final

from strongroom.doors.asgi import Application, Headers, Receive, Scope, Send
from strongroom.doors.rest import openapi, page

OPENAPI_PATH: Final = "/openapi.json"
PAGE_PATH: Final = "/docs"


def documents(version: str) -> dict[str, Application]:
    """Each document's path and what answers there. Both are made now; nothing is read later."""
    html, policy = page.document(version)
    return {
        OPENAPI_PATH: _fixed(openapi.document(version), [(b"content-type", b"application/json")]),
        PAGE_PATH: _fixed(
            html,
            [
                (b"content-type", b"text/html; charset=utf-8"),
                (b"content-security-policy", policy.encode()),
                (b"referrer-policy", b"no-referrer"),
            ],
        ),
    }


def _fixed(body: bytes, headers: Headers) -> Application:
    headers = [*headers, (b"content-length", b"%d" % len(body))]

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        del scope, receive
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return answer
