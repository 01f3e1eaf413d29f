"""The ways to look into a file that rules want to know more about; what is found is kept by its digest."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

import msgspec

from affineur.errors import AffineurError, InvalidArchive, InvalidDocument
from affineur.model.advisories import Advisory
from affineur.model.files import File, Page
from affineur.model.names import ProjectName
from affineur.model.scans import Scan
from affineur.policy.evidence import Need
from affineur.policy.witness import Look, Question
from affineur.sources import unattended
from affineur.sources.apart import Ended, Workshop
from affineur.sources.upstream import Upstream
from affineur.standards import licences, osv
from affineur.standards.archives import read_wheel_metadata
from affineur.standards.archives.chosen import Bounds, read_chosen
from affineur.standards.startup_code import REVISION, program
from affineur.storage.catalog import advisories, evidence
from affineur.storage.catalog.database import Catalog
from affineur.storage.known_advisories import KnownAdvisories

_PATIENCE = 3.0
"""Seconds to wait for what an upstream tells of a version: the file itself may be here already."""
_METADATA = Bounds(member=8 * 2**20, total=8 * 2**20)


class Inspector:
    """Scans code, reads licences, and asks upstreams what they know of a version."""

    def __init__(
        self, catalog: Catalog, known: KnownAdvisories, upstreams: Mapping[str, Upstream], seconds: float
    ) -> None:
        """Take the upstreams by the names of their mirrors, and the seconds that one scan may take."""
        self.catalog, self.known, self.upstreams, self._seconds = catalog, known, upstreams, seconds
        self._workshop = Workshop(program.__name__, Scan)
        self._scanning: dict[str, asyncio.Task[Scan]] = {}

    @property
    def looks(self) -> dict[Need, Look]:
        """The ways to look, by the need that each meets."""
        return {Need.SCAN: self.scan, Need.LICENCE: self.read_licence}

    @property
    def questions(self) -> dict[Need, Question]:
        """The questions that are asked elsewhere, by the need that each meets."""
        return {Need.TOLD: self.ask}

    @property
    def preparations(self) -> dict[Need, Callable[[], None]]:
        """What makes looks quicker when it was done before, by the need that they meet."""
        return {Need.SCAN: self._workshop.prepare}

    async def scan(self, page: Page, file: File, path: Path) -> None:
        """Scan the code that runs by itself, unless this file was scanned before."""
        sha256 = await _digest(file, path)
        if await self.catalog.read(evidence.one, evidence.SCAN, sha256, page.project, REVISION) is not None:
            return
        task = self._scanning.get(sha256)
        if task is None:
            task = asyncio.create_task(self._scanned(path, file.filename), name=f"scan {file.filename}")
            self._scanning[sha256] = task
            task.add_done_callback(lambda _: self._scanning.pop(sha256, None))
            task.add_done_callback(unattended.ended)
        scan = await asyncio.shield(task)
        await self.catalog.write(evidence.record, evidence.SCAN, sha256, REVISION, page.project, file.filename, scan)

    async def _scanned(self, path: Path, filename: str) -> Scan:
        try:
            scan: Scan = await self._workshop.do(program.Job(str(path), filename, self._seconds))
        except Ended as ended:
            why = (
                f"takes too long (setting scan_time, now {self._seconds:g} seconds)"
                if ended.late
                else "takes more memory than it may"
            )
            return Scan(REVISION, problem=f"scanning it {why}")
        return scan

    async def read_licence(self, page: Page, file: File, path: Path) -> None:
        """Keep what the metadata inside a file state of its licence; nothing where they cannot be read."""
        sha256 = await _digest(file, path)
        stated = licences.stated_in(await asyncio.to_thread(_metadata_inside, path, file.filename))
        await self.catalog.write(
            evidence.record, evidence.LICENCE, sha256, licences.REVISION, page.project, file.filename, stated
        )

    async def ask(self, page: Page, file: File) -> None:
        """Ask the upstream's JSON API what is known of the file's version."""
        upstream = self.upstreams.get(page.source) if file.version else None
        said = await said_by(upstream, page.project, file.version) if upstream is not None else []
        await note_said(self.catalog, page.source, page.project, file.version, said)
        await asyncio.to_thread(self.known.renew, [page.project])

    async def close(self) -> None:
        """End what is running."""
        for task in list(self._scanning.values()):
            task.cancel()
        await self._workshop.close()


async def said_by(upstream: Upstream, project: ProjectName, version: str) -> list[Advisory] | None:
    """Return what an upstream's JSON API says of a version; None where it does not answer.

    An upstream without such an API says nothing, which is no reason to hold.
    """
    try:
        async with asyncio.timeout(_PATIENCE):
            raw = await upstream.json_document(f"{project}/{quote(version)}")
        return osv.from_json_api(msgspec.json.decode(raw)) if raw else []
    except (InvalidDocument, msgspec.MsgspecError):
        return []
    except (AffineurError, TimeoutError):
        return None


async def note_said(
    catalog: Catalog, source: str, project: ProjectName, version: str, said: Sequence[Advisory] | None
) -> None:
    """Keep what an upstream said of a version; one that did not answer is asked again within minutes."""
    await catalog.write(advisories.note_told, source, project, version, said or (), soon=said is None)


async def _digest(file: File, path: Path) -> str:
    return file.sha256 if file.sha256 is not None else await asyncio.to_thread(_hashed, path)


def _hashed(path: Path) -> str:
    with path.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()


def _metadata_inside(path: Path, filename: str) -> bytes:
    """Return the core metadata inside a file; nothing where there are none."""
    if filename.endswith(".whl"):
        try:
            return read_wheel_metadata(path, filename)
        except InvalidArchive:
            return b""
    top = read_chosen(
        path, filename, lambda name: name.endswith("/PKG-INFO") and name.strip("./").count("/") == 1, _METADATA
    )
    return next(iter(top.bodies.values()), b"")
