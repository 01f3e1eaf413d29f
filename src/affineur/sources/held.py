"""Which projects a source holds, kept in memory and brought up to date by what changed since."""

from __future__ import annotations

import asyncio

from affineur.storage.catalog import projects
from affineur.storage.catalog.database import Catalog


class Held:
    """The projects of one source with the serial of their last change; the whole list is read once."""

    def __init__(self, place: str, catalog: Catalog) -> None:
        self._place, self._catalog = place, catalog
        self._known: dict[str, int] | None = None
        self._latest = 0
        self._reading = asyncio.Lock()

    async def projects(self) -> dict[str, int]:
        """Return the projects as they are now; the dictionary returned is never changed afterwards."""
        async with self._reading:
            if self._known is None:
                self._known = await self._catalog.read(projects.serials, self._place)
                self._latest = max(self._known.values(), default=0)
            elif changed := await self._catalog.read(projects.changed, self._place, self._latest):
                self._known = {**self._known, **changed}
                self._latest = max(changed.values())
            return self._known
