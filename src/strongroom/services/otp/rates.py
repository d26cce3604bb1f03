"""How many codes a caller, and a source, may try in a minute: the namespace's settings."""

import ipaddress
from typing import Final

from strongroom.ports.store import Rate
from strongroom.services.authorize import Permit

_MINUTE_US: Final = 60_000_000
_HOME_BITS: Final = 64  # of IPv6 addresses, whoever has one has so many (RFC 6177)


def rates(permit: Permit, count: int) -> tuple[Rate, ...]:
    """What has to bear so many attempts of the permit's caller. Without a setting, nothing."""
    if not count:
        return ()
    body, visit = permit.namespace.body, permit.visit
    found = []
    if body.otp_caller_rate:
        caller = f"otp-caller/{permit.principal.name}"
        found.append(Rate(caller, body.otp_caller_rate, _MINUTE_US, count))
    if body.otp_source_rate and visit.source:
        source = f"otp-source/{_network(visit.source)}"
        found.append(Rate(source, body.otp_source_rate, _MINUTE_US, count))
    return tuple(found)


def _network(source: str) -> str:
    try:
        address = ipaddress.ip_address(source)
    except ValueError:
        return source
    if isinstance(address, ipaddress.IPv4Address):
        return source
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    bits = 128 - _HOME_BITS
    return str(ipaddress.IPv6Address(int(address) >> bits << bits))
