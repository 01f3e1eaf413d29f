"""XML-RPC, read only: what mirrors, `pip search` and old tools ask of an index."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
from aiohttp import web
from aiohttp.web_request import BaseRequest

from affineur.errors import AffineurError, InvalidDocument, InvalidName, NotFound
from affineur.model.names import IndexName, project_name
from affineur.sources import changelog
from affineur.sources.described import Described
from affineur.sources.rendered import compress
from affineur.sources.search import search_names
from affineur.standards import json_api, xml_rpc
from affineur.standards.simple_api.negotiate import encoding
from affineur.web.bodies import read_bounded
from affineur.web.json_api import described
from affineur.web.site import Site

_LARGEST_CALL = 256 * 1024
_MOST_CHANGES = 50_000
_MOST_HITS = 100
_LARGEST_SERIAL = 2**53
_SMALLEST_COMPRESSED = 4096


class _Nothing(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    """No parameters."""


class _Search(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    spec: dict[str, str | list[str]]
    operator: str = "and"


class _Since(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    serial: Annotated[int, msgspec.Meta(ge=-_LARGEST_SERIAL, le=_LARGEST_SERIAL)]


class _Project(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    name: str
    show_hidden: bool | int = False


class _Release(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    name: str
    version: str


@dataclass(frozen=True, slots=True)
class _Asked:
    """An index as the methods see it."""

    site: Site
    index: IndexName
    projects: Described


async def _last_serial(asked: _Asked, given: _Nothing) -> int:
    del given
    return await changelog.last_serial(asked.site.indexes[asked.index])


async def _since_serial(asked: _Asked, given: _Since) -> list[list[Any]]:
    found = await changelog.changes(asked.site.indexes[asked.index], asked.site.catalog, given.serial, _MOST_CHANGES)
    return [[c.project, c.version, int(c.at.timestamp()), c.action, c.serial] for c in found]


async def _list_with_serial(asked: _Asked, given: _Nothing) -> dict[str, int]:
    del given
    return await asked.site.indexes[asked.index].projects()


async def _package_releases(asked: _Asked, given: _Project) -> list[str]:
    _, releases = await asked.projects.releases(project_name(given.name))
    if given.show_hidden:
        return [release.version for release in reversed(releases)]
    latest = json_api.latest(releases)
    return [latest.version] if latest else []


async def _release_urls(asked: _Asked, given: _Release) -> list[dict[str, Any]]:
    shown, releases = await asked.projects.releases(project_name(given.name))
    release = json_api.find(releases, given.version)
    rows = [json_api.file_row(shown, file) for file in release.files] if release else []
    return [{**row, "sha256_digest": row["digests"].get("sha256")} for row in rows]


async def _release_data(asked: _Asked, given: _Release) -> dict[str, Any]:
    stated = await asked.projects.info(project_name(given.name), given.version)
    urls = stated.pop("project_urls") or {}
    lists = {key: stated[key] or [] for key in ("classifiers", "requires_dist", "provides_extra", "license_files")}
    return {
        **stated, **lists, "project_url": [f"{label}, {url}" for label, url in urls.items()], "stable_version": None,
        "_pypi_hidden": False, "_pypi_ordering": 0,
    }  # fmt: skip


async def _search(asked: _Asked, given: _Search) -> list[dict[str, Any]]:
    """Search the names; with the operator "and" the summary narrows what they find."""
    if given.operator not in {"and", "or"}:
        raise msgspec.ValidationError("operator: 'and' or 'or' is wanted")
    if not (words := _words(given.spec, "name")):
        raise msgspec.ValidationError("spec: a name is wanted; names are what is searched here")
    names = search_names(await asked.site.indexes[asked.index].projects(), words)
    found = await asyncio.gather(*(_hit(asked, name) for name in names[:_MOST_HITS]))
    narrowing = [word.casefold() for word in _words(given.spec, "summary")] if given.operator == "and" else []
    hits = [hit for hit in found if hit and (not narrowing or any(w in hit["summary"].casefold() for w in narrowing))]
    return [{**hit, "_pypi_ordering": len(hits) - place} for place, hit in enumerate(hits)]


def _words(spec: dict[str, str | list[str]], key: str) -> list[str]:
    stated = spec.get(key, [])
    return [stated] if isinstance(stated, str) else stated


async def _hit(asked: _Asked, name: str) -> dict[str, Any] | None:
    try:
        info = await asked.projects.info(project_name(name))
    except AffineurError:
        return None
    return {key: info[key] for key in ("name", "summary", "version")}


@dataclass(frozen=True, slots=True)
class Method:
    """A method: the type of its parameters, what answers it, and the answer where nothing is found."""

    parameters: type[msgspec.Struct]
    run: Callable[[_Asked, Any], Awaitable[Any]]
    nothing: Any = None


METHODS: dict[str, Method] = {
    "changelog_last_serial": Method(_Nothing, _last_serial),
    "changelog_since_serial": Method(_Since, _since_serial),
    "list_packages_with_serial": Method(_Nothing, _list_with_serial),
    "package_releases": Method(_Project, _package_releases, []),
    "release_data": Method(_Release, _release_data, {}),
    "release_urls": Method(_Release, _release_urls, []),
    "search": Method(_Search, _search),
}
"""Every method there is."""

REMOVED = {
    "browse": "",
    "changed_packages": "changelog_since_serial",
    "changelog": "changelog_since_serial",
    "list_packages": "list_packages_with_serial, or the simple API",
    "package_data": "release_data, or the JSON API",
    "package_hosting_mode": "",
    "package_roles": "",
    "package_urls": "release_urls, or the JSON API",
    "release_downloads": "",
    "top_packages": "",
    "updated_releases": "changelog_since_serial",
    "user_packages": "",
}
"""Methods that the public index once had, and what to use instead."""


async def call(site: Site, request: BaseRequest, index: str | None = None) -> web.StreamResponse:
    """Answer a call; whatever is wrong with it is a fault with a sentence."""
    name = site.index(index)
    await site.reader(request, name)
    body = await read_bounded(request, _LARGEST_CALL, "the XML-RPC call")
    made = await _answer(_Asked(site, name, described(site, name)), body)
    coding = encoding(request.headers.get("Accept-Encoding")) if len(made) >= _SMALLEST_COMPRESSED else "identity"
    headers = {"Content-Type": "text/xml; charset=utf-8", "Cache-Control": "no-store", "Vary": "Accept-Encoding"}
    if coding != "identity":
        headers["Content-Encoding"] = coding
        made = await asyncio.to_thread(compress, made, coding)
    return web.Response(body=made, headers=headers)


async def _answer(asked: _Asked, body: bytes) -> bytes:
    try:
        given = await asyncio.to_thread(xml_rpc.parse_call, body)
    except InvalidDocument as error:
        return xml_rpc.fault(xml_rpc.PARSE_ERROR, error.sentence)
    method = METHODS.get(given.method)
    if method is None:
        return xml_rpc.fault(xml_rpc.NO_SUCH_METHOD, _no_such(given.method))
    try:
        parameters = msgspec.convert(given.parameters, method.parameters)
        result = await method.run(asked, parameters)
    except msgspec.ValidationError as error:
        return xml_rpc.fault(xml_rpc.WRONG_PARAMETERS, f"{given.method}: {error}")
    except (NotFound, InvalidName):
        result = method.nothing
    except AffineurError as error:
        return xml_rpc.fault(xml_rpc.APPLICATION_ERROR, error.sentence)
    return await asyncio.to_thread(xml_rpc.answer, result)


def _no_such(method: str) -> str:
    there = f"there are {', '.join(METHODS)}"
    if method not in REMOVED:
        return f"{method[:80]}: there is no such method; {there}"
    instead = f"use {REMOVED[method]}" if REMOVED[method] else there
    return f"{method} was removed from the public index and is not offered here; {instead}"
