"""Core metadata beside the files of a mirror, found and kept."""

from __future__ import annotations

import asyncio
import hashlib
import heapq
import itertools
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import sqlalchemy as sa

from affineur.errors import AffineurError, FileUnknown, InvalidArchive, UpstreamBroken, UpstreamUnavailable
from affineur.model.events import Event
from affineur.model.files import File, Page
from affineur.model.names import ProjectName
from affineur.sources import unattended
from affineur.sources.ranged import NoRanges, read_metadata
from affineur.sources.upstream import Upstream
from affineur.standards.archives import read_wheel_metadata
from affineur.storage.blobs import small
from affineur.storage.blobs.store import Blobs
from affineur.storage.catalog import metadata
from affineur.storage.catalog.database import Catalog, Change

_LARGEST_SIDE_FILE = 16 * 2**20
_AT_ONCE = 4
"""Wheels of one mirror looked into at the same time."""
_NEWEST = 8
"""Wheels of a project that are looked into before those of other projects that wait."""
_PER_ENTRY = 64
_AGAIN_AFTER = 3600.0
"""Seconds after which a wheel that could not be looked into, or a host without ranges, is tried again."""

Whole = Callable[[Page, File], Awaitable[Path | None]]
"""Brings a whole file here and says where it lies; None where the store is remote."""


def offered(connection: sa.Connection, files: tuple[File, ...]) -> tuple[File, ...]:
    """Offer the metadata known here, in place of what the upstream states where the wheel contradicts it."""
    found = metadata.many(connection, [file.sha256 for file in files if file.is_wheel and file.sha256])
    if not found:
        return files
    return tuple(
        replace(file, metadata_hashes={"sha256": found[file.sha256]})
        if file.sha256 in found and (file.metadata_hashes or {}).get("sha256") != found[file.sha256]
        else file
        for file in files
    )


class Beside:
    """The core metadata of one mirror's files, kept as blobs and remembered by the digest of the file."""

    def __init__(self, mirror: str, upstream: Upstream, catalog: Catalog, blobs: Blobs, whole: Whole) -> None:
        self.mirror, self.upstream, self.catalog, self.blobs, self._whole = mirror, upstream, catalog, blobs, whole
        self._asked: dict[str, asyncio.Task[bytes]] = {}
        """What is being asked for, and what came until it is kept."""
        self._keeping: dict[str, asyncio.Task[None]] = {}
        self._waiting: list[tuple[int, int, ProjectName, list[File]]] = []
        self._order = itertools.count()
        self._queued: set[ProjectName] = set()
        self._working: asyncio.Task[None] | None = None
        self._in_vain: dict[str, float] = {}

    # -- which metadata is kept

    async def found(self, project: ProjectName, file: File, sha256: str, raw: bytes, origin: str) -> None:
        """Keep the metadata of one file."""
        await self._keep(project, [(file, sha256, raw)], origin)

    async def _keep(self, project: ProjectName, found: Sequence[tuple[File, str, bytes]], origin: str) -> None:
        known = await self.catalog.read(metadata.many, [sha256 for _, sha256, _ in found])
        new: dict[str, str] = {}
        changed: list[str] = []
        for file, sha256, raw in found:
            digest = await small.keep(self.blobs, raw)
            if known.get(sha256) != digest:
                new[sha256] = digest
                if known.get(sha256, (file.metadata_hashes or {}).get("sha256")) != digest:
                    changed.append(file.filename)
        if new:
            event = Event("metadata.found", self.mirror, project, data={"files": changed, "origin": origin})
            await self.catalog.write(_record, new, origin, event if changed else None)

    # -- metadata that nobody offers, looked for ahead of being asked for

    def look_into(self, project: ProjectName, files: Sequence[File]) -> None:
        """Look into the wheels whose metadata nobody offers: the newest of each project first."""
        lacking = [f for f in files if f.is_wheel and f.sha256 and f.metadata_hashes is None and not self._vain(f)]
        if not lacking or project in self._queued:
            return
        self._queued.add(project)
        lacking.sort(key=lambda f: (f.upload_time is not None, f.upload_time, f.filename), reverse=True)
        for urgency, part in ((0, lacking[:_NEWEST]), (1, lacking[_NEWEST:])):
            for start in range(0, len(part), _PER_ENTRY):
                heapq.heappush(self._waiting, (urgency, next(self._order), project, part[start : start + _PER_ENTRY]))
        if self._working is None or self._working.done():
            self._working = asyncio.create_task(self._work(), name=f"looking into wheels of {self.mirror}")
            self._working.add_done_callback(unattended.ended)

    def _vain(self, file: File) -> bool:
        """Whether a look into the file, or into any of its host, was in vain lately."""
        now = time.monotonic()
        return any(self._in_vain.get(key, 0.0) > now for key in (file.sha256 or file.url, _host(file)))

    def _remember_vain(self, key: str) -> None:
        self._in_vain.pop(key, None)
        self._in_vain[key] = time.monotonic() + _AGAIN_AFTER
        while len(self._in_vain) > 100_000:
            del self._in_vain[next(iter(self._in_vain))]

    async def _work(self) -> None:
        while self._waiting:
            _, _, project, files = heapq.heappop(self._waiting)
            known = await self.catalog.read(metadata.many, [file.sha256 or "" for file in files])
            wanted = iter([file for file in files if file.sha256 not in known and not self._vain(file)])
            found: list[tuple[File, str, bytes]] = []
            await asyncio.gather(*(self._look(wanted, found) for _ in range(_AT_ONCE)))
            if found:
                await self._keep(project, found, "ranges")
            if all(other != project for _, _, other, _ in self._waiting):
                self._queued.discard(project)
            if self.upstream.resting:
                self._waiting.clear()
                self._queued.clear()

    async def _look(self, wanted: Iterator[File], found: list[tuple[File, str, bytes]]) -> None:
        for file in wanted:
            if self.upstream.resting:
                return
            if (raw := await self._by_ranges(file)) is not None:
                found.append((file, file.sha256 or "", raw))

    async def _by_ranges(self, file: File) -> bytes | None:
        """Return metadata read by ranges, or None where that is not possible."""
        if not file.is_wheel or self._vain(file):
            return None
        try:
            return await read_metadata(self.upstream, file)
        except NoRanges:
            self._remember_vain(_host(file))
        except (InvalidArchive, UpstreamBroken):
            self._remember_vain(file.sha256 or file.url)
        except UpstreamUnavailable:
            pass
        return None

    # -- what is asked for

    async def metadata(self, page: Page, file: File) -> bytes:
        """Return core metadata: kept, else the upstream's (verified), else from the wheel itself.

        Raises:
            FileUnknown: it has none.
            UpstreamUnavailable: the upstream has it and cannot be asked.
        """
        if not file.is_wheel and file.metadata_hashes is None:
            raise FileUnknown(file.filename, self.mirror, "no core metadata")
        if file.sha256:
            digest = (await self.catalog.read(metadata.many, [file.sha256])).get(file.sha256)
            if digest is not None and (raw := await small.whole(self.blobs, digest)) is not None:
                return raw
        key = file.sha256 or f"{page.project} {file.filename}"
        task = self._asked.get(key)
        if task is None:
            task = self._asked[key] = asyncio.create_task(self._get(page, file), name=f"metadata of {file.filename}")
            task.add_done_callback(lambda _: None if key in self._keeping else self._asked.pop(key, None))
            task.add_done_callback(unattended.ended)
        return await asyncio.shield(task)

    async def _get(self, page: Page, file: File) -> bytes:
        raw, origin = await self._of_upstream(file), "upstream"
        if raw is None:
            raw, origin = await self._by_ranges(file), "ranges"
        if raw is None:
            return await self._of_whole(page, file)
        if file.sha256:
            self._keep_later(page.project, file, file.sha256, raw, origin)
        return raw

    def _keep_later(self, project: ProjectName, file: File, sha256: str, raw: bytes, origin: str) -> None:
        """Keep metadata while whoever asked for it has it already; who asks meanwhile is given the same."""
        task = self._keeping[sha256] = asyncio.create_task(
            self.found(project, file, sha256, raw, origin), name=f"keeping the metadata of {file.filename}"
        )
        task.add_done_callback(lambda _: (self._keeping.pop(sha256), self._asked.pop(sha256, None)))
        task.add_done_callback(unattended.ended)

    async def _of_upstream(self, file: File) -> bytes | None:
        if file.metadata_hashes is None:
            return None
        raw = await self.upstream.side_file(f"{file.url}.metadata", _LARGEST_SIDE_FILE)
        if raw is None:
            return None
        strong = {
            name: wanted for name, wanted in file.metadata_hashes.items() if name in {"sha256", "sha384", "sha512"}
        }
        right = all(hashlib.new(name, raw).hexdigest() == wanted for name, wanted in strong.items())
        return raw if right else None

    async def _of_whole(self, page: Page, file: File) -> bytes:
        path = await self._whole(page, file) if file.is_wheel else None
        try:
            if path is not None:
                return await asyncio.to_thread(read_wheel_metadata, path, file.filename)
        except AffineurError:
            pass
        raise FileUnknown(file.filename, self.mirror, "no core metadata")


def _host(file: File) -> str:
    return "/".join(file.url.split("/", 3)[:3])


def _record(change: Change, new: dict[str, str], origin: str, event: Event | None) -> None:
    for sha256, digest in new.items():
        metadata.record(change, sha256, digest, origin)
    if event is not None:
        change.enter(event)
