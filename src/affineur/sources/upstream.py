"""One upstream index over HTTP: its pages, side files and file bytes, with its failures named."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

import aiohttp
from yarl import URL

from affineur.config import Config
from affineur.errors import InvalidDocument, UpstreamBroken, UpstreamUnavailable
from affineur.model.names import ProjectName
from affineur.sources.pip_settings import PipSettings
from affineur.standards.simple_api.parse_html import parse_html
from affineur.standards.simple_api.parse_json import UpstreamPage, parse_json

_ACCEPT = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1"
_MOST_REDIRECTS = 8
_GONE = {404, 410}


@dataclass(frozen=True, slots=True)
class FetchedPage:
    """An upstream's answer for a project; `page` is None when it said "not modified"."""

    page: UpstreamPage | None
    etag: str
    last_modified: str


class Upstream:
    """The connection to one upstream: pooled, bounded, with a circuit breaker.

    After failures in a row it is not asked for a while (1 s doubling to 60 s), so that a dead
    upstream costs nothing.
    """

    def __init__(self, name: str, address: str, config: Config, pip: PipSettings) -> None:
        parts = urlsplit(address if address.endswith("/") else address + "/")
        self.name, self.config, self._pip = name, config, pip
        self._auth = aiohttp.BasicAuth(parts.username, parts.password or "") if parts.username else None
        host = parts.netloc.rpartition("@")[2]
        self.base = urlunsplit((parts.scheme, host, parts.path, "", ""))
        self._origin = URL(self.base).origin()
        self._session: aiohttp.ClientSession | None = None
        self._failures, self._closed_until = 0, 0.0

    @property
    def needs_credentials(self) -> bool:
        """Whether credentials are configured for this upstream."""
        return self._auth is not None

    @property
    def resting(self) -> bool:
        """Whether the breaker is open: the upstream failed lately and is not asked for now."""
        return self.config.offline or time.monotonic() < self._closed_until

    def _tls(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=self._pip.cert or None)
        if self._pip.client_cert:
            context.load_cert_chain(self._pip.client_cert)
        return context

    def session(self) -> aiohttp.ClientSession:
        """Return the pooled session, made on first use (inside the event loop)."""
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    ssl=self._tls(), limit=0, limit_per_host=self.config.connections_per_host, ttl_dns_cache=60
                ),
                timeout=aiohttp.ClientTimeout(
                    total=None, sock_connect=self.config.connect_timeout, sock_read=self.config.stall_timeout
                ),
                trust_env=True,
                auto_decompress=True,
                headers={"User-Agent": "affineur/0.1"},
            )
        return self._session

    async def close(self) -> None:
        """Close every connection."""
        if self._session is not None:
            await self._session.close()

    def _succeeded(self) -> None:
        self._failures, self._closed_until = 0, 0.0

    def _failed(self, error: Exception) -> UpstreamUnavailable:
        self._failures += 1
        if self._failures >= 3:
            self._closed_until = time.monotonic() + min(60.0, 2.0 ** (self._failures - 3))
        return UpstreamUnavailable(self.base, str(error) or type(error).__name__)

    @asynccontextmanager
    async def get(self, address: str, headers: dict[str, str] | None = None) -> AsyncIterator[aiohttp.ClientResponse]:
        """Ask for an address, following redirects; credentials never leave the upstream's own origin.

        Raises:
            UpstreamUnavailable: no answer, or a 5xx or 429.
        """
        if self.resting:
            raise UpstreamUnavailable(self.base, "it is not asked for now")
        url = URL(address, encoded=True)
        for _ in range(_MOST_REDIRECTS):
            auth = self._auth if url.origin() == self._origin else None
            try:
                response = await self.session().get(
                    url, headers=headers, auth=auth, allow_redirects=False, proxy=self._pip.proxy
                )
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                raise self._failed(error) from error
            if response.status not in {301, 302, 303, 307, 308}:
                break
            response.release()
            url = url.join(URL(response.headers.get("Location", ""), encoded=True))
        try:
            if response.status >= 500 or response.status == 429:
                raise self._failed(OSError(f"it answered {response.status}"))
            self._succeeded()
            yield response
        finally:
            response.release() if response.content.at_eof() else response.close()

    async def bounded(self, response: aiohttp.ClientResponse, limit: int) -> bytes:
        """Read a body of at most `limit` bytes.

        Raises:
            UpstreamBroken: it is longer, or cut short.
        """
        parts: list[bytes] = []
        length = 0
        try:
            async for part in response.content.iter_any():
                length += len(part)
                if length > limit:
                    raise UpstreamBroken(self.base, f"{response.url.path} is larger than {limit} bytes")
                parts.append(part)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise self._failed(error) from error
        return b"".join(parts)

    async def page(self, project: ProjectName, etag: str = "", last_modified: str = "") -> FetchedPage | None:
        """Fetch a project's page, or None when the upstream does not know the project.

        Raises:
            UpstreamUnavailable: it does not answer.
            UpstreamBroken: what it answers is not a page.
        """
        headers = {"Accept": _ACCEPT}
        if etag:
            headers["If-None-Match"] = etag
        elif last_modified:
            headers["If-Modified-Since"] = last_modified
        async with self.get(f"{self.base}{project}/", headers) as response:
            if response.status in _GONE:
                return None
            if response.status == 304:
                return FetchedPage(None, etag, last_modified)
            if response.status != 200:
                raise UpstreamUnavailable(self.base, f"it answered {response.status} for {project}")
            body = await self.bounded(response, self.config.max_page)
            kind = response.content_type
            final = str(response.url)
            validators = response.headers.get("ETag", ""), response.headers.get("Last-Modified", "")
        parse = parse_json if kind.endswith("json") else parse_html
        try:
            page = await asyncio.to_thread(parse, body, project, final)
        except InvalidDocument as error:
            raise UpstreamBroken(self.base, error.sentence) from error
        return FetchedPage(page, *validators)

    async def side_file(self, address: str, limit: int) -> bytes | None:
        """Fetch a small file that stands beside another, or None where there is none."""
        async with self.get(address, {"Accept-Encoding": "identity"}) as response:
            return await self.bounded(response, limit) if response.status == 200 else None

    async def json_document(self, project: str) -> bytes | None:
        """Fetch `/pypi/{project}/json` beside the simple API, or None where there is none."""
        root = self.base[: -len("simple/")] if self.base.endswith("/simple/") else self.base
        async with self.get(f"{root}pypi/{project}/json", {"Accept": "application/json"}) as response:
            return await self.bounded(response, self.config.max_page) if response.status == 200 else None
