"""A project described: its page and decisions, with the core metadata of a release and every digest known."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import msgspec
from packaging.utils import canonicalize_version

from affineur.errors import FileUnknown, InvalidDocument, ProjectUnknown, Refused, UpstreamBroken, UpstreamUnavailable
from affineur.model.files import File, Status
from affineur.model.names import IndexName, ProjectName
from affineur.policy.gate import Screened
from affineur.sources.gated import Gated
from affineur.sources.rendered import Rendered, Rendering, file_path
from affineur.standards import core_metadata, json_api
from affineur.storage.catalog import blobs
from affineur.storage.catalog.database import Catalog
from affineur.storage.known_advisories import KnownAdvisories

_LARGEST_FETCHED_FOR_METADATA = 16 * 2**20
_MOST_TRIED = 4
CONTENT_TYPE = "application/json"


class Described:
    """The projects of one index as the JSON API and XML-RPC tell of them."""

    def __init__(
        self, gated: Gated, catalog: Catalog, rendered: Rendered, advisories: KnownAdvisories, origin: str
    ) -> None:
        self.gated, self.catalog, self.rendered, self.origin = gated, catalog, rendered, origin
        self.advisories = advisories
        self.index = IndexName(gated.name)

    async def document(self, project: ProjectName, version: str | None, encoding: str) -> Rendering:
        """Return the JSON document of a project, or of one release when a version is given.

        Raises:
            ProjectUnknown: there is no such project here, it has no release, or it is quarantined.
            FileUnknown: it has no such release.
        """
        key = ("json", canonicalize_version(version) if version is not None else "", encoding)

        async def make(screened: Screened) -> tuple[bytes, bool]:
            self._check(screened)
            found = await asyncio.to_thread(self._release, screened, version)
            stated, lasting = await self._stated(screened, found)
            shown = await self._shown(screened)
            return await asyncio.to_thread(self._encode, shown, found, stated, whole=version is None), lasting

        return await self.rendered.document(self.index, project, key, CONTENT_TYPE, encoding, make)

    async def releases(self, project: ProjectName) -> tuple[json_api.Shown, list[json_api.Release]]:
        """Return the releases of a project, with the files that can be had, and the page they are shown by.

        Raises:
            ProjectUnknown: as `document`.
        """
        screened = await self._present(project)
        shown = await self._shown(screened)
        return shown, await asyncio.to_thread(lambda: json_api.passing(json_api.releases_of(shown.page), shown.refused))

    async def info(self, project: ProjectName, version: str | None = None) -> dict[str, Any]:
        """Return the `info` of a release, the latest where no version is given.

        Raises:
            ProjectUnknown: as `document`.
            FileUnknown: as `document`.
        """
        screened = await self._present(project)
        release = await asyncio.to_thread(self._release, screened, version)
        stated, _ = await self._stated(screened, release)
        return json_api.info(self._plain(screened), release, stated)

    async def _present(self, project: ProjectName) -> Screened:
        screened = await self.rendered.screened(self.index, project)
        self._check(screened)
        return screened

    def _check(self, screened: Screened) -> None:
        files = screened.page.files
        if screened.page.status.status is Status.QUARANTINED or all(file.tombstone for file in files):
            raise ProjectUnknown(screened.page.project, self.index)

    def _release(self, screened: Screened, version: str | None) -> json_api.Release:
        releases = json_api.releases_of(screened.page)
        if version is not None:
            found = json_api.find(releases, version)
        else:
            there = json_api.passing(releases, self._plain(screened).refused)
            found = json_api.latest(there) or json_api.latest(releases)
        if found is None:
            raise FileUnknown(f"{screened.page.project} {(version or '')[:80]}", self.index, "no such release")
        return found

    def _plain(self, screened: Screened) -> json_api.Shown:
        page = replace(screened.page, serial=screened.serial)

        def link(file: File) -> str:
            return self.origin + file_path(self.index, page.project, file)

        home = f"{self.origin}/{quote(self.index)}/project/{page.project}/"
        return json_api.Shown(page, link, home, screened.refused)

    async def _shown(self, screened: Screened) -> json_api.Shown:
        plain = self._plain(screened)
        known = [file.sha256 for file in screened.page.files if file.sha256]
        digests = await self.catalog.read(blobs.digests, known)
        return replace(plain, digests=digests)

    async def _stated(self, screened: Screened, release: json_api.Release) -> tuple[dict[str, object], bool]:
        """Return what core metadata states of a release, and whether that is the last word.

        The gate is asked for each file as for any other; a refused file tells nothing. What an
        upstream in trouble did not give may be had the next time.
        """
        promising = [f for f in release.files if f.metadata_hashes is not None or _worth_a_fetch(screened, f)]
        for file in sorted(promising, key=_ease)[:_MOST_TRIED]:
            try:
                raw = await self.gated.tell(screened, file, "metadata")
                return await asyncio.to_thread(core_metadata.info, raw), True
            except (Refused, FileUnknown, InvalidDocument):
                continue
            except (UpstreamUnavailable, UpstreamBroken):
                return core_metadata.info(b""), False
        return core_metadata.info(b""), True

    def _encode(
        self, shown: json_api.Shown, release: json_api.Release, stated: dict[str, object], *, whole: bool
    ) -> bytes:
        releases = json_api.releases_of(shown.page) if whole else None
        holes = self.advisories.of(shown.page.project).of(release.version)
        return msgspec.json.encode(json_api.document(shown, release, stated, releases, holes))


def _ease(file: File) -> tuple[bool, bool, int]:
    """Order files by how cheap their metadata is: offered first, wheels first, small ones first."""
    return file.metadata_hashes is None, not file.is_wheel, file.size or 2**62


def _worth_a_fetch(screened: Screened, file: File) -> bool:
    """Whether metadata that nobody offers may be asked for: it may cost the whole file of a mirror."""
    if not screened.page.mirrored:
        return True
    return file.is_wheel and file.size is not None and file.size <= _LARGEST_FETCHED_FOR_METADATA
