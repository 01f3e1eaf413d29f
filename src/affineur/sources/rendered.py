"""Rendered pages in memory: one look-up, one comparison, bytes out."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import quote

import zstandard

from affineur.model.files import File
from affineur.model.names import IndexName, ProjectName
from affineur.policy.gate import Screened
from affineur.sources.gated import Gated
from affineur.standards.simple_api import render
from affineur.standards.simple_api.negotiate import Representation

_SMALLEST_COMPRESSED = 512

Making = Callable[[Screened], Awaitable[tuple[bytes, bool]]]
"""Makes a document of a page; the second value says whether it is the last word on it."""


@dataclass(frozen=True, slots=True)
class Rendering:
    """A finished page in one representation and encoding."""

    body: bytes
    content_type: str
    encoding: str
    etag: str
    serial: int
    stale: bool


@dataclass(slots=True)
class _Entry:
    screened: Screened
    expires: float
    """When the entry must be made again, on the monotonic clock."""
    renderings: dict[tuple[Representation, str], Rendering] = field(default_factory=dict)
    documents: dict[tuple[str, ...], Rendering] = field(default_factory=dict)
    """What else was made of the page: the JSON API's documents, kept and dropped with it."""
    weight: int = 0


def file_path(index: str, project: str, file: File) -> str:
    """Return the path of a file's address under the host; stable for ever."""
    name = quote(file.filename, safe="")
    if file.sha256 is None:
        return f"/packages/{quote(index)}/unhashed/{project}/{name}"
    digest = file.sha256
    return f"/packages/{quote(index)}/{digest[:2]}/{digest[2:4]}/{digest[4:]}/{name}"


def compress(body: bytes, encoding: str) -> bytes:
    """Compress a page for the wire; deterministic, so that its ETag is."""
    if encoding == "zstd":
        return zstandard.ZstdCompressor(level=3).compress(body)
    if encoding == "gzip":
        return gzip.compress(body, compresslevel=6, mtime=0)
    return body


def rendering_of(body: bytes, content_type: str, encoding: str, serial: int, *, stale: bool) -> Rendering:
    """Compress and tag a page; small ones are left as they are."""
    encoding = encoding if len(body) >= _SMALLEST_COMPRESSED else "identity"
    material = b"%s\0%s\0%s" % (content_type.encode(), encoding.encode(), body)
    etag = f'"{hashlib.sha256(material).hexdigest()[:32]}"'
    return Rendering(compress(body, encoding), content_type, encoding, etag, serial, stale)


class Rendered:
    """The pages of every index, rendered once and kept under a budget of bytes."""

    def __init__(self, indexes: dict[IndexName, Gated], budget: int, origin: Callable[[], str], absolute: str) -> None:
        self.indexes, self.budget, self._origin, self._absolute = indexes, budget, origin, absolute
        self._entries: OrderedDict[tuple[IndexName, ProjectName], _Entry] = OrderedDict()
        self._roots: dict[tuple[IndexName, Representation, str], Rendering] = {}
        self._making: dict[tuple[IndexName, ProjectName], asyncio.Task[_Entry]] = {}
        self._weight = 0
        self.generation = 0

    def forget(self, project: ProjectName | None) -> None:
        """Drop what was rendered of a project in every index; None drops everything."""
        self.generation += 1
        self._roots.clear()
        if project is None:
            self._entries.clear()
            self._weight = 0
            return
        for index in self.indexes:
            if (entry := self._entries.pop((index, project), None)) is not None:
                self._weight -= entry.weight

    async def screened(self, index: IndexName, project: ProjectName) -> Screened:
        """Return the page with its decisions, from memory when nothing changed."""
        return (await self._entry(index, project)).screened

    async def _entry(self, index: IndexName, project: ProjectName) -> _Entry:
        key = (index, project)
        entry = self._entries.get(key)
        if entry is not None and time.monotonic() < entry.expires:
            self._entries.move_to_end(key)
            return entry
        task = self._making.get(key)
        if task is None:
            task = asyncio.create_task(self._make(key))
            self._making[key] = task
            task.add_done_callback(lambda _: self._making.pop(key, None))
            task.add_done_callback(lambda done: done.cancelled() or done.exception())
        return await asyncio.shield(task)

    async def _make(self, key: tuple[IndexName, ProjectName]) -> _Entry:
        generation = self.generation
        screened = await self.indexes[key[0]].screened(key[1])
        entry = _Entry(screened, _expiry(screened))
        if generation == self.generation:
            self._keep(key, entry)
        else:
            entry.expires = 0.0
        return entry

    def _keep(self, key: tuple[IndexName, ProjectName], entry: _Entry) -> None:
        old = self._entries.pop(key, None)
        self._weight -= old.weight if old else 0
        entry.weight = 512 * (len(entry.screened.page.files) + 1)
        self._weight += entry.weight
        self._entries[key] = entry
        self._trim()

    def _trim(self) -> None:
        while self._weight > self.budget and len(self._entries) > 1:
            self._weight -= self._entries.popitem(last=False)[1].weight

    async def page(
        self, index: IndexName, project: ProjectName, representation: Representation, encoding: str
    ) -> tuple[Rendering, float]:
        """Return a rendered page and how long it holds on the monotonic clock."""
        entry = await self._entry(index, project)
        rendering = entry.renderings.get((representation, encoding))
        if rendering is None:
            rendering = await asyncio.to_thread(self._render, index, entry.screened, representation, encoding)
            entry.renderings[representation, encoding] = rendering
            if (index, project) in self._entries:
                entry.weight += len(rendering.body)
                self._weight += len(rendering.body)
        return rendering, entry.expires

    def _render(self, index: IndexName, screened: Screened, representation: Representation, encoding: str) -> Rendering:
        page, absolute = screened.page, self._absolute

        def link(file: File) -> str:
            return absolute + file_path(index, page.project, file)

        def provenance(file: File) -> str | None:
            return f"{self._origin()}{file_path(index, page.project, file)}.provenance" if file.provenance else None

        make = render.render_json if representation is Representation.JSON else render.render_html
        body = make(page, link, provenance, screened.yanks())
        return rendering_of(
            body, representation.content_type, encoding, page.serial, stale=page.stale_since is not None
        )

    async def document(
        self,
        index: IndexName,
        project: ProjectName,
        key: tuple[str, ...],
        content_type: str,
        encoding: str,
        make: Making,
    ) -> Rendering:
        """Return another document made of a page; `key` names it, encoding included.

        It is kept and dropped with the page, unless `make` says that it is not the last word.
        """
        entry = await self._entry(index, project)
        ready = entry.documents.get(key)
        if ready is None:
            body, lasting = await make(entry.screened)
            page = entry.screened.page
            ready = await asyncio.to_thread(
                rendering_of, body, content_type, encoding, page.serial, stale=page.stale_since is not None
            )
            if lasting:
                entry.documents[key] = ready
                if self._entries.get((index, project)) is entry:
                    entry.weight += len(ready.body)
                    self._weight += len(ready.body)
                    self._trim()
        return ready

    async def root(self, index: IndexName, representation: Representation, encoding: str) -> Rendering:
        """Return the list of the projects held here."""
        key = (index, representation, encoding)
        if (ready := self._roots.get(key)) is not None:
            return ready
        generation = self.generation
        projects = await self.indexes[index].projects()
        rendering = await asyncio.to_thread(_render_root, projects, representation, encoding)
        if generation == self.generation:
            self._roots[key] = rendering
        return rendering


def _render_root(projects: dict[str, int], representation: Representation, encoding: str) -> Rendering:
    serial = max(projects.values(), default=0)
    make = render.render_root_json if representation is Representation.JSON else render.render_root_html
    body = make(sorted(projects.items()), serial)
    return rendering_of(body, representation.content_type, encoding, serial, stale=False)


def _expiry(screened: Screened) -> float:
    moments = [m for m in (screened.page.fresh_until, screened.changes_at) if m is not None]
    if not moments:
        return float("inf")
    return time.monotonic() + (min(moments) - datetime.now(UTC)).total_seconds()
