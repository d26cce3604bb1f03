"""Asking a running server: GET, one connection, nothing followed, nothing longer than expected.

Not `urllib.request`: it follows redirects and would carry the token along to wherever they lead.
"""

import http.client
import json
import ssl
from ipaddress import ip_address
from pathlib import Path
from types import TracebackType
from typing import Final, Self
from urllib.parse import urlsplit

from strongroom.verify.files import reason
from strongroom.verify.verdicts import NotChecked

_SECONDS_MAX: Final = 30.0  # without a sign of life
_REFUSAL_BYTES_MAX: Final = 4096
_OK: Final = 200
_MISSING: Final = frozenset({404, 410})


class Missing(Exception):  # noqa: N818 - it says what is the case
    """The server says that it has no such thing."""


class Server:
    """One server, asked in turn. Raises `NotChecked` whenever it cannot be asked."""

    def __init__(self, url: str, token: str | None, authorities: Path | None = None) -> None:
        self.url, self._path = url.rstrip("/"), ""
        host, port, secure = self._parse(url)
        self._headers = {"Accept-Encoding": "identity", "User-Agent": "strongroom-verify"}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"
        self._connection: http.client.HTTPConnection
        if secure:
            self._connection = http.client.HTTPSConnection(
                host, port, timeout=_SECONDS_MAX, context=_tls(authorities)
            )
        else:
            self._connection = http.client.HTTPConnection(host, port, timeout=_SECONDS_MAX)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._connection.close()

    def get(self, path: str, bytes_max: int) -> bytes:
        """What is at this path below the URL. Raises `Missing`, and `NotChecked`."""
        try:
            status, body = self._exchange(path, bytes_max)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise self._unreachable(error) from error
        if status in _MISSING:
            raise Missing(path)
        if status != _OK:
            raise NotChecked(f"{self.url} answers {status} to {path}{_said(body)}")
        if len(body) > bytes_max:
            raise NotChecked(f"{self.url} answers more than {bytes_max} bytes to {path}")
        return body

    def _exchange(self, path: str, bytes_max: int) -> tuple[int, bytes]:
        kept = self._connection.sock is not None
        try:
            return self._exchange_once(path, bytes_max)
        except ConnectionError:
            if not kept:
                raise
        # The server had closed the connection that was kept: once more, on a new one.
        return self._exchange_once(path, bytes_max)

    def _exchange_once(self, path: str, bytes_max: int) -> tuple[int, bytes]:
        try:
            self._connection.request("GET", self._path + path, headers=self._headers)
            answer = self._connection.getresponse()
            body = answer.read(max(bytes_max, _REFUSAL_BYTES_MAX) + 1)
            if not answer.isclosed():
                self._connection.close()  # there is more to come, which nobody wants
        except BaseException:
            self._connection.close()  # half an exchange must not be taken for the next one
            raise
        if answer.getheader("Content-Encoding", "identity") != "identity":
            raise ValueError("it answers compressed, which was not asked for")
        return answer.status, body

    def _unreachable(self, error: Exception) -> NotChecked:
        said = reason(error) if isinstance(error, OSError) else str(error) or type(error).__name__
        if isinstance(error, ssl.SSLCertVerificationError):
            said = f"its certificate is not accepted ({error.verify_message})"
        elif isinstance(error, TimeoutError):
            said = f"no answer within {_SECONDS_MAX:.0f} seconds"
        return NotChecked(f"{self.url} cannot be asked: {said}")

    def _parse(self, url: str) -> tuple[str, int | None, bool]:
        try:
            parts = urlsplit(url)
            host, port = parts.hostname or "", parts.port
        except ValueError as error:
            raise NotChecked("that is not the URL of a server") from error
        if parts.username is not None or parts.password is not None:
            # Before the URL is ever repeated.
            raise NotChecked("the URL must not carry a name or a password")
        if not url.isascii() or not url.isprintable() or " " in url:
            raise NotChecked("the URL has characters that no URL has")
        if parts.scheme not in {"http", "https"} or not host or parts.query or parts.fragment:
            raise NotChecked(f"{url} is not the URL of a server, such as https://kms.example:7600")
        if parts.scheme == "http" and not _loopback(host):
            raise NotChecked(f"without TLS the token could be read on the way to {host}: use https")
        self._path = parts.path.rstrip("/")
        return host, port, parts.scheme == "https"


def _tls(authorities: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=authorities)
    except (OSError, ValueError) as error:
        raise NotChecked(f"{authorities} holds no certificates of authorities") from error


def _loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _said(body: bytes) -> str:
    """The server's own words on a refusal (RFC 9457), if they are words."""
    try:
        problem = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    if not isinstance(problem, dict):
        return ""
    said = problem.get("detail") or problem.get("title")
    return f": {said}" if isinstance(said, str) and said.isprintable() else ""
