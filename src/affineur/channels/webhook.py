"""Webhooks: signed as Standard Webhooks asks for, so that receivers verify them with ready-made libraries."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import ipaddress
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import msgspec
from aiohttp.abc import AbstractResolver, ResolveResult

from affineur.channels.channel import Parcel, checked_address
from affineur.channels.settings import Network
from affineur.errors import Invalid, NotDelivered

_TIMEOUT = aiohttp.ClientTimeout(total=15, connect=8)
_MOST_OF_ANSWER = 4096
_GONE = 410
KEY_PREFIX = "whsec_"


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


def checked(address: str) -> str:
    """Return the address of a webhook.

    Raises:
        Invalid: it is no http or https address, or holds credentials.
    """
    wanted = "an address such as webhook:https://hooks.example.org/team"
    address = checked_address(address, wanted)
    try:
        parts = urlsplit(address)
        parts.port  # noqa: B018 - reading it checks it
    except ValueError as error:
        raise Invalid(f"{address[:80]!r}: {error}") from error
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise Invalid(f"{address[:80]!r}: {wanted} is wanted")
    if "@" in parts.netloc:
        raise Invalid("a webhook's address must not hold credentials: the signature says who sends")
    return address


class _Guarded(AbstractResolver):
    """Resolves names to those of their addresses that may be connected to.

    What was checked is what is connected to, so that a name cannot change its address in between.
    """

    def __init__(self, reach: Reach) -> None:
        self._reach = reach

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Return the allowed addresses of a name."""
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host, port, family=family, type=socket.SOCK_STREAM)
        allowed: list[ResolveResult] = [
            ResolveResult(
                hostname=host, host=str(place[0]), port=port, family=kind, proto=proto, flags=socket.AI_NUMERICHOST
            )
            for kind, _, proto, _, place in found
            if self._reach.lets(str(place[0]))
        ]
        if not allowed:
            raise _Forbidden()
        return allowed

    async def close(self) -> None:
        """Nothing is kept open."""


class _Forbidden(OSError):
    """A name that leads to no address that may be connected to."""

    def __init__(self) -> None:
        super().__init__("it leads to a private address; setting webhook_networks allows some")


def signature(key: bytes, identifier: str, timestamp: int, body: bytes) -> str:
    """Return the signature over a delivery's id, its time (Unix seconds) and its body."""
    signed = b".".join((identifier.encode(), str(timestamp).encode(), body))
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def spelt(key: bytes) -> str:
    """Return a key as its owner is shown it."""
    return KEY_PREFIX + base64.b64encode(key).decode()


class Webhook:
    """Posts messages as JSON."""

    def __init__(self, networks: Sequence[Network] = ()) -> None:
        self.reach = Reach(tuple(networks))

    async def send(self, parcel: Parcel) -> None:
        """Post a message; the receiver took it when it answers 2xx. Redirects are not followed.

        Raises:
            NotDelivered: it did not; for good where it says 410 Gone.
        """
        host = urlsplit(parcel.address).hostname or ""
        if _numeric(host) and not self.reach.lets(host):
            raise NotDelivered(f"{host}: {_Forbidden()}")
        body = msgspec.json.encode(_document(parcel))
        connector = aiohttp.TCPConnector(resolver=_Guarded(self.reach), force_close=True)
        try:
            async with (
                aiohttp.ClientSession(connector=connector, timeout=_TIMEOUT, trust_env=False) as session,
                session.post(
                    parcel.address, data=body, headers=_headers(parcel, body), allow_redirects=False
                ) as answer,
            ):
                said = (await answer.content.read(_MOST_OF_ANSWER)).decode("utf-8", "replace")
                status = answer.status
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            told = error.__cause__ if isinstance(error.__cause__, _Forbidden) else error
            raise NotDelivered(f"{host}: {str(told) or type(told).__name__}") from error
        if not 200 <= status < 300:
            raise NotDelivered(f"{host} answered {status} {' '.join(said.split())[:200]}", final=status == _GONE)


def _numeric(host: str) -> bool:
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


def _document(parcel: Parcel) -> dict[str, Any]:
    message = parcel.message
    told = {"subject": message.subject, "text": message.text, "urgent": message.urgent}
    return {"id": parcel.id, **told, **message.data}


def _headers(parcel: Parcel, body: bytes) -> dict[str, str]:
    moment = int(time.time())
    headers = {
        "Content-Type": "application/json", "User-Agent": "affineur", "webhook-id": parcel.id,
        "webhook-timestamp": str(moment),
    }  # fmt: skip
    if parcel.key:
        headers["webhook-signature"] = signature(parcel.key, parcel.id, moment, body)
    return headers
