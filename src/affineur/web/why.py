"""The page of a decision: why a file may or may not be had."""

from __future__ import annotations

import msgspec
from aiohttp import web
from aiohttp.web_request import BaseRequest

from affineur.errors import NotFound
from affineur.model.names import IndexName, ProjectName
from affineur.operations.explain import explained
from affineur.web.pages.templates import page
from affineur.web.site import Site


def _wants_json(request: BaseRequest) -> bool:
    accept = request.headers.get("Accept", "")
    return request.query.get("format") == "json" or ("json" in accept and "text/html" not in accept)


async def why(site: Site, request: BaseRequest, decision: str) -> web.StreamResponse:
    """A decision as it stands now; as JSON with `?format=json` or an Accept header that asks for it."""
    place = await site.journal.find(decision)
    if place is None or IndexName(place.index) not in site.indexes:
        raise NotFound(f"{decision}: no such decision here")
    index = site.index(place.index)
    await site.reader(request, index)
    screened = await site.rendered.screened(index, ProjectName(place.project))
    file = screened.page.file(place.filename)
    if file is None:
        raise NotFound(f"{place.filename} is no longer listed in {index}")
    told = explained(site.indexes[index].gate.policy, screened, file)
    if _wants_json(request):
        headers = {"Content-Type": "application/json", "Cache-Control": "no-cache"}
        return web.Response(body=msgspec.json.encode(told), headers=headers)
    return page("why.html", why=told)
