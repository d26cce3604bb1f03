"""POST to one address, the connection kept: no redirects, no proxy, bounded answers.

HTTPS, with the peer's certificate verified; HTTP to this machine only.
"""

import http.client
from collections.abc import Mapping
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from strongroom.adapters import trust
from strongroom.adapters.dialling import why
from strongroom.ports.sinks import host_and_port, is_loopback

_WAIT_SECONDS: Final = 15.0  # for the connection, and for each part of the answer
_ANSWER_BYTES_MAX: Final = 64 * 1024
_PORTS: Final = {"https": 443, "http": 80}


class PostFailed(Exception):  # noqa: N818 - it says what is the case
    """There is no answer, or none that can be used. One line for people."""


class Answer(NamedTuple):
    """What was answered."""

    status: int
    body: bytes


class Target(NamedTuple):
    """A URL's parts."""

    tls: bool
    host: str
    port: int
    path: str


def target(url: str) -> Target:
    """The parts of `https://siem.example/in`. Raises `ValueError` with one line for people."""
    try:
        parts = urlsplit(url)
        if parts.scheme not in _PORTS or parts.fragment:
            raise ValueError("not of this kind")
        bare = parts.port is None
        host, port = host_and_port(
            f"{parts.netloc}:{_PORTS[parts.scheme]}" if bare else parts.netloc
        )
    except ValueError:
        raise ValueError(f"{url!r} is not a URL like https://siem.example/in") from None
    if parts.scheme == "http" and not is_loopback(host):
        raise ValueError(f"{url!r} leads to another machine, so it must begin with https://")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if not path.isascii() or not path.isprintable() or " " in path:
        raise ValueError(f"{url!r} has characters that must be percent-encoded")
    return Target(parts.scheme == "https", host, port, path)


class Poster:
    """Posts to one URL. Raises `ValueError` when the URL or a file of TLS's cannot be used."""

    def __init__(self, url: str, *, ca: str = "", certificate: str = "", key: str = "") -> None:
        self._target = target(url)
        self._tls = trust.context(ca, certificate, key) if self._target.tls else None
        self._connection: http.client.HTTPConnection | None = None

    def post(self, body: bytes, headers: Mapping[str, str]) -> Answer:
        """The answer, whatever its status; redirects are not followed. Raises `PostFailed`."""
        kept = self._connection is not None
        try:
            return self._post(body, headers)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            # A connection that was kept may have been closed meanwhile. Asked once more, on a new
            # one: whoever posts must bear that something arrives twice.
            if not kept:
                raise PostFailed(_reason(error)) from error
        try:
            return self._post(body, headers)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise PostFailed(_reason(error)) from error

    def _post(self, body: bytes, headers: Mapping[str, str]) -> Answer:
        to = self._target
        connection = self._connection
        if connection is None:
            connection = self._connection = (
                http.client.HTTPConnection(to.host, to.port, timeout=_WAIT_SECONDS)
                if self._tls is None
                else http.client.HTTPSConnection(
                    to.host, to.port, timeout=_WAIT_SECONDS, context=self._tls
                )
            )
        connection.request("POST", to.path, body, dict(headers))
        response = connection.getresponse()
        found = response.read(_ANSWER_BYTES_MAX + 1)
        if len(found) > _ANSWER_BYTES_MAX or not response.isclosed():
            self.close()  # whatever else comes is of no use to anybody
        return Answer(response.status, found[:_ANSWER_BYTES_MAX])

    def close(self) -> None:
        """Hang up."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def _reason(error: OSError | http.client.HTTPException) -> str:
    if isinstance(error, OSError):
        return why(error)
    return "what it answers is not HTTP"
