"""What links in messages lead to: a page with a button, since scanners of mail follow every link, and the act itself."""

from __future__ import annotations

from aiohttp import web
from aiohttp.web_request import BaseRequest

from affineur.operations import links
from affineur.web.pages.templates import page
from affineur.web.site import Site


async def ask(site: Site, request: BaseRequest, link: str) -> web.StreamResponse:
    """Tell what a link does, with a button that does it; nothing is changed."""
    del request
    found = await links.find(site.catalog, link)
    return page("alert.html", forms=True, asked=links.sentence_of(found), done="")


async def act(site: Site, request: BaseRequest, link: str) -> web.StreamResponse:
    """Do what a link is for; also for mail programs that end mail by one click (RFC 8058)."""
    del request
    found = await links.find(site.catalog, link)
    return page("alert.html", forms=True, asked="", done=await links.follow(site.catalog, found))
