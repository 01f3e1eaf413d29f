"""The JSON API: what is known of a project or a release, in the shape of the public index."""

from __future__ import annotations

from urllib.parse import quote

from aiohttp import web
from aiohttp.web_request import BaseRequest

from affineur.model.names import IndexName, project_name
from affineur.sources.described import Described
from affineur.standards.simple_api.negotiate import encoding
from affineur.web.simple import moved, send
from affineur.web.site import Site


def described(site: Site, index: IndexName) -> Described:
    """Return the projects of an index as this API and XML-RPC tell of them."""
    return Described(site.indexes[index], site.catalog, site.rendered, site.advisories, site.origin)


async def document(
    site: Site, request: BaseRequest, project: str, index: str | None = None, version: str | None = None
) -> web.StreamResponse:
    """Everything known of a project, or of one release."""
    name = site.index(index)
    await site.reader(request, name)
    normalized = project_name(project)
    if normalized != project:
        slash = "/" if request.rel_url.raw_path.endswith("/") else ""
        parts = [index and name, "pypi", normalized, version and quote(version, safe=""), "json"]
        return moved(request, f"/{'/'.join(part for part in parts if part)}{slash}")
    coding = encoding(request.headers.get("Accept-Encoding"))
    page = await described(site, name).document(normalized, version, coding)
    return send(request, page, site.caching(name, "Accept-Encoding"))
