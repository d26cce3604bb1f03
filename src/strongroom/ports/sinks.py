"""A sink: a place outside of Strongroom that audit entries are carried to.

The promises: entries are handed over in the order of the log, and each arrives at least once.
When `send` returns true, they have arrived, as far as the sink's protocol can tell. Where it cannot
tell at once, it returns false, and `settle` returns when all that was sent before has arrived.
Either raises `SinkFailed`; then nothing since the last arrival counts, and all of it will be sent
again. Used by one thread, which may have to wait: a sink's methods block, for a bounded time.
"""

import ipaddress
from collections.abc import Sequence
from typing import Annotated, Literal, NamedTuple, Protocol

import msgspec
from msgspec import Meta

from strongroom.domain import limits
from strongroom.domain.events import Event


class SinkFailed(Exception):  # noqa: N818 - it says what is the case
    """It did not take them, or nobody knows. One line for people, without anything secret."""


class Parcel(NamedTuple):
    """An entry on its way: its place in the log, what it says, and its line in the sink's format.

    The line ends with a line feed.
    """

    position: int
    event: Event
    line: bytes


class Sink(Protocol):
    """See the promises at the head of this module."""

    def send(self, parcels: Sequence[Parcel]) -> bool:
        """Hand these over, at least one. Whether they have arrived."""

    def settle(self) -> None:
        """Return when all that was sent has arrived."""

    def close(self) -> None:
        """Let go of everything. Never raises."""


# --- what the configuration says of each ----------------------------------------------------------

_Name = Annotated[str, Meta(pattern=r"^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$")]


class Common(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every kind of sink has. Empty `namespaces` or `actions`: all of them.

    An action is a name, or the beginning of names with `*` behind it: `key.*`. `begin` is where a
    sink starts of which the log's cursor is not known yet: with the next entry, or the first.
    """

    name: _Name
    format: str = "jsonl"
    namespaces: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()
    begin: Literal["end", "beginning"] = msgspec.field(name="from", default="end")

    def wants(self, event: Event) -> bool:
        """Whether an entry is for this sink."""
        if self.namespaces and event.namespace not in self.namespaces:
            return False
        return not self.actions or any(_covers(each, event.action) for each in self.actions)


class SyslogSettings(Common, frozen=True, kw_only=True, tag_field="kind", tag="syslog"):
    """RFC 5424 messages over a stream, TLS (RFC 5425) unless told otherwise.

    `enterprise` is the number in the name of the structured data (RFC 5424, 6.3.2).
    """

    address: str
    tls: bool = True
    tls_ca: str = ""
    tls_certificate: str = ""
    tls_key: str = ""
    hostname: Annotated[str, Meta(pattern=r"^[!-~]{0,255}$")] = ""
    facility: Annotated[int, Meta(ge=0, le=23)] = 13
    enterprise: Annotated[int, Meta(ge=1, le=2**32 - 1)] = 32473
    message_bytes_max: Annotated[int, Meta(ge=1024, le=2**20)] = limits.SYSLOG_BYTES_MAX


class WebhookSettings(Common, frozen=True, kw_only=True, tag_field="kind", tag="webhook"):
    """Lines in the body of a POST, signed as Standard Webhooks has it."""

    url: str
    secret_file: str
    tls_ca: str = ""
    tls_certificate: str = ""
    tls_key: str = ""


class FileSettings(Common, frozen=True, kw_only=True, tag_field="kind", tag="file"):
    """Lines at the end of a file. At `bytes_max` a new one is begun; `keep` old ones stay."""

    path: str
    bytes_max: Annotated[int, Meta(ge=2**20, le=2**40)] = 100 * 2**20
    keep: Annotated[int, Meta(ge=1, le=1_000)] = 10


SinkSettings = SyslogSettings | WebhookSettings | FileSettings


def host_and_port(text: str) -> tuple[str, int]:
    """`siem.example:6514` or `[2001:db8::1]:6514`. Raises `ValueError`."""
    host, _, port = text.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = str(ipaddress.IPv6Address(host[1:-1]))
    elif not host.isascii() or not host or set(host) & set(" :/@[]\\%"):
        raise ValueError("not a host")
    else:
        host.encode("idna")  # as whoever looks it up will; of an impossible name a `ValueError`
    if not (port.isascii() and port.isdecimal() and 0 < int(port) < 65_536):  # noqa: PLR2004
        raise ValueError("not a port")
    return host, int(port)


def is_loopback(host: str) -> bool:
    """Whether what is sent there stays on this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _covers(pattern: str, action: str) -> bool:
    if pattern.endswith("*"):
        return action.startswith(pattern[:-1])
    return action == pattern
