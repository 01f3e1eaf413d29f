"""A hosted source: files that were uploaded here, and the names they claim."""

from __future__ import annotations

from collections.abc import Sequence

from affineur.errors import FileUnknown, ProjectUnknown
from affineur.model.files import File, Page, Status
from affineur.model.names import ProjectName, SourceName, matches
from affineur.sources.held import Held
from affineur.sources.source import Body
from affineur.sources.stored import Stored
from affineur.storage.blobs import small
from affineur.storage.blobs.store import Blobs
from affineur.storage.catalog import hosted
from affineur.storage.catalog.database import Catalog

_SIDE_FILE = {"metadata": "core metadata", "signature": "signature", "provenance": "provenance"}


class Hosted:
    """The source over one store of uploads."""

    def __init__(self, name: str, owned: Sequence[str], catalog: Catalog, blobs: Blobs) -> None:
        self.name, self.owned, self.catalog, self.blobs = name, tuple(owned), catalog, blobs
        self._projects = Held(name, catalog)

    async def owns(self, project: ProjectName) -> bool:
        """Whether the name matches a configured pattern or was claimed by an upload."""
        return matches(project, self.owned) or await self.catalog.read(hosted.owns, self.name, project)

    async def projects(self) -> dict[str, int]:
        """Return the projects uploaded here with their serials."""
        return await self._projects.projects()

    async def page(self, project: ProjectName) -> Page:
        """Return the listing of an uploaded project; an owned name without files is an empty page."""
        listed = await self.catalog.read(hosted.listed, self.name, project)
        if not (listed.claimed or matches(project, self.owned)):
            raise ProjectUnknown(project, self.name)
        # A quarantined project must offer no files (PEP 792).
        offered = () if listed.status.status is Status.QUARANTINED else listed.files
        return Page(project, offered, SourceName(self.name), status=listed.status, serial=listed.serial, owned=True)

    async def held(self, project: ProjectName) -> Page:
        """Return the listing; all of it is held here."""
        return await self.page(project)

    async def open(self, page: Page, file: File) -> Body:
        """Open an uploaded file."""
        del page
        size = await self.blobs.has(file.sha256 or "")
        if size is None or size != file.size:
            raise FileUnknown(file.filename, self.name, "its bytes are missing from the store, or were cut there")
        return Stored(self.blobs, file.sha256 or "", size)

    async def _side(self, file: File, kind: str) -> bytes:
        digests = await self.catalog.read(hosted.side_files, self.name, file.filename)
        digest = digests.get(kind)
        if digest is None:
            raise FileUnknown(file.filename, self.name, f"no {_SIDE_FILE[kind]}")
        raw = await small.whole(self.blobs, digest)
        if raw is None:
            missing = f"the bytes of its {_SIDE_FILE[kind]} are missing from the store, or were changed there"
            raise FileUnknown(file.filename, self.name, missing)
        return raw

    async def metadata(self, page: Page, file: File) -> bytes:
        """Return the core metadata as it stands in the uploaded wheel."""
        del page
        return await self._side(file, "metadata")

    async def signature(self, page: Page, file: File) -> bytes:
        """Return the detached signature uploaded beside the file."""
        del page
        return await self._side(file, "signature")

    async def provenance(self, page: Page, file: File) -> bytes:
        """Return the provenance made from the uploaded attestations."""
        del page
        return await self._side(file, "provenance")
