"""A source behind the gate: pages come with decisions, files only after one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from affineur.errors import FileUnknown
from affineur.model.files import File, Page
from affineur.model.names import ProjectName
from affineur.policy.gate import Gate, Screened
from affineur.sources.source import Body, Source


class Gated:
    """The door of an index. There is no way to a file but `find` on its page and `open`."""

    def __init__(self, source: Source, gate: Gate, origin: Callable[[], str]) -> None:
        self.source, self.gate, self._origin = source, gate, origin
        self.name: str = gate.index

    async def owns(self, project: ProjectName) -> bool:
        """Whether a source behind the gate owns the name."""
        return await self.source.owns(project)

    async def projects(self) -> dict[str, int]:
        """Return the projects held behind the gate."""
        return await self.source.projects()

    async def screened(self, project: ProjectName) -> Screened:
        """Return the page with the decision about each file."""
        page = await self.source.page(project)
        return self.gate.screen(page, mirrored=page.mirrored, now=datetime.now(UTC))

    async def page(self, project: ProjectName) -> Page:
        """Return the page as another index may layer it: without the files refused here."""
        screened = await self.screened(project)
        files = tuple(f for f in screened.page.files if not screened.decisions[f.filename].refused)
        return replace(screened.page, files=files)

    async def find(self, project: ProjectName, filename: str) -> tuple[Screened, File]:
        """Return a listed file with its screened page.

        Raises:
            FileUnknown: the page does not list it.
        """
        screened = await self.screened(project)
        file = screened.page.file(filename)
        if file is None:
            raise FileUnknown(filename, self.name)
        return screened, file

    def admit(self, screened: Screened, file: File) -> None:
        """Let the file through or raise `Refused`."""
        self.gate.admit(screened, file, self._origin())

    async def _admitted(self, page: Page, file: File) -> Page:
        screened = self.gate.screen(replace(page, files=(file,)), mirrored=page.mirrored, now=datetime.now(UTC))
        self.admit(screened, file)
        return await self._inner(page)

    async def _inner(self, page: Page) -> Page:
        if page.source == self.name:
            return await self.source.page(page.project)
        return page

    async def open(self, page: Page, file: File) -> Body:
        """Open a file after the gate let it through."""
        return await self.source.open(await self._admitted(page, file), file)

    async def metadata(self, page: Page, file: File) -> bytes:
        """Return core metadata after the gate let the file through."""
        return await self.source.metadata(await self._admitted(page, file), file)

    async def signature(self, page: Page, file: File) -> bytes:
        """Return the signature after the gate let the file through."""
        return await self.source.signature(await self._admitted(page, file), file)

    async def provenance(self, page: Page, file: File) -> bytes:
        """Return the provenance after the gate let the file through."""
        return await self.source.provenance(await self._admitted(page, file), file)
