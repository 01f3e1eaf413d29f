"""The indexes over HTTP for programs that an operation started on this machine: pages and files, nothing else."""

from __future__ import annotations

import contextlib
import hmac
import re
import secrets
from collections.abc import AsyncIterator
from dataclasses import replace
from urllib.parse import unquote

import structlog
from aiohttp import web
from aiohttp.web_request import BaseRequest

from affineur.errors import AffineurError, NotFound, ProjectRefused, StorageUnavailable, Unauthenticated
from affineur.model.names import ProjectName
from affineur.model.principals import Principal
from affineur.operations.resolver import Reached
from affineur.policy.gate import Screened, sentence_of
from affineur.sources.rendered import file_path
from affineur.standards.simple_api.negotiate import Representation
from affineur.standards.simple_api.render import render_json
from affineur.storage.catalog import blobs
from affineur.web import files, problems
from affineur.web.access import token_in
from affineur.web.site import PROVEN, Site

_log = structlog.get_logger("affineur.web")
_PAGE = re.compile(r"/(?P<index>[^/]+)/simple/(?P<project>[^/]+)/")
_FILE = re.compile(
    r"/packages/(?P<index>[^/]+)/(?P<place>(?:[0-9a-f]{2}/){2}[0-9a-f]{60}|unhashed/[^/]+)/(?P<name>[^/]+)"
)


@contextlib.asynccontextmanager
async def reached(site: Site, principal: Principal, *, held_only: bool) -> AsyncIterator[Reached]:
    """Answer on a port of loopback with the rights of `principal` while the block runs.

    Whoever lacks the secret is told nothing, also of indexes that are open to all: this port is not for them.
    At no other port the secret means anything.

    Raises:
        StorageUnavailable: no port can be listened on.
    """
    secret = secrets.token_urlsafe(32)
    door = _Door(site, principal, secret, held_only=held_only)
    runner = web.ServerRunner(web.Server(door.handle, access_log=None), handle_signals=False, shutdown_timeout=0)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
    except OSError as error:
        await runner.cleanup()
        raise StorageUnavailable(f"no port of 127.0.0.1 can be listened on: {error.strerror}") from error
    try:
        yield Reached(f"http://127.0.0.1:{runner.addresses[0][1]}", secret)
    finally:
        await runner.cleanup()


class _Door:
    def __init__(self, site: Site, principal: Principal, secret: str, *, held_only: bool) -> None:
        self._site, self._principal, self._secret, self._held_only = site, principal, secret, held_only

    async def handle(self, request: BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        try:
            presented = token_in(request.headers.get("Authorization")) or ""
            if not hmac.compare_digest(presented.encode("utf-8", "surrogateescape"), self._secret.encode()):
                raise Unauthenticated
            before = PROVEN.set(self._principal)
            try:
                return await self._answer(request)
            finally:
                PROVEN.reset(before)
        except AffineurError as error:
            return problems.answer(error, request)
        except ConnectionError:
            return web.Response()  # to nobody: the program ended
        except Exception:  # noqa: BLE001 - an answer must be given whatever happened
            _log.exception("request of a program of ours failed", path=request.path)
            return problems.answer(AffineurError("something went wrong here; the log says what"), request)

    async def _answer(self, request: BaseRequest) -> web.StreamResponse:
        path = request.rel_url.raw_path
        if request.method in {"GET", "HEAD"}:
            if (page := _PAGE.fullmatch(path)) is not None:
                return await self._page(request, unquote(page["index"]), ProjectName(unquote(page["project"])))
            if (file := _FILE.fullmatch(path)) is not None:
                return await files.file(self._site, request, *map(unquote, file.group("index", "place", "name")))
        raise NotFound("there is nothing at this address")

    async def _page(self, request: BaseRequest, index: str, project: ProjectName) -> web.Response:
        """Answer with a page whose links lead to this port, whatever public_url says."""
        name = self._site.index(index)
        await self._site.reader(request, name)
        screened = await self._site.rendered.screened(name, project)
        if (decision := screened.whole) is not None:
            verdict = decision.strictest
            raise ProjectRefused(project, verdict.rule, sentence_of(verdict))
        if self._held_only:
            screened = await self._only_held(screened)
        body = render_json(screened.page, lambda file: file_path(name, project, file), lambda _: None, screened.yanks())
        return web.Response(body=body, headers={"Content-Type": Representation.JSON.content_type})

    async def _only_held(self, screened: Screened) -> Screened:
        """Leave out the files of mirrors whose bytes are not here."""
        page = screened.page
        if not page.mirrored:
            return screened
        digests = [file.sha256 for file in page.files if file.sha256]
        here = await self._site.catalog.read(blobs.here, digests)
        return replace(screened, page=replace(page, files=tuple(f for f in page.files if f.sha256 in here)))
