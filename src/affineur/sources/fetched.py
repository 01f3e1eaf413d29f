"""The files of a mirror: from the store, or on their way from the upstream into it."""

from __future__ import annotations

import asyncio
import functools
import hashlib
import shutil
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import structlog

from affineur.errors import AffineurError, StorageFull, UpstreamBroken
from affineur.model.events import Event
from affineur.model.files import File, Page
from affineur.model.names import ProjectName
from affineur.sources import kept
from affineur.sources.fetch import Arriving, Fetch
from affineur.sources.source import Body
from affineur.sources.stored import Stored
from affineur.sources.upstream import Upstream
from affineur.standards.archives import read_wheel_metadata
from affineur.storage.blobs.store import Blobs
from affineur.storage.catalog import cache
from affineur.storage.catalog.cache import Held
from affineur.storage.catalog.database import Catalog, Change

_log = structlog.get_logger("affineur.sources")
_SAME_FAILURE_AGAIN = 3600.0
"""Seconds after which the same failure of the same file is entered into the ledger again."""
_MOST_FAILURES_REMEMBERED = 10_000


FoundMetadata = Callable[[ProjectName, File, str, bytes, str], Awaitable[None]]
"""Takes (project, file, SHA-256 of the file, its metadata, where that was read)."""


class Fetched:
    """Opens the files that a mirror lists. Only what was verified is stored or served whole."""

    def __init__(self, name: str, upstream: Upstream, catalog: Catalog, blobs: Blobs, min_free: int) -> None:
        self.name, self.upstream, self.catalog, self.blobs, self.min_free = name, upstream, catalog, blobs, min_free
        self._fetching: dict[str, Fetch] = {}
        self._reports: set[asyncio.Task[None]] = set()
        self.found_metadata: FoundMetadata | None = None
        """Told the core metadata of each wheel that arrives."""
        self._reported: dict[tuple[str, str], float] = {}

    async def open(self, page: Page, file: File) -> Body:
        """Open a file: from the store, or on its way from the upstream, one fetch for all who ask."""
        if file.sha256 is not None and (body := await self._stored(file.sha256, file.size)) is not None:
            return body
        fetch, cold = await self._fetch(page, file)
        if file.hashes:
            await fetch.begun()
        else:
            await fetch.wait()
        if fetch.stored is not None:
            return Stored(self.blobs, fetch.stored.sha256 or "", fetch.stored.size, cold=cold)
        return Arriving(fetch, cold=cold)

    async def _fetch(self, page: Page, file: File) -> tuple[Fetch, bool]:
        """Return the running fetch of a file, or begin one (True).

        Raises:
            StorageFull: the disk has no room for it.
        """
        unhashed = hashlib.sha256(f"{self.name}/{page.project}/{file.filename}".encode()).hexdigest()
        key = file.sha256 or f"unhashed-{unhashed}"
        if key in self._fetching:
            return self._fetching[key], False
        free = (await asyncio.to_thread(shutil.disk_usage, self.blobs.staging())).free
        if free - (file.size or 0) < self.min_free:
            raise StorageFull(free, self.min_free)
        fetch = self._fetching.get(key)
        cold = fetch is None
        if fetch is None:
            fetch = Fetch(self.upstream, file, self.blobs.staging() / f"{key}.part", _Keeper(self, page))
            self._fetching[key] = fetch
            fetch.task.add_done_callback(functools.partial(self._ended, key, page, fetch))
        return fetch, cold

    def _ended(self, key: str, page: Page, fetch: Fetch, _task: asyncio.Task[None]) -> None:
        self._fetching.pop(key, None)
        if fetch.error is None:
            return
        problem = fetch.error.sentence
        _log.warning("fetch failed", file=fetch.file.filename, problem=problem)
        if isinstance(fetch.error, UpstreamBroken) and self._is_news(fetch.file.filename, problem):
            self._reports.add(task := asyncio.create_task(self._report(page, fetch.file, problem)))
            task.add_done_callback(self._reports.discard)

    def _is_news(self, filename: str, problem: str) -> bool:
        """Whether this failure was not reported lately: clients try again often."""
        now = time.monotonic()
        if self._reported.get((filename, problem), -_SAME_FAILURE_AGAIN) > now - _SAME_FAILURE_AGAIN:
            return False
        if len(self._reported) >= _MOST_FAILURES_REMEMBERED:
            self._reported.clear()
        self._reported[filename, problem] = now
        return True

    async def _report(self, page: Page, file: File, problem: str) -> None:
        event = Event("fetch.failed", self.name, page.project, data={"filename": file.filename, "problem": problem})
        try:
            await self.catalog.write(_enter, event)
        except AffineurError as error:
            _log.warning("failure not entered into the ledger", file=file.filename, problem=error.sentence)

    async def _stored(self, sha256: str, wanted: int | None) -> Stored | None:
        """Return a file from the store; None where it is not there, or was cut since and must be fetched again."""
        size = await self.blobs.has(sha256)
        return Stored(self.blobs, sha256, size) if size is not None and wanted in {None, size} else None

    async def keep(self, page: Page, fetch: Fetch) -> Stored | None:
        """Take a fetched and verified file into the store, with what was found out about it."""
        sha256, size = fetch.sha256 or "", fetch.size or 0
        raw = await asyncio.to_thread(_wheel_metadata, fetch.partial, fetch.file)
        md5, blake2 = fetch.digests.get("md5", ""), fetch.digests.get("blake2b_256", "")
        await self.blobs.put(fetch.partial, sha256)
        held = Held(sha256, size, self.name, page.project, fetch.file.filename)
        await self.catalog.write(cache.arrived, held, md5, blake2)
        if fetch.file.sha256 is None or fetch.file.size is None:
            await self.catalog.write(kept.learn, self.name, page.project, fetch.file.filename, sha256, size)
        if raw is not None and self.found_metadata is not None:
            await self.found_metadata(page.project, fetch.file, sha256, raw, "file")
        return await self._stored(sha256, size)

    async def known(self, fetch: Fetch) -> Stored | None:
        """Return the file from the store, where another process put it meanwhile."""
        return await self._stored(fetch.sha256, fetch.file.size) if fetch.sha256 is not None else None

    async def whole(self, page: Page, file: File) -> Path | None:
        """Bring a whole file here and return where it lies; None where the store is remote."""
        body = await self.open(page, file)
        if isinstance(body, Arriving):
            await body.wait()
        return self.blobs.path(body.sha256 or "")


class _Keeper:
    """What a fetch calls when its file arrived: the files of the mirror, bound to the page."""

    def __init__(self, files: Fetched, page: Page) -> None:
        self.files, self.page = files, page

    async def __call__(self, fetch: Fetch, *, arrived: bool) -> Stored | None:
        """Store what arrived, or find it in the store."""
        return await (self.files.keep(self.page, fetch) if arrived else self.files.known(fetch))


def _wheel_metadata(path: Path, file: File) -> bytes | None:
    if not file.is_wheel:
        return None
    try:
        return read_wheel_metadata(path, file.filename)
    except AffineurError:
        return None


def _enter(change: Change, event: Event) -> None:
    change.enter(event)
