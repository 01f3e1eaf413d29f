"""Which addresses webhooks may lead to."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from affineur.channels.settings import Network

_TRANSLATED = tuple(map(ipaddress.IPv6Network, ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32")))
"""IPv6 addresses that stand for IPv4 ones (NAT64, 6to4, Teredo), private ones among them."""


@dataclass(frozen=True, slots=True)
class Reach:
    """Which addresses webhooks may lead to."""

    networks: tuple[Network, ...] = ()
    """Networks allowed although they are private; public addresses always are."""

    def lets(self, address: str) -> bool:
        """Whether a numeric address may be connected to."""
        try:
            number = ipaddress.ip_address(address.partition("%")[0])
        except ValueError:
            return False
        if isinstance(number, ipaddress.IPv6Address):
            if any(number in network for network in _TRANSLATED):
                return False
            number = number.ipv4_mapped or number
        inside = any(number in network for network in self.networks if network.version == number.version)
        return inside or (number.is_global and not number.is_multicast)


class Forbidden(OSError):
    """A name that leads to no address that may be connected to."""

    def __init__(self) -> None:
        super().__init__("it leads to a private address; setting webhook_networks allows some")
