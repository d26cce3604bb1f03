"""Which URL a token may be sent to."""

from ipaddress import ip_address
from urllib.parse import urlsplit

from strongroom.client.problems import InvalidArgumentError


def checked(url: str, *, unsafe_cleartext: bool = False) -> str:
    """The URL without a slash at its end. Raises `InvalidArgumentError` for any but a server's.

    Without TLS only the machine itself is spoken to: elsewhere the token could be read on the way.
    `unsafe_cleartext` is for who knows that something else protects the connection.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise InvalidArgumentError("not the URL of a server") from None
    # Before the URL is ever repeated: a password is not.
    if parts.username is not None or parts.password is not None:
        raise InvalidArgumentError("the URL must not carry a name or a password")
    if not url.isascii() or not url.isprintable() or " " in url:
        raise InvalidArgumentError("the URL has characters that no URL has")
    if parts.scheme not in {"http", "https"} or not host or parts.query or parts.fragment:
        raise InvalidArgumentError("not the URL of a server, such as https://kms.example:7600")
    if parts.scheme == "http" and not unsafe_cleartext and not _loopback(host):
        raise InvalidArgumentError(
            f"without TLS the token and the data could be read on the way to {host}"
        )
    return url.rstrip("/")


def _loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
