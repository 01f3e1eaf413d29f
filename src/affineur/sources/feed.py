"""A file at an address, downloaded to disk when it changed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from affineur.errors import Invalid, UpstreamBroken, UpstreamUnavailable
from affineur.sources.pip_settings import PipSettings
from affineur.sources.unanswered import reason

if TYPE_CHECKING:
    import aiohttp

_MOST_BYTES = 4 * 2**30
_PATIENCE = {"sock_connect": 15.0, "sock_read": 60.0}
"""Seconds."""


def without_secrets(address: str) -> str:
    """Return an address without credentials and query, as it may be shown and kept."""
    parts = urlsplit(address)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


async def download(
    address: str,
    etag: str,
    target: Path,
    pip: PipSettings,
    told: Callable[[int, int], None],
    most: int = _MOST_BYTES,
) -> str | None:
    """Write what stands at an http or https address to `target`; return its ETag, or None when it is unchanged.

    The certificates and the proxy are those of pip. `told` hears (bytes so far, bytes in all or 0).

    Raises:
        Invalid: the address is of another kind.
        UpstreamUnavailable: it does not answer.
        UpstreamBroken: it answers with an error, or the body is cut short or larger than `most` bytes.
    """
    import aiohttp

    parts, shown = urlsplit(address), without_secrets(address)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise Invalid(f"{shown}: an address that begins with https:// or http:// is wanted")
    tls = pip.tls(shown)
    headers = {"Accept-Encoding": "identity", **({"If-None-Match": etag} if etag else {})}
    timeout = aiohttp.ClientTimeout(total=None, **_PATIENCE)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout, trust_env=True, headers={"User-Agent": "affineur/0.1"}) as session,
            session.get(address, headers=headers, proxy=pip.proxy_address, ssl=tls) as response,
        ):
            if response.status == 304 and etag:
                return None
            if response.status != 200:
                raise UpstreamBroken(shown, f"it answered {response.status}")
            await _pour(response, shown, target, told, most)
            return response.headers.get("ETag", "")
    except aiohttp.ClientPayloadError as error:
        raise UpstreamBroken(shown, f"the body was cut short ({error})") from error
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise UpstreamUnavailable(shown, reason(error)) from error


async def _pour(
    response: aiohttp.ClientResponse, shown: str, target: Path, told: Callable[[int, int], None], most: int
) -> None:
    written, whole = 0, response.content_length or 0
    with target.open("wb") as sink:
        async for chunk in response.content.iter_any():
            written += len(chunk)
            if written > most:
                raise UpstreamBroken(shown, f"it sends more than {most} bytes")
            await asyncio.to_thread(sink.write, chunk)
            told(written, whole)
