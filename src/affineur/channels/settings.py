"""What settings say of channels; it loads neither mail nor HTTP, so that every command can read the settings."""

from __future__ import annotations

import ipaddress

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

PORTS = {"plain": 25, "starttls": 587, "tls": 465}
"""The ways to reach a mail server, with the port of each."""


def networks_of(text: str) -> tuple[Network, ...]:
    """Read networks separated by commas.

    Raises:
        ValueError: one of them is none.
    """
    return tuple(ipaddress.ip_network(part.strip()) for part in text.split(",") if part.strip())
