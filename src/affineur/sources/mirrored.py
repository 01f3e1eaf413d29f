"""A mirror: an upstream's pages and files, kept, and served when the upstream is gone."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from affineur.config import Config
from affineur.errors import (
    AffineurError,
    ProjectUnknown,
    StorageUnavailable,
    UpstreamBroken,
    UpstreamUnavailable,
)
from affineur.model.files import File, Page, UploadTimeSource
from affineur.model.names import ProjectName, SourceName
from affineur.sources import kept, unattended
from affineur.sources.attached import Attached
from affineur.sources.beside import Beside, offered
from affineur.sources.fetched import Fetched
from affineur.sources.held import Held
from affineur.sources.pinned import Delta, Listing, merge
from affineur.sources.source import Body
from affineur.sources.upstream import FetchedPage, Upstream
from affineur.standards.file_details import FileDetails, file_details
from affineur.standards.simple_api.parse_json import UpstreamPage
from affineur.storage.blobs.store import Blobs
from affineur.storage.catalog import listings
from affineur.storage.catalog.database import Catalog
from affineur.storage.catalog.listings import StoredListing

_MOST_UNKNOWN_NAMES = 10_000
_MOST_TRIES = 5
_ASK_AGAIN = timedelta(seconds=1)
"""How long a stale page is served before the upstream is tried again."""


def _page(connection: sa.Connection, source: SourceName, project: ProjectName, fresh_for: timedelta) -> Page | None:
    """Return the listing of a project in a mirror as it is held, or None."""
    stored = listings.load(connection, source, project)
    if stored is None:
        return None
    listing = kept.unpack(stored.document)
    return Page(
        project, offered(connection, listing.files), source, listing.versions, listing.status, stored.serial,
        fresh_until=stored.checked_at + fresh_for, mirrored=True,
    )  # fmt: skip


class Mirrored:
    """The source over one upstream. No listing is forgotten, no hash replaced."""

    def __init__(self, name: str, upstream: Upstream, catalog: Catalog, blobs: Blobs, config: Config) -> None:
        self.name, self.upstream, self.catalog, self.config = name, upstream, catalog, config
        self._projects = Held(name, catalog)
        self.files = Fetched(name, upstream, catalog, blobs, config.min_free)
        self.attached = Attached(name, upstream, catalog, blobs)
        self.beside = Beside(name, upstream, catalog, blobs, self.files.whole)
        self.files.found_metadata = self.beside.found
        self._refreshing: dict[ProjectName, asyncio.Task[Page]] = {}
        self._unknown: dict[ProjectName, float] = {}

    async def owns(self, project: ProjectName) -> bool:
        """A mirror supplies any name that nobody before it owns."""
        del project
        return True

    async def projects(self) -> dict[str, int]:
        """Return the projects held here, never the upstream's whole list."""
        return await self._projects.projects()

    async def page(self, project: ProjectName) -> Page:
        """Return the listing: held and fresh, refreshed, or stale when the upstream is slow or down."""
        held = await self._held(project)
        now = datetime.now(UTC)
        if held is not None and self._is_fresh(held, now):
            return held
        if held is None and self._unknown.get(project, 0.0) > time.monotonic():
            raise ProjectUnknown(project, self.name)
        refresh = self._refreshes(project)
        if held is None:
            return await asyncio.shield(refresh)
        try:
            return await asyncio.wait_for(asyncio.shield(refresh), self.config.patience)
        except (TimeoutError, UpstreamUnavailable, UpstreamBroken, StorageUnavailable):
            return replace(held, stale_since=held.fresh_until, fresh_until=now + _ASK_AGAIN)

    def _is_fresh(self, held: Page, now: datetime) -> bool:
        """Whether the upstream need not be asked; what was checked "later than now" was so before the clock was set back."""
        longest = now + timedelta(seconds=self.config.fresh_for)
        return held.fresh_until is not None and now < held.fresh_until <= longest

    async def held(self, project: ProjectName) -> Page:
        """Return the listing as it is held, without asking the upstream.

        Raises:
            ProjectUnknown: it was never asked for.
        """
        held = await self._held(project)
        if held is None:
            raise ProjectUnknown(project, self.name)
        return held

    async def refresh(self, project: ProjectName) -> Page:
        """Ask the upstream now, however fresh the listing is.

        Raises:
            ProjectUnknown: it does not have the project, and nothing is held.
            UpstreamUnavailable: it cannot be asked.
            UpstreamBroken: its answer makes no sense.
        """
        return await asyncio.shield(self._refreshes(project))

    def _refreshes(self, project: ProjectName) -> asyncio.Task[Page]:
        """Return the running refresh of a project, one for all who ask."""
        refresh = self._refreshing.get(project)
        if refresh is None:
            refresh = asyncio.create_task(self._refresh(project), name=f"refresh {project}")
            self._refreshing[project] = refresh
            refresh.add_done_callback(lambda _: self._refreshing.pop(project, None))
            refresh.add_done_callback(unattended.ended)
        return refresh

    async def _held(self, project: ProjectName) -> Page | None:
        return await self.catalog.read(_page, SourceName(self.name), project, timedelta(seconds=self.config.fresh_for))

    async def _refresh(self, project: ProjectName) -> Page:
        stored = await self.catalog.read(listings.load, self.name, project)
        validators = (stored.etag, stored.last_modified) if stored is not None else ("", "")
        fetched = await self.upstream.page(project, *validators)
        now = datetime.now(UTC)
        if fetched is None and stored is None:
            self._remember_unknown(project)
            raise ProjectUnknown(project, self.name)
        if fetched is not None and fetched.page is None and stored is not None:
            await self.catalog.write(listings.touch, self.name, project, now)
        else:
            await self._take(project, stored, fetched, now)
        page = await self.held(project)  # as it is kept, with the serial of that: others may have stored another since
        self.beside.look_into(project, page.files)
        return page

    def _remember_unknown(self, project: ProjectName) -> None:
        now = time.monotonic()
        if len(self._unknown) >= _MOST_UNKNOWN_NAMES:
            self._unknown = {name: until for name, until in self._unknown.items() if until > now}
        if len(self._unknown) < _MOST_UNKNOWN_NAMES:
            self._unknown[project] = now + self.config.unknown_for

    async def _take(
        self, project: ProjectName, stored: StoredListing | None, fetched: FetchedPage | None, now: datetime
    ) -> None:
        """Merge what the upstream lists into what is held; `fetched` None: it does not know the project any more."""
        page: UpstreamPage | None = None
        for _ in range(_MOST_TRIES):
            before = stored.document if stored is not None else b""
            old = await asyncio.to_thread(kept.unpack, before) if before else Listing()
            if page is None:
                page = await self._with_details(project, old, _stated(fetched, old))
            listing, delta = await asyncio.to_thread(merge, old, page, now)
            if await self._store(project, before, listing, delta, fetched):
                self._unknown.pop(project, None)
                return
            stored = await self.catalog.read(listings.load, self.name, project)
        raise StorageUnavailable(f"{project}: others keep changing the listing")

    async def _store(
        self, project: ProjectName, before: bytes, listing: Listing, delta: Delta, fetched: FetchedPage | None
    ) -> bool:
        document = await asyncio.to_thread(kept.pack, listing)
        validators = (fetched.etag, fetched.last_modified) if fetched is not None else ("", "")
        return await self.catalog.write(kept.store, self.name, project, before, document, validators, delta)

    async def _with_details(self, project: ProjectName, old: Listing, page: UpstreamPage) -> UpstreamPage:
        """Fill what the page does not state of files not seen before from the upstream's JSON API where it has one."""
        known = {file.filename for file in old.files}
        if all((file.upload_time and file.size is not None) or file.filename in known for file in page.files):
            return page
        try:
            document = await self.upstream.json_document(project)
            details = await asyncio.to_thread(file_details, document, self.upstream.base) if document else {}
        except AffineurError:
            return page
        return replace(page, files=tuple(_detailed(file, details.get(file.filename)) for file in page.files))

    async def open(self, page: Page, file: File) -> Body:
        """Open a file: from the store, or on its way from the upstream, one fetch for all who ask."""
        return await self.files.open(page, file)

    async def metadata(self, page: Page, file: File) -> bytes:
        """Return core metadata, wherever it can be had."""
        return await self.beside.metadata(page, file)

    async def signature(self, page: Page, file: File) -> bytes:
        """Return the upstream's detached signature."""
        del page
        return await self.attached.signature(file)

    async def provenance(self, page: Page, file: File) -> bytes:
        """Return the upstream's provenance document."""
        del page
        return await self.attached.provenance(file)


def _stated(fetched: FetchedPage | None, old: Listing) -> UpstreamPage:
    """Return what the upstream lists: nothing where it says that there is no such project."""
    return fetched.page if fetched is not None and fetched.page is not None else UpstreamPage((), (), old.status)


def _detailed(file: File, stated: FileDetails | None) -> File:
    """Return the file with what the JSON API states of the same bytes in the place of what the page does not."""
    if stated is None or (file.sha256 and stated.sha256 and file.sha256 != stated.sha256):
        return file
    if file.upload_time is None and stated.upload_time is not None:
        file = replace(file, upload_time=stated.upload_time, upload_time_source=UploadTimeSource.JSON_API)
    return replace(file, size=stated.size) if file.size is None else file
