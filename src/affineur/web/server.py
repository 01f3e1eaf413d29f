"""The server: every request in, every answer or problem out."""

from __future__ import annotations

import re
import time

import structlog
from aiohttp import web
from aiohttp.web_request import BaseRequest

from affineur.errors import AffineurError, MethodNotAllowed, NotFound, Refused
from affineur.sources.memory import Answer, Entry
from affineur.storage.failing import failure
from affineur.web import problems, refusals, routes
from affineur.web.simple import CORS, moved
from affineur.web.site import Site

_log = structlog.get_logger("affineur.web")
_SECRET = re.compile(r"\A(/(?:alerts|feeds)/).*", re.DOTALL)


class Server:
    """Holds the site that is served now; it may be replaced while requests run."""

    def __init__(self, site: Site) -> None:
        self.site = site

    def ready(self, asked: bytes) -> Answer | None:
        """Return the remembered answer to a request, by the digest of its head, if nothing has changed."""
        site = self.site
        if site.counter.read() != site.seen:
            return None
        answer = site.rendered.memory.answer(asked, time.monotonic())
        if answer is not None:
            site.counts.requests += 1
        return answer

    def remember(self, asked: bytes, answer: Answer, entry: Entry) -> None:
        """Keep an answer with the entry it was made from, unless that was dropped meanwhile."""
        self.site.rendered.memory.remember(asked, answer, entry)

    async def handle(self, request: BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        site = self.site
        site.counts.requests += 1
        site.active += 1
        try:
            if site.counter.read() != site.seen:
                await site.catch_up()
            return await self._route(site, request)
        except Exception as error:  # noqa: BLE001 - an answer must be given whatever happened
            return await _failed(site, request, error)
        finally:
            site.active -= 1

    async def _route(self, site: Site, request: BaseRequest) -> web.StreamResponse:
        path = request.rel_url.raw_path
        match = routes.find(request.method, path)
        if match.handler is not None:
            return await match.handler(site, request, **match.arguments)
        if request.method == "OPTIONS" and match.allowed:
            return web.Response(status=204, headers={"Allow": ", ".join(sorted(match.allowed)), **CORS})
        if match.allowed:
            response = problems.answer(MethodNotAllowed(f"{request.method} is not possible here"), request)
            response.headers["Allow"] = ", ".join(sorted(match.allowed))
            return response
        if "//" in path and request.method in {"GET", "HEAD"}:
            return moved(request, re.sub("/+", "/", path))  # clients that join addresses carelessly
        raise NotFound(f"{request.path[:200]}: there is nothing at this address")


async def _failed(site: Site, request: BaseRequest, error: Exception) -> web.StreamResponse:
    """Answer with what went wrong; an answer that has begun is cut off, so that nobody takes it for whole."""
    told = _told(request, error)
    if told is None or request.writer.output_size:
        if request.transport is not None:
            request.transport.abort()
        return web.Response()  # to nobody
    return await refusals.answer(site, request, told) if isinstance(told, Refused) else problems.answer(told, request)


def _told_in_logs(request: BaseRequest) -> str:
    """Return the path of a request, without what makes it a secret address."""
    return _SECRET.sub(r"\1...", request.path)


def _told(request: BaseRequest, error: Exception) -> AffineurError | None:
    """Return an error as clients are told of it, None where the client hung up; what nobody foresaw is logged."""
    if isinstance(error, AffineurError):
        return error
    if isinstance(error, ConnectionError):
        return None
    if isinstance(error, OSError) and error.errno is not None:
        _log.error("storage failed", method=request.method, path=_told_in_logs(request), problem=str(error))
        return failure("the storage fails", error)
    _log.error("request failed", method=request.method, path=_told_in_logs(request), exc_info=error)
    return AffineurError("something went wrong here; the server's log says what")
