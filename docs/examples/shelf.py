"""A source over a folder of wheels: what is laid into the folder is offered, what is taken away is not."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from affineur.errors import FileUnknown, InvalidArchive, InvalidDocument, ProjectUnknown
from affineur.model.events import Event
from affineur.model.filenames import candidate_projects, version_in
from affineur.model.files import File, Page, UploadTimeSource
from affineur.model.names import ProjectName, SourceName
from affineur.sources.source import Body
from affineur.standards import core_metadata
from affineur.standards.archives import read_wheel_metadata
from affineur.storage.catalog import ledger, projects
from affineur.storage.catalog.database import Catalog, Change

_FRESH = timedelta(seconds=2)
_CHUNK = 256 * 1024

Stamp = tuple[int, int]
"""Size and time of change: a file with the same stamp is the same file."""


@dataclass(frozen=True, slots=True)
class Laid:
    """A wheel on the shelf, as it was when it was hashed."""

    path: Path
    stamp: Stamp
    project: ProjectName
    file: File


class LaidBody:
    """The bytes of a wheel on the shelf."""

    def __init__(self, laid: Laid) -> None:
        self.path: Path | None = laid.path
        self.size, self.sha256 = laid.file.size, laid.file.sha256

    async def wait(self) -> None:
        """Return at once: the bytes are here."""

    async def read(self, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
        """Yield the bytes from `start` up to `stop` (exclusive)."""
        assert self.path is not None
        with await asyncio.to_thread(self.path.open, "rb") as source:
            source.seek(start)
            left = (self.size if stop is None else stop) or 0
            left -= start
            while left > 0 and (chunk := await asyncio.to_thread(source.read, min(_CHUNK, left))):
                left -= len(chunk)
                yield chunk


class Shelf:
    """The source over one folder. Its names are its own: no later source may supply them."""

    def __init__(self, name: str, folder: Path, catalog: Catalog) -> None:
        self.name, self.folder, self.catalog = name, folder, catalog
        self._laid: dict[str, Laid] = {}
        self._looked = datetime.min.replace(tzinfo=UTC)
        self._looking = asyncio.Lock()

    async def owns(self, project: ProjectName) -> bool:
        """Whether a wheel of the project lies here."""
        return any(laid.project == project for laid in (await self._look()).values())

    async def projects(self) -> dict[str, int]:
        """Return the projects that lie here with the serial of their last change."""
        there = {laid.project for laid in (await self._look()).values()}
        serials = await self.catalog.read(projects.serials, self.name)
        return {project: serial for project, serial in serials.items() if project in there}

    async def page(self, project: ProjectName) -> Page:
        """Return the wheels of a project."""
        files = tuple(laid.file for laid in (await self._look()).values() if laid.project == project)
        if not files:
            raise ProjectUnknown(project, self.name)
        serial = await self.catalog.read(projects.serial, self.name, project)
        return Page(
            project, files, SourceName(self.name), serial=serial, owned=True, fresh_until=datetime.now(UTC) + _FRESH
        )

    async def held(self, project: ProjectName) -> Page:
        """Return the wheels of a project; all there are lie here."""
        return await self.page(project)

    async def open(self, page: Page, file: File) -> Body:
        """Open a wheel, unless it is another than the one that was listed."""
        del page
        laid = (await self._look()).get(file.filename)
        if laid is None or laid.file.sha256 != file.sha256 or await asyncio.to_thread(_stamp, laid.path) != laid.stamp:
            raise FileUnknown(file.filename, self.name, "it was taken away or replaced")
        return LaidBody(laid)

    async def metadata(self, page: Page, file: File) -> bytes:
        """Return METADATA of a wheel, byte for byte."""
        body = await self.open(page, file)
        assert body.path is not None
        return await asyncio.to_thread(read_wheel_metadata, body.path, file.filename)

    async def signature(self, page: Page, file: File) -> bytes:
        """There are none here."""
        del page
        raise FileUnknown(file.filename, self.name, "no signature")

    async def provenance(self, page: Page, file: File) -> bytes:
        """There is none here."""
        del page
        raise FileUnknown(file.filename, self.name, "no provenance")

    async def _look(self) -> dict[str, Laid]:
        """Return what lies here, looking again when the last look is too old; only new wheels are hashed."""
        async with self._looking:
            if datetime.now(UTC) - self._looked >= _FRESH:
                laid = await asyncio.to_thread(_survey, self.folder, self._laid)
                await self.catalog.write(_announce, self.name, _digests(laid, self._laid))
                self._laid, self._looked = laid, datetime.now(UTC)
        return self._laid


def _stamp(path: Path) -> Stamp | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns


def _survey(folder: Path, known: dict[str, Laid]) -> dict[str, Laid]:
    found: dict[str, Laid] = {}
    for path in sorted(folder.glob("*.whl")):
        stamp, before = _stamp(path), known.get(path.name)
        laid = before if before is not None and before.stamp == stamp else stamp and _examined(path, stamp)
        if laid:
            found[path.name] = laid
    return found


def _examined(path: Path, stamp: Stamp) -> Laid | None:
    """Hash a wheel and read its metadata; None for what is no wheel."""
    project = next(candidate_projects(path.name))
    version = version_in(path.name, project)
    try:
        raw = read_wheel_metadata(path, path.name)
        requires_python = core_metadata.info(raw)["requires_python"]
        with path.open("rb") as source:
            digest = hashlib.file_digest(source, "sha256").hexdigest()
    except (InvalidArchive, InvalidDocument, OSError):
        return None
    if not version or not isinstance(requires_python, str | None):
        return None
    laid_at = datetime.fromtimestamp(stamp[1] / 1e9, UTC)
    file = File(
        path.name,
        version,
        {"sha256": digest},
        stamp[0],
        upload_time=laid_at,
        upload_time_source=UploadTimeSource.FIRST_SEEN,
        requires_python=requires_python,
        metadata_hashes={"sha256": hashlib.sha256(raw).hexdigest()},
    )
    return Laid(path, stamp, project, file)


def _digests(*surveys: dict[str, Laid]) -> dict[str, str]:
    """Return a digest of the first survey's files of each project that is in any of them."""
    names = {laid.project for survey in surveys for laid in survey.values()}
    held = {name: sorted(x.file.sha256 or "" for x in surveys[0].values() if x.project == name) for name in names}
    return {name: hashlib.sha256(" ".join(digests).encode()).hexdigest() for name, digests in held.items()}


def _announce(change: Change, source: str, digests: dict[str, str]) -> None:
    """Enter into the ledger which projects are not as it last said; whoever looks first does it."""
    for project, digest in digests.items():
        serial = projects.serial(change.connection, source, project)
        last = ledger.after(change.connection, serial - 1, 1, project, place=source) if serial else []
        if not last or last[0].event.data.get("digest") != digest:
            change.enter(Event("shelf.changed", source, project, data={"digest": digest}))
