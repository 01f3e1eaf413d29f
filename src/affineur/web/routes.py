"""Every address on one screen, and the way from a request to its handler."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from urllib.parse import unquote

from aiohttp import web

from affineur.web import alerts, api, feeds, files, json_api, operation, refusals, simple, upload, why, xml_rpc

Handler = Callable[..., Awaitable[web.StreamResponse]]

_READ = frozenset({"GET", "HEAD"})
_CALL = frozenset({"POST"})
_NAMES = {
    "index": r"[A-Za-z0-9][A-Za-z0-9._-]*",
    "project": r"[^/]+",
    "filename": r"[^/]+",
    "operation": r"[a-z-]+(?:/[a-z-]+)?",
    "version": r"[^/]+",
    "decision": r"[0-9a-f]{16,64}",
    "link": r"[A-Za-z0-9_-]{20,4000}",
    "feed": r"[A-Za-z0-9_-]{43}",
    "form": r"atom|rss|json",
    "words": r"[A-Za-z0-9_-]+",
    "place": r"[0-9a-f]{2}/[0-9a-f]{2}/[0-9a-f]{60}|unhashed/[^/]+",
}


@dataclass(frozen=True)
class Route:
    """A row of the table: methods, the path's pattern, the handler and a sentence."""

    methods: frozenset[str]
    pattern: str
    handler: Handler
    help: str
    regex: re.Pattern[str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        expression = re.sub(r"\{(\w+)\}", lambda m: f"(?P<{m[1]}>{_NAMES[m[1]]})", self.pattern)
        object.__setattr__(self, "regex", re.compile(expression))


ROUTES: tuple[Route, ...] = (
    Route(_READ, "/simple/", simple.root, "The projects of the default index."),
    Route(_READ, "/simple", simple.add_slash, "Redirects to the address with its slash."),
    Route(_READ, "/simple/{project}/", simple.project_page, "The files of a project in the default index."),
    Route(_READ, "/simple/{project}", simple.add_slash, "Redirects to the address with its slash."),
    Route(_READ, "/packages/{index}/{place}/{filename}", files.file, "A file; .metadata, .asc, .provenance beside it."),
    Route(_READ, "/pypi/{project}/json/?", json_api.document, "What is known of a project in the default index."),
    Route(_READ, "/pypi/{project}/{version}/json/?", json_api.document, "The same of one release."),
    Route(_CALL, "/pypi/?", xml_rpc.call, "XML-RPC of the default index, read only."),
    Route(_CALL, "/RPC2", xml_rpc.call, "The same."),
    Route(_CALL, "/legacy/?", upload.upload, "Upload to the default index."),
    Route(
        _READ,
        "/why/{decision}/{words}",
        refusals.told,
        "Where a refused file leads by the setting explain; answers 403.",
    ),
    Route(_READ, "/why/{decision}", why.why, "A decision: every rule, its verdict and what it used."),
    Route(_READ, "/alerts/{link}", alerts.ask, "What a link of a message does, with a button that does it."),
    Route(_CALL, "/alerts/{link}", alerts.act, "Does it: acknowledges or mutes alerts, or ends messages."),
    Route(_READ, "/feeds/{feed}.{form}", feeds.feed, "The alerts of a lock or a user, at a secret address."),
    Route(_READ, "/-/health", operation.health, "Whether the process answers."),
    Route(_READ, "/-/ready", operation.ready, "Whether the storage answers."),
    Route(_READ, "/-/metrics", operation.metrics, "Counts for Prometheus."),
    Route(_READ, "/api/docs", api.docs, "The operations, for people."),
    Route(_READ, "/api/v1/openapi.json", api.openapi, "The operations, as OpenAPI."),
    Route(frozenset({"GET", "HEAD", "POST"}), "/api/v1/{operation}", api.call, "An operation of the table."),
    Route(_READ, "/{index}/simple/", simple.root, "The projects of an index."),
    Route(_READ, "/{index}/simple", simple.add_slash, "Redirects to the address with its slash."),
    Route(_READ, "/{index}/simple/{project}/", simple.project_page, "The files of a project."),
    Route(_READ, "/{index}/simple/{project}", simple.add_slash, "Redirects to the address with its slash."),
    Route(_READ, "/{index}/pypi/{project}/json/?", json_api.document, "What is known of a project."),
    Route(_READ, "/{index}/pypi/{project}/{version}/json/?", json_api.document, "What is known of a release."),
    Route(_CALL, "/{index}/pypi/?", xml_rpc.call, "XML-RPC, read only, as mirrors and pip search speak it."),
    Route(_CALL, "/{index}/RPC2", xml_rpc.call, "The same."),
    Route(_CALL, "/{index}/legacy/?", upload.upload, "Upload to an index, as twine and uv do."),
)


@dataclass(frozen=True, slots=True)
class Match:
    """A handler with the arguments from the path; `allowed` where only the method was wrong."""

    handler: Handler | None
    arguments: dict[str, str]
    allowed: frozenset[str] = frozenset()


def find(method: str, path: str) -> Match:
    """Return the handler of a path, which is percent-encoded except for what needs no encoding.

    The arguments are decoded. Where the path names no index the handler takes the default one.
    """
    allowed: frozenset[str] = frozenset()
    for route in ROUTES:
        found = route.regex.fullmatch(path)
        if found is None:
            continue
        if method in route.methods:
            return Match(route.handler, {name: unquote(value) for name, value in found.groupdict().items()})
        allowed |= route.methods
    return Match(None, {}, allowed)
