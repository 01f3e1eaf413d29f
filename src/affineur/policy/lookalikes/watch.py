"""The name guard as a server asks it: with the list in force and with the names that are owned here now."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from affineur.model.files import Page
from affineur.policy.lookalikes.guard import Finding, Guard, Owned, guard
from affineur.storage.catalog import hosted
from affineur.storage.catalog.database import Catalog

_LOOK_EVERY = 1.0
"""Seconds after which names claimed by uploads are looked for again."""


@dataclass(frozen=True, slots=True)
class Likeness:
    """What a project's name looks like, and what speaks for the project."""

    finding: Finding
    """By the name alone."""
    since: datetime | None = None
    """When its first file was published, or first seen where nobody says."""
    releases: int = 0


class NameWatch:
    """Asks the guard about pages. Lists that change, and names that are claimed, count within a second."""

    def __init__(self, catalog: Catalog, data: Path, patterns: Iterable[str]) -> None:
        """`patterns` are those of the names that hosted sources own before they exist."""
        self._catalog, self._data, self._patterns = catalog, data, tuple(patterns)
        self._guard: Guard | None = None
        self._owned = Owned((), self._patterns)
        self._claims = (0, 0.0)
        self._look_again = 0.0
        self._looking = asyncio.Lock()

    async def likeness(self, page: Page) -> Likeness:
        """Return what the name of a page's project looks like.

        Raises:
            InvalidDocument: the refreshed list in the data folder cannot be read.
            StorageUnavailable: the database does not answer.
        """
        finding = (await self._latest()).check(page.project, owned=self._owned)
        moments = [file.upload_time or file.first_seen for file in page.files]
        since = min((moment for moment in moments if moment is not None), default=None)
        return Likeness(finding, since, len({file.version for file in page.files}))

    async def _latest(self) -> Guard:
        """Return the guard over the list in force; of many who ask at once, one makes its tables."""
        if self._guard is None or time.monotonic() >= self._look_again:
            async with self._looking:
                if self._guard is None or time.monotonic() >= self._look_again:
                    self._guard = await self._look()
        return self._guard

    async def _look(self) -> Guard:
        """Make the tables of the popular names where they are not made, and of those owned where they changed."""
        found = await asyncio.to_thread(_prepared, self._data)
        claims = await self._catalog.read(hosted.claims_state)
        if claims != self._claims:
            self._owned = Owned(await self._catalog.read(hosted.owned_names), self._patterns)
            self._claims = claims
        self._look_again = time.monotonic() + _LOOK_EVERY
        return found


def _prepared(data: Path) -> Guard:
    found = guard(data)
    found.prepare()
    return found
