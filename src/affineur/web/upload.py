"""The legacy upload API, as twine, uv and the build tools speak it."""

from __future__ import annotations

import asyncio
import uuid

from aiohttp import web
from aiohttp.web_request import BaseRequest

from affineur.errors import AffineurError, Forbidden, IndexUnknown
from affineur.model.names import SourceName
from affineur.model.principals import Right
from affineur.operations.publish import Publisher
from affineur.web import problems
from affineur.web.form import Form
from affineur.web.site import Site


async def upload(site: Site, request: BaseRequest, index: str | None = None) -> web.StreamResponse:
    """Take one file into the hosted source of an index.

    Clients differ in what they show of a refusal: some the reason phrase, some the body as it is,
    uv a problem document. The whole sentence stands in the phrase and in the body.
    """
    try:
        await _upload(site, request, index)
    except AffineurError as error:
        return problems.answer(error, request, plain=not _reads_problems(request))
    return web.Response(text="", status=200)


def _reads_problems(request: BaseRequest) -> bool:
    return "json" in request.headers.get("Accept", "") or request.headers.get("User-Agent", "").startswith("uv/")


async def _upload(site: Site, request: BaseRequest, index: str | None) -> None:
    name = index or site.config.default_index
    source = site.config.hosted_of(name)
    if source is None:
        if name not in site.indexes:
            raise IndexUnknown(name, sorted(site.indexes))
        raise Forbidden(f"{name} has no hosted source to upload to")
    principal = await site.access.require(
        request.headers.get("Authorization"), Right.UPLOAD, source, request.remote or ""
    )
    publisher = Publisher(SourceName(source), site.catalog, site.blobs, site.config, site.examiners)
    staged = site.blobs.staging() / f"{uuid.uuid4().hex}.upload"
    moved = False
    try:
        received = await Form(site.config, publisher, staged).receive(request)
        moved = (await publisher.publish(received, principal)).changed
    finally:
        if not moved:
            await asyncio.to_thread(staged.unlink, missing_ok=True)
