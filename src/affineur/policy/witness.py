"""The witness who asks the catalog, and remembers what it said until something changes."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from affineur.errors import AffineurError
from affineur.model.files import File, Page
from affineur.model.quarantines import Quarantine
from affineur.model.waivers import Waiver
from affineur.policy.evidence import Evidence, Need
from affineur.policy.lookalikes.watch import Likeness, NameWatch
from affineur.standards import licences, startup_code
from affineur.storage.catalog import advisories, evidence, quarantines, usage, waivers
from affineur.storage.catalog.database import Catalog
from affineur.storage.known_advisories import KnownAdvisories

_MOST_REMEMBERED = 5_000
Look = Callable[[Page, File, Path], Awaitable[None]]
"""Looks into the bytes of a file at a path, and keeps what it found unless it is known."""
Question = Callable[[Page, File], Awaitable[None]]
"""Asks somebody about a file, and keeps the answer."""


def _said(connection: sa.Connection, project: str) -> tuple[list[Waiver], list[Quarantine]]:
    """Return what people said of a project that no rule has to ask for."""
    return waivers.touching(connection, project, datetime.now(UTC)), quarantines.touching(connection, project)


def _use(connection: sa.Connection, page: Page) -> dict[str, Any]:
    return {"used_versions": usage.versions(connection, page.project)}


def _told(connection: sa.Connection, page: Page) -> dict[str, Any]:
    return {"told_versions": advisories.asked(connection, page.source, page.project)}


def _scans(connection: sa.Connection, page: Page) -> dict[str, Any]:
    return {"scans": evidence.of_project(connection, evidence.SCAN, page.project, startup_code.REVISION)}


def _licences(connection: sa.Connection, page: Page) -> dict[str, Any]:
    return {"licences": evidence.of_project(connection, evidence.LICENCE, page.project, licences.REVISION)}


_ASKED: Mapping[Need, Callable[[sa.Connection, Page], dict[str, Any]]] = {
    Need.USE: _use,
    Need.TOLD: _told,
    Need.SCAN: _scans,
    Need.LICENCE: _licences,
}
"""What the catalog alone knows: all of it is asked for in one go, since going there takes longer than asking."""


def _answered(connection: sa.Connection, page: Page, needs: frozenset[Need]) -> tuple[dict[str, Any], dict[Need, str]]:
    """Return what the catalog and people say of a project, and what failed."""
    granted, held = _said(connection, page.project)
    fields: dict[str, Any] = {"waivers": tuple(granted), "quarantines": tuple(held)}
    failed: dict[Need, str] = {}
    for need, question in _ASKED.items():
        if need in needs:
            try:
                fields |= question(connection, page)
            except (AffineurError, ValueError) as error:
                failed[need] = _problem(error)
    return fields, failed


def _problem(error: Exception) -> str:
    return error.sentence if isinstance(error, AffineurError) else type(error).__name__


class CatalogWitness:
    """Evidence from the catalog, remembered by project and needs."""

    def __init__(
        self,
        catalog: Catalog,
        advisories: KnownAdvisories,
        names: NameWatch,
        looks: Mapping[Need, Look],
        questions: Mapping[Need, Question],
        preparations: Mapping[Need, Callable[[], None]],
    ) -> None:
        """`looks` and `questions` are the ways to find out about a file, by the need that each meets.

        `preparations` are what makes some looks quicker when it was done before.
        """
        self.catalog, self.advisories, self.names = catalog, advisories, names
        self._looks, self._questions, self._preparations = looks, questions, preparations
        self._remembered: OrderedDict[tuple[str, frozenset[Need]], Evidence] = OrderedDict()
        self._generation = 0
        self._gather: dict[Need, Callable[[Page], Awaitable[dict[str, Any]]]] = {
            Need.ADVISORIES: self._advisories,
            Need.NAME: self._name,
        }

    def forget(self, project: str) -> None:
        """Forget what is remembered of a project; "" is all."""
        self._generation += 1
        if not project:
            self._remembered.clear()
            return
        for key in [key for key in self._remembered if key[0] == project]:
            del self._remembered[key]

    async def of(self, page: Page, needs: frozenset[Need]) -> Evidence:
        """Return the evidence about a page's project; what fails is named in it."""
        key = (page.project, needs)
        found = self._remembered.get(key)
        if found is not None:
            self._remembered.move_to_end(key)
            return self._dated(found, needs)
        generation = self._generation
        gathered = await self._gathered(page, needs)
        if generation == self._generation and page.files and not gathered.failed:
            self._remembered[key] = gathered
            if len(self._remembered) > _MOST_REMEMBERED:
                self._remembered.popitem(last=False)
        return gathered

    def _dated(self, remembered: Evidence, needs: frozenset[Need]) -> Evidence:
        """Return remembered evidence with the present age of the advisories, of which no project's event tells."""
        if Need.ADVISORIES not in needs or remembered.advisories_at == self.advisories.as_of:
            return remembered
        return replace(remembered, advisories_at=self.advisories.as_of)

    async def likeness(self, page: Page) -> Likeness:
        """Return what the name of a page's project looks like."""
        return await self.names.likeness(page)

    async def ask(self, page: Page, file: File, needs: frozenset[Need]) -> None:
        """Have every needed question asked about a file; the answers are kept."""
        for need in needs & self._questions.keys():
            await self._questions[need](page, file)
            self.forget(page.project)

    def expect(self, needs: frozenset[Need]) -> None:
        """Have what is needed for looks at content made ready in the background."""
        for need in needs & self._preparations.keys():
            self._preparations[need]()

    async def inspect(self, page: Page, file: File, path: Path, needs: frozenset[Need]) -> None:
        """Have every needed look taken at a file's content; what a look finds is kept by its digest."""
        await asyncio.gather(*(self._looks[need](page, file, path) for need in needs & self._looks.keys()))
        self.forget(page.project)

    async def _gathered(self, page: Page, needs: frozenset[Need]) -> Evidence:
        fields: dict[str, Any] = {}
        failed: dict[Need, str] = {}
        for need, gather in self._gather.items():
            if need not in needs:
                continue
            try:
                fields |= await gather(page)
            except (AffineurError, ValueError, OSError) as error:
                failed[need] = _problem(error)
        answered, unanswered = await self.catalog.read(_answered, page, needs)
        return Evidence(failed=failed | unanswered, **fields, **answered)

    async def _advisories(self, page: Page) -> dict[str, Any]:
        known = await asyncio.to_thread(self.advisories.of, page.project)
        return {"advisories": known, "advisories_at": self.advisories.as_of}

    async def _name(self, page: Page) -> dict[str, Any]:
        return {"likeness": await self.names.likeness(page)}
