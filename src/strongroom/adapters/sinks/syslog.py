"""Syslog: RFC 5424 messages over TLS (RFC 5425), each behind its length (octet counting).

    <PRI>1 TIME HOST strongroom - ACTION [strongroom@NUMBER position="…" …] LINE

Syslog has no acknowledgement: a receiver that dies takes with it what its machine had accepted. So
`settle` ends the connection in order, and waits: the receiver closes its side when it has read
everything, while one that went away with something unread resets the connection instead
(RFC 1122, 4.2.2.13). Only then does what was sent count as arrived.
"""

import fcntl
import socket
import ssl
import struct
import termios
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from strongroom.adapters import trust
from strongroom.adapters.dialling import why
from strongroom.domain.events import Event, Outcome
from strongroom.ports.sinks import Parcel, SinkFailed, SyslogSettings, host_and_port, is_loopback

_WAIT_SECONDS: Final = 15.0  # for the connection, for each send, for the end
_LOOK_SECONDS: Final = 0.01
_MESSAGE_ID_CHARACTERS_MAX: Final = 32
_ALERT, _WARNING, _INFORMATIONAL = 1, 4, 6  # severities, RFC 5424, 6.2.1


class SyslogSink:
    """See `ports/sinks.py`. Raises `ValueError` when the address or a file cannot be used."""

    def __init__(self, settings: SyslogSettings) -> None:
        try:
            self._host, self._port = host_and_port(settings.address)
        except ValueError:
            raise ValueError(
                f"{settings.address!r} is not an address like siem.example:6514"
            ) from None
        self._tls: ssl.SSLContext | None = None
        if settings.tls:
            self._tls = trust.context(settings.tls_ca, settings.tls_certificate, settings.tls_key)
        elif not is_loopback(self._host):
            raise ValueError(f"{settings.address} is another machine, so TLS is needed")
        self._settings = settings
        self._hostname = settings.hostname or _own_name()
        self._line: socket.socket | None = None

    def send(self, parcels: Sequence[Parcel]) -> bool:
        """Write the messages to the connection, and hope."""
        framed = b"".join(map(self._framed, parcels))
        try:
            if self._line is None:
                self._line = self._dial()
            self._line.sendall(framed)
        except OSError as error:
            self.close()
            raise SinkFailed(why(error)) from error
        return False

    def settle(self) -> None:
        """End the connection in order; return when the receiver has read all of it."""
        line, self._line = self._line, None
        if line is None:
            return
        try:
            with line:
                _finish(line)
        except OSError as error:
            raise SinkFailed(why(error)) from error

    def close(self) -> None:
        """Hang up. What was not settled may not have arrived."""
        line, self._line = self._line, None
        if line is not None:
            line.close()

    def _dial(self) -> socket.socket:
        line = socket.create_connection((self._host, self._port), _WAIT_SECONDS)
        if self._tls is None:
            return line
        try:
            return self._tls.wrap_socket(line, server_hostname=self._host)
        except BaseException:
            line.close()
            raise

    def _framed(self, parcel: Parcel) -> bytes:
        settings = self._settings
        message = encoded(
            parcel,
            priority=settings.facility * 8 + severity(parcel.event),
            hostname=self._hostname,
            enterprise=settings.enterprise,
            bytes_max=settings.message_bytes_max,
        )
        return b"%d %b" % (len(message), message)


def severity(event: Event) -> int:
    """1 for an alert, 4 for a refusal, else 6."""
    if event.action == "alert.raise":
        return _ALERT
    return _INFORMATIONAL if event.outcome is Outcome.ALLOWED else _WARNING


def encoded(
    parcel: Parcel, *, priority: int, hostname: str, enterprise: int, bytes_max: int
) -> bytes:
    """The message. One that would be longer than `bytes_max` has the beginning of its line only.

    Then its structured data says how many bytes the whole line has (`truncated`). It is cut between
    characters.
    """
    event, text = parcel.event, parcel.line.rstrip(b"\r\n")
    head = f"<{priority}>1 {event.time} {hostname} strongroom - {_message_id(event.action)} "
    data = {
        "position": str(parcel.position),
        "namespace": event.namespace,
        "outcome": event.outcome.value,
    }
    before = head.encode() + _structured(enterprise, data)
    if len(before) + len(text) <= bytes_max:
        return before + text
    before = head.encode() + _structured(enterprise, {**data, "truncated": str(len(text))})
    # UTF-8 is cut where no character is under way; what is left is decodable.
    cut = text[: max(0, bytes_max - len(before))].decode(errors="ignore")
    return before + cut.encode()


def _structured(enterprise: int, data: dict[str, str]) -> bytes:
    parameters = "".join(f' {name}="{_escaped(value)}"' for name, value in data.items())
    return f"[strongroom@{enterprise}{parameters}] ".encode()


def _escaped(value: str) -> str:
    for character in '\\"]':
        value = value.replace(character, "\\" + character)
    return value


def _message_id(action: str) -> str:
    return action[:_MESSAGE_ID_CHARACTERS_MAX] or "-"


def _own_name() -> str:
    name = socket.gethostname()
    return name if name.isascii() and name.isprintable() and " " not in name and name else "-"


def _finish(line: socket.socket) -> None:
    """Say that nothing more comes, and wait for the other side to close. Raises `OSError`.

    1. Our end: TLS's close_notify, or TCP's. 2. The peer closes, having read it. 3. Nothing that we
    sent is without acknowledgement: what came after the peer had closed, for reasons of its own, is
    answered with a reset, which may still be on its way.
    """
    line.settimeout(_WAIT_SECONDS)
    bare = line
    if isinstance(line, ssl.SSLSocket):
        # A receiver that closes without a word of TLS is believed: many do.
        with suppress(ssl.SSLEOFError, ssl.SSLZeroReturnError):
            bare = line.unwrap()  # 1, 2
    else:
        line.shutdown(socket.SHUT_WR)  # 1
        while line.recv(4096):  # 2
            pass
    with bare:
        end = time.monotonic() + _WAIT_SECONDS
        while True:  # 3
            reset = bare.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if reset:
                raise ConnectionResetError(reset, "the connection was reset")
            if not _unacknowledged(bare):
                return
            if time.monotonic() > end:
                raise TimeoutError
            time.sleep(_LOOK_SECONDS)


def _unacknowledged(line: socket.socket) -> int:
    """Bytes that the peer's machine has not acknowledged: SIOCOUTQ of tcp(7)."""
    (count,) = struct.unpack("i", fcntl.ioctl(line, termios.TIOCOUTQ, bytes(4)))
    return int(count)
