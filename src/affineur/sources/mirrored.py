"""A mirror: an upstream's pages and files, kept, and served when the upstream is gone."""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import zstandard

from affineur.config import Config
from affineur.errors import AffineurError, ProjectUnknown, UpstreamBroken, UpstreamUnavailable
from affineur.model.events import Event
from affineur.model.files import File, Page, UploadTimeSource
from affineur.model.names import ProjectName, SourceName
from affineur.sources.beside import Beside
from affineur.sources.fetch import Fetch
from affineur.sources.pinned import Delta, Listing, merge
from affineur.sources.source import Body
from affineur.sources.stored import Stored
from affineur.sources.upstream import FetchedPage, Upstream
from affineur.standards.archives import read_wheel_metadata
from affineur.standards.simple_api.parse_json import UpstreamPage
from affineur.storage.blobs.store import Blobs
from affineur.storage.catalog import blobs as blob_rows
from affineur.storage.catalog import listings, projects
from affineur.storage.catalog.database import Catalog, Change

_DECODER = msgspec.json.Decoder(Listing)
_MOST_NAMES_IN_ENTRY = 200


class Mirrored:
    """The source over one upstream. Only what was verified is stored or served."""

    def __init__(self, name: str, upstream: Upstream, catalog: Catalog, blobs: Blobs, config: Config) -> None:
        self.name, self.upstream, self.catalog, self.blobs, self.config = name, upstream, catalog, blobs, config
        self._refreshing: dict[ProjectName, asyncio.Task[Page]] = {}
        self._fetching: dict[str, Fetch] = {}
        self._unknown: dict[ProjectName, float] = {}
        self.beside = Beside(name, upstream, catalog, blobs, self._whole)
        self._reports: set[asyncio.Task[None]] = set()
        self._clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    async def owns(self, project: ProjectName) -> bool:
        """A mirror supplies any name that nobody before it owns."""
        del project
        return True

    async def projects(self) -> dict[str, int]:
        """Return the projects held here, never the upstream's whole list."""
        return await self.catalog.read(projects.serials, [self.name])

    # -- pages

    async def page(self, project: ProjectName) -> Page:
        """Return the listing: held and fresh, refreshed, or stale when the upstream is slow or down."""
        held = await self._held(project)
        now = self._clock()
        if held is not None and held.fresh_until is not None and now < held.fresh_until:
            return held
        if held is None and self._unknown.get(project, 0.0) > time.monotonic():
            raise ProjectUnknown(project, self.name)
        refresh = self._refreshing.get(project)
        if refresh is None:
            refresh = asyncio.create_task(self._refresh(project), name=f"refresh {project}")
            self._refreshing[project] = refresh
            refresh.add_done_callback(lambda _: self._refreshing.pop(project, None))
            refresh.add_done_callback(lambda task: task.cancelled() or task.exception())
        if held is None:
            return await asyncio.shield(refresh)
        try:
            return await asyncio.wait_for(asyncio.shield(refresh), self.config.patience)
        except (TimeoutError, UpstreamUnavailable, UpstreamBroken, ProjectUnknown):
            return replace(held, stale_since=held.fresh_until, fresh_until=now + timedelta(seconds=1))

    async def _held(self, project: ProjectName) -> Page | None:
        stored = await self.catalog.read(listings.load, self.name, project)
        if stored is None:
            return None
        listing = await asyncio.to_thread(_unpack, stored.document)
        fresh_until = stored.checked_at + timedelta(seconds=self.config.fresh_for)
        return await self._page(project, listing, stored.serial, fresh_until)

    async def _page(self, project: ProjectName, listing: Listing, serial: int, fresh_until: datetime) -> Page:
        files = await self.beside.offered(listing.files)
        return Page(
            project, files, SourceName(self.name), listing.versions, listing.status, serial,
            fresh_until=fresh_until, mirrored=True,
        )  # fmt: skip

    async def _refresh(self, project: ProjectName) -> Page:
        stored = await self.catalog.read(listings.load, self.name, project)
        old = await asyncio.to_thread(_unpack, stored.document) if stored else Listing()
        validators = (stored.etag, stored.last_modified) if stored else ("", "")
        fetched = await self.upstream.page(project, *validators)
        now = self._clock()
        if fetched is None and stored is None:
            self._unknown[project] = time.monotonic() + self.config.unknown_for
            raise ProjectUnknown(project, self.name)
        if fetched is not None and fetched.page is None and stored is not None:
            await self.catalog.write(listings.touch, self.name, project, now)
            return await self._page(project, old, stored.serial, now + timedelta(seconds=self.config.fresh_for))
        return await self._take(project, old, fetched or FetchedPage(UpstreamPage((), (), old.status), "", ""), now)

    async def _take(self, project: ProjectName, old: Listing, fetched: FetchedPage, now: datetime) -> Page:
        page = await self._with_times(project, fetched.page or UpstreamPage((), (), old.status))
        listing, delta = await asyncio.to_thread(merge, old, page, now)
        document = await asyncio.to_thread(_pack, listing)
        validators = (fetched.etag, fetched.last_modified)
        await self.catalog.write(_store, self.name, project, document, validators, delta, first=not old.files)
        self._unknown.pop(project, None)
        serials = await self.catalog.read(projects.serials, [self.name])
        fresh_until = now + timedelta(seconds=self.config.fresh_for)
        taken = await self._page(project, listing, serials.get(project, 0), fresh_until)
        self.beside.look_into(project, taken.files)
        return taken

    async def _with_times(self, project: ProjectName, page: UpstreamPage) -> UpstreamPage:
        """Fill missing upload times from the upstream's JSON API where it has one."""
        if not page.files or all(file.upload_time for file in page.files):
            return page
        try:
            document = await self.upstream.json_document(project)
            times = await asyncio.to_thread(_times, document) if document else {}
        except (AffineurError, msgspec.MsgspecError):
            return page
        files = tuple(
            replace(file, upload_time=times[file.filename], upload_time_source=UploadTimeSource.JSON_API)
            if file.upload_time is None and file.filename in times
            else file
            for file in page.files
        )
        return replace(page, files=files)

    # -- files

    async def open(self, page: Page, file: File) -> Body:
        """Open a file: from the store, or on its way from the upstream, one fetch for all who ask."""
        if file.sha256 is not None and (body := await self._stored(file.sha256)) is not None:
            await self.catalog.write(blob_rows.touch, [file.sha256])
            return body
        key = file.sha256 or f"{page.project}-{file.filename}"
        fetch = self._fetching.get(key)
        if fetch is None:
            partial = self.blobs.staging() / f"{key[:64]}.part"
            fetch = Fetch(self.upstream, file, partial, _Keeper(self, page))
            self._fetching[key] = fetch
            fetch.task.add_done_callback(functools.partial(self._ended, key, page, fetch))
        if file.hashes:
            await fetch.begun()
        else:
            await fetch.wait()
        if fetch.finished.is_set() and fetch.sha256 and (body := await self._stored(fetch.sha256)) is not None:
            return body
        return fetch

    def _ended(self, key: str, page: Page, fetch: Fetch, _task: asyncio.Task[None]) -> None:
        self._fetching.pop(key, None)
        if fetch.error is not None:
            self._reports.add(task := asyncio.create_task(self.report(page, fetch, fetch.error)))
            task.add_done_callback(self._reports.discard)

    async def _stored(self, sha256: str) -> Stored | None:
        size = await self.blobs.has(sha256)
        return Stored(self.blobs, sha256, size) if size is not None else None

    async def keep(self, page: Page, fetch: Fetch) -> None:
        """Take a fetched and verified file into the store, with what was found out about it."""
        sha256 = fetch.sha256 or ""
        raw = await asyncio.to_thread(_wheel_metadata, fetch.partial, fetch.file)
        md5, blake2 = fetch.digests.get("md5", ""), fetch.digests.get("blake2b_256", "")
        await self.blobs.put(fetch.partial, sha256)
        await self.catalog.write(blob_rows.record, sha256, fetch.size or 0, md5, blake2, "mirror")
        if fetch.file.sha256 is None:
            await self._learn_hash(page.project, fetch)
        if raw is not None:
            await self.beside.found(page.project, fetch.file, sha256, raw, "file")

    async def _learn_hash(self, project: ProjectName, fetch: Fetch) -> None:
        stored = await self.catalog.read(listings.load, self.name, project)
        if stored is None:
            return
        listing = _unpack(stored.document)
        found = {"sha256": fetch.sha256 or ""}
        files = tuple(
            replace(f, hashes={**f.hashes, **found}, size=fetch.size) if f.filename == fetch.file.filename else f
            for f in listing.files
        )
        document = _pack(replace(listing, files=files))
        delta = Delta(changed=(fetch.file.filename,))
        await self.catalog.write(_store, self.name, project, document, (stored.etag, stored.last_modified), delta)

    async def report(self, page: Page, fetch: Fetch, error: AffineurError) -> None:
        """Enter a failed fetch into the ledger, with what was wrong."""
        data = {"filename": fetch.file.filename, "problem": error.sentence}
        await self.catalog.write(_enter, Event("fetch.failed", self.name, page.project, data=data))

    async def _whole(self, page: Page, file: File) -> Path | None:
        body = await self.open(page, file)
        if isinstance(body, Fetch):
            await body.wait()
        return self.blobs.path(body.sha256 or "")

    # -- side files

    async def metadata(self, page: Page, file: File) -> bytes:
        """Return core metadata, wherever it can be had."""
        return await self.beside.metadata(page, file)

    async def signature(self, page: Page, file: File) -> bytes:
        """Return the upstream's detached signature."""
        del page
        return await self.beside.signature(file)

    async def provenance(self, page: Page, file: File) -> bytes:
        """Return the upstream's provenance document."""
        del page
        return await self.beside.provenance(file)


class _Keeper:
    """What a fetch calls when its file arrived: the mirror, bound to the page."""

    def __init__(self, mirror: Mirrored, page: Page) -> None:
        self.mirror, self.page = mirror, page

    async def __call__(self, fetch: Fetch, *, arrived: bool) -> bool:
        """Store what arrived, or find it in the store."""
        if arrived:
            await self.mirror.keep(self.page, fetch)
        there = fetch.sha256 is not None and await self.mirror.blobs.has(fetch.sha256) is not None
        if there and fetch.sha256:
            fetch.stored = self.mirror.blobs.path(fetch.sha256)
            fetch.written = fetch.size = await self.mirror.blobs.has(fetch.sha256) or 0
        return there


def _unpack(document: bytes) -> Listing:
    return _DECODER.decode(zstandard.ZstdDecompressor().decompress(document, max_output_size=2**30))


def _pack(listing: Listing) -> bytes:
    return zstandard.ZstdCompressor(level=1).compress(msgspec.json.encode(listing))


def _times(document: bytes) -> dict[str, datetime]:
    found: dict[str, datetime] = {}
    for files in msgspec.json.decode(document).get("releases", {}).values():
        for file in files:
            if stamp := file.get("upload_time_iso_8601"):
                found[file["filename"]] = msgspec.convert(stamp, datetime, strict=False).astimezone(UTC)
    return found


def _wheel_metadata(path: Path, file: File) -> bytes | None:
    if not file.is_wheel:
        return None
    try:
        return read_wheel_metadata(path, file.filename)
    except AffineurError:
        return None


def _store(
    change: Change,
    source: str,
    project: str,
    document: bytes,
    validators: tuple[str, str],
    delta: Delta,
    *,
    first: bool = False,
) -> None:
    listings.store(change, source, project, document, *validators)
    if delta or first:
        data = {
            key: [*names[:_MOST_NAMES_IN_ENTRY], *([f"and {len(names) - _MOST_NAMES_IN_ENTRY} more"] if len(names) > _MOST_NAMES_IN_ENTRY else [])]
            for key, names in (
                ("added", delta.added), ("changed", delta.changed), ("vanished", delta.vanished), ("conflicting", delta.conflicting),
            )
            if names
        }  # fmt: skip
        change.enter(Event("page.refreshed", source, project, data=data))


def _enter(change: Change, event: Event) -> None:
    change.enter(event)
