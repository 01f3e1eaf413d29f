"""The simple API: root, project pages."""

from __future__ import annotations

from collections.abc import Callable

from aiohttp import web
from aiohttp.web_request import BaseRequest

from affineur.errors import ProjectRefused
from affineur.model.decisions import Decision
from affineur.model.names import IndexName, ProjectName, project_name
from affineur.model.principals import Principal
from affineur.policy.gate import sentence_of
from affineur.sources.rendered import Rendering
from affineur.standards.simple_api.negotiate import Representation, encoding, representation
from affineur.standards.user_agents import LONGEST
from affineur.storage.catalog.downloads import PageRequest
from affineur.web import hot, problems
from affineur.web.site import Site

CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET, HEAD, OPTIONS",
    "Access-Control-Allow-Headers": "Content-Type, If-Match, If-Modified-Since, If-None-Match, If-Unmodified-Since",
    "Access-Control-Expose-Headers": "X-PyPI-Last-Serial",
    "Access-Control-Max-Age": "86400",
}
"""What lets browser tools of any origin read."""
VARYING = ("Accept", "Accept-Encoding")
"""What of a request decides which form of a page is sent."""


def wanted(request: BaseRequest) -> tuple[Representation, str]:
    """Return the representation and encoding that the client asks for."""
    accept = request.headers.getall("Accept", None)
    chosen = representation(", ".join(accept) if accept else None, request.query.get("format"))
    return chosen, encoding(request.headers.get("Accept-Encoding"))


def matches(header: str | None, etag: str) -> bool:
    """Whether an If-None-Match header names the ETag (weak comparison, RFC 9110 section 13.1.2)."""
    if not header:
        return False
    tags = {tag.strip().removeprefix("W/") for tag in header.split(",")}
    return "*" in tags or etag in tags


def send(request: BaseRequest, page: Rendering, caching: dict[str, str]) -> web.Response:
    """Answer with a rendered page, or 304 when the client has it; `caching` as the site gives it."""
    headers = {
        "Content-Type": page.content_type,
        "ETag": page.etag,
        "X-PyPI-Last-Serial": str(page.serial),
        **caching,
        **CORS,
    }
    if page.stale:
        headers["X-Affineur-Stale"] = "upstream could not be asked"
        headers["Warning"] = '110 affineur "Response is Stale"'
    if matches(request.headers.get("If-None-Match"), page.etag):
        del headers["Content-Type"]
        return web.Response(status=304, headers=headers)
    if page.content_type == "text/html":
        headers["Content-Type"] = "text/html; charset=utf-8"
    if page.encoding != "identity":
        headers["Content-Encoding"] = page.encoding
    return web.Response(body=page.body, headers=headers)


async def root(site: Site, request: BaseRequest, index: str | None = None) -> web.StreamResponse:
    """The projects held in an index."""
    name = site.index(index)
    reader = await site.reader(request, name)
    page, entry = await site.rendered.root(name, *wanted(request))
    return hot.last(send(request, page, site.caching(name, *VARYING)), hot.lasting((name, None), entry, reader))


def moved(request: BaseRequest, path: str) -> web.Response:
    """Redirect to a path on this host, with the query kept."""
    query = f"?{request.rel_url.raw_query_string}" if request.rel_url.raw_query_string else ""
    # Browsers read a backslash as a slash: after the first one it would lead to another host.
    return web.Response(status=301, headers={"Location": path.replace("\\", "%5C") + query})


async def add_slash(
    site: Site, request: BaseRequest, index: str | None = None, project: str = ""
) -> web.StreamResponse:
    """Redirect an address without its last slash."""
    del index, project, site
    return moved(request, request.rel_url.raw_path + "/")


async def project_page(site: Site, request: BaseRequest, project: str, index: str | None = None) -> web.StreamResponse:
    """The files of a project in an index."""
    name = site.index(index)
    reader = await site.reader(request, name)
    normalized = project_name(project)
    if normalized != project:
        return moved(request, f"/{name}/simple/{normalized}/" if index else f"/simple/{normalized}/")
    asked = _note(site, request, name, normalized, reader) if request.method == "GET" else None
    if asked is not None:
        asked("")
    page, entry = await site.rendered.page(name, normalized, *wanted(request))
    if (decision := entry.screened.whole) is not None:
        return _refused_page(site, request, page, decision)
    answer = send(request, page, site.caching(name, *VARYING))
    return hot.last(answer, hot.lasting((name, normalized), entry, reader, asked))


def _note(
    site: Site, request: BaseRequest, index: IndexName, project: ProjectName, reader: Principal
) -> Callable[[str], None]:
    """Return what writes down that this page was asked for, be it there or not; addresses are left out."""
    agent = request.headers.get("User-Agent", "")[:LONGEST]
    page = PageRequest(index, project, reader.name, reader.token_id, agent)
    noted = site.noted

    def note(address: str) -> None:
        del address
        noted.page(page)

    return note


def _refused_page(site: Site, request: BaseRequest, page: Rendering, decision: Decision) -> web.Response:
    """Answer with the page of a project that is refused as a whole.

    uv prints the problem document of such a page; pip would print nothing, and prints the reason
    when it is refused a file of the page.
    """
    caching = site.caching(decision.index, *VARYING, "User-Agent")
    if not request.headers.get("User-Agent", "").startswith("uv/"):
        return send(request, page, caching)
    verdict = decision.strictest
    why = f"{site.origin}/why/{decision.id}"
    response = problems.answer(ProjectRefused(decision.project, verdict.rule, sentence_of(verdict), why), request)
    response.headers.update(caching)
    return response
