"""The network that an address belongs to: what one subscriber or one site has."""

import ipaddress
from typing import Final

from strongroom.domain import limits

_HIDDEN: Final = "hmac:"  # an address that the namespace keeps to itself


class Networks:
    """Addresses become networks: /24 of IPv4, /48 of IPv6. A hidden one is a network of its own."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    def of(self, source: str) -> str:
        """The network; what is no address stands for itself."""
        network = self._known.get(source)
        if network is None:
            if len(self._known) >= limits.WATCHED_NETWORKS_MAX:
                self._known.clear()
            network = self._known[source] = _network(source)
        return network


def _network(source: str) -> str:
    if source.startswith(_HIDDEN):
        return source
    try:
        address = ipaddress.ip_address(source.partition("%")[0])
    except ValueError:
        return source
    mapped = getattr(address, "ipv4_mapped", None)
    if mapped is not None:
        address = mapped
    length = 24 if address.version == 4 else 48  # noqa: PLR2004 - the version of IP
    return str(ipaddress.ip_network((address, length), strict=False))
