"""One upstream index over HTTP: its pages, side files and file bytes, with its failures named."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.request import getproxies, proxy_bypass

from yarl import URL

from affineur.config import Config
from affineur.errors import InvalidDocument, UpstreamBroken, UpstreamUnavailable
from affineur.model.names import ProjectName
from affineur.sources.breaker import Breaker
from affineur.sources.credentials import Credentials
from affineur.sources.pip_settings import PipSettings
from affineur.sources.unanswered import reason
from affineur.standards.simple_api.parse_html import parse_html
from affineur.standards.simple_api.parse_json import UpstreamPage, parse_json

if TYPE_CHECKING:
    import aiohttp

_ACCEPT = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1"
_JSON_TYPES = {"application/vnd.pypi.simple.v1+json", "application/json"}
_HTML_TYPES = {"application/vnd.pypi.simple.v1+html", "text/html", "application/xhtml+xml"}
_MOST_REDIRECTS = 8
_REDIRECTS = {301, 302, 303, 307, 308}
_GONE = {404, 410}
_TOO_MANY_REQUESTS = 429


@dataclass(frozen=True, slots=True)
class FetchedPage:
    """An upstream's answer for a project; `page` is None when it said "not modified"."""

    page: UpstreamPage | None
    etag: str
    last_modified: str


class Upstream:
    """The connection to one upstream and its file hosts: pooled, bounded, with a circuit breaker for each host."""

    def __init__(self, name: str, address: str, config: Config, pip: PipSettings) -> None:
        self.credentials = Credentials(address if address.endswith("/") else address + "/")
        self.name, self.base, self.config, self._pip = name, self.credentials.base, config, pip
        self._session: aiohttp.ClientSession | None = None
        self._breakers: dict[URL, Breaker] = {}

    @property
    def resting(self) -> bool:
        """Whether the index itself is not asked now: it failed lately, or nothing is to be asked."""
        return bool(self.config.offline or self._breaker(URL(self.base)).rests_for)

    def session(self) -> aiohttp.ClientSession:
        """Return the pooled session, made on first use (inside the event loop)."""
        if self._session is None:
            import aiohttp

            config = self.config
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    ssl=self._pip.tls(self.base), limit=0, limit_per_host=config.connections_per_host, ttl_dns_cache=60
                ),
                timeout=aiohttp.ClientTimeout(
                    total=None, sock_connect=config.connect_timeout, sock_read=config.answer_timeout
                ),
                headers={"User-Agent": "affineur/0.1"},
            )
        return self._session

    async def close(self) -> None:
        """Close every connection."""
        if self._session is not None:
            await self._session.close()

    def _proxy(self, url: URL) -> str | None:
        """Return pip's proxy, else the environment's for the address."""
        if self._pip.proxy:
            return self._pip.proxy_address
        if proxy_bypass(url.authority):
            return None
        proxies = getproxies()
        return proxies.get(url.scheme) or proxies.get("all")

    def _failed(self, url: URL, error: Exception, retry_after: float = 0.0) -> UpstreamUnavailable:
        self._breaker(url).failed(retry_after)
        return UpstreamUnavailable(self.base, reason(error))

    def _breaker(self, url: URL) -> Breaker:
        return self._breakers.setdefault(url.origin(), Breaker())

    def _address(self, text: str, before: URL | None = None) -> URL:
        """Return an address to ask, relative to the one before.

        Raises:
            UpstreamBroken: it is not HTTP, or leaves TLS.
        """
        try:
            url = before.join(URL(text, encoded=True)) if before is not None else URL(text, encoded=True)
            proper = url.scheme in {"http", "https"} and bool(url.host)
        except ValueError:
            proper = False
        if not proper:
            raise UpstreamBroken(self.base, f"it names the address {text[:200]!r}, which cannot be asked")
        if before is not None and before.scheme == "https" and url.scheme == "http":
            raise UpstreamBroken(self.base, f"{before.path} redirects from https to http")
        return url.with_user(None) if url.user is not None else url

    @asynccontextmanager
    async def get(
        self, address: str, headers: dict[str, str] | None = None, *, raw: bool = False
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Ask for an address, following redirects; credentials never leave the host they are meant for.

        With `raw` the body is given as it came, whatever content encoding is stated.

        Raises:
            UpstreamUnavailable: no answer, or a 5xx or 429.
            UpstreamBroken: it redirects in a circle or to what is no address.
        """
        url = self._address(address)
        for _ in range(_MOST_REDIRECTS):
            response = await self._ask(url, headers, raw=raw)
            if response.status not in _REDIRECTS:
                break
            response.release()
            url = self._address(response.headers.get("Location", ""), url)
        else:
            raise UpstreamBroken(self.base, f"{URL(address, encoded=True).path} is redirected without end")
        if response.connection is not None and response.connection.protocol is not None:
            response.connection.protocol.read_timeout = self.config.stall_timeout
        try:
            yield response
        finally:
            response.release() if response.content.at_eof() else response.close()

    async def _ask(self, url: URL, headers: dict[str, str] | None, *, raw: bool) -> aiohttp.ClientResponse:
        """Send one request and wait for the head of its answer."""
        if self.config.offline:
            raise UpstreamUnavailable(self.base, "offline = true")
        import aiohttp

        breaker = self._breaker(url)
        if not breaker.allows():
            raise UpstreamUnavailable(self.base, f"it failed lately; it is asked again in {breaker.rests_for:.0f} s")
        if authorization := self.credentials.of(url):
            headers = {**(headers or {}), "Authorization": authorization}
        try:
            response = await self.session().get(
                url, headers=headers, allow_redirects=False, proxy=self._proxy(url), auto_decompress=not raw
            )
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise self._failed(url, error) from error
        if response.status >= 500 or response.status == _TOO_MANY_REQUESTS:
            wait = response.headers.get("Retry-After", "")
            response.close()
            raise self._failed(
                url, OSError(f"{url.path} was answered {response.status}"), float(wait) if wait.isdecimal() else 0.0
            )
        breaker.succeeded()
        return response

    async def bounded(self, response: aiohttp.ClientResponse, limit: int) -> bytes:
        """Read a body of at most `limit` bytes.

        Raises:
            UpstreamBroken: it is longer.
            UpstreamUnavailable: it is cut short, or does not come.
        """
        import aiohttp

        too_long = UpstreamBroken(self.base, f"{response.url.path} is larger than {limit} bytes")
        if response.content_length is not None and response.content_length > limit:
            raise too_long
        body = bytearray()
        try:
            async for part in response.content.iter_any():
                body += part
                if len(body) > limit:
                    raise too_long
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise self._failed(response.url, error) from error
        return bytes(body)

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
            kind = response.content_type.lower()
            if kind not in _JSON_TYPES | _HTML_TYPES:
                raise UpstreamBroken(self.base, f"the page of {project} came as {kind}, which is no page")
            body = await self.bounded(response, self.config.max_page)
            final = str(response.url)
            validators = response.headers.get("ETag", ""), response.headers.get("Last-Modified", "")
        parse = parse_json if kind in _JSON_TYPES else parse_html
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
