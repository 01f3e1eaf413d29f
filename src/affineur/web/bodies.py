"""Small request bodies, read whole within a bound."""

from __future__ import annotations

from aiohttp.web_request import BaseRequest

from affineur.errors import TooLarge


async def read_bounded(request: BaseRequest, limit: int, what: str) -> bytes:
    """Read a body of at most `limit` bytes; one that states more is refused unread.

    Raises:
        TooLarge: it is longer.
    """
    if request.content_length is not None and request.content_length > limit:
        raise TooLarge(what, limit, "none")
    body = bytearray()
    async for part in request.content.iter_any():
        body += part
        if len(body) > limit:
            raise TooLarge(what, limit, "none")
    return bytes(body)
