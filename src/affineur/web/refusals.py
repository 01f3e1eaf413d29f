"""Refusals as answers: in the phrase of a 403, or as the words of an address for proxies that rewrite phrases."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.web_request import BaseRequest

from affineur.errors import Forbidden, NotFound, Refused, StorageUnavailable
from affineur.model.names import ProjectName
from affineur.sources.rendered import file_path
from affineur.web import problems
from affineur.web.site import Site

_UNSPEAKABLE = re.compile(r"[^A-Za-z0-9_]+")


def words_of(error: Refused) -> str:
    """Return what was done, by which rule and until when, as part of an address."""
    done = _UNSPEAKABLE.sub("-", error.sentence.partition(":")[0]).strip("-")[:60]
    return f"{done}-until-{error.until:%Y-%m-%d}" if error.until else done


async def answer(site: Site, request: BaseRequest, error: Refused) -> web.StreamResponse:
    """Tell of a refusal as the setting `explain` says.

    The decision's address is made known to the other processes before a redirect leads there: one of them may be
    asked next. Where that cannot be done the refusal stands in the phrase.
    """
    if site.config.explain != "redirect":
        return problems.answer(error, request)
    try:
        await site.journal.write()
    except StorageUnavailable:
        return problems.answer(error, request)
    headers = {"Location": f"{urlsplit(error.why).path}/{words_of(error)}", "Cache-Control": "no-cache"}
    return web.Response(status=302, headers=headers)


async def told(site: Site, request: BaseRequest, decision: str, words: str) -> web.StreamResponse:
    """The refusal that a redirect led to: 403, with the sentence for clients that read bodies."""
    del words
    place = await site.journal.find(decision)
    if place is None:
        return problems.answer(Forbidden("what was asked for is refused; the address says by which rule"), request)
    index = site.index(place.index)
    await site.reader(request, index)
    try:
        screened, file = await site.indexes[index].find(ProjectName(place.project), place.filename)
        site.indexes[index].admit(screened, file)
    except Refused as error:
        return problems.answer(error, request)
    except NotFound as error:
        return problems.answer(Forbidden(error.sentence), request)
    return web.Response(status=302, headers={"Location": file_path(index, screened.page.project, file)})
