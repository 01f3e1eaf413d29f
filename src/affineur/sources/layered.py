"""Several sources as one: the first that owns a name supplies it, alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from affineur.errors import ProjectUnknown
from affineur.model.files import File, Page
from affineur.model.names import ProjectName, SourceName
from affineur.sources.source import Body, Source


class Layered:
    """Sources in order of precedence. A name is never looked up beyond its owner."""

    def __init__(self, name: str, sources: Sequence[Source]) -> None:
        self.name, self.sources = name, tuple(sources)
        self._by_name = {source.name: source for source in sources}

    async def _owner(self, project: ProjectName) -> Source:
        for source in self.sources:
            if await source.owns(project):
                return source
        raise ProjectUnknown(project, self.name)

    async def owns(self, project: ProjectName) -> bool:
        """Whether any of the sources owns the name."""
        return any([await source.owns(project) for source in self.sources])

    async def projects(self) -> dict[str, int]:
        """Return the projects of all sources; an earlier source's entry wins."""
        merged: dict[str, int] = {}
        for source in reversed(self.sources):
            merged |= await source.projects()
        return merged

    async def page(self, project: ProjectName) -> Page:
        """Return the owner's listing, marked with the name of the source that gave it."""
        owner = await self._owner(project)
        page = await owner.page(project)
        return page if page.source in self._by_name else replace(page, source=SourceName(owner.name))

    async def held(self, project: ProjectName) -> Page:
        """Return what the owner of the name holds."""
        owner = await self._owner(project)
        page = await owner.held(project)
        return page if page.source in self._by_name else replace(page, source=SourceName(owner.name))

    def _of(self, page: Page) -> Source:
        return self._by_name[page.source]

    async def open(self, page: Page, file: File) -> Body:
        """Open a file at the source that listed it."""
        return await self._of(page).open(page, file)

    async def metadata(self, page: Page, file: File) -> bytes:
        """Return core metadata from the source that listed the file."""
        return await self._of(page).metadata(page, file)

    async def signature(self, page: Page, file: File) -> bytes:
        """Return the signature from the source that listed the file."""
        return await self._of(page).signature(page, file)

    async def provenance(self, page: Page, file: File) -> bytes:
        """Return the provenance from the source that listed the file."""
        return await self._of(page).provenance(page, file)
