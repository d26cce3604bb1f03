"""An HTTP connection of a gate: uvicorn's, with the limits that it does not have.

The HTTP parser takes headers of any length at any pace. Here headers and bodies must arrive in
time, and answers be taken in time; headers are bounded, a gate holds so many connections and no
more, and what is not HTTP gets a problem document.
"""

from typing import Any, Final

import msgspec
from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)

from strongroom.domain import limits
from strongroom.domain.errors import InvalidRequest, TooLarge, Unavailable
from strongroom.doors.requests import new_request_id
from strongroom.doors.rest.app import REQUEST_ID
from strongroom.doors.rest.errors import MEDIA_TYPE, TITLES, ProblemDetails

_TOO_LARGE: Final = f"the request line and headers are above {limits.HEADER_BYTES_MAX} bytes"


class Connection(HttpToolsProtocol):
    """One client. `deadline` is when what is expected of it must have come; None: nothing is."""

    connections_max = limits.CONNECTIONS_MAX

    def connection_made(self, transport: Any) -> None:  # noqa: ANN401 - as in uvicorn
        """A client is here. One too many is shown the door."""
        super().connection_made(transport)
        self.deadline: float | None = self.loop.time() + limits.HEADERS_SECONDS_MAX
        self._waiting_bytes = 0
        self._in_headers = False
        self._trailer_bytes = 0
        self._too_long = False
        self._unread: float | None = None  # when what was sent must have been taken
        if len(self.connections) > self.connections_max:
            self._refuse(503, Unavailable.code, "too many connections; try again in a moment")

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone. So is the timer of its idleness, which would keep all of this.

        uvicorn leaves it running when the connection was reset: who resets a thousand connections a
        second would fill the gate's memory.
        """
        super().connection_lost(exc)
        self._unset_keepalive_if_required()

    def data_received(self, data: bytes) -> None:
        """Some bytes came."""
        # The parser keeps a header that does not end, and calls nobody: so bytes are counted here,
        # too.
        if self._in_headers:
            self._waiting_bytes += len(data)
        super().data_received(data)
        if self._in_headers and self._waiting_bytes > limits.HEADER_BYTES_MAX:
            self._refuse(431, TooLarge.code, _TOO_LARGE)

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self._waiting_bytes = 0
        self._trailer_bytes = 0
        self._in_headers = True
        self.deadline = self.loop.time() + limits.HEADERS_SECONDS_MAX

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header. A trailer, which comes after a body in chunks, is not one, and is dropped.

        The parser does not tell them apart, so an `Authorization` after the body would count. See
        RFC 9110, 6.5.1.
        """
        if self._in_headers:
            super().on_header(name, value)
            return
        self._trailer_bytes += len(name) + len(value)
        if self._trailer_bytes > limits.HEADER_BYTES_MAX:
            self.transport.abort()  # an answer may be under way; nothing fits between

    def on_headers_complete(self) -> None:
        """The headers are whole; a body may follow. Raises `ValueError` when they are too long."""
        count = len(self.url)
        for name, value in self.headers:
            count += len(name) + len(value)
        if count > limits.HEADER_BYTES_MAX:
            self._too_long = True
            # The parser ends its work for an exception, whichever it is, and the connection says
            # what is wrong in send_400_response.
            raise ValueError("headers are above the limit")
        self._in_headers = False
        self.deadline = self.loop.time() + limits.BODY_SECONDS_MAX
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The request is whole."""
        self.deadline = None
        super().on_message_complete()

    def pause_writing(self) -> None:
        """The client does not take what it is sent as fast as it comes."""
        super().pause_writing()
        self._unread = self.loop.time() + limits.ANSWER_SECONDS_MAX

    def resume_writing(self) -> None:
        """It has taken most of it."""
        super().resume_writing()
        self._unread = None

    def send_400_response(self, msg: str) -> None:
        """What came is not HTTP. Answers go out in the order of the requests, this one included."""
        del msg
        # None before the first request, whatever uvicorn's annotation says.
        cycle: RequestResponseCycle | None = self.cycle
        under_way = cycle is not None and not cycle.response_complete
        if under_way and not self.cycle.more_body:
            # Requests before it have no answer yet. They get theirs, and the connection ends then.
            self.cycle.keep_alive = False
            self.flow.pause_reading()
        elif under_way and (self.cycle.response_started or self.pipeline):
            self.transport.abort()  # in the midst of a body, whose answer or an earlier one is out
        elif self._too_long:
            self._refuse(431, TooLarge.code, _TOO_LARGE)
        else:
            self._refuse(400, InvalidRequest.code, "this is not a valid HTTP/1.1 request")

    def expire(self, now: float) -> None:
        """Hang up on a client that keeps us waiting."""
        if self._unread is None and self.transport.is_closing():
            # Closed when all has been taken: a client that takes nothing could put that off for
            # ever.
            self._unread = now + limits.ANSWER_SECONDS_MAX
        for deadline in (self.deadline, self._unread):
            if deadline is not None and deadline < now:
                self.transport.abort()
                return

    def _refuse(self, status: int, code: str, detail: str) -> None:
        if self.transport.is_closing():
            return
        request = new_request_id()
        problem = ProblemDetails(
            type=f"urn:strongroom:problem:{code}",
            title=TITLES[code],
            status=status,
            detail=detail,
            code=code,
            request_id=request,
        )
        body = msgspec.json.encode(problem)
        headers = [
            f"content-type: {MEDIA_TYPE}",
            f"content-length: {len(body)}",
            f"{REQUEST_ID.lower()}: {request}",
            "cache-control: no-store",
            "connection: close",
        ]
        if code == Unavailable.code:
            headers.append(f"retry-after: {limits.RETRY_AFTER_SECONDS}")
        head = "".join(f"{header}\r\n" for header in headers)
        self.transport.write(STATUS_LINE[status] + head.encode() + b"\r\n" + body)
        self.transport.close()
