"""Rendered pages in memory: one look-up, one comparison, bytes out."""

from __future__ import annotations

import asyncio
import functools
import gzip
import hashlib
import math
import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, TypeVar, cast
from urllib.parse import quote

import zstandard

from affineur.model.files import File
from affineur.model.names import IndexName, ProjectName
from affineur.policy.gate import Screened
from affineur.sources.gated import Gated
from affineur.sources.memory import Entry, Memory
from affineur.sources.roots import Root
from affineur.sources.source import Body
from affineur.standards.simple_api import render
from affineur.standards.simple_api.negotiate import Representation

_SMALLEST_COMPRESSED = 512
_FILE = 1600
"""Bytes that a listed file takes in memory with its decision, as measured."""

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


@dataclass(slots=True, eq=False)
class PageEntry(Entry):
    """What is kept of one page: its decisions, and whatever was made of it.

    Nothing of it outlives the page: files and what stands beside them are reached through it alone.
    """

    screened: Screened = field(kw_only=True)
    files: dict[str, File] = field(kw_only=True)
    """The files of the page by name."""
    renderings: dict[tuple[Representation, str], Rendering] = field(default_factory=dict)
    making: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held while a form is rendered."""
    documents: dict[tuple[str, ...], Rendering] = field(default_factory=dict)
    """What else was made of the page: the JSON API's documents, core metadata."""
    bodies: dict[str, Body] = field(default_factory=dict)
    """The files that were opened, by name."""
    small: dict[str, bytes] = field(default_factory=dict)
    """The bytes of small files, by name."""


@dataclass(slots=True, eq=False)
class RootEntry(Entry):
    """The list of an index's projects, in each form that was asked for."""

    root: Root = field(kw_only=True)
    renderings: dict[tuple[Representation, str], Rendering] = field(default_factory=dict)
    making: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held while a form is rendered."""


E = TypeVar("E", PageEntry, RootEntry)
Key = tuple[IndexName, ProjectName | None]
"""The page of a project in an index, or for None the list of its projects."""
Stamp = tuple[str, int]
"""The source in which something changed, and the serial of the change; ("", 0) where a page cannot know of it."""


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
    etag = _etag(body, content_type, encoding)
    return Rendering(compress(body, encoding), content_type, encoding, etag, serial, stale)


def _etag(body: bytes, content_type: str, encoding: str) -> str:
    """Return a strong ETag, another one for each representation and encoding."""
    digest = hashlib.sha256(f"{content_type}\0{encoding}\0".encode())
    digest.update(body)
    return f'"{digest.hexdigest()[:32]}"'


def _knows(entry: Entry, stamp: Stamp) -> bool:
    """Whether an entry is a page that the source of a change made after it."""
    place, serial = stamp
    if not place or not isinstance(entry, PageEntry):
        return False
    screened = entry.screened
    return screened.page.source == place and screened.listing_serial >= serial


class Rendered:
    """The pages of every index, rendered once and kept under a budget of bytes."""

    def __init__(self, indexes: dict[IndexName, Gated], budget: int, origin: Callable[[], str], absolute: str) -> None:
        self.indexes, self._origin, self._absolute = indexes, origin, absolute
        self.memory = Memory(budget)
        self._roots: dict[IndexName, Root] = {}
        self._making: dict[Key, asyncio.Task[Any]] = {}
        self._outdated: dict[Key, Stamp] = {}
        """Pages that changed while they were being made, with what changed them."""

    def forget(self, project: ProjectName | None, stamp: Stamp = ("", 0)) -> None:
        """Drop what was rendered of a project in every index; None drops everything.

        A page that its source made after the change with the stamp knows of it and is kept.
        """
        if project is None:
            self._outdated |= dict.fromkeys(self._making, ("", 0))
            self.memory.clear()
            return
        now = time.monotonic()
        for index in self.indexes:
            self.memory.drop((index, None))
            entry = self.memory.get((index, project), now)
            if entry is not None and not _knows(entry, stamp):
                self.memory.drop((index, project))
        for key in self._making:
            if key[1] in {project, None}:
                before = self._outdated.get(key, stamp)
                self._outdated[key] = stamp if before[0] == stamp[0] else ("", 0)

    async def screened(self, index: IndexName, project: ProjectName) -> Screened:
        """Return the page with its decisions, from memory when nothing changed."""
        return (await self.entry(index, project)).screened

    async def entry(self, index: IndexName, project: ProjectName) -> PageEntry:
        """Return what is kept of a page."""
        return await self._kept((index, project), PageEntry, lambda: self._make(index, project))

    async def _kept(self, key: Key, kind: type[E], make: Callable[[], Coroutine[Any, Any, E]]) -> E:
        """Return what is kept under a key, made anew by one task for all who ask when it has changed."""
        entry = self.memory.get(key, time.monotonic())
        if isinstance(entry, kind):
            return entry
        task = self._making.get(key)
        if task is None or key in self._outdated:
            self._outdated.pop(key, None)
            task = asyncio.create_task(make())
            self._making[key] = task
            task.add_done_callback(functools.partial(self._made, key))
        return cast("E", await asyncio.shield(task))

    async def _make(self, index: IndexName, project: ProjectName) -> PageEntry:
        screened = await self.indexes[index].screened(project)
        files = {file.filename: file for file in screened.page.files}
        return PageEntry(_expiry(screened), _FILE * (len(files) + 1), screened=screened, files=files)

    def _made(self, key: Key, task: asyncio.Task[Any]) -> None:
        failed = task.cancelled() or task.exception() is not None
        if self._making.get(key) is not task:
            return
        del self._making[key]
        stamp = self._outdated.pop(key, None)
        if not failed and (stamp is None or _knows(task.result(), stamp)):
            self.memory.keep(key, task.result())

    async def page(
        self, index: IndexName, project: ProjectName, representation: Representation, encoding: str
    ) -> tuple[Rendering, PageEntry]:
        """Return a rendered page and the entry it is kept in."""
        entry = await self.entry(index, project)
        make = functools.partial(self._render, index, entry.screened, representation, encoding)
        return await self._rendering((index, project), entry, (representation, encoding), make), entry

    async def _rendering(
        self, key: Key, entry: PageEntry | RootEntry, form: tuple[Representation, str], make: Callable[[], Rendering]
    ) -> Rendering:
        """Return a form of what is kept under a key, made on a thread, once for all who ask."""
        if (ready := entry.renderings.get(form)) is not None:
            return ready
        async with entry.making:
            ready = entry.renderings.get(form)
            if ready is None:
                ready = entry.renderings[form] = await asyncio.to_thread(make)
                self.memory.add(key, entry, len(ready.body))
        return ready

    def _render(self, index: IndexName, screened: Screened, representation: Representation, encoding: str) -> Rendering:
        page, absolute = replace(screened.page, serial=screened.serial), self._absolute

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
        entry = await self.entry(index, project)
        return await self.made((index, project), entry, key, content_type, encoding, make)

    async def made(
        self, place: Key, entry: PageEntry, key: tuple[str, ...], content_type: str, encoding: str, make: Making
    ) -> Rendering:
        """Return a document made of a page that is at hand; otherwise as `document`."""
        ready = entry.documents.get(key)
        if ready is None:
            body, lasting = await make(entry.screened)
            page = entry.screened.page
            ready = await asyncio.to_thread(
                rendering_of, body, content_type, encoding, entry.screened.serial, stale=page.stale_since is not None
            )
            if lasting:
                entry.documents[key] = ready
                self.memory.add(place, entry, len(ready.body))
        return ready

    async def root(
        self, index: IndexName, representation: Representation, encoding: str
    ) -> tuple[Rendering, RootEntry]:
        """Return the list of the projects held here and the entry it is kept in."""
        entry = await self._kept((index, None), RootEntry, lambda: self._list(index))
        make = functools.partial(_render_root, entry.root, representation, encoding)
        return await self._rendering((index, None), entry, (representation, encoding), make), entry

    async def _list(self, index: IndexName) -> RootEntry:
        projects = await self.indexes[index].projects()
        root = self._roots[index] = await asyncio.to_thread(Root, projects, self._roots.get(index))
        return RootEntry(math.inf, 200 * len(projects), root=root)


def _render_root(root: Root, representation: Representation, encoding: str) -> Rendering:
    form = render.RootForm.JSON if representation is Representation.JSON else render.RootForm.HTML
    body, packed = root.page(form, encoding)
    if encoding == "gzip" and len(body) >= _SMALLEST_COMPRESSED:
        etag = _etag(body, representation.content_type, encoding)
        return Rendering(packed, representation.content_type, encoding, etag, root.serial, stale=False)
    return rendering_of(body, representation.content_type, encoding, root.serial, stale=False)


def _expiry(screened: Screened) -> float:
    moments = [m for m in (screened.page.fresh_until, screened.changes_at) if m is not None]
    if not moments:
        return float("inf")
    return time.monotonic() + (min(moments) - datetime.now(UTC)).total_seconds()
