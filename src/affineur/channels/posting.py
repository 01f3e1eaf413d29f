"""Posting to an address, and to no other than one that may be connected to; loaded when something is posted."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.connector import AddrInfoType

from affineur.channels.reach import Forbidden, Reach

_TIMEOUT = aiohttp.ClientTimeout(total=15, connect=8)
_MOST_OF_ANSWER = 4096


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
            raise Forbidden()
        return allowed

    async def close(self) -> None:
        """Nothing is kept open."""

    def socket(self, info: AddrInfoType) -> socket.socket:
        """Return a socket to connect to an address, whichever way it was come by.

        Numeric hosts are not resolved, and there are spellings of them that only the client reads as such.
        """
        family, kind, protocol, _, place = info
        if not self._reach.lets(str(place[0])):
            raise Forbidden()
        made = socket.socket(family, kind, protocol)
        made.setblocking(False)
        return made


async def post(address: str, body: bytes, headers: Mapping[str, str], reach: Reach) -> tuple[int, bytes]:
    """Post a body; return the status of the answer and the beginning of what it says. Redirects are not followed.

    Raises:
        OSError: there is no answer.
        ValueError: the address is none.
    """
    guard = _Guarded(reach)
    connector = aiohttp.TCPConnector(resolver=guard, socket_factory=guard.socket, force_close=True)
    try:
        async with (
            aiohttp.ClientSession(
                connector=connector, timeout=_TIMEOUT, trust_env=False, auto_decompress=False
            ) as session,
            session.post(address, data=body, headers=headers, allow_redirects=False) as answer,
        ):
            return answer.status, await answer.content.read(_MOST_OF_ANSWER)
    except aiohttp.ClientError as error:
        if isinstance(error.__cause__, Forbidden):
            raise error.__cause__ from None
        raise OSError(str(error) or type(error).__name__) from error
