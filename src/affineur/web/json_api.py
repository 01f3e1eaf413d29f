"""The JSON API: what is known of a project or a release, in the shape of the public index."""

from __future__ import annotations

from urllib.parse import quote

from aiohttp import web
from aiohttp.web_request import BaseRequest

from affineur.model.names import IndexName, project_name
from affineur.sources.described import Described
from affineur.standards.simple_api.negotiate import encoding
from affineur.web.simple import send
from affineur.web.site import Site


def described(site: Site, index: IndexName) -> Described:
    """Return the projects of an index as this API and XML-RPC tell of them."""
    return Described(site.indexes[index], site.catalog, site.rendered, site.advisories, site.origin)


async def document(
    site: Site, request: BaseRequest, index: str | None, project: str, version: str | None = None
) -> web.StreamResponse:
    """Everything known of a project, or of one release."""
    name = site.index(index)
    await site.reader(request, name)
    normalized = project_name(project)
    if normalized != project:
        return web.Response(status=301, headers={"Location": _location(request, index and name, normalized, version)})
    coding = encoding(request.headers.get("Accept-Encoding"))
    page = await described(site, name).document(normalized, version, coding)
    return send(request, page, site.caching(name, "Accept-Encoding"))


def _location(request: BaseRequest, index: str | None, project: str, version: str | None) -> str:
    """Return the path of the normalised name, with everything else as it was asked."""
    parts = [
        *([quote(index)] if index else []),
        "pypi",
        project,
        *([quote(version, safe="")] if version else []),
        "json",
    ]
    slash = "/" if request.rel_url.raw_path.endswith("/") else ""
    query = f"?{request.rel_url.raw_query_string}" if request.rel_url.raw_query_string else ""
    return f"/{'/'.join(parts)}{slash}{query}"
